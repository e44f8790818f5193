"""The learner's copy of the lessons: laid out once, never overwritten, brought up to date beside what she wrote.

A notebook counts as *edited* when the source of any cell differs from what was delivered. One that was only run (other
outputs, counts, metadata) is brought up to date in place, after a backup. Every file is replaced whole or not at all.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .opened import as_opened
from .places import command, source_folder, state_folder


class WorkError(Exception):
    """Something about the work folder that the learner can mend; the message is one sentence that says how."""


# ---- files, whole or not at all


@contextmanager
def _plainly(path: Path) -> Iterator[None]:
    """An error of the file system becomes one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            why = "the disk is full; free some space and try again"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            why = "it may not be written; set DLCOURSE_WORK to a folder of your own"
        elif error.errno in (errno.ENOTDIR, errno.EEXIST):
            why = "a file lies where its folder should be; move it away, or set DLCOURSE_WORK to another folder"
        else:
            why = error.strerror or str(error)
        raise WorkError(f"Cannot write {path}: {why}. Your work is as it was.") from error


def write_whole(path: Path, content: bytes | str) -> None:
    """Replace a file in one move: a full disk or a lost power supply leaves the old one."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    with _plainly(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(draft, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; a missing or broken file reads as an empty one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def backup(path: Path, work: Path) -> Path:
    """Copy a file into the backup folder, under a name with the time that nothing else has. Returns the copy."""
    folder = state_folder(work) / "backup"
    stem = f"{time.strftime('%Y-%m-%d_%H-%M-%S')}_{path.name.removesuffix('.ipynb')}"
    with _plainly(folder):
        data = path.read_bytes()
        folder.mkdir(parents=True, exist_ok=True)
        for n in range(1, 1000):
            copy = folder / (f"{stem}.ipynb" if n == 1 else f"{stem}_{n}.ipynb")
            try:
                file = open(copy, "xb")  # noqa: SIM115
            except FileExistsError:
                continue
            try:
                with file:
                    file.write(data)
            except BaseException:
                copy.unlink()
                raise
            return copy
    raise WorkError(f"No free name for a backup in {folder}: move some of the old ones away.")


def backups(stem: str, work: Path) -> list[Path]:
    """The backups of one notebook, the newest first."""
    form = re.compile(rf"([-\d]{{10}}_[-\d]{{8}})_{re.escape(stem)}(?:_(\d+))?\.ipynb")
    found = [(form.fullmatch(path.name), path) for path in (state_folder(work) / "backup").glob("*.ipynb")]
    order = {path: (match[1], int(match[2] or 1)) for match, path in found if match}
    return sorted(order, key=order.__getitem__, reverse=True)


# ---- laying out the lessons


@dataclass
class Change:
    """What laying out did, as file names."""

    new: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    laid_beside: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        said = [f"{name} was brought up to date." for name in self.updated]
        said += [
            f"{_base(name)} has an update; yours is untouched, the new one is {name}." for name in self.laid_beside
        ]
        return said + [f"{name} was deleted here; `{command()} reset {name[:2]}` brings it back." for name in self.gone]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sources(data: bytes) -> str:
    """A hash of what a learner writes in a notebook: the cells' kinds and sources. Broken JSON counts byte by byte."""
    try:
        cells = [(c["cell_type"], "".join(c["source"])) for c in json.loads(data)["cells"]]
    except (ValueError, KeyError, TypeError):
        return _digest(data)
    return _digest(json.dumps(cells).encode())


def beside(name: str) -> str:
    """The name under which an update of an edited lesson arrives."""
    return name.removesuffix(".ipynb") + ".new.ipynb"


def _base(name: str) -> str:
    return name.removesuffix(".new.ipynb") + ".ipynb"


def _note(work: Path, records: dict[str, Any]) -> None:
    write_whole(state_folder(work) / "lessons.json", json.dumps({"version": 1, "lessons": records}, indent=1))


def _records(work: Path) -> dict[str, Any]:
    found = read_json(state_folder(work) / "lessons.json").get("lessons")
    return found if isinstance(found, dict) else {}


def _record(data: bytes) -> dict[str, str]:
    return {"delivered": _digest(data), "laid": _digest(as_opened(data)), "sources": sources(data)}


def _is(mine: bytes, data: bytes) -> bool:
    return mine in (data, as_opened(data))


def _untouched(mine: bytes, record: dict[str, Any]) -> bool:
    return _digest(mine) in (record.get("delivered"), record.get("laid"))


