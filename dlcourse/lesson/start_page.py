"""START.md: the lessons in order, what each takes, and how far the learner is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .places import ROOT, command, in_checkout, opening, source_folder, state_folder
from .work import beside, read_json, write_whole

GLOSSARY = "GLOSSARY.md"

LESSONS = {
    "Part I: from one unit to a network that trains": [
        "00 Start here", "01 One unit", "02 A unit learns", "03 A layer", "04 The prediction layer", "05 Hidden layers",
        "06 Backpropagation on a graph", "07 Backpropagation in layers", "08 The training phase",
    ],
    "Part II: depth and learned features": [
        "09 Making depth trainable", "10 Convolution", "11 Features: edges, shapes, objects",
    ],
    "Part III: the GPU": [
        "12 CPU and GPU: two ways to spend transistors", "13 Same code, another engine", "14 One thread per neuron",
        "15 Millions of samples", "16 A billion parameters", "17 Inference in parallel",
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Lesson:
    """One line of the START page."""

    number: str
    title: str
    file: str = ""
    minutes: str = ""
    exercises: tuple[str, ...] = ()


def lessons(work: Path) -> dict[str, list[Lesson]]:
    """The parts of the course with their lessons; one that is not yet written has no file."""
    files = {p.name[:2]: p for p in sorted(work.glob("[0-9][0-9]_*.ipynb"), reverse=True) if ".new." not in p.name}
    return {part: [_lesson(*entry.split(" ", 1), files) for entry in entries] for part, entries in LESSONS.items()}


def _lesson(number: str, title: str, files: dict[str, Path]) -> Lesson:
    if number not in files:
        return Lesson(number, title)
    try:
        minutes, ids = _read(read_json(files[number])["cells"])
    except (KeyError, TypeError, AttributeError):  # a broken notebook is listed all the same
        minutes, ids = "", ()
    return Lesson(number, title, files[number].name, minutes, ids)


def _read(cells: list[dict]) -> tuple[str, tuple[str, ...]]:
    """The minutes that the first cell names, and the ids of the exercises in their order."""
    minutes = re.search(r"[Aa]bout (\d+) minutes", "".join(cells[0]["source"]) if cells else "")
    marks = [cell.get("metadata", {}).get("dlcourse", {}) for cell in cells]
    ids = dict.fromkeys(str(mark["exercise"]) for mark in marks if "exercise" in mark)
    return (minutes[1] if minutes else "", tuple(ids))


def states(work: Path) -> dict[str, str]:
    """Where each exercise stands, by its id, as the last check left it."""
    found = read_json(state_folder(work) / "progress.json").get("exercises")
    entries = found.items() if isinstance(found, dict) else ()
    return {id: str(entry.get("state", "")) for id, entry in entries if isinstance(entry, dict)}


def start_page(work: Path) -> str:
    """The text of START.md."""
    standing, parts = states(work), lessons(work)
    out = [_HEAD.format(next=_next([lesson for entries in parts.values() for lesson in entries], standing)), _TABLE]
    for part, entries in parts.items():
        out.append(f"| **{part}** | | |\n")
        out += [_row(lesson, standing, work) for lesson in entries]
    return "".join(out) + _foot(work)


def _next(there: list[Lesson], standing: dict[str, str]) -> str:
    """What comes next: the first exercise, in the order of the lessons, that is not solved."""
    written = [lesson for lesson in there if lesson.file]
    for lesson in written:
        if left := [id for id in lesson.exercises if standing.get(id) != "correct"]:
            place = f"exercise {left[0]} in" if len(left) < len(lesson.exercises) else "begin"
            return f"**Next:** {place} [{lesson.number} {lesson.title}]({lesson.file})."
    return "**Every exercise is solved.**" if any(lesson.exercises for lesson in written) else ""


def _foot(work: Path) -> str:
    folder = ROOT if in_checkout() else work.parent
    return _FOOT.format(command=command(), folder=folder, backup=state_folder(work) / "backup")


def _row(lesson: Lesson, standing: dict[str, str], work: Path) -> str:
    if not lesson.file:
        return f"| {lesson.number} {lesson.title} | | *not yet written* |\n"
    marks = " ".join(f"{i} {'✓' if standing.get(i) == 'correct' else '–'}" for i in lesson.exercises)
    solved = sum(standing.get(i) == "correct" for i in lesson.exercises)
    tally = f"{solved} of {len(lesson.exercises)} correct: {marks}" if lesson.exercises else "none"
    new = beside(lesson.file)
    update = f" ([update]({new}) lies beside yours)" if (work / new).exists() else ""
    minutes = f"{lesson.minutes} min" if lesson.minutes else ""
    return f"| [**{lesson.number} {lesson.title}**]({lesson.file}){update} | {minutes} | {tally} |\n"


def progress_lines(work: Path) -> list[str]:
    """For a terminal: one line for each lesson that is there, and one for each of its exercises."""
    standing, out = states(work), []
    for lesson in (entry for entries in lessons(work).values() for entry in entries if entry.file):
        solved = sum(standing.get(i) == "correct" for i in lesson.exercises)
        tally = f"{solved} of {len(lesson.exercises)} correct" if lesson.exercises else "no exercises"
        out.append(f"{lesson.number} {lesson.title}: {tally}")
        out += [f"  {i}  {standing.get(i) or 'not attempted'}" for i in lesson.exercises]
    return out or [f"No lessons in {work} yet: {opening()} lays them out."]


def write_start(work: Path) -> Path:
    """Write START.md anew, and beside it the glossary that came with the lessons."""
    glossary = source_folder() / GLOSSARY
    if glossary.exists():
        write_whole(work / GLOSSARY, glossary.read_bytes())
    write_whole(work / "START.md", start_page(work))
    return work / "START.md"


_HEAD = """# Deep learning, built by you

Open the lessons from top to bottom. In a lesson, run a cell with **Shift+Enter**; where you see `...`, it is your turn.
The [glossary](GLOSSARY.md) has the words.

{next}
"""
_TABLE = """
| Lesson | Time | Exercises |
|:--|:--|:--|
"""
_FOOT = """
## Your work

The notebooks in this folder are yours: the course never overwrites one that you have changed. An update of such a
lesson arrives beside yours, with `.new` in its name.

To begin a lesson again, type `{command} reset 00` in a terminal, in the folder `{folder}`.
What you had is kept first, in `{backup}` (a folder that the list of files does not show), and
`{command} reset 00 --restore` brings it back. Close the lesson's tab before, or choose *File > Reload Notebook from
Disk* after; if you are asked on saving, choose *Revert*, since *Overwrite* undoes the reset.
"""
