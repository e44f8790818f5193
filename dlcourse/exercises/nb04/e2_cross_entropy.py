"""04.2 Cross-entropy: how wrong are probabilities, as one number?"""

from __future__ import annotations

import math

import numpy as np

from ..exercise import Exercise, Wrong, call


def cross_entropy(p, t):
    """L = mean of −log p_n,t(n), where p below 1e-12 counts as 1e-12      p (B,K)  t (B,) whole numbers -> L number"""
    chosen = p[np.arange(len(t)), t]
    return -np.mean(np.log(np.maximum(chosen, 1e-12)))


def rows(rng, B, K):
    """Rows of probabilities, in hundredths."""
    p = rng.integers(4, 40, size=(B, K))
    p = np.floor(100 * p / p.sum(axis=1, keepdims=True))
    p[:, -1] += 100 - p.sum(axis=1)
    return (p / 100).round(2)


def cases(rng):
    for B, K, tag in ((2, 3, ""), (4, 3, ""), (3, 5, ""), (3, 3, "as many examples as classes")):
        p = rows(rng, B, K)
        yield call("cross_entropy", p, rng.permutation(np.arange(B) % K)[:B], tag=tag)
    yield call("cross_entropy", rows(rng, 1, 4), np.array([2]), tag="a batch of one")
    yield call("cross_entropy", rows(rng, 3, 4), np.array([1, 1, 1]), tag="the same class three times")
    yield call("cross_entropy", np.full((2, 4), 0.25), np.array([3, 0]), tag="equal probabilities")
    yield call("cross_entropy", np.eye(3)[[1, 2]], np.array([1, 2]), tag="a prediction that is sure and right")
    yield call(
        "cross_entropy", np.array([[0.0, 1.0], [0.5, 0.5]]), np.array([0, 1]), tag="a probability of 0 for the truth"
    )


# ---------------------------------------------------------------- other right answers
def one_by_one(p, t):
    total = 0.0
    for row, truth in zip(p, t):
        total -= math.log(max(row[truth], 1e-12))
    return total / len(t)


def with_desired_rows(p, t):
    wanted = np.zeros(p.shape)
    wanted[np.arange(len(t)), t] = 1
    return -(wanted * np.log(p + 1e-12)).sum(axis=1).mean()


def chatty(p, t):
    chosen = np.take_along_axis(p, t[:, None], axis=1)
    losses = -np.log(np.clip(chosen, 1e-12, 1))
    print(losses.max())
    return float(losses.mean())


# ---------------------------------------------------------------- wrong ones
def safe(p):
    return np.log(np.maximum(p, 1e-12))


def all_pairs(p, t):
    return -np.mean(safe(p[:, t]))


def over_the_table(p, t):
    return -np.mean(np.eye(p.shape[1])[t] * safe(p))


def losses(p, t):
    return -safe(p[np.arange(len(t)), t])


def both_sides(p, t):
    wanted = np.eye(p.shape[1])[t]
    return -np.mean((wanted * safe(p) + (1 - wanted) * safe(1 - p)).sum(axis=1))


