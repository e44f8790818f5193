"""The variances of the papers, and weights that depend on nothing but the generator."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dlcourse.nn import initializers as init

FAN_IN, FAN_OUT, SHAPE = 300, 500, (300, 500)
VARIANCE = {"glorot": 2 / 800, "he": 2 / 300, "lecun": 1 / 300}
LIMIT = {"glorot": math.sqrt(6 / 800), "he": math.sqrt(6 / 300), "lecun": math.sqrt(3 / 300)}


def draw(initializer, key=3, shape=SHAPE):
    return initializer(np.random.default_rng(key), shape, FAN_IN, FAN_OUT)


@pytest.mark.parametrize("form", ["", "_uniform"])
@pytest.mark.parametrize("name", VARIANCE)
def test_the_variance_is_the_papers(name, form):
    W = draw(getattr(init, name + form))
    assert W.shape == SHAPE and W.dtype == np.float64
    assert W.var() == pytest.approx(VARIANCE[name], rel=0.02)  # 150,000 numbers: 0.4 % is one standard deviation
    assert abs(W.mean()) < 4 * math.sqrt(VARIANCE[name] / W.size)


@pytest.mark.parametrize("name", VARIANCE)
def test_the_uniform_form_fills_its_interval_and_the_normal_form_leaves_it(name):
    limit = LIMIT[name]
    assert 0.999 * limit < np.abs(draw(getattr(init, name + "_uniform"))).max() <= limit
    assert np.abs(draw(getattr(init, name))).max() > limit


def test_the_papers_numbers_for_the_networks_that_people_write_down():
    """LeNet-300-100: He for 784 inputs is 0.0505; Glorot's equation 16 for 784 x 300 gives a limit of 0.0744."""
    rng = np.random.default_rng(0)
    assert init.he(rng, (784, 300), 784, 300).std() == pytest.approx(0.0505, rel=0.01)
    assert np.abs(init.glorot_uniform(rng, (784, 300), 784, 300)).max() == pytest.approx(0.0744, rel=1e-3)


def test_zeros_ones_and_normal():
    assert not draw(init.zeros).any() and draw(init.zeros).dtype == np.float64
    assert (draw(init.ones) == 1).all()
    assert draw(init.normal(0.01)).std() == pytest.approx(0.01, rel=0.02)
    assert not draw(init.normal(0.0)).any()


@pytest.mark.parametrize("name", ["glorot", "glorot_uniform", "he", "he_uniform", "lecun", "lecun_uniform"])
def test_the_generator_alone_decides(name):
    f = getattr(init, name)
    np.testing.assert_array_equal(draw(f), draw(f))
    assert (draw(f) != draw(f, key=4)).mean() > 0.99
    assert len(np.unique(draw(f))) > 0.999 * math.prod(SHAPE)


def test_a_deep_network_keeps_the_size_of_its_signal():
    """He's variance for ReLU: through 20 layers of random weights the mean square stays within a factor of 2."""
    rng, signal = np.random.default_rng(5), np.random.default_rng(6).standard_normal((200, 400))
    before = (signal**2).mean()
    for _ in range(20):
        signal = np.maximum(signal @ init.he(rng, (400, 400), 400, 400), 0)
    assert 0.5 < (signal**2).mean() / before < 2
