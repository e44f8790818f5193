"""Where arrays live. NumPy is always there; CuPy is loaded when it is asked for, or when one of its arrays turns up.

Compiled bodies for the CPU are loaded when they are asked for by name: their sums differ from NumPy's in the last bits,
and the same program must give the same numbers whatever else is installed.
"""

from typing import Any

from .base import BACKENDS, LATER, Backend, backend_of, to_host
from .memory import afford, explained, peek
from .numpy import NUMPY

__all__ = ["BACKENDS", "NUMPY", "Backend", "afford", "backend_of", "explained", "peek", "get_backend", "to_host"]


def get_backend(name: str | Backend = "numpy", *, plain: bool = False) -> Backend:
    """The backend of this name: "numpy", "numba" or "cupy". A Backend is returned as it is.

    plain: without its faster bodies, so that every operation is its equation: to read along, and to compare with.
    """
    if plain:
        return get_backend(name).plain()
    if isinstance(name, Backend):
        return name
    if name == "numpy":
        return NUMPY
    if name == "cupy":
        return _cupy().load()
    if name == "numba":
        from . import numba

        return numba.load()
    kinds = '"numpy" (the CPU), "numba" (the CPU, compiled) or "cupy" (an NVIDIA GPU)'
    raise ValueError(f"there is no backend {name!r}: choose {kinds}")


def _cupy() -> Any:
    from . import cupy  # registers its array type

    return cupy


LATER["cupy"] = _cupy
