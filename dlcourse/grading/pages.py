"""Results as pages: whatever a learner wrote is escaped, nothing in a page runs, no date and no time in it."""

from __future__ import annotations

import html
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ..exercises import CORRECT, NOT_ATTEMPTED, NOT_YET, exercises, find
from ..exercises.sentences import counted
from . import handed

MARKS = {CORRECT: "✓ correct", NOT_ATTEMPTED: "○ not attempted"}
LIGHT = {"text": "#222222", "page": "#ffffff", "head": "#eeeeee", "line": "#767676", "link": "#0b57a4",
         "right": "#0072b2", "wrong": "#b34700", "open": "#dddddd"}  # fmt: skip
DARK = {"text": "#e6e6e6", "page": "#161616", "head": "#2a2a2a", "line": "#8a8a8a", "link": "#8cc4ff",
        "right": "#4aa8e0", "wrong": "#e69f00", "open": "#4a4a4a"}  # fmt: skip
STYLE = f"""
:root {{ color-scheme: light dark; {"; ".join(f"--{k}: {v}" for k, v in LIGHT.items())} }}
@media (prefers-color-scheme: dark) {{ :root {{ {"; ".join(f"--{k}: {v}" for k, v in DARK.items())} }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }}
body {{ color: var(--text); background: var(--page); overflow-wrap: anywhere }} a {{ color: var(--link) }}
table {{ border-collapse: collapse; margin: 1.5em 0 }} caption {{ text-align: left; font-weight: bold }}
th, td {{ border: 1px solid var(--line); padding: .3em .6em; text-align: left; vertical-align: top }}
th {{ background: var(--head); overflow-wrap: normal }} td.n {{ text-align: right; overflow-wrap: normal }}
.whole {{ white-space: nowrap }}
svg {{ display: block; width: 100%; min-width: 3em; max-width: 10em; height: 14px; margin: .3em 0 }}
.right {{ fill: var(--right) }} .wrong {{ fill: var(--wrong) }} .open {{ fill: var(--open) }}
@media (max-width: 40em) {{ body {{ font-size: 14px; margin: 1em auto; padding: 0 .5em }}
  th, td {{ padding: .2em .3em }} }}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(title: str, body: str) -> str:
    """A whole page without a script."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{shown(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<style>{STYLE}</style></head>\n'
        f"<body><main><h1>{shown(title)}</h1>\n{body}</main></body></html>\n"
    )


def shown(text: Any) -> str:
    """Text as text: no markup, no control characters, no end of line that turns the direction of reading."""
    return html.escape(handed.shown(text))


def said_of(text: str) -> str:
    """A sentence of ours with its code marked."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", shown(text))


def rows_of(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing where it has no rows. A cell is HTML already; one that begins with a digit holds a number."""
    body = [
        "".join(f'<td class="n">{c}</td>' if re.match(r"\d+( of \d+| %)?$", c) else f"<td>{c}</td>" for c in row)
        for row in rows
    ]
    if not body:
        return ""
    top = f"<caption>{caption}</caption>" if caption else ""
    titles = "".join(f'<th scope="col">{h}</th>' for h in head)
    return f"<table>{top}<tr>{titles}</tr>\n" + "".join(f"<tr>{b}</tr>\n" for b in body) + "</table>\n"


# ---------------------------------------------------------------- a learner
def learner_page(learner: str, results: list[dict[str, Any]]) -> str:
    """What one learner gets: points, and what each answer was told."""
    points, of = (sum(r[k] for r in results) for k in ("points", "of"))
    body = [f"<p><strong>{points} of {of} points</strong> in what was handed in.</p>\n"]
    for r in results:
        body.append(f"<h2>Notebook {shown(r['lesson'] or '?')}: {r['points']} of {r['of']}</h2>\n")
        if r["problem"]:
            body.append(f"<p>✗ {shown(r['problem'])}</p>\n")
        body.append(rows_of("", ("Exercise", "Points", "Verdict", "What was found"), map(_row, r["exercises"])))
        if r["notes"]:
            body.append(f"<ul>{''.join(f'<li>{shown(n)}</li>' for n in r['notes'])}</ul>\n")
    return page(f"Grades: {learner}", "".join(body))


def _row(e: dict[str, Any]) -> tuple[str, ...]:
    notes = "".join(f"<br>{shown(n)}" for n in e["notes"])
    hint = ""
    if e["state"] != CORRECT and e["state"] != NOT_ATTEMPTED and not e["key"]:
        hint = f"<br>Hint: {said_of(find(e['id']).hints[0])}"
    verdict = f'<span class="whole">{MARKS.get(e["state"], "✗ not yet")}</span>'
    return _title(e["id"]), f"{e['points']} of {e['of']}", verdict, f"{said_of(e['says'])}{notes}{hint}"


