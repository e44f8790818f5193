"""How long is a lesson, and is it easy to read? The measures of style, and their bounds."""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass

from .openings import without_markers
from .source import Cell

RHYTHM = (  # which markdown cell must hold what
    (0, re.compile(r"\*\*The question\.\*\*[^?]*\?"), "the first cell has no `**The question.**` with a question mark"),
    (0, re.compile(r"[Aa]bout \d+ minutes"), "the first cell does not say `About NN minutes`"),
    (-1, re.compile(r"^## What you can now claim$", re.M), "the last cell has no heading `What you can now claim`"),
    (-1, re.compile(r"^## What you can now claim$.*\?", re.M | re.S), "the last cell ends without a question"),
)
LOOK = re.compile(r"\b(show|explore\w*|LivePlot)\(")


@dataclass(frozen=True)
class Facts:
    """cells and words are counts; lines: code lines of each code cell; stretch: most code cells in a row without a
    picture; columns: the longest line of code; missing: what the opening and the end lack, one sentence each."""

    cells: int
    words: int
    lines: tuple[int, ...]
    figures: int
    stretch: int
    columns: int
    missing: tuple[str, ...] = ()

    @property
    def median(self) -> float:
        return statistics.median(self.lines)

    @property
    def most_of_them(self) -> int:
        """90 % of the code cells have at most so many lines."""
        return sorted(self.lines)[max(0, -(-9 * len(self.lines) // 10) - 1)]

    def __str__(self) -> str:
        return (
            f"{self.cells} cells ({len(self.lines)} code), {self.words:,} words; code lines: median {self.median:g}, "
            f"90 % at most {self.most_of_them}, longest {max(self.lines)}, {self.columns} columns; "
            f"{self.figures} cells with something to look at, at most {self.stretch} without in a row"
        )

    def problems(self) -> list[str]:
        """One sentence for each bound that is broken."""
        bounds = [
            (15 <= self.cells <= 45, f"{self.cells} cells, wanted 15 to 45"),
            (900 <= self.words <= 2000, f"{self.words} words, wanted 900 to 2,000"),
            (self.median <= 4, f"median of {self.median:g} code lines, wanted at most 4"),
            (self.most_of_them <= 12, f"90 % of the code cells within {self.most_of_them} lines, wanted 12"),
            (max(self.lines) <= 25, f"a code cell of {max(self.lines)} lines, wanted at most 25"),
            (self.columns <= 95, f"a code line of {self.columns} columns, wanted at most 95"),
            (self.stretch <= 3, f"{self.stretch} code cells in a row with nothing to look at, wanted at most 3"),
        ]
        return [sentence for fine, sentence in bounds if not fine] + list(self.missing)


def facts(cells: list[Cell]) -> Facts:
    """Measure a lesson as a learner reads it."""
    code = [without_markers(c.text) for c in cells if c.kind == "code"]
    if not code:
        raise ValueError("a lesson has at least one code cell")
    texts = [c.text for c in cells if c.kind == "markdown"] or [""]
    looks = [bool(LOOK.search(text)) for text in code]
    return Facts(
        cells=len(cells),
        words=sum(map(_words, texts)),
        lines=tuple(sum(bool(row.strip()) for row in text.splitlines()) for text in code),
        figures=sum(looks),
        columns=max(len(row) for text in code for row in text.splitlines() or [""]),
        missing=tuple(sentence for place, form, sentence in RHYTHM if not form.search(texts[place])),
        stretch=max(len(run) for run in "".join(".x"[not look] for look in looks).split(".")),
    )


def _words(markdown: str) -> int:
    prose = re.sub(r"\$\$.*?\$\$|\$[^$\n]*\$|```.*?```|\]\([^)]*\)", " ", markdown, flags=re.S)
    return len(re.findall(r"[^\W_][\w’'.,\-]*", prose))
