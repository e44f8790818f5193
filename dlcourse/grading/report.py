"""Results as files: tables and pages. The same seed and the same submissions give the same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..exercises import exercises
from ..nn.storage import write_whole
from .pages import class_page, learner_page

BOM = "\ufeff"  # by which a spreadsheet knows UTF-8


def write_all(results: list[dict[str, Any]], out: Path, passed_over: Sequence[str] = ()) -> list[Path]:
    """grades.json, grades.csv, gradebook.csv, class.html and a page for each learner below learners/ -> the files.

    passed_over: what lay among the submissions and is no notebook. Pages of nobody are removed."""
    learners: dict[str, list[dict]] = {}
    for result in results:
        learners.setdefault(result["learner"], []).append(result)
    names = file_names(learners)
    pages = {f"learners/{name}.html": learner_page(who, learners[who]) for who, name in names.items()}
    files = {
        "grades.json": json.dumps([public(r) for r in results], indent=1, sort_keys=True, ensure_ascii=True) + "\n",
        "grades.csv": BOM + table(results),
        "gradebook.csv": BOM + gradebook(results),
        "class.html": class_page(results, names, totals(results), passed_over),
        **pages,
    }
    for name, text in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(out / name, text.encode("utf-8", "replace"))
    for old in (out / "learners").glob("*.html"):
        if f"learners/{old.name}" not in pages and (old.is_symlink() or old.is_file()):
            old.unlink()
    return [out / name for name in files]


def public(result: dict[str, Any]) -> dict[str, Any]:
    """A result without the seed, which is nobody's but the teacher's."""
    return {k: v for k, v in result.items() if k != "seed"}


def file_names(learners: Iterable[str]) -> dict[str, str]:
    """A name for each learner's page, which is hers whoever else is there: what is readable in ASCII, and a hash."""
    names = {}
    for learner in learners:
        plain = unicodedata.normalize("NFKD", learner).encode("ascii", "ignore").decode()
        readable = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:50].rstrip("-") or "learner"
        names[learner] = f"{readable}-{hashlib.sha256(learner.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
    return names


# ---------------------------------------------------------------- tables
def table(results: list[dict[str, Any]]) -> str:
    """One row for each submission; a column for each exercise of the lessons that occur."""
    ids = list(dict.fromkeys(e["id"] for r in sorted(results, key=lambda r: r["lesson"]) for e in r["exercises"]))
    rows = [["learner", "notebook", "file", "points", "of", *ids, "notes"]]
    for r in results:
        points = {e["id"]: e["points"] for e in r["exercises"]}
        said = " ".join(filter(None, [r["problem"], *r["notes"]]))
        rows.append(
            [r["learner"], r["lesson"], r["file"], r["points"], r["of"], *(points.get(i, "") for i in ids), said]
        )
    return _csv(rows)


@dataclass(frozen=True)
class Total:
    """What a learner has in each lesson and in all that the class was asked for; nothing for what is not there."""

    learner: str
    lessons: dict[str, int]
    of: int

    @property
    def points(self) -> int:
        return sum(self.lessons.values())

    @property
    def percent(self) -> str:
        return f"{100 * self.points / self.of:.0f}" if self.of else ""


def totals(results: list[dict[str, Any]]) -> list[Total]:
    """One for each learner, in order."""
    lessons = sorted({r["lesson"] for r in results if r["lesson"]})
    of = sum(ex.points for lesson in lessons for ex in exercises(lesson).values())
    found: dict[str, Total] = {}
    for r in results:
        total = found.setdefault(r["learner"], Total(r["learner"], {}, of))
        if r["lesson"]:
            total.lessons[r["lesson"]] = total.lessons.get(r["lesson"], 0) + r["points"]
    return list(found.values())


def gradebook(results: list[dict[str, Any]]) -> str:
    """One row for each learner: the points in each lesson, their sum, what it is of, and that in percent."""
    lessons = sorted({r["lesson"] for r in results if r["lesson"]})
    rows = [["learner", *(f"notebook {lesson}" for lesson in lessons), "total", "of", "percent"]]
    for t in totals(results):
        rows.append([t.learner, *(t.lessons.get(lesson, "") for lesson in lessons), t.points, t.of, t.percent])
    return _csv(rows)


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([[plain_cell(c) for c in row] for row in rows])
    return out.getvalue()


def plain_cell(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    text = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "?", value) if isinstance(value, str) else value
    return f"'{text}" if isinstance(text, str) and text[:1] in ("=", "+", "-", "@") else text
