"""04.1 Softmax: scores become probabilities, and no power overflows."""

from __future__ import annotations

import math

import numpy as np

from ..exercise import Exercise, Wrong, call
from ..nb01.e3_sigmoid import sigmoid


def softmax(z):
    """p_nk = exp(z_nk) / Σ_j exp(z_nj)      z (B,K) -> p (B,K)"""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cases(rng):
    for B, K, tag in ((2, 3, ""), (3, 2, ""), (3, 3, "as many examples as classes"), (1, 4, "a batch of one")):
        yield call("softmax", rng.normal(size=(B, K)).round(1) + rng.permutation(B)[:, None] * 0.5, tag=tag)
    yield call("softmax", np.zeros((2, 4)), tag="equal scores")
    yield call("softmax", np.array([[1, 0, 3], [2, 5, 4]]), tag="whole numbers")
    yield call("softmax", rng.normal(size=(2, 3)).round(1) - 30, tag="scores far below 0")
    yield call("softmax", np.array([[1000.0, 999.0, 998.0], [1.0, 2.5, 2.0]]), tag="scores around 1000")
    yield call("softmax", np.array([[-1000.0, -999.0], [-998.0, -1000.0]]), tag="scores around −1000")
    yield call("softmax", np.array([[900.0, 901.0, 899.5], [-900.0, -902.0, -901.0]]), tag="rows far from each other")
    yield call("softmax", np.array([[-2000.0, 1000.0, 999.0]]), tag="scores far apart in one row")


# ---------------------------------------------------------------- other right answers
def row_by_row(z):
    p = []
    for row in z:
        powers = [math.exp(v - max(row)) for v in row]
        p.append([v / sum(powers) for v in powers])
    return p


def by_logarithm(z):
    top = np.max(z, axis=-1)[:, None]
    return np.exp(z - top - np.log(np.sum(np.exp(z - top), axis=-1, keepdims=True)))


def columns_first(z):
    def one(row):
        e = np.exp(row - np.max(row))
        return e / np.sum(e)

    print(z.shape)
    return np.apply_along_axis(one, 1, np.asarray(z, dtype=float))


