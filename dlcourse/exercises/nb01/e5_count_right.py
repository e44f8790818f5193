"""01.5 Count what a unit gets right."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call
from .e1_unit import unit
from .e2_step_relu import step
from .e3_sigmoid import sigmoid

ROWS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def count_right(X, t, w, b):
    """How many rows are sorted as t says?      X (B,I)  t (B,)  w (I,)  b number -> count"""
    return sum(unit(x, w, b, step) == ti for x, ti in zip(X, t))


def cases(rng):
    yield call("count_right", ROWS, np.array([0.0, 0.0, 0.0, 1.0]), np.array([1.0, 1.0]), -0.5)
    yield call("count_right", ROWS, np.array([0.0, 0.0, 0.0, 1.0]), np.array([1.0, 1.0]), -1.0, tag="a row with z = 0")
    line = np.array([[1.0], [2.0], [3.0]])
    yield call("count_right", line, np.array([0.0, 1.0, 1.0]), np.array([1.0]), -1.5, tag="a single input")
    yield call("count_right", line, np.array([0.0, 1.0, 0.0]), np.array([-1.0]), 2.5, tag="a single input")
    for B, n in ((7, 3), (1, 4), (6, 2), (9, 5)):
        X, w = rng.normal(size=(B, n)).round(1), rng.normal(size=n).round(1)
        b = round(round(0.05 - float(np.median(X @ w)), 2) + 0.005, 3)  # no row lies on the line: z is never 0
        t = (rng.random(B) < 0.6) * 1.0 if B > 1 else (X @ w + b > 0) * 1.0
        yield call("count_right", X, t, w, b, tag="a single row" if B == 1 else "")


def loop(X, t, w, b):
    n = 0
    for i in range(len(X)):
        y = unit(X[i], w, b, step)
        if y == t[i]:
            n += 1
    return n


def first_only(X, t, w, b):
    n = 0
    for x, ti in zip(X, t):
        if unit(x, w, b, step) == ti:
            n += 1
        return n


def z(X, w, b):
    return np.asarray(X) @ np.asarray(w) + b


EXERCISE = Exercise(
    id="01.5",
    title="Count what a unit gets right",
    reference={"count_right": count_right},
    given={"unit": "01.1", "step": "01.2"},
    cases=cases,
    right=[
        {"count_right": loop},
        {"count_right": lambda X, t, w, b: np.sum(step(z(X, w, b)) == t)},
        {"count_right": lambda X, t, w, b: len(t) - np.abs(step(z(X, w, b)) - t).sum()},
        {"count_right": lambda X, t, w, b: np.count_nonzero((z(X, w, b) > 0) == (np.asarray(t) == 1))},
        {"count_right": lambda X, t, w, b: float(sum(unit(x, w, b, step) == ti for x, ti in zip(X, t)))},
        {"count_right": lambda X, t, w, b: len([1 for i, x in enumerate(X) if unit(x, w, b, step) == t[i]])},
    ],
    wrong=[
        Wrong(
            "counts the wrong ones",
            lambda X, t, w, b: int((step(z(X, w, b)) != t).sum()),
            "You count the rows that are wrong. Count those that are right.",
        ),
        Wrong(
            "share",
            lambda X, t, w, b: float((step(z(X, w, b)) == t).mean()),
            "You return the share of rows that are right. Their number is wanted.",
        ),
        Wrong(
            "table",
            lambda X, t, w, b: int((step(z(X, w[:, None], b)) == t).sum()),
            "You compare every output with every target. Each output has one target, that of its own row.",
            source="https://github.com/orobix/Prototypical-Networks-for-Few-shot-Learning-PyTorch/issues/23",
        ),
        Wrong(
            "no bias",
            lambda X, t, w, b: int((step(z(X, w, 0)) == t).sum()),
            "The bias is missing: your counts are those of b = 0.",
            source="https://github.com/makeyourownneuralnetwork/makeyourownneuralnetwork/issues/80",
        ),
        Wrong(
            "one at zero",
            lambda X, t, w, b: int(((z(X, w, b) >= 0) == (t == 1)).sum()),
            "A row with z = 0 exactly counts as a 1 in yours. The step is 0 there.",
            source="https://github.com/zueve/neurolab/issues/31",
        ),
        Wrong(
            "always says 1",
            lambda X, t, w, b: int((t == 1).sum()),
            "You count the ones in t, as if the unit said 1 to every row. A sigmoid is always above 0: use the step.",
            source="https://github.com/hktxt/Learn-Statistical-Learning-Method/issues/2",
        ),
        Wrong(
            "per row",
            lambda X, t, w, b: (step(z(X, w, b)) == t) * 1,
            "You return one answer for each row. Add them up: one number is wanted.",
        ),
        Wrong(
            "all or nothing",
            lambda X, t, w, b: bool((step(z(X, w, b)) == t).all()),
            "You say whether all rows are right. Say how many.",
        ),
        Wrong(
            "counts the ones",
            lambda X, t, w, b: int(step(z(X, w, b)).sum()),
            "You count the rows to which the unit says 1, whatever t says. Compare with t.",
        ),
        Wrong(
            "ones only",
            lambda X, t, w, b: int((step(z(X, w, b)) * t).sum()),
            "You count only the rows where both say 1. A 0 that should be 0 is right too.",
        ),
        Wrong(
            "no row",
            lambda X, t, w, b: int((sigmoid(z(X, w, b)) == t).sum()),
            "Yours counts no row at all. Is what you compare ever equal: exactly 0 or 1, and asked with `==`?",
        ),
        Wrong(
            "z itself",
            lambda X, t, w, b: int((z(X, w, b) == t).sum()),
            "You compare the sum z with t. Bend it first: the step turns z into 0 or 1.",
            source="https://github.com/aymericdamien/TensorFlow-Examples/issues/262",
        ),
        Wrong(
            "last row missing",
            lambda X, t, w, b: int((step(z(X, w, b)) == t)[:-1].sum()),
            "The last row is never looked at. `range(n)` already stops before n.",
        ),
        Wrong(
            "first row only",
            first_only,
            "You look at the first row and no other. Does your `return` stand inside the loop?",
        ),
        Wrong(
            "four rows",
            lambda X, t, w, b: sum(int(step(z(X[i], w, b)) == t[i]) for i in range(4)),
            "You look at four rows, always. X has as many rows as it has: `len(X)`, or a loop over X itself.",
        ),
    ],
    equivalent={
        "return sum((unit(x, w, b, step) == ti for x, ti in zip(X, t))) -> "
        "return sum((unit(w, x, b, step) == ti for x, ti in zip(X, t)))": "the product of two rows has no order",
    },
    hints=(
        "For each row x of X: does `unit(x, w, b, step)` equal its t?",
        "`zip(X, t)` hands you each row together with its target.",
        "Begin with `count = 0`. Inside `for x, ti in zip(X, t):` add 1 where the unit's answer is ti.",
    ),
)
