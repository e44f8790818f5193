"""The fused bodies of a device: the answers of the equations, few launches, a way back where a device refuses one."""

from __future__ import annotations

import hostcuda
import numpy as np
import pytest
from body_cases import CASES, Draw, listed, some_buffers
from calls import CALLS, moved, results
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import NETS, OPTIMIZERS, optimizer

from dlcourse.backends import NUMPY, get_backend
from dlcourse.backends.device import JOINED
from dlcourse.backends.fake import DEVICE, FAKE, REFUSES, xp
from dlcourse.nn import layers as L
from dlcourse.nn.functional import EQUATIONS
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.nn.ops import table
from dlcourse.training.optimizers import Adam
from dlcourse.training.steps import GraphStep, SerialStep


@pytest.fixture
def unsure(monkeypatch):
    """FAKE with nothing compiled and nothing refused yet; what a test makes it refuse is forgotten afterwards."""
    monkeypatch.setattr(FAKE, "compiled", {})
    monkeypatch.setattr(FAKE, "refused", {})
    yield FAKE
    REFUSES.clear()


@pytest.fixture(params=["meaning", "source"])
def kernels(request, unsure, monkeypatch):
    """The fake device with what the kernels mean, and with their own text run on the CPU."""
    if request.param == "source":
        if hostcuda.WHY_NOT:
            pytest.skip(hostcuda.WHY_NOT)
        monkeypatch.setattr(xp, "RawKernel", hostcuda.HostKernel)
    return unsure


# ---- each body against its equation


@pytest.mark.parametrize("name", [name for name in FAKE.bodies if name in CALLS])
def test_a_body_answers_as_its_equation(kernels, name):
    arguments, options, _ = CALLS[name]
    given = [a.astype("float32") if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in arguments]
    expected = results(NUMPY, EQUATIONS[name](*[moved(NUMPY, a, "float32") for a in given], **options))
    got = results(FAKE, getattr(table(FAKE), name)(*[moved(FAKE, a, "float32") for a in given], **options))
    compare(got, expected)
    assert not FAKE.refused


@pytest.mark.parametrize("name", sorted(FAKE.bodies.keys() & CASES.keys()))
@given(data=st.data())
@settings(max_examples=25)
def test_for_all_shapes_and_orders_in_memory(name, data):
    check_body(name, data)


@pytest.mark.skipif(bool(hostcuda.WHY_NOT), reason=hostcuda.WHY_NOT)
@pytest.mark.parametrize("name", sorted(FAKE.bodies.keys() & CASES.keys()))
@given(data=st.data())
@settings(max_examples=15)
def test_for_all_shapes_by_the_source(name, data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FAKE, "compiled", {})
        patch.setattr(xp, "RawKernel", hostcuda.HostKernel)
        check_body(name, data)


def check_body(name, data):
    d = Draw(data)
    args, options, outputs = CASES[name](d)
    buffers = some_buffers(d, name, args, options, outputs)
    wanted = {key: value for key, value in buffers.items() if value is False}
    expected = listed(EQUATIONS[name](*args, **options, **wanted))
    held = {key: value if value is False else FAKE.asarray(value) for key, value in buffers.items()}
    here = [FAKE.asarray(a) if isinstance(a, np.ndarray) else a for a in args]
    got = listed(getattr(table(FAKE), name)(*here, **options, **held))
    assert not FAKE.refused and len(got) == len(expected)
    for have, want in zip(got, expected):
        if want is False:
            assert have is False
            continue
        assert have.dtype == want.dtype and have.shape == np.shape(want)
        np.testing.assert_allclose(have.get(), want, rtol=1e-4, atol=2e-5 * np.abs(want).max(initial=1))
    for buffer in held.values():
        assert buffer is False or any(have is buffer for have in got)
    for a, b in zip(here, args):
        if isinstance(b, np.ndarray):
            np.testing.assert_array_equal(a.get(), b)


@pytest.mark.parametrize("name", [name for name in FAKE.bodies if name in CALLS])
def test_a_body_answers_as_the_plain_one_and_can_be_recorded(device, name):
    """On one device, in float32: the fused table against the plain one; then a recorded call against both."""
    arguments, options, _ = CALLS[name]

    def given():
        return [moved(device, a, "float32") for a in arguments]

    expected = results(device, getattr(table(device.plain()), name)(*given(), **options))
    body, here, out = getattr(table(device), name), given(), []
    compare(results(device, body(*given(), **options)), expected)
    replay = device.capture(lambda: out.append(body(*here, **options)))
    replay()
    compare(results(device, out[-1]), expected)
    assert name not in device.refused, device.report()


def compare(got, expected):
    assert len(got) == len(expected)
    for a, b in zip(got, expected):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def test_what_is_not_a_number_passes_through_a_fused_relu(device):
    """Or else a loss that is not finite would look finite."""
    x = device.asarray(np.array([[1, np.nan], [1, 2]], "float32"))
    a = table(device).dense_relu(x, device.asarray(np.eye(2, dtype="float32")), device.zeros((2,)))
    assert np.isnan(device.to_host(a)[0]).any() and (device.to_host(a)[1] == [1, 2]).all()


@given(data=st.data())
def test_dropout_draws_the_bits_of_numpy(data):
    d = Draw(data)
    x, rate = d.plain(d.size(), d.size(high=40)), d.pick(0.0, 0.1, 0.5, 0.999)
    step = np.array(d.pick(0, 7, 2**32 - 1, 2**33 + 1), "int64")
    place = d.pick(0, 2**64 - 1, 12345678901234567), d.pick(0, 5), d.pick(0, 60_000, 2**32 - 2)
    y, mask = EQUATIONS["dropout"](x, rate, place[0], place[1], step, place[2])
    y2, mask2 = table(FAKE).dropout(FAKE.asarray(x), rate, place[0], place[1], FAKE.asarray(step), place[2])
    np.testing.assert_array_equal(mask2.get(), mask)
    np.testing.assert_array_equal(y2.get(), y)


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
    np.testing.assert_allclose(device.to_host(there.theta), here.theta, rtol=1e-4, atol=1e-5)


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
    for dz in wide[:, ::2], wide[:, :3].copy():
        np.testing.assert_array_equal(ops.relu_backward(dz, dz).get(), np.ones((4, 3)))
    assert not FAKE.refused and [name for name, _ in FAKE.compiled] == ["relu_backward"]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["dense", "conv2d"])
def test_a_joined_body_does_both(kernels, name, bias):
    """dense_relu and conv2d_relu, forward and backward, against the two equations one after the other."""
    (x, W, b), options, _ = CALLS[name]
    x, W, b = (moved(FAKE, a, "float32") for a in (x, W, b))
    ops, b = table(FAKE), b if bias else False
    plain, plain_backward = (JOINED[f"{name}_relu{end}"](EQUATIONS) for end in ("", "_backward"))
    a = getattr(ops, f"{name}_relu")(x, W, b, **options)
    compare(results(FAKE, a), results(FAKE, plain(x, W, b, **options)))
    da, where = FAKE.asarray(np.cos(np.arange(a.size, dtype="float32")).reshape(a.shape)), {} if bias else {"db": False}
    *got, db = getattr(ops, f"{name}_relu_backward")(da, a, x, W, **options, **where)
    *expected, plain_db = plain_backward(da, a, x, W, **options, **where)
    compare(results(FAKE, tuple(got)), results(FAKE, tuple(expected)))
    assert (db is False is plain_db) if not bias else np.allclose(db.get(), plain_db.get(), rtol=1e-4, atol=1e-5)
    assert not FAKE.refused
