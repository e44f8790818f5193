"""The glossary of the course: each term with the sentence of the lesson that introduces it in bold.

Built from the sources, so that it says what the lessons say. A sentence that leans on the one before brings that along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .source import Cell, read

HEAD = """# Glossary

The words of the course, each as the lesson says it that introduces it. What stands between dollar signs is a formula.

"""
TERM = re.compile(r"\*\*([^\W\d_][^*?.!:\n]*)\*\*(?!\*)")
ROW = re.compile(r"\| \*\*([^*|]+)\*\* \| (.+) \|")  # a row of a table that begins with a term
STOP = re.compile(r"(?<=[.?!])(?:\*\*)?\s+(?=[^a-z])")
LEANS = re.compile(
    r"(\(In|\(The|Such|It|That|This|They|These|Its|All of them|One such|The mean|The note|The result|So)\b"
)
STRESSED = re.compile(r"(the|a|an|what|from|hands|one|predict|play|your|break)\b(?!-)", re.I)  # no terms, but emphasis
MOST_WORDS = 3


@dataclass(frozen=True)
class Entry:
    """A term, and what the lessons say that introduce it: (lesson, file, sentence) of each."""

    term: str
    said: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        told = [f"{says} [{lesson}]({file})" for lesson, file, says in self.said]
        return f"- **{self.term}**: {' · '.join(told)}\n"


def page(sources: Iterable[Path]) -> str:
    """The text of the glossary."""
    return HEAD + "".join(map(str, entries(sources)))


def entries(sources: Iterable[Path]) -> list[Entry]:
    """Every term of these lessons, in the order of the alphabet; a lesson introduces a term once."""
    found: dict[str, dict[str, tuple[str, str, str]]] = {}
    for source in sources:
        cells = [c for c in read(source.read_text(encoding="utf-8")) if c.kind == "markdown"]
        title = cells[0].text.partition("\n")[0].lstrip("# ").replace(" · ", " ")
        for term, says in _terms(cells[:-1]):
            found.setdefault(term, {}).setdefault(title, (title, f"{source.stem}.ipynb", says))
    return [Entry(term, tuple(found[term].values())) for term in sorted(found, key=str.lower)]


def _terms(cells: Iterable[Cell]) -> Iterator[tuple[str, str]]:
    """(term, sentence) of each bold term; the claims at the end of a lesson introduce nothing."""
    for cell in cells:
        for term, rest in ROW.findall(cell.text):
            yield term, "; ".join(part.strip() for part in rest.split(" | "))
        for paragraph in cell.text.split("\n\n"):
            if not paragraph.startswith(("#", "- ", "$$", "|")):
                yield from _in_sentences(STOP.split(" ".join(paragraph.split())))


def _in_sentences(sentences: list[str]) -> Iterator[tuple[str, str]]:
    for n, sentence in enumerate(sentences):
        for bold in TERM.findall(sentence):
            if len(bold.split()) <= MOST_WORDS and not STRESSED.match(bold) and "+" not in bold:
                term = bold if bold[1:2].isupper() else bold[0].lower() + bold[1:]
                yield term, " ".join(_with_support(sentences, n)).replace("**", "")


def _with_support(sentences: list[str], n: int) -> list[str]:
    """The sentence, and those before it that it leans on."""
    first = n
    while first and LEANS.match(sentences[first].replace("*", "")):
        first -= 1
    return sentences[first : n + 1]
