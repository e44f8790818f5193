"""`show(figure)`: a figure on the page, with its description."""

from __future__ import annotations

import base64
import html
import io
import sys
from typing import Any

from .cards import Shown, put

DPI, COLOURS = 160, 128  # dots per inch, where a page has 96: lines stay sharp on a fine screen
PAPER = (
    "background:#fff;display:inline-block;padding:10px 14px;margin:.4em 0;border-radius:6px;"
    "border:1px solid #d8d8d8;max-width:100%;box-sizing:border-box"
)


def picture(mime: str, data: bytes, alt: str, width: float) -> Shown:
    """An image as `<figure><img alt src=data:>`: the form that keeps picture and description when a notebook is
    reopened, not trusted, or exported."""
    src = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    size = f"width:{width:.0f}px;max-width:100%;height:auto;display:block"
    img = f'<img alt="{html.escape(alt)}" src="{src}" style="{size}">'
    return Shown(f'<figure style="{PAPER}">{img}</figure>', alt)


def png(figure: Any) -> bytes:
    """The figure as a PNG of few colours: a quarter of the size, so that a notebook full of pictures stays small."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    with Image.open(drawn) as image:
        rgb, spread_out = image.convert("RGB"), Image.Quantize.MAXCOVERAGE  # else a scale loses its rare colours
        few = rgb.quantize(COLOURS, method=spread_out, dither=Image.Dither.NONE)
    few.save(small, "png", optimize=True)
    return small.getvalue()


def _word(value: Any) -> str:
    """A value in a word or two."""
    shape = getattr(value, "shape", None)
    return f"the {type(value).__name__} {value!r:.60}" if shape is None else f"an array of shape {shape}"


def show(figure: Any, alt: str | None = None) -> None:
    """Show a matplotlib figure. The course's own describe themselves; for one of yours say in `alt` what it shows."""
    if not hasattr(figure, "savefig"):
        raise TypeError(f"show takes a figure, such as figures.digits(images, labels), got {_word(figure)}")
    alt = (alt or getattr(figure, "alt", None) or "").strip()
    if not alt:
        raise ValueError('this figure has no description: say in one sentence what it shows, show(fig, "...")')
    data = png(figure)
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(figure)  # or the notebook would show it a second time
    put(picture("image/png", data, alt, figure.get_figwidth() * 96))
