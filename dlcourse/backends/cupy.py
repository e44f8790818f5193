"""NVIDIA GPUs through CuPy. Importing this module imports CuPy; `load()` also makes sure that there is a GPU to use."""

from __future__ import annotations

from .cublaslt import CublasLt
from .cuda_table import BODIES
from .device import CupyBackend

INSTALL = '`dlcourse doctor` names the command that mends it; without an NVIDIA GPU choose backend="numpy"'

try:
    import cupy
except ImportError as why:
    raise ImportError(f"the cupy backend needs CuPy, which cannot be imported ({why}): {INSTALL}") from why


def _erf(z: cupy.ndarray, out: cupy.ndarray | None = None) -> cupy.ndarray:
    from cupyx.scipy.special import erf

    return erf(z, out=out)


CUPY = CupyBackend("cupy", cupy, cupy.ndarray, erf=_erf, gemm=CublasLt(cupy))
CUPY.bodies |= BODIES


def load() -> CupyBackend:
    """The CuPy backend. Raises RuntimeError, with the reason and what to do, where CuPy finds no GPU."""
    try:
        cupy.cuda.runtime.getDeviceCount()
        cupy.cuda.runtime.free(cupy.cuda.runtime.malloc(1))
    except cupy.cuda.runtime.CUDARuntimeError as why:
        raise RuntimeError(f"CuPy {cupy.__version__} finds no GPU it can use ({why}): {INSTALL}") from why
    return CUPY
