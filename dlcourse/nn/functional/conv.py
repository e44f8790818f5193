"""Convolution, one kernel position ("tap") at a time: what a position sees of all images is one matrix.

Images are (B,Y,X,C) whatever their order in memory. S is the stride, P the padding: rows and columns of zeros around
each image. Y' = (Y + 2P − kY) // S + 1 outputs fit into a column, X' likewise into a row.
"""

import math
from collections.abc import Iterator
from typing import Any

from ...backends import backend_of


def conv2d(x: Any, W: Any, b: Any, *, stride: int = 1, padding: int = 0, z: Any = None) -> Any:
    """z[n,i,j] = b + Σ_rs x[n, iS+r−P, jS+s−P] W[r,s]      x (B,Y,X,C)  W (kY,kX,C,O)  b (O,)  ->  z (B,Y',X',O)

    b may be False: no bias.
    """
    be, (kY, kX, C, O) = backend_of(x), W.shape
    shape = (len(x), *fits(x, W, stride, padding), O)
    z = be.empty(shape, x.dtype) if z is None else z
    seen, part = be.scratch((*shape[:3], C), x.dtype), be.scratch(shape, x.dtype)
    z[...] = 0 if b is False else b
    for r, s, tap in taps(pad(x, padding), kY, kX, stride):
        seen[...] = tap
        be.matmul(seen.reshape(-1, C), W[r, s], out=part.reshape(-1, O))
        z += part
    return z


def conv2d_backward(dz: Any, x: Any, W: Any, *, stride: int = 1, padding: int = 0,
                    dx: Any = None, dW: Any = None, db: Any = None) -> tuple[Any, Any, Any]:  # fmt: skip
    """dW[r,s] = Σ_nij x[n, iS+r−P, jS+s−P]ᵀ dz[n,i,j]   dx[n, iS+r−P, jS+s−P] += dz[n,i,j] W[r,s]ᵀ   db = Σ_nij dz
    dz (B,Y',X',O)  x (B,Y,X,C)  W (kY,kX,C,O)  ->  dx (B,Y,X,C)  dW (kY,kX,C,O)  db (O,)"""
    be, O = backend_of(dz), W.shape[3]
    rows = be.scratch(dz.shape, dz.dtype)
    rows[...] = dz
    rows = rows.reshape(-1, O)
    if dW is not False:
        dW = kernel_gradient(rows, x, W, stride, padding, be.empty(W.shape, W.dtype) if dW is None else dW)
    if db is not False:
        db = rows.sum(axis=0, out=db)
    if dx is not False:
        dx = image_gradient(rows, x, W, stride, padding, be.empty(x.shape, x.dtype) if dx is None else dx)
    return dx, dW, db


def kernel_gradient(rows: Any, x: Any, W: Any, stride: int, padding: int, dW: Any) -> Any:
    """dW[r,s] = seenᵀ rows: each tap of x, and all rows (B Y' X', O) of dz"""
    be, (kY, kX, C, _) = backend_of(x), W.shape
    seen = be.scratch((len(x), *fits(x, W, stride, padding), C), x.dtype)
    for r, s, tap in taps(pad(x, padding), kY, kX, stride):
        seen[...] = tap
        be.matmul(seen.reshape(-1, C).T, rows, out=dW[r, s])
    return dW


def image_gradient(rows: Any, x: Any, W: Any, stride: int, padding: int, dx: Any) -> Any:
    """dx = Σ_rs rows W[r,s]ᵀ, each put back where its tap came from"""
    be, (kY, kX, C, _), P = backend_of(x), W.shape, padding
    part = be.scratch((len(x), *fits(x, W, stride, P), C), x.dtype)
    padded = padded_like(x, P) if P else dx
    padded[...] = 0
    for r, s, tap in taps(padded, kY, kX, stride):
        be.matmul(rows, W[r, s].T, out=part.reshape(-1, C))
        tap += part
    if P:
        dx[...] = padded[:, P:-P, P:-P]
    return dx


def fits(x: Any, W: Any, stride: int, padding: int) -> tuple[int, int]:
    """Y', X': how many kernels fit below and beside each other"""
    if x.shape[3:] != W.shape[2:3]:
        raise ValueError(f"conv2d needs x (B,Y,X,C) and W (kY,kX,C,O) with the same C, got x {x.shape} and W {W.shape}")
    Y, X = ((n + 2 * padding - k) // stride + 1 for n, k in zip(x.shape[1:3], W.shape[:2]))
    if Y < 1 or X < 1:
        raise ValueError(f"the kernel W {W.shape} does not fit into images x {x.shape} with padding {padding}")
    return Y, X


def taps(x: Any, kY: int, kX: int, stride: int) -> Iterator[tuple[int, int, Any]]:
    """Every kernel position r, s with the view (B,Y',X',C) of what it sees in x, all windows at once."""
    Y, X = (stride * ((n - k) // stride) + 1 for n, k in zip(x.shape[1:3], (kY, kX)))
    for r in range(kY):
        for s in range(kX):
            yield r, s, x[:, r : r + Y : stride, s : s + X : stride]


def pad(x: Any, P: int) -> Any:
    """x (B,Y,X,C) with P rows and columns of zeros around every image, in scratch; x itself where P = 0"""
    if not P:
        return x
    padded = padded_like(x, P)
    padded[...] = 0
    padded[:, P:-P, P:-P] = x
    return padded


def padded_like(x: Any, P: int) -> Any:
    """Scratch for the images of x with P more rows and columns on every side."""
    B, Y, X, C = x.shape
    return image_scratch(x, (B, Y + 2 * P, X + 2 * P, C))


def image_scratch(x: Any, shape: tuple) -> Any:
    """Scratch for images, in the order in memory that the backend of x gives to images."""
    be = backend_of(x)
    return be.layout(be.scratch((math.prod(shape),), x.dtype), shape)
