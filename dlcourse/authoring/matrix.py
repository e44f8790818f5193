"""docs/kill-matrix.md: what the checks accept and refuse, counted.        python -m dlcourse.authoring.matrix"""

from __future__ import annotations

import ast
import functools
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..exercises import CORRECT, NOT_YET, Exercise, Verdict, evaluate, exercises, find, notebooks
from ..exercises.exercise import Wrong
from ..exercises.limit import TimeLimit
from ..exercises.runners import InProcess
from .mutants import mutants

PAGE = Path(__file__).parents[2] / "docs" / "kill-matrix.md"
SEEDS = (0, 1, 2)
MOST_TURNS = 5000  # of all `while` loops in one call; no right answer needs more than a thousand or two
SHARE = 0.98


@dataclass(frozen=True)
class Mutant:
    """What was done to the answer; how it ended: "named" (a named wrong answer matched), "wrong", "error", "endless",
    or "survived" (under one of the seeds at least); and the keys of the wrong answers that it matched."""

    said: str
    end: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """The counts of one exercise. right and named: accepted, and told by their own sentence, under all seeds."""

    ex: Exercise
    cases: int
    right: int
    named: int
    mutants: tuple[Mutant, ...]

    @property
    def survivors(self) -> list[str]:
        return [m.said for m in self.mutants if m.end == "survived"]

    @property
    def unexplained(self) -> list[str]:
        return [said for said in self.survivors if said not in self.ex.equivalent]

    @property
    def stale(self) -> list[str]:
        """Explained, and no survivor."""
        return [said for said in self.ex.equivalent if said not in self.survivors]


@functools.cache
def row(id: str) -> Row:
    """Judge every answer that is known to this exercise, and every mutant of its solution."""
    ex, first = find(id), next(iter(find(id).reference))
    right = sum(all(_judged(ex, parts, s).state == CORRECT for s in SEEDS) for parts in [ex.reference, *ex.right])
    named = sum(all(_hears(ex, w, _judged(ex, {w.part or first: w.answer}, s)) for s in SEEDS) for w in ex.wrong)
    return Row(ex, len(ex.case_list(0)), right, named, tuple(judged(ex, *m) for m in mutants(ex.solution)))


def rows() -> list[Row]:
    """One for each exercise of the course."""
    return [row(id) for number in notebooks() for id in exercises(number)]


def given(ex: Exercise) -> dict[str, Any]:
    """The names that an answer may count on."""
    return {"np": np, **{name: find(id).reference[name] for name, id in ex.given.items()}}


def _judged(ex: Exercise, parts: dict[str, Any], seed: int) -> Verdict:
    return evaluate(ex, InProcess({**given(ex), **ex.names(parts)}), seed)


def _hears(ex: Exercise, wrong: Wrong, verdict: Verdict) -> bool:
    return (verdict.state, verdict.key, verdict.sentence) == (NOT_YET, wrong.key, wrong.says)


# ---------------------------------------------------------------- mutants
class Counted(InProcess):
    """A namespace whose `while` loops are counted in place of the seconds that they take, so that the verdict on an
    endless one is the same on every machine."""

    turns, errors = 0, frozenset()

    def run(self, steps: list, errors: dict[str, str], limit_s: float) -> dict[str, Any]:
        self.turns = 0
        report = super().run(steps, errors, limit_s)
        self.errors |= {report.get("error")} - {None}
        return report

    def turn(self) -> bool:
        self.turns += 1
        if self.turns > MOST_TURNS:
            raise TimeLimit
        return True


def judged(ex: Exercise, said: str, source: str) -> Mutant:
    """Run one mutant under all seeds. It is killed where no seed takes it for correct."""
    code = compile(_counting(source), "<exercise mutant>", "exec")
    ends, keys = set(), {}
    for seed in SEEDS:
        runner = Counted(given(ex))
        runner.names["_turn"] = runner.turn
        try:
            exec(code, runner.names)
        except Exception:  # it does not even define its name
            return Mutant(said, "error")
        verdict = evaluate(ex, runner, seed)
        ends.add(_end(verdict, runner.errors))
        keys |= {verdict.key: None} if verdict.key else {}
    order = ("survived", "wrong", "named", "endless", "error")
    return Mutant(said, min(ends, key=order.index), tuple(keys))


