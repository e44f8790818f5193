"""Our package, by its public names alone: Network, the optimizers, choose_step, predict."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from cpu_workloads import LR, Workload

import dlcourse
from dlcourse import NUMPY
from dlcourse.hardware.machine import blas, cores

from . import Peer, Runner

MAKE = {
    "dense": lambda i, o: dlcourse.Dense(i, o),
    "conv": lambda c, o, kernel, padding, bias: dlcourse.Conv2D(c, o, kernel, padding=padding, bias=bias),
    "norm": lambda c: dlcourse.BatchNorm(c), "pool": lambda: dlcourse.MaxPool2D(),
    "relu": lambda: dlcourse.ReLU(), "flatten": lambda: dlcourse.Flatten(),
}  # fmt: skip


class Ours(Peer):
    """As installed, without compiled bodies."""

    name, threads = "dlcourse", "chosen by its rule: at most one a core"

    def versions(self) -> dict[str, str]:
        return {"dlcourse": dlcourse.__version__, "numpy": np.__version__, "blas": blas()}

    def make(self, w: Workload, weights: dict, optimizer: str) -> Runner:
        with bodies(compiled=False):
            return OurRunner(w, weights, optimizer)


class Compiled(Ours):
    """With the bodies of the extra `fast`."""

    name = "dlcourse + numba"

    def available(self) -> str | None:
        return why_not_compiled()

    def make(self, w: Workload, weights: dict, optimizer: str) -> Runner:
        with bodies(compiled=True):
            return OurRunner(w, weights, optimizer)


class OurRunner(Runner):
    def __init__(self, w: Workload, weights: dict, optimizer: str):
        self.net = dlcourse.Network(*(MAKE[kind](*numbers) for kind, *numbers in w.layers))
        for name, a in weights.items():
            self.net.params[name] = a
        loss = dlcourse.BinaryCrossEntropy() if w.classes == 1 else dlcourse.SoftmaxCrossEntropy()
        kind = {"momentum": dlcourse.Momentum, "adam": dlcourse.Adam}[optimizer]
        rule = kind(self.net.theta, self.net.grad, lr=LR[optimizer])
        self.step = dlcourse.choose_step(self.net, loss, rule, (w.batch, *w.shape), threads=cores())
        self.predict, self.said = self.net.predict, repr(self.step)

    def gradient(self, x: np.ndarray, t: np.ndarray) -> dict[str, np.ndarray]:
        self.step(x, t)
        return {name: a.copy() for name, a in self.net.grads.items()}

    def weights(self) -> dict[str, np.ndarray]:
        return {name: a.copy() for name, a in self.net.params.items()}


def why_not_compiled() -> str | None:
    """Why there are no compiled bodies to measure, or None."""
    try:
        importlib.import_module("dlcourse.backends.numba")
    except ImportError as error:
        return f"no compiled bodies ({error})"
    return None if compiled() else "no compiled bodies (dlcourse.backends.numba installed none)"


def compiled() -> dict[str, Any]:
    """The backend's bodies that numba compiles: those of the module dlcourse.backends.numba and its like."""
    return {name: body for name, body in NUMPY.bodies.items() if "numba" in body.__module__}


@contextlib.contextmanager
def bodies(*, compiled: bool) -> Iterator[None]:
    """Inside `with`, new networks are made with or without the compiled bodies."""
    before = NUMPY.bodies
    if not compiled:
        NUMPY.bodies = plain()
    try:
        yield
    finally:
        NUMPY.bodies = before


def plain() -> dict[str, Any]:
    """The bodies written in NumPy."""
    from dlcourse.backends import numpy_conv, numpy_dense, numpy_loss, numpy_norm, numpy_pool, numpy_update

    rooms = numpy_dense, numpy_conv, numpy_pool, numpy_norm, numpy_loss, numpy_update
    return {body.__name__: body for room in rooms for body in room.BODIES}


PEERS = [Ours(), Compiled()]
