"""A step that a device has recorded once, as one CUDA graph, and repeats with a single launch."""

import math
from typing import Any

import numpy as np

from ..backends.recorded import Recorder
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
        serial = SerialStep(net, loss, optimizer, **options)
        vars(self).update(vars(serial))  # the same network, optimizer and plans
        self.recorder = Recorder(net.backend, serial.run, capture)

    @property
    def report(self) -> str:
        return self.recorder.report

    def __call__(self, x: Any, t: Any) -> Any:
        version = self.net.ops.version, self.plans.version, self.optimizer.copy is None
        return self.recorder(x, t, version, self.alone, self.changes)

    def memory(self, x_shape: tuple) -> dict[str, int]:
        """As of a SerialStep, and the place from which the graph reads its batch (its x, not the targets)."""
        held = super().memory(x_shape)
        batch = math.prod(x_shape) * np.dtype(self.net.dtype).itemsize
        return held | {"activations": held["activations"] + batch}

    def changes(self) -> dict[str, Any]:
        """All that a step changes."""
        more = {"the copy of theta": self.optimizer.copy, "the loss scale": self.precision.state}
        found = {"theta": self.net.theta, "grad": self.net.grad, **self.net.buffers, **self.optimizer.state(), **more}
        return {name: a for name, a in found.items() if a is not None}

    def alone(self) -> str:
        """Why a batch cannot be filled up with rows that weigh nothing; empty where it can."""
        library = Layer.__module__.rpartition(".")[0]  # its layers see each row alone, but for those that ask for sums
        for layer in everything(self.net.layers):
            if hasattr(layer, "allreduce") or not type(layer).__module__.startswith(library):
                return f"{layer!r} may look at all rows"
        if own := self.net.ops.own:
            return f"{min(own)} is swapped and may look at all rows"
        known = type(self.loss) in (MeanSquaredError, BinaryCrossEntropy, SoftmaxCrossEntropy)
        fits = known and f"first_{self.loss.op}" in self.net.ops.fused
        return "" if fits else f"{self.loss!r} cannot leave rows out here"
