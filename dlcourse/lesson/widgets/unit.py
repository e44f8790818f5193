"""One unit of two inputs under sliders: where it says yes, and where its four inputs land on the bend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..live import LivePlot, panel

BENDS = {  # name -> function, lowest and highest value drawn
    "step": (lambda z: (z > 0) * 1.0, 0, 1),
    "relu": (lambda z: np.maximum(z, 0.0), 0, 4),
    "sigmoid": (lambda z: 0.5 * (1 + np.tanh(z / 2)), 0, 1),
    "tanh": (np.tanh, -1, 1),
}
GATES = {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "NAND": (1, 1, 1, 0), "XOR": (0, 1, 1, 0)}
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
PALE, DEEP = np.array([255, 255, 255]), np.array([120, 186, 225])  # y at its lowest and highest
INK, BLUE, VERMILION, GREY = "#222", "#0072B2", "#D55E00", "#8a8a8a"
SIDE, LEFT, TOP = 250, 52, 58  # the square of inputs, -½ ... 1½ both ways, in pixels
X0, WIDE, REACH = 400, 230, 4.0  # the curve beside it, over z from -REACH to REACH
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 362" width="660" style="max-width:100%;height:auto;'
    f'display:block" font-family="sans-serif" font-size="14" fill="{INK}">'
)


def frame(w1: float, w2: float, b: float, gate: str, bend: str) -> tuple[str, str]:
    """(svg, alt) of a unit with these numbers, its aim and its bend."""
    z = [w1 * x1 + w2 * x2 + b for x1, x2 in CORNERS]
    right = [(zi > 0) == bool(t) for zi, t in zip(z, GATES[gate])]
    formula = minus(f"z = {w1:g} x₁ {signed(w2)} x₂ {signed(b)}")
    head = f"{gate}: {sum(right)} of 4 rows right"
    drawn = [
        HEAD,
        label(LEFT, 20, head, 'font-size="17" font-weight="bold"'),
        label(LEFT, 44, formula),
        *surface(w1, w2, b, bend),
        *line(w1, w2, b),
        *corners(gate, right),
        *axes(),
        *curve(z, bend),
        "</svg>",
    ]
    wrong = [f"({x1}, {x2})" for (x1, x2), good in zip(CORNERS, right) if not good]
    plain = formula.replace("₁", "1").replace("₂", "2").replace("−", "-")
    told = f"wrong at {', '.join(wrong)}" if wrong else "none is wrong"
    return "".join(
        drawn
    ), f"A unit with {plain} and the bend {bend}. For {gate} it gets {sum(right)} of 4 rows right; {told}."


def minus(text: str) -> str:
    """A hyphen in front of a number is not a minus sign."""
    return text.replace("-", "−")


def signed(v: float) -> str:
    """'+ 2' or '- 2', to stand after another number."""
    return f"{'-' if v < 0 else '+'} {abs(v):g}"


def label(x: float, y: float, text: Any, more: str = "") -> str:
    """A piece of text at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{text}</text>'


def stroke(a: tuple, b: tuple, colour: str = INK, width: float = 2.5, more: str = "") -> str:
    """A line from a to b."""
    ends = f'x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}" {more}/>'


def rgb(share: float) -> str:
    """The shade of an output, 0 for the lowest."""
    return "rgb({},{},{})".format(*(PALE + float(np.clip(share, 0, 1)) * (DEEP - PALE)).round().astype(int))


def at_input(x1: float, x2: float) -> tuple[float, float]:
    """The pixel of an input (x1, x2)."""
    return LEFT + (x1 + 0.5) / 2 * SIDE, TOP + SIDE - (x2 + 0.5) / 2 * SIDE


