"""06.1 A number that remembers what it was made from, and how much each of its parents moves it."""

from __future__ import annotations

import math

import numpy as np

from ..exercise import Exercise, Ref, do, get, script
from .slips import wrong


class Value:
    """A number that remembers what it was made from.

    data     the number
    parents  the Values that it was made from, in order
    slopes   how many times as far as a parent it moves: one number for each of them
    grad     filled in later
    """

    def __init__(self, data, parents=(), slopes=()):
        self.data, self.parents, self.slopes = data, parents, slopes
        self.grad = 0.0

    def __repr__(self):
        return f"Value({self.data})"

    def __add__(self, other):
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def tanh(self):
        t = np.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))

    def relu(self):
        return Value(max(self.data, 0.0), (self,), (1.0 if self.data > 0 else 0.0,))


def made(**numbers):
    """A step for each Value that is made from a number."""
    return [do(f"{name} = Value", number) for name, number in numbers.items()]


def cases(rng):
    def two():
        return (0.1 * rng.choice(np.arange(3, 30), size=2, replace=False) * rng.choice([-1, 1], size=2)).round(1)

    for sign in ("__add__", "__mul__"):
        for _ in range(2):
            a, b = two()
            c = do(f"c = a.{sign}", Ref("b"))
            yield script("Value", *made(a=a, b=b), c, get("c.data"), get("c.slopes"))
        yield script("Value", *made(a=a, b=b), c, do("c.parents.__len__"), tag="counting the parents")
        came = [do("c.parents.index", Ref(name)) for name in "ab"]
        yield script("Value", *made(a=a, b=b), c, *came, do("c.parents.__len__"), tag="reading the parents")
        yield script("Value", *made(a=a, b=b), do(f"a.{sign}", Ref("b")), get("a.data"), get("a.grad"))
    for bend in ("tanh", "relu"):
        for sign, size in ((1, 0.5), (-1, 0.5), (1, 2.0)):
            a = round(sign * size * rng.uniform(0.5, 1.5), 2)
            yield script("Value", *made(a=a), do(f"c = a.{bend}"), get("c.data"), get("c.slopes"))
        yield script("Value", *made(a=0.0), do(f"c = a.{bend}"), get("c.data"), get("c.slopes"), tag="an input of 0")
        yield script("Value", *made(a=-1000.0), do(f"c = a.{bend}"), get("c.data"), get("c.slopes"), tag="−1000")
        yield script("Value", *made(a=1.5), do(f"c = a.{bend}"), do("c.parents.__len__"), tag="counting the parents")
        yield script("Value", *made(a=-1.5), do(f"a.{bend}"), get("a.data"))
        came = do("c.parents.index", Ref("a")), do("c.parents.__len__")
        yield script("Value", *made(a=1.5), do(f"c = a.{bend}"), *came, get("c.grad"), tag="reading the parent")
        yield script("Value", *made(a=1.5), do(f"a.{bend}"))
    for sign in ("__add__", "__mul__"):
        a, _ = two()
        c = do(f"c = a.{sign}", Ref("a"))
        both = do("c.parents.count", Ref("a"))
        yield script("Value", *made(a=a), c, get("c.data"), get("c.slopes"), both, tag="the same number twice")
    a, b = two()
    steps = do("c = a.__mul__", Ref("b")), do("d = c.__add__", Ref("a")), do("e = d.tanh")
    read = get("e.data"), get("d.slopes"), do("d.parents.index", Ref("c")), do("d.parents.index", Ref("a"))
    yield script("Value", *made(a=a, b=b), *steps, *read, tag="a chain of three")


# ---------------------------------------------------------------- other right ones
class Lists:
    def __init__(self, data, parents=(), slopes=()):
        self.data, self.parents, self.slopes, self.grad = float(data), list(parents), np.array(slopes, dtype=float), 0

    def __add__(self, other):
        return Lists(self.data + other.data, [self, other], np.ones(2))

    def __mul__(self, other):
        return Lists(self.data * other.data, [self, other], [other.data, self.data])

    def tanh(self):
        return Lists(math.tanh(self.data), [self], [1 / math.cosh(min(abs(self.data), 300)) ** 2])

    def relu(self):
        return Lists(self.data * (self.data > 0), [self], [self.data > 0])


class Fields:
    def __init__(self, data, parents=(), slopes=()):
        self.data = data
        self.parents = parents
        self.slopes = slopes
        self.grad = 0.0

    def made(self, data, *links):
        print("made", data)
        return Fields(data, tuple(v for v, _ in links), tuple(s for _, s in links))

    def __add__(self, other):
        return self.made(self.data + other.data, (self, 1), (other, 1))

    def __mul__(self, other):
        return self.made(self.data * other.data, (self, other.data), (other, self.data))

    def tanh(self):
        t = np.tanh(self.data)
        return self.made(t, (self, (1 - t) * (1 + t)))

    def relu(self):
        return self.made(self.data, (self, 1)) if self.data > 0 else self.made(0, (self, 0))


class Single(Value):
    def __init__(self, data, parents=(), slopes=()):
        super().__init__(np.float32(data), parents, tuple(np.float32(s) for s in slopes))

    def __add__(self, other):
        return Single(np.add(self.data, other.data), (self, other), (1, 1))

    def __mul__(self, other):
        return Single(np.multiply(self.data, other.data), (self, other), (other.data, self.data))

    def tanh(self):
        return Single(np.tanh(self.data), (self,), (1 - np.square(np.tanh(self.data)),))

    def relu(self):
        return Single(np.maximum(self.data, 0), (self,), (np.heaviside(self.data, 0),))


for other in (Lists, Fields, Single):
    other.__name__ = "Value"  # as a learner's class is called


EXERCISE = Exercise(
    id="06.1",
    title="A number that remembers",
    reference={"Value": Value},
    cases=cases,
    right=[{"Value": Lists}, {"Value": Fields}, {"Value": Single}],
    wrong=wrong(Value),
    hints=(
        "Every rule has the same form: `return Value(the number, (the parents), (a slope for each parent))`.",
        "Nudge one parent and ask how far the result moves. For a + b it is 1 for each. The table holds the others.",
        "Nudge a in a·b: the result moves by b times as much. So whose slope is which number?",
    ),
    equivalent=dict.fromkeys(
        (
            "left out: return f'Value({self.data})'",
            "return f'Value({self.data})' -> return",
            "return f'Value({self.data})' -> print(f'Value({self.data})')",
            "return f'Value({self.data})' -> return -f'Value({self.data})'",
            "return f'Value({self.data})' -> return np.asarray(f'Value({self.data})')[..., None]",
        ),
        "How a Value looks when it is printed is given with the exercise, and is not judged.",
    ),
)
