"""`use("01.1")`: the learner's own answer where it is correct, else the course's; so every later cell runs."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..exercises import CORRECT, Exercise, Verdict, evaluate, find
from ..exercises.limit import TimeLimit, within
from ..exercises.runners import InProcess
from ..exercises.sentences import listed
from ..exercises.worker import run_cell
from . import notebook, record
from .cards import say

LENT: list[Any] = []  # what was lent, itself: a check never takes it for the learner's


class NotCorrect(AssertionError):
    """Under a grader, an answer that is not correct ends its cell."""


def use(id: str, *, ours: bool = False) -> Any:
    """Her own from this notebook if correct, else the one that was accepted before, else the course's. Says which.

    ours: the course's in any case, for runs that are long where hers is slow.
    """
    try:
        ex = find(str(id))
    except KeyError as error:
        raise ValueError(f"use: {error.args[0]}") from None
    words = listed(list(ex.defines))
    if ours:
        say(f"Using the course's {words}".replace("`", ""), "In this cell, for its speed.", "open")
        return _values(ex, courses(ex))
    here = {name: value for name, value in notebook.names().items() if not _lent(value)}
    verdict = _judged(ex, here)
    earlier = bool(notebook.lesson) and ex.id[:2] != notebook.lesson[0]  # no exercise of this notebook is graded by it
    if os.environ.get("NBGRADER_EXECUTION") and not earlier:
        return _graded(ex, verdict, here)
    if verdict is not None and verdict.state == CORRECT:
        say(f"Using your {words}".replace("`", ""), "", "good")
        return _values(ex, here)
    if (hers := accepted(ex)) is not None:
        say(f"Using your {words}".replace("`", ""), f"Exercise {ex.id}, as it was accepted.", "good")
        return _values(ex, hers)
    solved = record.read()["exercises"].get(ex.id, {}).get("state") == CORRECT
    why = f"Yours takes over as soon as exercise {ex.id} is correct."
    why = f"Exercise {ex.id} is solved, but no answer that passes is kept: run its cell again." if solved else why
    say(f"Using the course's {words}".replace("`", ""), why, "open")
    return _values(ex, courses(ex))


def _graded(ex: Exercise, verdict: Verdict | None, here: dict[str, Any]) -> Any:
    if verdict is None or verdict.state != CORRECT:
        notebook.names().update({name: courses(ex)[name] for name in ex.defines})  # later exercises may call it
        raise NotCorrect(f"{ex.id}: {verdict.sentence if verdict else 'not attempted'}")
    return _values(ex, here)


def _values(ex: Exercise, names: dict[str, Any]) -> Any:
    found = [names[name] for name in ex.defines]
    return found[0] if len(found) == 1 else tuple(found)


def _lent(value: Any) -> bool:
    return any(value is lent for lent in LENT)


def _judged(ex: Exercise, names: dict[str, Any]) -> Verdict | None:
    """The verdict, or None where there is nothing to judge."""
    if not all(name in names for name in ex.defines):
        return None
    try:
        with notebook.no_displays():
            return evaluate(ex, InProcess(names))
    except Exception:  # a fault of the course: lend the course's
        return None


def keep_answer(ex: Exercise, source: str) -> bool:
    """Save an accepted answer, whole, for later kernels -> False for a text that is not correct by itself."""
    if not source.strip() or _fresh(ex, source) is None:
        return False
    record.keep(f"answers/{ex.id}.py", f"# The accepted answer to exercise {ex.id}, {ex.title}.\n\n{source}")
    return True


def accepted(ex: Exercise) -> dict[str, Any] | None:
    """The names of an answer that was accepted before, run and checked again; None if there is none that passes."""
    place = record.folder()
    try:
        source = (place / "answers" / f"{ex.id}.py").read_text(encoding="utf-8") if place else ""
    except (OSError, ValueError):
        source = ""
    return _fresh(ex, source) if source else None


def _fresh(ex: Exercise, source: str) -> dict[str, Any] | None:
    """The names after running this source by itself, if what it defines is correct."""
    names = {"np": np, "__name__": "__answer__", **_given(ex)}
    try:
        with notebook.no_displays():
            failed = within(ex.limit_s, lambda: run_cell(names, source, ex.id))
    except TimeLimit:
        return None
    verdict = None if failed else _judged(ex, names)
    return names if verdict is not None and verdict.state == CORRECT else None


def _given(ex: Exercise) -> dict[str, Any]:
    """What an answer may call: hers where it was accepted, else the course's."""
    found = {}
    for name, id in ex.given.items():
        other = find(id)
        hers = accepted(other)
        found[name] = (courses(other) if hers is None else hers)[name]
    return found


def courses(ex: Exercise) -> dict[str, Any]:
    """The course's answer, made anew from its source and marked as lent."""
    names = {"np": np, "__name__": "__course__"}
    for name, id in ex.given.items():
        names[name] = courses(find(id))[name]
    failed = run_cell(names, ex.solution, f"{ex.id}, the course's")
    if failed:
        raise RuntimeError(f"the course's own answer to {ex.id} fails: {failed}")
    LENT.extend(names[name] for name in ex.defines)
    return names
