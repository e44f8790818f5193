"""The workloads G1 to G6 for a GPU, and what arithmetic alone says of their times.

They are told as in cpu_workloads: plain tuples, names of parameters, FLOPs. A case adds in which precisions it is
measured, how PyTorch compiles it, and its share of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
from cpu_workloads import IMAGE, Workload, inputs, mlp, weights

GIANT = 10**8  # parameters: above, the gradient is compared on a narrow network of the same depth
CHECK = (512, 256)  # its width and batch
FLOAT = 4  # bytes of a float32

# Peaks without sparsity, in FLOP/s, and bytes/s. The die of H100 and H200: 66.9, 494.7 and 989.4 TFLOP/s
# (glennklockwood.com/garden/processors/h100), 60 MB of cache (chipsandcheese.com, 2 July 2023); an H200's memory:
# 4.8 TB/s (itkb.uw.cz/2026/06/nvidia-h200-vs-b300-precisions-cores.html).
CARD = "H200 SXM"
PEAK, BANDWIDTH = {"fp32": 66.9e12, "tf32": 494.7e12, "bf16": 989.4e12}, 4.8e12
CACHE = 60e6  # bytes of the second-level cache on that die, 50 to 60 MB of it switched on: such numbers may stay there


@dataclass(frozen=True)
class Case:
    """A workload, and how it is measured. `modes`: of torch.compile. `share`: of the time, beside the other cases."""

    w: Workload
    precisions: tuple[str, ...]
    modes: tuple[str, ...]
    share: float
    checked: Workload | None = None  # whose gradient is compared, where the workload itself is too large for that

    @property
    def includes(self) -> str:
        """What a measured call does."""
        if not self.w.trains:
            return "forward of a batch that lies on the device; the answer stays there"
        step = "forward, loss, backward and the update by Adam; the loss stays on the device, nobody reads it"
        return f"the batch gathered from data that lie on the device, {step}"


def cases(most: int = 1 << 30, batch: int = 1 << 30) -> dict[str, Case]:
    """All of them, no layer wider than `most` and no batch larger than `batch`."""
    few, small, large = ("reduce-overhead", "max-autotune"), ("reduce-overhead",), ("max-autotune",)
    return {
        case.w.name: case
        for case in (
            dense("G1", (128,), 64, ("fp32",), few, 2.5)(most, batch),
            dense("G2", (512, 512), 256, ("fp32", "tf32"), few, 2)(most, batch),
            dense("G3", (4096, 4096), 8192, ("fp32", "tf32", "bf16"), large, 3)(most, batch),
            Case(images(most, min(256, batch)), ("fp32", "tf32"), large, 2),
            dense("G5", (16384,) * 5, 8192, ("tf32", "bf16"), ("default",), 3)(most, batch),
            *(dense(f"G6 {n}", (512, 512), n, ("fp32",), small, 0.8, trains=False)(most, batch)
              for n in (1, 64, 4096, 65536)),
        )
    }  # fmt: skip


def dense(name: str, hidden: tuple, n: int, precisions: tuple, modes: tuple, share: float, trains: bool = True
          ) -> Callable[[int, int], Case]:  # fmt: skip
    """A case of dense layers, once it is said how large it may be."""

    def made(most: int, batch: int) -> Case:
        widths, B = [min(width, most) for width in hidden], min(n, batch)
        layers = mlp(784, *widths, 10)
        told = f"{'MLP' if trains else 'inference,'} {'-'.join(map(str, (784, *widths, 10)))}, batch {B}"
        w, checked = Workload(name, told, layers, (784,), B, trains), None
        if parameters(w) > GIANT:
            narrow = mlp(784, *[CHECK[0]] * len(hidden), 10)
            checked = Workload(f"{name} narrow", f"the same with layers of {CHECK[0]}", narrow, (784,), CHECK[1])
        return Case(w, precisions, modes, share, checked)

    return made


def images(most: int, batch: int) -> Workload:
    """Three convolutions. Ours are products of columns (im2col), whose traffic through memory cuDNN does not have."""
    a, b = min(32, most), min(64, most)
    convolutions: list[tuple] = []
    for c_in, c_out in ((1, a), (a, b), (b, b)):
        convolutions += [("conv", c_in, c_out, 3, 1, True), ("relu",), ("pool",)]
    layers = (*convolutions[:-1], ("flatten",), *mlp(49 * b, min(128, most), 10))  # 7 × 7: the last is not pooled
    return Workload("G4", f"conv {a}-{b}-{b} by im2col, dense {min(128, most)}, batch {batch}", layers, IMAGE, batch)


def parameters(w: Workload) -> int:
    """How many numbers are trained."""
    return sum(inputs(layer) * layer[2] + layer[2] for _, layer, *_ in w.walk() if layer[0] in ("dense", "conv"))


def start(w: Workload) -> dict[str, np.ndarray]:
    """The weights everybody starts from; where there are very many, drawn in float32, which is quicker."""
    if parameters(w) <= GIANT:
        return weights(w)
    rng, found = np.random.default_rng(1), {}
    for number, layer, *_ in w.walk():
        if layer[0] == "dense":
            W = rng.standard_normal(layer[1:], "float32")
            W *= np.float32((2 / layer[1]) ** 0.5)
            found |= {f"{number}.W": W, f"{number}.b": 0.1 * rng.standard_normal(layer[2], "float32")}
    return found


def needs(w: Workload) -> int:
    """Bytes on the device, about: θ, ∇, m, v, a 16-bit copy; two numbers for each y; columns of a convolution."""
    y = sum(prod(y) for *_, y in w.walk())
    columns = max((prod(y[:2]) * inputs(layer) for _, layer, _, y in w.walk() if layer[0] == "conv"), default=0)
    held = 18 * parameters(w) if w.trains else FLOAT * parameters(w)
    batches = 4 * w.batch * prod(w.shape)
    return held + FLOAT * (batches + w.batch * ((2 if w.trains else 1) * y + 2 * columns))


def predicted(w: Workload, precision: str) -> dict[str, float]:
    """Seconds by the datasheet: FLOP ÷ peak, the bytes of θ (and Adam) ÷ bandwidth, and the larger of the two.

    Adam reads θ, ∇, m, v and writes θ, m, v: 28 bytes a parameter, 30 with a 16-bit copy. Inference reads θ once.
    What fits into the cache takes no time by this reckoning.
    """
    held = ((30 if precision == "bf16" else 28) if w.trains else FLOAT) * parameters(w)
    products, bytes_s = w.flops() / PEAK[precision], held / BANDWIDTH * (held > CACHE)
    return {"products_s": products, "parameters_s": bytes_s, "at_least_s": max(products, bytes_s)}
