"""A step that a device has recorded once, as one CUDA graph, and repeats with a single launch."""

import math
from collections import Counter
from typing import Any

import numpy as np

from ..backends.recorded import Recorded, compared
from ..nn.layers import Layer
from ..nn.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy
from ..nn.network import everything
from .steps import SerialStep, Step


class GraphStep(Step):
    """Three real steps, one recording, then replays: one launch a step. The graph reads its batch from a copy.

    capture  "auto": where a step cannot be recorded it says why, once, and goes on launch by launch. True: it raises
             instead. False: nothing is recorded. "check": as True, and five replays must give what five plain steps
             give from the same state, bit for bit
    report   what was recorded, what was not, and why

    A shorter batch is filled up with rows that weigh nothing and goes through the same graph; where a layer, a loss or
    a swapped function may look at all rows, it gets a graph of its own.
    The loss it returns is a device scalar which the next step overwrites: keep float(loss), or loss.copy().
    """

    def __init__(self, net: Any, loss: Any, optimizer: Any, *, capture: bool | str = "auto", **options: Any):
        if capture not in ("auto", True, False, "check"):
            raise ValueError(f'capture= is "auto", True, False or "check", got {capture!r}')
        self.serial = SerialStep(net, loss, optimizer, **options)
        vars(self).update(vars(self.serial))  # the same network, optimizer and plans
        self.capture, self.graphs, self.calls = capture, {}, Counter()
        self.report = "recorded after three plain steps of a shape" if capture else "nothing is recorded: capture=False"

    def __call__(self, x: Any, t: Any) -> Any:
        same = x.shape[1:], t.shape[1:], x.dtype, t.dtype, len(x) == len(t), self.net.ops.version
        key = len(x), *same  # a graph has frozen the functions: a swap records anew
        if key not in self.graphs:
            self.calls[key] += 1
            longer = [g for k, g in self.graphs.items() if g and g.fills and k[1:] == same and k[0] > len(x)]
            if longer:
                return min(longer, key=lambda graph: len(graph.x))(x, t)
            if self.calls[key] <= 3 or not self.capture:
                return self.serial(x, t)  # real steps: kernels compile, pools grow
            self.graphs = {k: g for k, g in self.graphs.items() if k[-1] == key[-1]} | {key: self.record(x, t)}
        return (self.graphs[key] or self.serial)(x, t)

    def memory(self, x_shape: tuple) -> dict[str, int]:
        """As of a SerialStep, and the place from which the graph reads its batch (its x, not the targets)."""
        held = super().memory(x_shape)
        batch = math.prod(x_shape) * np.dtype(self.net.dtype).itemsize
        return held | {"activations": held["activations"] + batch}

    def record(self, x: Any, t: Any) -> Recorded | None:
        """The graph for batches of this shape; None where there can be none."""
        what, alone = f"batches {x.shape}", why_alone(self.net, self.loss)
        try:
            graph = Recorded(self.net.backend, self.serial.run, x, t, fills=not alone)
        except Exception as why:
            if self.capture != "auto":
                raise RuntimeError(f"{what} cannot be recorded: {why}") from why
            return self.say(f"{what} go launch by launch, they cannot be recorded: {why}", aloud=True)
        alone = alone or graph.why_not
        self.say(f"{what} are recorded; shorter ones {f'get their own graph: {alone}' if alone else 'are filled up'}")
        if self.capture == "check":
            arrays = {"theta": self.net.theta, "grad": self.net.grad, **self.net.buffers, **self.optimizer.state()}
            self.say(f"{what}: {compared(self.serial, graph, x, t, arrays)}", aloud=True)
        return graph

    def say(self, what: str, aloud: bool = False) -> None:
        self.report += f"\n{what}"
        if aloud:
            print(what)


def why_alone(net: Any, loss: Any) -> str:
    """Why a batch cannot be filled up with rows that weigh nothing; empty where it can."""
    library = Layer.__module__.rpartition(".")[0]  # whose layers, but for those that ask for sums, see each row alone
    for layer in everything(net.layers):
        if hasattr(layer, "allreduce") or not type(layer).__module__.startswith(library):
            return f"{layer!r} may look at all rows"
    if net.ops.own:
        return f"{min(net.ops.own)} is swapped and may look at all rows"
    known = type(loss) in (MeanSquaredError, BinaryCrossEntropy, SoftmaxCrossEntropy)
    return "" if known and f"first_{loss.op}" in net.ops.fused else f"{loss!r} cannot leave rows out here"
