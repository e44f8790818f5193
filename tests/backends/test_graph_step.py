"""GraphStep: what it records, what it says about it, what it does where it cannot, and how fit goes with it."""

from __future__ import annotations

import numpy as np
import pytest
from networks import NETS, ROWS
from twins import assert_same, batch, pair, state

from dlcourse.backends import NUMPY
from dlcourse.backends.fake import DEVICE, FAKE
from dlcourse.backends.recorded import Recorded
from dlcourse.data import Batches
from dlcourse.training.hooks import EarlyStop, ProgressBar
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import SGD
from dlcourse.training.steps import choose_step

pytestmark = pytest.mark.usefixtures("one_thread")


# ---- recording, and what is said about it


@pytest.mark.parametrize("name", NETS)
def test_three_plain_steps_then_replays_and_each_counts(device, name):
    case = NETS[name]
    plain, graph = pair(case, device)
    for seed in range(6):
        losses = [device.to_host(step(*batch(case, device, seed))) for step in (plain, graph)]
        assert len(graph.recorder.graphs) == (seed > 2)
        np.testing.assert_allclose(*losses, rtol=1e-6)
    assert_same(state(plain), state(graph), rtol=1e-6, atol=1e-7)
    assert f"batches {case.shape} are recorded" in graph.report


def test_nothing_is_recorded_where_nobody_wants_it(device):
    case = NETS["MLP"]
    plain, graph = pair(case, device, capture=False)
    for seed in range(6):
        plain(*batch(case, device, seed)), graph(*batch(case, device, seed))
    assert not graph.recorder.graphs and graph.report == "nothing is recorded: capture=False"
    assert_same(state(plain), state(graph))
    with pytest.raises(ValueError, match="capture= is .*got 'always'"):
        pair(case, device, capture="always")


@pytest.fixture
def no_products(unsure, monkeypatch):
    """A device whose products go through CuPy, which cannot record them."""
    monkeypatch.setattr(FAKE, "gemm", None)


def test_what_cannot_be_recorded_is_said_once_and_goes_on_launch_by_launch(no_products, capsys):
    case = NETS["MLP"]
    plain, graph = pair(case, FAKE)
    for seed in range(7):
        plain(*batch(case, FAKE, seed)), graph(*batch(case, FAKE, seed))
    assert_same(state(plain), state(graph))
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith("batches (8, 6) go launch by launch, they cannot be recorded: calling cuBLAS API during")
    assert said in graph.report


@pytest.mark.parametrize("capture", [True, "check"])
def test_or_it_raises_where_it_must_be_recorded(no_products, capture):
    case = NETS["MLP"]
    plain, graph = pair(case, FAKE, capture=capture)
    for seed in range(3):
        plain(*batch(case, FAKE, seed)), graph(*batch(case, FAKE, seed))
    with pytest.raises(RuntimeError, match=r"batches \(8, 6\) cannot be recorded: calling cuBLAS API"):
        graph(*batch(case, FAKE, 3))
    assert_same(state(plain), state(graph))  # three steps, and nothing of the fourth


def test_the_host_records_nothing_and_says_so(capsys):
    case = NETS["MLP"]
    plain, graph = pair(case, NUMPY)
    for seed in range(6):
        assert plain(*batch(case, NUMPY, seed)) == graph(*batch(case, NUMPY, seed))
    assert "records nothing" in capsys.readouterr().out and "records nothing" in graph.report


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("opt", ["Adam, masked decay and clip", "Momentum"])
def test_an_error_at_any_moment_of_the_recording_changes_nothing(unsure, monkeypatch, opt, error):
    case, note = NETS["MLP with dropout"], DEVICE.note
    plain, graph = pair(case, FAKE, opt, capture=True)
    for seed in range(3):
        plain(*batch(case, FAKE, seed)), graph(*batch(case, FAKE, seed))
    before, moments, left = state(graph), 0, [0]

    def break_off(*what):
        note(*what)
        if DEVICE.graph is not None:
            left[0] -= 1
            if left[0] < 0:
                raise error("in the middle")

    monkeypatch.setattr(DEVICE, "note", break_off)
    while True:
        left[0] = moments
        try:
            graph(*batch(case, FAKE, 3))
            break
        except (RuntimeError, KeyboardInterrupt) as why:
            assert "in the middle" in str(why) and DEVICE.graph is None
        assert_same(before, state(graph))
        moments += 1
    assert moments > 10
    plain(*batch(case, FAKE, 3))
    assert_same(state(plain), state(graph))


