"""The builder, from a source to two notebooks, in a course of its own under a temporary folder."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dlcourse.authoring import build, notebook
from dlcourse.authoring.facts import facts
from dlcourse.authoring.source import read

SOURCE = '''\
# %% [markdown]
# # 01 · One unit
#
# What can one unit do?

# %%
import numpy as np

# %% exercise 01.1
def unit(x, w, b, f):
    """y = f(w·x + b)"""
    ### BEGIN SOLUTION
    return f(np.dot(w, x) + b)
    ### END SOLUTION

# %% tags=["nbval-check-output"]
print(unit(np.array([2.0, 0.0]), np.array([-3.0, 1.0]), 7.0, abs))
'''


@pytest.fixture
def course(tmp_path):
    """A course of one lesson."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "01_one_unit.py").write_text(SOURCE, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The same, built once: it starts a kernel."""
    root = tmp_path_factory.mktemp("course")
    (root / "solutions").mkdir()
    (root / "solutions" / "01_one_unit.py").write_text(SOURCE, encoding="utf-8")
    assert run(root, "01") == 0
    return root


@pytest.fixture
def copy(built, tmp_path):
    return Path(shutil.copytree(built, tmp_path / "copy"))


def run(root: Path, *options: str) -> int:
    return build.main([*options, "--root", str(root)])


def paths(root: Path) -> tuple[Path, Path]:
    return root / "notebooks" / "01_one_unit.ipynb", root / "solutions" / "01_one_unit.ipynb"


def change(path: Path, alter) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    alter(found)
    path.write_text(json.dumps(found), encoding="utf-8")


# ---------------------------------------------------------------- building
def test_both_notebooks_are_valid_and_as_they_should_be(built):
    nbformat = pytest.importorskip("nbformat")
    learner, solution = (nbformat.read(p, as_version=4) for p in paths(built))
    for found in (learner, solution):
        nbformat.validate(found)
        assert found.metadata.kernelspec.name == "python3"
    assert "return ...  # your code" in learner.cells[2].source and "np.dot" not in learner.cells[2].source
    assert "    ### BEGIN SOLUTION\n    return f(np.dot(w, x) + b)\n    ### END SOLUTION" in solution.cells[2].source
    assert all(not c.outputs and c.execution_count is None for c in learner.cells if c.cell_type == "code")
    assert solution.cells[3].outputs[0].text == "1.0\n"
    assert [c.execution_count for c in solution.cells if c.cell_type == "code"] == [1, 2, 3]


def test_metadata_of_exercises_and_compared_cells(built):
    for path in paths(built):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert cells[2]["id"] == "exercise-01-1"
        assert cells[2]["metadata"]["dlcourse"] == {"exercise": "01.1"}
        nbgrader = cells[2]["metadata"]["nbgrader"]
        assert nbgrader["grade_id"] == "exercise-01-1" and nbgrader["schema_version"] == 3 and nbgrader["solution"]
        assert not nbgrader["grade"] and not nbgrader["locked"] and not nbgrader["task"]
        assert cells[3]["metadata"] == {"tags": ["nbval-check-output"]}
        assert cells[1]["metadata"] == {}


def test_building_again_gives_the_same_bytes(copy):
    before = [p.read_bytes() for p in paths(copy)]
    assert run(copy) == 0
    assert [p.read_bytes() for p in paths(copy)] == before


def test_no_run_builds_the_learners_only(course, built):
    assert run(course, "--no-run") == 0
    learner, solution = paths(course)
    assert learner.read_bytes() == paths(built)[0].read_bytes() and not solution.exists()


def test_a_failing_cell_changes_nothing(copy, capsys):
    before = [p.read_bytes() for p in paths(copy)]
    source = copy / "solutions" / "01_one_unit.py"
    source.write_text(SOURCE + "\n# %%\n1 / 0\n", encoding="utf-8")
    assert run(copy) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert [p.read_bytes() for p in paths(copy)] == before
    assert not list(copy.rglob("*.tmp"))


def test_what_a_notebook_must_not_show_fails_the_build(course, capsys):
    source = course / "solutions" / "01_one_unit.py"
    source.write_text(
        SOURCE + "\n# %%\nimport sys\nprint(object())\nprint('careful', file=sys.stderr)\n", encoding="utf-8"
    )
    assert run(course) == 1
    said = capsys.readouterr().err
    assert "memory address" in said and "complains: careful" in said


def test_a_slow_cell_is_stopped():
    pytest.importorskip("nbclient")
    cells = notebook.completed(read("# %%\nimport time; time.sleep(30)\n"))
    with pytest.raises(notebook.BuildError, match="longer than 1 s"):
        notebook.execute(cells, Path.cwd(), timeout_s=1)


