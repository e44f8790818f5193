"""The benchmark for a GPU, as far as it can be tried without one: on the fake device, with a clock of the test's own.

No time is tested. What a GPU alone can show is that the script runs there: docs/gpu-status.md has the command.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import cpu_tables  # noqa: E402
import gpu  # noqa: E402
import gpu_case  # noqa: E402
import gpu_tables  # noqa: E402
import gpu_timing  # noqa: E402
import gpu_verdict  # noqa: E402
import gpu_workloads  # noqa: E402
from cpu_peers.ours import MAKE  # noqa: E402
from gpu_peers import GpuRunner, ours  # noqa: E402

import dlcourse  # noqa: E402
from dlcourse.backends.fake import FAKE  # noqa: E402
from dlcourse.hardware.timing import UnsynchronisedError  # noqa: E402

TINY = gpu_workloads.cases(most=16, batch=8)
ROWS = "implementations"


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Blocks of one step, on the fake device."""
    monkeypatch.setattr(gpu_timing, "BLOCK_S", 0.0)


def budget(seconds: float = 1e9, clock=None, **shares: float) -> gpu_timing.Budget:
    return gpu_timing.Budget(seconds, shares, clock or Time())


def measured(case, found, device=None, end: float = 1e9, clock=None) -> dict:
    return gpu_case.measure(case, found, device or gpu_case.Device(dry=True), budget(clock=clock), end)


def row(s: float, **more) -> dict:
    """A row with quartiles 10 % away."""
    told = {"clock": "CUDA events", "said": "", "losses": [2.3], "error": 1e-6, "blocks": 7, "TFLOP_per_s": 1 / s}
    return {"min_s": 0.8 * s, "q1_s": 0.9 * s, "median_s": s, "q3_s": 1.1 * s} | told | more


def invented() -> dict:
    """A record with figures of this test's own; every shape as `run` makes it."""
    one = {"dlcourse": row(1.0), "PyTorch eager": row(10.0), "PyTorch compiled max-autotune": row(3.0),
           "PyTorch compiled reduce-overhead": row(2.5)}  # fmt: skip
    part = {ROWS: one, "refused": {"JAX jit": "the gradient 0.W is wrong"}, "interleaved": True, "in_time": True}
    case = {"what": "MLP", "FLOP": 10, "includes": "", "measured": {"fp32": part}, "skipped": {"tf32": "no precision="}}
    run = {"seconds": 1.0, "epochs": 2, "epoch_s": 0.4, "prepare_s": 1.0, "accuracy": 0.98, "loss": 0.1}
    return {
        "kind": "gpu", "dry": False, "reduced": False, "date": "2026-01-02T03:04", "device": "Invented 1",
        "versions": {"dlcourse": "0"}, "clocks_before": {"clocks.sm": "1 MHz"}, "not_measured": {"X": "not installed"},
        "cases": {"G1": case, "G6 64": case}, "mnist": {"how": "so", "runs": {"dlcourse": run}, "skipped": {}},
        "targets": gpu_verdict.verdicts({"G1": case}, {}),
    }  # fmt: skip


# ---- what the documents say


@pytest.mark.parametrize("page", gpu_tables.PAGES)
def test_the_tables_are_made_from_the_newest_record_or_say_that_there_is_none(page):
    record, text = gpu_tables.newest(gpu.RECORDS), (ROOT / page).read_text("utf-8")
    assert text == cpu_tables.replaced(text, gpu_tables.PAGES[page](record), "gpu"), "python benchmarks/gpu.py --tables"


def test_without_a_record_no_figure_is_told_but_predictions_which_are_called_so(tmp_path):
    (tmp_path / "gpu-tests-x-2026-01-01.json").write_text(json.dumps({"date": "2026-01-01"}))
    assert gpu_tables.newest(tmp_path) is None
    told, predicted = gpu_tables.long(None).split("### What arithmetic predicts")
    assert gpu_tables.NONE in told and "|" not in told
    assert "Predictions, not measurements" in predicted and "| prediction for |" in predicted
    assert "|" not in gpu_tables.short(None) and gpu_tables.NONE in gpu_tables.short(None)


