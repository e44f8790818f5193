"""What a class receives: open exercises, no outputs, no line of a solution; nothing is written over."""

import json
import shutil

import pytest
from conftest import ROOT

from dlcourse import cli
from dlcourse.exercises import exercises, notebooks
from dlcourse.grading.release import ReleaseError, given_away, release

LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


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
def test_the_complete_notebook_is_refused(number):
    (path,) = (ROOT / "solutions").glob(f"{number}_*.ipynb")
    found = "; ".join(given_away(number, json.loads(path.read_text())))
    assert "has been run" in found
    for ex in exercises(number).values():
        assert ex.broken is not None or f"exercise {ex.id} shows" in found or f"exercise {ex.id} is not open" in found


def spoil(source, change):
    (path,) = source.glob("01_*.ipynb")
    notebook = json.loads(path.read_text())
    change(notebook["cells"])
    path.write_text(json.dumps(notebook))


def answered(cells):
    cell = next(c for c in cells if c["metadata"].get("dlcourse", {}).get("exercise") == "01.1")
    cell["source"] = "".join(cell["source"]).replace("return ...", "return f(np.dot(w, x) + b)")


def leaked(cells):
    cell = next(c for c in cells if c["metadata"].get("dlcourse", {}).get("exercise") == "01.1")
    cell["source"] = "".join(cell["source"]) + "\n    return f(np.dot(w, x) + b)"


WHOLE = "x = 1\n    return f(np.dot(w, x) + b)\n"


def in_another_cell(cells):
    cells.insert(3, {"cell_type": "code", "id": "x", "metadata": {}, "outputs": [], "source": WHOLE})


def in_a_text(cells):
    cells[0]["source"] = ["Do it so:\n", "\n", "    return f(np.dot(w, x) + b)\n"]


def in_metadata(cells):
    cells[0]["metadata"]["note"] = {"by": [WHOLE]}


def ran(cells):
    next(c for c in cells if c["cell_type"] == "code")["outputs"] = [{"output_type": "stream", "text": "x"}]


def marked(cells):
    next(c for c in cells if c["cell_type"] == "code")["source"] = "### BEGIN SOLUTION"


def lost(cells):
    del cells[next(i for i, c in enumerate(cells) if c["metadata"].get("dlcourse", {}).get("exercise") == "01.2")]


@pytest.mark.parametrize(
    "change, says",
    [
        (answered, "01.1"),
        (leaked, "01.1 shows"),
        (ran, "has been run"),
        (marked, "marker"),
        (lost, "no cell for exercise 01.2"),
        (in_another_cell, "another cell"),
        (in_a_text, "another cell"),
        (in_metadata, "another cell"),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_what_gives_something_away_is_not_released(source, tmp_path, change, says):
    spoil(source, change)
    with pytest.raises(ReleaseError, match=says):
        release(tmp_path / "class", source)
    assert not (tmp_path / "class").exists()
