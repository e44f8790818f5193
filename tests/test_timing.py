"""Timings are warmed up, waited for, and told with their spread. The clock of most of these tests is invented."""

from __future__ import annotations

import re
from itertools import combinations, cycle
from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from dlcourse.backends import BACKENDS, NUMPY, Backend, to_host
from dlcourse.backends.fake import DEVICE, FAKE, FakeArray
from dlcourse.hardware import machine, timing
from dlcourse.hardware.timing import Timing, UnsynchronisedError, measure


class Clock:
    """A clock that moves when it is told to."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def work(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(timing, "perf_counter", found)
    return found


def told(*seconds: float, **more) -> Timing:
    return Timing("it", "a machine", tuple(seconds), 1, **more)


# ---- on the host


def test_a_call_is_timed_in_blocks_that_the_clock_can_see(clock):
    calls = []
    found = measure(lambda: (calls.append(1), clock.work(1e-6)))
    assert found.seconds == pytest.approx([1e-6] * 7) and timing.BLOCK_S <= found.loops * 1e-6 <= 2 * timing.BLOCK_S
    assert (
        found.name == "the call"
        and found.minimum_s == pytest.approx(found.median_s)
        and found.spread == pytest.approx(0, abs=1e-6)
    )
    assert len(calls) > 7 * found.loops


def test_a_long_call_is_a_block_by_itself(clock):
    calls = []
    found = measure(lambda: (calls.append(1), clock.work(0.1)), repeat=9, warm_up=2)
    assert found.loops == 1 and len(found.seconds) == 9
    assert len(calls) == 2 + 1 + 9, "warm-up, one to see how long it takes, blocks"


def test_the_first_calls_are_not_counted(clock):
    slow = iter([9.0, 9.0, 9.0])
    assert measure(lambda: clock.work(next(slow, 0.02))).seconds == pytest.approx([0.02] * 7)


def test_median_quartiles_and_spread(clock):
    took_s = [0.5, 0.03, 0.05, 0.02, 0.04, 0.06, 0.09, 0.07]  # the first is the look at how long it takes
    parts = iter([1, 1, 1, *took_s])
    found = measure(lambda: clock.work(next(parts)))
    blocks = took_s[1:]
    assert found.seconds == pytest.approx(blocks)
    assert found.median_s == pytest.approx(np.median(blocks)) and found.minimum_s == pytest.approx(0.02)
    low, high = np.percentile(blocks, [25, 75])
    assert found.quartiles_s == pytest.approx((low, high))
    assert found.spread == pytest.approx((high - low) / np.median(blocks))


def test_a_clock_with_coarse_ticks_makes_no_endless_blocks(clock, monkeypatch):
    monkeypatch.setattr(timing, "perf_counter", lambda: round(clock() * 1e4) / 1e4)
    assert timing.BLOCK_S <= measure(lambda: clock.work(1e-5)).loops * 1e-5 <= 2 * timing.BLOCK_S


def test_a_clock_that_stands_still_ends_too(clock, monkeypatch):
    monkeypatch.setattr(timing, "MOST", 1000)
    assert measure(lambda: None).loops == 1000


@pytest.mark.parametrize("options", [{"repeat": 4}, {"warm_up": 0}])
def test_too_few_blocks_and_cold_calls_are_refused(options):
    with pytest.raises(ValueError, match="5 blocks or more, and one call to warm up"):
        measure(lambda: None, **options)


def test_the_baseline_names_its_processor_its_blas_and_its_threads():
    x = np.ones((8, 8), "float32")
    with threadpool_limits(1, user_api="blas"):
        found = measure(lambda x: x @ x, [x], name="product")
    assert found.where.startswith(machine.processor_name()) and found.copies_s == 0
    assert machine.blas() in found.where and re.search(r"1 thread\b|cannot be counted", found.where)
    assert str(found).startswith(f"product takes {timing._time(found.median_s)} on {machine.processor_name()}")
    assert measure(lambda x: x @ x, [x], backend="numpy", synchronise=False).where == measure(lambda: x).where


def test_whoever_waits_longer_sees_a_bar(clock, monkeypatch, capsys):
    measure(lambda: clock.work(0.02))
    assert capsys.readouterr().out == ""
    measure(lambda: clock.work(3))
    assert "computing" in (said := capsys.readouterr().out) and "block" in said


# ---- on a device


def test_every_block_waits_before_and_after_and_never_between(monkeypatch):
    monkeypatch.setattr(timing, "BACKENDS", {np.ndarray: NUMPY, FakeArray: FAKE})
    x, counts = FAKE.asarray(np.ones((8, 8), "float32")), []
    for loops in (1, 40):
        with DEVICE.watch() as seen:
            timing._block(lambda: x * 2, loops, [FAKE])
        assert seen.log == ["syncs deviceSynchronize", *["launches multiply"] * loops, "syncs deviceSynchronize"]
    for repeat in (5, 15):
        with DEVICE.watch() as seen:
            found = measure(lambda: (x.__imul__(1), None)[1], repeat=repeat)
        counts.append(seen.launches - repeat * found.loops)
        assert seen.syncs % 2 == 1 and seen.syncs >= 2 * repeat + 3, "one look at the device, and two for each block"
    assert min(counts) > 0, "warm-up and the search for a length are not in the blocks"


def test_a_device_is_timed_with_its_copies_beside_it(device):
    x = np.random.default_rng(3).standard_normal((64, 48)).astype("float32")
    found = measure(lambda a, b: a @ b, [x, x.T.copy()], backend=device, name="product")
    assert found.where == machine.device_name(device) != machine.device_name(NUMPY)
    assert len(found.seconds) == len(found.copy_in_s) == len(found.copy_out_s) == 7
    assert min(found.seconds + found.copy_in_s + found.copy_out_s) > 0
    assert found.copies_s == np.median(found.copy_in_s) + np.median(found.copy_out_s)
    placed = device.asarray(x)
    there = measure(lambda: {"y": [placed * 2]}, backend=device)
    assert not there.copy_in_s and there.copy_out_s, "what is there already is not copied there"


def test_an_unsynchronised_device_is_refused(device):
    x = device.asarray(np.ones((4096, 4096), "float32"))  # a GPU needs longer for it than Python to ask for more
    for call in (lambda: x * 2, lambda: (1, {"a": x + 1}), lambda: [x.__imul__(1) for _ in range(20)] and None):
        with pytest.raises(UnsynchronisedError, match="how long it takes to ask, not how long it takes to compute"):
            measure(call, synchronise=False)
    waited = measure(lambda: float((x * 2).sum()), synchronise=False)
    assert waited.median_s > 0, "a call that waits by itself leaves nothing at work"


def test_a_call_that_reads_its_result_names_the_device_that_computed_it(device):
    x = device.asarray(np.ones((8, 8), "float32"))
    replay, held = device.capture(lambda: x.__imul__(1)), SimpleNamespace(x=x)
    calls = {
        "a result that is read": lambda: float(to_host(held.x).sum()),
        "a product": lambda: (device.matmul(held.x, held.x), device.synchronize()) and None,
        "a graph": lambda: (replay(), device.synchronize()) and None,
        "arrays alone": lambda: float((x * 2).sum()),
    }
    for name, call in calls.items():
        assert measure(call, repeat=5).where == machine.device_name(device), name
    there, here = (measure(call, repeat=5) for call in (calls["arrays alone"], lambda: held.x is None))
    assert machine.device_name(device) in str(there.against(there))
    assert here.where.startswith(machine.processor_name()) and here.where.endswith(", as far as can be told")


def test_where_arrays_of_the_host_are_seen_nothing_is_unsure():
    x = np.ones((8, 8), "float32")
    for found in measure(lambda: x @ x), measure(lambda x: 1, [x]), measure(lambda: 1, backend="numpy"):
        assert found.where == f"{machine.processor_name()}, {machine.blas(threads=True)}"


class Lazy(Backend):
    """A device that only notes what is asked of it, 5 µs each, and does it when somebody waits."""

    name, host = "lazy", False

    class Array:
        def __init__(self, numbers):
            self.numbers = numbers

    def __init__(self, clock):
        super().__init__(self.Array)
        self.clock, self.queue_s = clock, 0.0

    def launch(self, seconds):
        self.clock.work(5e-6)
        self.queue_s += seconds

    def synchronize(self):
        self.clock.work(self.queue_s)
        self.queue_s = 0.0

    def busy(self):
        return self.queue_s > 0

    def asarray(self, a, dtype=None):
        self.launch(120e-6)
        return a if isinstance(a, self.Array) else self.Array(a)

    def to_host(self, a):
        self.launch(75e-6)
        self.synchronize()
        return a.numbers


@pytest.fixture
def lazy(clock, monkeypatch) -> Lazy:
    monkeypatch.setitem(BACKENDS, Lazy.Array, None)  # what is put there is taken away again
    return Lazy(clock)


def test_a_device_that_works_later_is_waited_for(clock, lazy):
    def call():
        lazy.launch(1e-3)

    found = measure(call)
    assert found.median_s == pytest.approx(1.005e-3) and found.spread < 1e-9
    assert found.where == "the lazy device", "it returned nothing, and left the device at work"
    assert timing._block(call, 10, ()) == pytest.approx(5e-6), "what a clock without waiting would have told"
    lazy.synchronize()
    with pytest.raises(UnsynchronisedError, match="^call hands its work to the lazy device"):
        measure(call, synchronise=False)
    lazy.synchronize()
    y = lazy.Array(1)
    with pytest.raises(UnsynchronisedError):
        measure(lambda: y, synchronise=False)


def test_work_left_over_from_before_is_not_counted(clock, lazy):
    lazy.launch(100.0)
    assert measure(lambda: lazy.launch(0.02)).seconds == pytest.approx([0.020005] * 7)


def test_the_sentence_of_a_device_tells_the_way_there_and_back(clock, lazy):
    def call(x):
        lazy.launch(26e-6)
        return x

    found = measure(call, [np.ones(3)], backend=lazy, name="relu")
    assert re.fullmatch(
        r"relu takes 31 µs on the lazy device \(median of 7 blocks of \d+ calls; quartiles 31 µs and 31 µs, "
        r"minimum 31 µs\), and 205 µs to get the data there \(125 µs\) and back \(80 µs\)", str(found)
    )  # fmt: skip
    assert str(told(1, 1, copy_out_s=(2, 2))).endswith("; to get the data back takes 2 s")
    assert str(told(1, 1, copy_in_s=(2, 2))).endswith("; to get the data there takes 2 s")


def test_cupy_without_a_gpu_is_not_waited_for(clock, lazy, monkeypatch):
    def no_gpu():
        raise RuntimeError("cudaErrorInsufficientDriver")

    monkeypatch.setattr(lazy, "synchronize", no_gpu)
    assert measure(lambda: clock.work(0.5)).median_s == pytest.approx(0.5)


def test_the_fake_device_is_busy_until_somebody_waits():
    x = FAKE.asarray(np.ones(3))
    FAKE.synchronize()
    assert not FAKE.busy() and not NUMPY.busy()
    y = x + 1
    FAKE.asarray(np.ones(3))
    assert FAKE.busy()
    y.get()
    assert not FAKE.busy()


# ---- two timings


def test_a_difference_beyond_the_spread_is_a_ratio_with_bounds():
    fast, slow = told(*range(10, 17)), told(*range(30, 37))
    found = slow.against(fast)
    assert found.seen and found.computing == pytest.approx((33 / 13, 31 / 15, 35 / 11)) and found.copied is None
    assert str(found) == "it on a machine, against it on a machine: 2.54 times as long (2.07 to 3.18)"
    assert repr(fast.against(slow)).endswith("0.394 times as long (0.314 to 0.484)")


def test_a_difference_within_the_spread_is_none():
    found = told(10, 11, 12, 13, 14, 15, 16).against(told(12, 13, 14, 15, 16, 17, 18))
    assert not found.seen and "no difference that this spread allows to see, 0.867 times" in str(found)


def test_a_gpu_that_computes_faster_may_lose_by_its_copies():
    host = told(*[1.0] * 7)
    gpu = told(*[0.25] * 7, copy_in_s=(1.5,) * 7, copy_out_s=(0.25,) * 7)
    assert str(gpu.against(host)).endswith(
        "0.25 times as long (0.25 to 0.25); with its copies, 2 times as long (2 to 2)"
    )
    assert host.against(gpu).copied[0] == 0.5


@pytest.mark.parametrize("blocks", [5, 7])
def test_one_call_measured_twice_differs_at_most_3_times_in_100(blocks):
    """Every order in which the blocks of both can finish is equally likely, so all of them are counted."""
    orders = list(combinations(range(1, 2 * blocks + 1), blocks))
    others = [tuple(set(range(1, 2 * blocks + 1)) - set(order)) for order in orders]
    false = sum(told(*a).against(told(*b)).seen for a, b in zip(orders, others))
    assert 0 < false / len(orders) <= 0.03


def test_more_blocks_do_not_make_false_alarms_likelier():
    rng = np.random.default_rng(1)
    for blocks in (6, 9, 13, 14, 21):
        pairs = rng.random((1000, 2, blocks)) + 1
        assert sum(told(*a).against(told(*b)).seen for a, b in pairs) <= 30


def test_times_have_three_digits_and_a_unit():
    units = cycle(["s", "ms", "µs", "ns"])
    for seconds, shown in ((2.5, "2.5"), (0.0123456, "12.3"), (3.1e-5, "31"), (4.56789e-8, "45.7")):
        assert timing._time(seconds) == f"{shown} {next(units)}"
