"""What a lesson says to a learner: a card, readable in a light and a dark notebook, and as plain text without one."""

from __future__ import annotations

import html
import re
import sys
from typing import Any

# Each kind has a word and a mark of its own: the colour of the edge only repeats them.
COLOURS = {"info": "#0072B2", "good": "#009E73", "wrong": "#D55E00", "open": "#7f7f7f"}
CARD = (
    "border-left:5px solid {colour};padding:.35em .9em;margin:.3em 0;max-width:46em;line-height:1.5;"
    "font-family:var(--jp-content-font-family,sans-serif);font-size:var(--jp-content-font-size1,14px);"
    "color:var(--jp-content-font-color1,inherit)"
)


class Shown:
    """One output in two forms: HTML for a notebook, and text for everything else."""

    def __init__(self, markup: str, text: str):
        self.markup, self.text = markup, text

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.markup, "text/plain": self.text}


def put(shown: Shown) -> None:
    """Into the notebook; in a plain script, printed as text."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from IPython.display import display

        display(shown)
    else:
        print(shown.text)


def inline(sentence: str) -> str:
    """Escaped, with `code` in the code font."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(sentence, quote=False))


def rows_html(rows: list[tuple[str, str]], code: bool = False) -> str:
    """Two columns: what it is, and what was found; `code`: as it is typed."""
    said = (lambda v: f'<code style="white-space:pre-wrap">{html.escape(v)}</code>') if code else inline
    cells = "".join(f'<div style="opacity:.75">{html.escape(k)}</div><div>{said(v)}</div>' for k, v in rows)
    return f'<div style="display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em;margin-top:.3em">{cells}</div>'


def card(
    label: str,
    sentence: str,
    kind: str = "info",
    rows: list[tuple[str, str]] | None = None,
    below: str = "",
    code: bool = False,
) -> Shown:
    """A label in bold, one sentence, and perhaps some rows below, and more markup below them."""
    rows = rows or []
    below = (rows_html(rows, code) if rows else "") + below
    width = max((len(k) for k, _ in rows), default=0)
    indented = [(k, v if code else v.replace("`", "")) for k, v in rows]
    text = [f"{label}. {sentence}".replace("`", "").rstrip()]
    text += [f"  {k:<{width}}  {v}".replace("\n", "\n" + " " * (width + 4)) for k, v in indented]
    style = CARD.format(colour=COLOURS[kind])
    head = f'<div role="group" aria-label="{html.escape(label)}" style="{style}"><strong>{html.escape(label)}.</strong>'
    markup = f"{head} {inline(sentence)}{below}</div>"
    return Shown(markup, "\n".join(text))


def say(label: str, sentence: str, kind: str = "info", rows: list[tuple[str, str]] | None = None) -> None:
    """Show a card."""
    put(card(label, sentence, kind, rows))
