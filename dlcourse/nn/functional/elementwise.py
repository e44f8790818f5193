"""Activations, and the sum of two branches: what happens to each number on its own.

A forward function may write a over z, a backward function dz over da. Derivatives that are simplest in terms of the
result take a, the others take z. Each form is the one that stays finite for every finite z.
"""

import math
from typing import Any

from ...backends import backend_of

SQRT_HALF = math.sqrt(1 / 2)
SQRT_2_BY_PI = math.sqrt(2 / math.pi)


def relu(z: Any, *, a: Any = None) -> Any:
    """a = max(z, 0)      z (...)  ->  a (...)"""
    return backend_of(z).xp.maximum(z, 0, out=a)


def relu_backward(da: Any, a: Any, *, dz: Any = None) -> Any:
    """dz = da [a > 0]      da (...)  a (...)  ->  dz (...)"""
    be = backend_of(a)
    active = be.xp.greater(a, 0, out=be.scratch_like(a, bool))
    return be.xp.multiply(da, active, out=dz)


def leaky_relu(z: Any, slope: float = 0.01, *, a: Any = None) -> Any:
    """a = max(z, slope z)      z (...)  ->  a (...)      0 ≤ slope < 1"""
    be = backend_of(z)
    leak = be.xp.multiply(z, slope, out=be.scratch_like(z))
    return be.xp.maximum(z, leak, out=a)


def leaky_relu_backward(da: Any, a: Any, slope: float = 0.01, *, dz: Any = None) -> Any:
    """dz = da max([a > 0], slope)      da (...)  a (...)  ->  dz (...)"""
    be = backend_of(a)
    factor = be.xp.greater(a, 0, out=be.scratch_like(a))
    factor = be.xp.maximum(factor, slope, out=factor)
    return be.xp.multiply(da, factor, out=dz)


def elu(z: Any, alpha: float = 1.0, *, a: Any = None) -> Any:
    """a = max(z, 0) + α (e^min(z, 0) − 1)      z (...)  ->  a (...)      α > 0"""
    be = backend_of(z)
    tail = be.xp.minimum(z, 0, out=be.scratch_like(z))
    be.xp.expm1(tail, out=tail)
    tail *= alpha
    a = be.xp.maximum(z, 0, out=a)
    a += tail
    return a


def elu_backward(da: Any, a: Any, alpha: float = 1.0, *, dz: Any = None) -> Any:
    """dz = da (1 where a > 0, a + α elsewhere)      da (...)  a (...)  ->  dz (...)"""
    be = backend_of(a)
    factor = be.xp.add(a, alpha, out=be.scratch_like(a))
    be.xp.copyto(factor, 1.0, where=be.xp.greater(a, 0, out=be.scratch_like(a, bool)))
    return be.xp.multiply(da, factor, out=dz)


def gelu(z: Any, *, a: Any = None) -> Any:
    """a = z Φ(z)   Φ(z) = ½ (1 + erf(z/√2))      z (...)  ->  a (...)

    Hendrycks & Gimpel 2016. Φ is the normal distribution: z counts as much as a normal number is likely to be lower.
    """
    return backend_of(z).xp.multiply(z, normal_cdf(z), out=a)


def gelu_backward(da: Any, z: Any, *, dz: Any = None) -> Any:
    """dz = da (Φ(z) + z φ(z))   φ(z) = e^(−z²/2) / √(2π)      da (...)  z (...)  ->  dz (...)"""
    be = backend_of(z)
    slope = be.xp.multiply(z, z, out=be.scratch_like(z))
    slope *= -0.5
    be.xp.exp(slope, out=slope)
    slope *= z
    slope *= SQRT_2_BY_PI / 2
    slope += normal_cdf(z)
    return be.xp.multiply(da, slope, out=dz)


def normal_cdf(z: Any) -> Any:
    """Φ(z) = ½ (1 + erf(z/√2)), in scratch"""
    be = backend_of(z)
    cdf = be.xp.multiply(z, SQRT_HALF, out=be.scratch_like(z))
    be.erf(cdf, out=cdf)
    cdf += 1
    cdf *= 0.5
    return cdf


def gelu_tanh(z: Any, *, a: Any = None) -> Any:
    """a = ½ z (1 + tanh u)   u = √(2/π) (z + 0.044715 z³)      z (...)  ->  a (...)

    Hendrycks & Gimpel 2016: GELU where no error function is at hand; off by at most 5e-4.
    """
    gate = gelu_gate(z)
    gate += 1
    gate *= 0.5
    return backend_of(z).xp.multiply(z, gate, out=a)


