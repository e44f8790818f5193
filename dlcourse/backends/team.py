"""A few Python threads (NumPy and BLAS release the GIL while they compute) and the number of threads of BLAS itself."""

import os
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any
from weakref import WeakSet

from .cores import cores

MOST = 8  # threads of a step that choose_step takes by itself; each has a ∇ of its own


class Left(RuntimeError):
    """Somebody else of the team failed, and will not come."""


class Team:
    """run(f): f(0) ... f(size−1) at the same time, the caller takes part; all have ended when run returns or raises.

    Inside f, allreduce(vector) is the sum over all of them: what batch norm asks of the other parts of its batch.
    They speak by queues written in C, which the interrupt key cannot leave half-done, as it can locks of Python.
    """

    def __init__(self, size: int):
        self.size, self.pid, self.rank = size, 0, threading.local()

    def run(self, f: Callable[[int], Any]) -> list:
        try:
            if self.pid != os.getpid():  # none yet; or the process was forked, and has none of its parent's
                self.hire()
            self.up, self.down = self.queues(), self.queues()
            for i, jobs in enumerate(self.jobs, 1):  # np.errstate and its like hold in every thread
                jobs.put(partial(copy_context().run, self.guarded, f, i))
            results = [self.guarded(f, 0), *(done.get() for done in self.done)]
        except BaseException:  # the interrupt key
            self.pid = 0  # first of all, and without a call: nobody uses these queues again
            self.dismiss()
            raise
        errors = [r for r in results if isinstance(r, BaseException)]
        if errors:
            raise next((e for e in errors if not isinstance(e, Left)), errors[0])
        return results

    def guarded(self, f: Callable[[int], Any], i: int) -> Any:
        self.rank.i = i
        try:
            return f(i)
        except BaseException as error:
            self.leave()
            return error

    def allreduce(self, vector: Any) -> Any:
        if i := self.rank.i:
            self.up[i - 1].put(vector)
            return told(self.down[i - 1].get())
        parts = [vector, *(told(up.get()) for up in self.up)]
        total = sum(parts[1:], parts[0])  # in the order of ranks: the same bits for everybody
        for down in self.down:
            down.put(total.copy())
        return total

    def leave(self) -> None:
        """The others must not wait for one who will not come."""
        for queue in (*self.up, *self.down):
            queue.put(Left)

    def queues(self) -> list[SimpleQueue]:
        return [SimpleQueue() for _ in range(1, self.size)]

    def hire(self) -> None:
        """Threads, each with its work, and what came of it."""
        self.jobs, self.done, self.up, self.down = self.queues(), self.queues(), [], []
        self.here, self.gone = [], []
        for jobs, done in zip(self.jobs, self.done):
            threading.Thread(target=work, args=(jobs, done, self.here, self.gone), daemon=True).start()
        self.pid = os.getpid()

    def dismiss(self) -> None:
        """Nobody is left running, however often the interrupt key is pressed."""
        left = False
        while not left:
            try:
                self.leave()
                self.close()
                while len(self.gone) < len(self.here):  # Thread.join does not wait again once it was interrupted
                    time.sleep(0.001)
                left = True
            except KeyboardInterrupt:
                continue

    def close(self) -> None:
        """No more work: the threads end after what they are doing."""
        for jobs in getattr(self, "jobs", ()):
            jobs.put(None)

    __del__ = close


def work(jobs: SimpleQueue, done: SimpleQueue, here: list[bool], gone: list[bool]) -> None:
    """What a thread does: one job after the other, until there is none."""
    here.append(True)
    while job := jobs.get():
        done.put(job())
        del job  # while it waits, it holds nothing
    gone.append(True)


def told(vector: Any) -> Any:
    """The vector that came, or Left."""
    if vector is Left:
        raise Left("another part of the batch failed")
    return vector


class Blas:
    """blas(f, ...) is f(...) with at most `most` BLAS threads. The last one out restores what the first one found.

    The number belongs to the whole process, so several steps at once, each in a thread of its own, share one count.
    The interrupt key may be pressed anywhere: what was set is restored, and only then does the interrupt go its way.
    """

    lock, inside, before = threading.Lock(), set(), {}

    def __init__(self, most: int = 1):
        from threadpoolctl import ThreadpoolController

        self.most = most
        self.libraries = [c for c in ThreadpoolController().lib_controllers if c.user_api == "blas"]

    def __call__(self, f: Callable, *args: Any) -> Any:
        me, pressed = object(), None
        try:
            self.lower(me)
            return f(*args)
        finally:  # no call stands here outside of a try: Python looks for interrupts at calls
            while me in Blas.inside:
                try:  # twice, since Python looks for interrupts at the jump back of a loop, too
                    while me in Blas.inside:
                        try:
                            restore(me)
                        except KeyboardInterrupt as key:
                            pressed = key
                except KeyboardInterrupt as key:
                    pressed = key
            if pressed:
                raise pressed

    def lower(self, me: object) -> None:
        with Blas.lock:
            Blas.inside.add(me)  # first: from here on there is something to restore
            for library in self.libraries:
                n = library.num_threads
                Blas.before.setdefault(library.filepath, (library, n))
                if n > self.most:
                    assign(library, self.most)

    def lowers(self) -> bool:
        """Is there anything to set, or do the libraries have no more threads anyway?"""
        return any(n > self.most for n in counts(self))


def restore(me: object) -> None:
    """`me` leaves; the last one sets what was there before. Broken off, it may be called again."""
    with Blas.lock:
        if Blas.inside <= {me}:
            for library, n in Blas.before.values():
                assign(library, n)
            Blas.before.clear()
        Blas.inside.discard(me)


def counts(blas: Blas) -> list[int]:
    """Threads of each library; while a step holds them down, what it will have again."""
    with Blas.lock:
        return [Blas.before.get(one.filepath, (one, one.num_threads))[1] for one in blas.libraries]


def assign(library: Any, n: int) -> None:
    """From whatever Python thread: threadpoolctl from 3.7 on obeys only the one that asked first. `Blas` has a lock."""
    getattr(library, "_real_set_num_threads", library.set_num_threads)(n)


def threads_here() -> int:
    """Threads for one step: as many as BLAS may use now, at most the cores of this process, at most 8.

    So OPENBLAS_NUM_THREADS=1 (or OMP_, MKL_) or threadpoolctl limit the steps too: one knob for both.
    """
    return max(1, min([cores(), MOST, *counts(Blas())]))


# ---- a process that was forked: whoever held something in the parent does not exist in it

LOCKS: WeakSet = WeakSet()


def lock() -> Any:
    """A lock that is open in a forked process, whoever held it in the parent."""
    made = threading.Lock()
    LOCKS.add(made)
    return made


def forked() -> None:
    """Open the locks, and give BLAS back its threads."""
    for held in [*LOCKS, Blas.lock]:
        if held.locked():
            held.release()
    Blas.inside.clear()
    restore(Blas)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forked)
