"""Notebooks that were damaged, by accident or on purpose: there is always a grade, and a note where one is due."""

from __future__ import annotations

import json
import os
import time

import pytest
from conftest import ROOT, answer, cell, notebook
from hostile import RIGHT, WRONG
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcourse.exercises import exercises, notebooks
from dlcourse.grading import grade
from dlcourse.grading.submission import MOST_BYTES, MOST_CELL, MOST_CELLS, Unreadable, read
from dlcourse.grading.wall import Walled

USE = cell('unit = use("01.1")', nbgrader={"grade_id": "points-01-1", "grade": True, "locked": True})


def points(tmp_path, zygote, data: bytes, name="01_one_unit.ipynb"):
    path = tmp_path / name
    path.write_bytes(data)
    result = grade.grade(path, "alice", name, zygote, seed=3)
    return (result.exercises[0].points if result.exercises else 0), [*result.notes, result.problem]


RIGHTS = {  # what a good answer survives
    "as it was delivered": notebook(answer(RIGHT), USE),
    "a byte order mark": b"\xef\xbb\xbf" + notebook(answer(RIGHT), USE),
    "no metadata of ours": notebook(cell(RIGHT, nbgrader={"grade_id": "exercise-01-1"})),
    "no metadata at all": notebook(cell(RIGHT + "\ncheck('01.1')")),
    "a comment says which": notebook(cell("# exercise 01.1\n" + RIGHT)),
    "only the name says which": notebook(cell("x = 1"), cell(RIGHT)),
    "no check in the cell": notebook(cell(RIGHT, dlcourse={"exercise": "01.1"})),
    "the check edited away": notebook(cell(RIGHT + "\ncheck = print\ncheck('01.1')", dlcourse={"exercise": "01.1"})),
    "all other cells deleted": notebook(answer(RIGHT)),
    "in another order": notebook(USE, cell("unit(1)"), answer(RIGHT)),
    "helpers in a cell above": notebook(cell("def dot(w, x):\n    return np.dot(w, x)"),
                                        answer("def unit(x, w, b, f):\n    return f(dot(w, x) + b)")),
    "helpers in a cell below": notebook(answer("def unit(x, w, b, f):\n    return f(dot(w, x) + b)"),
                                        cell("def dot(w, x):\n    return np.dot(w, x)")),
    "an import above": notebook(cell("import numpy"),
                                answer("def unit(x, w, b, f):\n    return f(numpy.dot(w, x) + b)")),
    "imports of the course": notebook(cell("from dlcourse import check, use\nstart('01')"), answer(RIGHT)),
    "cells that fail": notebook(cell("1 / 0"), cell("def ("), answer(RIGHT), cell("raise SystemExit")),
    "source as one string and as rows": notebook(answer(RIGHT) | {"source": (RIGHT + "\n").splitlines(True)}),
    "cells that are none": json.dumps({"cells": [3, None, {"cell_type": "code"}, {"cell_type": "code", "source": 7},
                                                 {"cell_type": "code", "source": "x", "metadata": []},
                                                 {**answer(RIGHT), "outputs": "x"}]}).encode(),
    "200 MB less one of output": notebook({**answer(RIGHT), "outputs": [{"text": "x" * (MOST_BYTES - 5000)}]}),
    "the third version of the format": json.dumps({"worksheets": [{"cells": [
        {"cell_type": "code", "input": RIGHT, "metadata": {"dlcourse": {"exercise": "01.1"}}}]}]}).encode(),
    "a kernel of another language": json.dumps(
        {"cells": [answer(RIGHT)], "metadata": {"kernelspec": {"name": "ir"}}}).encode(),
    "lines for IPython": notebook(answer("%%time\n%matplotlib inline\n" + RIGHT + "!ls\nunit?")),
    "an import beside a magic": notebook(cell("%matplotlib inline\nimport numpy as n2"),
                                          answer("def unit(x, w, b, f):\n    return f(n2.dot(w, x) + b)")),
    "a remark that is no mark": notebook(answer(RIGHT), cell("# 01.1 is my favourite\nunit = unit")),
    "printing": notebook(answer("def unit(x, w, b, f):\n    print(x)\n    return f(np.dot(w, x) + b)")),
    "a debug print below": notebook(answer(RIGHT + "print(unit(np.ones(2), np.ones(2), 0, abs))")),
}  # fmt: skip


@pytest.mark.parametrize("what", RIGHTS)
def test_a_right_answer_gets_its_point_whatever_surrounds_it(tmp_path, zygote, what):
    got, notes = points(tmp_path, zygote, RIGHTS[what])
    assert got == 1, notes


