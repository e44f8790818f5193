"""`predict` and `compare`: the first answer is kept, and nothing that is typed makes them fail."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from conftest import forget, noted

from dlcourse.lesson import compare, predict


@pytest.fixture
def said(work, capsys):
    """What a call printed."""

    def call(function, *args, **kwargs):
        function(*args, **kwargs)
        return capsys.readouterr().out.strip()

    return call


def test_the_first_prediction_is_kept(said, work):
    assert said(predict, "01.a", 3) == "● Your prediction. 3. Noted. Now run on and see."
    assert "4 (your first was 3). Noted." in said(predict, "01.a", 4)
    assert said(compare, "01.a", 4.0) == "Result. 4. You predicted 4: that is it."
    assert noted(work)["predictions"]["01.a"] == {"first": 3, "now": 4, "hit": False}


def test_a_fresh_kernel_remembers(said):
    said(predict, "01.a", 0.5)
    forget()
    assert said(predict, "01.a", ...) == "○ Your prediction. You once said 0.5. Type it again, or something new."
    assert said(compare, "01.a", 0.52, within=0.05, unit="m") == "Result. 0.52 m. You predicted 0.5: close enough."


def test_how_far_off_still_counts(said, work):
    said(predict, "01.a", 1)
    for actual, within, verdict in (1.5, 0.5, "close enough"), (1.6, 0.5, "worth a second look"), (1, 0, "that is it"):
        assert said(compare, "01.a", actual, within=within).endswith(f"You predicted 1: {verdict}.")
        assert noted(work)["predictions"]["01.a"]["hit"] is (verdict != "worth a second look")


def test_nothing_was_predicted(said, work):
    assert "Replace the ... by your guess" in said(predict, "01.a")
    assert said(compare, "01.a", 4) == "Result. 4. (You made no prediction.)"
    assert said(compare, "01.b", "more") == "Result. more. (You made no prediction.)"
    assert not (work / ".dlcourse" / "progress.json").exists()


def test_choices(said, work):
    choices = ("more", "fewer")
    assert said(predict, "01.d", ..., choices=choices).endswith(
        "Choose one of: 'more', 'fewer'. A wrong guess teaches more than none."
    )
    assert said(predict, "01.d", "mroe", choices=choices) == "○ Your prediction. 'mroe' is not one of: 'more', 'fewer'."
    assert not (work / ".dlcourse" / "progress.json").exists()
    said(predict, "01.d", "more", choices=choices)
    assert said(compare, "01.d", "fewer") == "Result. fewer. You predicted more: worth a second look."
    assert said(compare, "01.d", "more") == "Result. more. You predicted more: that is it."
    said(predict, "01.b", 3, choices=(2, 3, 4))
    assert said(compare, "01.b", 3, unit="of 4") == "Result. 3 of 4. You predicted 3: that is it."


@pytest.mark.parametrize("choices", [(), ("more", "fewer"), (1, 2)])
@pytest.mark.parametrize("answer", ["three", None, [1], np.zeros(3), {}, 1j, print, np, Decimal("NaN"), b"more"])
def test_a_wrong_kind_of_answer_is_told(said, work, answer, choices):
    expected = "is not one of: " if choices else "is not a number."
    assert expected in said(predict, "01.a", answer, choices=choices)
    assert not (work / ".dlcourse" / "progress.json").exists()


@pytest.mark.parametrize("answer", [Fraction(1, 2), np.float32(0.5), np.array([0.5]), np.array(0.5)])
def test_any_number_is_a_prediction(said, work, answer):
    said(predict, "01.a", answer)
    assert noted(work)["predictions"]["01.a"]["now"] == 0.5
    assert said(compare, "01.a", np.float64(0.5)).endswith("You predicted 0.5: that is it.")


@pytest.mark.parametrize("answer", [float("inf"), -0.0, 1e300])
def test_odd_numbers_do_no_harm(said, answer):
    assert "Noted" in said(predict, "01.a", answer)
    forget()
    assert said(compare, "01.a", 1.0).startswith("Result. 1. ")


@pytest.mark.parametrize("answer", [10**400, -(10**400), 10**5000, Fraction(10**400)], ids="abcd")
def test_a_number_beyond_all_measure_is_told(said, work, answer):
    assert said(predict, "01.a", answer) == "○ Your prediction. That number is too large."


def test_words_and_numbers_do_not_mix(said):
    said(predict, "01.a", 3)
    assert said(compare, "01.a", "three") == "Result. three. (You made no prediction.)"
    said(predict, "01.d", "more", choices=("more",))
    assert said(compare, "01.d", 3) == "Result. 3. (You made no prediction.)"


def test_only_the_first_guess_can_come_true(notebook, work):
    notebook.run('predict("01.a", 1)')
    notebook.run('predict("01.a", 7)')
    assert "You predicted 7: that is it" in notebook.run('compare("01.a", 7)')
    assert noted(work)["predictions"]["01.a"] == {"first": 1, "now": 7, "hit": False}


def test_a_whole_number_may_be_the_first_guess_of_a_decimal(said, work):
    said(predict, "01.a", -6)
    said(predict, "01.a", 0.9)
    assert "that is it" in said(compare, "01.a", 0.9)
    assert noted(work)["predictions"]["01.a"]["hit"] is False


def test_a_comma_for_the_point_is_told(said, work):
    assert said(predict, "01.a", 1, 5).endswith("A decimal number is written with a point: 1.5 and not 1,5.")
    assert not (work / ".dlcourse" / "progress.json").exists()


def test_nan_is_no_number(said, work):
    for nan in (float("nan"), np.float32("nan")):
        assert said(predict, "01.a", nan).endswith("is not a number.")
    assert not (work / ".dlcourse" / "progress.json").exists()


def test_half_a_letter_in_the_record_stops_nothing(said, work):
    (work / ".dlcourse").mkdir(parents=True)
    (work / ".dlcourse" / "progress.json").write_text('{"predictions": {"\\ud83d": {"first": "\\ud83d"}}}')
    assert "Noted." in said(predict, "01.a", 3)
    assert noted(work)["predictions"]["01.a"]["now"] == 3
