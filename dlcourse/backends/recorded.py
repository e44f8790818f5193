"""A step as a graph holds it: where it reads its batch, what it writes, and the proof that it is the same step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .base import Backend, to_host
from .cuda_kernel import Unfit


class Recorded:
    """step(x, t, n) -> loss, recorded once. Calling it copies the batch to where the graph reads, and replays.

    fills    a shorter batch may be filled up: n is then an array (), of how many rows count. Otherwise n is None
    why_not  why it does not fill batches up although it was asked to
    value    the loss: each replay writes it anew
    """

    why_not = ""

    def __init__(self, backend: Backend, step: Callable, x: Any, t: Any, *, fills: bool):
        self.x, self.t, self.rows, self.value, self.fills = x.copy(), t.copy(), 0, None, fills
        self.n = backend.zeros((), "float32")

        def recorded() -> None:
            self.value = step(self.x, self.t, self.n if self.fills else None)

        try:
            self.replay = backend.capture(recorded)
        except Unfit as why:
            self.fills, self.why_not = False, str(why)
            self.replay = backend.capture(recorded)

    def __call__(self, x: Any, t: Any) -> Any:
        rows = len(x)
        self.x[:rows], self.t[:rows] = x, t
        if rows < len(self.x):
            self.x[rows:] = 0  # what an earlier batch left there might not be finite
        if self.fills and rows != self.rows:
            self.n[...] = self.rows = rows
        self.replay()
        return self.value


def compared(plain: Callable, recorded: Recorded, x: Any, t: Any, arrays: dict[str, Any]) -> str:
    """Five plain steps and five replays from one state, then that state again; raises where they differ by a bit."""
    start, ends = {name: a.copy() for name, a in arrays.items()}, []
    for step in (plain, recorded):
        losses = np.array([to_host(step(x, t)) for _ in range(5)])
        ends.append({"the losses": losses} | {name: to_host(a).copy() for name, a in arrays.items()})
        for name, a in arrays.items():
            a[...] = start[name]
    for name, a in ends[0].items():
        if not np.array_equal(a, ends[1][name], equal_nan=True):
            off = np.abs(a - ends[1][name]).max()
            raise RuntimeError(f"five recorded steps differ from five plain ones in {name}, by up to {off:.3g}")
    own = f"{recorded.replay.nodes} launches in one, {recorded.replay.nbytes:,} bytes of its own"
    return f"five recorded steps are five plain ones, bit for bit; {own}"
