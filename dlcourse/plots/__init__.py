"""The figures of the course. Each takes data and returns a matplotlib Figure that carries its description in `.alt`."""

from .curves import bands, loss_curve, sweep
from .images import answer, digits, pixels, predictions
from .networks import confusion, counts, layers

__all__ = [
    "answer",
    "bands",
    "confusion",
    "counts",
    "digits",
    "layers",
    "loss_curve",
    "pixels",
    "predictions",
    "sweep",
]
