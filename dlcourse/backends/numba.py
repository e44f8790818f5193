"""The CPU with compiled bodies where they pay, NumPy's elsewhere. Loaded only when asked for: backend="numba"."""

from __future__ import annotations

from collections.abc import Callable

from . import numba_conv, numba_dense, numba_loss, numba_norm, numba_update
from .numba_kernel import compile_all
from .numpy import NUMPY, NumpyBackend


class NumbaBackend(NumpyBackend):
    """NumPy's arrays and memory, other bodies. `backend_of` an array stays NumPy: who wants this one names it."""

    name = "numba"

    def __init__(self, bodies: dict[str, Callable]):
        self.bodies = bodies


MODULES = (numba_dense, numba_conv, numba_norm, numba_loss, numba_update)
NUMBA = NumbaBackend(NUMPY.bodies | {body.__name__: body for module in MODULES for body in module.BODIES})


def load() -> NumbaBackend:
    """The backend, with every kernel compiled."""
    compile_all()
    return NUMBA