# ---------------------------------------------------------------- wrong ones
def naive(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


def top_of_all(z):
    e = np.exp(z - z.max())
    return e / e.sum(axis=1, keepdims=True)


def sum_of_all(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum()


def sum_of_naive(z):
    e = np.exp(z)
    return e / e.sum()


def down_the_columns(z):
    e = np.exp(z - z.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def naive_columns(z):
    e = np.exp(z)
    return e / e.sum(axis=0)


def no_keepdims(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1)


def no_keepdims_twice(z):
    e = np.exp(z - z.max(axis=1))
    return e / e.sum(axis=1)


def in_place(z):
    z -= z.max(axis=1, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


def not_divided(z):
    return np.exp(z - z.max(axis=1, keepdims=True))


def no_powers(z):
    return z / z.sum(axis=1, keepdims=True)


def largest_only(z):
    return np.eye(z.shape[1])[z.argmax(axis=1)]


def clipped(z):
    e = np.exp(np.clip(z, -500, 500))
    return e / e.sum(axis=1, keepdims=True)


def not_below_zero(z):
    e = np.exp(z - np.maximum(z.max(axis=1, keepdims=True), 0))
    return e / e.sum(axis=1, keepdims=True)


def by_the_largest(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.max(axis=1, keepdims=True) / z.shape[1]


def logarithm(z):
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def less_the_mean(z):
    e = np.exp(z - z.mean(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def base_2(z):
    e = np.exp2(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def upside_down_from_the_top(z):
    e = np.exp(z.max(axis=1, keepdims=True) - z)
    return e / e.sum(axis=1, keepdims=True)


EXERCISE = Exercise(
    id="04.1",
    title="Softmax",
    reference={"softmax": softmax},
    given={"sigmoid": "01.3"},
    cases=cases,
    errors={"over": "raise", "invalid": "raise", "divide": "raise"},
    right=[
        {"softmax": row_by_row},
        {"softmax": by_logarithm},
        {"softmax": columns_first},
        {"softmax": lambda z: np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))},
        {"softmax": lambda z: 1 / np.exp(np.clip(z[:, None, :] - z[:, :, None], -700, 700)).sum(axis=2)},
        {"softmax": lambda z: softmax(z).astype(np.float32)},
        {"softmax": lambda z: softmax(z.T.T + 1.0)},
    ],
    wrong=[
        Wrong(
            "overflow",
            naive,
            "Right for ordinary scores. At 1000 it asks for exp(1000), and no float is that large.",
            source="https://github.com/numenta/nupic-legacy/pull/3818",
        ),
        Wrong(
            "largest of the whole batch",
            top_of_all,
            "You take off the largest score of the whole batch, so a row far below it becomes 0/0. "
            "Each row has a largest score of its own.",
            source="https://github.com/manassharma07/crysx_nn/issues/7",
        ),
        Wrong(
            "the mean taken off",
            less_the_mean,
            "Right, except where the scores of a row lie far apart. Take off the largest, not the mean, and none "
            "remains above 0.",
        ),
        Wrong("base 2", base_2, "These are powers of 2. Take those of e: `np.exp`."),
        Wrong(
            "upside down",
            lambda z: softmax(-z),
            "The largest score gets the smallest share. It is e to the power of z, and not of −z.",
        ),
        Wrong(
            "upside down, overflow",
            lambda z: naive(-z),
            "The largest score gets the smallest share, as with −z for z. And scores around 1000 and −1000 fail.",
        ),
        Wrong(
            "upside down, from the largest",
            upside_down_from_the_top,
            "The largest score gets the smallest share, as with −z for z. And scores far apart overflow.",
        ),
        Wrong(
            "clipped",
            clipped,
            "Large scores are cut to one number, so 1000 and 999 look alike. Shift the scores instead of cutting them.",
        ),
        Wrong(
            "never shifts upwards",
            not_below_zero,
            "Scores around −1000 all become 0, and 0/0 remains. Take the largest score off when it is negative too.",
            source="https://github.com/FluxML/NNlib.jl/pull/43",
        ),
        Wrong(
            "sum of the whole batch",
            sum_of_all,
            "The whole batch adds up to 1. Each row should: sum along `axis=1`.",
            source="https://github.com/rickwierenga/MLFundamentals/issues/1",
        ),
        Wrong(
            "sum of the whole batch, overflow",
            sum_of_naive,
            "The whole batch adds up to 1, where each row should. And it overflows at 1000.",
            source="https://github.com/rickwierenga/MLFundamentals/issues/1",
        ),
        Wrong(
            "columns",
            down_the_columns,
            "Each column adds up to 1. A row is one example, so go along the rows: `axis=1`.",
            source="https://github.com/udacity/sdc-issue-reports/issues/91",
        ),
        Wrong(
            "columns, overflow",
            naive_columns,
            "Each column adds up to 1, where each row should: `axis=1`. And it overflows at 1000.",
            source="https://github.com/udacity/sdc-issue-reports/issues/91",
        ),
        Wrong(
            "sums as a row",
            no_keepdims,
            "The sums (B,) are laid along the rows, so each is used for the wrong numbers, or does not fit. "
            "With `keepdims=True` they stay a column.",
            source="https://github.com/DeNA/HandyRL/pull/209",
        ),
        Wrong(
            "largest and sums as a row",
            no_keepdims_twice,
            "The largest scores and the sums (B,) are laid along the rows, where they do not belong, or do not fit. "
            "With `keepdims=True` they stay columns.",
            source="https://github.com/DeNA/HandyRL/pull/209",
        ),
        Wrong(
            "changes z",
            in_place,
            "`z -= ...` changes the caller's scores, and fails for whole numbers. Write `z - ...` into a new array.",
        ),
        Wrong("not divided", not_divided, "The rows do not add up to 1. Divide each by its sum."),
        Wrong(
            "no powers",
            no_powers,
            "You divide the scores themselves by their sum, and negative ones stay negative. First take `np.exp`.",
        ),
        Wrong(
            "all or nothing",
            largest_only,
            "The largest score gets 1 and the others 0. Softmax leaves something for all of them.",
        ),
        Wrong(
            "divided by the largest",
            by_the_largest,
            "The rows do not add up to 1. Divide by the sum of the powers, not by the largest and the number of them.",
        ),
        Wrong(
            "the logarithm",
            logarithm,
            "You return the logarithms of the probabilities. Softmax itself is wanted: `np.exp` of that.",
            source="https://github.com/DSKSD/DeepNLP-models-Pytorch/issues/11",
        ),
        Wrong(
            "a sigmoid each",
            lambda z: sigmoid(z),
            "Each score is bent alone, so a row does not add up to 1. The scores of a row share one sum.",
        ),
    ],
    equivalent={
        "e = np.exp(z - z.max(axis=1, keepdims=True)) -> e = np.exp(z + 1 - z.max(axis=1, keepdims=True))": (
            "A shift of all scores of a row cancels."
        ),
        "e = np.exp(z - z.max(axis=1, keepdims=True)) -> e = np.exp(z - z.max(axis=-1, keepdims=True))": (
            "Of two axes, the last one is axis 1."
        ),
        "return e / e.sum(axis=1, keepdims=True) -> return e / e.sum(axis=-1, keepdims=True)": (
            "Of two axes, the last one is axis 1."
        ),
    },
    hints=(
        "Add 100 to all scores of a row: nothing changes. So what could you take off, to keep every power small?",
        "Take off the largest score: it becomes 0, and exp(0) = 1. All other powers are smaller.",
        "The largest and the sum belong to one row: `axis=1`. What does `keepdims=True` keep, so that each row is "
        "divided by its own?",
    ),
)
