"""Steps as a device repeats them: recorded once for each kind of batch, compared if asked, and never silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from .base import Backend, to_host
from .cuda_kernel import Unfit

CAPTURE = ("auto", True, False, "check")


class Recorder:
    """Runs step(x, t, n=None) -> loss: three times as it is, then recorded, for each kind of batch.

    n says on the device how many rows count, where the others only fill a batch up. capture, report: see GraphStep.
    """

    def __init__(self, backend: Backend, step: Callable, capture: bool | str):
        if capture not in CAPTURE:
            raise ValueError(f'capture= is "auto", True, False or "check", got {capture!r}')
        self.backend, self.step, self.capture = backend, step, capture
        self.graphs: dict[tuple, Recorded | None] = {}
        self.calls: Counter = Counter()
        self.report = "recorded after three plain steps of a shape" if capture else "nothing is recorded: capture=False"

    def __call__(self, x: Any, t: Any, version: Any, alone: Callable, changes: Callable) -> Any:
        """The loss of one step.

        version    of what a graph has frozen, functions and memory: with another one the step is recorded anew
        alone()    why a shorter batch cannot be filled up, or nothing
        changes()  {name: array} of all that a step changes
        """
        same = x.shape[1:], t.shape[1:], x.dtype, t.dtype, len(x) == len(t), version
        key = len(x), *same
        if key not in self.graphs:
            longer = [g for k, g in self.graphs.items() if g and g.fills and k[1:] == same and k[0] > len(x)]
            if longer and len(x):  # an empty batch is refused by the plain step
                return min(longer, key=lambda graph: len(graph.x))(x, t)
            self.calls[key] += 1
            if self.calls[key] <= 3 or not self.capture:
                return self.step(x, t)  # real steps: kernels compile, pools grow
            current = {k: g for k, g in self.graphs.items() if k[-1] == version}
            self.graphs = current | {key: self.record(x, t, alone(), changes)}
        return (self.graphs[key] or self.step)(x, t)

    def record(self, x: Any, t: Any, alone: str, changes: Callable) -> Recorded | None:
        """The graph for batches of this shape; None where there can be none."""
        what = f"batches {x.shape}"
        try:
            graph = Recorded(self.backend, self.step, x, t, fills=not alone)
        except Exception as why:
            if self.capture != "auto":
                raise RuntimeError(f"{what} cannot be recorded: {why}") from why
            self.say(f"{what} go launch by launch, they cannot be recorded: {why}", aloud=True)
            return None
        alone = alone or graph.why_not
        self.say(f"{what} are recorded; shorter ones {f'get their own graph: {alone}' if alone else 'are filled up'}")
        if self.capture == "check":
            self.say(f"{what}: {compared(self.step, graph, x, t, changes())}", aloud=True)
        return graph

    def say(self, what: str, aloud: bool = False) -> None:
        """Add a line to the report; aloud: print it, too."""
        self.report += f"\n{what}"
        if aloud:
            print(what)


class Recorded:
    """One step, recorded. Calling it copies the batch to where the graph reads, and replays.

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


def compared(plain: Callable, recorded: Recorded, x: Any, t: Any, changes: dict[str, Any]) -> str:
    """Five plain steps and five replays from one state, then that state again; raises where they differ by a bit."""
    start, ends = {name: a.copy() for name, a in changes.items()}, []
    for step in (plain, recorded):
        losses = np.array([to_host(step(x, t)) for _ in range(5)])
        ends.append({"the losses": losses} | {name: to_host(a).copy() for name, a in changes.items()})
        for name, a in changes.items():
            a[...] = start[name]
    for name, a in ends[0].items():
        if not np.array_equal(a, ends[1][name], equal_nan=True):
            off = np.abs(a - ends[1][name]).max()
            raise RuntimeError(f"five recorded steps differ from five plain ones in {name}, by up to {off:.3g}")
    own = f"{recorded.replay.nodes} launches in one, {recorded.replay.nbytes:,} bytes of its own"
    return f"five recorded steps are five plain ones, bit for bit; {own}"
