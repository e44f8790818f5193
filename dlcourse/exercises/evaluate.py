"""The one evaluator: a runner holds an answer, an exercise says what is right, a Verdict comes out. No display here.

It speaks of a cause only where the outcomes of the answer are exactly those of one named wrong answer, in all cases.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import sentences
from .compare import agree, differences, is_open, short
from .exercise import Case, Exercise, Wrong
from .runners import InProcess, Runner

NOT_ATTEMPTED, NOT_YET, CORRECT = "not attempted", "not yet", "correct"
Report = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """state; one sentence; evidence as (label, text); the key of the named wrong answer that matched, if one did.

    about: which question the answer fails, by its name in `sentences`, or the kind of the error that stopped it; where:
    what the failing cases have in common; wrong: how many of the cases fail.
    """

    state: str
    sentence: str
    evidence: tuple[tuple[str, str], ...] = ()
    printed: str = ""
    trace: str = ""
    key: str = ""
    cases: int = 0
    about: str = ""
    where: str = ""
    wrong: int = 0


def evaluate(ex: Exercise, runner: Runner, seed: int = 0) -> Verdict:
    """Judge the answer that this runner holds. Never raises for a learner's mistake."""
    about = runner.describe(ex.defines)
    missing = [name for name in ex.defines if name not in about]
    if len(missing) == len(ex.defines):
        sentence = f"{sentences.listed(missing)} is not defined yet. Run the cell that defines it."
        return Verdict(NOT_ATTEMPTED, sentence, about="undefined")
    if missing:
        sentence = f"{sentences.listed(missing)} is not defined. Is the name spelled as in the exercise?"
        return Verdict(NOT_YET, sentence, about="missing")
    cases = ex.case_list(seed)
    mine, timed_out = [], False
    for case in cases:
        report = {"skipped": True} if timed_out else applied(ex, case, ask(ex, runner, case))
        timed_out = timed_out or report.get("error") == "TimeLimit"
        if any(about.get(step.target, {}).get("kind") == "open" for step in case.steps):
            report = {"open": True}
        mine.append(report)
    return _verdict(ex, runner, seed, cases, mine, about)


def ask(ex: Exercise, runner: Runner, case: Case) -> Report:
    """Run one case."""
    return runner.run([step.data() for step in case.steps], ex.errors, ex.limit_s)


def applied(ex: Exercise, case: Case, report: Report) -> Report:
    """For a value: what it does in this case; a sentence under "problem" if it has not the form for it."""
    if "value" not in report:
        return report
    if ex.apply is None:
        return {**report, "open": is_open(report["value"])}
    held = report["value"]
    if isinstance(held, dict) and case.part in ex.reference and ex.defines != tuple(ex.reference):
        if case.part not in held:
            return {
                **report,
                "problem": f"`{ex.defines[0]}` has no entry {case.part!r}. It is spelled as in the exercise.",
            }
        held = held[case.part]
    if held is ... or is_open(held):
        return {**report, "open": True}
    try:
        problem = ex.problem(case.part, held)
        report = {**report, "problem": problem} if problem else report
        return {**report, "value": ex.apply(held, *case.apply)}
    except Exception as error:  # a form that `problem` did not foresee, or that `apply` cannot bear
        return {"problem": f"`{case.part}` cannot be used: {error}", **report}


@functools.lru_cache(maxsize=256)
def expected(ex: Exercise, seed: int) -> tuple[Report, ...]:
    """What the reference does in each case."""
    return tuple(Outcomes(ex, {}, seed))


@functools.lru_cache(maxsize=64)
def outcomes_of_wrong(ex: Exercise, seed: int) -> tuple[tuple[Wrong, Sequence[Report]], ...]:
    """What each named wrong answer does in each case, in each of its forms."""
    forms = ((w, {w.part or next(iter(ex.reference)): answer}) for w in ex.wrong for answer in (w.answer, *w.also))
    return tuple((w, Outcomes(ex, parts, seed)) for w, parts in forms)


class Outcomes(Sequence):
    """What an answer does in each case, found out when it is asked for: most wrong answers differ in the first ones."""

    def __init__(self, ex: Exercise, parts: dict[str, Any], seed: int):
        self.ex, self.runner, self.cases = ex, InProcess(ex.names(parts)), ex.case_list(seed)
        self.found: list[Report] = []

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, i: Any) -> Any:
        for case in self.cases[len(self.found) : i + 1]:
            self.found.append(applied(self.ex, case, ask(self.ex, self.runner, case)))
        return self.found[i]


def _verdict(ex: Exercise, runner: Runner, seed: int, cases: list[Case], mine: list[Report], about: dict) -> Verdict:
    wants, right, left_open = expected(ex, seed), [], []
    for part in ex.reference:
        places = [i for i, case in enumerate(cases) if case.part == part]
        if any(mine[i].get("open") for i in places):
            if any(same(ex, mine[i], wants[i]) for i in places):
                sentence = f"A part of `{part}` is right. Another part is still open: replace its `...`."
                return Verdict(NOT_YET, sentence, about="part open")
            left_open.append(part)
            continue
        if verdict := _judge(ex, runner, seed, part, places, cases, mine, wants, about):
            bad = [i for i in places if not same(ex, mine[i], wants[i])]
            alike = sentences.where([cases[i] for i in bad], [cases[i] for i in places if i not in bad])
            return replace(verdict, cases=len(places), wrong=len(bad), where=alike.strip())
        right.append(part)
    if left_open and right:
        sentence = f"{sentences.listed(right)} passed. Still open: {sentences.listed(left_open)}."
        return Verdict(NOT_YET, sentence, about="part open")
    if left_open:
        turn = f"Replace the `...` in {sentences.listed(left_open)}, then run this cell again."
        return Verdict(NOT_ATTEMPTED, turn, about="open")
    printed = "".join(m.get("printed", "") for m in mine)[:2000]
    read = [m.get("value") for m in mine]
    said = [ex.note(dict(zip((c.part for c in cases), read))), *sentences.remarks(read, printed)]
    return Verdict(CORRECT, " ".join(filter(None, said)), printed=printed, cases=len(cases))


