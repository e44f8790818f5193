"""Our package by its public names, on CuPy; in a dry run on the fake device, which counts and computes by NumPy."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from cpu_peers.ours import MAKE
from cpu_workloads import Workload

import dlcourse

from . import GpuPeer, GpuRunner

REAL_STEPS = 4  # three that prepare, and the recording


def blank(rng: Any, shape: tuple, *fans: int) -> np.ndarray:
    """No first weights: everybody's are copied in, and drawing a billion takes a minute and a half."""
    return np.zeros(shape, "float32")


BLANK = MAKE | {
    "dense": lambda i, o: dlcourse.Dense(i, o, init=blank),
    "conv": lambda c, o, kernel, padding, bias: dlcourse.Conv2D(c, o, kernel, padding=padding, bias=bias, init=blank),
}


def backend(dry: bool) -> Any:
    """Where ours computes. Raises where there is no GPU."""
    if dry:
        from dlcourse.backends.fake import FAKE

        return FAKE
    return dlcourse.get_backend("cupy")


def precise(precision: str) -> dict[str, str]:
    """The option for choose_step: none for fp32, which is what it does anyway."""
    return {} if precision == "fp32" else {"precision": precision}


def lacks(precision: str) -> str | None:
    """Why ours has no such arithmetic, or None."""
    missing = precise(precision).keys() - inspect.signature(dlcourse.choose_step).parameters.keys()
    return f"choose_step has no {', '.join(missing)}= in this version of the package" if missing else None


class Ours(GpuPeer):
    """Whatever choose_step takes."""

    name = "dlcourse"

    def available(self) -> str | None:
        try:
            backend(self.dry)
        except (ImportError, RuntimeError) as error:
            return str(error)
        return None

    def versions(self) -> dict[str, str]:
        found = {"dlcourse": dlcourse.__version__, "numpy": np.__version__}
        return found | {"cupy": getattr(backend(self.dry).xp, "__version__", "played by the fake device")}

    def tidy(self) -> None:
        pool = getattr(backend(self.dry).xp, "get_default_memory_pool", None)
        if pool:
            pool().free_all_blocks()

    def make(self, w: Workload, weights: dict, precision: str) -> GpuRunner:
        return OurRunner(w, weights, precision, backend(self.dry))


class OurRunner(GpuRunner):
    """What `fit` would do with this network, and `predict`."""

    def __init__(self, w: Workload, weights: dict, precision: str, backend: Any):
        self.net = dlcourse.Network(*(BLANK[kind](*numbers) for kind, *numbers in w.layers), backend=backend)
        for name, a in weights.items():
            self.net.params[name] = backend.asarray(a)
        self.backend, self.trains, self.said = backend, w.trains, "predict"
        self.wait, self.predict = backend.synchronize, self.net.predict
        if w.trains:
            rule = dlcourse.Adam(self.net.theta, self.net.grad, lr=w.lr("adam"))
            shape, loss, options = (w.batch, *w.shape), dlcourse.SoftmaxCrossEntropy(), precise(precision)
            self.step = dlcourse.choose_step(self.net, loss, rule, shape, **options)
            self.warm(shape)
            told = getattr(self.step, "report", None)
            self.said = told() if callable(told) else told or repr(self.step)

    def warm(self, shape: tuple) -> None:
        """Compile and record with steps that learn; afterwards all that they changed is as it was, bit for bit."""
        changes = self.step.changes()
        before = {name: a.copy() if self.any_bit(a) else 0 for name, a in changes.items()}  # most of it is still 0
        x, t = self.place(np.random.default_rng(0).random(shape, "float32"), np.zeros(shape[0], "int64"))
        for _ in range(REAL_STEPS):
            self.value = self.step(x, t)
        for name, a in changes.items():
            a[...] = before[name]
        self.wait()
        del before
        self.backend.xp.get_default_memory_pool().free_all_blocks()

    @staticmethod
    def any_bit(a: Any) -> bool:
        """Is there anything but zeros? Waits."""
        return bool(a.reshape(-1).view("uint8").any())

    def place(self, x: Any, t: Any) -> tuple:
        return self.backend.asarray(x), self.backend.asarray(t)

    def last(self) -> float:
        return float(self.backend.to_host(self.value))

    def answer(self, x: Any) -> np.ndarray:
        return self.backend.to_host(self.predict(x))

    def gradient(self, x: Any, t: Any) -> dict[str, np.ndarray]:
        self.step(x, t)
        return {name: self.backend.to_host(a).copy() for name, a in self.net.grads.items()}

    def weights(self) -> dict[str, np.ndarray]:
        return {name: self.backend.to_host(a).copy() for name, a in self.net.params.items()}


def made(dry: bool, modes: tuple[str, ...]) -> list[GpuPeer]:
    return [Ours(dry)]
