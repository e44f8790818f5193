"""Results as pages and tables: whatever a learner wrote is escaped, nothing in a page runs, no date and no time in it.

The same seed and the same submissions give the same bytes.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..exercises import CORRECT, NOT_ATTEMPTED, exercises, find
from ..nn.storage import write_whole

MARKS = {CORRECT: "✓ correct", NOT_ATTEMPTED: "○ not attempted"}
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
body { color: #222; background: #fff } table { border-collapse: collapse; margin: 1em 0 }
th, td { border: 1px solid #999; padding: .3em .6em; text-align: left } th { background: #eee }
td.n { text-align: right } .bar { fill: #0072B2 } caption { text-align: left; font-weight: bold }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write_all(results: list[dict[str, Any]], out: Path) -> list[Path]:
    """grades.json, grades.csv, class.html and a page for each learner below learners/ -> the files."""
    learners: dict[str, list[dict]] = {}
    for result in results:
        learners.setdefault(result["learner"], []).append(result)
    pages = {f"learners/{name}.html": learner_page(who, learners[who]) for who, name in file_names(learners).items()}
    files = {
        "grades.json": json.dumps([public(r) for r in results], indent=1, sort_keys=True, ensure_ascii=True) + "\n",
        "grades.csv": table(results),
        "class.html": class_page(results, file_names(learners)),
        **pages,
    }
    for name, text in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(out / name, text.encode("utf-8", "replace"))
    return [out / name for name in files]


def public(result: dict[str, Any]) -> dict[str, Any]:
    """A result without the seed, which is nobody's but the teacher's."""
    return {k: v for k, v in result.items() if k != "seed"}


def file_names(learners: Iterable[str]) -> dict[str, str]:
    """A name for each learner's page: letters, digits and hyphens, and different for different learners."""
    names: dict[str, str] = {}
    for learner in learners:
        base = re.sub(r"[^A-Za-z0-9]+", "-", learner).strip("-")[:60] or "learner"
        name, n = base, 2
        while name.lower() in {used.lower() for used in names.values()}:
            name, n = f"{base}-{n}", n + 1
        names[learner] = name
    return names


# ---------------------------------------------------------------- a table
def table(results: list[dict[str, Any]]) -> str:
    """One row for each submission; a column for each exercise of the lessons that occur."""
    ids = list(dict.fromkeys(e["id"] for r in sorted(results, key=lambda r: r["lesson"]) for e in r["exercises"]))
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["learner", "notebook", "file", "points", "of", *ids, "notes"])
    for r in results:
        points = {e["id"]: e["points"] for e in r["exercises"]}
        said = " ".join(filter(None, [r["problem"], *r["notes"]]))
        cells = [r["learner"], r["lesson"], r["file"], r["points"], r["of"], *(points.get(i, "") for i in ids), said]
        rows.writerow([plain_cell(c) for c in cells])
    return out.getvalue()


def plain_cell(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    text = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "?", value) if isinstance(value, str) else value
    return f"'{text}" if isinstance(text, str) and text[:1] in ("=", "+", "-", "@") else text


# ---------------------------------------------------------------- pages
def page(title: str, body: str) -> str:
    """A whole page without a script."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{shown(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<style>{STYLE}</style></head>\n'
        f"<body><main><h1>{shown(title)}</h1>\n{body}</main></body></html>\n"
    )


def shown(text: Any) -> str:
    """Text as text: no markup, no control characters, no end of line that turns the direction of reading."""
    clean = re.sub(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", "?", str(text))
    return html.escape(clean)


def said_of(text: str) -> str:
    """A sentence of ours with its code marked."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", shown(text))


def learner_page(learner: str, results: list[dict[str, Any]]) -> str:
    """What one learner gets: points, and what each answer was told."""
    points, of = (sum(r[k] for r in results) for k in ("points", "of"))
    body = [f"<p><strong>{points} of {of} points.</strong></p>\n"]
    for r in results:
        body.append(f"<h2>Notebook {shown(r['lesson'] or '?')}: {r['points']} of {r['of']}</h2>\n")
        if r["problem"]:
            body.append(f"<p>✗ {shown(r['problem'])}</p>\n")
        if r["exercises"]:
            body.append("<table><tr><th>Exercise</th><th>Points</th><th>Verdict</th><th>What was found</th></tr>\n")
            body += [_row(e) for e in r["exercises"]]
            body.append("</table>\n")
        if r["notes"]:
            body.append(f"<ul>{''.join(f'<li>{shown(n)}</li>' for n in r['notes'])}</ul>\n")
    return page(f"Grades: {learner}", "".join(body))


