"""Is this gradient right? Finite differences know nothing of the code under test, so they can tell.

Backward computes Jᵀu, the transposed Jacobian applied to what comes from above. Then for every direction v

    ⟨v, Jᵀu⟩ = ⟨J v, u⟩        and        J v ≈ (f(x + εv) − f(x − εv)) / 2ε

so one random direction tests a whole array with two forward passes, whatever its size (the dot-product test). Where it
fails, single coordinates are tested until a culprit has a name. A coordinate where the slopes to the left and to the
right disagree (ReLU at 0, a tie in max-pooling) is a kink: there is no derivative there, and nobody is to blame.

Source: Nocedal & Wright, Numerical Optimization, Springer 2006, section 8.1: a central difference wants ε near the cube
root of the rounding error.
"""

import copy
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

EPS = 1e-5, 1e-6  # the second when the first fails: a kink nearby may be crossed by the longer step only
LIMIT = 200  # coordinates tested one by one; in a larger array, halving finds the block to test
ROUNDS = 50  # blocks tested in one array, each without the kinks found before
NOISE = 100 * np.finfo("float64").eps  # rounding of a value near 1, with room for long sums

Index = tuple[int, ...]
Arrays = dict[str, np.ndarray]


class Coordinate(NamedTuple):
    """One entry of one gradient, as backward computed it and as finite differences have it.

    error: relative.  kink: the entry has no derivative.  Along a direction, in the search, the index is None.
    """

    name: str
    index: Index | None
    yours: float
    expected: float
    error: float
    kink: bool = False

    @property
    def ratio(self) -> float:
        """yours / expected      2: a factor 2; −1: a sign; the batch size: a missing division"""
        return self.yours / self.expected if self.expected else float("inf")

    @property
    def gap(self) -> float:
        """|yours − expected|"""
        return abs(self.yours - self.expected)

    def __str__(self) -> str:
        where = str(list(self.index)) if self.index else ""
        return f"{self.name}{where} is {self.yours:.6g}, expected {self.expected:.6g} (ratio {self.ratio:.4g})"


@dataclass(frozen=True, repr=False)
class GradientReport:
    """What a gradient check found; true in an `if` where the gradient is right.

    message    the verdict as one sentence
    checked    the names of the arrays that were compared; failed: of those whose gradient is wrong
    max_error  the largest relative error
    worst      the culprit: the coordinate that is most wrong, in the wrong array nearest to the loss, because an error
               there spoils everything before it
    kinks      (name, index) of coordinates without a derivative, left out
    """

    ok: bool
    message: str
    checked: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    max_error: float = float("nan")
    worst: Coordinate | None = None
    kinks: tuple[tuple[str, Index], ...] = ()

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"<{self.message}>"


def gradcheck(net: Any, loss: Any, x: np.ndarray, t: np.ndarray, *,
              train: bool = True, key: int = 0, rtol: float = 1e-5) -> GradientReport:  # fmt: skip
    """⟨v, ∇L⟩ = (L(θ + εv) − L(θ − εv)) / 2ε      for every parameter of a float64 network, and for its input x.

    Raises TypeError for a network in float32, whose rounding hides errors. θ and the buffers are left as they were.
    """
    if net.dtype != "float64" or not net.backend.host:
        got = f"{net.dtype}, {net.backend!r}"
        raise TypeError(f"a gradient check needs Network(..., dtype='float64') on NumPy, got {got}")
    loss = copy.copy(loss)
    loss.ops = net.ops  # what is swapped in this network, its loss included, is what is checked
    x, kept = np.array(x, "float64"), [(a, a.copy()) for a in (net.theta, *net.buffers.values())]

    def value() -> float:
        return float(loss.forward(net.forward(x, train=train), t))

    def gradients() -> dict[str, Any]:
        value()
        return {"x": net.backward(loss.backward()), **net.grads}

    try:
        return _check(value, {"x": x, **net.params}, gradients, np.random.default_rng(key), rtol)
    finally:
        for a, before in kept:
            a[...] = before


