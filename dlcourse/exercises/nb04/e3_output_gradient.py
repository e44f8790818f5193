"""04.3 The slope of the loss by each score: prediction minus desired value."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call
from ..nb02.e2_central_difference import central_difference
from .e2_cross_entropy import rows


def output_gradient(p, t):
    """dz = (p − onehot(t)) / B      p (B,K)  t (B,) whole numbers -> dz (B,K)"""
    dz = p.copy()
    dz[np.arange(len(t)), t] -= 1
    return dz / len(t)


def cases(rng):
    for B, K, tag in ((2, 3, ""), (4, 3, ""), (3, 5, ""), (3, 3, "as many examples as classes")):
        yield call("output_gradient", rows(rng, B, K), rng.permutation(np.arange(B) % K)[:B], tag=tag)
    yield call("output_gradient", rows(rng, 1, 4), np.array([2]), tag="a batch of one")
    yield call("output_gradient", rows(rng, 3, 4), np.array([1, 1, 1]), tag="the same class three times")
    yield call("output_gradient", np.eye(3)[[1, 2]], np.array([1, 2]), tag="a prediction that is sure and right")
    yield call(
        "output_gradient", np.array([[0.0, 1.0], [0.5, 0.5]]), np.array([0, 1]), tag="one that is sure and wrong"
    )


# ---------------------------------------------------------------- other right answers
def loops(p, t):
    B, K = p.shape
    return [[(p[n, k] - (1 if t[n] == k else 0)) / B for k in range(K)] for n in range(B)]


def desired(p, t):
    wanted = np.zeros_like(p)
    for n, k in enumerate(t):
        wanted[n, k] = 1.0
    print(wanted)
    return (p - wanted) / p.shape[0]


def by_nudges(p, t):
    z, dz = np.log(np.maximum(p, 1e-300)), np.zeros(p.shape)

    def loss(h, n, k):
        nudged = z.copy()
        nudged[n, k] += h
        return np.mean(np.logaddexp.reduce(nudged, axis=1) - nudged[np.arange(len(t)), t])

    for n, k in np.ndindex(*p.shape):
        dz[n, k] = central_difference(lambda h, n=n, k=k: loss(h, n, k), 0.0)
    return dz.astype(np.float32)


# ---------------------------------------------------------------- wrong ones
def onehot(p, t):
    return np.eye(p.shape[1])[t]


def changes_p(p, t):
    p[np.arange(len(t)), t] -= 1
    return p / len(t)


def changes_p_at_once(p, t):
    p[np.arange(len(t)), t] -= 1
    p /= len(t)
    return p


def every_row_with_every_label(p, t):
    dz = p.copy()
    dz[:, t] -= 1
    return dz / len(t)


def true_class_only(p, t):
    dz = np.zeros_like(p)
    at = np.arange(len(t)), t
    dz[at] = p[at] - 1
    return dz / len(t)


def of_the_loss_by_p(p, t):
    return -onehot(p, t) / np.maximum(p, 1e-12) / len(t)


EXERCISE = Exercise(
    id="04.3",
    title="Prediction minus desired value",
    reference={"output_gradient": output_gradient},
    given={"central_difference": "02.2", "softmax": "04.1", "cross_entropy": "04.2"},
    cases=cases,
    right=[
        {"output_gradient": loops},
        {"output_gradient": desired},
        {"output_gradient": by_nudges},
        {"output_gradient": lambda p, t: (p - np.eye(p.shape[1])[t]) / len(p)},
        {"output_gradient": lambda p, t: (p - (t[:, None] == np.arange(p.shape[1]))) / len(t)},
        {"output_gradient": lambda p, t: ((p - np.eye(p.shape[1])[t]) / len(p)).tolist()},
    ],
    wrong=[
        Wrong(
            "not divided",
            lambda p, t: p - onehot(p, t),
            "The slopes are B times too large. The loss is a mean, so divide by the number of examples.",
            source="https://github.com/ageron/handson-ml/issues/179",
        ),
        Wrong(
            "divided by K",
            lambda p, t: (p - onehot(p, t)) / p.shape[1],
            "You divide by the number of classes. Divide by the number of examples, `len(t)`.",
            source="https://github.com/ageron/handson-ml/issues/125",
        ),
        Wrong(
            "divided by all entries",
            lambda p, t: (p - onehot(p, t)) / p.size,
            "You divide by all entries of p. Divide by the number of examples alone.",
            source="https://github.com/GMvandeVen/continual-learning/issues/5",
        ),
        Wrong(
            "divided twice",
            lambda p, t: (p - onehot(p, t)) / len(t) ** 2,
            "You divide by the number of examples twice.",
            source="https://github.com/TreB1eN/InsightFace_Pytorch/issues/22",
        ),
        Wrong(
            "the other way round",
            lambda p, t: (onehot(p, t) - p) / len(t),
            "The sign is wrong: that is desired value minus prediction. The slope is prediction minus desired value.",
            source="https://github.com/makeyourownneuralnetwork/makeyourownneuralnetwork/issues/61",
        ),
        Wrong(
            "changes p",
            changes_p,
            "The numbers are right, but the caller's p is changed. Work on a copy: `p.copy()`.",
        ),
        Wrong(
            "the label as a number",
            lambda p, t: (p - t[:, None]) / len(t),
            "You take the label itself off, as if class 4 were more than class 1. "
            "Take 1 off at the true class, and nothing elsewhere.",
            source="https://github.com/keras-team/keras/issues/1423",
        ),
        Wrong(
            "every row with every label",
            every_row_with_every_label,
            "`[:, t]` takes 1 off in every row, at the labels of all rows. Pair them: `[np.arange(len(t)), t]`.",
            source="https://github.com/numpy/numpy/issues/17441",
        ),
        Wrong(
            "true class only",
            true_class_only,
            "Only the true class gets a slope. The others have one too: what they got of the probability.",
        ),
        Wrong(
            "the prediction alone",
            lambda p, t: p / len(t),
            "The desired value is missing: take 1 off at the true class of each row.",
        ),
        Wrong(
            "by p, not by z",
            of_the_loss_by_p,
            "That is the slope by the probabilities, −1/p. The one by the scores z is wanted: p minus desired value.",
            source="https://github.com/hankcs/CS224n/issues/17",
        ),
        Wrong(
            "twice the slope of softmax",
            lambda p, t: (p - onehot(p, t)) * p * (1 - p) / len(t),
            "There is one factor too many, p(1 − p). The slope of softmax is already in p minus desired value.",
            source="https://github.com/zhuozhiyongde/Fundamentals-of-Artificial-Intelligence-2024Spring-PKU/issues/1",
        ),
        Wrong(
            "factor 2",
            lambda p, t: 2 * (p - onehot(p, t)) / len(t),
            "The slopes are twice too large. The 2 belonged to the squares of notebook 02.",
            source="https://github.com/markroxor/fromscratchtoml/issues/65",
        ),
        Wrong(
            "squared",
            lambda p, t: (p - onehot(p, t)) ** 2 / len(t),
            "You square the differences. The slope is the difference itself, with its sign.",
        ),
        Wrong(
            "added up over the batch",
            lambda p, t: (p - onehot(p, t)).sum(axis=0) / len(t),
            "The examples are added up into one row. Each keeps a row of its own here.",
        ),
    ],
    equivalent={
        "dz[np.arange(len(t)), t] -= 1 -> dz[np.arange(len(p)), t] -= 1": "p and t hold one entry per example.",
        "return dz / len(t) -> return dz / len(p)": "p and t hold one entry per example.",
    },
    hints=(
        "What is desired is a row with a 1 at the true class and 0 elsewhere.",
        "Begin with `dz = p.copy()`. `dz[np.arange(len(t)), t]` are the numbers at the true classes.",
        "What must each true class lose? And by what is everything divided, since the loss is a mean?",
    ),
)
