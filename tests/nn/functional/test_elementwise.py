"""Activations against math, slopes against finite differences, and the two ends of the number line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import assert_close, assert_gradient, buffers, distinct, memories, numbers

from dlcourse.backends import get_backend
from dlcourse.nn import functional as F

# name, options, the function of one number, does backward take the result a (or z)?
CASES = [
    ("relu", (), lambda z: z if z > 0 else 0.0, "a"),
    ("leaky_relu", (), lambda z: z if z > 0 else 0.01 * z, "a"),
    ("leaky_relu", (0.3,), lambda z: z if z > 0 else 0.3 * z, "a"),
    ("elu", (), lambda z: z if z > 0 else math.exp(z) - 1, "a"),
    ("elu", (1.7,), lambda z: z if z > 0 else 1.7 * (math.exp(z) - 1), "a"),
    ("elu", (0.4,), lambda z: z if z > 0 else 0.4 * (math.exp(z) - 1), "a"),
    ("gelu", (), lambda z: z * (1 - math.erfc(z / math.sqrt(2)) / 2), "z"),
    ("gelu_tanh", (), lambda z: z / (1 + math.exp(-2 * math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))), "z"),
    ("silu", (), lambda z: z / (1 + math.exp(-z)), "z"),
    ("softplus", (), lambda z: math.log(1 + math.exp(z)), "a"),
    ("sigmoid", (), lambda z: 1 / (1 + math.exp(-z)), "a"),
    ("tanh", (), lambda z: (math.exp(z) - math.exp(-z)) / (math.exp(z) + math.exp(-z)), "a"),
]
each = pytest.mark.parametrize("name, options, f, saved", CASES, ids=[f"{c[0]}{c[1] or ''}" for c in CASES])
Z = distinct(5, 7)


def pair(name):
    return getattr(F, name), getattr(F, name + "_backward")


@each
def test_values(backend, name, options, f, saved):
    a = pair(name)[0](backend.asarray(Z), *options)
    assert_close(backend.to_host(a), np.vectorize(f)(Z), 1e-13)


@each
def test_gradient(backend, name, options, f, saved):
    forward, backward = pair(name)
    z, da = backend.asarray(Z), numbers(5, 7, seed=1)
    x = z if saved == "z" else forward(z, *options)
    dz = backend.to_host(backward(backend.asarray(da), x, *options))
    assert_gradient(dz, np.vectorize(f), Z, da)


@each
def test_buffers_and_aliases_get_the_same_numbers(backend, name, options, f, saved):
    forward, backward = pair(name)
    z, da = backend.asarray(Z), backend.asarray(numbers(5, 7, seed=1))
    a = forward(z, *options)
    x = z if saved == "z" else a
    dz = backward(da, x, *options)
    for buffer in buffers(backend, Z.shape):
        assert forward(z, *options, a=buffer) is buffer
        assert_close(backend.to_host(buffer), backend.to_host(a), 1e-15)
        assert backward(da, x, *options, dz=buffer) is buffer
        assert_close(backend.to_host(buffer), backend.to_host(dz), 1e-15)
    over = z.copy()
    assert forward(over, *options, a=over) is over
    assert_close(backend.to_host(over), backend.to_host(a), 1e-15)
    over = da.copy()
    assert backward(over, x, *options, dz=over) is over
    assert_close(backend.to_host(over), backend.to_host(dz), 1e-15)


@each
def test_operands_are_left_alone(backend, name, options, f, saved):
    forward, backward = pair(name)
    z, da = backend.asarray(Z.copy()), backend.asarray(numbers(5, 7, seed=1))
    forward(z, *options)
    backward(da, z, *options)
    assert np.array_equal(backend.to_host(z), Z)
    assert np.array_equal(backend.to_host(da), numbers(5, 7, seed=1))


@each
def test_memory_order_does_not_matter(backend, name, options, f, saved):
    forward, backward = pair(name)
    z4, da4 = distinct(2, 3, 4, 5), numbers(2, 3, 4, 5)
    want = np.vectorize(f)(z4)
    for z, da in zip(memories(z4).values(), memories(da4).values()):
        z, da = backend.asarray(z), backend.asarray(da)
        a = forward(z, *options)
        assert_close(backend.to_host(a), want, 1e-13)
        dz = backend.to_host(backward(da, z if saved == "z" else a, *options))
        h = 1e-5
        slope = (np.vectorize(f)(z4 + h) - np.vectorize(f)(z4 - h)) / (2 * h)
        assert_close(dz, da4 * slope, 1e-6)


@each
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_out_stays_finite_and_keeps_the_dtype(backend, name, options, f, saved, dtype):
    forward, backward = pair(name)
    far = np.array([[-1e4, -500.0, -90.0, -20.0, 0.0, 20.0, 90.0, 500.0, 1e4]], dtype)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        z = backend.asarray(far)
        a = forward(z, *options)
        dz = backward(backend.asarray(np.ones_like(far)), z if saved == "z" else a, *options)
    a, dz = backend.to_host(a), backend.to_host(dz)
    assert a.dtype == dz.dtype == dtype
    assert np.isfinite(a).all() and np.isfinite(dz).all()
    flat = name in ("sigmoid", "tanh")
    assert a[0, -1] == (1 if flat else np.float32(1e4))
    assert dz[0, -1] == (0 if flat else 1)
    left = {"leaky_relu": -1e4 * (options or (0.01,))[0], "elu": -(options or (1,))[0], "tanh": -1}.get(name, 0)
    assert a[0, 0] == np.dtype(dtype).type(left)


@each
def test_one_row_and_none(backend, name, options, f, saved):
    forward, backward = pair(name)
    for shape in (1, 3), (0, 3), (0, 2, 2, 1):
        z = backend.asarray(np.ones(shape, "float32"))
        assert forward(z, *options).shape == backward(z, z, *options).shape == shape


def test_nan_is_not_hidden(backend):
    z = backend.asarray(np.array([[np.nan, 1.0]]))
    for name, options, _, _ in CASES:
        a = backend.to_host(pair(name)[0](z, *options))
        assert np.isnan(a[0, 0]) and not np.isnan(a[0, 1]), name


def test_softplus_keeps_the_small_numbers(backend):
    a = backend.to_host(F.softplus(backend.asarray(np.array([[-40.0, -700.0]]))))
    assert_close(a / [[math.exp(-40), math.exp(-700)]], np.ones((1, 2)), 1e-13)
    da = backend.asarray(np.ones((1, 2)))
    dz = backend.to_host(F.softplus_backward(da, backend.asarray(a)))
    assert_close(dz / [[math.exp(-40), math.exp(-700)]], np.ones((1, 2)), 1e-13)


def test_published_values(backend):
    """Φ(1) = 0.8413447460685429 (Abramowitz & Stegun, table 26.1)."""
    a = backend.to_host(F.gelu(backend.asarray(np.array([[1.0, -1.0]]))))
    assert_close(a, [[0.8413447460685429, -0.15865525393145707]], 1e-15)


def test_gelu_tanh_is_near_gelu(backend):
    z = backend.asarray(np.linspace(-6, 6, 2001)[None])
    off = np.abs(backend.to_host(F.gelu(z)) - backend.to_host(F.gelu_tanh(z))).max()
    assert 1e-4 < off < 5e-4


def test_add(backend):
    x, r = numbers(3, 4), numbers(3, 4, seed=1)
    X, R = backend.asarray(x.copy()), backend.asarray(r.copy())
    assert np.array_equal(backend.to_host(F.add(X, R)), x + r)
    assert F.add(X, R, y=X) is X and np.array_equal(backend.to_host(X), x + r)
    assert F.add(X, R, y=R) is R and np.array_equal(backend.to_host(R), x + r + r)
    dx, dr = F.add_backward(R)
    assert dx is R and dr is R


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.sampled_from(CASES))
def test_any_shape(shape, case):
    name, options, f, _ = case
    backend, z = get_backend("numpy"), distinct(*shape)
    want = np.array([f(v) for v in z.ravel()]).reshape(shape)
    assert_close(backend.to_host(getattr(F, name)(backend.asarray(z), *options)), want, 1e-12)


def test_the_slope_of_gelu_tanh_is_finite_wherever_z_is(backend):
    z = np.array([-3e38, -1e20, -50, 50, 1e20, 3e38], "float32")
    with np.errstate(over="ignore"):
        dz = backend.to_host(F.gelu_tanh_backward(backend.asarray(np.ones_like(z)), backend.asarray(z)))
    np.testing.assert_array_equal(dz, [0, 0, 0, 1, 1, 1])
