"""Every implementation that is measured, each behind the same few names.

A peer    name, threads, available() -> a reason or None, supports(w) -> a reason or None, versions(),
          make(w, weights, optimizer) -> a runner
A runner  place(x, t) -> the batch as this library wants it, once, untimed
          step(x, t)       one training step                       timed
          predict(x) -> y  inference                               timed
  answer(x) -> y   the same, on the host
          wait()           until all work handed over is done      timed
          gradient(x, t) -> {name: array}   one step, and the gradient that it used
          weights() -> {name: array}        as they are now
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from typing import Any

import numpy as np

MODULES = {"torch": "torch", "jax": "jax", "sklearn": "scikit-learn"}  # what must be importable, and what it is called


class Runner:
    """What most runners have in common."""

    probabilities = False  # predict gives softmax(z), not z

    def place(self, x: Any, t: Any) -> tuple:
        return x, t

    def answer(self, x: Any) -> np.ndarray:
        """The prediction on the host."""
        return np.asarray(self.predict(x))

    def wait(self) -> None:
        """Nothing is left to wait for."""


class Peer:
    """One implementation, which may need a package that is not installed."""

    name, needs, threads = "", "", "2"

    def available(self) -> str | None:
        """Why it cannot be measured here, or None."""
        if self.needs and importlib.util.find_spec(self.needs) is None:
            return f"{MODULES[self.needs]} is not installed"
        return None

    def supports(self, w: Any) -> str | None:
        """Why it has no part in this workload, or None."""
        return None

    def versions(self) -> dict[str, str]:
        package = MODULES.get(self.needs)
        return {package: importlib.metadata.version(package)} if package else {}

    def make(self, w: Any, weights: dict, optimizer: str) -> Runner:
        raise NotImplementedError(f"{type(self).__name__} has no make")


def peers() -> list[Peer]:
    """All of them, ours first. A module of peers imports its library only when a runner is made."""
    order = ("ours", "torch", "jax", "usual", "sklearn")
    return [peer for name in order for peer in importlib.import_module(f"cpu_peers.{name}").PEERS]
