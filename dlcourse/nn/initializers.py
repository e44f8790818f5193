"""How large the first weights are. Too small, and signals die on the way through the layers; too large, and they grow.

An initializer is a callable `init(rng, shape, fan_in, fan_out)` that returns float64. `fan_in` counts the numbers that
one output adds up (Dense: I, Conv2D: kY kX C), `fan_out` the outputs that one input reaches (O, kY kX O). Every
formula says which variance keeps the signal alive; a normal and a uniform distribution can both have it.
"""

import math
from collections.abc import Callable

import numpy as np

Initializer = Callable[[np.random.Generator, tuple[int, ...], int, int], np.ndarray]


def zeros(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """W = 0      for biases. Weights that all start equal receive equal gradients and stay equal for ever."""
    return np.zeros(shape)


def ones(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """W = 1      for the scale γ of a normalization, which starts as the identity."""
    return np.ones(shape)


def normal(std: float) -> Initializer:
    """W ~ N(0, std²)      one spread for every layer, whatever its size: what the other initializers improve on."""

    def init(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return rng.normal(0.0, std, shape)

    return init


def glorot(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """W ~ N(0, 2 / (fan_in + fan_out))      for tanh: between forward's 1/fan_in and backward's 1/fan_out.

    Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010,
    section 4.2.
    """
    return rng.normal(0.0, math.sqrt(2 / (fan_in + fan_out)), shape)


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """W ~ U(−r, r), r = √(6 / (fan_in + fan_out))      the paper's own form: its equation 16; same variance, r²/3."""
    return _uniform(rng, shape, 2 / (fan_in + fan_out))


def he(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """W ~ N(0, 2 / fan_in)      for ReLU, which lets half of the second moment through: hence the 2.

    He, Zhang, Ren & Sun, Delving deep into rectifiers, ICCV 2015, equation 10.
    """
    return rng.normal(0.0, math.sqrt(2 / fan_in), shape)


def he_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """W ~ U(−r, r), r = √(6 / fan_in)      the variance of `he`."""
    return _uniform(rng, shape, 2 / fan_in)


def lecun(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """W ~ N(0, 1 / fan_in)      inputs of variance 1 give sums of variance 1.

    LeCun, Bottou, Orr & Müller, Efficient BackProp, in Neural Networks: Tricks of the Trade, 1998, section 4.6.
    """
    return rng.normal(0.0, math.sqrt(1 / fan_in), shape)


def lecun_uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """W ~ U(−r, r), r = √(3 / fan_in)      the variance of `lecun`."""
    return _uniform(rng, shape, 1 / fan_in)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], variance: float) -> np.ndarray:
    """U(−r, r) has the variance r²/3."""
    r = math.sqrt(3 * variance)
    return rng.uniform(-r, r, shape)
