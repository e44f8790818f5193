"""The error function against math.erf, and what it does to memory."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

from dlcourse.backends.erf import BLOCK, erf


def exact(z):
    return np.array([math.erf(v) for v in z.ravel().tolist()]).reshape(z.shape)


GRID = np.concatenate([np.linspace(-7, 7, 200_001), np.geomspace(1e-300, 1e-3, 5_000), [0.46875, 4, 6, -0.46875, -6]])


def test_float64_against_math():
    right, got = exact(GRID), erf(GRID)
    assert got.dtype == "float64"
    off = np.abs(got - right)
    assert off.max() <= 1e-14
    assert (off[right != 0] / np.abs(right[right != 0])).max() <= 1e-14


def test_float32_to_its_rounding():
    z = GRID.astype("float32")
    right, got = exact(z), erf(z)
    assert got.dtype == "float32"
    normal = np.abs(right) > np.finfo("float32").tiny
    assert (np.abs(got - right)[normal] / np.abs(right)[normal]).max() <= 3 * np.finfo("float32").eps
    assert np.abs(got - right).max() <= 2 * np.finfo("float32").eps


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_ends_zero_and_nan(dtype):
    z = np.array([np.inf, -np.inf, 1e38, -1e38, 0.0, -0.0, np.nan, np.finfo(dtype).tiny], dtype)
    with np.errstate(all="raise"):
        a = erf(z)
    assert a[:6].tolist() == [1, -1, 1, -1, 0, 0] and np.isnan(a[6]) and a[7] > 0
    assert not np.signbit(a[4]) and np.signbit(a[5])


def test_published_values():
    """Abramowitz & Stegun, table 7.1: erf 0.5, erf 1, erf 2."""
    assert np.abs(erf(np.array([0.5, 1, 2])) - [0.5204998778, 0.8427007929, 0.9953222650]).max() < 5e-11


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (3, 5), (2, 3, 4, 5), (2 * BLOCK + 3,), (3, BLOCK + 1)])
def test_any_shape_memory_and_out(shape):
    z = np.random.default_rng(0).normal(size=shape)
    right = exact(z)
    kinds = [z, z.copy("F"), np.stack([z, z], axis=-1)[..., 0]]
    if z.ndim == 4:
        kinds.append(np.ascontiguousarray(z.transpose(1, 3, 2, 0)).transpose(3, 0, 2, 1))
    for a in kinds:
        for out in [np.full_like(k, np.nan) for k in kinds] + [np.stack([z, z], axis=-1)[..., 1]]:
            assert erf(a, out=out) is out
            assert out.shape == shape and np.allclose(out, right, rtol=1e-14, atol=0)
        over = a.copy(order="K")
        assert erf(over, out=over) is over and np.allclose(over, right, rtol=1e-14, atol=0)


def test_whole_numbers_become_float64():
    assert np.allclose(erf(np.array([0, 1])), [0, math.erf(1)], rtol=1e-14) and erf(np.array([1])).dtype == "float64"


@pytest.mark.parametrize("order", ["C", "images", "gaps"])
def test_only_blocks_are_allocated(order):
    """Sixteen times as many numbers need no more memory."""
    peaks = []
    for n in 16, 256:
        z = np.ones((n, 8, 8, 32), "float32")
        if order == "images":
            z = np.ones((8, 32, 8, n), "float32").transpose(3, 0, 2, 1)
        if order == "gaps":
            z = np.ones((n, 8, 8, 64), "float32")[..., ::2]
        asked = []
        blocks = np.empty(5 * BLOCK, "float32")

        def scratch(shape, dtype, asked=asked, blocks=blocks):
            asked.append(math.prod(shape))
            return blocks[: math.prod(shape)].reshape(shape)

        out = np.empty_like(z)
        tracemalloc.start()
        erf(z, out=out, scratch=scratch)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sum(asked) <= 5 * BLOCK
    assert max(peaks) <= 100_000, peaks
