"""What the instructor and the learners read: tables, pages, and one answer explained."""

from __future__ import annotations

import copy
import csv
import json
import re

import pytest
from conftest import answer, notebook
from hostile import RIGHT, WRONG
from test_batch import FORMULA, Page, files, grade, points, solved, write

from dlcourse import cli
from dlcourse.exercises import exercises
from dlcourse.grading import pages, report

LOUD = "def unit(x, w, b, f):\n\tprint('\\x1b[2J\\nnamed')\n\traise ValueError('\\x1b[1m')"
LOOK = "It imports os, which no <b>exercise</b> needs: look at it."


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A small class with a bit of everything -> (what was handed in, its grades)."""
    folder = write(tmp_path_factory.mktemp("term") / "class", {
        "Müller.ipynb": solved("01"), "anna/01_one_unit.ipynb": solved("01", ("01.1", "01.2")),
        "anna/03_a_layer.ipynb": solved("03", ("03.3",)), "Möller.ipynb": solved("01", ("01.1",)),
        f"{FORMULA}.ipynb": solved("01", ("01.2",)), "<script>alert(1)<,script>.ipynb": notebook(answer(RIGHT)),
        "dave.ipynb": b"{",
        "eve.ipynb": notebook(answer(LOUD)),
        f"{'long' * 20}.ipynb": solved("01"),
    })  # fmt: skip
    out = folder.with_name("out")
    assert grade(folder, out, "--seed", "5") == 0
    return folder, out


def results(out):
    return json.loads((out / "grades.json").read_text())


# ---------------------------------------------------------------- tables
def test_the_gradebook_has_one_row_for_each_learner(graded):
    text = (graded[1] / "gradebook.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf") and (graded[1] / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(text.decode("utf-8-sig").splitlines())
    assert head == ["learner", "notebook 01", "notebook 03", "total", "of", "percent"]
    book = {row[0]: row[1:] for row in rows}
    assert len(book) == len(rows) == 8
    assert book["Müller"] == ["5", "", "5", "10", "50"] and book["anna"] == ["3", "4", "7", "10", "70"]
    assert book["dave"] == ["", "", "0", "10", "0"]
    assert f"'{FORMULA}" in book and not any(row[0].startswith(("=", "+", "-", "@")) for row in rows)


def test_a_page_keeps_its_owner_when_somebody_joins(tmp_path):
    folder = write(tmp_path / "class", {"Müller.ipynb": solved("01")})
    out = tmp_path / "out"
    assert grade(folder, out, "--seed", "5") == 0
    (mine,) = (out / "learners").iterdir()
    before = mine.read_bytes()
    write(folder, {"Möller.ipynb": b"{", "muller.ipynb": b"{"})
    assert grade(folder, out) == 0
    assert mine.read_bytes() == before and len(list((out / "learners").iterdir())) == 3


def test_pages_of_nobody_are_removed_and_nothing_else(tmp_path):
    folder = write(tmp_path / "class", {"al.ipynb": solved("01"), "bo.ipynb": solved("01")})
    out = tmp_path / "out"
    assert grade(folder, out, "--seed", "5") == 0
    (folder / "bo.ipynb").unlink()
    write(out / "learners", {"notes.txt": b"", "deep/old.html": b"", "bo.html": b"", "folder.html/x": b""})
    write(out, {"mine.html": b""})
    assert grade(folder, out) == 0
    left = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file() and "results" not in p.parts}
    al = report.file_names(["al"])["al"]
    assert left == {
        "run.json", "grades.json", "grades.csv", "gradebook.csv", "class.html", "mine.html", f"learners/{al}.html",
        "learners/notes.txt", "learners/deep/old.html", "learners/folder.html/x",
    }  # fmt: skip


def test_names_of_pages_are_plain_different_and_of_the_learner_alone():
    learners = ["a b", "a/b", "A-B", "../../etc/passwd", "ü", "", "x" * 300, "Müller", "Möller", "\udcff"]
    names = report.file_names(learners)
    assert len({n.lower() for n in names.values()}) == len(learners)
    assert all(re.fullmatch(r"[A-Za-z0-9-]+-[0-9a-f]{8}", n) and len(n) < 70 for n in names.values())
    assert names["Müller"].startswith("Muller-")
    assert all(report.file_names([one])[one] == names[one] for one in learners), "whoever else is there"


# ---------------------------------------------------------------- pages
def luminance(colour: str) -> float:
    """WCAG 2: the relative luminance of #rrggbb."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [pages.LIGHT, pages.DARK])
