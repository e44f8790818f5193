"""Pooling: a patch of an image becomes one number. The windows are those of a convolution without weights.

Y' = (Y − size) // stride + 1 windows fit into a column, X' likewise into a row; rows and columns left over are dropped.
"""

from typing import Any

from ...backends import backend_of
from .conv import image_scratch, taps


def maxpool2d(x: Any, *, size: int = 2, stride: int = 2, y: Any = None) -> Any:
    """y[n,i,j,c] = max_rs x[n, iS+r, jS+s, c]      x (B,Y,X,C)  ->  y (B,Y',X',C)"""
    be = backend_of(x)
    y = be.empty(windows(x, size, stride), x.dtype) if y is None else y
    y[...] = -be.xp.inf
    for _, _, tap in taps(x, size, size, stride):
        be.xp.maximum(y, tap, out=y)
    return y


def maxpool2d_backward(dy: Any, x: Any, *, size: int = 2, stride: int = 2, dx: Any = None) -> Any:
    """dx[n, iS+r, jS+s, c] += dy[n,i,j,c] where x there is the window's first largest number, row by row
    dy (B,Y',X',C)  x (B,Y,X,C)  ->  dx (B,Y,X,C)"""
    be = backend_of(x)
    y = maxpool2d(x, size=size, stride=stride, y=image_scratch(x, dy.shape))
    won, free, part = be.scratch_like(y, bool), be.scratch_like(y, bool), be.scratch_like(y)
    dx = be.empty(x.shape, x.dtype) if dx is None else dx
    dx[...], free[...] = 0, True
    for (_, _, seen), (_, _, dseen) in zip(taps(x, size, size, stride), taps(dx, size, size, stride)):
        be.xp.equal(seen, y, out=won)
        won &= free
        free ^= won
        dseen += be.xp.multiply(dy, won, out=part)
    return dx


def avgpool2d(x: Any, *, size: int = 2, stride: int = 2, y: Any = None) -> Any:
    """y[n,i,j,c] = mean_rs x[n, iS+r, jS+s, c]      x (B,Y,X,C)  ->  y (B,Y',X',C)"""
    y = backend_of(x).empty(windows(x, size, stride), x.dtype) if y is None else y
    y[...] = 0
    for _, _, tap in taps(x, size, size, stride):
        y += tap
    y *= 1 / size**2
    return y


def avgpool2d_backward(dy: Any, x: Any, *, size: int = 2, stride: int = 2, dx: Any = None) -> Any:
    """dx[n, iS+r, jS+s, c] += dy[n,i,j,c] / size²      dy (B,Y',X',C)  x (B,Y,X,C)  ->  dx (B,Y,X,C)"""
    be = backend_of(x)
    share = be.xp.multiply(dy, 1 / size**2, out=image_scratch(x, dy.shape))
    dx = be.empty(x.shape, x.dtype) if dx is None else dx
    dx[...] = 0
    for _, _, dtap in taps(dx, size, size, stride):
        dtap += share
    return dx


def global_avgpool2d(x: Any, *, y: Any = None) -> Any:
    """y[n,c] = mean_ij x[n,i,j,c]      x (B,Y,X,C)  ->  y (B,C)"""
    return x.mean(axis=(1, 2), out=y)


def global_avgpool2d_backward(dy: Any, x: Any, *, dx: Any = None) -> Any:
    """dx[n,i,j,c] = dy[n,c] / (Y X)      dy (B,C)  x (B,Y,X,C)  ->  dx (B,Y,X,C)"""
    be = backend_of(x)
    dx = be.empty(x.shape, x.dtype) if dx is None else dx
    dx[...] = dy[:, None, None]
    dx *= 1 / (x.shape[1] * x.shape[2])
    return dx


def windows(x: Any, size: int, stride: int) -> tuple[int, int, int, int]:
    """(B, Y', X', C): the shape of what comes out"""
    if x.ndim != 4 or min(x.shape[1:3]) < size:
        raise ValueError(f"windows of {size} x {size} need x (B,Y,X,C) with images at least as big, got x {x.shape}")
    B, Y, X, C = x.shape
    return B, (Y - size) // stride + 1, (X - size) // stride + 1, C
