"""`dlcourse build --record NN`, with runs that take no time; and the records that are committed."""

import copy
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from dlcourse import cli, data, recorded
from dlcourse.authoring import long_runs, record_runs
from dlcourse.authoring.long_runs import LONG_RUNS, LongRun
from dlcourse.authoring.record_runs import problems
from dlcourse.data import Batches, Dataset
from dlcourse.hardware import machine
from dlcourse.lesson.recorded import FOLDER, FORM
from dlcourse.nn import storage
from dlcourse.nn.layers import Dense
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.hooks import Validate


def tiny(spoil=lambda run: None, band=(99, 100)):
    """A linear layer that learns the sign of a number: three epochs of two batches."""

    def train(data, begin):
        net, x, t = Network(Dense(1, 2)), data.x_train, data.t_train
        hooks = [Validate(x, t), begin("tiny net"), spoil]
        return {"right": long_runs.curve(net, SoftmaxCrossEntropy(), Batches(x, t, 4), 0.5, 3, hooks)}

    def claims(results):
        yield "the number of epochs", len(results["right"]), 3, 3
        yield "the last share", results["right"][-1], *band

    return LongRun(train, claims, 3)


@pytest.fixture
def runs(monkeypatch):
    """The long runs by lesson: only those of a lesson 99, on eight numbers."""
    x = np.linspace(-1, 1, 8, dtype=np.float32).reshape(8, 1, 1, 1)
    t = (x.ravel() > 0).astype(int)
    monkeypatch.setattr(record_runs, "load_mnist", lambda: Dataset(x, t, x, t, "signs", ("-", "+"), "here"))
    monkeypatch.setattr(record_runs, "LONG_RUNS", found := {"99": {"tiny": tiny()}})
    return found


@pytest.fixture
def old(tmp_path) -> Path:
    """What was recorded before."""
    path = tmp_path / "dlcourse" / "lesson" / "records" / "99.json"
    path.parent.mkdir(parents=True)
    path.write_text("the old one", encoding="utf-8")
    return path


def build(root: Path, *words: str) -> int:
    return cli.main(["build", *words, "--root", str(root)])


def untouched(old: Path) -> bool:
    return old.read_text(encoding="utf-8") == "the old one" and os.listdir(old.parent) == ["99.json"]


# ---------------------------------------------------------------- recording
def test_a_record_is_written_and_read(runs, old, tmp_path, capsys, monkeypatch):
    assert build(tmp_path, "--record", "99") == 0
    out, err = capsys.readouterr()
    assert out.startswith(os.path.join("dlcourse", "lesson", "records", "99.json") + ": tiny, in ") and not err
    assert out.count("\n") == 1, "progress is for those who watch"
    monkeypatch.setattr(sys.modules["dlcourse.lesson.recorded"], "FOLDER", old.parent)
    found = recorded("99")
    assert len(found["tiny"]["right"]) == 3 and found["tiny"]["right"][-1] == 100
    assert f"NumPy {np.__version__}" in found.label and found.machine.startswith(machine.processor_name())
    assert found.command == "dlcourse build --record 99" and found.seconds >= 0
    assert os.listdir(old.parent) == ["99.json"]


def test_a_list_of_numbers_stands_on_one_line(runs, old, tmp_path):
    assert build(tmp_path, "99", "--record") == 0
    text = old.read_text(encoding="utf-8")
    (line,) = (line for line in text.splitlines() if '"right"' in line)
    assert json.loads("{" + line + "}")["right"][-1] == 100 and text.endswith("}\n")


