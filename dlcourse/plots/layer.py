"""Pictures of a layer: units side by side, the matrix product, what each unit says, and how fast three forms are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .style import (
    BLUE,
    FAINT,
    GREY,
    INK,
    ORANGE,
    PALE,
    SKY,
    VERMILION,
    WIDTH,
    counted,
    described,
    draw_image,
    listed,
    panels,
    same_length,
    sentence,
)

__all__ = ["product", "side_by_side", "staircase", "unit_images", "unit_outputs", "unit_table"]
SHADE = "#cfe5f3"  # what a picture speaks of; there is a frame around it too


def _number(v: float) -> str:
    """A number as short as it can be, with a real minus sign."""
    if np.isnan(v):
        return "nan"
    return f"{v + 0.0 if abs(v) >= 0.005 else 0:.2f}".rstrip("0").rstrip(".").replace("-", "−")


def _factor(v: float) -> str:
    return f"({_number(v)})" if v < 0 else _number(v)


def _grid(ax: Any, a: np.ndarray, left: float, top: float, row: int | None = None, column: int | None = None) -> None:
    """An array (N,M) as a table of numbers, cells of 1 by 1, with one row, one column or one cell framed."""
    n, m = a.shape
    rows, columns = range(n) if row is None else [row], range(m) if column is None else [column]
    if row is not None or column is not None:
        place, size = (left + columns[0], top - rows[-1] - 1), (len(columns), len(rows))
        ax.add_patch(Rectangle(place, *size, facecolor=SHADE, edgecolor="none", zorder=1))
        ax.add_patch(Rectangle(place, *size, fill=False, edgecolor=BLUE, lw=2.4, zorder=4))
    for i, j in np.ndindex(n, m):
        inside = (row is not None or column is not None) and i in rows and j in columns
        cell = Rectangle((left + j, top - i - 1), 1, 1, fill=False, edgecolor=GREY, lw=0.8, zorder=2)
        ax.add_patch(cell)
        weight = "bold" if inside else "normal"
        at, number = (left + j + 0.5, top - i - 0.5), _number(a[i, j])
        size = 10 if len(number) <= 4 else 8
        ax.text(*at, number, ha="center", va="center", fontsize=size, weight=weight, zorder=5)


def _column_of(ax: Any, x: float, ys: np.ndarray, names: list[str], marker: str, bold: int | None = None) -> None:
    for k, (y, name) in enumerate(zip(ys, names)):
        chosen = k == bold
        face = SHADE if chosen else "white"
        ax.plot(x, y, marker, ms=25, mfc=face, mec=BLUE if chosen else INK, mew=2.4 if chosen else 1.2, zorder=3)
        ax.text(x, y, name, ha="center", va="center", zorder=4, weight="bold" if chosen else "normal")


@described
def side_by_side(W: Any, unit: int = 0, title: str = "A layer, and where its weights stand") -> tuple[Figure, str]:
    """Units side by side, one of them pointed out, and the column of W that holds its weights.      W (I,O)"""
    W = np.asarray(W, dtype=float)
    n, m = W.shape
    if n > 6 or m > 6:
        raise ValueError(f"numbers can be read in layers of up to 6 inputs and 6 units, got {n} and {m}")
    fig, axes = panels(1, 2, (WIDTH, 0.9 + 0.52 * max(n, m)), width_ratios=[1.15, 1])
    ax, table = axes[0]
    inputs, units = -np.arange(n) + (n - 1) / 2, -np.arange(m) + (m - 1) / 2
    for i, o in np.ndindex(n, m):
        y, z, chosen = inputs[i], units[o], o == unit
        ax.plot([0, 2.4], [y, z], color=BLUE if chosen else PALE, lw=2.4 if chosen else 1.2, zorder=2 if chosen else 1)
        if chosen:
            at = (0.42 * 2.4, y + 0.42 * (z - y))
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
            ax.text(*at, _number(W[i, o]), ha="center", va="center", color=BLUE, weight="bold", bbox=box, zorder=5)
    _column_of(ax, 0, inputs, [f"$x_{i}$" for i in range(n)], "s")
    _column_of(ax, 2.4, units, [str(o) for o in range(m)], "o", unit)
    top = max(n, m) / 2
    ax.text(0, top + 0.25, "inputs", ha="center", va="bottom")
    ax.text(2.4, top + 0.25, "units", ha="center", va="bottom")
    ax.set(xlim=(-0.6, 3.0), ylim=(-top - 0.35, top + 0.8))
    ax.axis("off")
    _grid(table, W, 0, n / 2, column=unit)
    for o in range(m):
        word = f"unit {o}" if o == unit else str(o)
        weight = "bold" if o == unit else "normal"
        table.text(o + 0.5, n / 2 + 0.15, word, ha="center", va="bottom", fontsize=10, weight=weight)
    for i in range(n):
        table.text(-0.15, n / 2 - i - 0.5, f"from $x_{i}$", ha="right", va="center", fontsize=10)
    table.text(m / 2, -n / 2 - 0.2, f"W  ({n}, {m})", ha="center", va="top", weight="bold")
    table.set(xlim=(-1.5, m + 0.2), ylim=(-top - 0.8, top + 0.8), aspect="equal")
    table.axis("off")
    fig.suptitle(title, x=0.01, ha="left")
    told = listed([_number(v) for v in W[:, unit]])
    return fig, (
        f"{sentence(title)} On the left {counted(n, 'input')}, drawn as squares, each joined to each of "
        f"{counted(m, 'unit')}, drawn as discs; the lines of unit {unit} are thick and carry the weights {told}. On "
        f"the right the table W of {n} rows and {m} columns, in which column {unit} holds these same weights."
    )


@described
def product(
    x: Any, W: Any, b: Any, example: int = 0, unit: int = 0, title: str = "The whole layer in one line"
) -> tuple[Figure, str]:
    """x·W + b = y as tables of numbers, one example and one unit framed.      x (B,I)  W (I,O)  b (O,)"""
    x, W, b = (np.asarray(a, dtype=float) for a in (x, W, b))
    y = x @ W + b
    (B, I), O = x.shape, len(b)
    if max(B, I, O) > 5:
        raise ValueError(f"numbers can be read in tables of up to 5 by 5, got {B} examples, {I} inputs, {O} units")
    fig, axes = panels(1, 1, (WIDTH, 0.95 + 0.42 * max(B, I)))
    ax, left = axes[0, 0], 0.0
    parts = [
        ("x", x, {"row": example}, "@"),
        ("W", W, {"column": unit}, "+"),
        ("b", b[None], {"row": 0, "column": unit}, "="),
        ("y", y, {"row": example, "column": unit}, ""),
    ]
    for name, a, framed, sign in parts:
        n, m = a.shape
        shape = f"{name}  ({O},)" if name == "b" else f"{name}  ({n}, {m})"
        _grid(ax, a, left, n / 2, **framed)
        ax.text(left + m / 2, max(B, I) / 2 + 0.25, shape, ha="center", va="bottom", weight="bold")
        ax.text(left + m + 0.5, 0, sign, ha="center", va="center", fontsize=15)
        left += m + 1
    tall = max(B, I) / 2
    ax.set(xlim=(-0.2, left - 0.8), ylim=(-tall - 0.75, tall + 0.85), aspect="equal")
    ax.axis("off")
    sums = " + ".join(f"{_factor(p)} × {_factor(q)}" for p, q in zip(x[example], W[:, unit]))
    says = f"{sums} + {_number(b[unit])} = {_number(y[example, unit])}".replace("+ −", "− ")
    ax.text((left - 1) / 2, -tall - 0.3, says, ha="center", va="top", color=INK)
    fig.suptitle(title, x=0.01, ha="left")
    return fig, (
        f"{sentence(title)} Tables of numbers: x of shape ({B}, {I}), times W of shape ({I}, {O}), plus b with "
        f"{counted(O, 'number')}, gives y of shape ({B}, {O}). Framed are row {example} of x, column {unit} of W and "
        f"number {unit} of b, which make one number of y: {says}."
    )


@described
def unit_images(W: Any, b: Any = None, title: str = "The weights of each unit, as an image") -> tuple[Figure, str]:
    """Each column of W as a square image: dark for large, blank for 0.      W (I,O), none negative   b (O,)"""
    W = np.asarray(W, dtype=float)
    if W.min() < 0:
        raise ValueError("weights to draw as ink are 0 or more")
    n, top = W.shape[1], W.max() or 1.0
    fig, axes = panels(-(-n // 5), 5, (WIDTH, 0.42 + 1.72 * -(-n // 5)))
    for ax in axes.flat[n:]:
        ax.axis("off")
    for o, ax in enumerate(axes.flat[:n]):
        draw_image(ax, W[:, o] / top)
        ax.set_title(f"unit {o}", loc="center", fontsize=11)
        if b is not None:
            ax.set_xlabel(f"b = {_number(b[o])}", fontsize=10)
    fig.suptitle(title, x=0.01, ha="left")
    biases = "" if b is None else f" The biases go from {_number(np.min(b))} to {_number(np.max(b))}."
    return fig, (
        f"{sentence(title)} {counted(n, 'grey image')} of {W.shape[0]} weights each, from {_number(W.min())} (paper) "
        f"to {_number(W.max())} (ink).{biases}"
    )


@described
def unit_outputs(
    images: Any, y: Any, true: Any, title: str = "What each unit says, and which says most"
) -> tuple[Figure, str]:
    """A few images, and beside each the outputs of all units as bars.      images (B,I)  y (B,O)  true (B,)"""
    y, n = np.asarray(y, dtype=float), same_length(images=images, y=y, true=true)
    fig, axes = panels(n, 2, (WIDTH, 0.6 + 1.25 * n), width_ratios=[1, 4.2])
    low, high, told = min(0.0, y.min()), max(0.0, y.max()), []
    room = 0.2 * (high - low or 1.0)
    for (left, right), image, row, t in zip(axes, images, y, true):
        said = int(row.argmax())
        draw_image(left, image)
        left.set_ylabel(f"a {t}", rotation=0, ha="right", va="center", labelpad=6)
        bars = right.bar(range(len(row)), row, color=[BLUE if o == said else SKY for o in range(len(row))], width=0.75)
        bars[said].set(edgecolor=INK, linewidth=2)
        right.bar_label(bars, [_number(round(v, 1)) for v in row], fontsize=9.5, padding=2)
        right.axhline(0, color=GREY, lw=0.8)
        right.set(xticks=range(len(row)), ylim=(low - (room if low < 0 else 0), high + room), yticks=[])
        right.spines[:].set_visible(False)
        right.tick_params(axis="x", length=0)
        told.append(f"a {t} gets {', '.join(_number(round(v, 1)) for v in row)}; unit {said} says most")
    axes[-1, 1].set_xlabel("unit")
    fig.suptitle(title, x=0.01, ha="left")
    return fig, f"{sentence(title)} {counted(n, 'image')}, each beside a bar for each unit. {'. '.join(told)}."


@described
def unit_table(y: Any, title: str = "A row for each example, a column for each unit") -> tuple[Figure, str]:
    """The outputs of a layer as a table, the largest of each row in bold; nan is crossed out.      y (B,O)"""
    y = np.asarray(y, dtype=float)
    B, O = y.shape
    if B > 12 or O > 12:
        raise ValueError(f"numbers can be read in tables of up to 12 by 12, got {B} by {O}")
    fig, axes = panels(1, 1, (WIDTH, 1.05 + 0.36 * B))
    ax = axes[0, 0]
    most, digits = np.nanargmax(y, axis=1), 1 if np.nanmax(np.abs(y)) > 1 else 2
    for n, o in np.ndindex(B, O):
        lost = bool(np.isnan(y[n, o]))
        look = (
            {"facecolor": "#f7dccb", "hatch": "///", "edgecolor": VERMILION}
            if lost
            else {"facecolor": SHADE if o == most[n] else "white"}
        )
        ax.add_patch(Rectangle((o - 0.5, n - 0.5), 1, 1, **({"edgecolor": GREY} | look), lw=0.8))
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2} if lost else None
        words = "nan" if lost else _number(round(y[n, o], digits))
        weight = "bold" if lost or o == most[n] else "normal"
        ax.text(o, n, words, ha="center", va="center", fontsize=10, bbox=box, weight=weight)
    ax.set(xlim=(-0.52, O - 0.48), ylim=(B - 0.48, -0.52), xticks=range(O), yticks=range(B))
    ax.set(xlabel="unit", ylabel="example", title=title)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    lost = np.isnan(y)
    columns, rows = np.flatnonzero(lost.all(axis=0)), np.flatnonzero(lost.all(axis=1))
    where = [f"the whole column of unit {o}" for o in columns] + [f"the whole row of example {n}" for n in rows]
    told = f"{int(lost.sum())} of them are not a number: {listed(where) if where else 'here and there'}"
    rows_told = "; ".join(f"{n}: {', '.join(_number(round(v, digits)) for v in row)}" for n, row in enumerate(y))
    end = f"{told}." if lost.any() else "All are numbers."
    return fig, f"{sentence(title)} A table of {B} by {O} outputs, by row. {rows_told}. {end}"


@described
def staircase(rates: Mapping[str, float], title: str = "The same layer, three ways") -> tuple[Figure, str]:
    """Multiply-adds per second of each form, on a logarithmic scale.      rates: name -> multiply-adds per second"""
    names, v = list(rates), np.array(list(rates.values()), dtype=float)
    fig, axes = panels(1, 1, (WIDTH, 1.1 + 0.62 * len(v)))
    ax = axes[0, 0]
    left = 10 ** np.floor(np.log10(v.min()) - 0.3)
    bars = ax.barh(range(len(v)), v - left, left=left, height=0.62, color=[SKY, ORANGE, BLUE, GREY][: len(v)])
    for bar, hatch in zip(bars, ("", "//", "", "..")):
        bar.set(hatch=hatch, edgecolor=INK, linewidth=0.8)
    told = []
    for k, rate in enumerate(v):
        times = "" if not k else f"\n{_times(rate / v[0])} as fast as {names[0]}"
        ax.annotate(_words(rate) + times, (rate, k), (7, 0), textcoords="offset points", va="center", fontsize=10)
        told.append(f"{names[k]} {_words(rate)}")
    ax.set(xscale="log", xlim=(left, v.max() * (v.max() / left) ** 0.55), ylim=(len(v) - 0.5, -0.5))
    ax.set(yticks=range(len(v)), yticklabels=names, xlabel="multiply-adds per second (each mark is ten times more)")
    ax.set_title(title)
    ticks = 10.0 ** np.arange(np.log10(left), np.ceil(np.log10(v.max())) + 0.5)
    ax.set_xticks(ticks, [_words(tick).replace(" ", "\n") for tick in ticks], fontsize=9.5, color=FAINT)
    ax.minorticks_off()
    ax.tick_params(axis="y", length=0)
    return fig, f"{sentence(title)} Multiply-adds per second as bars on a logarithmic scale: {'; '.join(told)}."


def _words(rate: float) -> str:
    """7.4e6 -> '7.4 million'"""
    for size, word in ((1e9, " billion"), (1e6, " million"), (1e3, " thousand"), (1, "")):
        if rate >= 0.9995 * size:
            return f"{rate / size:.2g}{word}" if rate < 99.5 * size else f"{rate / size:,.0f}{word}"
    return f"{rate:.2g}"


def _times(ratio: float) -> str:
    """3123.4 -> '3,100 times'"""
    return f"{float(f'{ratio:.2g}'):,g} times"
