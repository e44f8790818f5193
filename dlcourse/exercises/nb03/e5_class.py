"""03.5 A layer as an object: it keeps its numbers, and knows how to use them."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Fn, Wrong, do, get, script
from .e3_layer import layer


class Layer:
    """y = f(x·W + b)      x (B,I)  W (I,O)  b (O,) -> y (B,O)

    Layer(W, b, f)       keeps W, b and the bend f under these names
    layer.forward(x)     the outputs y for a batch x
    layer.parameters     how many numbers it holds, weights and biases
    """

    def __init__(self, W, b, f):
        self.W, self.b, self.f = W, b, f
        self.parameters = W.size + b.size

    def forward(self, x):
        return self.f(x @ self.W + self.b)


def cases(rng):
    def numbers(B, I, O):
        return [rng.normal(size=s).round(1) for s in ((B, I), (I, O), (O,))]

    def made(name, W, b, f):
        return do(f"{name} = Layer", W, b, Fn(f))

    for (B, I, O), f, tag in (
        ((2, 3, 4), "np.tanh", ""),
        ((4, 2, 3), "np.square", ""),
        ((1, 3, 2), "np.tanh", "a batch of one"),
    ):
        x, W, b = numbers(B, I, O)
        yield script("Layer", made("layer", W, b, f), do("layer.forward", x), tag=tag)
    for read in ("W", "b", "parameters"):
        _, W, b = numbers(2, 3, 2)
        yield script("Layer", made("layer", W, b, "np.tanh"), get(f"layer.{read}"), tag=f"reading layer.{read}")
    x, W, b = numbers(2, 3, 2)
    yield script("Layer", made("layer", W, b, "np.cos"), do("layer.f", x), tag="calling layer.f")
    x, W, b = numbers(2, 2, 3)
    twice = made("layer", W, b, "np.sin"), do("layer.forward", x), do("layer.forward", x + 1), do("layer.forward", x)
    yield script("Layer", *twice, tag="three batches in a row")
    x, W, b = numbers(2, 2, 3)
    _, V, c = numbers(2, 2, 3)
    two = made("first", W, b, "np.tanh"), made("second", V, c, "np.tanh")
    yield script("Layer", *two, do("first.forward", x), do("second.forward", x), tag="two layers at once")
    _, V, c = numbers(2, 3, 2)
    kept = (
        made("first", W, b, "np.tanh"),
        made("second", V, c, "np.cos"),
        get("first.parameters"),
        get("second.parameters"),
    )
    yield script("Layer", *kept, tag="a layer that was made before another")


# ---------------------------------------------------------------- other right answers
class Properties:
    def __init__(self, W, b, f):
        self.weights = np.vstack([W, b])
        self.f = f

    W = property(lambda self: self.weights[:-1])
    b = property(lambda self: self.weights[-1])

    @property
    def parameters(self):
        return self.weights.size

    def forward(self, x):
        return self.f(x @ self.W + self.b)


class Units:
    def __init__(self, W, b, f):
        self.W, self.b, self.f = W.copy(), b.copy(), f
        self.parameters = (W.shape[0] + 1) * W.shape[1]

    def one(self, row, o):
        return self.f(np.dot(row, self.W[:, o]) + self.b[o])

    def forward(self, x):
        return [[self.one(row, o) for o in range(len(self.b))] for row in x]


class Chatty:
    def __init__(self, W, b, f=np.tanh):
        self.W = W
        self.b = b
        self.f = f
        self.parameters = len(W) * len(W[0]) + len(b)

    def forward(self, x):
        z = layer(x, self.W, self.b)
        print("z has shape", z.shape)
        return self.f(z).astype(np.float32)


# ---------------------------------------------------------------- wrong ones
class NoBias(Layer):
    def forward(self, x):
        return self.f(x @ self.W)


class NoBend(Layer):
    def forward(self, x):
        return x @ self.W + self.b


class BiasAfterBend(Layer):
    def forward(self, x):
        return self.f(x @ self.W) + self.b


class Shared(Layer):
    def __init__(self, W, b, f):
        Shared.W, Shared.b, Shared.f, Shared.parameters = W, b, staticmethod(f), W.size + b.size


class WeightsOnly(Layer):
    def __init__(self, W, b, f):
        super().__init__(W, b, f)
        self.parameters = W.size


class OneBias(Layer):
    def __init__(self, W, b, f):
        super().__init__(W, b, f)
        self.parameters = W.size + 1


class RowsCounted(Layer):
    def __init__(self, W, b, f):
        super().__init__(W, b, f)
        self.parameters = len(W) + len(b)


class Listed(Layer):
    def __init__(self, W, b, f):
        super().__init__(W, b, f)
        self.parameters = [W, b]


class NotCounted(Layer):
    def __init__(self, W, b, f):
        self.W, self.b, self.f = W, b, f


class OtherNames(Layer):
    def __init__(self, W, b, f):
        self.weights, self.bias, self.f, self.parameters = W, b, f, W.size + b.size

    def forward(self, x):
        return self.f(x @ self.weights + self.bias)


class OtherNameOfTheBend(Layer):
    def __init__(self, W, b, f):
        self.W, self.b, self.g, self.parameters = W, b, f, W.size + b.size

    def forward(self, x):
        return self.g(x @ self.W + self.b)


class NothingKept(Layer):
    def __init__(self, W, b, f):
        pass


class NoReturn(Layer):
    def forward(self, x):
        self.y = self.f(x @ self.W + self.b)


class FirstAnswerForEver(Layer):
    y = None

    def forward(self, x):
        if self.y is None:
            self.y = self.f(x @ self.W + self.b)
        return self.y


EXERCISE = Exercise(
    id="03.5",
    title="A layer as an object",
    reference={"Layer": Layer},
    given={"layer": "03.3"},
    cases=cases,
    right=[{"Layer": Properties}, {"Layer": Units}, {"Layer": Chatty}],
    wrong=[
        Wrong("no bias", NoBias, "`forward` leaves out the biases: it gives exactly f(x @ W)."),
        Wrong(
            "no bend",
            NoBend,
            "`forward` gives the sums z. The bend is missing: hand them to f.",
            source="https://github.com/aymericdamien/TensorFlow-Examples/issues/262",
        ),
        Wrong(
            "bias after the bend",
            BiasAfterBend,
            "`forward` adds the biases after the bend. They belong to the sums, before f.",
        ),
        Wrong(
            "shared by all layers",
            Shared,
            "A second layer overwrites the numbers of the first. Kept with `self.`, they belong to one layer alone.",
            source="https://github.com/acids-ircam/ddsp_pytorch/issues/37",
        ),
        Wrong(
            "weights counted only",
            WeightsOnly,
            "`parameters` counts the weights only. The biases are parameters too.",
            source="https://stackoverflow.com/questions/36946671",
        ),
        Wrong(
            "one bias counted",
            OneBias,
            "`parameters` counts one bias for the layer. Every unit has its own.",
            source="https://community.deeplearning.ai/t/calculation-the-number-of-bias-parameter/344441",
        ),
        Wrong(
            "rows counted",
            RowsCounted,
            "`len(W)` is how many rows W has, one for each input. How many numbers it holds is `W.size`.",
        ),
        Wrong(
            "parameters as a list",
            Listed,
            "`parameters` holds the arrays themselves. Here it is a count: how many numbers they hold together.",
        ),
        Wrong(
            "not counted",
            NotCounted,
            "`forward` works, but there is no `layer.parameters`. Set `self.parameters` in `__init__`.",
        ),
        Wrong(
            "other names",
            OtherNames,
            "`forward` works, but W and b cannot be read as `layer.W` and `layer.b`. Keep them under these names.",
            source="https://github.com/Sentdex/NNfSiX/issues/122",
        ),
        Wrong(
            "other name of the bend",
            OtherNameOfTheBend,
            "`forward` works, but the bend cannot be called as `layer.f`. Keep it under that name.",
        ),
        Wrong(
            "nothing kept",
            NothingKept,
            "`__init__` keeps nothing, so `forward` finds nothing. Store each argument: `self.W = W`, and so on.",
            source="https://github.com/XudongLinthu/context-gated-convolution/issues/3",
        ),
        Wrong("no return", NoReturn, "`forward` returns nothing. Hand the outputs back with `return`."),
        Wrong(
            "the first answer for ever",
            FirstAnswerForEver,
            "`forward` repeats its first answer, whatever it is given. It should compute anew from each x.",
        ),
    ],
    hints=(
        "`__init__` runs once, when the layer is made. What it puts into `self.` is still there when `forward` runs.",
        "In `__init__`: `self.W = W`, the same for b and f, and `self.parameters` from `W.size` and `b.size`.",
        "`forward` is 03.3 with a bend around it. W, b and f are not its own: it finds them in `self`.",
    ),
)
