"""Pictures of networks and of what they mix up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from .style import BLUE, GREY, INK, PALE, VERMILION, WIDTH, described, panels, same_length, sentence

WHITE_TO_BLUE = LinearSegmentedColormap.from_list(
    "white-blue", ["#ffffff", "#86bfe3"]
)  # dark text stands out on all of it


def _column(ax: Any, x: float, n: int, most: int) -> np.ndarray:
    """A column of n marks, squares for the input and discs for units, the middle left out where there are more than
    `most`; their heights."""
    shown = min(n, most)
    ys = np.linspace(1, -1, shown) * min(1.0, 0.14 * shown)
    if n > most:
        middle = shown // 2
        ax.text(x, ys[middle], "⋮", ha="center", va="center", fontsize=14)
        ys = np.delete(ys, middle)
    marker, colour = ("o", BLUE) if x else ("s", INK)
    ax.plot(np.full(len(ys), x), ys, marker, ms=9, mfc="white", mec=colour, mew=1.6, zorder=3)
    return ys


@described
def layers(sizes: Sequence[int], names: Sequence[str] = (), title: str = "A network") -> tuple[Figure, str]:
    """The input's numbers as squares, then columns of units, each fed by the whole column before.      sizes (L,)"""
    names = list(names) or ["input", *[f"hidden {i}" for i in range(1, len(sizes) - 1)], "output"]
    same_length(sizes=sizes, names=names)
    fig, axes = panels(1, 1, (WIDTH, 3.2))
    ax = axes[0, 0]
    columns = [_column(ax, x, n, 10) for x, n in enumerate(sizes)]
    for x, (left, right) in enumerate(zip(columns, columns[1:])):
        a, b = (g.ravel() for g in np.meshgrid(left, right))
        ax.plot([np.full(len(a), x), np.full(len(a), x + 1)], [a, b], color=PALE, lw=0.7, zorder=1)
        ax.text(x + 0.5, 1.12, f"{sizes[x]:,} × {sizes[x + 1]:,} weights", ha="center", va="bottom", fontsize=10)
    for x, (n, name) in enumerate(zip(sizes, names)):
        ax.text(x, -1.17, f"{name}\n{n:,}", ha="center", va="top")
    ax.set(xlim=(-0.45, len(sizes) - 0.55), ylim=(-1.62, 1.3))
    ax.axis("off")
    fig.suptitle(title, x=0.01, ha="left")
    told = ", ".join(f"{name} {n:,}" for n, name in zip(sizes, names))
    joined = " and ".join(f"{a:,} times {b:,}" for a, b in zip(sizes, sizes[1:]))
    return fig, (
        f"{sentence(title)} Columns from left to right, {told}. The first holds the numbers of the input, drawn as "
        f"squares; the others hold units, drawn as discs. Every unit is joined to all of the column "
        f"before, by {joined} weights."
    )


def counts(said: Any, true: Any, classes: int) -> np.ndarray:
    """How often class t was called s.      said (B,)  true (B,) -> (K,K), rows the truth, columns the answer"""
    same_length(said=said, true=true)
    table = np.zeros((classes, classes), dtype=int)
    np.add.at(table, (np.asarray(true), np.asarray(said)), 1)
    return table


@described
def confusion(
    said: Any, true: Any, classes: int = 10, title: str = "What was taken for what", who: str = "the network"
) -> tuple[Figure, str]:
    """The confusion matrix with its counts, shaded by share of the row; mistakes are framed.   said (B,)  true (B,)

    who: who gave the answers.
    """
    table = counts(said, true, classes)
    fig, axes = panels(1, 1, (WIDTH * 0.72, WIDTH * 0.62))
    ax = axes[0, 0]
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap=WHITE_TO_BLUE, vmin=0, vmax=1)
    for t, s in np.ndindex(classes, classes):
        n, right = table[t, s], t == s
        if not n:
            ax.text(s, t, "·", ha="center", va="center", color=GREY)
            continue
        ax.text(s, t, n, ha="center", va="center", weight="normal" if right else "bold")
        if not right:
            ax.add_patch(_frame(s, t))
    ax.set(xticks=range(classes), yticks=range(classes), xlabel=f"{who} said", ylabel="the truth", title=title)
    ax.spines[:].set_visible(True)
    right, total = int(np.trace(table)), int(table.sum())
    mistakes = [
        f"{table[t, s]} × {t} taken for {s}" for t, s in np.argwhere((table > 0) & ~np.eye(classes, dtype=bool))
    ]
    told = "; ".join(mistakes) if mistakes else "none"
    on = f"{right} of {total} lie on the diagonal, that is, are right"
    return fig, (
        f"{sentence(title)} A table of {classes} by {classes} counts, the truth by row, what {who} said by column. "
        f"{on}. Mistakes: {told}."
    )


def _frame(x: float, y: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, edgecolor=VERMILION, linewidth=1.6)
