"""Pictures of a device beside its host: what a step asks of it, who waits for whom, equal steps, and lost races."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BLUE, FAINT, GREY, INK, ORANGE, PALE, SKY, VERMILION, WIDTH, described, panels, sentence

__all__ = ["crossings", "left_of_a_claim", "relative_errors", "step_times", "two_clocks"]
KINDS = {"launches": (BLUE, ""), "copies": (ORANGE, "///"), "waits": (VERMILION, "...")}


@described
def crossings(
    counts: Mapping[str, Sequence[int]],
    title: str = "What one step asks for",
    kinds: Sequence[str] = ("launches", "copies", "waits"),
) -> tuple[Figure, str]:
    """Bars for each way of doing it, one for each kind that is not 0 everywhere.      counts: way -> (len(kinds),)"""
    shown = [k for i, k in enumerate(kinds) if i == 0 or any(row[i] for row in counts.values())]
    fig, axes = panels(1, 1, (WIDTH, 0.9 + 0.27 * (len(shown) + 0.6) * len(counts)))
    ax, most, step = axes[0, 0], max(max(row) for row in counts.values()), len(shown) + 0.6
    for i, row in enumerate(counts.values()):
        for j, kind in enumerate(shown):
            n, (colour, hatch) = row[list(kinds).index(kind)], KINDS[kind]
            ax.barh(i * step + j, n, 0.85, color=colour, hatch=hatch, edgecolor="white", label=None if i else kind)
            ax.text(n + 0.01 * most, i * step + j, f"{n:g}", va="center")
    ax.set_yticks([i * step + (len(shown) - 1) / 2 for i in range(len(counts))], counts)
    ax.set(xlim=(0, 1.12 * most), title=title)
    ax.invert_yaxis()
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0, labelbottom=False)
    if len(shown) > 1:
        ax.legend(loc="lower right", ncols=len(shown))
    else:
        ax.set_xlabel(shown[0])
    told = "; ".join(f"{name}: " + ", ".join(f"{n:g} {k}" for k, n in zip(kinds, row)) for name, row in counts.items())
    return fig, f"{sentence(title)} Bars. {told}."


@described
def two_clocks(
    asked_s: Sequence[float], works_s: Sequence[float], waits: bool, title: str = "Who is at work when?"
) -> tuple[Figure, str]:
    """The host asks, the device works; where it waits, the host goes on only when the device is done.

    asked_s, works_s (N,): seconds to ask for each call, and that the device works on it
    """
    fig, axes = panels(1, 1, (WIDTH, 2.2))
    ax, now, done, busy = axes[0, 0], 0.0, 0.0, []
    for k, (ask, work) in enumerate(zip(asked_s, works_s)):
        ax.barh(1, 1e3 * ask, 0.5, 1e3 * now, color=BLUE, edgecolor="white")
        now += ask
        begin, done = max(now, done), max(now, done) + work
        ax.barh(0, 1e3 * work, 0.5, 1e3 * begin, color=ORANGE, hatch="///", edgecolor="white")
        ax.text(1e3 * (begin + work / 2), 0, str(k + 1), ha="center", va="center", weight="bold")
        if waits:
            ax.barh(1, 1e3 * (done - now), 0.5, 1e3 * now, color="white", edgecolor=GREY, ls=":")
            now = done
        busy.append(begin)
    ax.axvline(1e3 * now, color=INK, ls="--", lw=1.4)
    ax.text(1e3 * (now + 0.01 * done), 1.42, f"the clock is read: {1e3 * now:.3g} ms", va="bottom")
    ax.set(yticks=[1, 0], yticklabels=["host", "device"], xlabel="ms", ylim=(-0.45, 1.9), xlim=(0, 1400 * done))
    ax.set_title(title)
    ax.tick_params(axis="y", length=0)
    what = "waits for each" if waits else "waits for none"
    told = f"The host asks for {len(works_s)} calls and {what}; it looks at the clock after {1e3 * now:.3g} ms. "
    return fig, f"{sentence(title)} Two rows of bars. {told}The device is done after {1e3 * done:.3g} ms."


@described
def relative_errors(
    errors: Mapping[str, float], tolerance: float, title: str = "How equal are two steps?"
) -> tuple[Figure, str]:
    """A dot for each comparison on a logarithmic axis, and the tolerance as a line; 0 stands at the left edge."""
    fig, axes = panels(1, 1, (WIDTH, 1.1 + 0.36 * len(errors)))
    ax = axes[0, 0]
    least = min([e for e in errors.values() if e > 0] + [tolerance]) / 30
    for y, error in enumerate(errors.values()):
        fine = error <= tolerance
        ax.plot(max(error, least), y, "o" if fine else "X", ms=9, color=BLUE if fine else VERMILION, clip_on=False)
        ax.text(1.6 * max(error, least), y, "0" if error == 0 else f"{error:.1g}", va="center")
    ax.axvline(tolerance, color=INK, ls="--", lw=1.4)
    ax.text(tolerance, -0.75, f" tolerance {tolerance:g}", ha="left", va="center", color=FAINT)
    ax.set(xscale="log", xlim=(least, 10 * max(*errors.values(), tolerance)), ylim=(len(errors) - 0.5, -1.1))
    ax.set_yticks(range(len(errors)), errors)
    ax.set(xlabel="relative error of the update", title=title)
    ax.grid(axis="x", color=PALE, lw=0.8)
    told = "; ".join(f"{n}: {e:.1g}, {'within' if e <= tolerance else 'outside'}" for n, e in errors.items())
    return fig, f"{sentence(title)} Dots on a logarithmic axis, tolerance {tolerance:g}. {told}."


@described
def step_times(
    hidden: Sequence[int],
    measured_s: Mapping[str, Any],
    predicted_s: Mapping[str, Any],
    title: str = "One step, by the width of the hidden layer",
) -> tuple[Figure, str]:
    """Measured times as points on lines, predicted ones as bands.

    hidden (N,)   measured_s: name -> (N,) seconds   predicted_s: name -> (N,2) seconds, low and high
    """
    fig, axes = panels(1, 1, (WIDTH, 3.7))
    ax, told = axes[0, 0], []
    for (name, times), colour, mark in zip(measured_s.items(), (INK, VERMILION), ("o", "s")):
        ax.plot(hidden, 1e6 * np.asarray(times), f"-{mark}", ms=6, color=colour, label=f"measured: {name}")
        told.append(f"measured, {name}: {_row(hidden, 1e6 * np.asarray(times))}")
    for (name, band), colour, hatch in zip(predicted_s.items(), (ORANGE, SKY), ("///", "...")):
        low, high = 1e6 * np.asarray(band, float).T
        ax.fill_between(hidden, low, high, color=colour, alpha=0.6, hatch=hatch, edgecolor="white", lw=0)
        ax.plot(hidden, high, "--", lw=1.4, color=colour, label=f"arithmetic, not measured: {name}")
        told.append(f"arithmetic for {name}: {_row(hidden, high)}")
    ax.set(xscale="log", yscale="log", xlabel="hidden units", ylabel="µs a step", title=title)
    ax.set_xticks(hidden, [f"{h:,}" for h in hidden])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter("{x:,g}")
    ax.grid(axis="y", color=PALE, lw=0.8)
    ax.legend(loc="upper left")
    ax.set_ylim(top=8 * ax.get_ylim()[1])
    return fig, f"{sentence(title)} Logarithmic axes, microseconds. {'; '.join(told)}."


def _row(hidden: Sequence[int], times: Any) -> str:
    return ", ".join(f"{t:.3g} at {h}" for h, t in zip(hidden, times))


@described
def left_of_a_claim(left: Mapping[str, float], title: str = "What is left of the claim") -> tuple[Figure, str]:
    """A bar for each objection on a logarithmic axis; a line at 1, where both are equally fast."""
    fig, axes = panels(1, 1, (WIDTH, 1.1 + 0.42 * len(left)))
    ax, lowest = axes[0, 0], min(*left.values(), 1) / 3
    for y, ratio in enumerate(left.values()):
        colour, hatch = (BLUE, "") if ratio >= 1 else (VERMILION, "///")
        ax.barh(y, ratio - 1, 0.7, 1, color=colour, hatch=hatch, edgecolor="white")
        ax.text(1.25 * max(ratio, 1), y, f"{ratio:,.3g}×" if ratio < 1000 else f"{ratio:,.0f}×", va="center")
    ax.axvline(1, color=INK, lw=1.4)
    ax.set(xscale="log", xlim=(lowest, 60 * max(left.values())), title=title, xlabel="CPU's time by the GPU's")
    ax.set_yticks(range(len(left)), left)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    told = "; ".join(f"{name}: {ratio:.3g}" for name, ratio in left.items())
    return fig, f"{sentence(title)} Bars on a logarithmic axis, 1 is equally fast. {told}."
