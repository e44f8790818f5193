"""05.2 Layers in a row: the outputs of one are the inputs of the next."""

from __future__ import annotations

import functools

import numpy as np

from ..exercise import Exercise, Fn, Wrong, call
from ..nb03.e3_layer import layer


def network(x, layers, f):
    """h = f(h·W + b) layer by layer, from h = x; the last layer without f
    x (B,I)  layers list of (W, b)  f function -> (B,K)"""
    for W, b in layers[:-1]:
        x = f(layer(x, W, b))
    W, b = layers[-1]
    return layer(x, W, b)


BENDS = "np.tanh", "lambda z: np.maximum(z, 0)", "lambda z: (z > 0) * 1.0", "lambda z: z**2"


def cases(rng):
    for sizes, B, f, tag in (
        ((2, 3, 2), 2, 0, ""),
        ((2, 3, 2, 1), 3, 1, "two hidden layers"),
        ((3, 3, 3), 2, 0, "equal sizes everywhere"),
        ((2, 2, 2, 2), 2, 3, "equal sizes everywhere"),
        ((2, 2, 1), 4, 2, "step units"),
        ((3, 2), 2, 0, "no hidden layer"),
        ((1, 2, 2, 2, 1), 1, 1, "three hidden layers"),
        ((2, 4, 3), 1, 0, "a batch of one"),
    ):
        x = rng.normal(size=(B, sizes[0])).round(1)
        layers = [
            (0.1 * rng.integers(3, 15, (I, O)) * rng.choice([-1, 1], (I, O)), 0.1 * rng.integers(2, 12, O))
            for I, O in zip(sizes, sizes[1:])
        ]
        layers = [(W.round(1), b.round(1)) for W, b in layers]
        yield call("network", x, layers, Fn(BENDS[f]), tag=tag)


# ---------------------------------------------------------------- other right answers
def by_number(x, layers, f):
    h = np.array(x)
    for n, (W, b) in enumerate(layers):
        z = h @ W + b
        h = z if n == len(layers) - 1 else f(z)
    return h


def calls_itself(x, layers, f):
    (W, b), *rest = layers
    z = layer(x, W, b)
    return network(f(z), rest, f) if rest else z


def reduced(x, layers, f):
    last_W, last_b = layers[-1]
    h = functools.reduce(lambda h, Wb: f(np.dot(h, Wb[0]) + Wb[1]), layers[:-1], x)
    print(np.shape(h))
    return (np.dot(h, last_W) + last_b).tolist()


# ---------------------------------------------------------------- wrong ones
def varied(bend, first=lambda x, f: x, one=layer):
    """The loop with one thing done otherwise; bend(z, f, n, last) is what follows layer n."""

    def answer(x, layers, f):
        h = first(x, f)
        for n, (W, b) in enumerate(layers):
            h = bend(one(h, W, b), f, n, n == len(layers) - 1)
        return h

    return answer


def right_bend(z, f, n, last):
    return z if last else f(z)


def last_on_x(x, layers, f):
    W, b = layers[-1]
    return x @ W + b


def bias_outside(x, layers, f):
    for W, b in layers[:-1]:
        x = f(x @ W) + b
    W, b = layers[-1]
    return x @ W + b


def not_handed_on(x, layers, f):
    h = x
    for W, b in layers[:-1]:
        h = f(layer(x, W, b))
    return layer(h, *layers[-1])


def not_handed_on_from_nothing(x, layers, f):
    for W, b in layers[:-1]:
        h = f(layer(x, W, b))
    W, b = layers[-1]
    return layer(h, W, b)


def returns_in_the_loop(x, layers, f):
    for W, b in layers[:-1]:
        x = f(layer(x, W, b))
        return layer(x, *layers[-1])


def returns_the_first(x, layers, f):
    for W, b in layers[:-1]:
        return f(layer(x, W, b))


def hidden_only(x, layers, f):
    for W, b in layers[:-1]:
        x = f(x @ W + b)
    return x