def _end(verdict: Verdict, errors: frozenset[str]) -> str:
    if verdict.state == CORRECT:
        return "survived"
    if verdict.key:
        return "named"
    return "endless" if "TimeLimit" in errors else "error" if errors else "wrong"


def _counting(source: str) -> ast.Module:
    """The source with every `while test` as `while _turn() and (test)`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.While):
            node.test = ast.BoolOp(ast.And(), [ast.Call(ast.Name("_turn", ast.Load()), [], []), node.test])
    return ast.fix_missing_locations(tree)


# ---------------------------------------------------------------- the page
ABOUT = """\
# What the checks tell apart

Written by `python -m dlcourse.authoring.matrix`; do not edit. Every exercise is judged with fresh inputs from {seeds}
seeds, and what is counted here holds under each of them.

- **right**: other right answers, in other styles, and the course's own: accepted.
- **wrong**: named wrong answers: refused, each with its own sentence, which no other of them hears.
- **mutants**: the course's answer with one small thing done otherwise (an operation, a number, an order, a line left
  out, ...): refused. *named* did what a named wrong answer does and heard its sentence; *value* gave other
  values; *error* stopped with an error; *endless* had to be stopped.
- **survivors**: mutants that compute the same. Each is listed with the reason.
"""


def page() -> str:
    """The whole page."""
    found = rows()
    parts = [ABOUT.format(seeds=len(SEEDS)), *_table(found), "\n## Survivors\n", *_survivors(found)]
    for number in notebooks():
        parts += [f"\n## Notebook {number}: the wrong answers and what their authors hear"]
        for r in (row(id) for id in exercises(number)):
            parts += _heard(r.ex)
    return "\n".join(parts) + "\n"


def _table(found: list[Row]) -> Iterator[str]:
    yield "| exercise | cases | right | wrong | mutants killed | named | value | error | endless | survivors |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for r in found:
        yield _line(f"{r.ex.id} {r.ex.title}", [r])
    yield _line("**all**", found)


def _line(title: str, found: list[Row]) -> str:
    ends = [m.end for r in found for m in r.mutants]
    alive = ends.count("survived")
    shown = [
        title,
        str(sum(r.cases for r in found)),
        f"{sum(r.right for r in found)} of {sum(len(r.ex.right) + 1 for r in found)}",
        f"{sum(r.named for r in found)} of {sum(len(r.ex.wrong) for r in found)}",
        f"{len(ends) - alive} of {len(ends)}" + (f" ({1 - alive / len(ends):.1%})" if len(found) > 1 else ""),
        *(str(ends.count(end)) for end in ("named", "wrong", "error", "endless", "survived")),
    ]
    return f"| {' | '.join(shown)} |"


def _survivors(found: list[Row]) -> Iterator[str]:
    yield "| exercise | what was changed | why no check can tell |"
    yield "|---|---|---|"
    for r in found:
        for said in r.survivors:
            yield f"| {r.ex.id} | {_code(said)} | {_cell(r.ex.equivalent.get(said, '**not explained**'))} |"


def _heard(ex: Exercise) -> Iterator[str]:
    yield f"\n### {ex.id} {ex.title}\n"
    yield "| wrong answer | what its author hears | seen |"
    yield "|---|---|---|"
    for wrong in ex.wrong:
        yield f"| {_cell(wrong.key)} | {_cell(wrong.says)} | {_source(wrong.source)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def _source(source: str) -> str:
    """Where it has been seen, in a word or two."""
    place = re.match(r"https?://(?:www\.)?([^/]+)/(.*)", source)
    if not place:
        return _cell(source)
    site, path = place[1], [p for p in place[2].split("/") if p]
    if site == "github.com":
        name = path[1] + (f"#{path[3]}" if len(path) > 3 and path[3].isdigit() else "")
    else:
        name = site + (f" {path[1]}" if len(path) > 1 and path[1].isdigit() else "")
    return f"[{_cell(name)}]({source})"


def main(arguments: list[str]) -> int:
    """Write the page, or with --check say whether it is what it should be."""
    fresh = page()
    if "--check" in arguments:
        same = PAGE.exists() and PAGE.read_text("utf-8") == fresh
        print("docs/kill-matrix.md is up to date." if same else "docs/kill-matrix.md is old: run without --check.")
        return int(not same)
    PAGE.write_text(fresh, "utf-8", newline="\n")
    print(_line("all", rows()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
