"""One flat vector and its names; what a learner can do wrong with them, answered with one clear sentence."""

from __future__ import annotations

import errno
import itertools
import math
import os
import resource
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from dlcourse.nn import functional as F
from dlcourse.nn import storage
from dlcourse.nn.layers import (
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from dlcourse.nn.losses import MeanSquaredError, SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.nn.storage import FileError
from dlcourse.training.optimizers import AdamW, Momentum
from dlcourse.training.steps import SerialStep

rng = np.random.default_rng(31)


def normal(*shape):
    return rng.standard_normal(shape, "float32")


def mlp(**options):
    return Network(Dense(5, 7), ReLU(), Dense(7, 3), **options)


def cnn(**options):
    return Network(
        *(Conv2D(2, 3, 3, padding=1), BatchNorm(3), ReLU(), MaxPool2D(), Residual(Conv2D(3, 3, 3, padding=1), Tanh())),
        *(Flatten(), Dropout(0.3), Dense(48, 4), LayerNorm(4), Sequential(Dense(4, 3), Sigmoid())),
        **options,
    )


# ---- θ and its views


def test_every_parameter_is_a_view_into_theta_under_its_name():
    net = cnn()
    names = "0.W 0.b 1.gamma 1.beta 4.0.W 4.0.b 7.W 7.b 8.gamma 8.beta 9.0.W 9.0.b".split()
    assert list(net.params) == list(net.grads) == names
    for number, name in enumerate(names, 1):
        net.params[name][...] = number
        net.grads[name][...] = -number
    for a, sign in ((net.theta, 1), (net.grad, -1)):
        assert set(np.unique(a)) == {0.0, *(sign * float(n) for n in range(1, len(names) + 1))}
    assert (net.layers[0].W == 1).all() and (net.layers[4].layers[0].db == -6).all()
    assert net.layers[7].dW.base is not None and np.shares_memory(net.layers[7].dW, net.grad)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_parameter_starts_on_a_line_of_256_bytes(dtype):
    net = cnn(dtype=dtype)
    start, end = net.theta.__array_interface__["data"][0], 0
    for view in net.params.values():
        at = view.__array_interface__["data"][0] - start
        assert at % 256 == 0 and at >= end
        end = at + view.nbytes
    assert net.theta.ctypes.data % 256 == net.grad.ctypes.data % 256 == 0
    assert net.theta.nbytes % 256 == 0 and net.theta.dtype == net.grad.dtype == dtype
    assert net.theta.flags.c_contiguous and net.theta.ndim == 1


def padding(net):
    """True where θ belongs to nobody."""
    free, start = np.ones(net.theta.shape, bool), net.theta.__array_interface__["data"][0]
    for view in net.params.values():
        at = (view.__array_interface__["data"][0] - start) // net.theta.itemsize
        free[at : at + view.size] = False
    return free


@pytest.mark.parametrize("optimizer", [Momentum, AdamW])
def test_the_padding_is_zero_and_stays_zero(optimizer):
    net = cnn()
    free = padding(net)
    assert free.sum() > 300 and free.sum() + sum(v.size for v in net.params.values()) == net.theta.size
    step = SerialStep(net, SoftmaxCrossEntropy(), optimizer(net.theta, net.grad, lr=0.1))
    for _ in range(3):
        before = net.theta.copy()
        step(normal(6, 8, 8, 2), rng.integers(0, 3, 6))
        assert (net.theta != before).mean() > 0.1
    assert not net.theta[free].any() and not net.grad[free].any()
    assert not any(state[free].any() for state in step.optimizer.states.values())


def test_a_network_without_parameters_works():
    net = Network(Flatten(), ReLU())
    assert net.theta.size == 0 and not net.params
    np.testing.assert_array_equal(net.forward(normal(2, 3, 4, 1) * 0 - 1), np.zeros((2, 12)))


def test_assigning_copies_into_theta_and_no_view_breaks():
    net = mlp()
    W, new = net.params["0.W"], normal(5, 7)
    net.layers[0].W = new
    np.testing.assert_array_equal(W, new)
    net.params["0.W"] = 2 * new.astype("float64")
    np.testing.assert_array_equal(net.layers[0].W, 2 * new)
    net.params["0.W"] += 1
    net.layers[0].W *= 2
    np.testing.assert_array_equal(W, 2 * (2 * new + 1))
    net.layers[0].W = [[1] * 7] * 5
    assert (net.theta[:35] == 1).all() and net.params["0.W"] is W
    new[...] = 0
    assert (W == 1).all()


def test_assigning_a_wrong_shape_names_both_shapes_and_changes_nothing():
    net = mlp()
    before = net.theta.copy()
    with pytest.raises(ValueError, match=r"Dense\.W expects \(5, 7\), got \(7, 5\)"):
        net.layers[0].W = normal(7, 5)
    with pytest.raises(ValueError, match=r"0\.W expects \(5, 7\), got \(35,\)"):
        net.params["0.W"] = normal(35)
    with pytest.raises(ValueError, match=r"0\.b expects \(7,\), got \(1, 7\)"):
        net.params["0.b"] = normal(1, 7)
    with pytest.raises(ValueError, match=r"Dense\.W expects \(5, 7\), got \(\)"):
        net.layers[0].W = 0.0
    with pytest.raises(KeyError, match="no array is called '0.w'; there are 0.W, 0.b, 2.W, 2.b"):
        net.params["0.w"] = normal(5, 7)
    np.testing.assert_array_equal(net.theta, before)


def test_updating_many_parameters_at_once_copies_too():
    net, other = mlp(key=1), mlp(key=2)
    net.params.update(other.params)
    np.testing.assert_array_equal(net.theta, other.theta)
    assert np.shares_memory(net.params["0.W"], net.theta)


# ---- the first weights


def test_weights_depend_on_key_layer_and_name_alone():
    one = Network(Dense(5, 7), Tanh(), Dense(7, 6), key=3)
    two = Network(Dense(5, 7), Tanh(), Dense(7, 6), BatchNorm(6), Dense(6, 2), key=3, dtype="float64")
    for name in ("0.W", "2.W"):
        np.testing.assert_array_equal(one.params[name], two.params[name].astype("float32"))
    assert (mlp(key=3).params["0.W"] != mlp(key=4).params["0.W"]).all()
    assert (Network(Dense(7, 7), Dense(7, 7)).params["0.W"] != Network(Dense(7, 7), Dense(7, 7)).params["1.W"]).all()


def test_the_first_weights_are_these():
    """They must never change: notebooks quote results that follow from them. NumPy's Philox, key 5, layer 0, "W"."""
    counter = [0, 0, 0, int.from_bytes(b"W", "little")]
    expected = np.random.Generator(np.random.Philox(key=5, counter=counter)).normal(0, math.sqrt(2 / 5), (5, 7))
    np.testing.assert_array_equal(mlp(key=5, dtype="float64").params["0.W"], expected)
    assert not mlp().params["0.b"].any()


def test_a_layer_inside_others_counts_in_depth_first_order():
    flat = Network(Dense(4, 4), Tanh(), Dense(4, 4), dtype="float64")
    deep = Network(Sequential(Dense(4, 4), Tanh()), Residual(Dense(4, 4)), dtype="float64")
    assert list(deep.params) == ["0.0.W", "0.0.b", "1.0.W", "1.0.b"]
    for a, b in zip(flat.params.values(), deep.params.values()):
        np.testing.assert_array_equal(a, b)


# ---- a layer stands once


def test_a_layer_placed_twice_raises():
    shared = Dense(3, 3)
    for build in (
        lambda: Network(shared, ReLU(), shared),
        lambda: Network(Residual(shared), shared),
        lambda: Network(Sequential(ReLU(), Residual(shared, Sequential(shared)))),
    ):
        with pytest.raises(ValueError, match=r"Dense\(3, 3\) stands in a network already"):
            build()
    net = Network(shared)  # the failures left no mark
    for build in (lambda: Network(shared), lambda: Network(Residual(Tanh(), shared)), lambda: Network(*net.layers)):
        with pytest.raises(ValueError, match="stands in a network already"):
            build()


@pytest.mark.parametrize(
    "layers, sentence",
    [
        ((), "needs at least one layer"),
        ((Dense,), r"made of layers, got <class.*\(a class: call it\)"),
        (([ReLU()],), r"made of layers, got \[ReLU\(\)\]"),
        ((np.tanh,), "made of layers, got"),
        ((Sequential(ReLU(), "relu"),), "made of layers, got 'relu'"),
    ],
)
def test_what_is_no_layer_is_refused(layers, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        Network(*layers)


@pytest.mark.parametrize("dtype", ["float16", "int32", "complex128"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(ValueError, match=f"float32 or float64, got {dtype}"):
        mlp(dtype=dtype)


# ---- summary


def test_the_summary_of_one_dense_layer():
    report = Network(Dense(784, 10)).summary()
    assert (report.parameters, report.bytes, report.flops) == (784 * 10 + 10, 4 * 7850, 2 * 784 * 10)
    assert "7,850" in repr(report) and "31,400" in repr(report) and "15,680" in repr(report)


def test_the_summary_of_lenet():
    """LeNet-5 as it is usually written down: 61,706 parameters, counted by hand in LeCun et al. 1998 terms."""
    net = Network(
        *(Conv2D(1, 6, 5, padding=2), Tanh(), AvgPool2D(), Conv2D(6, 16, 5), Tanh(), AvgPool2D()),
        *(Flatten(), Dense(400, 120), Tanh(), Dense(120, 84), Tanh(), Dense(84, 10)),
    )
    report = net.summary((28, 28, 1))
    assert report.parameters == (25 + 1) * 6 + (150 + 1) * 16 + 401 * 120 + 121 * 84 + 85 * 10 == 61706
    multiplications = 25 * 6 * 28 * 28 + 150 * 16 * 10 * 10 + 400 * 120 + 120 * 84 + 84 * 10
    assert report.flops == 2 * multiplications and report.bytes == 4 * 61706
    assert [row.shape for row in report.rows][:6] == [(28, 28, 6)] * 2 + [(14, 14, 6)] + [(10, 10, 16)] * 2 + [
        (5, 5, 16)
    ]
    assert report.parameters < net.theta.size, "the padding is not counted"


def test_the_summary_looks_into_layers_that_hold_layers():
    net = Network(
        Dense(6, 4, bias=False), Residual(Dense(4, 4), BatchNorm(4)), Sequential(Dense(4, 2)), dtype="float64"
    )
    report = net.summary()
    assert report.parameters == 24 + (16 + 4 + 8) + (8 + 2) and report.bytes == 8 * report.parameters
    assert report.flops == 2 * (24 + 16 + 8)


def test_the_summary_asks_for_what_it_cannot_know():
    with pytest.raises(ValueError, match=r"net\.summary\(\(28, 28, 1\)\)"):
        Network(Flatten(), Dense(4, 2)).summary()
    with pytest.raises(ValueError, match=r"expects \(B, 5\), got \(1, 6\)"):
        mlp().summary((6,))


# ---- inputs


def test_any_real_dtype_gives_the_answer_of_the_same_numbers():
    net, x = mlp(), rng.integers(0, 5, (6, 5))
    right = net.forward(x.astype("float32"))
    for dtype in ("uint8", "int64", "float64", "float16", ">f4"):
        y = net.forward(x.astype(dtype))
        np.testing.assert_array_equal(y, right)
        assert y.dtype == "float32"
    assert mlp(dtype="float64").forward(x.astype("float32")).dtype == "float64"
    np.testing.assert_array_equal(net.forward(x > 2), net.forward((x > 2).astype("float32")))


def test_views_of_any_order_give_the_answer_of_a_copy():
    big = normal(16, 20, 20, 4)
    for x in (big[::2, ::2, 1:17:2, ::2][:, :8], big[::-2, 8:0:-1, :8, 1:3], np.asfortranarray(big[:6, :8, :8, :2])):
        net = cnn()
        dy = normal(len(x), 3)
        y, dx = net.forward(x, train=True), net.backward(dy)
        grad = net.grad.copy()
        np.testing.assert_allclose(net.forward(np.ascontiguousarray(x), train=True), y, atol=1e-5)
        np.testing.assert_allclose(net.backward(dy), dx, atol=1e-5)
        np.testing.assert_allclose(net.grad, grad, rtol=1e-4, atol=1e-5)
    x = normal(5, 6).T
    np.testing.assert_allclose(mlp().forward(x), mlp().forward(x.copy()), atol=1e-6)


def test_the_batch_is_the_callers():
    net, x, dy = cnn(), normal(6, 8, 8, 2), normal(6, 3)
    before, above = x.copy(), dy.copy()
    y = net.forward(x, train=True)
    kept = y.copy()
    net.backward(dy)
    net.forward(2 * x, train=True)
    for a, b in ((x, before), (dy, above), (y, kept)):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "x, error, sentence",
    [
        (np.zeros((2, 6)), ValueError, r"Dense\(5, 7\) expects \(B, 5\), got \(2, 6\)"),
        (np.zeros(5), ValueError, r"expects \(B, 5\), got \(5,\)"),
        (np.zeros((2, 5, 1)), ValueError, r"expects \(B, 5\), got \(2, 5, 1\)"),
        (np.zeros((0, 5)), ValueError, r"the batch is empty: x has shape \(0, 5\)"),
        (np.zeros((2, 5), complex), TypeError, "real numbers, got dtype complex128"),
        (np.array([["a"] * 5]), TypeError, "real numbers, got dtype <U1"),
        (np.zeros((2, 5), object), TypeError, "real numbers, got dtype object"),
        ([[0.0] * 5], TypeError, "x is a list: use net.backend.asarray"),
    ],
)
def test_wrong_inputs_get_one_sentence(x, error, sentence):
    net = mlp()
    for call in (net.forward, net.predict):
        with pytest.raises(error, match=sentence):
            call(x)


@pytest.mark.parametrize(
    "layers, x, sentence",
    [
        ((Dense(5, 7), Dense(6, 3)), (2, 5), r"Dense\(6, 3\) expects \(B, 6\), got \(2, 7\)"),
        ((Conv2D(2, 3, 3),), (2, 8, 8, 3), r"Conv2D.*expects images \(B, Y, X, 2\).*got \(2, 8, 8, 3\)"),
        ((Conv2D(2, 3, 5),), (2, 8, 4, 2), r"at least 5, got \(2, 8, 4, 2\)"),
        ((Conv2D(1, 3, 5),), (2, 28, 28), r"expects images .*got \(2, 28, 28\)"),
        ((MaxPool2D(3),), (2, 2, 8, 1), r"MaxPool2D.*at least 3, got \(2, 2, 8, 1\)"),
        ((BatchNorm(3),), (2, 4), r"BatchNorm\(3\) expects .*got \(2, 4\)"),
        ((LayerNorm(3),), (2, 4), r"LayerNorm\(3\) expects .*got \(2, 4\)"),
        ((Residual(Dense(4, 3)),), (2, 4), r"adds x \(2, 4\) to f\(x\) \(2, 3\)"),
        ((Conv2D(1, 2, 3), Dense(8, 2)), (2, 4, 4, 1), r"Dense\(8, 2\) expects \(B, 8\), got \(2, 2, 2, 2\)"),
    ],
)
def test_a_layer_that_does_not_fit_names_both_shapes(layers, x, sentence):
    with pytest.raises(ValueError, match=sentence):
        Network(*layers).forward(normal(*x))


# ---- replicas and other backends


def test_a_replica_shares_theta_and_owns_its_gradient():
    net = cnn()
    other = net.replica(np.zeros_like(net.grad))
    assert other.theta is net.theta and np.shares_memory(other.layers[0].W, net.theta)
    x, dy = normal(4, 8, 8, 2), normal(4, 3)
    other.forward(x, train=True)
    other.backward(dy)
    assert other.grad.any() and not net.grad.any()
    assert all(a is not b for a, b in zip(net.layers, other.layers))
    assert other.layers[4].layers[0] is not net.layers[4].layers[0]


@pytest.mark.parametrize("train", [False, True])
def test_another_backend_gives_the_same_answer(backend, train):
    net, x, dy = cnn(key=2), normal(5, 8, 8, 2), normal(5, 3)
    net.forward(x, train=True)
    there = net.to(backend)
    assert there.backend is backend and there is not net and there.theta is not net.theta
    y = there.forward(backend.asarray(x), train=train)
    np.testing.assert_allclose(backend.to_host(y), net.forward(x, train=train), atol=2e-5)
    for name in net.buffers:
        np.testing.assert_allclose(backend.to_host(there.buffers[name]), net.buffers[name], rtol=1e-5, atol=1e-6)
    if train:
        there.backward(backend.asarray(dy))
        net.backward(dy)
        np.testing.assert_allclose(backend.to_host(there.grad), net.grad, rtol=1e-4, atol=2e-5)
    before = net.theta.copy()
    there.theta[...] = 0
    np.testing.assert_array_equal(net.theta, before)


def test_the_way_to_another_backend_and_back_changes_no_number(backend):
    net = cnn(key=2)
    net.counter += 3
    back = net.to(backend).to("numpy")
    np.testing.assert_array_equal(back.theta, net.theta)
    assert int(back.counter) == 3 and back.key == 2 and repr(back) == repr(net)
    x = normal(4, 8, 8, 2)
    np.testing.assert_array_equal(back.forward(x, train=True), net.forward(x, train=True))


def test_an_array_of_another_backend_is_refused_with_what_to_do():
    from dlcourse.backends.fake import FAKE

    with pytest.raises(TypeError, match=r"this network lives on <numpy backend>.*net\.backend\.asarray"):
        mlp().forward(FAKE.asarray(normal(2, 5)))
    with pytest.raises(TypeError, match=r"net\.backend\.asarray"):
        mlp().to(FAKE).forward(normal(2, 5))
    with pytest.raises(TypeError, match=r"x is a list: use net\.backend\.asarray\(x\), here np\.asarray\(x\)"):
        mlp().predict([[1.0] * 5])


def test_one_example_alone_is_told_from_a_wrong_shape():
    one = r"expects \(B, 5\), got \(5,\); one example alone becomes a batch of one by x\[None\]"
    summary = r"for the shape of one example, without the batch, \(8, 5\): Dense.*got \(1, 8, 5\)$"
    cases = ("predict", normal(5), one), ("predict", normal(2, 6), r"5\), got \(2, 6\)$"), ("summary", (8, 5), summary)
    for call, x, said in cases:
        with pytest.raises(ValueError, match=said):
            getattr(mlp(), call)(x)


# ---- files


def test_save_and_load_give_the_same_network(tmp_path):
    net, other, x = cnn(key=1), cnn(key=2), normal(5, 8, 8, 2)
    net.forward(x, train=True)
    net.counter += 7
    net.save(tmp_path / "a.safetensors")
    views = dict(other.params)
    other.load(str(tmp_path / "a.safetensors"))
    np.testing.assert_array_equal(other.theta, net.theta)
    assert int(other.counter) == 7 and all(other.params[n] is v for n, v in views.items())
    np.testing.assert_array_equal(other.predict(x), net.predict(x))
    wide = cnn(dtype="float64")
    wide.load(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(wide.params["0.W"], net.params["0.W"])


def test_the_file_is_plain_safetensors(tmp_path):
    from safetensors.numpy import load_file, save_file

    net = mlp()
    net.save(tmp_path / "a.safetensors")
    arrays = load_file(tmp_path / "a.safetensors")
    assert {n: a.shape for n, a in arrays.items()} == {
        "0.W": (5, 7), "0.b": (7,), "2.W": (7, 3), "2.b": (3,), "counter": (),
    }  # fmt: skip
    save_file({n: np.asarray(a + 1) for n, a in arrays.items()}, tmp_path / "b.safetensors")
    other = mlp(key=9)
    other.load(tmp_path / "b.safetensors")
    np.testing.assert_array_equal(other.params["2.W"], net.params["2.W"] + 1)


def spoiled(arrays, how):
    if how == "missing":
        del arrays["2.W"]
    elif how == "extra":
        arrays["4.W"] = arrays["2.W"]
    elif how == "misshapen":
        arrays["2.W"] = np.ascontiguousarray(arrays["2.W"].T)
    elif how == "many":
        return {f"x{i}": np.zeros(3, "float32") for i in range(9)}
    return arrays


@pytest.mark.parametrize(
    "how, sentence",
    [
        ("missing", "2.W is missing"),
        ("extra", "4.W is unknown"),
        ("misshapen", r"2.W expects \(7, 3\), got \(3, 7\)"),
        ("many", r"0.W is missing; .* and \d+ more"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_before_anything_changes(tmp_path, how, sentence):
    from safetensors.numpy import load_file, save_file

    mlp(key=1).save(tmp_path / "a")
    save_file(spoiled(load_file(tmp_path / "a"), how), tmp_path / "b")
    net = mlp(key=2)
    before = net.theta.copy()
    with pytest.raises(FileError, match=f"b does not fit this network: {sentence}.*nothing was loaded"):
        net.load(tmp_path / "b")
    np.testing.assert_array_equal(net.theta, before)


@pytest.mark.parametrize("kept", [0, 4, 20, 200, -100, -1])
def test_a_truncated_file_is_refused_before_anything_changes(tmp_path, kept):
    mlp(key=1).save(tmp_path / "a")
    (tmp_path / "b").write_bytes((tmp_path / "a").read_bytes()[:kept])
    net = mlp(key=2)
    before = net.theta.copy()
    with pytest.raises(FileError, match="b is no whole safetensors file"):
        net.load(tmp_path / "b")
    np.testing.assert_array_equal(net.theta, before)


def test_files_that_are_none(tmp_path):
    (tmp_path / "text").write_text("weights, sort of " * 100)
    np.save(tmp_path / "a.npy", np.zeros(3))
    for name, sentence in (
        ("none", "there is no file"),
        ("text", "no whole"),
        ("a.npy", "no whole"),
        (".", "no whole"),
    ):
        with pytest.raises(FileError, match=sentence):
            mlp().load(tmp_path / name)
    with pytest.raises(FileError, match="could not be written"):
        mlp().save(tmp_path / "none" / "a")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch, call):
    mlp(key=1).save(tmp_path / "a")
    before = (tmp_path / "a").read_bytes()

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.os, call, full)
    with pytest.raises(FileError, match=r"a could not be written \(No space left on device\)"):
        mlp(key=2).save(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_disk_that_takes_only_a_part_leaves_the_old_file(tmp_path):
    """The operating system itself refuses to write on, in a process that may write 600 bytes a file."""
    mlp(key=1).save(tmp_path / "a")
    before = (tmp_path / "a").read_bytes()
    assert len(before) > 600
    code = f"""
        import resource, signal
        from dlcourse.nn.layers import Dense, ReLU
        from dlcourse.nn.network import Network
        from dlcourse.nn.storage import FileError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, {resource.RLIM_INFINITY}))
        try:
            Network(Dense(5, 7), ReLU(), Dense(7, 3), key=2).save({str(tmp_path / "a")!r})
        except FileError as error:
            print(error)
    """
    run = [sys.executable, "-B", "-c", textwrap.dedent(code)]
    done = subprocess.run(run, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert "could not be written (File too large)" in done.stdout, done.stderr
    assert (tmp_path / "a").read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a"]


def test_others_may_read_a_saved_file_as_the_umask_says(tmp_path):
    before = os.umask(0o022)
    try:
        mlp().save(tmp_path / "a")
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


# ---- swap


def right_dense(dz, x, W):
    return dz @ W.T, x.T @ dz, dz.sum(0)


def test_a_learners_function_is_used_inside_with_and_only_there():
    net, x, dy, calls = mlp(), normal(4, 5), normal(4, 3), []
    net.forward(x)
    dx = net.backward(dy)
    right = net.grad.copy()

    def mine(dz, x, W):
        calls.append(1)
        return right_dense(dz, x, W)

    with net.swap(dense_backward=mine):
        net.grad[...] = 0
        np.testing.assert_allclose(net.backward(dy), dx, atol=1e-6)
    assert len(calls) == 2
    np.testing.assert_allclose(net.grad, right, atol=1e-6)
    net.backward(dy)
    assert len(calls) == 2 and mlp().ops.own == net.ops.own == frozenset()


def test_a_swap_reaches_one_network_only():
    one, two, x = mlp(), mlp(), normal(4, 5)
    right = two.forward(x)
    with one.swap(relu=lambda z: z * 0):
        assert not np.allclose(one.forward(x), right)
        np.testing.assert_array_equal(two.forward(x), right)


def test_swaps_nest_and_end_in_order():
    net, x = mlp(), normal(4, 5)
    plain = net.forward(x)
    with net.swap(relu=lambda z: z):
        identity = net.forward(x)
        with net.swap(relu=lambda z: 0 * z, dense=lambda x, W, b: x @ W + b):
            np.testing.assert_allclose(net.forward(x), np.broadcast_to(net.layers[2].b, (4, 3)))
        np.testing.assert_array_equal(net.forward(x), identity)
    np.testing.assert_array_equal(net.forward(x), plain)
    assert not np.allclose(identity, plain)


def test_a_swap_ends_also_by_an_exception():
    net, x = mlp(), normal(4, 5)
    plain = net.forward(x)
    with pytest.raises(ZeroDivisionError), net.swap(relu=lambda z: 1 / 0):
        net.forward(x)
    np.testing.assert_array_equal(net.forward(x), plain)
    with pytest.raises(NameError), net.swap(relu=lambda z: z, rleu=lambda z: z):
        pass
    np.testing.assert_array_equal(net.forward(x), plain)


def swapped(**functions):
    net = mlp()
    with net.swap(**functions):
        net.forward(normal(4, 5))
        net.backward(normal(4, 3))


@pytest.mark.parametrize(
    "functions, error, sentence",
    [
        ({"dens": right_dense}, NameError, "no operation 'dens'; did you mean .*dense"),
        ({"frobnicate": right_dense}, NameError, "no operation 'frobnicate'"),
        ({"relu": right_dense}, TypeError, r"right_dense takes \(dz, x, W\); relu takes \(z\)"),
        ({"dense_backward": lambda dz, W, x: 0}, TypeError, r"takes \(dz, W, x\); dense_backward takes \(dz, x, W\)"),
        ({"dense_backward": lambda dz, x: 0}, TypeError, r"takes \(dz, x\); dense_backward takes \(dz, x, W\)"),
        ({"dense": lambda x, W, b, extra: 0}, TypeError, r"takes \(x, W, b, extra\); dense takes \(x, W, b\)"),
        ({"relu": 3}, TypeError, "needs a plain Python function, got 3"),
        (
            {"dense_backward": lambda dz, x, W: (dz @ W.T, dz.T @ x, dz.sum(0))},
            ValueError,
            r"shape \(7, 3\), got \(3, 7\)",
        ),
        ({"dense_backward": lambda dz, x, W: (dz @ W.T, x.T @ dz)}, ValueError, "must return 3 arrays"),
        ({"dense_backward": lambda dz, x, W: None}, ValueError, "must return 3 arrays, got None"),
        ({"dense_backward": lambda dz, x, W: (dz @ W.T, x.T @ dz, 0.0)}, ValueError, r"shape \(3,\), got \(\)"),
    ],
)
def test_a_wrong_swap_says_what_was_expected(functions, error, sentence):
    with pytest.raises(error, match=sentence):
        swapped(**functions)


def test_a_swap_that_ignores_an_option_is_refused_where_the_option_matters():
    def plain(x, W, b):
        return F.conv2d(x, W, b)

    x = normal(2, 6, 6, 1)
    net = Network(Conv2D(1, 2, 3))
    with net.swap(conv2d=plain):
        assert net.forward(x).shape == (2, 4, 4, 2)
    padded = Network(Conv2D(1, 2, 3, padding=1))
    with pytest.raises(TypeError, match=r"plain must take padding=.*padding=1"), padded.swap(conv2d=plain):
        padded.forward(x)


def test_every_operation_of_a_network_can_be_replaced_by_a_wrapper_of_itself():
    net, x, dy = cnn(dtype="float64"), rng.standard_normal((4, 8, 8, 2)), rng.standard_normal((4, 3))
    y, dx = net.forward(x, train=True), net.backward(dy)
    grad = net.grad.copy()
    for name in itertools.chain.from_iterable((layer.op, layer.op + "_backward") for layer in net.layers if layer.op):
        if name in F.EQUATIONS:
            with net.swap(**{name: F.EQUATIONS[name]}):
                np.testing.assert_array_equal(net.forward(x, train=True), y, err_msg=name)
                np.testing.assert_array_equal(net.backward(dy), dx, err_msg=name)
                np.testing.assert_array_equal(net.grad, grad, err_msg=name)


# ---- masks for weight decay


def test_a_mask_marks_parameters_by_name():
    net = cnn()
    mask = net.mask("W", "7.b")
    assert set(np.unique(mask)) == {0.0, 1.0}
    assert mask.sum() == sum(v.size for n, v in net.params.items() if n.endswith(".W")) + 4
    assert not mask[padding(net)].any()


def test_a_mask_of_an_unknown_name_is_refused():
    with pytest.raises((KeyError, ValueError), match="w"):
        mlp().mask("w")


def test_numbers_that_the_network_cannot_hold_are_refused(tmp_path):
    from safetensors.numpy import save_file

    net = mlp()
    arrays = {name: np.array(a, "float64") for name, a in {**net.params, **net.buffers}.items()}
    arrays["2.W"][0, 0] = 1e300
    save_file(arrays, tmp_path / "large.safetensors")
    kept = net.theta.copy()
    with pytest.raises(FileError, match="2.W that are not finite in float32"):
        net.load(tmp_path / "large.safetensors")
    assert (net.theta == kept).all()


def test_a_kind_of_number_that_numpy_lacks_is_one_sentence(tmp_path):
    import json
    import struct

    head = json.dumps({"0.W": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "b.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))
    with pytest.raises(FileError, match="b.safetensors"):
        mlp().load(tmp_path / "b.safetensors")


def test_two_writers_of_one_file_leave_a_whole_file(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    nets = [mlp(key=k) for k in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda i: nets[i % 2].save(tmp_path / "a.safetensors"), range(40)))
    reader = mlp(key=5)
    reader.load(tmp_path / "a.safetensors")
    assert any((reader.theta == n.theta).all() for n in nets)
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_a_gradient_check_sees_a_loss_that_is_swapped():
    from dlcourse.nn.gradcheck import gradcheck

    net, x, t = Network(Dense(4, 2), dtype="float64"), np.ones((6, 4)), np.zeros((6, 2))
    with net.swap(mean_squared_error_backward=lambda e, n: e * 0):
        assert not gradcheck(net, MeanSquaredError(), x, t)
    assert gradcheck(net, MeanSquaredError(), x, t)


@pytest.mark.parametrize("dy", [(1, 3), (5, 1), (3,), (5, 4), ()])
def test_backward_refuses_a_gradient_of_another_shape(dy):
    net = Network(Dense(4, 3), ReLU())
    net.forward(np.ones((5, 4), "float32"))
    with pytest.raises(ValueError, match=r"backward expects dy \(5, 3\)"):
        net.backward(np.ones(dy, "float32"))
