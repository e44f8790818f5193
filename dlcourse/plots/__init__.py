"""The figures of the course. Each takes data and returns a matplotlib Figure that carries its description in `.alt`."""

from .curves import bands, loss_curve, sweep
from .descent import descent_map, descents, line_fit, long_run, nudge
from .images import answer, digits, pixels, predictions
from .layer import product, side_by_side, staircase, unit_images, unit_outputs, unit_table
from .networks import confusion, counts, layers
from .units import bends, half_planes, pairs, rows_right, sixteen_tables, unit_diagram, votes, weight_images

__all__ = [
    "answer",
    "bands",
    "bends",
    "confusion",
    "counts",
    "descent_map",
    "descents",
    "digits",
    "half_planes",
    "layers",
    "line_fit",
    "long_run",
    "loss_curve",
    "nudge",
    "pairs",
    "pixels",
    "predictions",
    "product",
    "rows_right",
    "side_by_side",
    "sixteen_tables",
    "staircase",
    "sweep",
    "unit_diagram",
    "unit_images",
    "unit_outputs",
    "unit_table",
    "votes",
    "weight_images",
]
