"""The work folder: whatever is done to it, nothing that a learner wrote is lost."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcourse.lesson import start_page, work
from dlcourse.lesson.work import WorkError, find_lesson, lay_out, reset, restore

NAME = "01_one_unit.ipynb"


def notebook(*sources: str, count: int | None = None, exercise: str = "") -> bytes:
    cells = [
        {"cell_type": "code", "source": [s], "outputs": [], "execution_count": count, "metadata": {}} for s in sources
    ]
    if exercise:
        cells[-1]["metadata"] = {"dlcourse": {"exercise": exercise}}
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.fixture
def folders(tmp_path):
    """The course's lessons and a work folder."""
    course, mine = tmp_path / "notebooks", tmp_path / "work"
    course.mkdir()
    (course / NAME).write_bytes(notebook("x = 1", "y = ..."))
    return course, mine


def backups(mine: Path) -> list[Path]:
    return sorted((mine / ".dlcourse" / "backup").glob("*"))


# ---- laying out


def test_lessons_are_laid_out_once(folders):
    course, mine = folders
    assert lay_out(mine, course).new == [NAME]
    assert (mine / NAME).read_bytes() == (course / NAME).read_bytes()
    assert lay_out(mine, course).sentences() == []


def test_an_edited_lesson_is_never_overwritten_and_its_update_arrives_beside_it_once(folders):
    course, mine = folders
    lay_out(mine, course)
    (mine / NAME).write_bytes(edited := notebook("x = 1", "y = 42"))
    (course / NAME).write_bytes(new := notebook("x = 2", "y = ..."))
    said = lay_out(mine, course)
    assert said.laid_beside == ["01_one_unit.new.ipynb"] and "yours is untouched" in said.sentences()[0]
    assert (mine / NAME).read_bytes() == edited
    assert (mine / "01_one_unit.new.ipynb").read_bytes() == new
    (mine / "01_one_unit.new.ipynb").unlink()
    assert lay_out(mine, course).sentences() == [], "an update that was put away does not come back"


def test_a_lesson_that_was_only_run_is_updated_and_what_it_showed_is_backed_up(folders):
    course, mine = folders
    lay_out(mine, course)
    (mine / NAME).write_bytes(run := notebook("x = 1", "y = ...", count=7))
    (course / NAME).write_bytes(new := notebook("x = 2", "y = ..."))
    assert lay_out(mine, course).updated == [NAME]
    assert (mine / NAME).read_bytes() == new
    assert [b.read_bytes() for b in backups(mine)] == [run]


def test_an_untouched_lesson_is_updated_without_a_backup(folders):
    course, mine = folders
    lay_out(mine, course)
    (course / NAME).write_bytes(new := notebook("x = 2"))
    assert lay_out(mine, course, in_use=True).updated == [] and (mine / NAME).read_bytes() != new
    assert lay_out(mine, course).updated == [NAME]
    assert (mine / NAME).read_bytes() == new and backups(mine) == []


def test_a_second_update_keeps_the_first_where_it_was_edited(folders):
    course, mine = folders
    lay_out(mine, course)
    (mine / NAME).write_bytes(notebook("mine"))
    (course / NAME).write_bytes(notebook("second"))
    lay_out(mine, course)
    (mine / "01_one_unit.new.ipynb").write_bytes(beside := notebook("second, and mine"))
    (course / NAME).write_bytes(third := notebook("third"))
    lay_out(mine, course)
    assert (mine / "01_one_unit.new.ipynb").read_bytes() == third
    assert [b.read_bytes() for b in backups(mine)] == [beside]


def test_a_lesson_that_took_over_its_update_counts_as_unedited_again(folders):
    course, mine = folders
    lay_out(mine, course)
    (mine / NAME).write_bytes(notebook("mine"))
    (course / NAME).write_bytes(notebook("second"))
    lay_out(mine, course)
    (mine / NAME).write_bytes(notebook("second", count=3))
    assert lay_out(mine, course).sentences() == []
    (course / NAME).write_bytes(notebook("third"))
    assert lay_out(mine, course).updated == [NAME]


def test_a_deleted_lesson_comes_back_only_by_reset(folders):
    course, mine = folders
    lay_out(mine, course)
    (mine / NAME).unlink()
    said = lay_out(mine, course)
    assert said.gone == [NAME] and not (mine / NAME).exists() and "reset 01" in said.sentences()[0]
    assert reset("1", mine, course) == (mine / NAME, None)
    assert (mine / NAME).exists()


