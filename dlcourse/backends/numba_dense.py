"""Compiled bodies of the dense layer with ReLU: what follows the product in one pass; small products whole.

Arrays that do not lie row after row go NumPy's way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .numba_kernel import kernel
from .numpy_dense import dense, dense_backward, relu, relu_backward
from .numpy_scratch import scratch

SMALL = 1 << 14  # multiplications: so few that a call of BLAS costs more than the product
ZERO, ONE = np.float32(0), np.float32(1)


def dense_relu(x: Any, W: Any, b: Any, *, a: Any = None) -> Any:
    """a = max(x W + b, 0)      x (B,I)  W (I,O)  b (O,)  ->  a (B,O)"""
    if x.size * W.shape[-1] <= SMALL and plain(x, W, b) and x.shape[1:] == W.shape[:1]:
        a = np.empty((len(x), W.shape[1]), "float32") if a is None else a
        if a.flags.carray:
            _product_bias_relu(x, W, b, a)
            return a
    a = dense(x, W, False, z=a)
    if plain(a, b):
        _bias_relu(a, b)
        return a
    return relu(a if b is False else np.add(a, b, a), a=a)


def dense_relu_backward(
    da: Any, a: Any, x: Any, W: Any, *, dx: Any = None, dW: Any = None, db: Any = None
) -> tuple[Any, Any, Any]:
    """dz = da [a > 0]   dx = dz Wᵀ   dW = xᵀ dz   db = Σ_B dz
    da (B,O)  a (B,O)  x (B,I)  W (I,O)  ->  dx (B,I)  dW (I,O)  db (O,)"""
    dz = scratch(a.shape)
    if db is False or not plain(da, a) or db is not None and not db.flags.carray:
        return dense_backward(relu_backward(da, a, dz=dz), x, W, dx=dx, dW=dW, db=db)
    db = np.empty(a.shape[1], "float32") if db is None else db
    _mask_and_sum(da, a, dz, db)
    dx, dW, _ = dense_backward(dz, x, W, dx=dx, dW=dW, db=False)
    return dx, dW, db


def plain(*arrays: Any) -> bool:
    """Do all lie row after row?"""
    return all(a is not False and a.flags.carray for a in arrays)


@kernel("f2 f1")
def _bias_relu(z, b):
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            s = z[i, j] + b[j]
            z[i, j] = ZERO if s < ZERO else s  # a NaN stays


@kernel("f2 f2 f1 f2")
def _product_bias_relu(x, W, b, a):
    for i in range(x.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] = b[j]
        for k in range(x.shape[1]):
            for j in range(a.shape[1]):
                a[i, j] += x[i, k] * W[k, j]
        for j in range(a.shape[1]):
            s = a[i, j]
            a[i, j] = ZERO if s < ZERO else s


@kernel("f2 f2 f2 f1")
def _mask_and_sum(da, a, dz, db):
    db[:] = ZERO
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            d = da[i, j] * (ONE if a[i, j] > ZERO else ZERO)
            dz[i, j] = d
            db[j] += d


BODIES = (dense_relu, dense_relu_backward)
