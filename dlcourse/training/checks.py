"""What an optimizer refuses, in one sentence each: vectors that are no twins, numbers that are none."""

import math
from typing import Any

from ..backends import backend_of

FRACTIONS, POSITIVE = ("mu", "rho", "beta1", "beta2"), ("eps", "clip")


def check_twins(theta: Any, grad: Any) -> None:
    """θ and ∇ must be flat vectors of floats, of one backend, one size and one dtype."""
    if backend_of(theta) is not backend_of(grad) or theta.dtype != grad.dtype or theta.dtype.kind != "f":
        kinds = [f"{a.dtype} on {backend_of(a).name}" for a in (theta, grad)]
        raise TypeError(f"theta and grad must be floats of one dtype on one backend, got {kinds[0]} and {kinds[1]}")
    if theta.ndim != 1 or theta.shape != grad.shape or not theta.size:
        raise ValueError(f"theta and grad must be flat vectors of one size, got {theta.shape} and {grad.shape}")


def checked_number(name: str, value: float) -> float:
    """The hyper-parameter as a Python float (a NumPy scalar would turn float32 work into float64)."""
    if not hasattr(value, "__float__"):  # 0,2 is two numbers, and "0.2" a text
        raise TypeError(f"{name} must be a number such as 0.2, with a point and no quotation marks, got {value!r}")
    value = float(value)
    good = 0 <= value < 1 if name in FRACTIONS else 0 < value if name in POSITIVE else 0 <= value
    if not (good and math.isfinite(value)):
        need = "from 0 up to, but not, 1" if name in FRACTIONS else "above 0" if name in POSITIVE else "0 or above"
        raise ValueError(f"{name} must be a number {need}, got {value:g}")
    return value
