"""Where the course and the learner's work lie, and what to type to call the course there."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parent


def in_checkout() -> bool:
    """True where the package runs from the project's own folder, False where it was installed from a wheel."""
    return (ROOT / "course.py").is_file() and (ROOT / "notebooks").is_dir()


def source_folder() -> Path:
    """The lessons as they are delivered."""
    return ROOT / "notebooks" if in_checkout() else PACKAGE / "_course" / "notebooks"


def usual_folder() -> Path:
    """Where the work lies if nobody says otherwise: work/ beside course.py, else ./dlcourse-work."""
    return (ROOT / "work" if in_checkout() else Path.cwd() / "dlcourse-work").resolve()


def work_folder() -> Path:
    """Where the learner's work lies: DLCOURSE_WORK, else the usual folder."""
    chosen = os.environ.get("DLCOURSE_WORK")
    return Path(chosen).expanduser().resolve() if chosen else usual_folder()


def state_folder(work: Path) -> Path:
    """The course's own notes in a work folder: progress, accepted answers, backups."""
    return work / ".dlcourse"


def command() -> str:
    """What calls the course on this work folder, typed in the folder that START.md names.

    `python3 course.py` where that made the environment, `dlcourse` where the shell finds this very one, else this
    Python by its path; a work folder of the learner's choice is written in front.
    """
    return _chosen_folder() + _program()


def _program() -> str:
    here = Path(sys.executable).parent
    if in_checkout() and Path(sys.prefix).resolve() == ROOT / ".venv":
        return "python3 course.py"
    found = shutil.which("dlcourse")
    if found and Path(found).parent.resolve() == here.resolve():
        return "dlcourse"
    python = sys.executable
    if os.name == "nt":  # for PowerShell, which takes a text in quotation marks for a text
        return f"& '{python}' -m dlcourse"
    return f"{shlex.quote(python)} -m dlcourse"


def _chosen_folder() -> str:
    """`DLCOURSE_WORK=... ` where the work lies elsewhere than usual, else nothing."""
    work = work_folder()
    if work == usual_folder():
        return ""
    return f"$env:DLCOURSE_WORK='{work}'; " if os.name == "nt" else f"DLCOURSE_WORK={shlex.quote(str(work))} "


def opening() -> str:
    """The whole command that opens the course."""
    return command() if command().endswith("course.py") else f"{command()} lab"
