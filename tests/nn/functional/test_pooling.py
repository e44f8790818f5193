"""Pooling against loops over every window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import assert_close, assert_gradient, buffers, distinct, loops, memories, numbers

from dlcourse.backends import get_backend
from dlcourse.nn import functional as F

IMAGES = distinct(2, 5, 7, 3)
HOW = [(2, 2), (3, 3), (3, 2), (2, 1), (1, 1), (2, 3)]
every = pytest.mark.parametrize("size, stride", HOW)
kinds = pytest.mark.parametrize("name, reduce", [("maxpool2d", np.max), ("avgpool2d", np.mean)])


def pool(x, reduce, size, stride):
    B, Y, X, C = x.shape
    y = np.zeros((B, (Y - size) // stride + 1, (X - size) // stride + 1, C))
    for n, i, j, c in loops(*y.shape):
        y[n, i, j, c] = reduce(x[n, i * stride : i * stride + size, j * stride : j * stride + size, c])
    return y


@kinds
@every
def test_values_in_any_memory(backend, name, reduce, size, stride):
    want = pool(IMAGES, reduce, size, stride)
    for x in memories(IMAGES).values():
        x = backend.asarray(x)
        assert_close(backend.to_host(getattr(F, name)(x, size=size, stride=stride)), want, 1e-14)
    for y in buffers(backend, want.shape):
        assert getattr(F, name)(x, size=size, stride=stride, y=y) is y
        assert_close(backend.to_host(y), want, 1e-14)


@kinds
@every
def test_gradient_in_any_memory(backend, name, reduce, size, stride):
    backward = getattr(F, name + "_backward")
    u = numbers(*pool(IMAGES, reduce, size, stride).shape)
    x1, u1 = IMAGES[:1, :, :, :2], u[:1, :, :, :2]
    dx = backend.to_host(backward(backend.asarray(u1), backend.asarray(x1), size=size, stride=stride))
    assert_gradient(dx, lambda x: pool(x, reduce, size, stride), x1, u1)
    whole = backend.to_host(backward(backend.asarray(u), backend.asarray(IMAGES), size=size, stride=stride))
    assert_close(whole[:1, :, :, :2], dx, 1e-14)
    for x, dy, place in zip(memories(IMAGES).values(), memories(u).values(), buffers(backend, IMAGES.shape)):
        dy, x = backend.asarray(dy), backend.asarray(x)
        assert backward(dy, x, size=size, stride=stride, dx=place) is place
        assert_close(backend.to_host(place), whole, 1e-14)


def test_of_equals_the_first_in_row_major_order_wins(backend):
    x = np.array([[1.0, 5, 5], [5, 5, 0], [5, 0, 0]]).reshape(1, 3, 3, 1)
    dx = F.maxpool2d_backward(backend.asarray(np.full((1, 1, 1, 1), 7.0)), backend.asarray(x), size=3, stride=3)
    assert np.array_equal(backend.to_host(dx)[0, :, :, 0], [[0, 7, 0], [0, 0, 0], [0, 0, 0]])


def test_overlapping_windows_add(backend):
    x = np.array([[0.0, 9, 1]]).reshape(1, 1, 3, 1).repeat(2, axis=1)
    dy = np.array([[3.0, 4]]).reshape(1, 1, 2, 1)
    dx = F.maxpool2d_backward(backend.asarray(dy), backend.asarray(x), size=2, stride=1)
    assert np.array_equal(backend.to_host(dx)[0, :, :, 0], [[0, 7, 0], [0, 0, 0]])


def test_nan_is_not_hidden(backend):
    x = np.ones((1, 2, 4, 1))
    x[0, 1, 0, 0] = np.nan
    y = backend.to_host(F.maxpool2d(backend.asarray(x)))
    assert np.isnan(y[0, 0, 0, 0]) and y[0, 0, 1, 0] == 1


@pytest.mark.parametrize("name", ["maxpool2d", "avgpool2d", "global_avgpool2d"])
def test_float32_stays_also_with_no_images(backend, name):
    for B in 0, 1:
        x = backend.asarray(IMAGES[:B].astype("float32"))
        y = getattr(F, name)(x)
        dx = getattr(F, name + "_backward")(y, x)
        assert y.dtype == dx.dtype == "float32" and dx.shape == x.shape and len(y) == B


def test_global_average(backend):
    want = np.array([[IMAGES[n, :, :, c].sum() / 35 for c in range(3)] for n in range(2)])
    u = numbers(2, 3)
    for x, dy, y in zip(memories(IMAGES).values(), memories(u).values(), buffers(backend, (2, 3))):
        x, dy = backend.asarray(x), backend.asarray(dy)
        assert_close(backend.to_host(F.global_avgpool2d(x)), want, 1e-13)
        assert F.global_avgpool2d(x, y=y) is y
        assert_close(backend.to_host(y), want, 1e-13)
        dx = backend.to_host(F.global_avgpool2d_backward(dy, x))
        assert_close(dx, np.broadcast_to(u[:, None, None] / 35, IMAGES.shape), 1e-14)
    for place in buffers(backend, IMAGES.shape):
        assert F.global_avgpool2d_backward(dy, x, dx=place) is place
        assert_close(backend.to_host(place), dx, 1e-14)


@pytest.mark.parametrize("name", ["maxpool2d", "avgpool2d"])
@pytest.mark.parametrize("shape", [(2, 2, 5, 1), (2, 9)])
def test_shapes_that_do_not_fit_are_named(backend, name, shape):
    with pytest.raises(ValueError) as error:
        getattr(F, name)(backend.asarray(np.ones(shape)), size=3, stride=3)
    assert str(shape) in str(error.value) and "3 x 3" in str(error.value)


@given(st.integers(0, 3), st.integers(3, 7), st.integers(3, 7), st.integers(1, 3), st.sampled_from(HOW))
def test_any_shape(B, Y, X, C, how):
    (size, stride), be, x = how, get_backend("numpy"), distinct(B, Y, X, C)
    for name, reduce in ("maxpool2d", np.max), ("avgpool2d", np.mean):
        y = getattr(F, name)(be.asarray(x), size=size, stride=stride)
        assert_close(y, pool(x, reduce, size, stride), 1e-13)
        u = numbers(*y.shape)
        dx = getattr(F, name + "_backward")(be.asarray(u), be.asarray(x), size=size, stride=stride)
        assert abs(np.sum(dx * x) - np.sum(u * y)) < 1e-10  # both are linear around x, and 0 at 0
