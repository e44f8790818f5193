"""Bodies of batch norm and layer norm: two launches each, one that sums and one that writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import cuda_norms as source
from .base import backend_of
from .cuda_kernel import Unfit, blocks


def batchnorm(
    x: Any, gamma: Any, beta: Any, *, allreduce: Callable | None = None, eps: float = 1e-5, y: Any = None
) -> tuple[Any, Any, Any, Any]:
    """y = γ (x − μ) / √(σ² + ε) + β      x (B,C)  gamma (C,)  beta (C,)  ->  mean (C,)  var (C,)  n (1,)  y (B,C)"""
    check_whole(allreduce)
    be, C = backend_of(x), x.shape[-1]
    mean, var, n = be.empty((C,)), be.empty((C,)), be.empty((1,))
    grid, tiles, parts = channels(be, x, 3)
    sizes = x.size // C, C, tiles
    be.launch(source.CHANNEL_STATISTICS, grid, x, parts, mean, var, n, be.ticket(tiles), *sizes)
    return mean, var, n, normalize(x, gamma, beta, mean, var, eps=eps, y=y)


def batchnorm_backward(dy: Any, x: Any, gamma: Any, mean: Any, var: Any, n: Any, *, allreduce: Callable | None = None,
                       eps: float = 1e-5, dx: Any = None, dgamma: Any = None,
                       dbeta: Any = None) -> tuple[Any, Any, Any]:  # fmt: skip
    """dβ = Σ dy   dγ = Σ dy x̂   dx = γ/σ (dy − dβ/n − x̂ dγ/n)   x̂ = (x − μ)/σ   σ = √(var + ε)"""
    check_whole(allreduce)
    be, C = backend_of(x), x.shape[-1]
    dgamma, dbeta = gradients(dy, x, mean, var, (dgamma, dbeta), eps=eps)
    if dx is not False:
        dx = be.empty(x.shape, x.dtype) if dx is None else dx
        sums = n, dgamma, dbeta
        be.launch(source.BATCHNORM_DX, blocks(x.size), dy, x, gamma, mean, var, *sums, dx, x.size, C, eps)
    return dx, dgamma, dbeta


def normalize(x: Any, gamma: Any, beta: Any, mean: Any, var: Any, *, eps: float = 1e-5, y: Any = None) -> Any:
    """y = γ (x − μ) / √(σ² + ε) + β      x (B,C)  gamma (C,)  beta (C,)  mean (C,)  var (C,)  ->  y (B,C)"""
    be = backend_of(x)
    y = be.empty(x.shape, x.dtype) if y is None else y
    be.launch(source.NORMALIZE, blocks(x.size), x, gamma, beta, mean, var, y, x.size, x.shape[-1], eps)
    return y


def update_running(
    running_mean: Any, running_var: Any, mean: Any, var: Any, n: Any, momentum: float = 0.1
) -> tuple[Any, Any]:
    """r ← r + momentum (s − r)   s = mean, and var n/(n−1)      all (C,)  n (1,)      in place"""
    states = running_mean, running_var
    backend_of(mean).launch(source.UPDATE_RUNNING, (1,), *states, mean, var, n, len(mean), momentum)
    return states


def layernorm(x: Any, gamma: Any, beta: Any, *, eps: float = 1e-5,
              mean: Any = None, inv: Any = None, y: Any = None) -> tuple[Any, Any, Any]:  # fmt: skip
    """y = γ (x − μ) inv + β   inv = 1/√(σ² + ε)      x (B,C)  ->  mean (B,1)  inv (B,1)  y (B,C)"""
    be, C = backend_of(x), x.shape[-1]
    column, B = (*x.shape[:-1], 1), x.size // max(C, 1)
    mean, inv = (be.empty(column) if place is None else place for place in (mean, inv))
    y = be.empty(x.shape, x.dtype) if y is None else y
    be.launch(source.LAYERNORM, blocks(B, 8), x, gamma, beta, mean, inv, y, B, C, eps)
    return mean, inv, y


def layernorm_backward(dy: Any, x: Any, gamma: Any, mean: Any, inv: Any, *,
                       dx: Any = None, dgamma: Any = None, dbeta: Any = None) -> tuple[Any, Any, Any]:  # fmt: skip
    """dβ = Σ dy   dγ = Σ dy x̂   dx = inv (g − mean_C g − x̂ mean_C(g x̂))   x̂ = (x − μ) inv   g = dy γ"""
    be, C = backend_of(x), x.shape[-1]
    if dgamma is not False or dbeta is not False:
        sums = gradients(dy, x, mean, inv, (dgamma, dbeta))
        dgamma, dbeta = (False if asked is False else made for asked, made in zip((dgamma, dbeta), sums))
    if dx is not False:
        dx, B = be.empty(x.shape, x.dtype) if dx is None else dx, x.size // max(C, 1)
        be.launch(source.LAYERNORM_DX, blocks(B, 8), dy, x, gamma, mean, inv, dx, B, C)
    return dx, dgamma, dbeta


# ---- parts


def check_whole(allreduce: Callable | None) -> None:
    """Sums over the parts of a batch that is cut are for the equation."""
    if getattr(allreduce, "__name__", "alone") != "alone":
        raise Unfit("a batch that is cut")


def channels(be: Any, x: Any, sums: int) -> tuple[tuple[int], int, Any]:
    """The grid: 32 channels for a block, and so many blocks beside it that each thread has 64 rows or so to add."""
    C = x.shape[-1]
    (tiles,), (many,) = blocks(C, 32), blocks(x.size // max(C, 1), 512)
    many = min(many, 256)
    return (tiles * many,), tiles, be.scratch((many, C, sums))


def gradients(dy: Any, x: Any, mean: Any, scale: Any, places: tuple, eps: float | None = None) -> tuple:
    """dγ and dβ, in buffers where there are some. With eps, mean and scale (σ²) are a channel's; without, a row's."""
    be, C = backend_of(x), x.shape[-1]
    dgamma, dbeta = (be.empty((C,)) if place is None or place is False else place for place in places)
    grid, tiles, parts = channels(be, x, 2)
    sizes = x.size // C, C, tiles, eps is None, -1.0 if eps is None else eps
    be.launch(source.CHANNEL_GRADIENTS, grid, dy, x, mean, scale, parts, dgamma, dbeta, be.ticket(tiles), *sizes)
    return dgamma, dbeta


BODIES = (
    batchnorm,
    batchnorm_backward,
    normalize,
    update_running,
    layernorm,
    layernorm_backward,
)
