"""Our package, by its public names alone: Network, the optimizers, choose_step, predict."""

from __future__ import annotations

import importlib.metadata

import numpy as np
from cpu_workloads import Workload

import dlcourse
from dlcourse.hardware.machine import blas, cores

from . import Peer, Runner

MAKE = {
    "dense": lambda i, o: dlcourse.Dense(i, o),
    "conv": lambda c, o, kernel, padding, bias: dlcourse.Conv2D(c, o, kernel, padding=padding, bias=bias),
    "norm": lambda c: dlcourse.BatchNorm(c), "pool": lambda: dlcourse.MaxPool2D(),
    "relu": lambda: dlcourse.ReLU(), "flatten": lambda: dlcourse.Flatten(),
}  # fmt: skip


class Ours(Peer):
    """NumPy's bodies alone."""

    name, threads, backend = "dlcourse", "chosen by its rule: at most one a core", "numpy"

    def versions(self) -> dict[str, str]:
        return {"dlcourse": dlcourse.__version__, "numpy": np.__version__, "blas": blas()}

    def make(self, w: Workload, weights: dict, optimizer: str) -> Runner:
        return OurRunner(w, weights, optimizer, self.backend)


class Compiled(Ours):
    """With the compiled bodies of the extra `fast`, asked for as anybody asks for them."""

    name, backend = "dlcourse + numba", "numba"

    def available(self) -> str | None:
        try:
            dlcourse.get_backend("numba")
        except (ImportError, ValueError) as error:
            return f"no compiled bodies: {error}"
        return None

    def versions(self) -> dict[str, str]:
        return super().versions() | {"numba": importlib.metadata.version("numba")}


class OurRunner(Runner):
    """What `fit` would do with this network, and `predict`."""

    def __init__(self, w: Workload, weights: dict, optimizer: str, backend: str):
        self.net = dlcourse.Network(*(MAKE[kind](*numbers) for kind, *numbers in w.layers), backend=backend)
        for name, a in weights.items():
            self.net.params[name] = a
        self.predict, self.said = self.net.predict, f"predict on {self.net.backend!r}"
        if w.trains:
            loss = dlcourse.BinaryCrossEntropy() if w.classes == 1 else dlcourse.SoftmaxCrossEntropy()
            kind = {"momentum": dlcourse.Momentum, "adam": dlcourse.Adam}[optimizer]
            rule = kind(self.net.theta, self.net.grad, lr=w.lr(optimizer))
            self.step = dlcourse.choose_step(self.net, loss, rule, (w.batch, *w.shape), threads=cores())
            self.said = repr(self.step)

    def gradient(self, x: np.ndarray, t: np.ndarray) -> dict[str, np.ndarray]:
        self.step(x, t)
        return {name: a.copy() for name, a in self.net.grads.items()}

    def weights(self) -> dict[str, np.ndarray]:
        return {name: a.copy() for name, a in self.net.params.items()}


PEERS = [Ours(), Compiled()]