OPEN = "def unit(x, w, b, f):\n    return ..."
CHECKED = cell("check('01.1')")
HONEST = {  # right in a notebook, and therefore right
    "a line that begins with !=": answer(
        "def unit(x, w, b, f):\n    assert (\n        len(x)\n        != -1\n    )\n    return f(w @ x + b)"),
    "a timed call in a function": answer("def unit(x, w, b, f):\n    %time z = w @ x + b\n    return f(z)"),
    "a shell's output": answer("files = !ls\n" + RIGHT),
    "a timed cell": answer("%%time\n" + RIGHT),
    "help asked for": answer("np.dot?\n" + RIGHT),
    "a global counter": answer(
        "calls = 0\ndef unit(x, w, b, f):\n    global calls\n    calls += 1\n    return f(w @ x + b)"),
    "a table filled in a loop": answer(
        "t = {}\nfor k in ('dot',):\n    t[k] = np.dot\ndef unit(x, w, b, f):\n    return f(t['dot'](w, x) + b)"),
    "a helper called like one of Python's": answer(
        "def sum(a, b):\n    return a + b\ndef unit(x, w, b, f):\n    return f(sum(w @ x, b))"),
    "a star import": answer("from numpy import *\ndef unit(x, w, b, f):\n    return f(dot(w, x) + b)"),
    "a display": answer("def unit(x, w, b, f):\n    display(x)\n    return f(w @ x + b)"),
}  # fmt: skip


@pytest.mark.parametrize("what", HONEST)
def test_what_is_right_in_a_notebook_is_right_when_it_is_graded(tmp_path, zygote, what):
    got, notes = points(tmp_path, zygote, notebook(HONEST[what]))
    assert got == 1, notes


def test_a_helper_that_is_changed_below_does_not_change_the_answer_above(tmp_path, zygote):
    above = cell("def bend(z, f):\n    return f(z)")
    own = answer("def unit(x, w, b, f):\n    return bend(w @ x + b, f)")
    below = cell("def bend(z, slope, f):\n    return f(slope * z)")
    assert points(tmp_path, zygote, notebook(above, own, below))[0] == 1
    assert points(tmp_path, zygote, notebook(own, below, above))[0] == 1


BORROWED = (
    "def unit_gradient(X, t, w, b):\n    d = np.array([unit(x, w, b, lambda v: v) for x in X]) - t\n"
    "    return 2 * d @ X / len(t), 2 * np.mean(d)\n"
)


def test_what_use_lends_is_lent_to_an_answer_and_nothing_that_comes_later(tmp_path, zygote):
    def of(id, *cells):
        path = tmp_path / "y_02_x.ipynb"
        path.write_bytes(notebook(*cells))
        return {e.id: e.points for e in grade.grade(path, "alice", path.name, zygote, seed=3).exercises}[id]

    assert of("02.3", cell('unit = use("01.1")'), answer(BORROWED, "02.3")) == 1
    assert of("02.3", answer(BORROWED, "02.3")) == 0
    loop = "def unit_gradient(X, t, w, b):\n    return mine(X, t, w, b)\n"
    assert of("02.3", cell('mine = use("02.3")'), answer(loop, "02.3")) == 0, "not the answer itself"
    assert of("02.3", cell('mine = use("99.9")'), answer(loop, "02.3")) == 0


def test_one_answer_that_nobody_has_foreseen_costs_no_other(tmp_path, zygote):
    path = tmp_path / "01_one_unit.ipynb"
    path.write_bytes(notebook(answer(RIGHT), answer("gates = {'AND': ([1, [1]], -1.5)}", "01.4")))
    result = grade.grade(path, "alice", path.name, zygote, seed=3)
    assert (result.exercises[0].points, result.exercises[3].points, result.problem) == (1, 0, "")


def test_what_is_passed_over_is_noted(tmp_path, zygote):
    got, notes = points(tmp_path, zygote, notebook(*[cell("\n")] * 3000, answer(RIGHT)))
    assert got == 1 and notes == [""], "empty cells are none"
    got, notes = points(tmp_path, zygote, notebook(*[cell("x = 1")] * MOST_CELLS, answer(RIGHT)))
    assert got == 0 and notes[0].startswith("1 cells are not read")
    got, notes = points(tmp_path, zygote, notebook(answer(RIGHT + "#" * MOST_CELL)))
    assert got == 0 and notes[0].startswith("1 cells are not read")


