"""fp16: small gradients live by the scale of the loss; an overflow changes nothing but the scale."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from test_precision import batch, made, mlp

from dlcourse.backends import NUMPY, narrow
from dlcourse.backends.fake import DEVICE, FAKE, REFUSES
from dlcourse.data import Batches
from dlcourse.nn import layers as L
from dlcourse.nn.network import Network
from dlcourse.nn.storage import FileError
from dlcourse.training.graph import GraphStep
from dlcourse.training.hooks import Checkpoint
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import SGD
from dlcourse.training.steps import SerialStep

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(params=["fused", "plain"])
def way(request, unsure):
    """By the kernel, and by the lines that stand for it."""
    if request.param == "plain":
        REFUSES.add("unscale")
    return request.param


def held(step):
    return [step.net.theta, step.optimizer.hp, step.optimizer.copy, *step.optimizer.states.values()]


@pytest.mark.parametrize("kind", [SerialStep, GraphStep])
def test_an_overflow_changes_nothing_but_the_scale_and_nobody_waits(backend, kind, way):
    if backend.host and kind is GraphStep:
        kind = SerialStep
    step = made(mlp(backend), "fp16", kind)
    for seed in range(5):
        step(*batch(backend, seed))
    state, here = step.precision.state, batch(backend, 5)
    state[:1] = 2.0**24
    before = [backend.to_host(v).copy() for v in held(step)]
    with DEVICE.watch() as seen:
        loss = step(*here)
    if backend is FAKE:
        assert (seen.copies, seen.syncs) == (0, 0), seen.log
    assert np.isfinite(backend.to_host(loss)) and backend.to_host(state).tolist() == [2.0**23, 0]
    for a, b in zip(held(step), before):
        np.testing.assert_array_equal(backend.to_host(a), b)
    for _ in range(12):
        step(*here)
    s, good = backend.to_host(state)
    assert 2.0**16 <= s < 2.0**23 and good > 3  # it has halved until nothing overflowed
    assert (backend.to_host(step.net.theta) != before[0]).any() and np.isfinite(backend.to_host(step.net.theta)).all()


def test_the_scale_doubles_after_so_many_good_steps_and_has_bounds(backend, way, monkeypatch):
    monkeypatch.setattr(narrow, "GROWTH", 3)
    step = made(mlp(backend), "fp16")
    states = []
    for seed in range(7):
        step(*batch(backend, seed))
        states.append(backend.to_host(step.precision.state).tolist())
    s = narrow.START
    assert states == [[s, 1], [s, 2], [2 * s, 0], [2 * s, 1], [2 * s, 2], [4 * s, 0], [4 * s, 1]]
    grad, ok = backend.asarray(np.ones(5, "float32")), backend.asarray(np.array(True))
    bad = backend.asarray(np.array([np.inf, np.nan, 0, 0, 0], "float32"))
    for start, gradient, end in (narrow.MOST, grad, narrow.MOST), (1 / narrow.MOST, bad, 1 / narrow.MOST):
        step.precision.state[:1], step.precision.state[1:] = start, 2
        said = step.precision.unscaled(gradient.copy(), ok)
        assert backend.to_host(step.precision.state)[0] == end and bool(backend.to_host(said)) == (gradient is grad)


def test_the_gradient_is_left_as_it_is_without_the_scale(backend, way):
    step = made(mlp(backend), "fp16", opt=SGD, lr=0.0)
    grads = []
    for s in 1.0, 2.0**10:
        step.precision.state[:1] = s
        step(*batch(backend, 0))
        grads.append(backend.to_host(step.net.grad).copy())
    np.testing.assert_allclose(*grads, rtol=0, atol=2e-3 * np.abs(grads[0]).max())


def test_small_gradients_survive_by_the_scale_and_only_by_it(backend):
    """4096 examples, weights of 5e-5 above: the first layer's dy is at most 2.2e-8, of which float16 makes 0."""
    rng = np.random.default_rng(0)
    net = Network(L.Dense(6, 5), L.Tanh(), L.Dense(5, 10), key=1)
    net.params["2.W"] = rng.choice([-5e-5, 5e-5], (5, 10))
    x, t = rng.random((4096, 6), "float32"), rng.integers(0, 10, 4096)
    found = {}
    for precision, s in ("fp32", 0), ("fp16", 1.0), ("fp16", 2.0**16):
        there = net.to(backend)
        step = made(there, precision, opt=SGD, lr=0.0)
        if precision == "fp16":
            step.precision.state[:1] = s
        step(backend.asarray(x), backend.asarray(t))
        found[s] = backend.to_host(there.grads["0.W"])
    assert np.abs(found[0]).min() > 0 and not found[1.0].any()
    assert np.linalg.norm(found[2.0**16] - found[0]) < 1e-2 * np.linalg.norm(found[0])


def test_bf16_has_no_scale():
    pytest.importorskip("ml_dtypes", reason="NumPy has no bfloat16 without ml_dtypes: pip install ml_dtypes")
    step = made(mlp(NUMPY), "bf16")
    for seed in range(3):
        step(*batch(NUMPY, seed))
    assert step.precision.state.tolist() == [1, 0]


@pytest.mark.parametrize("kind", [SerialStep, GraphStep])
def test_a_broken_off_run_goes_on_with_the_scale_it_had(backend, kind, tmp_path, monkeypatch):
    """It doubles every third step here, and the run is broken off between two doublings: the bits are the same."""
    monkeypatch.setattr(narrow, "GROWTH", 3)
    if backend.host and kind is GraphStep:
        kind = SerialStep
    path = tmp_path / "run.safetensors"

    def run(*hooks, at=None, precision="fp16"):
        step = made(mlp(backend), precision, kind)
        data = Batches(*batch(backend, 0, 100), 20, key=1)

        class Break:
            def on_batch(self, run):
                if run.history.updates == at:
                    raise OSError("power cut")

        fit(step.net, step.loss, step.optimizer, data, epochs=2, step=step, hooks=[*hooks, Break()])
        return [backend.to_host(v).tolist() for v in (step.precision.state, step.net.theta)]

    whole, save = run(), Checkpoint(path, every=1, unit="batches")
    assert whole[0] == [2.0**19, 1]
    with pytest.raises(OSError, match="power cut"):
        run(save, at=8)
    with pytest.raises(FileError, match="step.fp16 is unknown"):
        run(Checkpoint(path), precision="fp32")
    if find_spec("ml_dtypes"):
        with pytest.raises(FileError, match="step.bf16 is missing; step.fp16 is unknown"):
            run(Checkpoint(path), precision="bf16")
    assert run(save) == whole
