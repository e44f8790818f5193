"""Bodies for rows: the dense layer by one matrix product with an epilogue, loss and dropout by one kernel each.

The same signatures and answers as the equations, float32. Where the arrays of a call do not suit a body it raises
Unfit; where the device cannot run it, Refused. Then the equation computes: see `guarded` in device.py.
"""

from __future__ import annotations

import math
from typing import Any

from . import cuda_sources as source
from .base import backend_of
from .cuda_kernel import LABELS, Unfit, blocks

LOW = 0xFFFFFFFF


def dense(x: Any, W: Any, b: Any, *, z: Any = None) -> Any:
    """z = x W + b      x (B,I)  W (I,O)  b (O,)  ->  z (B,O)"""
    return _product(x, W, b, z, "bias")


def dense_relu(x: Any, W: Any, b: Any, *, a: Any = None) -> Any:
    """a = max(x W + b, 0)      x (B,I)  W (I,O)  b (O,)  ->  a (B,O)"""
    return _product(x, W, b, a, "relu_bias")


def _product(x: Any, W: Any, b: Any, out: Any, epilogue: str) -> Any:
    if x.ndim != 2 or x.shape[1:] != W.shape[:1]:
        raise Unfit("x W needs x (B,I) and W (I,O)")
    bias = None if b is False else b
    return backend_of(x).fused_gemm(
        x, W, out, epilogue if b is not False else epilogue.replace("bias", "").strip("_"), bias
    )


def dense_backward(dz: Any, x: Any, W: Any, *, dx: Any = None, dW: Any = None, db: Any = None) -> tuple[Any, Any, Any]:
    """dx = dz Wᵀ   dW = xᵀ dz   db = Σ_B dz      dz (B,O)  x (B,I)  W (I,O)  ->  dx (B,I)  dW (I,O)  db (O,)"""
    be = backend_of(dz)
    if dW is False:
        raise Unfit("db comes with dW")
    db = be.empty((dz.shape[1],)) if db is None else db
    dW = be.fused_gemm(x.T, dz, dW, *(() if db is False else ("bgrad", db)))
    if dx is not False:
        dx = be.fused_gemm(dz, W.T, dx)
    return dx, dW, db


def dense_relu_backward(
    da: Any, a: Any, x: Any, W: Any, *, dx: Any = None, dW: Any = None, db: Any = None
) -> tuple[Any, Any, Any]:
    """dz = da [a > 0], then dx, dW, db of dense      da (B,O)  a (B,O)  ->  dx (B,I)  dW (I,O)  db (O,)"""
    dz = relu_backward(da, a, dz=backend_of(a).scratch_like(a))
    return dense_backward(dz, x, W, dx=dx, dW=dW, db=db)


def relu_backward(da: Any, a: Any, *, dz: Any = None) -> Any:
    """dz = da [a > 0]      da (...)  a (...)  ->  dz (...)"""
    be = backend_of(a)
    dz = be.empty(a.shape, a.dtype) if dz is None else dz
    be.launch(source.RELU_BACKWARD, blocks(a.size), da, a, dz, a.size)
    return dz


def softmax_cross_entropy(
    z: Any, t: Any, smoothing: float = 0.0, *, p: Any = None, first: Any = None
) -> tuple[Any, Any]:
    """L = −Σ_B Σ_K T log p   p = softmax z   T = onehot t      z (B,K)  t (B,)  ->  L ()  p (B,K)

    first: an array (), float32, of how many rows count; without it all do.
    """
    be, (B, K) = backend_of(z), z.shape
    label = _label(t, B)
    p, losses, total = be.empty(z.shape) if p is None else p, be.scratch((B,)), be.empty(())
    sizes = B, K, smoothing, first
    be.launch(source.SOFTMAX_CROSS_ENTROPY, blocks(B, 8), z, t, p, losses, total, be.ticket(), *sizes, label=label)
    return total, p


def softmax_cross_entropy_backward(
    p: Any, t: Any, n: Any, smoothing: float = 0.0, *, dz: Any = None, first: Any = None
) -> Any:
    """dz = (p − T) / n      p (B,K)  t (B,)  n ()  ->  dz (B,K)

    first: n as an array (); the gradient of the rows from n on is 0.
    """
    be, (B, K) = backend_of(p), p.shape
    label = _label(t, B)
    dz = be.empty(p.shape) if dz is None else dz
    sizes = p.size, K, smoothing, n if first is None else 0, first
    be.launch(source.SOFTMAX_CROSS_ENTROPY_BACKWARD, blocks(p.size), p, t, dz, *sizes, label=label)
    return dz


def _label(t: Any, B: int) -> str:
    """The dtype of class numbers; probabilities are for the equation."""
    if t.shape != (B,) or t.dtype.name not in LABELS:
        raise Unfit("labels must be whole numbers (B,)")
    return t.dtype.name


def dropout(
    x: Any, rate: float, key: int, layer: int, step: Any, row: int, *, y: Any = None, mask: Any = None
) -> tuple[Any, Any]:
    """y = x mask / (1 − rate)   mask = [u ≥ rate], u uniform in [0, 1)      x (B,F)  ->  y (B,F)  mask (B,F)"""
    if not 0 <= rate < 1:
        raise Unfit("0 <= rate < 1")
    be, F = backend_of(x), math.prod(x.shape[1:])
    y = be.empty(x.shape, x.dtype) if y is None else y
    mask = be.empty(x.shape, bool) if mask is None else mask
    numbers = int(rate * 2**32), 1 / (1 - rate), key & LOW, key >> 32 & LOW, layer & LOW, row & LOW
    be.launch(source.DROPOUT, blocks(len(x) * -(-F // 4)), x, y, mask, step, len(x), F, *numbers)
    return y, mask


def dropout_backward(dy: Any, mask: Any, rate: float, *, dx: Any = None) -> Any:
    """dx = dy mask / (1 − rate)      dy (B,F)  mask (B,F)  ->  dx (B,F)"""
    be = backend_of(dy)
    dx = be.empty(dy.shape, dy.dtype) if dx is None else dx
    be.launch(source.DROPOUT_BACKWARD, blocks(dy.size), dy, mask, dx, dy.size, 1 / (1 - rate))
    return dx


BODIES = (
    dense,
    dense_backward,
    dense_relu,
    dense_relu_backward,
    relu_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    dropout,
    dropout_backward,
)
