"""Arrays that have a shape and no numbers: a plan bound to them and run on them says what memory it needs.

All of them are views of one block that nobody writes to, so that it takes no memory: an operation that has a place for
its result does nothing and returns that place. What is left are a few small results, computed from zeros.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable
from typing import Any

import numpy as np

from .numpy_scratch import LINE, Arena

PLACE = {np.dot: 2, np.copyto: 0, np.put: 0}  # which argument is written to, where it is not called out=


class Ghost(np.ndarray):
    """An array whose numbers do not matter."""

    def __setitem__(self, *_: Any) -> None:
        """Writes nothing."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        if any(place is not None for place in out):
            return out[0] if len(out) == 1 else out
        if ufunc is np.vecdot:
            return np.zeros(np.broadcast_shapes(*(a.shape for a in inputs))[:-1], self.dtype)
        return getattr(ufunc, method)(*(_zero(a) if isinstance(a, Ghost) else a for a in inputs), **options)

    def __array_function__(self, function: Callable, types: Any, args: Any, kwargs: Any) -> Any:
        out = kwargs.get("out", args[PLACE[function]] if len(args) > PLACE.get(function, 9) else None)
        if out is None and function in (np.dot, np.vdot):  # large sums: reading all those zeros would take long
            a, b = args[:2]
            shape = () if function is np.vdot else a.shape[:-1] + b.shape[:-2] + b.shape[-1:] * (b.ndim > 1)
            return np.zeros(shape, a.dtype)
        return function(*_plain(args), **kwargs) if out is None else out


class Ghosts(Arena):
    """Where ghosts come from, `empty`; and an arena that gives them out and remembers how much it was asked for.

    run: may a plan compute with them? If so, with these targets.
    """

    run = True

    def __init__(self):
        super().__init__()
        self.block = np.zeros(0, "uint8")

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Ghost:
        """A ghost of this shape, its rows one after the other."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > self.block.size:
            try:
                self.block = np.frombuffer(_unused(size), "uint8")
            except OSError:  # more than even a system that lends freely lends: one zero, seen many times
                return np.broadcast_to(np.zeros((), dtype), shape).view(Ghost)
        return self.block[:size].view(dtype).reshape(shape).view(Ghost)

    def targets(self, loss: Any) -> Any:
        """Targets for this bound loss: like the outputs."""
        return loss.y

    def restart(self) -> None:
        """Give everything out again, from the same block."""
        self.at = 0

    def take(self, shape: tuple[int, ...], dtype: Any = "float32") -> Ghost:
        """A ghost, counted as the piece that a real arena would give."""
        piece = self.empty(shape, dtype)
        self.at += piece.nbytes + -piece.nbytes % LINE
        self.high = max(self.high, self.at)
        return piece


def _unused(size: int) -> mmap.mmap:
    """Zeros that take memory only where somebody writes; on Linux even more of them than the machine has."""
    if hasattr(mmap, "MAP_NORESERVE"):
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_NORESERVE)
    return mmap.mmap(-1, size)


def _zero(a: Ghost) -> np.ndarray:
    """One zero, seen in this shape."""
    return np.broadcast_to(np.zeros((), a.dtype), a.shape)


def _plain(a: Any) -> Any:
    """The ghost, or the ghosts of a list, as arrays of zeros that NumPy computes with."""
    if isinstance(a, (list, tuple)):
        return type(a)(map(_plain, a))
    return a.view(np.ndarray) if isinstance(a, Ghost) else a
