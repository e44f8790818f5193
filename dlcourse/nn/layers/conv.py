"""The same small weighted sum at every place of an image."""

from collections.abc import Callable
from typing import Any

from ..initializers import he, zeros
from ..params import Param
from .base import Layer, Spec, counted


class Conv2D(Layer):
    """z[n,y,x] = b + Σ_rs x[n, yS+r−P, xS+s−P] W[r,s]      x (B,Y,X,C)  W (kY,kX,C,O)  b (O,)  ->  z (B,Y',X',O)"""

    op, shown = "conv2d", ("c_in", "c_out", "kernel")
    W, b = Param(), Param()

    def __init__(self, c_in: int, c_out: int, kernel: int, *, stride: int = 1, padding: int = 0,
                 bias: bool = True, init: Callable = he):  # fmt: skip
        counted(self, c_in=c_in, c_out=c_out, kernel=kernel, stride=stride)
        counted(self, 0, padding=padding)
        self.c_in, self.c_out, self.kernel, self.stride, self.padding = c_in, c_out, kernel, stride, padding
        self.how, area = dict(stride=stride, padding=padding), kernel * kernel
        W = Spec((kernel, kernel, c_in, c_out), init, area * c_in, area * c_out)
        self.specs = {"W": W, "b": Spec((c_out,), zeros)}
        if not bias:
            self.params, self._b, self.db = ("W",), False, False

    def shape(self, x: tuple) -> tuple:
        k, P = self.kernel, self.padding
        if len(x) != 4 or x[3] != self.c_in or min(x[1:3]) + 2 * P < k:
            raise self.refuse(f"images (B, Y, X, {self.c_in}) with Y and X of at least {k - 2 * P}", x)
        return (x[0], *((n + 2 * P - k) // self.stride + 1 for n in x[1:3]), self.c_out)

    def flops(self, x: tuple) -> int:
        B, Y, X, O = self.shape(x)
        return 2 * self.kernel**2 * self.c_in * O * Y * X * B

    def forward(self, x: Any, train: bool = False) -> Any:
        self.x = x
        return self.ops.conv2d(x, self.W, self.b, **self.how, z=self.y)

    def backward(self, dz: Any) -> Any:
        return self.ops.conv2d_backward(dz, self.x, self.W, **self.how, dx=self.dx, dW=self.dW, db=self.db)[0]