# ---------------------------------------------------------------- the square of inputs
def surface(w1: float, w2: float, b: float, bend: str) -> Iterator[str]:
    """The output over the whole square. It changes along the weights only, so a gradient in that direction is exact."""
    f, low, high = BENDS[bend]
    length, middle = float(np.hypot(w1, w2)), 0.5 * (w1 + w2) + b
    reach = (abs(w1) + abs(w2)) / length if length else 0.0  # from the middle of the square to its farthest corner
    share = np.linspace(0, 1, 41)
    z = middle + length * reach * (2 * share - 1)
    y = (f(z) - low) / (high - low)
    if bend == "step" and z[0] < 0 < z[-1]:
        edge = -z[0] / (z[-1] - z[0])
        share, y = np.array([0, edge, edge, 1]), np.array([0, 0, 1, 1])
    if length:
        dx, dy = (w1 / length * reach * SIDE / 2, -w2 / length * reach * SIDE / 2)
        (x, yy), fill = at_input(0.5, 0.5), minus_free(f"u{w1:g}_{w2:g}_{b:g}_{bend}")
        stops = "".join(f'<stop offset="{s:.4f}" stop-color="{rgb(v)}"/>' for s, v in zip(share, y))
        ends = f'x1="{x - dx:.1f}" y1="{yy - dy:.1f}" x2="{x + dx:.1f}" y2="{yy + dy:.1f}"'
        yield f'<linearGradient id="{fill}" gradientUnits="userSpaceOnUse" {ends}>{stops}</linearGradient>'
        fill = f"url(#{fill})"
    else:
        fill = rgb(y[0])
    yield f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="{fill}" stroke="{GREY}"/>'
    for k in range(24):  # what the shades mean
        yield f'<rect x="{LEFT + SIDE + 14}" y="{TOP + 115 - 5 * k}" width="12" height="5" fill="{rgb(k / 23)}"/>'
    yield f'<rect x="{LEFT + SIDE + 14}" y="{TOP}" width="12" height="120" fill="none" stroke="{GREY}"/>'
    yield label(LEFT + SIDE + 31, TOP + 11, high, 'font-size="12"')
    yield label(LEFT + SIDE + 31, TOP + 120, minus(str(low)), 'font-size="12"')
    yield label(LEFT + SIDE + 20, TOP - 8, "y", 'text-anchor="middle" font-style="italic"')


def minus_free(name: str) -> str:
    """A name that is allowed as an id."""
    return name.replace("-", "m").replace(".", "p")


def line(w1: float, w2: float, b: float) -> Iterator[str]:
    """Where z = 0, with an arrow along the weights: it points to the side where the unit says yes."""
    n = w1 * w1 + w2 * w2
    if n == 0:
        return
    k, length = (0.5 * w1 + 0.5 * w2 + b) / n, n**0.5
    foot, (u1, u2) = (0.5 - k * w1, 0.5 - k * w2), (w1 / length, w2 / length)
    ends = [at_input(foot[0] - s * u2, foot[1] + s * u1) for s in (-4, 4)]
    yield f'<clipPath id="square"><rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}"/></clipPath>'
    yield f'<g clip-path="url(#square)">{stroke(*ends)}'
    if all(-0.45 < v < 1.45 for v in foot):
        (x, y), (p, q) = at_input(*foot), (34 * u1, -34 * u2)
        tip = [(p, q), (0.72 * p - 0.16 * q, 0.72 * q + 0.16 * p), (0.72 * p + 0.16 * q, 0.72 * q - 0.16 * p)]
        points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in tip)
        yield f'{stroke((x, y), (x + 0.8 * p, y + 0.8 * q))}<polygon points="{points}"/>'
    yield "</g>"


def corners(gate: str, right: list[bool]) -> Iterator[str]:
    """What is wanted at each corner: filled for 1, open for 0; a cross where the unit is wrong."""
    for (x1, x2), wanted, good in zip(CORNERS, GATES[gate], right):
        x, y = at_input(x1, x2)
        inside, text = (BLUE, "#fff") if wanted else ("#fff", BLUE)
        yield f'<circle cx="{x}" cy="{y}" r="11" fill="{inside}" stroke="{BLUE}" stroke-width="2"/>'
        yield label(x, y + 5, wanted, f'text-anchor="middle" font-weight="bold" fill="{text}"')
        if not good:
            halo = 'paint-order="stroke" stroke="#fff" stroke-width="5"'
            yield label(x + 15, y - 8, "✗", f'font-size="20" font-weight="bold" fill="{VERMILION}" {halo}')


