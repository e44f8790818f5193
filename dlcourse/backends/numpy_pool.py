"""NumPy bodies of pooling, in the order in which images lie in memory, (Y,C,X,B): along Y, then along X.

Blocks of rows are pooled while they are in cache. S is the stride; Y' = (Y − size) // S + 1 windows fit into a column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .numpy_scratch import batch_last, empty_images, mark, memory, release, scratch, target

CACHE = 1 << 18  # numbers in a block of rows that have been pooled along Y (1 MB)


def maxpool2d(x: Any, *, size: int = 2, stride: int = 2, y: Any = None) -> Any:
    """y[n,i,j,c] = max_rs x[n, iS+r, jS+s, c]      x (B,Y,X,C)  ->  y (B,Y',X',C)"""
    return _pool(np.maximum, x, size, stride, 1, y)


def maxpool2d_backward(dy: Any, x: Any, *, size: int = 2, stride: int = 2, dx: Any = None) -> Any:
    """dx[n, iS+r, jS+s, c] += dy[n,i,j,c] where x there is the window's first largest number, row by row
    dy (B,Y',X',C)  x (B,Y,X,C)  ->  dx (B,Y,X,C)"""
    m, dm, (out, dx, back) = memory(x), memory(dy), _gradient(x, size, stride, dx)
    apart, here = stride >= size, mark()
    for rows in _blocks(x.shape, size, stride):
        dseen = dm[rows]
        largest, won, free = scratch(dseen.shape), scratch(dseen.shape, "bool"), scratch(dseen.shape, "bool")
        _reduce(np.maximum, m, rows, size, stride, largest)
        *places, last = zip(_taps(out, rows, size, stride), _taps(m, rows, size, stride))
        free[...] = True
        for to, seen in places:
            np.equal(seen, largest, won)
            np.logical_and(won, free, won)
            np.greater(free, won, free)
            _put(dseen, won, to, apart)
        _put(dseen, free, last[0], apart)  # nobody before it has won
        release(here)
    return copied(out, dx, back)


def avgpool2d(x: Any, *, size: int = 2, stride: int = 2, y: Any = None) -> Any:
    """y[n,i,j,c] = mean_rs x[n, iS+r, jS+s, c]      x (B,Y,X,C)  ->  y (B,Y',X',C)"""
    return _pool(np.add, x, size, stride, 1 / size**2, y)


def avgpool2d_backward(dy: Any, x: Any, *, size: int = 2, stride: int = 2, dx: Any = None) -> Any:
    """dx[n, iS+r, jS+s, c] += dy[n,i,j,c] / size²      dy (B,Y',X',C)  x (B,Y,X,C)  ->  dx (B,Y,X,C)"""
    dm, (out, dx, back) = memory(dy), _gradient(x, size, stride, dx)
    share, apart = np.array(1 / size**2, "float32"), stride >= size
    for rows in _blocks(x.shape, size, stride):
        for to in _taps(out, rows, size, stride):
            _put(dm[rows], share, to, apart)
    return copied(out, dx, back)


def global_avgpool2d(x: Any, *, y: Any = None) -> Any:
    """y[n,c] = mean_ij x[n,i,j,c]      x (B,Y,X,C)  ->  y (B,C)"""
    B, Y, X, C = x.shape
    y = np.empty((B, C), "float32") if y is None else y
    total = scratch((C, B)) if batch_last(x) else y.T  # neighbours in x go to neighbours
    np.add.reduce(x.transpose(1, 3, 2, 0), (0, 2), None, total)
    return np.multiply(total.T, 1 / (Y * X), y)


# ---- parts


def _pool(function: np.ufunc, x: Any, size: int, S: int, factor: float, y: Any) -> Any:
    """Each window reduced by the function, times the factor."""
    if x.ndim != 4 or min(x.shape[1:3]) < size:
        raise ValueError(f"windows of {size} x {size} need x (B,Y,X,C) with images at least as big, got x {x.shape}")
    B, Y, X, C = x.shape
    y = empty_images((B, (Y - size) // S + 1, (X - size) // S + 1, C)) if y is None else y
    m, (out, back) = memory(x), target(y)
    here = mark()
    for rows in _blocks(x.shape, size, S):
        _reduce(function, m, rows, size, S, out[rows])
        release(here)
        if factor != 1:
            np.multiply(out[rows], factor, out[rows])
    return copied(out, y, back)


def _blocks(shape: tuple, size: int, S: int) -> Iterator[slice]:
    """Slices of output rows."""
    B, Y, X, C = shape
    count, step = (Y - size) // S + 1, max(1, CACHE // max(1, C * X * B))
    return (slice(i, min(i + step, count)) for i in range(0, count, step))


def _reduce(function: np.ufunc, m: np.ndarray, rows: slice, size: int, S: int, out: np.ndarray) -> None:
    """These rows of windows: the function over the rows of each window, then over its columns."""
    down = [m[rows.start * S + r : (rows.stop - 1) * S + r + 1 : S] for r in range(size)]
    pooled = _chain(function, down, scratch(down[0].shape) if size > 1 else None)
    width = S * (out.shape[2] - 1) + 1
    _chain(function, [pooled[:, :, s : s + width : S] for s in range(size)], out)


def _chain(function: np.ufunc, parts: list, out: Any) -> Any:
    """function(function(parts[0], parts[1]), parts[2]) ..."""
    if len(parts) == 1:
        if out is None:
            return parts[0]
        out[...] = parts[0]
        return out
    result = function(parts[0], parts[1], out=out)
    for part in parts[2:]:
        function(result, part, out=result)
    return result


def _taps(m: np.ndarray, rows: slice, size: int, S: int) -> Iterator[np.ndarray]:
    """What each position of the window sees, for these rows of windows and all columns; row by row."""
    width = (m.shape[2] - size) // S * S + 1
    for r in range(size):
        line = m[rows.start * S + r : (rows.stop - 1) * S + r + 1 : S]
        for s in range(size):
            yield line[:, :, s : s + width : S]


def _put(dseen: np.ndarray, factor: np.ndarray, to: np.ndarray, apart: bool) -> None:
    """to = dseen · factor; where windows overlap, to += dseen · factor."""
    if apart:
        np.multiply(dseen, factor, to)
    else:
        here = mark()
        np.add(to, np.multiply(dseen, factor, scratch(dseen.shape)), to)
        release(here)


def _gradient(x: Any, size: int, S: int, dx: Any) -> tuple[np.ndarray, Any, Any]:
    """Where dx is written, zero wherever no window, or more than one, writes."""
    dx = empty_images(x.shape) if dx is None else dx
    out, back = target(dx)
    if S != size:
        out[...] = 0
    else:
        out[out.shape[0] // S * S :] = 0
        out[:, :, out.shape[2] // S * S :] = 0
    return out, dx, back


def copied(out: np.ndarray, images: Any, back: Any) -> Any:
    """The images; `back` is where `out` has to be copied, if it is not their own memory."""
    if back is not None:
        back[...] = out
    return images


BODIES = (maxpool2d, maxpool2d_backward, avgpool2d, avgpool2d_backward, global_avgpool2d)