@pytest.mark.parametrize("rows", ["\n", " \n", "\t", "#\n", "%\n", "check(\n"])
def test_a_cell_of_nothing_takes_no_time(tmp_path, rows):
    path = tmp_path / "01_one_unit.ipynb"
    path.write_bytes(notebook(cell(rows * (90_000 // len(rows)) + "(")))
    began_s = time.process_time()
    read(path)
    assert time.process_time() - began_s < 2


@pytest.mark.parametrize("cells", [5, True, "no", {"a": 1}, None, [[], 3, None]])
def test_sheets_of_the_old_format_may_hold_anything(tmp_path, cells):
    path = tmp_path / "01_one_unit.ipynb"
    path.write_text(json.dumps({"worksheets": [{"cells": cells}, 3], "nbformat": 3}))
    assert read(path).answers == {}


NOTED = {  # which of several cells counts is what her own check said last; and the report says that there are several
    "a copy that is wrong below": (notebook(answer(RIGHT), answer(WRONG)), 0),
    "a copy that is right below": (notebook(answer(WRONG), answer(RIGHT)), 1),
    "the open cell left in place": (notebook(answer(OPEN), cell(RIGHT), CHECKED), 1),
    "the open cell left in place, no check": (notebook(answer(OPEN), cell(RIGHT)), 1),
    "a wrong try left in place": (notebook(answer(WRONG), cell(RIGHT), CHECKED), 1),
    "a wrong try left in place, no check": (notebook(answer(WRONG), cell(RIGHT)), 1),
    "another name for it": (notebook(answer(OPEN), cell("unit = lambda x, w, b, f: f(w @ x + b)"), CHECKED), 1),
    "a function of hers": (
        notebook(answer(OPEN), cell(RIGHT.replace("unit", "mine") + "\nunit = mine"), CHECKED), 1),
    "played with after the check": (notebook(answer(RIGHT), CHECKED, cell(WRONG)), 1),
    "made worse before the check": (notebook(answer(RIGHT), cell(WRONG), CHECKED), 0),
}  # fmt: skip


@pytest.mark.parametrize("what", NOTED)
def test_of_several_answers_the_one_that_was_checked_last_counts(tmp_path, zygote, what):
    data, worth = NOTED[what]
    got, notes = points(tmp_path, zygote, data)
    assert got == worth and notes[0].startswith("01.1: 2 cells answer it. The last one above its last check counts")


STEP, RELU = (
    f"def {name}(z):\n    return {value}" for name, value in (("step", "1.0 * (z > 0)"), ("relu", "z * (z > 0)"))
)
BOTH_OPEN = "def step(z):\n    return ...\n\ndef relu(z):\n    return ..."
ASK = cell("check('01.2')")
SPLIT = {  # an answer of two functions, in more than one cell
    "below the open cell, no check": [answer(BOTH_OPEN, "01.2"), cell(STEP), cell(RELU)],
    "below the open cell, checked in the last": [cell(BOTH_OPEN), cell(STEP), answer(RELU, "01.2")],
    "below the open cell, checked by itself": [answer(BOTH_OPEN, "01.2"), cell(STEP), cell(RELU), ASK],
    "one in the open cell": [answer(STEP + "\n\ndef relu(z):\n    return ...", "01.2"), cell(RELU), ASK],
    "one in the open cell, no more check": [answer(STEP + "\n\ndef relu(z):\n    return ...", "01.2"), cell(RELU)],
    "the other one below": [answer(RELU, "01.2"), cell(STEP)],
    "two cells and no open one": [cell(STEP), answer(RELU, "01.2")],
    "lent afterwards": [cell(STEP), answer(RELU, "01.2"), cell('step, relu = use("01.2")')],
}


@pytest.mark.parametrize("what", SPLIT)
def test_an_answer_may_stand_in_several_cells(tmp_path, zygote, what):
    path = tmp_path / "01_one_unit.ipynb"
    path.write_bytes(notebook(*SPLIT[what]))
    result = grade.grade(path, "alice", path.name, zygote, seed=3)
    assert result.exercises[1].points == 1, result.exercises[1]


@pytest.mark.parametrize("source, says", [
    (STEP, "`relu` is not defined. Is the name spelled as in the exercise?"),
    (STEP + "\n\ndef relu(z):\n    return ...", "A part of it is still open: a `...`."),
])  # fmt: skip
def test_half_an_answer_is_not_called_another_value(tmp_path, zygote, source, says):
    path = tmp_path / "01_one_unit.ipynb"
    path.write_bytes(notebook(answer(source, "01.2")))
    half = grade.grade(path, "alice", path.name, zygote, seed=3).exercises[1]
    assert (half.state, half.points, half.says) == ("not yet", 0, says)


@pytest.mark.parametrize("source, state, says", [
    (OPEN, "not attempted", "A `...` is still open."),
    ("", "not attempted", "Nothing is defined in it."),
    ("# nothing yet", "not attempted", "Nothing is defined in it."),
    ("def unti(x, w, b, f):\n    return f(w @ x + b)", "not yet", "It does not define `unit`."),
    ("def unit(x, w, b, f):\n    return f(w @ x + b", "not yet", "Its cell stops with SyntaxError."),
    ("import nowhere_to_be_found\n" + RIGHT.replace("return", "nowhere_to_be_found.x; return"), "not yet", "Its cell"),
])  # fmt: skip
def test_an_attempt_is_called_one_and_an_open_answer_is_not(tmp_path, zygote, source, state, says):
    path = tmp_path / "01_one_unit.ipynb"
    path.write_bytes(notebook(answer(source)))
    first = grade.grade(path, "alice", path.name, zygote, seed=3).exercises[0]
    assert first.state == state and first.says.startswith(says), first
    library = "Answers are graded with Python's own library and NumPy, without nowhere_to_be_found."
    assert first.notes == ([library] if "nowhere" in source else [])


def test_what_no_exercise_needs_is_shown_to_the_teacher(tmp_path, zygote):
    path = tmp_path / "01_one_unit.ipynb"
    path.write_bytes(notebook(cell("import os.path, numpy as np\nos.remove('x'); open('y')"), answer(RIGHT)))
    result = grade.grade(path, "alice", path.name, zygote, seed=3)
    assert result.look == ["It imports os and calls open, which no exercise needs: look at it."]
    assert result.exercises[0].points == 1 and result.notes == []
    path.write_bytes(notebook(answer(RIGHT)))
    assert grade.grade(path, "alice", path.name, zygote, seed=3).look == []


@pytest.mark.parametrize("number", notebooks())
def test_a_lesson_as_it_is_delivered_needs_no_look_and_earns_nothing(zygote, number):
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    result = grade.grade(path, "alice", path.name, zygote, seed=3)
    assert result.look == [] and result.points == 0 and result.notes == []
    assert {e.state for e in result.exercises} == {"not attempted"}, result.exercises
    for e in result.exercises:
        hunt = exercises(number)[e.id].broken is not None
        assert e.says == ("This is the code as it was given: what is wrong with it is still to be found." if hunt
                          else "A `...` is still open.")  # fmt: skip


def test_a_broken_file_has_the_points_of_its_lesson_to_lose(tmp_path, zygote):
    path = tmp_path / "emil_01_one_unit.ipynb"
    path.write_bytes(b"{")
    result = grade.grade(path, "emil", path.name, zygote, seed=3)
    assert result.problem and (result.points, result.of) == (0, sum(ex.points for ex in exercises("01").values()))


def test_what_the_cells_say_wins_over_a_lesson_that_is_asked_for(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_bytes(notebook(answer(RIGHT)))
    assert read(path, "08").lesson == "01"
    path.write_bytes(notebook(cell(RIGHT)))
    assert read(path, "01").lesson == "01"


REPAIRED = {
    "a helper": (
        "def pre(w, x):\n    return w\n" + RIGHT.replace("w @ x", "pre(w, x)"), "def pre(w, x):\n    return w @ x"),
    "a number": ("sign = -1\n" + RIGHT.replace("+ b", "+ sign * b"), "sign = 1"),
    "in a branch": (WRONG, "if True:\n    " + RIGHT.replace("\n", "\n    ")),
}  # fmt: skip


@pytest.mark.parametrize("what", REPAIRED)
def test_a_repair_between_the_answer_and_its_check_counts(tmp_path, zygote, what):
    first, repair = REPAIRED[what]
    got, notes = points(tmp_path, zygote, notebook(answer(first.rstrip()), cell(repair), CHECKED))
    assert got == 1, notes


def test_only_a_call_is_a_check(tmp_path, zygote):
    later = [cell("# 01.1\nprint(1)"), cell('print("""\ncheck(\'01.1\') passed above""")')]
    assert points(tmp_path, zygote, notebook(answer(RIGHT), cell("# an experiment\n" + WRONG), *later))[0] == 1
    own = cell("x = 1; check('01.1')")
    assert points(tmp_path, zygote, notebook(answer(OPEN), cell(RIGHT), own, cell(WRONG)))[0] == 1


def test_what_is_borrowed_may_have_another_name(tmp_path, zygote):
    path = tmp_path / "y_02_x.ipynb"
    path.write_bytes(notebook(cell('neuron = use("01.1")'), answer(BORROWED.replace("unit(x", "neuron(x"), "02.3")))
    assert {e.id: e.points for e in grade.grade(path, "alice", path.name, zygote, seed=3).exercises}["02.3"] == 1


def test_flags_of_an_open_file_do_not_pass_from_answer_to_answer(zygote):
    source = "def unit(x, w, b, f):\n    import fcntl\n    old = fcntl.fcntl(2, fcntl.F_GETFL)\n"
    source += "    fcntl.fcntl(2, fcntl.F_SETFL, old | 0o2000)\n    return float(old & 0o2000)\n"
    for _ in range(2):
        with Walled(zygote, [("a", source)]) as worker:
            assert worker.run([["unit", [1, 2, 3, 4], {}, ""]], {}, 2.0).get("value", 0.0) == 0.0


BROKEN = {
    "nothing": b"",
    "half a file": notebook(answer(RIGHT))[:-40],
    "no notebook": b'{"a": 1}',
    "a list": b"[]",
    "a number": b"3",
    "no text": b"\xff\xfe\x00garbage",
    "deep nesting": b"[" * 100_000,
    "cells in cells": b'{"cells": ' * 50_000,
    "cells are a word": b'{"cells": "no"}',
    "too large": b'{"cells": [], "x": "' + b"x" * (MOST_BYTES + 10) + b'"}',
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_read_has_no_points_and_one_sentence(tmp_path, zygote, what):
    got, notes = points(tmp_path, zygote, BROKEN[what])
    assert got == 0 and notes[-1].endswith(".") and len(notes[-1]) < 200


def test_links_and_folders_are_not_followed(tmp_path):
    (tmp_path / "real.ipynb").write_bytes(notebook(answer(RIGHT)))
    (tmp_path / "01_link.ipynb").symlink_to(tmp_path / "real.ipynb")
    (tmp_path / "01_folder.ipynb").mkdir()
    os.mkfifo(tmp_path / "01_pipe.ipynb")
    for name in ("01_link.ipynb", "01_folder.ipynb", "01_pipe.ipynb", "01_nothing.ipynb"):
        with pytest.raises(Unreadable):
            read(tmp_path / name)


def test_a_deleted_answer_has_no_points(tmp_path, zygote):
    assert points(tmp_path, zygote, notebook(cell("x = 1"), USE))[0] == 0


def test_the_lesson_is_the_one_that_the_cells_name(tmp_path):
    path = tmp_path / "homework.ipynb"
    path.write_bytes(notebook(answer(RIGHT)))
    assert read(path).lesson == "01"
    path = tmp_path / "smith_02_a_unit_learns.ipynb"
    path.write_bytes(notebook(cell("x = 1")))
    assert read(path).lesson == "02"
    path = tmp_path / "homework2.ipynb"
    path.write_bytes(notebook(cell("x = 1")))
    with pytest.raises(Unreadable, match="--lesson"):
        read(path)
    assert read(path, "03").lesson == "03"


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.sampled_from([RIGHT, "code", "01.1"]),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["cells", "source", "cell_type", "metadata", "dlcourse", "exercise", "nbgrader", "worksheets"]
                )
                | st.text(max_size=5),
                inner,
                max_size=5,
            )
        ),
        max_leaves=25,
    )
)
def test_whatever_json_holds_it_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "01_one_unit.ipynb"
    path.write_text(json.dumps(data))
    try:
        found = read(path)
    except Unreadable as problem:
        assert str(problem)
    else:
        assert found.lesson == "01" and all(isinstance(source, str) for source in found.answers.values())


NESTED = [
    "-" * 99_000 + "1",
    "(" * 5000 + ")" * 5000,
    "1" + "+1" * 45_000,
    "[" * 90 + "]" * 90 + "*3" * 9000,
    "a" + ".b" * 40_000,
    "x = " + "lambda: " * 5000 + "1",
    "".join(" " * n + "if 1:\n" for n in range(90)) + " " * 90 + "x = 1",
]


@pytest.mark.parametrize("n", range(len(NESTED)))
def test_code_that_is_nested_beyond_measure_does_not_stop_the_grader(tmp_path, n):
    path = tmp_path / "01_one_unit.ipynb"
    path.write_bytes(notebook(cell(NESTED[n]), answer(NESTED[n]), cell("unit = 1\n" + NESTED[n])))
    assert read(path).lesson == "01"
