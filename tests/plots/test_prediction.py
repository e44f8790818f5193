"""What the figures of the prediction layer show, and on which scale."""

import numpy as np

from dlcourse import plots


def test_the_shares_of_softmax_are_drawn_on_the_scale_of_their_powers():
    scores, powers, shares = plots.softmax_steps([1.0, 3.0, 0.5], [0.1, 0.8, 0.1]).axes
    assert powers.get_ylim() == shares.get_ylim() != scores.get_ylim()


def test_a_line_over_several_splits_has_a_band():
    plain = plots.train_and_test([1, 10], [1.0, 1.0], [0.5, 0.9], "images", "right", "One")
    several = plots.train_and_test([1, 10], [[1.0, 1.0]] * 2, [[0.4, 0.6], [0.9, 0.94]], "images", "right", "Two", True)
    bands = [len(figure.axes[0].collections) for figure in (plain, several)]
    assert bands == [0, 2]
    assert "test images: 0.5 and 0.9." in plain.alt
    assert "test images: 40 to 60 % and 90 to 94 %." in several.alt and "of 2 splits" in several.alt
    assert np.allclose(several.axes[0].lines[1].get_ydata(), [50, 92]), "the mean"
    assert several.axes[0].get_ylim() == (35, 102), "a little below the lowest, to a little above a hundred"
    words = [[text.get_text() for text in figure.axes[0].get_legend().get_texts()] for figure in (plain, several)]
    assert words == [["training images", "test images"], ["training images", "test images", "band: 2 splits"]]


def test_templates_and_evidence_use_the_colours_of_other_weights():
    weights = plots.weight_images({"w": np.arange(4.0) - 1}).axes[0].images[0].get_cmap()
    W = np.linspace(-1, 1, 640).reshape(64, 10)
    for figure in (plots.templates(W), plots.evidence(np.ones(64), W, np.zeros(10), (3, 8))):
        assert figure.axes[1].images[0].get_cmap() == weights
