"""`recorded("08")`: results of runs that take minutes, made once by the course, shown with machine and date.

{"form", "lesson", "date": "2026-11-28", "machine": {"processor", "cores"}, "versions": {"Python", "NumPy", "BLAS",
"dlcourse"}, "seconds", "command", "results": {...}}
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

FORM = "dlcourse-record-1"
FOLDER = Path(__file__).with_name("records")
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
VERSIONS = ("Python", "NumPy", "BLAS", "dlcourse")


class RecordError(ValueError):
    """A recorded result that is not there, or is not what it should be; the sentence says which and what to do."""


@dataclass(frozen=True, repr=False)
class Recorded(Mapping):
    """The results by name, and where they come from. Nothing in it can be changed: lists are tuples here.

    date      "28 Nov 2026"
    machine   "AMD EPYC 9B14, 2 cores"
    versions  of Python, NumPy, BLAS and the course
    seconds   that all its runs took
    command   what makes it anew
    """

    results: Mapping[str, Any]
    date: str
    machine: str
    versions: Mapping[str, str]
    seconds: float
    command: str

    @property
    def label(self) -> str:
        """What stands beside a number from it: recorded result, date, NumPy, machine."""
        return f"recorded result, {self.date}, NumPy {self.versions['NumPy']}, {self.machine}"

    def __getitem__(self, name: str) -> Any:
        try:
            return self.results[name]
        except KeyError:
            raise KeyError(f"nothing is recorded as {name!r}, only {', '.join(self.results)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        return f"<{self.label}: {', '.join(self.results)}>"


def recorded(lesson: str) -> Recorded:
    """What the long runs of a lesson gave when the course was made.      recorded("08")["linear"]

    Raises RecordError, one sentence, if the file is missing, damaged or another's.
    """
    if not (isinstance(lesson, str) and len(lesson) == 2 and lesson.isascii() and lesson.isdecimal()):
        raise RecordError(f'recorded takes the number of a lesson, such as recorded("08"), got {lesson!r}')
    return read(FOLDER / f"{lesson}.json", lesson)


def read(path: Path, lesson: str) -> Recorded:
    """The record in this file; RecordError says what is wrong with it."""
    try:
        return record_of(json.loads(path.read_text(encoding="utf-8")), lesson)
    except FileNotFoundError:
        why = "it is missing"
    except OSError as error:
        why = error.strerror or type(error).__name__
    except RecordError as error:
        why = str(error)
    except (ValueError, RecursionError):
        why = "it is cut off, or no JSON at all"
    anew = f"install the course anew, or make it with `dlcourse build --record {lesson}`"
    raise RecordError(f"the recorded result of lesson {lesson} cannot be read from {path}: {why}; {anew}") from None


def record_of(content: Any, lesson: str) -> Recorded:
    """The record that this content of a file makes; RecordError names the first thing that is wrong."""
    if not isinstance(content, dict) or content.get("form") != FORM:
        raise RecordError("it is no recorded result of this course")
    if content.get("lesson") != lesson:
        raise RecordError(f"it is that of lesson {content.get('lesson')}")
    try:
        date, machine = datetime.date.fromisoformat(content["date"]), content["machine"]
        name, cores = _text(machine["processor"]), int(machine["cores"])
        versions = {package: _text(content["versions"][package]) for package in VERSIONS}
        seconds, command = _frozen(content["seconds"], "seconds") * 1.0, _text(content["command"])
        results = content["results"]
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"date, machine, versions, seconds or command are not as they should be ({error})") from None
    if not isinstance(results, dict) or not results:
        raise RecordError("it holds no results")
    day = f"{date.day} {MONTHS[date.month - 1]} {date.year}"
    kept = MappingProxyType({key: _frozen(value, key) for key, value in results.items()})
    return Recorded(kept, day, f"{name}, {cores} core{'s'[: cores != 1]}", MappingProxyType(versions), seconds, command)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"words expected, got {value!r}")
    return value


def _frozen(value: Any, where: str) -> Any:
    """The same, unchangeable; a number that is none is refused."""
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(part, f"{where}, {key}") for key, part in value.items()})
    if isinstance(value, list | tuple):
        return tuple(_frozen(part, where) for part in value)
    if isinstance(value, float) and not math.isfinite(value):
        raise RecordError(f"it holds {value} under {where}")
    return value
