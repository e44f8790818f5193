"""Where things lie, and the command that calls the course there."""

from __future__ import annotations

import os
import shlex
import sys

import pytest

from dlcourse.lesson import places


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """As from a wheel: no course.py above the package, nothing chosen, `dlcourse` on the PATH."""
    script = tmp_path / "bin" / ("dlcourse.exe" if os.name == "nt" else "dlcourse")
    script.parent.mkdir()
    script.write_text("")
    script.chmod(0o755)
    monkeypatch.setattr(places, "ROOT", tmp_path)
    monkeypatch.setattr(places.sys, "executable", str(script.parent / "python"))
    monkeypatch.setenv("PATH", str(script.parent))
    monkeypatch.delenv("DLCOURSE_WORK", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_work_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DLCOURSE_WORK", str(tmp_path / "mine"))
    assert places.work_folder() == tmp_path / "mine"
    monkeypatch.delenv("DLCOURSE_WORK")
    assert places.in_checkout() and places.work_folder() == places.ROOT / "work"


def test_from_a_wheel(nowhere):
    assert places.work_folder() == nowhere / "dlcourse-work"
    assert places.source_folder() == places.PACKAGE / "_course" / "notebooks"
    assert places.command() == "dlcourse" and places.opening() == "dlcourse lab"


def test_the_command_that_opens_the_course_is_the_one_of_the_readme(monkeypatch):
    monkeypatch.delenv("DLCOURSE_WORK", raising=False)
    monkeypatch.setattr(places.sys, "prefix", str(places.ROOT / ".venv"))
    assert places.opening() == "python3 course.py"


def test_where_the_shell_does_not_find_the_command_python_is_named(nowhere, monkeypatch):
    monkeypatch.setenv("PATH", str(nowhere))
    assert places.command() == f"{shlex.quote(sys.executable)} -m dlcourse"


def test_the_command_of_another_environment_is_not_meant(nowhere, monkeypatch):
    monkeypatch.setattr(places.sys, "executable", str(nowhere / "another" / "python"))
    assert places.command().endswith("python -m dlcourse")


def test_a_chosen_folder_stands_in_front(nowhere, monkeypatch):
    monkeypatch.setenv("DLCOURSE_WORK", str(nowhere / "my work"))
    assert places.command() == f"DLCOURSE_WORK='{nowhere}/my work' dlcourse"
    monkeypatch.setenv("DLCOURSE_WORK", str(nowhere / "dlcourse-work"))
    assert places.command() == "dlcourse", "the usual one needs no word"
