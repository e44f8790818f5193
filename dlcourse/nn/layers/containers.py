"""Layers that hold layers."""

from typing import Any

from .base import Layer


class Sequential(Layer):
    """y = f_n(... f_2(f_1(x)))"""

    skipped = 0  # layers at the start whose backward nobody asks for: no parameters there, and no gradient of x wanted

    def __init__(self, *layers: Layer):
        if not layers:
            raise ValueError(f"{type(self).__name__} needs at least one layer")
        self.layers = layers

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"

    def shape(self, x: tuple) -> tuple:
        for layer in self.layers:
            x = layer.shape(x)
        return x

    def flops(self, x: tuple) -> int:
        total = 0
        for layer in self.layers:
            total, x = total + layer.flops(x), layer.shape(x)
        return total

    def forward(self, x: Any, train: bool = False) -> Any:
        for layer in self.layers:
            x = layer.forward(x, train)
        return x

    def backward(self, dy: Any) -> Any:
        for layer in reversed(self.layers[self.skipped :]):
            dy = layer.backward(dy)
        return dy


class Residual(Sequential):
    """y = x + f(x)      f the layers inside, which keep the shape (He et al. 2016)"""

    op = "add"

    def shape(self, x: tuple) -> tuple:
        y = super().shape(x)
        if y != x:
            raise ValueError(f"{self!r} adds x {x} to f(x) {y}: the layers inside must keep the shape")
        return y

    def forward(self, x: Any, train: bool = False) -> Any:
        return self.ops.add(x, super().forward(x, train), y=self.y)

    def backward(self, dy: Any) -> Any:
        inner = super().backward(dy)
        return self.dx if self.dx is False else self.ops.add(dy, inner, y=self.dx)
