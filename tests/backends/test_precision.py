"""Steps in tf32, bf16 and fp16: how far they are from float64, what they launch, and how fp16 scales its gradients."""

from __future__ import annotations

import numpy as np
import pytest
from networks import NETS, OPTIMIZERS, optimizer

from dlcourse.backends import NUMPY, narrow
from dlcourse.backends.fake import DEVICE, FAKE
from dlcourse.nn import layers as L
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.graph import GraphStep
from dlcourse.training.optimizers import SGD, Adam
from dlcourse.training.steps import SerialStep

pytestmark = pytest.mark.usefixtures("one_thread")

HALVES = ("bf16", "fp16")
# |∇ − ∇ of float64| / |∇ of float64| of one step, and so for the loss: the worst of NETS was 4e-7, 8e-4, 2e-2, 2e-3
BOUNDS = {"fp32": 1e-5, "tf32": 4e-3, "bf16": 4e-2, "fp16": 4e-3}


@pytest.fixture(params=HALVES)
def half(request):
    return known(request.param)


def known(precision):
    if precision == "bf16":
        pytest.importorskip("ml_dtypes", reason="NumPy has no bfloat16 without ml_dtypes: pip install ml_dtypes")
    return precision


def mlp(backend):
    return Network(L.Dense(784, 128), L.ReLU(), L.Dense(128, 10), key=1, backend=backend)


def made(net, precision, kind=SerialStep, loss=SoftmaxCrossEntropy, opt=Adam, **options):
    return kind(net, loss(), opt(net.theta, net.grad, **options), precision=precision)


def batch(backend, seed, size=64):
    """Noisy copies of ten patterns, one for each class."""
    rng, patterns = np.random.default_rng(seed), np.random.default_rng(99).random((10, 784), "float32")
    t = rng.integers(0, 10, size)
    return backend.asarray((rng.random((size, 784), "float32") + patterns[t]) / 2), backend.asarray(t)


def one_gradient(case, backend, dtype, precision):
    net = case.network(backend, dtype)
    x, t = case.batch()
    loss = made(net, precision, loss=case.loss, opt=SGD, lr=0.0)(backend.asarray(x.astype(dtype)), backend.asarray(t))
    return float(backend.to_host(loss)), backend.to_host(net.grad).astype("float64"), net


# ---- how far from float64


@pytest.mark.parametrize("precision", BOUNDS)
@pytest.mark.parametrize("name", NETS)
def test_a_step_is_as_near_to_float64_as_its_precision_says(backend, name, precision):
    known(precision)
    case = NETS[name]
    if precision == "tf32" and backend.host:
        with pytest.raises(ValueError, match="only a GPU multiplies so"):
            one_gradient(case, backend, "float32", precision)
        return
    loss, _, net = one_gradient(case, backend, "float32", precision)
    exact_loss, _, wide = one_gradient(case, NUMPY, "float64", "fp32")
    exact = np.concatenate([np.ravel(wide.grads[name]) for name in net.grads])
    got = np.concatenate([np.ravel(net.backend.to_host(g)) for g in net.grads.values()])
    assert np.linalg.norm(got - exact) <= BOUNDS[precision] * np.linalg.norm(exact)
    assert abs(loss - exact_loss) <= BOUNDS[precision] * abs(exact_loss)
    if precision != "fp32":  # and the precision is really in use
        assert np.linalg.norm(got - exact) > 1e-5 * np.linalg.norm(exact)
    assert net.grad.dtype == net.theta.dtype == "float32"


FARTHER = {
    "a ReLU that rounding turns over": (64, 257, lambda: [L.Dense(257, 129), L.ReLU(), L.Dense(129, 11)]),
    "batch norm of two": (2, 33, lambda: [L.Dense(33, 17), L.BatchNorm(17), L.Tanh(), L.Dense(17, 11)]),
}


