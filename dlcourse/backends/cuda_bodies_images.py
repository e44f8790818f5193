"""Bodies for images: a convolution is its windows as rows of a matrix, then one product; pooling is one kernel.

The matrix of windows has kY kX times as many numbers as the images: it lives in scratch, and backward makes it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import cuda_images as source
from .base import backend_of
from .cuda_bodies import dense, dense_backward, dense_relu, relu_backward
from .cuda_kernel import Unfit, blocks


def conv2d(x: Any, W: Any, b: Any, *, stride: int = 1, padding: int = 0, z: Any = None) -> Any:
    """z[n,i,j] = b + Σ_rs x[n, iS+r−P, jS+s−P] W[r,s]      x (B,Y,X,C)  W (kY,kX,C,O)  b (O,)  ->  z (B,Y',X',O)"""
    return product(dense, "z", x, W, b, (stride, padding), z)


def conv2d_relu(x: Any, W: Any, b: Any, *, stride: int = 1, padding: int = 0, a: Any = None) -> Any:
    """a = max(conv2d(x, W, b), 0)      x (B,Y,X,C)  W (kY,kX,C,O)  b (O,)  ->  a (B,Y',X',O)"""
    return product(dense_relu, "a", x, W, b, (stride, padding), a)


def product(body: Callable, name: str, x: Any, W: Any, b: Any, how: tuple[int, int], out: Any) -> Any:
    """The body of a dense layer on the windows as rows."""
    be, O = backend_of(x), W.shape[3]
    places = windows(x, W, *how)
    out = be.empty((len(x), *places, O), x.dtype) if out is None else out
    body(im2col(x, W, places, *how), matrix(W), b, **{name: matrix(out)})
    return out


def conv2d_backward(dz: Any, x: Any, W: Any, *, stride: int = 1, padding: int = 0,
                    dx: Any = None, dW: Any = None, db: Any = None) -> tuple[Any, Any, Any]:  # fmt: skip
    """dz (B,Y',X',O)  x (B,Y,X,C)  W (kY,kX,C,O)  ->  dx (B,Y,X,C)  dW (kY,kX,C,O)  db (O,)      as in the equation"""
    be, places = backend_of(dz), windows(x, W, stride, padding)
    if dW is False:
        raise Unfit("db comes with dW")
    rows, as_rows = im2col(x, W, places, stride, padding), matrix(dz)
    dW = be.empty(W.shape) if dW is None else dW
    drows = False if dx is False else be.scratch(rows.shape, rows.dtype)
    *_, db = dense_backward(as_rows, rows, matrix(W), dx=drows, dW=matrix(dW), db=db)
    if dx is not False:
        dx = be.empty(x.shape, x.dtype) if dx is None else dx
        sizes = (*x.shape[1:], *W.shape[:2], *places, stride, padding)
        be.launch(source.COL2IM, blocks(dx.size), drows, dx, dx.size, *sizes)
    return dx, dW, db


def conv2d_relu_backward(da: Any, a: Any, x: Any, W: Any, **options: Any) -> tuple[Any, Any, Any]:
    """dz = da [a > 0], then dx, dW, db of conv2d      da (B,Y',X',O)  a (B,Y',X',O)"""
    return conv2d_backward(relu_backward(da, a, dz=backend_of(a).scratch_like(a)), x, W, **options)


def im2col(x: Any, W: Any, places: tuple[int, int], stride: int, padding: int) -> Any:
    """x (B,Y,X,C)  ->  rows (B Y' X', kY kX C), in scratch; for a kernel of one pixel, x itself"""
    be, (kY, kX, C, _) = backend_of(x), W.shape
    if (kY, kX, stride, padding) == (1, 1, 1, 0):
        return matrix(x)
    rows = be.scratch((len(x) * places[0] * places[1], kY * kX * C), x.dtype)
    sizes = (*x.shape[1:], kY, kX, *places, stride, padding)
    be.launch(source.IM2COL, blocks(rows.size), x, rows, rows.size, *sizes)
    return rows


def windows(x: Any, W: Any, stride: int, padding: int) -> tuple[int, int]:
    """Y', X'. What does not fit is told by the equation."""
    if x.ndim != 4 or W.shape[2] != x.shape[3]:
        raise Unfit("x (B,Y,X,C) and W (kY,kX,C,O) with the same C")
    Y, X = ((n + 2 * padding - k) // stride + 1 for n, k in zip(x.shape[1:3], W.shape[:2]))
    if min(Y, X) < 1:
        raise Unfit("the kernel is larger than the images")
    return Y, X


def matrix(a: Any) -> Any:
    """All but the last axis as one, as a view."""
    if not a.flags.c_contiguous:
        raise Unfit("an array with gaps")
    return a.reshape(-1, a.shape[-1])


# ---- pooling


def maxpool2d(x: Any, *, size: int = 2, stride: int = 2, y: Any = None) -> Any:
    """y[n,i,j,c] = max_rs x[n, iS+r, jS+s, c]      x (B,Y,X,C)  ->  y (B,Y',X',C)"""
    return pool(source.MAXPOOL2D, x, size, stride, y)


def avgpool2d(x: Any, *, size: int = 2, stride: int = 2, y: Any = None) -> Any:
    """y[n,i,j,c] = mean_rs x[n, iS+r, jS+s, c]      x (B,Y,X,C)  ->  y (B,Y',X',C)"""
    return pool(source.AVGPOOL2D, x, size, stride, y)


def maxpool2d_backward(dy: Any, x: Any, *, size: int = 2, stride: int = 2, dx: Any = None) -> Any:
    """dx[n, iS+r, jS+s, c] += dy[n,i,j,c] where x there is the window's first largest number, row by row"""
    return unpool(source.MAXPOOL2D_BACKWARD, dy, x, size, stride, dx)


def avgpool2d_backward(dy: Any, x: Any, *, size: int = 2, stride: int = 2, dx: Any = None) -> Any:
    """dx[n, iS+r, jS+s, c] += dy[n,i,j,c] / size²      dy (B,Y',X',C)  x (B,Y,X,C)  ->  dx (B,Y,X,C)"""
    return unpool(source.AVGPOOL2D_BACKWARD, dy, x, size, stride, dx)


def pool(kernel: Any, x: Any, size: int, stride: int, y: Any) -> Any:
    """x (B,Y,X,C)  ->  y (B,Y',X',C)"""
    if x.ndim != 4 or min(x.shape[1:3]) < size:
        raise Unfit("images at least as big as a window")
    be, (B, Y, X, C) = backend_of(x), x.shape
    shape = B, (Y - size) // stride + 1, (X - size) // stride + 1, C
    y = be.empty(shape, x.dtype) if y is None else y
    be.launch(kernel, blocks(y.size), x, y, y.size, Y, X, C, *shape[1:3], size, stride)
    return y


def unpool(kernel: Any, dy: Any, x: Any, size: int, stride: int, dx: Any) -> Any:
    """dy (B,Y',X',C)  x (B,Y,X,C)  ->  dx (B,Y,X,C)"""
    be, (_, Y, X, C) = backend_of(x), x.shape
    dx = be.empty(x.shape, x.dtype) if dx is None else dx
    be.launch(kernel, blocks(dx.size), dy, x, dx, dx.size, Y, X, C, *dy.shape[1:3], size, stride)
    return dx


BODIES = (
    conv2d,
    conv2d_backward,
    conv2d_relu,
    conv2d_relu_backward,
    maxpool2d,
    maxpool2d_backward,
    avgpool2d,
    avgpool2d_backward,
)
