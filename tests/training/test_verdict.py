"""The verdict on prepared curves: clean ones, noisy ones, and ones that lie on the border."""

import math

import numpy as np
import pytest

from dlcourse.nn.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy
from dlcourse.training.verdict import chance_loss, floor_loss, settled, smoothed, verdict

E = np.arange(40)
CHANCE = math.log(10)
CURVES = {
    "still falling": [
        [2.3],
        [2.3, 1.9, 1.5],
        2.3 * 0.95**E,
        2.3 * 0.99**E,
        2.3 / (1 + 0.1 * E),
        np.r_[[2.3] * 10, 2.3 * 0.9 ** np.arange(6)],  # a late start
        np.r_[30.0, 20.0, 10.0, 5.0, 4.0, 3.5, 3.1],  # still above chance, but on its way
    ],
    "converged": [
        0.1 + 2.2 * 0.5**E,
        np.r_[2.3 * 0.5 ** np.arange(6), [0.07] * 10],
        np.zeros(12),
        np.r_[1.0, 0.5, 0.2, [0.0] * 9],
        np.r_[2.3, 1.0, 0.5, 0.4, 0.35 + 0.01 * np.arange(10)],  # it creeps up again, far below its start
    ],
    "diverged": [
        [2.3, float("nan")],
        [float("inf")],
        2.3 * 1.2**E,
        np.r_[2.3, 1.0, 0.5, 4.0, 9.0, 30.0],
    ],
    "stuck at chance": [
        np.full(12, CHANCE),
        CHANCE + 0.5 * 0.5**E,
        CHANCE * (1 - 0.0001 * E),
    ],
}


@pytest.mark.parametrize("name, i", [(name, i) for name, curves in CURVES.items() for i in range(len(curves))])
def test_verdict_on_clean_curves(name, i):
    assert verdict(list(CURVES[name][i]), chance=CHANCE).name == name


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "name, curve",
    [
        ("still falling", 2.3 * 0.97**E),
        ("converged", 0.1 + 2.2 * 0.6**E),
        ("diverged", 2.3 * 1.1**E),
        ("stuck at chance", np.full(40, CHANCE)),
    ],
)
def test_noise_does_not_change_the_verdict(name, curve, seed):
    noise = 1 + 0.01 * np.random.default_rng(seed).standard_normal(len(curve))
    assert verdict(curve * noise, chance=CHANCE).name == name


def test_without_chance_nothing_is_stuck_at_it():
    assert verdict([CHANCE] * 12).name == "converged"


def test_patience_and_tolerance_are_the_borders():
    falling = [1.0 - 0.01 * e for e in range(20)]  # smoothed, about 6 % in five epochs
    assert not settled(falling, patience=5, tolerance=0.05) and settled(falling, patience=5, tolerance=0.07)
    flat = [1.0] * 6
    assert not settled(flat[:5], patience=5, tolerance=0.01) and settled(flat, patience=5, tolerance=0.01)


def test_one_lucky_epoch_is_no_improvement_of_its_full_size():
    lucky = [1.0] * 10 + [0.985] + [1.0] * 4  # 1.5 % down, smoothed 0.5 %
    assert settled(lucky, patience=5, tolerance=0.01)


def test_smoothed_is_the_mean_of_up_to_three():
    np.testing.assert_allclose(smoothed([3.0, 1.0, 2.0, 6.0]), [3, 2, 2, 3])


def test_the_sentence_names_its_numbers():
    assert str(verdict([2.3, 1.0, 9.0])) == "diverged: the loss rose from 2.3 to 9"
    assert "no better than chance, 2.303" in verdict([2.31] * 12, chance=CHANCE).sentence
    assert "in the last 3 epochs" in verdict([1.0] * 9, patience=3).sentence
    assert verdict([1.0, math.nan]).sentence == "the loss of epoch 2 is nan"


