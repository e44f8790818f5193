"""One table: what this machine has, what is missing, and the exact command that mends it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from . import gpu
from .browser import find_browser
from .machine import blas, cores
from .mend import install, pip, requirements
from .row import Row

OLDEST = (3, 11)
GIVEN = ("numpy",)  # packages that have a row of their own
COLOURS = {"ok": "32", "note": "33", "red": "31"}
MARKS = {"ok": "ok", "note": "note", "red": "FAIL"}


def examine(work: Path) -> list[Row]:
    """Look at everything that the course uses. A row that cannot be looked at is red; the others go on."""
    looks: list[tuple[str, Callable[[], list[Row]]]] = [
        ("Python", lambda: [python(sys.version_info[:3])]),
        ("dlcourse", lambda: [course()]),
        ("NumPy", numpy_and_blas),
        ("Packages", lambda: [packages(requirements())]),
        ("Processor", lambda: [processor()]),
        ("GPU", gpu.rows),
        ("Data", lambda: [data()]),
        ("Work folder", lambda: [folder(work), disk(work)]),
        ("Browser", lambda: [browser()]),
    ]
    return [row for what, look in looks for row in _safely(what, look)]


def _safely(what: str, look: Callable[[], list[Row]]) -> list[Row]:
    try:
        return look()
    except Exception as error:  # the doctor outlives whatever is broken
        return [Row(what, f"{type(error).__name__}: {error}", "red", install(), essential=True)]


# ---- what is looked at


def python(found: tuple[int, int, int]) -> Row:
    """The running Python; red if it is too old."""
    says = f"{'.'.join(map(str, found))}, {sys.executable}"
    if found[:2] < OLDEST:
        mend = "install a newer Python, then: python3 course.py"
        return Row("Python", f"{says}; the course needs {OLDEST[0]}.{OLDEST[1]}", "red", mend, essential=True)
    return Row("Python", says)


def course() -> Row:
    """The version of dlcourse, and where it lies."""
    place = Path(__file__).resolve().parents[1]
    try:
        return Row("dlcourse", f"{version('dlcourse')}, {place}")
    except PackageNotFoundError:
        return Row("dlcourse", f"not installed, runs from {place}", "note", "python3 course.py doctor")


def numpy_and_blas() -> list[Row]:
    """NumPy, and the library behind its matrix products with its threads."""
    import numpy as np

    return [Row("NumPy", np.__version__), Row("BLAS", blas(threads=True))]


def packages(wanted: list[str]) -> Row:
    """Whether what the course states as its needs is there, in versions that it can use."""
    from packaging.requirements import Requirement

    found, wrong, lost = [], [], []
    for need in map(Requirement, wanted):
        try:
            there = version(need.name)
        except PackageNotFoundError:
            wrong.append(f"{need.name} is missing")
            continue
        if damaged(need.name):
            lost.append(need.name)
        elif not need.specifier.contains(there, prereleases=True):
            wrong.append(f"{need.name} {there} does not satisfy {need.specifier}")
        elif need.name not in GIVEN:
            found.append(f"{need.name} {there}")
    if lost:
        again = f"{pip('install')} --force-reinstall --no-deps {' '.join(lost)}"
        return Row("Packages", f"files of {', '.join(lost)} are missing", "red", again, essential=True)
    if wrong:
        return Row("Packages", "; ".join(wrong), "red", install(), essential=True)
    return Row(
        "Packages",
        ", ".join(found) or "dlcourse is not installed, so its needs are not known",
        "ok" if found else "note",
    )


def damaged(name: str) -> bool:
    """True where a package is listed as installed, and its first files are not there."""
    files = [f for f in distribution(name).files or () if f.suffix == ".py"][:3]
    return bool(files) and not any(Path(f.locate()).exists() for f in files)


def processor() -> Row:
    """Cores that this process may use, and memory."""
    count = cores()
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1e9:.0f} GB of memory"
    return Row(
        "Processor", f"{count} {'core' if count == 1 else 'cores'}{memory}, {platform.machine()}, {platform.system()}"
    )


def data() -> Row:
    """Which data sets are there; the bundled digits must be."""
    from ..data import available, load_digits

    load_digits()
    names = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST"}
    there = [title for name, title in names.items() if available(name)]
    absent = [title for title in names.values() if title not in there]
    says = f"digits (bundled){''.join(', ' + title for title in there)}"
    if not absent:
        return Row("Data", says)
    mend = "load_mnist(download=True) or load_fashion_mnist(download=True) in a notebook fetches them"
    return Row("Data", f"{says}; {' and '.join(absent)} not here, not needed to begin", "note", mend)


def folder(work: Path) -> Row:
    """The work folder, or where it will be made: can it be written?"""
    there = _nearest(work)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        mend = "export DLCOURSE_WORK=~/dlcourse-work"
        return Row("Work folder", f"{work} cannot be written", "red", mend, essential=True)
    count = len([p for p in work.glob("[0-9][0-9]_*.ipynb") if ".new." not in p.name])
    lessons = f"{count} {'lesson' if count == 1 else 'lessons'} laid out" if count else "made when the course is opened"
    return Row("Work folder", f"{work}, {lessons}")


def disk(work: Path, free: int | None = None) -> Row:
    """Room where the work lies."""
    free = shutil.disk_usage(_nearest(work)).free if free is None else free
    says = f"{free / 1e9:.1f} GB free"
    if free < 50e6:
        return Row("Disk", says, "red", "free some space: nothing can be saved", essential=True)
    return Row("Disk", says, "ok" if free > 1e9 else "note")


def browser() -> Row:
    """Whether a window can open from here."""
    found = find_browser()
    return Row("Browser", found) if found else Row("Browser", "none from here: the course prints its address", "note")


def _nearest(path: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next(p for p in (path, *path.parents) if p.exists())


# ---- the table


def table(rows: list[Row], *, colour: bool = False, encoding: str | None = "utf-8") -> str:
    """The rows as text that any terminal shows; what mends a row stands under it."""
    wide = max(len(row.what) for row in rows)
    colour = colour and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    lines = []
    for row in rows:
        mark = f"{MARKS[row.state]:<4}"
        lines.append(f"{_painted(mark, row.state) if colour else mark}  {row.what:<{wide}}  {row.found}")
        if row.mend:
            lines.append(f"{'':<4}  {'':<{wide}}  -> {row.mend}")
    return "\n".join(lines).encode(encoding or "ascii", "replace").decode(encoding or "ascii")


def _painted(text: str, state: str) -> str:
    return f"\x1b[{COLOURS[state]}m{text}\x1b[0m"
