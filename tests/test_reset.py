"""A lesson laid out anew, and the learner's own brought back: what lies there is backed up first, each time."""

from __future__ import annotations

import pytest
from test_work import NAME, backups, current, notebook

from dlcourse.lesson.work import WorkError, lay_out, reset, restore


@pytest.fixture
def folders(tmp_path):
    """The course's lessons and a work folder."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / NAME).write_bytes(notebook("x = 1", "y = ..."))
    return tmp_path / "notebooks", tmp_path / "work"


def test_reset_backs_up_first_and_says_where(folders):
    course, mine = folders
    lay_out(mine, course)
    for n in range(3):  # three in one second: none may replace another
        (mine / NAME).write_bytes(notebook(f"mine {n}"))
        lesson, kept = reset("01", mine, course)
        assert current(kept) == f"mine {n}" and current(lesson) == "x = 1"
    assert sorted(map(current, backups(mine))) == ["mine 0", "mine 1", "mine 2"]


def test_reset_of_an_untouched_lesson_needs_no_backup(folders):
    course, mine = folders
    lay_out(mine, course)
    assert reset(NAME, mine, course)[1] is None and backups(mine) == []


def test_reset_takes_the_newest_version_and_puts_the_copy_beside_away(folders):
    course, mine = folders
    lay_out(mine, course)
    (mine / NAME).write_bytes(notebook("mine"))
    (course / NAME).write_bytes(new := notebook("second"))
    lay_out(mine, course)
    reset("01", mine, course)
    assert (mine / NAME).read_bytes() == new and not (mine / "01_one_unit.new.ipynb").exists()
    assert lay_out(mine, course).sentences() == []


def test_reset_without_a_backup_changes_nothing(folders, monkeypatch):
    course, mine = folders
    lay_out(mine, course)
    (mine / NAME).write_bytes(edited := notebook("mine"))
    (mine / ".dlcourse" / "backup").write_text("a file where the folder should be")
    with pytest.raises(WorkError, match="Your work is as it was"):
        reset("01", mine, course)
    assert (mine / NAME).read_bytes() == edited


def test_restore_takes_the_newest_backup_and_goes_back_and_forth(folders):
    course, mine = folders
    lay_out(mine, course)
    (folder := mine / ".dlcourse" / "backup").mkdir()
    at = "2026-01-02_03-04-05"
    made = {"01_one_unit": "first", "01_one_unit_10": "last", "01_one_unit_9": "ninth", "01_one_unit.new": "update"}
    for name, text in (made | {"02_01_one_unit": "another lesson"}).items():
        (folder / f"{at}_{name}.ipynb").write_bytes(notebook(text))
    lesson, taken, kept = restore("01", mine, course)
    assert current(lesson) == "last" and taken.name == f"{at}_01_one_unit_10.ipynb" and kept is None
    (mine / NAME).write_bytes(edited := notebook("mine"))
    lesson, taken, kept = restore("01", mine, course)
    assert current(lesson) == "last" and kept.read_bytes() == edited, "what lay there is backed up first"
    assert restore("01", mine, course)[1:] == (kept, None) and (mine / NAME).read_bytes() == edited
    assert lay_out(mine, course).sentences() == [] and (mine / NAME).read_bytes() == edited
    assert current(restore("01", mine, course)[0]) == "last", "the newest is what lies there already"


def test_restore_without_a_backup_is_one_sentence(folders):
    course, mine = folders
    lay_out(mine, course)
    with pytest.raises(WorkError, match=r"There is no backup of lesson 01 yet"):
        restore("01", mine, course)
    (mine / NAME).write_bytes(edited := notebook("mine"))
    reset("01", mine, course)
    (mine / NAME).write_bytes(edited)
    with pytest.raises(WorkError, match="No backup of 01_one_unit.ipynb in .*backup differs"):
        restore("01", mine, course)


def test_reset_names_the_lessons_that_there_are(folders):
    course, mine = folders
    with pytest.raises(WorkError, match=r"no lesson '07' to reset; these are there: 01\."):
        reset("07", mine, course)
