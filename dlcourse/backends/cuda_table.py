"""All bodies and all kernels of the CuPy backend, by name."""

from . import cuda_bodies, cuda_sources
from .cuda_kernel import Kernel

BODIES = {body.__name__: body for module in (cuda_bodies,) for body in module.BODIES}
KERNELS = {k.name: k for module in (cuda_sources,) for k in vars(module).values() if isinstance(k, Kernel)}
