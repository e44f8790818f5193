"""07.2 The backward pass of relu: a gate that is open or shut."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call


def relu_backward(da, a):
    """dz = da where a > 0, else 0      da (...)  a (...): the outputs of relu -> dz (...)"""
    return da * (a > 0)


def cases(rng):
    for shape, tag in (
        ((3, 4), ""),
        ((2, 5), ""),
        ((4, 4), "as many rows as columns"),
        ((1, 6), "a batch of one"),
        ((7,), "a single row"),
        ((2, 3, 2), "three axes"),
    ):
        yield call("relu_backward", *_numbers(rng, shape), tag=tag)
    da, a = _numbers(rng, (2, 3))
    yield call("relu_backward", da, 0 * a, tag="units that are all silent")
    yield call("relu_backward", da, (a + 0.3).round(1), tag="units that are all awake")
    yield call("relu_backward", 100 * da, (a / 1000).round(4), tag="very small outputs")
    yield call("relu_backward", 0 * da, a, tag="no error from above")


def _numbers(rng, shape):
    """An error from above with both signs, and outputs of relu: some are exactly 0, some lie above 1, some below."""
    size = int(np.prod(shape))
    a = np.resize([0.0, 0.4, 0.0, 1.7, 2.3], size) * (1 + rng.integers(0, 4, size))
    order = rng.permutation(size)
    da = np.resize([1.0, -1.0, -1.0, 1.0], size) * rng.integers(2, 20, size) / 8
    return da[order].reshape(shape), a[order].round(1).reshape(shape)


# ---------------------------------------------------------------- other right answers
def copied(da, a):
    dz = np.array(da, dtype=float)
    dz[a <= 0] = 0
    return dz


def one_by_one(da, a):
    dz = [d if out > 0 else 0.0 for d, out in zip(np.ravel(da), np.ravel(a))]
    print(len(dz))
    return np.reshape(dz, np.shape(a))


# ---------------------------------------------------------------- wrong ones
def in_place(da, a):
    da[a <= 0] = 0
    return da


EXERCISE = Exercise(
    id="07.2",
    title="A bend, backward",
    reference={"relu_backward": relu_backward},
    cases=cases,
    right=[
        {"relu_backward": copied},
        {"relu_backward": one_by_one},
        {"relu_backward": lambda da, a: np.where(a > 0, da, 0)},
        {"relu_backward": lambda da, a: da * np.sign(a)},
        {"relu_backward": lambda da, a: da * (a != 0)},
        {"relu_backward": lambda da, a: (da * np.heaviside(a, 0)).astype(np.float32)},
        {"relu_backward": lambda da, a: np.where(a > 0, da, 0).tolist()},
    ],
    wrong=[
        Wrong(
            "no gate",
            lambda da, a: da.copy(),
            "Everything comes through, also where the output is 0. There a nudge of z changes nothing: ask for a > 0.",
            source="https://github.com/iamtrask/Grokking-Deep-Learning/pull/13",
        ),
        Wrong(
            "only the slope",
            lambda da, a: (a > 0) * 1.0,
            "That is the slope of relu, 1 or 0. Multiply it by da, which comes from above.",
            source="https://github.com/haifengl/smile/issues/528",
        ),
        Wrong(
            "gate by the error",
            lambda da, a: np.maximum(da, 0),
            "You stop the negative errors. Whether the gate is open depends on a, the output, not on da.",
            source="https://github.com/exacity/deeplearningbook-chinese/issues/127",
        ),
        Wrong(
            "times the output",
            lambda da, a: da * a,
            "Each error is multiplied by the output itself. The slope is 1 where the gate is open, not a.",
            source="https://github.com/hiive/mlrose/pull/5",
        ),
        Wrong(
            "relu of a",
            lambda da, a: np.maximum(a, 0),
            "You give back a itself, the output: that is the way forward. On the way back da passes where a > 0.",
        ),
        Wrong(
            "arguments exchanged",
            lambda da, a: a * (da > 0),
            "The two arguments have changed places: the outputs pass where the error is positive.",
        ),
        Wrong(
            "upside down",
            lambda da, a: da * (a <= 0),
            "Open where it should be shut, and shut where it should be open.",
            source="https://github.com/parasdahal/deepnet/issues/9",
        ),
        Wrong(
            "slope of sigmoid",
            lambda da, a: da * a * (1 - a),
            "`a·(1 − a)` is the slope of sigmoid. That of relu is 1 or 0.",
            source="https://github.com/jeffheaton/encog-dotnet-core/issues/124",
        ),
        Wrong(
            "open above 1",
            lambda da, a: da * (a > 1),
            "Outputs between 0 and 1 are shut out. The gate is open for every output above 0.",
        ),
        Wrong(
            "leaks",
            lambda da, a: np.where(a > 0, da, 0.01 * da),
            "A hundredth still leaks through the shut gate. That belongs to a leaky relu; here it is 0.",
            source="https://github.com/SilasMarvin/dnns-from-scratch-in-zig/issues/5",
        ),
        Wrong(
            "sign",
            lambda da, a: -da * (a > 0),
            "The right gates, and the wrong sign. What comes through an open gate is unchanged.",
        ),
        Wrong(
            "changes da",
            in_place,
            "The values are right, but da is overwritten, and others may still need it. Make a new array.",
            source="https://github.com/scikit-learn/scikit-learn/issues/14244",
        ),
    ],
    hints=(
        "What does a nudge of z do to relu's output where z is positive? And where it is negative?",
        "The slope is 1 or 0, and the output shows which: it is above 0 exactly where z was. Ask `a > 0`.",
        "True counts as 1, False as 0. What is multiplied by what?",
    ),
)
