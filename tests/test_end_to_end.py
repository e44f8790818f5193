"""Training until an accuracy is reached: the steps, the clock and the medians, on small data; no time is tested."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import end_to_end  # noqa: E402
from cpu_peers import Runner, ours, usual  # noqa: E402
from cpu_workloads import Workload, mlp, weights  # noqa: E402

import dlcourse  # noqa: E402


class Idle(Runner):
    """Learns nothing."""

    def step(self, x, t):
        pass


def digits() -> tuple:
    there = dlcourse.load_digits()
    flat = [a.reshape(len(a), -1) for a in (there.x_train, there.x_test)]
    return flat[0], there.t_train, flat[1], there.t_test


def test_training_ends_at_the_accuracy_after_as_many_steps_whoever_computes(monkeypatch):
    monkeypatch.setattr(end_to_end, "EVERY", 10)
    x, t, x_test, t_test = digits()
    w = Workload("digits", "digits", mlp(x.shape[1], 32, 10), x.shape[1:], 32, rate=1e-2)
    batches, steps = dlcourse.Batches(x, t, 32, key=5), []
    for peer in ours.Ours(), usual.Usual():
        runner = peer.make(w, weights(w, 5), "adam")
        found = end_to_end.train(runner, end_to_end.our_batches, batches, (x_test, t_test), (0.5, 0.85))
        steps.append([found["0.5"]["steps"], found["0.85"]["steps"]])
        assert 0 < found["0.5"]["seconds"] <= found["0.85"]["seconds"] and 0.85 <= found["best"] <= 1
        assert end_to_end.accuracy(runner, x_test, t_test) == found["best"]
        assert end_to_end.accuracy(runner, x_test, t_test + 1) < 0.5
    assert steps[0] == steps[1] and steps[0][0] <= steps[0][1] and not any(n % 10 for n in steps[0])


def test_an_accuracy_that_is_not_reached_is_none_and_the_clock_excludes_the_evaluation(monkeypatch):
    monkeypatch.setattr(end_to_end, "EVERY", 1)
    monkeypatch.setattr(end_to_end, "EPOCHS", 2)
    clock = iter(range(0, 1000, 3))  # every look at the clock is three seconds after the last
    monkeypatch.setattr(end_to_end.time, "perf_counter", lambda: next(clock))
    right = iter([0.1, 0.6, 0.2, 0.3])
    monkeypatch.setattr(end_to_end, "accuracy", lambda *_: next(right))
    batches = dlcourse.Batches(np.zeros((4, 1), "float32"), np.zeros(4, int), 2)
    found = end_to_end.train(Idle(), end_to_end.our_batches, batches, (batches.x, batches.t), (0.5, 0.9))
    assert found == {"0.5": {"seconds": 6, "steps": 2}, "0.9": None, "best": 0.6}


def test_the_summary_of_seeds_takes_medians_of_the_runs_that_got_there():
    def run(s):
        return {"0.9": s and {"seconds": s, "steps": 10 * s}}

    found = end_to_end.summary({"dlcourse": [run(2), run(1), run(3)], "PyTorch": [run(8), run(None)]}, (0.9,))
    assert found["0.9"]["dlcourse"] == {"seconds": 2, "steps": 20, "reached": "3 of 3", "ours_is_faster_by": 1.0}
    assert found["0.9"]["PyTorch"] == {"seconds": 8, "steps": 80, "reached": "1 of 2", "ours_is_faster_by": 4.0}