def test_a_notebook_that_is_too_large_is_refused(tmp_path):
    large = notebook.learners(read("# %%\nx = '" + "a" * 500_000 + "'\n"))
    with pytest.raises(notebook.BuildError, match="at most 500,000"):
        notebook.write(large, tmp_path / "x.ipynb")
    assert not list(tmp_path.iterdir())


def test_cleaning_drops_times_and_widgets():
    view = {
        "output_type": "display_data",
        "metadata": {},
        "data": {notebook.WIDGET_VIEW: {}, "text/plain": "IntSlider()"},
    }
    kept = {"output_type": "stream", "name": "stdout", "text": "1\n2\n"}
    cell = {"cell_type": "code", "source": "x", "metadata": {"execution": {"iopub.status.busy": "2030"}, "tags": ["a"]}}
    dirty = {"cells": [cell | {"outputs": [view, kept]}], "metadata": {"widgets": {"state": {}}}}
    clean = notebook.cleaned(dirty)
    assert clean["metadata"] == notebook.META
    assert clean["cells"][0]["metadata"] == {"tags": ["a"]}
    assert clean["cells"][0]["outputs"] == [kept | {"text": ["1\n", "2\n"]}]


def test_without_what_authors_need_one_sentence(course, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nbclient", None)
    assert run(course) == 1
    assert "pip install -e '.[author]'" in capsys.readouterr().err


# ---------------------------------------------------------------- checking
def test_a_fresh_build_passes_the_check(copy):
    assert run(copy, "--check") == 0


def spoil_source(root):
    path = root / "solutions" / "01_one_unit.py"
    path.write_text(SOURCE.replace("What can one unit do?", "What can it do?"), encoding="utf-8")


def spoil_learner_text(root):
    change(paths(root)[0], lambda nb: nb["cells"][0]["source"].append("more"))


def spoil_id(root):
    change(paths(root)[1], lambda nb: nb["cells"][1].update(id="other"))


def spoil_metadata(root):
    change(paths(root)[0], lambda nb: nb["cells"][2]["metadata"].pop("nbgrader"))


def spoil_order(root):
    change(paths(root)[1], lambda nb: nb["cells"].reverse())


def add_output(root):
    stream = {"output_type": "stream", "name": "stdout", "text": "1"}
    change(paths(root)[0], lambda nb: nb["cells"][1].update(outputs=[stream]))


def not_run(root):
    change(paths(root)[1], lambda nb: nb["cells"][1].update(execution_count=None))


def error_output(root):
    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
    change(paths(root)[1], lambda nb: nb["cells"][1].update(outputs=[error]))


def give_away(root):
    change(paths(root)[0], lambda nb: nb["cells"][1].update(source=["return f(np.dot(w, x) + b)"]))


def widget_state(root):
    change(paths(root)[1], lambda nb: nb["metadata"].update(widgets={}))


def missing(root):
    paths(root)[1].unlink()


def empty(root):
    paths(root)[1].write_text("{}")


def stray(root):
    shutil.copy(paths(root)[0], root / "notebooks" / "02_other.ipynb")


@pytest.mark.parametrize(
    "spoil, sentence",
    [
        (spoil_source, "+What can it do?"),
        (spoil_learner_text, "is not what its source gives"),
        (spoil_id, "+--- code 01-one-unit-2"),
        (spoil_metadata, "is not what its source gives"),
        (spoil_order, "is not what its source gives"),
        (add_output, "has outputs"),
        (not_run, "not run from top to bottom"),
        (error_output, "ended in an error"),
        (give_away, "gives away 'return f(np.dot(w, x) + b)'"),
        (widget_state, "is not what its source gives"),
        (missing, "cannot read"),
        (empty, "cannot read"),
        (stray, "notebooks/02_other.ipynb has no source"),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_what_is_not_a_fresh_build_fails_the_check(copy, capsys, spoil, sentence):
    spoil(copy)
    assert run(copy, "--check") == 1
    assert sentence in capsys.readouterr().err


def test_the_check_needs_no_kernel_and_no_extra(copy, monkeypatch):
    for name in ("nbclient", "nbformat", "jupytext"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    assert run(copy, "--check") == 0


@pytest.mark.parametrize(
    "change, sentence",
    [
        (("# %% exercise 01.1", "# %%"), "a solution in a cell that is no exercise"),
        (("    ### END SOLUTION\n", ""), "1 '### BEGIN SOLUTION' but 0"),
        (("    ### BEGIN SOLUTION\n    return f(np.dot(w, x) + b)\n    ### END SOLUTION\n", ""), "without a solution"),
        (("import numpy as np\n", "import numpy as np\nreturn f(np.dot(w, x) + b)\n"), "gives away"),
        (("# What can one unit do?", "# What?\n#\n#     return f(np.dot(w, x) + b)\n#"), "gives away"),
    ],
)
def test_mistakes_in_the_source_stop_the_build(course, capsys, change, sentence):
    source = course / "solutions" / "01_one_unit.py"
    assert SOURCE.count(change[0]) == 1
    source.write_text(SOURCE.replace(*change), encoding="utf-8")
    assert run(course) == 1
    assert sentence in capsys.readouterr().err
    assert not any(p.exists() for p in paths(course))


def test_nothing_to_build_is_said(tmp_path, capsys):
    assert run(tmp_path) == 2 and "no lesson in" in capsys.readouterr().err
    (tmp_path / "solutions").mkdir()
    assert run(tmp_path, "7") == 2 and "no lesson 7 in" in capsys.readouterr().err


# ---------------------------------------------------------------- facts
def lesson(code: list[str], words: int = 1000, text_cells: int = 16) -> list:
    opening = "# **The question.** Why? *About 40 minutes.*\n"
    text = "".join(f"# %% [markdown]\n# ## S{i}\n# {'word ' * (words // text_cells)}\n" for i in range(text_cells - 1))
    text = text.replace("# word", opening + "# word", 1)
    ending = f"# %% [markdown]\n# ## What you can now claim\n# {'word ' * (words // text_cells)} What next?\n"
    return read(text + "".join(f"# %%\n{c}\n" for c in code) + ending)


def test_facts_are_counted():
    cells = read(
        "# %% [markdown]\n# # A title\n# It's *two-word* $x + y$ [link](http://a.b/c) `code`.\n"
        "# %%\na = 1\n\nb = 2\n# %%\nshow(a)\n# %%\nx\n# %%\ny\n"
    )
    found = facts(cells)
    assert (found.cells, found.words, found.lines, found.figures, found.stretch) == (5, 6, (2, 1, 1, 1), 1, 2)
    assert found.columns == len("show(a)")


def test_markers_are_no_code_lines():
    assert facts(read(SOURCE)).lines == (1, 3, 1)


def test_a_good_lesson_is_within_bounds():
    assert facts(lesson(["show(x)"] * 6 + ["a = " + "1" * 91])).problems() == []


@pytest.mark.parametrize(
    "cells, sentence",
    [
        (lesson(["show(x)"] * 40), "56 cells"),
        (lesson(["show(x)"], text_cells=4), "5 cells"),
        (lesson(["show(x)"], words=480), "words, wanted 900"),
        (lesson(["show(x)"], words=3200), "words, wanted 900"),
        (lesson(["show(x)" + "\na" * 5] * 5), "median of 6"),
        (lesson(["show(x)"] * 6 + ["show(x)" + "\na" * 12] * 2), "within 13 lines"),
        (lesson(["show(x)"] * 10 + ["show(x)" + "\na" * 25]), "of 26 lines"),
        (lesson(["show(x)", "a", "b", "c", "d"]), "4 code cells in a row"),
        (lesson(["show(x)", "a = " + "1" * 92]), "of 96 columns"),
    ],
)
def test_each_bound_is_kept(cells, sentence):
    problems = facts(cells).problems()
    assert len(problems) == 1 and sentence in problems[0]


@pytest.mark.parametrize(
    "there, instead, sentence",
    [
        ("**The question.** Why?", "Why?", "the first cell has no `**The question.**`"),
        ("Why?", "So.", "the first cell has no `**The question.**`"),
        ("About 40 minutes", "Not long", "does not say `About NN minutes`"),
        ("What next?", "That is all.", "ends without a question"),
    ],
)
def test_the_opening_and_the_end_are_looked_at(there, instead, sentence):
    cells = [replace(c, text=c.text.replace(there, instead)) for c in lesson(["show(x)"] * 6)]
    problems = facts(cells).problems()
    assert len(problems) == 1 and sentence in problems[0], problems


def test_the_end_has_its_heading():
    cells = [replace(c, text=c.text.replace("What you can now claim", "The end")) for c in lesson(["show(x)"] * 6)]
    assert "no heading `What you can now claim`" in facts(cells).problems()[0]


def test_facts_fail_outside_the_bounds(course, capsys):
    assert run(course, "--facts") == 1
    said = capsys.readouterr()
    assert "4 cells (3 code)" in said.out and "wanted 15 to 45" in said.err
