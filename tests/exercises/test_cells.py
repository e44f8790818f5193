"""The exercises in the lessons: as they are given out they are not attempted, as they are solved they are correct."""

import re
from pathlib import Path

import numpy as np
import pytest

from dlcourse.authoring.openings import opened, without_markers
from dlcourse.authoring.source import read
from dlcourse.exercises import CORRECT, NOT_ATTEMPTED, evaluate, exercises, find, notebooks
from dlcourse.exercises.answer import answer_source
from dlcourse.exercises.runners import InProcess

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions"
LESSONS = {path.name[:2]: read(path.read_text(encoding="utf-8")) for path in sorted(SOLUTIONS.glob("[0-9][0-9]_*.py"))}
CELLS = {c.exercise: c.text for cells in LESSONS.values() for c in cells if c.exercise}


def names_after(id, text):
    """The names after the answer in this cell has run, where what it may call has been lent."""
    names = {"np": np}
    names |= {name: find(other).reference[name] for name, other in find(id).given.items()}
    exec(answer_source([text], find(id).defines, find(id).given), names)
    return names


def test_each_exercise_of_a_bank_is_in_its_lesson_once_and_in_order():
    assert set(notebooks()) <= set(LESSONS)
    for number, cells in LESSONS.items():
        held = [c.exercise for c in cells if c.exercise]
        assert held == list(exercises(number)), f"lesson {number}"
        assert [c.uses for c in cells if c.uses] == held, f"lesson {number}: one cell that takes each product over"


@pytest.mark.parametrize("id", CELLS)
def test_the_cell_as_it_is_given_out_is_not_attempted(id):
    verdict = evaluate(find(id), InProcess(names_after(id, opened(CELLS[id]))))
    assert verdict.state == NOT_ATTEMPTED, verdict


@pytest.mark.parametrize("id", CELLS)
def test_the_cell_as_it_is_solved_is_correct(id):
    verdict = evaluate(find(id), InProcess(names_after(id, without_markers(CELLS[id]))))
    assert verdict.state == CORRECT, verdict


@pytest.mark.parametrize("id", CELLS)
def test_the_check_is_the_last_line_of_its_own_cell(id):
    assert CELLS[id].rstrip().splitlines()[-1] == f'check("{id}")'
    assert len(re.findall(r"\bcheck\(", CELLS[id])) == 1


@pytest.mark.parametrize("id", CELLS)
def test_the_names_are_those_of_the_bank(id):
    names = names_after(id, without_markers(CELLS[id]))
    assert all(name in names for name in find(id).defines)
    about = {name: find(id).reference.get(name) for name in find(id).defines}
    for name, reference in about.items():
        if callable(reference) and not isinstance(reference, type):
            arguments = [f.__code__.co_varnames[: f.__code__.co_argcount] for f in (reference, names[name])]
            assert arguments[0] == arguments[1], "the notebook and the bank call the arguments the same"
