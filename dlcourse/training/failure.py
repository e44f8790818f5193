"""A loss that is not finite ends the training with one sentence: where, in which layer, and the likely cause."""

from typing import Any

import numpy as np

from ..backends import backend_of, to_host
from ..nn.params import leaves

CLEAN = "the data (a batch is shuffled: np.isfinite(x) finds which of all examples), so clean them first"
GROWN, HUGE = 1.5, 1e4  # a loss that has grown so much, or a weight as large as this, points to the learning rate


class NonFiniteLoss(ArithmeticError):
    """update, epoch, batch: when, counted from 1.  layer: where the first such number appears, "" if in none.

    history: what the run produced until then.
    """

    def __init__(self, run: Any, value: float, losses: list[float]):
        self.update, self.epoch, self.batch = len(losses) + 1, run.epoch + 1, run.batch + 1
        self.history = run.history
        x, t = next(run.batches.epoch(run.epoch, run.batch))
        self.layer, place, cause = diagnose(run.net, run.loss, x, t, losses)
        when = f"update {self.update} (epoch {self.epoch}, batch {self.batch})"
        after = "the weights are as before this update" if run.host else "it changed no weights"
        super().__init__(f"the loss is {value} at {when}: {place}; likely cause: {cause}; {after}")


def diagnose(net: Any, loss: Any, x: Any, t: Any, losses: list[float]) -> tuple[str, str, str]:
    """(layer, place, likely cause), found by computing the batch again, layer by layer."""
    for name, a in (("x", x), ("t", t)):
        if not finite(a):
            row = int(np.argmin(np.isfinite(to_host(a)).reshape(len(a), -1).all(axis=1)))
            return "", f"the batch itself is not finite, first in row {row} of its {name}", CLEAN
    for name, view in net.params.items():
        if not finite(view):
            return name.rpartition(".")[0], f"the parameter {name} is not finite already", "what last wrote into it"
    cause = too_fast(net, losses)
    found, y = first_bad_layer(net, x)
    if found:
        return *found, cause or "an overflow or a logarithm of zero there, for the weights are not large"
    path, last = list(leaves(net.layers))[-1]
    place = f"all layers give finite numbers, the loss {loss!r} of them does not"
    place += f" (largest output of the last layer, {path}, {last!r}: |z| = {largest(y):.4g})"
    return "", place, cause or too_large(x, y, t)


def too_fast(net: Any, losses: list[float]) -> str:
    """The sentence for a learning rate that is too large, or nothing if neither losses nor weights say so."""
    weight = largest(net.theta)
    if len(losses) > 1 and losses[-1] > GROWN * losses[0]:
        return f"the learning rate is too large, the loss grew from {losses[0]:.4g} to {losses[-1]:.4g}"
    return f"the learning rate is too large, the largest weight is {weight:.4g}" if weight > HUGE else ""


def too_large(x: Any, y: Any, t: Any) -> str:
    """The sentence for a loss that overflows although weights and losses say nothing."""
    if max(map(largest, (x, y, t))) <= HUGE:
        return "the loss itself, for nothing that it gets is large"
    sizes = f"the inputs (up to {largest(x):.4g}), the targets (up to {largest(t):.4g})"
    return f"{sizes} or the learning rate is too large"


def first_bad_layer(net: Any, x: Any) -> tuple[tuple[str, str] | None, Any]:
    """(path, sentence) of the first layer whose output is not finite, and y. The buffers are left as they were."""
    found: list[tuple[str, str]] = []
    kept = {name: a.copy() for name, a in net.buffers.items()}
    inside = list(leaves(net.layers))
    for path, layer in inside:
        layer.forward = watched(path, layer, found)
    try:
        y = net.forward(x, train=True)
    finally:
        for _, layer in inside:
            del layer.forward
        net.buffers.update(kept)
    return (found[0] if found else None), y


def watched(path: str, layer: Any, found: list) -> Any:
    """The layer's forward, which notes the first output that is not finite."""
    forward = layer.forward

    def look(x: Any, train: bool = False) -> Any:
        y = forward(x, train)
        if not finite(y):
            found.append((path, f"the first number that is not finite appears in layer {path}, {layer!r}"))
        return y

    return look


def largest(a: Any) -> float:
    """max |a|. Waits for the device."""
    return float(abs(a).max())


def finite(a: Any) -> bool:
    """True if every number is finite. Waits for the device."""
    return a.dtype.kind != "f" or bool(backend_of(a).xp.isfinite(a).all())
