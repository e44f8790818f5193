"""`dlcourse grade DIR --explain LEARNER ID`: what a learner is not told of one answer, for whoever grades it.

The answer runs once more, behind the wall, with the seed of the grades and after the answers that it was graded after.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from ..exercises import CORRECT, Exercise, Verdict, exercises, find, notebooks
from .batch import Run, held, kept_results, without_copies
from .grade import Judged, Kept, best, judge
from .handed import BatchError, Handed, few, look_through, shown
from .start import Zygote
from .submission import read
from .wall import Walled


class Heard(Walled):
    """A worker behind the wall; what its calls reported is kept."""

    def __init__(self, zygote: Zygote, cells: list[tuple[str, str]]):
        super().__init__(zygote, cells)
        self.reports: list[dict[str, Any]] = []

    def run(self, steps: list, errors: dict[str, str], limit_s: float) -> dict[str, Any]:
        report = super().run(steps, errors, limit_s)
        self.reports.append(report)
        return report


def explain(folder: Path, out: Path, zygote: Zygote, learner: str, id: str) -> str:
    """All that is known of the answer of one learner to one exercise, for a terminal. BatchError where there is none.
    OUT must hold the grades."""
    run = held(out, folder)
    found = look_through(folder)
    there = sorted({one.learner for one in found.notebooks} | set(found.without))
    learner = _one_of(unicodedata.normalize("NFC", learner), there, "learner")
    lesson, _, number = id.partition(".")
    ids = [id for there in notebooks() for id in exercises(there)]
    ex = find(_one_of(f"{lesson.zfill(2)}.{number}" if number else id, ids, "exercise"))
    whole = [one for one in found.notebooks if one.learner == learner]
    with threadpool_limits(1):
        one, kept, judged = _again(out, run, learner, whole, ex, lambda cells: Heard(zygote, cells))
    return "\n".join(_lines(ex, one, kept, judged))


def _one_of(word: str, there: Sequence[str], kind: str) -> str:
    if word in there:
        return word
    near = [name for name in there if name.casefold() == word.casefold()]
    near = near or difflib.get_close_matches(word, there, 3, 0.5) or [name for name in there if word in name]
    told = f"do you mean {few(near)}?" if near else f"there are {few(there, 9)}."
    raise BatchError(f"There is no {kind} {shown(word)}: {told}")


def _again(out: Path, run: Run, learner: str, whole: list[Handed], ex: Exercise, runner: Callable) -> Any:
    """The file that counts, the learner's accepted answers up to there, and this answer, judged as the batch does."""
    results = kept_results(out, {"": whole}, run)
    if len(results) < len(whole):
        raise BatchError(f"What {shown(learner)} handed in was not graded as it is now: grade the folder first.")
    lesson = ex.id.partition(".")[0]
    counting = [r["file"] for r in without_copies([results[one.file] for one in whole])
                if r["lesson"] == lesson and not r["problem"]]  # fmt: skip
    kept: Kept = {}
    for one in whole:
        if results[one.file]["problem"]:
            continue
        given, here = read(one.path, run.lesson), counting == [one.file]
        judge(given, learner, one.file, runner, run.seed, kept, ex.id if here else "")
        if here:
            if ex.id not in given.answers:
                raise BatchError(f"There is no answer to {ex.id} in {shown(one.file)}.")
            return one, kept, best(ex, given.answers[ex.id], runner, run.seed, kept)
    raise BatchError(f"{shown(learner)} handed in no notebook of lesson {lesson} that can be read.")


def _lines(ex: Exercise, one: Handed, kept: Kept, judged: Judged) -> list[str]:
    """What is known, in the order in which one asks. Whatever comes from the learner is indented and cleaned."""
    verdict, failed, reports = judged.verdict, judged.failed, judged.worker.reports
    found = [f"{shown(one.learner)}, {ex.id} {ex.title}: {verdict.state}", f"in {shown(one.file)}", ""]
    found += ["What the learner is told:", *_block(judged.graded.says)]
    if verdict.sentence:
        found += ["What was found:", *_block(verdict.sentence)]
    if verdict.wrong:
        found += _block(f"{verdict.wrong} of {verdict.cases} cases of this part fail.")
    if verdict.key:
        found += ["The named mistake:", *_block(verdict.key)]
    for label, text in verdict.evidence:
        found += [f"{shown(label)}:", *_block(text)]
    if error := failed or _error(verdict, reports):
        line = f" (line {error['line']})" if isinstance(error.get("line"), int) else ""
        found += ["Its cell stopped with:" if failed else "It stopped with:"]
        found += _block(f"{error['error']}: {str(error.get('says', ''))[:500]}{line}")
        found += _block(str(error.get("trace", ""))[:4000])
    if verdict.printed.strip():
        found += ["It printed:", *_block(verdict.printed)]
    for id in dict.fromkeys(id for id, _ in judged.cells[1:-1] if id != "use"):
        found.append(f"What it calls of {id} is {'the learner' if id in kept else 'the course'}'s own.")
    found.append("The answer as it was graded:")
    return found + [f"{n:4}  {row}" for n, row in enumerate(_clean(judged.answer.source).split("\n"), 1)]


def _error(verdict: Verdict, reports: list[dict]) -> dict[str, Any]:
    """The report of the call that the verdict speaks of, if it stopped."""
    stopped = [r for r in reports if r.get("error")] if verdict.state != CORRECT else []
    spoken = [r for r in stopped if r["error"] == verdict.about or (verdict.trace and r.get("trace") == verdict.trace)]
    return next(iter(spoken), {})


def _block(text: str) -> list[str]:
    return [f"    {row}" for row in _clean(text).split("\n")] if text.strip() else []


def _clean(text: str) -> str:
    return shown(text.replace("\r\n", "\n").replace("\t", "    ").rstrip("\n"), keep="\n")
