"""Compiled bodies of the losses for classes and of the update rules: each a single pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import numpy_loss
from .numba_kernel import LOWEST, ONE, ZERO, f32, kernel, place, ran



def softmax_cross_entropy(z: Any, t: Any, smoothing: float = 0.0, *, p: Any = None) -> tuple[Any, Any]:
    """L = Σ_B (log Σ_K e^z − Σ_K T z)   p = softmax z   T = onehot t      z (B,K)  t (B,)  ->  L ()  p (B,K)"""
    loss, right = np.empty(1, "float32"), t.shape == z.shape[:1] and not smoothing
    if right and ran(_softmax_cross_entropy, z, t, out := place(p, z.shape), loss) and loss[0] != LOWEST:
        return loss[0], out
    return numpy_loss.softmax_cross_entropy(z, t, smoothing, p=p)  # and a label out of range is named


def softmax_cross_entropy_backward(p: Any, t: Any, n: int, smoothing: float = 0.0, *, dz: Any = None) -> Any:
    """dz = (p − T) / n      p (B,K)  t (B,)  n ()  ->  dz (B,K)"""
    right = t.shape == p.shape[:1] and not smoothing
    if right and ran(_softmax_cross_entropy_backward, p, t, 1 / n, out := place(dz, p.shape)):
        return out
    return numpy_loss.softmax_cross_entropy_backward(p, t, n, smoothing, dz=dz)


def binary_cross_entropy(z: Any, t: Any, *, p: Any = None) -> tuple[Any, Any]:
    """L = Σ_B mean_O (log(1 + e^z) − t z)   p = σ(z)      z (B,O)  t (B,O)  ->  L ()  p (B,O)"""
    loss = np.empty(1, "float32")
    if t.shape == z.shape and ran(_binary_cross_entropy, z, t, out := place(p, z.shape), loss):
        return loss[0], out
    return numpy_loss.binary_cross_entropy(z, t, p=p)


def sgd(theta: Any, grad: Any, lr: Any, *, new: Any = None, tmp: Any = None) -> Any:
    """θ ← θ − η ∇      theta (N,)  grad (N,)  lr ()  ->  new (N,)"""
    new = _copied(theta, new)
    _sgd(new, grad, float(lr))
    return new


def momentum(
    theta: Any, grad: Any, v: Any, lr: Any, mu: Any, *, new: Any = None, new_v: Any = None, tmp: Any = None
) -> tuple[Any, Any]:
    """v ← μ v + ∇   θ ← θ − η v      theta (N,)  grad (N,)  v (N,)  lr ()  mu ()  ->  new (N,)  new_v (N,)"""
    new, new_v = _copied(theta, new), _copied(v, new_v)
    _momentum(new, grad, new_v, float(lr), float(mu))
    return new, new_v


def adam(
    theta: Any, grad: Any, m: Any, v: Any, step: Any, beta1: Any, beta2: Any, eps: Any,
    *, new: Any = None, new_m: Any = None, new_v: Any = None, tmp: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """m ← β1 m + (1−β1) ∇   v ← β2 v + (1−β2) ∇²   θ ← θ − step m / (√v + ε)      all (N,)  ->  new, new_m, new_v"""
    new, new_m, new_v = _copied(theta, new), _copied(m, new_m), _copied(v, new_v)
    _adam(new, grad, new_m, new_v, float(step), float(beta1), float(beta2), float(eps))
    return new, new_m, new_v


def _copied(v: np.ndarray, new: Any) -> np.ndarray:
    """The place for the new numbers, holding the old ones: the rules work in place, which is what a step asks for."""
    if new is None:
        return v.copy()
    if new is not v:
        new[...] = v
    return new


@kernel("f2 i1 f2 f1")
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
        for k in range(z.shape[1]):
            total += p[i, k]
        for k in range(z.shape[1]):
            p[i, k] /= total
        loss += np.log(total) + top - z[i, t[i]]
    result[0] = loss


@kernel("f2 i1 r f2")
def _softmax_cross_entropy_backward(p, t, share, dz):
    s = f32(share)
    for i in range(p.shape[0]):
        for k in range(p.shape[1]):
            dz[i, k] = p[i, k] * s
        dz[i, t[i]] = (p[i, t[i]] - ONE) * s


@kernel("f2 f2 f2 f1")
def _binary_cross_entropy(z, t, p, result):
    loss = 0.0
    for i in range(z.shape[0]):
        for k in range(z.shape[1]):
            s = z[i, k]
            e = np.exp(-abs(s))
            loss += (s if s > ZERO else ZERO) + np.log1p(e) - t[i, k] * s
            p[i, k] = (ONE if s >= ZERO else e) / (ONE + e)
    result[0] = loss / z.shape[1]


@kernel("f1 f1 r")
def _sgd(theta, grad, lr):
    eta = f32(lr)
    for i in range(theta.size):
        theta[i] -= eta * grad[i]


@kernel("f1 f1 f1 r r")
def _momentum(theta, grad, v, lr, mu):
    eta, keep = f32(lr), f32(mu)
    for i in range(theta.size):
        v[i] = keep * v[i] + grad[i]
        theta[i] -= eta * v[i]


@kernel("f1 f1 f1 f1 r r r r")
def _adam(theta, grad, m, v, step, beta1, beta2, eps):
    eta, b1, b2, e = f32(step), f32(beta1), f32(beta2), f32(eps)
    for i in range(theta.size):
        g = grad[i]
        m[i] = b1 * m[i] + (ONE - b1) * g
        v[i] = b2 * v[i] + (ONE - b2) * g * g
        theta[i] -= eta * m[i] / (np.sqrt(v[i]) + e)


BODIES = (softmax_cross_entropy, softmax_cross_entropy_backward, binary_cross_entropy, sgd, momentum, adam)
