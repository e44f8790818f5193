"""What a class receives: the notebooks as they are delivered, the glossary, and a note; no word of a solution in it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..exercises import Exercise, exercises
from ..lesson.places import source_folder
from ..nn.storage import write_whole

NOTE = """# The lessons

Install the course (Python 3.11 or newer) from the file that your teacher gives you, then open it in this folder:

    pip install dlcourse-*.whl
    dlcourse lab

Answers may use Python's own library and NumPy, and nothing else.

Hand in the notebooks themselves, one file for each lesson, with your name in front: `smith_01_one_unit.ipynb`.
"""


class ReleaseError(Exception):
    """Nothing was released; the message says why."""


def release(to: Path, source: Path | None = None) -> list[Path]:
    """Write the lessons to a new or empty folder -> the files. ReleaseError comes before anything is written."""
    lessons = sorted((source or source_folder()).glob("[0-9][0-9]_*.ipynb"))
    if not lessons:
        raise ReleaseError(f"There are no lessons in {source or source_folder()}.")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ReleaseError(f"{to} is there already and not empty: nothing is written over. Name another folder.")
    files = {"README.md": NOTE.encode()}
    for path in [*lessons, *lessons[0].parent.glob("GLOSSARY.md")]:
        files[path.name] = path.read_bytes()
    problems = [
        f"{p.name}: {problem}" for p in lessons for problem in given_away(p.name[:2], json.loads(files[p.name]))
    ]
    if problems:
        raise ReleaseError("These notebooks give something away: " + "; ".join(problems))
    to.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_whole(to / name, data)
    return [to / name for name in files]


def given_away(lesson: str, notebook: dict[str, Any]) -> list[str]:
    """What in a learner's notebook tells a solution: an output, or a line of the course's answer in hers."""
    found = []
    cells = {c.get("metadata", {}).get("dlcourse", {}).get("exercise", ""): c for c in notebook["cells"]}
    for cell in notebook["cells"]:
        if cell.get("outputs") or cell.get("execution_count"):
            found.append(f"cell {cell.get('id')} has been run")
        if "### " in "".join(cell["source"]) and cell["cell_type"] == "code":
            found.append(f"cell {cell.get('id')} has a marker of the source")
    for ex in exercises(lesson).values():
        if ex.id not in cells:
            found.append(f"there is no cell for exercise {ex.id}")
            continue
        rows = {row.strip() for row in "".join(cells[ex.id]["source"]).splitlines()}
        if ex.broken is None and not any("..." in row for row in rows):
            found.append(f"exercise {ex.id} is not open")
        ours = solution_rows(ex)
        elsewhere = {row for c in notebook["cells"] if c is not cells[ex.id] for row in everything(c)}
        if sum(map(len, ours)) > 20 and ours <= elsewhere:
            found.append(f"another cell holds the answer to exercise {ex.id}")
        if 2 * len(rows & ours) >= max(1, len(ours)):  # some lines of a class are given
            found.append(f"exercise {ex.id} shows {sorted(rows & ours)[0]!r}")
    return found


def everything(cell: dict[str, Any]) -> set[str]:
    """All lines of a cell: its text, and what stands beside it."""
    text = "".join(cell["source"])
    return {row.strip(" `#") for said in texts({**cell, "source": text}) for row in said.splitlines()}


def texts(data: Any) -> Iterator[str]:
    """Every text in a piece of JSON."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, (list, dict)):
        for value in data.values() if isinstance(data, dict) else data:
            yield from texts(value)


def solution_rows(ex: Exercise) -> set[str]:
    """The lines of the course's answer that a learner writes: what is not the head of a function, nor its docstring.
    Of code that is given out to be mended, none can be told apart."""
    if ex.broken is not None:
        return set()
    rows, tree = ex.solution.splitlines(), ast.parse(ex.solution)
    given = {1} if ex.answer else set()  # a value: what is given is its name and the brackets
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            given.add(node.lineno)
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                given |= set(range(first.lineno, first.end_lineno + 1))
    kept = {row.strip() for n, row in enumerate(rows, 1) if n not in given}
    return {row for row in kept if len(row) > 8 and row not in ("return", "else:")}
