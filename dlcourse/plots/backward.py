"""Pictures of the way back: the shapes of gradients, errors layer by layer, and what a gradient check finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from .style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    SKY,
    VERMILION,
    WIDTH,
    counted,
    described,
    panels,
    sentence,
)

__all__ = ["error_flow", "gates", "layer_backward", "symptoms", "wrong_but_learning"]
TINT, WRONG = "#cfe5f3", "#f7dccb"


def _table(ax: Any, left: float, middle: float, rows: int, columns: int, name: str, face: str) -> float:
    """An empty table of rows by columns with its name and shape below it -> where it ends."""
    w, h = 0.24 * columns, 0.24 * rows
    ax.add_patch(Rectangle((left, middle - h / 2), w, h, facecolor=face, edgecolor=INK, lw=1.2))
    for i in range(1, rows):
        ax.plot([left, left + w], [middle - h / 2 + 0.24 * i] * 2, color=GREY, lw=0.5)
    for j in range(1, columns):
        ax.plot([left + 0.24 * j] * 2, [middle - h / 2, middle + h / 2], color=GREY, lw=0.5)
    ax.text(left + w / 2, middle - h / 2 - 0.1, name, ha="center", va="top", fontsize=10)
    return left + w


@described
def layer_backward(B: int, I: int, O: int, title: str = "Forward one product, backward two") -> tuple[Figure, str]:  # noqa: E741
    """The tables of z = x·W + b, and how dW, dx and db are made of dz, drawn by shape."""
    fig, axes = panels(1, 1, (WIDTH, 4.3))
    ax = axes[0, 0]
    lines = [
        ("forward", [("x", B, I), "@", ("W", I, O), "+", ("b", 1, O), "=", ("z", B, O)]),
        ("weights", [("xᵀ", I, B), "@", ("dz", B, O), "=", ("dW", I, O)]),
        ("inputs", [("dz", B, O), "@", ("Wᵀ", O, I), "=", ("dx", B, I)]),
        ("biases", [("rows of dz, added up", B, O), "=", ("db", 1, O)]),
    ]
    for k, (word, parts) in enumerate(lines):
        left, middle = (1.25, 4.9 - 2.0 * k) if k < 3 else (6.1, 4.9 - 4.0)
        ax.text(left - 0.35, middle, word, ha="right", va="center", weight="bold")
        for part in parts:
            if isinstance(part, str):
                ax.text(left + 0.3, middle, part, ha="center", va="center", fontsize=14)
                left += 0.6
                continue
            name, rows, columns = part
            face = SKY if name in ("z", "dW", "dx", "db") else TINT if "d" in name else "white"
            shape = f"{name} ({columns},)" if name in ("b", "db") else f"{name} ({rows}, {columns})"
            left = _table(ax, left, middle, rows, columns, name if " " in name else shape, face)
    ax.set(xlim=(0, 8.6), ylim=(-0.2, 5.9), aspect="equal")
    ax.axis("off")
    fig.suptitle(title, x=0.01, ha="left")
    return fig, (
        f"{sentence(title)} Tables drawn by their shapes, for {B} examples, {I} inputs and {O} units. Forward: x "
        f"({B}, {I}) times W ({I}, {O}) plus b ({O},) is z ({B}, {O}). Backward, from dz of the shape of z: x turned "
        f"round times dz is dW, of the shape of W; dz times W turned round is dx, of the shape of x; the rows of dz "
        f"added up are db, of the shape of b."
    )


@described
def error_flow(
    layers: Mapping[str, Any], shut: Mapping[str, Any] | None = None, title: str = "The error on its way back"
) -> tuple[Figure, str]:
    """The errors of each layer for a few examples, the last layer on top; a gate that is shut is a dot.

    layers: name -> (B,O), in the order of the way back   shut: name -> (B,O), True where nothing came through
    """
    tables, shut = {k: np.asarray(v, dtype=float) for k, v in layers.items()}, shut or {}
    B = len(next(iter(tables.values())))
    fig, axes = panels(len(tables), 1, (WIDTH, 0.6 + len(tables) * (0.62 + 0.2 * B)))
    told = []
    for ax, (name, d) in zip(axes[:, 0], tables.items()):
        most, O = np.abs(d).max() or 1.0, d.shape[1]  # noqa: E741
        n, o = np.indices(d.shape)
        closed = np.asarray(shut[name]) if name in shut else np.zeros(d.shape, bool)
        size, room = np.sqrt(np.abs(d) / most), min(95.0, (480 / O) ** 2 * 0.8)
        for sign, look in ((d > 0, {"color": BLUE}), (d < 0, {"facecolor": "none", "edgecolor": VERMILION, "lw": 1.3})):
            ax.scatter(o[sign], n[sign], s=room * size[sign] ** 2 + 3, marker="s", zorder=3, **look)
        ax.scatter(o[closed], n[closed], s=3, color=GREY, marker=".", zorder=2)
        _frame(ax, B, O)
        gates = f", {closed.mean():.0%} of the gates shut" if name in shut else ""
        ax.set_title(f"{name}: largest {most:.2g}{gates}", fontsize=11)
        told.append(f"{name} has {O} columns, largest error {most:.2g}{gates}")
    where = "From the last layer on top to the first below, a table" if len(tables) > 1 else "A table"
    about = "; ".join(told)
    axes[-1, 0].set_xlabel("unit")
    looks = [("s", BLUE, "less would help"), ("s", "none", "more would help")]
    _legend(fig, looks + ([(".", GREY, "shut gate")] if shut else []), "the larger the square, the larger the error")
    fig.suptitle(title, x=0.01, ha="left")
    return fig, (
        f"{sentence(title)} {where} of squares for {counted(B, 'example')}: the larger the error the larger the "
        f"square, filled where it is positive and "
        f"hollow where it is negative. {about[0].upper() + about[1:]}."
    )


@described
def gates(open: Any, title: str = "What the gates let through") -> tuple[Figure, str]:
    """The gates of one layer for a few examples: a square where it is open, a dot where it is shut.      open (B,O)"""
    passes = np.asarray(open, dtype=bool)
    B, O = passes.shape  # noqa: E741
    fig, axes = panels(1, 1, (WIDTH, 1.2 + 0.2 * B))
    ax = axes[0, 0]
    ax.scatter(*np.nonzero(passes)[::-1], s=min(95.0, (480 / O) ** 2 * 0.8), marker="s", color=BLUE)
    ax.scatter(*np.nonzero(~passes)[::-1], s=3, color=GREY, marker=".")
    _frame(ax, B, O)
    ax.set_xlabel("unit")
    _legend(fig, [("s", BLUE, "open: the error passes"), (".", GREY, "shut: nothing comes through")])
    share = f"{passes.mean():.0%}"
    ax.set_title(f"{share} of these gates are open", fontsize=11)
    fig.suptitle(title, x=0.01, ha="left")
    each = ", ".join(f"{n}" for n in passes.sum(axis=1))
    return fig, (
        f"{sentence(title)} A table of {counted(B, 'example')} by {O} units, with a square for each open gate and a "
        f"dot for each shut one. {share} are open; counted example by example: {each}."
    )


def _legend(fig: Figure, looks: Sequence[tuple[str, str, str]], title: str = "") -> None:
    """A line below the tables with the marks as they are drawn.      looks: marker, colour ("none": hollow), meaning"""
    marks = [
        Line2D([], [], ls="", marker=m, mfc=face, mec=VERMILION if face == "none" else face, ms=4 if m == "." else 8)
        for m, face, _ in looks
    ]
    fig.legend(marks, [said for *_, said in looks], title=title or None, loc="outside lower center", ncols=len(looks))


def _frame(ax: Any, B: int, O: int) -> None:  # noqa: E741
    """The frame around a table of units by examples."""
    ax.set(xlim=(-0.8, O - 0.2), ylim=(B - 0.4, -0.6), yticks=range(B), xticks=[0, O - 1])
    ax.set_ylabel("example")
    ax.tick_params(length=0, labelsize=9.5)
    ax.spines[:].set(visible=True, color=PALE)


@described
def symptoms(
    found: Mapping[str, Sequence[Any]], names: Sequence[str], title: str = "What the check finds"
) -> tuple[Figure, str]:
    """A row for each backward pass, a column for each array: right, or the ratio, or wrong without a pattern.

    found: name -> for each array its relative difference, or (difference, ratio yours / expected; nan: not one number)
    """
    fig, axes = panels(1, 1, (WIDTH, 0.8 + 0.55 * len(found)))
    ax, told = axes[0, 0], []
    for n, (letter, row) in enumerate(found.items()):
        said = []
        for k, pair in enumerate(row):
            difference, ratio = np.append(pair, np.nan)[:2]
            right, size = difference < 1e-4, f"{difference:.2g}".replace("-", "−")
            words = "right" if right else "wrong" if np.isnan(ratio) else f"× {ratio:.3g}".replace("-", "−")
            look = {"facecolor": "white", "edgecolor": GREY} if right else {"facecolor": WRONG, "edgecolor": VERMILION}
            ax.add_patch(Rectangle((k - 0.47, n - 0.44), 0.94, 0.88, lw=0.8 if right else 1.8, **look))
            ax.text(k, n - 0.17, words, ha="center", va="center", weight="normal" if right else "bold", fontsize=10.5)
            ax.text(k, n + 0.2, size, ha="center", va="center", fontsize=10, color=INK)
            said.append(f"{names[k]} {words} ({size})")
        told.append(f"{letter}: {', '.join(said)}")
    ax.set(xlim=(-0.55, len(names) - 0.45), ylim=(len(found) - 0.45, -0.55))
    ax.set(xticks=range(len(names)), yticks=range(len(found)))
    ax.set_xticklabels(names)
    ax.set_yticklabels(list(found), weight="bold")
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    fig.suptitle(title, x=0.01, ha="left")
    return (
        fig,
        f"{sentence(title)} A table with a row for each backward pass, and in parentheses the largest relative "
        f"difference. {'; '.join(told)}.",
    )


@described
def wrong_but_learning(
    losses: Mapping[str, Any], reads: Mapping[str, float], title: str = "Which of them learn?"
) -> tuple[Figure, str]:
    """A small curve of the loss for each backward pass, and what share of the test images is read at the end."""
    fig, axes = panels(2, -(-len(losses) // 2), (WIDTH, 4.4), sharex=True, sharey=True)
    colours, told = (GREEN, BLUE, ORANGE, SKY, VERMILION, INK), []
    for ax, (name, curve), colour in zip(axes.flat, losses.items(), colours):
        curve = np.where(np.isfinite(curve), curve, np.nan)
        ax.plot(np.clip(curve, 1e-3, 30), color=colour, lw=1.4)
        ax.set_title(f"{name}: reads {reads[name]:.0%}", fontsize=11)
        ax.set(yscale="log", ylim=(1e-3, 30))
        told.append(f"{name} reads {reads[name]:.0%}")
        if np.isnan(curve).any():
            last = int(np.isnan(curve).argmax())
            ax.plot(
                max(last - 1, 0),
                min(np.nan_to_num(curve[last - 1], nan=30.0), 30),
                "x",
                color=INK,
                ms=9,
                mew=2,
                clip_on=False,
            )
            ax.text(
                0.96, 0.5, f"after {last} updates\nno longer a number", transform=ax.transAxes, ha="right", va="center"
            )
            told[-1] += f", its loss is no longer a number after {counted(last, 'update')}"
    for ax in axes.flat[len(losses) :]:
        ax.axis("off")
    for ax in axes[:, 0]:
        ax.set_ylabel("loss")
    for ax in axes[-1]:
        ax.set_xlabel("updates")
    fig.suptitle(title, x=0.01, ha="left")
    about = (
        "The loss over the updates for each, on a logarithmic scale, and the share of the test images read at the end."
    )
    return fig, f"{sentence(title)} {about} {'; '.join(told)}."