def _title(id: str) -> str:
    return f"{shown(id)} {shown(find(id).title)}"


# ---------------------------------------------------------------- the class
def class_page(results: list[dict], names: dict[str, str], totals: list[Any], passed_over: Sequence[str] = ()) -> str:
    """What the teacher gets: points, how each exercise went, which mistakes were made how often, and what to look at.

    totals: (learner, points, of) of each learner; names: her page."""
    layers = sorted({str(r.get("layer", "")) for r in results})
    every, of = [t.points for t in totals], max((t.of for t in totals), default=0)
    there = sum(not r.get("missing") for r in results)
    said = f"{counted(len(names), 'learner')}, {counted(there, 'notebook')}"
    out = [f"<p>{said}. Isolation: {shown(', '.join(layers))}.</p>\n"]
    if every:
        mean, middle = statistics.mean(every), statistics.median(every)
        out.append(f"<p>Points of a learner: mean {mean:.1f}, median {middle:.1f}, of {of}.</p>\n")
    link = {who: f'<a href="learners/{name}.html">{shown(who)}</a>' for who, name in names.items()}
    look = [(link[r["learner"]], shown(r["lesson"] or "?"), shown(n)) for r in results for n in r.get("look", [])]
    out += [rows_of("For you to look at", ("Learner", "Notebook", "What"), look), _went(results), _mistakes(results)]
    points = [(link[t.learner], f"{t.points} of {t.of}", t.percent and f"{t.percent} %") for t in totals]
    out.append(rows_of("Learners", ("Learner", "Points", "Share"), points))
    rows = []
    for r in results:
        notes = " ".join(filter(None, [r["problem"], *r["notes"]]))
        rows.append((link[r["learner"]], shown(r["lesson"] or "?"), f"{r['points']} of {r['of']}", shown(notes)))
    out.append(rows_of("Submissions", ("Learner", "Notebook", "Points", "Notes"), rows))
    if passed_over:
        files = "".join(f"<li>{shown(file)}</li>\n" for file in passed_over)
        out.append(f"<h2>Passed over</h2>\n<p>These files are no notebooks.</p>\n<ul>{files}</ul>\n")
    return page("Grades of the class", "".join(out))


def _went(results: list[dict[str, Any]]) -> str:
    """How many are right, not yet right and not attempted: a bar for each exercise, and the numbers."""
    rows = []
    for lesson in sorted({r["lesson"] for r in results if r["lesson"]}):
        for id in exercises(lesson):
            states = Counter(e["state"] for r in results for e in r["exercises"] if e["id"] == id)
            if states:
                counts = [states[state] for state in (CORRECT, NOT_YET, NOT_ATTEMPTED)]
                rows.append((_title(id), _bar(*counts), *map(str, counts)))
    return rows_of("How the exercises went", ("Exercise", "Share", "Correct", "Not yet", "Not attempted"), rows)


def _bar(right: int, wrong: int, left: int) -> str:
    per_cent = 100 / (right + wrong + left)
    told = f"{right} correct, {wrong} not yet, {left} not attempted"
    return (
        f'<svg role="img" aria-label="{told}" viewBox="0 0 100 14" preserveAspectRatio="none">'
        '<rect class="open" width="100" height="14"/>'
        f'<rect class="wrong" width="{per_cent * (right + wrong):.1f}" height="14"/>'
        f'<rect class="right" width="{per_cent * right:.1f}" height="14"/></svg>'
    )


def _mistakes(results: list[dict[str, Any]]) -> str:
    """What was made how often, the most frequent first: mistakes that have a name, then failures that have none."""
    wrong = [e for r in results for e in r["exercises"] if e["state"] == NOT_YET]
    named = Counter((e["id"], e["key"]) for e in wrong if e["key"])
    others = Counter((e["id"], e["says"]) for e in wrong if not e["key"])
    rows = []
    for (id, key), n in _by_count(named):
        says = next((w.says for w in find(id).wrong if w.key == key), "")
        rows.append((str(n), shown(id), shown(key), said_of(says)))
    head = ("How often", "Exercise", "Mistake", "What was said")
    more = [(str(n), _title(id), said_of(says)) for (id, says), n in _by_count(others)]
    return rows_of("Named mistakes", head, rows) + rows_of("Failures without a name", (*head[:2], head[3]), more)


def _by_count(counts: Counter) -> list[tuple]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
