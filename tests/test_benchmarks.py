"""The benchmarks compute right before they time, and what they are said to have found is what they found.

No time is tested here: figures come from runs on a quiet machine, by hand.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import cpu  # noqa: E402
import cpu_tables  # noqa: E402
import cpu_timing  # noqa: E402
import cpu_verdict  # noqa: E402
import more_tables  # noqa: E402
from cpu_check import Reference, worst  # noqa: E402
from cpu_peers import Runner, peers, usual  # noqa: E402
from cpu_workloads import WORKLOADS, data, weights  # noqa: E402

import dlcourse  # noqa: E402

ROWS = "implementations"
THERE = [peer for peer in peers() if peer.available() is None]


def row(s: float, **more) -> dict:
    return cpu_timing.summary([s, 2 * s, 4 * s]) | {"steps_a_block": 1, "GFLOP_per_s": 1 / s, "said": ""} | more


# ---- what the documents say


@pytest.mark.parametrize("page", cpu_tables.PAGES)
def test_the_tables_are_made_from_the_newest_record(page):
    record, text = cpu_tables.newest(cpu.RECORDS), (ROOT / page).read_text("utf-8")
    assert text == cpu_tables.replaced(text, cpu_tables.PAGES[page](record)), "python benchmarks/cpu.py --tables"


def test_the_other_tables_are_made_from_the_newest_records():
    text = (ROOT / "docs/performance.md").read_text("utf-8")
    assert f"{more_tables.BEGIN}\n{more_tables.page()}\n{more_tables.END}" in text, "python benchmarks/cpu.py --tables"


def test_the_newest_record_of_a_kind_is_taken(tmp_path):
    for day in ("2026-01-02", "2026-03-01", "2026-02-01"):
        (tmp_path / f"growth-x-{day}.json").write_text(json.dumps({"date": day}))
    assert more_tables.newest("growth", tmp_path)["date"] == "2026-03-01"


def test_a_figure_changed_by_hand_is_found():
    record = cpu_tables.newest(cpu.RECORDS) | {"load_before": 0.0}
    text = cpu_tables.replaced(f"# A\n{cpu_tables.BEGIN}\n{cpu_tables.END}\nend\n", cpu_tables.short(record))
    changed = text.replace(" µs", " ns", 1)
    assert changed != text == cpu_tables.replaced(changed, cpu_tables.short(record))
    assert text.startswith("# A\n") and text.endswith("\nend\n")
    with pytest.raises(ValueError, match="no place for the table"):
        cpu_tables.replaced("# A\n", "")


def test_the_readme_tells_no_figure_of_a_busy_machine():
    record = cpu_tables.newest(cpu.RECORDS) | {"cores": 2}
    assert "|" in cpu_tables.short(record | {"load_before": 0.4})
    assert cpu_tables.short(record | {"load_before": 0.6}) == cpu_tables.UNTOLD
    assert "provisional" in cpu_tables.long(record | {"load_before": 0.6})


def test_every_record_can_be_told_and_says_what_it_rests_on():
    records = [json.loads(path.read_text("utf-8")) for path in cpu.RECORDS.glob("cpu-*.json")]
    assert records
    for record in records:
        assert all(make(record) for make in cpu_tables.PAGES.values())
        assert {"load_before", "load_after", "threads", "versions", "restarted_without", "how"} <= record.keys()
        assert not any(name.startswith("OPENBLAS_") for name in record["how"])


# ---- what is made of the times


def test_the_summary_of_blocks():
    found = cpu_timing.summary([5.0, 1.0, 2.0, 3.0, 4.0])
    assert found == {"min_s": 1.0, "q1_s": 2.0, "median_s": 3.0, "q3_s": 4.0, "blocks": 5}
    assert cpu_timing.summary([7.0]) == {"min_s": 7.0, "q1_s": 7.0, "median_s": 7.0, "q3_s": 7.0, "blocks": 1}


def test_the_ratio_is_that_of_the_least_times_and_to_the_best_pytorch():
    rows = {"dlcourse": row(2.0), "PyTorch eager": row(8.0), "PyTorch compiled": row(6.0), "JAX jit": row(1.0)}
    assert cpu_verdict.best_torch(rows) == "PyTorch compiled"
    assert cpu_verdict.ratio(rows, "dlcourse") == 3.0
    assert cpu_verdict.ratio(rows, "dlcourse", "JAX jit") == 0.5
    assert cpu_verdict.ratio(rows, "dlcourse", key="median_s") == 3.0
    assert cpu_verdict.ratio(rows, "scikit-learn") is None
    assert cpu_verdict.ratio({"dlcourse": row(2.0)}, "dlcourse") is None


def test_the_targets_that_hold_and_those_that_are_missed():
    rows = {"dlcourse": row(1.0, of_peak=0.8), "PyTorch eager": row(0.96), "JAX jit": row(2.0)}
    said = {t["what"]: t for t in cpu_verdict.verdicts({"W4": {"momentum": rows, "adam": rows}})}
    assert [t["holds"] for t in said.values()] == [True, True, False, True, True]
    assert said["W4 momentum: dlcourse, share of the peak"]["holds"] is False
    assert said["W4 momentum: dlcourse to PyTorch eager"]["aim"] == 1.02
    assert said["W4 adam: dlcourse to PyTorch eager"]["floor"] == pytest.approx(0.85 * 0.95)
    assert not any("numba" in what for what in said), "what was not measured has no verdict"


@pytest.mark.parametrize(
    "seconds, said",
    [(2.5e-7, "0.25 µs"), (1.234e-5, "12.3 µs"), (9.996e-4, "1 ms"), (0.0942, "94.2 ms"), (12.0, "12 s")],
)
def test_times_are_told_with_three_digits(seconds, said):
    assert cpu_tables.span(seconds) == said


def test_the_peak_is_the_best_of_all_sizes_for_a_number_of_threads():
    gemm = cpu_timing.Gemm((32, 64))
    gemm.best = {(32, 1): 5.0, (64, 1): 7.0, (32, 2): 9.0}
    assert (gemm.peak(1), gemm.peak(2)) == (7.0, 9.0)
    gemm.best = {}
    for _ in range(4):
        gemm.one()
    assert set(gemm.best) == {(size, n) for size in (32, 64) for n in (1, 2)} and min(gemm.best.values()) > 0


# ---- what is timed


class Counted(Runner):
    """Writes down in which order it is called."""

    def __init__(self, name: str, calls: list):
        self.name, self.calls = name, calls

    def step(self, x, t):
        self.calls.append(self.name)

    def predict(self, x):
        self.calls.append(self.name + " predicts")


def test_blocks_come_in_turns_and_the_order_moves_on(monkeypatch):
    calls: list[str] = []
    monkeypatch.setattr(cpu_timing, "BLOCK_S", 0.0)
    gemm = SimpleNamespace(one=lambda: calls.append("gemm"))
    found = cpu_timing.rounds({n: Counted(n, calls) for n in "abc"}, [(None, None)], True, 0.0, gemm)
    turns = "".join(calls).replace("gemm", "|").split("|")
    assert [turns[0][27:], *turns[1:]] == ["aabbcc", "bbccaa", "ccaabb", ""], "one step is warmed up, one is timed"
    assert [one["steps"] for one in found.values()] == [1] * 3 and len(found["a"]["times_s"]) == 3


@pytest.mark.parametrize("w", WORKLOADS.values(), ids=lambda w: w.name)
def test_a_workload_counts_its_products_as_the_network_does(w):
    """Forward as `summary` counts it; training: three times that, but for the first dx, which nobody needs."""
    from cpu_peers.ours import MAKE

    net = dlcourse.Network(*(MAKE[kind](*numbers) for kind, *numbers in w.layers))
    summary = net.summary(w.shape)
    first = next(r.flops for r in summary.rows if r.flops)
    assert w.flops() == w.batch * (3 * summary.flops - first if w.trains else summary.flops)
    assert {name: a.shape for name, a in weights(w).items()} == {name: a.shape for name, a in net.params.items()}
    x, t = data(w)[0]
    assert x.shape == (w.batch, *w.shape) and len(t) == w.batch and x.std() > 0.5
    assert len({b.tobytes() for b, _ in data(w)}) == 4 and (data(w)[0][0] == x).all()


# ---- right before fast


@pytest.mark.filterwarnings("default::DeprecationWarning")  # of PyTorch, about itself
@pytest.mark.parametrize("optimizer", ("momentum", "adam"))
@pytest.mark.parametrize("name", ("W1", "W2", "W5"))
def test_everybody_who_is_there_computes_the_same(name, optimizer):
    reference = Reference(w := WORKLOADS[name], optimizer)
    for peer in THERE:
        if peer.supports(w) is None:
            bad, error = reference.wrong(peer.make(w, weights(w), optimizer))
            assert bad is None and error < 1e-4, (peer.name, bad)


def test_batch_norm_and_predictions_too():
    for w in (WORKLOADS["W8a"], WORKLOADS["W8c"], small(WORKLOADS["W7"])):
        reference = Reference(w, "momentum")
        for peer in THERE:
            if peer.supports(w) is None:
                assert reference.wrong(peer.make(w, weights(w), "momentum"))[0] is None, (w.name, peer.name)


def test_running_means_are_kept_by_a_step_as_by_the_reference():
    w, found = small(WORKLOADS["W7"]), []
    for peer in THERE[0], usual.Usual():
        runner = peer.make(w, weights(w), "momentum")
        x, t = runner.place(*data(w)[0])
        runner.step(x, t)
        runner.step(x, t)
        found.append(runner.predict(x))
    np.testing.assert_allclose(*found, rtol=1e-2, atol=1e-2)


def small(w):
    """The same network on a batch of eight."""
    import dataclasses

    return dataclasses.replace(w, batch=8)


class Altered(usual.UsualRunner):
    """Usual NumPy with a mistake in it."""

    def __init__(self, w, weights, optimizer, mistake):
        super().__init__(w, weights, optimizer)
        self.mistake = mistake

    def grads(self):
        found = super().grads()
        if self.mistake == "gradient":
            found["0.W"] = found["0.W"] * np.float32(1.05)
        return found

    def update(self):
        if self.mistake == "momentum":
            self.state = {name: (0 * m, 0 * v) for name, (m, v) in self.state.items()}
        super().update()

    def predict(self, x):
        return super().predict(x) + np.float32(0.01) * (self.mistake == "predict")


class Mistaken(usual.Usual):
    def __init__(self, mistake):
        self.name, self.mistake = f"mistaken {mistake}", mistake

    def make(self, w, weights, optimizer):
        if self.mistake == "break":
            raise RuntimeError("no such kernel\nand a long trace")
        return Altered(w, weights, optimizer, self.mistake)


@pytest.mark.parametrize(
    "mistake, name, reason",
    [
        ("gradient", "W2", "the gradient 0.W is wrong: relative error 0.05"),
        ("momentum", "W2", "is wrong: relative error"),
        ("predict", "W8a", "the prediction y is wrong"),
        ("break", "W2", "RuntimeError: no such kernel"),
    ],
)
def test_a_wrong_implementation_is_refused_named_and_not_timed(mistake, name, reason, monkeypatch):
    monkeypatch.setattr(cpu_timing, "BLOCK_S", 0.0)
    wrong, w = Mistaken(mistake), WORKLOADS[name]
    found = cpu.measure(w, "momentum", [usual.Usual(), wrong], 0.0, cpu_timing.Gemm((32,)))
    assert list(found["implementations"]) == ["NumPy, as usual in a course"]
    assert list(found["refused"]) == [wrong.name] and reason in found["refused"][wrong.name]


def test_what_is_missing_misshapen_or_not_a_number_is_wrong():
    a = {"W": np.ones((2, 3))}
    assert worst(a, a, 1e-3, "gradient") == (None, 0.0)
    assert "expected W" in worst({"V": a["W"]}, a, 1e-3, "gradient")[0]
    assert "has shape (3, 2), expected (2, 3)" in worst({"W": a["W"].T}, a, 1e-3, "gradient")[0]
    assert "is wrong" in worst({"W": a["W"] * np.nan}, a, 1e-3, "gradient")[0]


# ---- the command


def test_a_quick_run_measures_what_is_there_and_names_what_is_not(capsys):
    said = cpu.arguments(["--quick", "--workloads", "W2", "--optimizers", "momentum", "--seconds", "0.2"])
    record = json.loads(json.dumps(cpu.rounded(cpu.run(said))))
    rows, printed = record["workloads"]["W2"]["measured"]["momentum"]["implementations"], capsys.readouterr().out
    assert {"dlcourse", "NumPy, as usual in a course"} <= rows.keys()
    for one in rows.values():
        assert 0 < one["min_s"] <= one["q1_s"] <= one["median_s"] <= one["q3_s"] and one["of_peak"] > 0
    for module, name in (("torch", "PyTorch eager"), ("jax", "JAX jit"), ("sklearn", "scikit-learn")):
        if importlib.util.find_spec(module) is None:
            assert "is not installed" in record["not_measured"][name]
            assert f"not measured: {name}: " in printed
        else:
            assert name in rows
    assert all(make(record) for make in cpu_tables.PAGES.values())


def test_what_is_measured_until_the_interrupt_key_is_kept(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cpu_timing, "BLOCK_S", 0.0)
    monkeypatch.setattr(cpu, "memory", interrupted)
    said = cpu.arguments(["--workloads", "W1", "--optimizers", "adam", "--seconds", "0", "--quick"])
    said.no_memory = False
    record = cpu.run(said)
    assert "interrupt" in record["stopped"] and "dlcourse" in record["workloads"]["W1"]["measured"]["adam"][ROWS]


def test_plain_and_fast_leave_one_of_ours_out():
    for option, left_out in (("--plain", cpu_verdict.FAST), ("--fast", cpu_verdict.OURS)):
        found, missing = cpu.candidates(cpu.arguments([option]))
        assert missing[left_out] == "not asked for" and left_out not in [peer.name for peer in found]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the kernel does not count resident memory anew")
def test_memory_is_that_of_the_steps():
    """W3 keeps 670,000 weights, their gradients and v: 8 MB, and activations of 1 MB."""
    import cpu_memory

    found = cpu_memory.peak_MB("dlcourse", WORKLOADS["W3"], "momentum")
    assert 8 < found < 40
