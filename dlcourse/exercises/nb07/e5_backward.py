"""07.5 Find the bug: a backward pass of three layers in which one gate belongs to another layer."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call
from .e1_dense import dense_backward
from .e2_relu import relu_backward
from .e3_loss import softmax_cross_entropy_backward


def backward(p, t, x, a1, a2, W2, W3):
    """All gradients of a network x -> a1 -> a2 -> p      p (B,K)  t (B,)  x, a1, a2 (B,...): outputs, layer by layer
    -> dW1, db1, dW2, db2, dW3, db3, each in the shape of what it belongs to"""
    dz3 = softmax_cross_entropy_backward(p, t, len(t))
    da2, dW3, db3 = dense_backward(dz3, a2, W3)
    dz2 = relu_backward(da2, a2)
    da1, dW2, db2 = dense_backward(dz2, a1, W2)
    dz1 = relu_backward(da1, a1)
    dW1, db1 = x.T @ dz1, dz1.sum(axis=0)
    return dW1, db1, dW2, db2, dW3, db3


def broken(p, t, x, a1, a2, W2, W3):
    """The same as it is given out: the upper gate looks at the outputs of the lower layer."""
    dz3 = softmax_cross_entropy_backward(p, t, len(t))
    da2, dW3, db3 = dense_backward(dz3, a2, W3)
    dz2 = relu_backward(da2, a1)
    da1, dW2, db2 = dense_backward(dz2, a1, W2)
    dz1 = relu_backward(da1, a1)
    dW1, db1 = x.T @ dz1, dz1.sum(axis=0)
    return dW1, db1, dW2, db2, dW3, db3


def cases(rng):
    for B, sizes, tag in (
        (2, (3, 2, 2, 2), ""),
        (3, (2, 3, 3, 2), ""),
        (2, (2, 3, 3, 3), ""),
        (4, (1, 2, 2, 3), ""),
        (1, (3, 3, 3, 2), "a batch of one"),
        (2, (2, 3, 2, 2), "hidden layers of unequal widths"),
        (2, (1, 2, 3, 2), "hidden layers of unequal widths"),
    ):
        yield call("backward", *_network(rng, B, sizes), tag=tag)
    p, t, x, a1, a2, W2, W3 = _network(rng, 2, (2, 2, 2, 2))
    yield call("backward", p, t, x, a1, 0 * a2, W2, W3, tag="a layer that is all silent")


def _network(rng, B, sizes):
    """What a forward pass leaves: about half of the units silent, not the same ones in both hidden layers."""
    I, O1, O2, K = sizes  # noqa: E741
    a1, a2 = (_outputs(rng, B, O, shift) for O, shift in ((O1, 0), (O2, 1)))
    W2, W3 = (0.1 * rng.choice([-1, 1], s) * rng.integers(3, 15, s) for s in ((O1, O2), (O2, K)))
    p = np.exp(rng.normal(size=(B, K)))
    p = (p / p.sum(axis=1, keepdims=True)).round(2)
    x = rng.integers(1, 10, (B, I)) / 10
    return p, rng.integers(0, K, B), x, a1, a2, W2.round(1), W3.round(1)


def _outputs(rng, B, O, shift):  # noqa: E741
    on = (np.arange(B)[:, None] + np.arange(O) + shift) % 2
    return on * rng.integers(3, 20, (B, O)) / 10


# ---------------------------------------------------------------- other right answers
def by_hand(p, t, x, a1, a2, W2, W3):
    dz3 = (p - np.eye(p.shape[1])[t]) / len(t)
    dz2 = dz3 @ W3.T * (a2 > 0)
    dz1 = dz2 @ W2.T * (a1 > 0)
    pairs = zip((x, a1, a2), (dz1, dz2, dz3))
    return tuple(g for a, dz in pairs for g in (a.T @ dz, dz.sum(axis=0)))


def a_loop(p, t, x, a1, a2, W2, W3):
    dz, found = softmax_cross_entropy_backward(p, t, len(t)), []
    for a, W in ((a2, W3), (a1, W2), (x, None)):
        found = [a.T @ dz, np.ones(len(dz)) @ dz, *found]
        dz = None if W is None else relu_backward(dz @ W.T, a)
    print(len(found))
    return found


def with_an_extra_layer(p, t, x, a1, a2, W2, W3):
    dz3 = softmax_cross_entropy_backward(p, t, len(p))
    da2, *third = dense_backward(dz3, a2, W3)
    da1, *second = dense_backward(relu_backward(da2, a2), a1, W2)
    _, *first = dense_backward(relu_backward(da1, a1), x, np.zeros((x.shape[1], a1.shape[1])))
    return (*first, *second, *third)


# ---------------------------------------------------------------- wrong ones
def varied(top=None, gate2=None, gate1=None, dense2=None, last=None, order=(0, 1, 2, 3, 4, 5)):
    """The whole pass with one thing done otherwise."""

    def backward(p, t, x, a1, a2, W2, W3):
        dz3 = (top or softmax_cross_entropy_backward)(p, t, len(t))
        da2, dW3, db3 = dense_backward(dz3, a2, W3)
        dz2 = gate2(da2, a1, a2) if gate2 else relu_backward(da2, a2)
        da1, dW2, db2 = (dense2 or dense_backward)(dz2, a1, W2)
        dz1 = gate1(da1, a1, a2) if gate1 else relu_backward(da1, a1)
        dW1, db1 = last(x, dz1) if last else (x.T @ dz1, dz1.sum(axis=0))
        found = dW1, db1, dW2, db2, dW3, db3
        return tuple(found[i] for i in order)

    return backward


def open_gate(da, a1, a2):
    return da


def upper_first(p, t, x, a1, a2, W2, W3):
    dz3 = softmax_cross_entropy_backward(p, t, len(t))
    dz2 = relu_backward(dz3 @ W3.T, a2)
    dz1 = relu_backward(dz2 @ W2.T, a1)
    return x.T @ dz1, dz1.sum(axis=0), a2.T @ dz2, dz2.sum(axis=0), a2.T @ dz3, dz3.sum(axis=0)


TOP = "dz3 = softmax_cross_entropy_backward(p, t, "

EXERCISE = Exercise(
    id="07.5",
    title="Find the bug in a backward pass",
    reference={"backward": backward},
    returns=("dW1", "db1", "dW2", "db2", "dW3", "db3"),
    broken=broken,
    given={"dense_backward": "07.1", "relu_backward": "07.2", "softmax_cross_entropy_backward": "07.3"},
    cases=cases,
    right=[
        {"backward": by_hand},
        {"backward": a_loop},
        {"backward": with_an_extra_layer},
        {"backward": varied()},
    ],
    wrong=[
        Wrong(
            "exchanged",
            varied(gate2=lambda da, a1, a2: relu_backward(da, a1), gate1=lambda da, a1, a2: relu_backward(da, a2)),
            "Now both gates look at the other layer's outputs. The lower gate was right as it was given.",
        ),
        Wrong(
            "both the upper",
            varied(gate1=lambda da, a1, a2: relu_backward(da, a2)),
            "The upper gate is right now. The lower one looks at a2, and it was right as it was given.",
        ),
        Wrong(
            "no upper gate",
            varied(gate2=open_gate),
            "At the upper hidden layer everything comes through. It needs a gate, set by the layer's own outputs.",
            source="https://github.com/dannyneil/spiking_relu_conversion/issues/1",
        ),
        Wrong(
            "no lower gate",
            varied(gate1=open_gate),
            "The upper gate is right now, but the lower one is gone. It was right as it was given.",
            source="https://github.com/iamtrask/Grokking-Deep-Learning/issues/9",
        ),
        Wrong(
            "no gates",
            varied(gate2=open_gate, gate1=open_gate),
            "Both gates are gone. Each hidden layer needs its own.",
            source="https://github.com/iamtrask/Grokking-Deep-Learning/issues/9",
        ),
        Wrong(
            "gate by the error",
            varied(gate2=lambda da, a1, a2: relu_backward(da, da)),
            "The upper gate stops negative errors. Whether it is open depends on an output of the layer, not on da2.",
            source="https://github.com/exacity/deeplearningbook-chinese/issues/127",
        ),
        Wrong(
            "arguments exchanged",
            varied(gate2=lambda da, a1, a2: relu_backward(a2, da)),
            "The arguments of the upper gate have changed places: the error comes first, then the output.",
        ),
        Wrong(
            "not divided",
            varied(top=lambda p, t, n: softmax_cross_entropy_backward(p, t, 1)),
            "The gates are right now, but all gradients are too large, by the number of examples. Divide as before.",
            source="https://github.com/victorlempitsky/Mate/issues/2",
        ),
        Wrong(
            "dW2 from a2",
            upper_first,
            "The gates are right now, but dW2 uses a2. A layer's weights meet its inputs, and those are a1.",
            source="https://github.com/unda-ml/unda/issues/1",
        ),
        Wrong(
            "from the top down",
            varied(order=(4, 5, 2, 3, 0, 1)),
            "All six are right, in another order: first layer 1, then 2, then 3.",
        ),
        Wrong(
            "sign",
            varied(top=lambda p, t, n: -softmax_cross_entropy_backward(p, t, n)),
            "The gates are right now, but all gradients have the wrong sign.",
            source="https://github.com/iamtrask/Grokking-Deep-Learning/issues/37",
        ),
    ],
    hints=(
        "dW3 and db3 are right, and so is all before them. The next line is the first suspect.",
        "Each layer's gate is set by that layer's own outputs. Which ones does da2 belong to?",
        "In the line of dz1 the numbers in the names agree. Do they in the line of dz2?",
    ),
    equivalent={
        f"{TOP}len(t)) -> {TOP}len({name}))": "all of them have one row for each example"
        for name in ("p", "x", "a1", "a2")
    },
)
