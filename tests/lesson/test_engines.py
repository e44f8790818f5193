"""Notebook 13: what a step asks of a device, what its time should be, and what has been measured."""

import json
from pathlib import Path

import numpy as np
import pytest

from dlcourse.exercises import find
from dlcourse.exercises.practice import practice_clock, practice_gpu
from dlcourse.lesson import engines

ROW = {"median_s": 4e-5, "spread": 0.1}
RECORD = {  # the keys of benchmarks/gpu.py, as the test below sees them
    "kind": "gpu",
    "dry": False,
    "date": "2027-03-01T12:30",
    "device": "NVIDIA H200",
    "versions": {"dlcourse": "0.1.0", "CuPy": "14.2.0", "torch": None},
    "cases": {
        "G1": {"what": "784-128-10, batch 64", "measured": {"fp32": {"implementations": {"dlcourse": ROW}}}},
        "G2": {"what": "784-512-512-10, batch 256", "measured": {"fp32": {"implementations": {"dlcourse": ROW}}}},
        "G5": {"what": "too large", "measured": {}},
    },
}


def test_a_step_asks_for_less_when_it_is_fused_and_recorded_and_nothing_crosses():
    asked = engines.asked_of_a_device()
    launches = [row[0] for row in asked.values()]
    assert launches[1] == 12 and launches[0] > 40 and 1 <= launches[2] <= 4
    assert all(row[1:] == (0, 0) for row in asked.values())


def test_the_parts_of_a_step_are_all_of_its_launches():
    parts = engines.asked_by_part()
    assert list(parts) == ["forward", "loss", "backward", "Adam"]
    assert parts["forward"] == 5  # product, bias, ReLU, product, bias
    assert parts["backward"] == 7  # three products, two sums for db, two for the gate
    assert sum(parts.values()) == engines.asked_of_a_device()["operation by operation"][0]


def test_a_layer_is_asked_for_in_as_many_launches_as_a_unit():
    assert engines.asked_for_units(1) == engines.asked_for_units(1000) == 3  # product, bias, ReLU


def test_the_loop_as_given_crosses_five_times_a_step():
    assert engines.crossings_as_given(np.ones((4, 3)), np.ones((4, 2)), np.zeros((3, 2)), 7) == (21, 14)


def test_the_prediction_is_the_launches_or_the_work():
    assert engines.predicted_s(128) == pytest.approx((12 * 4e-6, 12 * 6e-6))
    assert engines.predicted_s(128, launches=59) == pytest.approx((59 * 4e-6, 59 * 6e-6))
    flop = 2 * 64 * (2 * 784 * 65536 + 3 * 65536 * 10)  # by hand: forward and dW of both layers, dx of the second
    moved = 4 * (9 * (784 * 65536 + 65536 + 65536 * 10 + 10) + 64 * (784 + 4 * 65536))
    assert engines.flop_and_bytes(65536) == (flop, moved)
    assert engines.predicted_s(65536) == pytest.approx([moved / 4.8e12] * 2)
    flop, moved = engines.flop_and_bytes(4096, 4096)
    assert engines.predicted_s(4096, batch=4096) == pytest.approx([flop / 67e12] * 2)
    assert flop / 67e12 > moved / 4.8e12


def test_one_step_on_the_fake_device_is_that_of_numpy():
    x, t = np.random.default_rng(0).normal(size=(8, 784)).astype("float32"), np.arange(8)
    before, here = engines.updates(x, t)
    origin, there = engines.updates(x, t, backend=engines.FAKE)
    parity = find("13.3").reference["parity"]
    assert np.array_equal(before, origin) and parity(before, here, there, 1e-5)[1]
    assert not np.array_equal(before, here)
    other, far = engines.updates(x, t, rounded=engines.cut_to(7))
    assert not parity(before, here, far - other + before, 1e-5)[1]


@pytest.mark.parametrize("bits, given, wanted", [(7, 1 + 2**-7, 1 + 2**-7), (7, 1 + 2**-9, 1.0), (10, -3.0003, -3.0)])
def test_digits_are_cut(bits, given, wanted):
    found = engines.cut_to(bits)(np.array([given, 0.0]))
    assert found.tolist() == [wanted, 0.0] and found.dtype == np.float32


