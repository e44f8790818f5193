"""The exercises of the course: one folder for each notebook, one module for each exercise, and the one evaluator."""

from __future__ import annotations

import functools
import pkgutil
from importlib import import_module

from .evaluate import CORRECT, NOT_ATTEMPTED, NOT_YET, Verdict, evaluate
from .exercise import Exercise

__all__ = ["CORRECT", "NOT_ATTEMPTED", "NOT_YET", "Exercise", "Verdict", "evaluate", "exercises", "find", "notebooks"]


def notebooks() -> list[str]:
    """The numbers of the notebooks that have exercises, in order."""
    return sorted(m.name[2:] for m in pkgutil.iter_modules(__path__) if m.ispkg and m.name.startswith("nb"))


@functools.cache
def exercises(notebook: str) -> dict[str, Exercise]:
    """The exercises of one notebook by their id, in order: what its modules call EXERCISE."""
    if notebook not in notebooks():
        return {}
    folder = import_module(f"{__name__}.nb{notebook}")
    modules = [import_module(f"{folder.__name__}.{m.name}") for m in pkgutil.iter_modules(folder.__path__)]
    found = [m.EXERCISE for m in modules if hasattr(m, "EXERCISE")]
    return {e.id: e for e in sorted(found, key=lambda e: [int(n) for n in e.id.split(".")])}


def find(id: str) -> Exercise:
    """The exercise with this id; KeyError, with those that there are, if there is none."""
    there = exercises(str(id).partition(".")[0])
    if id not in there:
        known = ", ".join(there) or f"notebooks {', '.join(notebooks())}"
        raise KeyError(f"there is no exercise {id!r}; there are {known}")
    return there[id]
