"""What a setting does: one slider for each, and below it the test accuracy of every seed. All were trained before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..live import LivePlot, panel

INK, FAINT, GREY, PALE = "#222", "#6b6b6b", "#8a8a8a", "#d9d9d9"
ROWS = (("#0072B2", "disc"), ("#D55E00", "square"), ("#009E73", "triangle"))  # colour and mark of each row
LEFT, TOP, WIDE, ROW = 214, 76, 330, 54  # pixels: where 0 % is, the first row, from 0 to 100 %, from row to row
Table = Mapping[str, Mapping[float, Sequence[float]]]  # setting -> value -> the share right of each seed


# ---------------------------------------------------------------- drawn
def frame(
    tables: Table, ours: Mapping[str, float], at: Mapping[str, float], guess: float | None = None
) -> tuple[str, str]:
    """(svg, alt) of our own settings, and of each setting at its place while the others stay as ours are."""
    if len(tables) >= len(ROWS):
        raise ValueError(f"there is room for {len(ROWS) - 1} settings, got {len(tables)}")
    first = next(iter(tables))
    rows = [("ours", _but("", ours), tables[first][ours[first]])]
    rows += [(f"{name}: {at[name]:g}", _but(name, ours), table[at[name]]) for name, table in tables.items()]
    bottom = TOP + ROW * len(rows)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 {bottom + 50}" width="660" style="max-width:100%;'
        f'height:auto;display:block" font-family="sans-serif" font-size="14" fill="{INK}">',
        '<text x="12" y="22" font-size="17" font-weight="bold">Change one thing: what does the exam say?</text>',
        f'<text x="12" y="42" font-size="12" fill="{FAINT}">a mark for each seed, a band from the lowest to the '
        "highest</text>",
        *_scale(bottom, guess),
    ]
    for k, (row, (colour, mark)) in enumerate(zip(rows, ROWS)):
        out += _row(TOP + ROW * (k + 0.5), *row, colour, mark)
    out.append("</svg>")
    told = "; ".join(f"{name[0].upper() + name[1:]}, {rest}: {_span(shares)} percent" for name, rest, shares in rows)
    guessing = "" if guess is None else f" A dashed line marks guessing, at {100 * guess:g} percent."
    return "".join(out), f"Test accuracy over {len(rows[0][2])} seeds, as marks and bands. {told}.{guessing}"


def _but(name: str, ours: Mapping[str, float]) -> str:
    """The settings that stay as ours are, in words."""
    return ", ".join(f"{other} {value:g}" for other, value in ours.items() if other != name)


def _span(shares: Sequence[float]) -> str:
    """[0.975, 0.98] -> '97.5 to 98.0'"""
    return " to ".join(dict.fromkeys(f"{100 * end:.1f}" for end in (min(shares), max(shares))))


def _scale(bottom: float, guess: float | None) -> Iterator[str]:
    """Lines at each quarter, numbers below them, and a dashed line for guessing."""
    for percent in range(0, 101, 25):
        x = LEFT + WIDE * percent / 100
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="{PALE}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" font-size="12">{percent}</text>'
    yield f'<text x="{LEFT + WIDE / 2}" y="{bottom + 38}" text-anchor="middle">test accuracy, %</text>'
    if guess is not None:
        x = LEFT + WIDE * guess
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{bottom}" stroke="{GREY}" stroke-dasharray="6 4"/>'
        yield f'<text x="{x:.1f}" y="{TOP - 8}" text-anchor="middle" font-size="12" fill="{FAINT}">guessing</text>'


def _row(y: float, name: str, rest: str, shares: Sequence[float], colour: str, mark: str) -> Iterator[str]:
    """Name and settings on the left, then the band, its marks, and its ends in numbers."""
    low, high = (LEFT + WIDE * end for end in (min(shares), max(shares)))
    yield f'<text x="12" y="{y - 2:.1f}" font-weight="bold">{name}</text>'
    yield f'<text x="12" y="{y + 15:.1f}" font-size="12" fill="{FAINT}">{rest}</text>'
    yield (
        f'<rect x="{low - 2:.1f}" y="{y - 14:.1f}" width="{high - low + 4:.1f}" height="28" fill="{colour}" '
        f'fill-opacity="0.25" stroke="{colour}"/>'
    )
    step = 16 / max(len(shares) - 1, 1)
    for k, share in enumerate(shares):
        yield _mark(LEFT + WIDE * share, y - 8 + step * k, colour, mark)
    yield (
        f'<text x="{high + 10:.1f}" y="{y + 5:.1f}" font-weight="bold" paint-order="stroke" stroke="#fff" '
        f'stroke-width="4">{_span(shares)}</text>'
    )


def _mark(x: float, y: float, colour: str, mark: str) -> str:
    """A disc, a square or a triangle."""
    edge = f'fill="{colour}" stroke="#fff"'
    if mark == "disc":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {edge}/>'
    if mark == "square":
        return f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9" {edge}/>'
    return f'<polygon points="{x:.1f},{y - 6:.1f} {x + 5.5:.1f},{y + 4:.1f} {x - 5.5:.1f},{y + 4:.1f}" {edge}/>'


# ---------------------------------------------------------------- on the page
def explore_choices(
    tables: Table, ours: Mapping[str, float], guess: float | None = None, start: Mapping[str, float] | None = None
) -> None:
    """A slider for each setting.      tables: setting -> value -> share right of each seed   ours: setting -> value

    Each table changes its own setting and leaves the others as ours are. Without ipywidgets: the picture alone.
    """
    state = dict(start or ours)
    panel(LivePlot(lambda: frame(tables, ours, state, guess)), state, sliders(tables, state))


def sliders(tables: Table, state: Mapping[str, float]) -> dict[str, Any]:
    """The controls, or none without ipywidgets."""
    try:
        import ipywidgets
    except ImportError:
        return {}
    return {
        name: ipywidgets.SelectionSlider(
            options=[(f"{value:g}", value) for value in table],
            value=state[name],
            description=name,
            layout=ipywidgets.Layout(width="300px"),
            style={"description_width": "90px"},
        )
        for name, table in tables.items()
    }
