"""The bill is an upper bound, from the first step on: with bodies, without, and where the device refuses some."""

from __future__ import annotations

import gc
import re

import numpy as np
import pytest
from networks import LAYERS, NETS, optimizer

from dlcourse.backends import NUMPY
from dlcourse.backends.fake import FAKE, REFUSES
from dlcourse.backends.fake_memory import POOL
from dlcourse.data import Batches
from dlcourse.data.feed import Feed
from dlcourse.hardware.memory import TooLarge, bill, simulate_memory
from dlcourse.nn.layers import BatchNorm, Dense, Dropout, Tanh
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.accumulate import AccumulateStep
from dlcourse.training.graph import GraphStep
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import Adam
from dlcourse.training.steps import SerialStep

KINDS = {"serial": SerialStep, "in parts": lambda *a, **o: AccumulateStep(*a, parts=3, **o)}
EPILOGUES = "bias relu_bias bgrad"
REFUSALS = [EPILOGUES, *EPILOGUES.split(), "im2col", "col2im", "im2col col2im", "relu_backward", "dropout", "layernorm"]
REFUSALS += ["channel_statistics channel_gradients", "normalize", "softmax_cross_entropy", "unscale", "sum_of_squares"]
BODIES = ("fused", "fp32"), ("fused", "bf16"), ("plain", "fp32"), ("plain", "fp16")
SMALL = 2000  # numbers of the optimizer, counters, statistics of channels


