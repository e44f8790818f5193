"""The small data sets lie where their formulas say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlcourse.data import CURVES, blobs, circles, curve, moons, spirals, xor

CLOUDS = {"xor": (xor, 2), "blobs": (blobs, 3), "moons": (moons, 2), "circles": (circles, 2), "spirals": (spirals, 2)}
every = pytest.mark.parametrize("name", CLOUDS)


@every
@given(n=st.integers(1, 60), key=st.integers(0, 2**64 - 1))
def test_shapes_types_and_balance(name, n, key):
    make, classes = CLOUDS[name]
    x, t = make(n, key=key)
    assert (x.shape, x.dtype, t.shape, t.dtype) == ((n, 2), np.float32, (n,), np.int64)
    assert np.isfinite(x).all()
    counts = np.bincount(t, minlength=classes)
    assert len(counts) == classes and counts.max() - counts.min() <= 1


@every
def test_the_same_key_gives_the_same_points(name):
    make, _ = CLOUDS[name]
    x, t = make(50, key=3)
    again, other = make(50, key=3), make(50, key=4)
    np.testing.assert_array_equal(x, again[0])
    np.testing.assert_array_equal(t, again[1])
    assert not np.array_equal(x, other[0]) and not np.array_equal(t, other[1])


@every
def test_the_classes_come_in_no_order(name):
    """Neither sorted nor in turn: neighbours are as often alike as chance has it."""
    make, classes = CLOUDS[name]
    _, t = make(4000)
    assert abs((t[1:] == t[:-1]).mean() - 1 / classes) < 0.03


@every
def test_noise_is_the_spread_of_each_coordinate(name):
    make, _ = CLOUDS[name]
    off = make(20_000, noise=0.3)[0].astype(float) - make(20_000, noise=0)[0]
    assert abs(off.std() - 0.3) < 0.005 and abs(off.mean()) < 0.005


def test_xor_without_noise_is_the_truth_table():
    x, t = xor(4, noise=0)
    assert sorted(zip(*x.T.tolist(), t.tolist(), strict=True)) == [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]


def test_blobs_lie_around_a_circle():
    x, t = blobs(300, classes=5, noise=0)
    assert np.allclose(np.hypot(*x.T), 2)
    assert np.allclose(np.angle(x[:, 0] + 1j * x[:, 1]) % (2 * np.pi), 2 * np.pi * t / 5, atol=1e-6)
    assert sorted(np.unique(t)) == [0, 1, 2, 3, 4]


def test_moons_are_half_circles():
    x, t = moons(500, noise=0)
    upper, lower = x[t == 0], x[t == 1]
    assert np.allclose(np.hypot(*upper.T), 1, atol=1e-6) and (upper[:, 1] > -1e-6).all()
    assert np.allclose(np.hypot(*(lower - (1, 0.5)).T), 1, atol=1e-6) and (lower[:, 1] < 0.5 + 1e-6).all()
    assert np.ptp(upper[:, 0]) > 1.9 and np.ptp(lower[:, 0]) > 1.9


def test_circles_have_their_radii():
    x, t = circles(500, ratio=0.3, noise=0)
    assert np.allclose(np.hypot(*x.T), np.where(t == 0, 1, 0.3), atol=1e-6)
    assert np.abs(x[t == 0].mean(axis=0)).max() < 0.2


def test_spirals_wind():
    x, t = spirals(3000, classes=3, turns=1.5, noise=0)
    r, angle = np.hypot(*x.T.astype(float)), np.angle(x[:, 0] + 1j * x[:, 1])
    turn = (angle / (2 * np.pi) - 1.5 * r - t / 3) % 1
    assert np.allclose(np.minimum(turn, 1 - turn), 0, atol=1e-4)
    assert r.min() > 0.0999 and r.max() < 1.0001 and np.ptp(r) > 0.89


@pytest.mark.parametrize("function", CURVES)
def test_curve(function):
    x, t = curve(200, function=function, noise=0)
    assert (x.shape, x.dtype, t.shape, t.dtype) == ((200, 1), np.float32, (200, 1), np.float32)
    assert x.min() >= -1 and x.max() <= 1 and np.ptp(x) > 1.9
    assert np.allclose(t, CURVES[function](x), atol=1e-5) and np.abs(t).max() <= 1.0001
    noisy = curve(20_000, function=function, noise=0.2)
    assert abs((noisy[1] - curve(20_000, function=function, noise=0)[1]).std() - 0.2) < 0.005


def test_known_values_of_curves():
    x = np.array([-1, -0.5, 0, 0.5, 1.0])
    for name, expected in {
        "line": [-0.25, 0, 0.25, 0.5, 0.75],
        "parabola": [1, -0.5, -1, -0.5, 1],
        "cubic": [-1, 1, 0, -1, 1],
        "sine": [0, -1, 0, 1, 0],
        "waves": [0, 1, 0, -1, 0],
        "step": [-1, -1, 1, 1, 1],
        "bump": [0.000335463, 0.135335283, 1, 0.135335283, 0.000335463],
        "corner": [1, 0, -1, 0, 1],
    }.items():
        np.testing.assert_allclose(CURVES[name](x), expected, atol=1e-9, err_msg=name)
    assert len(CURVES) == 8


def test_a_curve_of_ones_own():
    x, t = curve(30, function=lambda x: x**5, noise=0)
    assert np.allclose(t, x.astype(float) ** 5, atol=1e-6)
    with pytest.raises(ValueError, match=r"must keep the shape of x, \(30, 1\), but it gave \(\)"):
        curve(30, function=np.sum)
    with pytest.raises(ValueError, match="there is no curve 'sinus': choose one of line, parabola"):
        curve(30, function="sinus")


@pytest.mark.parametrize("make", [xor, blobs, moons, circles, spirals, curve])
def test_refuses(make):
    for n in (0, -1):
        with pytest.raises(ValueError, match=f"the number of points, must be at least 1, got {n}"):
            make(n)
    for n in (2.5, "many", None, True):
        with pytest.raises(TypeError, match="the number of points, must be a whole number"):
            make(n)
    with pytest.raises(ValueError, match="noise is a standard deviation, so it cannot be negative, got -0.1"):
        make(9, noise=-0.1)
    for noise in (float("nan"), float("inf"), "much", None, 1j):
        with pytest.raises(ValueError, match="noise must be a finite number"):
            make(9, noise=noise)
    with pytest.raises(ValueError, match="key must be at least 0"):
        make(9, key=-1)


def test_refuses_their_own_options():
    with pytest.raises(ValueError, match="classes must be at least 2, got 1"):
        blobs(9, classes=1)
    with pytest.raises(ValueError, match="turns must be a finite number"):
        spirals(9, turns=float("nan"))
    for ratio in (0, 1, -2):
        with pytest.raises(ValueError, match="ratio, the radius of the inner circle, must lie between 0 and 1"):
            circles(9, ratio=ratio)
