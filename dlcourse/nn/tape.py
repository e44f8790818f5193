"""Autograd on one page: write down which operation made each value, then go through the list backwards.

The operations are the pairs of `nn.functional`, and their names are the whole rule: `dense_backward(dz, x, W, *, dx,
dW, db)` says that it needs the gradient of z, then x and W, and that it answers with the gradients of x, W and b.

    x, W, b = Var(...), Var(...), Var(...)
    loss = apply("softmax_cross_entropy", apply("relu", apply("dense", x, W, b)), t)
    loss.backward()                                                             # x.grad, W.grad, b.grad
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backends import backend_of
from .functional import EQUATIONS


def mul(x: Any, r: Any, *, y: Any = None) -> Any:
    """y = x r      x (...)  r (...)  ->  y (...)"""
    return backend_of(x).xp.multiply(x, r, out=y)


def mul_backward(dy: Any, x: Any, r: Any, *, dx: Any = None, dr: Any = None) -> tuple[Any, Any]:
    """dx = dy r   dr = dy x      dy (...)  x (...)  r (...)  ->  dx (...)  dr (...)"""
    return dx if dx is False else mul(dy, r, y=dx), dr if dr is False else mul(dy, x, y=dr)


RULES: dict[str, Callable] = {**EQUATIONS, "mul": mul, "mul_backward": mul_backward}  # a new pair is a new rule
RETURNS = {  # where more comes back than can be passed in; L is a loss, a sum over the batch
    "batchnorm": ["mean", "var", "n", "y"],
    "mean_squared_error": ["L", "e"],
    "binary_cross_entropy": ["L", "p"],
    "softmax_cross_entropy": ["L", "p"],
}


class Var:
    """A value, the values it was made from, how to pull a gradient back to them; after backward() its gradient."""

    def __init__(self, data: Any, parents: tuple[Var, ...] = (), pull: Callable | None = None):
        self.data, self.parents, self.pull, self.grad = array(data), parents, pull, None

    def __add__(self, other: Var) -> Var:
        return apply("add", self, other)

    def __mul__(self, other: Var) -> Var:
        return apply("mul", self, other)

    def backward(self, seed: Any = 1.0) -> None:
        """v.grad = ∂(Σ seed·self)/∂v      for every v that self was made from; old gradients are forgotten."""
        order = children_last(self)
        for v in order:
            v.grad = 0
        self.grad = array(backend_of(self.data).xp.zeros_like(self.data) + seed)
        for v in reversed(order):
            for parent, grad in zip(v.parents, v.pull(v.grad) if v.pull else ()):
                parent.grad = array(parent.grad + summed(grad, parent.data.shape))  # who is used twice gets the sum


def apply(name: str, *inputs: Any, **options: Any) -> Var:
    """y = f(inputs)      one operation, remembered. Inputs that are no Var are constants; a loss is the mean."""
    forward = RULES[name]
    given = dict(zip(inspect.signature(forward).parameters, inputs)) | options
    known = {k: v.data if isinstance(v, Var) else v for k, v in given.items()}
    result, names = forward(**known), RETURNS.get(name) or outputs(forward)
    known |= dict(zip(names, map(array, result if isinstance(result, tuple) else (result,))))
    if "L" in names:
        known["n"] = len(next(iter(known.values())))
        known["L"] = known["L"] / known["n"]
    wanted = [k for k, v in given.items() if isinstance(v, Var)]
    pull = functools.partial(pulled, name, known, list(given), wanted)
    return Var(known["y" if "y" in names else names[0]], tuple(given[k] for k in wanted), pull)


def pulled(name: str, known: dict[str, Any], inputs: list[str], wanted: list[str], grad: Any) -> list[Any]:
    """The gradients of the wanted inputs: backward is called with what it names."""
    backward = RULES[name + "_backward"]
    needs, outs = list(inspect.signature(backward).parameters), outputs(backward)
    named = {k: known[k] for k in needs if k in known} | {o: False for o in outs if o[1:] not in wanted}
    found = backward(**named) if "L" in known else backward(grad, **named)
    found = dict(zip(outs or ["d" + k for k in inputs], found if isinstance(found, tuple) else (found,)))
    return [found["d" + k] * grad if "L" in known else found["d" + k] for k in wanted]


def summed(grad: Any, shape: tuple[int, ...]) -> Any:
    """The gradient of what was repeated to fit (NumPy's broadcasting): the sum over its copies."""
    grad = grad.sum(axis=tuple(range(grad.ndim - len(shape))))
    return grad.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


def outputs(f: Callable) -> list[str]:
    """The names of the results of an equation: its keyword-only parameters that are None unless a buffer is passed."""
    return [p.name for p in inspect.signature(f).parameters.values() if p.kind is p.KEYWORD_ONLY and p.default is None]


def children_last(v: Var) -> list[Var]:
    """Every value that v was made from, each after its own parents; without recursion, so depth has no limit."""
    order, seen, todo = [], set(), [(v, False)]
    while todo:
        v, parents_done = todo.pop()
        if parents_done:
            order.append(v)
        elif id(v) not in seen:
            seen.add(id(v))
            todo += [(v, True), *((p, False) for p in v.parents)]
    return order


def array(value: Any) -> Any:
    """NumPy turns arrays without axes into scalars; this turns them back."""
    return np.asarray(value) if isinstance(value, float | int | np.generic) else value
