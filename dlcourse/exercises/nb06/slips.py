"""The wrong answers to 06.1: a class of Values in which one, some or all of the four methods go wrong in one way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..exercise import Wrong

SUM, PRODUCT, BENDS = ("__add__",), ("__mul__",), ("tanh", "relu")
BOTH = SUM + PRODUCT
EVERY = BOTH + BENDS
EACH = [(name,) for name in EVERY]


def slip(Value: type, names: tuple[str, ...], change: Callable) -> type:
    """A Value of which these methods give something else.      change (the right result, self, *other) -> result"""

    class Slip(Value):
        pass

    def method(name: str) -> Callable:
        def result(self, *other):
            v = getattr(Value, name)(self, *other)
            right = Slip(v.data, v.parents, v.slopes)
            return change(right, self, *other) if name in names else right

        return result

    for name in EVERY:
        setattr(Slip, name, method(name))
    Slip.__name__ = "Value"  # as a learner's class is called
    return Slip


def sloped(slopes: Callable) -> Callable:
    """Only the slopes are others.      slopes (numbers of the parents, number of the result) -> slopes"""
    return lambda v, self, *other: type(v)(v.data, v.parents, slopes(*(p.data for p in (self, *other)), v.data))


def remade(parents: Callable = lambda v: v.parents, slopes: Callable = lambda v: v.slopes) -> Callable:
    """The number is right, and the rest is made of the right result."""
    return lambda v, *_: type(v)(v.data, parents(v), slopes(v))


def into_self(v, self, *other):
    """The object on the left is changed and handed back."""
    self.data = v.data
    return self


def changed_first(v, self, *other):
    """`self.data += other.data`, and then a Value of it."""
    self.data = v.data
    product = len(other) and v.slopes != (1.0, 1.0)
    return type(v)(v.data, v.parents, (other[0].data, self.data) if product else v.slopes)


ONE_METHOD = [  # key, method, what is done otherwise, the sentence, where it was seen
    (
        "own number",
        PRODUCT,
        sloped(lambda a, b, c: (a, b)),
        "The two slopes of your product are exchanged. Nudge a, and a·b moves b times as far: "
        "its slope is the other number.",
        "https://github.com/karpathy/nn-zero-to-hero/issues/52",
    ),
    (
        "product slopes of 1",
        PRODUCT,
        sloped(lambda a, b, c: (1.0, 1.0)),
        "Your product has the slopes of a sum, 1 and 1. Try a nudge.",
        "",
    ),
    (
        "product slopes are Values",
        PRODUCT,
        remade(slopes=lambda v: v.parents[::-1]),
        "The slopes of your product are Values. They must be numbers: `other.data` and `self.data`.",
        "",
    ),
    (
        "parents and slopes exchanged",
        PRODUCT,
        remade(lambda v: v.parents[::-1], lambda v: v.slopes[::-1]),
        "Your product names `other` first, with its slope. The order of the parents is `(self, other)`, that of the "
        "slopes the same.",
        "",
    ),
    (
        "sum like a product",
        SUM,
        sloped(lambda a, b, c: (b, a)),
        "Your sum has the slopes of a product. Nudge a by h, and a + b moves by just h.",
        "",
    ),
    (
        "tanh of the input",
        ("tanh",),
        sloped(lambda a, t: (1 - a**2,)),
        "The slope of your tanh is 1 − x², with x the input. It is 1 − t², with t the *output* tanh(x).",
        "https://github.com/apache/mxnet/pull/4316",
    ),
    (
        "tanh plus",
        ("tanh",),
        sloped(lambda a, t: (1 + t**2,)),
        "The slope of your tanh is 1 + t², which belongs to tan. For tanh it is 1 − t².",
        "https://github.com/nicodjimenez/lstm/issues/41",
    ),
    (
        "tanh not squared",
        ("tanh",),
        sloped(lambda a, t: (1 - t,)),
        "The slope of your tanh is 1 − t. The square is missing: 1 − t².",
        "https://github.com/scutan90/DeepLearning-500-questions/issues/466",
    ),
    (
        "tanh like the sigmoid",
        ("tanh",),
        sloped(lambda a, t: (t * (1 - t),)),
        "t(1 − t) is the slope of the sigmoid. That of tanh is 1 − t².",
        "",
    ),
    (
        "relu slope is the value",
        ("relu",),
        sloped(lambda a, r: (r,)),
        "The slope of your relu is its value. Above 0 relu moves just as its input does: slope 1.",
        "",
    ),
    (
        "relu slope always 1",
        ("relu",),
        sloped(lambda a, r: (1.0,)),
        "The slope of your relu is 1 everywhere. Below 0 a nudge changes nothing, so there the slope is 0.",
        "https://github.com/oreilly-japan/deep-learning-from-scratch/pull/43",
    ),
    (
        "relu at 0",
        ("relu",),
        sloped(lambda a, r: (1.0 if a >= 0 else 0.0,)),
        "At an input of exactly 0 your relu has slope 1. We agreed on 0 there: `> 0`.",
        "",
    ),
]

SOME_METHODS = [  # key, in which methods, what is done otherwise, the sentence
    (
        "plain numbers",
        [EVERY, BOTH, *EACH],
        lambda v, *_: v.data,
        "a plain number comes back. Wrap it in `Value(...)`, with its parents and their slopes.",
    ),
    (
        "no return",
        [EVERY, BOTH, *EACH],
        lambda *_: None,
        "nothing comes back. Is there a `return` in front of the new Value?",
    ),
    (
        "forgets",
        [EVERY, BOTH, *EACH],
        remade(lambda v: (), lambda v: ()),
        "the number is right, but the result remembers no parents and no slopes.",
    ),
    (
        "parents left out",
        [EVERY, BOTH, *EACH],
        remade(lambda v: v.slopes, lambda v: ()),
        "the slopes stand in the place of the parents. First the number, then the parents, then the slopes.",
    ),
    (
        "no parents",
        [EVERY, BOTH, *EACH],
        remade(lambda v: ()),
        "number and slopes are right, but the parents are missing.",
    ),
    (
        "no slopes",
        [EVERY, BOTH, *EACH],
        remade(slopes=lambda v: ()),
        "number and parents are right, but the slopes are missing.",
    ),
    (
        "numbers as parents",
        [EVERY, BOTH, BENDS, *EACH],
        remade(lambda v: tuple(p.data for p in v.parents)),
        "the parents are plain numbers, so nobody can go back to them. Name the Values themselves: no `.data` there.",
    ),
    (
        "parents without a comma",
        [BENDS, *EACH[2:]],
        remade(lambda v: v.parents[0]),
        "the parents are one Value, and no tuple. Parentheses alone make none; a comma does: `(self,)`.",
    ),
    (
        "slope without a comma",
        [BENDS, *EACH[2:]],
        remade(slopes=lambda v: v.slopes[0]),
        "the slopes are a single number, and no tuple. One slope for one parent is `(slope,)`, with a comma.",
    ),
    (
        "no comma at all",
        [BENDS, *EACH[2:]],
        remade(lambda v: v.parents[0], lambda v: v.slopes[0]),
        "neither the parents nor the slopes are a tuple. Both need a comma: `(self,)` and `(slope,)`.",
    ),
    (
        "changed in place",
        [EVERY, BOTH, *EACH],
        into_self,
        "`self` is changed and handed back. Others still need its number: leave it, and make a new Value.",
    ),
    (
        "changed first",
        [EVERY, BOTH, *EACH],
        changed_first,
        "the new Value is right in its number, but `self.data` was changed on the way. Leave the parents as they are.",
    ),
    (
        "other first",
        [BOTH, SUM, PRODUCT],
        remade(lambda v: v.parents[::-1]),
        "the parents are named in the wrong order. The one on the left comes first: `(self, other)`.",
    ),
]


def wrong(Value: type) -> list[Wrong]:
    """All of them, for this right class."""
    return [*_of_one_method(Value), *_of_some_methods(Value)]


def _of_one_method(Value: type) -> Iterator[Wrong]:
    for key, names, change, says, source in ONE_METHOD:
        yield Wrong(key, slip(Value, names, change), says, source=source)


def _of_some_methods(Value: type) -> Iterator[Wrong]:
    for key, scopes, change, says in SOME_METHODS:
        for names in scopes:
            where = "all four methods" if names == EVERY else " and ".join(f"`{name}`" for name in names)
            own = key if names == scopes[0] else f"{key} in {' and '.join(names)}"
            yield Wrong(own, slip(Value, names, change), f"In {where}: {says}")
