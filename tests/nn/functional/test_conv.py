"""Convolution against loops over every window and every weight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import assert_close, assert_gradient, buffers, loops, memories, numbers

from dlcourse.backends import get_backend
from dlcourse.nn import functional as F

B, Y, X, C, kY, kX, O = 2, 5, 6, 3, 3, 2, 4
IMAGES, W, b = numbers(B, Y, X, C), numbers(kY, kX, C, O), numbers(O)
HOW = [(1, 0), (1, 1), (2, 0), (2, 1), (3, 2)]
every = pytest.mark.parametrize("stride, padding", HOW)


def conv(x, W, b, stride=1, padding=0):
    (B, Y, X, C), (kY, kX, _, O), P = x.shape, W.shape, padding
    z = np.zeros((B, (Y + 2 * P - kY) // stride + 1, (X + 2 * P - kX) // stride + 1, O))
    for n, i, j, o in loops(*z.shape):
        z[n, i, j, o] = b[o]
        for r, s, c in loops(kY, kX, C):
            y, k = i * stride + r - P, j * stride + s - P
            if 0 <= y < Y and 0 <= k < X:
                z[n, i, j, o] += x[n, y, k, c] * W[r, s, c, o]
    return z


def put(backend, *arrays):
    return [backend.asarray(a) for a in arrays]


@every
def test_values_in_any_memory(backend, stride, padding):
    want = conv(IMAGES, W, b, stride, padding)
    for x, w in zip(memories(IMAGES).values(), memories(W).values()):
        z = F.conv2d(*put(backend, x, w, b), stride=stride, padding=padding)
        assert_close(backend.to_host(z), want, 1e-13)
    z = F.conv2d(*put(backend, IMAGES, W), False, stride=stride, padding=padding)
    assert_close(backend.to_host(z), conv(IMAGES, W, 0 * b, stride, padding), 1e-13)


@every
def test_gradient(backend, stride, padding):
    how = dict(stride=stride, padding=padding)
    u = numbers(*conv(IMAGES, W, b, **how).shape, seed=1)
    dx, dW, db = (backend.to_host(d) for d in F.conv2d_backward(*put(backend, u, IMAGES, W), **how))
    assert_gradient(db, lambda b: conv(IMAGES, W, b, **how), b, u)
    x1, u1 = IMAGES[:1, :, :, :2], u[:1]  # fewer coordinates to step along
    d1 = F.conv2d_backward(*put(backend, u1, x1, W[:, :, :2]), **how)
    assert_gradient(backend.to_host(d1[0]), lambda x: conv(x, W[:, :, :2], b, **how), x1, u1)
    assert_gradient(backend.to_host(d1[1]), lambda W: conv(x1, W, b, **how), W[:, :, :2], u1)
    # the sums over images add up
    parts = [F.conv2d_backward(*put(backend, u[i : i + 1], IMAGES[i : i + 1], W), **how) for i in range(B)]
    assert_close(dW, sum(backend.to_host(p[1]) for p in parts), 1e-13)
    assert_close(dx, np.concatenate([backend.to_host(p[0]) for p in parts]), 1e-13)


@every
def test_buffers_in_any_memory(backend, stride, padding):
    how = dict(stride=stride, padding=padding)
    x, w, bias = put(backend, IMAGES, W, b)
    want = conv(IMAGES, W, b, **how)
    u = numbers(*want.shape, seed=1)
    gradients = [backend.to_host(d) for d in F.conv2d_backward(*put(backend, u, IMAGES, W), **how)]
    for z in buffers(backend, want.shape):
        assert F.conv2d(x, w, bias, **how, z=z) is z
        assert_close(backend.to_host(z), want, 1e-13)
    places = (buffers(backend, a.shape) for a in (IMAGES, W, b))
    for dz, gx, gW, gb in zip(memories(u).values(), *places):
        got = F.conv2d_backward(backend.asarray(dz), x, w, **how, dx=gx, dW=gW, db=gb)
        assert got[0] is gx and got[1] is gW and got[2] is gb
        for one, right in zip(got, gradients):
            assert_close(backend.to_host(one), right, 1e-13)


@pytest.mark.parametrize("unwanted", ["dx", "dW", "db"])
def test_false_is_not_computed(backend, unwanted):
    dz = numbers(B, Y - kY + 1, X - kX + 1, O)
    got = dict(zip(("dx", "dW", "db"), F.conv2d_backward(*put(backend, dz, IMAGES, W), **{unwanted: False})))
    assert got.pop(unwanted) is False
    assert all(d is not False for d in got.values())


def test_float32_stays(backend):
    x, w, bias = (backend.asarray(a.astype("float32")) for a in (IMAGES, W, b))
    z = F.conv2d(x, w, bias, padding=1)
    assert all(d.dtype == "float32" for d in (z, *F.conv2d_backward(z, x, w, padding=1)))
    assert_close(backend.to_host(z), conv(IMAGES, W, b, 1, 1), 1e-5)


def test_no_images(backend):
    x, w, bias, dz = put(backend, IMAGES[:0], W, b, np.zeros((0, Y - kY + 1, X - kX + 1, O)))
    dx, dW, db = F.conv2d_backward(dz, x, w)
    assert F.conv2d(x, w, bias).shape == dz.shape and dx.shape == x.shape
    assert not backend.to_host(dW).any() and not backend.to_host(db).any()


@pytest.mark.parametrize(
    "x, w, padding", [((2, 5, 6, 3), (3, 3, 4, 2), 0), ((2, 2, 6, 3), (5, 5, 3, 2), 1), ((5, 6, 3), (3, 3, 3, 2), 0)]
)
def test_shapes_that_do_not_fit_are_named(backend, x, w, padding):
    with pytest.raises(ValueError) as error:
        F.conv2d(*put(backend, np.ones(x), np.ones(w)), False, padding=padding)
    assert str(x) in str(error.value) and str(w) in str(error.value)


sizes = st.integers(1, 3)


@settings(max_examples=40)
@given(B=sizes, Y=st.integers(3, 6), X=st.integers(3, 6), C=sizes, k=sizes, O=sizes, S=sizes, P=st.integers(0, 2))
def test_any_shape(B, Y, X, C, k, O, S, P):
    be, x, W, b = get_backend("numpy"), numbers(B, Y, X, C), numbers(k, k + 0, C, O), numbers(O)
    z = F.conv2d(*put(be, x, W, b), stride=S, padding=P)
    assert_close(z, conv(x, W, b, S, P), 1e-13)
    # ⟨conv x, u⟩ = ⟨x, convᵀ u⟩ = ⟨W, dW⟩: backward is the transpose of forward in x, and in W
    u = numbers(*z.shape, seed=1)
    dx, dW, db = F.conv2d_backward(*put(be, u, x, W), stride=S, padding=P)
    product = np.sum((z - b) * u)
    assert abs(np.sum(x * dx) - product) < 1e-10 and abs(np.sum(W * dW) - product) < 1e-10
    assert_close(db, u.sum(axis=(0, 1, 2)), 1e-12)
