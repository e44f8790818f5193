"""The authored source of a lesson: py:percent text, read into cells. jupytext reads the same cells (a test says so).

# %% [markdown]                        a text cell: what follows, without the leading "# "
# %%                                   a code cell
# %% tags=["nbval-check-output"]       a code cell whose output the tests compare
# %% exercise 01.1                     a code cell that a learner completes
# %% use 01.1                          the cell after it, `unit = use("01.1")` and no more: graders lock and score it
"""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass, field

HEADER = re.compile(r"# %%(?P<title>[^\[\]=]*?)\s*(?P<markdown>\[markdown\])?\s*(?:tags=(?P<tags>\[.*\]))?\s*")
EXERCISE = re.compile(r"(exercise|use) (\d\d\.\d+)")
USE = re.compile(r"[\w, ]+ = use\([\"'](\d\d\.\d+)[\"']\)")
HEADING = re.compile(r"^#{1,2} +(.+)$", re.M)


class SourceError(ValueError):
    """The source cannot be read; the sentence says where and why."""


@dataclass
class Cell:
    """One cell as authored: kind 'markdown' or 'code', its id, its text, nbval's tags, and the exercise that it holds,
    or whose product it takes over."""

    kind: str
    id: str
    text: str
    tags: list[str] = field(default_factory=list)
    exercise: str = ""
    uses: str = ""


def read(text: str) -> list[Cell]:
    """py:percent text -> cells. An id is the section's title and the place in it, so a new cell moves few ids."""
    cells: list[Cell] = []
    section, place = "top", 0
    for line, chunk in _chunks(text):
        cell = _cell(line, chunk)
        if cell.kind == "markdown" and (heading := HEADING.search(cell.text)):
            section, place = slug(heading[1]), 0
        place += 1
        cell.id = _named(cell) or f"{section}-{place}"
        if any(c.id == cell.id for c in cells):
            raise SourceError(f"line {line}: two cells would have the id {cell.id}; give the sections different titles")
        cells.append(cell)
    if not cells:
        raise SourceError("no cell found: a cell begins with a line '# %%'")
    return cells


def _named(cell: Cell) -> str:
    """Cells of exercises are called after them."""
    number = (cell.exercise or cell.uses).replace(".", "-")
    return f"{'exercise' if cell.exercise else 'points'}-{number}" if number else ""


def slug(title: str) -> str:
    """'2 · Multiply, add, bend' -> '2-multiply-add-bend'"""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:32].strip("-") or "section"


def _chunks(text: str) -> list[tuple[int, str]]:
    """(line number, header and body) of each cell; what stands above the first cell is jupytext's own header."""
    chunks: list[tuple[int, list[str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("# %%"):
            chunks.append((number, []))
        elif not chunks and line.strip() and not line.startswith("#"):
            raise SourceError(f"line {number}: code above the first '# %%'")
        if chunks:
            chunks[-1][1].append(line)
    return [(number, "\n".join(lines)) for number, lines in chunks]


def _cell(line: int, chunk: str) -> Cell:
    header, _, body = chunk.partition("\n")
    found = HEADER.fullmatch(header)
    if not found:
        raise SourceError(f"line {line}: cannot read the cell header {header!r}")
    title, tags = found["title"].strip(), found["tags"]
    exercise = EXERCISE.fullmatch(title)
    if title.startswith(("exercise", "use")) and not exercise:
        raise SourceError(
            f"line {line}: an exercise is written '# %% exercise 01.1' or '# %% use 01.1', got {header!r}"
        )
    body = body.strip("\n")
    if found["markdown"]:
        return Cell("markdown", "", _uncommented(line, body), json.loads(tags or "[]"))
    word, number = exercise.groups() if exercise else ("", "")
    if word == "use" and not ((says := USE.fullmatch(body.strip())) and says[1] == number):
        raise SourceError(f"line {line}: a cell 'use {number}' holds one line, name = use(\"{number}\")")
    numbers = {"exercise": number if word == "exercise" else "", "uses": number if word == "use" else ""}
    return Cell("code", "", airy(body), json.loads(tags or "[]"), **numbers)


def _uncommented(line: int, body: str) -> str:
    for offset, row in enumerate(body.splitlines(), 1):
        if row and not row.startswith("#"):
            raise SourceError(f"line {line + offset}: a line of a text cell begins with '# ', got {row!r}")
    return re.sub(r"^# ?", "", body, flags=re.M).strip("\n")


def airy(code: str) -> str:
    """One empty line at most: two, as formatters want them between functions, waste a small screen."""
    return re.sub(r"\n{3,}", "\n\n", textwrap.dedent(code)).rstrip()
