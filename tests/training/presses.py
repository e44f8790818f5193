"""The interrupt key at every moment of one run of a team under BLAS, in a process of its own: python presses.py [sums]

Python looks for the key where a function begins and where a call of C ends: here it is pressed at each of these once.
"""

import gc
import sys

import numpy as np
from threadpoolctl import threadpool_limits

from dlcourse.backends.team import Blas, Team


def counts():
    """Threads of each BLAS."""
    return [library.num_threads for library in Blas().libraries]


def pressed_once(f, moment):
    """f() with the key pressed at this moment; False where it ended before."""
    left, fired = moment, False

    def press(frame, event, arg):
        nonlocal left, fired
        forgets = frame.f_code.co_name == "_remove"  # a callback at a thread's end, where nothing is raised
        if event in ("call", "c_return") and not forgets:
            left -= 1
            if left < 0 and not fired:
                fired = True
                raise KeyboardInterrupt

    gc.disable()  # its callbacks are no place for an interrupt either
    sys.setprofile(press)
    try:
        f()
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(None)
        gc.enable()
    return fired


def main(sums):
    """How many moments there were. Raises AssertionError at the first after which something is not as it was."""
    team, blas, moment = Team(2), Blas(), 0
    part = (lambda i: team.allreduce(np.ones(1))) if sums else (lambda i: i)
    with threadpool_limits(2, "blas"):
        before = counts()
        while pressed_once(lambda: blas(team.run, part), moment):
            moment += 1
            assert (counts(), Blas.inside, Blas.before) == (before, set(), {}), moment
            assert [float(np.sum(v)) for v in blas(team.run, part)] == ([2, 2] if sums else [0, 1]), moment
    return moment


if __name__ == "__main__":
    print(main("sums" in sys.argv))
