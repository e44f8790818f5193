"""Blocks of steps in turns on a device, told by its own clock where it has one; and a limit on the time in all.

What a runner cannot wait for is not timed: UnsynchronisedError of dlcourse.hardware.timing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cpu_timing import summary

from dlcourse.backends import Backend
from dlcourse.hardware.timing import UnsynchronisedError

BLOCKS, FEWEST, BLOCK_S, MOST = 7, 3, 0.05, 2000
LIMIT_S = 480.0  # eight minutes


class Budget:
    """So many seconds for all cases. Each gets a share of what is left: what one saves, the later ones have."""

    def __init__(self, seconds: float, shares: dict[str, float], clock: Callable[[], float] = time.monotonic):
        self.clock, self.shares, self.began = clock, dict(shares), clock()
        self.end = self.began + seconds

    def left(self) -> float:
        return self.end - self.clock()

    def deadline(self, name: str) -> float:
        """When this case must be done; it leaves the list."""
        waiting = sum(self.shares.values())
        return self.clock() + self.left() * self.shares.pop(name) / waiting

    def told(self) -> str:
        """For whoever waits."""
        return f"{self.clock() - self.began:.0f} s so far, done in {max(self.left(), 0):.0f} s at most"


class Clock:
    """Seconds between start() and stop(): by CUDA events where `runner` works on the default stream, else the host's.

    stop() waits for the runner first, so that the host's clock has seen all of its work.
    """

    def __init__(self, backend: Backend | None, runner: Any):
        cuda = getattr(getattr(backend, "xp", None), "cuda", None)
        self.event = cuda.Event if runner.on_default_stream and hasattr(cuda, "get_elapsed_time") else None
        self.runner, self.name = runner, "CUDA events" if self.event else "the host's clock between two waits"
        self.cuda = cuda

    def start(self) -> None:
        self.runner.wait()
        if self.event:
            self.first, self.last = self.event(), self.event()
            self.first.record()
        self.began_s = time.perf_counter()

    def stop(self) -> float:
        if self.event:
            self.last.record()
        self.runner.wait()
        host_s = time.perf_counter() - self.began_s
        if not self.event:
            return host_s
        self.last.synchronize()
        return 1e-3 * self.cuda.get_elapsed_time(self.first, self.last)


def settled(runner: Any, backend: Backend | None) -> None:
    """Refuse a runner whose wait() returns while the device is still at work."""
    if backend is not None:
        backend.synchronize()  # of whatever was before
    runner.turn()
    runner.wait()
    if backend is not None and backend.busy():
        raise UnsynchronisedError("its wait() returns while the device is at work: the clock would show how long it "
                                  "takes to ask")  # fmt: skip


def block(runner: Any, steps: int, clock: Clock) -> float:
    """Seconds a step, over some steps; one more before them is not counted."""
    runner.turn()
    clock.start()
    for _ in range(steps):
        runner.turn()
    return clock.stop() / steps


def rounds(runners: dict[str, Any], backend: Backend | None, now: Callable[[], float], end: float) -> dict[str, dict]:
    """Seven blocks of each in turns, fewer (but three) when the time is up -> {name: summary, with steps and clock}."""
    clocks = {name: Clock(backend, runner) for name, runner in runners.items()}
    steps, times = {}, {name: [] for name in runners}
    for name, runner in runners.items():
        once = min(block(runner, 3, clocks[name]) for _ in range(2))
        steps[name] = max(1, min(MOST, round(BLOCK_S / once)))
    names = list(runners)
    while len(times[names[0]]) < BLOCKS and (now() < end or len(times[names[0]]) < FEWEST):
        for name in names:
            times[name].append(block(runners[name], steps[name], clocks[name]))
        names.append(names.pop(0))
    return {n: summary(t) | {"steps_a_block": steps[n], "clock": clocks[n].name} for n, t in times.items()}
