"""The CPU with compiled bodies where they pay, NumPy's elsewhere. Loaded only when asked for: backend="numba"."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from . import numba_conv, numba_dense, numba_loss, numba_norm, numba_update
from .numba_kernel import compile_all
from .numpy import NUMPY, NumpyBackend


class NumbaBackend(NumpyBackend):
    """NumPy's arrays and memory, other bodies. `backend_of` an array stays NumPy: who wants this one names it."""

    name = "numba"

    def __init__(self, bodies: dict[str, Callable]):
        self.bodies = bodies


UNFIT = "No matching definition", "output array is not acceptable"  # as Numba and NumPy say it


def guarded(body: Callable, plain: Callable | None) -> Callable:
    """The body; NumPy's for arrays that its kernels do not take: of another dtype, with gaps, or not to be written."""
    if plain is None:
        return body

    @functools.wraps(body)
    def either(*args: Any, **options: Any) -> Any:
        try:
            return body(*args, **options)
        except (TypeError, ValueError) as why:
            if not any(said in str(why) for said in UNFIT):
                raise
            return plain(*args, **options)

    return either


MODULES = (numba_dense, numba_loss, numba_update)  # whose bodies see to it themselves, for they are called often
GUARDED = (numba_conv, numba_norm)
BODIES = {body.__name__: body for module in MODULES for body in module.BODIES}
BODIES |= {b.__name__: guarded(b, NUMPY.bodies.get(b.__name__)) for module in GUARDED for b in module.BODIES}
NUMBA = NumbaBackend(NUMPY.bodies | BODIES)


def load() -> NumbaBackend:
    """The backend, with every kernel compiled."""
    compile_all()
    return NUMBA
