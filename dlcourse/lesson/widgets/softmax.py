"""Ten scores under two sliders: what softmax makes of them, what is desired, and where each score is pushed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..live import LivePlot, panel

INK, BLUE, SKY, VERMILION, GREY, FAINT = "#222", "#0072B2", "#56B4E9", "#D55E00", "#8a8a8a", "#6b6b6b"
LEFT, WIDE, UNIT = 112, 540, 56  # where the columns begin, how wide all are, and pixels for a probability of 1
SCORES, ARROWS, P, DESIRED, GAP = 50, 114, 244, 322, 400  # text of the scores; the zero lines of what is drawn
HIGH, SEEN = 512, 0.03  # the picture's height; the least difference that gets an arrow
REACH, SHIFT = 12.0, 100  # the sliders: the score of the true class, 0 to 12; what is added, -100 to 100


def frame(z: Sequence[float], truth: int, score: float, add: float = 0.0) -> tuple[str, str]:
    """(svg, alt) of the scores z, that of the true class set to `score`, and `add` added to all.      z (K,)"""
    scores = np.array(z, dtype=float)
    scores[truth] = score
    scores += add
    powers = np.exp(scores - scores.max())
    p, desired = powers / powers.sum(), np.eye(len(scores))[truth]
    gap, loss = p - desired, float(np.log(powers.sum()) - (scores - scores.max())[truth]) + 0.0
    title = f"It is a {truth}: p = {p[truth]:.3f}, loss = −log p = {loss:.3f}"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 {HIGH}" width="660" style="max-width:100%;'
        f'height:auto;display:block" font-family="sans-serif" font-size="13" fill="{INK}">{STRIPES}',
        _text(12, 20, title, 'font-size="17" font-weight="bold"'),
        *_scores(scores, gap, truth),
        *_row(p, truth, P, ("p",)),
        *_row(desired, truth, DESIRED, ("desired",)),
        *_row(gap, truth, GAP, ("p − desired:", "the slope"), "url(#stripes)"),
        *_classes(len(p), truth),
        "</svg>",
    ]
    pushed = [f"{k} {'up' if v < 0 else 'down'}" for k, v in enumerate(gap) if abs(v) >= SEEN]
    told = [", ".join(_short(v, digits) for v in row) for row, digits in ((scores, 1), (p, 2), (gap, 2))]
    return "".join(out), (
        f"{title}. Scores, by class: {told[0]}. p: {told[1]}. Desired: 1 for class {truth}, 0 for the others. "
        f"p − desired: {told[2]}. Arrows that can be seen: {', '.join(pushed) or 'none'}."
    )


STRIPES = (
    '<defs><pattern id="stripes" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect width="7" height="7" fill="{SKY}"/><rect width="2" height="7" fill="{INK}"/></pattern></defs>'
)


def _short(v: float, digits: int) -> str:
    return f"{v:.{digits}f}".replace("-", "−") if abs(v) >= 0.5 * 10**-digits else "0"


def _text(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{words}</text>'


def _middles(n: int) -> np.ndarray:
    """The middle of each column, in pixels."""
    return LEFT + WIDE / n * (np.arange(n) + 0.5)


def _line(y: float, *names: str) -> str:
    """A zero line, and what it is the zero of, in one or two lines."""
    words = "".join(_text(LEFT - 10, y + 4 + 17 * k, name, 'text-anchor="end"') for k, name in enumerate(names))
    return f'<line x1="{LEFT}" x2="{LEFT + WIDE}" y1="{y}" y2="{y}" stroke="{GREY}"/>{words}'


def _scores(scores: np.ndarray, gap: np.ndarray, truth: int) -> Iterator[str]:
    """Each score as a number, and below it the arrow against its slope."""
    yield _text(LEFT - 10, SCORES, "score", 'text-anchor="end"') + _line(ARROWS, "pushed", "up or down")
    for k, (x, v) in enumerate(zip(_middles(len(scores)), -gap)):
        weight = "bold" if k == truth else "normal"
        yield _text(x, SCORES, _short(scores[k], 1), f'text-anchor="middle" font-weight="{weight}"')
        if abs(v) >= SEEN:
            tip, way = ARROWS - UNIT * v, float(np.sign(v))
            head = min(9.0, UNIT * abs(v))
            points = f"{x:.1f},{tip:.1f} {x - 6:.1f},{tip + way * head:.1f} {x + 6:.1f},{tip + way * head:.1f}"
            yield (
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{ARROWS}" y2="{tip + way * head:.1f}" stroke="{VERMILION}" '
                f'stroke-width="3"/><polygon points="{points}" fill="{VERMILION}"/>'
            )


def _row(v: np.ndarray, truth: int, zero: float, names: tuple[str, ...], fill: str = "") -> Iterator[str]:
    """Bars over a zero line, a number at each; that of the true class has a thick edge."""
    yield _line(zero, *names)
    for k, (x, value) in enumerate(zip(_middles(len(v)), v)):
        long, true = UNIT * abs(float(value)), k == truth
        top = zero - long if value > 0 else zero
        edge = f'stroke="{INK}" stroke-width="{2.4 if true else 0.8}"'
        yield (
            f'<rect x="{x - 20:.1f}" y="{top:.1f}" width="40" height="{long:.1f}" '
            f'fill="{fill or (BLUE if true else SKY)}" {edge}/>'
        )
        at = zero - long - 5 if value >= 0 else zero + long + 14
        weight = "bold" if true else "normal"
        yield _text(x, at, _short(float(value), 2), f'text-anchor="middle" font-weight="{weight}"')


def _classes(n: int, truth: int) -> Iterator[str]:
    for k, x in enumerate(_middles(n)):
        weight = "bold" if k == truth else "normal"
        yield _text(x, HIGH - 22, str(k), f'text-anchor="middle" font-weight="{weight}"')
    yield _text(LEFT - 10, HIGH - 22, "class", f'text-anchor="end" fill="{FAINT}"')


# ---------------------------------------------------------------- on the page
def explore_softmax(z: Any, truth: int) -> None:
    """A slider for the score of the true class, one for what is added to all.      z (K,) scores

    Without ipywidgets: the picture alone.
    """
    z, truth = [float(v) for v in z], int(truth)
    state: dict[str, Any] = {"score": z[truth], "add": 0}
    panel(LivePlot(lambda: frame(z, truth, **state)), state, sliders(state, truth))


def sliders(state: dict[str, Any], truth: int) -> dict[str, Any]:
    """The controls, or none without ipywidgets."""
    try:
        import ipywidgets
    except ImportError:
        return {}
    wide = {"layout": ipywidgets.Layout(width="315px"), "style": {"description_width": "86px"}}
    low, high, name = min(0.0, state["score"]), max(REACH, state["score"]), f"score of {truth}"
    return {
        "score": ipywidgets.FloatSlider(state["score"], min=low, max=high, step=0.05, description=name, **wide),
        "add": ipywidgets.IntSlider(state["add"], min=-SHIFT, max=SHIFT, description="add to all", **wide),
    }
