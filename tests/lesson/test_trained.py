"""The trainings of notebook 05: the sizes asked for, a start that the seed decides, and the best and worst of runs."""

import numpy as np
import pytest

from dlcourse import Momentum, Tanh, moons
from dlcourse.lesson.trained import best_and_worst, fresh, trained


def scores(x, layers):
    *hidden, (W, b) = layers
    for V, a in hidden:
        x = np.maximum(x @ V + a, 0)
    return x @ W + b


def test_layers_come_first_to_last_with_the_sizes_that_were_asked_for():
    layers = trained(moons, [5, 3], epochs=1)
    assert [W.shape for W, _ in layers] == [(2, 5), (5, 3), (3, 2)]
    assert [b.shape for _, b in layers] == [(5,), (3,), (2,)]


def test_training_lowers_the_errors_from_a_start_that_the_seed_decides():
    x, t = moons(400, key=3)
    begin, layers = (trained(moons, [16, 16], seed=3, epochs=n) for n in (0, 60))
    again = list(fresh([2, 16, 16, 2], seed=3).params.values())
    assert all(np.array_equal(a, b) for a, b in zip([v for pair in begin for v in pair], again))
    before, after = (np.mean(scores(x, found).argmax(axis=1) == t) for found in (begin, layers))
    assert after > 0.95 > before


def test_another_bend_and_another_rule_give_other_weights():
    plain, other, rule = (
        trained(moons, [4], **how, epochs=2) for how in ({}, {"bend": Tanh}, {"by": Momentum, "lr": 0.1})
    )
    assert not np.allclose(plain[0][0], other[0][0]) and not np.allclose(plain[0][0], rule[0][0])


def test_without_a_bend_the_network_is_one_line():
    net = fresh([2, 4, 4, 1], None)
    x = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]], np.float32)
    first, middle, last = net.predict(x)[:, 0]
    assert middle == pytest.approx((first + last) / 2, abs=1e-6)


def test_of_runs_the_best_and_the_worst_are_found():
    assert best_and_worst([("a", 0.5), ("b", 0.9), ("c", 0.2), ("d", 0.9)]) == ("b", "c")
