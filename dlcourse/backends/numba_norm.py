"""Compiled passes over memory for batch norm of images: first the sums of each channel, then what depends on them.

Rows (B,C) have no two numbers of a channel beside each other: they keep NumPy's passes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import numpy_norm
from .numba_kernel import ZERO, kernel, writable
from .numpy_norm import Passes, alone
from .numpy_scratch import scratch


def batchnorm(
    x: Any, gamma: Any, beta: Any, *, allreduce: Callable = alone, eps: float = 1e-5, y: Any = None
) -> tuple[Any, Any, Any, Any]:
    """y = γ (x − μ) / √(σ² + ε) + β      x (B,C)  gamma (C,)  beta (C,)  ->  mean (C,)  var (C,)  n (1,)  y (B,C)"""
    passes = COMPILED if x.ndim == 4 else numpy_norm.PASSES
    return numpy_norm.forward(writable(x), gamma, beta, allreduce, eps, y, passes)


def batchnorm_backward(
    dy: Any, x: Any, gamma: Any, mean: Any, var: Any, n: Any,
    *, allreduce: Callable = alone, eps: float = 1e-5, dx: Any = None, dgamma: Any = None, dbeta: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """dβ = Σ dy   dγ = Σ dy x̂   dx = γ/σ (dy − dβ/n − x̂ dγ/n)   x̂ = (x − μ)/σ   σ = √(var + ε)
    dy (B,C)  x (B,C)  gamma (C,)  mean (C,)  var (C,)  n (1,)  ->  dx (B,C)  dgamma (C,)  dbeta (C,)"""
    stats, passes = (mean, var, n), COMPILED if x.ndim == 4 else numpy_norm.PASSES
    where = dict(dx=dx, dgamma=dgamma, dbeta=dbeta)
    return numpy_norm.backward(writable(dy), writable(x), gamma, stats, allreduce, eps, passes, **where)


def moments(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of all rows (R,C,N) as one block: how many numbers a channel has, their mean, and Σ (x − that mean)²."""
    means, squares = scratch((1, rows.shape[1])), scratch((1, rows.shape[1]))
    _moments(rows, means[0], squares[0])
    return np.array([rows.shape[0] * rows.shape[2]], "float32"), means, squares


@kernel("f3 f1 f1")
def _moments(rows, mean, square):
    for c in range(rows.shape[1]):
        mean[c] = square[c] = ZERO
        for power in (1, 2):
            total = 0.0
            for y in range(rows.shape[0]):
                line, part = rows[y, c], ZERO
                for j in range(len(line)):
                    s = line[j] - mean[c]
                    part += s if power == 1 else s * s
                total += part
            if power == 1:
                mean[c] = total / max(1, rows.shape[0] * rows.shape[2])
            square[c] = total


@kernel("f3 f1 f1 f3")
def _scaled(rows, scale, shift, out):
    for y in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            line, to = rows[y, c], out[y, c]
            for j in range(len(line)):
                to[j] = line[j] * scale[c] + shift[c]


@kernel("f3 f3 f1 f1 f1")
def _sums(rows, drows, mean, total, moment):
    for y in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            line, d, s, m = rows[y, c], drows[y, c], ZERO, ZERO
            for j in range(len(line)):
                s += d[j]
                m += d[j] * (line[j] - mean[c])
            total[c] += s
            moment[c] += m


@kernel("f3 f3 f1 f1 f1 f3")
def _slopes(rows, drows, slope, offset, factor, out):
    for y in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            line, d, to = rows[y, c], drows[y, c], out[y, c]
            for j in range(len(line)):
                to[j] = factor[c] * (slope[c] * line[j] + offset[c] + d[j])


COMPILED = Passes(moments, _scaled, _sums, _slopes)
BODIES = (batchnorm, batchnorm_backward)
