"""START.md: every lesson in its order, what is there, what is solved, whatever the files look like."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
from test_work import NAME, notebook

from dlcourse.lesson import places, start_page, work
from dlcourse.lesson.work import lay_out


@pytest.fixture
def folders(tmp_path):
    """The course's lessons and a work folder."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / NAME).write_bytes(notebook("x = 1", "y = ..."))
    return tmp_path / "notebooks", tmp_path / "work"


def test_start_lists_all_lessons_in_order_and_links_those_that_are_there(folders):
    course, mine = folders
    (course / NAME).write_bytes(notebook("*About 40 minutes, one exercise.*", "y = ...", exercise="01.1"))
    lay_out(mine, course)
    page = start_page.write_start(mine).read_text(encoding="utf-8")
    numbers = [line[2:4] for line in page.replace("[**", "").splitlines() if line[2:4].isdigit()]
    assert numbers == [f"{n:02}" for n in range(18)]
    assert "| [**01 One unit**](01_one_unit.ipynb) | 40 min | 0 of 1 correct: 01.1 – |" in page
    assert "| 17 Inference in parallel | | *not yet written* |" in page


def test_start_says_what_comes_next(folders):
    course, mine = folders
    (course / NAME).write_bytes(notebook("y = ...", exercise="01.1"))
    lay_out(mine, course)
    record = mine / ".dlcourse" / "progress.json"
    assert "**Next:** begin [01 One unit](01_one_unit.ipynb)." in start_page.start_page(mine)
    lesson = start_page.Lesson("01", "One unit", "01.ipynb", "", ("01.1", "01.2"))
    said = start_page._next([start_page.Lesson("00", "Start", "00.ipynb"), lesson], {"01.1": "correct"})
    assert said == "**Next:** exercise 01.2 in [01 One unit](01.ipynb)."
    record.write_text('{"version": 1, "exercises": {"01.1": {"state": "correct"}}}')
    assert "**Every exercise is solved.**" in start_page.start_page(mine)


def test_the_glossary_lies_beside_it(folders, monkeypatch):
    course, mine = folders
    lay_out(mine, course)
    monkeypatch.setattr(start_page, "source_folder", lambda: course)
    start_page.write_start(mine)
    assert not (mine / "GLOSSARY.md").exists(), "none was delivered"
    (course / "GLOSSARY.md").write_text("# Glossary\n")
    start_page.write_start(mine)
    assert (mine / "GLOSSARY.md").read_text() == "# Glossary\n"


def test_start_and_progress_show_what_is_solved_and_where_an_update_lies(folders):
    course, mine = folders
    (course / NAME).write_bytes(notebook("y = ...", exercise="01.1"))
    lay_out(mine, course)
    (mine / "01_one_unit.new.ipynb").write_bytes(notebook("z"))
    (mine / ".dlcourse" / "progress.json").write_text('{"version": 1, "exercises": {"01.1": {"state": "correct"}}}')
    page = start_page.start_page(mine)
    assert "reset 00 --restore` brings it back" in page and "choose *Revert*" in page
    assert "1 of 1 correct: 01.1 ✓" in page and "([update](01_one_unit.new.ipynb) lies beside yours)" in page
    assert start_page.progress_lines(mine) == ["01 One unit: 1 of 1 correct", "  01.1  correct"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"exercises": []}', '{"exercises": {"01.1": 3}}'])
def test_a_broken_record_of_progress_stops_nothing(folders, text):
    course, mine = folders
    lay_out(mine, course)
    (mine / ".dlcourse" / "progress.json").write_text(text)
    assert "One unit" in start_page.start_page(mine)
    assert start_page.progress_lines(mine) == ["01 One unit: no exercises"]


def test_the_titles_of_the_lessons_are_those_of_their_notebooks():
    files = sorted(work.source_folder().glob("[0-9][0-9]_*.ipynb"))
    assert files, "no lesson is there"
    titles = {entry[:2]: entry[3:] for entries in start_page.LESSONS.values() for entry in entries}
    for file in files:
        first = "".join(json.loads(file.read_text(encoding="utf-8"))["cells"][0]["source"])
        assert first.splitlines()[0] == f"# {file.name[:2]} · {titles[file.name[:2]]}"


def test_what_the_page_tells_to_type_resets_the_lesson_of_this_very_folder(tmp_path, monkeypatch):
    """Also where the work lies in a folder of the learner's choice, typed in a shell that knows nothing of it."""
    mine = tmp_path / "my work"
    monkeypatch.setenv("DLCOURSE_WORK", str(mine))
    lay_out(mine)
    page = start_page.write_start(mine).read_text(encoding="utf-8")
    typed, folder = re.search(r"type `([^`]+)` in a terminal, in the folder `([^`]+)`", page).groups()
    (lesson,) = mine.glob("00_*.ipynb")
    lesson.write_text("mine")
    env = {k: v for k, v in os.environ.items() if k != "DLCOURSE_WORK"}
    done = subprocess.run(typed, shell=True, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and str(lesson) in done.stdout, done.stderr
    assert lesson.read_text(encoding="utf-8") != "mine"
    assert places.work_folder() == mine
