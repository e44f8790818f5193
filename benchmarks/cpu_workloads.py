"""The workloads W1 to W8: which network, which batch, which data, and how many FLOPs a step takes.

A network is told in plain tuples, so that no implementation is built from another one's classes:
("dense", I, O)  ("conv", C, O, kernel, padding, bias)  ("norm", C)  ("pool",) 2 × 2  ("relu",)  ("flatten",)
Parameters are named as in our package, "0.W": the layer's number and the letter; images are (B,Y,X,C).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

BATCHES, LR = 4, {"momentum": 1e-4, "adam": 1e-5}
MU, BETA1, BETA2, EPS = 0.9, 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Workload:
    """One network and one size of batch; `trains`: a training step, otherwise inference."""

    name: str
    what: str
    layers: tuple[tuple, ...]
    shape: tuple[int, ...]
    batch: int
    trains: bool = True
    rate: float | None = None  # of learning, where it is not the one in LR

    def lr(self, optimizer: str) -> float:
        """η: small in LR, so that after thousands of steps on four batches there is still something to learn."""
        return self.rate or LR[optimizer]

    @property
    def classes(self) -> int:
        return self.layers[-1][2]

    @property
    def images(self) -> bool:
        return len(self.shape) == 3

    def walk(self) -> Iterator[tuple[int, tuple, tuple, tuple]]:
        """Number, layer, shape of x and shape of y for one example, layer by layer."""
        shape = self.shape
        for number, layer in enumerate(self.layers):
            y = out_shape(layer, shape)
            yield number, layer, shape, y
            shape = y

    def flops(self) -> int:
        """Multiplications and additions of the products. Training: forward, dW, and dx of all layers but the first."""
        forward = [2 * prod(y) * inputs(layer) for _, layer, _, y in self.walk() if layer[0] in ("dense", "conv")]
        return self.batch * (3 * sum(forward) - forward[0] if self.trains else sum(forward))

    def flattened(self) -> tuple[int, tuple] | None:
        """The dense layer whose rows come from an image, and that image's shape (Y,X,C)."""
        for number, layer, x, _ in self.walk():
            if layer[0] == "flatten":
                return number + 1, x
        return None


def inputs(layer: tuple) -> int:
    """How many products one output of this layer adds up."""
    return layer[1] if layer[0] == "dense" else layer[1] * layer[3] ** 2


def out_shape(layer: tuple, x: tuple) -> tuple:
    """Shape of one example's y."""
    kind, *numbers = layer
    if kind == "dense":
        return (numbers[1],)
    if kind == "conv":
        _, out, kernel, padding, _ = numbers
        return (*(n + 2 * padding - kernel + 1 for n in x[:2]), out)
    if kind == "pool":
        return (x[0] // 2, x[1] // 2, x[2])
    return (prod(x),) if kind == "flatten" else x


def mlp(*sizes: int) -> tuple:
    """Dense layers with a ReLU between two."""
    layers: list[tuple] = []
    for n_in, n_out in zip(sizes, sizes[1:]):
        layers += [("dense", n_in, n_out), ("relu",)]
    return tuple(layers[:-1])


LENET = (
    ("conv", 1, 6, 5, 2, True), ("relu",), ("pool",), ("conv", 6, 16, 5, 0, True), ("relu",), ("pool",), ("flatten",),
    *mlp(400, 120, 84, 10),
)  # fmt: skip
CNN = (
    ("conv", 1, 32, 3, 0, True), ("relu",), ("conv", 32, 64, 3, 0, True), ("relu",), ("pool",), ("flatten",),
    *mlp(9216, 128, 10),
)  # fmt: skip
NORMED = (
    ("conv", 1, 32, 3, 0, False), ("norm", 32), ("relu",), ("conv", 32, 64, 3, 0, False), ("norm", 64), ("relu",),
    ("pool",), ("flatten",), *mlp(9216, 128, 10),
)  # fmt: skip
DEEP, IMAGE = mlp(784, 512, 512, 10), (28, 28, 1)
WORKLOADS = {
    w.name: w
    for w in (
        Workload("W1", "MLP 2-16-16-1, batch 32", mlp(2, 16, 16, 1), (2,), 32),
        Workload("W2", "MLP 784-128-10, batch 32", mlp(784, 128, 10), (784,), 32),
        Workload("W3", "MLP 784-512-512-10, batch 128", DEEP, (784,), 128),
        Workload("W4", "MLP 784-2048-2048-10, batch 512", mlp(784, 2048, 2048, 10), (784,), 512),
        Workload("W5", "LeNet, batch 64", LENET, IMAGE, 64),
        Workload("W6", "conv 32-64, pool, dense 128, batch 128", CNN, IMAGE, 128),
        Workload("W7", "W6 with batch norm", NORMED, IMAGE, 128),
        Workload("W8a", "inference, network of W3, batch 1", DEEP, (784,), 1, False),
        Workload("W8b", "inference, network of W3, batch 1024", DEEP, (784,), 1024, False),
        Workload("W8c", "inference, network of W6, batch 1", CNN, IMAGE, 1, False),
        Workload("W8d", "inference, network of W6, batch 1024", CNN, IMAGE, 1024, False),
    )
}


def data(w: Workload) -> list[tuple[np.ndarray, np.ndarray]]:
    """Batches of random numbers and random labels, the same on every call."""
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(w.batch, *w.shape)).astype("float32") for _ in range(BATCHES)]
    if w.classes == 1:
        return [(b, rng.integers(0, 2, (w.batch, 1)).astype("float32")) for b in x]
    return [(b, rng.integers(0, w.classes, w.batch)) for b in x]


def weights(w: Workload, seed: int = 1) -> dict[str, np.ndarray]:
    """The parameters that every implementation starts from: He's, with random biases so that no gradient is zero."""
    rng, found = np.random.default_rng(seed), {}
    for number, layer, _, _ in w.walk():
        kind, *numbers = layer
        if kind in ("dense", "conv"):
            kernel = () if kind == "dense" else (numbers[2], numbers[2])
            found[f"{number}.W"] = rng.normal(0, (2 / inputs(layer)) ** 0.5, (*kernel, *numbers[:2]))
            if kind == "dense" or numbers[4]:
                found[f"{number}.b"] = rng.normal(0, 0.1, numbers[1])
        if kind == "norm":
            found |= {
                f"{number}.gamma": rng.normal(1, 0.1, numbers[0]),
                f"{number}.beta": rng.normal(0, 0.1, numbers[0]),
            }
    return {name: a.astype("float32") for name, a in found.items()}
