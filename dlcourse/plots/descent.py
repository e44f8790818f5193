"""Learning of one unit: how wrong it is, the slope of the loss, and the way down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

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
    listed,
    panels,
    same_length,
    sentence,
)

__all__ = ["descent_map", "descents", "line_fit", "long_run", "nudge"]

LINES = (("-", BLUE), ("--", VERMILION), (":", GREEN), ("-.", ORANGE))
TOO_FAR = 1e6  # a weight beyond any picture


@described
def line_fit(
    x: Any,
    t: Any,
    lines: Mapping[str, tuple[float, float]],
    gaps: int = 0,
    title: str = "What the unit says, and what it should say",
    xlabel: str = "input x",
) -> tuple[Figure, str]:
    """Examples as points, units as lines y = w x + b.      x (B,)  t (B,)   lines: name -> (w, b)

    gaps: for so many examples, spread over x, a thin line from the prediction of the first unit to the desired one.
    """
    x, t = np.asarray(x, dtype=float), np.asarray(t, dtype=float)
    same_length(x=x, t=t)
    fig, axes = panels(1, 1, (WIDTH, 3.2))
    ax = axes[0, 0]
    ends = np.array([min(x.min(), 0.0), x.max()])
    (w, b), order = next(iter(lines.values())), np.argsort(x, kind="stable")
    for i in order[np.unique(np.linspace(0, len(x) - 1, gaps).astype(int))] if gaps else ():
        ax.plot([x[i]] * 2, [w * x[i] + b, t[i]], color=VERMILION, lw=1.1, label="difference")
    ax.plot(x, t, "o", color=SKY, mec=INK, mew=0.5, ms=5.5, alpha=0.8, label="desired value", zorder=3)
    for (name, (w, b)), (style, colour) in zip(lines.items(), LINES * len(lines)):
        ax.plot(ends, w * ends + b, style, color=colour, lw=2.6, label=name, zorder=2)
    ax.set(xlabel=xlabel, ylabel="output y", title=title)
    once = dict(zip(*ax.get_legend_handles_labels()[::-1]))
    ax.legend(once.values(), once, loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=0, handlelength=1.8)
    told = "; ".join(f"{name}: from {w * ends[0] + b:.2f} to {w * ends[1] + b:.2f}" for name, (w, b) in lines.items())
    return fig, (
        f"{sentence(title)} {counted(len(x), 'example')} as points, x from {x.min():.2f} to {x.max():.2f}, desired "
        f"values {listed(f'{v:g}' for v in np.unique(t)[:5])}. Lines: {told}."
    )


@described
def nudge(
    loss: Callable[[float], float],
    at: float,
    h: float,
    span: tuple[float, float],
    title: str = "Nudge the weight, and see how the loss changes",
) -> tuple[Figure, str]:
    """A loss curve, two places h to the left and to the right of one, and the straight line through them."""
    w = np.linspace(*span, 161)
    curve = np.array([loss(v) for v in w])
    low, here, high = (float(loss(v)) for v in (at - h, at, at + h))
    slope = (high - low) / (2 * h)
    fig, axes = panels(1, 1, (WIDTH, 3.0))
    ax = axes[0, 0]
    ax.plot(w, curve, color=INK)
    reach = np.array([at - 3 * h, at + 3 * h])
    ax.plot(reach, (low + high) / 2 + slope * (reach - at), "--", color=VERMILION, lw=1.8)
    ax.plot([at - h, at + h], [low, high], "s", color=VERMILION, ms=7)
    ax.plot(at, here, "o", color=BLUE, ms=9)
    above, ha, under = ((9, 7), "left", "right") if slope < 0 else ((-9, 7), "right", "left")
    ax.annotate("w − h", (at - h, low), above, textcoords="offset points", ha=ha)
    ax.annotate("w + h", (at + h, high), above, textcoords="offset points", ha=ha)
    below = (-above[0], -9)  # on the other side of the curve, where the third label has room
    ax.annotate(f"w = {at:g}", (at, here), below, textcoords="offset points", color=BLUE, ha=under, va="top")
    upper = reach[0] + 0.06 * np.ptp(span) if slope < 0 else reach[1] - 0.06 * np.ptp(span)
    middle = upper, (low + high) / 2 + slope * (upper - at)
    text = f"slope {slope:.2f}:\nso much does the loss change\nfor each 1 added to w".replace("-", "−")
    style = {"arrowstyle": "-", "color": VERMILION, "lw": 0.9}
    ax.annotate(
        text, middle, (0.3 if slope < 0 else 0.12, 0.68), textcoords="axes fraction", color=VERMILION, arrowprops=style
    )
    ax.set(xlabel="weight w", ylabel="loss", title=title, xlim=span, ylim=(0, None))
    return fig, (
        f"{sentence(title)} The loss as a curve over the weight from {span[0]:g} to {span[1]:g}, lowest at about "
        f"{w[curve.argmin()]:.2f}. At w = {at:g} it is {here:.3f}; at w − h and w + h, with h = {h:g}, it is {low:.3f} "
        f"and {high:.3f}. The line through both falls or rises by {slope:.2f} for each 1 that is added to w."
    )


@described
def descents(
    loss: Callable[[float], float],
    balls: Mapping[str, tuple[float, float, int]],
    span: tuple[float, float],
    title: str = "The way down",
) -> tuple[Figure, str]:
    """One panel for each ball on the loss curve.      balls: name -> (start, learning rate, updates)"""
    w = np.linspace(*span, 161)
    curve = np.array([loss(v) for v in w])
    fig, axes = panels(1, len(balls), (WIDTH, 2.9), sharey=True)
    told = []
    for ax, (name, ball) in zip(axes[0], balls.items()):
        v = np.array(walk(loss, *ball))
        height = np.array([loss(p) for p in v])
        ax.plot(w, curve, color=INK, lw=1.6)
        ax.plot(v, height, "-", color=VERMILION, lw=0.9)
        ax.plot(v[1:], height[1:], "o", color=SKY, mec=BLUE, ms=5)
        ax.plot(v[0], height[0], "s", color=VERMILION, ms=8)
        outside = not (span[0] <= v[-1] <= span[1] and height[-1] <= 1.06 * curve.max())
        if outside:
            ax.text(0.5, 0.93, "leaves the picture", transform=ax.transAxes, ha="center", color=VERMILION)
        rests = len(v) > 1 and abs(v[-1] - v[0]) < 0.02 * np.ptp(span)
        ax.plot(v[-1], height[-1], "*", color=BLUE, ms=9 if rests else 13, mec="white", mew=0.7)
        if rests:  # the star lies on the square
            dx, ha = (14, "left") if v[0] < sum(span) / 2 else (-14, "right")
            dy, va = (-24, "top") if height[-1] > 0.4 * curve.max() else (24, "bottom")
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8}
            words = {"textcoords": "offset points", "ha": ha, "va": va, "bbox": box}
            line = {"arrowstyle": "-", "color": INK, "lw": 0.9, "shrinkB": 7}
            ax.annotate("ends where\nit starts", (v[-1], height[-1]), (dx, dy), arrowprops=line, **words)
        ax.set(xlabel="weight w", xlim=span, ylim=(0, 1.06 * curve.max()))
        ax.set_title(name.replace("-", "−"), fontsize=11)
        told.append(
            f"{name}: {counted(len(v) - 1, 'update')} with learning rate {ball[1]:g} from w = {v[0]:g}, where the loss "
            f"is {height[0]:.3g}, to w = {v[-1]:.4g}, where it is {height[-1]:.3g}"
            f"{', out of the picture' if outside else ''}"
        )
    axes[0, 0].set_ylabel("loss")
    fig.suptitle(f"{title}  (■ start, ★ end)", x=0.01, ha="left")
    return fig, f"{sentence(title)} {counted(len(balls), 'ball')} on the same loss curve. {'; '.join(told)}."


def walk(loss: Callable[[float], float], start: float, lr: float, updates: int, h: float = 1e-5) -> list[float]:
    """The weight after 0, 1, 2 ... updates w ← w − lr · slope; it ends early where it is thrown out of all numbers."""
    path = [float(start)]
    for _ in range(updates):
        w = path[-1]
        path.append(w - lr * float(loss(w + h) - loss(w - h)) / (2 * h))
        if not abs(path[-1]) < TOO_FAR:
            break
    return path


@described
def descent_map(
    loss: Callable[[float, float], float],
    path: Any,
    w_span: tuple[float, float],
    b_span: tuple[float, float],
    labels: Sequence[int] = (),
    arrow: tuple[float, float] | None = None,
    title: str = "The loss over weight and bias, seen from above",
) -> tuple[Figure, str]:
    """Contours of the loss over w and b, and the way of a unit.      path (N,2)

    labels: after how many updates each place is. arrow: a direction from the first place.
    """
    path = np.atleast_2d(np.asarray(path, dtype=float))
    w, b = np.linspace(*w_span, 81), np.linspace(*b_span, 61)
    height = np.array([[loss(wi, bi) for wi in w] for bi in b])
    fig, axes = panels(1, 1, (WIDTH, 3.9))
    ax = axes[0, 0]
    levels = height.min() + (height.max() - height.min()) * np.linspace(0, 1, 13)[1:] ** 2
    drawn = ax.contour(w, b, height, levels=levels, colors=GREY, linewidths=0.9)
    ax.clabel(drawn, levels[2::3], fmt="%.2g", fontsize=9)
    ax.plot(*path.T, "-", color=VERMILION, lw=1.6)
    ax.plot(*path.T, "o", color=SKY, mec=BLUE, ms=5.5, zorder=3)
    ax.plot(*path[0], "s", color=VERMILION, ms=9, zorder=4)
    if len(path) > 1:
        ax.plot(*path[-1], "*", color=BLUE, ms=16, mec="white", mew=0.8, zorder=5)
    for place, text, offset, ha in _marks(path, labels, np.array([np.ptp(w_span), np.ptp(b_span)])):
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8}
        ax.annotate(text, place, offset, textcoords="offset points", fontsize=9.5, ha=ha, bbox=box, zorder=2.5)
    if arrow is not None:
        style = {"arrowstyle": "-|>", "color": BLUE, "lw": 2.4, "mutation_scale": 16}
        ax.annotate("", path[0] + np.asarray(arrow), path[0], arrowprops=style)
    ax.set(xlabel="weight w", ylabel="bias b", title=title, xlim=w_span, ylim=b_span, aspect="equal")
    lowest = np.unravel_index(height.argmin(), height.shape)
    way = ""
    if len(path) > 1:
        long = counted(len(path) - 1, "step")
        if len(labels):
            long = f"{labels[-1]:,} updates, marked after {listed(f'{n:,}' for n in labels)}"
        way = f" A way of {long}, ends at ({path[-1, 0]:.3f}, {path[-1, 1]:.3f})."
    points = "" if arrow is None else f" An arrow from there points by ({arrow[0]:.2f}, {arrow[1]:.2f})."
    return fig, (
        f"{sentence(title)} Lines of equal loss over weight and bias, lowest near w = {w[lowest[1]]:.2f}, "
        f"b = {b[lowest[0]]:.2f}. The unit starts at ({path[0, 0]:g}, {path[0, 1]:g}).{way}{points}"
    )


def _marks(path: np.ndarray, labels: Sequence[int], size: np.ndarray) -> list[tuple]:
    """(place, text, offset in points, alignment) of the labels beside a way, where there is room; places that
    coincide share one."""
    found: list[tuple[np.ndarray, list[str]]] = []
    for place, n in zip(path, labels):
        if found and (np.abs(place - found[-1][0]) < 0.01 * size).all():
            found[-1][1].append(f"{n:,}")
        else:
            found.append((place, [f"{n:,}"]))
    out, kept, below = [], [], []
    for place, words in found[:1] + found[:0:-1]:  # first, last, then backwards
        crowded = any((np.abs(place - other) < 0.06 * size).all() for other in kept)
        if crowded and any((np.abs(place - other) < 0.06 * size).all() for other in below):
            continue
        below += [place] if crowded else []
        offset, ha = ((-8, -13), "right") if crowded else ((8, 5), "left")
        out.append((place, listed(words), offset, ha))
        kept.append(place)
    return out


@described
def long_run(
    updates: Sequence[int], losses: Any, least: float, title: str = "The loss, update by update"
) -> tuple[Figure, str]:
    """How far the loss is above the lowest there is, on two log scales.      updates (N,) from 1 on   losses (N,)"""
    above = np.asarray(losses, dtype=float) - least
    same_length(updates=updates, losses=above)
    if min(updates) < 1:
        raise ValueError("a logarithmic scale begins at update 1")
    fig, axes = panels(1, 2, (WIDTH, 2.9))
    left, right = axes[0]
    left.plot(updates, losses, "o-", color=BLUE, ms=4)
    left.axhline(least, color=GREY, ls="--", lw=1.4)
    left.annotate(f"lowest: {least:.4f}", (min(updates), least), (0, 5), textcoords="offset points")
    left.set(xscale="log", xlabel="updates", ylabel="loss", ylim=(0, None))
    shown = above > 1e-17  # below, only rounding is left
    right.plot(np.asarray(updates)[shown], above[shown], "o-", color=VERMILION, ms=4)
    right.set(xscale="log", yscale="log", xlabel="updates", ylabel="loss above the lowest")
    right.yaxis.set_major_locator(LogLocator(numticks=7))
    right.yaxis.set_minor_formatter(NullFormatter())
    for ax in (left, right):
        ax.grid(axis="y", color=PALE, lw=0.8)
    fig.suptitle(title, x=0.01, ha="left")
    return fig, (
        f"{sentence(title)} Left: the loss falls from {losses[0]:.3g} after update {updates[0]} to {losses[-1]:.4g} "
        f"after {updates[-1]:,}; the lowest there is, {least:.4g}, is a dashed line. Right: how far above it the loss "
        f"is, on two logarithmic scales, from {above[0]:.2g} down to {max(above[-1], 0):.1g}."
    )
