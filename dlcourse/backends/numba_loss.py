"""Compiled bodies of the two losses for classes: one pass over each example."""

from typing import Any

import numpy as np

from . import numpy_loss
from .numba_kernel import LOWEST, ONE, ZERO, f32, kernel, place, ran


def softmax_cross_entropy(z: Any, t: Any, smoothing: float = 0.0, *, p: Any = None) -> tuple[Any, Any]:
    """L = Σ_B (log Σ_K e^z − Σ_K T z)   p = softmax z   T = onehot t      z (B,K)  t (B,)  ->  L ()  p (B,K)"""
    loss, out = np.empty(1, f32), place(p, z.shape)
    if numbers(t, z, smoothing, p) and ran(_softmax_cross_entropy, z, t, out, loss) and loss[0] != LOWEST:
        return loss[0], out
    return numpy_loss.softmax_cross_entropy(z, t, smoothing, p=p)  # and a label out of range is named


def softmax_cross_entropy_backward(p: Any, t: Any, n: int, smoothing: float = 0.0, *, dz: Any = None) -> Any:
    """dz = (p − T) / n      p (B,K)  t (B,)  n ()  ->  dz (B,K)"""
    if numbers(t, p, smoothing, dz) and ran(_softmax_cross_entropy_backward, p, t, 1 / n, out := place(dz, p.shape)):
        return out
    return numpy_loss.softmax_cross_entropy_backward(p, t, n, smoothing, dz=dz)


def binary_cross_entropy(z: Any, t: Any, *, p: Any = None) -> tuple[Any, Any]:
    """L = Σ_B mean_O (log(1 + e^z) − t z)   p = σ(z)      z (B,O)  t (B,O)  ->  L ()  p (B,O)"""
    loss, out = np.empty(1, f32), place(p, z.shape)
    if t.shape == z.shape == out.shape and t.dtype == f32 and ran(_binary_cross_entropy, z, t, out, loss):
        return loss[0], out
    return numpy_loss.binary_cross_entropy(z, t, p=p)


def numbers(t: Any, z: Any, smoothing: float, out: Any) -> bool:
    """Do the kernels take these class numbers and this place? All else goes NumPy's way: an attempt costs ten steps."""
    return t.dtype == np.int64 and t.shape == z.shape[:1] and not smoothing and (out is None or out.shape == z.shape)


@kernel("f2 i1 f2 f1 | f2 I1 f2 f1")
def _softmax_cross_entropy(z, t, p, result):
    loss, result[0] = 0.0, LOWEST
    for i in range(z.shape[0]):
        if not 0 <= t[i] < z.shape[1]:
            return
        top, total = z[i, 0], ZERO
        for k in range(z.shape[1]):
            top = z[i, k] if z[i, k] > top else top
        for k in range(z.shape[1]):
            p[i, k] = np.exp(z[i, k] - top)
            total += p[i, k]
        for k in range(z.shape[1]):
            p[i, k] /= total
        loss += np.log(total) + top - z[i, t[i]]
    result[0] = loss


@kernel("f2 i1 r f2 | f2 I1 r f2")
def _softmax_cross_entropy_backward(p, t, share, dz):
    s = f32(share)
    for i in range(p.shape[0]):
        for k in range(p.shape[1]):
            dz[i, k] = (p[i, k] - (ONE if k == t[i] else ZERO)) * s


@kernel("f2 f2 f2 f1 | f2 F2 f2 f1")
def _binary_cross_entropy(z, t, p, result):
    loss = 0.0
    for i in range(z.shape[0]):
        for k in range(z.shape[1]):
            s = z[i, k]
            e = np.exp(-abs(s))
            loss += (s if s > ZERO else ZERO) + np.log1p(e) - t[i, k] * s
            p[i, k] = (ONE if s >= ZERO else e) / (ONE + e)
    result[0] = loss / z.shape[1]


BODIES = (softmax_cross_entropy, softmax_cross_entropy_backward, binary_cross_entropy)
