"""Numbers that change: the loss while training, and bands over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from .style import BLUE, GREEN, GREY, INK, ORANGE, PALE, SKY, VERMILION, WIDTH, counted, described, panels, sentence

LEAST = 10.0  # percentage points on an axis of accuracies: fewer would make chance look like a difference
PILE = 6  # more dots in one place are drawn small, and counted
MARKERS = (("o", BLUE), ("s", VERMILION), ("^", GREEN), ("D", ORANGE), ("v", SKY))


@described
def loss_curve(
    losses: Any, start: float | None = None, title: str = "Loss while training", each: str = "epoch"
) -> tuple[Figure, str]:
    """Mean loss after each epoch on a log scale; `start`: the loss before the first one.      losses (E,)

    each: what a point stands for, where it is not an epoch.
    """
    losses = np.asarray(losses, dtype=float)
    if losses.ndim != 1 or not losses.size or not np.isfinite(losses).all():
        raise ValueError(f"losses are a row of finite numbers, one for each {each}, got shape {losses.shape}")
    epochs = np.arange(1, len(losses) + 1)
    fig, axes = panels(1, 1, (WIDTH, 2.9))
    ax = axes[0, 0]
    ax.plot(epochs, losses, "o-", color=BLUE, ms=4.5)
    xlabel = "epoch (one pass over all training examples)" if each == "epoch" else each
    ax.set(yscale="log", xlabel=xlabel, ylabel="mean loss", title=title)
    drawn = losses if start is None else np.append(losses, start)
    room = max(1.9, (drawn.max() / drawn.min()) ** 0.16)  # for what is written beside the points
    room_x = max(0.6, 0.02 * len(losses))
    ax.set(ylim=(drawn.min() / room, drawn.max() * room), xlim=(-room_x, len(losses) + room_x))
    ax.grid(axis="y", color=PALE, lw=0.8)
    ax.xaxis.get_major_locator().set_params(integer=True)
    low, high = ax.get_ylim()
    ax.yaxis.set_major_locator(LogLocator(subs=(1,) if high / low > 100 else (1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}" if 1e-4 <= low and high < 1e5 else "{x:.0e}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    before = ""
    if start is not None:
        ax.plot([0, 1], [start, losses[0]], ":", color=GREY)
        ax.plot(0, start, "s", color=VERMILION, ms=6)
        ax.annotate(f"{start:.2f} before training", (0, start), (-4, 7), textcoords="offset points", va="bottom")
        before = f" Before training it is {start:.3g}."
    ax.annotate(f"{losses[-1]:.2g}", (epochs[-1], losses[-1]), (0, 9), textcoords="offset points", ha="center")
    return fig, (
        f"{sentence(title)} A curve of the mean loss over {counted(len(losses), each)}, on a logarithmic scale."
        f"{before} After {each} 1 it is {losses[0]:.3g}, after the last {losses[-1]:.3g}; the lowest is "
        f"{losses.min():.3g}."
    )


@described
def bands(
    groups: Mapping[str, Sequence[float]],
    title: str = "Test accuracy over seeds",
    xlabel: str = "test accuracy, %",
    each: str = "seed",
) -> tuple[Figure, str]:
    """A dot for each seed, a band from the lowest to the highest.      groups: name -> one fraction for each seed

    each: what a dot stands for, where it is not a seed.
    """
    fig, axes = panels(1, 1, (WIDTH, 0.95 + 0.55 * len(groups)))
    ax, told = axes[0, 0], []
    everything = 100 * np.concatenate([np.asarray(v, dtype=float) for v in groups.values()])
    room = max(np.ptp(everything), 0.6 * LEAST)
    right = min(everything.max() + 0.3 * room, 100)  # of a hundred
    left = max(min(everything.min() - 0.08 * room, right - LEAST), 0)
    for row, ((name, values), (marker, colour)) in enumerate(zip(groups.items(), MARKERS * len(groups))):
        v = 100 * np.asarray(values, dtype=float)
        ax.barh(row, np.ptp(v), left=v.min(), height=0.44, color=colour, alpha=0.22, edgecolor=colour)
        heights, piled = _apart(v, 0.015 * (right - left)), len(v) > PILE and np.ptp(v) < 0.015 * (right - left)
        look = {"ms": 4, "mec": INK, "mew": 0.4} if piled else {"ms": 6, "mec": "white", "mew": 0.8}
        ax.plot(v, row + heights * (1.5 if piled else 1), marker, color=colour, clip_on=False, **look)
        span = " to ".join(dict.fromkeys(f"{end:.1f}" for end in (v.min(), v.max())))
        ax.annotate(
            span + (f" (all {len(v)})" if piled else ""),
            (v.max(), row),
            (10, 0),
            textcoords="offset points",
            va="center",
        )
        told.append(f"{name}: {counted(len(v), each)}, {span} percent")
    ax.set(xlim=(left, right), ylim=(len(groups) - 0.5, -0.5))
    ax.set(yticks=range(len(groups)), yticklabels=list(groups), xlabel=xlabel, title=title)
    ax.tick_params(axis="y", length=0)
    return (
        fig,
        f"{sentence(title)} One dot for each {each}, and a band from the lowest to the highest. {'; '.join(told)}.",
    )


def _apart(values: np.ndarray, near: float) -> np.ndarray:
    """Heights that keep dots nearer to each other than this from hiding each other."""
    heights, order = np.zeros(len(values)), np.argsort(values, kind="stable")
    for pile in np.split(order, np.flatnonzero(np.diff(values[order]) > near) + 1):
        n = len(pile)
        heights[pile] = min(0.1, 0.36 / max(n - 1, 1)) * (np.arange(n) - (n - 1) / 2)
    return heights


@described
def sweep(
    values: Sequence[float],
    accuracy: Any,
    xlabel: str,
    title: str = "Change one thing",
    guess: float | None = None,
    mark: float | None = None,
) -> tuple[Figure, str]:
    """Accuracy against one setting, log scale: mean line, min-max band over seeds.   values (N,)  accuracy (N,S)

    guess: the accuracy of guessing, a dashed line.   mark: a value to point out.
    """
    accuracy = 100 * np.asarray(accuracy, dtype=float)
    if accuracy.ndim != 2 or len(accuracy) != len(values):
        raise ValueError(f"accuracy is (values, seeds) with {len(values)} values, got {accuracy.shape}")
    low, mean, high = accuracy.min(axis=1), accuracy.mean(axis=1), accuracy.max(axis=1)
    fig, axes = panels(1, 1, (WIDTH, 3.1))
    ax = axes[0, 0]
    ax.fill_between(values, low, high, color=BLUE, alpha=0.2, lw=0)
    ax.plot(values, mean, "o-", color=BLUE, ms=5)
    ax.set(xscale="log", ylim=(0, 108), xlabel=xlabel, ylabel="test accuracy, %", title=title, yticks=range(0, 101, 25))
    ax.set_xticks(values, [f"{v:g}" for v in values])
    ax.minorticks_off()
    ax.grid(axis="y", color=PALE, lw=0.8)
    told = "; ".join(f"{v:g}: {a:.1f} to {b:.1f}" for v, a, b in zip(values, low, high))
    if guess is not None:
        ax.axhline(100 * guess, color=GREY, ls="--", lw=1.4)
        middle = np.sqrt(values[0] * values[-1])
        ax.annotate("guessing", (middle, 100 * guess), (0, -3), textcoords="offset points", ha="center", va="top")
    if mark is not None:
        ax.axvline(mark, color=INK, ls=":", lw=1.4, ymin=0.22, ymax=0.62)
        ax.annotate(
            f"ours: {mark:g}", (mark, 45), (-5, 0), textcoords="offset points", rotation=90, ha="right", va="center"
        )
    return fig, (
        f"{sentence(title)} Test accuracy in percent against {xlabel}, as a mean and a band from the lowest to the "
        f"highest of {counted(accuracy.shape[1], 'seed')}. {told}."
    )