EXERCISE = Exercise(
    id="04.2",
    title="Cross-entropy",
    reference={"cross_entropy": cross_entropy},
    cases=cases,
    right=[
        {"cross_entropy": one_by_one},
        {"cross_entropy": with_desired_rows},
        {"cross_entropy": chatty},
        {"cross_entropy": lambda p, t: np.mean([-np.log(max(p[n, t[n]], 1e-12)) for n in range(len(t))])},
        {"cross_entropy": lambda p, t: -np.log(np.maximum((p * np.eye(p.shape[1])[t]).sum(1), 1e-12)).sum() / len(p)},
        {"cross_entropy": lambda p, t: np.float32(cross_entropy(p, t))},
    ],
    wrong=[
        Wrong(
            "no minus",
            lambda p, t: np.mean(safe(p[np.arange(len(t)), t])),
            "The sign is missing. Logarithms of probabilities are negative, and a loss is 0 or more.",
            source="https://github.com/cs231n/cs231n.github.io/pull/244",
        ),
        Wrong(
            "added up",
            lambda p, t: losses(p, t).sum(),
            "The losses of the examples are added up. Take their mean, so that the batch may have any size.",
            source="https://github.com/Open-Deep-ML/DML-OpenProblem/pull/358",
        ),
        Wrong(
            "divided by all entries",
            over_the_table,
            "Your loss is K times too small: you divide by all entries of the table. Divide by the number of examples.",
            source="https://github.com/GMvandeVen/continual-learning/issues/5",
        ),
        Wrong(
            "divided by K",
            lambda p, t: losses(p, t).sum() / p.shape[1],
            "You divide by the number of classes. Divide by the number of examples, `len(t)`.",
        ),
        Wrong(
            "one loss each",
            losses,
            "You return one loss for each example. Their mean is wanted, one number.",
            source="https://github.com/cbfinn/maml/issues/70",
        ),
        Wrong(
            "logarithm of 0",
            lambda p, t: -np.mean(np.log(p[np.arange(len(t)), t])),
            "Right, except where the truth gets the probability 0: then the loss is infinite. "
            "Let p below 1e-12 count as 1e-12.",
            source="https://github.com/keras-team/keras/pull/9",
        ),
        Wrong(
            "0 times infinity",
            lambda p, t: -np.mean((np.eye(p.shape[1])[t] * np.log(p)).sum(axis=1)),
            "Where a p is 0, you multiply 0 by an infinite logarithm, and that is nan. "
            "Let p below 1e-12 count as 1e-12.",
            source="https://github.com/tiny-dnn/tiny-dnn/issues/410",
        ),
        Wrong(
            "every row with every label",
            all_pairs,
            "`p[:, t]` takes for each row the labels of all rows. Pair them: `p[np.arange(len(t)), t]`.",
            source="https://github.com/numpy/numpy/issues/17441",
        ),
        Wrong(
            "row t",
            lambda p, t: -np.mean(safe(p[t])),
            "`p[t]` takes whole rows of p, row t[0], row t[1] and so on. "
            "One number of each row is wanted: `p[np.arange(len(t)), t]`.",
        ),
        Wrong(
            "row t, logarithm of 0",
            lambda p, t: -np.mean(np.log(p[t])),
            "`p[t]` takes whole rows of p. One number of each row is wanted, `p[np.arange(len(t)), t]`, and below "
            "1e-12 it counts as 1e-12.",
        ),
        Wrong(
            "p log p",
            lambda p, t: -np.mean((p * safe(p)).sum(axis=1)),
            "That is −Σ p log p, which never asks for the truth. "
            "Only the probability of the true class counts, and its logarithm is not weighed.",
        ),
        Wrong(
            "p log p of the truth",
            lambda p, t: np.mean(p[np.arange(len(t)), t] * losses(p, t)),
            "The right logarithms, each times its p. A mean counts every example alike: leave the p in front out.",
        ),
        Wrong(
            "all classes",
            lambda p, t: -np.mean(safe(p).sum(axis=1)),
            "You add the logarithms of all classes. Only the probability of the true class counts.",
        ),
        Wrong(
            "the largest for the true one",
            lambda p, t: -np.mean(safe(p.max(axis=1))),
            "You look at the largest probability of each row. Look at that of the true class, `t`.",
        ),
        Wrong(
            "logarithm of the mean",
            lambda p, t: -safe(np.mean(p[np.arange(len(t)), t])),
            "You take the mean of the probabilities and then its logarithm. First the logarithms, then their mean.",
        ),
        Wrong(
            "base 2",
            lambda p, t: np.mean(losses(p, t)) / np.log(2),
            "That is the logarithm to base 2. Here log is the natural one, `np.log`.",
        ),
        Wrong(
            "base 10",
            lambda p, t: np.mean(losses(p, t)) / np.log(10),
            "That is the logarithm to base 10. Here log is the natural one, `np.log`.",
            source="https://github.com/huawei-noah/Efficient-Computing/issues/12",
        ),
        Wrong(
            "a yes or no for each class",
            both_sides,
            "You also count the classes that are not true. With one true class, only its logarithm is added.",
            source="https://github.com/eriklindernoren/ML-From-Scratch/issues/98",
        ),
        Wrong(
            "1 minus p",
            lambda p, t: np.mean(1 - p[np.arange(len(t)), t]),
            "You return the mean of 1 − p. Take the logarithm: being sure of something false must cost far more.",
        ),
        Wrong(
            "share of errors",
            lambda p, t: np.mean(p.argmax(axis=1) != t),
            "You count the examples that are wrong. Cross-entropy also asks how sure the prediction was.",
        ),
    ],
    equivalent={
        "chosen = p[np.arange(len(t)), t] -> chosen = p[np.arange(len(p)), t]": "p and t hold one entry per example."
    },
    hints=(
        "For each example only one number of its row matters: the probability of the class that is true.",
        "`p[np.arange(len(t)), t]` picks it: row 0 with label t[0], row 1 with label t[1], and so on.",
        "Of the picked numbers: none below 1e-12, then the log, then the mean. Which sign makes a loss of it?",
    ),
)
