"""What a class receives: open exercises, no outputs, no row of a solution in any text; nothing is written over."""

import ast
import html
import json
import re
import shutil

import pytest
from conftest import ROOT

from dlcourse import cli
from dlcourse.authoring.notebook import learners
from dlcourse.authoring.source import read
from dlcourse.exercises import exercises, find, notebooks
from dlcourse.grading import given_away as given_module
from dlcourse.grading import release as release_module
from dlcourse.grading.given_away import GIVEN, Row, body_rows, own_rows, tokens, told
from dlcourse.grading.release import ReleaseError, given_away, release

LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
ALL = [ex for number in notebooks() for ex in exercises(number).values()]


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").mkdir()
    for path in LESSONS:
        shutil.copy(path, tmp_path / "source")
    return tmp_path / "source"


def test_a_release_holds_the_lessons_and_no_solution(tmp_path, capsys):
    to = tmp_path / "class"
    assert cli.main(["release", "--to", str(to)]) == 0
    assert "without solutions" in capsys.readouterr().out
    assert {p.name for p in to.iterdir()} == {"README.md", "GLOSSARY.md", *(p.name for p in LESSONS)}
    for path in to.glob("*.ipynb"):
        cells = json.loads(path.read_text())["cells"]
        assert not any(c.get("outputs") for c in cells)
        answers = [c for c in cells if "exercise" in c["metadata"].get("dlcourse", {})]
        assert {c["metadata"]["dlcourse"]["exercise"] for c in answers} == set(exercises(path.name[:2]))
        text = "".join("".join(c["source"]) for c in cells)
        for ex in exercises(path.name[:2]).values():
            assert ex.solution not in text


def test_nothing_is_written_over(tmp_path, capsys):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "mine").write_text("x")
    assert cli.main(["release", "--to", str(tmp_path / "class")]) == 1
    assert "not empty" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "class").iterdir()] == ["mine"]
    with pytest.raises(ReleaseError, match="no lessons"):
        release(tmp_path / "other", tmp_path)


@pytest.mark.parametrize("number", notebooks())
def test_the_complete_notebook_is_refused_and_its_open_version_is_not(number):
    (path,) = (ROOT / "solutions").glob(f"{number}_*.ipynb")
    found = given_away(number, json.loads(path.read_text()))
    assert any("has been run" in problem for problem in found)
    for ex in exercises(number).values():
        assert any(p.startswith(f"cell exercise-{ex.id.replace('.', '-')} shows") for p in found), ex.id
        assert f"exercise {ex.id} is not open" in found
    assert given_away(number, learners(read(path.with_suffix(".py").read_text()))) == []


def test_each_row_that_is_given_on_purpose_is_given_and_tells_too_little(monkeypatch):
    delivered = [json.loads(path.read_text()) for path in LESSONS]
    for (id, row), reason in GIVEN.items():
        monkeypatch.setattr(given_module, "secrets", lambda id=id, row=row: [Row(id, row, tokens(row))])
        assert reason and row in body_rows(find(id).solution), row
        assert told("", delivered), f"no lesson gives {row!r}: it need not be excepted"
    for ex in ALL:
        assert any((ex.id, row.text) not in GIVEN for row in own_rows(ex)), f"nothing of {ex.id} is looked for"


def test_of_edited_code_the_mended_rows_are_looked_for():
    assert [row.text for row in own_rows(find("07.5"))] == ["dz2 = relu_backward(da2, a2)"]
    assert [row.text.partition(" = ")[0] for row in own_rows(find("02.5"))] == ["d", "dw, db", "w, b"]


# ---- ways of hiding a solution: they change the cells of a notebook, or the notebook, and say where the solution is


def new(notebook, kind, source, **more):
    """A cell of its own, before the last one."""
    notebook["cells"].insert(-1, {"cell_type": kind, "id": "new", "metadata": {}, "source": source, **more})
    return "cell new"


def answer(notebook, ex, text):
    cell = next(c for c in notebook["cells"] if c["metadata"].get("dlcourse", {}).get("exercise") == ex.id)
    cell["source"] = (text + f'\n\ncheck("{ex.id}")  # ...').splitlines(keepends=True)
    return f"cell {cell['id']}"


def in_the_answer(notebook, ex):
    return answer(notebook, ex, ex.solution)


