"""The dense layer: every output is a weighted sum of every input."""

from typing import Any

from ...backends import backend_of


def dense(x: Any, W: Any, b: Any, *, z: Any = None) -> Any:
    """z = x W + b      x (B,I)  W (I,O)  b (O,)  ->  z (B,O)

    b may be False: no bias.
    """
    if x.shape[1:] != W.shape[:1]:
        raise ValueError(f"x W needs x (B,I) and W (I,O) with the same I, got x {x.shape} and W {W.shape}")
    z = backend_of(x).matmul(x, W, out=z)
    if b is not False:
        z += b
    return z


def dense_backward(dz: Any, x: Any, W: Any, *, dx: Any = None, dW: Any = None, db: Any = None) -> tuple[Any, Any, Any]:
    """dx = dz Wᵀ   dW = xᵀ dz   db = Σ_B dz      dz (B,O)  x (B,I)  W (I,O)  ->  dx (B,I)  dW (I,O)  db (O,)"""
    matmul = backend_of(dz).matmul
    if dW is not False:
        dW = matmul(x.T, dz, out=dW)
    if db is not False:
        db = dz.sum(axis=0, out=db)
    if dx is not False:
        dx = matmul(dz, W.T, out=dx)
    return dx, dW, db
