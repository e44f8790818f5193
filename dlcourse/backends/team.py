"""A few Python threads (NumPy and BLAS release the GIL while they compute) and the number of threads of BLAS itself."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from .cores import cores

MOST = 8  # threads of a step that choose_step takes by itself; each has a ∇ of its own


class Team:
    """run(f): f(0) ... f(size−1) at the same time, the caller takes part; all have ended when run returns or raises.

    Inside f, allreduce(vector) is the sum over all of them: what batch norm asks of the other parts of its batch.
    """

    def __init__(self, size: int):
        self.size, self.pid, self.pool = size, os.getpid(), ThreadPoolExecutor(max(1, size - 1), "dlcourse")
        self.meet, self.rank, self.slots = threading.Barrier(size), threading.local(), [None] * size

    def run(self, f: Callable[[int], Any]) -> list:
        pool = self.threads()
        self.meet.reset()
        same = [copy_context().run for _ in range(1, self.size)]  # np.errstate and its like hold in every thread
        jobs = [pool.submit(run, self.guarded, f, i) for i, run in enumerate(same, 1)]
        try:
            results = [self.guarded(f, 0)]
            wait(jobs)
        except BaseException:  # the interrupt key, while waiting: still nobody is left running
            self.meet.abort()
            ended(jobs)
            raise
        results += [job.result() for job in jobs]
        errors = [r for r in results if isinstance(r, BaseException)]
        if errors:
            raise next((e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0])
        return results

    def threads(self) -> ThreadPoolExecutor:
        """The other threads; a process that was forked has none of its parent's, and gets its own."""
        if self.pid != os.getpid():
            self.__init__(self.size)
        return self.pool

    def guarded(self, f: Callable[[int], Any], i: int) -> Any:
        self.rank.i = i
        try:
            return f(i)
        except BaseException as error:  # the others must not wait for one who will not come
            self.meet.abort()
            return error

    def allreduce(self, vector: Any) -> Any:
        self.slots[self.rank.i] = vector
        self.meet.wait()
        total = sum(self.slots[1:], self.slots[0])  # in the order of ranks: the same bits for everybody
        self.meet.wait()
        return total


def ended(jobs: list) -> None:
    """Wait until all of them have ended, however often the interrupt key is pressed."""
    while not all(job.done() for job in jobs):
        with suppress(KeyboardInterrupt):
            wait(jobs)


class Blas:
    """with blas: at most `most` BLAS threads. The last one to leave restores what the first one found, on any way out.

    The number belongs to the whole process, so several steps at once, each in a thread of its own, share one count.
    """

    lock, inside, before = threading.Lock(), 0, {}

    def __init__(self, most: int = 1):
        from threadpoolctl import ThreadpoolController

        self.most = most
        self.libraries = [c for c in ThreadpoolController().lib_controllers if c.user_api == "blas"]

    def __enter__(self) -> None:
        with Blas.lock:
            Blas.inside += 1
            for library in self.libraries:
                n = library.num_threads
                Blas.before.setdefault(library.filepath, (library, n))
                if n > self.most:
                    assign(library, self.most)

    def __exit__(self, *_: Any) -> None:
        with Blas.lock:
            Blas.inside -= 1
            if not Blas.inside:
                for library, n in Blas.before.values():
                    assign(library, n)
                Blas.before.clear()


def assign(library: Any, n: int) -> None:
    """From whatever Python thread: threadpoolctl from 3.7 on obeys only the one that asked first. `Blas` has a lock."""
    getattr(library, "_real_set_num_threads", library.set_num_threads)(n)


def threads_here() -> int:
    """Threads for one step: as many as BLAS may use now, at most the cores of this process, at most 8.

    So OPENBLAS_NUM_THREADS=1 (or OMP_, MKL_) or threadpoolctl limit the steps too: one knob for both.
    """
    with Blas.lock:  # while a step holds BLAS down, what counts is what it will have again
        found = [Blas.before.get(one.filepath, (one, one.num_threads))[1] for one in Blas().libraries]
    return max(1, min([cores(), MOST, *found]))
