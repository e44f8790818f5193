"""Channels get mean 0 and variance 1 over the batch, or examples over their channels; then a scale and a shift."""

from typing import Any

from ..functional import alone
from ..initializers import ones, zeros
from ..params import Param
from .base import Layer, Spec, counted


class BatchNorm(Layer):
    """y = γ (x − μ) / √(σ² + ε) + β      μ, σ² per channel over the batch; running means of them while predicting

    x (B,C) or (B,Y,X,C)  ->  y like x. Ioffe & Szegedy 2015. Running statistics: r ← (1 − momentum) r + momentum s,
    with the unbiased variance.
    """

    op, shown = "batchnorm", ("channels",)
    gamma, beta = Param(), Param()
    allreduce = staticmethod(alone)  # sums over the parts of a cut batch
    leader = True  # of the parts, one keeps the running statistics

    def __init__(self, channels: int, *, momentum: float = 0.1, eps: float = 1e-5):
        counted(self, channels=channels)
        if not (0 <= momentum <= 1 and eps > 0):
            raise ValueError(f"BatchNorm needs momentum from 0 to 1 and a positive eps, got {momentum} and {eps}")
        self.channels, self.momentum, self.eps = channels, momentum, eps
        self.specs = {"gamma": Spec((channels,), ones), "beta": Spec((channels,), zeros)}
        self.buffer_specs = {"running_mean": Spec((channels,), zeros), "running_var": Spec((channels,), ones)}

    def shape(self, x: tuple) -> tuple:
        if len(x) not in (2, 4) or x[-1] != self.channels:
            raise self.refuse(f"(B, {self.channels}) or (B, Y, X, {self.channels})", x)
        return x

    def forward(self, x: Any, train: bool = False) -> Any:
        self.x, self.train = x, train
        if not train:
            given = self.gamma, self.beta, self.running_mean, self.running_var
            return self.ops.normalize(x, *given, eps=self.eps, y=self.y)
        how = dict(allreduce=self.allreduce, eps=self.eps)
        *self.stats, y = self.ops.batchnorm(x, self.gamma, self.beta, **how, y=self.y)
        if self.leader:
            self.ops.update_running(self.running_mean, self.running_var, *self.stats, self.momentum)
        return y

    def backward(self, dy: Any) -> Any:
        where = dict(dx=self.dx, dgamma=self.dgamma, dbeta=self.dbeta)
        if not self.train:
            given = self.gamma, self.running_mean, self.running_var
            return self.ops.normalize_backward(dy, self.x, *given, eps=self.eps, **where)[0]
        how = dict(allreduce=self.allreduce, eps=self.eps)
        return self.ops.batchnorm_backward(dy, self.x, self.gamma, *self.stats, **how, **where)[0]


class LayerNorm(Layer):
    """y = γ (x − μ) / √(σ² + ε) + β      μ, σ² per example over its C channels      x (B,C)  ->  y (B,C)

    Ba, Kiros & Hinton 2016.
    """

    op, shown = "layernorm", ("channels",)
    gamma, beta = Param(), Param()
    mean = inv = None  # where a Step lets them be saved

    def __init__(self, channels: int, *, eps: float = 1e-5):
        counted(self, channels=channels)
        self.channels, self.eps = channels, eps
        self.specs = {"gamma": Spec((channels,), ones), "beta": Spec((channels,), zeros)}

    def shape(self, x: tuple) -> tuple:
        if len(x) < 2 or x[-1] != self.channels:
            raise self.refuse(f"(B, ..., {self.channels})", x)
        return x

    def memory(self, x: tuple) -> dict[str, tuple[tuple, str]]:
        return {name: ((*x[:-1], 1), "wide") for name in ("mean", "inv")}

    def forward(self, x: Any, train: bool = False) -> Any:
        self.x, where = x, dict(mean=self.mean, inv=self.inv, y=self.y)
        *self.stats, y = self.ops.layernorm(x, self.gamma, self.beta, eps=self.eps, **where)
        return y

    def backward(self, dy: Any) -> Any:
        where = dict(dx=self.dx, dgamma=self.dgamma, dbeta=self.dbeta)
        return self.ops.layernorm_backward(dy, self.x, self.gamma, *self.stats, **where)[0]
