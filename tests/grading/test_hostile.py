"""The wall, tried by those who mean harm: each attack in each layer, and shown to work where there is no wall."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import types

import numpy as np
import processes
import pytest
import shared
from attack import RIGHT, Hostile, inside
from conftest import LAYERS, answer, notebook
from hostile import BANK

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
    if attack.call and not shared.there(attack.call):
        pytest.skip(f"this kernel does not have call {attack.call}")
    if "user." in attack.source and not shared.attributes(canaries.folder / "victim/other.ipynb").get("user.mine"):
        pytest.skip("the file system of the temporary folder keeps no attributes")
    zygote = start.Zygote("process")
    try:
        gained = graded(attack, canaries, zygote).points > attack.points
        deadline = time.monotonic() + 3
        while not (found := canaries.touched() or gained) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert found
    finally:
        zygote.close()
        for pid in processes.writing(canaries.folder):
            os.kill(pid, 9)


@pytest.mark.parametrize("layer", LAYERS)
def test_no_worker_outlives_the_process_that_forked_it(layer, canaries):
    """It asks the kernel not to end it with its parent, and goes on for ever."""
    stays = "import ctypes, time\n" + inside("ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\ntime.sleep(10**6)")
    with contextlib.closing(start.Zygote(layer)) as zygote:
        zygote.wait()
        grader = threading.Thread(target=graded, args=(Hostile("stays", "end", stays), canaries, zygote))
        grader.start()
        first, deadline = zygote.process.pid, time.monotonic() + 5
        while not (workers := processes.below(first)) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.5)
        workers |= processes.below(first)
        os.kill(first, signal.SIGKILL)
        time.sleep(0.5)
        left = workers & set(processes.parents())
        grader.join()
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    assert workers and not left


@pytest.mark.parametrize("parent, code", [(os.getpid(), 0), (1 << 22, 1)])
def test_a_worker_whose_parent_has_ended_before_it_begins_does_not_begin(parent, code):
    zygote = types.ModuleType("zygote")
    exec(start.FILES[0].read_text(), zygote.__dict__)
    zygote.numpy = np
    pid = os.fork()
    if not pid:
        zygote.serve(types.SimpleNamespace(main=lambda: None), None, [], parent, 0, 0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code
