"""03.2 A whole batch: one dot product for each example and each unit."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call
from ..nb01.e1_unit import unit
from .e1_loops import layer_loops


def layer_dots(x, W, b):
    """y_no = x_n · W[:, o] + b_o      x (B,I)  W (I,O)  b (O,) -> y (B,O)"""
    y = np.zeros((len(x), len(b)))
    for n in range(len(x)):
        for o in range(len(b)):
            y[n, o] = np.dot(x[n], W[:, o]) + b[o]
    return y


def cases(rng):
    for B, I, O, tag in (
        (2, 3, 4, ""),
        (4, 2, 3, ""),
        (3, 4, 2, ""),
        (1, 3, 2, "a batch of one"),
        (3, 1, 2, "a single input"),
        (2, 3, 1, "a single unit"),
        (3, 3, 3, "three equal sizes"),
    ):
        x, W, b = rng.normal(size=(B, I)), rng.normal(size=(I, O)), rng.normal(size=O)
        yield call("layer_dots", x.round(1), W.round(1), b.round(1), tag=tag)


# ---------------------------------------------------------------- other right answers
def one_unit_at_a_time(x, W, b):
    columns = [x @ W[:, o] + b[o] for o in range(len(b))]
    return np.stack(columns, axis=1)


def nested_lists(x, W, b):
    out = []
    for row in x:
        out.append([float(np.dot(row, w)) + bias for w, bias in zip(W.T, b)])
    return out


def chatty(x, W, b):
    print(x.shape, W.shape, b.shape)
    return np.array([layer_loops(row, W, b) for row in x])


# ---------------------------------------------------------------- wrong ones
def all_rows_one_list(x, W, b):
    y = [[0.0] * len(b)] * len(x)
    for n in range(len(x)):
        for o in range(len(b)):
            y[n][o] = np.dot(x[n], W[:, o]) + b[o]
    return np.array(y)


def one_long_row(x, W, b):
    y = []
    for row in x:
        for o in range(len(b)):
            y.append(np.dot(row, W[:, o]) + b[o])
    return np.array(y)


def rows_for_columns(x, W, b):
    y = np.zeros((len(x), len(b)))
    for n in range(len(x)):
        for o in range(len(b)):
            y[n, o] = np.dot(x[n], W[o]) + b[o]
    return y


def bias_of_the_example(x, W, b):
    y = np.zeros((len(x), len(b)))
    for n in range(len(x)):
        for o in range(len(b)):
            y[n, o] = np.dot(x[n], W[:, o]) + b[n]
    return y


def first_example_only(x, W, b):
    y = np.zeros((len(x), len(b)))
    for o in range(len(b)):
        y[0, o] = np.dot(x[0], W[:, o]) + b[o]
    return y


EXERCISE = Exercise(
    id="03.2",
    title="A batch, dot by dot",
    reference={"layer_dots": layer_dots},
    given={"unit": "01.1", "layer_loops": "03.1"},
    cases=cases,
    right=[
        {"layer_dots": one_unit_at_a_time},
        {"layer_dots": nested_lists},
        {"layer_dots": chatty},
        {"layer_dots": lambda x, W, b: x @ W + b},
        {"layer_dots": lambda x, W, b: np.array([[unit(r, w, c, np.asarray) for w, c in zip(W.T, b)] for r in x])},
        {"layer_dots": lambda x, W, b: (x[:, :, None] * W).sum(axis=1) + b},
        {"layer_dots": lambda x, W, b: np.einsum("ni,io->no", x, W).astype(np.float32) + b.astype(np.float32)},
    ],
    wrong=[
        Wrong(
            "units as rows",
            lambda x, W, b: np.array([x @ W[:, o] + b[o] for o in range(len(b))]),
            "Rows and columns are exchanged: in y a row is one example, a column one unit. `.T` turns an array round.",
            source="https://github.com/d2l-ai/d2l-en/issues/1412",
        ),
        Wrong(
            "row of W for a column",
            rows_for_columns,
            "`W[o]` is row o of W: what input o sends to all units. The weights of unit o are the column, `W[:, o]`.",
            source="https://github.com/stephencwelch/Neural-Networks-Demystified/issues/23",
        ),
        Wrong(
            "not summed",
            lambda x, W, b: np.array([[row * W[:, o] + b[o] for o in range(len(b))] for row in x]),
            "The products are never added up. `*` multiplies number by number; `np.dot` also adds.",
            source="https://community.deeplearning.ai/t/course-1-week-2-exercise-5-propagate/119220",
        ),
        Wrong(
            "all biases for each unit",
            lambda x, W, b: np.array([[np.dot(row, W[:, o]) + b for o in range(len(b))] for row in x]),
            "All biases are added to each unit, so each becomes a row of numbers. Unit o gets one of them, `b[o]`.",
            source="https://github.com/mnielsen/neural-networks-and-deep-learning/issues/19",
        ),
        Wrong(
            "bias by example",
            bias_of_the_example,
            "The bias is chosen by the example. It belongs to the unit: `b[o]`, the same for all examples.",
            source="https://github.com/udacity/sdc-issue-reports/issues/136",
        ),
        Wrong(
            "no bias",
            lambda x, W, b: x @ W,
            "The biases are missing: your answer is exactly the dot products.",
        ),
        Wrong(
            "one list for all rows",
            all_rows_one_list,
            "Every row holds the answers of the last example. Each has a row of its own: is only that one written to?",
            source="https://github.com/acids-ircam/ddsp_pytorch/issues/37",
        ),
        Wrong(
            "one long row",
            one_long_row,
            "The numbers are right, but in one long row. Give each example a row of its own.",
            source="https://github.com/matthewrdev/Neural-Network/issues/1",
        ),
        Wrong(
            "first example only",
            first_example_only,
            "Only the first example is answered, and the other rows are 0. Go on to the other examples.",
        ),
    ],
    equivalent={
        "y = np.zeros((len(x), len(b))) -> y = np.ones((len(x), len(b)))": "every place is written over",
        "y[n, o] = np.dot(x[n], W[:, o]) + b[o] -> "
        "y[n, o] = np.dot(W[:, o], x[n]) + b[o]": "a dot product has no order",
    },
    hints=(
        "y has a row for each example and a column for each unit: `np.zeros((len(x), len(b)))`.",
        "Two loops, over examples n and units o. The weights of unit o are column o of W: `W[:, o]`.",
        "`np.dot` wants two rows of the same length. One is that column of W: which is the other? Then add the bias.",
    ),
)
