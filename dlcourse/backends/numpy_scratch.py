"""Memory of the NumPy backend: how images lie in it, and what an operation may use until it returns."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

LINE = 64  # bytes of a cache line: every piece of scratch starts on one
START = 256  # bytes: on such a line every allocation starts, as on a GPU, so that the segments of θ stay aligned
FLOAT = np.dtype("float32")
VIEWS = 4096  # views that an arena remembers


class Arena:
    """Scratch for a row of calls, given out from front to back; `restart` takes all of it back.

    One per running plan and thread. It only grows: a request that does not fit gets an array of its own, and at the
    next restart the arena is as big as that round of requests was. From then on nothing is allocated. Views are kept
    by (offset, shape, dtype), because the same call asks for the same pieces every time.
    """

    def __init__(self):
        self.at = self.high = 0  # bytes given out; the most that any round has asked for
        self.memory, self.views = np.empty(0, "uint8"), {}

    def take(self, shape: tuple[int, ...], dtype: Any = "float32") -> np.ndarray:
        """An array whose contents are unknown, for the caller's use until the next restart."""
        key = self.at, shape, dtype
        found = self.views.get(key)
        if found is None:
            found = self._carve(key)
        self.at = found[1]
        return found[0]

    def restart(self) -> None:
        """Everything that was taken may be given out again."""
        self.at = 0
        if self.high > self.memory.size:
            self.memory, self.views = aligned(self.high, "uint8"), {}

    def _carve(self, key: tuple) -> tuple[np.ndarray, int]:
        start, shape, dtype = key
        size = math.prod(shape) * np.dtype(dtype).itemsize
        end = start + size + -size % LINE
        self.high = max(self.high, end)
        if end > self.memory.size:
            return aligned(math.prod(shape), dtype).reshape(shape), end
        if len(self.views) >= VIEWS:
            self.views.clear()
        self.views[key] = found = self.memory[start : start + size].view(dtype).reshape(shape), end
        return found

    @property
    def nbytes(self) -> int:
        """Bytes that the arena holds."""
        return self.memory.size


def aligned(count: int, dtype: Any, make: Callable = np.empty) -> np.ndarray:
    """A new flat array that starts on a line of 256 bytes: a sum of two vectors takes a third less time so."""
    size = count * np.dtype(dtype).itemsize
    raw = make(size + START, "uint8")
    start = -raw.ctypes.data % START
    return raw[start : start + size].view(dtype)


class Running(threading.local):
    """Each thread's arena in use. None: every request is a new array."""

    arena: Arena | None = None


running = Running()


def scratch(shape: tuple[int, ...], dtype: Any = "float32") -> np.ndarray:
    """Memory for the length of one call: from the running arena, or a new array."""
    arena = running.arena
    return np.empty(shape, dtype) if arena is None else arena.take(shape, dtype)


def mark() -> int | None:
    """How far the running arena has been given out; `release` gives back what was taken since."""
    arena = running.arena
    return None if arena is None else arena.at


def release(place: int | None) -> None:
    """Give back what was taken since `mark`: the next piece lies in the same, still cached, memory."""
    if place is not None:
        running.arena.at = place


def scratch_like(a: np.ndarray, dtype: Any = None) -> np.ndarray:
    """Scratch with the shape of `a` and its order in memory, where that is one of the two that the backend uses."""
    dtype, shape = dtype or a.dtype, a.shape
    if a.ndim == 4 and batch_last(a):
        return scratch((shape[1], shape[3], shape[2], shape[0]), dtype).transpose(3, 0, 2, 1)
    if a.ndim == 2 and batch_last(a):
        return scratch(shape[::-1], dtype).T
    return scratch(shape, dtype)


def batch_last(a: np.ndarray) -> bool:
    """Do neighbours in the batch lie next to each other?"""
    strides = a.strides
    return strides[0] < strides[-1] or (strides[0] == a.itemsize and a.shape[0] > 1)


# ---- images: shape (B,Y,X,C), memory (Y,C,X,B)


def layout(flat: np.ndarray, shape: tuple[int, ...], last: bool = False) -> np.ndarray:
    """Images (B,Y,X,C) lie in memory as (Y,C,X,B), which is what convolution wants, and rows made of them as (F,B)."""
    if len(shape) == 4:
        return flat.reshape(shape[1], shape[3], shape[2], shape[0]).transpose(3, 0, 2, 1)
    return flat.reshape(shape[::-1]).T if last and len(shape) == 2 else flat.reshape(shape)


def empty_images(shape: tuple[int, ...]) -> np.ndarray:
    """A new float32 array for images, in the backend's own order."""
    return layout(aligned(math.prod(shape), "float32"), shape)


def memory(x: np.ndarray) -> np.ndarray:
    """Images x (B,Y,X,C) as they should lie in memory, (Y,C,X,B); copied to scratch if they lie otherwise."""
    m = x.transpose(1, 3, 2, 0)
    if m.flags.c_contiguous and m.dtype == FLOAT:
        return m
    copy = scratch(m.shape)
    copy[...] = m
    return copy


def target(x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Where to write images x (B,Y,X,C) as (Y,C,X,B): their own memory, or scratch; then also where to copy it."""
    m = x.transpose(1, 3, 2, 0)
    if m.flags.c_contiguous and m.dtype == FLOAT:
        return m, None
    return scratch(m.shape), m


def channel_rows(m: np.ndarray) -> np.ndarray:
    """(Y,C,X,B) as (Y, C, X B): a row of numbers for each image row and channel."""
    Y, C, X, B = m.shape
    return m.reshape(Y, C, X * B)
