"""What somebody handed in: a notebook, read as JSON and nothing else, and the answers in it.

Whatever the file holds, reading it gives a Submission or an Unreadable with one sentence. Checks that stand in the
file are never run: they are the learner's to change.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..exercises import Exercise, exercises, notebooks
from ..exercises.answer import answer_source

MOST_BYTES, MOST_CELLS, MOST_CELL, MOST_CODE = 20 << 20, 2000, 100_000, 400_000
ID = re.compile(r"\d\d\.\d{1,2}")
GRADE_ID = re.compile(r"exercise-(\d\d)-(\d{1,2})")
CHECK = re.compile(r"^\s*(?:check\(\s*[\"'](\d\d\.\d{1,2})\b|#\s*(?:[Ee]xercise\s+)?(\d\d\.\d{1,2})\s*$)", re.M)
MAGIC = re.compile(r"^\s*(?:[%!].*|[\w.]+\?{1,2}\s*)$", re.M)  # a line for IPython, and not for Python
STEM = re.compile(r"(?<!\d)(\d\d)_[a-z]")


class Unreadable(Exception):
    """The file is no notebook that can be graded; the message says why, in one sentence."""


@dataclass
class Submission:
    """The lesson it belongs to, the source of each answer by the exercise's id, and what is worth a note."""

    lesson: str
    answers: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def digest(path: Path) -> str:
    """A name for what the file holds now; of one that is not read at all, what it is."""
    try:
        if path.is_symlink() or not path.is_file():
            return "no file"
        if (size := path.stat().st_size) > MOST_BYTES:
            return f"{size} bytes"
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"


def load(path: Path) -> dict[str, Any]:
    """The file as JSON. Raises Unreadable."""
    try:
        if path.is_symlink() or not path.is_file():
            raise Unreadable("This is no file of its own (a link, or something else).")
        if (size := path.stat().st_size) > MOST_BYTES:
            raise Unreadable(f"The file has {size / 1e6:.0f} MB, and at most {MOST_BYTES / 1e6:.0f} are read.")
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        raise Unreadable("The file cannot be read as text in UTF-8.") from None
    except (ValueError, RecursionError):
        raise Unreadable("The file is not a notebook: its JSON is broken.") from None
    if not isinstance(found, dict):
        raise Unreadable("The file is not a notebook: there is no list of cells in it.")
    return found


def code_cells(notebook: dict[str, Any]) -> list[tuple[dict, str]]:
    """(metadata, source) of each code cell, of any version of the format; what is no cell is passed over."""
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list):  # version 3 of the format
        cells = [c for sheet in notebook["worksheets"] if isinstance(sheet, dict) for c in sheet.get("cells") or []]
    if not isinstance(cells, list):
        raise Unreadable("The file is not a notebook: there is no list of cells in it.")
    found = []
    for cell in cells[:MOST_CELLS]:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", cell.get("input", ""))
        if isinstance(source, list) and all(isinstance(row, str) for row in source):
            source = "".join(source)
        if isinstance(source, str) and len(source) <= MOST_CELL:
            metadata = cell.get("metadata")
            found.append((metadata if isinstance(metadata, dict) else {}, MAGIC.sub("", source)))
    if sum(len(source) for _, source in found) > MOST_CODE:
        raise Unreadable(f"There is more code in it than {MOST_CODE:,} letters.")
    return found


def read(path: Path, lesson: str = "") -> Submission:
    """The answers of a notebook. lesson: whose exercises to look for; left out, the file tells."""
    cells = code_cells(load(path))
    lesson = lesson or _lesson(path, cells)
    made = Submission(lesson)
    for ex in exercises(lesson).values():
        places = _places(ex, cells)
        if not places:
            continue
        if len(places) > 1:
            made.notes.append(f"{ex.id}: {len(places)} cells answer it, and the last one counts.")
        made.answers[ex.id] = _source(ex, [source for _, source in cells], places[-1])
    return made


def _lesson(path: Path, cells: Iterable[tuple[dict, str]]) -> str:
    """Which lesson this is: the one that most of its exercise cells name, else the one in the file's name."""
    there, named = notebooks(), [mark[:2] for meta, source in cells for mark in _marks(meta, source)]
    known = [number for number in named if number in there]
    found = max(sorted(set(known)), key=known.count, default="")
    in_name = [number for number in STEM.findall(path.name) if number in there]
    lesson = found or (in_name[-1] if in_name else "")
    if not lesson:
        raise Unreadable("No cell names an exercise, and the file's name no lesson: use --lesson NN.")
    return lesson


def _marks(metadata: dict, source: str) -> list[str]:
    """The exercises that a cell claims to answer, the surest sign first."""
    ours, graders = metadata.get("dlcourse"), metadata.get("nbgrader")
    if isinstance(ours, dict) and isinstance(id := ours.get("exercise"), str) and ID.fullmatch(id):
        return [id]
    grade_id = graders.get("grade_id") if isinstance(graders, dict) else None
    if isinstance(grade_id, str) and (mark := GRADE_ID.fullmatch(grade_id)):
        return [f"{mark[1]}.{mark[2]}"]
    return [one or other for one, other in CHECK.findall(source)]


def _places(ex: Exercise, cells: list[tuple[dict, str]]) -> list[int]:
    """The cells that answer this exercise: marked as such; if none is, those that define its names."""
    marked = [i for i, (meta, source) in enumerate(cells) if ex.id in _marks(meta, source)]
    defining = [i for i, (_, source) in enumerate(cells) if set(ex.defines) <= _defined(source)]
    both = [i for i in marked if i in defining]
    return both or marked or defining


def _defined(source: str) -> set[str]:
    """The names that a cell defines or assigns at its top level."""
    found: set[str] = set()
    for node in _parsed(source):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and not _lent(node):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _lent(node: ast.Assign | ast.AnnAssign) -> bool:
    """`unit = use("01.1")` answers nothing."""
    call = node.value
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "use"


def _parsed(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _source(ex: Exercise, cells: list[str], place: int) -> str:
    """The answer with the helpers and imports that it names; the cell as it stands where that cannot be told."""
    order = [*(c for i, c in enumerate(cells) if i != place), cells[place]]
    try:
        whole = answer_source(order, ex.defines, ex.given)
    except (ValueError, RecursionError, MemoryError, SyntaxError):
        whole = ""
    return whole if whole.strip() and _parsed(cells[place]) else cells[place]
