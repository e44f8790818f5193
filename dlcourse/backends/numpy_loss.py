"""NumPy bodies of the two losses for classes: the same answers as the equations, in fewer calls."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .numpy_dense import ones
from .numpy_scratch import scratch

ZERO, ONE = (np.array(c, "float32") for c in (0, 1))
TABLE = 256  # classes: up to here a row of T is copied from the identity matrix
MANY = 1 << 16  # logits: from here on the places where rows start would take noticeable memory


def softmax_cross_entropy(z: Any, t: Any, smoothing: float = 0.0, *, p: Any = None) -> tuple[Any, Any]:
    """L = Σ_B (log Σ_K e^z − Σ_K T z)   p = softmax z   T = onehot t      z (B,K)  t (B,)  ->  L ()  p (B,K)"""
    B, K = z.shape
    if t.shape == (B,):
        _check_labels(t, K)
    T, row = _targets(t, z.shape, smoothing), scratch((B, 1))
    p = np.subtract(z, _largest(z, row), p)
    right = np.vdot(p, T)
    np.exp(p, p)
    total = np.dot(p, ones(K)[:, None], row)
    np.divide(p, total, p)
    np.log(total, total)
    if t.ndim == 2:  # rows of T that need not add up to 1
        np.multiply(total, np.dot(T, ones(K)[:, None], scratch((B, 1))), total)
    return np.add.reduce(total, None) - right, p


def softmax_cross_entropy_backward(p: Any, t: Any, n: int, smoothing: float = 0.0, *, dz: Any = None) -> Any:
    """dz = (p − T) / n      p (B,K)  t (B,)  n ()  ->  dz (B,K)"""
    dz = np.subtract(p, _targets(t, p.shape, smoothing), dz)
    return np.multiply(dz, _inverse(n), dz)


def binary_cross_entropy(z: Any, t: Any, *, p: Any = None) -> tuple[Any, Any]:
    """L = Σ_B mean_O (log(1 + e^z) − t z)   p = σ(z)      z (B,O)  t (B,O)  ->  L ()  p (B,O)"""
    _same_shape(z, t)
    p, loss = np.logaddexp(ZERO, z, p), scratch(z.shape)
    np.subtract(p, np.multiply(z, t, loss), loss)
    np.exp(np.negative(p, p), p)  # 1 − σ(z)
    return np.add.reduce(loss, None) / math.prod(z.shape[1:]), np.subtract(ONE, p, p)


def binary_cross_entropy_backward(p: Any, t: Any, n: int, *, dz: Any = None) -> Any:
    """dz = (p − t) / (n O)      p (B,O)  t (B,O)  n ()  ->  dz (B,O)"""
    dz = np.subtract(p, t, np.empty_like(p) if dz is None else dz)  # whatever the dtype of t
    return np.multiply(dz, _inverse(n * math.prod(p.shape[1:])), dz)


# ---- parts


def _largest(z: np.ndarray, row: np.ndarray) -> np.ndarray:
    """max_K z: NumPy finds where it is five times faster than what it is."""
    if z.size > MANY or not z.flags.c_contiguous:
        return np.maximum.reduce(z, 1, None, row, True)
    B, K = z.shape
    where = z.argmax(1, scratch((B,), "int64"))
    z.take(np.add(where, _starts(B, K), where), None, row[:, 0], "clip")
    return row


@functools.lru_cache(16)
def _eye(K: int) -> np.ndarray:
    return np.eye(K, dtype="float32")


@functools.lru_cache(64)
def _inverse(n: int) -> np.ndarray:
    return np.array(1 / n, "float32")


@functools.lru_cache(16)
def _starts(B: int, K: int) -> np.ndarray:
    """Where each row of a (B,K) matrix starts."""
    return np.arange(0, B * K, K)


def _targets(t: np.ndarray, shape: tuple[int, int], smoothing: float) -> np.ndarray:
    """T = (1 − s) onehot t + s/K   or   (1 − s) t + s/K, in scratch; labels have been checked"""
    (B, K), T = shape, scratch(shape)
    if t.shape != (B,):
        _same_shape(T, t)
        T[...] = t
    elif K <= TABLE:
        _eye(K).take(t, 0, T, "clip")
    else:
        T[...] = 0
        np.put(T, np.add(_starts(B, K), t, scratch((B,), "int64")), ONE)
    if smoothing:
        T *= 1 - smoothing
        T += smoothing / K
    return T


def _check_labels(t: np.ndarray, K: int) -> None:
    """One pass instead of two: seen as unsigned, a negative label is very large."""
    kind = t.dtype
    if kind.kind not in "iu":
        raise TypeError(f"labels are whole numbers, got an array of {kind}")
    unsigned = t.view(_UNSIGNED[kind.itemsize]) if kind.isnative else t
    if t.size and (unsigned.item(unsigned.argmax()) >= K or not kind.isnative and t.min() < 0):
        low, high = t.min(), t.max()
        wrong = high if low >= 0 else low
        raise ValueError(f"label {wrong} is out of range: the network has {K} outputs, so labels are 0 ... {K - 1}")


_UNSIGNED = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}


def _same_shape(y: np.ndarray, t: np.ndarray) -> None:
    if y.shape != t.shape:
        raise ValueError(f"the targets must fit the outputs: the outputs have shape {y.shape}, the targets {t.shape}")


BODIES = (
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    binary_cross_entropy,
    binary_cross_entropy_backward,
)
