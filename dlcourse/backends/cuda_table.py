"""All bodies and all kernels of the CuPy backend, by name."""

from . import (
    cuda_bodies,
    cuda_bodies_images,
    cuda_bodies_losses,
    cuda_bodies_norms,
    cuda_bodies_updates,
    cuda_images,
    cuda_input,
    cuda_losses,
    cuda_norms,
    cuda_sources,
    cuda_updates,
)
from .cuda_kernel import Kernel

BODIES = {
    body.__name__: body
    for module in (cuda_bodies, cuda_bodies_images, cuda_bodies_losses, cuda_bodies_norms, cuda_bodies_updates)
    for body in module.BODIES
}
KERNELS = {
    kernel.name: kernel
    for module in (cuda_sources, cuda_losses, cuda_images, cuda_input, cuda_norms, cuda_updates)
    for kernel in (*vars(module).values(), *getattr(module, "RULE_KERNELS", {}).values())
    if isinstance(kernel, Kernel)
}
