"""One class for all layers that bend each number by itself; two functions for each in `functional`."""

from typing import Any

from .base import Layer


class Elementwise(Layer):
    """a = f(z). Backward needs only the output, so it may lie over the input. kept: what backward needs."""

    inplace, saves_y = True, True
    options: tuple = ()

    def forward(self, z: Any, train: bool = False) -> Any:
        self.kept = getattr(self.ops, self.op)(z, a=self.y)
        return self.kept

    def backward(self, da: Any) -> Any:
        return getattr(self.ops, self.op + "_backward")(da, self.kept, dz=self.dx)


class Shaped(Elementwise):
    """a = f(z, shape): with one number that says how it bends."""

    def __init__(self, shape: float):
        self.options = (shape,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.options[0]})"

    def forward(self, z: Any, train: bool = False) -> Any:
        self.kept = getattr(self.ops, self.op)(z, *self.options, a=self.y)
        return self.kept

    def backward(self, da: Any) -> Any:
        return getattr(self.ops, self.op + "_backward")(da, self.kept, *self.options, dz=self.dx)


class Bend(Elementwise):
    """a = f(z), where backward needs the input."""

    inplace, saves_y = False, False

    def forward(self, z: Any, train: bool = False) -> Any:
        self.kept = z
        return getattr(self.ops, self.op)(z, a=self.y)


class ReLU(Elementwise):
    """a = max(z, 0)"""

    op = "relu"


class LeakyReLU(Shaped):
    """a = z where z > 0, slope · z elsewhere"""

    op = "leaky_relu"

    def __init__(self, slope: float = 0.01):
        if not 0 < slope < 1:
            raise ValueError(f"LeakyReLU's slope lies between 0 and 1, got {slope}")
        super().__init__(slope)


class ELU(Shaped):
    """a = z where z > 0, α (e^z − 1) elsewhere"""

    op = "elu"

    def __init__(self, alpha: float = 1.0):
        if not alpha > 0:
            raise ValueError(f"ELU's alpha is positive, got {alpha}")
        super().__init__(alpha)


class Softplus(Elementwise):
    """a = log(1 + e^z)"""

    op = "softplus"


class Sigmoid(Elementwise):
    """a = 1 / (1 + e^−z)"""

    op = "sigmoid"


class Tanh(Elementwise):
    """a = tanh z"""

    op = "tanh"


class GELU(Bend):
    """a = z Φ(z), Φ the normal distribution's, by the error function"""

    op = "gelu"


class GELUTanh(Bend):
    """a = z Φ(z), Φ approximated by tanh"""

    op = "gelu_tanh"


class SiLU(Bend):
    """a = z σ(z)"""

    op = "silu"
