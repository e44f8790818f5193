"""Networks for conformance: every layer type, and whole nets; each with the shape of its batch and its targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcourse.nn import layers as L
from dlcourse.nn.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
)
from dlcourse.nn.losses import BinaryCrossEntropy, Loss, MeanSquaredError, SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.optimizers import SGD, Adam, AdamW, Momentum, Nesterov, RMSProp

ROWS, IMAGES, CLASSES = (8, 6), (8, 6, 6, 2), 4


@dataclass
class Case:
    """make() -> layers; x of this shape; the loss decides what the targets are."""

    make: object
    shape: tuple = ROWS
    loss: type[Loss] = SoftmaxCrossEntropy

    def network(self, backend, dtype: str = "float32") -> Network:
        return Network(*self.make(), key=3, dtype=dtype, backend=backend)

    def batch(self, dtype: str = "float32", seed: int = 0, size: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(size or self.shape[0], *self.shape[1:])).astype(dtype)
        if self.loss is SoftmaxCrossEntropy:
            return x, rng.integers(0, CLASSES, len(x))
        return x, rng.uniform(size=(len(x), CLASSES)).astype(dtype)


def between(*middle, width: int = 5):
    """Two dense layers around what is tested, so that forward, dx and the parameters' gradients all matter."""
    return [Dense(6, width), *middle, Dense(width, CLASSES)]


def images(*middle, channels: int = 3, to: int):
    return [Conv2D(2, channels, 3), *middle, Flatten(), Dense(to, CLASSES)]


KINDS = {n: k for n, k in vars(L).items() if isinstance(k, type) and issubclass(k, L.Layer) and k is not L.Layer}

LAYERS = {
    name: Case(lambda layer=layer: between(layer()))
    for name, layer in KINDS.items()
    if name in "ELU GELU GELUTanh LeakyReLU LogSoftmax ReLU Sigmoid SiLU Softmax Softplus Tanh".split()
} | {
    "Dense": Case(lambda: between()),
    "Dense without bias": Case(lambda: [Dense(6, 5, bias=False), Dense(5, CLASSES)]),
    "Dropout": Case(lambda: between(Dropout(0.4))),
    "BatchNorm of rows": Case(lambda: [Dense(6, 5, bias=False), BatchNorm(5), Dense(5, CLASSES)]),
    "LayerNorm": Case(lambda: between(LayerNorm(5))),
    "Residual": Case(lambda: between(Residual(Dense(5, 5), ReLU()))),
    "Sequential": Case(lambda: between(Sequential(ReLU(), Dense(5, 5)))),
    "Conv2D": Case(lambda: images(Conv2D(3, 2, 3, stride=2, padding=1), to=2 * 2 * 2), IMAGES),
    "MaxPool2D": Case(lambda: images(MaxPool2D(2), to=12), IMAGES),
    "MaxPool2D that overlaps": Case(lambda: images(MaxPool2D(3, 1), to=12), IMAGES),
    "AvgPool2D": Case(lambda: images(L.AvgPool2D(2), to=12), IMAGES),
    "GlobalAvgPool2D": Case(lambda: [Conv2D(2, 3, 3), L.GlobalAvgPool2D(), Dense(3, CLASSES)], IMAGES),
    "Flatten": Case(lambda: images(to=48), IMAGES),
    "BatchNorm of images": Case(
        lambda: [Conv2D(2, 3, 3, bias=False), BatchNorm(3), Flatten(), Dense(48, CLASSES)], IMAGES
    ),
    "Dropout of images": Case(lambda: images(Dropout(0.3), to=48), IMAGES),
    "MeanSquaredError": Case(lambda: between(), loss=MeanSquaredError),
    "BinaryCrossEntropy": Case(lambda: between(), loss=BinaryCrossEntropy),
}
COVERED = {name.split()[0] for name in LAYERS}
assert set(KINDS) <= COVERED, set(KINDS) - COVERED

NETS = {
    "MLP": Case(lambda: [Dense(6, 16), ReLU(), Dense(16, 12), L.Tanh(), Dense(12, CLASSES)]),
    "MLP with dropout": Case(lambda: [Dense(6, 16), ReLU(), Dropout(0.3), Dense(16, CLASSES)]),
    "MLP with residual": Case(lambda: [Dense(6, 9), Residual(LayerNorm(9), Dense(9, 9), L.GELU()), Dense(9, CLASSES)]),
    "CNN": Case(
        lambda: [Conv2D(2, 4, 3, padding=1), ReLU(), MaxPool2D(2), Flatten(), Dense(36, 9), ReLU(), Dense(9, CLASSES)],
        IMAGES,
    ),
    "CNN with batch norm": Case(
        lambda: [
            *(Conv2D(2, 4, 3, padding=1, bias=False), BatchNorm(4), ReLU(), MaxPool2D(2)),
            *(Residual(Conv2D(4, 4, 3, padding=1, bias=False), BatchNorm(4), L.SiLU()), L.GlobalAvgPool2D()),
            *(Dropout(0.2), LayerNorm(4), Dense(4, CLASSES)),
        ],
        IMAGES,
    ),
}

OPTIMIZERS = {
    "SGD": (SGD, dict(lr=0.1)),
    "Momentum": (Momentum, dict(lr=0.05)),
    "Momentum, decay and clip": (Momentum, dict(lr=0.05, decay=1e-2, clip=0.3)),
    "Nesterov": (Nesterov, dict(lr=0.05)),
    "RMSProp": (RMSProp, dict(lr=1e-3, eps=1e-3)),
    "Adam": (Adam, dict(lr=1e-2, eps=1e-3)),
    "Adam, masked decay and clip": (Adam, dict(lr=1e-2, eps=1e-3, decay=1e-2, clip=0.3, mask="W")),
    "AdamW": (AdamW, dict(lr=1e-2, eps=1e-3, decay=1e-2, mask="W")),
}


def optimizer(name: str, net: Network):
    kind, options = OPTIMIZERS[name]
    mask = {"mask": net.mask(options["mask"])} if "mask" in options else {}
    return kind(net.theta, net.grad, **{**options, **mask})
