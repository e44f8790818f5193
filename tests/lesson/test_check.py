"""`check`, `hint`, `solution`, `progress`, in a shell as in a kernel: nothing makes them fail."""

import inspect
import statistics
import sys
import time

import numpy as np
import pytest
from conftest import noted

from dlcourse.exercises import exercises
from dlcourse.lesson import check, hint, progress, solution
from dlcourse.lesson.start_page import write_start
from dlcourse.lesson.work import lay_out

WRONG = "def unit(x, w, b, f):\n    return f(np.dot(w, x))\n\ncheck('01.1')"
RIGHT = "def unit(x, w, b, f):\n    return f(np.dot(w, x) + b)\n\ncheck('01.1')"
HEAD = "✗ 01.1 Not yet. "


# ---------------------------------------------------------------- the verdict
def test_from_nothing_to_correct(notebook, work):
    assert notebook.run("check('01.1')").startswith("○ 01.1 Not attempted. unit is not defined yet.")
    assert notebook.run(WRONG).startswith(
        f"{HEAD}The bias is missing: your answer is exactly f(w·x).\n  call      unit("
    )
    assert notebook.run(RIGHT) == "✓ 01.1 Correct. All 7 cases agree."
    assert notebook.printed == ""
    assert noted(work)["exercises"] == {"01.1": {"tries": 2, "state": "correct"}}


def test_once_solved_stays_solved(notebook, work):
    notebook.run(RIGHT)
    assert notebook.run(WRONG).startswith(HEAD), "the verdict is on what is there now"
    notebook.run("unit = 3 +\ncheck('01.1')")
    assert noted(work)["exercises"]["01.1"] == {"tries": 2, "state": "correct"}, "a slip of the keyboard is no try"


def test_each_try_opens_a_hint(notebook):
    hints = exercises("01")["01.1"].hints
    for n in (1, 2, 3, 3):
        notebook.run(WRONG)
        page = notebook.html()
        assert [f"Hint {k} of 3" in page for k in (1, 2, 3)] == [k <= n for k in (1, 2, 3)]
        assert hints[0] in page
    notebook.run(RIGHT)
    assert "Hint" not in notebook.html()


def test_a_script_hands_its_answer_over(work, capsys):
    check("01.1", lambda x, w, b, f: f(np.dot(w, x) + b))
    assert capsys.readouterr().out == "✓ 01.1 Correct. All 7 cases agree.\n"


def test_hints_come_one_at_a_time_and_are_noted(work, capsys):
    texts = []
    for _ in range(4):
        hint("01.1")
        texts.append(capsys.readouterr().out)
    assert [t.partition(".")[0] for t in texts] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Hint 3 of 3"]
    assert 'solution("01.1") shows' in texts[2] and "solution(" not in texts[1]
    assert noted(work)["exercises"]["01.1"] == {"hints": 3}


def test_who_reads_the_solution_is_noted_and_sees_code(work, capsys):
    solution("01.1")
    assert "    return f(np.dot(w, x) + b)\n" in capsys.readouterr().out
    assert noted(work)["exercises"]["01.1"] == {"read_solution": True}


def test_progress_counts(notebook):
    notebook.run(WRONG)
    notebook.run("predict('01.z', 3)\ncompare('01.z', 3)\npredict('01.y', 3)\ncompare('01.y', 4)")
    there = exercises("01")
    before = notebook.run("progress('01')")
    assert before.startswith(f"Notebook 01. Correct: 0 of {len(there)}. Predictions that came true: 1 of 2.\n  ✗ 01.1")
    notebook.run(RIGHT)
    lines = notebook.run("progress('01')").splitlines()
    assert f"Correct: 1 of {len(there)}." in lines[0] and lines[1].strip().startswith("✓ 01.1")
    assert [line.split()[0] for line in lines[2:]] == ["○"] * (len(there) - 1)


@pytest.mark.parametrize("talk", [check, hint, solution])
@pytest.mark.parametrize("id", ["01.99", "99.1", "", None, 1.1, ["01.1"]])
def test_an_exercise_that_is_not_there(work, capsys, talk, id):
    talk(id)
    assert capsys.readouterr().out.startswith("No such exercise. There is no exercise ")


def test_progress_of_a_notebook_without_exercises(work, capsys):
    progress("17")
    assert capsys.readouterr().out == "Notebook 17. It has no exercises.\n"


def test_a_right_answer_is_judged_quickly(notebook):
    for id, ex in exercises("01").items():
        for name, other in ex.given.items():
            notebook.run(f"{name} = use('{other}')" if len(exercises("01")[other].defines) == 1 else "")
        cell, times = f"{ex.solution}\n\ncheck('{id}')", []
        for _ in range(7):
            begin_s = time.perf_counter()
            said = notebook.run(cell)
            times.append(time.perf_counter() - begin_s)
            assert said.startswith(f"✓ {id} Correct."), said
        assert statistics.median(times) < 0.05, (id, times)