@pytest.mark.parametrize("precision, most", [("fp32", 1e-5), ("tf32", 0.05), ("bf16", 0.4), ("fp16", 0.05)])
@pytest.mark.parametrize("name", FARTHER)
def test_the_bounds_are_those_of_five_networks_and_others_may_be_farther_off(name, precision, most):
    """docs/gpu-status.md says so: of twelve draws the middle one keeps the bound, the worst of fewer bits does not."""
    (size, features, layers), errors = FARTHER[name], []
    for seed in range(12):
        rng, ends = np.random.default_rng(seed), []
        x, t = rng.normal(size=(size, features)), rng.integers(0, 11, size)
        for backend, dtype, kind in (NUMPY, "float64", "fp32"), (FAKE, "float32", known(precision)):
            net = Network(*layers(), key=3, backend=backend, dtype=dtype)
            made(net, kind, opt=SGD, lr=0.0)(backend.asarray(x.astype(dtype)), backend.asarray(t))
            ends.append(np.concatenate([np.ravel(backend.to_host(g)) for g in net.grads.values()]))
        errors.append(np.linalg.norm(ends[1] - ends[0]) / np.linalg.norm(ends[0]))
    assert np.median(errors) <= BOUNDS[precision]
    assert (precision == "fp32" or max(errors) > BOUNDS[precision]) and max(errors) <= most


@pytest.mark.parametrize("name", NETS)
def test_bodies_for_16_bits_and_the_operations_of_float32_between_two_roundings_agree(device, half, name):
    _, fused, _ = one_gradient(NETS[name], device, "float32", half)
    _, plain, _ = one_gradient(NETS[name], device.plain(), "float32", half)
    assert np.linalg.norm(fused - plain) <= BOUNDS[half] / 2 * np.linalg.norm(plain)
    assert not device.refused


@pytest.mark.parametrize("name", ["CNN", "CNN with batch norm"])
def test_a_step_by_the_text_of_its_kernels(kernels, half, name):
    _, by_text, _ = one_gradient(NETS[name], FAKE, "float32", half)
    _, plain, _ = one_gradient(NETS[name], FAKE.plain(), "float32", half)
    assert np.linalg.norm(by_text - plain) <= BOUNDS[half] / 2 * np.linalg.norm(plain)
    assert not FAKE.refused and {real for *_, real in FAKE.compiled} == {"float32", narrow.HALVES[half]}


def test_fp32_is_the_default_and_changes_nothing(backend):
    case, ends = NETS["CNN with batch norm"], []
    for options in {}, {"precision": "fp32"}:
        net = case.network(backend)
        step = SerialStep(net, case.loss(), Adam(net.theta, net.grad), **options)
        for seed in range(3):
            step(*map(backend.asarray, case.batch(seed=seed)))
        assert step.precision.ops is net.ops and step.optimizer.copy is None
        ends.append(backend.to_host(net.theta))
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize("precision", ["tf32", *HALVES])
def test_a_hundred_steps_learn_what_those_of_fp32_learn(device, precision):
    """784-128-10: the mean loss of the last ten steps lies within 2 % of that in float32, which fell to a tenth."""
    losses = {}
    for kind in "fp32", known(precision):
        step = made(mlp(device), kind)
        losses[kind] = [float(device.to_host(step(*batch(device, seed)))) for seed in range(100)]
    start, end = np.mean(losses["fp32"][:5]), np.mean(losses["fp32"][-10:])
    assert end < start / 10 and abs(np.mean(losses[precision][-10:]) - end) < 0.02 * end


# ---- launches, graphs


@pytest.mark.parametrize("precision, launches", [("fp32", 12), ("tf32", 12), ("bf16", 15), ("fp16", 16)])
def test_a_step_has_few_launches_no_copy_and_no_wait(unsure, precision, launches):
    """16 bits: x is rounded, the loss reads float32, its dy is rounded; fp16 also divides ∇ again: 3 and 1 more."""
    step = made(mlp(FAKE), known(precision))
    step(*batch(FAKE, 0))
    here = batch(FAKE, 1)
    with DEVICE.watch() as seen:
        step(*here)
    assert (seen.launches, seen.copies, seen.syncs) == (launches, 0, 0), seen.log
    assert not FAKE.refused


