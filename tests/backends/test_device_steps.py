"""Steps and fit on a device: they wait for nothing, copy nothing, can be recorded, and give the numbers of NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from networks import NETS, OPTIMIZERS, optimizer

from dlcourse.backends import NUMPY
from dlcourse.backends.fake import DEVICE, FAKE
from dlcourse.data import Batches
from dlcourse.training.graph import GraphStep
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import Adam, Momentum
from dlcourse.training.steps import SerialStep, choose_step

BUDGET_NETS, BUDGET_OPTIMIZERS = list(NETS), ["Momentum, decay and clip", "Adam", "Adam, masked decay and clip"]


def made(case, backend, opt, kind):
    net = case.network(backend)
    return net, kind(net, case.loss(), optimizer(opt, net))


def batches(case, backend, seed):
    x, t = case.batch(seed=seed)
    return backend.asarray(x), backend.asarray(t)


@pytest.mark.parametrize("opt", BUDGET_OPTIMIZERS)
@pytest.mark.parametrize("name", BUDGET_NETS)
def test_a_step_neither_waits_nor_copies(name, opt):
    case = NETS[name]
    _, step = made(case, FAKE, opt, SerialStep)
    batch = batches(case, FAKE, 0)
    step(*batch)
    with DEVICE.watch() as seen:
        loss = step(*batch)
    assert (seen.copies, seen.syncs) == (0, 0), seen.log
    assert loss.shape == ()
    assert len(step.optimizer.blocks) == 1  # one launch of each operation over the whole of θ


@pytest.mark.parametrize("opt", BUDGET_OPTIMIZERS)
@pytest.mark.parametrize("name", BUDGET_NETS)
def test_a_recorded_step_is_one_launch(name, opt):
    case = NETS[name]
    _, step = made(case, FAKE, opt, GraphStep)
    for seed in range(4):
        step(*batches(case, FAKE, seed))
    batch = batches(case, FAKE, 9)
    with DEVICE.watch() as seen:
        step(*batch)
    assert (seen.copies, seen.syncs) == (0, 0), seen.log
    assert seen.log.count("launches graph") == 1 and seen.launches == 3, seen.log  # the batch is copied: x, t


@pytest.mark.parametrize("opt", OPTIMIZERS)
def test_a_theta_of_many_blocks_is_updated_as_a_whole(opt, device, monkeypatch):
    """A device works on 67 million parameters at a time; here, on 100. The bits are the same."""
    case, found = next(iter(NETS.values())), []
    for chunk in device.chunk, 100:
        monkeypatch.setattr(device, "chunk", chunk)
        net, step = made(case, device, opt, SerialStep)
        for seed in range(3):
            step(*batches(case, device, seed))
        assert len(step.optimizer.blocks) == -(-net.theta.size // min(chunk, net.theta.size))
        found.append(device.to_host(net.theta))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("opt", OPTIMIZERS)
@pytest.mark.parametrize("name", NETS)
def test_recorded_steps_agree_with_numpy(device, name, opt):
    """Ten steps, seven of them replays, on batches that differ; the last three with another learning rate."""
    case = NETS[name]
    here, plain = made(case, NUMPY, opt, SerialStep)
    there, graph = made(case, device, opt, GraphStep)
    for seed in range(10):
        if seed == 7:
            plain.optimizer.set(lr=0.03)
            graph.optimizer.set(lr=0.03)
        expected, got = plain(*batches(case, NUMPY, seed)), graph(*batches(case, device, seed))
        np.testing.assert_allclose(device.to_host(got), expected, rtol=2e-3, err_msg=f"loss of step {seed}")
    np.testing.assert_allclose(device.to_host(there.theta), here.theta, rtol=2e-3, atol=2e-3)
    drops = "ropout" in repr(there)
    assert device.to_host(there.buffers["counter"]) == 10 * drops  # each step draws other numbers, replays too
    for key in here.buffers:
        np.testing.assert_allclose(device.to_host(there.buffers[key]), here.buffers[key], rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("name, graphs", [("MLP with dropout", 1), ("CNN with batch norm", 2)])
def test_shorter_batches_share_a_graph_where_rows_do_not_mix_and_always_the_weights(device, name, graphs):
    case = NETS[name]
    here, plain = made(case, NUMPY, "Adam", SerialStep)
    there, graph = made(case, device, "Adam", GraphStep)
    for seed in range(12):
        x, t = case.batch(seed=seed, size=5 if seed % 2 else 8)
        plain(x, t)
        graph(device.asarray(x), device.asarray(t))
    assert len(graph.recorder.graphs) == graphs
    np.testing.assert_allclose(device.to_host(there.theta), here.theta, rtol=1e-3, atol=1e-4)


def test_a_swapped_function_is_recorded_anew(device):
    case = NETS["MLP"]
    net, step = made(case, device, "SGD", GraphStep)
    for seed in range(5):
        step(*batches(case, device, seed))
    calls = []

    def mine(z):
        calls.append(1)
        return backend_relu(device, z)

    with net.swap(relu=mine):
        for seed in range(5):
            step(*batches(case, device, seed))
    assert len(calls) >= 4


def backend_relu(backend, z):
    return backend.xp.maximum(z, 0)


# ---- losses that are not finite


@pytest.mark.parametrize("kind", [SerialStep, GraphStep])
@pytest.mark.parametrize("opt", OPTIMIZERS)
def test_a_loss_that_is_not_finite_changes_nothing_and_nobody_waits(device, opt, kind):
    case = NETS["MLP"]
    net, step = made(case, device, opt, kind)
    for seed in range(5):
        step(*batches(case, device, seed))
    x, t = batches(case, device, 5)
    bad = x.copy()
    bad[0, 0] = float("nan")
    held = [net.theta, step.optimizer.hp, *step.optimizer.states.values()]
    before = [device.to_host(v).copy() for v in held]
    with DEVICE.watch() as seen:
        loss = step(bad, t)
    if device is FAKE:
        assert (seen.copies, seen.syncs) == (0, 0), seen.log
    assert np.isnan(device.to_host(loss))
    for a, b in zip(held, before):
        np.testing.assert_array_equal(device.to_host(a), b)
    step(x, t)
    assert np.isfinite(device.to_host(net.theta)).all() and (device.to_host(net.theta) != before[0]).any()


# ---- fit


@pytest.mark.parametrize("kind", [SerialStep, GraphStep])
def test_fit_waits_once_an_epoch(kind):
    case = NETS["MLP with dropout"]
    net = case.network(FAKE)
    opt = Adam(net.theta, net.grad, lr=0.01)
    x, t = case.batch(size=50)
    data = Batches(FAKE.asarray(x), FAKE.asarray(t), 8)
    syncs = []

    def count(run):
        syncs.append((DEVICE.counts["syncs"], DEVICE.counts["copies"]))

    history = fit(net, case.loss(), opt, data, epochs=6, step=kind(net, case.loss(), opt), hooks=[count])
    waits, copies = np.diff(np.array(syncs), axis=0)[2:].T
    assert (waits <= 1).all(), waits
    assert len(history.losses) == 6
    assert (copies <= len(data) + 1).all(), copies  # the shuffled row numbers


def test_fit_on_a_device_gives_the_history_of_the_host(device):
    case, runs = NETS["CNN with batch norm"], []
    for backend in NUMPY, device:
        net = case.network(backend)
        opt = Momentum(net.theta, net.grad, lr=0.05)
        x, t = case.batch(size=30)
        data = Batches(backend.asarray(x), backend.asarray(t), 8, key=4)
        runs.append(fit(net, case.loss(), opt, data, epochs=4).losses)
    np.testing.assert_allclose(runs[1], runs[0], rtol=2e-3)


def test_a_device_repeats_a_recorded_step():
    case = NETS["CNN"]
    net = case.network(FAKE)
    assert type(choose_step(net, case.loss(), optimizer("SGD", net), case.shape)) is GraphStep
