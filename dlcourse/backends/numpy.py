"""NumPy: the CPU. The bodies of the hot operations are in the modules numpy_*.py beside this one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import numpy_conv, numpy_dense, numpy_loss, numpy_norm, numpy_pool, numpy_scratch, numpy_update
from .base import Backend
from .numpy_scratch import Arena, aligned


class NumpyBackend(Backend):
    """Arrays in the memory of this process. Images (B,Y,X,C) lie there as (Y,C,X,B)."""

    name = "numpy"
    running = numpy_scratch.running
    layout = staticmethod(numpy_scratch.layout)
    scratch = staticmethod(numpy_scratch.scratch)
    scratch_like = staticmethod(numpy_scratch.scratch_like)

    def empty(self, shape: tuple, dtype: Any = "float32") -> np.ndarray:
        return self.layout(aligned(math.prod(shape), dtype), shape)

    def zeros(self, shape: tuple, dtype: Any = "float32") -> np.ndarray:
        return aligned(math.prod(shape), dtype, np.zeros).reshape(shape)

    def arena(self) -> Arena:
        """New memory for the scratch of one plan; it counts while it is the arena of `numpy_scratch.running`."""
        return Arena()

    @staticmethod
    def matmul(a: Any, b: Any, out: Any = None) -> Any:
        """np.dot, which has half the call overhead of np.matmul, wherever both mean the same."""
        if b.ndim > 2 or (out is not None and not out.flags.c_contiguous):
            return np.matmul(a, b, out=out)
        return np.dot(a, b, out)

    def erf(self, z: Any, out: Any = None) -> Any:
        """The error function 2/√π ∫₀ᶻ e^(−s²) ds, elementwise."""
        from .erf import erf

        return erf(z, out=out, scratch=self.scratch)


NUMPY = NumpyBackend(np.ndarray)
for _module in (numpy_dense, numpy_conv, numpy_pool, numpy_norm, numpy_loss, numpy_update):
    NUMPY.bodies |= {body.__name__: body for body in _module.BODIES}