def test_who_watches_sees_how_long_it_will_take(runs, old, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(record_runs, "watched", lambda: True)
    assert build(tmp_path, "--record", "99") == 0
    out, err = capsys.readouterr()
    assert "tiny net" in out and "3/3" in out and "epoch" in out and not err


def test_blas_has_one_thread_meanwhile(runs, old, tmp_path):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    before = [p["num_threads"] for p in threadpoolctl.threadpool_info()]
    seen = []
    runs["99"]["tiny"] = tiny(spoil=lambda run: seen.extend(threadpoolctl.threadpool_info()))
    assert build(tmp_path, "--record", "99") == 0
    assert seen and {p["num_threads"] for p in seen} == {1}
    assert [p["num_threads"] for p in threadpoolctl.threadpool_info()] == before


@pytest.mark.parametrize("words", [["--record", "98"], ["--record"], ["--record", "9x"]])
def test_a_lesson_without_long_runs(words, runs, tmp_path, capsys):
    assert build(tmp_path, *words) == 2
    said = capsys.readouterr().err
    assert "results are recorded for 99" in said and said.count("\n") == 1 and not list(tmp_path.iterdir())


def test_without_mnist_one_sentence_says_what_to_do(runs, old, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(record_runs, "load_mnist", data.load_mnist)
    monkeypatch.setenv("DLCOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DLCOURSE_DATA", raising=False)
    assert build(tmp_path, "--record", "99") == 1
    said = capsys.readouterr().err
    assert said.startswith("Nothing was recorded: MNIST is not on this machine") and said.count("\n") == 1
    assert "load_mnist(download=True)" in said and "DLCOURSE_DATA" in said and untouched(old)


def test_a_failing_write_keeps_the_old_file(runs, old, tmp_path, capsys, monkeypatch):
    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    assert build(tmp_path, "--record", "99") == 1
    said = capsys.readouterr().err
    assert "could not be written (No space left on device)" in said and said.count("\n") == 1 and untouched(old)


def test_a_file_in_the_place_of_the_folder(runs, tmp_path, capsys):
    (tmp_path / "dlcourse").write_text("", encoding="utf-8")
    assert build(tmp_path, "--record", "99") == 1
    assert capsys.readouterr().err.startswith("Nothing was recorded: ")


def interrupt(run):
    if run.epoch == 2:
        os.kill(os.getpid(), signal.SIGINT)


def test_interrupted_the_old_file_is_as_it_was(runs, old, tmp_path, capsys):
    """By the key, as somebody would: fit ends its epoch, and half a curve is no result."""
    runs["99"]["tiny"] = tiny(spoil=interrupt)
    assert build(tmp_path, "--record", "99") == 130
    out, err = capsys.readouterr()
    assert err == "Interrupted: nothing was recorded, what was there is as it was.\n" and not out and untouched(old)


def test_a_run_that_was_interrupted_and_nothing_before(runs, tmp_path, capsys):
    runs["99"]["tiny"] = tiny(spoil=interrupt)
    assert build(tmp_path, "--record", "99") == 130
    assert "nothing is left behind" in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# ---------------------------------------------------------------- bands
def test_a_run_that_leaves_its_band_is_named(runs, old, tmp_path, capsys):
    runs["99"] = {"good": tiny(), "bad": tiny(band=(0, 40.5))}
    assert build(tmp_path, "--record", "99") == 1
    said = capsys.readouterr().err
    assert said == "Nothing was recorded: bad has left its band: the last share is 100, expected 0 to 40.5\n"
    assert untouched(old)


def test_a_loss_that_is_not_finite_is_out_of_its_band(runs, old, tmp_path, capsys):
    runs["99"]["tiny"] = tiny(spoil=lambda run: run.net.theta.fill(np.nan))
    assert build(tmp_path, "--record", "99") == 1
    said = capsys.readouterr().err
    assert said.startswith("Nothing was recorded: tiny: ") and "nan" in said and untouched(old)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_result_that_is_no_number_is_refused(value, runs, old, tmp_path, capsys):
    wrong = LongRun(lambda data, begin: {"right": [100.0, float(value)]}, lambda results: iter(()), 1)
    runs["99"] = {"tiny": wrong}
    assert build(tmp_path, "--record", "99") == 1
    assert f"tiny gave {value}" in capsys.readouterr().err and untouched(old)
    content = {"form": FORM, "lesson": "99", "results": {"tiny": {"right": [float(value)]}}}
    with pytest.raises(ValueError):
        record_runs.text(content, "99")


def test_results_of_other_runs_are_refused():
    assert "expected the results of linear" in problems(LONG_RUNS["04"], {"liner": {}})[0]


# ---------------------------------------------------------------- what is committed
def committed(lesson: str) -> dict:
    return json.loads((FOLDER / f"{lesson}.json").read_text(encoding="utf-8"))


def test_every_lesson_with_long_runs_has_its_record_and_no_other_has():
    assert sorted(p.name for p in FOLDER.iterdir()) == [f"{lesson}.json" for lesson in sorted(LONG_RUNS)]


@pytest.mark.parametrize("lesson", LONG_RUNS)
def test_the_record_lies_within_the_bands_and_says_where_it_comes_from(lesson):
    content = committed(lesson)
    assert problems(LONG_RUNS[lesson], content["results"]) == []
    assert content["machine"]["processor"] and content["machine"]["cores"] >= 1
    assert content["date"] >= "2026-11-28" and content["seconds"] > 0
    assert set(content["versions"]) == {"Python", "NumPy", "BLAS", "dlcourse"} and all(content["versions"].values())
    assert content["command"] == f"dlcourse build --record {lesson}"
    assert recorded(lesson).label.startswith("recorded result, ")


@pytest.mark.parametrize("lesson", LONG_RUNS)
def test_the_record_is_written_as_the_recorder_writes(lesson):
    assert (FOLDER / f"{lesson}.json").read_text(encoding="utf-8") == record_runs.text(committed(lesson), lesson)


def test_lessons_04_and_08_show_the_same_linear_network():
    assert recorded("04")["linear"] == recorded("08")["linear"]


@pytest.mark.parametrize("name", ["784-30-10", "784-100-10"])
def test_the_figures_of_the_seeds_are_those_of_their_curves(name):
    """Counted anew from the curves, failing seeds included."""
    found = committed("08")["results"][name]
    best = {seed: max(curve) for seed, curve in found["accuracy_percent"].items()}
    assert found["best_percent_by_seed"] == best and list(best) == [str(seed) for seed in range(12)]
    assert found["median_seeds"] == [0, 1, 2]
    assert found["median_of_best_percent"] == sorted(best[seed] for seed in "012")[1]
    silent = [int(seed) for seed, said in found["answers_by_digit"].items() if any(n < 100 for n in said)]
    assert found["failing_seeds"] == silent
    assert long_runs.by_seed(found["accuracy_percent"], found["answers_by_digit"]) == found


def set_last(name, key, value):
    def spoil(results):
        results[name][key][-1] = value

    return spoil


def set_seed(key, value):
    def spoil(results):
        results["784-30-10"][key]["3"] = value

    return spoil


def all_lower(results):
    """Every seed a point and a half lower, and all figures with them."""
    found = results["784-30-10"]
    curves = {seed: [right - 1.5 for right in curve] for seed, curve in found["accuracy_percent"].items()}
    results["784-30-10"] = long_runs.by_seed(curves, found["answers_by_digit"])


SPOILT = {
    "all lower": (all_lower, "the median of the best epochs is 93.57, expected 94.4 to 95.6"),
    "linear, last epoch": (set_last("linear", "test_error_percent", 8.1), "linear has left its band"),
    "linear, epochs": (lambda r: r["linear"]["test_error_percent"].pop(0), "the number of epochs is 9, expected 10"),
    "relu, last epoch": (set_last("784-400-10", "test_error_percent", 2.5), "after epoch 20 is 2.5, expected 1.7 to"),
    "relu, NaN": (set_last("784-400-10", "test_error_percent", float("nan")), "784-400-10 gave nan"),
    "median": (lambda r: r["784-30-10"].update(median_of_best_percent=95.0), "best epochs is 95, expected 95.07"),
    "a best epoch": (set_seed("best_percent_by_seed", 99.9), "the best epoch of seed 3 is 99.9"),
    "a short curve": (set_seed("accuracy_percent", [95.0] * 29), "the number of epochs of seed 3 is 29"),
    "answers": (set_seed("answers_by_digit", [1000] * 9), "the number of answers of seed 3 is 9000"),
    "a seed": (lambda r: r["784-100-10"]["accuracy_percent"].popitem(), "the number of seeds is 11"),
    "none fails": (lambda r: r["784-100-10"].update(failing_seeds=[]), "where no digit is missing is"),
    "a good one fails": (lambda r: r["784-30-10"].update(failing_seeds=[4]), "seed 4, which fails, is"),
}


@pytest.mark.parametrize("spoil, says", SPOILT.values(), ids=SPOILT)
def test_the_bands_refuse_what_is_not_so(spoil, says):
    spoil(results := copy.deepcopy(committed("08")["results"]))
    assert any(says in problem for problem in problems(LONG_RUNS["08"], results)), problems(LONG_RUNS["08"], results)


# ---------------------------------------------------------------- the machine
def test_the_processor_has_a_name_everywhere(tmp_path, monkeypatch):
    assert machine.processor_name() and machine.cores() >= 1 and machine.blas()
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    assert machine.processor_name(), "where there is no such file"
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: AMD EPYC 9B14\n", encoding="utf-8")
    assert machine.processor_name() == "AMD EPYC 9B14"
