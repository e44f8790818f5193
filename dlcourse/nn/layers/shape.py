"""The same numbers in another shape."""

import math
from typing import Any

from .base import Layer


class Flatten(Layer):
    """One row per example      x (B,Y,X,C)  ->  y (B, Y X C)"""

    op = "flatten"

    def shape(self, x: tuple) -> tuple:
        return (x[0], math.prod(x[1:]))

    def forward(self, x: Any, train: bool = False) -> Any:
        self.x = x
        return self.ops.flatten(x, y=self.y)

    def backward(self, dy: Any) -> Any:
        return self.ops.flatten_backward(dy, self.x, dx=self.dx)