def gelu_tanh_backward(da: Any, z: Any, *, dz: Any = None) -> Any:
    """dz = ½ da (1 + h + z (1 − h²) u')   h = tanh u   u' = √(2/π) (1 + 3·0.044715 z²)
    da (...)  z (...)  ->  dz (...)"""
    be, h = backend_of(z), gelu_gate(z)
    slope = be.xp.multiply(z, z, out=be.scratch_like(z))
    be.xp.minimum(slope, 1000, out=slope)  # from there on 1 − h² is 0, and 0 · ∞ must not be met
    slope *= 3 * 0.044715
    slope += 1
    slope *= SQRT_2_BY_PI
    rest = be.xp.multiply(h, h, out=be.scratch_like(z))
    slope *= be.xp.subtract(1, rest, out=rest)
    slope *= z
    slope += h
    slope += 1
    slope *= 0.5
    return be.xp.multiply(da, slope, out=dz)


def gelu_gate(z: Any) -> Any:
    """tanh(√(2/π) z (1 + 0.044715 z²)), in scratch"""
    be = backend_of(z)
    u = be.xp.multiply(z, z, out=be.scratch_like(z))
    u *= 0.044715
    u += 1
    u *= z
    u *= SQRT_2_BY_PI
    return be.xp.tanh(u, out=u)


def silu(z: Any, *, a: Any = None) -> Any:
    """a = z σ(z)      z (...)  ->  a (...)"""
    be = backend_of(z)
    gate = sigmoid(z, a=be.scratch_like(z))
    return be.xp.multiply(z, gate, out=a)


def silu_backward(da: Any, z: Any, *, dz: Any = None) -> Any:
    """dz = da s (1 + z (1 − s))   s = σ(z)      da (...)  z (...)  ->  dz (...)"""
    be = backend_of(z)
    s, slope = sigmoid(z, a=be.scratch_like(z)), be.scratch_like(z)
    be.xp.subtract(1, s, out=slope)
    slope *= z
    slope += 1
    slope *= s
    return be.xp.multiply(da, slope, out=dz)


def softplus(z: Any, *, a: Any = None) -> Any:
    """a = log(1 + e^z) = max(z, 0) + log(1 + e^−|z|)      z (...)  ->  a (...)"""
    be = backend_of(z)
    tail = log1p_exp_minus_abs(z)
    a = be.xp.maximum(z, 0, out=a)
    a += tail
    return a


def softplus_backward(da: Any, a: Any, *, dz: Any = None) -> Any:
    """dz = da σ(z) = da (1 − e^−a)      da (...)  a (...)  ->  dz (...)"""
    be = backend_of(a)
    slope = be.xp.negative(a, out=be.scratch_like(a))
    be.xp.expm1(slope, out=slope)
    be.xp.negative(slope, out=slope)
    return be.xp.multiply(da, slope, out=dz)


def log1p_exp_minus_abs(z: Any) -> Any:
    """log(1 + e^−|z|), in scratch"""
    be = backend_of(z)
    tail = be.xp.absolute(z, out=be.scratch_like(z))
    be.xp.negative(tail, out=tail)
    be.xp.exp(tail, out=tail)
    return be.xp.log1p(tail, out=tail)


def sigmoid(z: Any, *, a: Any = None) -> Any:
    """a = 1 / (1 + e^−z) = ½ (1 + tanh ½z)      z (...)  ->  a (...)      the form that never overflows"""
    xp = backend_of(z).xp
    a = xp.multiply(z, 0.5, out=a)
    xp.tanh(a, out=a)
    a += 1
    a *= 0.5
    return a


def sigmoid_backward(da: Any, a: Any, *, dz: Any = None) -> Any:
    """dz = da a (1 − a)      da (...)  a (...)  ->  dz (...)"""
    be = backend_of(a)
    slope = be.xp.subtract(1, a, out=be.scratch_like(a))
    slope *= a
    return be.xp.multiply(da, slope, out=dz)


def tanh(z: Any, *, a: Any = None) -> Any:
    """a = tanh z      z (...)  ->  a (...)"""
    return backend_of(z).xp.tanh(z, out=a)


def tanh_backward(da: Any, a: Any, *, dz: Any = None) -> Any:
    """dz = da (1 − a²)      da (...)  a (...)  ->  dz (...)"""
    be = backend_of(a)
    slope = be.xp.multiply(a, a, out=be.scratch_like(a))
    be.xp.subtract(1, slope, out=slope)
    return be.xp.multiply(da, slope, out=dz)


def add(x: Any, r: Any, *, y: Any = None) -> Any:
    """y = x + r      x (...)  r (...)  ->  y (...)      y may be x or r"""
    return backend_of(x).xp.add(x, r, out=y)


def add_backward(dy: Any) -> tuple[Any, Any]:
    """dx = dy   dr = dy      dy (...)  ->  dx (...)  dr (...)      the same array twice"""
    return dy, dy
