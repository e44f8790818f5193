"""`use`: hers from the notebook, hers as it was accepted, or the course's; which one is said and never mixed up."""

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import noted

from dlcourse.exercises import exercises
from dlcourse.lesson import use
from dlcourse.lesson.use import NotCorrect

WRONG = "def unit(x, w, b, f):\n    return f(np.dot(w, x))\n\ncheck('01.1')"
HELPER = "import math as m\n\ndef total(w, x):\n    return m.fsum(w * x)"
RIGHT = "def unit(x, w, b, f):\n    'hers'\n    return f(total(w, x) + b)\n\ncheck('01.1')"
USE = "unit = use('01.1')"
COURSES = "Using the course's unit. Yours takes over as soon as exercise 01.1 is correct."
GONE = "Using the course's unit. Exercise 01.1 is solved, but no answer that passes is kept: run its cell again."
ACCEPTED = "Using your unit. Exercise 01.1, as it was accepted."


def hers(notebook) -> bool:
    """Whether what the notebook holds is hers; it works in any case."""
    unit = notebook.shell.user_ns["unit"]
    assert unit(np.array([1.0, 2.0]), np.array([3.0, 4.0]), 0.5, np.square) == 11.5**2
    return unit.__doc__ == "hers"


def saved(work):
    return work / ".dlcourse" / "answers" / "01.1.py"


def solve(notebook) -> None:
    notebook.run(HELPER)
    assert notebook.run(RIGHT).startswith("✓ 01.1 Correct.")


# ---------------------------------------------------------------- which one
def test_nothing_yet_or_a_wrong_one_is_replaced_by_the_courses(notebook, work):
    assert notebook.run(USE) == COURSES and not hers(notebook)
    notebook.run(WRONG)
    assert notebook.run(USE) == COURSES and not hers(notebook)
    assert not saved(work).exists()


def test_hers_from_this_notebook(notebook):
    solve(notebook)
    assert notebook.run(USE) == "Using your unit." and hers(notebook)
    mine = notebook.shell.user_ns["unit"]
    notebook.run(USE)
    assert notebook.shell.user_ns["unit"] is mine, "itself, no copy"


def test_hers_in_a_fresh_kernel_with_helper_and_import(notebook):
    solve(notebook)
    notebook.fresh()
    assert notebook.run(USE) == ACCEPTED and hers(notebook)
    assert "total" not in notebook.shell.user_ns, "her names stay hers"


def test_hers_as_accepted_when_what_is_here_is_wrong(notebook):
    solve(notebook)
    notebook.run(WRONG)
    assert notebook.run(USE) == ACCEPTED and hers(notebook)
    notebook.fresh()
    assert notebook.run(USE) == ACCEPTED and hers(notebook), "the wrong one has not replaced it"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("+ b", "- b"),
        lambda text: text.replace("def total", "def totals"),
        lambda text: text + "1 / 0\n",
        lambda text: text + "raise SystemExit\n",
        lambda text: text[: len(text) // 2],
        lambda text: "\udcff",
        lambda text: "",
    ],
)
def test_a_saved_answer_is_checked_again(notebook, work, change):
    solve(notebook)
    saved(work).write_bytes(change(saved(work).read_text()).encode(errors="surrogateescape"))
    notebook.fresh()
    assert notebook.run(USE) == GONE and not hers(notebook)


def test_a_saved_answer_that_never_ends_is_given_up(notebook, work):
    solve(notebook)
    saved(work).write_text("while True:\n    pass\n")
    notebook.fresh()
    assert notebook.run(USE) == GONE


def test_two_names_come_together(notebook):
    notebook.run("step, relu = use('01.2')")
    ex = exercises("01")["01.2"]
    assert [notebook.shell.user_ns[name](np.array(3.0)) for name in ("step", "relu")] == [1, 3]
    assert notebook.run(f"{ex.solution}\n\ncheck('01.2')").startswith("✓ 01.2 Correct.")
    assert notebook.run("step, relu = use('01.2')") == "Using your step and relu."


# ---------------------------------------------------------------- the course's is never hers
@pytest.mark.parametrize("id", ["01.1", "01.2", "01.4"])
def test_the_courses_is_never_taken_for_hers(notebook, work, id):
    names = ", ".join(exercises("01")[id].defines)
    notebook.run(f"{names} = use('{id}')")
    said = notebook.run(f"check('{id}')")
    assert said.startswith(f"○ {id} Not attempted. This is the course's own ") and "Run the cell that defines" in said
    assert notebook.run(f"{names} = use('{id}')").startswith("Using the course's ")
    assert noted(work)["exercises"][id] == {"tries": 0, "state": "not attempted"}
    assert not (work / ".dlcourse" / "answers").exists()


def test_hers_as_accepted_is_hers(notebook, work):
    solve(notebook)
    text = saved(work).read_text()
    notebook.fresh()
    notebook.run(USE)
    assert notebook.run("check('01.1')").startswith("✓ 01.1 Correct.")
    assert saved(work).read_text() == text


