"""Reading a source into cells, and opening its exercises. jupytext is the oracle for the reading."""

import textwrap
from pathlib import Path

import pytest

from dlcourse.authoring import openings
from dlcourse.authoring.source import SourceError, read, slug

SOURCES = sorted((Path(__file__).parents[2] / "solutions").glob("*.py"))

LESSON = textwrap.dedent('''\
    # ---
    # jupytext header
    # ---
    # %% [markdown]
    # # 01 · One unit
    #
    # Text with `code`,  and a # sign.

    # %%
    import numpy as np


    x = 1

    # %% [markdown]
    # ## 2 · Multiply, add & bend
    # %% tags=["nbval-check-output"]
    print(x)  # %% not a cell

    # %% exercise 01.1
    def unit(x, w, b, f):
        """y = f(w·x + b)"""
        ### BEGIN SOLUTION
        return f(np.dot(w, x) + b)
        ### END SOLUTION


    check("01.1")
    ''')


def test_cells_are_read():
    cells = read(LESSON)
    assert [(c.kind, c.id, c.tags, c.exercise) for c in cells] == [
        ("markdown", "01-one-unit-1", [], ""),
        ("code", "01-one-unit-2", [], ""),
        ("markdown", "2-multiply-add-bend-1", [], ""),
        ("code", "2-multiply-add-bend-2", ["nbval-check-output"], ""),
        ("code", "exercise-01-1", [], "01.1"),
    ]
    assert cells[0].text == "# 01 · One unit\n\nText with `code`,  and a # sign."
    assert cells[1].text == "import numpy as np\n\nx = 1"
    assert cells[3].text == "print(x)  # %% not a cell"


def test_a_new_cell_moves_ids_of_its_own_section_only():
    before = {c.id: c.text for c in read(LESSON)}
    longer = LESSON.replace("# %%\nimport", "# %%\nnew = 2\n\n# %%\nimport")
    after = {c.id: c.text for c in read(longer)}
    assert {k: v for k, v in before.items() if k[0] != "0"} == {k: v for k, v in after.items() if k[0] != "0"}


def test_slugs_are_what_nbformat_allows():
    assert slug("2 · Multiply, add, bend") == "2-multiply-add-bend"
    assert slug("σ(z)?") == "z" and slug("·") == "section" and len(slug("word " * 30)) <= 32


@pytest.mark.parametrize("source", [*SOURCES, None], ids=lambda s: s.name if s else "example")
def test_jupytext_reads_the_same_cells(source):
    jupytext = pytest.importorskip("jupytext", reason="jupytext is the oracle of this test")
    text = source.read_text(encoding="utf-8") if source else LESSON.partition("# %%")[1] + LESSON.partition("# %%")[2]
    theirs = jupytext.reads(text, fmt="py:percent").cells
    ours = read(text)
    assert [c.kind for c in ours] == [c.cell_type for c in theirs]
    for mine, other in zip(ours, theirs):
        lines = [row for row in other.source.splitlines() if row.strip()]
        assert [row for row in mine.text.splitlines() if row.strip()] == lines
        assert mine.tags == other.metadata.get("tags", [])


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("x = 1\n", "line 1: code above"),
        ("# only a comment\n", "no cell found"),
        ("# %% [markdown]\n# fine\nnot fine\n", "line 3: a line of a text cell"),
        ("# %% [markdwon]\n# fine\n", "line 1: cannot read"),
        ("# %% exercise 1\nx = 1\n", "line 1: an exercise is written"),
        ("# %% exercise 01.1\nx = 1\n# %% exercise 01.1\n", "line 3: two cells"),
        ("# %% [markdown]\n# ## A\n# %% [markdown]\n# ## A\n", "line 3: two cells"),
    ],
)
def test_mistakes_are_named_with_their_line(text, sentence):
    with pytest.raises(SourceError, match=sentence.replace("(", r"\(")):
        read(text)


