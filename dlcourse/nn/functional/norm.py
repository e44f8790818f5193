"""Normalisation: numbers with mean 0 and variance 1, then a scale γ and a shift β that are learned."""

from collections.abc import Callable
from typing import Any

from ...backends import backend_of


def alone(v: Any) -> Any:
    """The all-reduce of a batch that is not cut: the sum over the parts is the one part."""
    return v


def batchnorm(x: Any, gamma: Any, beta: Any, *, allreduce: Callable = alone, eps: float = 1e-5,
              y: Any = None) -> tuple[Any, Any, Any, Any]:  # fmt: skip
    """y = γ (x − μ) / √(σ² + ε) + β      x (B,C)  gamma (C,)  beta (C,)  ->  mean (C,)  var (C,)  n (1,)  y (B,C)

    x may also be (B,Y,X,C). μ and σ² of each channel are taken over all the rest, n numbers each. allreduce(v) adds the
    vector v over the parts of a batch that is cut. Ioffe & Szegedy 2015, algorithm 1.
    """
    if not x.size and allreduce is alone:
        raise ValueError(f"batch norm has no statistics of an empty batch: x has shape {x.shape}")
    be, rest = backend_of(x), tuple(range(x.ndim - 1))
    n = allreduce(be.xp.full((1,), x.size // x.shape[-1], x.dtype))
    mean = allreduce(x.sum(axis=rest)) / n
    d = be.xp.subtract(x, mean, out=be.scratch_like(x))
    d *= d
    var = allreduce(d.sum(axis=rest)) / n
    return mean, var, n, normalize(x, gamma, beta, mean, var, eps=eps, y=y)


def batchnorm_backward(dy: Any, x: Any, gamma: Any, mean: Any, var: Any, n: Any, *, allreduce: Callable = alone,
                       eps: float = 1e-5, dx: Any = None, dgamma: Any = None,
                       dbeta: Any = None) -> tuple[Any, Any, Any]:  # fmt: skip
    """dβ = Σ dy   dγ = Σ dy x̂   dx = γ/σ (dy − dβ/n − x̂ dγ/n)   x̂ = (x − μ)/σ   σ = √(var + ε)
    dy (B,C)  x (B,C)  gamma (C,)  mean (C,)  var (C,)  n (1,)  ->  dx (B,C)  dgamma (C,)  dbeta (C,)

    In a batch that is cut, dβ and dγ are this part's own; for dx they are summed over the whole batch.
    """
    be, rest, C = backend_of(x), tuple(range(x.ndim - 1)), x.shape[-1]
    xp, inv = be.xp, 1 / be.xp.sqrt(var + eps)
    xhat = xp.subtract(x, mean, out=be.scratch_like(x))
    xhat *= inv
    dbeta = dy.sum(axis=rest, out=wanted(dbeta))
    dgamma = xp.multiply(dy, xhat, out=be.scratch_like(x)).sum(axis=rest, out=wanted(dgamma))
    if dx is not False:
        sums = allreduce(xp.concatenate([dbeta, dgamma])) / n
        xhat *= sums[C:]
        dx = xp.subtract(dy, xhat, out=dx)
        dx -= sums[:C]
        dx *= gamma * inv
    return dx, dgamma, dbeta


def wanted(buffer: Any) -> Any:
    """dγ and dβ are needed for dx in any case: not wanted means only that there is no buffer for them."""
    return None if buffer is False else buffer


def normalize(x: Any, gamma: Any, beta: Any, mean: Any, var: Any, *, eps: float = 1e-5, y: Any = None) -> Any:
    """y = γ (x − μ) / √(σ² + ε) + β      x (B,C)  gamma (C,)  beta (C,)  mean (C,)  var (C,)  ->  y (B,C)

    With statistics that are given: batch norm when it predicts.
    """
    xp = backend_of(x).xp
    y = xp.subtract(x, mean, out=y)
    y *= gamma / xp.sqrt(var + eps)
    y += beta
    return y


def normalize_backward(dy: Any, x: Any, gamma: Any, mean: Any, var: Any, *, eps: float = 1e-5,
                       dx: Any = None, dgamma: Any = None, dbeta: Any = None) -> tuple[Any, Any, Any]:  # fmt: skip
    """dβ = Σ dy   dγ = Σ dy x̂   dx = dy γ/σ   x̂ = (x − μ)/σ   σ = √(var + ε)
    dy (B,C)  x (B,C)  gamma (C,)  mean (C,)  var (C,)  ->  dx (B,C)  dgamma (C,)  dbeta (C,)

    The statistics are given, so they have no gradient.
    """
    be, rest = backend_of(x), tuple(range(x.ndim - 1))
    inv = 1 / be.xp.sqrt(var + eps)
    if dbeta is not False:
        dbeta = dy.sum(axis=rest, out=dbeta)
    if dgamma is not False:
        xhat = be.xp.subtract(x, mean, out=be.scratch_like(x))
        xhat *= inv
        xhat *= dy
        dgamma = xhat.sum(axis=rest, out=dgamma)
    return be.xp.multiply(dy, gamma * inv, out=dx) if dx is not False else dx, dgamma, dbeta


def update_running(running_mean: Any, running_var: Any, mean: Any, var: Any, n: Any,
                   momentum: float = 0.1) -> tuple[Any, Any]:  # fmt: skip
    """r ← r + momentum (s − r)   s = mean, and var n/(n−1), which is unbiased
    running_mean (C,)  running_var (C,)  mean (C,)  var (C,)  n (1,)  ->  running_mean (C,)  running_var (C,)

    In place. Statistics that are not finite, or of one number only, leave both as they were. No waiting for a device.
    """
    xp = backend_of(mean).xp
    sound = (n > 1) & (xp.isfinite(mean) & xp.isfinite(var)).all()
    unbiased = var * (n / xp.maximum(n - 1, 1))
    for running, new in (running_mean, mean), (running_var, unbiased):
        running[...] = xp.where(sound, running + momentum * (new - running), running)
    return running_mean, running_var


def layernorm(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5,
              mean: Any = None, inv: Any = None, y: Any = None) -> tuple[Any, Any, Any]:  # fmt: skip
    """y = γ (x − μ) inv + β   inv = 1/√(σ² + ε)      x (B,C)  gamma (C,)  beta (C,)  ->  mean (B,1)  inv (B,1)  y (B,C)

    x may also be (B,...,C): μ and σ² of each row are taken over its C numbers. Ba, Kiros & Hinton 2016.
    """
    be = backend_of(x)
    mean = x.mean(axis=-1, keepdims=True, out=mean)
    d = be.xp.subtract(x, mean, out=be.scratch_like(x))
    squares = be.xp.multiply(d, d, out=be.scratch_like(x))
    inv = squares.mean(axis=-1, keepdims=True, out=inv)
    inv += eps
    be.xp.sqrt(inv, out=inv)
    be.xp.divide(1, inv, out=inv)
    y = be.xp.multiply(d, inv, out=y)
    y *= gamma
    y += beta
    return mean, inv, y


def layernorm_backward(dy: Any, x: Any, gamma: Any, mean: Any, inv: Any, *,
                       dx: Any = None, dgamma: Any = None, dbeta: Any = None) -> tuple[Any, Any, Any]:  # fmt: skip
    """dβ = Σ dy   dγ = Σ dy x̂   dx = inv (g − mean_C g − x̂ mean_C(g x̂))   x̂ = (x − μ) inv   g = dy γ
    dy (B,C)  x (B,C)  gamma (C,)  mean (B,1)  inv (B,1)  ->  dx (B,C)  dgamma (C,)  dbeta (C,)"""
    be, rest = backend_of(x), tuple(range(x.ndim - 1))
    xp, xhat, product = be.xp, be.scratch_like(x), be.scratch_like(x)
    xp.subtract(x, mean, out=xhat)
    xhat *= inv
    if dbeta is not False:
        dbeta = dy.sum(axis=rest, out=dbeta)
    if dgamma is not False:
        dgamma = xp.multiply(dy, xhat, out=product).sum(axis=rest, out=dgamma)
    if dx is not False:
        dx = row_gradient(xp.multiply(dy, gamma, out=dx), xhat, inv, product)
    return dx, dgamma, dbeta


def row_gradient(g: Any, xhat: Any, inv: Any, product: Any) -> Any:
    """inv (g − mean_C g − x̂ mean_C(g x̂)), written over g; x̂ and product are used up"""
    be = backend_of(g)
    row = be.scratch(inv.shape, inv.dtype)
    be.xp.multiply(g, xhat, out=product)
    xhat *= product.mean(axis=-1, keepdims=True, out=row)
    g -= g.mean(axis=-1, keepdims=True, out=row)
    g -= xhat
    g *= inv
    return g
