"""A lesson as it is laid out: what JupyterLab would write on opening it is there, and it still counts as untouched."""

from __future__ import annotations

import json

import pytest
from test_work import NAME, backups, notebook

from dlcourse.lesson import opened, work
from dlcourse.lesson.opened import as_opened
from dlcourse.lesson.work import lay_out, reset


def lesson(text: str) -> bytes:
    bare = json.loads(notebook(text)) | {"metadata": {"language_info": {"name": "python"}}}
    return (json.dumps(bare, indent=1) + "\n").encode()


def test_only_the_language_is_added():
    kernel = pytest.importorskip("ipykernel.ipkernel").IPythonKernel
    assert opened.language_info() == kernel.language_info
    before = json.loads(lesson("π = 3"))
    after = json.loads(as_opened(lesson("π = 3")))
    assert after.pop("metadata") == {"language_info": kernel.language_info} and before.pop("metadata")
    assert after == before
    assert work.sources(as_opened(lesson("x"))) == work.sources(lesson("x"))


@pytest.mark.parametrize("data", [b"", b"[]", b"{ half", b'{"metadata": 3}', notebook("x")])
def test_anything_else_stays_as_it_is(data):
    assert as_opened(data) == data


def test_a_laid_out_lesson_counts_as_untouched_also_with_another_python(tmp_path, monkeypatch):
    course, mine = tmp_path / "notebooks", tmp_path / "work"
    course.mkdir()
    (course / NAME).write_bytes(lesson("one"))
    lay_out(mine, course)
    assert (mine / NAME).read_bytes() == as_opened(lesson("one"))
    assert reset("01", mine, course)[1] is None
    monkeypatch.setattr(opened.sys, "version", "3.99.1 and more")
    assert lay_out(mine, course).sentences() == [] and "3.99.1" not in (mine / NAME).read_text()
    (course / NAME).write_bytes(lesson("two"))
    assert lay_out(mine, course).updated == [NAME] and backups(mine) == []
    assert (mine / NAME).read_bytes() == as_opened(lesson("two"))


def test_an_update_beside_is_put_away_by_reset(tmp_path):
    course, mine = tmp_path / "notebooks", tmp_path / "work"
    course.mkdir()
    (course / NAME).write_bytes(lesson("one"))
    lay_out(mine, course)
    (mine / NAME).write_bytes(lesson("mine"))
    (course / NAME).write_bytes(lesson("two"))
    (beside,) = lay_out(mine, course).laid_beside
    assert (mine / beside).read_bytes() == as_opened(lesson("two"))
    reset("01", mine, course)
    assert not (mine / beside).exists() and len(backups(mine)) == 1