def test_letters_and_bars_stand_out_in_light_and_dark(colours):
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for letters, ground in (("text", "page"), ("text", "head"), ("link", "page")):
        assert contrast(colours[letters], colours[ground]) >= 4.5
    for part in ("line", "right", "wrong"):
        assert contrast(colours[part], colours["page"]) >= 3  # of what is no text


def test_pages_fit_small_and_dark_screens(graded):
    for path in graded[1].rglob("*.html"):
        text = path.read_text()
        assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
        style = re.search("<style>(.*)</style>", text, re.S)[1]
        assert "prefers-color-scheme: dark" in style and "overflow-wrap: anywhere" in style
        used, known = set(re.findall(r"var\(--(\w+)\)", style)), {*pages.LIGHT}
        assert used == known == {*pages.DARK} and not re.search(r": *#", style.split("body")[1])
        page = Page(text)
        assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "object", "link", "form", "b"}
        assert all(attrs.get("aria-label") and attrs["role"] == "img" for tag, attrs in page.tags if tag == "svg")
        assert text.count("<tr>") == text.count("</tr>") and text.count("<td") == text.count("</td>")


def words(out) -> str:
    return " ".join("|".join(Page((out / "class.html").read_text()).text).split())


def test_the_class_is_counted(graded):
    text = (graded[1] / "class.html").read_text()
    said = words(graded[1])
    assert "8 learners, 9 notebooks" in said.replace("long" * 20, "long")
    totals = sorted(t.points for t in report.totals(results(graded[1])))
    assert totals == [0, 0, 1, 4, 4, 5, 5, 7]
    assert "mean 3.2, median 4.0, of 10." in said
    states = [e["state"] for r in results(graded[1]) for e in r["exercises"] if e["id"] == "01.1"]
    counts = [states.count(s) for s in ("correct", "not yet", "not attempted")]
    assert counts == [4, 3, 0]
    row = text[text.index(f"<td>01.1 {exercises('01')['01.1'].title}</td>") :].partition("</tr>")[0]
    assert re.findall(r'<td class="n">(\d+)</td>', row) == ["4", "3", "0"]
    assert 'aria-label="4 correct, 3 not yet, 0 not attempted"' in row
    assert "7 of 10" in said and "70 %" in said


def test_failures_without_a_name_are_counted_too(graded):
    text = (graded[1] / "class.html").read_text()
    table = text[text.index("Failures without a name") :].partition("</table>")[0]
    assert '<td class="n">2</td><td>01.2' in table and '<td class="n">1</td><td>03.3' in table
    assert "It stops with an error in hidden cases" in table and "The bias is missing" not in table
    named = text[text.index("Named mistakes") :].partition("</table>")[0]
    assert '<td class="n">2</td><td>01.1</td>' in named and "The bias is missing" in named


def test_what_is_for_the_instructor_stands_on_her_page_alone(graded, tmp_path):
    looked = copy.deepcopy(results(graded[1]))
    looked[0]["look"] = [LOOK]
    report.write_all(looked, tmp_path)
    told = {path.name for path in tmp_path.rglob("*.html") if "look at it" in path.read_text()}
    assert told == {"class.html"} and "For you to look at" in words(tmp_path) and LOOK in words(tmp_path)
    assert "For you to look at" not in words(graded[1])


# ---------------------------------------------------------------- one answer explained
def explain(folder, out, learner, id, *more) -> int:
    return cli.main(["grade", str(folder), "--to", str(out), "--explain", learner, id, *more])


