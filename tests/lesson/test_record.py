"""The record of what was done: replaced whole, never lost, and never a reason for a lesson to stop."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import forget, noted

from dlcourse.lesson import check, hint, predict, record
from dlcourse.lesson.work import WorkError

CHANGE = "from dlcourse.lesson import record\n"
MANY = CHANGE + "for i in range(40):\n    record.change('exercises', '{0}.%d' % i, lambda e: e.update(tries=i))\n"
MANY += "    record.change('exercises', 'both', lambda e: e.update(tries=e.get('tries', 0) + 1))\n"
DIES = CHANGE + "import os, signal\nos.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
DIES += "record.change('exercises', '01.2', lambda e: e.update(tries=1))\n"
FOREVER = CHANGE + "print('on', flush=True)\nn = 0\nwhile True:\n    n += 1\n"
FOREVER += "    record.change('exercises', '01.1', lambda e: e.update(tries=n, filler='x' * 20_000))\n"


def python(code: str, work) -> subprocess.Popen:
    env = os.environ | {"DLCOURSE_WORK": str(work)}
    return subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)


def try_once(id: str = "01.1") -> dict:
    return record.change("exercises", id, lambda mine: mine.update(tries=mine.get("tries", 0) + 1))


# ---------------------------------------------------------------- whole
def test_a_process_that_dies_while_it_writes_leaves_the_old_record(work):
    try_once()
    with python(DIES, work) as child:
        assert child.wait() == -signal.SIGKILL
    assert noted(work)["exercises"] == {"01.1": {"tries": 1}}
    assert try_once()["tries"] == 2, "and no lock is left"


def test_no_reader_ever_sees_half_a_record(work):
    with python(FOREVER, work) as child:
        child.stdout.readline()
        end_s, seen = time.monotonic() + 0.7, set()
        while time.monotonic() < end_s:
            seen.add(record.read()["exercises"].get("01.1", {}).get("tries"))
        child.kill()
    assert len(seen) > 3 and not list(work.rglob("*broken*"))
    assert noted(work)["exercises"]["01.1"]["tries"] >= max(n or 0 for n in seen)


def test_two_kernels_undo_nothing_of_each_other(work):
    children = [python(MANY.format(name), work) for name in "ab"]
    for child in children:
        with child:
            assert child.wait() == 0
    found = noted(work)["exercises"]
    assert found.pop("both") == {"tries": 80}
    assert set(found) == {f"{name}.{i}" for name in "ab" for i in range(40)}


# ---------------------------------------------------------------- a file that cannot be read
BROKEN = {
    "cut short": '{"version": 1, "exercises": {"01.1": {"tri',
    "empty": "",
    "a list": "[1, 2]",
    "no text": "\udcff\udcfe",
    "of other parts": '{"exercises": []}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_record_is_put_aside_and_kept(work, capsys, text):
    path = work / ".dlcourse" / "progress.json"
    path.parent.mkdir(parents=True)
    for n in (1, 2):  # the second within the same second
        path.write_bytes(text.encode(errors="surrogateescape"))
        check("01.1")
        said = capsys.readouterr().out
        assert ("Your progress could not be read. It begins anew; the old file is kept as progress.br" in said) == (
            n == 1
        )
        kept = list(path.parent.glob("progress.broken-*.json"))
        assert len(kept) == n and {k.read_bytes() for k in kept} == {text.encode(errors="surrogateescape")}
        assert noted(work)["exercises"] == {"01.1": {"tries": 0, "state": "not attempted"}}


def test_what_is_of_a_wrong_kind_is_left_out(work, capsys):
    path = work / ".dlcourse" / "progress.json"
    path.parent.mkdir(parents=True)
    odd = {"tries": "many", "state": ["correct"], "hints": None, "later": 1}
    found = {"exercises": {"01.1": odd, "01.2": 5}, "predictions": {"01.a": {"now": [3]}}}
    path.write_text(json.dumps(found))
    check("01.1")
    hint("01.1")
    from dlcourse.lesson import compare, progress

    progress("01")
    compare("01.a", 3)
    assert "(You made no prediction.)" in capsys.readouterr().out
    assert noted(work)["exercises"] == {"01.1": {"tries": 0, "state": "not attempted", "hints": 1, "later": 1}}


# ---------------------------------------------------------------- a disk that takes nothing
@pytest.fixture
def full(monkeypatch):
    """A disk that can be filled, and emptied again."""
    whole, disk = record.write_whole, {"full": True}

    def write(path, text):
        if disk["full"]:
            raise WorkError(f"Cannot write {path}: the disk is full; free some space and try again.")
        whole(path, text)

    monkeypatch.setattr(record, "write_whole", write)
    return disk


def test_a_full_disk_is_told_once_and_the_lesson_goes_on(work, full, capsys):
    def unit(x, w, b, f):
        return f(sum(x * w) + b)

    check("01.1", unit)
    said = capsys.readouterr().out
    assert said.count("Not saved. Cannot write ") == 1 and "The lesson goes on, and remembers until" in said
    assert said.endswith("✓ 01.1 Correct. All 7 cases agree.\n")
    check("01.1", lambda *a: 0.0)
    predict("01.a", 3)
    assert "Not saved" not in capsys.readouterr().out
    assert record.read()["exercises"]["01.1"] == {"tries": 2, "state": "correct"}
    assert record.read()["predictions"]["01.a"]["first"] == 3
    assert not (work / ".dlcourse" / "progress.json").exists()


def test_what_a_full_disk_did_not_take_is_written_later(work, full):
    try_once("01.1"), try_once("01.2")
    full["full"] = False
    try_once("01.3")
    try_once("01.1")
    expected = {"01.1": {"tries": 2}, "01.2": {"tries": 1}, "01.3": {"tries": 1}}
    assert noted(work)["exercises"] == record.read()["exercises"] == expected
    forget()
    assert record.read()["exercises"] == expected


def test_what_another_kernel_wrote_meanwhile_stays(work, full):
    try_once("01.1")
    full["full"] = False
    with python(MANY.format("a"), work) as child:
        assert child.wait() == 0
    try_once("01.1")
    assert len(noted(work)["exercises"]) == 42 and noted(work)["exercises"]["01.1"] == {"tries": 2}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read(work, capsys):
    work.mkdir()
    work.chmod(0o555)
    check("01.1", lambda *a: 0.0), check("01.1", lambda *a: 0.0)
    work.chmod(0o755)
    said = capsys.readouterr().out
    assert said.count("it may not be written; set DLCOURSE_WORK to a folder of your own.") == 1
    assert said.count("✗ 01.1 Not yet.") == 2 and not list(work.iterdir())


def test_a_work_folder_that_cannot_be(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DLCOURSE_WORK", str(tmp_path / "file" / "work"))
    forget()
    assert try_once()["tries"] == 1 and try_once()["tries"] == 2
    assert capsys.readouterr().out.count("Not saved. ") == 1
    forget()


# ---------------------------------------------------------------- where
def test_outside_of_a_work_folder_nothing_is_written(tmp_path, monkeypatch, capsys):
    forget()
    monkeypatch.delenv("DLCOURSE_WORK")
    monkeypatch.chdir(tmp_path)
    check("01.1", lambda x, w, b, f: f(sum(x * w) + b))
    hint("01.1")
    assert record.read()["exercises"]["01.1"] == {"tries": 1, "state": "correct", "hints": 1}, "but remembered"
    assert not list(tmp_path.iterdir()) and "Not saved" not in capsys.readouterr().out
    forget()


def test_the_work_folder_is_found_from_the_notebooks_own(tmp_path, monkeypatch):
    forget()
    monkeypatch.delenv("DLCOURSE_WORK")
    (tmp_path / ".dlcourse").mkdir()
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    try_once()
    assert noted(tmp_path)["exercises"] == {"01.1": {"tries": 1}} and not list((tmp_path / "mine").iterdir())


def test_a_folder_that_is_gone(tmp_path, monkeypatch):
    forget()
    monkeypatch.delenv("DLCOURSE_WORK")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert try_once()["tries"] == 1
    monkeypatch.chdir(tmp_path)
    forget()