def below_the_open_answer(notebook, ex):
    cell = next(c for c in notebook["cells"] if c["metadata"].get("dlcourse", {}).get("exercise") == ex.id)
    cell["source"] = "".join(cell["source"]) + "\n\n" + ex.solution
    return f"cell {cell['id']}"


def with_comments(notebook, ex):
    return answer(notebook, ex, "\n".join(row + "  # so" for row in ex.solution.splitlines()))


def formatted(notebook, ex):
    return answer(notebook, ex, ast.unparse(ast.parse(ex.solution)))


def in_double_parentheses(notebook, ex):
    return answer(notebook, ex, re.sub(r"return (.+)", r"return (\1)", ex.solution.replace(" ", "  ")))


def spread(notebook, ex):
    rows = ast.unparse(ast.parse(ex.solution)).splitlines()
    return answer(notebook, ex, "\n".join(r if " f'" in r else r.replace("(", "(  # so\n") + "  # so" for r in rows))


def in_another_code_cell(notebook, ex):
    return new(notebook, "code", ex.solution)


def as_a_string(notebook, ex):
    return new(notebook, "code", f"text = {ex.solution!r}")


def in_comments(notebook, ex):
    return new(notebook, "code", "x = 1\n" + "\n".join("    # " + row for row in ex.solution.splitlines()))


def fenced(notebook, ex):
    return new(notebook, "markdown", "```python\n" + ex.solution + "\n```")


def in_prose(notebook, ex):
    return new(notebook, "markdown", "\n".join(f"Answer: `{row.strip()}`, so." for row in ex.solution.splitlines()))


def in_escaped_prose(notebook, ex):
    return new(notebook, "markdown", re.sub(r"([*_\[\]])", r"\\\1", html.escape(ex.solution)))


def in_a_cell_s_metadata(notebook, ex):
    return new(notebook, "raw", "x", metadata={"note": [{"by": ex.solution}]})


def as_json_in_metadata(notebook, ex):
    return new(
        notebook, "code", "x", metadata={"x": json.dumps({"s": json.dumps([ex.solution.replace("return", "")])})}
    )


def as_a_key(notebook, ex):
    return new(notebook, "code", "x", metadata={ex.solution: 1})


def in_the_notebook_s_metadata(notebook, ex):
    notebook["metadata"]["x"] = {"y": json.dumps(ex.solution)}
    return "the notebook's metadata"


def in_an_output(notebook, ex):
    rows = ex.solution.splitlines(keepends=True)
    return new(notebook, "code", "x", outputs=[{"output_type": "stream", "name": "stdout", "text": rows}])


def in_a_coloured_output(notebook, ex):
    marked = "".join(f"<b class='n'>{html.escape(part)}</b>" for part in re.split(r"([^\w.])", ex.solution))
    return new(notebook, "code", "x", outputs=[{"output_type": "display_data", "data": {"text/html": marked}}])


def in_an_attachment(notebook, ex):
    return new(notebook, "markdown", "x", attachments={"a.json": {"application/json": json.dumps({"s": ex.solution})}})


WAYS = [
    in_the_answer, below_the_open_answer, with_comments, formatted, in_double_parentheses, spread, in_another_code_cell,
    as_a_string, in_comments, fenced, in_prose, in_escaped_prose, in_a_cell_s_metadata, as_json_in_metadata, as_a_key,
    in_the_notebook_s_metadata, in_an_output, in_a_coloured_output, in_an_attachment,
]  # fmt: skip


@pytest.fixture(scope="module")
def short():
    """Of each lesson the first cells and the exercises, which is enough to hide something in."""
    found = {}
    for path in LESSONS:
        notebook = json.loads(path.read_text())
        cells = notebook["cells"]
        notebook["cells"] = cells[:2] + [c for c in cells[2:] if "exercise" in c["metadata"].get("dlcourse", {})]
        assert given_away(path.name[:2], notebook) == []
        found[path.name[:2]] = (path.name, json.dumps(notebook))
    return found


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("ex", ALL, ids=lambda ex: ex.id)
def test_a_solution_is_found_wherever_it_is_hidden(short, tmp_path, ex, way):
    name, text = short[ex.id[:2]]
    notebook = json.loads(text)
    where = way(notebook, ex)
    (tmp_path / name).write_text(json.dumps(notebook))
    with pytest.raises(ReleaseError, match=rf"{re.escape(name)}: {where} shows .* of exercise {re.escape(ex.id)}\b"):
        release(tmp_path / "class", tmp_path)
    assert not (tmp_path / "class").exists()