@pytest.mark.parametrize("typed", ["01.1", "1.1"])
def test_a_named_mistake_is_explained(graded, capsys, typed):
    folder, out = graded
    before = files(out)
    assert explain(folder, out, "Mo\u0308ller", typed) == 0
    said = capsys.readouterr().out
    case = exercises("01")["01.1"].case_list(5)[0]
    for part in ("Möller, 01.1", "Möller.ipynb", "The bias is missing", "no bias", case.shown, "yours", "expected",
                 "ratio:", "   1  def unit"):  # fmt: skip
        assert part in said, part
    assert [row[6:] for row in said.splitlines() if re.match(r" +\d+  ", row)] == WRONG.strip().splitlines()
    assert files(out) == before, "nothing is written"


def test_an_error_is_explained_and_moves_no_cursor(graded, capsys):
    assert explain(*graded, "eve", "01.1") == 0
    said = capsys.readouterr().out
    assert "ValueError: ?[1m (line 3)" in said and "line 3, in unit" in said and "\x1b" not in said
    assert "    named" in said and "\nnamed" not in said, "what it prints cannot look like ours"
    assert "   3      raise ValueError" in said and "What the learner is told:\n    It stops with an error" in said


def test_a_cell_that_stops_is_explained(tmp_path, capsys):
    folder = write(tmp_path / "class", {"al.ipynb": notebook(answer("import numpy as np\nunit = np.none\n"))})
    assert grade(folder, tmp_path / "out", "--seed", "5") == 0
    assert explain(folder, tmp_path / "out", "al", "01.1") == 0
    said = capsys.readouterr().out
    assert "Its cell stopped with:" in said and "AttributeError: module 'numpy' has no" in said and "(line 3)" in said


@pytest.mark.parametrize("body, whose", [("x @ W + b", "learner"), ("x @ W - b", "course")])
def test_it_runs_after_the_answers_that_it_was_graded_after(tmp_path, capsys, body, whose):
    hers = f"def layer(x, W, b, f=None):\n    print('hers')\n    return {body} if f is None else f({body})"
    calls = exercises("03")["03.5"].solution.replace("x @ self.W + self.b", "layer(x, self.W, self.b)")
    cells = [answer(hers, "03.3"), answer(calls, "03.5")]
    folder = write(tmp_path / "class", {"al/03_a_layer.ipynb": notebook(*cells)})
    assert grade(folder, tmp_path / "out", "--seed", "5") == 0
    assert explain(folder, tmp_path / "out", "al", "03.5") == 0
    said = capsys.readouterr().out
    assert f"What it calls of 03.3 is the {whose}'s own." in said and ("    hers" in said) == (whose == "learner")


def test_what_cannot_be_explained_is_told_in_a_sentence(graded, tmp_path, capsys):
    folder, out = graded
    for learner, id, sentence in (
        ("ana", "01.1", "no learner ana: do you mean anna?"),
        ("ANNA", "01.1", "do you mean anna?"),
        ("zzz", "01.1", "no learner zzz: there are "),
        ("anna", "01.9", "no exercise 01.9: do you mean 01."),
        ("anna", "frog", "no exercise frog: there are 00.1"),
        ("anna", "02.1", "anna handed in no notebook of lesson 02 that can be read."),
        ("dave", "01.1", "dave handed in no notebook of lesson 01"),
        ("eve", "01.2", "There is no answer to 01.2 in eve.ipynb."),
    ):
        assert explain(folder, out, learner, id) == 1
        said = capsys.readouterr()
        assert sentence in said.err and "Traceback" not in said.err, said.err
    assert explain(folder, tmp_path / "none", "anna", "01.1") == 1 and "no grades in" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_what_has_changed_since_is_graded_first(tmp_path, capsys):
    folder, out = write(tmp_path / "class", {"al.ipynb": notebook(answer(RIGHT))}), tmp_path / "out"
    assert grade(folder, out, "--seed", "5") == 0
    write(folder, {"al.ipynb": notebook(answer(WRONG))})
    assert explain(folder, out, "al", "01.1") == 1 and "grade the folder first" in capsys.readouterr().err
    assert points(out)["al.ipynb"][0] == 1


def test_it_is_judged_by_the_seed_of_the_grades(graded, monkeypatch):
    from dlcourse.grading import grade as module

    real, seeds = module.evaluate, []
    monkeypatch.setattr(module, "evaluate", lambda ex, worker, seed: seeds.append(seed) or real(ex, worker, seed))
    assert explain(*graded, "anna", "01.1") == 0 and set(seeds) == {5}
