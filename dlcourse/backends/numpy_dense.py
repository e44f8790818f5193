"""NumPy bodies of the dense layer and of ReLU: the same answers as the equations, in fewer and faster calls."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .numpy_scratch import scratch_like

try:  # the ufunc behind np.clip, without two Python functions around it
    from numpy._core.umath import clip
except ImportError:
    clip = np.clip

ZERO, INF = np.array(0, "float32"), np.array(np.inf, "float32")  # arrays of no dimension: Python numbers convert slower
SMALL = 1024  # numbers: so few that the cost is all in the calls


@functools.lru_cache(64)
def ones(n: int) -> np.ndarray:
    """n ones: a product with them sums three times as fast as a sum over axis 0."""
    return np.ones(n, "float32")


def dot(a: np.ndarray, b: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    """a b for two matrices, or a vector and a matrix; np.dot is quicker to call, np.matmul takes any `out`."""
    try:
        return np.dot(a, b, out)
    except ValueError:
        pass
    return np.matmul(a, b, out=out)


def dense(x: Any, W: Any, b: Any, *, z: Any = None) -> Any:
    """z = x W + b      x (B,I)  W (I,O)  b (O,)  ->  z (B,O)"""
    try:
        z = np.dot(x, W, z)
    except ValueError as error:  # shapes that do not fit, or a buffer that np.dot does not take
        if x.shape[1:] != W.shape[:1]:
            sentence = f"x W needs x (B,I) and W (I,O) with the same I, got x {x.shape} and W {W.shape}"
            raise ValueError(sentence) from error
        z = np.matmul(x, W, out=z)
    return z if b is False else np.add(z, b, z)


def dense_backward(dz: Any, x: Any, W: Any, *, dx: Any = None, dW: Any = None, db: Any = None) -> tuple[Any, Any, Any]:
    """dx = dz Wᵀ   dW = xᵀ dz   db = Σ_B dz      dz (B,O)  x (B,I)  W (I,O)  ->  dx (B,I)  dW (I,O)  db (O,)"""
    if dW is not False:
        dW = dot(x.T, dz, dW)
    if db is not False:
        db = dot(ones(len(dz)), dz, db)
    if dx is not False:
        dx = dot(dz, W.T, dx)
    return dx, dW, db


def relu(z: Any, *, a: Any = None) -> Any:
    """a = max(z, 0)      z (...)  ->  a (...)"""
    if z.size < SMALL:
        return np.maximum(z, ZERO, out=a)
    return clip(z, ZERO, INF, a)  # has a vector loop for two numbers as bounds; maximum has none for one


def relu_backward(da: Any, a: Any, *, dz: Any = None) -> Any:
    """dz = da [a > 0]      da (...)  a (...)  ->  dz (...)"""
    few = a.size < SMALL  # then the cost is in the calls: a new array is cheaper than scratch
    if few and dz is da:
        np.putmask(dz, np.less_equal(a, ZERO), ZERO)
        return dz
    return np.multiply(da, np.greater(a, ZERO, None if few else scratch_like(a, "bool")), dz)


BODIES = (dense, dense_backward, relu, relu_backward)
