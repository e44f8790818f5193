"""03.4 How many numbers does a chain of layers hold?"""

from __future__ import annotations

import math

import numpy as np

from ..exercise import Exercise, Wrong, call


def count_parameters(sizes):
    """Σ (I·O + O) over layers    sizes [inputs, units, ...] -> whole number"""
    total = 0
    for I, O in zip(sizes, sizes[1:]):
        total += I * O + O
    return total


def cases(rng):
    yield call("count_parameters", [784, 10])
    yield call("count_parameters", [784, 30, 10])
    yield call("count_parameters", [64, 1], tag="a single unit")
    yield call("count_parameters", [1, 1], tag="one input and one unit")
    yield call("count_parameters", [1, 5, 1], tag="one number in, one out")
    for layers in (1, 2, 3, 4):
        yield call("count_parameters", rng.choice(np.arange(2, 40), size=layers + 1, replace=False).tolist())


# ---------------------------------------------------------------- other right answers
def recursive(sizes):
    if len(sizes) < 2:
        return 0
    return (sizes[0] + 1) * sizes[1] + recursive(sizes[1:])


def by_index(sizes):
    weights = biases = 0
    for k in range(1, len(sizes)):
        weights += sizes[k - 1] * sizes[k]
        biases += sizes[k]
    print(weights, "weights and", biases, "biases")
    return weights + biases


def built(sizes):
    return sum(np.zeros((i, o)).size + np.zeros(o).size for i, o in zip(sizes[:-1], sizes[1:]))


# ---------------------------------------------------------------- wrong ones
def pairs(sizes):
    return list(zip(sizes, sizes[1:]))


def eats_the_list(sizes):
    total, before = 0, sizes.pop(0)
    while sizes:
        total, before = total + (before + 1) * sizes[0], sizes.pop(0)
    return total


EXERCISE = Exercise(
    id="03.4",
    title="Count the parameters",
    reference={"count_parameters": count_parameters},
    cases=cases,
    right=[
        {"count_parameters": recursive},
        {"count_parameters": by_index},
        {"count_parameters": built},
        {"count_parameters": lambda sizes: sum((i + 1) * o for i, o in zip(sizes, sizes[1:]))},
        {"count_parameters": lambda sizes: (np.array(sizes[:-1]) + 1) @ np.array(sizes[1:])},
        {"count_parameters": lambda sizes: float(np.dot(sizes[:-1], sizes[1:]) + sum(sizes[1:]))},
        {"count_parameters": lambda sizes: math.sumprod(sizes[:-1], sizes[1:]) + sum(sizes) - sizes[0]}
        if hasattr(math, "sumprod")
        else {"count_parameters": lambda sizes: sum(map(lambda i, o: i * o + o, sizes, sizes[1:]))},
    ],
    wrong=[
        Wrong(
            "no biases",
            lambda sizes: sum(i * o for i, o in pairs(sizes)),
            "The biases are missing: only weights are counted. Each unit has one bias more.",
            source="https://forums.fast.ai/t/millions-something-parameters/220",
        ),
        Wrong(
            "one bias per layer",
            lambda sizes: sum(i * o + 1 for i, o in pairs(sizes)),
            "One bias is counted for each layer. Every unit has its own, so a layer of O units has O of them.",
            source="https://community.deeplearning.ai/t/calculation-the-number-of-bias-parameter/344441",
        ),
        Wrong(
            "a bias per input",
            lambda sizes: sum(i * o + i for i, o in pairs(sizes)),
            "One bias is counted for each input of a layer. Biases belong to the units: O of them, not I.",
            source="https://github.com/apache/mxnet/pull/7528",
        ),
        Wrong(
            "the input as a layer",
            lambda sizes: sum(i * o for i, o in pairs(sizes)) + sum(sizes),
            "The input gets biases too. The first size is only how many numbers come in; no units stand there.",
            source="https://datascience.stackexchange.com/questions/78065",
        ),
        Wrong(
            "weights per input only",
            lambda sizes: sum(i + o for i, o in pairs(sizes)),
            "One weight is counted for each input. Every unit has its own weight for every input: I times O.",
            source="https://geeksmental.com/question/how-did-keras-determine-the-number-of-parameters-in-my-model",
        ),
        Wrong(
            "first layer only",
            lambda sizes: (sizes[0] + 1) * sizes[1],
            "Only the first layer is counted. Go on with each pair of neighbours in the list.",
        ),
        Wrong(
            "last layer only",
            lambda sizes: (sizes[-2] + 1) * sizes[-1],
            "Only the last layer is counted. Add every layer to the total; do not put it in the total's place.",
        ),
        Wrong(
            "all sizes multiplied",
            lambda sizes: math.prod(sizes) + sum(sizes[1:]),
            "All sizes are multiplied together. A layer joins two neighbours only; add the layers up.",
        ),
        Wrong(
            "first to last",
            lambda sizes: sizes[0] * sizes[-1] + sizes[-1],
            "The first size is joined to the last, past all between. Each layer reads the layer just before it.",
        ),
        Wrong(
            "eats the list",
            eats_the_list,
            "The number is right, but the list is changed, and the caller still needs it. Leave it as it was.",
        ),
    ],
    hints=(
        "One layer first: I inputs, O units. How many weights has one unit? How many biases?",
        "A layer holds I·O weights and O biases. The layers of [4, 3, 2] are 4 to 3 and 3 to 2.",
        "`sizes[1:]` is the list without its first number. What does `zip(sizes, sizes[1:])` hand you, pair by pair?",
    ),
)
