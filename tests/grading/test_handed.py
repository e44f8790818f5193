"""Whose a file is, what is no notebook, and which folders would mix people up."""

from __future__ import annotations

import json
import os
import stat

import pytest
from conftest import answer, notebook
from hostile import RIGHT, WRONG
from test_batch import files, grade, points, solved, write

from dlcourse import cli
from dlcourse.exercises import exercises
from dlcourse.grading.handed import BatchError, handed_in, learner_of, look_through

ONE = notebook(answer(RIGHT))
BAD = notebook(answer(WRONG))


def results(out):
    return json.loads((out / "grades.json").read_text())


# ---------------------------------------------------------------- whose it is
@pytest.mark.parametrize("file, learner", [
    ("bob_01_one_unit.ipynb", "bob"), ("bob_01_one_unit-1.ipynb", "bob"), ("bob_01_one_unit (1).ipynb", "bob"),
    ("bob_01_one_unit-Copy1.ipynb", "bob"), ("bob_01_one_unit_v2.ipynb", "bob"), ("bob_v10.ipynb", "bob_v10"),
    ("bob_2_01_one_unit.ipynb", "bob_2"), ("01_one_unit (1).ipynb", "(nobody)"), ("BOB.IPYNB", "BOB"),
    ("smithjohn_98_4711_01_one_unit-1.ipynb", "smithjohn_98"), ("smithjohn_98_12_01_one_unit.ipynb", "smithjohn_98"),
    ("smithjohn_LATE_98_4711_01_one_unit-1.ipynb", "smithjohn_98"),
        ("smithjohn_98_4711_hw.ipynb", "smithjohn_98_4711_hw"),
    ("Ada Lovelace_12345_assignsubmission_file_01_one_unit.ipynb", "Ada Lovelace_12345"),
    ("Ada Lovelace_12345_assignsubmission_file_/01.ipynb", "Ada Lovelace_12345"),
    ("Mu\u0308ller.ipynb", "M\u00fcller"), ("Mu\u0308ller/01.ipynb", "M\u00fcller"), ("carol_01_one_unit/x.ipynb",
                                                                           "carol_01_one_unit"),
])  # fmt: skip
def test_a_name_is_what_the_learner_is_called_and_not_what_was_added(file, learner):
    assert learner_of(file) == learner


def test_namesakes_stay_apart_and_late_ones_come_last(tmp_path):
    folder = write(tmp_path / "class", {
        "smith_98_4711_01_one_unit.ipynb": BAD, "smith_LATE_98_4712_01_one_unit-1.ipynb": ONE,
        "smith_99_4713_01_one_unit.ipynb": BAD,
    })  # fmt: skip
    assert grade(folder, tmp_path / "out", "--seed", "5") == 0
    assert {r["learner"]: r["points"] for r in results(tmp_path / "out") if r["of"]} == {"smith_98": 1, "smith_99": 0}


@pytest.mark.parametrize("first, last", [
    ("v9_01_one_unit", "v10_01_one_unit"), ("01_one_unit", "01_one_unit (1)"), ("01_one_unit", "01_one_unit-1"),
    ("01_one_unit-9", "01_one_unit-10"),
])  # fmt: skip
def test_the_last_one_is_the_last_for_people(tmp_path, capsys, first, last):
    folder = write(tmp_path / "class", {f"al/{first}.ipynb": BAD, f"al/{last}.ipynb": ONE, "bo/01.ipynb": ONE})
    assert [h.file for h in handed_in(folder)][:2] == [f"al/{first}.ipynb", f"al/{last}.ipynb"]
    assert grade(folder, tmp_path / "out", "--seed", "5") == 0
    assert points(tmp_path / "out")[f"al/{last}.ipynb"] == (1, 5)
    said = capsys.readouterr().out
    assert "1 does not count: a later one of the learner does." in said and "All of them could be read." in said


def test_a_last_one_that_cannot_be_read_takes_no_points_away(tmp_path, capsys):
    folder = write(tmp_path / "class", {
        "al/01_one_unit.ipynb": ONE, "al/01_one_unit-1.ipynb": b"{", "al/01_one_unit-0.ipynb": ONE,
    })  # fmt: skip
    assert grade(folder, tmp_path / "out", "--seed", "5", "--lesson", "01") == 0
    assert points(tmp_path / "out") == {
        "al/01_one_unit.ipynb": (0, 0), "al/01_one_unit-1.ipynb": (0, 0), "al/01_one_unit-0.ipynb": (1, 5),
    }  # fmt: skip
    said = capsys.readouterr().out
    assert "1 could not be read: see its note." in said and "1 does not count" in said


