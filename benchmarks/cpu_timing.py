"""Blocks of steps, one implementation after the other, round after round; and what is made of their times."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

BLOCK_S = 0.05  # the length of a block
REST_S = 0.15  # a pause, in which the threads of another library stop spinning: those of OpenBLAS go on for 0.1 s
SIZES, OFTEN, THREADS = (1024, 1536, 2048, 4096), 2048, (2, 1)  # up to OFTEN between the blocks, above it at the end


def block(runner: Any, batches: Iterator, steps: int, trains: bool) -> float:
    """Seconds per step, over some steps; one more before them is not counted."""
    some = [next(batches) for _ in range(steps + 1)]
    work = runner.step if trains else lambda x, t: runner.predict(x)
    time.sleep(REST_S)
    work(*some[0])
    runner.wait()
    began_s = time.perf_counter()
    for x, t in some[1:]:
        work(x, t)
    runner.wait()
    return (time.perf_counter() - began_s) / steps


def rounds(runners: dict[str, Any], data: list, trains: bool, seconds: float, gemm: Gemm) -> dict[str, dict]:
    """Interleave blocks of all runners for so many seconds -> {name: {"steps": a block's, "times_s": a list}}."""
    feeds = {name: itertools.cycle([r.place(*batch) for batch in data]) for name, r in runners.items()}
    found: dict[str, dict] = {}
    for name, runner in runners.items():  # how long a step takes, once everything is compiled and bound
        once = min(block(runner, feeds[name], 2, trains) for _ in range(3))
        found[name] = {"steps": max(1, min(10_000, round(BLOCK_S / once))), "times_s": []}
    began_s, names = time.perf_counter(), list(runners)
    while time.perf_counter() - began_s < seconds or len(found[names[0]]["times_s"]) < 3:
        for name in names:
            one = found[name]
            one["times_s"].append(block(runners[name], feeds[name], one["steps"], trains))
        gemm.one()
        names.append(names.pop(0))
    return found


def summary(times_s: list[float]) -> dict[str, float]:
    """Minimum, quartiles and median of the blocks' times per step."""
    first, middle, third = statistics.quantiles(times_s, n=4, method="inclusive") if len(times_s) > 1 else times_s * 3
    return {"min_s": min(times_s), "q1_s": first, "median_s": middle, "q3_s": third, "blocks": len(times_s)}


class Gemm:
    """The peak of this machine: float32 matrix products of NumPy, measured between the blocks of everything else."""

    def __init__(self, sizes: tuple = SIZES):
        self.best: dict[tuple[int, int], float] = {}
        self.turn = itertools.cycle([(size, threads) for size in sizes if size <= OFTEN for threads in THREADS])
        rng = np.random.default_rng(0)
        self.pairs = {size: rng.normal(size=(3, size, size)).astype("float32") for size in sizes}

    def one(self, size: int = 0, threads: int = 0) -> None:
        """One product of the next size and number of threads."""
        size, threads = (size, threads) if size else next(self.turn)
        a, b, out = self.pairs[size]
        with threadpool_limits(threads, user_api="blas"):
            time.sleep(REST_S)
            began_s = time.perf_counter()
            np.matmul(a, b, out=out)
            rate = 2e-9 * size**3 / (time.perf_counter() - began_s)
        self.best[size, threads] = max(rate, self.best.get((size, threads), 0.0))

    def rest(self) -> None:
        """The largest products, which take too long for every round."""
        for size in [size for size in self.pairs if size > OFTEN] * 3:
            for threads in THREADS:
                self.one(size, threads)

    def peak(self, threads: int = 2) -> float:
        """GFLOP/s, the best of all sizes with this many threads."""
        return max((rate for (_, n), rate in self.best.items() if n == threads), default=0.0)

    def record(self) -> dict[str, dict[str, float]]:
        by = {str(n): {str(size): r for (size, m), r in sorted(self.best.items()) if m == n} for n in THREADS}
        return {f"{n} threads" if n != "1" else "1 thread": rates for n, rates in by.items()}
