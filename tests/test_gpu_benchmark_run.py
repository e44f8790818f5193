"""The run of the benchmark for a GPU: what fits, who finds time, eight minutes, and the command; without a GPU."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import gpu  # noqa: E402
import gpu_case  # noqa: E402
import gpu_mnist  # noqa: E402
import gpu_tables  # noqa: E402
import gpu_timing  # noqa: E402
import gpu_workloads  # noqa: E402
from gpu_peers import GpuPeer, ours, peers  # noqa: E402

import dlcourse  # noqa: E402

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


# ---- what does not fit, and what finds no time


def test_what_does_not_fit_is_skipped_with_a_sentence(capsys):
    device = gpu_case.Device(dry=True)
    device.free = lambda: 10e9
    found = measured(gpu_workloads.cases()["G5"], [], device)
    assert not found["measured"] and found["skipped"]["all"].startswith("it needs about 30")
    assert "10.0 GB are free" in capsys.readouterr().out


def test_who_fits_only_alone_is_measured_alone():
    device, case = gpu_case.Device(dry=True), dataclasses.replace(TINY["G1"], precisions=("fp32",))
    device.free = lambda: 1.5 * gpu_workloads.needs(case.w)
    other = ours.Ours(dry=True)
    other.name = "dlcourse again"
    found = measured(case, [ours.Ours(dry=True), other], device)["measured"]["fp32"]
    assert not found["interleaved"] and list(found[ROWS]) == ["dlcourse", "dlcourse again"]


def test_a_precision_that_the_device_or_the_package_lacks_is_named(monkeypatch):
    device = gpu_case.Device(dry=True)
    device.dry, device.capability = False, lambda: 75
    device.free = lambda: 1e12
    case = dataclasses.replace(TINY["G1"], precisions=("tf32", "fp32"))
    found = measured(case, [ours.Ours(dry=True)], device)
    assert found["skipped"] == {"tf32": "tf32 needs compute capability 8.0, this device has 7.5"}
    assert list(found["measured"]) == ["fp32"]
    monkeypatch.setattr(dlcourse, "choose_step", lambda net, loss, optimizer, x_shape: None)
    assert "has no precision=" in ours.lacks("bf16") and ours.lacks("fp32") is None
    monkeypatch.setattr(dlcourse, "choose_step", lambda net, loss, optimizer, x_shape, precision: None)
    assert ours.lacks("bf16") is None


def test_a_case_that_breaks_altogether_leaves_the_others_their_turn(monkeypatch):
    def broken(*_):
        raise RuntimeError("illegal memory access")

    monkeypatch.setattr(gpu_case, "rounds", broken)
    found = measured(dataclasses.replace(TINY["G1"], precisions=("fp32",)), [ours.Ours(dry=True)])
    assert found["skipped"] == {"the rest": "RuntimeError: illegal memory access"} and not found["measured"]


class Slow(GpuPeer):
    """Takes its time by the clock of the test."""

    prepares_s = 20.0

    def __init__(self, name: str, clock: Time, takes_s: float = 20.0):
        super().__init__(dry=True)
        self.name, self.clock, self.takes_s = name, clock, takes_s

    def make(self, w, weights, precision):
        self.clock.now += self.takes_s
        return ours.Ours(dry=True).make(w, weights, precision)


def test_eight_minutes_are_kept_and_who_finds_no_time_is_named():
    clock = Time()
    cases = {f"G{i}": dataclasses.replace(TINY["G1"], share=i, precisions=("fp32",)) for i in range(1, 7)}
    limit, told = budget(480, clock, **{name: case.share for name, case in cases.items()}), {}
    slow = [Slow(f"slow {i}", clock) for i in range(10)]
    for name, case in cases.items():
        told[name] = gpu_case.measure(case, slow, gpu_case.Device(True), limit, limit.deadline(name))["measured"]
    assert 400 < clock.now <= 480
    assert told["G1"]["fp32"]["refused"]["slow 9"] == "no time: making it ready takes about 20 s"
    assert len(told["G6"]["fp32"][ROWS]) > len(told["G1"]["fp32"][ROWS]), "by its share"


def test_time_that_one_saves_goes_to_the_later_ones_and_a_peer_is_believed_no_more_once_it_was_late():
    clock = Time()
    limit = budget(100, clock, a=1, b=1)
    assert limit.deadline("a") == 50 and limit.deadline("b") == 100
    late = Slow("late", clock, takes_s=70.0)
    measured(dataclasses.replace(TINY["G1"], precisions=("fp32",)), [late], clock=clock)
    assert late.prepares_s == 70.0


def test_blocks_stop_after_three_when_the_time_is_up():
    calls: list[str] = []
    runners = {n: SimpleNamespace(turn=lambda n=n: calls.append(n), wait=lambda: None, on_default_stream=False)
               for n in "ab"}  # fmt: skip
    found = gpu_timing.rounds(runners, None, Time(), end=-1)
    assert [one["blocks"] for one in found.values()] == [3, 3]
    turns = "".join(calls)[16:]  # after two trials of one and three steps each
    assert turns == "aabbbbaaaabb", "one step is warmed up, one is timed; the order moves on"
    assert [one["blocks"] for one in gpu_timing.rounds(runners, None, Time(), end=1).values()] == [7, 7]


def test_a_device_with_events_is_timed_by_them_unless_the_work_is_on_another_stream():
    noted: list[str] = []

    class Event:
        def record(self):
            noted.append("record")

        def synchronize(self):
            noted.append("synchronize")

    cuda = SimpleNamespace(Event=Event, get_elapsed_time=lambda first, last: 5.0)
    backend = SimpleNamespace(xp=SimpleNamespace(cuda=cuda))
    runner = SimpleNamespace(wait=lambda: noted.append("wait"), on_default_stream=True)
    clock = gpu_timing.Clock(backend, runner)
    clock.start()
    assert clock.stop() == 0.005 and noted == ["wait", "record", "record", "wait", "synchronize"]
    runner.on_default_stream = False
    clock = gpu_timing.Clock(backend, runner)
    clock.start()
    assert clock.stop() < 1 and "host" in clock.name


# ---- the command


def test_a_dry_run_goes_through_names_who_is_missing_and_marks_its_record(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(gpu, "verdicts", lambda *_: ["a verdict"])
    assert gpu.main(["--dry", "--cases", "G1", "G4", "G6", "MNIST", "--out", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.json")
    record, printed = json.loads(path.read_text("utf-8")), capsys.readouterr().out
    assert path.name.startswith("dry-gpu-") and record["dry"] and record["targets"] == []
    assert gpu_tables.newest(tmp_path) is None, "tables do not even see it"
    assert list(record["cases"]) == ["G1", "G4", "G6 1", "G6 64", "G6 4096", "G6 65536"]
    for case in record["cases"].values():
        one = case["measured"]["fp32"][ROWS]["dlcourse"]
        assert 0 < one["q1_s"] <= one["median_s"] <= one["q3_s"] and one["blocks"] >= 3 and one["error"] < 1e-4
    assert len(record["cases"]["G1"]["measured"]["fp32"][ROWS]["dlcourse"]["losses"]) == gpu_case.LOSSES
    assert record["mnist"]["runs"]["dlcourse"]["accuracy"] >= gpu_mnist.AIM
    assert record["mnist"]["runs"]["dlcourse"]["seconds"] > 0
    for name, reason in record["not_measured"].items():
        assert f"not measured: {name}: {reason}" in printed
    assert "PyTorch graph" in record["not_measured"]
    assert "done in" in printed and "nothing of speed" in printed


def test_a_missing_peer_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    there, missing = gpu.present(peers(True, ("default",)))
    assert [peer.name for peer in there] == ["dlcourse"]
    assert missing["PyTorch eager"] == "torch is not installed" and missing["JAX jit"] == "jax is not installed"
    assert set(missing) == {"PyTorch eager", "PyTorch graph", "PyTorch compiled default", "JAX jit"}


def test_without_a_gpu_nothing_is_measured_and_the_way_out_is_told(monkeypatch, capsys):
    def none(dry):
        raise RuntimeError("CuPy finds no GPU it can use")

    monkeypatch.setattr(ours, "backend", none)
    assert gpu.main(["--record"]) == 2
    assert "CuPy finds no GPU it can use\n--dry runs the script" in capsys.readouterr().out


def test_what_is_measured_until_the_time_is_up_is_kept(monkeypatch):
    def late(case, *_):
        if case.w.name == "G2":
            raise gpu.TimeIsUp
        return {"measured": {}, "skipped": {}}

    monkeypatch.setattr(gpu, "measure", late)
    record = gpu.run(gpu.arguments(["--dry", "--cases", "G1", "G2", "G3"]))
    assert list(record["cases"]) == ["G1"] and record["stopped"].startswith("TimeIsUp")


def test_the_time_is_limited_and_reduced_is_smaller():
    said = gpu.arguments(["--seconds", "9999", "--reduced"])
    assert said.seconds == 480
    reduced, full = gpu.catalogue(said), gpu.catalogue(gpu.arguments([]))
    assert reduced.keys() == full.keys()
    assert all(gpu_workloads.needs(reduced[name].w) <= gpu_workloads.needs(full[name].w) for name in full)
    assert (
        max(gpu_workloads.needs(case.w) for case in reduced.values()) < 4e9 < 20e9 < gpu_workloads.needs(full["G5"].w)
    )


def test_the_data_of_mnist_may_be_missing(monkeypatch):
    def none():
        raise FileNotFoundError("no MNIST here")

    monkeypatch.setattr(gpu_mnist, "load_mnist", none)
    said = gpu.arguments([])
    found = gpu.mnist([], said, budget(), 1.0)
    assert found["skipped"] == {"all": "FileNotFoundError: no MNIST here"}


@pytest.mark.gpu
def test_the_benchmark_runs_on_a_gpu(tmp_path):
    """Reduced, one case, so that it takes seconds: PyTorch and JAX take part where they are installed."""
    gpu.main(["--reduced", "--seconds", "60", "--cases", "G1", "G6", "--record", "--out", str(tmp_path)])
    (path,) = tmp_path.glob("gpu-*.json")
    record = json.loads(path.read_text("utf-8"))
    assert record["cases"]["G1"]["measured"]["fp32"][ROWS]["dlcourse"]["clock"] == "CUDA events"
    assert all(make(record) for make in gpu_tables.PAGES.values())
