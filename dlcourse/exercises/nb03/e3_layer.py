"""03.3 The whole batch in one matrix product."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call
from .e1_loops import layer_loops
from .e2_dots import layer_dots


def layer(x, W, b):
    """y = x·W + b      x (B,I)  W (I,O)  b (O,) -> y (B,O)"""
    return x @ W + b


def cases(rng):
    for B, I, O, tag in (
        (2, 3, 4, ""),
        (4, 2, 3, ""),
        (1, 4, 2, "a batch of one"),
        (3, 4, 1, "a single unit"),
        (2, 1, 3, "a single input"),
        (3, 2, 3, "as many examples as units"),
        (2, 3, 3, "as many inputs as units"),
        (3, 3, 3, "three equal sizes"),
    ):
        x, W, b = rng.normal(size=(B, I)), rng.normal(size=(I, O)), rng.normal(size=O)
        yield call("layer", x.round(1), W.round(1), b.round(1), tag=tag)
    W, b = rng.normal(size=(2, 3)).round(1), rng.normal(size=3).round(1)
    yield call("layer", np.zeros((2, 2)), W, b, tag="inputs that are all 0")


# ---------------------------------------------------------------- other right answers
def bias_as_a_weight(x, W, b):
    ones = np.ones((len(x), 1))
    return np.hstack([x, ones]) @ np.vstack([W, b])


def in_place(x, W, b):
    z = np.matmul(x, W)
    z += b
    print(z.shape)
    return z


# ---------------------------------------------------------------- wrong ones
def reshaped(x, W, b):
    z = W.T @ x.T + b[:, None]
    return z.reshape(len(x), len(b))


EXERCISE = Exercise(
    id="03.3",
    title="One matrix product",
    reference={"layer": layer},
    given={"layer_loops": "03.1", "layer_dots": "03.2"},
    cases=cases,
    right=[
        {"layer": bias_as_a_weight},
        {"layer": in_place},
        {"layer": lambda x, W, b: (W.T @ x.T + b[:, None]).T},
        {"layer": lambda x, W, b: np.einsum("bi,io->bo", x, W) + b},
        {"layer": lambda x, W, b: np.dot(x, W) + b.reshape(1, -1)},
        {"layer": lambda x, W, b: (x @ W + b).tolist()},
        {"layer": lambda x, W, b: (x @ W + b).astype(np.float32)},
        {"layer": lambda x, W, b: layer_dots(x, W, b)},
        {"layer": lambda x, W, b: [layer_loops(row, W, b) for row in x]},
    ],
    wrong=[
        Wrong(
            "* for @",
            lambda x, W, b: x * W + b,
            "`x * W` multiplies number by number, and adds nothing up. The matrix product is `x @ W`.",
            source="https://github.com/stephencwelch/Neural-Networks-Demystified/issues/24",
        ),
        Wrong(
            "W first",
            lambda x, W, b: W @ x + b,
            "The order is exchanged. x (B,I) stands on the left and W (I,O) on the right, so that the two I meet.",
            source="https://github.com/Graylab/DL4Proteins-notebooks/issues/8",
        ),
        Wrong(
            "W transposed",
            lambda x, W, b: x @ W.T + b,
            "W is transposed. It has a column for each unit already, so `x @ W` fits as it stands.",
            source="https://github.com/stephencwelch/Neural-Networks-Demystified/issues/23",
        ),
        Wrong(
            "b as a column",
            lambda x, W, b: x @ W + b[:, None],
            "The biases stand in a column, so they go by example. As a row (O,), b is added to every example.",
            source="https://github.com/mnielsen/neural-networks-and-deep-learning/issues/19",
        ),
        Wrong(
            "no bias",
            lambda x, W, b: x @ W,
            "The biases are missing: your answer is exactly x @ W.",
            source="https://github.com/patrick-kidger/equinox/issues/205",
        ),
        Wrong(
            "one bias for all",
            lambda x, W, b: x @ W + b[0],
            "Every unit gets the bias of the first one. Add the whole row b: NumPy gives each column its own.",
            source="https://github.com/algorithmiaio/danku/issues/9",
        ),
        Wrong(
            "units as rows",
            lambda x, W, b: W.T @ x.T + b[:, None],
            "Rows and columns are exchanged: in y a row is one example, a column one unit. `.T` turns an array round.",
            source="https://github.com/d2l-ai/d2l-en/issues/1412",
        ),
        Wrong(
            "reshaped, not transposed",
            reshaped,
            "The right numbers stand in the wrong places. `.T` exchanges rows and columns; `reshape` does not.",
        ),
        Wrong(
            "axes of length 1 squeezed away",
            lambda x, W, b: np.squeeze(x @ W + b),
            "An axis of length 1 is lost. A batch of one is still a batch: (1, O), and one unit gives (B, 1).",
        ),
        Wrong(
            "added up over the batch",
            lambda x, W, b: (x @ W + b).sum(axis=0),
            "The examples are added up into one row. Each example keeps a row of its own.",
        ),
    ],
    hints=(
        "One dot product for each pair of row and column: that is what a matrix product is. No loop is needed.",
        "`x @ W` is the matrix product. Shapes (B,I) and (I,O) give (B,O).",
        "Only b is missing. Add it as it is: NumPy repeats (O,) for each row of (B,O).",
    ),
)
