"""Where arrays live. NumPy is always there; CuPy is loaded when it is asked for, or when one of its arrays turns up."""

from typing import Any

from .base import BACKENDS, LATER, Backend, backend_of, to_host
from .numpy import NUMPY

__all__ = ["BACKENDS", "NUMPY", "Backend", "backend_of", "get_backend", "to_host"]


def get_backend(name: str | Backend = "numpy", *, plain: bool = False) -> Backend:
    """The backend of this name: "numpy" or "cupy". A Backend is returned as it is.

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
    raise ValueError(f'there is no backend {name!r}: choose "numpy" (the CPU) or "cupy" (an NVIDIA GPU)')


def _cupy() -> Any:
    from . import cupy  # registers its array type

    return cupy


LATER["cupy"] = _cupy
