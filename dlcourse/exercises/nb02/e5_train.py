"""02.5 Find the bug: a training loop in which one of the two numbers gets the wrong slope."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call
from .e3_unit_gradient import unit_gradient
from .e4_gradient_descent import gradient_descent


def train(x, t, lr, tol, most):
    """Fit y = w·x + b to t, from w = 0 and b = 0      x (B,)  t (B,) -> w, b, updates"""
    w, b, updates = 0.0, 0.0, 0
    for _ in range(most):
        d = w * x + b - t
        dw, db = np.mean(2 * d * x), np.mean(2 * d)
        w, b = w - lr * dw, b - lr * db
        updates += 1
        if abs(lr * dw) < tol and abs(lr * db) < tol:
            break
    return w, b, updates


def broken(x, t, lr, tol, most):
    """The same as it is given out: the slope of b is computed when w has already moved."""
    w, b, updates = 0.0, 0.0, 0
    for _ in range(most):
        dw = np.mean(2 * (w * x + b - t) * x)
        w = w - lr * dw
        db = np.mean(2 * (w * x + b - t))
        b = b - lr * db
        updates += 1
        if abs(lr * dw) < tol and abs(lr * db) < tol:
            break
    return w, b, updates


def cases(rng):
    for B, most in ((4, 1), (5, 2), (3, 9)):
        yield call("train", *_line(rng, B), 0.1, 1e-6, most)
    yield call(
        "train", np.array([round(0.5 + float(rng.random()), 1)]), np.array([2.0]), 0.1, 1e-2, 200, tag="a batch of one"
    )
    yield call("train", *_line(rng, 6), 0.2, 1e-3, 300, tag="many updates")
    x, t = _line(rng, 5)
    yield call("train", (x / 2).round(2), t, 0.3, 1e-3, 300, tag="many updates")
    yield call("train", np.array([1, 2, 4]), np.array([-2, 0, 3]), 0.05, 1e-2, 200, tag="whole numbers")
    x, t = _line(rng, 4)
    yield call("train", x, 0 * t, 0.1, 1e-3, 50, tag="a start at the bottom")
    yield call("train", x + 3, t, 0.5, 1e-3, 30, tag="a learning rate too large")
    apart = np.array([1.0, -1.0])  # w and b do not disturb each other here
    yield call("train", apart, np.array([2.0, 2.0]), 0.1, 1e-2, 200, tag="only b to be found")
    yield call("train", apart, np.array([1.0, 1.0]), 0.5, 1.0, 9, tag="a move of exactly tol")
    yield call("train", apart, np.array([1.0, -1.0]), 0.5, 1.0, 9, tag="a move of exactly tol")


def _line(rng, B):
    x = rng.permutation([0.2, 0.5, 0.9, 1.3, 1.6, 1.8])[:B]
    return x, (2 * x - 1.5 + rng.normal(size=B) * 0.3).round(1) + 0.05


def slopes_first(x, t, lr, tol, most):
    w, b, updates, moved = 0.0, 0.0, 0, np.inf
    while moved >= tol and updates < most:
        dw = np.mean(2 * (w * x + b - t) * x)
        db = np.mean(2 * (w * x + b - t))
        w = w - lr * dw
        b = b - lr * db
        moved = max(abs(lr * dw), abs(lr * db))
        updates = updates + 1
    return w, b, updates


def keeps_old_w(x, t, lr, tol, most):
    w, b, updates, moved = 0.0, 0.0, 0, np.inf
    while moved >= tol and updates < most:
        old = w
        dw = np.mean(2 * (w * x + b - t) * x)
        w = w - lr * dw
        db = np.mean(2 * (old * x + b - t))
        b = b - lr * db
        moved = max(abs(lr * dw), abs(lr * db))
        updates += 1
    return [w, b, updates]


def as_one_array(x, t, lr, tol, most):
    X, theta = np.column_stack([x, np.ones(len(x))]), np.zeros(2)
    for n in range(most):  # noqa: B007
        update = lr * 2 / len(t) * X.T @ (X @ theta - t)
        theta = theta - update
        if np.abs(update).max() < tol:
            break
    print("stopped after", n + 1)
    return theta[0], theta[1], n + 1


def borrowed(x, t, lr, tol, most):
    def slopes(v):
        return np.append(*unit_gradient(x[:, None], t, v[:1], v[1]))

    theta, updates = gradient_descent(slopes, np.zeros(2), lr, tol, most)
    return theta[0], theta[1], updates


def varied(
    dw=lambda x, d: np.mean(2 * d * x),
    db=lambda x, d: np.mean(2 * d),
    sign=(-1, -1),
    size=lambda u, v: max(abs(u), abs(v)),
    bias_first=False,
    count=lambda n: n,
):
    """The loop with one thing done otherwise, both slopes taken at the same place unless bias_first."""

    def train(x, t, lr, tol, most):
        w, b, updates, moved = 0.0, 0.0, 0, np.inf
        while moved >= tol and updates < most:
            d = w * x + b - t
            v = lr * db(x, d)
            b = b + sign[1] * v
            u = lr * dw(x, w * x + b - t if bias_first else d)
            w = w + sign[0] * u
            moved = size(u, v)
            updates += 1
        return w, b, count(updates)

    return train


EXERCISE = Exercise(
    id="02.5",
    title="Find the bug in a training loop",
    reference={"train": train},
    returns=("w", "b", "updates"),
    broken=broken,
    given={"unit_gradient": "02.3", "gradient_descent": "02.4"},
    cases=cases,
    right=[
        {"train": slopes_first},
        {"train": keeps_old_w},
        {"train": as_one_array},
        {"train": borrowed},
        {"train": varied()},
    ],
    wrong=[
        Wrong(
            "b first",
            varied(bias_first=True),
            "Now it is the other way round: b moves before w gets its slope. Both slopes belong to one place.",
            source="https://github.com/hans/glove.py/issues/6",
        ),
        Wrong(
            "uphill",
            varied(sign=(1, 1)),
            "Both numbers now move uphill. All signs were right as they were given, in the error and in the update.",
            source="https://github.com/pytorch/pytorch/issues/1871",
        ),
        Wrong(
            "b uphill",
            varied(sign=(-1, 1)),
            "Now b moves uphill. Its minus sign was right: put it back.",
        ),
        Wrong(
            "no factor 2",
            varied(dw=lambda x, d: np.mean(d * x), db=lambda x, d: np.mean(d)),
            "Both slopes are taken at one place now, but they are half of what they should be. The factor 2 was right.",
            source="https://github.com/patrickloeber/MLfromscratch/issues/18",
        ),
        Wrong(
            "sums",
            varied(dw=lambda x, d: np.sum(2 * d * x), db=lambda x, d: np.sum(2 * d)),
            "You add up over the batch in place of taking the mean. The means were right.",
            source="https://community.deeplearning.ai/t/general-code-debugging-tips/212979",
        ),
        Wrong(
            "b with the slope of w",
            varied(db=lambda x, d: np.mean(2 * d * x)),
            "Now b moves with the slope of w. The slope of b has no x in it.",
        ),
        Wrong(
            "w without x",
            varied(dw=lambda x, d: np.mean(2 * d)),
            "Now w moves with the slope of b. The slope of w has an x in it.",
        ),
        Wrong(
            "b stays",
            varied(sign=(-1, 0)),
            "b never moves. It needs its update too, with a slope from before w has moved.",
        ),
        Wrong(
            "stops by w alone",
            varied(size=lambda u, v: abs(u)),
            "The slopes are right now, but you stop when w is at rest, and b may still be moving. Look at both.",
        ),
        Wrong(
            "stops by b alone",
            varied(size=lambda u, v: abs(v)),
            "The slopes are right now, but you stop when b is at rest, and w may still be moving. Look at both.",
        ),
        Wrong(
            "one too few",
            varied(count=lambda n: n - 1),
            "w and b are right, and your count of updates is one too low. The counting was right as it was given.",
            source="https://github.com/almost-matching-exactly/DAME-FLAME-Python-Package/issues/32",
        ),
    ],
    hints=(
        "Go through one single round by hand, with x = [1] and t = [1]. Where do w and b stand, line by line?",
        "An update is one step from one place. At which w is the slope of b computed?",
        "When db is computed, w has already moved. Which of the four lines must come later?",
    ),
    rtol=1e-6,
    atol=1e-9,
)
