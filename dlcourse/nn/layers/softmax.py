"""Each row becomes a distribution. A classifier trains better with SoftmaxCrossEntropy on the logits themselves."""

from typing import Any

from .base import Layer


class Softmax(Layer):
    """p = e^z / Σ_K e^z      z (B,K)  ->  p (B,K)"""

    op, inplace, saves_y = "softmax", True, True

    def shape(self, x: tuple) -> tuple:
        if len(x) != 2:
            raise self.refuse("(B, K)", x)
        return x

    def forward(self, z: Any, train: bool = False) -> Any:
        self.p = self.ops.softmax(z, p=self.y)
        return self.p

    def backward(self, dp: Any) -> Any:
        return self.ops.softmax_backward(dp, self.p, dz=self.dx)


class LogSoftmax(Softmax):
    """logp = z − log Σ_K e^z      z (B,K)  ->  logp (B,K)"""

    op = "log_softmax"

    def forward(self, z: Any, train: bool = False) -> Any:
        self.logp = self.ops.log_softmax(z, logp=self.y)
        return self.logp

    def backward(self, dlogp: Any) -> Any:
        return self.ops.log_softmax_backward(dlogp, self.logp, dz=self.dx)
