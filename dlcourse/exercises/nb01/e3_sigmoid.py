"""01.3 A sigmoid that never overflows."""

from __future__ import annotations

import math

import numpy as np

from ..exercise import Exercise, Wrong, call


def sigmoid(z):
    """σ(z) = 1 / (1 + exp(−z)), for any z      z any shape -> same shape"""
    return 0.5 * (1 + np.tanh(0.5 * z))


def cases(rng):
    yield call("sigmoid", np.array([-2.0, 0.0, 0.5]))
    yield call("sigmoid", rng.normal(size=(2, 3)).round(2), tag="a table of numbers")
    yield call("sigmoid", np.array(round(rng.uniform(1.1, 1.9), 2)), tag="a single number")
    yield call("sigmoid", np.array([-3, 0, 2]), tag="whole numbers")
    yield call("sigmoid", np.array([-30.0, 30.0]), tag="large numbers")
    yield call("sigmoid", np.array([1000.0, 3.0]), tag="z = 1000")
    yield call("sigmoid", np.array([-1000.0, -3.0]), tag="z = −1000")


def with_abs(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def with_masks(z):
    z = np.asarray(z, dtype=float)
    y = np.empty_like(z)
    y[z >= 0] = 1 / (1 + np.exp(-z[z >= 0]))
    y[z < 0] = np.exp(z[z < 0]) / (1 + np.exp(z[z < 0]))
    return y


def with_masks_of_its_kind(z):
    y = np.empty_like(z)
    y[z >= 0] = 1 / (1 + np.exp(-z[z >= 0]))
    y[z < 0] = np.exp(z[z < 0]) / (1 + np.exp(z[z < 0]))
    return y


def kept_quiet(z):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def of_one(z):
    return 1 / (1 + np.exp(-z)) if z >= 0 else np.exp(z) / (1 + np.exp(z))


def one_by_one(z):
    return np.reshape([of_one(v) for v in np.ravel(z)], np.shape(z)).tolist()


EXERCISE = Exercise(
    id="01.3",
    title="A sigmoid that never overflows",
    reference={"sigmoid": sigmoid},
    cases=cases,
    errors={"over": "raise", "invalid": "raise", "divide": "raise"},
    right=[
        {"sigmoid": with_abs},
        {"sigmoid": with_masks},
        {"sigmoid": kept_quiet},
        {"sigmoid": one_by_one},
        {"sigmoid": np.vectorize(of_one, otypes=[float])},
        {"sigmoid": lambda z: np.exp(-np.logaddexp(0, -z))},
        {"sigmoid": lambda z: 1 / (1 + np.exp(-np.clip(z, -500, 500)))},
        {"sigmoid": lambda z: sigmoid(z).astype(np.float32)},
    ],
    wrong=[
        Wrong(
            "overflow below",
            lambda z: 1 / (1 + np.exp(-z)),
            "Right for ordinary z. At z = −1000 it asks for exp(1000), and no float is that large.",
            source="https://stackoverflow.com/questions/40726490",
        ),
        Wrong(
            "overflow above",
            lambda z: np.exp(z) / (1 + np.exp(z)),
            "Right for ordinary z. At z = 1000 it asks for exp(1000), and no float is that large.",
            source="https://github.com/hail-is/hail/pull/10606",
        ),
        Wrong(
            "overflow at both ends",
            lambda z: np.where(z >= 0, 1 / (1 + np.exp(-z)), np.exp(z) / (1 + np.exp(z))),
            "Right for ordinary z, but it overflows at z = 1000 and at z = −1000. "
            "Both forms are computed for every element, and one of them overflows. Compute each only where it "
            "is safe, or find one that always is.",
            source="https://github.com/harvard-edge/cs249r_book/pull/1870",
        ),
        Wrong(
            "asks once",
            of_one,
            "One question, like `if z >= 0`, is asked of a whole array. Find a form that needs none, or use masks.",
            source="https://stackoverflow.com/questions/70860771",
        ),
        Wrong(
            "math.exp",
            lambda z: 1 / (1 + math.exp(-z)),
            "Something here takes one number, as the functions of `math` do. `np.exp` and `np.tanh` take whole arrays.",
            source="https://exchangetuts.com/overflow-math-range-error-for-log-or-exp-1640279524063155",
        ),
        Wrong(
            "parentheses",
            lambda z: 1 / 1 + np.exp(-z),
            "You return 1 + exp(−z): in `1 / 1 + ...` the division comes first. The whole sum belongs under the line.",
            source="https://stackoverflow.com/questions/64217950",
        ),
        Wrong(
            "no one plus",
            lambda z: 1 / np.exp(-z),
            "You return 1 / exp(−z), which grows for ever. Below the line stands 1 + exp(−z).",
        ),
        Wrong(
            "mirrored",
            lambda z: 0.5 * (1 - np.tanh(0.5 * z)),
            "Yours falls as z grows: it is 1 − σ(z). Turn the sign of z round.",
            source="https://github.com/ljvmiranda921/pyswarms/pull/145",
        ),
        Wrong(
            "mirrored, overflow",
            lambda z: 1 / (1 + np.exp(z)),
            "Yours falls as z grows, and it overflows at z = 1000. The formula has exp(−z).",
            source="https://github.com/ljvmiranda921/pyswarms/pull/145",
        ),
        Wrong(
            "clipped",
            lambda z: 1 / (1 + np.exp(-np.clip(z, -20, 20))),
            "Beyond z = ±20 your answer stays what it is at ±20. That hides the overflow by changing values: "
            "rewrite the formula instead.",
            source="https://github.com/ocropus-archive/DUP-ocropy/pull/201",
        ),
        Wrong(
            "output clipped",
            lambda z: np.clip(sigmoid(z), 1e-6, 1 - 1e-6),
            "Your answers stop at 0.000001 and 0.999999. A sigmoid comes closer to 0 and 1 than that.",
            source="https://github.com/orchardbirds/bokbokbok/issues/10",
        ),
        Wrong(
            "whole numbers",
            with_masks_of_its_kind,
            "With whole numbers in z, your answers are cut to 0 or 1: they are written into an array of whole numbers. "
            "Make one of floats.",
            source="https://github.com/nu-radio/NuRadioMC/issues/1061",
        ),
        Wrong(
            "plain tanh",
            np.tanh,
            "That is tanh, which runs from −1 to 1. A sigmoid runs from 0 to 1.",
        ),
        Wrong(
            "not halved",
            lambda z: 0.5 * (1 + np.tanh(z)),
            "You return σ(2z): twice too steep. Halve z inside the tanh.",
        ),
        Wrong(
            "not shifted",
            lambda z: np.tanh(0.5 * z),
            "Yours runs from −1 to 1. Shift it up by 1, then halve it.",
        ),
        Wrong("twice as high", lambda z: 1 + np.tanh(0.5 * z), "Yours runs from 0 to 2. Halve it."),
        Wrong(
            "the slope",
            lambda z: sigmoid(z) * (1 - sigmoid(z)),
            "You return the slope of the sigmoid, σ(1 − σ). Notebook 02 needs it; here σ itself is wanted.",
        ),
    ],
    hints=(
        "Which function of NumPy has the same S shape, and never overflows?",
        "`np.tanh` runs from −1 to 1 and is twice as steep: put z/2 in, then shift and scale what comes out.",
        "tanh(z/2) goes from −1 to 1, and σ(z) from 0 to 1. What must be added to the first, and by what divided?",
    ),
)