# ---- capture="check"


@pytest.mark.parametrize("name", NETS)
def test_check_compares_puts_the_state_back_and_goes_on_recorded(device, name, capsys):
    case = NETS[name]
    plain, graph = pair(case, device, capture="check")
    for seed in range(6):
        plain(*batch(case, device, seed)), graph(*batch(case, device, seed))
    said = capsys.readouterr().out
    assert "five recorded steps are five plain ones, bit for bit; " in said and said.strip() in graph.report
    assert_same(state(plain), state(graph), rtol=1e-6, atol=1e-7)
    (held,) = graph.recorder.graphs.values()
    assert f"{held.replay.nodes} launches in one, {held.replay.nbytes:,} bytes of its own" in said
    assert held.replay.nodes > 10 and held.replay.nbytes > 0


@pytest.mark.parametrize("what", ["the losses", "theta", "grad", "counter", "hp", "m"])
def test_check_names_what_differs(device, what, monkeypatch):
    """The last of the five replays does a little more than it should."""
    case, times, replay = NETS["MLP with dropout"], [], Recorded.__call__
    _, graph = pair(case, device, capture="check")
    arrays = {"theta": graph.net.theta, "grad": graph.net.grad, **graph.net.buffers, **graph.optimizer.state()}

    def off(recorded, x, t):
        value = replay(recorded, x, t)
        times.append(1)
        if len(times) == 5:
            arrays.get(what, value)[...] += 1
        return value

    monkeypatch.setattr(Recorded, "__call__", off)
    for seed in range(3):
        graph(*batch(case, device, seed))
    before = state(graph)
    with pytest.raises(RuntimeError, match=f"five recorded steps differ from five plain ones in {what}, by up to 1"):
        graph(*batch(case, device, 3))
    assert_same(before, state(graph))


def test_check_finds_a_number_of_python_in_a_function_of_ones_own(device):
    _, graph = pair(NETS["MLP"], device, capture="check")
    calls = []

    def relu(z):
        calls.append(1)
        return device.xp.maximum(z, 0) * len(calls)

    with graph.net.swap(relu=relu), pytest.raises(RuntimeError, match="differ from five plain ones in the losses"):
        for seed in range(4):
            graph(*batch(NETS["MLP"], device, seed))


def test_a_batch_with_gaps_in_memory_is_recorded_too(device):
    plain, graph = pair(NETS["MLP"], device, capture=True)
    for seed in range(7):
        x, t = NETS["MLP"].batch(seed=seed, size=16)
        x, t = device.asarray(x)[::2], device.asarray(t)[::2]
        np.testing.assert_allclose(*(device.to_host(step(x, t)) for step in (plain, graph)), rtol=1e-6)
    x, t = x[:3], t[:3]
    np.testing.assert_allclose(*(device.to_host(step(x, t)) for step in (plain, graph)), rtol=1e-6)
    assert len(graph.recorder.graphs) == 1


# ---- fit waits for nobody


def test_fit_reads_its_losses_once_an_epoch_short_batches_and_hooks_included(monkeypatch):
    case, syncs = NETS["MLP with dropout"], []
    net = case.network(FAKE)
    x, t = case.batch(size=61)
    data = Batches(FAKE.asarray(x), FAKE.asarray(t), 8)
    step = choose_step(net, case.loss(), SGD(net.theta, net.grad, lr=0.1), (8, *ROWS[1:]))

    class Count:
        def on_batch(self, run):
            syncs.append((run.epoch, DEVICE.counts["syncs"]))

    with DEVICE.watch() as seen:
        hooks = [Count(), ProgressBar(quiet=False), EarlyStop(patience=50)]
        history = fit(net, case.loss(), step.optimizer, data, epochs=5, step=step, hooks=hooks)
    assert len(history.batch_losses) == 5 * len(data) and np.isfinite(history.batch_losses).all()
    assert len(step.recorder.graphs) == 1  # the last batch of 5 went through it, too
    for epoch in range(5):
        assert len({waits for e, waits in syncs if e == epoch}) == 1, "a batch has waited"
    starts = [waits for e, waits in syncs][:: len(data)]
    assert set(np.diff(starts)) == {1}, seen.log
