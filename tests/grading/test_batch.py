"""A class in a folder: every grade right, nothing lost when the grader is killed, the same bytes from the same seed."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import processes
import pytest
from conftest import LAYERS, ROOT, answer, notebook
from hostile import BANK, RIGHT, WRONG

from dlcourse import cli
from dlcourse.exercises import exercises
from dlcourse.grading import batch, report
from dlcourse.grading.batch import BatchError, Run, begin, handed_in, run_all

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
FORMULA = "=cmd|' -C calc'!A0"


def solved(lesson: str, wrong: tuple[str, ...] = ()) -> bytes:
    """The course's answers to all exercises of a lesson; in place of some, a named wrong one."""
    cells = []
    for ex in exercises(lesson).values():
        source = ex.solution
        if ex.id in wrong:
            source = WRONG if ex.id == "01.1" else f"{ex.defines[0]} = None"
        cells.append(answer(source, ex.id))
    return notebook(*cells)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def small(tmp_path):
    return write(tmp_path / "class", {
        "alice.ipynb": solved("01"),
        "bob_01_one_unit.ipynb": solved("01", ("01.1",)),
        "carol/01_one_unit.ipynb": solved("01"),
        "carol/03_a_layer.ipynb": solved("03"),
        "dave/01/01_one_unit.ipynb": b"{",
        ".ipynb_checkpoints/old.ipynb": solved("01"),
        f"{FORMULA}.ipynb": solved("01", ("01.2",)),
        "<script>alert(1)<,script>.ipynb": notebook(answer(RIGHT)),
    })  # fmt: skip


def grade(folder: Path, out: Path, *more: str) -> int:
    return cli.main(["grade", str(folder), "--to", str(out), "-j", "2", *more])


def points(out: Path) -> dict[str, tuple[int, int]]:
    return {r["file"]: (r["points"], r["of"]) for r in json.loads((out / "grades.json").read_text())}


