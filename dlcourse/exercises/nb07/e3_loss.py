"""07.3 Where the error begins: softmax and cross-entropy, backward in one step."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call


def softmax_cross_entropy_backward(p, t, n):
    """dz = (p − desired) / n, where desired is 1 in the column of t, else 0
    p (B,K)  t (B,) whole numbers  n count -> dz (B,K)"""
    dz = p.copy()
    dz[np.arange(len(t)), t] -= 1
    return dz / n


def cases(rng):
    for B, K, n, tag in (
        (3, 4, 3, ""),
        (2, 5, 2, ""),
        (4, 3, 4, ""),
        (3, 3, 3, "as many examples as classes"),
        (1, 3, 1, "a batch of one"),
        (2, 4, 10, "a part of a larger batch"),
        (3, 2, 6, "a part of a larger batch"),
    ):
        yield call("softmax_cross_entropy_backward", *_numbers(rng, B, K), n, tag=tag)
    p, t = _numbers(rng, 3, 4)
    yield call("softmax_cross_entropy_backward", p, np.full(3, t[0]), 3, tag="one class three times")
    sure = np.eye(3)[[2, 0]]
    yield call("softmax_cross_entropy_backward", sure, np.array([2, 1]), 2, tag="a prediction that is quite sure")


def _numbers(rng, B, K):
    """Probabilities that the softmax gives, in hundredths, each row with sum 1; labels that are not in order."""
    power = np.exp(rng.normal(size=(B, K)))
    p = (power / power.sum(axis=1, keepdims=True)).round(2)
    p[:, 0] = (1 - p[:, 1:].sum(axis=1)).round(2)
    t = (K - 1 - np.arange(B) + rng.integers(0, 2)) % K
    return p, t


# ---------------------------------------------------------------- other right answers
def loops(p, t, n):
    dz = [[float(v) for v in row] for row in p]
    for row, label in zip(dz, t):
        row[label] -= 1
    return [[v / n for v in row] for row in dz]


def compared(p, t, n):
    wanted = np.equal(t[:, None], np.arange(p.shape[1]))
    print(wanted.sum())
    return (p - wanted) * (1 / n)


# ---------------------------------------------------------------- wrong ones
def in_place(p, t, n):
    p[np.arange(len(t)), t] -= 1
    p /= n
    return p


def p_divided_first(p, t, n):
    return p / n - np.eye(p.shape[1])[t]


def one_column_divided(p, t, n):
    wanted = np.eye(p.shape[1])[t]
    return np.where(wanted, (p - 1) / n, p)


def column(p, t, n):
    dz = p.copy()
    dz[:, t] -= 1
    return dz / n


def rows_of_t(p, t, n):
    dz = p.copy()
    dz[t] -= 1
    return dz / n


def only_wanted(p, t, n):
    return np.eye(p.shape[1])[t] * (p - 1) / n


def log_slope(p, t, n):
    q = p[np.arange(len(t)), t][:, None]
    return -np.eye(p.shape[1])[t] / np.where(q == 0, 1e-12, q) / n


def softmax_slope(p, t, n):
    return (p - np.eye(p.shape[1])[t]) * p * (1 - p) / n


EXERCISE = Exercise(
    id="07.3",
    title="Where the error begins",
    reference={"softmax_cross_entropy_backward": softmax_cross_entropy_backward},
    cases=cases,
    right=[
        {"softmax_cross_entropy_backward": loops},
        {"softmax_cross_entropy_backward": compared},
        {"softmax_cross_entropy_backward": lambda p, t, n: (p - np.eye(p.shape[1])[t]) / n},
        {"softmax_cross_entropy_backward": lambda p, t, n: np.float32(p - np.eye(len(p[0]))[t]) / n},
    ],
    wrong=[
        Wrong(
            "not divided",
            lambda p, t, n: p - np.eye(p.shape[1])[t],
            "n times too large: the loss is a mean over n examples, so each of them counts 1/n.",
            source="https://github.com/victorlempitsky/Mate/issues/2",
        ),
        Wrong(
            "divided by the rows",
            lambda p, t, n: (p - np.eye(p.shape[1])[t]) / len(p),
            "You divide by the number of rows. These may be a part of a larger batch: divide by n.",
            source="https://github.com/apache/mxnet/pull/2215",
        ),
        Wrong(
            "divided twice",
            lambda p, t, n: (p - np.eye(p.shape[1])[t]) / n**2,
            "You divide by n twice. Once is enough.",
            source="https://github.com/fetchai/ledger/pull/1580",
        ),
        Wrong(
            "divided by all entries",
            lambda p, t, n: (p - np.eye(p.shape[1])[t]) / (n * p.shape[1]),
            "You divide by the number of classes as well. The mean is over the examples alone: divide by n.",
            source="https://github.com/victorlempitsky/Mate/issues/2",
        ),
        Wrong(
            "sign",
            lambda p, t, n: (np.eye(p.shape[1])[t] - p) / n,
            "The wrong sign: it is prediction minus desired value. With this one, the loss would be made larger.",
            source="https://github.com/iamtrask/Grokking-Deep-Learning/issues/37",
        ),
        Wrong(
            "only the 1 divided",
            lambda p, t, n: p - np.eye(p.shape[1])[t] / n,
            "Only the 1 is divided by n in yours, and p is not. First take 1 off, then divide all: (p − desired) / n.",
        ),
        Wrong(
            "only one column divided",
            one_column_divided,
            "The column of t is right. The other columns are not divided: there dz is p / n.",
        ),
        Wrong(
            "1 off everywhere",
            lambda p, t, n: (p - 1) / n,
            "1 is taken off in every column. Only the column of t is the right class; in the others dz is p / n.",
        ),
        Wrong(
            "p divided first",
            p_divided_first,
            "p is divided by n, and then a whole 1 is taken off. Take 1 off first, then divide all of it by n.",
        ),
        Wrong(
            "t as a number",
            lambda p, t, n: (p - t[:, None]) / n,
            "The class number itself is taken off the whole row. It only names the column in which 1 is taken off.",
        ),
        Wrong(
            "all columns of t",
            column,
            "1 is taken off in the columns of all labels, in every row. Each row has one label: index rows as well.",
        ),
        Wrong(
            "t picks rows",
            rows_of_t,
            "t picks whole rows in yours: `[t]` alone is an index of rows. Name row and column: "
            "`[np.arange(len(t)), t]`.",
        ),
        Wrong(
            "only the right class",
            only_wanted,
            "The column of t is right, the others are 0. The wrong classes are pushed down too: there dz is p / n.",
        ),
        Wrong(
            "slope of the loss alone",
            log_slope,
            "That is the slope of the loss for p. One step further back, through softmax, it is (p − desired) / n.",
            source="https://github.com/hankcs/CS224n/issues/17",
        ),
        Wrong(
            "through a slope again",
            softmax_slope,
            "p·(1 − p) is one factor too many: p − desired already is the slope for z, through both.",
            source="https://github.com/pocketpy/cTensor/pull/31",
        ),
        Wrong(
            "no desired value",
            lambda p, t, n: p / n,
            "The labels play no part. Take 1 off in the column that t names.",
        ),
        Wrong(
            "changes p",
            in_place,
            "The values are right, but p is overwritten. Work on a copy.",
            source="https://github.com/rsokl/MyGrad/pull/72",
        ),
    ],
    hints=(
        "The difference is prediction minus desired value. What would the desired row be, if p were perfect?",
        "1 in the column of the label, 0 elsewhere. `np.eye(K)[t]` has such a row for each label.",
        "Take the desired rows off p. Then divide: by the rows of p, or by n?",
    ),
    equivalent={
        "dz[np.arange(len(t)), t] -= 1 -> dz[np.arange(len(p)), t] -= 1": "both have one row for each example",
    },
)