EXERCISE = Exercise(
    id="05.2",
    title="Layers in a row",
    reference={"network": network},
    given={"layer": "03.3"},
    cases=cases,
    right=[
        {"network": by_number},
        {"network": calls_itself},
        {"network": reduced},
        {"network": lambda x, layers, f: network(x, layers, f).astype(np.float32)},
    ],
    wrong=[
        Wrong(
            "f after the last layer",
            varied(lambda z, f, n, last: f(z)),
            "You bend after the last layer too. What comes out there are scores, and they are not bent.",
            source="https://github.com/nerfstudio-project/nerfstudio/pull/932",
        ),
        Wrong(
            "no f",
            varied(lambda z, f, n, last: z),
            "Nothing is bent: f is not used. Call it after every layer but the last.",
            source="https://github.com/aymericdamien/TensorFlow-Examples/issues/207",
        ),
        Wrong(
            "f on the inputs",
            varied(right_bend, first=lambda x, f: f(x)),
            "x itself is bent before it reaches the first layer. The inputs go in as they are; f comes after a layer.",
            source="https://github.com/KevinMusgrave/pytorch-metric-learning/issues/753",
        ),
        Wrong(
            "each from x",
            last_on_x,
            "The last layer gets x itself. Each layer should get what the one before it gave: keep it, and hand it on.",
            source="https://github.com/Project-MONAI/MONAI/issues/3880",
        ),
        Wrong(
            "W transposed",
            varied(right_bend, one=lambda x, W, b: x @ W.T + b),
            "W is transposed. It has a row for each input and a column for each unit, so `x @ W` fits as it stands.",
            source="https://github.com/stephencwelch/Neural-Networks-Demystified/issues/23",
        ),
        Wrong(
            "bias after f",
            bias_outside,
            "You add b after the bend, f(xW) + b. It belongs to the sum: f(xW + b).",
            source="https://github.com/infer-actively/pypc/issues/2",
        ),
        Wrong(
            "no biases",
            varied(right_bend, one=lambda x, W, b: x @ W),
            "The biases are missing. Each layer is x·W + b.",
            source="https://github.com/nengo/nengo-dl/pull/144",
        ),
        Wrong(
            "only the first is bent",
            varied(lambda z, f, n, last: f(z) if n == 0 and not last else z),
            "Only the first layer is bent. With several hidden layers, each of them needs it.",
            source="https://github.com/soumith/cvpr2015/issues/6",
        ),
        Wrong(
            "stops before the last layer",
            hidden_only,
            "That is what the last hidden layer says. The output layer is still to come, without f.",
        ),
        Wrong(
            "not handed on",
            not_handed_on,
            "Every hidden layer gets x itself, so only the last of them has a say. What one gave goes into the next.",
        ),
        Wrong(
            "not handed on, and not begun",
            not_handed_on_from_nothing,
            "`h` is not there where no layer is hidden, and else each hidden layer gets x itself. "
            "Begin with `h = x`, and hand h on.",
        ),
        Wrong(
            "return inside the loop",
            returns_in_the_loop,
            "After the first hidden layer you go to the last one at once, and without a hidden layer nothing comes "
            "back. Does a `return` stand inside the loop?",
        ),
        Wrong(
            "return inside the loop, of the first layer",
            returns_the_first,
            "You return what the first hidden layer says, and nothing where none is hidden. "
            "Does a `return` stand inside the loop?",
        ),
        Wrong(
            "from the last to the first",
            lambda x, layers, f: network(x, layers[::-1], f),
            "The layers are taken from the last to the first. The inputs meet layers[0].",
        ),
    ],
    hints=(
        "Go through the layers with one name for what is handed on. It begins as x.",
        "`for W, b in layers[:-1]:` goes through all layers but the last. In it: layer, then f, then keep the result.",
        "What is left of the list after the loop, and what is not done to it?",
    ),
)
