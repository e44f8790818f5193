"""Where a backend runs two neighbouring operations in one pass, one layer takes the place of two.

Same answer, same parameters. Only a Step's replica is fused; the user's layers, and the equations, know nothing of it.
"""

from typing import Any

from .layers import Conv2D, Dense, MaxPool2D, ReLU, Sequential
from .ops import Ops


class DenseReLU(Dense):
    """a = max(x W + b, 0)"""

    op, parts, saves_y = "dense_relu", (Dense, ReLU), True

    def forward(self, x: Any, train: bool = False) -> Any:
        self.x, self.a = x, self.ops.dense_relu(x, self.W, self.b, a=self.y)
        return self.a

    def backward(self, da: Any) -> Any:
        return self.ops.dense_relu_backward(da, self.a, self.x, self.W, dx=self.dx, dW=self.dW, db=self.db)[0]


class ConvReLU(Conv2D):
    """a = max(x * W + b, 0)"""

    op, parts, saves_y = "conv2d_relu", (Conv2D, ReLU), True

    def forward(self, x: Any, train: bool = False) -> Any:
        self.x, self.a = x, self.ops.conv2d_relu(x, self.W, self.b, **self.how, a=self.y)
        return self.a

    def backward(self, da: Any) -> Any:
        where = dict(dx=self.dx, dW=self.dW, db=self.db)
        return self.ops.conv2d_relu_backward(da, self.a, self.x, self.W, **self.how, **where)[0]


class ReLUMaxPool(MaxPool2D):
    """y = the largest of each 2 x 2 patch of max(z, 0)      won says which it was"""

    op, parts, inplace, saves_y = "relu_maxpool2d", (ReLU, MaxPool2D), False, False

    def memory(self, z: tuple) -> dict[str, tuple[tuple, str]]:
        return {"won": (self.shape(z), "uint8")}

    def forward(self, z: Any, train: bool = False) -> Any:
        self.x = z
        y, self.won = self.ops.relu_maxpool2d(z, y=self.y, won=self.won)
        return y

    def backward(self, dy: Any) -> Any:
        return self.ops.relu_maxpool2d_backward(dy, self.won, self.x, dz=self.dx)


FUSIONS = (DenseReLU, ConvReLU, ReLUMaxPool)
PATCHES = dict(size=2, stride=2)  # of the pooling that is fused


def fuse(layers: list, ops: Ops) -> list:
    """The layers, with the pairs replaced that this table fuses; a part that a learner has swapped stays by itself.

    From back to front: of convolution, ReLU and pooling, the last two are a pair.
    """
    out: list = []
    for layer in reversed(layers):
        if isinstance(layer, Sequential):
            layer.layers = tuple(fuse(layer.layers, ops))
        joined = fusion(layer, out[-1], ops) if out else None
        if joined:
            vars(layer).update(vars(out[-1]) | vars(layer))  # the second one's numbers too
            layer.__class__ = joined  # a replica, ours alone: the same arrays, other operations
            out[-1] = layer
        else:
            out.append(layer)
    return out[::-1]


def fusion(first: Any, second: Any, ops: Ops) -> type | None:
    """The class that does both layers at once, if this table has a body for it."""
    for cls in FUSIONS:
        swapped = {name for part in cls.parts for name in (part.op, part.op + "_backward")} & ops.own
        fits = cls.parts == (type(first), type(second)) and getattr(second, "how", PATCHES) == PATCHES
        if fits and cls.op in ops.fused and not swapped:
            return cls
    return None
