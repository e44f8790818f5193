"""Answers written by people who had the notebooks alone: every verdict must be right, and no cause named wrongly.

blind_answers.json: exercise -> [{code, right, what}]; `what` is the mistake as its writer put it. They were written
before any of them was checked. Nothing in the banks may be fitted to them by looking at their text.
"""

import json
from pathlib import Path

import pytest

from dlcourse.exercises import CORRECT, NOT_ATTEMPTED, evaluate, exercises, find, notebooks
from dlcourse.exercises.runners import Subprocess

BANK = json.loads(Path(__file__).with_name("blind_answers.json").read_text(encoding="utf-8"))
EARLIER = [(ex.id, ex.solution) for number in notebooks() for ex in exercises(number).values()]


@pytest.fixture(scope="module")
def named():
    """exercise -> (wrong answers whose mistake was named, wrong answers); what the tests below have found."""
    return {}


@pytest.mark.parametrize("id", BANK)
def test_every_verdict_is_right(id, named):
    ex, before = find(id), [cell for cell in EARLIER if cell[0] < id and cell[0][:2] != "00"]
    found = []
    for answer in BANK[id]:
        with Subprocess([*before, (id, answer["code"])]) as runner:
            verdict = evaluate(ex, runner, seed=7)
        assert (verdict.state == CORRECT) == answer["right"], (answer, verdict)
        found += [bool(verdict.key)] if not answer["right"] and verdict.state != NOT_ATTEMPTED else []
    named[id] = sum(found), len(found)


def test_two_of_three_mistakes_are_named(named):
    hits, wrong = map(sum, zip(*named.values()))
    print(f"{hits} of {wrong} wrong answers heard their cause")
    assert hits >= 0.6 * wrong, named


def test_there_are_ten_wrong_and_five_right_ones():
    for id, answers in BANK.items():
        right = sum(a["right"] for a in answers)
        assert right >= 5 and len(answers) - right >= 10, id
