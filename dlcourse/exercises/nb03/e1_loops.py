"""03.1 A layer, number by number: one example, two loops."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call
from ..nb01.e1_unit import unit


def layer_loops(x, W, b):
    """y_o = Σ_i x_i·W_io + b_o      x (I,)  W (I,O)  b (O,) -> y (O,)"""
    y = np.zeros(len(b))
    for o in range(len(b)):
        z = b[o]
        for i in range(len(x)):
            z = z + x[i] * W[i, o]
        y[o] = z
    return y


def cases(rng):
    for I, O, tag in (
        (3, 2, ""),
        (2, 4, ""),
        (5, 3, ""),
        (1, 3, "a single input"),
        (4, 1, "a single unit"),
        (3, 3, "as many units as inputs"),
    ):
        x, W, b = rng.normal(size=I), rng.normal(size=(I, O)), rng.normal(size=O)
        yield call("layer_loops", x.round(2), W.round(2), b.round(2), tag=tag)
    W, b = rng.normal(size=(2, 3)).round(2), rng.normal(size=3).round(2)
    yield call("layer_loops", np.zeros(2), W, b, tag="inputs that are all 0")


# ---------------------------------------------------------------- other right answers
def appended(x, W, b):
    y = []
    for o in range(W.shape[1]):
        products = [x[i] * W[i, o] for i in range(len(x))]
        y.append(sum(products) + b[o])
    return y


def inputs_first(x, W, b):
    y = b.astype(float)
    for i in range(W.shape[0]):
        for o in range(W.shape[1]):
            y[o] += x[i] * W[i, o]
    return y


def chatty(x, W, b):
    def one(w, bias):
        return sum(xi * wi for xi, wi in zip(x, w)) + bias

    print("units:", len(b))
    return np.array([one(W[:, o], b[o]) for o in range(len(b))])


# ---------------------------------------------------------------- wrong ones
def never_back_to_zero(x, W, b):
    y, z = np.zeros(len(b)), 0.0
    for o in range(len(b)):
        for i in range(len(x)):
            z += x[i] * W[i, o]
        y[o] = z + b[o]
    return y


def transposed(x, W, b):
    y = np.zeros(len(b))
    for o in range(len(b)):
        y[o] = sum(x[i] * W[o, i] for i in range(len(x))) + b[o]
    return y


def last_product_only(x, W, b):
    y = np.zeros(len(b))
    for o in range(len(b)):
        for i in range(len(x)):
            y[o] = x[i] * W[i, o] + b[o]
    return y


def bias_each_time(x, W, b):
    y = np.zeros(len(b))
    for o in range(len(b)):
        for i in range(len(x)):
            y[o] += x[i] * W[i, o] + b[o]
    return y


def returns_too_early(x, W, b):
    y = np.zeros(len(b))
    for o in range(len(b)):
        for i in range(len(x)):
            y[o] += x[i] * W[i, o]
        y[o] += b[o]
        return y


def writes_into_b(x, W, b):
    y = b
    for o in range(len(b)):
        for i in range(len(x)):
            y[o] += x[i] * W[i, o]
    return y


EXERCISE = Exercise(
    id="03.1",
    title="A layer, number by number",
    reference={"layer_loops": layer_loops},
    given={"unit": "01.1"},
    cases=cases,
    right=[
        {"layer_loops": appended},
        {"layer_loops": inputs_first},
        {"layer_loops": chatty},
        {"layer_loops": lambda x, W, b: x @ W + b},
        {"layer_loops": lambda x, W, b: np.einsum("i,io->o", x, W) + b},
        {"layer_loops": lambda x, W, b: np.array([unit(x, W[:, o], b[o], lambda z: z) for o in range(len(b))])},
        {"layer_loops": lambda x, W, b: (x @ W + b).astype(np.float32)},
        {"layer_loops": lambda x, W, b: tuple(float(v) for v in (x[:, None] * W).sum(axis=0) + b)},
    ],
    wrong=[
        Wrong(
            "sum never back to 0",
            never_back_to_zero,
            "The first unit is right, but each later one also holds the sums before it. Begin anew for every unit.",
            source="https://github.com/yusugomori/DeepLearning/issues/1",
        ),
        Wrong(
            "W the other way round",
            transposed,
            "Rows and columns of W are exchanged. The weight from input i to unit o is `W[i, o]`.",
            source="https://github.com/makeyourownneuralnetwork/makeyourownneuralnetwork/issues/77",
        ),
        Wrong(
            "last product only",
            last_product_only,
            "Each unit keeps its last product only. Add every product to the sum; do not put it in the sum's place.",
        ),
        Wrong(
            "a bias for each input",
            bias_each_time,
            "The bias is counted once for every input. It belongs to the unit, so add it once.",
        ),
        Wrong(
            "one bias for all",
            lambda x, W, b: x @ W + b[0],
            "Every unit gets the bias of the first one. Unit o has its own, `b[o]`.",
            source="https://community.deeplearning.ai/t/calculation-the-number-of-bias-parameter/344441",
        ),
        Wrong(
            "no bias", lambda x, W, b: x @ W, "The biases are missing: your answer is exactly the sum of the products."
        ),
        Wrong(
            "last input left out",
            lambda x, W, b: x[:-1] @ W[:-1] + b,
            "The last input has no say. `range(n)` already ends at n − 1, so nothing needs to be taken off.",
            source="Python Tutor list, 20 Dec 2010, doing maths on lists",
        ),
        Wrong(
            "returns after the first unit",
            returns_too_early,
            "Only the first unit is computed, the others stay 0. `return` belongs behind both loops.",
        ),
        Wrong(
            "writes into b",
            writes_into_b,
            "The numbers are right, but the caller's b is changed. Write into a new array: `b.copy()`.",
        ),
    ],
    equivalent={
        "y = np.zeros(len(b)) -> y = np.ones(len(b))": "every place is written over",
        "for i in range(len(x)): -> for i in range(len(W)):": "W has a row for each input",
        "inside the loop: y[o] = z": "the last round writes the whole sum",
    },
    hints=(
        "The outer loop goes over the units, the inner one over the inputs.",
        "For unit o, begin with `z = b[o]`, and add `x[i] * W[i, o]` for each input i.",
        "Make room at the top: `y = np.zeros(len(b))`. When is z finished, and which place in y is its own?",
    ),
)