@pytest.fixture(autouse=True, scope="module")
def old():
    """What the tests before this file have left: the collector does not go through it each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def willing():
    """The device refuses nothing but what a test tells it to, and has compiled nothing."""

    def clear():
        for seen in (REFUSES, FAKE.refused, FAKE.compiled, FAKE.ready, FAKE.tried):
            seen.clear()
        FAKE._ticket = None
        gc.collect()

    clear()
    yield clear
    clear()


def taken(case, where, kind, precision):
    """(bytes of the bill, the most that lived at once) in two steps, the batch left out on both sides."""
    x, t = map(FAKE.asarray, case.batch(size=1000 if len(case.shape) == 2 else 100))
    start = POOL.peak = POOL.used
    net = case.network(where)
    step = KINDS[kind](net, case.loss(), optimizer("Adam, masked decay and clip", net), precision=precision)
    said = bill(step, x.shape)
    for _ in range(2):
        step(x, t)
    return said.total - said["batch"], POOL.peak - start


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bodies, precision", BODIES)
@pytest.mark.parametrize("name", LAYERS | NETS)
def test_no_step_takes_more_and_none_much_less(name, bodies, precision, kind):
    said, peak = taken((LAYERS | NETS)[name], FAKE if bodies == "fused" else FAKE.plain(), kind, precision)
    assert peak <= said + SMALL and said <= 1.15 * peak + 4096


@pytest.mark.parametrize("kind, precision", [*zip(KINDS, ["bf16", "fp32"])])
@pytest.mark.parametrize("name", NETS)
def test_nor_after_a_refusal_which_the_bill_finds_out(name, precision, kind, willing):
    for refuses in REFUSALS:
        willing()
        REFUSES.update(refuses.split())
        said, peak = taken(NETS[name], FAKE, kind, precision)
        assert peak <= said + SMALL and said <= 1.15 * peak + 4096, refuses


def deep(backend=FAKE, *more):
    middle = [layer for _ in range(8) for layer in (Dense(64, 64), Tanh())]
    return Network(Dense(50, 64), Tanh(), *more, *middle, Dense(64, 10), key=1, backend=backend)


def made(kind=SerialStep, net=None, **options):
    net = net or deep()
    return kind(net, SoftmaxCrossEntropy(), Adam(net.theta, net.grad), **options)


def batch(n, features=50):
    x = np.random.default_rng(n).normal(size=(n, features)).astype("float32")
    return FAKE.asarray(x), FAKE.asarray(np.arange(n) % 10)


@pytest.mark.parametrize("size", [64, 4096])
@pytest.mark.parametrize("parts", range(2, 10))
def test_parts_of_any_number_keep_to_the_bill_from_the_first_step_on(parts, size):
    x, t = batch(size)
    start = POOL.peak = POOL.used
    step = made(AccumulateStep, parts=parts)
    said = bill(step, x.shape)
    step(x, t)
    assert POOL.peak - start <= said.total - said["batch"]


@pytest.mark.parametrize("kind", [SerialStep, lambda *a: AccumulateStep(*a, parts=3)], ids=["serial", "in parts"])
@pytest.mark.parametrize("sizes", [(5, 21, 64), (13, 64), (63, 64)], ids=str)
def test_batches_that_grow_take_no_more_than_the_largest(sizes, kind):
    held = [batch(n) for n in sizes]
    start = POOL.peak = POOL.used
    step = made(kind)
    said = bill(step, (max(sizes), 50))
    for x, t in held * 2:
        step(x, t)
    assert POOL.peak - start <= said.total - said["batch"]


def obeyed(said, size, limit):
    """Train as the sentence says: every piece of advice in it must do."""
    parts = re.search(r"parts=(\d+)", said)
    for kind, n, options in [
        (AccumulateStep, size, parts and {"parts": int(parts[1])}),
        (SerialStep, (found := re.search(r"batches of ([\d,]+) would", said)) and int(found[1].replace(",", "")), {}),
        (SerialStep, size, {"precision": "bf16"} if "bf16" in said else None),
    ]:
        if n and options is not None:
            trained(kind, n, limit, 2 * size + size // 3, **options)
    return parts


def trained(kind, size, limit, n, **options):
    gc.collect()
    with simulate_memory(POOL.used + limit):
        step = made(kind, **options)
        x = np.random.default_rng(0).normal(size=(n, 50)).astype("float32")
        feed = Feed(Batches(x, np.arange(n) % 10, size), FAKE, resident=False)
        fit(step.net, step.loss, step.optimizer, feed, epochs=1, step=step)


@pytest.mark.parametrize("limit", [14e6, 12e6, 9e6, 6e6, 5e6])
def test_who_does_what_a_refusal_says_is_not_refused(limit):
    with pytest.raises(TooLarge) as error:
        trained(SerialStep, 4096, int(limit), 9000)
    said = str(error.value)
    del error
    assert obeyed(said, 4096, int(limit))


def test_where_a_larger_batch_finds_no_memory_the_smaller_one_goes_on():
    step, small, large = made(), batch(64), batch(4096)
    twin = made()
    step(*small)
    version = step.plans.version
    with simulate_memory(POOL.used + 1_000_000), pytest.raises(MemoryError):
        step(*large)
    assert step.plans.version > version, "what a graph has frozen is gone"
    gc.collect()
    with simulate_memory(POOL.used + 400_000):
        step(*small)
    for _ in range(2):
        twin(*small)
    np.testing.assert_array_equal(step.net.theta.get(), twin.net.theta.get())


def test_on_the_host_too_what_is_outgrown_is_free_before_more_is_taken():
    """The larger step's buffers, one at a time, with those that wait for their turn: never both sizes of one."""
    step, most = made(net=deep(NUMPY)), []
    new, space = step.plans.space.empty, step.plans.space

    def empty(shape, dtype):
        most.append(sum(a.nbytes for a in space.buffers.values()) + 4 * shape[0])
        assert not len(step.plans)
        return new(shape, dtype)

    space.empty = empty
    for n in (64, 4096):
        step(*(FAKE.to_host(a) for a in batch(n)))
    assert max(most) <= step.memory((4096, 50))["activations"]


@pytest.mark.parametrize("parts", [2, 3, 5, 7])
def test_dropout_in_parts_drops_what_it_drops_from_the_whole(parts):
    grads = []
    for options in {}, {"parts": parts}:
        step = made(AccumulateStep if options else SerialStep, deep(NUMPY, Dropout(0.5)), **options)
        step(*(FAKE.to_host(a) for a in batch(64)))
        grads.append(step.net.grad)
    np.testing.assert_allclose(grads[1], grads[0], rtol=1e-3, atol=1e-6)


