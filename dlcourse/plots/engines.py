"""Pictures of a device beside its host: what a step asks of it, who waits for whom, equal steps, and lost races."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BLUE, FAINT, GREY, INK, ORANGE, PALE, SKY, VERMILION, WIDTH, described, listed, panels, sentence

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
    """The host asks, the device works. Where it waits, it goes on only when the device is done, and the clock is read
    before and after each call; else once, after the last.

    asked_s, works_s (N,): seconds to ask for each call, and that the device works on it
    """
    fig, axes = panels(1, 1, (WIDTH, 2.4))
    ax, now, done, reads = axes[0, 0], 0.0, 0.0, [0.0]
    for k, (ask, work) in enumerate(zip(asked_s, works_s)):
        ax.barh(1, 1e3 * ask, 0.5, 1e3 * now, color=BLUE, edgecolor="white")
        now += ask
        begin, done = max(now, done), max(now, done) + work
        ax.barh(0, 1e3 * work, 0.5, 1e3 * begin, color=ORANGE, hatch="///", edgecolor="white")
        number = ax.text(1e3 * (begin + work / 2), 0, str(k + 1), ha="center", va="center", weight="bold")
        number.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})
        if waits:
            ax.barh(1, 1e3 * (done - now), 0.5, 1e3 * now, color="white", edgecolor=GREY, ls=":")
            ax.text(500 * (now + done), 1, "waits", ha="center", va="center", color=FAINT)
            now = done
            reads.append(now)
    reads = reads if waits else [0.0, now]
    for read in reads:
        ax.axvline(1e3 * read, color=INK, ls="--", lw=1.4)
    spans = [f"{1e3 * (b - a):.3g}" for a, b in zip(reads, reads[1:])]
    end = max(now, done)
    for span, a, b in zip(spans, reads, reads[1:]):
        beside = b - a < 0.15 * end  # too narrow for its number
        place = {"ha": "left", "x": 1e3 * (b + 0.01 * end)} if beside else {"ha": "center", "x": 500 * (a + b)}
        ax.text(y=1.42, s=f"clock: {span} ms", va="bottom", **place)
    ax.set(yticks=[1, 0], yticklabels=["host", "device"], xlabel="ms", ylim=(-0.45, 1.95), xlim=(0, 1020 * end))
    ax.set_title(title)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    what = "waits for each, with the clock read between them" if waits else "waits for none; the clock is read after it"
    told = f"The host asks for {len(works_s)} calls and {what}: {listed(spans)} ms. "
    return fig, f"{sentence(title)} Two rows of bars. {told}The device is done after {1e3 * done:.3g} ms."


@described
def relative_errors(
    errors: Mapping[str, float], tolerance: float, title: str = "How equal are two steps?"
) -> tuple[Figure, str]:
    """A dot for each comparison on a logarithmic axis, and the tolerance as a line; 0 has a place of its own, left of
    a break in the axis."""
    fig, axes = panels(1, 1, (WIDTH, 1.25 + 0.36 * len(errors)))
    ax = axes[0, 0]
    powers = np.log10([tolerance, *(e for e in errors.values() if e > 0)])
    least, most = int(np.floor(powers.min())) - 1, int(np.ceil(powers.max())) + 1
    nothing = 10.0 ** (least - 1)
    for y, error in enumerate(errors.values()):
        fine, x = error <= tolerance, max(error, nothing)
        ax.plot(x, y, "o" if fine else "X", ms=9, color=BLUE if fine else VERMILION)
        within = 0 < error and fine  # its number must not lie on the line of the tolerance
        ax.text(x / 1.6 if within else 1.6 * x, y, _plain(error), ha="right" if within else "left", va="center")
    ax.axvline(tolerance, color=INK, ls="--", lw=1.4)
    ax.text(tolerance, -0.75, f" tolerance {_plain(tolerance)}", ha="left", va="center", color=FAINT)
    ax.set(xscale="log", xlim=(nothing / 3, 10.0**most), ylim=(len(errors) - 0.5, -1.1))
    ax.set_yticks(range(len(errors)), errors)
    ticks = [10.0**power for power in range(least + 1, most, 2)]
    ax.set_xticks([nothing, *ticks], ["0", *map(_plain, ticks)])
    ax.minorticks_off()
    ax.text(10 ** (least - 0.4), 0, "//", transform=ax.get_xaxis_transform(), ha="center", va="center", color=GREY)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set(xlabel="relative error of the update", title=title)
    ax.grid(axis="x", color=PALE, lw=0.8)
    told = "; ".join(f"{n}: {_plain(e)}, {'within' if e <= tolerance else 'outside'}" for n, e in errors.items())
    return fig, f"{sentence(title)} Dots on a logarithmic axis, tolerance {_plain(tolerance)}. {told}."


def _plain(x: float) -> str:
    """7.2e-07 -> 0.0000007"""
    return np.format_float_positional(float(f"{x:.1g}"), trim="-") if x == 0 or x >= 1e-9 else f"{x:.1g}"


@described
def step_times(
    hidden: Sequence[int],
    measured_s: Mapping[str, Any],
    predicted_s: Mapping[str, Any],
    title: str = "One step, by the width of the hidden layer",
) -> tuple[Figure, str]:
    """Measured times as points on lines, predicted ones as bands, which are lines where both ends are one.

    hidden (N,)   measured_s: name -> (M,) seconds at the first M widths   predicted_s: name -> (N,2) seconds, low, high
    """
    fig, axes = panels(1, 1, (WIDTH, 4.6))
    ax, told, first, second = axes[0, 0], [], [], []
    for (name, times), colour, mark in zip(measured_s.items(), (INK, VERMILION), ("o", "s")):
        us = 1e6 * np.asarray(times)
        first += ax.plot(hidden[: len(us)], us, f"-{mark}", ms=6, color=colour, label=f"measured: {name}")
        told.append(f"measured, {name}: {_row(hidden, us)}")
    for (name, band), colour, hatch in zip(predicted_s.items(), (ORANGE, SKY), ("///", "...")):
        low, high = 1e6 * np.asarray(band, float).T
        filled = ax.fill_between(hidden, low, high, facecolor=colour, hatch=hatch, edgecolor="white", lw=0)
        filled.set_label(f"arithmetic, not measured: {name}")
        second.append(filled)
        ax.plot(hidden, low, "-", lw=1.4, color=colour)
        ax.plot(hidden, high, "-", lw=1.4, color=colour)
        told.append(f"arithmetic for {name}: {_row(hidden, low, high)}")
    ax.set(xscale="log", yscale="log", xlabel="hidden units", ylabel="µs a step", title=title)
    ax.set_xticks(hidden, [f"{h:,}" for h in hidden])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.grid(axis="y", color=PALE, lw=0.8)
    fig.legend(handles=first + second, loc="outside lower left", handlelength=3, handleheight=1.3)
    return fig, f"{sentence(title)} Logarithmic axes, microseconds. {'; '.join(told)}."


def _row(hidden: Sequence[int], low: Any, high: Any = None) -> str:
    ends = zip(low, low if high is None else high)
    told = (f"{a:,.0f}" if a == b else f"{a:,.0f} to {b:,.0f}" for a, b in ends)
    return ", ".join(f"{us} at {h:,}" for h, us in zip(hidden, told))


@described
def left_of_a_claim(left: Mapping[str, float], title: str = "What is left of the claim") -> tuple[Figure, str]:
    """A bar for each objection on a logarithmic axis; a line at 1, where both are equally fast."""
    fig, axes = panels(1, 1, (WIDTH, 1.1 + 0.42 * len(left)))
    ax, lowest = axes[0, 0], min(*left.values(), 1) / 40
    for y, ratio in enumerate(left.values()):
        (colour, hatch), ha = ((BLUE, ""), "left") if ratio >= 1 else ((VERMILION, "///"), "right")
        ax.barh(y, ratio - 1, 0.7, 1, color=colour, hatch=hatch, edgecolor="white")
        ax.text(ratio * (1.25 if ratio >= 1 else 0.8), y, f"{_ratio(ratio)}×", ha=ha, va="center")
    ax.axvline(1, color=INK, lw=1.4)
    ax.set(xscale="log", xlim=(lowest, 60 * max(left.values())), title=title)
    ax.set_xlabel("CPU's time divided by the GPU's")
    ax.xaxis.set_major_formatter(lambda ratio, _: f"{ratio:,.0f}" if ratio >= 1 else f"{ratio:g}")
    ax.set_yticks(range(len(left)), left)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    told = "; ".join(f"{name}: {_ratio(ratio)}" for name, ratio in left.items())
    return fig, f"{sentence(title)} Bars on a logarithmic axis, 1 is equally fast. {told}."


def _ratio(ratio: float) -> str:
    return f"{ratio:.3g}" if ratio < 1000 else f"{ratio:,.0f}"