def test_chance_is_the_loss_of_always_predicting_the_base_rate():
    t = np.array([0, 0, 0, 1, 2, 2])
    share = np.array([3, 1, 2]) / 6
    z = np.broadcast_to(np.log(share), (6, 3))  # logits of the base rate
    assert chance_loss(SoftmaxCrossEntropy(), t) == pytest.approx(np.mean(-z[range(6), t]))
    assert chance_loss(SoftmaxCrossEntropy(), np.arange(10)) == pytest.approx(math.log(10))
    y = np.random.default_rng(0).standard_normal((50, 3)).astype("float32")
    assert chance_loss(MeanSquaredError(), y) == pytest.approx(float(((y - y.mean(0)) ** 2).mean()), rel=1e-6)
    assert chance_loss(object(), t) is None


@pytest.mark.parametrize(
    "loss, t",
    [
        (SoftmaxCrossEntropy(), np.eye(4)[[0, 0, 1, 2, 3, 3, 3]]),
        (SoftmaxCrossEntropy(), np.array([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]])),
        (SoftmaxCrossEntropy(0.2), np.eye(3)[[0, 0, 1]]),
        (SoftmaxCrossEntropy(0.2), np.array([0, 0, 1])),
        (BinaryCrossEntropy(), np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.5]])),
        (BinaryCrossEntropy(), np.ones((3, 1))),
        (MeanSquaredError(), np.array([[0.0, 10.0], [2.0, 10.0], [4.0, 40.0]])),
    ],
)
def test_no_constant_prediction_is_better_than_chance(loss, t):
    """Gradient descent on the constant itself ends where the formula says."""
    outputs = t.shape[1] if t.ndim == 2 else 3
    z = np.zeros(outputs)
    for _ in range(3000):
        value = loss.forward(np.tile(z, (len(t), 1)), t)
        z -= 0.5 * loss.backward().sum(axis=0)
    assert chance_loss(loss, t, outputs) == pytest.approx(float(value), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: verdict([]), "at least one epoch"),
        (lambda: verdict([1.0], patience=0), "patience is a whole number"),
        (lambda: verdict([1.0], tolerance=float("nan")), "tolerance 0 or more"),
        (lambda: chance_loss(MeanSquaredError(), np.zeros(0)), "at least one target"),
    ],
)
def test_mistakes(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_run_that_is_thrown_off_at_once_has_diverged_even_while_it_falls():
    thrown = [4.6e4 * 0.99**i for i in range(6)]
    assert verdict(thrown).name == "still falling"
    assert verdict(thrown, start=2.3).name == "diverged"
    assert verdict([20.0, 10.0, 5.0], start=40.0).name == "still falling"


def test_a_run_that_has_come_back_is_not_diverged():
    assert verdict([2000.0, 1.0], start=46.0).name != "diverged"
    assert verdict([2000.0, 1900.0], start=46.0).name == "diverged"


def test_a_smoothed_loss_is_measured_from_the_least_it_can_be():
    loss, outputs = SoftmaxCrossEntropy(0.9), 10
    floor, chance = floor_loss(loss, outputs), np.log(10)
    smoothed_target = np.full(10, 0.09)
    smoothed_target[0] += 0.1
    assert floor == pytest.approx(-(smoothed_target * np.log(smoothed_target)).sum())
    assert floor_loss(SoftmaxCrossEntropy(), 10) == floor_loss(MeanSquaredError(), 10) == 0
    learned = [chance] + [floor + 0.1 * (chance - floor)] * 9
    assert verdict(learned, chance=chance, floor=floor).name == "converged"
    assert verdict([chance] * 10, chance=chance, floor=floor).name == "stuck at chance"


def test_constant_targets_have_no_chance_to_be_stuck_at():
    assert verdict([1e-13] * 10, chance=0.0).name == "converged"


def test_patience_is_a_whole_number():
    with pytest.raises(ValueError, match="whole number of epochs"):
        verdict([1.0], patience=2.5)