def lay_out(work: Path, source: Path | None = None, *, in_use: bool = False) -> Change:
    """Bring the work folder up to date with the course. `in_use`: a notebook may be open, so none is replaced."""
    done, records = Change(), _records(work)
    for lesson in sorted((source or source_folder()).glob("[0-9][0-9]_*.ipynb")):
        _lay_out_one(work, lesson, records, done, in_use)
    return done


def _lay_out_one(work: Path, lesson: Path, records: dict[str, Any], done: Change, in_use: bool) -> None:
    name, data, record = lesson.name, lesson.read_bytes(), records.get(lesson.name, {})
    fresh = _record(data)
    if not (work / name).exists():
        if record:
            done.gone.append(name)
            return
        write_whole(work / name, as_opened(data))
        done.new.append(name)
    else:
        mine = (work / name).read_bytes()
        has_it = _is(mine, data) or (sources(mine) == fresh["sources"] and not _untouched(mine, record))
        if not has_it and fresh["delivered"] in (record.get("delivered"), record.get("beside")):
            return
        if not has_it and sources(mine) != record.get("sources"):
            _lay_beside(work, name, data, done)
            fresh = {**record, "beside": fresh["delivered"]}
        elif not has_it:
            if in_use:
                return
            _bring_up_to_date(work, name, data, record, done)
    if record != fresh:
        records[name] = fresh
        _note(work, records)


def _bring_up_to_date(work: Path, name: str, data: bytes, record: dict[str, Any], done: Change) -> None:
    """Replace a lesson in which nothing was written; if it was run, what that showed is kept in the backups."""
    if not _untouched((work / name).read_bytes(), record):
        backup(work / name, work)
    write_whole(work / name, as_opened(data))
    done.updated.append(name)


def _lay_beside(work: Path, name: str, data: bytes, done: Change) -> None:
    """The new version under its own name; an older one that lies there is kept in the backups."""
    new = work / beside(name)
    if new.exists() and not _is(new.read_bytes(), data):
        backup(new, work)
    write_whole(new, as_opened(data))
    done.laid_beside.append(new.name)


def find_lesson(number: str, source: Path | None = None) -> Path:
    """The delivered notebook of this number ("3", "03" or its file name)."""
    folder = source or source_folder()
    wanted = (number, f"{number}.ipynb", number.zfill(2) if number.isdigit() else number)
    found = [p for p in folder.glob("[0-9][0-9]_*.ipynb") if p.name in wanted or p.name[:2] in wanted]
    if not found:
        there = ", ".join(sorted(p.name[:2] for p in folder.glob("[0-9][0-9]_*.ipynb"))) or "none"
        raise WorkError(f"There is no lesson {number!r} to reset; these are there: {there}.")
    return found[0]


def reset(number: str, work: Path, source: Path | None = None) -> tuple[Path, Path | None]:
    """Lay a lesson out as it was delivered. What was there is backed up first; returns the lesson and the backup."""
    lesson, records = find_lesson(number, source), _records(work)
    data, here, hers = lesson.read_bytes(), work / lesson.name, work / beside(lesson.name)
    kept = backup(here, work) if here.exists() and not _is(here.read_bytes(), data) else None
    write_whole(here, as_opened(data))
    if hers.exists() and _is(hers.read_bytes(), data):
        with _plainly(hers):
            hers.unlink()
    records[lesson.name] = _record(data)
    _note(work, records)
    return here, kept


def restore(number: str, work: Path, source: Path | None = None) -> tuple[Path, Path, Path | None]:
    """Lay the newest backup of a lesson out that differs from what lies there, which is backed up where nothing has it.

    Returns the lesson, the backup that was taken, and the backup made of what lay there, if one was.
    """
    lesson = find_lesson(number, source)
    here, old = work / lesson.name, backups(lesson.stem, work)
    there = here.read_bytes() if here.exists() else None
    taken = next((path for path in old if path.read_bytes() != there), None)
    if not old:
        raise WorkError(
            f"There is no backup of lesson {lesson.name[:2]} yet: the first reset of a changed lesson makes one."
        )
    if taken is None:
        raise WorkError(f"No backup of {lesson.name} in {state_folder(work) / 'backup'} differs from what lies there.")
    data = taken.read_bytes()
    safe = there is None or _is(there, lesson.read_bytes()) or any(path.read_bytes() == there for path in old)
    kept = None if safe else backup(here, work)
    write_whole(here, data)
    return here, taken, kept
