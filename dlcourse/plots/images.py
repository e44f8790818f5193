"""Pictures of images: what goes into a network, and what it said."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import (
    BLUE,
    FAINT,
    INK,
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

MOST = 60  # images in one figure: more cannot be looked at
LETTER = 0.095  # inches that a letter of a title takes at most, on average


def _grid(n: int, columns: int, title: str) -> tuple[Figure, np.ndarray]:
    """Axes for n images in rows of `columns`, empty places switched off. The cells of a row keep their size, and a
    figure with few of them is no wider than they, or its title, need."""
    if n > MOST:
        raise ValueError(f"a grid shows at most {MOST} images, got {n}: take some of them, images[:{MOST}]")
    rows, cell = -(-n // columns), WIDTH / columns  # inches
    if n:
        needed = int(np.ceil((0.2 + LETTER * len(title)) / cell))
        columns = min(columns, max(n, needed))
    fig, axes = panels(max(1, rows), columns, (cell * columns, 0.42 + (cell + 0.17) * rows))
    for ax in axes.flat[n:]:
        ax.axis("off")
    fig.suptitle(title if n else f"{title}: none", x=0.01, ha="left")
    return fig, axes.flat[:n]


def _several(name: str, images: Any, **words: Any) -> int:
    """How many images there are, each with its words; one sentence where a single one was handed over."""
    single = next((word for word, given in words.items() if np.ndim(given) == 0), "")
    if single:
        raise ValueError(f"{name} takes several images, and {single} with one entry for each: images[:1], {single}[:1]")
    return same_length(images=images, **words)


@described
def digits(images: Any, captions: Any, title: str = "Handwritten digits", columns: int = 10) -> tuple[Figure, str]:
    """Images under their captions.      images (B,Y,X) (B,Y,X,1) or (B,F)   captions (B,)"""
    n = _several("digits", images, captions=captions)
    fig, axes = _grid(n, columns, title)
    for ax, image, caption in zip(axes, images, captions):
        draw_image(ax, image)
        ax.set_title(str(caption), loc="center", fontsize=11)
    size = " of {} by {} pixels".format(*square(images[0]).shape) if n else ""
    return fig, f"{sentence(title)} {counted(n, 'grey image')}{size}, captioned {listed(captions)}."


@described
def predictions(
    images: Any,
    said: Any,
    true: Any,
    title: str = "What the network said",
    columns: int = 10,
    who: str = "the network",
) -> tuple[Figure, str]:
    """Images under what was said. A wrong one has a cross, bold type, a thick frame and the truth in brackets."""
    n = _several("predictions", images, said=said, true=true)
    fig, axes = _grid(n, columns, title)
    wrong = []
    for ax, image, s, t in zip(axes, images, said, true):
        if s == t:
            draw_image(ax, image)
            ax.set_title(f"{s}", loc="center", fontsize=11)
            continue
        draw_image(ax, image, VERMILION, 2.4)
        ax.set_title(f"✗ {s} ({t})", loc="center", fontsize=11, weight="bold", color=VERMILION)
        wrong.append(f"{t} called {s}")
    told = f"{len(wrong)} wrong: {listed(wrong)}." if wrong else f"All {n} are right: {listed(said)}."
    return fig, f"{sentence(title)} {counted(n, 'image')} under the answer of {who}. {told}"


@described
def pixels(image: Any, title: str = "One image, as the computer has it") -> tuple[Figure, str]:
    """An image beside its numbers, each written in its square.      image (Y,X), (Y,X,1) or (F,), 0 paper to 1 ink"""
    image = square(image)
    rows, columns = image.shape
    if max(rows, columns) > 12:
        raise ValueError(f"numbers can be read in images up to 12 by 12 pixels, got {rows} by {columns}")
    fig, axes = panels(1, 2, (WIDTH, 3.7))
    left, right = axes[0]
    draw_image(left, image)
    left.set_title("for you", loc="center")
    right.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), xticks=[], yticks=[], aspect="equal")
    right.spines[:].set_visible(True)
    right.set_title("for the computer", loc="center")
    for y, x in np.ndindex(rows, columns):
        v = image[y, x]
        right.text(x, y, f"{v:.1f}" if v else "0", ha="center", va="center", fontsize=9.5, color=INK if v else FAINT)
    fig.suptitle(title, x=0.01, ha="left")
    return fig, (
        f"{sentence(title)} On the left a grey image of {rows} by {columns} pixels; on the right its "
        f"{image.size} numbers in the same places, from {image.min():.1f} (paper) to {image.max():.1f} (ink); "
        f"{int((image == 0).sum())} of them are 0."
    )


@described
def answer(image: Any, p: Any, true: Any = None, title: str = "One image and its answer") -> tuple[Figure, str]:
    """An image beside a bar for each class.      image (Y,X), (Y,X,1) or (F,)   p (K,) probabilities"""
    p = np.asarray(p, dtype=float)
    said = int(p.argmax())
    fig, axes = panels(1, 2, (WIDTH, 2.5), width_ratios=[1, 2.4])
    left, right = axes[0]
    draw_image(left, image)
    if true is not None:
        left.set_xlabel(f"the truth: {true}")
    bars = right.bar(range(len(p)), p, color=[BLUE if k == said else SKY for k in range(len(p))], width=0.75)
    bars[said].set(edgecolor=INK, linewidth=1.6)
    right.bar_label(bars, [f"{v:.2f}" for v in p], fontsize=9.5, padding=2)
    right.set(xticks=range(len(p)), xlabel="digit", ylabel="probability", ylim=(0, 1.12), yticks=[0, 0.5, 1])
    fig.suptitle(f"{title}: says {said}, with probability {p[said]:.2f}", x=0.01, ha="left")
    told = ", ".join(f"{k}: {v:.2f}" for k, v in enumerate(p))
    written = "" if true is None else f" The truth is {true}."
    bars_told = f"a bar chart of the probability of each class: {told}"
    return fig, f"{sentence(title)} An image, and {bars_told}. The answer is {said}.{written}"
