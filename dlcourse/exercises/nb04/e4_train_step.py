"""04.4 One update of the prediction layer."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call
from ..nb03.e3_layer import layer
from .e1_softmax import softmax
from .e3_output_gradient import output_gradient


def train_step(x, t, W, b, lr):
    """dW = xᵀ·dz   db = Σ_n dz_n   W − lr dW, b − lr db      x (B,I)  t (B,)  W (I,K)  b (K,)  lr number -> W, b"""
    p = softmax(layer(x, W, b))
    dz = output_gradient(p, t)
    return W - lr * x.T @ dz, b - lr * dz.sum(axis=0)


def cases(rng):
    for B, I, K, lr, tag in (
        (4, 2, 3, 0.5, ""),
        (2, 3, 2, 0.2, ""),
        (3, 2, 4, 1.0, ""),
        (1, 3, 2, 0.5, "a batch of one"),
        (3, 3, 3, 0.5, "three equal sizes"),
        (5, 1, 2, 2.0, "a single input"),
    ):
        x, W, b = rng.normal(size=(B, I)), rng.normal(size=(I, K)), rng.normal(size=K)
        t = rng.permutation(np.arange(B) % K)
        yield call("train_step", x.round(1), t, W.round(1), b.round(1), lr, tag=tag)
    x = rng.normal(size=(3, 2)).round(1)
    yield call("train_step", x, np.array([0, 2, 1]), np.zeros((2, 3)), np.zeros(3), 0.1, tag="a start at 0")
    yield call("train_step", 400 * x + 100, np.array([1, 0, 1]), np.eye(2) * 10, np.ones(2), 0.1, tag="large scores")


# ---------------------------------------------------------------- other right answers
def example_by_example(x, t, W, b, lr):
    W, b, p = W.copy(), b.copy(), softmax(x @ W + b)
    for n in range(len(x)):
        d = p[n].copy()
        d[t[n]] -= 1
        W -= lr / len(x) * np.outer(x[n], d)
        b -= lr / len(x) * d
    return W, b


def bias_as_a_weight(x, t, W, b, lr):
    X, V = np.column_stack([x, np.ones(len(x))]), np.vstack([W, b])
    V = V - lr * X.T @ output_gradient(softmax(X @ V), t)
    print(V.shape)
    return V[:-1], V[-1]


def by_einsum(x, t, W, b, lr):
    def slopes():
        dz = np.asarray(output_gradient(softmax(layer(x, W, b)), t))
        return np.einsum("bi,bk->ik", x, dz), np.ones(len(x)) @ dz

    dW, db = slopes()
    return [np.subtract(W, lr * dW), np.subtract(b, lr * db)]


# ---------------------------------------------------------------- wrong ones
def made(
    dW=lambda x, dz: x.T @ dz,
    db=lambda dz: dz.sum(axis=0),
    sign=(-1, -1),
    p=softmax,
    slope=output_gradient,
):
    """The update with one thing done otherwise."""

    def train_step(x, t, W, b, lr):
        dz = slope(p(layer(x, W, b)), t)
        return W + sign[0] * lr * dW(x, dz), b + sign[1] * lr * db(dz)

    return train_step


def in_place(x, t, W, b, lr):
    dz = output_gradient(softmax(layer(x, W, b)), t)
    W -= lr * x.T @ dz
    b -= lr * dz.sum(axis=0)
    return W, b


def bias_after_weights(x, t, W, b, lr):
    W = W - lr * x.T @ output_gradient(softmax(layer(x, W, b)), t)
    return W, b - lr * output_gradient(softmax(layer(x, W, b)), t).sum(axis=0)


def the_slopes(x, t, W, b, lr):
    dz = output_gradient(softmax(layer(x, W, b)), t)
    return x.T @ dz, dz.sum(axis=0)


def minus_the_slopes(x, t, W, b, lr):
    dz = output_gradient(softmax(layer(x, W, b)), t)
    return -lr * x.T @ dz, -lr * dz.sum(axis=0)


def no_rate(x, t, W, b, lr):
    return made()(x, t, W, b, 1.0)


def twice_softmax(z):
    return softmax(softmax(z))


def no_bias_in_the_scores(x, t, W, b, lr):
    dz = output_gradient(softmax(x @ W), t)
    return W - lr * x.T @ dz, b - lr * dz.sum(axis=0)


EXERCISE = Exercise(
    id="04.4",
    title="One update",
    reference={"train_step": train_step},
    returns=("W", "b"),
    given={"layer": "03.3", "softmax": "04.1", "output_gradient": "04.3"},
    cases=cases,
    right=[
        {"train_step": example_by_example},
        {"train_step": bias_as_a_weight},
        {"train_step": by_einsum},
        {"train_step": made()},
        {"train_step": lambda *a: tuple(v.astype(np.float32) for v in train_step(*a))},
    ],
    wrong=[
        Wrong(
            "uphill",
            made(sign=(1, 1)),
            "You add the slopes, so the loss grows. Take them off: W − lr dW, b − lr db.",
            source="https://github.com/pytorch/pytorch/issues/1871",
        ),
        Wrong(
            "W uphill",
            made(sign=(1, -1)),
            "b is right, but W moves uphill. Both slopes are taken off.",
        ),
        Wrong(
            "b uphill",
            made(sign=(-1, 1)),
            "W is right, but b moves uphill. Both slopes are taken off.",
        ),
        Wrong(
            "one number for all biases",
            made(db=lambda dz: np.sum(dz)),
            "W is right, but the biases do not move. Take off lr db, with db added up over the examples, `axis=0`: "
            "the sum over everything is 0.",
            source="https://github.com/rasbt/stat453-deep-learning-ss21/issues/5",
        ),
        Wrong(
            "divided again",
            made(dW=lambda x, dz: x.T @ dz / len(x), db=lambda dz: dz.mean(axis=0)),
            "You divide by the number of examples once more. It is already in `output_gradient`.",
            source="https://github.com/d2l-ai/d2l-en/pull/1000",
        ),
        Wrong(
            "mean for b",
            made(db=lambda dz: dz.mean(axis=0)),
            "W is right, but b moves too little: the division by B is already in dz, so add up.",
            source="https://github.com/d2l-ai/d2l-en/pull/1000",
        ),
        Wrong(
            "not divided",
            made(slope=lambda p, t: p - np.eye(p.shape[1])[t]),
            "Each step is B times too far. The slopes are those of a mean: `output_gradient` divides by B.",
            source="https://github.com/ageron/handson-ml/issues/179",
        ),
        Wrong(
            "changes W and b",
            in_place,
            "The numbers are right, but the caller's W and b are changed. Write `W - ...`, not `W -= ...`.",
        ),
        Wrong(
            "b after W has moved",
            bias_after_weights,
            "b gets its slope after W has moved. Both slopes belong to one place: compute them first.",
            source="https://github.com/hans/glove.py/issues/6",
        ),
        Wrong(
            "the slopes",
            the_slopes,
            "You return the slopes. The new W and b are wanted: W − lr dW, b − lr db.",
        ),
        Wrong(
            "the steps alone",
            minus_the_slopes,
            "You return the steps themselves. Add them to the old W and b.",
            source="https://codehunter.cc/a/numpy/python-gradient-descent-cost-keeps-increasing",
        ),
        Wrong(
            "no learning rate",
            no_rate,
            "Every step has the length it would have with lr = 1. Multiply the slopes by `lr`.",
            source="https://community.deeplearning.ai/t/w2-programming-assignment-dl-db-is-not-converging-to-0/19735",
        ),
        Wrong(
            "no learning rate for b",
            lambda x, t, W, b, lr: (made()(x, t, W, b, lr)[0], made()(x, t, W, b, 1.0)[1]),
            "W is right, but b moves as if lr were 1. Both slopes are multiplied by `lr`.",
        ),
        Wrong(
            "b first, then W",
            lambda *given: made()(*given)[::-1],
            "Both are right, in the other order: first W, then b.",
        ),
        Wrong(
            "W stays",
            lambda x, t, W, b, lr: (W, made()(x, t, W, b, lr)[1]),
            "b is right, but W never moves.",
        ),
        Wrong(
            "no softmax",
            made(p=lambda z: z),
            "The scores themselves are used as the prediction. `softmax` comes between layer and slopes.",
            source="https://github.com/huggingface/transformers/issues/7827",
        ),
        Wrong(
            "softmax twice",
            made(p=twice_softmax),
            "Softmax is applied twice, so the prediction is far too flat. Once is enough.",
            source="https://github.com/nfmcclure/tensorflow_cookbook/issues/86",
        ),
        Wrong(
            "scores without b",
            no_bias_in_the_scores,
            "The scores are computed without the biases. They are `layer(x, W, b)`.",
        ),
        Wrong(
            "x not transposed",
            made(dW=lambda x, dz: x @ dz),
            "`x @ dz` puts the wrong axes together. W has a row for each input: `x.T @ dz` is (I,K).",
            source="https://github.com/apachecn/ailearning/issues/443",
        ),
    ],
    hints=(
        "Four steps: scores, probabilities, slopes by the scores, slopes by W and b. You have a function for three.",
        "dz comes from `output_gradient`, and that wants probabilities. What makes them of `layer(x, W, b)`?",
        "dW is (I,K): which of x and dz is turned round? db is (K,): which axis is added up?",
    ),
)
