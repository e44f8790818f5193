"""A graph of numbers, stepped through: values go forwards, gradients come back. Drawn as plain SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...plots.graph_layout import Node, gradients, number, placed, traced
from ..live import LivePlot, panel

INK, BLUE, VERMILION, FAINT, GREY, SHADE = "#222", "#0072B2", "#D55E00", "#6b6b6b", "#8a8a8a", "#cfe5f3"
LEFT, TOP, WIDE, ROW, BOX_W, BOX_H = 48, 112, 564, 66, 80, 48  # pixels: centre of the first box, all columns, a box


# ---------------------------------------------------------------- the steps
def steps(nodes: Sequence[Node]) -> int:
    """How often the graph can be stepped on from its start: forwards for each result, the 1 at the end, back."""
    return 2 * sum(bool(n.parents) for n in nodes) + 1


# ---------------------------------------------------------------- drawn
def frame(nodes: Sequence[Node], step: int) -> tuple[str, str]:
    """(svg, alt) after so many steps."""
    made = [k for k, n in enumerate(nodes) if n.parents]
    known = {k for k, n in enumerate(nodes) if not n.parents} | set(made[:step])
    turns = step - len(made) - 1
    grads = gradients(nodes, turns) if turns >= 0 else [None] * len(nodes)
    now = made[step - 1] if 1 <= step <= len(made) else len(nodes) - 1 if turns == 0 else None
    now = made[len(made) - turns] if turns > 0 else now
    title, says = words(nodes, step, now, grads)
    at, ways = placed(nodes)
    columns, top = max(x for x, _ in at), min(y for way in ways.values() for _, y in way) if ways else 0
    low = max(y for way in ways.values() for _, y in way) if ways else 0

    def pixel(place: tuple[float, float]) -> tuple[float, float]:
        return round(LEFT + WIDE * place[0] / max(columns, 1), 1), round(TOP + ROW * (place[1] - top), 1)

    high = round(TOP + ROW * (low - top) + BOX_H / 2 + 14)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 {high}" width="660" style="max-width:100%;'
        f'height:auto;display:block" font-family="sans-serif" font-size="13" fill="{INK}">',
        f'<text x="8" y="20" font-size="17" font-weight="bold">{title}</text><text x="8" y="44">{says}</text>',
        f'<text x="8" y="66" font-size="12" fill="{FAINT}">× the slope of this step. '
        "In each box: its name, its value, and below it, in bold, its gradient.</text>",
    ]
    for (p, k), way in ways.items():
        out += _arrow([pixel(place) for place in way], nodes[k], p, p in known and k in known, k == now, turns > 0)
    for k, (node, place) in enumerate(zip(nodes, at)):
        out += _box(*pixel(place), node, k in known, grads[k], k == now)
    out.append("</svg>")
    there = ", ".join(
        f"{n.name or 'a number'} = {number(n.data)}" + (f" with gradient {number(g)}" if g is not None else "")
        for k, (n, g) in enumerate(zip(nodes, grads))
        if k in known
    )
    return "".join(
        out
    ), f"A graph of {len(nodes)} numbers, step {step} of {steps(nodes)}. {title}. {says} So far: {there}."


def words(nodes: Sequence[Node], step: int, now: int | None, grads: Sequence[float | None]) -> tuple[str, str]:
    """What happens in this step, as a title and a sentence."""
    if step == 0 or now is None:
        return "The inputs", "Only the inputs have a value yet."
    node = nodes[now]
    name, parents = node.name or "this number", [nodes[p].name or "a parent" for p in node.parents]
    if step <= len([n for n in nodes if n.parents]):
        says = f"{name} is made from {' and '.join(dict.fromkeys(parents))}: {number(node.data)}."
        return f"Forwards, step {step}", says
    if step == len([n for n in nodes if n.parents]) + 1:
        return "At the end", f"{name} moves one for one with itself: its gradient is 1."
    hands = [f"{number(grads[now] or 0)} × {number(s)} to {p}" for s, p in zip(node.slopes, parents)]
    return "Backwards", f"{name} hands on {' and '.join(hands)}."


def _box(x: float, y: float, node: Node, known: bool, grad: float | None, now: bool) -> Iterator[str]:
    edge, width = (BLUE, 3) if now else (INK if known else GREY, 1.2)
    dashes = "" if known else ' stroke-dasharray="4 3"'
    yield (
        f'<rect x="{x - BOX_W / 2:.1f}" y="{y - BOX_H / 2:.1f}" width="{BOX_W}" height="{BOX_H}" rx="7" '
        f'fill="{SHADE if now else "#fff"}" stroke="{edge}" stroke-width="{width}"{dashes}/>'
    )
    value = number(node.data) if known else "?"
    text = f"{node.name} = {value}" if node.name else value
    yield f'<text x="{x}" y="{y - 4:.1f}" text-anchor="middle">{text}</text>'
    if grad is not None:
        yield f'<text x="{x}" y="{y + 16:.1f}" text-anchor="middle" font-weight="bold">{number(grad)}</text>'


def _arrow(
    way: list[tuple[float, float]], child: Node, parent: int, known: bool, now: bool, back: bool
) -> Iterator[str]:
    """An arrow from a parent to its child, or while gradients are handed on, the other way; with its slope."""
    (x0, y0), *between, (x1, y1) = way
    points = [(x0 + BOX_W / 2, y0), *between, (x1 - BOX_W / 2, y1)]
    here = now and back
    colour, width = (VERMILION, 3) if here else (BLUE, 2.4) if now else (GREY, 1.2)
    line = " ".join(f"{x},{y}" for x, y in points)
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
    (tail, tip) = (points[1], points[0]) if here else (points[-2], points[-1])
    yield _head(tail, tip, colour)
    if known:
        slopes = [number(s) for p, s in zip([*child.parents], child.slopes) if p == parent]
        text = "×" + ", ×".join(slopes)
        x, y = _beside(points[-2], points[-1], 3.5 * len(text))
        look = 'text-anchor="middle" font-size="12" paint-order="stroke" stroke="#fff" stroke-width="3"'
        yield f'<text x="{x:.1f}" y="{y + 4:.1f}" {look}>{text}</text>'


def _beside(tail: tuple[float, float], tip: tuple[float, float], half: float) -> tuple[float, float]:
    """The middle of a text so wide that it stands free of the line: above it, or below if it runs upwards."""
    dx, dy = tip[0] - tail[0], tip[1] - tail[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    away = half * abs(dy) / length + 5 * abs(dx) / length + 4
    side = 1 if dy >= 0 else -1
    return (tail[0] + tip[0]) / 2 + side * away * dy / length, (tail[1] + tip[1]) / 2 - side * away * dx / length


def _head(tail: tuple[float, float], tip: tuple[float, float], colour: str) -> str:
    dx, dy = tip[0] - tail[0], tip[1] - tail[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    dx, dy = 9 * dx / length, 9 * dy / length
    points = f"{tip[0]},{tip[1]} {tip[0] - dx - dy / 2:.1f},{tip[1] - dy + dx / 2:.1f} "
    return f'<polygon points="{points}{tip[0] - dx + dy / 2:.1f},{tip[1] - dy - dx / 2:.1f}" fill="{colour}"/>'


# ---------------------------------------------------------------- on the page
def explore_graph(make: Callable[..., Mapping[str, Any]], step: int = 0, **inputs: float) -> None:
    """A slider for the step, and one for each input.      make(a=2.0, ...) -> name -> Value, the last one is the result

    Without ipywidgets: the picture alone.
    """
    state: dict[str, Any] = {"step": step, **inputs}

    def draw() -> tuple[str, str]:
        nodes, _ = traced(make(**{name: state[name] for name in inputs}))
        return frame(nodes, state["step"])

    panel(LivePlot(draw), state, sliders(state, inputs, steps(traced(make(**inputs))[0])))


def sliders(state: dict[str, Any], inputs: Mapping[str, float], most: int) -> dict[str, Any]:
    """The controls, or none without ipywidgets."""
    try:
        import ipywidgets
    except ImportError:
        return {}
    wide = {"layout": ipywidgets.Layout(width="300px"), "style": {"description_width": "60px"}}
    found = {"step": ipywidgets.IntSlider(state["step"], min=0, max=most, description="step", **wide)}
    for name, value in inputs.items():
        reach = max(4.0, 2 * abs(value))
        found[name] = ipywidgets.FloatSlider(value, min=-reach, max=reach, step=0.1, description=name, **wide)
    return found
