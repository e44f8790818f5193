"""Each row becomes a distribution. A classifier trains better with SoftmaxCrossEntropy on the logits themselves."""

from typing import Any

from .base import Layer


class Softmax(Layer):
    """p = e^z / Σ_K e^z      z (B,K)  ->  p (B,K)"""

    op, out, inplace, saves_y = "softmax", "p", True, True

    def shape(self, x: tuple) -> tuple:
        if len(x) != 2:
            raise self.refuse("(B, K)", x)
        return x

    def forward(self, z: Any, train: bool = False) -> Any:
        self.kept = getattr(self.ops, self.op)(z, **{self.out: self.y})
        return self.kept

    def backward(self, dp: Any) -> Any:
        return getattr(self.ops, self.op + "_backward")(dp, self.kept, dz=self.dx)


class LogSoftmax(Softmax):
    """logp = z − log Σ_K e^z      z (B,K)  ->  logp (B,K)"""

    op, out = "log_softmax", "logp"