def test_a_record_of_a_gpu_is_shown_with_device_date_and_versions(tmp_path):
    (tmp_path / "gpu-NVIDIA_H200-2027-03-01.json").write_text(json.dumps(RECORD))
    (tmp_path / "gpu-tests-2027.json").write_text(json.dumps({"form": "something else"}))
    (tmp_path / "gpu-broken.json").write_text("{")
    label = "recorded on NVIDIA H200, 1 Mar 2027, dlcourse 0.1.0, CuPy 14.2.0"
    what = "G1 784-128-10, batch 64, fp32: dlcourse"
    found = engines.gpu_records(tmp_path)
    assert list(found) == [label] and found[label][what] == pytest.approx(40) and len(found[label]) == 2
    told = engines.told_of_gpus(tmp_path)
    assert told[:2] == [label, f"  {what}: 40.0 µs"]
    assert len(told) == 3 and told[2].startswith("not measured: ")  # of other networks nothing is told


def test_what_the_benchmark_writes_is_read_and_a_dry_run_is_no_measurement(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import gpu
    import gpu_timing

    monkeypatch.setattr(gpu_timing, "BLOCK_S", 0.0)
    record = gpu.run(gpu.arguments(["--dry", "--cases", "G1"]))
    (tmp_path / "gpu-dry.json").write_text(gpu.written(record, tmp_path).read_text())
    assert engines.gpu_records(tmp_path) == {}
    (tmp_path / "gpu-dry.json").write_text(json.dumps(record | {"dry": False, "device": "NVIDIA H200"}))
    ((label, times),) = engines.gpu_records(tmp_path).items()
    assert label.startswith("recorded on NVIDIA H200, ") and all(
        f"{k} {v}" in label for k, v in record["versions"].items()
    )
    assert times == {f"G1 {record['cases']['G1']['what']}, fp32: dlcourse": pytest.approx(1e6 * median(record))}


def median(record: dict) -> float:
    return record["cases"]["G1"]["measured"]["fp32"]["implementations"]["dlcourse"]["median_s"]


def test_the_case_of_the_lesson_is_among_those_of_the_benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import gpu_workloads

    assert [case.w.name for case in gpu_workloads.cases().values() if engines.NETWORK in case.w.what] == ["G1"]


def test_without_a_record_it_says_so_and_shows_the_arithmetic(tmp_path):
    first, *others = engines.told_of_gpus(tmp_path)
    assert "no measurement" in first and all(line.startswith("not measured: ") for line in others) and others


def test_the_practice_gpu_counts_what_crosses_and_not_what_lies_there_already():
    gpu = practice_gpu()
    x = gpu.put([[1.0, 2.0]])
    y = gpu.xp.exp(x)
    assert gpu.tally() == [1, 0, 0] and gpu.hidden() == "" and gpu.place((y, y.get())) == ["device", "host"]
    float(x[0, 0])
    assert gpu.hidden() == "float(), get()"
    assert practice_gpu().tally() == [0, 0, 0]


def test_the_practice_clock_works_on_after_it_has_been_asked():
    machine = practice_clock().Machine(0.1, [5.0, 1.0])
    machine.f(), machine.f()
    assert machine.clock() == pytest.approx(0.2)
    machine.wait()
    assert machine.clock() == pytest.approx(6.1)


@pytest.mark.gpu
def test_a_gpu_takes_part_in_the_lesson():
    gpu = engines.any_gpu()
    assert gpu is not None and not gpu.host
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(64, 784)).astype("float32"), rng.integers(0, 10, 64)
    before, here = engines.updates(x, t)
    origin, there = engines.updates(x, t, backend=gpu)
    assert find("13.3").reference["parity"](before, here, there - origin + before, 1e-5)[1]
    step = engines.stepper(gpu)
    assert np.isfinite(float([step() for _ in range(3)][-1]))
