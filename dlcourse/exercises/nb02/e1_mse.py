"""02.1 The loss: the mean of the squared differences."""

from __future__ import annotations

import math

import numpy as np

from ..exercise import Exercise, Wrong, call


def mse(y, t):
    """L = mean of (y − t)²      y (B,)  t (B,) -> L number"""
    return np.mean((y - t) ** 2)


def cases(rng):
    yield call("mse", np.array([0.5, 0.0, 3.0]), np.array([1.0, 0.0, 1.0]))
    for B in (2, 5, 7):
        yield call("mse", rng.normal(size=B).round(2) + 0.2, rng.normal(size=B).round(2))
    yield call("mse", np.array([round(1.5 + float(rng.random()), 2)]), np.array([0.25]), tag="a batch of one")
    yield call("mse", np.array([3, -1, 2, 5]), rng.integers(-6, -1, size=4), tag="whole numbers")
    yield call("mse", np.array([0.3, -1.2]), np.array([0.3, -1.2]), tag="no difference at all")
    yield call("mse", np.array([1000.0, -1000.0, 0.0]), np.array([-1000.0, 1000.0, 0.0]), tag="large differences")


def loop(y, t):
    total = 0.0
    for i in range(len(y)):
        total += (y[i] - t[i]) ** 2
    return total / len(y)


def changes_y(y, t):
    y -= t
    return np.mean(y**2)


EXERCISE = Exercise(
    id="02.1",
    title="The mean squared difference",
    reference={"mse": mse},
    cases=cases,
    right=[
        {"mse": loop},
        {"mse": lambda y, t: np.dot(t - y, t - y) / len(t)},
        {"mse": lambda y, t: float(np.linalg.norm(y - t)) ** 2 / y.size},
        {"mse": lambda y, t: sum((yi - ti) ** 2 for yi, ti in zip(y, t)) / len(t)},
        {"mse": lambda y, t: np.einsum("b,b->", y - t, y - t) / y.shape[0]},
        {"mse": lambda y, t: np.float32(np.square(np.subtract(t, y)).mean())},
        {"mse": lambda y, t: math.fsum(np.abs(y - t) ** 2) / len(y)},
    ],
    wrong=[
        Wrong(
            "sum",
            lambda y, t: np.sum((y - t) ** 2),
            "You add the squares up. Divide by how many there are, so that the loss does not grow with the batch.",
            source="https://github.com/bfortuner/ml-glossary/issues/6",
        ),
        Wrong(
            "half the mean",
            lambda y, t: np.mean((y - t) ** 2) / 2,
            "Yours is half of the mean. Some books define it so; here it is the mean itself.",
            source="https://github.com/kuleshov-group/aml-book/issues/17",
        ),
        Wrong(
            "half the sum",
            lambda y, t: np.sum((y - t) ** 2) / 2,
            "Yours is half of the sum of the squares. Divide by how many there are, in place of 2.",
            source="https://github.com/acids-ircam/creative_ml/pull/6",
        ),
        Wrong(
            "root",
            lambda y, t: np.sqrt(np.mean((y - t) ** 2)),
            "You take the square root at the end. Leave it out: the loss is the mean of the squares itself.",
            source="https://github.com/fastai/fastbook/pull/401",
        ),
        Wrong(
            "square of the mean",
            lambda y, t: np.mean(y - t) ** 2,
            "You take the mean first, and +1 and −1 cancel to 0. Square each difference, then take the mean.",
            source="https://github.com/nicebread/meta-showdown/issues/6",
        ),
        Wrong(
            "not averaged",
            lambda y, t: (y - t) ** 2,
            "You return one square for each example. The loss is one number: their mean.",
            source="https://github.com/keras-team/keras-core/issues/8",
        ),
        Wrong(
            "not squared",
            lambda y, t: np.mean(y - t),
            "The differences are not squared, so that too high and too low cancel. Square each one.",
        ),
        Wrong(
            "absolute",
            lambda y, t: np.mean(np.abs(y - t)),
            "Yours is the mean of the absolute differences. Here each difference is squared.",
        ),
        Wrong(
            "all pairs",
            lambda y, t: np.mean((np.reshape(y, (-1, 1)) - t) ** 2),
            "You compare every y with every t. The first y belongs to the first t, the second to the second.",
            source="https://github.com/keras-team/keras/issues/14627",
        ),
        Wrong(
            "only t squared",
            lambda y, t: np.mean(y - t**2),
            "Only t is squared: a power comes before a minus. Put brackets around the difference.",
        ),
        Wrong(
            "difference of squares",
            lambda y, t: np.mean(y**2 - t**2),
            "You square y and t and then subtract. Subtract first, then square the difference.",
        ),
        Wrong(
            "caret",
            lambda y, t: np.mean((y - t) ^ 2),
            "In Python `^` is not a power. Write `** 2`.",
        ),
        Wrong(
            "changes y",
            changes_y,
            "The value is right, but an array that you were handed is overwritten. Compute in a new one.",
        ),
    ],
    hints=(
        "Three steps: the differences, their squares, the mean of those.",
        "`y - t` subtracts element by element, `** 2` squares each element, `np.mean` takes the mean.",
        "Put one inside the other, the mean outermost. Mind the brackets: `y - t ** 2` would square t alone.",
    ),
)
