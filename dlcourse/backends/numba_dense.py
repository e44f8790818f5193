"""Compiled bodies of the dense layer, alone and with ReLU: small products whole, of large ones what follows BLAS.

What a kernel does not take (arrays that do not lie row after row, and what is not wanted) goes NumPy's way.
"""

from typing import Any

import numpy as np

from . import numpy_dense
from .numba_kernel import LOWEST, ONE, ZERO, f32, kernel, place, ran
from .numpy_dense import relu, relu_backward
from .numpy_scratch import scratch

SMALL = 1 << 14  # multiplications: so few that a call of BLAS costs more than the product
NOTHING = np.empty((0, 0), "float32")


def dense(x: Any, W: Any, b: Any, *, z: Any = None) -> Any:
    """z = x W + b      x (B,I)  W (I,O)  b (O,)  ->  z (B,O)"""
    if small(x, W) and ran(_product, x, W, b, LOWEST, out := place(z, (len(x), W.shape[1]))):
        return out
    return numpy_dense.dense(x, W, b, z=z)


def dense_backward(dz: Any, x: Any, W: Any, *, dx: Any = None, dW: Any = None, db: Any = None) -> tuple[Any, Any, Any]:
    """dx = dz Wᵀ   dW = xᵀ dz   db = Σ_B dz      dz (B,O)  x (B,I)  W (I,O)  ->  dx (B,I)  dW (I,O)  db (O,)"""
    if small(x, W) and (done := _whole(dz, dz, LOWEST, x, W, dx, dW, db)):
        return done
    return numpy_dense.dense_backward(dz, x, W, dx=dx, dW=dW, db=db)


def dense_relu(x: Any, W: Any, b: Any, *, a: Any = None) -> Any:
    """a = max(x W + b, 0)      x (B,I)  W (I,O)  b (O,)  ->  a (B,O)"""
    if small(x, W) and ran(_product, x, W, b, ZERO, out := place(a, (len(x), W.shape[1]))):
        return out
    a = numpy_dense.dense(x, W, False, z=a)
    return a if ran(_bias_relu, a, b) else relu(a if b is False else np.add(a, b, a), a=a)


def dense_relu_backward(
    da: Any, a: Any, x: Any, W: Any, *, dx: Any = None, dW: Any = None, db: Any = None
) -> tuple[Any, Any, Any]:
    """dz = da [a > 0], then dense_backward of dz      da (B,O)  a (B,O)  x (B,I)  W (I,O)  ->  dx, dW, db"""
    if small(x, W) and (done := _whole(da, a, ZERO, x, W, dx, dW, db)):
        return done
    dz = scratch(a.shape)
    if not ran(_mask_and_sum, da, a, dz, sums := place(db, a.shape[1:])):
        return numpy_dense.dense_backward(relu_backward(da, a, dz=dz), x, W, dx=dx, dW=dW, db=db)
    dx, dW, _ = numpy_dense.dense_backward(dz, x, W, dx=dx, dW=dW, db=False)
    return dx, dW, sums


def small(x: Any, W: Any) -> bool:
    """Is the product so small? Shapes that do not fit are not: NumPy's body names them."""
    return x.size * W.shape[-1] <= SMALL and x.shape[1:] == W.shape[:1]


def _whole(da: Any, a: Any, floor: Any, x: Any, W: Any, dx: Any, dW: Any, db: Any) -> Any:
    """dx, dW, db; None where the kernel does not take what is given"""
    dx, dW, db, dz = place(dx, x.shape), place(dW, W.shape), place(db, W.shape[1:]), scratch(W.shape[1:])
    return ran(_products_back, da, a, floor, x, W, NOTHING if dx is False else dx, dW, db, dz) and (dx, dW, db)


@kernel("f2 f2 f1 r f2")
def _product(x, W, b, floor, z):
    low = f32(floor)
    for i in range(x.shape[0]):
        row = z[i]
        for j in range(W.shape[1]):
            row[j] = b[j]
        for k in range(W.shape[0]):
            s, w = x[i, k], W[k]
            for j in range(W.shape[1]):
                row[j] += s * w[j]
        for j in range(W.shape[1]):
            row[j] = low if row[j] < low else row[j]  # a NaN stays


@kernel("f2 f1")
def _bias_relu(z, b):
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] = ZERO if z[i, j] + b[j] < ZERO else z[i, j] + b[j]


@kernel("f2 f2 r f2 f2 f2 f2 f1 f1")
def _products_back(da, a, floor, x, W, dx, dW, db, dz):
    low, off = f32(floor), ONE if floor < 0 else ZERO
    dW[:] = ZERO
    db[:] = ZERO
    for i in range(x.shape[0]):
        for j in range(W.shape[1]):
            dz[j] = da[i, j] * (ONE if a[i, j] > low else off)
            db[j] += dz[j]
        for k in range(W.shape[0]):
            s, w = x[i, k], dW[k]
            for j in range(W.shape[1]):
                w[j] += s * dz[j]
        if dx.size:
            for k in range(W.shape[0]):
                w, total = W[k], ZERO
                for j in range(W.shape[1]):
                    total += w[j] * dz[j]
                dx[i, k] = total


@kernel("f2 f2 f2 f1")
def _mask_and_sum(da, a, dz, db):
    db[:] = ZERO
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            d = da[i, j] * (ONE if a[i, j] > ZERO else ZERO)
            dz[i, j] = d
            db[j] += d


BODIES = (dense, dense_backward, dense_relu, dense_relu_backward)
