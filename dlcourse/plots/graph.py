"""Pictures of a graph of numbers: what each was made from, and the gradients that came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter

from .graph_layout import number, placed, traced
from .style import BLUE, GREY, INK, PALE, SKY, VERMILION, WIDTH, described, listed, panels, sentence

__all__ = ["graph_map", "in_a_row", "learning", "slopes_compared", "value_graph"]
SHADE = "#cfe5f3"


@described
def value_graph(
    values: Mapping[str, Any], title: str = "A graph of numbers", gradients: bool = True
) -> tuple[Figure, str]:
    """The last of these values with all that it was made from: values, slopes, and in bold what came back.

    values: name -> Value, with `data`, `parents`, `slopes` and `grad`
    """
    nodes, order = traced(values)
    at, ways = placed(nodes)
    columns = 1 + max(x for x, _ in at)
    if columns > 6 or len(nodes) > 14:
        raise ValueError(
            f"numbers can be read in graphs of up to 14 numbers and 6 columns; draw these {len(nodes)} as a map"
        )
    rows = [y for way in ways.values() for _, y in way] or [0.0]
    stretch = 1.55  # a column is so much wider than a row is high
    fig, axes = panels(1, 1, (WIDTH, 0.75 + 0.62 * (max(rows) - min(rows) + 1)))
    ax, half = axes[0, 0], 0.52
    for (p, k), way in ways.items():
        points = [(stretch * x, -y) for x, y in way]
        points[0], points[-1] = (points[0][0] + half, points[0][1]), (points[-1][0] - half, points[-1][1])
        if len(points) > 2:
            ax.plot(*zip(*points[:-1]), color=GREY, lw=1.2, zorder=1)
        how = {"arrowstyle": "-|>", "color": GREY, "lw": 1.2, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", points[-1], points[-2], arrowprops=how, zorder=1)
        slopes = [number(s) for q, s in zip(nodes[k].parents, nodes[k].slopes) if q == p]
        (ax0, ay0), (bx, by) = points[-2:]
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        middle = ((ax0 + bx) / 2, (ay0 + by) / 2)
        ax.text(*middle, "×" + ", ×".join(slopes), ha="center", va="center", fontsize=9, bbox=box, zorder=2)
    for node, v, (x, y) in zip(nodes, order, at):
        last = v is order[-1]
        face = SHADE if last else "white"
        box = FancyBboxPatch((stretch * x - half, -y - 0.33), 2 * half, 0.66, boxstyle="round,pad=0,rounding_size=0.12")
        box.set(facecolor=face, edgecolor=INK, linewidth=1.2, zorder=3)
        ax.add_patch(box)
        text = f"{node.name} = {number(node.data)}" if node.name else number(node.data)
        height = 0.14 if gradients else 0
        ax.text(stretch * x, -y + height, text, ha="center", va="center", fontsize=10, zorder=4)
        if gradients:
            grad = number(float(v.grad))
            ax.text(
                stretch * x, -y - 0.17, grad, ha="center", va="center", fontsize=10, weight="bold", color=BLUE, zorder=4
            )
    ax.set(xlim=(-half - 0.05, stretch * (columns - 1) + half + 0.05), ylim=(-max(rows) - 0.45, 0.45 - min(rows)))
    ax.axis("off")
    legend = "In each box its value" + (", below it in bold its gradient" if gradients else "")
    fig.suptitle(title, x=0.01, ha="left")
    ax.set_title(f"{legend}; at each arrow, × the slope of this step", fontsize=9.5, color="#6b6b6b")
    told = []
    for node, v in zip(nodes, order):
        made = listed(f"{nodes[p].name or 'a number'} (slope {number(s)})" for p, s in zip(node.parents, node.slopes))
        came = f", gradient {number(float(v.grad))}" if gradients else ""
        told.append(
            f"{node.name or 'a number'} = {number(node.data)}{came}" + (f", made from {made}" if node.parents else "")
        )
    return fig, f"{sentence(title)} {len(nodes)} numbers in boxes, joined by arrows: {'; '.join(told)}."


@described
def graph_map(values: Mapping[str, Any], title: str = "A larger graph") -> tuple[Figure, str]:
    """The whole graph behind the last of these values, as discs; inputs are squares, those with a name carry it."""
    nodes, order = traced(values)
    at, ways = placed(nodes)
    rows = [y for _, y in at] + [y for way in ways.values() for _, y in way]
    tall = min(6.5, max(2.6, 1.0 + 0.33 * (max(rows) - min(rows) + 1)))
    fig, axes = panels(1, 1, (WIDTH, tall))
    ax = axes[0, 0]
    colour = GREY if len(nodes) < 60 else PALE
    for way in ways.values():
        ax.plot(*zip(*way), color=colour, lw=0.9, zorder=1)
        how = {"arrowstyle": "-|>", "color": colour, "lw": 0.9, "shrinkA": 0, "shrinkB": 5, "mutation_scale": 9}
        ax.annotate("", way[-1], way[-2], arrowprops=how, zorder=1)
    uses = np.zeros(len(nodes), dtype=int)
    for node in nodes:
        np.add.at(uses, list(node.parents), 1)
    for k, (node, (x, y)) in enumerate(zip(nodes, at)):
        often = {"mec": VERMILION, "mew": 2.2} if uses[k] > 1 else {"mec": INK, "mew": 1}
        marker, size = ("s" if not node.parents else "o"), (13 if node.name else 7)
        ax.plot(x, y, marker, ms=size, mfc="white", zorder=3, **often)
        ax.text(x, y, node.name, ha="center", va="center", fontsize=9, zorder=4)
    ax.plot([], [], "o", mfc="white", mec=VERMILION, mew=2.2, label="used more than once")
    ax.plot([], [], "s", mfc="white", mec=INK, label="input or constant")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2)
    ax.set(ylim=(max(rows) + 0.7, min(rows) - 0.7))
    ax.axis("off")
    fig.suptitle(title, x=0.01, ha="left")
    named = listed(n.name for n in nodes if n.name)
    inputs, often = sum(not n.parents for n in nodes), int((uses > 1).sum())
    return fig, (
        f"{sentence(title)} {len(nodes)} numbers joined by {sum(len(n.parents) for n in nodes)} arrows, from the "
        f"inputs on the left to {nodes[-1].name or 'the result'} on the right. {inputs} are inputs or constants, drawn "
        f"as squares; {often} are used more than once, with a thick outline. Names are written at {named}."
    )


@described
def slopes_compared(
    names: Sequence[str],
    one: Any,
    two: Any,
    labels: tuple[str, str] = ("backward", "by nudging"),
    title: str = "The same slopes twice",
) -> tuple[Figure, str]:
    """Two slopes for each number, side by side.      names (I)  one (I,)  two (I,)"""
    one, two, place = np.asarray(one, dtype=float), np.asarray(two, dtype=float), np.arange(len(names))
    fig, axes = panels(1, 1, (WIDTH, 2.7))
    ax = axes[0, 0]
    for shift, v, colour, hatch, label in ((-0.2, one, BLUE, "", labels[0]), (0.2, two, SKY, "//", labels[1])):
        bars = ax.bar(place + shift, v, 0.38, color=colour, hatch=hatch, edgecolor=INK, linewidth=0.8, label=label)
        if len(v) <= 5:
            ax.bar_label(bars, [number(s) for s in v], fontsize=9, padding=2)
    ax.axhline(0, color=GREY, lw=0.8)
    ax.set(xticks=place, ylabel="slope of the result")
    ax.set_xticks(place, names)
    ax.margins(y=0.18)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    fig.suptitle(title, x=0.01, ha="left")
    told = "; ".join(f"{n}: {number(a)} and {number(b)}" for n, a, b in zip(names, one, two))
    return fig, f"{sentence(title)} Pairs of bars, {labels[0]} and {labels[1]}. {told}."


@described
def in_a_row(order: Sequence[Any], values: Mapping[str, Any], title: str = "One after the other") -> tuple[Figure, str]:
    """These Values in a row, with an arc from each parent to its child; an arc that runs back is dashed.

    order: Values   values: name -> Value
    """
    names = {id(v): name for name, v in values.items()}
    place = {id(v): k for k, v in enumerate(order)}
    arcs = [(place[id(p)], k) for k, v in enumerate(order) for p in dict.fromkeys(v.parents) if id(p) in place]
    reach = max([abs(k - p) for p, k in arcs], default=1)
    fig, axes = panels(1, 1, (WIDTH, 1.5 + 0.28 * reach))
    ax = axes[0, 0]
    for p, k in arcs:
        turn = np.linspace(np.pi, 0, 60)
        x, y = (p + k) / 2 + (k - p) / 2 * np.cos(turn), 0.2 + 0.36 * abs(k - p) * np.sin(turn)
        ax.plot(x, y, color=BLUE if k > p else VERMILION, ls="-" if k > p else "--", lw=1.6)
        how = {"arrowstyle": "-|>", "color": BLUE if k > p else VERMILION, "lw": 1.6, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (x[-1], y[-1]), (x[-4], y[-4]), arrowprops=how)
    for k, v in enumerate(order):
        ax.plot(k, 0, "o" if v.parents else "s", ms=25, mfc="white", mec=INK, mew=1.4)
        ax.text(k, 0, names.get(id(v), ""), ha="center", va="center", fontsize=11)
    ax.set(xlim=(-0.6, len(order) - 0.4), ylim=(-0.3, 0.4 + 0.36 * reach))
    ax.axis("off")
    fig.suptitle(title, x=0.01, ha="left")
    back = sum(k < p for p, k in arcs)
    told = "All arrows run to the right" if not back else f"{back} of the arrows run back, dashed"
    row = listed(names.get(id(v), "a number") for v in order)
    return fig, f"{sentence(title)} In a row: {row}, with {len(arcs)} arrows from parents to children. {told}."


@FuncFormatter
def plain(v: float, _: Any) -> str:
    """A tick of a logarithmic axis as a plain number, 0.5 or 2, and none for those in between."""
    lead = v / 10.0 ** np.floor(np.log10(v) + 1e-9)
    return f"{v:g}" if round(lead) in (1, 2, 5) else ""


@described
def learning(
    updates: Sequence[int], losses: Any, outputs: Any, names: Sequence[str], title: str = "Learning"
) -> tuple[Figure, str]:
    """The loss, and what the network says to a few inputs, over the updates.

    updates (N,)  losses (N,)  outputs (N,B)  names (B): each written at the end of its line
    """
    losses, outputs = np.asarray(losses, dtype=float), np.asarray(outputs, dtype=float)
    fig, axes = panels(1, 2, (WIDTH, 2.9))
    left, right = axes[0]
    left.plot(updates, losses, color=BLUE)
    left.set(yscale="log", xlabel="updates", ylabel="loss")
    if np.ptp(np.log10(losses)) < 2:  # within two powers of ten there are ticks in between
        left.yaxis.set_major_formatter(plain)
        left.yaxis.set_minor_formatter(plain)
    looks = zip(outputs.T, names, (BLUE, VERMILION, SKY, INK, GREY), ("-", "--", "-.", ":", "-"))
    for y, name, colour, dashes in looks:
        right.plot(updates, y, color=colour, ls=dashes, label=name)
    right.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=2.6)
    right.set(xlabel="updates", ylabel="what the network says")
    right.axhline(0, color=GREY, lw=0.8)
    for ax in (left, right):
        ax.grid(axis="y", color=PALE, lw=0.8)
    fig.suptitle(title, x=0.01, ha="left")
    ends = "; ".join(
        f"{name}: {number(a)}, at the end {number(b)}" for name, a, b in zip(names, outputs[0], outputs[-1])
    )
    return fig, (
        f"{sentence(title)} On the left the loss over {updates[-1]:,} updates, from {losses[0]:.3g} to "
        f"{losses[-1]:.2g}. On the right what the network says. At the start {ends}."
    )
