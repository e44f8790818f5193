"""Compiled bodies of the update rules: each reads and writes every number once."""

from typing import Any

import numpy as np

from . import numpy_update
from .numba_kernel import ONE, ORDER, f32, kernel, ran


def sgd(theta: Any, grad: Any, lr: Any, *, new: Any = None, tmp: Any = None) -> Any:
    """θ ← θ − η ∇      theta (N,)  grad (N,)  lr ()  ->  new (N,)"""
    if ran(_sgd, held := _held(theta, new), grad, float(lr)):
        return held
    return numpy_update.sgd(theta, grad, lr, new=new, tmp=tmp)


def momentum(
    theta: Any, grad: Any, v: Any, lr: Any, mu: Any, *, new: Any = None, new_v: Any = None, tmp: Any = None
) -> tuple[Any, Any]:
    """v ← μ v + ∇   θ ← θ − η v      theta (N,)  grad (N,)  v (N,)  lr ()  mu ()  ->  new (N,)  new_v (N,)"""
    held, held_v = _held(theta, new), _held(v, new_v)
    if ran(_momentum, held, grad, held_v, float(lr), float(mu)):
        return held, held_v
    return numpy_update.momentum(theta, grad, v, lr, mu, new=new, new_v=new_v, tmp=tmp)


def adam(
    theta: Any, grad: Any, m: Any, v: Any, step: Any, beta1: Any, beta2: Any, eps: Any,
    *, new: Any = None, new_m: Any = None, new_v: Any = None, tmp: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """m ← β1 m + (1−β1) ∇   v ← β2 v + (1−β2) ∇²   θ ← θ − step m / (√v + ε)      all (N,)  ->  new, new_m, new_v"""
    held, numbers = (_held(theta, new), _held(m, new_m), _held(v, new_v)), (step, beta1, beta2, eps)
    if ran(_adam, held[0], grad, *held[1:], *map(float, numbers)):
        return held
    return numpy_update.adam(theta, grad, m, v, *numbers, new=new, new_m=new_m, new_v=new_v, tmp=tmp)


def _held(v: np.ndarray, new: Any) -> np.ndarray:
    """The place for the new numbers, holding the old ones: the rules work in place, which is what a step asks for."""
    if new is not None and new is not v:
        new[...] = v
    return v.copy() if new is None else new


@kernel("f1 f1 r", ORDER)
def _sgd(theta, grad, lr):
    eta = f32(lr)
    for i in range(theta.size):
        theta[i] -= eta * grad[i]


@kernel("f1 f1 f1 r r", ORDER)
def _momentum(theta, grad, v, lr, mu):
    eta, keep = f32(lr), f32(mu)
    for i in range(theta.size):
        v[i] = keep * v[i] + grad[i]
        theta[i] -= eta * v[i]


@kernel("f1 f1 f1 f1 r r r r", ORDER)
def _adam(theta, grad, m, v, step, beta1, beta2, eps):
    eta, b1, b2, e = f32(step), f32(beta1), f32(beta2), f32(eps)
    for i in range(theta.size):
        g = grad[i]
        m[i] = b1 * m[i] + (ONE - b1) * g
        v[i] = b2 * v[i] + (ONE - b2) * g * g
        theta[i] -= eta * m[i] / (np.sqrt(v[i]) + e)


BODIES = (sgd, momentum, adam)