@pytest.mark.parametrize("opt", ["SGD", "Adam, masked decay and clip"])
@pytest.mark.parametrize("precision", ["tf32", *HALVES])
def test_a_recorded_step_is_the_same_step(device, precision, opt, monkeypatch):
    monkeypatch.setattr(narrow, "GROWTH", 4)
    monkeypatch.setattr(narrow, "START", 2.0**8)
    case, ends = NETS["CNN with batch norm"], []
    for kind in SerialStep, GraphStep:
        net = case.network(device)
        step = kind(net, case.loss(), optimizer(opt, net), precision=known(precision))
        for seed in range(10):
            step(*map(device.asarray, case.batch(seed=seed)))
        inner = step.precision
        ends.append((device.to_host(net.theta), None if inner.state is None else device.to_host(inner.state)))
    np.testing.assert_allclose(ends[0][0], ends[1][0], rtol=1e-5, atol=1e-6)
    if precision == "fp16":
        np.testing.assert_array_equal(ends[0][1], ends[1][1])
        assert ends[0][1].tolist() == [narrow.START * 4, 2]  # ten good steps: doubled twice, two on the way


# ---- the copy of θ


@pytest.mark.parametrize("opt", OPTIMIZERS)
def test_each_update_also_writes_the_copy(backend, half, opt):
    case = NETS["MLP"]
    net = case.network(backend)
    step = SerialStep(net, case.loss(), optimizer(opt, net), precision=half)
    for seed in range(3):
        step(*map(backend.asarray, case.batch(seed=seed)))
        rounded = backend.to_host(net.theta).astype(narrow.HALVES[half])
        np.testing.assert_array_equal(backend.to_host(step.optimizer.copy), rounded)
    with pytest.raises(ValueError, match="keeps a copy of θ in"):
        SerialStep(net, case.loss(), step.optimizer, precision=next(h for h in HALVES if h != half and known(h)))


def test_many_blocks_have_their_parts_of_the_copy(monkeypatch):
    monkeypatch.setattr(type(NUMPY), "chunk", 7)
    net = NETS["MLP"].network(NUMPY)
    step = made(net, "fp16")
    step(*NETS["MLP"].batch())
    assert len(step.optimizer.blocks) > 9
    np.testing.assert_array_equal(step.optimizer.copy, net.theta.astype("float16"))


def test_who_writes_into_theta_has_the_copy_made_anew():
    net = NETS["MLP"].network(NUMPY)
    step = made(net, "fp16")
    kept = {name: a.copy() for name, a in step.optimizer.state().items()}
    net.theta *= 2
    step.optimizer.load_state(kept, {})
    np.testing.assert_array_equal(step.optimizer.copy, net.theta.astype("float16"))


def test_weights_are_read_from_the_copy_and_norms_from_theta(backend, half):
    case = NETS["CNN with batch norm"]
    step = made(case.network(backend), half, loss=case.loss)
    step(*map(backend.asarray, case.batch()))
    (plan,) = step.plans.values()
    kinds = {name: str(getattr(leaf, name).dtype) for leaf in plan.layers for name in leaf.params}
    kinds |= {"y": str(plan.layers[0].y.dtype), "mean": str(plan.layers[-2].mean.dtype), "loss": str(plan.loss.y.dtype)}
    wide = dict.fromkeys(("gamma", "beta", "mean", "loss"), "float32")
    assert kinds == dict.fromkeys(("W", "b", "y"), narrow.HALVES[half]) | wide


def test_layers_take_half_the_memory_and_the_bill_says_so(backend):
    layers = [part for _ in range(4) for part in (L.Dense(64, 64), L.Tanh())]
    net = Network(*layers, backend=backend)
    wide, short = (made(net, precision).memory((500, 64)) for precision in ("fp32", "fp16"))
    size = 500 * 64
    assert wide["activations"] == 9 * size * 4  # four of the layers, three between them, two of the loss
    assert short["activations"] == 9 * size * 2 + 3 * size * 4  # the batch and the last dy, too; what the loss reads
    assert short["optimizer"] - wide["optimizer"] == net.theta.size * 2
