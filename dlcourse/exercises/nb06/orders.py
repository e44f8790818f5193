"""The wrong answers to 06.2: lists in which something is missing, comes twice, or stands before its parents."""

from __future__ import annotations

from .e1_value import Value

__all__ = ["Value"]  # the cases make their numbers with the Value that stands beside an answer


def right_order(v):
    """The right one: parents first, each once."""
    order = []

    def visit(u):
        if u not in order:
            for parent in u.parents:
                visit(parent)
            order.append(u)

    visit(v)
    return order


def child_first(v):
    """Each before its parents."""
    order = []

    def visit(u):
        if u not in order:
            order.append(u)
            for parent in u.parents:
                visit(parent)

    visit(v)
    return order


def child_first_turned(v):
    """Each before its parents, and the list turned round."""
    return child_first(v)[::-1]


def turned(v):
    """The right order, turned round."""
    return right_order(v)[::-1]


def breadth_first(v):
    """Level by level from v, turned round."""
    order, todo = [], [v]
    while todo:
        u = todo.pop(0)
        if u not in order:
            order.append(u)
            todo += u.parents
    return order[::-1]


def again_and_again(v):
    """Once for each use."""
    order = []

    def visit(u):
        for parent in u.parents:
            visit(parent)
        order.append(u)

    visit(v)
    return order


def without_inputs(v):
    """Only what has parents."""
    return [u for u in right_order(v) if u.parents]


def without_last(v):
    """All but v."""
    return right_order(v)[:-1]


def parents_only(v):
    """The direct parents and v."""
    return [*dict.fromkeys(v.parents), v]


def first_parent_only(v):
    """Along the first parents alone."""
    order = [v]
    while order[0].parents:
        order.insert(0, order[0].parents[0])
    return order


def by_number(v):
    """Each number once, by what was visited."""
    order, seen = [], []

    def visit(u):
        if u.data not in seen:
            seen.append(u.data)
            for parent in u.parents:
                visit(parent)
            order.append(u)

    visit(v)
    return order


def last_of_a_number(v):
    """Of Values with the same number the last."""
    return list({u.data: u for u in right_order(v)}.values())


def first_of_a_number(v):
    """Of Values with the same number the first."""
    order, seen = [], set()
    for u in right_order(v):
        if u.data not in seen:
            seen.add(u.data)
            order.append(u)
    return order


def number_in_the_list(v):
    """No visit to a number that the list holds already."""
    order = []

    def visit(u):
        if u.data not in [w.data for w in order]:
            for parent in u.parents:
                visit(parent)
            order.append(u)

    visit(v)
    return order


def data_only(v):
    """The plain numbers."""
    return [u.data for u in right_order(v)]


def parents_as_they_are(v):
    """The direct parents, twice where both are one, and v."""
    return [*v.parents, v]


def parents_alone(v):
    """The direct parents without v."""
    return list(v.parents)


def no_return(v):
    """A list that is never handed back."""
    right_order(v)