def _row(e: dict[str, Any]) -> str:
    notes = "".join(f"<br>{shown(n)}" for n in e["notes"])
    hint = ""
    if e["state"] != CORRECT and e["state"] != NOT_ATTEMPTED and not e["key"]:
        hint = f"<br>Hint: {said_of(find(e['id']).hints[0])}"
    verdict = MARKS.get(e["state"], "✗ not yet")
    return (
        f'<tr><td>{shown(e["id"])} {shown(e["title"])}</td><td class="n">{e["points"]} of {e["of"]}</td>'
        f"<td>{verdict}</td><td>{said_of(e['says'])}{notes}{hint}</td></tr>\n"
    )


def class_page(results: list[dict[str, Any]], names: dict[str, str]) -> str:
    """What the teacher gets: points, how each exercise went, and which mistakes were made how often."""
    layers = sorted({str(r.get("layer", "")) for r in results})
    out = [f"<p>{len(names)} learners, {len(results)} notebooks. Isolation: {shown(', '.join(layers))}.</p>\n"]
    out += [_went(results), _mistakes(results)]
    head = "<tr><th>Learner</th><th>Notebook</th><th>Points</th><th>Notes</th></tr>"
    out.append(f"<table><caption>Submissions</caption>{head}\n")
    for r in results:
        link = f'<a href="learners/{names[r["learner"]]}.html">{shown(r["learner"])}</a>'
        notes = " ".join(filter(None, [r["problem"], *r["notes"]]))
        score = f'<td class="n">{r["points"]} of {r["of"]}</td>'
        out.append(f"<tr><td>{link}</td><td>{shown(r['lesson'] or '?')}</td>{score}<td>{shown(notes)}</td></tr>\n")
    return page("Grades of the class", "".join([*out, "</table>\n"]))


def _went(results: list[dict[str, Any]]) -> str:
    """A bar for each exercise: the share of submissions that are correct, as a picture and in numbers."""
    rows = []
    for lesson in sorted({r["lesson"] for r in results if r["lesson"]}):
        for id, ex in exercises(lesson).items():
            states = [e["state"] for r in results for e in r["exercises"] if e["id"] == id]
            if states:
                right = states.count(CORRECT)
                told = f"{right} of {len(states)} correct"
                bar = (
                    f'<svg role="img" aria-label="{told}" width="120" height="14"><rect width="120" height="14" '
                    f'fill="#ddd"/><rect class="bar" width="{120 * right / len(states):.1f}" height="14"/></svg>'
                )
                rows.append(f"<tr><td>{shown(id)} {shown(ex.title)}</td><td>{bar}</td><td>{told}</td></tr>\n")
    return f"<table><caption>How the exercises went</caption>\n{''.join(rows)}</table>\n" if rows else ""


def _mistakes(results: list[dict[str, Any]]) -> str:
    """The named mistakes, the most frequent first."""
    made: dict[tuple[str, str], int] = {}
    for e in (e for r in results for e in r["exercises"] if e["key"]):
        made[e["id"], e["key"]] = made.get((e["id"], e["key"]), 0) + 1
    rows = []
    for (id, key), n in sorted(made.items(), key=lambda item: (-item[1], item[0])):
        says = next((w.says for w in find(id).wrong if w.key == key), "")
        rows.append(
            f'<tr><td class="n">{n}</td><td>{shown(id)}</td><td>{shown(key)}</td><td>{said_of(says)}</td></tr>\n'
        )
    head = "<tr><th>How often</th><th>Exercise</th><th>Mistake</th><th>What was said</th></tr>\n"
    return f"<table><caption>Named mistakes</caption>{head}{''.join(rows)}</table>\n" if rows else ""
