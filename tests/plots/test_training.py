"""The pictures of the training phase say what their data say."""

import numpy as np
import pytest

from dlcourse import plots, verdict


def test_a_failing_seed_is_drawn_by_itself_and_does_not_widen_the_band():
    table = [[0.5, 0.9], [0.6, 0.96], [0.55, 0.93], [0.2, 0.3]]
    figure = plots.seed_bands({"small": table}, {"small": [3]}, seeds={"small": "abcd"})
    assert "3 seeds end between 90.0 and 96.0; seeds that fail: seed d ends at 30.0" in figure.alt
    band = figure.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(50) and band.max() == pytest.approx(96)
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert np.allclose(dashed[0].get_ydata(), [20, 30]), "told apart by its dashes, not by colour alone"


def test_many_failing_seeds_are_counted_in_the_legend():
    figure = plots.seed_bands({"large": [[0.9], [0.1], [0.2], [0.3]]}, {"large": [1, 2, 3]})
    words = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert words == ["1 seed: middle and band", "3 seeds fail"]


def test_seeds_that_only_lag_are_not_said_to_fail():
    figure = plots.seed_bands({"small": [[0.9], [0.1]]}, {"small": [1]}, verb="lag")
    words = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert words == ["1 seed: middle and band", "seed 1 lags"]
    assert "; seeds that lag: seed 1 ends at 10.0" in figure.alt and "fail" not in figure.alt


def test_a_point_of_the_loss_may_stand_for_an_update():
    figure = plots.loss_curve([1.0, 0.5], 2.0, each="update")
    assert figure.axes[0].get_xlabel() == "update" and "over 2 updates" in figure.alt and "epoch" not in figure.alt


def test_dots_that_are_batches_are_called_so():
    assert "small: 2 batches," in plots.bands({"small": [0.5, 0.6]}, each="batch").alt


def test_early_stop_marks_the_epoch_that_is_kept():
    figure = plots.early_stop([1.0, 0.4, 0.2, 0.1], [1.1, 0.6, 0.7, 0.8], keep=2, stop=4)
    (dot,) = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (2, 0.6)
    assert "0.6, is that of epoch 2. One stops after epoch 4." in figure.alt


def test_each_run_stands_under_the_word_of_the_rule():
    runs = {"plus": [1e15, 1e32], "zeros": [2.3] * 6}
    said = {name: (losses, verdict(losses, patience=2, chance=2.3, start=2.3)) for name, losses in runs.items()}
    figure = plots.verdicts(said)
    assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["plus: diverged", "zeros: stuck at chance"]
    assert "plus: diverged, on a logarithmic scale, from" in figure.alt
    assert "zeros: stuck at chance, from" in figure.alt, "an even scale: nothing is said of logarithms"


def test_an_error_outside_its_band_is_said_to_be():
    alt = plots.error_by_epoch([4.9, 3.0], {1: (4.8, 5.0), 2: (1.0, 2.0)}).alt
    assert "after epoch 1 it is 4.90, in the band" in alt and "after epoch 2 it is 3.00, outside the band" in alt


def test_lives_part_at_the_change():
    old, new = np.zeros(101), np.append(np.zeros(50), np.ones(51))
    figure = plots.weight_life({"old": old, "new": new}, 50)
    drawn = [line for line in figure.axes[0].lines if line.get_label() in ("old", "new")]
    assert [len(line.get_xdata()) for line in drawn] == [101, 51]
    assert [line.get_linestyle() for line in drawn] == ["-", "--"], "told apart in grey, too"


def test_a_band_stands_beside_its_point_and_every_error_is_told():
    figure = plots.error_by_epoch([9.4, 8.23, 7.97], {3: (7.9, 8.0)})
    (bar,) = [line for line in figure.axes[0].lines if line.get_linewidth() > 10]
    assert list(bar.get_xdata()) == [3.5, 3.5] and list(bar.get_ydata()) == [7.9, 8.0]
    assert "the error is 9.40 after epoch 1, 8.23 after epoch 2 and 7.97 after epoch 3" in figure.alt
    words = [text.get_text() for text in plots.error_by_epoch([9.4, 8.2], {}).axes[0].texts]
    assert not any("expected" in text for text in words), "nothing is expected, so nothing is explained"
