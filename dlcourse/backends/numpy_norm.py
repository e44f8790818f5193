"""NumPy bodies of batch norm: the same answers as the equations, in fewer passes over memory.

Images in memory (Y,C,X,B) are seen as (R,C,N) with R = Y and N = X B, rows (B,C) as (B,C,1): one form for all. A block
of R is read once for mean and variance (each block about its own mean, then put together: Chan, Golub & LeVeque 1983),
and once more to be normalised; everything between happens in cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .numpy_dense import ones
from .numpy_scratch import mark, release, scratch

CACHE = 1 << 19  # numbers in a block (2 MB)


def alone(v: Any) -> Any:
    """The all-reduce of a batch that is not cut."""
    return v


class Passes(NamedTuple):
    """The four loops over memory, of x and dy as (R,C,N); `rows` and `drows`.

    moments  rows -> of each block of R: numbers in a channel, their mean (C,), Σ (x − that mean)² (C,)
    scaled   rows, scale (C,), shift (C,), out: out = x scale + shift
    sums     rows, drows, mean (C,), total (C,), moment (C,): total += Σ dy, moment += Σ dy (x − mean)
    slopes   rows, drows, slope (C,), offset (C,), factor (C,), out: out = factor (slope x + offset + dy)
    """

    moments: Callable
    scaled: Callable
    sums: Callable
    slopes: Callable


def batchnorm(
    x: Any, gamma: Any, beta: Any, *, allreduce: Callable = alone, eps: float = 1e-5, y: Any = None
) -> tuple[Any, Any, Any, Any]:
    """y = γ (x − μ) / √(σ² + ε) + β      x (B,C)  gamma (C,)  beta (C,)  ->  mean (C,)  var (C,)  n (1,)  y (B,C)"""
    return forward(x, gamma, beta, allreduce, eps, y, PASSES)


def batchnorm_backward(
    dy: Any, x: Any, gamma: Any, mean: Any, var: Any, n: Any,
    *, allreduce: Callable = alone, eps: float = 1e-5, dx: Any = None, dgamma: Any = None, dbeta: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """dβ = Σ dy   dγ = Σ dy x̂   dx = γ/σ (dy − dβ/n − x̂ dγ/n)   x̂ = (x − μ)/σ   σ = √(var + ε)
    dy (B,C)  x (B,C)  gamma (C,)  mean (C,)  var (C,)  n (1,)  ->  dx (B,C)  dgamma (C,)  dbeta (C,)"""
    stats, where = (mean, var, n), dict(dx=dx, dgamma=dgamma, dbeta=dbeta)
    return backward(dy, x, gamma, stats, allreduce, eps, PASSES, **where)


def normalize(x: Any, gamma: Any, beta: Any, mean: Any, var: Any, *, eps: float = 1e-5, y: Any = None) -> Any:
    """y = γ (x − μ) / √(σ² + ε) + β      x (B,C)  gamma (C,)  beta (C,)  mean (C,)  var (C,)  ->  y (B,C)"""
    return _normalised(_rows(x), x, gamma, beta, (mean, var), eps, y, _scaled)


# ---- between the passes


def forward(x: Any, gamma: Any, beta: Any, allreduce: Callable, eps: float, y: Any, passes: Passes) -> tuple:
    """mean (C,)  var (C,)  n (1,) of the whole batch, of which x may be a part, and y"""
    rows = _rows(x)
    counts, means, squares = passes.moments(rows)
    sums = np.empty(len(gamma) + 1, "float32")
    np.dot(counts, means, sums[:-1])
    sums[-1] = rows.size // len(gamma)
    sums = allreduce(sums)
    n = sums[-1:].copy()
    if n[0] == 0:
        raise ValueError(f"batch norm has no statistics of an empty batch: x has shape {x.shape}")
    mean = sums[:-1] / n
    np.subtract(means, mean, means)
    var = allreduce(np.add.reduce(squares, 0) + np.dot(counts, np.multiply(means, means, means))) / n
    return mean, var, n, _normalised(rows, x, gamma, beta, (mean, var), eps, y, passes.scaled)


def _normalised(rows: Any, x: Any, gamma: Any, beta: Any, stats: tuple, eps: float, y: Any, scaled: Callable) -> Any:
    """y = x scale + shift, with scale = γ/σ and shift = β − μ γ/σ"""
    mean, var = stats
    y = np.empty_like(x) if y is None else y
    out, back = _target(y, rows.shape)
    scale = gamma / np.sqrt(var + np.float32(eps))
    scaled(rows, scale, beta - mean * scale, out)
    return _copied(out, y, back)


def backward(
    dy: Any, x: Any, gamma: Any, stats: tuple, allreduce: Callable, eps: float, passes: Passes,
    *, dx: Any = None, dgamma: Any = None, dbeta: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """dx, dγ, dβ; stats: mean, var, n"""
    (mean, var, n), rows, C = stats, _rows(x), len(gamma)
    drows, inv, sums = _rows(dy, rows.shape), 1 / np.sqrt(var + np.float32(eps)), np.zeros(2 * C, "float32")
    passes.sums(rows, drows, mean, sums[:C], sums[C:])
    sums[C:] *= inv
    dbeta, dgamma = kept(sums[:C], dbeta), kept(sums[C:], dgamma)
    if dx is False:
        return dx, dgamma, dbeta
    k = allreduce(sums) / n
    slope = -inv * k[C:]
    dx = np.empty_like(x) if dx is None else dx
    out, back = _target(dx, rows.shape)
    passes.slopes(rows, drows, slope, -k[:C] - mean * slope, gamma * inv, out)
    return _copied(out, dx, back), dgamma, dbeta


# ---- passes over memory


def _moments(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    blocks, C = _blocks(rows), rows.shape[1]
    counts = np.array([(b.stop - b.start) * rows.shape[2] for b in blocks], "float32")
    means, squares = scratch((len(blocks), C)), scratch((len(blocks), C))
    here = mark()
    for i, block in enumerate(blocks):
        part = rows[block]
        np.divide(_sum(part), counts[i], means[i])
        centred = np.subtract(part, means[i][:, None], scratch(part.shape))
        squares[i] = _sum_of_products(centred, centred)
        release(here)
    return counts, means, squares


def _scaled(rows: np.ndarray, scale: Any, shift: Any, out: np.ndarray) -> None:
    for block in _blocks(rows):
        part = np.multiply(rows[block], scale[:, None], out[block])
        np.add(part, shift[:, None], part)


def _sums(rows: np.ndarray, drows: np.ndarray, mean: Any, total: Any, moment: Any) -> None:
    here = mark()
    for block in _blocks(rows):
        part, dpart = rows[block], drows[block]
        centred = np.subtract(part, mean[:, None], scratch(part.shape))
        total += _sum(dpart)
        moment += _sum_of_products(dpart, centred)
        release(here)


def _slopes(rows: np.ndarray, drows: np.ndarray, slope: Any, offset: Any, factor: Any, out: np.ndarray) -> None:
    here = mark()
    for block in _blocks(rows):
        part = np.multiply(rows[block], slope[:, None], scratch(rows[block].shape))
        np.add(part, offset[:, None], part)
        np.add(part, drows[block], part)
        np.multiply(part, factor[:, None], out[block])
        release(here)


PASSES = Passes(_moments, _scaled, _sums, _slopes)


def _blocks(rows: np.ndarray) -> list[slice]:
    R, C, N = rows.shape
    step = max(1, CACHE // max(1, C * N))
    return [slice(i, min(i + step, R)) for i in range(0, R, step)] if rows.size else []


def _sum(rows: np.ndarray) -> np.ndarray:
    """Σ over R and N of rows (R,C,N)"""
    R, C, N = rows.shape
    if N == 1:
        return np.dot(ones(R), rows[:, :, 0])
    return np.add.reduce(np.dot(rows.reshape(R * C, N), ones(N)).reshape(R, C), 0)


def _sum_of_products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Σ over R and N of a b      a (R,C,N)  b (R,C,N)"""
    if a.shape[2] == 1:
        return np.einsum("rc,rc->c", a[:, :, 0], b[:, :, 0])
    return np.add.reduce(np.vecdot(a, b), 0)


