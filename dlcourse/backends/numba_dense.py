"""Compiled bodies of the dense layer, alone and with ReLU: small products whole, of large ones what follows BLAS.

What a kernel does not take (arrays that do not lie row after row, and what is not wanted) goes NumPy's way.
"""

from typing import Any

import numpy as np

from . import numpy_dense
from .numba_kernel import ONE, ZERO, f32, kernel, place, ran
from .numpy_dense import relu, relu_backward
from .numpy_scratch import scratch

SMALL = 1 << 14  # multiplications: so few that a call of BLAS costs more than the product
NOTHING, LOW, FLOOR = np.empty((0, 0), "float32"), float("-inf"), 0.0  # floats: Numba takes them quickest


def dense(x: Any, W: Any, b: Any, *, z: Any = None) -> Any:
    """z = x W + b      x (B,I)  W (I,O)  b (O,)  ->  z (B,O)"""
    if small(x, W, b) and ran(_product, x, W, b, LOW, out := np.empty((len(x), W.shape[1]), f32) if z is None else z):
        return out
    return numpy_dense.dense(x, W, b, z=z)


def dense_backward(dz: Any, x: Any, W: Any, *, dx: Any = None, dW: Any = None, db: Any = None) -> tuple[Any, Any, Any]:
    """dx = dz Wᵀ   dW = xᵀ dz   db = Σ_B dz      dz (B,O)  x (B,I)  W (I,O)  ->  dx (B,I)  dW (I,O)  db (O,)"""
    if small(x, W, db) and (done := _whole(dz, dz, LOW, x, W, dx, dW, db)):
        return done
    return numpy_dense.dense_backward(dz, x, W, dx=dx, dW=dW, db=db)


def dense_relu(x: Any, W: Any, b: Any, *, a: Any = None) -> Any:
    """a = max(x W + b, 0)      x (B,I)  W (I,O)  b (O,)  ->  a (B,O)"""
    if small(x, W, b) and ran(_product, x, W, b, FLOOR, out := np.empty((len(x), W.shape[1]), f32) if a is None else a):
        return out
    a = numpy_dense.dense(x, W, False, z=a)
    return a if np.shape(b) == a.shape[1:] and ran(_add_relu, a, b) else relu(a if b is False else np.add(a, b, a), a=a)


def dense_relu_backward(da: Any, a: Any, x: Any, W: Any, *, dx: Any = None, dW: Any = None, db: Any = None) -> tuple:
    """dz = da [a > 0], then dense_backward of dz      da (B,O)  a (B,O)  x (B,I)  W (I,O)  ->  dx, dW, db"""
    if small(x, W, db) and (done := _whole(da, a, FLOOR, x, W, dx, dW, db)):
        return done
    dz = scratch(a.shape)
    if db is False or da.shape != a.shape or not ran(_mask_and_sum, da, a, dz, sums := place(db, a.shape[1:])):
        return numpy_dense.dense_backward(relu_backward(da, a, dz=dz), x, W, dx=dx, dW=dW, db=db)
    dx, dW, _ = numpy_dense.dense_backward(dz, x, W, dx=dx, dW=dW, db=False)
    return dx, dW, sums


def small(x: Any, W: Any, b: Any) -> bool:
    """Is the product so small, with a bias? Shapes that do not fit are not: NumPy's body names them."""
    return b is not False and 0 < x.size * W.shape[-1] <= SMALL and x.shape[-1] == len(W)


def _whole(da: Any, a: Any, floor: float, x: Any, W: Any, dx: Any, dW: Any, db: Any) -> Any:
    """dx, dW, db; None where one has no place of its own, or the kernel does not take what is given"""
    if dx is None or dW is None or db is None or dx is da or dx is a:
        return None
    return ran(_products_back, da, a, floor, x, W, NOTHING if dx is False else dx, dW, db) and (dx, dW, db)


@kernel("f2 f2 f1 r f2 | F2 f2 f1 r f2")
def _product(x, W, b, floor, z):
    low, O = f32(floor), W.shape[1]
    if z.shape != (x.shape[0], O) or len(b) != O:
        return False
    for i in range(x.shape[0] if O == 1 else 0):
        s = b[0]
        for k in range(W.shape[0]):
            s += x[i, k] * W[k, 0]
        z[i, 0] = s
    for k in range(0 if O == 1 else W.shape[0]):  # outermost, so that no sum waits for its own last term
        for i in range(x.shape[0]):
            s, w, row, before = x[i, k], W[k], z[i], z[i] if k else b
            for j in range(O):
                row[j] = before[j] + s * w[j]
    for i in range(x.shape[0]):
        for j in range(O):
            z[i, j] = low if z[i, j] < low else z[i, j]  # a NaN stays


@kernel("f2 f1")
def _add_relu(z, b):
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] = ZERO if z[i, j] + b[j] < ZERO else z[i, j] + b[j]


@kernel("f2 f2 r f2 f2 f2 f2 f1 | f2 f2 r F2 f2 f2 f2 f1")
def _products_back(da, a, floor, x, W, dx, dW, db):
    low, off, O = f32(floor), ONE if floor < 0 else ZERO, W.shape[1]
    fit = da.shape == a.shape == (x.shape[0], O) and dW.shape == W.shape and len(db) == O
    if not fit or dx.size and dx.shape != x.shape:
        return False
    dW[:] = ZERO
    db[:] = ZERO
    for i in range(x.shape[0]):
        given, seen = da[i], a[i]
        for j in range(O):
            db[j] += given[j] * (ONE if seen[j] > low else off)
        if O == 1:
            d = given[0] * (ONE if seen[0] > low else off)
            for k in range(W.shape[0]):
                dW[k, 0] += x[i, k] * d
            for k in range(dx.shape[1]):
                dx[i, k] = W[k, 0] * d
        for k in range(0 if O == 1 else W.shape[0]):
            s, to, w, total = x[i, k], dW[k], W[k], ZERO
            for j in range(O):
                d = given[j] * (ONE if seen[j] > low else off)
                to[j] += s * d
                total += w[j] * d
            if dx.size:
                dx[i, k] = total


@kernel("f2 f2 f2 f1")
def _mask_and_sum(da, a, dz, db):
    db[:] = ZERO
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            dz[i, j] = da[i, j] * (ONE if a[i, j] > ZERO else ZERO)
            db[j] += dz[i, j]


BODIES = (dense, dense_backward, dense_relu, dense_relu_backward)
