"""Pictures of hidden layers: what they make of their inputs, what each unit adds, and which borders come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

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

__all__ = ["borders", "corners", "hidden_space", "straight_borders", "unit_parts"]

ON, OFF = "#cfe5f3", "#ffffff"  # where the answer is 1, and 0
MARKS = (("o", "white", BLUE), ("^", VERMILION, INK), ("s", GREEN, INK))  # a class: marker, inside, edge
LINES = ((BLUE, "-"), (VERMILION, "--"), (GREEN, ":"), (ORANGE, "-."), (SKY, (0, (1, 3))))


def _number(v: float, digits: int = 2) -> str:
    """1.50 -> '1.5', −0.00 -> '0'"""
    return f"{round(float(v), digits) + 0.0:g}".replace("-", "−")


def _window(v: np.ndarray, share: float = 0.08) -> tuple[float, float]:
    """A little more than all values."""
    low, high = float(v.min()), float(v.max())
    room = share * (high - low or 1.0)
    return low - room, high + room


def _line(ax: Any, w: Sequence[float], b: float, look: tuple = (INK, "-")) -> None:
    """Where w·x + b = 0, inside the limits that are set."""
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    x, y = np.meshgrid(np.linspace(x0, x1, 50), np.linspace(y0, y1, 50))
    z = w[0] * x + w[1] * y + b
    if z.min() < 0 < z.max():
        ax.contour(x, y, z, levels=[0], colors=[look[0]], linestyles=[look[1]], linewidths=1.8)


def _side(ax: Any, w: Sequence[float], b: float) -> bool:
    """Shade where w·x + b > 0. -> is any of it to be seen?"""
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    x, y = np.meshgrid(np.linspace(x0, x1, 200), np.linspace(y0, y1, 200))
    inside = w[0] * x + w[1] * y + b > 0
    ax.contourf(x, y, inside, levels=[-0.5, 0.5, 1.5], colors=[OFF, ON], zorder=0)
    return bool(inside.any())


# ---------------------------------------------------------------- step units: from corner to corner
@described
def hidden_space(
    x: Any, t: Any, layers: Sequence[tuple], title: str = "What the output unit gets to see"
) -> tuple[Figure, str]:
    """The inputs with a line for each of two hidden step units; and where these put them, with the line of the output.

    x (B,2)  t (B,) 0 or 1  layers: the weights and biases of two layers, 2-2-1
    """
    x, t = np.asarray(x, dtype=float), np.asarray(t)
    (W1, b1), (W2, b2) = ((np.asarray(W, dtype=float), np.asarray(b, dtype=float)) for W, b in layers)
    h = (x @ W1 + b1 > 0).astype(float)
    fig, axes = panels(1, 2, (WIDTH, 3.75))
    left, right = axes[0]
    for ax in (left, right):
        ax.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), xticks=[0, 1], yticks=[0, 1], aspect="equal")
        ax.spines[:].set_visible(True)
    for k, (look, name) in enumerate(zip(LINES, ("solid: hidden unit 1", "dashed: hidden unit 2"))):
        _line(left, W1[:, k], b1[k], look)
        left.plot([], [], color=look[0], ls=look[1], label=name)
    _side(right, W2[:, 0], b2[0])
    _line(right, W2[:, 0], b2[0])
    places = _points(left, x, x, t), _points(right, h, x, t)
    left.set(xlabel="input $x_1$", ylabel="input $x_2$")
    right.set(xlabel="what hidden unit 1 says", ylabel="what hidden unit 2 says")
    left.set_title("the inputs", loc="center", fontsize=11)
    right.set_title("the outputs of the hidden layer", loc="center", fontsize=11)
    fig.suptitle(f"{title}  (filled: should be 1)", x=0.01, ha="left")
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=10)
    told = "; ".join(f"{names} at ({_number(p[0])}, {_number(p[1])})" for p, names in places[1].items())
    good = int(np.sum((h @ W2[:, 0] + b2[0] > 0) == (t > 0.5)))
    return fig, (
        f"{sentence(title)} Two squares. Left: {len(places[0])} inputs and a line for each of two hidden units. "
        f"Right: what the two units say to them, {counted(len(places[1]), 'different place')}: {told}. A line, that of "
        f"the output unit, has {good} of {len(t)} inputs on the right side."
    )


def _points(ax: Any, at: np.ndarray, x: np.ndarray, t: np.ndarray) -> dict[tuple, str]:
    """Points that fall together are drawn once, with the names of all inputs that are there."""
    places: dict[tuple, list[int]] = {}
    for n, p in enumerate(at):
        places.setdefault(tuple(p.tolist()), []).append(n)
    told = {}
    for p, who in places.items():
        names = [f"({', '.join(_number(v) for v in x[n])})" for n in who]
        full = np.mean(t[who])
        inside = BLUE if full == 1 else "white" if full == 0 else GREY
        ax.plot(*p, "o", ms=13 if len(who) > 1 else 10, mfc=inside, mec=BLUE, mew=1.8, zorder=4)
        text = ax.annotate(
            "\n".join(names), p, (0, 11), textcoords="offset points", ha="center", fontsize=9.5, zorder=5
        )
        text.set_path_effects([withStroke(linewidth=3, foreground="white")])
        told[p] = listed(names)
    return told


# ---------------------------------------------------------------- one input: what each unit adds
@described
def unit_parts(
    x: Any, parts: Any, c: float = 0.0, title: str = "What each hidden unit adds", target: Any = None
) -> tuple[Figure, str]:
    """Over one input: the part of each hidden unit, and below their sum plus c.      x (B,)  parts (B,H)"""
    x, parts = np.asarray(x, dtype=float), np.asarray(parts, dtype=float)
    same_length(x=x, parts=parts)
    total = parts.sum(axis=1) + c
    fig, axes = panels(2, 1, (WIDTH, 3.9), sharex=True)
    told, shift = [], f" {'+' if c > 0 else '−'} {_number(abs(c))}" if c else ""
    for h, (colour, style) in zip(range(parts.shape[1]), LINES * parts.shape[1]):
        axes[0, 0].plot(x, parts[:, h], color=colour, ls=style, label=f"unit {h + 1}")
        told.append(f"unit {h + 1} from {_number(parts[:, h].min())} to {_number(parts[:, h].max())}")
    axes[1, 0].plot(x, total, color=INK, lw=2.4, label="their sum" + shift)
    if target is not None:
        axes[1, 0].plot(x, target, color=SKY, lw=6, alpha=0.6, label="desired", zorder=1)
    for ax, name in zip(axes[:, 0], ("the parts", "the output")):
        ax.grid(color=PALE, lw=0.8)
        ax.set_ylabel(name)
        ax.set_ylim(*_window(np.append(np.ravel([line.get_ydata() for line in ax.lines]), 0.0)))
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes[1, 0].set_xlabel("input x")
    fig.suptitle(title, x=0.01, ha="left")
    places = corners(x, total)
    bent = (
        f"{counted(len(places), 'corner')}: near x = {listed(_number(p, 1) for p in places)}" if places else "no corner"
    )
    return fig, (
        f"{sentence(title)} Over x from {_number(x.min())} to {_number(x.max())}. Above: {'; '.join(told)}. Below: "
        f"their sum, from {_number(total.min())} to {_number(total.max())}, with {bent}."
    )


def corners(x: Any, y: Any) -> list[float]:
    """Where a curve of straight pieces changes its slope, up to the distance of two points.      x (B,)  y (B,)"""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    slopes = np.diff(y) / np.diff(x)
    at = np.flatnonzero(np.abs(np.diff(slopes)) > 1e-6 * (1 + np.abs(slopes).max())) + 1
    apart = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(at) else []
    return [float(x[group].mean()) for group in apart]


# ---------------------------------------------------------------- two inputs: borders
def _classes(ax: Any, x: np.ndarray, t: np.ndarray, size: float = 3.6) -> None:
    for k, (marker, inside, edge) in zip(np.unique(t), MARKS):
        ax.plot(*x[t == k].T, marker, ms=size, mfc=inside, mec=edge, mew=0.6, ls="none", label=f"class {k}")


@described
def borders(
    networks: Mapping[str, Any], answer: Callable, x: Any, t: Any, title: str = "Where the answer changes"
) -> tuple[Figure, str]:
    """The answer of several networks over the whole plane, and the points.      x (B,2)  t (B,) 0 or 1

    networks: name -> network      answer: points (N,2), network -> classes (N,)
    """
    x, t = np.asarray(x, dtype=float), np.asarray(t)
    lines = 2 + any(", " in name for name in networks)  # of the title of each panel: its name breaks at the comma
    fig, axes = panels(1, len(networks), (WIDTH, 0.7 + 0.24 * lines + 0.86 * WIDTH / max(len(networks), 2)))
    (x0, x1), (y0, y1) = _window(x[:, 0]), _window(x[:, 1])
    across, up = np.meshgrid(np.linspace(x0, x1, 240), np.linspace(y0, y1, 240))
    grid, told = np.stack([across.ravel(), up.ravel()], axis=1), []
    for ax, (name, network) in zip(axes[0], networks.items()):
        said = np.asarray(answer(grid, network)).reshape(across.shape)
        ax.contourf(across, up, said, levels=[-0.5, 0.5, 1.5], colors=[OFF, ON])
        if said.min() < said.max():
            ax.contour(across, up, said, levels=[0.5], colors=[INK], linewidths=1.4)
        _classes(ax, x, t, 2.8 if len(networks) > 2 else 3.6)
        share = float(np.mean(np.asarray(answer(x, network)) == t))
        ax.set_title(f"{name.replace(', ', chr(10))}\n{share:.0%} right", loc="center", fontsize=10.5)
        ax.set(xlim=(x0, x1), ylim=(y0, y1), xticks=[], yticks=[], aspect="equal", xlabel="input 1")
        ax.spines[:].set_visible(True)
        told.append(f"{name}: {share:.0%} right, {said.mean():.0%} of the square shaded")
    axes[0, 0].set_ylabel("input 2")
    fig.suptitle(f"{title}  (shaded, and triangles: class 1)", x=0.01, ha="left")
    return fig, (
        f"{sentence(title)} {counted(len(networks), 'square')} over the two inputs, {len(t)} points of two classes in "
        f"each; shaded where the answer is class 1. {'; '.join(told)}."
    )


@described
def straight_borders(
    spaces: Mapping[str, tuple], t: Any, title: str = "The best straight border"
) -> tuple[Figure, str]:
    """The same examples in several descriptions of two numbers, each with the border of a linear classifier of two
    classes.      name -> (points (B,2), W (2,2), b (2,))   t (B,) 0 or 1"""
    t, told = np.asarray(t), []
    fig, axes = panels(1, len(spaces), (WIDTH, 0.75 + 0.9 * WIDTH / max(len(spaces), 2)))
    for ax, (name, (x, W, b)) in zip(axes[0], spaces.items()):
        x, W, b = (np.asarray(a, dtype=float) for a in (x, W, b))
        same_length(points=x, t=t)
        ax.set(xlim=_window(x[:, 0]), ylim=_window(x[:, 1]), box_aspect=1)
        w, bias = W[:, 1] - W[:, 0], b[1] - b[0]
        _side(ax, w, bias)
        _line(ax, w, bias)
        _classes(ax, x, t)
        share = float(np.mean((x @ w + bias > 0) == (t == 1)))
        ax.set_title(f"{name}: {share:.1%} right", loc="center", fontsize=11)
        ax.set(xlabel="first number", ylabel="second number")
        ax.spines[:].set_visible(True)
        told.append(f"{name}: {share:.1%} of {len(t)} points on the right side of a straight border")
    fig.suptitle(f"{title}  (shaded, and triangles: class 1)", x=0.01, ha="left")
    return fig, f"{sentence(title)} {counted(len(spaces), 'square')} with the same points. {'; '.join(told)}."
