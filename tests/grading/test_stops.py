"""Nobody loses a point because the grader, or the whole machine, stood still: Ctrl-Z and fg, a laptop that is shut."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from conftest import LAYERS, answer, notebook
from hostile import RIGHT

from dlcourse.exercises import CORRECT, limit, runners
from dlcourse.exercises.limit import SLICE_S, Clock
from dlcourse.grading import grade as grading
from dlcourse.grading import start

LIMIT_S, STOP_S = 3.0, 4.0
WORK = """
import time
def work():
    began = time.process_time()
    while time.process_time() - began < 0.3:
        pass
    return 7
"""
ASKED = f"""
import sys
from dlcourse.exercises.runners import InProcess, Subprocess
source, (here, limit_s) = {WORK!r}, (sys.argv[1] == "here", float(sys.argv[2]))
if here:
    names = {{}}
    exec(source, names)
    runner, number = InProcess(names), 0
else:
    runner = Subprocess([("work", source)])
    runner.start()
    number = runner.process.pid
print(number, flush=True)
print(runner.run([["work", [], {{}}, ""]], {{}}, limit_s))
if not here:
    runner.close()
"""


def stopped(where: str, worker_too: bool) -> str:
    """What a runner says that was stopped in the middle of a call, for longer than the call may take."""
    with subprocess.Popen([sys.executable, "-c", ASKED, where, str(LIMIT_S)], stdout=subprocess.PIPE, text=True) as one:
        both = [one.pid] + [int(number) for number in [one.stdout.readline()] if worker_too]
        time.sleep(0.1)
        for pid in both:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(STOP_S)
        for pid in both:
            os.kill(pid, signal.SIGCONT)
        return one.stdout.read()


@pytest.mark.parametrize("where, worker_too", [("apart", False), ("apart", True), ("here", False)])
def test_a_stop_in_the_middle_of_a_call_costs_nothing(where, worker_too):
    assert "'value': 7" in stopped(where, worker_too)


def test_a_clock_counts_a_stop_as_a_slice_and_busy_time_whole(monkeypatch):
    now = SimpleNamespace(at=100.0, busy=0.0)
    monkeypatch.setattr(
        limit, "time", SimpleNamespace(monotonic=lambda: now.at, process_time=lambda: now.busy, sleep=time.sleep)
    )
    clock, slow = Clock(), Clock(1.0)
    for at, busy, passed, stood in [(0.2, 0, 0.2, False), (0.3, 0, 0.3, False), (3.3, 3, 3.3, False),
                                    (3.7, 3, 3.55, False), (63.7, 3, 3.8, True), (63.8, 3, 3.9, True)]:  # fmt: skip
        now.at, now.busy = 100 + at, busy
        assert clock.read() == pytest.approx(passed) and clock.stood == stood, at
    assert SLICE_S == 0.25 and slow.read() == 3 and slow.stood, "it was asked once: busy time, and no more"


def test_what_is_there_when_the_time_is_up_is_taken(monkeypatch):
    """Nobody looked for hours; the answer lies there."""

    class Late(Clock):
        reads = 0

        def read(self):
            self.reads += 1
            time.sleep(0.5 * (self.reads == 2))  # the question is sent before
            return 1e9 * (self.reads >= 2)

    with runners.Subprocess([("a", "def f():\n    return 7\n")]) as runner:
        runner.start()
        monkeypatch.setattr(runners, "Clock", Late)
        assert runner.run([["f", [], {}, ""]], {}, 1.0).get("value") == 7


class Stopped(Clock):
    """There was a stop, and the time is up."""

    left = 0

    def read(self):
        if Stopped.left:
            Stopped.left -= 1
            self.stood = True
            return 1e9
        return super().read()


@pytest.mark.parametrize("after", range(1, 12, 2))
def test_a_time_limit_in_which_there_was_a_stop_is_asked_again(after, tmp_path, monkeypatch):
    path = tmp_path / "01_one_unit.ipynb"
    path.write_bytes(notebook(answer(RIGHT)))
    asked = runners.Subprocess._read

    def read(self, *rest):
        read.calls += 1
        Stopped.left = 2 * (read.calls == after)
        return asked(self, *rest)

    read.calls = 0
    monkeypatch.setattr(runners, "Clock", Stopped)
    monkeypatch.setattr(runners.Subprocess, "_read", read)
    zygote = start.Zygote(LAYERS[0])
    try:
        result = grading.grade(path, "alice", path.name, zygote, 3)
        assert result.exercises[0].state == CORRECT and read.calls > after
    finally:
        zygote.close()


def test_an_endless_loop_is_asked_once_and_ends_in_time(tmp_path):
    path = tmp_path / "01_one_unit.ipynb"
    path.write_bytes(notebook(answer("def unit(x, w, b, f):\n    while True:\n        pass\n")))
    zygote = start.Zygote(LAYERS[0])
    try:
        zygote.wait()
        launched, asked = [], start.Zygote.fork
        zygote.fork = lambda *pipes: launched.append(pipes) or asked(zygote, *pipes)
        result = grading.grade(path, "alice", path.name, zygote, 3)
        assert "still running" in result.exercises[0].says and len(launched) <= 2
    finally:
        zygote.close()
