"""05.4 What each hidden unit adds to the output."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call
from ..nb01.e2_step_relu import relu
from ..nb03.e3_layer import layer


def contributions(x, W1, b1, v):
    """relu(x·W1 + b1)_nh · v_h   x (B,I) W1 (I,H) b1 (H,) v (H,) -> parts (B,H)"""
    return relu(layer(x, W1, b1)) * v


def cases(rng):
    for B, I, H, tag in (
        (3, 1, 2, ""),
        (2, 2, 4, ""),
        (4, 3, 2, ""),
        (3, 3, 3, "three equal sizes"),
        (2, 2, 2, "three equal sizes"),
        (1, 2, 3, "a batch of one"),
        (3, 2, 1, "a single hidden unit"),
        (2, 1, 2, "as many examples as hidden units"),
    ):
        x, W1 = 0.1 * rng.integers(3, 15, (B, I)), 0.1 * rng.integers(2, 15, (I, H))
        W1[:, ::2] *= -1
        b1, v = rng.normal(size=H), 0.1 * rng.integers(3, 15, H) * (-1) ** (np.arange(H) // 2)
        b1[0], v[-1] = 1.7, -abs(v[-1])
        yield call("contributions", x.round(1), W1.round(1), b1.round(1), v.round(1), tag=tag)
    x, v = rng.normal(size=(3, 2)).round(1), np.array([1.5, -2.0])
    yield call("contributions", x, np.eye(2), np.array([-9.0, -9.0]), v, tag="units that are all silent")


# ---------------------------------------------------------------- other right answers
def with_loops(x, W1, b1, v):
    parts = np.zeros((len(x), len(v)))
    for n in range(len(x)):
        for h in range(len(v)):
            z = np.dot(x[n], W1[:, h]) + b1[h]
            if z > 0:
                parts[n, h] = z * v[h]
    return parts


def unit_by_unit(x, W1, b1, v):
    columns = [np.maximum(x @ w + b, 0) * vh for w, b, vh in zip(W1.T, b1, v)]
    print(len(columns))
    return np.stack(columns, axis=1)


def by_a_diagonal(x, W1, b1, v):
    z = x @ W1 + b1
    return (np.where(z > 0, z, 0.0) @ np.diag(v)).tolist()


# ---------------------------------------------------------------- wrong ones
def z(x, W1, b1):
    return x @ W1 + b1


EXERCISE = Exercise(
    id="05.4",
    title="What each hidden unit adds",
    reference={"contributions": contributions},
    given={"layer": "03.3", "relu": "01.2"},
    cases=cases,
    right=[
        {"contributions": with_loops},
        {"contributions": unit_by_unit},
        {"contributions": by_a_diagonal},
        {"contributions": lambda x, W1, b1, v: np.einsum("bh,h->bh", np.maximum(z(x, W1, b1), 0), v)},
        {"contributions": lambda x, W1, b1, v: (relu(z(x, W1, b1)) * v).astype(np.float32)},
    ],
    wrong=[
        Wrong(
            "no relu",
            lambda x, W1, b1, v: z(x, W1, b1) * v,
            "The bend is missing: a hidden unit whose sum is below 0 adds nothing. Take relu before you weigh.",
            source="https://github.com/aymericdamien/TensorFlow-Examples/issues/175",
        ),
        Wrong(
            "weighed, then bent",
            lambda x, W1, b1, v: np.maximum(z(x, W1, b1) * v, 0),
            "You weigh first and bend then, so no part can be below 0. First relu, then times v.",
        ),
        Wrong(
            "v bent too",
            lambda x, W1, b1, v: np.maximum(z(x, W1, b1), 0) * np.maximum(v, 0),
            "The parts of units with a v below 0 come out as 0. relu belongs to the sums alone; v goes in as it is.",
        ),
        Wrong(
            "bias after relu",
            lambda x, W1, b1, v: (np.maximum(x @ W1, 0) + b1) * v,
            "You add b1 after the bend. It belongs to the sum: relu(x·W1 + b1).",
            source="https://github.com/Sentdex/NNfSiX/issues/153",
        ),
        Wrong(
            "added up over the units",
            lambda x, W1, b1, v: np.maximum(z(x, W1, b1), 0) @ v,
            "The parts are added up already: `@` does that. Keep them apart, a column for each hidden unit: `* v`.",
            source="https://github.com/stephencwelch/Neural-Networks-Demystified/issues/24",
        ),
        Wrong(
            "without signs",
            lambda x, W1, b1, v: np.abs(np.maximum(z(x, W1, b1), 0) * v),
            "The signs are lost. A unit with a v below 0 takes away, and has to be told from one that adds.",
            source="https://github.com/andosa/treeinterpreter/issues/23",
        ),
        Wrong(
            "not weighed",
            lambda x, W1, b1, v: np.maximum(z(x, W1, b1), 0),
            "That is what the hidden units say. What they add to the output is that, times v.",
        ),
        Wrong(
            "no bias",
            lambda x, W1, b1, v: np.maximum(x @ W1, 0) * v,
            "The biases b1 are missing. They say where each unit has its corner.",
            source="https://github.com/nengo/nengo-dl/pull/144",
        ),
        Wrong(
            "W1 transposed",
            lambda x, W1, b1, v: np.maximum(x @ W1.T + b1, 0) * v,
            "W1 is transposed. It has a row for each input and a column for each unit, so `x @ W1` fits as it stands.",
            source="https://github.com/stephencwelch/Neural-Networks-Demystified/issues/23",
        ),
        Wrong(
            "v as a column",
            lambda x, W1, b1, v: np.maximum(z(x, W1, b1), 0) * v[:, None],
            "v stands as a column, so it goes by example, or does not fit. As a row (H,), it goes by hidden unit.",
        ),
        Wrong(
            "the steps alone",
            lambda x, W1, b1, v: (z(x, W1, b1) > 0) * v,
            "You add v where a unit is on. A relu unit hands its sum on, not only a 1: multiply by the sum as well.",
        ),
    ],
    hints=(
        "First everything that the hidden units say, for the whole batch. Layers and bends you have.",
        "`relu(layer(x, W1, b1))` is (B,H), a column for each hidden unit. v has a number for each of these columns.",
        "`*` goes number by number: a row v (H,) is laid along every row of (B,H). `@` would add up.",
    ),
)
