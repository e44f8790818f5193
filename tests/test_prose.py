"""What learners read: every word is spelled as in a dictionary or in our own list, every link leads somewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from spellchecker import SpellChecker
from test_docs import PAGES, broken_links

from dlcourse.authoring.source import read
from dlcourse.exercises import exercises, notebooks

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "solutions").glob("[0-9][0-9]_*.py"))
NO_PROSE = re.compile(
    r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$|\]\([^)]*\)|https?://\S+|<[^>]+>|^    .*?$", re.S | re.M
)
WORD = re.compile(r"[A-Za-zÀ-ɏ](?:[A-Za-zÀ-ɏ]|['’](?=[A-Za-zÀ-ɏ]))*")
KNOWN = SpellChecker(language="en")
OURS = set((ROOT / "tests" / "words.txt").read_text(encoding="utf-8").lower().split())


def texts(source: Path) -> str:
    """All text cells of a lesson."""
    return "\n\n".join(c.text for c in read(source.read_text(encoding="utf-8")) if c.kind == "markdown")


def misspelled(text: str) -> list[str]:
    words = dict.fromkeys(word.replace("’", "'").removesuffix("'s") for word in WORD.findall(NO_PROSE.sub(" ", text)))
    return [w for w in words if len(w) > 1 and w.lower() not in OURS and w.lower() not in KNOWN]


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_lessons_are_spelled_right(source):
    assert not misspelled(texts(source)), "a slip, or a word for tests/words.txt"


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "kill-matrix.md"], ids=lambda p: p.name)
def test_documents_are_spelled_right(page):
    assert not misspelled(page.read_text(encoding="utf-8"))


def told(number: str) -> Iterator[str]:
    """What the exercises of a lesson may say."""
    for ex in exercises(number).values():
        yield from (ex.title, *ex.hints, *(wrong.says for wrong in ex.wrong), *ex.equivalent.values())


@pytest.mark.parametrize("number", notebooks())
def test_verdicts_and_hints_are_spelled_right(number):
    assert not misspelled("\n".join(told(number)))


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_what_a_notebook_shows_is_spelled_right(source):
    """Descriptions of pictures and cards: what a screen reader reads."""
    cells = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    shown = [o["data"] for c in cells for o in c.get("outputs", ()) if "text/html" in o.get("data", {})]
    assert not misspelled("\n".join("".join(data["text/plain"]) for data in shown))


def test_slips_are_found_and_code_is_not_read():
    assert misspelled("A netwrok of `unts` and $x_{nn}$, [here](http://a.org/thre).\n\n    cdoe here\n") == ["netwrok"]
    assert misspelled("The learner's colour, isn't it? Don’t.") == []


def test_our_own_list_holds_no_word_that_is_known_anyway():
    assert [w for w in sorted(OURS) if w.lower() in KNOWN] == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_links_of_lessons_lead_somewhere(source):
    links = broken_links(texts(source), ROOT / "notebooks" / f"{source.stem}.ipynb")
    assert set(links) <= {"START.md"}, "that page is made in the learner's folder"


def test_links_of_the_glossary_lead_somewhere():
    page = ROOT / "notebooks" / "GLOSSARY.md"
    assert not broken_links(page.read_text(encoding="utf-8"), page)
