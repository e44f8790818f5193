"""Grades, on the trusted side: each answer in a worker of its own, judged by the evaluator that the notebook uses.

A point depends on the seed, the answer and the bank alone. What a learner may read of hidden cases is a named mistake
or a word of ours; inputs, expected values and texts of exceptions stay here.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..exercises import CORRECT, NOT_ATTEMPTED, NOT_YET, Exercise, Verdict, evaluate, exercises, find
from .start import WallError, Zygote
from .submission import Answer, Submission, Unreadable, defined, in_name, not_at_hand, read
from .wall import Walled

Kept = dict[str, str]  # exercise -> the learner's accepted answer
STOPS = "It stops with an error in hidden cases: run `check` with inputs of your own."
OTHER = "It gives another value than expected."
CATEGORIES = {  # the questions of `sentences`, in words that carry nothing of a case
    "signature": "It does not take the arguments that the exercise names.",
    "returns": "It returns nothing.",
    "kind_and_shape": "It returns something of another kind or shape than is wanted.",
    "finite": "It returns inf or nan where a finite number is wanted.",
    "unchanged": "It changes what it is handed.",
    "unsteady": "It gives another answer when it is called again with the same inputs.",
}
OPEN = {  # what a report says of an answer that was not tried
    "undefined": "Nothing is defined in it.",
    "as given": "This is the code as it was given: what is wrong with it is still to be found.",
}
SHUT = {  # what a report of a learner may say of a cell or call that stopped, by the error's name
    "TimeLimit": "It was still running when the time was up: a loop that never ends?",
    "WorkerDied": "Its process ended before it answered.",
    "TooLarge": "It returns more than may be sent back.",
}


@dataclass
class Graded:
    """One exercise of one submission."""

    id: str
    title: str
    state: str
    points: int
    of: int
    says: str = ""
    key: str = ""  # the named mistake
    notes: list[str] = field(default_factory=list)


@dataclass
class Result:
    """One submission. `problem` says why nothing in it could be graded."""

    learner: str
    file: str
    lesson: str
    exercises: list[Graded]
    notes: list[str] = field(default_factory=list)
    problem: str = ""
    look: list[str] = field(default_factory=list)  # for the teacher alone

    @property
    def points(self) -> int:
        return sum(e.points for e in self.exercises)

    @property
    def of(self) -> int:
        return sum(e.of for e in self.exercises)

    def data(self) -> dict[str, Any]:
        return {**asdict(self), "points": self.points, "of": self.of}


def grade(path: Path, learner: str, file: str, zygote: Zygote, seed: int, lesson: str = "", kept: Kept | None = None):
    """Grade one notebook. kept: answers of this learner that were accepted in earlier notebooks; new ones are added."""
    try:
        submission = read(path, lesson)
    except Unreadable as problem:
        lesson = in_name(file) or lesson
        return Result(learner, file, lesson, nothing(lesson), problem=str(problem))
    return judge(submission, learner, file, lambda cells: Walled(zygote, cells), seed, {} if kept is None else kept)


def nothing(lesson: str) -> list[Graded]:
    """No points for any exercise of a lesson; an empty list where it is not known which one."""
    return [_nothing(ex) for ex in exercises(lesson).values()] if lesson else []


def _nothing(ex: Exercise) -> Graded:
    return Graded(ex.id, ex.title, NOT_ATTEMPTED, 0, ex.points, "There is no answer.")


def judge(given: Submission, learner: str, file: str, runner: Callable, seed: int, kept: Kept, until: str = ""):
    """Grade the answers of a submission, or those before one exercise; `runner(cells)` makes the worker for one."""
    found = []
    for ex in exercises(given.lesson).values():
        if ex.id == until:
            break
        if ex.id not in given.answers:
            found.append(_nothing(ex))
            continue
        judged = best(ex, given.answers[ex.id], runner, seed, kept)
        if judged.graded.state == CORRECT and not judged.answer.lent:
            kept[ex.id] = judged.answer.source
        found.append(judged.graded)
    return Result(learner, file, given.lesson, found, list(given.notes), look=list(given.look))


class Judged(NamedTuple):
    """An answer, what is known of it, what stopped its cell, the worker that it ran in, and the cells that it got."""

    answer: Answer
    graded: Graded
    verdict: Verdict
    failed: dict[str, Any]
    worker: Any
    cells: list[tuple[str, str]]


def best(ex: Exercise, answers: list[Answer], runner: Callable, seed: int, kept: Kept) -> Judged:
    """The first of these answers that is right, else the first that is more than an open one, else the first."""
    found = []
    for answer in answers:
        found.append(_one(ex, answer, runner, seed, kept))
        if found[-1].graded.state == CORRECT:
            return found[-1]
    return next((one for one in found if one.graded.state != NOT_ATTEMPTED), found[0])


def _one(ex: Exercise, answer: Answer, runner: Callable, seed: int, kept: Kept) -> Judged:
    source = answer.source
    cells = [("notebook", NOTEBOOK), *_given([*ex.given.values(), *(id for _, id in answer.lent)], kept)]
    cells += [("use", f"{name} = {find(id).defines[0]}") for name, id in answer.lent if name not in find(id).defines]
    cells.append((ex.id, source))
    for _ in range(2):
        with runner(cells) as worker:
            try:
                verdict = evaluate(ex, worker, seed)
            except WallError:
                raise
            except Exception:  # a worker that died, or something handed back that nobody has foreseen
                verdict = Verdict(NOT_YET, "")
            failed = worker.failed
            if not worker.fallen:
                break  # else once more, behind a new wall
    correct = verdict.state == CORRECT
    tried = verdict.about == "undefined" and (failed or defined(source))  # something stands there, under another name
    state = NOT_YET if tried else verdict.state
    graded = Graded(ex.id, ex.title, state, ex.points if correct else 0, ex.points, key=verdict.key)
    graded.says = "All hidden cases agree." if correct else told(ex, verdict, failed, source)
    if correct and failed:
        graded.notes.append("Its cell stopped below the answer, which counts all the same.")
    if not correct and (missing := not_at_hand(source)):
        graded.notes.append(f"Answers are graded with Python's own library and NumPy, without {', '.join(missing)}.")
    return Judged(answer, graded, verdict, failed, worker, cells)


NOTEBOOK = "def display(*things):\n    pass\n"  # what an answer may call in a notebook, and which shows nothing here


def _given(ids: Iterable[str], kept: Kept, seen: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """The earlier answers that one may call: the learner's own where accepted, else the course's."""
    cells: list[tuple[str, str]] = []
    for id in dict.fromkeys(ids):
        other = find(id)
        if id not in seen:
            cells += [*_given(other.given.values(), kept, (*seen, id)), (id, kept.get(id, other.solution))]
    return list(dict.fromkeys(cells))


def told(ex: Exercise, verdict: Verdict, failed: dict[str, Any], source: str) -> str:
    """What a learner reads of an answer that is not right: nothing that could carry a hidden case."""
    if verdict.key:
        return verdict.sentence
    if failed and verdict.about not in ("as given", "open"):
        return _stopped("Its cell", failed)
    if verdict.state == NOT_ATTEMPTED:
        if verdict.about == "undefined" and defined(source):
            names = " and ".join(f"`{name}`" for name in ex.defines)
            return f"It does not define {names}. Is the name spelled as in the exercise?"
        return OPEN.get(verdict.about, "A `...` is still open.")
    if verdict.about == "missing":  # says names of the exercise, and nothing of a case
        return verdict.sentence
    if verdict.about == "part open":
        return "A part of it is still open: a `...`."
    said = CATEGORIES.get(verdict.about) or (SHUT.get(verdict.about, STOPS) if verdict.about else OTHER)
    count = f" {verdict.wrong} of {verdict.cases} hidden cases fail." if verdict.wrong else ""
    return f"{said}{count} {verdict.where}".strip()


def _stopped(what: str, failed: dict[str, Any]) -> str:
    """That something stopped, with the kind of error where Python knows it: a name of the learner's own could tell."""
    name = str(failed.get("error", ""))
    if name in SHUT:
        return SHUT[name]
    # the cell runs before it meets a hidden case, so this tells nothing of one
    known = isinstance(getattr(builtins, name, None), type) and issubclass(getattr(builtins, name), BaseException)
    return f"{what} stops with {name}." if known else f"{what} stops with an error."
