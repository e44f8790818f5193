"""Which precision can be had where, what `auto` takes; functions that a device refuses, and functions of a learner."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from networks import NETS
from test_precision import HALVES, batch, half, known, made, mlp  # noqa: F401  a fixture

from dlcourse.backends import NUMPY, narrow
from dlcourse.backends.fake import FAKE, REFUSES, xp
from dlcourse.data import Batches
from dlcourse.nn.functional import EQUATIONS
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.training.graph import GraphStep
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import Adam
from dlcourse.training.steps import SerialStep, ThreadStep, choose_step

pytestmark = pytest.mark.usefixtures("one_thread")


def gpu_of(monkeypatch, capability):
    monkeypatch.setattr(xp.cuda, "Device", lambda: SimpleNamespace(compute_capability=capability))


def without_ml_dtypes(monkeypatch):
    monkeypatch.setattr(narrow, "find_spec", lambda name: None)


# ---- what can be had


@pytest.mark.parametrize("precision, capability", [("tf32", "75"), ("bf16", "75"), ("tf32", "70")])
def test_an_older_gpu_refuses_what_it_lacks(monkeypatch, precision, capability):
    gpu_of(monkeypatch, capability)
    found = int(capability) / 10
    with pytest.raises(ValueError, match=f"'{precision}' .* compute capability 8.0 or newer, and this one has {found}"):
        made(mlp(FAKE), precision)


def test_bf16_says_what_it_lacks(monkeypatch):
    monkeypatch.setattr(np, "__version__", "2.0.2")
    with pytest.raises(ValueError, match="it needs NumPy 2.1.2 or newer, and this is 2.0.2"):
        made(mlp(NUMPY), "bf16")
    monkeypatch.setattr(np, "__version__", "2.4.0rc1")
    without_ml_dtypes(monkeypatch)
    with pytest.raises(ValueError, match="it needs the package ml_dtypes: pip install ml_dtypes"):
        made(mlp(NUMPY), "bf16")
    old = SimpleNamespace(name="cupy", host=False, capability=lambda: 9.0, xp=SimpleNamespace(__version__="13.6.0"))
    assert narrow.why_not("bf16", old) == "it needs CuPy 14.0.0 or newer, and this is 13.6.0"


def test_other_names_and_other_networks_are_refused():
    with pytest.raises(ValueError, match="'fp8' is not to be had: there are fp32, tf32, bf16, fp16 and auto"):
        made(mlp(NUMPY), "fp8")
    net = NETS["MLP"].network(FAKE, "float64")
    with pytest.raises(ValueError, match="'fp16' is not to be had: the network computes in float64"):
        made(net, "fp16")
    assert made(net, "fp32").precision.dtype == made(net, "auto").precision.dtype == "float64"


AUTO = [("90", True, "bf16"), ("80", True, "bf16"), ("90", False, "fp32"), ("75", False, "fp16"), ("61", True, "fp32")]


@pytest.mark.parametrize("capability, package, expected", AUTO)
def test_auto_takes_what_suits_the_gpu_and_says_why_once(monkeypatch, capsys, capability, package, expected):
    narrow.say.cache_clear()
    gpu_of(monkeypatch, capability)
    if package:
        known("bf16")
    else:
        without_ml_dtypes(monkeypatch)
    for kind in SerialStep, GraphStep:
        assert made(mlp(FAKE), "auto", kind).precision.name == expected
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"precision {expected}: ")
    assert ("ml_dtypes" if expected == "fp32" and not package else f"{int(capability) / 10}") in line


def test_auto_on_a_cpu_is_fp32(capsys):
    narrow.say.cache_clear()
    assert made(mlp(NUMPY), "auto").precision.name == "fp32"
    assert capsys.readouterr().out == "precision fp32: a CPU gains nothing from fewer bits here\n"


@pytest.mark.parametrize("backend, kind", [(NUMPY, SerialStep), (FAKE, GraphStep)])
def test_choose_step_passes_it_on(backend, kind):
    net = mlp(backend)
    opt = Adam(net.theta, net.grad)
    step = choose_step(net, SoftmaxCrossEntropy(), opt, (64, 784), precision="fp16")
    assert type(step) is kind and step.precision.name == "fp16"


def test_images_that_threads_would_share_are_computed_in_one_piece():
    for precision, kind in ("fp32", ThreadStep), ("fp16", SerialStep):
        net = NETS["CNN"].network(NUMPY)
        given = SoftmaxCrossEntropy(), Adam(net.theta, net.grad), (2**20, 6, 6, 2)
        assert type(choose_step(net, *given, threads=2, precision=precision)) is kind


# ---- bodies that are refused, functions that are a learner's


def test_what_a_device_refuses_in_16_bits_is_done_in_float32_once_and_reported(unsure, half):  # noqa: F811
    dtype, ends = narrow.HALVES[half], []
    for refused in [], ["relu_backward", f"gemm relu_bias {dtype}"]:
        REFUSES.update(refused)
        FAKE.compiled.clear()
        step = made(mlp(FAKE), half)
        ends.append([float(step(*batch(FAKE, seed)).get()) for seed in range(5)])
    np.testing.assert_allclose(*ends, rtol=5e-3)
    _, *plain = FAKE.report().splitlines()
    name = f"dense_relu in {dtype}"
    assert plain[0] == f"plain: {name}, because the fake device was told to refuse gemm relu_bias {dtype}"
    assert set(FAKE.refused) == {name, f"dense_relu_backward in {dtype}", "dense_relu_backward", "relu_backward"}


def test_a_learners_function_gets_float32_and_its_result_is_rounded(backend, half):  # noqa: F811
    step, seen = made(mlp(backend), half), []

    def mine(dz, x, W):
        seen.append({str(a.dtype) for a in (dz, x, W)})
        return EQUATIONS["dense_backward"](dz, x, W)

    step(*batch(backend, 0))
    with step.net.swap(dense_backward=mine):
        step(*batch(backend, 1))
    step(*batch(backend, 2))
    assert seen == [{"float32"}] * 2
    with pytest.raises(AttributeError):
        step.precision.ops.no_such_operation  # noqa: B018


@pytest.mark.parametrize("precision", ["fp32", "tf32"])
def test_tf32_ends_with_the_operation(device, precision):
    step = made(mlp(device), precision)
    step(*batch(device, 0))
    assert device.tf32 is False
    with step.net.swap(dense_backward=failing), pytest.raises(ZeroDivisionError):
        step(*batch(device, 1))
    assert device.tf32 is False


def failing(dz, x, W):
    raise ZeroDivisionError


# ---- fit


def test_each_epoch_of_fit_starts_from_a_fresh_copy(backend):
    net = mlp(backend)
    step = made(net, "fp16")
    x, t = batch(backend, 0)
    first = float(backend.to_host(step(x, t)))
    net.theta *= 0.5  # and nobody tells the step
    exact = float(backend.to_host(SoftmaxCrossEntropy().forward(net.forward(x), t)))
    history = fit(net, step.loss, step.optimizer, Batches(x, t, 64), epochs=1, step=step)
    assert history.losses[0] == pytest.approx(exact, rel=1e-2) and abs(exact - first) > 0.05 * first
