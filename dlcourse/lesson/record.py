"""What a learner has done so far: one small file, replaced whole at every change.

{"version": 1, "exercises": {id: {state, tries, hints, read_solution}}, "predictions": {id: {first, now, hit}}}

Outside a work folder nothing is written. Where the file cannot be written (a full or read-only disk) the lesson goes on
and remembers until the kernel stops; it says so once.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .cards import say
from .start_page import write_start
from .work import WorkError, state_folder, write_whole

KINDS = ("exercises", "predictions")
FIELDS = {"state": str, "tries": int, "hints": int, "read_solution": bool, "hit": bool}  # and what they must be
memory: dict[str, Any] = {}  # the entries that could not be written, until they are, or the kernel stops
said: set[str] = set()  # what has been said once


def folder() -> Path | None:
    """The course's notes in the work folder that this notebook lies in, or None outside of one."""
    if chosen := os.environ.get("DLCOURSE_WORK"):
        return state_folder(Path(chosen).expanduser().resolve())
    try:
        here = Path.cwd()
        return next((state_folder(p) for p in (here, *here.parents) if state_folder(p).is_dir()), None)
    except OSError:  # a folder that is gone, or may not be looked into
        return None


def read() -> dict[str, Any]:
    """The record as it stands: what is written, and over it what could not be written."""
    found = _written()
    for kind in KINDS:
        found[kind].update(memory.get(kind, {}))
    return found


def _written() -> dict[str, Any]:
    if (place := folder()) is None:
        return _whole({})
    path = place / "progress.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not (isinstance(found, dict) and all(isinstance(found.get(kind, {}), dict) for kind in KINDS)):
            raise ValueError("this is no record")
    except (FileNotFoundError, NotADirectoryError):
        return _whole({})
    except (OSError, ValueError, RecursionError):
        _put_aside(path)
        return _whole({})
    return _whole(found)


def _whole(found: dict[str, Any]) -> dict[str, Any]:
    """Every part there, and nothing of a wrong kind."""
    entries = {kind: {k: v for k, v in found.get(kind, {}).items() if isinstance(v, dict)} for kind in KINDS}
    for entry in (entry for part in entries.values() for entry in part.values()):
        for name in [n for n, v in entry.items() if not isinstance(v, FIELDS.get(n, object))]:
            del entry[name]
    return {"version": 1, **entries}


def _put_aside(path: Path) -> None:
    """A file that cannot be read is kept under another name."""
    stem, n = f"progress.broken-{time.strftime('%Y-%m-%d_%H-%M-%S')}", 1
    while (aside := path.with_name(f"{stem}{f'_{n}' if n > 1 else ''}.json")).exists():
        n += 1
    try:
        os.replace(path, aside)
        once("aside", "Your progress could not be read", f"It begins anew; the old file is kept as `{aside.name}`.")
    except OSError:
        pass


def change(kind: str, id: str, update: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Change one entry and write the record. Returns the entry. Never raises because of the disk."""
    with _alone():
        record = read()
        entry = record[kind].setdefault(id, {})
        update(entry)
        text = json.dumps(record, indent=1, ensure_ascii=False)
        if keep("progress.json", text, lambda: memory.setdefault(kind, {}).update({id: entry})):
            memory.clear()
    return entry


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two notebooks change the record one after the other, so that neither undoes what the other wrote."""
    place = folder()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, OSError):  # where there are no such locks, it goes on without
            import fcntl

            if place is not None:
                place.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context(open(place / "progress.lock", "w"))
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def keep(name: str, text: str, otherwise: Callable[[], None] = lambda: None) -> bool:
    """Write a file of the record whole. If that fails, or there is no work folder: do `otherwise`, and say so once."""
    place = folder()
    if place is None:
        otherwise()
        return False
    try:
        write_whole(place / name, text)
    except WorkError as problem:
        otherwise()
        once("disk", "Not saved", f"{problem} The lesson goes on, and remembers until the kernel stops.")
        return False
    return True


def on_start_page() -> None:
    """Show on the START page, where there is one, what has been solved. Never raises because of the disk."""
    place = folder()
    if place is not None and (place.parent / "START.md").exists():
        with contextlib.suppress(WorkError):
            write_start(place.parent)


def once(key: str, label: str, sentence: str) -> None:
    """Say something a single time in this kernel."""
    if key not in said:
        said.add(key)
        say(label, sentence, "wrong")