def test_lost_records_are_taken_for_edited_lessons(folders):
    course, mine = folders
    lay_out(mine, course)
    (mine / ".dlcourse" / "lessons.json").write_text("{ half a fi")
    (mine / NAME).write_bytes(edited := notebook("mine"))
    assert lay_out(mine, course).laid_beside
    assert (mine / NAME).read_bytes() == edited


BROKEN = [
    b"",
    b"\xff\xfe",
    b"[]",
    b'{"cells": 3}',
    b'{"cells": [{}]}',
    b'{"cells": [3]}',
    b'{"cells": [{"source": 1}]}',
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_notebook_counts_as_edited(folders, broken):
    course, mine = folders
    lay_out(mine, course)
    (mine / NAME).write_bytes(broken)
    (course / NAME).write_bytes(notebook("x = 2"))
    assert lay_out(mine, course).laid_beside
    assert (mine / NAME).read_bytes() == broken
    assert "[**01 One unit**](01_one_unit.ipynb)" in start_page.start_page(mine)


def test_other_files_are_left_alone(folders):
    course, mine = folders
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    (mine / NAME).write_bytes(own := notebook("a notebook of mine that happens to have this name"))
    lay_out(mine, course)
    assert (mine / "notes.txt").read_text() == "mine" and (mine / NAME).read_bytes() == own


EVENTS = st.lists(
    st.sampled_from(["write", "run", "update", "lay out", "in use", "reset", "restore", "delete", "lose"]), max_size=14
)


@settings(max_examples=60)
@given(EVENTS)
def test_nothing_that_a_learner_wrote_is_lost_whatever_happens(events):
    """Every text that stood in her notebook still stands somewhere, unless she overwrote or deleted it herself."""
    with tempfile.TemporaryDirectory() as folder:
        course, mine = Path(folder, "notebooks"), Path(folder, "work")
        course.mkdir()
        (course / NAME).write_bytes(notebook("version 0"))
        lay_out(mine, course)
        kept: set[str] = set()
        here = mine / NAME
        for n, event in enumerate(events):
            if event == "write":
                kept.discard(current(here))  # she overwrites her own
                here.write_bytes(notebook(f"mine {n}"))
                kept.add(f"mine {n}")
            elif event == "run" and here.exists():
                here.write_bytes(notebook(current(here), count=n))
            elif event == "update":
                (course / NAME).write_bytes(notebook(f"version {n + 1}"))
            elif event == "reset":
                reset("01", mine, course)
            elif event == "restore":
                with suppress(WorkError):  # there is none
                    restore("01", mine, course)
            elif event == "delete" and here.exists():
                kept.discard(current(here))
                here.unlink()
            elif event == "lose":
                (mine / ".dlcourse" / "lessons.json").unlink(missing_ok=True)
            elif event in ("lay out", "in use"):
                lay_out(mine, course, in_use=event == "in use")
        there = {current(path) for path in [*mine.glob("*.ipynb"), *backups(mine)]}
        assert kept <= there
        assert not list(mine.rglob("*.part"))


def current(path: Path) -> str:
    return json.loads(path.read_bytes())["cells"][0]["source"][0] if path.exists() else ""


# ---- files, whole or not at all


@pytest.mark.parametrize(
    "number, says",
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "set DLCOURSE_WORK"), (errno.EIO, "Input/output error")],
)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_one_sentence(tmp_path, monkeypatch, step, number, says):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(WorkError, match=says) as caught:
        work.write_whole(tmp_path / "a", "new")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_work_folder_that_is_a_file_is_one_sentence(folders, tmp_path):
    (tmp_path / "work").write_text("")
    with pytest.raises(WorkError, match="Cannot write"):
        lay_out(tmp_path / "work", folders[0])


def test_a_file_where_the_work_folder_should_be_is_named(tmp_path):
    (tmp_path / "work").write_text("mine")
    with pytest.raises(WorkError, match="a file lies where its folder should be"):
        lay_out(tmp_path / "work")
    assert (tmp_path / "work").read_text() == "mine"


@pytest.mark.parametrize("number", ["", "  ", "start", "77"])
def test_what_names_no_lesson_resets_none(number):
    with pytest.raises(WorkError, match="There is no lesson"):
        find_lesson(number)
