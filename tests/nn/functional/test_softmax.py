"""Softmax and its logarithm against sums written out, and slopes against finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import assert_close, assert_gradient, buffers, memories, numbers

from dlcourse.backends import get_backend
from dlcourse.nn import functional as F

Z = numbers(4, 5)


def softmax(z):
    return np.array([[math.exp(v) / sum(map(math.exp, row)) for v in row] for row in z]).reshape(z.shape)


def log_softmax(z):
    return np.array([[v - math.log(sum(map(math.exp, row))) for v in row] for row in z]).reshape(z.shape)


both = pytest.mark.parametrize("name, f", [("softmax", softmax), ("log_softmax", log_softmax)])


def pair(name):
    return getattr(F, name), getattr(F, name + "_backward"), {"softmax": "p", "log_softmax": "logp"}[name]


@both
def test_values_in_any_memory(backend, name, f):
    for z in memories(Z).values():
        assert_close(backend.to_host(pair(name)[0](backend.asarray(z))), f(Z), 1e-14)


@both
def test_gradient(backend, name, f):
    forward, backward, _ = pair(name)
    d = numbers(4, 5, seed=1)
    for z, u in zip(memories(Z).values(), memories(d).values()):
        assert_gradient(backend.to_host(backward(backend.asarray(u), forward(backend.asarray(z)))), f, Z, d)


@both
def test_buffers_and_aliases(backend, name, f):
    forward, backward, out = pair(name)
    z, d = backend.asarray(Z), backend.asarray(numbers(4, 5, seed=1))
    p = forward(z)
    dz = backend.to_host(backward(d, p))
    for buffer in buffers(backend, Z.shape):
        assert forward(z, **{out: buffer}) is buffer
        assert_close(backend.to_host(buffer), f(Z), 1e-14)
        assert backward(d, p, dz=buffer) is buffer
        assert_close(backend.to_host(buffer), dz, 1e-15)
    z, d = z.copy(), d.copy()
    assert_close(backend.to_host(forward(z, **{out: z})), f(Z), 1e-14)
    assert_close(backend.to_host(backward(d, p, dz=d)), dz, 1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_out(backend, dtype):
    z = backend.asarray(np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4]], dtype))
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        p, logp = F.softmax(z), F.log_softmax(z)
        dz = F.log_softmax_backward(p, logp)
    p, logp = backend.to_host(p), backend.to_host(logp)
    assert p.dtype == logp.dtype == backend.to_host(dz).dtype == dtype
    assert_close(p, [[1, 0, 0], [1 / 3] * 3, [1 / 3] * 3], 1e-6)
    assert_close(logp, [[0, -2e4, -1e4], [-math.log(3)] * 3, [-math.log(3)] * 3], 1e-6)


@both
def test_one_row_one_class_and_no_row(backend, name, f):
    forward, backward, _ = pair(name)
    for shape in (1, 5), (3, 1), (0, 5):
        z = backend.asarray(numbers(*shape))
        p = forward(z)
        assert_close(backend.to_host(p), f(numbers(*shape)), 1e-14)
        assert backward(z, p).shape == shape


@given(st.integers(0, 5), st.integers(1, 6), st.floats(-50, 50))
def test_rows_sum_to_one_wherever_zero_is(B, K, shift):
    backend, z = get_backend("numpy"), numbers(B, K)
    p = backend.to_host(F.softmax(backend.asarray(z + shift)))
    assert_close(p.sum(axis=1), np.ones(B), 1e-13)
    assert_close(p, softmax(z), 1e-12)
