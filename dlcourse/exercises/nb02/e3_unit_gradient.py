"""02.3 In which direction does the loss of one unit grow? One slope for each weight, and one for the bias."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call
from .e1_mse import mse
from .e2_central_difference import central_difference


def unit_gradient(X, t, w, b):
    """d = X·w + b − t   dw = mean 2 d x   db = mean 2 d      X (B,I) t (B,) w (I,) -> dw (I,) db number"""
    d = X @ w + b - t
    return 2 * d @ X / len(t), 2 * np.mean(d)


def cases(rng):
    for B, n in ((4, 2), (7, 3), (3, 5)):
        yield call("unit_gradient", *_numbers(rng, B, n))
    yield call("unit_gradient", *_numbers(rng, 1, 4), tag="a batch of one")
    yield call("unit_gradient", *_numbers(rng, 6, 1), tag="a single input")
    X, t, w, b = _numbers(rng, 5, 2)
    yield call("unit_gradient", 0 * X, t, w, b, tag="inputs that are all 0")
    X = rng.integers(-3, 4, size=(4, 3)) * 1.0
    w = np.array([1.0, -2.0, 0.5])
    yield call("unit_gradient", X, X @ w + 0.25, w, 0.25, tag="no difference at all")


def _numbers(rng, B, n):
    X, w = rng.normal(size=(B, n)).round(1) + 0.3, rng.normal(size=n).round(1) + 0.5
    return X.round(1), rng.normal(size=B).round(1), w.round(1), round(float(rng.normal()) + 1.5, 1)


def loops(X, t, w, b):
    B, I = len(X), len(w)  # noqa: E741
    dw, db = [0.0] * I, 0.0
    for n in range(B):
        d = sum(X[n][i] * w[i] for i in range(I)) + b - t[n]
        for i in range(I):
            dw[i] += 2 * d * X[n][i] / B
        db += 2 * d / B
    return dw, db


def nudged(X, t, w, b):
    dw = np.zeros(len(w))
    for i in range(len(w)):
        e = np.eye(len(w))[i]
        dw[i] = central_difference(lambda v: mse(X @ (w + v * e) + b, t), 0.0)  # noqa: B023
    return dw, central_difference(lambda v: mse(X @ w + v, t), b)


def broadcast(X, t, w, b):
    d = ((X * w).sum(axis=1) + b - t)[:, None]
    print("differences", d.ravel())
    return (2 * d * X).mean(axis=0), (2 * d).mean(axis=0)[0]


def appended(X, t, w, b):
    X1 = np.column_stack([X, np.ones(len(X))])
    both = 2 / len(X) * X1.T @ (X1 @ np.append(w, b) - t)
    return [both[:-1], both[-1]]


def changes_t(X, t, w, b):
    t -= X @ w + b
    return -2 * X.T @ t / len(t), -2 * np.mean(t)


def last_row(X, t, w, b):
    for x, ti in zip(X, t):
        d = x @ w + b - ti
    return 2 * d * x, 2 * d


def d_of(X, t, w, b):
    return X @ w + b - t


EXERCISE = Exercise(
    id="02.3",
    title="The gradient of one unit",
    reference={"unit_gradient": unit_gradient},
    returns=("dw", "db"),
    given={"mse": "02.1", "central_difference": "02.2"},
    cases=cases,
    right=[
        {"unit_gradient": loops},
        {"unit_gradient": nudged},
        {"unit_gradient": broadcast},
        {"unit_gradient": appended},
        {"unit_gradient": lambda X, t, w, b: (-2 / len(t) * X.T @ (t - X @ w - b), -2 * np.mean(t - X @ w - b))},
        {"unit_gradient": lambda *a: tuple(np.float32(g) for g in unit_gradient(*a))},
    ],
    wrong=[
        Wrong(
            "no factor 2",
            lambda *a: (d_of(*a) @ a[0] / len(a[1]), np.mean(d_of(*a))),
            "Exactly half of the gradient: the factor 2, from the slope of the square, is missing.",
            source="https://github.com/patrickloeber/MLfromscratch/issues/18",
        ),
        Wrong(
            "sum",
            lambda *a: (2 * d_of(*a) @ a[0], 2 * np.sum(d_of(*a))),
            "You add up over the batch. The loss is a mean, so divide both by the number of examples, len(t).",
            source="https://community.deeplearning.ai/t/general-code-debugging-tips/212979",
        ),
        Wrong(
            "db is a sum",
            lambda *a: (2 * d_of(*a) @ a[0] / len(a[1]), 2 * np.sum(d_of(*a))),
            "dw is right. In db you add up over the batch: take the mean there as well.",
            source="https://community.deeplearning.ai/t/general-code-debugging-tips/212979",
        ),
        Wrong(
            "dw is a sum",
            lambda *a: (2 * d_of(*a) @ a[0], 2 * np.mean(d_of(*a))),
            "db is right. In dw you add up over the batch: divide by the number of examples, len(t).",
        ),
        Wrong(
            "divided twice",
            lambda *a: (2 * d_of(*a) @ a[0] / len(a[1]) ** 2, 2 * np.mean(d_of(*a)) / len(a[1])),
            "You divide by the number of examples twice. Once is enough.",
            source="https://github.com/d2l-ai/d2l-en/pull/1000",
        ),
        Wrong(
            "sign",
            lambda *a: (-2 * d_of(*a) @ a[0] / len(a[1]), -2 * np.mean(d_of(*a))),
            "Both have the wrong sign: the difference is prediction minus desired value, y − t.",
            source="https://github.com/makeyourownneuralnetwork/makeyourownneuralnetwork/issues/61",
        ),
        Wrong(
            "last row",
            last_row,
            "Only the last example counts. Take the mean over all of them.",
            source="https://community.deeplearning.ai/t/general-code-debugging-tips/212979",
        ),
        Wrong(
            "no x in dw",
            lambda *a: (np.full(len(a[2]), 2 * np.mean(d_of(*a))), 2 * np.mean(d_of(*a))),
            "All your slopes are that of the bias. A nudge of a weight is multiplied by its input: mean of 2 d x.",
            source="https://community.deeplearning.ai/t/general-code-debugging-tips/212979",
        ),
        Wrong(
            "no bias",
            lambda X, t, w, b: unit_gradient(X, t, w, 0.0),
            "Your differences are those of b = 0. The prediction is X·w + b.",
        ),
        Wrong(
            "no t",
            lambda X, t, w, b: unit_gradient(X, 0 * t, w, b),
            "The desired values t play no part. The difference is X·w + b − t.",
        ),
        Wrong(
            "mean of all",
            lambda X, t, w, b: (np.mean(2 * d_of(X, t, w, b)[:, None] * X), 2 * np.mean(d_of(X, t, w, b))),
            "You take the mean over the inputs too, and one number is left. Each weight has a slope of its own.",
            source="https://github.com/rasbt/stat453-deep-learning-ss21/issues/5",
        ),
        Wrong(
            "d times X",
            lambda X, t, w, b: (2 * np.mean(d_of(X, t, w, b) * X), 2 * np.mean(d_of(X, t, w, b))),
            "`d * X` does not pair each d with its row of X, and your mean leaves one number for all weights. `d @ X` "
            "adds up the rows, each times its d.",
        ),
        Wrong(
            "d times X, no factor 2",
            lambda X, t, w, b: (np.mean(d_of(X, t, w, b) * X), np.mean(d_of(X, t, w, b))),
            "`d * X` does not pair each d with its row of X: `d @ X` does, and adds up. The factor 2 is missing, too.",
        ),
        Wrong(
            "d times X, by column",
            lambda X, t, w, b: (np.mean(2 * d_of(X, t, w, b) * X, axis=0), 2 * np.mean(d_of(X, t, w, b))),
            "`d * X` multiplies along the rows of X, and there is one d for each row. `d[:, None] * X` pairs them, and "
            "so does `d @ X`, which adds up.",
        ),
        Wrong(
            "not averaged",
            lambda X, t, w, b: (2 * d_of(X, t, w, b)[:, None] * X, 2 * d_of(X, t, w, b)),
            "You return a slope for each example. Take the mean over the examples, that is, over the first axis.",
        ),
        Wrong(
            "signs only",
            lambda *a: (np.sign(d_of(*a)) @ a[0] / len(a[1]), np.mean(np.sign(d_of(*a)))),
            "That is the gradient of the mean absolute difference. The slope of a square is 2 d, not the sign of d.",
        ),
        Wrong(
            "swapped",
            lambda *a: unit_gradient(*a)[::-1],
            "Both are right, in the wrong order: first dw, then db.",
        ),
        Wrong(
            "d not transposed",
            lambda X, t, w, b: (2 * X @ d_of(X, t, w, b) / len(t), 2 * np.mean(d_of(X, t, w, b))),
            "A product has its factors in the wrong order. X is (B,I): w (I,) fits behind it, `X @ w`, and d (B,) "
            "in front of it, `d @ X`.",
            source="https://community.deeplearning.ai/t/course-1-week-2-exercise-5-propagate/119220",
        ),
        Wrong(
            "changes t",
            changes_t,
            "The values are right, but an array that you were handed is overwritten. Compute in new ones.",
        ),
    ],
    equivalent={
        "return (2 * d @ X / len(t), 2 * np.mean(d)) -> "
        "return (2 * d @ X / len(X), 2 * np.mean(d))": "X has as many rows as t",
    },
    hints=(
        "First the differences d, one for each row: `X @ w + b` minus t.",
        "A nudge of b moves every y by as much: db is the mean of 2 d. A nudge of w₁ moves y by x₁ times as much.",
        "`d @ X` multiplies each d with its row and adds up. What turns that sum into the mean of 2 d x?",
    ),
    rtol=1e-6,
    atol=1e-8,
)
