"""Small data sets made by a formula, so that one knows what there is to find.

All: n points in all, the classes as equal in number as n allows, in random order; the same key gives the same points.
`noise` is the standard deviation of what is added to each coordinate; 0 gives points that lie on the formula.
The first n of a larger set are not the set of n.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real

import numpy as np

from .streams import shuffled, stream, whole

Points = tuple[np.ndarray, np.ndarray]

CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "line": lambda x: 0.5 * x + 0.25,
    "parabola": lambda x: 2 * x * x - 1,
    "cubic": lambda x: 4 * x**3 - 3 * x,
    "sine": lambda x: np.sin(math.pi * x),
    "waves": lambda x: np.sin(3 * math.pi * x),
    "step": lambda x: np.where(x < 0, -1.0, 1.0),
    "bump": lambda x: np.exp(-8 * x * x),
    "corner": lambda x: 2 * np.abs(x) - 1,
}


def xor(n: int = 400, *, key: int = 0, noise: float = 0.1) -> Points:
    """t = x₁ xor x₂      x (n,2) around the corners of the unit square, t (n,) 0 or 1. No straight line parts them.

    xor(4, noise=0) is the truth table itself.
    """
    rng, n = _begin(n, key, "xor", noise)
    corner = _turns(n, 4, key, "xor")
    x = np.stack([corner >> 1, (corner >> 1) ^ (corner & 1)], axis=1)
    return _noisy(x, noise, rng), corner & 1


def blobs(n: int = 400, *, classes: int = 3, key: int = 0, noise: float = 0.5) -> Points:
    """x = 2 (cos 2πt/K, sin 2πt/K) + noise      x (n,2), t (n,) in 0 ... K-1. One round cloud for each class."""
    rng, n = _begin(n, key, "blobs", noise)
    classes = whole(classes, "classes", least=2)
    t = _turns(n, classes, key, "blobs")
    return _noisy(2 * _circle(2 * math.pi * t / classes), noise, rng), t


def moons(n: int = 400, *, key: int = 0, noise: float = 0.1) -> Points:
    """Two half circles that reach into one another.      x (n,2), t (n,) 0 the upper, 1 the lower

    Upper: (cos φ, sin φ), lower: (1 - cos φ, ½ - sin φ), φ even over 0 ... π.
    """
    rng, n = _begin(n, key, "moons", noise)
    t = _turns(n, 2, key, "moons")
    arc = _circle(math.pi * rng.random(n))
    return _noisy(np.where(t[:, None] == 0, arc, (1.0, 0.5) - arc), noise, rng), t


def circles(n: int = 400, *, ratio: float = 0.5, key: int = 0, noise: float = 0.05) -> Points:
    """A circle inside a circle.      x (n,2), t (n,) 0 outside with radius 1, 1 inside with radius `ratio`"""
    rng, n = _begin(n, key, "circles", noise)
    if not 0 < ratio < 1:
        raise ValueError(f"ratio, the radius of the inner circle, must lie between 0 and 1, got {ratio!r}")
    t = _turns(n, 2, key, "circles")
    radius = np.where(t == 0, 1.0, ratio)
    return _noisy(radius[:, None] * _circle(2 * math.pi * rng.random(n)), noise, rng), t


def spirals(n: int = 400, *, classes: int = 2, turns: float = 1.0, key: int = 0, noise: float = 0.02) -> Points:
    """x = r (cos φ, sin φ), φ = 2π (turns r + t/K)      x (n,2), t (n,) in 0 ... K-1, r even over 0.1 ... 1"""
    rng, n = _begin(n, key, "spirals", noise)
    classes = whole(classes, "classes", least=2)
    _finite(turns, "turns")
    t = _turns(n, classes, key, "spirals")
    radius = 0.1 + 0.9 * rng.random(n)
    return _noisy(radius[:, None] * _circle(2 * math.pi * (turns * radius + t / classes)), noise, rng), t


def curve(n: int = 100, *, function: str | Callable = "sine", key: int = 0, noise: float = 0.1) -> Points:
    """t = f(x) + noise      x (n,1) float32 even over -1 ... 1, t (n,1) float32

    function: a name from `CURVES`, or any function of an array; `CURVES["sine"](x)` is the curve without noise.
    """
    rng, n = _begin(n, key, "curve", noise)
    if not callable(function) and function not in CURVES:
        raise ValueError(f"there is no curve {function!r}: choose one of {', '.join(CURVES)}, or give a function")
    x = 2 * rng.random((n, 1)) - 1
    y = np.asarray(function(x) if callable(function) else CURVES[function](x))
    if y.shape != x.shape:
        raise ValueError(f"the function must keep the shape of x, {x.shape}, but it gave {y.shape}")
    return x.astype(np.float32), _noisy(y, noise, rng)


def _begin(n: int, key: int, purpose: str, noise: float) -> tuple[np.random.Generator, int]:
    n = whole(n, "n, the number of points,", least=1)
    if _finite(noise, "noise") < 0:
        raise ValueError(f"noise is a standard deviation, so it cannot be negative, got {noise!r}")
    return np.random.Generator(stream(key, purpose)), n


def _turns(n: int, classes: int, key: int, purpose: str) -> np.ndarray:
    """The class of each point: every class in turn, then shuffled. t (n,) int64"""
    return shuffled(n, key, purpose, word=1) % classes


def _circle(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _noisy(x: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    return (x + noise * rng.standard_normal(x.shape)).astype(np.float32)


def _finite(value: Real, name: str) -> Real:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return value
