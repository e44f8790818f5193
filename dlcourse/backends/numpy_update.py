"""NumPy bodies of the update rules: the ufuncs called by position, which costs least, in blocks that stay in cache."""

from __future__ import annotations

from typing import Any

import numpy as np

from .numpy_scratch import scratch


def sgd(theta: Any, grad: Any, lr: Any, *, new: Any = None, tmp: Any = None) -> Any:
    """θ ← θ − η ∇      theta (N,)  grad (N,)  lr ()  ->  new (N,)"""
    return np.subtract(theta, np.multiply(grad, lr, _temporary(tmp, grad)), new)


def momentum(
    theta: Any, grad: Any, v: Any, lr: Any, mu: Any, *, new: Any = None, new_v: Any = None, tmp: Any = None
) -> tuple[Any, Any]:
    """v ← μ v + ∇   θ ← θ − η v      theta (N,)  grad (N,)  v (N,)  lr ()  mu ()  ->  new (N,)  new_v (N,)"""
    new_v = np.multiply(v, mu, new_v)
    np.add(new_v, grad, new_v)
    return np.subtract(theta, np.multiply(new_v, lr, _temporary(tmp, grad)), new), new_v


def adam(
    theta: Any, grad: Any, m: Any, v: Any, step: Any, beta1: Any, beta2: Any, eps: Any,
    *, new: Any = None, new_m: Any = None, new_v: Any = None, tmp: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """m ← β1 m + (1−β1) ∇   v ← β2 v + (1−β2) ∇²   θ ← θ − step m / (√v + eps)      all (N,)  ->  new, new_m, new_v"""
    tmp = np.multiply(grad, 1 - beta1, _temporary(tmp, grad))
    new_m = np.multiply(m, beta1, new_m)
    np.add(new_m, tmp, new_m)
    np.multiply(grad, grad, tmp)
    np.multiply(tmp, 1 - beta2, tmp)
    new_v = np.multiply(v, beta2, new_v)
    np.add(new_v, tmp, new_v)
    np.sqrt(new_v, tmp)
    np.add(tmp, eps, tmp)
    np.divide(new_m, tmp, tmp)
    np.multiply(tmp, step, tmp)
    return np.subtract(theta, tmp, new), new_m, new_v


def _temporary(tmp: Any, grad: Any) -> Any:
    return scratch(grad.shape, grad.dtype) if tmp is None else tmp


BODIES = (sgd, momentum, adam)
