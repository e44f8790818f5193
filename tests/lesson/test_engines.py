"""Notebook 13: what a step asks of a device, what its time should be, and what has been measured."""

import json

import numpy as np
import pytest

from dlcourse.exercises import find
from dlcourse.exercises.practice import practice_clock, practice_gpu
from dlcourse.lesson import engines

ROW = {"median_s": 4e-5, "spread": 0.1}
RECORD = {
    "date": "2027-03-01",
    "device": "NVIDIA H200",
    "versions": {"dlcourse": "0.1.0", "CuPy": "14.2.0", "torch": None},
    "cases": {
        "G1": {"what": "784-128-10, batch 64", "measured": {"fp32": {"implementations": {"dlcourse": ROW}}}},
        "G5": {"what": "too large", "measured": {}},
    },
}


def test_a_step_asks_for_less_when_it_is_fused_and_recorded_and_nothing_crosses():
    asked = engines.asked_of_a_device()
    launches = [row[0] for row in asked.values()]
    assert launches[1] == 12 and launches[0] > 40 and 1 <= launches[2] <= 4
    assert all(row[1:] == (0, 0) for row in asked.values())


def test_a_layer_is_asked_for_in_as_many_launches_as_a_unit():
    assert engines.asked_for_units(1) == engines.asked_for_units(1000) == 3  # product, bias, ReLU


def test_the_loop_as_given_crosses_five_times_a_step():
    assert engines.crossings_as_given(np.ones((4, 3)), np.ones((4, 2)), np.zeros((3, 2)), 7) == (21, 14)


def test_the_prediction_is_the_launches_or_the_work():
    assert engines.predicted_s(128, "H200") == pytest.approx((12 * 4e-6, 12 * 6e-6))
    assert engines.predicted_s(128, "H200", launches=59) == pytest.approx((59 * 4e-6, 59 * 6e-6))
    flops = 2 * 64 * (2 * 784 * 8192 + 3 * 8192 * 10)  # by hand: forward and dW of both layers, dx of the second
    moved = 4 * (10 * (784 * 8192 + 8192 + 8192 * 10 + 10) + 64 * (784 + 4 * 8192))
    low, high = engines.predicted_s(8192, "T4")
    assert low == high == pytest.approx(flops / 8.1e12 + moved / 0.32e12, rel=1e-3)


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
    assert engines.gpu_records(tmp_path) == {label: {what: pytest.approx(40)}}
    assert engines.told_of_gpus(tmp_path)[:2] == [label, f"  {what}: 40.0 µs"]


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
