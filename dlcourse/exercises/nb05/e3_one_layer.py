"""05.3 Two layers without a bend between them are one layer."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call
from ..nb03.e3_layer import layer


def one_layer(W1, b1, W2, b2):
    """(x·W1 + b1)·W2 + b2 = x·W + b   W1 (I,H) b1 (H,) W2 (H,O) b2 (O,) -> W, b"""
    return W1 @ W2, b1 @ W2 + b2


def cases(rng):
    for I, H, O, tag in (
        (2, 3, 4, ""),
        (3, 4, 2, ""),
        (4, 2, 3, "fewer hidden units than inputs"),
        (3, 3, 3, "equal sizes"),
        (2, 2, 2, "equal sizes"),
        (2, 3, 3, "as many outputs as hidden units"),
        (3, 2, 1, "one output"),
        (2, 1, 3, "one hidden unit"),
    ):
        W1, W2 = rng.integers(1, 5, (I, H)), rng.integers(1, 5, (H, O))
        W1, W2 = (W * rng.choice([-1, 1], W.shape) for W in (W1, W2))
        yield call("one_layer", W1, rng.integers(2, 8, H), W2, rng.integers(2, 8, O), tag=tag)
    W = rng.normal(size=(2, 2)).round(1)
    yield call("one_layer", W, np.zeros(2), W + 1, np.zeros(2), tag="no biases")


# ---------------------------------------------------------------- other right answers
def by_trying(W1, b1, W2, b2):
    """Send 0 and the unit vectors through both layers."""
    nothing = np.zeros((1, len(W1)))
    b = layer(layer(nothing, W1, b1), W2, b2)[0]
    return layer(layer(np.eye(len(W1)), W1, b1), W2, b2) - b, b


def with_loops(W1, b1, W2, b2):
    I, H, O = len(W1), len(b1), len(b2)
    W = [[sum(W1[i][h] * W2[h][o] for h in range(H)) for o in range(O)] for i in range(I)]
    b = [sum(b1[h] * W2[h][o] for h in range(H)) + b2[o] for o in range(O)]
    print(I, H, O)
    return W, b


def as_one_table(W1, b1, W2, b2):
    both = np.vstack([W1, b1]).dot(W2)
    return [both[:-1], both[-1] + b2]


EXERCISE = Exercise(
    id="05.3",
    title="Two layers are one",
    reference={"one_layer": one_layer},
    returns=("W", "b"),
    given={"layer": "03.3"},
    cases=cases,
    right=[
        {"one_layer": by_trying},
        {"one_layer": with_loops},
        {"one_layer": as_one_table},
        {"one_layer": lambda W1, b1, W2, b2: (np.einsum("ih,ho->io", W1, W2), (W2.T @ b1) + b2)},
        {"one_layer": lambda W1, b1, W2, b2: (np.dot(W1, W2) * 1.0, layer(b1, W2, b2))},
    ],
    wrong=[
        Wrong(
            "W2 @ W1",
            lambda W1, b1, W2, b2: (W2 @ W1, b1 @ W2 + b2),
            "W is W2 @ W1, as for columns. Here x is a row: it meets W1 first, so W1 stands on the left.",
            source="https://github.com/d2l-ai/d2l-en/pull/128",
        ),
        Wrong(
            "both as for columns",
            lambda W1, b1, W2, b2: (W2 @ W1, W2 @ b1 + b2),
            "W and b are those of W2·(W1·x + b1) + b2, where x is a column. Here x is a row and stands on the left.",
            source="https://github.com/NervanaSystems/he-transformer/issues/270",
        ),
        Wrong(
            "b1 + b2",
            lambda W1, b1, W2, b2: (W1 @ W2, b1 + b2),
            "W is right. But b1 goes through the second layer too: it is multiplied by W2 before b2 comes in.",
            source="https://github.com/ultralytics/yolov3/issues/807",
        ),
        Wrong(
            "b2 alone",
            lambda W1, b1, W2, b2: (W1 @ W2, b2),
            "W is right, but b1 is lost. What does it add to the outputs, after the second layer?",
            source="https://github.com/pytorch/pytorch/pull/36173",
        ),
        Wrong(
            "b2 forgotten",
            lambda W1, b1, W2, b2: (W1 @ W2, b1 @ W2),
            "W is right, and so is the part of b1. The second layer's own b2 is missing.",
            source="https://github.com/tenstorrent/tt-metal/pull/5317",
        ),
        Wrong(
            "(b1 + b2) through W2",
            lambda W1, b1, W2, b2: (W1 @ W2, (b1 + b2) @ W2),
            "W is right. b2 comes in after W2, so it is not multiplied by it, or does not even fit.",
        ),
        Wrong(
            "number by number",
            lambda W1, b1, W2, b2: (W1 * W2, b1 * b2),
            "`*` multiplies number by number. One layer after the other is a matrix product, `@`.",
            source="https://github.com/stephencwelch/Neural-Networks-Demystified/issues/24",
        ),
        Wrong(
            "b first, then W",
            lambda W1, b1, W2, b2: (b1 @ W2 + b2, W1 @ W2),
            "Both are right, in the other order: first W, then b.",
        ),
        Wrong(
            "only W",
            lambda W1, b1, W2, b2: W1 @ W2,
            "That is W, and it is right. Give back b as well: `return W, b`.",
        ),
        Wrong(
            "b1 through W1",
            lambda W1, b1, W2, b2: (W1 @ W2, W1 @ b1 @ W2 + b2),
            "W is right. b1 comes in after W1, so it meets only W2.",
        ),
    ],
    hints=(
        "Multiply the brackets out: (x·W1 + b1)·W2 + b2. Which part holds x, and which does not?",
        "x·W1·W2 + b1·W2 + b2. A product of matrices may be worked out from either end: W1·W2 first, and x later.",
        "What becomes of b1 on its way through the second layer? What is added there?",
    ),
)
