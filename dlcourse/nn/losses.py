"""A layer whose output is one number: the difference between prediction and desired value, mean over the batch.

The equations sum; the Loss alone divides by n, the size of the whole batch, of which it may see a part.
"""

from numbers import Integral
from typing import Any

from ..backends.first import First
from .ops import default_table
from .params import Missing


class Loss:
    """forward(z, t, n=None) -> scalar      backward() -> dz

    n: how many examples the whole batch has, if z holds a part of them. As an array (), it says that only the first n
    rows are examples: the batch was filled up to another size.
    """

    op, options = "", ()
    y = dx = ops = None
    used: Any = Missing("the loss has nothing to go back from: run loss.forward(z, t) first")

    def forward(self, z: Any, t: Any, n: Any = None) -> Any:
        if not hasattr(t, "shape"):
            raise TypeError(f"the targets must be an array, got a {type(t).__name__}: use np.asarray(t)")
        if n is None and not len(z):
            raise ValueError(f"the batch is empty: z {z.shape}, t {t.shape}")
        ops, self.t, self.n = self.ops or default_table(z), t, len(z) if n is None else n
        self.used = ops if n is None or isinstance(n, Integral) else First(ops, n)
        total, self.saved = self.total(z, t)
        return total / self.n

    def total(self, z: Any, t: Any) -> tuple[Any, Any]:
        """The sum over these examples, and what backward needs."""
        raise NotImplementedError(f"{type(self).__name__} has no total")

    def backward(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self.options))})"


class MeanSquaredError(Loss):
    """L = 1/n Σ_B 1/O Σ_O (y − t)²      y (B,O)  t (B,O)  ->  L ()"""

    op = "mean_squared_error"

    def total(self, z: Any, t: Any) -> tuple[Any, Any]:
        return self.used.mean_squared_error(z, t, e=self.y)

    def backward(self) -> Any:
        return self.used.mean_squared_error_backward(self.saved, self.n, dy=self.dx)


class BinaryCrossEntropy(Loss):
    """L = −1/n Σ_B 1/O Σ_O t log σ(z) + (1 − t) log(1 − σ(z))      z (B,O)  t (B,O)  ->  L ()      from logits z"""

    op = "binary_cross_entropy"

    def total(self, z: Any, t: Any) -> tuple[Any, Any]:
        return self.used.binary_cross_entropy(z, t, p=self.y)

    def backward(self) -> Any:
        return self.used.binary_cross_entropy_backward(self.saved, self.t, self.n, dz=self.dx)


class SoftmaxCrossEntropy(Loss):
    """L = −1/n Σ_B Σ_K T log softmax(z)      z (B,K)  t (B,) class numbers or (B,K)  ->  L ()      from logits z

    T is the target's distribution; with smoothing s it is (1 − s) T + s/K (Szegedy et al. 2016).
    """

    op = "softmax_cross_entropy"

    def __init__(self, smoothing: float = 0.0):
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing lies in [0, 1), got {smoothing}")
        self.options = (smoothing,) if smoothing else ()

    def total(self, z: Any, t: Any) -> tuple[Any, Any]:
        if z.ndim != 2:
            raise ValueError(f"SoftmaxCrossEntropy expects z (B,K), got {z.shape}: end with Flatten() and Dense(n, K)")
        return self.used.softmax_cross_entropy(z, t, *self.options, p=self.y)

    def backward(self) -> Any:
        return self.used.softmax_cross_entropy_backward(self.saved, self.t, self.n, *self.options, dz=self.dx)
