"""The wrong answers to 06.3: ways back through a graph on which something gets lost, or arrives twice."""

from __future__ import annotations

from .e1_value import Value
from .e2_topological_order import topological_order

__all__ = ["Value"]  # the cases make their numbers with the Value that stands beside an answer


def varied(keeps=lambda u: False, first=lambda v: 1.0, adds=True, hands=lambda slope, grad: slope * grad):
    """Backward with one thing done otherwise."""

    def backward(v):
        order = list(topological_order(v))
        for u in order:
            if not keeps(u):
                u.grad = 0.0
        v.grad = first(v)
        for u in reversed(order):
            for parent, slope in zip(u.parents, u.slopes):
                parent.grad = hands(slope, u.grad) + (parent.grad if adds else 0.0)

    return backward


def data_handed_on(v):
    """Slope times data."""
    order = topological_order(v)
    for u in order:
        u.grad = 0.0
    v.grad = 1.0
    for u in reversed(order):
        for parent, slope in zip(u.parents, u.slopes):
            parent.grad += slope * u.data


def no_reset_adds_one(v):
    """No reset, and v counted up."""
    order = topological_order(v)
    v.grad += 1.0
    for u in reversed(order):
        for parent, slope in zip(u.parents, u.slopes):
            parent.grad += slope * u.grad


def recursive(v):
    """Down every path, all parents first."""
    for u in topological_order(v):
        u.grad = 0.0
    v.grad = 1.0

    def back(u):
        for parent, slope in zip(u.parents, u.slopes):
            parent.grad += slope * u.grad
        for parent in u.parents:
            back(parent)

    back(v)


def interleaved(v):
    """Down every path, parent by parent."""
    for u in topological_order(v):
        u.grad = 0.0
    v.grad = 1.0
    back(v)


def back(u):
    """Each parent hands on at once."""
    for parent, slope in zip(u.parents, u.slopes):
        parent.grad += slope * u.grad
        back(parent)


def never_reset(v):
    """Down every path, and nothing set to 0."""
    v.grad = 1.0
    back(v)


def begins_again(v):
    """A 1 for every number on the way."""
    v.grad = 1.0
    for parent, slope in zip(v.parents, v.slopes):
        parent.grad += slope * v.grad
        begins_again(parent)


def nothing_handed_on(v):
    """A gradient for v alone."""
    for u in topological_order(v):
        u.grad = 0.0
    v.grad = 1.0


def into_data(v):
    """The numbers themselves grow."""
    order = topological_order(v)
    nothing_handed_on(v)
    for u in reversed(order):
        for parent, slope in zip(u.parents, u.slopes):
            parent.data += slope * u.grad


def recursive_once(v):
    """Down the paths, each number once, too early."""
    for u in topological_order(v):
        u.grad = 0.0
    v.grad = 1.0
    seen = []

    def back(u):
        if u not in seen:
            seen.append(u)
            for parent, slope in zip(u.parents, u.slopes):
                parent.grad += slope * u.grad
            for parent in u.parents:
                back(parent)

    back(v)


def one_step(v):
    """From v to its parents and no further."""
    for u in topological_order(v):
        u.grad = 0.0
    v.grad = 1.0
    for parent, slope in zip(v.parents, v.slopes):
        parent.grad += slope


def resets_late(v):
    """Parents are set to 0 on the way."""
    order = topological_order(v)
    v.grad = 1.0
    for u in reversed(order):
        for parent in u.parents:
            parent.grad = 0.0
        for parent, slope in zip(u.parents, u.slopes):
            parent.grad += slope * u.grad
