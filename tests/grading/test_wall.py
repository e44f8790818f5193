"""The wall itself: what may come through it, which layer is taken, and what it takes away."""

from __future__ import annotations

import errno
import json
import os
import re
import struct
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import LAYERS, tried
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcourse.exercises import find, runners
from dlcourse.exercises.evaluate import evaluate
from dlcourse.exercises.runners import Subprocess
from dlcourse.grading import confine, probes, start, wall

# ---------------------------------------------------------------- what comes through
NOWHERE = open(os.devnull, "wb")  # noqa: SIM115


class Liar(Subprocess):
    """A worker that answers whatever it likes; `replies(n)` are the bytes for request n."""

    def __init__(self, replies):
        super().__init__([])
        self.replies_to, self.process = replies, None

    def launch(self):
        (self.replies, out), (into, self.requests) = os.pipe(), os.pipe()
        self.nowhere = NOWHERE.fileno()
        self.process = threading.Thread(target=self.serve, args=(into, out), daemon=True)
        self.process.start()

    def serve(self, into, out):
        with os.fdopen(into, "rb") as asked, os.fdopen(out, "wb") as said:
            try:
                while len(head := asked.read(4)) == 4:
                    request = json.loads(asked.read(struct.unpack(">I", head)[0]))
                    said.write(self.replies_to(request["n"]))
                    said.flush()
            except (OSError, ValueError):
                pass

    def end(self):
        os.dup2(self.nowhere, self.requests)  # it reads the end of the pipe, and closes its own


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["value", "error", "says", "changed", "printed", "line", "array", "list", "tuple", "mark", "n"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
REPLY = (
    st.binary(max_size=60)
    | st.binary(max_size=60).map(framed)
    | DATA.map(lambda d: framed(json.dumps(d).encode()))
    | DATA.map(lambda d: framed(json.dumps({"n": 1, "reply": d}).encode()))
    | DATA.map(lambda d: framed(json.dumps({"n": 2, "reply": d}).encode()) * 2)
)


@pytest.fixture(scope="module", autouse=True)
def impatient():
    """A reply that never comes is not waited for."""
    patch = pytest.MonkeyPatch()
    patch.setattr(runners, "CELL_S", 0.03)
    yield
    patch.undo()


@settings(max_examples=60, deadline=None)
@given(st.lists(REPLY, min_size=1, max_size=4))
def test_whatever_a_worker_says_there_is_a_report_and_no_point(said):
    ex = replace(find("01.1"), limit_s=0.03)
    with Liar(lambda n: said[n % len(said)]) as liar:
        liar.start = liar.launch
        report = liar.run([["unit", [1.0, 2.0, 3.0], {}, ""]], {}, 0.03)
        assert set(report) <= {"value", "error", "says", "changed", "printed", "line", "trace", "name", "kept"}
        assert report.get("error") or "value" in report
    with Liar(lambda n: said[n % len(said)]) as liar:
        liar.start = liar.launch
        assert evaluate(ex, liar, 3).state != "correct"


# ---------------------------------------------------------------- which layer is taken
def test_the_strongest_layer_that_holds_is_taken(monkeypatch):
    zygote, _ = wall.choose()
    zygote.close()
    assert zygote.layer == LAYERS[0]
    held = {"bubblewrap": ["read a file"], "landlock": []}
    monkeypatch.setattr(wall, "tried", lambda zygote: held[zygote.layer])
    zygote, passed = wall.choose()
    zygote.close()
    assert zygote.layer == "landlock" and passed == ["the layer bubblewrap leaks here: a probe could read a file"]
    with pytest.raises(start.WallError, match="could read a file"):
        wall.choose("bubblewrap")


def test_without_bubblewrap_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(start.shutil, "which", lambda name: None)
    with pytest.raises(start.WallError, match="apt install bubblewrap"):
        start.Zygote("bubblewrap")


def test_a_kernel_without_landlock_is_told(monkeypatch):
    monkeypatch.setattr(confine, "landlock_version", lambda: 0)
    with pytest.raises(OSError, match="no Landlock"):
        confine.landlock([])


def test_the_probes_find_a_layer_without_a_wall():
    escaped = tried("process")
    for what in ("read a file", "leave a file", "open a connection", "make a process", "signal the grader",
                 "trace the grader", "read the answers", "outlive the grader", *probes.CALLS):  # fmt: skip
        assert what in escaped


@pytest.mark.parametrize("layer", LAYERS)
def test_the_probes_find_nothing_behind_a_wall(layer):
    assert tried(layer) == []


@pytest.mark.parametrize("part, escape", [("landlock", "read a file"), ("seccomp", "make a process")])
def test_each_part_of_the_wall_is_missed_by_a_probe(monkeypatch, tmp_path, part, escape):
    """Leave one part of it out, and a probe notices."""
    source = (start.PACKAGE / "grading/confine.py").read_text().replace(f"    {part}(", f"    len(str({part})), (", 1)
    assert "len(str(" in source
    (tmp_path / "confine.py").write_text(source)
    monkeypatch.setattr(start, "FILES", [*start.FILES[:2], tmp_path / "confine.py"])
    assert escape in tried("landlock")


def test_aims_are_cleared_away():
    with probes.aims() as aims:
        assert probes.seen(aims) == []
        open(probes.outside(aims), "w").close()
        assert probes.seen(aims) == ["leave a file"]
    assert not os.path.exists(aims["folder"]) and not os.path.exists(probes.outside(aims))


# ---------------------------------------------------------------- the filter
OPTIONS = {"F_SETOWN": ("fcntl", 1, 8), "F_SETSIG": ("fcntl", 1, 10), "F_SETLK": ("fcntl", 1, 6),
           "F_SETLEASE": ("fcntl", 1, 1024), "TIOCSTI": ("ioctl", 1, 0x5412), "FIOSETOWN": ("ioctl", 1, 0x8901),
           "PR_SET_PDEATHSIG": ("prctl", 0, 1), "PR_SET_DUMPABLE": ("prctl", 0, 4), "a process": ("clone", 0, 17),
           "another's limits": ("prlimit64", 0, 1), "a namespace": ("clone", 0, 0x3D0F00 | 1 << 29)}  # fmt: skip


def decided(machine: str, call: int, arguments=(0,) * 6, audit=None) -> int:
    """What the kernel would do: the filter, carried out here."""
    here = struct.pack("<iIQ6Q", call, confine.PROCESSORS[machine][0] if audit is None else audit, 0, *arguments)
    code, at, held = confine.program(), 0, 0
    while True:
        what, yes, no, value = struct.unpack("=HBBI", code[8 * at : 8 * at + 8])
        at += 1
        if what == confine.RETURN:
            return value
        if what == confine.LOAD:
            (held,) = struct.unpack("<I", here[value : value + 4])
        else:
            tests = {confine.EQUAL: held == value, confine.AT_LEAST: held >= value, confine.ANY_BIT: held & value}
            at += yes if tests[what] else no


@pytest.mark.parametrize("machine", confine.PROCESSORS)
def test_the_filter_lets_through_what_it_names_and_no_more(monkeypatch, machine):
    monkeypatch.setattr(confine.platform, "machine", lambda: machine)
    column, rows = confine.PROCESSORS[machine][1], len(confine.program()) // 8
    free = {numbers[column] for numbers in confine.FREE.values()} - {None}
    looked_at = {numbers[column]: (at, good) for numbers, at, good in confine.ONLY.values()}
    opens = {numbers[column]: at for numbers, at in confine.OPENS.values()}
    assert rows < 4096 and not free & {*looked_at, *opens}
    for call in [n for n in range(600) if n not in looked_at and n not in opens]:
        refused = confine.REFUSE | (errno.ENOSYS if call >= confine.UNIFIED else errno.EPERM)
        assert decided(machine, call, (7,) * 6) == (confine.ALLOW if call in free else refused), call
    for call, (at, good) in looked_at.items():
        for value in {*range(64), *good, 1 << 30, 1 << 31}:
            said = decided(machine, call, [value if n == at else 99 for n in range(6)])
            assert said == (confine.ALLOW if value in good else confine.REFUSE | errno.EPERM), (call, value)
    for call, at in opens.items():
        for flag in (os.O_RDONLY, os.O_CLOEXEC | os.O_DIRECTORY, os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC):
            said = call is None or decided(machine, call, [flag if n == at else 0 for n in range(6)])
            writes = flag & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            assert said == (call is None or (confine.REFUSE | errno.EACCES if writes else confine.ALLOW))


@pytest.mark.parametrize("option", OPTIONS)
def test_options_that_reach_others_are_refused(monkeypatch, option):
    call, at, value = OPTIONS[option]
    for machine, (_, column) in confine.PROCESSORS.items():
        monkeypatch.setattr(confine.platform, "machine", lambda m=machine: m)
        number = confine.ONLY[call][0][column]
        assert decided(machine, number, [value if n == at else 0 for n in range(6)]) == confine.REFUSE | errno.EPERM


def test_calls_of_another_processor_end_the_worker(monkeypatch):
    """32-bit calls, and those of x32, have other numbers: what a number means is not known."""
    monkeypatch.setattr(confine.platform, "machine", lambda: "x86_64")
    assert decided("x86_64", 39) == confine.ALLOW
    assert decided("x86_64", 20, audit=0x40000003) == confine.KILL == decided("x86_64", 0x40000000 | 39)


def test_numbers_of_calls_are_those_of_this_kernels_headers():
    """Where the headers lie on this machine; the tables were typed by hand."""
    both = {name: numbers for calls in probes.CALLS.values() for name, numbers in calls.items()} | confine.FREE
    both |= {name: numbers for name, (numbers, *_) in (confine.ONLY | confine.OPENS).items()}
    header = next((p for p in ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h")
                   if os.path.exists(p)), "")  # fmt: skip
    if not header:
        pytest.skip("there are no kernel headers here to compare with")
    rows = [line.split() for line in Path(header).read_text().splitlines() if line.startswith("#define __NR_")]
    known = {row[1]: row[2] for row in rows if len(row) == 3}
    for name, (number, _) in both.items():
        assert int(known.get(f"__NR_{name}", number)) == number, name
    generic = Path("/usr/include/asm-generic/unistd.h")  # the table that aarch64 takes
    if generic.exists():
        rows = [line.split() for line in generic.read_text().splitlines() if line.startswith("#define __NR")]
        other = {re.sub("__NR(3264)?_", "", row[1]): row[2] for row in rows if len(row) == 3 and row[2].isdecimal()}
        for name, (_, number) in both.items():
            assert number is None or other.get(name, str(number)) == str(number), name
