"""The figures of the course. Each takes data and returns a matplotlib Figure that carries its description in `.alt`."""

from .backward import error_flow, gates, layer_backward, symptoms, wrong_but_learning
from .curves import bands, loss_curve, sweep
from .descent import descent_map, descents, line_fit, long_run, nudge
from .engines import crossings, left_of_a_claim, relative_errors, step_times, two_clocks
from .graph import graph_map, in_a_row, learning, slopes_compared, value_graph
from .hidden import borders, corners, hidden_space, straight_borders, unit_parts
from .images import answer, digits, pixels, predictions
from .layer import product, side_by_side, staircase, unit_images, unit_outputs, unit_table
from .networks import confusion, counts, layers
from .prediction import evidence, loss_of_p, softmax_steps, templates, train_and_test
from .training import early_stop, error_by_epoch, seed_bands, verdicts, weight_life
from .units import bends, half_planes, pairs, rows_right, sixteen_tables, unit_diagram, votes, weight_images

__all__ = [
    "answer",
    "bands",
    "bends",
    "borders",
    "confusion",
    "corners",
    "counts",
    "crossings",
    "descent_map",
    "descents",
    "digits",
    "early_stop",
    "error_by_epoch",
    "error_flow",
    "evidence",
    "gates",
    "graph_map",
    "half_planes",
    "hidden_space",
    "in_a_row",
    "layer_backward",
    "layers",
    "learning",
    "left_of_a_claim",
    "line_fit",
    "long_run",
    "loss_curve",
    "loss_of_p",
    "nudge",
    "pairs",
    "pixels",
    "predictions",
    "product",
    "relative_errors",
    "rows_right",
    "seed_bands",
    "side_by_side",
    "sixteen_tables",
    "slopes_compared",
    "softmax_steps",
    "staircase",
    "step_times",
    "straight_borders",
    "sweep",
    "symptoms",
    "templates",
    "train_and_test",
    "two_clocks",
    "unit_diagram",
    "unit_images",
    "unit_outputs",
    "unit_parts",
    "unit_table",
    "value_graph",
    "verdicts",
    "votes",
    "weight_images",
    "weight_life",
    "wrong_but_learning",
]
