"""Losses against math, their gradients against finite differences of the mean, and logits far out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import assert_close, assert_gradient, buffers, memories, numbers

from dlcourse.backends import get_backend
from dlcourse.nn import functional as F

B, K, N = 4, 5, 9  # N: the size of the whole batch, of which the B rows are a part
Z = numbers(B, K)
LABELS = np.array([3, 0, 4, 3])
ONE_HOT = np.array([[1.0 if k == t else 0.0 for k in range(K)] for t in LABELS])
SOFT = np.array([[0.1, 0.2, 0.3, 0.4, 0.0]] * B)
BITS = np.array([[(n * k) % 2 for k in range(K)] for n in range(B)], "float64")


def squares(y, t):
    return sum((float(a) - float(b)) ** 2 for a, b in zip(y.ravel(), t.ravel())) / y.shape[1]


def bernoulli(z, t):
    p = [1 / (1 + math.exp(-v)) for v in z.ravel()]
    return -sum(b * math.log(a) + (1 - b) * math.log(1 - a) for a, b in zip(p, t.ravel())) / z.shape[1]


def categorical(z, T, smoothing=0.0):
    total = 0.0
    for row, target in zip(z, T):
        norm = sum(math.exp(v) for v in row)
        for v, t in zip(row, target):
            total -= ((1 - smoothing) * t + smoothing / len(row)) * math.log(math.exp(v) / norm)
    return total


# name, buffer of forward, buffer of backward, targets, options, oracle, do backward's inputs hold t
CASES = {
    "mse": ("mean_squared_error", "e", "dy", numbers(B, K, seed=1), (), lambda z: squares(z, numbers(B, K, seed=1))),
    "bce": ("binary_cross_entropy", "p", "dz", BITS, (), lambda z: bernoulli(z, BITS)),
    "bce soft": ("binary_cross_entropy", "p", "dz", SOFT, (), lambda z: bernoulli(z, SOFT)),
    "labels": ("softmax_cross_entropy", "p", "dz", LABELS, (), lambda z: categorical(z, ONE_HOT)),
    "soft": ("softmax_cross_entropy", "p", "dz", SOFT, (), lambda z: categorical(z, SOFT)),
    "smoothed": ("softmax_cross_entropy", "p", "dz", LABELS, (0.1,), lambda z: categorical(z, ONE_HOT, 0.1)),
    "both": ("softmax_cross_entropy", "p", "dz", SOFT, (0.1,), lambda z: categorical(z, SOFT, 0.1)),
}
each = pytest.mark.parametrize("name, saved, gradient, t, options, f", CASES.values(), ids=CASES)


def backward(name, saved, t, options, **where):
    if name == "mean_squared_error":
        return F.mean_squared_error_backward(saved, N, **where)
    return getattr(F, name + "_backward")(saved, t, N, *options, **where)


@each
def test_values_are_sums_over_the_batch_in_any_memory(backend, name, saved, gradient, t, options, f):
    for z in memories(Z).values():
        loss, kept = getattr(F, name)(*(backend.asarray(a) for a in (z, t)), *options)
        assert np.shape(loss) == () and kept.shape == Z.shape
        assert_close(backend.to_host(loss), f(Z), 1e-13)


@each
def test_gradient_is_that_of_the_mean(backend, name, saved, gradient, t, options, f):
    z, target = backend.asarray(Z), backend.asarray(t)
    kept = getattr(F, name)(z, target, *options)[1]
    dz = backend.to_host(backward(name, kept, target, options))
    assert_gradient(dz, f, Z, 1 / N)


@each
def test_buffers_and_aliases(backend, name, saved, gradient, t, options, f):
    z, target = backend.asarray(Z), backend.asarray(t)
    loss, kept = getattr(F, name)(z, target, *options)
    dz = backend.to_host(backward(name, kept, target, options))
    for one, two in zip(buffers(backend, Z.shape), buffers(backend, Z.shape)):
        L, got = getattr(F, name)(z, target, *options, **{saved: one})
        assert got is one
        assert_close(backend.to_host(L), f(Z), 1e-13)
        assert_close(backend.to_host(one), backend.to_host(kept), 1e-15)
        assert backward(name, one, target, options, **{gradient: two}) is two
        assert_close(backend.to_host(two), dz, 1e-14)
        assert backward(name, one, target, options, **{gradient: one}) is one
        assert_close(backend.to_host(one), dz, 1e-14)


@each
def test_float32_stays_whatever_the_dtype_of_the_targets(backend, name, saved, gradient, t, options, f):
    z, target = backend.asarray(Z.astype("float32")), backend.asarray(t)
    loss, kept = getattr(F, name)(z, target, *options)
    assert loss.dtype == kept.dtype == backward(name, kept, target, options).dtype == "float32"
    assert_close(backend.to_host(loss), f(Z), 1e-6)


def test_integer_bits_are_targets_too(backend):
    z = backend.asarray(Z.astype("float32"))
    for dtype in "int64", "bool", "uint8":
        t = backend.asarray(BITS.astype(dtype))
        loss, p = F.binary_cross_entropy(z, t)
        assert_close(backend.to_host(loss), bernoulli(Z, BITS), 1e-6)
        assert F.binary_cross_entropy_backward(p, t, N).dtype == F.mean_squared_error(z, t)[1].dtype == "float32"


@each
def test_one_row_and_none(backend, name, saved, gradient, t, options, f):
    for rows in 0, 1:
        z, target = backend.asarray(Z[:rows]), backend.asarray(t[:rows])
        loss, kept = getattr(F, name)(z, target, *options)
        assert backward(name, kept, target, options).shape == (rows, K)
        assert rows or backend.to_host(loss) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_out(backend, dtype):
    z = backend.asarray(np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4], [-1e4, -1e4, -1e4]], dtype))
    labels, bits = backend.asarray(np.array([1, 1, 2])), backend.asarray(np.eye(3, dtype=dtype))
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        loss, p = F.softmax_cross_entropy(z, labels)
        dz = F.softmax_cross_entropy_backward(p, labels, 3)
        binary, q = F.binary_cross_entropy(z, bits)
        dq = F.binary_cross_entropy_backward(q, bits, 3)
    assert_close(backend.to_host(loss), 2e4 + math.log(2) + math.log(3), 1e-6)
    assert_close(backend.to_host(dz) * 3, [[1, -1, 0], [0, -0.5, 0.5], [1 / 3, 1 / 3, -2 / 3]], 1e-6)
    # right, right, log 2; right, right, wrong; right, right, wrong: over 3 outputs
    assert_close(backend.to_host(binary), (math.log(2) + 1e4 + 1e4) / 3, 1e-6)
    assert_close(backend.to_host(dq) * 9, [[0, 0, 0.5], [0, 0, 1], [0, 0, -1]], 1e-6)


def test_a_confident_right_answer_keeps_its_small_loss(backend):
    z, t = np.array([[30.0], [-30.0]]), np.array([[1.0], [0.0]])
    loss = backend.to_host(F.binary_cross_entropy(backend.asarray(z), backend.asarray(t))[0])
    assert abs(loss / (2 * math.log1p(math.exp(-30))) - 1) < 1e-14


@pytest.mark.parametrize("wrong, t", [(10, [3, 10, 0]), (-1, [3, -1, 0])])
def test_a_label_out_of_range_is_named_on_the_host(backend, wrong, t):
    z, t = backend.asarray(np.zeros((3, 10), "float32")), backend.asarray(np.array(t))
    if backend.host:
        sentence = f"^label {wrong} is out of range: the network has 10 outputs, so labels are 0 ... 9$"
        with pytest.raises(ValueError, match=sentence):
            F.softmax_cross_entropy(z, t)
        with pytest.raises(ValueError, match=sentence):
            F.softmax_cross_entropy_backward(z, t, 3)
    else:  # nobody waits for the device to look
        assert np.isfinite(backend.to_host(F.softmax_cross_entropy(z, t)[0]))


def test_labels_of_any_integer_kind(backend):
    z = backend.asarray(Z)
    for dtype in "uint8", "int8", "int32", "int64", "uint32":
        loss = F.softmax_cross_entropy(z, backend.asarray(LABELS.astype(dtype)))[0]
        assert_close(backend.to_host(loss), categorical(Z, ONE_HOT), 1e-13)
    with pytest.raises(TypeError, match="whole numbers"):
        F.softmax_cross_entropy(z, backend.asarray(LABELS.astype("float64")))


@pytest.mark.parametrize("name", ["mean_squared_error", "binary_cross_entropy", "softmax_cross_entropy"])
@pytest.mark.parametrize("z, t", [((4, 3), (4, 2)), ((4, 3), (5, 3)), ((4, 1), (5,)), ((4, 3), (4, 1))])
def test_shapes_that_do_not_fit_are_named(backend, name, z, t):
    with pytest.raises(ValueError) as error:
        getattr(F, name)(backend.asarray(np.zeros(z)), backend.asarray(np.zeros(t)))
    assert str(z) in str(error.value) and str(t) in str(error.value)


def test_a_column_of_outputs_is_not_spread_over_a_row_of_targets(backend):
    """(4,1) − (4,) would be (4,4) by broadcasting: the classic silent mistake."""
    with pytest.raises(ValueError, match=r"\(4, 1\).*\(4,\)"):
        F.mean_squared_error(backend.asarray(np.zeros((4, 1))), backend.asarray(np.zeros(4)))


@given(st.integers(0, 5), st.integers(1, 5), st.floats(0, 0.9))
def test_any_shape(B, K, smoothing):
    be, z, labels = get_backend("numpy"), numbers(B, K), np.arange(B) % K
    T = np.array([[float(k == t) for k in range(K)] for t in labels]).reshape(B, K)
    loss, p = F.softmax_cross_entropy(be.asarray(z), be.asarray(labels), smoothing)
    assert_close(loss, categorical(z, T, smoothing), 1e-12)
    dz = F.softmax_cross_entropy_backward(p, be.asarray(labels), max(B, 1), smoothing)
    assert_close(dz.sum(axis=1), np.zeros(B), 1e-12)
