"""Bodies of the update rules: each is one launch over a block of θ, mostly all of it, and the numbers
that they use must lie on the device.

The joined ones, `prepared_adam` and so on, also do what the optimizer does to ∇ before the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import cuda_updates as source
from .base import backend_of
from .cuda_kernel import Unfit, blocks


def update(name: str) -> Callable:
    """The body of this rule, with the signature and the answer of its equation."""
    states, numbers, _ = source.RULES[name]
    inputs = len(states) + len(numbers)

    def rule(theta: Any, grad: Any, *given: Any, tmp: Any = None, **new: Any) -> Any:
        decay = given[inputs] if name == "adamw" else None
        return start(name, theta, grad, given[:inputs], new, decay=decay)

    rule.__name__ = name
    return rule


def prepared(name: str) -> Callable:
    """∇ ← 0 where `ok` is false, ∇ ← scale ∇, decay where the mask is 1, and then the rule; ∇ is kept as used."""

    def rule(theta: Any, grad: Any, *given: Any, ok: Any, scale: Any, decay: Any, mask: Any, copy: Any = None,
             tmp: Any = None, **new: Any) -> Any:  # fmt: skip
        return start(name, theta, grad, given, new, ok=ok, scale=scale, decay=decay, mask=mask, copy=copy)

    rule.__name__ = f"prepared_{name}"
    return rule


def start(name: str, theta: Any, grad: Any, given: tuple, new: dict, *, ok: Any = None, scale: Any = None,
          decay: Any = None, mask: Any = None, copy: Any = None) -> Any:  # fmt: skip
    """One launch. copy: an array of float16, or of uint16 that takes bfloat16."""
    be, states = backend_of(theta), source.RULES[name][0]
    numbers = (*given[len(states) :], *(() if decay is None else (decay,)))
    if any(getattr(number, "shape", None) != () for number in numbers):
        raise Unfit("the numbers must lie on the device")
    places = [new.get("new"), *(new.get(f"new_{s}") for s in states)]
    places = [be.empty(theta.shape) if place is None else place for place in places]
    kind = 0 if copy is None else 1 if copy.dtype == "float16" else 2
    bits = None if copy is None else copy.view("uint16")
    first = theta, grad, *given, ok, scale, decay, mask
    be.launch(source.RULE_KERNELS[name], blocks(theta.size), *first, *places, bits, kind, theta.size)
    return tuple(places) if states else places[0]


def advance(hp: Any, live: Any, identity: Any, ok: Any, squares: Any, place: dict[str, int]) -> None:
    """The numbers of the next step, as Optimizer.advance makes them      hp (n,)  ok ()  squares ()  ->  hp, live"""
    if hp.size > 32:
        raise Unfit("more numbers than a warp has threads")
    where = (place.get(name, -1) for _, name, _ in source.ADVANCE.params[6:])
    backend_of(hp).launch(source.ADVANCE, (1,), hp, live, identity, ok, squares, hp.size, *where)


def sum_of_squares(grad: Any, *, tmp: Any = None) -> Any:
    """s = Σ ∇²      grad (N,)  ->  s ()"""
    be = backend_of(grad)
    (grid,) = blocks(grad.size, 4096)
    grid = min(grid, 1024)
    parts, total = be.scratch((grid,)), be.empty(())
    be.launch(source.SUM_OF_SQUARES, (grid,), grad, parts, total, be.ticket(), grad.size)
    return total


def unscale(grad: Any, state: Any, finite: Any, growth: float, most: float) -> Any:
    """∇ ← ∇ / s   ok = finite, and all ∇ is   s moves      grad (N,)  state (2,): s, steps  finite ()  ->  ok ()"""
    be = backend_of(grad)
    (grid,) = blocks(grad.size, 4096)
    grid = min(grid, 1024)
    ok, parts = be.empty((), bool), be.scratch((grid,), "uint32")
    be.launch(source.UNSCALE, (grid,), grad, state, finite, ok, parts, be.ticket(), growth, most, grad.size)
    return ok


BODIES = (*map(update, source.RULES), *map(prepared, source.RULES), advance, sum_of_squares, unscale)