def axes() -> Iterator[str]:
    """The square's numbers and names."""
    for v in (0, 1):
        x, y = at_input(v, v)
        yield label(x, TOP + SIDE + 19, v, 'text-anchor="middle"') + label(LEFT - 9, y + 5, v, 'text-anchor="end"')
    yield label(LEFT + SIDE / 2, TOP + SIDE + 40, "input x₁", 'text-anchor="middle"')
    middle = TOP + SIDE / 2
    yield label(18, middle, "input x₂", f'text-anchor="middle" transform="rotate(-90 18 {middle})"')


# ---------------------------------------------------------------- the bend
def curve(z4: list[float], bend: str) -> Iterator[str]:
    """y = f(z), and where the four inputs land on it."""
    f, low, high = BENDS[bend]

    def at(z: Any, y: Any) -> tuple:
        up = (y - low) / (high - low) * (SIDE - 60)
        return X0 + (np.clip(z, -REACH, REACH) + REACH) / (2 * REACH) * WIDE, TOP + SIDE - 26 - up

    zero, floor = at(0, 0)
    yield label(X0, 44, f"after the bend: y = {bend}(z)")
    yield stroke((X0, floor), (X0 + WIDE, floor), GREY, 1)
    yield stroke((zero, TOP), (zero, TOP + SIDE), GREY, 1, 'stroke-dasharray="3 3"')
    if bend == "step":
        yield stroke(at(-REACH, 0), at(0, 0)) + stroke(at(0, 1), at(REACH, 1))
    else:
        z = np.linspace(-REACH, REACH, 81)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(*at(z, f(z))))
        yield f'<polyline points="{points}" fill="none" stroke="{INK}" stroke-width="2.5"/>'
    for v in (-4, -2, 0, 2, 4):
        yield label(at(v, 0)[0], TOP + SIDE + 19, minus(str(v)), 'text-anchor="middle"')
    yield label(X0 + WIDE / 2, TOP + SIDE + 40, "weighted sum z", 'text-anchor="middle"')
    for v in sorted({low, 0, high}):
        yield label(X0 - 8, at(0, v)[1] + 5, minus(str(v)), 'text-anchor="end"')
    yield from landings(z4, lambda z: at(z, np.clip(f(np.float64(z)), low, high)))


def landings(z4: list[float], at: Any) -> Iterator[str]:
    """A dot for each different z, with the inputs that have it: above left and below right in turn."""
    where: dict[float, list[str]] = {}
    for (x1, x2), z in zip(CORNERS, z4):
        where.setdefault(round(float(np.clip(z, -REACH, REACH)), 3), []).append(f"{x1}{x2}")
    for n, (z, names) in enumerate(sorted(where.items())):
        x, y = at(z)
        dx, dy = (8, 20) if n % 2 else (-8, -11)
        halo = 'text-anchor="middle" font-size="12" paint-order="stroke" stroke="#fff" stroke-width="4"'
        yield label(x + dx, y + dy, " ".join(names), halo)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="#fff" stroke="{BLUE}" stroke-width="3"/>'


def explore_unit(gate: str = "AND", w: tuple = (1.0, -0.5), b: float = 0.25, bend: str = "step") -> None:
    """Three sliders and two lists above the picture. Without ipywidgets, or without a browser: the picture alone."""
    state = {"w1": float(w[0]), "w2": float(w[1]), "b": float(b), "gate": gate, "bend": bend}
    panel(LivePlot(lambda: frame(**state)), state, controls(state))


def controls(state: dict[str, Any]) -> dict[str, Any]:
    """What moves each part of the state; nothing where ipywidgets is missing."""
    try:
        import ipywidgets as W
    except ImportError:
        return {}
    wide = {"layout": W.Layout(width="330px"), "style": {"description_width": "86px"}}
    slider = {"min": -3, "max": 3, "step": 0.25, "readout_format": "+.2f", **wide}
    names = {"w1": "weight w₁", "w2": "weight w₂", "b": "bias b"}
    found = {k: W.FloatSlider(state[k], description=d, **slider) for k, d in names.items()}
    found["gate"] = W.Dropdown(options=list(GATES), value=state["gate"], description="gate", **wide)
    found["bend"] = W.Dropdown(options=list(BENDS), value=state["bend"], description="bend f", **wide)
    return found
