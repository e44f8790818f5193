"""The fake device's memory and streams: what its arrays take, a limit, and copies that are as late as CUDA allows.

It catches four faults that a GPU shows only now and then: a pinned buffer that is overwritten before its copy has
ended, an array that is copied into while the device may still read it, memory that is given back before a copy from or
to it has ended, and, by wrong numbers, a batch that is used before it has arrived. CuPy rounds each array up to 512
bytes; here it counts as it is.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .fake_array import DEVICE, FakeArray, xp

TOTAL = 1 << 34  # bytes: what this device pretends to have


class OutOfMemoryError(MemoryError):
    """cupy.cuda.memory.OutOfMemoryError"""


class Pool:
    """cupy.get_default_memory_pool(): the bytes that live, the most that lived at once, and a limit."""

    def __init__(self):
        self.live: dict[int, tuple] = {}
        self.used = self.peak = self.limit = 0

    def hold(self, a: np.ndarray) -> None:
        """Count the block of memory to which an array belongs, for as long as it lives."""
        while isinstance(a.base, np.ndarray):
            a = a.base
        key = id(a)
        if key in self.live:
            return
        if self.used + a.nbytes > (self.limit or TOTAL):
            said = f"Out of memory allocating {a.nbytes:,} bytes (allocated so far: {self.used:,} bytes)."
            raise OutOfMemoryError(said)
        self.live[key] = weakref.ref(a, lambda _: self.drop(key)), a.nbytes
        self.used += a.nbytes
        self.peak = max(self.peak, self.used)

    def drop(self, key: int) -> None:
        self.used -= self.live.pop(key)[1]

    def used_bytes(self) -> int:
        return self.used

    def free_bytes(self) -> int:
        """What was given back and is kept for later: here, nothing."""
        return 0

    def free_all_blocks(self) -> None:
        """Give back what was kept for later."""

    def get_limit(self) -> int:
        return self.limit

    def set_limit(self, size: int = 0) -> None:
        self.limit = size


POOL, BORN = Pool(), FakeArray.__init__


def _counted(self: FakeArray, a: np.ndarray) -> None:
    BORN(self, a)
    POOL.hold(a)


FakeArray.__init__ = _counted


# ---- streams: a copy happens when somebody is entitled to see it, and no sooner


class Stream:
    """cupy.cuda.Stream: copies on it wait until an event behind them is waited for, or all of it."""

    def __init__(self, non_blocking: bool = False):
        self.non_blocking, self.waiting, self.seen = non_blocking, [], -1

    def wait_event(self, event: Event) -> None:
        self.seen = max(self.seen, event.launches)
        event.arrive()

    def synchronize(self) -> None:
        for copy in list(self.waiting):
            copy()

    def is_capturing(self) -> bool:
        """A graph is being recorded, on whatever stream."""
        return DEVICE.graph is not None

    @property
    def done(self) -> bool:
        """Nothing was launched that nobody has waited for since."""
        last = next((note for note in reversed(DEVICE.log) if not note.startswith("copies")), "")
        return not last.startswith("launches")


class Event:
    """cupy.cuda.Event: a place in a stream. Before it is recorded, nobody waits for it."""

    def __init__(self, block: bool = False, disable_timing: bool = False):
        self.launches, self.before = -1, []

    def record(self, stream: Stream | None = None) -> None:
        self.launches, self.before = DEVICE.counts["launches"], list((stream or MAIN).waiting)

    def synchronize(self) -> None:
        self.arrive()

    def arrive(self) -> None:
        for copy in self.before:
            copy()
        self.before = []


def _set(self: FakeArray, a: np.ndarray, stream: Stream | None = None) -> None:
    """cupy.ndarray.set: on a stream of its own, a copy that comes later."""
    if type(a) is not np.ndarray or (a.dtype, a.shape) != (self.dtype, self.shape):
        raise TypeError(f"set expects a numpy.ndarray, {self.dtype} {self.shape}, got {type(a)}")
    DEVICE.copy(".set()")
    if stream is None:
        self._a[...] = a
    else:
        later(self._a, a, stream)


def later(to: np.ndarray, a: np.ndarray, stream: Stream) -> None:
    """Queue the copy. `a` must then stay as it is, and whoever may still read `to` must have been waited for."""
    key = to.ctypes.data
    if key in LANDED and LANDED[key] < DEVICE.counts["launches"] and stream.seen < DEVICE.counts["launches"]:
        raise RuntimeError("an array is copied into while the device may still read it: wait for an event behind that")
    if LOST:
        LOST.clear()
        raise RuntimeError("memory was given back before a copy from or to it had ended: wait for its event")
    before = a.tobytes()

    def copy() -> None:
        if copy in stream.waiting:
            stream.waiting.remove(copy)
            if here().tobytes() != before:
                raise RuntimeError("a pinned buffer was overwritten before its copy had ended: wait for its event")
            there()[...] = here()
            LANDED[key] = DEVICE.counts["launches"]

    here, there = (place(x, lambda _: copy in stream.waiting and LOST.append(copy)) for x in (a, to))
    stream.waiting.append(copy)


def place(a: np.ndarray, gone: Callable) -> Callable[[], np.ndarray]:
    """What gives this view again, and does not keep its memory; `gone` is called when that is given back."""
    root = a
    while isinstance(root.base, np.ndarray):
        root = root.base
    memory, at = weakref.ref(root, gone), a.ctypes.data - root.ctypes.data
    shape, dtype, strides = a.shape, a.dtype, a.strides
    return lambda: np.ndarray(shape, dtype, memory(), at, strides)


LOST: list[Callable] = []  # copies whose memory was given back too early
LANDED: dict[int, int] = {}  # address of an array -> launches when a copy last landed there
FakeArray.set = _set
MAIN = Stream()


def pinned(size: int) -> bytearray:
    """cupy.cuda.alloc_pinned_memory: host memory that the device can read by itself."""
    return bytearray(size)


def memory_info() -> tuple[int, int]:
    """cupy.cuda.runtime.memGetInfo: (free, total) bytes"""
    return TOTAL - POOL.used, TOTAL


xp.get_default_memory_pool = lambda: POOL
ROOM: dict[str, Callable[..., Any]] = dict(
    Event=Event, alloc_pinned_memory=pinned, get_current_stream=lambda: MAIN, OutOfMemoryError=OutOfMemoryError
)
