"""Where published data are looked for: the folder DLCOURSE_DATA, then the cache. Nothing here uses the network."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from .dataset import DataError
from .idx import read_idx, sha256
from .published import FILES, PUBLISHED, Published


def cache_folder() -> Path:
    """DLCOURSE_CACHE, or else the folder `dlcourse` where this system keeps what can be fetched again."""
    if chosen := os.environ.get("DLCOURSE_CACHE"):
        return _path(chosen)
    if sys.platform == "win32":
        return _path(os.environ.get("LOCALAPPDATA") or "~/AppData/Local") / "dlcourse" / "Cache"
    if sys.platform == "darwin":
        return _path("~/Library/Caches/dlcourse")
    return _path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "dlcourse"


def folders(wanted: Published) -> Iterator[Path]:
    """Every folder in which the four files may lie, best first."""
    if data := os.environ.get("DLCOURSE_DATA"):
        yield from (_path(data) / name for name in wanted.folders)
        yield _path(data)
    yield cache_folder() / wanted.folders[0]


def find(wanted: Published) -> list[Path] | None:
    """The four files, in the order of FILES, from the first folder that has all of them; None if no folder has."""
    for folder in folders(wanted):
        found = files_in(folder)
        if found and not (_shared(folder) and other_set(found, wanted)):
            return found
    return None


def files_in(folder: Path) -> list[Path] | None:
    """The four files in this folder, packed or not, in the order of FILES; None if one is missing."""
    found = [_file(folder, file) for file in FILES]
    return None if None in found else found


def describe(folder: Path) -> str:
    """The folder, and what it lacks if it holds some of the four files but not all."""
    lacks = [file for file in FILES if _file(folder, file) is None]
    return f"{folder}, which lacks {' and '.join(lacks)}" if 0 < len(lacks) < len(FILES) else str(folder)


def _file(folder: Path, file: str) -> Path | None:
    return next(filter(os.path.isfile, _spellings(folder, file)), None)


def other_set(found: list[Path], wanted: Published) -> Published | None:
    """The other published set, if it is that one whose test labels lie here. A damaged file says nothing."""
    try:
        labels = sha256(read_idx(found[3], 1))
    except DataError:
        return None
    return next((other for other in PUBLISHED.values() if other is not wanted and other.sha256[3] == labels), None)


def _shared(folder: Path) -> bool:
    """The files lie in DLCOURSE_DATA itself, so the folder's name does not say which set they are."""
    data = os.environ.get("DLCOURSE_DATA")
    return bool(data) and folder == _path(data)


def _spellings(folder: Path, file: str) -> Iterator[Path]:
    for name in (file, file.replace("-idx", ".idx")):
        yield folder / f"{name}.gz"
        yield folder / name


def _path(text: str) -> Path:
    return Path(os.path.expanduser(text))