def test_a_record_becomes_tables_with_ratios_spreads_losses_and_absentees(tmp_path):
    for day in ("2026-01-02", "2026-03-01"):
        (tmp_path / f"gpu-x-{day}.json").write_text(json.dumps(invented() | {"date": f"{day}T00:00"}))
    record = gpu_tables.newest(tmp_path)
    assert record["date"].startswith("2026-03-01")
    told = gpu_tables.long(record)
    better_of_two_modes = "| G1 fp32: MLP | 1 s | 10.00 (8.18 to 12.22) | 2.50 (2.05 to 3.06) |  |  |"
    assert better_of_two_modes in told
    assert "- X: not installed" in told and "- JAX jit on G1 fp32: the gradient 0.W is wrong" in told
    assert "- G1 tf32: no precision=" in told and "| 2.3000 |" in told and "Invented 1" in told
    assert "holds, within the spread" not in told.split("### Targets")[1].split("to PyTorch eager")[1].split("\n")[0]
    assert "Invented 1" in gpu_tables.short(record)


@pytest.mark.parametrize("make", gpu_tables.PAGES.values())
def test_a_dry_record_is_refused(make):
    with pytest.raises(ValueError, match="dry run"):
        make(invented() | {"dry": True})


# ---- what is made of the times


def test_the_verdict_is_that_of_the_medians_and_tells_whether_the_spread_allows_another():
    rows = {"dlcourse": row(1.0), "PyTorch eager": row(8.2), "PyTorch graph": row(1.0), "PyTorch compiled a": row(9.0)}
    said = gpu_verdict.verdicts({"G1": {"FLOP": 1, "measured": {"fp32": {ROWS: rows}}}}, {})
    assert [(line["floor"], line["holds"], line["sure"]) for line in said] == [
        (8, True, False), (2, True, True), (1.3, False, True)
    ]  # fmt: skip
    assert said[0]["spread"] == pytest.approx((8.2 * 0.9 / 1.1, 8.2 * 1.1 / 0.9))
    assert gpu_verdict.ratio(rows, "JAX jit") is None
    said = gpu_verdict.verdicts({"G4": {"FLOP": 1, "measured": {"fp32": {ROWS: rows}}}}, {})
    assert [line["floor"] for line in said] == [0.2], "where there is no target, nothing is missed"


def test_the_rate_of_the_giant_and_the_epoch_have_targets_too():
    one = {"FLOP": 7e14, "measured": {"bf16": {ROWS: {"dlcourse": row(1.0)}}}}
    epochs = {"dlcourse": {"epoch_s": 1.0}, gpu_verdict.LOADER: {"epoch_s": 9.0}}
    rate, epoch = gpu_verdict.verdicts({"G5": one}, epochs)
    assert rate["found"] == pytest.approx(700) and rate["holds"] and not rate["sure"]
    assert (epoch["found"], epoch["holds"]) == (9.0, False)


def test_a_prediction_is_flop_by_peak_and_bytes_by_bandwidth():
    giant = gpu_workloads.cases()["G5"]
    assert gpu_workloads.parameters(giant.w) == 1_086_832_650 and giant.checked.batch == gpu_workloads.CHECK[1]
    found = gpu_workloads.predicted(giant.w, "bf16")
    assert found["products_s"] == pytest.approx(0.0538, rel=1e-2)
    assert found["parameters_s"] == pytest.approx(30 * 1_086_832_650 / 4.8e12)
    assert found["at_least_s"] == found["products_s"]
    small = gpu_workloads.predicted(gpu_workloads.cases()["G1"].w, "fp32")
    assert small["parameters_s"] == 0 < small["at_least_s"], "it stays in the cache"
    assert gpu_workloads.needs(giant.w) > 18 * 1_086_832_650


@pytest.mark.parametrize("case", TINY.values(), ids=lambda case: case.w.name)
def test_a_workload_is_the_network_that_it_says(case):
    net = dlcourse.Network(*(MAKE[kind](*numbers) for kind, *numbers in case.w.layers))
    assert net.theta.size >= gpu_workloads.parameters(case.w) == sum(a.size for a in net.params.values())
    assert {name: a.shape for name, a in gpu_workloads.start(case.w).items()} == {
        name: a.shape for name, a in net.params.items()
    }


def test_very_many_weights_are_drawn_with_the_same_spread(monkeypatch):
    w = TINY["G2"].w
    usual = gpu_workloads.start(w)
    monkeypatch.setattr(gpu_workloads, "GIANT", 10)
    quick = gpu_workloads.start(w)
    assert {n: (a.shape, a.dtype) for n, a in usual.items()} == {n: (a.shape, a.dtype) for n, a in quick.items()}
    assert quick["0.W"].std() == pytest.approx(usual["0.W"].std(), rel=0.05)


# ---- right before fast


