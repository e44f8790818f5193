"""What a class receives: the notebooks as they are delivered, the glossary, and a note; no word of a solution in it."""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path
from typing import Any

from ..exercises import Exercise, exercises
from ..lesson.places import source_folder
from ..nn.storage import write_whole
from .given_away import body_rows, told

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
    problems = []
    for name, data in files.items():
        said = data.decode()
        found = given_away(name[:2], json.loads(said)) if name.endswith(".ipynb") else told("the text", said)
        problems += [f"{name}: {problem}" for problem in found]
    if problems:
        raise ReleaseError("These files give something away: " + "; ".join(problems))
    to.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_whole(to / name, data)
    return [to / name for name in files]


def given_away(lesson: str, notebook: dict[str, Any]) -> list[str]:
    """What in a learner's notebook tells a solution: an output, an answer that is not open, or a row of a solution."""
    found, answers = [], {}
    for n, cell in enumerate(notebook["cells"], 1):
        where = f"cell {cell.get('id', n)}"
        if cell.get("outputs") or cell.get("execution_count"):
            found.append(f"{where} has been run")
        if "### " in "".join(cell["source"]) and cell["cell_type"] == "code":
            found.append(f"{where} has a marker of the source")
        found += told(where, cell)
        answers[cell.get("metadata", {}).get("dlcourse", {}).get("exercise", "")] = "".join(cell["source"])
    found += told("the notebook's metadata", {key: value for key, value in notebook.items() if key != "cells"})
    for ex in exercises(lesson).values():
        if ex.id not in answers:
            found.append(f"there is no cell for exercise {ex.id}")
        elif not is_open(ex, answers[ex.id]):
            found.append(f"exercise {ex.id} is not open")
    return found


def is_open(ex: Exercise, source: str) -> bool:
    """Is an answer as it is given out: with a `...` in its code, or with every row of the code that is to be mended?"""
    if ex.broken is not None:
        return set(body_rows(inspect.getsource(ex.broken))) <= {row.strip() for row in source.splitlines()}
    try:
        return any(isinstance(n, ast.Constant) and n.value is ... for n in ast.walk(ast.parse(source)))
    except SyntaxError:
        return False
