"""AccumulateStep: the update of the whole batch from the gradients of its parts, and the memory of one part."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlcourse.backends import NUMPY
from dlcourse.backends.fake import DEVICE, FAKE
from dlcourse.backends.fake_memory import POOL
from dlcourse.data import Batches
from dlcourse.nn.layers import BatchNorm, Dense, Dropout, ReLU
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.accumulate import AccumulateStep
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import Adam
from dlcourse.training.steps import SerialStep

sys.path.append(str(Path(__file__).parents[1] / "backends"))
from networks import NETS, optimizer  # noqa: E402

WHOLE = [name for name in NETS if "batch norm" not in name]


def made(case, backend, opt="Adam, masked decay and clip", **parts):
    net = case.network(backend)
    kind = AccumulateStep if parts else SerialStep
    return net, kind(net, case.loss(), optimizer(opt, net), **parts)


@pytest.mark.parametrize("name", WHOLE)
@given(B=st.integers(1, 20), parts=st.integers(1, 9))
def test_the_gradient_is_that_of_the_whole_batch(name, B, parts):
    """Dropout included: its numbers belong to an example's place in the whole batch."""
    case, grads = NETS[name], []
    for options in {}, {"parts": parts}:
        net, step = made(case, NUMPY, "SGD", **options)
        loss = step(*case.batch(size=B))
        grads.append((net.grad.copy(), net.theta.copy(), loss))
    for a, b in zip(*grads):
        np.testing.assert_allclose(b, a, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", WHOLE)
def test_steps_agree_on_every_backend(backend, name):
    case = NETS[name]
    whole, plain = made(case, NUMPY)
    cut, step = made(case, backend, parts=3)
    for seed in range(6):
        x, t = case.batch(seed=seed)
        expected, got = plain(x, t), step(backend.asarray(x), backend.asarray(t))
        np.testing.assert_allclose(backend.to_host(backend.xp.asarray(got)), expected, rtol=2e-3)
    np.testing.assert_allclose(backend.to_host(cut.theta), whole.theta, rtol=2e-3, atol=2e-3)
    assert int(backend.to_host(cut.counter)) == int(whole.counter)


def test_on_a_device_nobody_waits():
    case = NETS["MLP with dropout"]
    _, step = made(case, FAKE, parts=3)
    x, t = map(FAKE.asarray, case.batch())
    step(x, t)
    with DEVICE.watch() as seen:
        step(x, t)
    assert (seen.copies, seen.syncs) == (0, 0), seen.log


def test_batch_norm_sees_its_part():
    rng = np.random.default_rng(0)
    x, t, loss = rng.standard_normal((8, 3)).astype("float32"), np.zeros(8, "int64"), SoftmaxCrossEntropy()
    net = Network(BatchNorm(3), Dense(3, 2))
    AccumulateStep(net, loss, Adam(net.theta, net.grad), parts=2)(x, t)
    expected = np.zeros(3)
    for part in x[:4], x[4:]:
        expected += 0.1 * (part.mean(axis=0) - expected)
    np.testing.assert_allclose(net.buffers["0.running_mean"], expected, rtol=1e-5)


def wide(backend=NUMPY):
    return Network(Dense(100, 300), ReLU(), Dropout(0.2), Dense(300, 10), backend=backend)


@pytest.mark.parametrize("B, parts", [(64, 4), (65, 4), (3, 7), (64, 1)])
def test_memory_is_told_to_the_byte(B, parts):
    net = wide()
    step = AccumulateStep(net, SoftmaxCrossEntropy(), Adam(net.theta, net.grad), parts=parts)
    said = step.memory((B, 100))
    x, t = np.ones((B, 100), "float32"), np.full((B, 10), 0.1, "float32")
    for _ in range(2):
        step(x, t)
    space = step.plans.space
    assert said["activations"] == sum(b.nbytes for b in space.buffers.values())
    assert said["scratch"] == space.arena.nbytes
    assert said["gradients"] == net.grad.nbytes + step.plans.make[1].nbytes
    plain = SerialStep(net, SoftmaxCrossEntropy(), Adam(net.theta, net.grad))
    assert said["activations"] == plain.memory((-(-B // parts), 100))["activations"]


def test_on_a_device_the_parts_take_less_than_the_whole():
    used = []
    for options in {}, {"parts": 8}:
        net = wide(FAKE)
        kind = AccumulateStep if options else SerialStep
        step = kind(net, SoftmaxCrossEntropy(), Adam(net.theta, net.grad), **options)
        x, t = FAKE.zeros((4096, 100)), FAKE.zeros((4096,), "int64")
        POOL.peak = before = POOL.used
        step(x, t)
        used.append(POOL.peak - before)
    assert used[1] < used[0] / 6


def test_fit_takes_it():
    net = wide()
    rng = np.random.default_rng(1)
    x = rng.standard_normal((60, 100)).astype("float32")
    data = Batches(x, (x[:, 0] > 0).astype("int64"), 20)
    loss, opt = SoftmaxCrossEntropy(), Adam(net.theta, net.grad, lr=0.01)
    losses = fit(net, loss, opt, data, epochs=9, step=AccumulateStep(net, loss, opt, parts=4)).losses
    assert losses[-1] < losses[0] / 2


def test_a_loss_that_is_not_finite_changes_nothing(backend):
    net = wide(backend)
    step = AccumulateStep(net, SoftmaxCrossEntropy(), Adam(net.theta, net.grad), parts=4)
    x, before = np.ones((8, 100), "float32"), backend.to_host(net.theta).copy()
    x[7] = np.nan
    with np.errstate(all="ignore"):
        step(backend.asarray(x), backend.zeros((8,), "int64"))
    np.testing.assert_array_equal(backend.to_host(net.theta), before)


def test_what_does_not_belong_together_is_refused():
    net = wide()
    loss, opt = SoftmaxCrossEntropy(), Adam(net.theta, net.grad)
    with pytest.raises(ValueError, match="parts= is a whole number from 1 on, got 0"):
        AccumulateStep(net, loss, opt, parts=0)
    step = AccumulateStep(net, loss, opt, parts=2)
    with pytest.raises(ValueError, match=r"as many targets as examples: x has shape \(4, 100\), t \(5,\)"):
        step(np.ones((4, 100), "float32"), np.zeros(5, "int64"))
    with pytest.raises(ValueError, match=r"\(4, 99\)"):
        step(np.ones((4, 99), "float32"), np.zeros(4, "int64"))
    with pytest.raises(ValueError, match="the batch is empty"):
        step(np.ones((0, 100), "float32"), np.zeros(0, "int64"))
