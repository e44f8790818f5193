"""Pictures of the prediction layer: scores become probabilities, a loss pushes them, and templates are learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    SKY,
    VERMILION,
    WIDTH,
    counted,
    described,
    draw_image,
    listed,
    panels,
    same_length,
    sentence,
    square,
)
from .units import AGAINST_FOR

__all__ = ["evidence", "loss_of_p", "softmax_steps", "templates", "train_and_test"]


def _short(v: float, digits: int = 2) -> str:
    return f"{v + 0.0:.{digits}f}".replace("-", "−") if abs(v) >= 0.5 * 10**-digits else "0"


def _bars(ax: Any, v: np.ndarray, digits: int, strong: int) -> None:
    """A bar for each class with its number, the one at `strong` pointed out."""
    bars = ax.bar(range(len(v)), v, width=0.75, color=[BLUE if k == strong else SKY for k in range(len(v))])
    bars[strong].set(edgecolor=INK, linewidth=2)
    ax.bar_label(bars, [_short(x, digits) for x in v], fontsize=9, padding=2)
    ax.axhline(0, color=GREY, lw=0.8)
    low, high = min(v.min(), 0), max(v.max(), 0)
    room = 0.2 * (high - low or 1)
    ax.set(xticks=range(len(v)), yticks=[], ylim=(low - room * (low < 0), high + room))
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="x", length=0)


@described
def softmax_steps(z: Any, p: Any, title: str = "From scores to probabilities") -> tuple[Figure, str]:
    """Three rows of bars: the scores, their powers, the shares of the sum.      z (K,)  p (K,)"""
    z, p = np.asarray(z, dtype=float), np.asarray(p, dtype=float)
    same_length(z=z, p=p)
    top, powers = int(z.argmax()), np.exp(z - z.max())
    fig, axes = panels(3, 1, (WIDTH, 4.9), sharex=True)
    rows = (
        ("scores", z, 1),
        ("powers: $e^{score}$, the largest drawn as 1", powers, 2),
        ("divided by their sum, on the same scale", p, 2),
    )
    for ax, (name, v, digits) in zip(axes[:, 0], rows):
        _bars(ax, v, digits, top)
        ax.set_title(name, fontsize=11)
    axes[2, 0].set_ylim(axes[1, 0].get_ylim())
    axes[2, 0].set_xlabel("class")
    fig.suptitle(title, x=0.01, ha="left")
    return fig, (
        f"{sentence(title)} Three rows of bars over {counted(len(z), 'class').replace('classs', 'classes')}. Scores: "
        f"{listed([_short(v, 1) for v in z])}. Powers, the largest as 1: {listed([_short(v) for v in powers])}. "
        f"Divided by their sum: {listed([_short(v) for v in p])}. Class {top} is the largest in each row."
    )


@described
def loss_of_p(marks: Mapping[str, float], title: str = "What a probability for the truth costs") -> tuple[Figure, str]:
    """The curve −log p, with points on it.      marks: name -> p"""
    fig, axes = panels(1, 1, (WIDTH, 3.1))
    ax, p, told = axes[0, 0], np.linspace(0.004, 1, 400), []
    ax.plot(p, -np.log(p), color=BLUE)
    for name, at in marks.items():
        ax.plot(at, -np.log(at), "o", color=VERMILION, ms=7, zorder=3)
        text = f"{name}: {-np.log(at) + 0.0:.2f}"
        last = at > 0.8
        ax.annotate(
            text,
            (at, -np.log(at)),
            (-4 if last else 9, 13 if last else 3 if at < 0.3 else 20),
            textcoords="offset points",
            ha="right" if last else "left",
        )
        told.append(f"{name}, p = {at:g}, costs {-np.log(at) + 0.0:.2f}")
    ax.set(xlim=(0, 1.02), ylim=(-0.1, 5.6), xlabel="probability that was given to the truth", ylabel="loss, −log p")
    ax.set_title(title)
    ax.grid(axis="y", color=PALE, lw=0.8)
    return fig, f"{sentence(title)} A curve that falls from above 5 near p = 0 to 0 at p = 1. {'; '.join(told)}."


def _signed(ax: Any, image: Any, most: float) -> None:
    """An image of numbers above and below 0, with a sign on each that counts, so that colour is not needed."""
    image = square(image)
    ax.imshow(image, cmap=AGAINST_FOR, vmin=-most, vmax=most, interpolation="nearest")
    if image.size <= 100:
        for y, x in np.argwhere(np.abs(image) > 0.25 * most):
            colour = "white" if abs(image[y, x]) > 0.8 * most else INK
            sign = "+" if image[y, x] > 0 else "−"
            ax.text(x, y, sign, ha="center", va="center", fontsize=8, color=colour)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color=GREY)


@described
def templates(W: Any, title: str = "Ten learned templates") -> tuple[Figure, str]:
    """Each column of W as an image: blue and + speak for the class, vermilion and − against.      W (I,K)"""
    W = np.asarray(W, dtype=float)
    K, most, told = W.shape[1], float(np.abs(W).max()) or 1.0, []
    fig, axes = panels(-(-K // 5), 5, (WIDTH, 0.42 + 1.62 * -(-K // 5)))
    for ax in axes.flat[K:]:
        ax.axis("off")
    for k, ax in enumerate(axes.flat[:K]):
        _signed(ax, W[:, k], most)
        ax.set_title(f"for a {k}", loc="center", fontsize=11)
        told.append(f"{k}: {_short(W[:, k].min(), 1)} to {_short(W[:, k].max(), 1)}")
    fig.suptitle(f"{title}  (+ speaks for, − against)", x=0.01, ha="left")
    return fig, (
        f"{sentence(title)} {counted(K, 'image')} of {W.shape[0]} weights each, signs on those that count. "
        f"Lowest and highest weight, by class: {'; '.join(told)}."
    )


@described
def evidence(
    x: Any, W: Any, b: Any, classes: Sequence[int], title: str = "Where the evidence is"
) -> tuple[Figure, str]:
    """One image, and each pixel times its weight for a few classes.      x (I,)  W (I,K)  b (K,)"""
    x, W, b = (np.asarray(a, dtype=float) for a in (x, W, b))
    parts = {k: x * W[:, k] for k in classes}
    most, told = max(float(np.abs(v).max()) for v in parts.values()) or 1.0, []
    fig, axes = panels(1, 1 + len(parts), (WIDTH, 0.9 + WIDTH / (1 + len(parts))))
    draw_image(axes[0, 0], x)
    axes[0, 0].set_title("the image", loc="center", fontsize=11)
    for ax, (k, v) in zip(axes[0, 1:], parts.items()):
        _signed(ax, v, most)
        score = v.sum() + b[k]
        ax.set_title(f"for a {k}", loc="center", fontsize=11)
        ax.set_xlabel(f"sum + b = {_short(score, 1)}")
        told.append(f"for a {k} they add up, with the bias, to {_short(score, 1)}")
    fig.suptitle(f"{title}  (+ speaks for, − against)", x=0.01, ha="left")
    return fig, f"{sentence(title)} An image, and each of its pixels times the weight: {'; '.join(told)}."


@described
def train_and_test(
    xs: Sequence[float], training: Any, test: Any, xlabel: str, ylabel: str, title: str, percent: bool = False
) -> tuple[Figure, str]:
    """Two lines over a logarithmic axis: what was learned from, and what was not.      xs (N,)  both (N,) or (N,S)

    With S splits: the mean, and a band from the lowest to the highest.
    """
    same_length(xs=xs, training=training, test=test)
    factor, unit = (100, " %") if percent else (1, "")
    fig, axes = panels(1, 1, (WIDTH, 3.2))
    ax, told, splits, least = axes[0, 0], [], 1, 100.0
    looks = (("training images", training, "o-", BLUE), ("test images", test, "s--", ORANGE))
    for name, v, style, colour in looks:
        v = factor * np.asarray(v, dtype=float).reshape(len(xs), -1)
        low, high, splits, least = v.min(axis=1), v.max(axis=1), v.shape[1], min(least, v.min())
        if splits > 1:
            ax.fill_between(xs, low, high, color=colour, alpha=0.25, lw=0)
        ax.plot(xs, v.mean(axis=1), style, color=colour, ms=6, mec=INK, mew=0.6, label=name)
        told.append(f"{name}: {listed([f'{_span(a, b)}{unit}' for a, b in zip(low, high)])}")
    ax.set(xscale="log", xlabel=xlabel, ylabel=ylabel + unit.replace(" ", ", "), title=title)
    ax.set_xticks(xs, [f"{v:,g}" for v in xs])
    ax.minorticks_off()
    ax.set_ylim((max(5 * ((least - 3) // 5), 0), 102) if percent else (0, None))
    ax.grid(axis="y", color=PALE, lw=0.8)
    band = [Patch(fc=GREY, alpha=0.4, label=f"band: {splits} splits")] if splits > 1 else []
    ax.legend(handles=ax.get_legend_handles_labels()[0] + band)
    at = listed([f"{v:g}" for v in xs])
    each = f", means and bands from the lowest to the highest of {splits} splits" if splits > 1 else ""
    return fig, f"{sentence(title)} Two lines over {xlabel} at {at}{each}. {'. '.join(told)}."


def _span(low: float, high: float) -> str:
    return " to ".join(dict.fromkeys(f"{v:.3g}" for v in (low, high)))
