"""Steps on a device with fused bodies: few launches, the numbers of NumPy, and a way back where one is refused."""

from __future__ import annotations

import numpy as np
import pytest
from networks import NETS, OPTIMIZERS, optimizer

from dlcourse.backends import NUMPY, get_backend
from dlcourse.backends.fake import DEVICE, FAKE, REFUSES, xp
from dlcourse.nn import layers as L
from dlcourse.nn.functional import EQUATIONS
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.nn.ops import table
from dlcourse.training.graph import GraphStep
from dlcourse.training.optimizers import Adam
from dlcourse.training.steps import SerialStep

pytestmark = pytest.mark.usefixtures("one_thread")

# ---- launches


def mlp(backend):
    return Network(L.Dense(784, 128), L.ReLU(), L.Dense(128, 10), key=1, backend=backend)


def cnn(backend):
    return Network(
        *(L.Conv2D(1, 8, 3, padding=1, bias=False), L.BatchNorm(8), L.ReLU(), L.MaxPool2D(2)),
        *(L.Conv2D(8, 16, 3), L.ReLU(), L.Flatten(), L.Dropout(0.5), L.Dense(16 * 12 * 12, 10)),
        key=1,
        backend=backend,
    )


MADE = {"784-128-10": (mlp, (64, 784), 12), "CNN with batch norm and dropout": (cnn, (16, 28, 28, 1), 35)}


def batch(backend, shape, seed):
    rng = np.random.default_rng(seed)
    x = rng.random(shape, "float32")
    return backend.asarray(x), backend.asarray(rng.integers(0, 10, shape[0]))


def step_of(made, backend, kind, **options):
    net = made(backend)
    return net, kind(net, SoftmaxCrossEntropy(), Adam(net.theta, net.grad, **options))


@pytest.mark.parametrize("name", MADE)
def test_a_step_has_few_launches_no_copy_and_no_wait(unsure, name):
    made, shape, most = MADE[name]
    _, step = step_of(made, FAKE, SerialStep)
    step(*batch(FAKE, shape, 0))
    here = batch(FAKE, shape, 1)
    with DEVICE.watch() as seen:
        step(*here)
    assert (seen.copies, seen.syncs) == (0, 0) and seen.launches <= most, (seen.launches, seen.log)
    assert not FAKE.refused


@pytest.mark.parametrize("options", [{}, dict(decay=1e-3, clip=0.5)], ids=["Adam", "Adam, decay and clip"])
@pytest.mark.parametrize("kind", [SerialStep, GraphStep])
@pytest.mark.parametrize("name", MADE)
def test_twenty_steps_are_those_of_numpy(device, name, kind, options):
    made, shape, _ = MADE[name]
    here, plain = step_of(made, NUMPY, SerialStep, eps=1e-3, **options)
    there, fused = step_of(made, device, kind, eps=1e-3, **options)
    for seed in range(20):
        expected, got = plain(*batch(NUMPY, shape, seed)), fused(*batch(device, shape, seed))
        np.testing.assert_allclose(device.to_host(got), expected, rtol=1e-5)
    np.testing.assert_allclose(device.to_host(there.theta), here.theta, rtol=1e-5, atol=1e-5)


# ---- the plain path


def test_plain_is_a_keyword(unsure):
    plain = get_backend(FAKE, plain=True)
    assert plain is get_backend(FAKE, plain=True) is plain.plain() and plain.name == FAKE.name
    assert table(plain).fused == frozenset() and vars(table(plain))["dense"] is EQUATIONS["dense"]
    assert vars(table(get_backend("numpy", plain=True)))["dense"] is EQUATIONS["dense"]
    _, step = step_of(mlp, plain, SerialStep)
    with DEVICE.watch() as seen:
        step(*batch(plain, (64, 784), 0))
    assert seen.launches > 40 and "launches adam" not in seen.log


@pytest.mark.parametrize("opt", OPTIMIZERS)
@pytest.mark.parametrize("name", ["MLP with dropout", "CNN with batch norm"])
def test_fused_and_plain_agree(device, name, opt):
    case, ends = NETS[name], []
    for backend in device, device.plain():
        net = case.network(backend)
        step = SerialStep(net, case.loss(), optimizer(opt, net))
        for seed in range(5):
            step(*map(backend.asarray, case.batch(seed=seed)))
        ends.append(backend.to_host(net.theta))
    np.testing.assert_allclose(*ends, rtol=1e-4, atol=1e-5)


def test_a_swapped_rule_is_not_fused(unsure):
    net, step = step_of(mlp, FAKE, SerialStep)
    calls = []

    def mine(theta, grad, m, v, step, beta1, beta2, eps):
        calls.append(1)
        return EQUATIONS["adam"](theta, grad, m, v, step, beta1, beta2, eps)

    with net.swap(adam=mine):
        step(*batch(FAKE, (64, 784), 0))
    assert calls == [1]


# ---- falling back

NAMES = ["softmax_cross_entropy", "relu_backward", "adam", "advance", "bias", "relu_bias", "bgrad", "im2col", "dropout"]


@pytest.mark.parametrize("kind", [SerialStep, GraphStep])
@pytest.mark.parametrize("names", [*([name] for name in NAMES), NAMES], ids=lambda names: " ".join(names)[:30])
def test_what_a_device_refuses_is_done_by_the_equation(unsure, names, kind):
    REFUSES.update(names)
    here, plain = step_of(cnn, NUMPY, SerialStep, eps=1e-3)
    there, fused = step_of(cnn, FAKE, kind, eps=1e-3)
    for seed in range(5):
        expected, got = plain(*batch(NUMPY, (4, 28, 28, 1), seed)), fused(*batch(FAKE, (4, 28, 28, 1), seed))
        np.testing.assert_allclose(got.get(), expected, rtol=1e-5)
    np.testing.assert_allclose(there.theta.get(), here.theta, rtol=1e-4, atol=1e-5)


def test_the_report_names_the_reason_and_it_is_asked_once(unsure, monkeypatch):
    tries = []
    monkeypatch.setattr(xp, "RawKernel", lambda code, name: tries.append(name) or refuse(name))
    z, t = FAKE.asarray(np.zeros((4, 3), "float32")), FAKE.asarray(np.zeros(4, "int64"))
    for _ in range(3):
        table(FAKE).softmax_cross_entropy(z, t)
    assert tries == ["softmax_cross_entropy"]
    first, *rest = FAKE.report().splitlines()
    assert "fused operations" in first and "softmax_cross_entropy_backward" in first
    assert rest == ["plain: softmax_cross_entropy, because softmax_cross_entropy: no such architecture"]
    assert "equations" in NUMPY.report()


def refuse(name):
    raise RuntimeError("\nno such architecture\nand more")


def test_arrays_that_do_not_fit_take_the_equation_for_this_call_only(unsure):
    ops, wide = table(FAKE), FAKE.asarray(np.ones((4, 6), "float32"))
    for dz, used in (wide[:, ::2], []), (wide[:, :3].copy(), ["relu_backward"]):
        np.testing.assert_array_equal(ops.relu_backward(dz, dz).get(), np.ones((4, 3)))
        assert [name for name, *_ in FAKE.compiled] == used and not FAKE.refused
