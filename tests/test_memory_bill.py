"""The bill before the first allocation: to the byte on a device that counts, refused with advice that is true."""

from __future__ import annotations

import gc
import re
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from dlcourse import GraphStep
from dlcourse.backends import NUMPY
from dlcourse.backends.fake import FAKE
from dlcourse.backends.fake_memory import POOL, TOTAL
from dlcourse.backends.memory import TooLarge, parsed, shown
from dlcourse.data import Batches
from dlcourse.hardware.memory import afford, bill, simulate_memory
from dlcourse.nn.layers import Dense, ReLU
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.accumulate import AccumulateStep
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import SGD, Adam
from dlcourse.training.steps import SerialStep

sys.path.append(str(Path(__file__).parent / "backends"))
from networks import LAYERS, NETS, optimizer  # noqa: E402

CASES = LAYERS | NETS
KINDS = {"serial": SerialStep, "in parts": lambda *a: AccumulateStep(*a, parts=3)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("opt", ["SGD", "Adam, masked decay and clip"])
@pytest.mark.parametrize("name", CASES)
def test_the_bill_is_what_the_device_counts(name, opt, kind):
    """To the byte, but for the few numbers of a channel; temporaries to a twentieth."""
    case = CASES[name]
    gc.collect()
    start = POOL.used
    net = case.network(FAKE)
    step = KINDS[kind](net, case.loss(), optimizer(opt, net))
    x, t = map(FAKE.asarray, case.batch(size=3000 if len(case.shape) == 2 else 300))
    said, batch = bill(step, x.shape), x.nbytes + t.nbytes
    said.pop("batch")
    step(x, t)
    POOL.peak = POOL.used
    step(x, t)
    small = 4096 + 2000  # tickets; numbers of the optimizer, counters, statistics of channels
    assert said.total - said["scratch"] - small <= POOL.used - start - batch <= said.total - said["scratch"] + small
    assert 0.95 * said["scratch"] - 64 <= POOL.peak - POOL.used <= said["scratch"] + 64


@pytest.mark.parametrize("name", NETS)
def test_in_16_bits_the_bill_bounds_what_the_device_counts(name):
    pytest.importorskip("dlcourse.training.precision", reason="steps have no precision= yet")
    case = NETS[name]
    gc.collect()
    start = POOL.used
    net = case.network(FAKE)
    step = SerialStep(net, case.loss(), optimizer("Adam", net), precision="fp16")
    x, t = map(FAKE.asarray, case.batch(size=3000 if len(case.shape) == 2 else 300))
    said = bill(step, x.shape)
    step(x, t)
    POOL.peak = POOL.used
    step(x, t)
    taken = POOL.peak - start - x.nbytes - t.nbytes
    assert 0.6 * (said.total - said["batch"]) <= taken <= said.total - said["batch"] + 4096 + 2000


# ---- sizes


@pytest.mark.parametrize("size, n", [("16GB", 16 * 10**9), ("15GiB", 15 << 30), ("512MB", 512 * 10**6), (4096, 4096),
                                     (" 1.5 gb ", 15 * 10**8), ("100", 100), ("64 KiB", 1 << 16)])  # fmt: skip
def test_sizes_are_read(size, n):
    assert parsed(size) == n


@pytest.mark.parametrize("size", ["", "GB", "sixteen", "16QB", "-1GB", "0", "1.2.3GB", "5i"])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(ValueError, match='a size is written like "16GB"'):
        parsed(size)


def test_sizes_are_shown():
    assert [shown(n) for n in (12, 5_000, 21_400_000_000, 2_500_000_000_000)] == ["12 bytes", "5 kB", "21.4 GB",
                                                                                  "2,500 GB"]  # fmt: skip


# ---- refusals


def made(backend, kind=SerialStep, width=1000, rule=Adam, **options):
    net = Network(Dense(100, width), ReLU(), Dense(width, 10), backend=backend)
    return kind(net, SoftmaxCrossEntropy(), rule(net.theta, net.grad, lr=0.01), **options)


def refused(step, n):
    with pytest.raises(MemoryError) as error:
        afford(step, (n, 100))
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("where", [NUMPY, FAKE], ids=str)
def test_what_does_not_fit_is_refused_with_advice_that_is_true(where):
    """The batch that it names fits, one more does not; so do the parts, and one part fewer does not."""
    gc.collect()
    step = made(where)
    net, loss, optimizer = step.net, step.loss, step.optimizer
    with simulate_memory(10_000_000 + (POOL.used if where is FAKE else 4 * net.theta.nbytes)):
        afford(step, (500, 100))
        said = refused(step, 5000)
        form = r"training with batches of 5,000 on <\w+ backend> takes \d+\.?\d* MB, and there are \d+\.?\d* MB: "
        form += r"batches of ([\d,]+) would fit, or AccumulateStep\(\.\.\., parts=(\d+)\) would take the same batch.*"
        most, parts = re.fullmatch(form, said).groups()
        most = int(most.replace(",", ""))
        afford(step, (most, 100))
        refused(step, most + 1)
        cut = AccumulateStep(net, loss, optimizer, parts=int(parts))
        afford(cut, (5000, 100))
        cut.parts = cut.plans.parts = int(parts) - 1
        refused(cut, 5000)


def test_on_a_device_that_batch_runs_and_a_tenth_more_does_not():
    gc.collect()
    step = made(FAKE)

    def run(n):
        held = [(FAKE.zeros((n, 100)), FAKE.zeros((n,), "int64")) for _ in range(2)]  # while one is used, one is made
        for _ in range(2):
            step(*held[0])

    with simulate_memory(POOL.used + 10_000_000):
        most = int(re.search(r"batches of ([\d,]+) would fit", refused(step, 5000))[1].replace(",", ""))
        run(most)
        with pytest.raises(MemoryError):
            run(most * 11 // 10)


def test_the_host_lends_without_end_outside_of_a_simulation():
    afford(made(NUMPY), (10**9, 100))


def test_nothing_fits():
    step = made(NUMPY)
    with simulate_memory("100kB"):
        assert "not even one example would fit" in refused(step, 64)


def test_fewer_bits_are_named_where_they_would_do():
    class Narrow(SerialStep):
        def __init__(self, *a, precision="fp32"):
            super().__init__(*a)

    gc.collect()
    step = made(FAKE, Narrow)
    need = bill(step, (5000, 100)).total - 4 * step.net.theta.nbytes
    for share, named in (0.9, True), (0.3, False):
        with simulate_memory(POOL.used + int(share * need)):
            assert ('precision="bf16" would fit' in refused(step, 5000)) == named
            assert "precision" not in refused(made(FAKE), 5000) or hasattr(made(FAKE), "precision")


def test_a_refusal_allocates_nothing_and_takes_no_time():
    step = made(FAKE)
    before = POOL.peak = POOL.used
    refused(step, 10**7)
    assert POOL.used == POOL.peak == before
    assert bill(step, (10**7, 100)).total > TOTAL


def batches(backend, n, size):
    return Batches(backend.zeros((n, 100)), backend.zeros((n,), "int64"), size)


@pytest.mark.parametrize("where", [NUMPY, FAKE], ids=str)
def test_fit_refuses_before_it_starts(where):
    step, told = made(where, rule=SGD), []
    data = batches(where, 5000, 5000)

    class Hook:
        def on_start(self, run):
            told.append(run)

    before = where.to_host(step.net.theta).copy()
    with simulate_memory(3_000_000 + POOL.used * (where is FAKE)):
        with pytest.raises(MemoryError, match=r"batches of 5,000 on .* takes \d+\.?\d* MB, and there are"):
            fit(step.net, step.loss, step.optimizer, data, epochs=1, step=step, hooks=[Hook()])
    np.testing.assert_array_equal(where.to_host(step.net.theta), before)
    assert not told
    fit(step.net, step.loss, step.optimizer, data, epochs=1, step=step)


def test_a_second_fit_counts_what_is_held_only_once():
    """Room for one and a half times what it takes, not for twice."""
    gc.collect()
    step, data = made(FAKE), batches(FAKE, 4000, 2000)
    need = bill(step, (2000, 100)).total
    with simulate_memory(POOL.used + int(1.4 * need)):
        for _ in range(3):
            fit(step.net, step.loss, step.optimizer, data, epochs=1, step=step)


def test_an_allocation_that_fails_all_the_same_is_told_in_the_same_words(monkeypatch):
    """Somebody else takes the memory after fit has asked. CuPy's error stays behind as the cause; θ is whole."""
    step, data = made(FAKE), batches(FAKE, 2000, 1000)
    before = step.net.theta.get()

    class Greedy:
        def on_start(self, run):
            POOL.set_limit(POOL.used + 5_000_000)

    with simulate_memory(POOL.used + 100_000_000), pytest.raises(TooLarge) as error:
        fit(step.net, step.loss, step.optimizer, data, epochs=2, step=step, hooks=[Greedy()])
    assert type(error.value.__cause__).__name__ == "OutOfMemoryError"
    said = str(error.value)
    assert said.startswith("the memory is full (Out of memory allocating") and "would fit" in said and "\n" not in said
    np.testing.assert_array_equal(step.net.theta.get(), before)
    fit(step.net, step.loss, step.optimizer, data, epochs=1, step=step)


def test_a_host_that_can_give_no_more_is_explained():
    step, data = made(NUMPY), batches(NUMPY, 20, 10)

    class Full:
        def before_batch(self, run):
            raise MemoryError("Unable to allocate 8.00 EiB")

    for pretended in nullcontext(), simulate_memory("1GB"):  # 1 GB would be enough by far: it was not
        with pretended, pytest.raises(TooLarge, match=r"the memory is full \(Unable to allocate 8.00 EiB\): ") as error:
            fit(step.net, step.loss, step.optimizer, data, epochs=1, step=step, hooks=[Full()])
        assert re.search(r"training with batches of 10 on .* takes .*; batches of \d would fit", str(error.value))


def test_a_step_that_is_only_a_function_is_left_alone():
    step = made(NUMPY)
    with simulate_memory("1kB"):
        fit(step.net, step.loss, step.optimizer, batches(NUMPY, 20, 10), epochs=1, step=lambda x, t: step(x, t))


# ---- pretending


def test_a_simulation_ends_where_it_ends():
    with simulate_memory("1GB") as outer, simulate_memory("1MB"):
        assert outer == 10**9 and NUMPY.free() == FAKE.xp.get_default_memory_pool().get_limit() == 10**6
    assert NUMPY.free() is None and POOL.get_limit() == 0
    with pytest.raises(KeyError), simulate_memory("1MB"):
        raise KeyError
    assert NUMPY.free() is None and POOL.get_limit() == 0


def test_a_device_keeps_to_it():
    with simulate_memory(POOL.used + 1000), pytest.raises(MemoryError, match="Out of memory allocating 4,000 bytes"):
        FAKE.empty((1000,))
    FAKE.empty((1000,))


@pytest.mark.parametrize("where", [NUMPY, FAKE], ids=str)
def test_a_network_too_large_is_refused_before_anything_is_allocated(where):
    """What the sentence says would fit is all that fits: one line of 64 numbers more does not."""
    gc.collect()
    POOL.peak = POOL.used
    with simulate_memory(1_000_000 + POOL.used * (where is FAKE)):
        with pytest.raises(TooLarge, match=r"θ and ∇ of a network, 2 x 10,010,048 numbers, take 80.1 MB on") as error:
            Network(Dense(1000, 10_000), backend=where)
        assert re.search(r"there are 1 MB: 2 x 12[45],\d{3} would fit, so make the network smaller", str(error.value))
        assert where is NUMPY or POOL.peak == POOL.used
        net = Network(Dense(1000, 124, bias=False), backend=where)
        if where is FAKE:
            with pytest.raises(TooLarge, match="m and v of a network, 2 x 124,032 numbers, take 992 kB"):
                Adam(net.theta, net.grad)
        with pytest.raises(TooLarge, match="θ and ∇"):
            Network(Dense(1000, 126, bias=False), backend=where)


def test_the_bill_is_a_table():
    said = repr(bill(made(FAKE, GraphStep), (64, 100)))
    assert [line.split()[0] for line in said.splitlines()] == [
        "parameters", "gradients", "optimizer", "activations", "scratch", "recorded", "batch", "workspace", "total",
    ]  # fmt: skip
    assert "bytes" in said and "parameters" in repr(bill(made(NUMPY), (64, 100)))


# ---- on a GPU


@pytest.mark.gpu
@pytest.mark.parametrize("kind", [SerialStep, GraphStep])
@pytest.mark.parametrize("name", NETS)
def test_the_bill_bounds_what_cupy_takes(name, kind):
    """Peak of a private pool, and of a recording: at most the bill, with 512 bytes for each array; and most of it."""
    import cupy

    from dlcourse.backends.cupy import CUPY

    case, pool = NETS[name], cupy.cuda.MemoryPool()
    CUPY.matmul(CUPY.zeros((8, 8)), CUPY.zeros((8, 8)))  # the library takes its workspace from the usual pool
    with cupy.cuda.using_allocator(pool.malloc):
        net = case.network(CUPY)
        step = kind(net, case.loss(), optimizer("Adam", net))
        x, t = map(CUPY.asarray, case.batch(size=20_000))
        said = bill(step, x.shape)
        for _ in range(5):  # the fourth is recorded
            step(x, t)
        CUPY.synchronize()
    graphs = step.recorder.graphs.values() if kind is GraphStep else ()
    taken, rounded = pool.total_bytes() + sum(graph.replay.nbytes for graph in graphs), 512 * 200 + 4096 * 4
    assert 0.7 * (said.total - said["batch"]) <= taken - x.nbytes - t.nbytes
    assert taken <= said.total + rounded


@pytest.mark.gpu
def test_a_pretended_t4_refuses_and_recovers():
    from dlcourse.backends.cupy import CUPY

    step = made(CUPY, GraphStep)
    with simulate_memory(CUPY.xp.get_default_memory_pool().used_bytes() + 100_000_000):
        with pytest.raises(MemoryError, match="batches of .* would fit"):
            afford(step, (1_000_000, 100))
        with pytest.raises(MemoryError):
            CUPY.empty((50_000_000,))
        fit(step.net, step.loss, step.optimizer, batches(CUPY, 2000, 200), epochs=1, step=step)
    assert CUPY.free() > 100_000_000
