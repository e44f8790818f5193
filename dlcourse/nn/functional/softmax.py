"""Softmax: K scores become K probabilities."""

from typing import Any

from ...backends import backend_of


def softmax(z: Any, *, p: Any = None) -> Any:
    """p[n,k] = e^z[n,k] / Σ_j e^z[n,j]      z (B,K)  ->  p (B,K)

    The largest score of each row is taken off first: the quotient stays the same, and no power overflows.
    """
    be = backend_of(z)
    xp, row = be.xp, be.scratch((len(z), 1), z.dtype)
    p = xp.subtract(z, z.max(axis=1, keepdims=True, out=row), out=p)
    xp.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True, out=row)
    return p


def softmax_backward(dp: Any, p: Any, *, dz: Any = None) -> Any:
    """dz = p (dp − Σ_K dp p)      dp (B,K)  p (B,K)  ->  dz (B,K)"""
    be = backend_of(p)
    xp, row = be.xp, be.scratch((len(p), 1), p.dtype)
    weighted = xp.multiply(dp, p, out=be.scratch_like(p))
    dz = xp.subtract(dp, weighted.sum(axis=1, keepdims=True, out=row), out=dz)
    dz *= p
    return dz


def log_softmax(z: Any, *, logp: Any = None) -> Any:
    """logp[n,k] = z[n,k] − log Σ_j e^z[n,j]      z (B,K)  ->  logp (B,K)

    The largest score of each row is taken off first. The logarithm is never taken of a p that has become 0.
    """
    be = backend_of(z)
    xp, row = be.xp, be.scratch((len(z), 1), z.dtype)
    logp = xp.subtract(z, z.max(axis=1, keepdims=True, out=row), out=logp)
    powers = xp.exp(logp, out=be.scratch_like(z))
    powers.sum(axis=1, keepdims=True, out=row)
    logp -= xp.log(row, out=row)
    return logp


def log_softmax_backward(dlogp: Any, logp: Any, *, dz: Any = None) -> Any:
    """dz = dlogp − p Σ_K dlogp   p = e^logp      dlogp (B,K)  logp (B,K)  ->  dz (B,K)"""
    be = backend_of(logp)
    xp, row = be.xp, be.scratch((len(logp), 1), logp.dtype)
    p = xp.exp(logp, out=be.scratch_like(logp))
    p *= dlogp.sum(axis=1, keepdims=True, out=row)
    return xp.subtract(dlogp, p, out=dz)
