"""Every output is a weighted sum of every input."""

from collections.abc import Callable
from typing import Any

from ..initializers import he, zeros
from ..params import Param
from .base import Layer, Spec, counted


class Dense(Layer):
    """z = x W + b      x (B,I)  W (I,O)  b (O,)  ->  z (B,O)"""

    op, rows, shown = "dense", True, ("n_in", "n_out")
    W, b = Param(), Param()

    def __init__(self, n_in: int, n_out: int, *, bias: bool = True, init: Callable = he):
        counted(self, n_in=n_in, n_out=n_out)
        self.n_in, self.n_out = n_in, n_out
        self.specs = {"W": Spec((n_in, n_out), init, n_in, n_out), "b": Spec((n_out,), zeros)}
        if not bias:
            self.params, self._b, self.db = ("W",), False, False

    def shape(self, x: tuple) -> tuple:
        if len(x) != 2 or x[1] != self.n_in:
            raise self.refuse(f"(B, {self.n_in})", x)
        return (x[0], self.n_out)

    def flops(self, x: tuple) -> int:
        return 2 * self.n_in * self.n_out * x[0]

    def forward(self, x: Any, train: bool = False) -> Any:
        self.x = x
        return self.ops.dense(x, self.W, self.b, z=self.y)

    def backward(self, dz: Any) -> Any:
        return self.ops.dense_backward(dz, self.x, self.W, dx=self.dx, dW=self.dW, db=self.db)[0]