def kept(value: np.ndarray, buffer: Any) -> np.ndarray:
    """The value in the caller's buffer, or in an array of its own."""
    if buffer is None or buffer is False:
        return value.copy()
    buffer[...] = value
    return buffer


# ---- (R,C,N)


def _view(x: np.ndarray) -> np.ndarray | None:
    """x as (R,C,N) in its own memory, if its order there allows it."""
    if x.ndim == 4:
        m = x.transpose(1, 3, 2, 0)
        if m.flags.c_contiguous:
            Y, C, X, B = m.shape
            return m.reshape(Y, C, X * B)
    if x.flags.c_contiguous:
        return x.reshape(math.prod(x.shape[:-1]), x.shape[-1], 1)
    return x.T[None] if x.ndim == 2 and x.flags.f_contiguous else None


def _shaped(rows: np.ndarray, shape: tuple) -> np.ndarray:
    """(R,C,N) in the shape of the x that it came from."""
    if rows.shape[2] == 1:
        return rows.reshape(shape)
    if len(shape) == 4:
        B, Y, X, C = shape
        return rows.reshape(Y, C, X, B).transpose(3, 0, 2, 1)
    return rows[0].T


def _rows(x: np.ndarray, form: tuple | None = None) -> np.ndarray:
    """x as (R,C,N), in the given form if one is given; copied to scratch if it lies otherwise."""
    found = _view(x)
    if found is not None and form in (None, found.shape):
        return found
    if form is None:
        form = (x.shape[1], x.shape[3], x.shape[2] * x.shape[0]) if x.ndim == 4 else (*_flat(x.shape), 1)
    copy = scratch(form)
    _shaped(copy, x.shape)[...] = x
    return copy


def _flat(shape: tuple) -> tuple[int, int]:
    return math.prod(shape[:-1]), shape[-1]


def _target(y: np.ndarray, form: tuple) -> tuple[np.ndarray, np.ndarray | None]:
    """Where to write y in this form: its own memory, or scratch; then also what that is in the shape of y."""
    found = _view(y)
    if found is not None and found.shape == form:
        return found, None
    copy = scratch(form)
    return copy, _shaped(copy, y.shape)


def _copied(out: np.ndarray, y: np.ndarray, shaped: np.ndarray | None) -> np.ndarray:
    if shaped is not None:
        y[...] = shaped
    return y


BODIES = (batchnorm, batchnorm_backward, normalize)