def test_one_notebook_is_one_notebook(tmp_path, capsys):
    assert grade(write(tmp_path / "class", {"al.ipynb": ONE}), tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "1 notebook in " in said and "It could be read." in said and "not count" not in said


# ---------------------------------------------------------------- what is no notebook
def test_nobody_vanishes_who_handed_in_something_else(tmp_path, capsys):
    folder = write(tmp_path / "class", {
        "al/01.ipynb": ONE, "al/essay.pdf": b"", "nia/x.zip": b"", "syllabus.pdf": b"", ".DS_Store": b"",
        "nia/.hidden": b"", "__MACOSX/al/01.ipynb": b"", "al/.ipynb_checkpoints/01.ipynb": b"", "d/e.txt": b"",
    })  # fmt: skip
    (folder / "empty").mkdir()
    out = tmp_path / "out"
    assert grade(folder, out, "--seed", "5") == 0
    problems = {r["learner"]: r["problem"] for r in results(out)}
    assert problems == {
        "al": "", "nia": "There is no notebook in it: nia/x.zip.", "d": "There is no notebook in it: d/e.txt.",
        "empty": "There is no notebook in it: the folder is empty.",
    }  # fmt: skip
    assert "\nnia,,nia,0,0," in (out / "grades.csv").read_text()
    said = capsys.readouterr().out
    assert "1 notebook in " in said and "3 learners handed in no notebook: d, empty, nia." in said
    assert "4 files that are no notebook: al/essay.pdf, d/e.txt, nia/x.zip and 1 more." in said
    page = (out / "class.html").read_text()
    assert "Passed over" in page and "<li>al/essay.pdf</li>" in page
    assert "syllabus.pdf" in page and "MACOSX" not in page and ".DS_Store" not in page and "checkpoints" not in page
    before = files(out)
    assert grade(folder, out) == 0 and files(out) == before


def test_a_lesson_counts_those_who_handed_in_nothing(tmp_path):
    folder = write(tmp_path / "class", {"al/01.ipynb": ONE, "nia/x.zip": b""})
    assert grade(folder, tmp_path / "out", "--lesson", "01") == 0
    assert points(tmp_path / "out")["nia"] == (0, 5)


def test_a_name_moves_no_cursor(tmp_path, capsys):
    folder = write(tmp_path / "class", {"al.ipynb": ONE, "\x1b[2Jx.pdf": b"", "\x1b[2J/a.zip": b""})
    assert grade(folder, tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said and "?[2Jx.pdf" in said


# ---------------------------------------------------------------- folders that mix people up
def test_one_folder_too_many_is_refused(tmp_path, capsys):
    folder = write(tmp_path / "class", {"sec1/anna/01.ipynb": ONE, "sec1/bob/01.ipynb": BAD, "cem/01.ipynb": ONE})
    assert grade(folder, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "01.ipynb lies in sec1/anna and in sec1/bob" in said and f"grade {folder / 'sec1'} by itself" in said
    assert not (tmp_path / "out").exists()
    assert grade(folder / "sec1", tmp_path / "out") == 0


def test_folders_of_one_learner_are_hers(tmp_path):
    found = look_through(write(tmp_path, {"al/a/01.ipynb": ONE, "al/b/03.ipynb": ONE, "al/01.ipynb": ONE}))
    assert {one.learner for one in found.notebooks} == {"al"}


@pytest.mark.parametrize("beside", ["source", "release"])
def test_the_root_of_a_course_of_nbgrader_is_refused(tmp_path, beside):
    write(tmp_path, {"submitted/al/ps1/01.ipynb": ONE, f"{beside}/ps1/01.ipynb": ONE})
    with pytest.raises(BatchError, match="nbgrader: grade .*submitted"):
        handed_in(tmp_path)
    assert [one.learner for one in handed_in(tmp_path / "submitted")] == ["al"]


@pytest.mark.parametrize("typed", [".", "../submitted", "../submitted/.", "x/.."])
def test_the_folder_one_stands_in_is_graded(tmp_path, monkeypatch, typed):
    folder = write(tmp_path / "submitted", {"al.ipynb": ONE, "x/01.ipynb": ONE})
    monkeypatch.chdir(folder)
    assert cli.main(["grade", typed, "-j", "1"]) == 0
    assert (tmp_path / "submitted-grades" / "grades.csv").is_file()


# ---------------------------------------------------------------- one gradebook, one folder
def test_a_gradebook_belongs_to_one_folder(tmp_path, capsys):
    week, late, out = tmp_path / "week", tmp_path / "late", tmp_path / "grades"
    write(week, {"al.ipynb": ONE, "bo.ipynb": BAD})
    write(late, {"cem.ipynb": ONE})
    assert grade(week, out, "--seed", "5") == 0
    before = files(out)
    capsys.readouterr()
    assert grade(late, out) == 1 and files(out) == before
    said = capsys.readouterr().err
    assert f"holds the grades of {week}: put what came late into that folder" in said and "--to" in said
    write(week, {"cem.ipynb": ONE})
    assert grade(week, out) == 0 and len(points(out)) == 3


def test_both_can_be_moved_together(tmp_path):
    write(tmp_path / "term/week", {"al.ipynb": ONE})
    assert grade(tmp_path / "term/week", tmp_path / "term/grades", "--seed", "5") == 0
    os.rename(tmp_path / "term", tmp_path / "archive")
    assert grade(tmp_path / "archive/week", tmp_path / "archive/grades") == 0


def test_a_run_that_does_not_say_its_folder_is_taken_and_says_it_then(tmp_path):
    folder, out = write(tmp_path / "class", {"al.ipynb": ONE}), tmp_path / "out"
    assert grade(folder, out, "--seed", "5") == 0
    before = files(out)
    old = json.loads((out / "run.json").read_text())
    assert old.pop("folder") == "../class"
    (out / "run.json").write_text(json.dumps(old))
    assert grade(folder, out) == 0 and files(out) == before
    assert grade(write(tmp_path / "late", {"bo.ipynb": ONE}), out) == 1


def test_the_seed_is_for_nobody_else(tmp_path):
    folder, out = write(tmp_path / "class", {"al.ipynb": ONE}), tmp_path / "out"
    for _ in range(2):
        assert grade(folder, out, "--seed", "5") == 0
        assert stat.S_IMODE((out / "run.json").stat().st_mode) == 0o600
        assert stat.S_IMODE((out / "results").stat().st_mode) == 0o700
        (out / "run.json").chmod(0o644)  # as it was written before
        (out / "results").chmod(0o755)
    assert stat.S_IMODE((out / "class.html").stat().st_mode) & 0o400


# ---------------------------------------------------------------- one lesson
@pytest.mark.parametrize("typed", ["01", "1"])
def test_grades_of_one_lesson(tmp_path, capsys, typed):
    folder = write(tmp_path / "class", {
        "al/01_one_unit.ipynb": solved("01"), "al/03_a_layer.ipynb": solved("03"), "bo.ipynb": solved("03"),
        "cem.ipynb": notebook(answer(RIGHT, "01.1")),
    })  # fmt: skip
    out = tmp_path / "out"
    assert grade(folder, out, "--seed", "5", "--lesson", typed) == 0
    assert "2 notebooks of other lessons were passed over." in capsys.readouterr().out
    assert points(out) == {"al/01_one_unit.ipynb": (5, 5), "cem.ipynb": (1, 5)}
    for name in ("grades.csv", "gradebook.csv", "class.html"):
        text = (out / name).read_text()
        assert "03.1" not in text and "notebook 03" not in text and "bo.ipynb" not in text
    assert len(list((out / "results").iterdir())) == 4, "the others are graded, for later exercises build on them"
    assert json.loads((out / "run.json").read_text())["lesson"] == "01"


def test_a_lesson_is_taken_where_a_file_tells_none(tmp_path):
    source = "\n\n".join(ex.solution for ex in exercises("01").values())
    plain = notebook({"cell_type": "code", "metadata": {}, "source": source})
    folder = write(tmp_path / "class", {"al.ipynb": plain, "bo.ipynb": solved("03")})
    assert grade(folder, tmp_path / "out", "--seed", "5", "--lesson", "01") == 0
    assert points(tmp_path / "out") == {"al.ipynb": (5, 5)}


def test_lessons_are_listed_in_words(tmp_path, capsys):
    assert grade(write(tmp_path / "class", {"al.ipynb": ONE}), tmp_path / "out", "--lesson", "77") == 1
    said = capsys.readouterr().err
    assert "01, 02" in said and " and " in said and "[" not in said


@pytest.mark.parametrize("pair", [
    ("17_lee.ipynb", "18_kim.ipynb"), ("hw_01_anna.ipynb", "hw_01_bob.ipynb"),
    ("lab_1_2024_anna.ipynb", "lab_1_2024_bob.ipynb"),
    ("team_12_alpha.ipynb", "team_13_beta.ipynb"), ("anna_98_4711_x.ipynb", "anna_99_4712_x.ipynb"),
])  # fmt: skip
def test_two_people_are_never_taken_for_one(pair):
    assert len({learner_of(file) for file in pair}) == 2
