"""A hidden layer of relu units on one input, under sliders: pre-activation, activation, weighted, and the sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..live import LivePlot, panel

Way = Sequence[tuple[float, float]]  # points joined by straight lines
INK, GREY, PALE, FAINT, ORANGE = "#222", "#8a8a8a", "#d9d9d9", "#6b6b6b", "#E69F00"
UNITS = (("#0072B2", ""), ("#D55E00", "9 5"), ("#009E73", "2 4"), ("#56B4E9", "9 4 2 4"))  # colour, dashes
REACH = 3.0  # x runs from -REACH to REACH
TOP = (64, 118, 4.0)  # the three small panels: where they begin, how high they are, y from -4 to 4
SUM = (242, 150, 2.5)  # the large one
SMALL = ((40, 172), (254, 172), (468, 172))  # left and width of each small panel
LARGE = (40, 600)
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 424" width="660" style="max-width:100%;height:auto;'
    f'display:block" font-family="sans-serif" font-size="13" fill="{INK}">'
)


def frame(
    w: Sequence[float], b: Sequence[float], v: Sequence[float], c: float = 0.0, target: Way = ()
) -> tuple[str, str]:
    """(svg, alt) of y = Σ relu(w x + b) v + c: what each unit does, step by step, and their sum.      w, b, v (H,)"""
    target = [(-REACH, target[0][1]), *target, (REACH, target[-1][1])] if target else ()  # flat beyond its ends
    xs = sorted({-REACH, REACH, *(x for x in _ends(w, b) if -REACH < x < REACH), *(x for x, _ in target)})
    z = [[(x, wk * x + bk) for x in xs] for wk, bk in zip(w, b)]
    a = [[(x, max(y, 0.0)) for x, y in way] for way in z]
    parts = [[(x, y * vk) for x, y in way] for way, vk in zip(a, v)]
    total = [(x, sum(way[i][1] for way in parts) + c) for i, x in enumerate(xs)]
    at = corners(w, b, v)
    says = f"{len(at)} corner{'' if len(at) == 1 else 's'}" + (f" at x = {', '.join(map(number, at))}" if at else "")
    gap = max((abs(y - _on(target, x)) for x, y in total), default=0.0) if target else None
    if gap is not None:
        says += f"; largest gap to the dotted line: {gap:.2f}"
    small = (("z = w·x + b", z), ("bent: relu(z)", a), ("weighted: relu(z)·v", parts))
    out = [HEAD, *_clips(), _text(12, 20, says, 'font-size="16" font-weight="bold"'), *_legend(len(w))]
    for n, ((left, wide), (name, ways)) in enumerate(zip(SMALL, small)):
        out += [_text(left + wide / 2, TOP[0] - 8, name, 'text-anchor="middle"'), *_axes(left, wide, *TOP)]
        out += [_way(way, left, wide, TOP, *UNITS[k % len(UNITS)], f"small{n}") for k, way in enumerate(ways)]
        out += [_text(left + wide + 20, TOP[0] + 64, "→", 'text-anchor="middle" font-size="20"')] if n < 2 else []
    left, wide = LARGE
    seen = out_of_sight([y for _, y in total])
    head = f"added up, + c: y  (c = {number(c)})" + (f"; the line is {seen}" if seen else "")
    out += [_text(left, SUM[0] - 10, head), *_axes(left, wide, *SUM)]
    if target:
        out.append(_way(target, left, wide, SUM, ORANGE, "3 4", "large", 7))
    out += [_way(total, left, wide, SUM, INK, "", "large", 3), "</svg>"]
    units = "; ".join(
        f"unit {k + 1}: relu({number(wk)}x {'-' if bk < 0 else '+'} {number(abs(bk))}) times {number(vk)}"
        for k, (wk, bk, vk) in enumerate(zip(w, b, v))
    )
    seen = f" It is {seen}." if seen else ""
    says = f"A layer of {len(w)} relu units on one input. {units}; c is {number(c)}. The sum has {says}.{seen}"
    return "".join(out), says


def out_of_sight(heights: Sequence[float]) -> str:
    """Does a line between these heights leave the large panel? In words; '' if it does not."""
    most = SUM[2] + 1e-9
    if min(heights) > most or max(heights) < -most:
        return "out of sight"
    return "partly out of sight" if max(map(abs, heights)) > most else ""


def corners(w: Sequence[float], b: Sequence[float], v: Sequence[float]) -> list[float]:
    """Where the sum changes its slope, in sight; two that meet are one, or none if they cancel."""
    change: dict[float, float] = {}
    for wk, bk, vk in zip(w, b, v):
        if wk:
            place = round(-bk / wk, 9) + 0.0
            change[place] = change.get(place, 0.0) + vk * abs(wk)
    return sorted(x for x, d in change.items() if abs(d) > 1e-9 and -REACH < x < REACH)


def _ends(w: Sequence[float], b: Sequence[float]) -> list[float]:
    return [-bk / wk for wk, bk in zip(w, b) if wk]


def _on(way: Way, x: float) -> float:
    """The height of a way of straight pieces at x; flat beyond its ends."""
    if x <= way[0][0]:
        return way[0][1]
    for (x0, y0), (x1, y1) in zip(way, way[1:]):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return way[-1][1]


def number(v: float) -> str:
    """A number as it stands in a picture."""
    return f"{round(v, 2) + 0.0:g}"


# ---------------------------------------------------------------- drawn
def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{text.replace("-", "−")}</text>'


def _clips() -> Iterator[str]:
    """Nothing is drawn outside its panel."""
    for n, (left, wide) in enumerate(SMALL):
        yield _clip(f"small{n}", left, wide, *TOP[:2])
    yield _clip("large", *LARGE, *SUM[:2])


def _clip(name: str, left: float, wide: float, top: float, high: float) -> str:
    box = f'<rect x="{left}" y="{top}" width="{wide}" height="{high}"/>'
    return f'<clipPath id="hidden-{name}">{box}</clipPath>'


def _legend(units: int) -> Iterator[str]:
    for k in range(units):
        colour, dashes = UNITS[k % len(UNITS)]
        x = 660 - 104 * (units - k)
        yield f'<line x1="{x}" x2="{x + 44}" y1="34" y2="34" stroke="{colour}" stroke-width="3" {_dashed(dashes)}/>'
        yield _text(x + 50, 38, f"unit {k + 1}", 'font-size="12"')


def _dashed(dashes: str) -> str:
    return f'stroke-dasharray="{dashes}"' if dashes else ""


def _axes(left: float, wide: float, top: float, high: float, most: float) -> Iterator[str]:
    yield f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" fill="#fff" stroke="{GREY}"/>'
    step = 2 if most > 3 else 1
    for y in range(-int(most), int(most) + 1, step):
        at = top + high / 2 - y / most * high / 2
        yield f'<line x1="{left}" x2="{left + wide}" y1="{at:.1f}" y2="{at:.1f}" stroke="{GREY if y == 0 else PALE}"/>'
        if abs(y) < most:
            yield _text(left - 6, at + 4, str(y), f'text-anchor="end" font-size="11" fill="{FAINT}"')
    for x in range(-3, 4, 1 if wide > 300 else 3):
        at = left + (x + REACH) / (2 * REACH) * wide
        yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{top + high}" stroke="{PALE}"/>'
        yield _text(at, top + high + 15, str(x), f'text-anchor="middle" font-size="11" fill="{FAINT}"')
    if wide > 300:
        yield _text(left + wide / 2, top + high + 29, "input x", 'text-anchor="middle" font-size="12"')


def _way(
    way: Way, left: float, wide: float, place: tuple, colour: str, dashes: str, clip: str, width: float = 2.6
) -> str:
    """A line of straight pieces inside a panel."""
    top, high, most = place
    points = " ".join(
        f"{left + (x + REACH) / (2 * REACH) * wide:.1f},{top + high / 2 - y / most * high / 2:.1f}" for x, y in way
    )
    look = f'fill="none" stroke="{colour}" stroke-width="{width}" {_dashed(dashes)}'
    return f'<g clip-path="url(#hidden-{clip})"><polyline points="{points}" {look}/></g>'


# ---------------------------------------------------------------- on the page
def explore_hidden(
    b: Sequence[float], v: Sequence[float], c: float = 0.0, w: Sequence[float] = (), target: Way = ()
) -> None:
    """Sliders for the bias b and the weight v of each relu unit, and for c; the weights w (1 if left out) stay.

    Without ipywidgets: the picture alone.
    """
    w = tuple(w) or (1.0,) * len(b)
    state: dict[str, Any] = {f"b{k + 1}": bk for k, bk in enumerate(b)} | {f"v{k + 1}": vk for k, vk in enumerate(v)}
    state["c"] = c

    def draw() -> tuple[str, str]:
        chosen = ([state[f"{name}{k + 1}"] for k in range(len(w))] for name in "bv")
        return frame(w, *chosen, state["c"], target)

    panel(LivePlot(draw), state, sliders(state))


def sliders(state: dict[str, Any]) -> dict[str, Any]:
    """One for each number, or none without ipywidgets."""
    try:
        import ipywidgets
    except ImportError:
        return {}
    wide = {"layout": ipywidgets.Layout(width="300px"), "style": {"description_width": "40px"}}
    return {
        name: ipywidgets.FloatSlider(value, min=-3, max=3, step=0.5, description=name, **wide)
        for name, value in state.items()
    }
