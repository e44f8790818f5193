"""How every figure of the course looks: the colours, the paper, and the rule that a figure describes itself."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart by colour-blind eyes, and of different lightness in print without colour.
BLUE, VERMILION, ORANGE, GREEN, SKY = "#0072B2", "#D55E00", "#E69F00", "#009E73", "#56B4E9"
INK, FAINT, GREY, PALE = "#222222", "#6b6b6b", "#8a8a8a", "#d9d9d9"  # text, faint text, lines, thin lines

STYLE = {
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "figure.facecolor": "white",
    "figure.titlesize": 12,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
WIDTH = 7.2  # inches: 690 pixels on a page, the width of a notebook's text


def described(draw: Callable[..., tuple[Figure, str]]) -> Callable[..., Figure]:
    """draw(data) -> (figure, alt)  becomes  figure(data) -> Figure with `.alt`, drawn in the course's style."""

    @functools.wraps(draw)
    def figure(*args: Any, **kwargs: Any) -> Figure:
        with mpl.rc_context(STYLE):
            fig, alt = draw(*args, **kwargs)
        fig.alt = alt
        return fig

    return figure


def panels(rows: int, columns: int, size: tuple[float, float], **options: Any) -> tuple[Figure, np.ndarray]:
    """A figure with axes (rows, columns). Made without pyplot, so that nothing is shown twice or kept alive."""
    fig = Figure(figsize=size, layout="constrained")
    return fig, fig.subplots(rows, columns, squeeze=False, **options)


def square(image: Any) -> np.ndarray:
    """A grey image      (Y,X) (Y,X,1) (Y·X,) -> (Y,X)"""
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim == 1:
        side = int(round(image.size**0.5))
        if side * side != image.size:
            raise ValueError(f"a row of {image.size} pixels is not a square image")
        image = image.reshape(side, side)
    if image.ndim != 2:
        raise ValueError(f"an image to draw is (Y,X), (Y,X,1) or a row of pixels, got {image.shape}")
    return image


def draw_image(ax: Any, image: Any, edge: str = GREY, edge_width: float = 0.8) -> None:
    """Ink dark on white paper, 0 to 1, each pixel a square."""
    ax.imshow(square(image), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color=edge, linewidth=edge_width)


def listed(words: Any) -> str:
    """1, 2, 3 -> '1, 2 and 3'"""
    words = [str(w) for w in words]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def same_length(**given: Any) -> int:
    """The common length of several sequences; says which differ."""
    lengths = {name: len(v) for name, v in given.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError("these must have one length: " + ", ".join(f"{k} has {n}" for k, n in lengths.items()))
    return next(iter(lengths.values()))


def sentence(title: str) -> str:
    """A title as the first sentence of a description: with a full stop, unless it ends in a mark of its own."""
    return title if title.endswith((".", "?", "!")) else f"{title}."


def counted(n: int, what: str) -> str:
    """1, 'seed' -> '1 seed'     3, 'seed' -> '3 seeds'     3, 'batch' -> '3 batches'     3, 'epoch' -> '3 epochs'"""
    return f"{n} {what}" if n == 1 else f"{n} {what}{'es' if what.endswith(('tch', 'sh', 's')) else 's'}"