@pytest.mark.parametrize("ex", ALL, ids=lambda ex: ex.id)
def test_no_other_file_tells_it(source, tmp_path, monkeypatch, ex):
    (source / "GLOSSARY.md").write_text(f"- **unit**: `{ex.solution}`")
    assert told("x", ex.solution)
    for path in LESSONS[1:]:
        (source / path.name).unlink()
    with pytest.raises(ReleaseError, match=rf"GLOSSARY.md: the text shows .* of exercise {re.escape(ex.id)}\b"):
        release(tmp_path / "class", source)
    (source / "GLOSSARY.md").write_text("- **unit**")
    monkeypatch.setattr(release_module, "NOTE", ex.solution)
    with pytest.raises(ReleaseError, match=rf"README.md: the text shows .* of exercise {re.escape(ex.id)}\b"):
        release(tmp_path / "class", source)


@pytest.mark.parametrize(
    "text, id",
    [
        ("y = x @ W + b  # a layer", "03.3"),
        (["f(np.dot(", "w, x) + b)"], "01.1"),
        ("f(\n    np.dot(\n        w,\n        x,\n    )\n    + b,\n)", "01.1"),
        ("# f(\n#     np.dot(w, x)\n#     + b\n# )", "01.1"),
        ("'NOT': [-1], 0.50", "01.4"),
        (json.dumps(json.dumps("y = 1\nx @ W + b")), "03.3"),
        ("&amp;lt;b>da * (a &amp;gt; 0)&amp;lt;/b>", "07.2"),
        ({"a": [{"b": "\\u0064a * (a > 0)"}]}, "07.2"),
        ("np.zeros(len(x)), x @ W, y @ W + b, x @ W + bias, da * a, f(np.dot(x, w) + b)", None),
    ],
)
def test_what_tells_a_row(text, id):
    found = told("cell x", text)
    assert [problem.rpartition(" ")[2] for problem in found] == ([id] if id else [])
    assert all(problem.startswith("cell x shows '") for problem in found)


# ---- what else is not released


def ran(cells):
    next(c for c in cells if c["cell_type"] == "code")["outputs"] = [{"output_type": "stream", "text": "x"}]


def marked(cells):
    next(c for c in cells if c["cell_type"] == "code")["source"] = "### BEGIN SOLUTION"


def lost(cells):
    del cells[next(i for i, c in enumerate(cells) if c["metadata"].get("dlcourse", {}).get("exercise") == "02.2")]


def otherwise(cells):
    """Another answer than the course's, and a comment that looks open."""
    cell = next(c for c in cells if c["metadata"].get("dlcourse", {}).get("exercise") == "02.1")
    cell["source"] = "def mse(y, t):\n    return ((t - y) ** 2).mean()\n\ncheck('02.1')  # ..."


def no_python(cells):
    next(c for c in cells if c["metadata"].get("dlcourse", {}).get("exercise") == "02.1")["source"] = "def ...(:"


def mended_otherwise(cells):
    cell = next(c for c in cells if c["metadata"].get("dlcourse", {}).get("exercise") == "02.5")
    cell["source"] = "".join(cell["source"]).replace("        w = w - lr * dw\n", "", 1)


@pytest.mark.parametrize(
    "change, says",
    [
        (ran, "has been run"),
        (marked, "marker"),
        (lost, "no cell for exercise 02.2"),
        (otherwise, "exercise 02.1 is not open"),
        (no_python, "exercise 02.1 is not open"),
        (mended_otherwise, "exercise 02.5 is not open"),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_what_is_not_as_it_is_delivered_is_not_released(source, tmp_path, change, says):
    (path,) = source.glob("02_*.ipynb")
    notebook = json.loads(path.read_text())
    change(notebook["cells"])
    path.write_text(json.dumps(notebook))
    with pytest.raises(ReleaseError, match=says):
        release(tmp_path / "class", source)
    assert not (tmp_path / "class").exists()
