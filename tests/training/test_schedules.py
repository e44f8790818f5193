"""Schedules at the places where their value is known, and in a run."""

import numpy as np
import pytest

from dlcourse.data import Batches
from dlcourse.nn.layers import Dense
from dlcourse.nn.losses import MeanSquaredError
from dlcourse.nn.network import Network
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import SGD
from dlcourse.training.schedules import Schedule, constant, cosine, step, warmup


def test_constant():
    assert [constant(0.3)(t) for t in (0, 7, 10**9)] == [0.3, 0.3, 0.3]


def test_step_is_a_staircase():
    rate = step(0.8, every=10, factor=0.5)
    assert [rate(t) for t in (0, 9, 10, 19, 20, 30)] == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.2, 0.1])


def test_cosine_starts_at_lr_passes_the_middle_and_stays_on_the_floor():
    rate = cosine(1.0, updates=100, floor=0.2)
    assert [rate(t) for t in (0, 50, 100, 1000)] == pytest.approx([1.0, 0.6, 0.2, 0.2])
    assert rate(25) == pytest.approx(0.2 + 0.8 * (1 + 2**-0.5) / 2)


def test_warmup_is_a_ramp_under_another_schedule():
    rate = warmup(step(1.0, every=8, factor=0.1), updates=4)
    assert [rate(t) for t in (0, 1, 2, 3, 4, 8)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 0.1])


@pytest.mark.parametrize("make", [lambda: step(1, 0, 0.5), lambda: cosine(1, 0), lambda: warmup(constant(1), -1)])
def test_a_number_of_updates_is_at_least_one(make):
    with pytest.raises(ValueError, match="number of updates, 1 or more, got"):
        make()


def test_schedule_sets_the_rate_before_each_update():
    """θ of a bias alone moves by η times a gradient that is known: the rates can be read off."""
    rng = np.random.default_rng(3)
    x, t = np.zeros((6, 1), "float32"), rng.standard_normal((6, 1)).astype("float32")
    net = Network(Dense(1, 1))
    sgd, seen = SGD(net.theta, net.grad, lr=99.0), []
    rate = cosine(0.4, updates=6)

    class Watch:
        def on_batch(self, run):
            seen.append(float(net.params["0.b"][0]))

    fit(net, MeanSquaredError(), sgd, Batches(x, t, 2, shuffle=False), epochs=2, hooks=[Watch(), Schedule(sgd, rate)])
    b, expected = 0.0, []
    for update in range(6):
        part = t[update % 3 * 2 :][:2]
        b -= rate(update) * 2 * float((b - part).mean())
        expected.append(b)
    np.testing.assert_allclose(seen, expected, rtol=1e-5)
    assert sgd.lr == rate(5)
