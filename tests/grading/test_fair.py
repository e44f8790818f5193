"""What one submission does is no matter of another, and the same submissions get the same grades."""

from __future__ import annotations

import contextlib
import json
import os
import signal

import processes
import pytest
from conftest import LAYERS, answer, notebook
from hostile import RIGHT
from test_batch import files, grade, points, solved, write

from dlcourse.exercises import CORRECT
from dlcourse.grading import batch, start
from dlcourse.grading import grade as grading
from dlcourse.grading.batch import begin, run_all


@pytest.mark.parametrize("layer", LAYERS)
def test_when_the_process_behind_the_wall_dies_nobody_pays(layer, tmp_path):
    path = tmp_path / "01_one_unit.ipynb"
    path.write_bytes(solved("01"))
    zygote = start.Zygote(layer)
    try:
        for _ in range(3):
            zygote.wait()
            os.kill(zygote.process.pid, signal.SIGKILL)
            zygote.process.wait()
            result = grading.grade(path, "alice", path.name, zygote, 3)
            assert all(e.state == CORRECT for e in result.exercises), result
    finally:
        zygote.close()


def test_when_it_dies_in_the_middle_of_an_answer_the_answer_is_asked_again(tmp_path, monkeypatch):
    path = tmp_path / "01_one_unit.ipynb"
    path.write_bytes(solved("01"))
    with contextlib.closing(start.Zygote(LAYERS[0])) as zygote:
        asked, first = grading.evaluate, []

        def dying(ex, worker, seed):
            worker.describe(ex.defines)
            if not first:
                first.append(os.kill(zygote.process.pid, signal.SIGKILL))
                zygote.process.wait()
            return asked(ex, worker, seed)

        monkeypatch.setattr(grading, "evaluate", dying)
        result = grading.grade(path, "alice", path.name, zygote, 3)
        assert all(e.state == CORRECT for e in result.exercises), result


