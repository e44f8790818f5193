"""The pictures of lesson 13 show what they say: which clock is read when, a zero on a logarithmic axis, two kinds of
curve that are told apart without colour."""

from __future__ import annotations

import pytest

from dlcourse import plots


def words(ax) -> dict[str, tuple[float, float]]:
    return {text.get_text(): text.get_position() for text in ax.texts}


def test_one_clock_is_read_after_the_last_call_where_nobody_waits():
    ax = plots.two_clocks([0.5e-3] * 3, [5e-3] * 3, False).axes[0]
    assert [line.get_xdata()[0] for line in ax.lines] == pytest.approx([0, 1.5])
    assert [text for text in words(ax) if "clock" in text] == ["clock: 1.5 ms"]
    assert ax.get_xlim()[1] < 16  # the device is done after 15.5 ms: no empty paper behind


def test_the_clock_is_read_around_each_call_where_the_host_waits():
    figure = plots.two_clocks([0.5e-3] * 2, [5e-3, 3e-3], True)
    assert [line.get_xdata()[0] for line in figure.axes[0].lines] == pytest.approx([0, 5.5, 9])
    assert [text for text in words(figure.axes[0]) if "clock" in text] == ["clock: 5.5 ms", "clock: 3.5 ms"]
    assert "5.5 and 3.5 ms" in figure.alt


def test_zero_has_a_place_of_its_own_behind_a_break_and_numbers_are_plain():
    figure = plots.relative_errors({"itself": 0.0, "float32": 7e-7, "seven bits": 0.02}, 1e-5)
    ax = figure.axes[0]
    labels = {tick.get_text(): x for tick, x in zip(ax.get_xticklabels(), ax.get_xticks())}
    texts = words(ax)
    assert ax.get_xlim()[0] < labels["0"] < texts["//"][0] < labels["0.0000001"]
    assert ax.lines[0].get_xdata()[0] == labels["0"]
    assert {"0", "0.0000007", "0.02", " tolerance 0.00001"} <= set(texts)
    assert texts["0.0000007"][0] < 7e-7 and "e-" not in figure.alt


def test_a_number_within_the_tolerance_does_not_lie_on_its_line():
    figure = plots.relative_errors({"near": 9e-6}, 1e-5)
    (number,) = (text for text in figure.axes[0].texts if text.get_text() == "0.000009")
    assert number.get_ha() == "right" and number.get_position()[0] < 9e-6


def test_bands_reach_further_than_what_was_measured_and_differ_by_their_hatch():
    bands = {"one": [(2e-4, 3e-4), (2e-4, 3e-4), (9e-4, 9e-4)], "other": [(5e-5, 7e-5), (5e-5, 7e-5), (9e-4, 9e-4)]}
    figure = plots.step_times([4, 64, 16384], {"a CPU": [1e-5, 2.0]}, bands)
    ax, (legend,) = figure.axes[0], figure.legends
    assert list(ax.lines[0].get_xdata()) == [4, 64]
    hatches = [handle.get_hatch() for handle in legend.legend_handles[1:]]
    assert len(set(hatches)) == 2 and all(hatches)
    assert not ax.get_legend() and "1e+" not in figure.alt  # the legend stands beside the curves, not over them
    figure.draw_without_rendering()
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert "1,000,000" in labels and not any("e" in label for label in labels)
    assert "200 to 300 at 4, 200 to 300 at 64, 900 at 16,384" in figure.alt


def test_a_ratio_below_1_stands_on_its_own_side_of_the_line():
    ax = plots.left_of_a_claim({"the claim": 5e6, "all": 0.32}).axes[0]
    texts = {text.get_text(): text for text in ax.texts}
    assert texts["0.32×"].get_position()[0] < 0.32 and texts["0.32×"].get_ha() == "right"
    assert texts["5,000,000×"].get_position()[0] > 5e6