class Mistaken(ours.Ours):
    """Ours with a mistake in it."""

    def __init__(self, mistake: str):
        super().__init__(dry=True)
        self.name, self.mistake = f"mistaken {mistake}", mistake

    def make(self, w, weights, precision):
        runner = super().make(w, weights, precision)
        right = runner.gradient
        if self.mistake == "gradient":
            runner.gradient = lambda x, t: {n: 1.05 * a for n, a in right(x, t).items()}
        elif self.mistake == "update":
            runner.weights = lambda: {n: a.copy() for n, a in weights.items()}
        elif self.mistake == "answer":
            runner.answer = lambda x: FAKE.to_host(runner.predict(x)) + 0.01
        elif self.mistake == "wait":
            runner.wait = lambda: None
        elif self.mistake == "memory":
            raise MemoryError("no 5 bytes")
        elif self.mistake == "break":
            raise RuntimeError("no such kernel\nand a long trace")
        elif self.mistake == "loss":
            runner.last = lambda: float("nan")
        return runner


@pytest.mark.parametrize(
    "mistake, name, reason",
    [
        ("gradient", "G1", "W is wrong: relative error 0.05, at most 0.01"),
        ("update", "G1", " is wrong: relative error 1, at most 0.05"),
        ("answer", "G6 64", "the prediction y is wrong"),
        ("wait", "G1", "its wait() returns while the device is at work"),
        ("memory", "G1", "out of memory: no 5 bytes"),
        ("break", "G1", "RuntimeError: no such kernel"),
        ("loss", "G1", "its losses are not finite"),
    ],
)
def test_who_is_wrong_or_breaks_is_named_and_not_timed(mistake, name, reason):
    case = dataclasses.replace(TINY[name], precisions=("fp32",))
    found = measured(case, [ours.Ours(dry=True), wrong := Mistaken(mistake)])["measured"]["fp32"]
    assert list(found[ROWS]) == ["dlcourse"] and list(found["refused"]) == [wrong.name]
    assert reason in found["refused"][wrong.name]


def test_too_large_a_network_is_compared_on_a_narrow_one():
    case = dataclasses.replace(TINY["G5"], precisions=("fp32",), checked=TINY["G2"].w)
    found = measured(case, [ours.Ours(dry=True), Mistaken("gradient")])["measured"]["fp32"]
    assert found[ROWS].keys() == {"dlcourse"} and "gradient" in found["refused"]["mistaken gradient"]


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16", "fp16"])
def test_a_step_is_made_ready_without_a_trace(monkeypatch, precision):
    """Real steps compile and record; weights, moments, Adam's powers, the loss scale are then what they were."""
    if precision == "bf16":
        pytest.importorskip("ml_dtypes", reason="NumPy has no bfloat16 without ml_dtypes: pip install ml_dtypes")
    w, states, warm = TINY["G1"].w, [], ours.OurRunner.warm

    def noted(runner, shape):
        for work in (lambda: None, lambda: warm(runner, shape)):
            work()
            states.append({name: a.get().tobytes() for name, a in runner.step.changes().items()})

    monkeypatch.setattr(ours.OurRunner, "warm", noted)
    runner = ours.Ours(dry=True).make(w, weights := gpu_workloads.start(w), precision)
    assert states[0] == states[1] and {"theta", "grad", "m", "v", "hp", "counter"} <= states[0].keys()
    assert all((runner.weights()[name] == a).all() for name, a in weights.items())
    assert 0 < runner.last() < 10, "nothing hangs on whether a step with NaN learns nothing"
    assert runner.step.recorder.graphs, "recorded before anything is measured"


def test_what_does_not_wait_is_refused_by_name():
    runner = ours.Ours(dry=True).make(TINY["G1"].w, gpu_workloads.start(TINY["G1"].w), "fp32")
    runner.resident(*gpu_case.Inputs(TINY["G1"]).data, np.arange(8)[None])
    gpu_timing.settled(runner, FAKE)
    runner.wait = lambda: None
    with pytest.raises(UnsynchronisedError, match="how long it takes to ask"):
        gpu_timing.settled(runner, FAKE)


def test_runners_take_turns_over_their_batches():
    runner, seen = GpuRunner(), []
    runner.step = lambda x, t: seen.append(x.tolist())
    runner.resident(np.arange(4), np.arange(4), [[0, 3], [2, 1]])
    for _ in range(3):
        runner.turn()
    assert seen == [[0, 3], [2, 1], [0, 3]]