# ---------------------------------------------------------------- answers that make trouble
HOSTILE = {
    "no __repr__": "class A:\n    def __repr__(self): 1 / 0\n    __str__ = __repr__\n    __format__ = __repr__\n"
    "unit = lambda *a: A()",
    "no __eq__": "class A:\n    def __eq__(self, other): 1 / 0\n    __hash__ = None\nunit = lambda *a: A()",
    "an array that is none": "class A(np.ndarray):\n    def __eq__(self, other): 1 / 0\n    def __iter__(self): 1 / 0\n"
    "unit = lambda *a: np.ones(2).view(A)",
    "a list that cannot be read": "class A(list):\n    def __iter__(self): 1 / 0\nunit = lambda *a: A([1])",
    "no signature": "class A:\n    __signature__ = property(lambda self: 1 / 0)\n    __call__ = lambda self, *a: 1\n"
    "unit = A()",
    "no text": "class E(Exception):\n    def __str__(self): 1 / 0\ndef unit(*a):\n    raise E",
    "a module": "unit = np",
    "an Ellipsis": "unit = ...",
    "a class": "class unit:\n    pass",
    "removes itself": "def unit(*a):\n    global unit, np, check\n    del unit, np, check",
    "removes everything": "def unit(*a):\n    globals().clear()",
    "changes In": "In, Out, _ih = 3, 4, 5\ndef unit(x, w, b, f):\n    return f(np.dot(w, x) + b)",
    "never ends its calls": "def unit(*a):\n    return unit(*a)",
    "exits": "import sys\ndef unit(*a):\n    sys.exit(3)",
    "is a generator": "def unit(*a):\n    yield 1",
    "writes to itself": "a = []\na.append(a)\nunit = lambda *_: a",
    "prints much": "def unit(*a):\n    print('x' * 10 ** 6)\n    return 1",
    "is huge": "unit = lambda *a: 10 ** 5000",
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_no_answer_makes_check_fail(notebook, work, answer):
    said = notebook.run(f"{answer}\ncheck('01.1')\nDONE = True")
    assert notebook.result.success and notebook.printed == "", notebook.printed
    assert said.split(" ")[:2][-1] == "01.1" and said[0] in "✗○✓"
    if "Correct" not in said and "fault of the course" not in said:
        assert noted(work)["exercises"]["01.1"]["state"] in ("not yet", "not attempted")


def test_ctrl_c_stops_a_check(work):
    def unit(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("01.1", unit)


def test_a_fault_of_the_course_is_no_fault_of_the_learner(notebook, work, monkeypatch):
    def broken(*_):
        raise RuntimeError("no cases")

    monkeypatch.setattr(sys.modules["dlcourse.lesson.check"], "evaluate", broken)
    said = notebook.run(RIGHT)
    assert "(RuntimeError: no cases). That is a fault of the course, not yours." in said
    assert noted(work)["exercises"]["01.1"] == {"tries": 0, "state": "not attempted"}


# ---------------------------------------------------------------- cells that stop before their check
STOPS = {
    "def unit(x, w, b, f)\n    return 1": "Line 1 of this cell is not Python yet: expected ':'.",
    "def unit(x):\n    y = 1\n   return y": "Line 3 of this cell is not Python yet: unindent does not match any outer",
    "def unit(x):\nreturn x": "Line 2 of this cell is not Python yet: expected an indented block",
    'unit = """never closed': "Line 1 of this cell is not Python yet: ",
    "def unit(x):\n    y = x\nreturn y": "Line 3 of this cell is not Python yet: 'return' outside function.",
    "unit = 'never closed": "Line 1 of this cell is not Python yet: unterminated string",
    "unit = np.dott": "Line 1 of this cell stops with AttributeError: module 'numpy' has no attribute 'dott'",
    "x = 1\nunit = nump.dot": "Line 2 of this cell uses nump, which is not defined: a typo, or a cell",
    "def helper():\n    return 1 / 0\nunit = helper()": "Line 2 of this cell stops with ZeroDivisionError: division by",
    "raise SyntaxError": "Line 1 of this cell stops with SyntaxError",
    "x = 1\nunit = eval('1 +')": "Line 2 of this cell stops with SyntaxError: invalid syntax",
}


@pytest.mark.parametrize("cell", STOPS)
def test_a_cell_that_stops_is_told_by_a_card(notebook, work, cell):
    said = notebook.run(f"{cell}\n\ncheck('01.1')")
    assert said.startswith(HEAD + STOPS[cell]), said
    assert notebook.printed == "", "no traceback"
    tries = int("stops with" in STOPS[cell])
    assert noted(work)["exercises"]["01.1"] == {"tries": tries, "state": "not yet"}


@pytest.mark.parametrize(
    "cell", ["def unit(x):\n    return x\n  check('01.1')", "def unit(x): return x   check('01.1')"]
)
def test_a_slip_in_the_line_of_the_check_is_told_by_a_card(notebook, cell):
    said = notebook.run(cell)
    assert said.startswith(f"{HEAD}Line ") and "is not Python yet" in said
    assert notebook.printed == "", "no traceback"


def test_what_an_answer_displays_does_not_bury_the_verdict(notebook):
    shows = "from IPython.display import display\n" + RIGHT.replace("    return", "    display(x)\n    return")
    assert notebook.run(shows).startswith("✓ 01.1 Correct.")


def test_code_that_was_changed_and_does_the_same_was_tried(notebook, work):
    given = inspect.getsource(exercises("02")["02.5"].broken).replace("def broken(", "def fit(")
    name = exercises("02")["02.5"].defines[0]
    given = given.replace("def fit(", f"def {name}(")
    assert notebook.run(f"{given}\n\ncheck('02.5')").startswith("○ 02.5 Not attempted. This is still the code as it")
    changed = given.replace(":\n", ":\n    nothing = 0\n", 1)
    said = notebook.run(f"{changed}\n\ncheck('02.5')")
    assert said.startswith("✗ 02.5 Not yet. It still does what the code did as it was given."), said
    assert noted(work)["exercises"]["02.5"]["tries"] == 1


def test_below_a_magic_no_line_is_named(notebook):
    """They are counted anew there."""
    said = notebook.run("%%time\nx = 1\nunit = 1 / 0\n\ncheck('01.1')")
    assert said.startswith(f"{HEAD}This cell stops with ZeroDivisionError: division by zero"), said
    assert "Traceback" not in notebook.printed


def test_an_answer_left_open_is_not_tried(notebook, work):
    said = notebook.run("raise NotImplementedError()\ncheck('01.1')")
    assert said == "○ 01.1 Not attempted. Write your answer in place of raise NotImplementedError()."
    assert noted(work)["exercises"]["01.1"]["tries"] == 0


def test_the_line_is_the_one_in_this_cell(notebook):
    notebook.run("def far():\n\n\n\n    return nowhere")
    said = notebook.run("# mine\nfar()\ncheck('01.1')")
    assert said.startswith(f"{HEAD}Line 2 of this cell stops with NameError: name 'nowhere' is not defined"), said


@pytest.mark.parametrize("cell", ["1 / 0", "x = ", "if 1:\n   3\n  4", "# check('01.1')\n1 / 0", "print(nowhere)"])
def test_other_cells_keep_their_tracebacks(notebook, cell):
    assert notebook.run(cell) == ""
    assert "Error" in notebook.printed and cell.splitlines()[-1].strip() in notebook.printed


def test_what_fails_after_the_check_is_a_matter_of_its_own(notebook, work):
    assert notebook.run(f"{RIGHT}\nnowhere") == "✓ 01.1 Correct. All 7 cases agree."
    assert "NameError" in notebook.printed
    assert noted(work)["exercises"]["01.1"] == {"tries": 1, "state": "correct"}
    assert notebook.run(f"nowhere\n{RIGHT}").startswith(HEAD), "and in the next run it counts again"


def test_a_slip_of_the_keyboard_opens_no_hint(notebook, work):
    for cell in ('def unit(x, w, b, f:\n    return 1\ncheck("01.1")', 'unit = unti\ncheck("01.1")'):
        notebook.run(cell)
        assert "Hint" not in notebook.html()
    assert not noted(work)["exercises"]["01.1"]["tries"]


def test_a_name_of_mathematics_is_found_in_numpy(notebook):
    said = notebook.run('def sigmoid(z):\n    return 1 / (1 + exp(-z))\ncheck("01.3")')
    assert "uses exp, which is not defined. NumPy has one: np.exp." in said


def test_a_name_that_the_object_keeps_is_said(notebook):
    cell = """class Layer:
    def __init__(self, W, b, f):
        self.W, self.b, self.f, self.parameters = W, b, f, W.size + b.size
    def forward(self, x):
        return f(x @ self.W + self.b)
check("03.5")"""
    said = "uses f, which is not defined there. The object keeps it: self.f. In __init__, self.f = f puts it there."
    assert said in notebook.run(cell)
    assert said in notebook.run(cell.replace("self.f = ", "self.g = ").replace(", self.f", ", self.g"))


def test_half_a_class_is_told_so(notebook):
    cell = """class Layer:
    def __init__(self, W, b, f):
        self.W, self.b, self.f, self.parameters = W, b, f, W.size + b.size
    def forward(self, x):
        return ...
check("03.5")"""
    said = notebook.run(cell)
    assert "03.5 Not yet" in said and "Another part is still open" in said


def test_the_start_page_shows_what_is_solved(notebook, work):
    lay_out(work)
    write_start(work)
    before = (work / "START.md").read_text(encoding="utf-8")
    notebook.run('def unit(x, w, b, f):\n    return f(np.dot(w, x) + b)\ncheck("01.1")')
    after = (work / "START.md").read_text(encoding="utf-8")
    assert "01.1 –" in before and "01.1 ✓" in after
