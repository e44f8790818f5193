"""Normalisation against the definition, written out channel by channel and row by row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import assert_close, assert_gradient, buffers, memories, numbers

from dlcourse.backends import get_backend
from dlcourse.nn import functional as F

EPS = 1e-5
ROWS, IMAGES = numbers(6, 3) + 1, numbers(2, 3, 4, 3) + 1
GAMMA, BETA = numbers(3, seed=1), numbers(3, seed=2)
shapes = pytest.mark.parametrize("X", [ROWS, IMAGES], ids=["rows", "images"])


def scale(values, gamma, beta, eps):
    values = [float(v) for v in values]
    mean = math.fsum(values) / len(values)
    var = math.fsum((v - mean) ** 2 for v in values) / len(values)
    return mean, var, [g * (v - mean) / math.sqrt(var + eps) + b for v, g, b in zip(values, gamma, beta)]


def batchnorm(x, gamma, beta, eps=EPS):
    y, stats = np.empty_like(x), []
    for c in range(x.shape[-1]):
        size = x[..., c].size
        mean, var, values = scale(x[..., c].ravel(), [gamma[c]] * size, [beta[c]] * size, eps)
        y[..., c] = np.reshape(values, x.shape[:-1])
        stats.append((mean, var))
    return y, *np.transpose(stats)


def layernorm(x, gamma, beta, eps=EPS):
    rows = [scale(row, gamma, beta, eps)[2] for row in x.reshape(-1, x.shape[-1])]
    return np.reshape(rows, x.shape)


def put(backend, *arrays):
    return [backend.asarray(a) for a in arrays]


@shapes
def test_batchnorm_in_any_memory(backend, X):
    want, m, v = batchnorm(X, GAMMA, BETA)
    for x in memories(X).values():
        mean, var, n, y = F.batchnorm(*put(backend, x, GAMMA, BETA))
        assert_close(backend.to_host(y), want, 1e-13)
        assert_close(backend.to_host(mean), m, 1e-14)
        assert_close(backend.to_host(var), v, 1e-14)
        assert backend.to_host(n).tolist() == [X.size / 3]
    for y in buffers(backend, X.shape):
        assert F.batchnorm(*put(backend, X, GAMMA, BETA), y=y)[3] is y
        assert_close(backend.to_host(y), want, 1e-13)


@shapes
def test_batchnorm_gradient(backend, X):
    u = numbers(*X.shape, seed=3)
    x, gamma, beta = put(backend, X, GAMMA, BETA)
    mean, var, n, _ = F.batchnorm(x, gamma, beta)
    dx, dgamma, dbeta = (backend.to_host(d) for d in F.batchnorm_backward(backend.asarray(u), x, gamma, mean, var, n))
    assert_gradient(dx, lambda x: batchnorm(x, GAMMA, BETA)[0], X, u)
    assert_gradient(dgamma, lambda gamma: batchnorm(X, gamma, BETA)[0], GAMMA, u)
    assert_gradient(dbeta, lambda beta: batchnorm(X, GAMMA, beta)[0], BETA, u)
    places = (buffers(backend, a.shape) for a in (X, GAMMA, BETA))
    for dy, where, gx, gg, gb in zip(memories(u).values(), memories(X).values(), *places):
        dy, x = put(backend, dy, where)
        got = F.batchnorm_backward(dy, x, gamma, mean, var, n, dx=gx, dgamma=gg, dbeta=gb)
        assert got[0] is gx and got[1] is gg and got[2] is gb
        for one, right in zip(got, (dx, dgamma, dbeta)):
            assert_close(backend.to_host(one), right, 1e-13)
    over = backend.asarray(u.copy())
    assert F.batchnorm_backward(over, x, gamma, mean, var, n, dx=over)[0] is over
    assert_close(backend.to_host(over), dx, 1e-13)
    unwanted, g, b = F.batchnorm_backward(dy, x, gamma, mean, var, n, dx=False)
    assert unwanted is False
    assert_close(backend.to_host(g), dgamma, 1e-13)


def test_a_batch_that_is_cut_adds_up(backend):
    """Two parts in turn: every allreduce returns what both parts together gave, which a first run has recorded."""
    x, gamma, beta = put(backend, ROWS, GAMMA, BETA)
    parts, u = (x[:2], x[2:]), backend.asarray(numbers(6, 3, seed=3))
    whole = F.batchnorm(x, gamma, beta)
    expected = {"n": whole[2], "mean": whole[0] * 6, "var": whole[1] * 6}
    for part, rows in zip(parts, (slice(0, 2), slice(2, 6))):
        answers = iter(expected.values())
        stats = F.batchnorm(part, gamma, beta, allreduce=lambda v: next(answers))  # noqa: B023
        assert_close(backend.to_host(stats[3]), batchnorm(ROWS, GAMMA, BETA)[0][rows], 1e-13)
    dx, dgamma, dbeta = (backend.to_host(d) for d in F.batchnorm_backward(u, x, gamma, *whole[:3]))
    sums = backend.asarray(np.concatenate([dbeta, dgamma]))
    seen = []
    for part, rows in zip(parts, (slice(0, 2), slice(2, 6))):
        got = F.batchnorm_backward(u[rows], part, gamma, *whole[:3], allreduce=lambda v: seen.append(v) or sums)
        assert_close(backend.to_host(got[0]), dx[rows], 1e-13)
    assert_close(sum(backend.to_host(v) for v in seen), backend.to_host(sums), 1e-13)


def test_normalize_in_any_memory(backend):
    mean, var = numbers(3, seed=4), numbers(3, seed=5, low=0.1)
    want = GAMMA * (IMAGES - mean) / np.sqrt(var + EPS) + BETA
    for x, y in zip(memories(IMAGES).values(), buffers(backend, IMAGES.shape)):
        given = put(backend, x, GAMMA, BETA, mean, var)
        assert_close(backend.to_host(F.normalize(*given)), want, 1e-13)
        assert F.normalize(*given, y=y) is y
        assert_close(backend.to_host(y), want, 1e-13)


def test_running_statistics(backend):
    r_mean, r_var, mean, var = np.zeros(2), np.ones(2), np.array([10.0, 20.0]), np.array([4.0, 8.0])
    running = put(backend, r_mean.copy(), r_var.copy())
    n = backend.asarray(np.array([5.0]))
    got = F.update_running(*running, *put(backend, mean, var), n)
    assert got[0] is running[0] and got[1] is running[1]
    assert_close(backend.to_host(running[0]), [1.0, 2.0], 1e-14)
    assert_close(backend.to_host(running[1]), [0.9 + 0.1 * 4 * 5 / 4, 0.9 + 0.1 * 8 * 5 / 4], 1e-14)
    F.update_running(*running, *put(backend, mean, var), n, 1.0)
    assert_close(backend.to_host(running[0]), mean, 1e-14)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_statistics_that_are_not_finite_change_nothing(backend, bad, which):
    running, stats = put(backend, np.array([1.0, 2.0]), np.array([3.0, 4.0])), np.ones((2, 2))
    stats[which, 1] = bad
    F.update_running(*running, *put(backend, *stats), backend.asarray(np.array([5.0])))
    assert [backend.to_host(r).tolist() for r in running] == [[1, 2], [3, 4]]


def test_a_single_number_has_no_variance(backend):
    running = put(backend, np.array([1.0]), np.array([3.0]))
    F.update_running(*running, *put(backend, np.array([9.0]), np.array([0.0])), backend.asarray(np.array([1.0])))
    assert [backend.to_host(r).tolist() for r in running] == [[1], [3]]


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 5), (1, 5)])
def test_layernorm(backend, shape):
    x, u, gamma, beta = numbers(*shape) + 1, numbers(*shape, seed=3), numbers(5, seed=1), numbers(5, seed=2)
    want = layernorm(x, gamma, beta)
    X, G, Bt = put(backend, x, gamma, beta)
    mean, inv, y = F.layernorm(X, G, Bt)
    assert mean.shape == inv.shape == (*shape[:-1], 1)
    dx, dgamma, dbeta = (backend.to_host(d) for d in F.layernorm_backward(backend.asarray(u), X, G, mean, inv))
    assert_gradient(dx, lambda x: layernorm(x, gamma, beta), x, u)
    assert_gradient(dgamma, lambda gamma: layernorm(x, gamma, beta), gamma, u)
    assert_gradient(dbeta, lambda beta: layernorm(x, gamma, beta), beta, u)
    stats = (buffers(backend, mean.shape) for _ in range(2))
    places = (buffers(backend, a.shape) for a in (x, x, gamma, beta))
    for kx, ku, pm, pi, py, px, pg, pb in zip(memories(x).values(), memories(u).values(), *stats, *places):
        kx, ku = put(backend, kx, ku)
        got = F.layernorm(kx, G, Bt, mean=pm, inv=pi, y=py)
        assert got[0] is pm and got[1] is pi and got[2] is py
        assert_close(backend.to_host(py), want, 1e-12)
        got = F.layernorm_backward(ku, kx, G, pm, pi, dx=px, dgamma=pg, dbeta=pb)
        assert got[0] is px and got[1] is pg and got[2] is pb
        for one, right in zip(got, (dx, dgamma, dbeta)):
            assert_close(backend.to_host(one), right, 1e-12)
    over = backend.asarray(u.copy())
    F.layernorm_backward(over, X, G, mean, inv, dx=over)
    assert_close(backend.to_host(over), dx, 1e-13)


@pytest.mark.parametrize("unwanted", ["dx", "dgamma", "dbeta"])
def test_false_is_not_computed(backend, unwanted):
    x, gamma, beta = put(backend, ROWS, GAMMA, BETA)
    mean, inv, y = F.layernorm(x, gamma, beta)
    got = dict(zip(("dx", "dgamma", "dbeta"), F.layernorm_backward(y, x, gamma, mean, inv, **{unwanted: False})))
    assert got.pop(unwanted) is False and all(d is not False for d in got.values())


def test_float32_stays(backend):
    x, gamma, beta = (backend.asarray(a.astype("float32")) for a in (IMAGES, GAMMA, BETA))
    mean, var, n, y = F.batchnorm(x, gamma, beta)
    results = [
        mean,
        var,
        n,
        y,
        *F.batchnorm_backward(y, x, gamma, mean, var, n),
        F.normalize(x, gamma, beta, mean, var),
    ]
    m, inv, y = F.layernorm(x, gamma, beta)
    results += [m, inv, y, *F.layernorm_backward(y, x, gamma, m, inv)]
    results += F.update_running(mean, var, mean, var, n)
    assert {r.dtype for r in results} == {np.dtype("float32")}


def test_a_constant_channel_stays_finite(backend):
    x = backend.asarray(np.full((4, 3), 1e4))
    gamma, beta = put(backend, GAMMA, BETA)
    with np.errstate(all="raise"):
        mean, var, n, y = F.batchnorm(x, gamma, beta)
        dx = F.batchnorm_backward(x, x, gamma, mean, var, n)[0]
        m, inv, z = F.layernorm(x, gamma, beta)
    assert_close(backend.to_host(y), np.broadcast_to(BETA, (4, 3)), 1e-14)
    assert_close(backend.to_host(z), np.broadcast_to(BETA, (4, 3)), 1e-14)
    assert_close(backend.to_host(dx), np.zeros((4, 3)), 1e-6)


def test_an_empty_batch(backend):
    x, gamma, beta = put(backend, ROWS[:0], GAMMA, BETA)
    with pytest.raises(ValueError, match=r"empty batch.*\(0, 3\)"):
        F.batchnorm(x, gamma, beta)
    mean, inv, y = F.layernorm(x, gamma, beta)
    assert y.shape == (0, 3) and F.layernorm_backward(y, x, gamma, mean, inv)[0].shape == (0, 3)
    assert F.normalize(x, gamma, beta, beta, gamma * gamma).shape == (0, 3)


@given(st.integers(2, 6), st.integers(1, 4), st.floats(-100, 100))
def test_any_shape(B, C, shift):
    be, x = get_backend("numpy"), numbers(B, C)
    gamma, beta = numbers(C, seed=1), numbers(C, seed=2)
    y = F.batchnorm(x + shift, gamma, beta)[3]
    assert_close(be.to_host(y), batchnorm(x, gamma, beta)[0], 1e-9)
    assert_close(be.to_host(F.layernorm(x, gamma, beta)[2]), layernorm(x, gamma, beta), 1e-12)
