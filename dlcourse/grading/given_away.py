"""Does a text tell a solution? Looks in it for the rows that a learner writes, as sequences of tokens.

Tokens, so that spaces, quotes, parentheses, comments and the Markdown around a row make no difference. A text is read
as it stands and as what it may be the spelling of: JSON within text, and HTML. What this cannot see: an answer with
other names or written in another way, one in a picture, and one that is encoded, such as base64.
"""

from __future__ import annotations

import ast
import functools
import html
import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..exercises import Exercise, exercises, notebooks

TOKEN = re.compile(r"(\d+\.\d*(?:e[-+]?\d+)?|\d+e[-+]?\d+)|\w+|[^\w\s]")  # a float, a name or an integer, one sign
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
TAG, COMMENT = re.compile(r"</?\w[^<>]*>"), re.compile(r"#.*")
NO_MATTER = set("()'\"`#;\\")
LEAST = 5  # tokens that tell something: the shortest whole answer is 03.3, x @ W + b
GIVEN = {  # rows of solutions that the lessons give on purpose, and why
    ("03.4", "for I, O in zip(sizes, sizes[1:]):"): "07 makes the layers of a network in the same loop, after 03",
    ("05.2", "return layer(x, W, b)"): "it reads like the head of layer, which is an exercise of 03",
    ("06.1", "self.data, self.parents, self.slopes = data, parents, slopes"): "the open class begins with it",
    ("06.1", "self.grad = 0.0"): "the open class begins with it",
    ("06.1", 'return f"Value({self.data})"'): "the open class begins with it",
}


class Row(NamedTuple):
    """A row of a solution that a learner writes, and its tokens."""

    exercise: str
    text: str
    tokens: str


def told(where: str, data: Any) -> list[str]:
    """Which exercises a text, or a piece of JSON with texts in it, gives a row of -> a sentence for each."""
    streams = set().union(*map(readings, texts(data)))
    found: dict[str, str] = {}
    for row in secrets():
        if row.exercise not in found and any(row.tokens in stream for stream in streams):
            found[row.exercise] = f"{where} shows {row.text!r} of exercise {row.exercise}"
    return list(found.values())


@functools.cache
def secrets() -> list[Row]:
    """The rows of all exercises that nothing released may hold."""
    rows = [row for notebook in notebooks() for ex in exercises(notebook).values() for row in own_rows(ex)]
    return [row for row in rows if (row.exercise, row.text) not in GIVEN]


def own_rows(ex: Exercise) -> list[Row]:
    """The rows that a learner writes; of code that is given out to be mended, the mended ones. None that is short."""
    given = set() if ex.broken is None else {tokens(row) for row in body_rows(inspect.getsource(ex.broken))}
    rows = [Row(ex.id, row, tokens(row)) for row in body_rows(ex.solution)]
    return [row for row in rows if len(row.tokens.split()) >= LEAST and row.tokens not in given]


def body_rows(code: str) -> list[str]:
    """The rows of a function, a class or a value that are neither its head, its methods' heads, nor a docstring."""
    given = set()
    for top in ast.parse(code).body:
        given.add(top.lineno)
        for node in (top, *top.body) if isinstance(top, ast.ClassDef) else (top,):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                first = node.body[0]
                docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                given |= {node.lineno, *(range(first.lineno, first.end_lineno + 1) if docstring else ())}
    return [row.strip() for n, row in enumerate(code.splitlines(), 1) if n not in given and row.strip()]


def tokens(text: str) -> str:
    """The tokens of a text, each between spaces: without what does not matter, a first `return` and last commas."""
    found: list[str] = []
    for token in TOKEN.finditer(text):
        if token[0] in ")]}" and found and found[-1] == ",":
            found.pop()
        if token[0] not in NO_MATTER:
            found.append(str(float(token[1])) if token[1] else token[0])
    found = found[found[:1] == ["return"] :]
    return f" {' '.join(found[: -1 if found[-1:] == [','] else None])} "


def readings(text: str) -> set[str]:
    """The tokens of a text as it stands, with its escapes undone, and both without tags and without comments."""
    plain, before = text, ""
    while plain != before:
        plain, before = html.unescape(ESCAPE.sub(_escaped, plain)), plain
    return {tokens(said) for raw in {text, plain} for said in (raw, TAG.sub(" ", raw), COMMENT.sub("", raw))}


def _escaped(escape: re.Match) -> str:
    return chr(int(escape[1], 16)) if escape[1] else {"n": "\n", "r": "\n", "t": " "}.get(escape[2], escape[2])


def texts(data: Any) -> Iterator[str]:
    """Every text in a piece of JSON; a list of rows, as notebooks have them, also as the one text that it is."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        yield from data
        yield from texts(list(data.values()))
    elif isinstance(data, list):
        yield "".join(value for value in data if isinstance(value, str))
        for value in data:
            yield from texts(value)
