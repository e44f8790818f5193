"""Is this gradient right? Finite differences know nothing of the code under test, so they can tell.

Backward computes Jᵀu, the transposed Jacobian applied to what comes from above. Then for every direction v

    ⟨v, Jᵀu⟩ = ⟨J v, u⟩        and        J v ≈ (f(x + εv) − f(x − εv)) / 2ε

so one random direction tests a whole array with two forward passes, whatever its size (the dot-product test). Where it
fails, single coordinates are tested until a culprit has a name. A coordinate where the slopes to the left and to the
right disagree (ReLU at 0, a tie in max-pooling) is a kink: there is no derivative there, and nobody is to blame.

Source: Nocedal & Wright, Numerical Optimization, Springer 2006, section 8.1: a central difference wants ε near the cube
root of the rounding error.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

EPS = 1e-5, 1e-6  # the second when the first fails: a kink nearby may be crossed by the longer step only
LIMIT = 200  # coordinates tested one by one; in a larger array, halving finds the block to test
ROUNDS = 10  # dot-product tests of one array, each without the kinks found before
NOISE = 400 * np.finfo(np.float64).eps  # rounding of a value near 1, with room for long sums


class Coordinate(NamedTuple):
    """One entry of one gradient, as backward computed it and as finite differences have it."""

    name: str
    index: tuple[int, ...]
    yours: float
    expected: float

    @property
    def ratio(self) -> float:
        """yours / expected      2.0: a factor 2; −1.0: a sign; the batch size: a missing division"""
        return self.yours / self.expected if self.expected else float("inf")

    def __str__(self) -> str:
        where = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        return f"{self.name}{where} is {self.yours:.6g}, expected {self.expected:.6g} (ratio {self.ratio:.4g})"


@dataclass(frozen=True, repr=False)
class GradientReport:
    """What a gradient check found. True in an `if` where the gradient is right.

    max_error  the largest relative error
    worst      the culprit: the coordinate that is most wrong, in the wrong array that lies nearest to the loss
    failed     the names of all arrays whose gradient is wrong; an error above spoils everything below
    kinks      (name, index) of coordinates without a derivative, left out
    checked    the names of the arrays that were compared
    """

    ok: bool
    max_error: float
    worst: Coordinate | None
    failed: tuple[str, ...]
    kinks: tuple[tuple[str, tuple[int, ...]], ...]
    checked: tuple[str, ...]
    problem: str = ""

    @property
    def message(self) -> str:
        """The verdict as one sentence."""
        if self.ok:
            kinks = f"; {len(self.kinks)} kinks left out" if self.kinks else ""
            return f"gradients right: {', '.join(self.checked)} (largest relative error {self.max_error:.1e}{kinks})"
        if self.worst is None:
            return self.problem
        others = [name for name in self.failed if name != self.worst.name]
        return f"gradient wrong: {self.worst}" + (f"; wrong too: {', '.join(others)}" if others else "")

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"<{self.message}>"


def gradcheck(
    net: Any, loss: Any, x: np.ndarray, t: np.ndarray, *, train: bool = True, key: int = 0, rtol: float = 1e-5
) -> GradientReport:
    """⟨v, ∇L⟩ = (L(θ + εv) − L(θ − εv)) / 2ε      for every parameter of a float64 network, and for its input x.

    Raises TypeError for a network in float32, whose rounding hides errors. θ and the buffers are left as they were.
    """
    if str(np.dtype(net.dtype)) != "float64" or not net.backend.host:
        raise TypeError(
            f"gradcheck needs Network(..., dtype='float64') on NumPy, got {net.dtype} on {net.backend.name}"
        )
    x, theta = np.array(x, "float64"), net.theta.copy()
    buffers = {name: a.copy() for name, a in net.buffers.items()}

    def value() -> float:
        return float(loss.forward(net.forward(x, train=train), t))

    def gradients() -> dict[str, Any]:
        value()
        dx = net.backward(loss.backward())
        return {"x": False if dx is None else dx} | dict(net.grads)

    try:
        return _check(value, {"x": x} | dict(net.params), gradients, np.random.default_rng(key), rtol)
    finally:
        net.theta[...] = theta
        for name, a in buffers.items():
            net.buffers[name][...] = a


def gradcheck_pair(
    forward: Callable, backward: Callable, *inputs: np.ndarray, key: int = 0, rtol: float = 1e-5
) -> GradientReport:
    """⟨v, Jᵀu⟩ = ⟨J v, u⟩      y = forward(*inputs), one gradient per input = backward(u, *inputs), u random.

    `gradcheck_pair(relu, lambda da, z: relu_backward(da, relu(z)), z)`. A gradient False is not wanted, not checked.
    """
    inputs = tuple(_float64(a, name) for a, name in zip(inputs, _names(forward, len(inputs)), strict=True))
    arrays, rng = dict(zip(_names(forward, len(inputs)), inputs, strict=True)), np.random.default_rng(key)
    u = rng.standard_normal(np.shape(forward(*inputs)))

    def gradients() -> dict[str, Any]:
        found = backward(u.copy(), *inputs)
        found = found if isinstance(found, tuple | list) else (found,)
        if len(found) != len(arrays) or any(g is None for g in found):
            got = f"{len(found)} gradients" if all(g is not None for g in found) else "None"
            raise ValueError(f"backward must return one gradient for each of {', '.join(arrays)}; it returned {got}")
        return dict(zip(arrays, found, strict=True))

    return _check(lambda: float(np.sum(u * forward(*inputs))), arrays, gradients, rng, rtol)


def _names(forward: Callable, n: int) -> list[str]:
    """The names of the first n parameters of a function."""
    try:
        named = [p.name for p in inspect.signature(forward).parameters.values() if p.kind <= p.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):
        named = []
    return (named + [f"input {i}" for i in range(len(named), n)])[:n]


def _float64(a: Any, name: str) -> np.ndarray:
    """A copy that the check may change for a moment."""
    if np.asarray(a).dtype != np.float64:
        raise TypeError(
            f"gradcheck_pair needs float64, got {name} in {np.asarray(a).dtype}: use {name}.astype('float64')"
        )
    return np.array(a)


# ---- the search: arrays, then blocks, then coordinates


def _check(
    value: Callable[[], float],
    arrays: dict[str, np.ndarray],
    gradients: Callable[[], dict[str, Any]],
    rng: np.random.Generator,
    rtol: float,
) -> GradientReport:
    """Every array by the dot-product test; the wrong one that lies nearest to the loss coordinate by coordinate."""
    _use_elsewhere(arrays, gradients, rng)
    found = {name: np.array(g) for name, g in gradients().items() if g is not False}
    problem = _problem(value(), arrays, found)
    if problem:
        return GradientReport(False, float("nan"), None, (), (), (), problem)
    searches = [_Search(value, name, arrays[name], found[name], rng, rtol) for name in arrays if name in found]
    worst, failed = None, []
    for search in reversed(searches):
        if not search.dot_test():
            worst = worst or search.culprit()
            failed += [search.name] if worst else []
    kinks = tuple((s.name, index) for s in searches for index in s.kinks)
    ok = worst is None and any(s.compared for s in searches)
    nothing = "nothing could be compared: every coordinate lies on a kink, so move the inputs a little"
    error = max((s.error for s in searches), default=0.0)
    return GradientReport(ok, error, worst, tuple(failed), kinks, tuple(found), "" if ok else nothing)


def _use_elsewhere(arrays: dict[str, np.ndarray], gradients: Callable, rng: np.random.Generator) -> None:
    """Once at another point first: a backward that remembers an old input, or adds to an old gradient, is found out."""
    before = {name: a.copy() for name, a in arrays.items()}
    for a in arrays.values():
        a *= 1 + 0.01 * rng.standard_normal(a.shape)
    gradients()
    for name, a in arrays.items():
        a[...] = before[name]


def _problem(value: float, arrays: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> str:
    """What makes every comparison pointless, as a sentence; empty if nothing does."""
    if not np.isfinite(value):
        return f"the value itself is {value}: there is no gradient to check"
    for name, g in found.items():
        if g.shape != arrays[name].shape:
            return f"the gradient of {name} has shape {g.shape}, expected {arrays[name].shape}, the shape of {name}"
        if not np.isfinite(g).all():
            return f"the gradient of {name} is not finite at {np.argwhere(~np.isfinite(g))[0].tolist()}"
    return ""


class _Slope(NamedTuple):
    """A derivative along one direction, and the finite difference that should equal it."""

    yours: float
    expected: float
    error: float
    fine: bool
    kink: bool


class _Search:
    """One array and its gradient: tested along directions, narrowed down to a coordinate."""

    def __init__(self, value: Callable, name: str, a: np.ndarray, g: np.ndarray, rng: np.random.Generator, rtol: float):
        self.value, self.name, self.a, self.g, self.rng, self.rtol = value, name, a, g, rng, rtol
        self.here, self.kinks, self.error, self.compared = value(), [], 0.0, False

    def dot_test(self) -> bool:
        """One random direction, without the kinks found so far."""
        self.v = self.rng.standard_normal(self.a.shape)
        for index in self.kinks:
            self.v[index] = 0
        slope = self.slope(self.v)
        self.compared |= slope.fine and bool(self.v.any())
        self.error = max(self.error, slope.error) if slope.fine else self.error
        return slope.fine

    def culprit(self) -> Coordinate | None:
        """The coordinate that is most wrong; None if there is none, but only kinks."""
        for _ in range(ROUNDS):
            slopes = {index: self.slope(self.one(index)) for index in self.block()}
            wrong = {index: s for index, s in slopes.items() if not s.fine and not s.kink}
            self.kinks += [index for index, s in slopes.items() if s.kink]
            self.compared |= any(s.fine for s in slopes.values())
            if wrong:
                self.error = max(s.error for s in wrong.values())
                index, s = max(wrong.items(), key=lambda item: abs(item[1].yours - item[1].expected))
                return Coordinate(self.name, index, s.yours, s.expected)
            if self.dot_test():
                break
        return None

    def block(self) -> list[tuple[int, ...]]:
        """At most LIMIT coordinates: of two halves, that with the larger error, again and again."""
        rest = np.flatnonzero(self.v)
        while len(rest) > LIMIT:
            halves = np.array_split(rest, 2)
            gaps = [abs(s.yours - s.expected) for s in (self.slope(self.only(half)) for half in halves)]
            rest = halves[int(np.argmax(gaps))]
        return [tuple(int(i) for i in np.unravel_index(at, self.a.shape)) for at in rest]

    def only(self, places: np.ndarray) -> np.ndarray:
        v = np.zeros(self.a.shape)
        v.flat[places] = self.v.flat[places]
        return v

    def one(self, index: tuple[int, ...]) -> np.ndarray:
        v = np.zeros(self.a.shape)
        v[index] = 1
        return v

    def slope(self, v: np.ndarray) -> _Slope:
        """⟨∇, v⟩ beside its finite difference; a shorter step has the last word."""
        yours, size, jumps = float((self.g * v).sum()), float(np.linalg.norm(self.g * v)), []
        for eps in EPS:
            up, down = self.sides(v, eps)
            expected, noise = (up + down) / 2, NOISE * max(1.0, abs(self.here)) / eps
            scale, gap = max(size, abs(expected)), abs(yours - (up + down) / 2)
            jumps.append(abs(up - down))
            if gap <= self.rtol * scale + noise:
                return _Slope(yours, expected, max(0.0, gap - noise) / max(scale, noise), True, False)
        kink = jumps[1] > max(0.3 * jumps[0], 1e-3 * max(abs(up), abs(down)), 4 * noise)
        return _Slope(yours, expected, gap / scale, False, kink)

    def sides(self, v: np.ndarray, eps: float) -> tuple[float, float]:
        """The slopes to the right and to the left."""
        before = self.a.copy()
        self.a[...] = before + eps * v
        right = self.value()
        self.a[...] = before - eps * v
        left = self.value()
        self.a[...] = before
        return (right - self.here) / eps, (self.here - left) / eps