@pytest.mark.parametrize("dies", [False, True])
def test_a_process_that_has_begun_serves_the_first_grader_and_is_gone_afterwards(dies, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("alice", "bob"):
        (tmp_path / "in" / f"{name}_01_one_unit.ipynb").write_bytes(solved("01"))
    before = processes.below(os.getpid())
    begun = start.Zygote(LAYERS[0])
    begun.wait()
    if dies:
        os.kill(begun.process.pid, signal.SIGKILL)
    run = begin(tmp_path / "out", LAYERS[0], 5, "")
    results = run_all(tmp_path / "in", tmp_path / "out", run, 2, None, begun)
    assert all(e["state"] == CORRECT for r in results for e in r["exercises"]) and len(results) == 2
    assert begun.closed and processes.below(os.getpid()) <= before


def test_what_one_writes_past_errors_stops_no_other(tmp_path):
    loud = "import os\nos.write(2, b'x' * 10**6)\n" + RIGHT.replace(
        "    return", "    os.write(2, b'y' * 10**6)\n    return"
    )
    folder = write(tmp_path / "class", {f"{n}.ipynb": notebook(answer("import os\n" + loud)) for n in "abc"})
    assert grade(folder, tmp_path / "one", "--seed", "5", "-j", "1") == 0
    assert grade(folder, tmp_path / "three", "--seed", "5", "-j", "3") == 0
    assert {p[0] for p in points(tmp_path / "one").values()} == {1} and points(tmp_path / "one") == points(
        tmp_path / "three"
    )


@pytest.mark.parametrize("draw", ["hash('a') % 2", "np.random.rand() < 0.5", "__import__('random').random() < 0.5"])
def test_an_answer_that_draws_draws_the_same_in_every_run(tmp_path, draw):
    source = f"LUCK = {draw}\ndef unit(x, w, b, f):\n    return f(np.dot(w, x) + b * LUCK)\n"
    folder = write(tmp_path / "class", {f"{n}.ipynb": notebook(answer(source)) for n in "abcd"})
    for name, workers in (("a", "1"), ("b", "1"), ("c", "3")):
        assert grade(folder, tmp_path / name, "--seed", "5", "-j", workers) == 0
    assert files(tmp_path / "a") == files(tmp_path / "b") == files(tmp_path / "c")
    assert len({p for p in points(tmp_path / "a").values()}) == 1


def test_a_pipe_and_an_endless_file_stop_nobody(tmp_path):
    folder = write(tmp_path / "class", {"a.ipynb": solved("01")})
    os.mkfifo(folder / "b_01_one_unit.ipynb")
    with open(folder / "c_01_one_unit.ipynb", "wb") as sparse:
        sparse.truncate(1 << 40)
    assert grade(folder, tmp_path / "out", "--seed", "5") == 0
    assert {f: p[0] for f, p in points(tmp_path / "out").items()} == {
        "a.ipynb": 5, "b_01_one_unit.ipynb": 0, "c_01_one_unit.ipynb": 0,
    }  # fmt: skip


def test_a_file_that_changes_while_it_is_graded_is_graded_again(tmp_path, monkeypatch):
    folder = write(tmp_path / "class", {"a.ipynb": notebook(answer("def unit(x, w, b, f): return 0"))})
    real = batch.grade

    def meanwhile(path, *rest):
        result = real(path, *rest)
        path.write_bytes(notebook(answer(RIGHT)))
        return result

    monkeypatch.setattr(batch, "grade", meanwhile)
    run = begin(tmp_path / "out", LAYERS[0], 5, "")
    assert run_all(folder, tmp_path / "out", run, 1)[0]["points"] == 0
    monkeypatch.undo()
    assert run_all(folder, tmp_path / "out", run, 1)[0]["points"] == 1


def test_what_builds_on_an_earlier_notebook_follows_it(tmp_path):
    folder = write(tmp_path / "class", {"a/01_one_unit.ipynb": solved("01"), "a/03_a_layer.ipynb": solved("03")})
    assert grade(folder, tmp_path / "out", "--seed", "5") == 0
    names = {
        json.loads(p.read_text())["file"]: json.loads(p.read_text())["sha256"]
        for p in (tmp_path / "out/results").glob("*")
    }
    (folder / "a/01_one_unit.ipynb").write_bytes(notebook(answer(RIGHT)))
    assert grade(folder, tmp_path / "out", "--seed", "5") == 0
    again = {
        json.loads(p.read_text())["file"]: json.loads(p.read_text())["sha256"]
        for p in (tmp_path / "out/results").glob("*")
    }
    assert names["a/03_a_layer.ipynb"] != again["a/03_a_layer.ipynb"], "its result is of another chain"


def test_copies_count_once(tmp_path):
    folder = write(
        tmp_path / "class", {f"al/{n}_01_one_unit.ipynb": solved("01", ("01.1",) * (n == 1)) for n in range(3)}
    )
    assert grade(folder, tmp_path / "out", "--seed", "5") == 0
    assert sorted(points(tmp_path / "out").values()) == [(0, 0), (0, 0), (5, 5)]
    assert "the last one counts" in (tmp_path / "out" / "grades.csv").read_text()


def test_nothing_of_somebody_else_is_deleted_or_written_over(tmp_path, capsys):
    folder = write(tmp_path / "class", {"a.ipynb": solved("01")})
    mine = write(tmp_path / "mine", {"thesis.writing": b"x", "class.html": b"y"})
    assert grade(folder, mine) == 1 and "holds no grades" in capsys.readouterr().err
    assert files(mine) == {"thesis.writing": b"x", "class.html": b"y"}
    assert grade(folder, tmp_path / "out") == 0
    write(tmp_path / "out", {"results/mine.writing": b"x"})
    assert grade(folder, tmp_path / "out") == 0 and (tmp_path / "out/results/mine.writing").exists()


def test_nothing_is_left_in_the_temporary_folder(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)
    folder = write(tmp_path / "class", {f"{n}.ipynb": solved("01") for n in "abc"})
    assert grade(folder, tmp_path / "out") == 0
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("workers", ["-1", "0", "x"])
def test_a_number_of_graders_is_a_number(tmp_path, capsys, workers):
    folder = write(tmp_path / "class", {"a.ipynb": solved("01")})
    assert grade(folder, tmp_path / "out", "-j", workers) == 2
    assert "whole number from 1 on" in capsys.readouterr().err


def test_all_notebooks_are_seen(tmp_path):
    write(tmp_path, {"_smith.ipynb": b"{", "UPPER.IPYNB": b"{", "_lee/01.ipynb": b"{", ".hidden.ipynb": b"{"})
    assert [h.file for h in batch.handed_in(tmp_path)] == ["UPPER.IPYNB", "_lee/01.ipynb", "_smith.ipynb"]