def _judge(ex, runner, seed, part, places, cases, mine, wants, about) -> Verdict | None:
    """None if this part of the answer is right in all its cases."""
    bad = [i for i in places if not same(ex, mine[i], wants[i])]
    if not bad:
        return _unsteady(ex, runner, seed, part, [cases[i] for i in places], [wants[i] for i in places])
    if ex.broken is not None and _as_given(ex, seed, places, mine):
        sentence = "This is still the code as it was given. Find what is wrong with it, and mend it."
        return Verdict(NOT_ATTEMPTED, sentence, about="as given")
    if hit := _diagnosis(ex, seed, part, places, mine):
        return _not_yet(ex, hit.says, cases[bad[0]], mine[bad[0]], wants[bad[0]], hit.key)
    if problem := mine[bad[0]].get("problem"):
        return Verdict(NOT_YET, problem)
    alike = [cases[k] for k in bad], [cases[k] for k in places if k not in bad]
    for stage in sentences.STAGES:
        for i in bad:
            if sentence := stage(ex, cases[i], mine[i], wants[i], about):
                if stage is sentences.returns and len(bad) < len(places):
                    sentence = f"`{part}` returns nothing in some cases. Is there a way through it without a `return`?"
                kind = mine[i].get("error") or stage.__name__
                return _not_yet(ex, sentence + sentences.where(*alike), cases[i], mine[i], wants[i], about=kind)
    if unsteady := _unsteady(ex, runner, seed, part, [cases[i] for i in places], [mine[i] for i in places]):
        return unsteady
    sentence = sentences.value_of(
        part, *([r.get("value") for r in (reports[i] for i in places)] for reports in (mine, wants))
    )
    return _not_yet(ex, sentence + sentences.where(*alike), cases[bad[0]], mine[bad[0]], wants[bad[0]])


def _unsteady(ex, runner, seed: int, part: str, cases: list[Case], before: list[Report]) -> Verdict | None:
    """An answer must say the same when it is asked again, in every case, and in an order that it cannot know."""
    order = np.random.default_rng([seed, len(cases)]).permutation(len(cases))
    for case, once in ((cases[i], before[i]) for i in order):
        if not same(ex, applied(ex, case, ask(ex, runner, case)), once):
            return Verdict(NOT_YET, _changing(part), (("call", case.shown),), about="unsteady")
    return None


def _changing(part: str) -> str:
    return (
        f"`{part}` gives another answer when it is called again with the same inputs. What does it remember, or draw?"
    )


def same(ex: Exercise, a: Report, b: Report) -> bool:
    """Could nobody outside tell these two outcomes apart?"""
    if a.get("skipped") or a.get("problem") != b.get("problem") or a.get("error") != b.get("error"):
        return False
    if a.get("error"):
        return a["error"] not in ("TimeLimit", "WorkerDied") and a.get("says") == b.get("says")
    if bool(a.get("changed")) != bool(b.get("changed")) or bool(a.get("open")) != bool(b.get("open")):
        return False
    return agree(a.get("value"), b.get("value"), ex.rtol, ex.atol)


def _diagnosis(ex: Exercise, seed: int, part: str, places: list[int], mine: list[Report]) -> Wrong | None:
    """The one named wrong answer that does exactly what this one does."""
    first = next(iter(ex.reference))
    hits = {
        wrong.key: wrong
        for wrong, theirs in outcomes_of_wrong(ex, seed)
        if (wrong.part or first) == part and all(same(ex, mine[i], theirs[i]) for i in places)
    }
    return next(iter(hits.values())) if len(hits) == 1 else None


@functools.lru_cache(maxsize=64)
def _broken_outcomes(ex: Exercise, seed: int) -> tuple[Report, ...]:
    return tuple(Outcomes(ex, {next(iter(ex.reference)): ex.broken}, seed))


def _as_given(ex: Exercise, seed: int, places: list[int], mine: list[Report]) -> bool:
    theirs = _broken_outcomes(ex, seed)
    return all(same(ex, mine[i], theirs[i]) for i in places)


def _not_yet(
    ex: Exercise, sentence: str, case: Case, mine: Report, want: Report, key: str = "", about: str = ""
) -> Verdict:
    """The sentence first, then the evidence: the call, what it gave, what was expected, the ratio."""
    rows = [("call" if case.steps[0].args is not None else "in", case.shown)]
    if mine.get("error"):
        rows += [("yours", f"{mine['error']}: {mine.get('says', '')}"[:200])]
        rows += [("expected", short(want.get("value")))] if ex.apply is None else []  # what was seen, and no result
    elif mine.get("changed") and not want.get("changed") and agree(mine["value"], want["value"], ex.rtol, ex.atol):
        rows += [("yours", "the input is changed"), ("expected", "the input stays as it was")]
    else:
        found = next(
            differences(mine.get("value"), want.get("value"), ex.rtol, ex.atol, sentences.names(ex, case)), None
        )
        rows += found.rows() if found else []
    printed, trace = mine.get("printed", "")[:2000], mine.get("trace", "")
    return Verdict(NOT_YET, sentence, tuple(rows), printed, trace, key, about=about)