def test_more_parts_are_parts_of_the_batch_and_not_of_a_part():
    with pytest.raises(TooLarge) as error:
        trained(AccumulateStep, 3000, 2_800_000, 9000, parts=7)
    parts = int(re.search(r"parts=(\d+)", str(error.value))[1])
    del error
    assert parts > 7
    trained(AccumulateStep, 3000, 2_800_000, 9000, parts=parts)


def test_clipping_without_its_kernel_keeps_to_the_bill_where_theta_is_large():
    REFUSES.add("sum_of_squares")
    x, t = batch(16)
    start = POOL.peak = POOL.used
    net = Network(Dense(50, 2000), Tanh(), Dense(2000, 10), backend=FAKE)
    step = SerialStep(net, SoftmaxCrossEntropy(), Adam(net.theta, net.grad, clip=1.0))
    said = bill(step, x.shape)
    for _ in range(3):
        step(x, t)
    assert POOL.peak - start <= said.total - said["batch"] + SMALL


def test_a_first_batch_that_does_not_fit_is_told_too():
    x, t = np.random.default_rng(0).normal(size=(20_000, 50)).astype("float32"), np.zeros(20_000, "int64")
    start = POOL.used
    with simulate_memory(start + 5_000_000):
        step = made()
        feed = Feed(Batches(x, t, 10_000), FAKE, resident=True)
        with pytest.raises(TooLarge, match="one batch of 10,000 examples does not fit.*take smaller batches"):
            fit(step.net, step.loss, step.optimizer, feed, epochs=1, step=step)


# ---- what is held already


def twice(step, feed, limit):
    """Two fits in so much memory: the second one holds all that it needs."""
    with simulate_memory(limit):
        for _ in range(2):
            fit(step.net, step.loss, step.optimizer, feed, epochs=5, step=step)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", [SerialStep, GraphStep])
@pytest.mark.parametrize("resident", [True, False])
def test_a_second_fit_needs_no_more_than_the_first(kind, resident, precision):
    x, t = np.random.default_rng(0).normal(size=(1124, 2000)).astype("float32"), np.arange(1124) % 10
    start = POOL.used
    step = made(kind, Network(Dense(2000, 300), Tanh(), Dense(300, 10), backend=FAKE), precision=precision)
    need = bill(step, (512, 2000)).total
    feed = Feed(Batches(x, t, 512), FAKE, resident=resident)
    extra = x.nbytes + t.nbytes + 512 * 8008 if resident else 0  # data; fit keeps the batch that it looked at
    twice(step, feed, start + extra + int(1.01 * need))


def test_a_second_fit_in_parts_counts_the_batch_that_its_parts_hold_once():
    X, T = batch(20_000)
    step = made(AccumulateStep, parts=100)
    need = bill(step, X.shape).total
    twice(step, Batches(X, T, 20_000), POOL.used + int(1.02 * need) - step.net.theta.nbytes)


def test_a_second_graph_is_in_the_bill_where_there_will_be_one():
    x, t = np.random.default_rng(0).normal(size=(1124, 200)).astype("float32"), np.arange(1124) % 10
    start = POOL.peak = POOL.used
    step = made(GraphStep, Network(Dense(200, 300), BatchNorm(300), Tanh(), Dense(300, 10), backend=FAKE))
    one, both = (bill(step, (512, 200), last) for last in (0, 100))
    assert both["recorded"] - one["recorded"] >= 100 * 208
    assert bill(made(GraphStep), (512, 50), 100).total == bill(made(GraphStep), (512, 50)).total, "it is filled up"
    feed = Feed(Batches(x, t, 512), FAKE, resident=False)
    twice(step, feed, start + int(1.02 * both.total))
    assert len(step.recorder.graphs) == 2
    assert sum(graph.x.nbytes for graph in step.recorder.graphs.values()) == 4 * 200 * 612


def test_a_function_that_takes_real_arrays_alone_makes_the_bill_larger_and_breaks_nothing():
    step, x = made(), batch(64)
    before = bill(step, (64, 50))
    with step.net.swap(tanh=lambda z, a=None: FAKE.xp.tanh(z, out=a)):
        assert bill(step, (64, 50))["scratch"] > before["scratch"]
        step(*x)