# ---------------------------------------------------------------- the file
def test_an_answer_is_saved_whole_with_what_it_needs(notebook, work):
    solve(notebook)
    names = {"np": np}
    exec(saved(work).read_text(), names)
    assert names["unit"].__doc__ == "hers" and "check(" not in saved(work).read_text()
    assert [p.name for p in saved(work).parent.iterdir()] == ["01.1.py"]


def test_saving_that_fails_leaves_the_old_answer(notebook, work, monkeypatch):
    solve(notebook)
    text = saved(work).read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        said = notebook.run(RIGHT.replace("'hers'", "'newer'"))
    assert said.startswith("Not saved. ") and said.endswith("✓ 01.1 Correct. All 7 cases agree.")
    assert saved(work).read_text() == text and len(list(saved(work).parent.iterdir())) == 1


def test_two_kernels_save_one_whole_answer(work):
    code = "from dlcourse.exercises import find\nfrom dlcourse.lesson.use import keep_answer\n"
    code += "for i in range(25): keep_answer(find('01.1'), f\"\"\"def unit(x, w, b, f):\n    '{i}'\n"
    code += '    return f(np.dot(w, x) + b)\n# {\'NAME\' * 5000}\n""")\n'
    both = [subprocess.Popen([sys.executable, "-c", code.replace("NAME", name)]) for name in ("a", "bb")]
    assert [child.wait() for child in both] == [0, 0]
    text = saved(work).read_text()
    assert "    '24'" in text and ("a" * 5000 in text) != ("b" * 10000 in text)
    assert [p.name for p in saved(work).parent.iterdir()] == ["01.1.py"]


def test_outside_of_a_work_folder_nothing_is_saved(notebook, tmp_path, monkeypatch):
    monkeypatch.delenv("DLCOURSE_WORK")
    monkeypatch.chdir(tmp_path)
    solve(notebook)
    assert notebook.run(USE) == "Using your unit." and not list(tmp_path.iterdir())


# ---------------------------------------------------------------- under a grader
def test_a_grader_wants_hers(notebook, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    notebook.run("start('01')")
    notebook.run(USE)
    assert "NotCorrect: 01.1: not attempted" in notebook.printed
    notebook.run(WRONG)
    notebook.run(USE)
    assert isinstance(notebook.result.error_in_exec, NotCorrect) and "01.1: The bias is missing" in notebook.printed
    assert not hers(notebook), "and yet a later exercise may call it"
    solve(notebook)
    assert notebook.run(USE) == "" and notebook.result.success and hers(notebook)


def test_a_grader_takes_no_saved_answer(notebook, monkeypatch):
    solve(notebook)
    notebook.fresh()
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    notebook.run("start('01')")
    notebook.run(USE)
    assert isinstance(notebook.result.error_in_exec, NotCorrect)


@pytest.mark.parametrize("id", ["01.99", "99.1", None, ["01.1"]])
def test_an_exercise_that_is_not_there(id):
    with pytest.raises(ValueError, match="there is no exercise"):
        use(id)


PIECES = {
    "by entries": (
        "01.4",
        ["gates = {}", *(f"gates[{k!r}] = {v}" for k, v in exercises("01")["01.4"].reference.items())],
    ),
    "counted": ("01.1", ["n = 1", "n += 1", "def unit(x, w, b, f):\n    return f(np.dot(w, x) + b * n / 2)"]),
    "with a star": ("01.3", ["from numpy import *", "def sigmoid(z):\n    return 0.5 * (1 + tanh(0.5 * z))"]),
}


@pytest.mark.parametrize("name", PIECES)
def test_an_answer_made_in_pieces_is_kept_whole(notebook, name):
    id, cells = PIECES[name]
    for cell in cells:
        notebook.run(cell)
    assert f"{id} Correct. All" in notebook.run(f'check("{id}")')
    notebook.fresh()
    assert "as it was accepted" in notebook.run(f'mine = use("{id}")')


def test_an_answer_that_does_not_stand_alone_is_told_so(notebook):
    notebook.run("made = {}\nexec('def hidden(x, w, b, f): return f(np.dot(w, x) + b)', globals())")
    notebook.run("def unit(x, w, b, f):\n    return hidden(x, w, b, f)")
    said = notebook.run('check("01.1")')
    assert "01.1 Correct" in said and "its text alone does not make it again" in said
    notebook.fresh()
    assert "is solved, but no answer that passes is kept" in notebook.run('unit = use("01.1")')


def test_under_a_grader_what_comes_from_an_earlier_notebook_is_lent(notebook, monkeypatch):
    """Its exercise is graded there; here the rest of the notebook needs it."""
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    notebook.run("start('02')")
    assert notebook.run(USE).startswith("Using the course's unit.") and notebook.result.success
