"""The wall, tried by those who mean harm: each attack in each layer, and shown to work where there is no wall."""

from __future__ import annotations

import os
import time

import processes
import pytest
from conftest import LAYERS, answer, notebook
from hostile import BANK, RIGHT, Hostile

from dlcourse.exercises import CORRECT
from dlcourse.grading import grade, start

KINDS = {"judge", "loot", "end", "slow", "take", "destroy", "net", "noise", "forge", "odd"}


def graded(attack: Hostile, canaries, zygote):
    path = canaries.folder / "01_one_unit.ipynb"
    path.write_bytes(notebook(answer(canaries.fill(attack.source))))
    return grade.grade(path, "mallory", path.name, zygote, seed=11)


def test_the_bank_is_large_and_holds_every_kind():
    assert len(BANK) >= 60 and len({a.name for a in BANK}) == len(BANK)
    assert {a.kind for a in BANK} == KINDS
    assert sum(a.escapes for a in BANK) >= 12


def test_some_wall_holds_here():
    assert LAYERS, "neither bubblewrap nor Landlock: apt install bubblewrap"


@pytest.mark.parametrize("attack", BANK, ids=lambda a: a.name)
def test_an_attack_gets_what_its_answer_is_worth_and_touches_nothing(attack, canaries, zygote):
    before = processes.below(os.getpid())
    began_s = time.monotonic()
    result = graded(attack, canaries, zygote)
    took_s = time.monotonic() - began_s
    first = result.exercises[0]
    assert result.problem == "" and first.points == attack.points, first
    assert canaries.touched() == []
    assert processes.below(os.getpid()) <= before, "nobody is left behind"
    assert took_s < 15, "and never for long"
    assert "<" not in first.says and "secret" not in first.says
    honest = canaries.folder / "next_01_one_unit.ipynb"
    honest.write_bytes(notebook(answer(RIGHT)))
    after = grade.grade(honest, "alice", honest.name, zygote, seed=11)
    assert after.exercises[0].state == CORRECT, "and whoever comes next is graded as ever"


@pytest.mark.parametrize("attack", [a for a in BANK if a.escapes], ids=lambda a: a.name)
def test_without_a_wall_it_succeeds(attack, canaries):
    """Else the test above would prove nothing."""
    zygote = start.Zygote("process")
    try:
        graded(attack, canaries, zygote)
        deadline = time.monotonic() + 3
        while not (found := canaries.touched()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert found
    finally:
        zygote.close()
        for pid in processes.writing(canaries.folder):
            os.kill(pid, 9)
