"""The figures of hidden layers: what they draw is what the numbers say."""

import numpy as np
import pytest

from dlcourse import plots

# two layers that do XOR: the hidden ones are an OR and an AND
XOR_LAYERS = [(np.ones((2, 2)), np.array([-0.5, -1.5])), (np.array([[1.0], [-1.0]]), np.array([-0.5]))]
FOUR, IS_XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
LINE = np.linspace(-3, 3, 61)


def above(points, border):
    """The class on each side of x2 = border."""
    return (points[:, 1] > border).astype(int)


def test_rows_that_fall_together_are_drawn_once_and_named_together():
    figure = plots.hidden_space(FOUR, IS_XOR, XOR_LAYERS)
    assert "3 different places" in figure.alt and "(0, 1) and (1, 0) at (1, 0)" in figure.alt
    assert "4 of 4 inputs on the right side" in figure.alt
    discs = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert sorted(tuple(map(float, line.get_xydata()[0])) for line in discs) == [(0, 0), (1, 0), (1, 1)]


def test_rows_on_the_wrong_side_are_counted_as_such():
    (W1, b1), (W2, b2) = XOR_LAYERS
    only_or = plots.hidden_space(FOUR, IS_XOR, [(W1, b1), (np.abs(W2) * [[1], [0]], b2)])
    assert "3 of 4 inputs on the right side" in only_or.alt


def test_corners_are_found_where_the_slope_changes():
    line = np.linspace(-3, 3, 601)
    assert plots.corners(line, np.abs(line)) == pytest.approx([0])
    assert plots.corners(line, np.maximum(line - 0.505, 0) - np.maximum(line - 2, 0)) == pytest.approx(
        [0.505, 2], abs=0.01
    )
    assert plots.corners(line, 3 * line + 1) == []


def test_unit_parts_draws_the_parts_and_their_sum():
    parts = np.maximum(LINE[:, None] * [1, -1], 0)
    figure = plots.unit_parts(LINE, parts, -1.0)
    first, second = (line.get_ydata() for line in figure.axes[0].lines)
    assert np.allclose(first, parts[:, 0]) and np.allclose(second, parts[:, 1])
    assert np.allclose(figure.axes[1].lines[0].get_ydata(), np.abs(LINE) - 1)
    assert "with 1 corner: near x = 0." in figure.alt


def test_borders_says_how_many_points_are_right():
    assert "low: 50% right" in plots.borders({"low": 0.2}, above, FOUR, IS_XOR).alt
    assert "low: 100% right" in plots.borders({"low": 0.2}, above, FOUR, FOUR[:, 1]).alt


def test_a_straight_border_gets_what_its_numbers_say():
    spaces = {
        "inputs": (FOUR, np.array([[0, 1], [0, 0]]), np.array([0.0, -0.5])),
        "hidden": (FOUR[[0, 2, 2, 3]], np.array([[0, 1], [0, -1]]), np.array([0.0, -0.5])),
    }
    alt = plots.straight_borders(spaces, IS_XOR).alt
    assert "inputs: 50.0% of 4 points" in alt and "hidden: 100.0% of 4 points" in alt


def test_borders_name_both_inputs_and_leave_room_for_the_title():
    figure = plots.borders({"a, best seed": 0.2, "b": 0.4}, above, FOUR, IS_XOR)
    assert [ax.get_xlabel() for ax in figure.axes] == ["input 1", "input 1"]
    assert [ax.get_ylabel() for ax in figure.axes] == ["input 2", ""]
    figure.draw_without_rendering()
    top = figure._suptitle.get_window_extent().y0
    assert max(ax.title.get_window_extent().y1 for ax in figure.axes) < top


def test_five_units_have_five_kinds_of_line():
    figure = plots.unit_parts(LINE, np.maximum(LINE[:, None] - np.arange(5) / 5, 0), target=LINE)
    kinds = [str(line._unscaled_dash_pattern) for line in figure.axes[0].lines]
    assert len(set(kinds)) == 5
    assert "desired" in [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
