"""Opening an exercise: what stands between the markers goes, and `...` says that it is the learner's turn.

### BEGIN SOLUTION
return f(np.dot(w, x) + b)         a block with a return          ->  return ...
"AND": ([1, 1], -1.5),             numbers inside brackets, or names set to numbers  ->  each number becomes ...
v = mu * v - lr * grad             anything else                  ->  ...
### OPEN v = ...                   the author may say what is left instead
### END SOLUTION
"""

from __future__ import annotations

import ast
import io
import re
import tokenize

BLOCK = re.compile(r"^[ \t]*### BEGIN SOLUTION[ \t]*\n(?P<body>.*?)^[ \t]*### END SOLUTION[ \t]*(?:\n|\Z)", re.M | re.S)
OPEN = re.compile(r"^(?P<indent>[ \t]*)### OPEN ?(?P<left>.*)\n", re.M)
MARKER = re.compile(r"^[ \t]*### (?:BEGIN SOLUTION|END SOLUTION|OPEN\b.*)[ \t]*(?:\n|\Z)", re.M)
TURN = "...  # your code"


def opened(code: str) -> str:
    """The cell as a learner gets it."""
    return BLOCK.sub(lambda m: _stub(m["body"], code[: m.start("body")]), code).rstrip()


def complete(code: str) -> str:
    """The cell with its solution between the markers, which nbgrader reads too; without the author's OPEN lines."""
    return OPEN.sub("", code).rstrip()


def without_markers(code: str) -> str:
    """The solution as it runs, and nothing else."""
    return MARKER.sub("", code).rstrip()


def solution_lines(code: str) -> set[str]:
    """The lines that a learner must not be given, without the few that give nothing away."""
    found: set[str] = set()
    for m in BLOCK.finditer(code):
        rows = {row.strip() for row in OPEN.sub("", m["body"]).splitlines()}
        if not OPEN.search(m["body"]) and _is_data(m["body"], code[: m.start("body")]):
            rows -= {row.strip() for row in _numbers_opened(m["body"]).splitlines()}  # the frame around the numbers
        found |= rows
    return {row for row in found if len(row) >= 8 and not row.startswith("#")}


def marker_problem(code: str) -> str | None:
    """Why the markers of this cell cannot be read, or None."""
    begins, ends = (len(re.findall(rf"^[ \t]*### {word} SOLUTION", code, re.M)) for word in ("BEGIN", "END"))
    if begins == ends == len(BLOCK.findall(code)):
        return None
    return f"{begins} '### BEGIN SOLUTION' but {ends} '### END SOLUTION', or in the wrong order"


def _stub(body: str, before: str) -> str:
    if said := list(OPEN.finditer(body)):
        return "".join(f"{m['indent']}{m['left']}\n" for m in said)
    if _is_data(body, before):
        return _numbers_opened(body)
    indent = re.match(r"\s*", body)[0].rpartition("\n")[2]
    gives_back = re.search(r"^[ \t]*return\b", body, re.M)
    return f"{indent}{'return ' if gives_back else ''}{TURN}\n"


def _is_data(body: str, before: str) -> bool:
    """Does the block stand inside brackets, or set names to data?"""
    return bool(_depth(before)) or _only_data(body)


def _depth(before: str) -> int:
    """How many brackets are open at the end of this text."""
    depth = 0
    for token in _tokens(before):
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
    return depth


def _only_data(body: str) -> bool:
    """Nothing but names set to numbers."""
    try:
        rows = ast.parse(body.replace("\t", "    ").strip()).body
        return bool(rows) and all(isinstance(r, ast.Assign) and ast.literal_eval(r.value) is not ... for r in rows)
    except (SyntaxError, ValueError):
        return False


def _numbers_opened(body: str) -> str:
    """Every number, with the sign that belongs to it, becomes `...`; numbers in text and names stay."""
    rows, previous = body.splitlines(keepends=True), None
    cuts: list[tuple[int, int, int]] = []
    for token in _tokens(body):
        if token.type == tokenize.NUMBER:
            (row, start), (_, end) = token.start, token.end
            signed = previous is not None and previous.string == "-" and previous.end == token.start
            cuts.append((row - 1, start - signed, end))
        previous = token
    for row, start, end in reversed(cuts):
        rows[row] = rows[row][:start] + "..." + rows[row][end:]
    return "".join(rows)


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    """The tokens of a piece of code, as far as it can be read: a piece need not be a whole program."""
    found: list[tokenize.TokenInfo] = []
    try:
        found.extend(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, IndentationError):
        pass
    return found
