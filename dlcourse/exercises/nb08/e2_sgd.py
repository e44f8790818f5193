"""08.2 One step of stochastic gradient descent, as the library of the course calls it."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call


def sgd(theta, grad, lr):
    """θ − lr · ∇      theta (N,) parameters  grad (N,) slopes  lr number -> new (N,)"""
    return theta - lr * grad


def cases(rng):
    for n, lr, tag in (
        (4, 0.5, ""),
        (3, 0.2, ""),
        (5, 2.0, "a learning rate above 1"),
        (1, 0.1, "a single parameter"),
        (3, 0.0, "a learning rate of 0"),
    ):
        yield call("sgd", *_numbers(rng, n), lr, tag=tag)
    theta, grad = _numbers(rng, 4)
    yield call("sgd", theta, 0 * grad + 0.0, 0.5, tag="no slope anywhere")
    yield call("sgd", theta, 100 * grad, 0.25, tag="large slopes")
    yield call("sgd", np.zeros(3), grad[:3], 0.5, tag="parameters of 0")


def _numbers(rng, n):
    """θ and ∇, no number of which is 0"""
    return rng.permutation(np.arange(1, n + 1)) * 0.3 - 1.0, (rng.normal(size=n).round(1) + 0.05)


# ---------------------------------------------------------------- other right answers
def one_by_one(theta, grad, lr):
    new = []
    for w, slope in zip(theta, grad):
        new.append(w - lr * slope)
    return new


def on_a_copy(theta, grad, lr):
    new = theta.copy()
    new -= lr * grad
    print(new)
    return new


# ---------------------------------------------------------------- wrong ones
def in_place(theta, grad, lr):
    theta -= lr * grad
    return theta


EXERCISE = Exercise(
    id="08.2",
    title="One step downhill",
    reference={"sgd": sgd},
    cases=cases,
    right=[
        {"sgd": one_by_one},
        {"sgd": on_a_copy},
        {"sgd": lambda theta, grad, lr: np.add(theta, np.multiply(-lr, grad))},
        {"sgd": lambda theta, grad, lr: np.float32(theta) - np.float32(lr) * np.float32(grad)},
    ],
    wrong=[
        Wrong(
            "uphill",
            lambda theta, grad, lr: theta + lr * grad,
            "This goes uphill: the gradient says where the loss grows. Take lr times the gradient away.",
            source="https://github.com/pytorch/pytorch/issues/1871",
        ),
        Wrong(
            "changes theta",
            in_place,
            "The numbers are right, but `theta` is overwritten. Give back a new array, and leave the old one.",
            source="https://github.com/Quantco/glum/pull/213",
        ),
        Wrong(
            "divided again",
            lambda theta, grad, lr: theta - lr * grad / len(grad),
            "You divide by the length of the gradient. The loss is a mean already: the step is lr times the gradient.",
            source="https://github.com/ShusenTang/Dive-into-DL-PyTorch/issues/75",
        ),
        Wrong(
            "no learning rate",
            lambda theta, grad, lr: theta - grad,
            "The learning rate plays no part. How far to go is lr times the gradient.",
            source="https://github.com/aimacode/aima-python/issues/285",
        ),
        Wrong(
            "only the step",
            lambda theta, grad, lr: lr * grad,
            "That is the step, not where it leads to. Take it away from `theta`.",
        ),
        Wrong(
            "only the step, with its sign",
            lambda theta, grad, lr: -lr * grad,
            "That is the step, not where it leads to. Add it to `theta`.",
        ),
        Wrong(
            "lr on everything",
            lambda theta, grad, lr: lr * (theta - grad),
            "lr multiplies the parameters too. It belongs to the gradient alone.",
        ),
        Wrong(
            "lr twice",
            lambda theta, grad, lr: theta - lr * lr * grad,
            "lr is there twice. Once is enough.",
            source="https://github.com/gpleiss/nnlr/issues/3",
        ),
        Wrong(
            "only the sign",
            lambda theta, grad, lr: theta - lr * np.sign(grad),
            "Each parameter moves by lr, however steep it is. The steeper, the further: lr times the slope.",
        ),
        Wrong(
            "the mean slope",
            lambda theta, grad, lr: theta - lr * grad.mean(),
            "All parameters go the same way: by the mean of the slopes. Each has a slope of its own.",
        ),
        Wrong(
            "the size of the slope",
            lambda theta, grad, lr: theta - lr * abs(grad),
            "Every parameter gets smaller, also where the slope is negative. Leave the sign of the slope as it is.",
        ),
        Wrong(
            "a share of theta",
            lambda theta, grad, lr: theta * (1 - lr * grad),
            "Each parameter shrinks by a share of itself. The step is lr times the slope, whatever the parameter is.",
        ),
        Wrong(
            "of length 1",
            lambda theta, grad, lr: theta - lr * grad / (np.linalg.norm(grad) + 1e-12),
            "The gradient is brought to length 1 first. Use it as it is: where it is flat, the steps get short.",
        ),
        Wrong(
            "lr taken off first",
            lambda theta, grad, lr: (theta - lr) * grad,
            "lr is taken off the parameters, and then comes the gradient. First lr times grad, then take that off.",
            source="https://github.com/datawhalechina/leedl-tutorial/issues/84",
        ),
        Wrong(
            "exchanged",
            lambda theta, grad, lr: grad - lr * theta,
            "`theta` and `grad` are exchanged: the step is taken from the parameters.",
        ),
    ],
    hints=(
        "You have done this in notebook 02, there inside a loop.",
        "Against the slope, and lr times as far. NumPy does that for all parameters at once.",
        "Which sign goes downhill? Which number says how far?",
    ),
)
