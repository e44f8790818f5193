"""An operation plus what its backward needs. No arithmetic here."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np


class Spec(NamedTuple):
    """What a parameter is before the network draws it."""

    shape: tuple
    init: Callable
    fan_in: int = 1
    fan_out: int = 1


class Homeless:
    """The table of a layer that is in no network."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the layer has no {name} to compute with yet: put it into a Network(...) first")


class Layer:
    """forward(x, train=False) -> y      backward(dy) -> dx

    y, dx    None until a Step binds buffers to a replica of the layer: then nothing is allocated any more
    inplace  may write y over its input, and dx over dy
    saves_y  backward reads y, so nobody may write over it
    shown    the numbers that it is made with, as repr shows them
    rows     y comes out of a matrix product: its rows lie one after the other, also where x came from images
    """

    op, params, layers, shown = "", (), (), ()
    specs: dict[str, Spec] = {}
    buffer_specs: dict[str, Spec] = {}
    y = dx = None
    ops: Any = Homeless()
    inplace, saves_y, rows = False, False, False
    placed, number = False, 0  # in a network; which leaf of it, counted depth first

    def shape(self, x: tuple) -> tuple:
        """Shape of y for an x of this shape; raises with both shapes where x does not fit."""
        return x

    def flops(self, x: tuple) -> int:
        """Multiplications and additions of the products in forward, for an x of this shape."""
        return 0

    def memory(self, x: tuple) -> dict[str, tuple[tuple, str]]:
        """{attribute: (shape, dtype)} of what forward saves for backward besides x and y; "wide": never in 16 bits."""
        return {}

    def replica(self) -> Self:
        """The same parameters, a memory of its own."""
        new = copy.copy(self)
        new.layers = tuple(layer.replica() for layer in self.layers)
        return new

    def refuse(self, expected: str, got: tuple) -> ValueError:
        one = "; one example alone becomes a batch of one by x[None]" * (len(got) == expected.count(","))
        return ValueError(f"{self!r} expects {expected}, got {got}{one}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(str(getattr(self, name)) for name in self.shown)})"


class Fixed(Layer):
    """y = f(x), an operation with nothing to learn, whose backward needs x."""

    how: dict[str, Any] = {}  # the options of forward and of backward

    def forward(self, x: Any, train: bool = False) -> Any:
        self.x = x
        return getattr(self.ops, self.op)(x, **self.how, y=self.y)

    def backward(self, dy: Any) -> Any:
        return getattr(self.ops, self.op + "_backward")(dy, self.x, **self.how, dx=self.dx)


MEANT = {"n_in": "inputs", "n_out": "units"}  # what is counted, where a name says too little


def counted(layer: Layer, least: int = 1, **numbers: int) -> None:
    """Raise one sentence for a size that is no whole number from `least` on."""
    for name, value in numbers.items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            said = f"{name}, the number of {MEANT[name]}," if name in MEANT else name
            raise ValueError(f"{type(layer).__name__}: {said} is a whole number from {least} on, got {value!r}")
