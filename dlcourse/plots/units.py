"""Pictures of one unit: its parts, its bends, the line where it changes its mind, and its votes on an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from .style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PALE,
    VERMILION,
    WIDTH,
    counted,
    described,
    draw_image,
    listed,
    panels,
    sentence,
    square,
)

__all__ = ["bends", "half_planes", "pairs", "rows_right", "sixteen_tables", "unit_diagram", "votes", "weight_images"]

ON, OFF = "#cfe5f3", "#ffffff"  # where a unit says 1, and 0
AGAINST_FOR = LinearSegmentedColormap.from_list("against-for", [VERMILION, "#ffffff", BLUE])
HARD = 92  # percent: the pairs below it are named in the description
CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
NAMED = {(0, 0, 0, 1): "AND", (0, 1, 1, 1): "OR", (1, 1, 1, 0): "NAND", (1, 0, 0, 0): "NOR"} | {
    (0, 1, 1, 0): "XOR",
    (1, 0, 0, 1): "XNOR",
}


def _minus(text: str) -> str:
    """A hyphen in front of a number is not a minus sign."""
    return text.replace("-", "−")


# ---------------------------------------------------------------- the unit and its bends
@described
def unit_diagram(x: Any, w: Any, b: float, f: Callable, title: str = "One unit") -> tuple[Figure, str]:
    """One unit with the numbers that flow through it.      x (I,)  w (I,)  b number  f function"""
    z = float(np.dot(w, x) + b)
    y, name = float(f(z)), getattr(f, "__name__", "f")
    fig, axes = panels(1, 1, (WIDTH, 2.75))
    ax = axes[0, 0]
    ax.set(xlim=(-0.6, 7.05), ylim=(-1.3, 1.25), aspect="equal", title=title)
    ax.axis("off")
    for i, (xi, wi, yi) in enumerate(zip(x, w, np.linspace(0.75, -0.75, len(x)))):
        colour, line = (BLUE, "-") if wi > 0 else (VERMILION, "--")
        _arrow(ax, (0.3, yi), (2.72, 0.03 * np.sign(yi)), color=colour, ls=line, lw=1 + 0.8 * min(abs(wi), 4))
        height = 0.62 * yi + (0.18 if yi >= 0 else -0.18)
        ax.text(1.3, height, _minus(f"× {wi:g}"), ha="center", va="center", color=colour, weight="bold")
        _node(ax, 0, yi, _minus(f"{xi:g}"), f"$x_{i + 1}$")
    _arrow(ax, (3.05, -1.05), (3.05, -0.32))
    ax.text(3.17, -0.98, f"{'−' if b < 0 else '+'} {abs(b):.4g}   (bias b)", va="center")
    _arrow(ax, (3.37, 0), (4.58, 0))
    _arrow(ax, (5.22, 0), (6.2, 0))
    _node(ax, 3.05, 0, "Σ", "")
    _node(ax, 4.9, 0, "", "")
    t = np.linspace(-1, 1, 40)
    ax.plot(4.9 + 0.2 * t, 0.19 * np.clip(np.asarray(f(2.6 * t), dtype=float), -1, 1), color=INK, lw=1.8, zorder=4)
    ax.text(3.97, 0.1, _minus(f"z = {z:.2f}"), ha="center", va="bottom")
    ax.text(4.9, 0.42, name, ha="center", va="bottom")
    ax.text(6.25, 0, _minus(f"y = {y:.4f}"), va="center", weight="bold", fontsize=11)
    inputs, weights = (listed(f"{v:g}" for v in row) for row in (x, w))
    return fig, (
        f"{sentence(title)} Inputs {inputs}, times weights {weights}, plus bias {b:.4g}, add up to z = {z:.2f}; "
        f"{name} bends that to y = {y:.4f}. Solid blue arrows have a weight above 0, dashed ones below."
    )


def _node(ax: Any, x: float, y: float, inside: str, beside: str) -> None:
    ax.add_patch(Circle((x, y), 0.32, facecolor="white", edgecolor=INK, lw=1.5, zorder=3))
    ax.text(x, y, inside, ha="center", va="center", zorder=4, fontsize=12)
    ax.text(x - 0.4, y, beside, ha="right", va="center")


def _arrow(ax: Any, start: tuple, end: tuple, color: str = INK, lw: float = 1.4, ls: str = "-") -> None:
    how = {"arrowstyle": "-|>", "color": color, "lw": lw, "ls": ls, "shrinkA": 0, "shrinkB": 2}
    ax.annotate("", end, start, arrowprops=how)


@described
def bends(
    functions: Mapping[str, Callable], title: str = "Ways to bend", ylabel: str = "y = f(z)"
) -> tuple[Figure, str]:
    """Functions side by side over the same z; a jump is left open.      functions: name -> function"""
    z = np.linspace(-4, 4, 401)
    n = len(functions)
    fig, axes = panels(1, n, (min(WIDTH, 0.6 + 1.95 * n), 2.45), sharey=True)
    told = []
    for ax, (name, f), colour in zip(axes[0], functions.items(), (VERMILION, BLUE, GREEN, "#8a5a9e") * n):
        y = np.array(f(z), dtype=float)
        at = [float(np.ravel(f(np.array([v])))[0]) for v in (-3.0, 0.0, 3.0)]
        y[np.abs(np.diff(y, prepend=y[0])) > 0.5] = np.nan
        ax.axhline(0, color=PALE, lw=1)
        ax.axvline(0, color=PALE, lw=1)
        ax.plot(z, y, color=colour, lw=2.4)
        ax.set(title=name, xlabel="z", ylim=(-1.3, 2.3), xticks=[-4, 0, 4], yticks=[-1, 0, 1, 2])
        told.append(f"{name} is {at[0]:.2f}, {at[1]:.2f} and {at[2]:.2f}")
    axes[0][0].set_ylabel(ylabel)
    fig.suptitle(title, x=0.01, ha="left")
    return fig, f"{sentence(title)} Curves of {ylabel}. At z = -3, 0 and 3, {'; '.join(told)}."


# ---------------------------------------------------------------- two inputs: half planes
def _half_plane(ax: Any, w: Any, b: float, table: Sequence, title: str = "", size: float = 9) -> None:
    """Shade where the step unit says 1; a corner is filled where the table has a 1, open where it has a 0."""
    x1, x2 = np.meshgrid(*[np.linspace(-0.5, 1.5, 121)] * 2)
    if w is not None:
        z = w[0] * x1 + w[1] * x2 + b
        ax.contourf(x1, x2, z > 0, levels=[-0.5, 0.5, 1.5], colors=[OFF, ON])
        if z.min() < 0 < z.max():
            ax.contour(x1, x2, z, levels=[0], colors=[INK], linewidths=1.6)
    for (a, c), t in zip(CORNERS, table):
        ax.plot(a, c, "o", ms=size, mfc=BLUE if t else "white", mec=BLUE, mew=1.6, clip_on=False, zorder=4)
    ax.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), xticks=[0, 1], yticks=[0, 1], aspect="equal")
    ax.spines[:].set_visible(True)
    ax.set_title(title, loc="center")


@described
def half_planes(gates: Mapping[str, tuple], title: str = "Where each unit says 1 (shaded)") -> tuple[Figure, str]:
    """Gates of one or two inputs, each with the side on which its unit says 1.      gates: name -> (w, b)"""
    fig, axes = panels(1, len(gates), (WIDTH, 2.55))
    told = []
    for ax, (name, (w, b)) in zip(axes[0], gates.items()):
        w, b = np.atleast_1d(np.asarray(w, dtype=float)), float(b)
        if len(w) == 1:
            _half_line(ax, w[0], b, name)
        else:
            _half_plane(ax, w, b, CORNERS @ w + b > 0, name)
        ax.set_xlabel("$x_1$")
        inputs = [c[: len(w)] for c in CORNERS[:: 3 - len(w)]]
        on = listed(f"({', '.join(map(str, c))})" for c in inputs if c @ w + b > 0)
        told.append(f"{name} with w = {listed(f'{v:g}' for v in w)} and b = {b:g} says 1 at {on}")
    axes[0][0].set_ylabel("$x_2$")
    fig.suptitle(title, x=0.01, ha="left")
    return fig, (
        f"{sentence(title)} A line parts each square; an input is filled where the unit says 1, and open where it "
        f"says 0. {'; '.join(told)}."
    )


def _half_line(ax: Any, w: float, b: float, title: str) -> None:
    """One input: a point in place of the line."""
    if w:
        ax.axvspan(*sorted((-b / w, -9 if w < 0 else 9)), color=ON, lw=0)
        ax.axvline(-b / w, color=INK, lw=1.6)
    for v in (0, 1):
        ax.plot(v, 0.5, "o", ms=9, mfc=BLUE if w * v + b > 0 else "white", mec=BLUE, mew=1.6)
    ax.set(xlim=(-0.5, 1.5), ylim=(0, 1), xticks=[0, 1], yticks=[], box_aspect=1)
    ax.spines[:].set_visible(True)
    ax.set_title(title, loc="center")


@described
def rows_right(scores: Mapping[str, Sequence[int]], title: str = "Every unit of the grid") -> tuple[Figure, str]:
    """How many units get 0, 1, 2, 3 or 4 rows right.      scores: gate -> rows right, one number for each unit"""
    counts = {name: np.bincount(np.asarray(s, dtype=int), minlength=5) for name, s in scores.items()}
    fig, axes = panels(1, len(counts), (WIDTH, 2.8), sharey=True)
    for ax, (name, many) in zip(axes[0], counts.items()):
        bars = ax.bar(range(5), many, color=[GREY] * 4 + [BLUE], width=0.75)
        for k, (bar, n) in enumerate(zip(bars, many)):
            middle, bold = bar.get_x() + bar.get_width() / 2, "bold" if k == 4 else "normal"
            ax.text(middle, n, f"{n:d}", ha="center", va="bottom", fontsize=10, weight=bold)
        ax.set(xlabel="rows right, of 4", xticks=range(5))
        ax.set_title(name, loc="center")
    axes[0][0].set_ylabel("units")
    axes[0][0].set_ylim(0, 1.12 * max(c.max() for c in counts.values()))
    total = len(next(iter(scores.values())))
    fig.suptitle(f"{title}: {total} units, by how many rows they get right", x=0.01, ha="left")
    told = "; ".join(f"{name}: {listed(c)}" for name, c in counts.items())
    return fig, f"{sentence(title)} {total} units, counted by rows right: how many get 0, 1, 2, 3 and 4. {told}."


@described
def sixteen_tables(found: Mapping[tuple, tuple], title: str = "All tables of two inputs") -> tuple[Figure, str]:
    """For each of the 16 tables the half plane of a unit that makes it, or a cross.      found: table -> (w, b)"""
    tables = [tuple(int(k) for k in f"{i:04b}") for i in range(16)]
    fig, axes = panels(2, 8, (WIDTH, 2.75))
    for ax, t in zip(axes.flat, tables):
        _half_plane(ax, *found.get(t, (None, 0)), t, NAMED.get(t, ""), size=5)
        ax.set(xticks=[], yticks=[])
        ax.title.set_fontsize(10)
        if t not in found:
            ax.set_facecolor("#f3f3f3")
            ax.plot([0.2, 0.8], [0.2, 0.8], [0.2, 0.8], [0.8, 0.2], color=VERMILION)
            ax.title.set(color=VERMILION, weight="bold")
    fig.suptitle(f"{title} (shaded: the unit says 1; cross: none found)", x=0.01, ha="left")
    lost = listed(NAMED.get(t, str(t)) for t in tables if t not in found)
    many = sum(t in found for t in tables)
    return fig, f"{sentence(title)} For {many} of the 16 a unit was found that makes it. Crossed out: {lost}."


# ---------------------------------------------------------------- an image as input
def _signed(ax: Any, values: Any, top: float, title: str) -> Any:
    """Numbers as an image: + on blue speaks for, − on vermilion against, white does not care."""
    grid = square(values)
    shown = ax.imshow(grid, cmap=AGAINST_FOR, vmin=-top, vmax=top, interpolation="nearest")
    for (row, column), v in np.ndenumerate(grid):
        if abs(v) > 0.12 * top:
            colour = "white" if abs(v) > 0.6 * top else INK
            ax.text(column, row, "+" if v > 0 else "−", ha="center", va="center", color=colour, fontsize=10)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
    ax.set_title(title, loc="center")
    return shown


@described
def weight_images(weights: Mapping[str, Any], title: str = "What each unit looks for") -> tuple[Figure, str]:
    """One weight for each pixel, as images on one common scale.      weights: name -> (F,)"""
    if len(weights) > 6:
        raise ValueError(f"at most 6 sets of weights in one figure, got {len(weights)}")
    grids = {name: square(w) for name, w in weights.items()}
    top = max(float(np.abs(grid).max()) for grid in grids.values()) or 1.0
    alone = len(grids) == 1
    fig, axes = panels(1, len(grids), (4.3 if alone else WIDTH, 3.4))
    told = []
    for ax, (name, grid) in zip(axes[0], grids.items()):
        shown = _signed(ax, grid, top, name)
        high, low = (np.unravel_index(k, grid.shape) for k in (grid.argmax(), grid.argmin()))
        told.append(
            f"{name}: from {grid.min():.2f} in row {low[0]}, column {low[1]} to {grid.max():.2f} in row {high[0]}, "
            f"column {high[1]}"
        )
    fig.colorbar(shown, ax=list(axes[0]), label="weight  (− against, + for)", shrink=0.92 if alone else 0.75)
    fig.suptitle(title, x=0.02 if alone else 0.01, ha="left")
    n = grid.shape
    return fig, (
        f"{sentence(title)} {counted(len(grids), 'grid')} of {n[0]} by {n[1]} weights, rows and columns counted "
        f"from 0. {'; '.join(told)}."
    )


@described
def votes(x: Any, w: Any, b: float, title: str = "One decision, taken apart") -> tuple[Figure, str]:
    """Pixels times weights gives one vote for each pixel; their sum plus b is z.      x (F,)  w (F,)  b number"""
    cast = np.asarray(x, dtype=float) * w
    z = float(cast.sum() + b)
    fig, axes = panels(1, 3, (WIDTH, 3.1))
    top = float(np.abs(w).max()) or 1.0
    draw_image(axes[0, 0], x)
    axes[0, 0].set_title("pixels x", loc="center")
    _signed(axes[0, 1], w, top, "×  weights w")
    _signed(axes[0, 2], cast, top, f"=  {cast.size} votes")
    fig.suptitle(title, x=0.01, ha="left")
    parts = f"votes for {cast[cast > 0].sum():+.2f}    votes against {cast[cast < 0].sum():+.2f}    bias {b:+.2f}"
    fig.supxlabel(_minus(f"{parts}    →    z = {z:+.2f}: it says {int(z > 0)}"), fontsize=11)
    return fig, (
        f"{sentence(title)} Three images: pixels, weights, and their product. In sum: {' '.join(parts.split())}, so "
        f"z is {z:+.2f} and the unit says {int(z > 0)}."
    )


@described
def pairs(right: Mapping[tuple[int, int], float], title: str = "One unit for each pair") -> tuple[Figure, str]:
    """How well each pair of classes is told apart; the worst is framed.      right: (a, b) with a < b -> share right"""
    n = 1 + max(b for _, b in right)
    grid = np.full((n, n), np.nan)
    for (a, b), share in right.items():
        grid[b, a] = 100 * share
    fig, axes = panels(1, 1, (WIDTH * 0.76, WIDTH * 0.6))
    ax = axes[0, 0]
    worst, best = min(right, key=right.get), max(right, key=right.get)
    blues = LinearSegmentedColormap.from_list("blue-white", ["#86bfe3", "#ffffff"])  # dark text stands out on all of it
    shown = ax.imshow(grid[1:, :-1], cmap=blues, vmin=np.nanmin(grid), vmax=100, extent=(-0.5, n - 1.5, n - 0.5, 0.5))
    for (a, b), share in right.items():
        ax.text(a, b, f"{100 * share:.0f}", ha="center", va="center", weight="bold" if (a, b) == worst else "normal")
    a, b = worst
    ax.plot(
        [a - 0.5, a + 0.5, a + 0.5, a - 0.5, a - 0.5], [b - 0.5, b - 0.5, b + 0.5, b + 0.5, b - 0.5], color=VERMILION
    )
    ax.set(xticks=range(n - 1), yticks=range(1, n), xlabel="this digit ...", ylabel="... against this one")
    ax.tick_params(length=0)
    fig.colorbar(shown, ax=ax, label="test images sorted rightly, %", shrink=0.85)
    fig.suptitle(f"{title}: hardest are {a} and {b}", x=0.01, ha="left")
    low = sorted((share, p) for p, share in right.items() if 100 * share < HARD)
    hard = listed(f"{p[0]} and {p[1]}: {100 * share:.0f}" for share, p in low)
    return fig, (
        f"{sentence(title)} A triangle of {len(right)} shares of test images sorted rightly, from "
        f"{100 * right[worst]:.0f} percent for {a} and {b}, framed, to {100 * right[best]:.0f} percent for "
        f"{best[0]} and {best[1]}. Below {HARD} percent: {hard}."
    )
