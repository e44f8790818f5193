"""The dense layer against sums written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import assert_close, assert_gradient, buffers, loops, memories, numbers

from dlcourse.backends import get_backend
from dlcourse.nn import functional as F

B, I, O = 4, 3, 5
X, W, b, DZ = numbers(B, I), numbers(I, O), numbers(O), numbers(B, O, seed=1)


def dense(x, W, b):
    z = np.zeros((len(x), W.shape[1]))
    for n, o in loops(*z.shape):
        z[n, o] = b[o] + sum(x[n, i] * W[i, o] for i in range(W.shape[0]))
    return z


def put(backend, *arrays):
    return [backend.asarray(a) for a in arrays]


def test_values_in_any_memory(backend):
    for x, w in zip(memories(X).values(), memories(W).values()):
        assert_close(backend.to_host(F.dense(*put(backend, x, w, b))), dense(X, W, b), 1e-14)
        assert_close(backend.to_host(F.dense(*put(backend, x, w), False)), dense(X, W, 0 * b), 1e-14)


def test_gradient(backend):
    for dz, x, w in zip(*(memories(a).values() for a in (DZ, X, W))):
        dx, dW, db = (backend.to_host(d) for d in F.dense_backward(*put(backend, dz, x, w)))
        assert_gradient(dx, lambda x: dense(x, W, b), X, DZ)
        assert_gradient(dW, lambda W: dense(X, W, b), W, DZ)
        assert_gradient(db, lambda b: dense(X, W, b), b, DZ)


def test_buffers(backend):
    x, w, bias, dz = put(backend, X, W, b, DZ)
    dx, dW, db = (backend.to_host(d) for d in F.dense_backward(dz, x, w))
    for z in buffers(backend, (B, O)):
        assert F.dense(x, w, bias, z=z) is z
        assert_close(backend.to_host(z), dense(X, W, b), 1e-14)
    for gx, gW, gb in zip(buffers(backend, (B, I)), buffers(backend, (I, O)), buffers(backend, (O,))):
        got = F.dense_backward(dz, x, w, dx=gx, dW=gW, db=gb)
        assert got[0] is gx and got[1] is gW and got[2] is gb
        for one, want in zip(got, (dx, dW, db)):
            assert_close(backend.to_host(one), want, 1e-14)


@pytest.mark.parametrize("unwanted", ["dx", "dW", "db"])
def test_false_is_not_computed(backend, unwanted):
    dz, x, w = put(backend, DZ, X, W)
    got = dict(zip(("dx", "dW", "db"), F.dense_backward(dz, x, w, **{unwanted: False})))
    assert got.pop(unwanted) is False
    assert all(d is not False for d in got.values())


def test_float32_stays(backend):
    x, w, bias, dz = put(backend, *(a.astype("float32") for a in (X, W, b, DZ)))
    assert all(d.dtype == "float32" for d in (F.dense(x, w, bias), *F.dense_backward(dz, x, w)))


def test_no_rows(backend):
    x, w, bias, dz = put(backend, X[:0], W, b, DZ[:0])
    dx, dW, db = F.dense_backward(dz, x, w)
    assert F.dense(x, w, bias).shape == (0, O) and dx.shape == (0, I)
    assert not backend.to_host(dW).any() and not backend.to_host(db).any()


@pytest.mark.parametrize("x, w", [((4, 3), (5, 3)), ((4, 2, 3), (3, 5)), ((3,), (3, 5))])
def test_shapes_that_do_not_fit_are_named(backend, x, w):
    with pytest.raises(ValueError) as error:
        F.dense(*put(backend, np.ones(x), np.ones(w), b))
    assert str(x) in str(error.value) and str(w) in str(error.value)


@given(st.integers(0, 4), st.integers(1, 4), st.integers(1, 4))
def test_any_shape(B, I, O):
    be, x, W, b = get_backend("numpy"), numbers(B, I), numbers(I, O), numbers(O)
    assert_close(F.dense(*put(be, x, W, b)), dense(x, W, b), 1e-14)
    dx, dW, db = F.dense_backward(*put(be, numbers(B, O), x, W))
    assert (dx.shape, dW.shape, db.shape) == (x.shape, W.shape, b.shape)