def files(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


# ---------------------------------------------------------------- one command
def test_a_folder_is_graded_by_one_command(small, tmp_path, capsys):
    out = tmp_path / "out"
    assert grade(small, out, "--seed", "5") == 0
    of = sum(ex.points for ex in exercises("01").values())
    assert points(out) == {
        "alice.ipynb": (of, of), "bob_01_one_unit.ipynb": (of - 1, of), "carol/01_one_unit.ipynb": (of, of),
        "carol/03_a_layer.ipynb": (5, 5), "dave/01/01_one_unit.ipynb": (0, of), f"{FORMULA}.ipynb": (of - 1, of),
        "<script>alert(1)<,script>.ipynb": (1, of),
    }  # fmt: skip
    said = capsys.readouterr().out
    assert "Isolation: " in said and "7 notebooks" in said and "1 could not be read" in said
    learners = {r["learner"] for r in json.loads((out / "grades.json").read_text())}
    assert learners == {"alice", "bob", "carol", "dave", FORMULA, "<script>alert(1)<,script>"}


def test_the_same_seed_gives_the_same_bytes_and_another_the_same_grades(small, tmp_path):
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        assert grade(small, tmp_path / name, "--seed", seed) == 0
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert points(tmp_path / "a") == points(tmp_path / "c")


def test_a_secret_seed_is_drawn_and_kept(small, tmp_path):
    for name in ("a", "b"):
        assert grade(small, tmp_path / name) == 0
    seeds = {json.loads((tmp_path / name / "run.json").read_text())["seed"] for name in ("a", "b")}
    assert len(seeds) == 2 and all(seed.bit_length() > 40 for seed in seeds)
    for path, data in files(tmp_path / "a").items():
        if not path.startswith(("run.json", "results/")):
            assert not any(str(seed).encode() in data for seed in seeds), "no page tells the seed"


# ---------------------------------------------------------------- going on
def test_what_is_graded_is_not_graded_again_unless_it_changes(small, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert grade(small, out, "--seed", "5") == 0
    before = files(out)
    seen = []
    monkeypatch.setattr(batch, "Grader", lambda run: seen.append(run) or pytest.fail("nothing is left to do"))
    assert grade(small, out) == 0 and files(out) == before and not seen
    monkeypatch.undo()
    (small / "alice.ipynb").write_bytes(solved("01", ("01.1",)))
    assert grade(small, out) == 0
    assert points(out)["alice.ipynb"][0] == points(out)["bob_01_one_unit.ipynb"][0]


def test_after_a_kill_it_goes_on_where_it_was(tmp_path):
    folder = write(tmp_path / "class", {f"learner{n:02}.ipynb": solved("01") for n in range(40)})
    out, whole = tmp_path / "out", tmp_path / "whole"
    run = [sys.executable, "-m", "dlcourse", "grade", str(folder), "--seed", "9", "-j", "2", "--to"]
    assert subprocess.run([*run, str(whole)], env=ENVIRONMENT, cwd=ROOT, capture_output=True).returncode == 0
    kills = 0
    for _ in range(60):
        process = subprocess.Popen([*run, str(out)], env=ENVIRONMENT, cwd=ROOT, stdout=subprocess.DEVNULL)
        before = len(list(out.glob("results/*.json")))
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            if len(list(out.glob("results/*.json"))) >= before + 7:
                started = processes.below(process.pid)
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                end = time.monotonic() + 5
                while (left := started & set(processes.parents())) and time.monotonic() < end:
                    time.sleep(0.05)
                assert not left, "graders and workers end with the one who started them"
                break
            time.sleep(0.005)
        if process.wait() == 0:
            break
    assert kills >= 3
    for path in out.rglob("*.json"):
        json.loads(path.read_text())
    assert files(out) == files(whole)


def test_a_run_is_not_mixed_with_another(small, tmp_path, capsys):
    out = tmp_path / "out"
    assert grade(small, out, "--seed", "5") == 0
    assert grade(small, out, "--seed", "6") == 1 and "another seed" in capsys.readouterr().err
    (out / "run.json").write_text("{")
    assert grade(small, out) == 1 and "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("spoil", ["{", '{"seed": 5}', "[]", ""])
def test_a_damaged_result_is_made_anew(small, tmp_path, spoil):
    out = tmp_path / "out"
    assert grade(small, out, "--seed", "5") == 0
    before = files(out)
    next((out / "results").glob("*.json")).write_text(spoil)
    assert grade(small, out) == 0 and files(out) == before


# ---------------------------------------------------------------- graders that die
def test_a_grader_that_dies_costs_one_notebook(tmp_path, monkeypatch):
    folder = write(tmp_path / "class", {f"{n}.ipynb": solved("01") for n in "abc"} | {"bad.ipynb": solved("01")})

    def deadly(path, *rest):
        if path.name == "bad.ipynb":
            os._exit(1)
        return real(path, *rest)

    real = batch.grade
    monkeypatch.setattr(batch, "grade", deadly)
    results = run_all(folder, tmp_path / "out", begin(tmp_path / "out", LAYERS[0], 5, ""), 2)
    assert {r["file"]: r["points"] for r in results} == {"a.ipynb": 5, "b.ipynb": 5, "c.ipynb": 5, "bad.ipynb": 0}
    assert "look at it by hand" in next(r["problem"] for r in results if r["file"] == "bad.ipynb")


def test_a_grader_that_hangs_costs_one_notebook(tmp_path, monkeypatch):
    folder = write(tmp_path / "class", {"a.ipynb": solved("01"), "bad/1_01_one_unit.ipynb": solved("01"),
                                        "bad/2_03_a_layer.ipynb": solved("03")})  # fmt: skip

    def slow(path, *rest):
        if path.name.startswith("1"):
            time.sleep(100)
        return real(path, *rest)

    real = batch.grade
    monkeypatch.setattr(batch, "grade", slow)
    monkeypatch.setattr(batch, "MOST_S", 2.0)
    results = run_all(folder, tmp_path / "out", begin(tmp_path / "out", LAYERS[0], 5, ""), 2)
    assert [r["points"] for r in results] == [5, 0, 5]
    assert not multiprocessing.active_children()


# ---------------------------------------------------------------- what is asked for
def test_earlier_answers_of_the_learner_go_on_to_later_ones(tmp_path):
    """03.5 may call `layer`: hers where it was accepted. (Which one it was shows in what it prints, not in points.)"""
    folder = write(tmp_path / "class", {"alice/03_a_layer.ipynb": solved("03", ("03.3",))})
    results = run_all(folder, tmp_path / "out", begin(tmp_path / "out", LAYERS[0], 5, ""), 1)
    states = {e["id"]: e["state"] for e in results[0]["exercises"]}
    assert states["03.3"] != "correct" and states["03.5"] == "correct", "one mistake is not counted twice"


def test_mistakes_of_the_command_are_told(small, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for folder, more, sentence in (
        (tmp_path / "nothing", (), "is no folder"),
        (tmp_path / "empty", (), "There is no notebook in"),
        (small, ("--lesson", "77"), "no exercises for lesson"),
        (small, ("--layer", "hope"), "no layer 'hope'"),
        (small, ("--layer", "process"), "--unsafe-process-only"),
        (small, ("--seed", "-3"), "from 0 on"),
    ):
        assert grade(folder, tmp_path / "out", *more) == 1
        assert sentence in capsys.readouterr().err
    assert cli.main(["grade", str(small), "--to", str(small / "grades")]) == 1
    assert "among the submissions" in capsys.readouterr().err
    assert not (tmp_path / "out" / "results").exists()


def test_without_a_wall_it_grades_only_when_forced(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("dlcourse.grading.wall.tried", lambda zygote: ["read a file"])
    assert grade(small, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "a probe could read a file" in said and "--unsafe-process-only" in said and "docs/instructors.md" in said
    assert grade(small, tmp_path / "out", "--unsafe-process-only") == 0
    assert "Isolation: NONE" in capsys.readouterr().out
    assert {r["layer"] for r in json.loads((tmp_path / "out" / "grades.json").read_text())} == {"process"}


def test_names_of_learners_come_from_files_and_folders(tmp_path):
    write(tmp_path, {"alice.ipynb": b"", "bob_01_one_unit.ipynb": b"", "carol/x/y.ipynb": b"", ".hidden/z.ipynb": b"",
                     "01_one_unit.ipynb": b""})  # fmt: skip
    assert {h.file: h.learner for h in handed_in(tmp_path)} == {
        "01_one_unit.ipynb": "(nobody)", "alice.ipynb": "alice", "bob_01_one_unit.ipynb": "bob",
        "carol/x/y.ipynb": "carol",
    }  # fmt: skip
    with pytest.raises(BatchError):
        handed_in(tmp_path / "carol" / "nothing")


# ---------------------------------------------------------------- reports
class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def test_pages_hold_no_script_and_nothing_of_a_learner_as_markup(small, tmp_path):
    out = tmp_path / "out"
    assert grade(small, out, "--seed", "5") == 0
    pages = sorted(out.rglob("*.html"))
    assert len(pages) == 7
    for path in pages:
        text = path.read_text()
        page = Page(text)
        tags = {tag for tag, _ in page.tags}
        assert not tags & {"script", "img", "iframe", "object", "link", "form"}, path
        assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
        assert all(attrs["href"].startswith("learners/") for tag, attrs in page.tags if tag == "a")
        assert "default-src 'none'" in text and 'lang="en"' in text
        assert all(attrs.get("aria-label") for tag, attrs in page.tags if tag == "svg")
    whole = "".join(Page((out / "class.html").read_text()).text)
    assert "<script>alert(1)<,script>" in whole, "it is shown as text"
    assert "The bias is missing" in whole and "1" in whole


def test_the_table_is_no_program(small, tmp_path):
    out = tmp_path / "out"
    assert grade(small, out, "--seed", "5") == 0
    rows = list(csv.reader((out / "grades.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0][:5] == ["learner", "notebook", "file", "points", "of"] and "01.1" in rows[0] and "03.5" in rows[0]
    assert all(len(row) == len(rows[0]) for row in rows)
    assert not any(value.startswith(("=", "+", "@")) for row in rows for value in row)
    assert report.plain_cell("-1+1") == "'-1+1" and report.plain_cell(3) == 3


def test_a_learner_hears_what_is_wrong_and_nothing_of_hidden_cases(tmp_path):
    tells = (
        "def unit(x, w, b, f):\n    raise ValueError(repr((x, w, b)))",
        "def unit(x, w, b, f):\n    raise type('E' + ''.join(filter(str.isalnum, repr(x))), (Exception,), {})('x')",
        "def unit(x, w, b, f):\n    print(x)\n    return x",
        "def unit(x, w, b, f):\n    return float(np.sum(x)) * 1e6",
    )
    folder = write(tmp_path / "class", {f"{n}.ipynb": notebook(answer(t)) for n, t in enumerate(tells)})
    assert grade(folder, tmp_path / "out", "--seed", "5") == 0
    assert len(list((tmp_path / "out").rglob("*.html"))) == 5
    hidden = [
        str(v) for case in exercises("01")["01.1"].case_list(5) for a in case.steps[0].args[:2] for v in map(abs, a)
    ]
    hidden = [v for v in hidden if len(v) > 3]
    assert len(hidden) > 5
    for path in (tmp_path / "out").rglob("*.html"):
        text = path.read_text()
        assert not any(v in text for v in hidden), path
    said = [r["exercises"][0]["says"] for r in json.loads((tmp_path / "out" / "grades.json").read_text())]
    assert said[0] == said[1] and said[0].startswith("It stops with an error in hidden cases")
    assert "hidden cases fail" in said[3]


# ---------------------------------------------------------------- a class
def test_a_class_of_strangers_is_graded_by_one_command(tmp_path):
    """Good, wrong, broken and hostile answers mixed; every grade right. (Two hundred where all layers are tried.)"""
    many = 200 if os.environ.get("DLCOURSE_ALL_LAYERS") else 40
    attacks = [a for a in BANK if a.kind not in ("slow",) and "VICTIM" not in a.source and "PORT" not in a.source]
    handed, worth = {}, {}
    for n in range(many):
        lesson = f"{1 + n % 8:02}"
        name = f"learner{n:03}_{lesson}_lesson.ipynb"
        ids = list(exercises(lesson))
        if n % 4 == 0:
            handed[name], worth[name] = solved(lesson), len(ids)
        elif n % 4 == 1:
            handed[name], worth[name] = solved(lesson, (ids[n % len(ids)],)), len(ids) - 1
        elif n % 4 == 2:
            attack = attacks[(n // 4) % len(attacks)]
            source = attack.source.replace("PID", str(os.getpid())).replace("COURSE", str(ROOT / "dlcourse"))
            handed[name], worth[name] = notebook(answer(source)), attack.points
        else:
            handed[name], worth[name] = solved(lesson)[: 50 + n], 0
    write(tmp_path / "class", handed)
    begun = processes.below(os.getpid())
    assert grade(tmp_path / "class", tmp_path / "out", "--seed", "7") == 0
    got = {file: p for file, (p, _) in points(tmp_path / "out").items()}
    assert {f: p for f, p in got.items() if p != worth[f]} == {} and len(got) == many
    assert processes.below(os.getpid()) <= begun
    assert files(tmp_path / "class") == handed, "what was handed in is as it was"


def test_run_data_is_whole():
    assert Run(3, "landlock").data() == {"version": 1, "seed": 3, "layer": "landlock", "lesson": "", "folder": ""}
