"""What was handed in: which files below a folder are notebooks, whose each of them is, and what is passed over."""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..lesson.places import source_folder

HIDDEN = re.compile(r"(^|/)(\.|__MACOSX/)")
MOODLE = re.compile(r"(.+?_\d+)_assignsubmission_.*", re.S)
STRANGE = r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"


class BatchError(Exception):
    """The folder cannot be graded; the message says why."""


@dataclass(frozen=True)
class Handed:
    """A file, and whose it is. `file` is its place below the folder."""

    learner: str
    path: Path
    file: str

    @property
    def name(self) -> str:
        """What its result is called: learners choose file names, and these must not choose where ours lie."""
        return hashlib.sha256(self.file.encode("utf-8", "surrogateescape")).hexdigest()[:20] + ".json"


@dataclass(frozen=True)
class Found:
    """The notebooks in order; learners whose folder holds none, and what it holds; every other file."""

    notebooks: list[Handed]
    without: dict[str, tuple[str, str]]  # learner -> (folder, what is in it)
    others: list[str]


def handed_in(folder: Path) -> list[Handed]:
    """Every notebook below a folder, in order. A file in it is of the learner it is called after; in folders, as in
    nbgrader's submitted/, the first one is the learner's name."""
    return look_through(folder).notebooks


def look_through(folder: Path) -> Found:
    """What lies below a folder. BatchError where it is no folder of submissions."""
    if (folder / "submitted").is_dir() and ((folder / "source").is_dir() or (folder / "release").is_dir()):
        raise BatchError(f"{folder} is a course of nbgrader: grade {folder / 'submitted'}.")
    notebooks, others, folders = [], [], []
    for path in folder.rglob("*"):
        file = path.relative_to(folder).as_posix()
        inside = path.is_dir() and path.suffix.lower() != ".ipynb"
        if HIDDEN.search(f"{file}/" if inside else file):
            continue
        if path.suffix.lower() == ".ipynb":
            notebooks.append(Handed(learner_of(file), path, file))
        elif not inside:
            others.append(file)
        elif "/" not in file:
            folders.append(file)
    if not notebooks:
        raise BatchError(f"There is no notebook in {folder}: each submission is a file that ends in .ipynb.")
    _one_level_too_many(folder, notebooks)
    others.sort(key=natural)
    found = Found(sorted(notebooks, key=lambda one: natural(one.file)), {}, others)
    theirs = {one.learner for one in notebooks}
    for name in sorted(folders, key=natural):
        if (who := learner_of(f"{name}/")) not in theirs:
            inside = [file for file in others if learner_of(file) == who and "/" in file]
            told = "it is a link" if (folder / name).is_symlink() else few(inside) or "the folder is empty"
            found.without[who] = (name, told)
    return found


def natural(file: str) -> list:
    """A key for the order of names that people mean: v10 after v9, "unit (1)" after "unit"."""
    parts = re.sub(r"\.ipynb$", "", file, flags=re.I).split("/")
    return [[int(p) if i % 2 else p for i, p in enumerate(re.split(r"(\d+)", part))] for part in parts] + [[file]]


@functools.cache
def patterns() -> tuple[re.Pattern, re.Pattern]:
    """What Canvas puts around a lesson's file, and the lesson's name at the end: "_01_one_unit", also with "(1)". Only
    what a lesson is really called is no part of a name, or two people could be taken for one."""
    stems = "|".join(re.escape(path.stem) for path in source_folder().glob("[0-9][0-9]_*.ipynb")) or "(?!)"
    lesson = rf"(?:{stems})(?: ?\(\d+\)|[-_ ](?:v|Copy)?\d*)*"
    canvas = re.compile(rf"(.+?)_(?:LATE_(\d+)_\d+|(\d+)_\d+)_.*{lesson}", re.S)
    return canvas, re.compile(rf"(?:^|[_\- ]){lesson}$")


def learner_of(file: str) -> str:
    """Whose a file is: the first folder's name, or its own without the lesson and what Canvas and Moodle add."""
    first, _, rest = unicodedata.normalize("NFC", file).partition("/")
    name = first if "/" in file else re.sub(r"\.ipynb$", "", first, flags=re.I)
    if moodle := MOODLE.fullmatch(name):
        return moodle[1]
    if "/" in file:
        return name
    by_canvas, lesson = patterns()
    if canvas := by_canvas.fullmatch(name):
        return f"{canvas[1]}_{canvas[2] or canvas[3]}"
    return lesson.sub("", name) or "(nobody)"


def _one_level_too_many(folder: Path, notebooks: list[Handed]) -> None:
    """Two people's files must not be taken for two tries of one."""
    seen: dict[tuple[str, str], str] = {}
    for one in sorted(notebooks, key=lambda one: one.file):
        here, _, name = one.file.rpartition("/")
        top, deeper, _ = here.partition("/")
        if deeper and seen.setdefault((top, name), here) != here:
            raise BatchError(
                f"{shown(top)} is one learner's folder here, but {shown(name)} lies in {shown(seen[top, name])} and in "
                f"{shown(here)}: if these are two learners, grade {shown(folder / top)} by itself; if it is one, keep "
                "the file that counts."
            )


def few(names: Iterable[str], most: int = 3) -> str:
    """The first few of them, and how many more there are."""
    first, more = (every := list(names))[:most], len(every) - most
    return ", ".join(map(shown, first)) + (f" and {more} more" if more > 0 else "")


def shown(text: object, keep: str = "") -> str:
    """Text without what moves a terminal's cursor, ends a line or turns the direction of reading."""
    return re.sub(STRANGE, lambda found: found[0] if found[0] in keep else "?", str(text))
