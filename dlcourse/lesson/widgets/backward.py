"""The error of one example on its way back, layer by layer: how much is wrong, and which gates are open. Plain SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...plots.graph_layout import number
from ..live import LivePlot, panel

INK, BLUE, VERMILION, FAINT, GREY, PALE = "#222", "#0072B2", "#D55E00", "#6b6b6b", "#8a8a8a", "#d9d9d9"
LEFT, PITCH, TOP, ROW = 150, 15.5, 184, 66  # pixels: the first square, from one to the next, the first table, a table


class Layer(NamedTuple):
    """One layer's errors at one example: its name, the errors, the largest of all examples, and the gates that are shut
    (None: it has none)."""

    name: str
    errors: Sequence[float]
    most: float
    shut: Sequence[bool] | None


# ---------------------------------------------------------------- drawn
def frame(example: int, image: Any, truth: int, p: Sequence[float], layers: Sequence[Layer], step: int):
    """(svg, alt) after so many layers, from the last one back, have got their errors."""
    title, says = words(truth, p, layers, step)
    high = TOP + ROW * len(layers) + 46
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 {high}" width="660" style="max-width:100%;'
        f'height:auto;display:block" font-family="sans-serif" font-size="13" fill="{INK}">',
        f'<text x="8" y="20" font-size="17" font-weight="bold">{title}</text><text x="8" y="44">{says}</text>',
        *_image(image),
        f'<text x="56" y="170" text-anchor="middle">example {example}: a {truth}</text>',
        *_prediction(p, truth),
    ]
    for k, layer in enumerate(layers):
        out += _row(layer, TOP + ROW * k, step > k, step == k + 1)
    out += [*_legend(high - 26), "</svg>"]
    there = " ".join(_told(layer) for layer in layers[:step])
    says_p = ", ".join(f"{k}: {v:.2f}" for k, v in enumerate(p))
    return "".join(out), (
        f"Example {example}, a {truth}, step {step} of {len(layers)}. {title}. {says} Prediction {says_p}. "
        f"{there}".strip()
    )


def words(truth: int, p: Sequence[float], layers: Sequence[Layer], step: int) -> tuple[str, str]:
    """What has happened in this step, as a title and a sentence."""
    if step == 0:
        return "Forwards: what it says", f"It gives {p[truth]:.2f} to the right class, {truth}. No error is known yet."
    layer = layers[step - 1]
    k, most = _largest(layer)
    if layer.shut is None:
        return f"Step {step}: the error at the {layer.name}", f"The largest error is {number(most)}, at class {k}."
    opened = len(layer.shut) - sum(map(bool, layer.shut))
    if not most:
        return f"Step {step}: back to {layer.name}", f"{opened} of {len(layer.shut)} gates are open. No error arrives."
    heard = f"Unit {k} hears most: {number(most)}."
    return f"Step {step}: back to {layer.name}", f"{opened} of {len(layer.shut)} gates are open. {heard}"


def _largest(layer: Layer) -> tuple[int, float]:
    k = int(np.argmax(np.abs(layer.errors)))
    return k, float(layer.errors[k])


def _told(layer: Layer) -> str:
    k, most = _largest(layer)
    gates = "" if layer.shut is None else f", {sum(map(bool, layer.shut))} of {len(layer.shut)} gates shut"
    return f"{layer.name[0].upper() + layer.name[1:]}: largest error {number(most)} at {k}{gates}."


def _image(image: Any) -> Iterator[str]:
    """The pixels, dark on white, 96 wide."""
    pixels = np.asarray(image, dtype=float)
    size = 96 / len(pixels)
    for (y, x), v in np.ndenumerate(pixels):
        if v > 0.02:
            grey = round(255 * (1 - min(v, 1)))
            place = f'x="{8 + size * x:g}" y="{58 + size * y:g}" width="{size:g}" height="{size:g}"'
            yield f'<rect {place} fill="#{grey:02x}{grey:02x}{grey:02x}"/>'
    yield f'<rect x="8" y="58" width="96" height="96" fill="none" stroke="{GREY}"/>'


def _prediction(p: Sequence[float], truth: int) -> Iterator[str]:
    """A bar for each class; the right one has a thick outline up to 1, where it should reach."""
    wide, foot, tall = 44, 154, 74
    yield f'<text x="{LEFT}" y="66" font-size="12" fill="{FAINT}">what it says; the outline is what is desired</text>'
    for k, v in enumerate(p):
        x, high = LEFT + wide * k, tall * float(v)
        yield f'<rect x="{x}" y="{foot - high:.1f}" width="30" height="{high:.1f}" fill="{BLUE}"/>'
        if k == truth:
            look = f'fill="none" stroke="{INK}" stroke-width="2"'
            yield f'<rect x="{x}" y="{foot - tall}" width="30" height="{tall}" {look}/>'
        weight = ' font-weight="bold"' if k == truth else ""
        yield f'<text x="{x + 15}" y="{foot + 16}" text-anchor="middle"{weight}>{k}</text>'
    yield f'<line x1="{LEFT - 6}" x2="{LEFT + wide * len(p) - 8}" y1="{foot}" y2="{foot}" stroke="{GREY}"/>'


def _legend(y: float) -> Iterator[str]:
    """The marks as they are drawn, and what their size means."""
    yield f'<rect x="8" y="{y - 9}" width="9" height="9" fill="{BLUE}"/>'
    yield f'<rect x="142" y="{y - 9}" width="9" height="9" fill="none" stroke="{VERMILION}" stroke-width="1.6"/>'
    yield f'<circle cx="282" cy="{y - 4}" r="2" fill="{GREY}"/>'
    said = (8 + 15, "less would help"), (142 + 15, "more would help"), (282 + 9, "shut gate: nothing comes through")
    for x, text in said:
        yield f'<text x="{x}" y="{y}" font-size="12" fill="{FAINT}">{text}</text>'
    size = "The larger the square, the larger the error, compared within its layer."
    yield f'<text x="8" y="{y + 18}" font-size="12" fill="{FAINT}">{size}</text>'


def _row(layer: Layer, top: float, known: bool, now: bool) -> Iterator[str]:
    """One layer: a square for each error, as large as the error; before its turn, an empty frame."""
    many, closed = len(layer.errors), layer.shut if layer.shut is not None else [False] * len(layer.errors)
    pitch = max(PITCH, 44) if many <= 10 else min(PITCH, 500 / many)
    middle, room = top + 28, 13 if many > 10 else 22
    edge, width = (BLUE, 3) if now else (PALE, 1.2)
    dashes = "" if known else ' stroke-dasharray="4 3"'
    yield (
        f'<rect x="{LEFT - 8}" y="{top + 6}" width="504" height="46" rx="6" fill="none" stroke="{edge}" '
        f'stroke-width="{width}"{dashes}/><text x="8" y="{top + 26}" font-weight="bold">{layer.name}</text>'
    )
    opened = "" if layer.shut is None else f"{many - sum(map(bool, closed))} of {many} gates open"
    yield f'<text x="8" y="{top + 43}" font-size="12" fill="{FAINT}">{opened}</text>'
    for k, (error, shut) in enumerate(zip(layer.errors, closed)):
        x = LEFT + (15 if many <= 10 else pitch / 2) + pitch * k
        if shut:
            yield f'<circle cx="{x:g}" cy="{middle:g}" r="2" fill="{GREY}"/>'
        elif known and error:
            side = 2 + (room - 2) * (abs(float(error)) / layer.most) ** 0.5
            look = f'fill="{BLUE}"' if error > 0 else f'fill="none" stroke="{VERMILION}" stroke-width="1.6"'
            place = f'x="{x - side / 2:.1f}" y="{middle - side / 2:.1f}"'
            yield f'<rect {place} width="{side:.1f}" height="{side:.1f}" {look}/>'
    if many > 10:
        for k in range(0, many, 5):
            x = LEFT + pitch * (k + 0.5)
            yield f'<text x="{x:g}" y="{top + 64}" text-anchor="middle" font-size="11">{k}</text>'


# ---------------------------------------------------------------- on the page
def explore_backward(
    x: Any, t: Any, p: Any, errors: dict[str, Any], shut: dict[str, Any], example: int = 0, step: int | None = None
) -> None:
    """Sliders for the example and the step.      x (B,Y·X)  t (B,)  p (B,K)  errors: layer -> (B,O), the last one first

    shut: layer -> (B,O), True where the gate lets nothing through. Without ipywidgets: the picture alone.
    """
    images = np.asarray(x, dtype=float)
    images = images.reshape(len(images), round(images[0].size ** 0.5), -1)
    tables = {name: np.asarray(d, dtype=float) for name, d in errors.items()}
    state = {"example": example, "step": len(tables) if step is None else step}

    def draw() -> tuple[str, str]:
        n = state["example"]
        layers = [
            Layer(name, d[n], float(np.abs(d).max()) or 1.0, np.asarray(shut[name])[n] if name in shut else None)
            for name, d in tables.items()
        ]
        return frame(n, images[n], int(t[n]), p[n], layers, state["step"])

    panel(LivePlot(draw), state, sliders(state, len(images) - 1, len(tables)))


def sliders(state: dict[str, int], last: int, steps: int) -> dict[str, Any]:
    """The controls, or none without ipywidgets."""
    try:
        import ipywidgets
    except ImportError:
        return {}
    wide = {"layout": ipywidgets.Layout(width="300px"), "style": {"description_width": "70px"}}
    return {
        name: ipywidgets.IntSlider(state[name], min=0, max=most, description=name, **wide)
        for name, most in (("example", last), ("step", steps))
    }
