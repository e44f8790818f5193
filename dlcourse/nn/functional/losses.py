"""Losses are sums over the batch, so that parts of a batch add up; who knows the size n of the whole divides by n.

Each gradient is that of the mean: it holds the factor 1/n, where n counts the examples of the whole batch (at least 1).
"""

import math
from typing import Any

from ...backends import backend_of
from .elementwise import log1p_exp_minus_abs, sigmoid
from .softmax import log_softmax


def mean_squared_error(y: Any, t: Any, *, e: Any = None) -> tuple[Any, Any]:
    """L = Σ_B mean_O e²   e = y − t      y (B,O)  t (B,O)  ->  L ()  e (B,O)"""
    same_shape(y, t)
    be = backend_of(y)
    e = be.xp.subtract(y, t, out=e, dtype=y.dtype)
    squares = be.xp.multiply(e, e, out=be.scratch_like(e))
    return squares.sum() / math.prod(y.shape[1:]), e


def mean_squared_error_backward(e: Any, n: int, *, dy: Any = None) -> Any:
    """dy = 2 e / (n O)      e (B,O)  n ()  ->  dy (B,O)"""
    return backend_of(e).xp.multiply(e, 2 / (n * math.prod(e.shape[1:])), out=dy)


def binary_cross_entropy(z: Any, t: Any, *, p: Any = None) -> tuple[Any, Any]:
    """L = −Σ_B mean_O (t log p + (1 − t) log(1 − p))   p = σ(z)      z (B,O)  t (B,O)  ->  L ()  p (B,O)

    Computed from the logits z as max(z, 0) − t z + log(1 + e^−|z|): the same, and never the logarithm of 0.
    """
    same_shape(z, t)
    be = backend_of(z)
    loss, product = be.xp.maximum(z, 0, out=be.scratch_like(z)), be.scratch_like(z)
    loss -= be.xp.multiply(z, t, out=product)
    loss += log1p_exp_minus_abs(z)
    return loss.sum() / math.prod(z.shape[1:]), sigmoid(z, a=p)


def binary_cross_entropy_backward(p: Any, t: Any, n: int, *, dz: Any = None) -> Any:
    """dz = (p − t) / (n O)      p (B,O)  t (B,O)  n ()  ->  dz (B,O)"""
    dz = backend_of(p).xp.subtract(p, t, out=dz, dtype=p.dtype)
    dz *= 1 / (n * math.prod(p.shape[1:]))
    return dz


def softmax_cross_entropy(z: Any, t: Any, smoothing: float = 0.0, *, p: Any = None) -> tuple[Any, Any]:
    """L = −Σ_B Σ_K T log p   p = softmax z   T = onehot t      z (B,K)  t (B,)  ->  L ()  p (B,K)

    t holds labels 0 ... K−1, or (B,K) probabilities: then T = t. smoothing s: T becomes (1 − s) T + s/K (Szegedy 2016).
    """
    be = backend_of(z)
    T = targets(t, z, smoothing)
    logp = log_softmax(z, logp=p)
    T *= logp
    return -T.sum(), be.xp.exp(logp, out=logp)


def softmax_cross_entropy_backward(p: Any, t: Any, n: int, smoothing: float = 0.0, *, dz: Any = None) -> Any:
    """dz = (p − T) / n      p (B,K)  t (B,)  n ()  ->  dz (B,K)"""
    dz = backend_of(p).xp.subtract(p, targets(t, p, smoothing), out=dz)
    dz *= 1 / n
    return dz


def targets(t: Any, like: Any, smoothing: float) -> Any:
    """T = (1 − s) onehot t + s/K   or   (1 − s) t + s/K, in scratch      t (B,) or (B,K)  like (B,K)  ->  T (B,K)"""
    be, K = backend_of(like), like.shape[1]
    T = be.scratch_like(like)
    if t.ndim == 1 and len(t) == len(like):
        check_labels(be, t, K)
        be.xp.equal(t[:, None], be.xp.arange(K), out=T)
    else:
        same_shape(like, t)
        T[...] = t
    if smoothing:
        T *= 1 - smoothing
        T += smoothing / K
    return T


def check_labels(be: Any, t: Any, K: int) -> None:
    """On the host only: to look at a device's labels would wait for the device, so there Batches has checked them."""
    if t.dtype.kind not in "iu":
        raise TypeError(f"labels are whole numbers, got an array of {t.dtype}")
    if be.host and t.size and not 0 <= (low := t.min()) <= (high := t.max()) < K:
        wrong = high if low >= 0 else low
        raise ValueError(f"label {wrong} is out of range: the network has {K} outputs, so labels are 0 ... {K - 1}")


def same_shape(y: Any, t: Any) -> None:
    """Raise, naming both shapes, where the targets do not fit the outputs."""
    if y.shape != t.shape:
        raise ValueError(f"the targets must fit the outputs: the outputs have shape {y.shape}, the targets {t.shape}")
