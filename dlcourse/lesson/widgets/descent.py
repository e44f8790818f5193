"""A ball on a loss curve: where it starts, how far it steps, how often. Pure SVG, no plotting library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..live import LivePlot, panel

INK, BLUE, VERMILION, SKY, GREY = "#222", "#0072B2", "#D55E00", "#56B4E9", "#8a8a8a"
LEFT, TOP, WIDE, HIGH = 62, 78, 560, 236  # the frame of the curve, in pixels
NUDGE = 1e-5
REST = 1e-3  # a slope so small counts as the bottom, or a flat place


def walk(loss: Callable[[float], float], start: float, lr: float, steps: int) -> list[float]:
    """The weight after 0, 1, 2 ... updates w ← w − lr · slope; it ends early if it is thrown out of all numbers."""
    path = [float(start)]
    for _ in range(steps):
        path.append(path[-1] - lr * slope(loss, path[-1]))
        if not abs(path[-1]) < 1e6:
            break
    return path


def slope(loss: Callable[[float], float], w: float) -> float:
    """The slope of the loss at w, by a nudge to both sides."""
    return float(loss(w + NUDGE) - loss(w - NUDGE)) / (2 * NUDGE)


def frame(
    loss: Callable[[float], float], span: tuple[float, float], lr: float, start: float, steps: int
) -> tuple[str, str]:
    """(svg, alt) of the ball after so many updates."""
    w = np.linspace(*span, 121)
    curve = np.array([loss(v) for v in w], dtype=float)
    top = 1.08 * curve.max()
    path = walk(loss, start, lr, steps)
    steep = slope(loss, path[-1])
    here = float(loss(path[-1]))
    says = verdict(path, steep, here, float(loss(start)))

    def at(v: float, height: float) -> tuple[float, float]:
        x = LEFT + (min(max(v, span[0]), span[1]) - span[0]) / (span[1] - span[0]) * WIDE
        return round(x, 1), round(TOP + HIGH - min(height, top) / top * HIGH, 1)

    line = " ".join("{},{}".format(*at(v, h)) for v, h in zip(w, curve))
    formula = f"w = {number(path[-1])}    slope {number(steep)}    next update {number(-lr * steep)}    loss {here:.4g}"
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 362" width="660" font-family="sans-serif" '
        f'style="max-width:100%;height:auto;display:block" font-size="14" fill="{INK}">',
        f'<text x="{LEFT}" y="22" font-size="17" font-weight="bold">{says}</text>',
        f'<text x="{LEFT}" y="48" xml:space="preserve">{minus(formula)}</text>',
        *legend(len(path) - 1),
        *axes(span, top),
        f'<polyline points="{line}" fill="none" stroke="{INK}" stroke-width="2.5"/>',
        *ball(path, [float(loss(v)) for v in path], at, span),
        "</svg>",
    ]
    n = len(path) - 1
    alt = (
        f"A ball on a loss curve with learning rate {lr:g}, started at w = {start:g}. After {n} "
        f"update{'' if n == 1 else 's'} it is at w = {number(path[-1])}, where the loss is {here:.4g} and the slope "
        f"{number(steep)}. {says}."
    )
    return "".join(out), alt


def verdict(path: list[float], steep: float, here: float, before: float) -> str:
    """Where the ball is, in a few words."""
    if len(path) == 1:
        return "At the start"
    if not here <= before:
        return "Higher than at the start: steps too large"
    if abs(steep) < REST:
        return "Slope almost 0: the ball is at rest"
    turns = sum((b - a) * (c - b) < 0 for a, b, c in zip(path, path[1:], path[2:]))
    return "Still on its way" if turns < 2 else "On its way, jumping from side to side"


def ball(path: list[float], heights: list[float], at: Callable, span: tuple[float, float]) -> list[str]:
    """The way so far: jumps as thin lines, places as discs, the start a square; an arrow where it is out of sight."""
    places = [at(v, h) for v, h in zip(path, heights)]
    jumps = " ".join(f"{x},{y}" for x, y in places)
    found = [f'<polyline points="{jumps}" fill="none" stroke="{VERMILION}" stroke-width="1.2"/>']
    found += [f'<circle cx="{x}" cy="{y}" r="4.5" fill="{SKY}" stroke="{BLUE}"/>' for x, y in places[1:-1]]
    x, y = places[0]
    found.append(f'<rect x="{x - 6:.1f}" y="{y - 6:.1f}" width="12" height="12" fill="{VERMILION}"/>')
    x, y = places[-1]
    found.append(f'<circle cx="{x}" cy="{y}" r="10" fill="{BLUE}" stroke="#fff" stroke-width="2"/>')
    edge = 1e-3 * (span[1] - span[0])
    if not span[0] - edge <= path[-1] <= span[1] + edge:
        text, anchor, dx = ("out of sight →", "end", -16) if path[-1] > span[1] else ("← out of sight", "start", 16)
        found.append(f'<text x="{x + dx}" y="{y - 8}" text-anchor="{anchor}" fill="{VERMILION}">{text}</text>')
    return found


def legend(updates: int) -> list[str]:
    """What the square and the disc are, at the upper right."""
    x, y = LEFT + WIDE, 18
    after = f"after {updates} update{'' if updates == 1 else 's'}"
    return [
        f'<rect x="{x - 178}" y="{y - 6}" width="12" height="12" fill="{VERMILION}"/>',
        f'<text x="{x - 162}" y="{y + 5}" font-size="13">start</text>',
        f'<circle cx="{x - 116}" cy="{y}" r="7" fill="{BLUE}"/>',
        f'<text x="{x - 104}" y="{y + 5}" font-size="13">{after}</text>',
    ]


def axes(span: tuple[float, float], top: float) -> list[str]:
    """The frame, with numbers."""
    bottom = TOP + HIGH
    found = [f'<path d="M{LEFT} {TOP}V{bottom}H{LEFT + WIDE}" fill="none" stroke="{GREY}"/>']
    for v in np.linspace(*span, 5):
        x = LEFT + (v - span[0]) / (span[1] - span[0]) * WIDE
        found.append(f'<text x="{x:.0f}" y="{bottom + 19}" text-anchor="middle">{minus(f"{v:g}")}</text>')
    for v in (0, top / 2.16, top / 1.08):
        y = bottom - v / top * HIGH
        found.append(f'<text x="{LEFT - 8}" y="{y + 5:.0f}" text-anchor="end">{v:.2g}</text>')
    found.append(f'<text x="{LEFT + WIDE / 2}" y="{bottom + 40}" text-anchor="middle">weight w</text>')
    middle = TOP + HIGH / 2
    found.append(f'<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">loss</text>')
    return found


def number(v: float) -> str:
    """Three digits after the point, or a power of ten for what is far out."""
    return f"{v:.3f}" if abs(v) < 1000 else f"{v:.1e}"


def minus(text: str) -> str:
    """A hyphen in front of a number as a minus sign."""
    return text.replace("-", "−")


def explore_descent(
    loss: Callable[[float], float],
    span: tuple[float, float] = (-1.0, 3.0),
    lr: float = 0.3,
    start: float = -0.6,
    steps: int = 5,
    lr_most: float = 3.0,
) -> None:
    """Three sliders above the ball: learning rate, start, and number of updates.      loss: w -> number"""
    state: dict[str, Any] = {"lr": lr, "start": start, "steps": steps}
    plot = LivePlot(lambda: frame(loss, span, **state))
    panel(plot, state, sliders(state, span, lr_most), columns=1)


def sliders(state: dict[str, Any], span: tuple[float, float], lr_most: float) -> dict[str, Any]:
    """The controls, or none without ipywidgets."""
    try:
        import ipywidgets
    except ImportError:
        return {}
    wide = {"layout": ipywidgets.Layout(width="440px"), "style": {"description_width": "110px"}}
    fine = lr_most / 60
    return {
        "lr": ipywidgets.FloatSlider(
            state["lr"], min=fine, max=lr_most, step=fine, description="learning rate", **wide
        ),
        "start": ipywidgets.FloatSlider(
            state["start"], min=span[0], max=span[1], step=(span[1] - span[0]) / 50, description="start w", **wide
        ),
        "steps": ipywidgets.IntSlider(state["steps"], min=0, max=40, description="updates", **wide),
    }
