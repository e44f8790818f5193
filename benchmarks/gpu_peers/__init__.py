"""Who is measured on a GPU, each behind the names of cpu_peers and three more.

A peer    prepares_s: how long making a runner takes, about; make(w, weights, precision)
A runner  resident(x, t, orders)  all data to the device, once, with the order in which batches are taken from it
          turn()      one measured call: a batch gathered from there and a step, or a prediction
          last()      the loss of the last step as a number: waits
          on_default_stream    its work can be told by CUDA events there
"""

from __future__ import annotations

import importlib
import itertools
from typing import Any

import cpu_peers
from cpu_workloads import Workload

__all__ = ["GpuPeer", "GpuRunner", "peers"]


class GpuRunner(cpu_peers.Runner):
    """What all have in common: turns over the orders."""

    on_default_stream, trains, value = True, True, None

    def resident(self, x: Any, t: Any, orders: Any) -> None:
        """Keep the data, and the rows of each batch, where the runner computes."""
        self.x, self.t = self.place(x, t)
        self.order(orders)

    def order(self, orders: Any) -> None:
        """Which rows are the next batches, over and over: copied at once."""
        placed = self.place(orders, orders)[0]
        self.rows = itertools.cycle([placed[i] for i in range(len(orders))])

    def batch(self, rows: Any) -> tuple:
        """These rows of the data, gathered where they lie."""
        return self.x[rows], self.t[rows]

    def turn(self) -> None:
        """One measured call."""
        if not self.trains:
            self.value = self.predict(self.x)
            return
        self.value = self.step(*self.batch(next(self.rows)))

    def last(self) -> float:
        """The loss of the last turn."""
        return float(self.value)


class GpuPeer(cpu_peers.Peer):
    """An implementation on the device of this run; dry: on the processor, or on the fake device."""

    prepares_s = 2.0

    def __init__(self, dry: bool = False):
        self.dry = dry

    def tidy(self) -> None:
        """Give back the memory of runners that are gone."""

    def make(self, w: Workload, weights: dict, precision: str) -> GpuRunner:
        raise NotImplementedError(f"{type(self).__name__} has no make")


def peers(dry: bool, modes: tuple[str, ...]) -> list[GpuPeer]:
    """Ours first; PyTorch compiled once for each mode."""
    made = [importlib.import_module(f"gpu_peers.{name}").made for name in ("ours", "torch", "jax")]
    return [peer for make in made for peer in make(dry, modes)]