def gradcheck_pair(forward: Callable, backward: Callable, *inputs: np.ndarray,
                   key: int = 0, rtol: float = 1e-5) -> GradientReport:  # fmt: skip
    """⟨v, Jᵀu⟩ = ⟨J v, u⟩      y = forward(*inputs), one gradient per input = backward(u, *inputs), u random.

    `gradcheck_pair(relu, lambda da, z: relu_backward(da, relu(z)), z)`. A gradient False is not wanted, not checked.
    """
    names = _names(forward, len(inputs))
    for name, a in zip(names, inputs):
        if getattr(a, "dtype", None) != "float64":
            got = getattr(a, "dtype", f"a {type(a).__name__}")
            use = f"{name}.astype('float64')" if hasattr(a, "dtype") else f"np.array({name}, 'float64')"
            raise TypeError(f"a gradient check needs float64, {name} is {got}: use {use}")
    inputs, rng = tuple(a.copy() for a in inputs), np.random.default_rng(key)
    u = rng.standard_normal(np.shape(_intact(dict(zip(names, inputs)), lambda: forward(*inputs))))

    def gradients() -> dict[str, Any]:
        found = backward(u.copy(), *inputs)
        found = found if isinstance(found, tuple) else (found,)
        if len(found) != len(names) or any(g is None for g in found):
            got = ", ".join(type(g).__name__ for g in found)
            raise ValueError(f"backward must return one array for each of {', '.join(names)}, got {got}")
        return dict(zip(names, found))

    return _check(lambda: float(np.sum(u * forward(*inputs))), dict(zip(names, inputs)), gradients, rng, rtol)


def _names(f: Callable, n: int) -> list[str]:
    try:
        names = list(inspect.signature(f).parameters)
    except ValueError:  # a function that is not written in Python
        names = []
    return names[:n] if len(names) >= n else [f"input {i}" for i in range(n)]


# ---- the search: arrays, then blocks, then coordinates


def _check(value: Callable, arrays: Arrays, gradients: Callable, rng: Any, rtol: float) -> GradientReport:
    """Every array by the dot-product test; then the wrong one nearest to the loss, coordinate by coordinate."""
    value, gradients = (functools.partial(_intact, arrays, f) for f in (value, gradients))
    _use_elsewhere(arrays, gradients, rng)
    found = {name: np.array(g) for name, g in gradients().items() if g is not False}
    here = value()
    if problem := _problem(here, arrays, found):
        return GradientReport(False, problem)
    searches = [_Search(value, here, name, arrays[name], g, rng, rtol) for name, g in found.items()]
    worst, failed = None, []
    for search in reversed(searches):
        if not search.dot_test():
            worst = worst or search.culprit()
            failed += [search.name] if worst else []
    kinks = tuple((s.name, index) for s in searches for index in s.kinks)
    error = max((s.error for s in searches if s.error is not None), default=None)
    unseen = [s.name for s in searches if s.error is None and s.kinks]
    message = _verdict(tuple(found), failed, error, worst, len(kinks), unseen)
    ok = error is not None and not worst and not unseen
    return GradientReport(ok, message, tuple(found), tuple(failed), error, worst, kinks)


def _verdict(checked: tuple, failed: list, error: float | None, worst: Coordinate | None, kinks: int,
             unseen: list) -> str:  # fmt: skip
    if worst:
        return f"gradient wrong: {worst}" + (f"; wrong too: {', '.join(failed[1:])}" if failed[1:] else "")
    if unseen or error is None:
        where = f" in {', '.join(unseen)}" if unseen else ""
        return f"nothing could be compared{where}: every coordinate lies on a kink, so move the inputs a little"
    left_out = f"; {kinks} kinks left out" if kinks else ""
    return f"gradients right: {', '.join(checked)} (largest relative error {error:.1e}{left_out})"


def _intact(arrays: Arrays, function: Callable) -> Any:
    """Call it; if it changes what it is given, every comparison after that is worthless."""
    before = {name: a.copy() for name, a in arrays.items()}
    found = function()
    changed = [name for name, a in arrays.items() if not np.array_equal(a, before[name], equal_nan=True)]
    for name in changed:
        arrays[name][...] = before[name]
    if changed:
        raise ValueError(f"{changed[0]} is changed by forward or backward: they must leave their inputs as they are")
    return found


