"""A few Python threads (NumPy and BLAS release the GIL while they compute) and the number of threads of BLAS itself."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any


class Team:
    """run(f): f(0) ... f(size−1) at the same time, the caller takes part; all have ended when run returns or raises.

    Inside f, allreduce(vector) is the sum over all of them: what batch norm asks of the other parts of its batch.
    """

    def __init__(self, size: int):
        self.size, self.pool = size, ThreadPoolExecutor(max(1, size - 1), "dlcourse")
        self.meet, self.rank, self.slots = threading.Barrier(size), threading.local(), [None] * size

    def run(self, f: Callable[[int], Any]) -> list:
        self.meet.reset()
        same = [copy_context().run for _ in range(1, self.size)]  # np.errstate and its like hold in every thread
        jobs = [self.pool.submit(run, self.guarded, f, i) for i, run in enumerate(same, 1)]
        results = [self.guarded(f, 0)]
        wait(jobs)
        results += [job.result() for job in jobs]
        errors = [r for r in results if isinstance(r, BaseException)]
        if errors:
            raise next((e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0])
        return results

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


class Blas:
    """with blas: one BLAS thread per caller; before and after, as many as there were."""

    def __init__(self):
        from threadpoolctl import ThreadpoolController

        self.libraries = [c for c in ThreadpoolController().lib_controllers if c.user_api == "blas"]

    def __enter__(self) -> None:
        self.before = [library.num_threads for library in self.libraries]
        for library in self.libraries:
            library.set_num_threads(1)

    def __exit__(self, *_: Any) -> None:
        for library, n in zip(self.libraries, self.before):
            library.set_num_threads(n)
