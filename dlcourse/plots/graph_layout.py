"""A graph of numbers as plain data, and where each of them is drawn. Nothing here draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Node(NamedTuple):
    """One number of a graph: its name, what it holds, the places of its parents, and its slope for each of them."""

    name: str
    data: float
    parents: tuple[int, ...]
    slopes: tuple[float, ...]


def traced(values: Mapping[str, Any]) -> tuple[list[Node], list[Any]]:
    """The last of these values and all that it was made from, parents first -> nodes, the values themselves."""
    *_, out = values.values()
    names, order, todo = {id(v): name for name, v in values.items()}, [], [(out, False)]
    place: dict[int, int] = {}
    while todo:
        v, ready = todo.pop()
        if id(v) in place:
            continue
        if ready:
            place[id(v)] = len(order)
            order.append(v)
        else:
            todo.append((v, True))
            todo += [(p, False) for p in reversed(v.parents)]
    nodes = [
        Node(
            names.get(id(v), ""),
            float(v.data),
            tuple(place[id(p)] for p in v.parents),
            tuple(float(s) for s in v.slopes),
        )
        for v in order
    ]
    return nodes, order


def gradients(nodes: Sequence[Node], turns: int) -> list[float | None]:
    """What each number has received after the last one got its 1 and `turns` numbers, from the last back, handed on.

    None: nothing has arrived yet.
    """
    grads: list[float | None] = [None] * (len(nodes) - 1) + [1.0]
    for k in [k for k in reversed(range(len(nodes))) if nodes[k].parents][:turns]:
        for parent, slope in zip(nodes[k].parents, nodes[k].slopes):
            grads[parent] = (grads[parent] or 0.0) + slope * (grads[k] or 0.0)
    return grads


def placed(nodes: Sequence[Node]) -> tuple[list[tuple[float, float]], dict[tuple[int, int], list[tuple[float, float]]]]:
    """(column, row) of each number, and for each arrow the places on its way, so that none runs through a box."""
    column = [0] * len(nodes)
    for k, node in enumerate(nodes):
        column[k] = 1 + max((column[p] for p in node.parents), default=-1)
    for k, node in enumerate(nodes):
        if not node.parents:
            column[k] = min((column[c] - 1 for c in range(len(nodes)) if k in nodes[c].parents), default=0)
    row: dict[Any, float] = {}
    leaves = iter(range(len(nodes)))
    before: dict[Any, list[Any]] = {k: [] for k in range(len(nodes))}  # of a node, or of a bend in an arrow
    layer: list[list[Any]] = [[] for _ in range(max(column) + 1)]
    for k, node in enumerate(nodes):
        layer[column[k]].append(k)
        for p in dict.fromkeys(node.parents):
            bends = [(p, k, c) for c in range(column[p] + 1, column[k])]
            for one, two in zip([p, *bends], [*bends, k]):
                before.setdefault(two, []).append(one)
            for bend in bends:
                layer[bend[2]].append(bend)
    for members in layer:
        for m in members:
            row[m] = sum(row[b] for b in before[m]) / len(before[m]) if before[m] else float(next(leaves))
        _spread(members, row)
    at = [(float(column[k]), row[k]) for k in range(len(nodes))]
    ways = {}
    for k, node in enumerate(nodes):
        for p in dict.fromkeys(node.parents):
            bends = [(float(c), row[p, k, c]) for c in range(column[p] + 1, column[k])]
            ways[p, k] = [at[p], *bends, at[k]]
    return at, ways


def _spread(members: list[Any], row: dict[Any, float]) -> None:
    """Move the rows of one column apart, to a distance of 1 at least, around the middle that they had."""
    members.sort(key=row.__getitem__)
    middle, last = sum(row[m] for m in members) / len(members), None
    for m in members:
        row[m] = row[m] if last is None else max(row[m], last + 1)
        last = row[m]
    shift = middle - sum(row[m] for m in members) / len(members)
    for m in members:
        row[m] += shift


def number(v: float) -> str:
    """Three digits, with a real minus sign."""
    return f"{v + 0.0 if abs(v) >= 5e-4 else 0:.3g}".replace("-", "−")