def _use_elsewhere(arrays: Arrays, gradients: Callable, rng: Any) -> None:
    """Once at another point first: a backward that remembers an old input, or adds to an old gradient, is found out."""
    before = {name: a.copy() for name, a in arrays.items()}
    for a in arrays.values():
        a *= 1 + 0.01 * rng.standard_normal(a.shape)
    gradients()
    for name, a in arrays.items():
        a[...] = before[name]


def _problem(value: float, arrays: Arrays, found: Arrays) -> str:
    """What makes every comparison pointless, as a sentence; empty if nothing does."""
    if not np.isfinite(value):
        return f"the value itself is {value}: there is no gradient to check"
    for name, g in found.items():
        if g.shape != arrays[name].shape:
            return f"the gradient of {name} has shape {g.shape}, expected {arrays[name].shape}, the shape of {name}"
        if not np.isfinite(g).all():
            return f"the gradient of {name} is not finite at {np.argwhere(~np.isfinite(g))[0].tolist()}"
    return ""


class _Search:
    """One array and its gradient: tested along random directions, narrowed down to a coordinate."""

    def __init__(self, value: Callable, here: float, name: str, a: np.ndarray, g: np.ndarray, rng: Any, rtol: float):
        self.value, self.here, self.name, self.a, self.g, self.rng, self.rtol = value, here, name, a, g, rng, rtol
        self.kinks, self.error = [], None

    def dot_test(self) -> bool:
        """One random direction, without the kinks found so far."""
        self.v = self.rng.standard_normal(self.a.shape)
        for index in self.kinks:
            self.v[index] = 0
        slope = self.slope(self.v)
        fine = slope.error <= self.rtol
        self.error = slope.error if fine and self.v.any() else self.error
        return fine

    def culprit(self) -> Coordinate | None:
        """The coordinate that is most wrong; None if there is none, but only kinks."""
        for _ in range(ROUNDS):
            tested = [self.slope(self.only(index, 1), index) for index in self.block()]
            self.kinks += [c.index for c in tested if c.kink]
            self.error = max((c.error for c in tested if not c.kink), default=self.error)
            wrong = [c for c in tested if c.error > self.rtol and not c.kink]
            if wrong:
                return max(wrong, key=lambda c: c.gap)
            if self.dot_test():
                break
        return None

    def block(self) -> list[Index]:
        """At most LIMIT coordinates: of two halves, that with the larger error, again and again."""
        places = np.nonzero(self.v)
        while len(places[0]) > LIMIT:
            middle = len(places[0]) // 2
            halves = [tuple(p[:middle] for p in places), tuple(p[middle:] for p in places)]
            places = max(halves, key=lambda half: self.slope(self.only(half, self.v[half])).gap)
        return list(zip(*(p.tolist() for p in places))) if self.a.ndim else [()]

    def only(self, where: Any, values: Any) -> np.ndarray:
        """A direction that is zero elsewhere."""
        v = np.zeros(self.a.shape)
        v[where] = values
        return v

    def slope(self, v: np.ndarray, index: Index | None = None) -> Coordinate:
        """⟨∇, v⟩ beside its finite difference; the shorter step has the last word."""
        yours, size, jumps = float((self.g * v).sum()), float(np.linalg.norm(self.g * v)), []
        for eps in EPS:
            up, down = self.climb(v, eps), self.climb(v, -eps)
            expected, noise = (up + down) / 2, NOISE * max(1.0, abs(self.here)) / eps
            scale, gap = max(size, abs(expected)), abs(yours - expected)
            error = gap / (scale + noise / self.rtol)
            jumps.append(abs(up - down))
            if error <= self.rtol:
                return Coordinate(self.name, index, yours, expected, error)
        kink = jumps[1] > max(0.3 * jumps[0], 4 * noise)
        return Coordinate(self.name, index, yours, expected, gap / scale, kink)

    def climb(self, v: np.ndarray, eps: float) -> float:
        """The slope of the way from here to εv."""
        before = self.a.copy()
        self.a += eps * v
        there = self.value()
        self.a[...] = before
        return (there - self.here) / eps
