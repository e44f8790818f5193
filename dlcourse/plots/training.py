"""Pictures of the training phase: how a run ends, what validation says, the life of a weight, bands over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from .style import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    VERMILION,
    WIDTH,
    counted,
    described,
    listed,
    panels,
    sentence,
)

__all__ = ["early_stop", "error_by_epoch", "seed_bands", "verdicts", "weight_life"]
NAMED = {"converged": GREEN, "still falling": BLUE, "diverged": VERMILION, "stuck at chance": ORANGE}


def _decades(axis: Any) -> None:
    """Numbers on a logarithmic axis as people write them."""
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


@described
def early_stop(
    training: Any,
    validation: Any,
    keep: int | None = None,
    stop: int | None = None,
    title: str = "Two losses",
) -> tuple[Figure, str]:
    """Training and validation loss by epoch; the epoch that is kept, and the one in which one stops."""
    training, validation = np.asarray(training, float), np.asarray(validation, float)
    epochs = np.arange(1, len(validation) + 1)
    fig, axes = panels(1, 1, (WIDTH, 3.3))
    ax = axes[0, 0]
    ax.plot(epochs, training, "-", color=BLUE, label="training images")
    ax.plot(epochs, validation, "--", color=ORANGE, label="validation images")
    told = f"Training loss from {training[0]:.3g} to {training[-1]:.3g}, "
    told += f"validation loss from {validation[0]:.3g} to {validation[-1]:.3g}, over {counted(len(epochs), 'epoch')}."
    if keep:
        ax.plot(keep, validation[keep - 1], "o", ms=9, color=INK, zorder=4, label=f"kept: epoch {keep}")
        told += f" The lowest validation loss that was kept, {validation[keep - 1]:.3g}, is that of epoch {keep}."
    if stop:
        ax.axvline(stop, color=INK, ls=":", lw=1.4, label=f"stop: epoch {stop}")
        told += f" One stops after epoch {stop}."
    ax.set(yscale="log", xlabel="epoch", ylabel="loss", title=title)
    _decades(ax.yaxis)
    ax.grid(axis="y", color=PALE, lw=0.8)
    ax.legend(loc="upper right")
    return fig, f"{sentence(title)} Two curves on a logarithmic scale. {told}"


@described
def verdicts(runs: Mapping[str, tuple[Any, Any]], title: str = "Four runs, one rule") -> tuple[Figure, str]:
    """A small curve of the loss for each run, and what the rule says about it.

    runs: name -> (losses (E,), verdict with .name and .sentence)
    """
    fig, axes = panels(-(-len(runs) // 2), 2, (WIDTH, 0.5 + 2.2 * -(-len(runs) // 2)))
    told = []
    for ax, (name, (losses, said)) in zip(axes.flat, runs.items()):
        losses = np.asarray(losses, float)
        finite = np.isfinite(losses) & (losses > 0)
        epochs, shown = np.arange(1, len(losses) + 1)[finite], losses[finite]
        ax.plot(epochs, shown, "-o", ms=2.5, lw=1.5, color=NAMED.get(said.name, INK))
        scale = ""
        if shown.size and shown.max() > 5 * shown.min():
            ax.set_yscale("log")
            scale = "on a logarithmic scale, "
            ax.yaxis.set_minor_formatter(NullFormatter())
            if shown.max() < 100 * shown.min():
                ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            if shown.max() < 1e4:
                _decades(ax.yaxis)
        else:
            ax.set_ylim(0, 1.3 * shown.max() if shown.size else 1)
        ax.set_title(f"{name}: {said.name}", fontsize=12, weight="bold")
        ax.set_xlabel("epoch", fontsize=10)
        ax.set_ylabel("loss", fontsize=10)
        ax.xaxis.get_major_locator().set_params(integer=True)
        told.append(f"{name}: {said.name}, {scale}from {losses[0]:.3g} to {losses[-1]:.3g} in {len(losses)} epochs")
    for ax in axes.flat[len(runs) :]:
        ax.axis("off")
    fig.suptitle(title, x=0.01, ha="left")
    return fig, f"{sentence(title)} A curve of the loss by epoch for each. {'; '.join(told)}."


@described
def weight_life(
    lives: Mapping[str, Any], change: int | None = None, title: str = "The life of one weight"
) -> tuple[Figure, str]:
    """One weight after each update; several lives part at update `change`.      lives: name -> (N+1,)"""
    fig, axes = panels(1, 1, (WIDTH, 3.2))
    ax, told = axes[0, 0], []
    looks = ((BLUE, "-", 1.0), (VERMILION, "--", 1.8), (GREEN, ":", 1.8))
    for (name, w), (colour, style, width) in zip(lives.items(), looks * len(lives)):
        w = np.asarray(w, float)
        first = change if change and told else 0
        ax.plot(np.arange(first, len(w)), w[first:], style, color=colour, lw=width, label=name)
        end = w[-len(w) // 5 :]
        told.append(f"{name}: begins at {w[0]:.3f}, ends at {w[-1]:.3f}, within {np.ptp(end):.3f} in the last fifth")
    n = len(w) - 1
    ax.set(xlabel="updates", ylabel="weight", title=title, xlim=(-0.01 * n, 1.01 * n))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    if change:
        ax.axvline(change, color=GREY, ls=":", lw=1.4)
    if len(lives) > 1:
        ax.legend(loc="best")
    ax.grid(axis="y", color=PALE, lw=0.8)
    return fig, f"{sentence(title)} One weight over {n:,} updates. {'; '.join(told)}."


@described
def seed_bands(
    curves: Mapping[str, Any],
    failing: Mapping[str, Sequence[int]] | None = None,
    title: str = "Bands over seeds",
    ylabel: str = "accuracy, %",
    seeds: Mapping[str, Sequence[Any]] | None = None,
    source: str = "",
    verb: str = "fail",
) -> tuple[Figure, str]:
    """A panel for each setting: the middle of the seeds, the band they lie in, and each failing seed by itself.

    curves: name -> (S,E) fractions, or losses where ylabel speaks of a loss   failing: name -> rows that fail
    seeds: name -> what each row is called   source: where the numbers come from   verb: what those seeds do
    """
    fig, axes = panels(1, len(curves), (WIDTH, 3.3), sharey=True)
    losses = "loss" in ylabel
    unit, digits = (1, 2) if losses else (100, 1)
    told, least = [], unit * min(np.min(table) for table in curves.values())
    for ax, (name, table) in zip(axes[0], curves.items()):
        table, bad = unit * np.asarray(table, float), list((failing or {}).get(name, ()))
        names = list((seeds or {}).get(name, range(len(table))))
        good, epochs = np.delete(table, bad, axis=0), np.arange(1, table.shape[1] + 1)
        ax.fill_between(epochs, good.min(axis=0), good.max(axis=0), color=BLUE, alpha=0.22, lw=0)
        ax.plot(epochs, np.median(good, axis=0), color=BLUE, label=f"{counted(len(good), 'seed')}: middle and band")
        for row, style in zip(bad, ("--", ":", "-.") * len(table)):
            one, many = f"seed {names[row]} {verb}s", f"{len(bad)} seeds {verb}" if row == bad[0] else None
            label = one if len(bad) < 3 else many
            ax.plot(epochs, table[row], style, color=VERMILION, lw=1.6, label=label)
        ax.set(title=name, xlabel="epoch")
        ax.grid(axis="y", color=PALE, lw=0.8)
        ax.legend(loc="upper right" if losses else "lower right", fontsize=9.5)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ends = table[bad, -1]
        fails = (
            f"; seeds that {verb}: {listed([f'seed {names[r]} ends at {v:.{digits}f}' for r, v in zip(bad, ends)])}"
            if bad
            else ""
        )
        low, high = (f"{v:.{digits}f}" for v in (good[:, -1].min(), good[:, -1].max()))
        told.append(f"{name}: {len(good)} seeds end between {low} and {high}{fails}")
    axes[0, 0].set_ylabel(ylabel)
    axes[0, 0].set_ylim(*((0, None) if losses else (least - 6, 103)))
    fig.suptitle(title, x=0.01, ha="left")
    if source:
        fig.supxlabel(source, fontsize=11)
    said = f"{ylabel} by epoch, as a band from the lowest seed to the highest. {'. '.join(told)}. {source}"
    return fig, f"{sentence(title)} {said}".strip()


@described
def error_by_epoch(
    errors: Any,
    expected: Mapping[int, tuple[float, float]],
    title: str = "Test error by epoch",
    source: str = "",
) -> tuple[Figure, str]:
    """Test error in percent after each epoch, and the bands in which it is expected.

    errors (E,)   expected: epoch -> (lowest, highest)   source: where the numbers come from
    """
    errors, told = np.asarray(errors, float), []
    epochs = np.arange(1, len(errors) + 1)
    fig, axes = panels(1, 1, (WIDTH, 3.2))
    ax = axes[0, 0]
    ax.plot(epochs, errors, "o-", ms=4.5, color=BLUE)
    for epoch, (low, high) in expected.items():
        beside = epoch + 0.5
        ax.plot([beside, beside], [low, high], color=ORANGE, lw=13, solid_capstyle="butt", zorder=1)
        ax.errorbar(beside, (low + high) / 2, (high - low) / 2, fmt="none", ecolor=INK, elinewidth=0, capsize=7.5)
        ax.annotate(f"{errors[epoch - 1]:.2f} %", (epoch, errors[epoch - 1]), (5, 11), textcoords="offset points")
        inside = "in" if low <= errors[epoch - 1] <= high else "outside"
        told.append(f"after epoch {epoch} it is {errors[epoch - 1]:.2f}, {inside} the band from {low:g} to {high:g}")
    ax.set(xlabel="epoch", ylabel="test error, %", title=title, ylim=(0, 1.15 * errors.max()))
    ax.set_xlim(0.4, len(errors) + 1.6)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="y", color=PALE, lw=0.8)
    ax.set_xlabel("epoch" + (f"\n{source}" if source else ""), color=INK)
    if expected:
        ax.annotate("bar beside a point: expected", (0.98, 0.93), xycoords="axes fraction", ha="right", color=FAINT)
    at = range(1, len(errors) + 1) if len(errors) <= 12 else (1, len(errors) // 2, len(errors))
    told.insert(0, "the error is " + listed([f"{errors[n - 1]:.2f} after epoch {n}" for n in at]))
    return fig, f"{sentence(title)} A curve over {counted(len(errors), 'epoch')}: {'; '.join(told)}. {source}".strip()
