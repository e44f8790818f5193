"""A notebook without a browser: an IPython shell whose displays are kept, and a work folder of its own."""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import sys
from pathlib import Path

import pytest

from dlcourse.lesson import record
from dlcourse.lesson.notebook import judged, lesson
from dlcourse.lesson.predictions import made

BEGIN = """import numpy as np
from dlcourse import check, compare, hint, predict, progress, solution, start, use
start('00')"""


class Notebook:
    """Runs cells as a kernel does. `run` returns the texts of the cards that a cell put on the page."""

    def __init__(self, shell, publisher):
        self.shell, self.publisher = shell, publisher
        self.printed, self.result = "", None

    def run(self, cell: str) -> str:
        self.publisher.outputs.clear()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            self.result = self.shell.run_cell(cell, store_history=True)
        self.printed = printed.getvalue()
        return "\n".join(shown["data"]["text/plain"] for shown in self.publisher.outputs)

    def html(self) -> str:
        """What the last cell showed, as a browser gets it."""
        return "\n".join(shown["data"]["text/html"] for shown in self.publisher.outputs)

    def fresh(self) -> None:
        """A new kernel: nothing in memory, everything on disk as it was."""
        self.shell.reset()
        self.shell.set_custom_exc((), None)
        vars(self.shell).pop("_dlcourse_tells", None)
        forget()
        self.run(BEGIN)


def noted(work: Path) -> dict:
    """What the record on disk says."""
    return json.loads((work / ".dlcourse" / "progress.json").read_text(encoding="utf-8"))


def forget() -> None:
    """What the course remembers in a kernel."""
    lesson.clear()
    for memory in (record.memory, record.said, made, judged, sys.modules["dlcourse.lesson.use"].LENT):
        memory.clear()


@pytest.fixture
def work(tmp_path, monkeypatch) -> Path:
    """A work folder of this test alone."""
    monkeypatch.setenv("DLCOURSE_WORK", str(tmp_path / "work"))
    forget()
    yield tmp_path / "work"
    forget()


@pytest.fixture
def notebook(work) -> Notebook:
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}), colors="nocolor")
    shell.display_pub = publisher = CapturingDisplayPublisher(shell=shell)
    opened = Notebook(shell, publisher)
    opened.run(BEGIN)
    yield opened
    shell.reset()
    atexit.unregister(shell.atexit_operations)
    shell.atexit_operations()
    InteractiveShell.clear_instance()