# ---------------------------------------------------------------- openings
def block(body: str, before: str = "", after: str = "") -> str:
    return f"{before}### BEGIN SOLUTION\n{body}### END SOLUTION\n{after}"


FUNCTION = 'def f(x):\n    """y"""\n    ### BEGIN SOLUTION\n    z = 3 * x\n    return z\n    ### END SOLUTION\n'


@pytest.mark.parametrize(
    "code, learner",
    [
        (FUNCTION, 'def f(x):\n    """y"""\n    return ...  # your code'),
        (block("a = -1.5e-3\nb = [1, -2]\n"), "a = ...\nb = [..., ...]"),
        (
            block('    "AND": ([1, 1], -1.5),\n    "N2": ([-1], 0.5),\n', "gates = {\n", "}\n"),
            'gates = {\n    "AND": ([..., ...], ...),\n    "N2": ([...], ...),\n}',
        ),
        (block("v = mu * v + 2 * grad\n"), "...  # your code"),
        (block("v = mu * v\n### OPEN v = ...\n"), "v = ..."),
        (block("z = 1\n") + "print(z)\n" + block("y = 2\n"), "z = ...\nprint(z)\ny = ..."),
        ("no = 'exercise'\n", "no = 'exercise'"),
    ],
)
def test_open_forms(code, learner):
    assert openings.opened(code) == learner


def test_a_number_is_opened_only_where_it_is_a_number():
    opened = openings.opened(block('    "x2": x2[10] - 3,  # 4\n', "d = [\n", "]\n"))
    assert opened == 'd = [\n    "x2": x2[...] - ...,  # 4\n]'


def test_the_opened_cell_is_valid_python():
    for code in (FUNCTION, block("a = -1\n"), FUNCTION + block("w = 1\n")):
        compile(openings.opened(code), "cell", "exec")


def test_complete_keeps_the_markers_and_runs():
    code = block("v = 2\n### OPEN v = ...\n")
    assert openings.complete(code) == "### BEGIN SOLUTION\nv = 2\n### END SOLUTION"
    assert openings.without_markers(code) == "v = 2"


def test_solution_lines_leave_out_what_gives_nothing_away():
    code = block("# a remark of the author\nz = x @ W + b\nelse:\n### OPEN z = ... and more\n")
    assert openings.solution_lines(code) == {"z = x @ W + b"}


@pytest.mark.parametrize(
    "code",
    [
        "### BEGIN SOLUTION\nx = 1\n",
        "x = 1\n### END SOLUTION\n",
        "### END SOLUTION\nx = 1\n### BEGIN SOLUTION\n",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n",
    ],
)
def test_broken_markers_are_found(code):
    assert openings.marker_problem(code)
    assert openings.marker_problem(FUNCTION) is None


GATES = """### BEGIN SOLUTION
gates = {
    "AND": ([1, 1], -1.5),
}
### END SOLUTION
check("01.4")"""


def test_the_frame_around_opened_numbers_gives_nothing_away():
    assert openings.opened(GATES).startswith('gates = {\n    "AND": ([..., ...], ...),\n}')
    assert openings.solution_lines(GATES) == {'"AND": ([1, 1], -1.5),'}


def test_a_use_cell_holds_one_line_and_is_called_after_its_exercise():
    cells = read('# %% exercise 01.2\ncheck("01.2")\n\n# %% use 01.2\nstep, relu = use("01.2")\n')
    assert [(c.id, c.exercise, c.uses) for c in cells] == [("exercise-01-2", "01.2", ""), ("points-01-2", "", "01.2")]


@pytest.mark.parametrize(
    "text",
    [
        '# %% use 01.2\nstep = use("01.3")\n',
        '# %% use 01.2\nstep = use("01.2")\nprint(step(1))\n',
        "# %% use 01.2\n\n",
        '# %% use 1.2\nstep = use("1.2")\n',
    ],
)
def test_a_use_cell_that_says_more_or_other_is_refused(text):
    with pytest.raises(SourceError, match="use"):
        read(text)
