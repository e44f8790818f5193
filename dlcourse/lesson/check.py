"""`check`, `hint`, `solution`, `progress`: how an exercise talks. None of them raises because of what a learner did."""

from __future__ import annotations

import html
import inspect
import traceback
from dataclasses import replace
from typing import Any

from ..exercises import CORRECT, NOT_ATTEMPTED, NOT_YET, Exercise, Verdict, evaluate, exercises, find
from ..exercises.answer import answer_source, edited
from ..exercises.errors import meaning
from ..exercises.runners import InProcess
from ..exercises.sentences import undefined
from ..exercises.worker import failure
from . import notebook, record
from .cards import card, inline, put, say
from .use import LENT, keep_answer

WORDS = {
    CORRECT: ("✓", "Correct", "good"),
    NOT_YET: ("✗", "Not yet", "wrong"),
    NOT_ATTEMPTED: ("○", "Not attempted", "open"),
}


ALONE = (
    "It works here, but its text alone does not make it again, so later notebooks will not have it. Let one plain cell "
    "hold the answer, and the functions and imports that it needs."
)


def check(id: str, *answers: Any) -> None:
    """Judge exercise `id`. It finds the answer by its name in the notebook; a script may hand it over."""
    ex = known(id)
    if ex is None:
        return
    notebook.note_check(ex.id)
    names = dict(zip(ex.defines, answers)) if answers else notebook.names()
    verdict = judge(ex, names)
    if verdict.state == CORRECT and not keep_answer(ex, _source(ex, names)) and notebook.cells():
        verdict = replace(verdict, sentence=f"{verdict.sentence} {ALONE}".strip())
    tell(ex, verdict)


def known(id: str) -> Exercise | None:
    """The exercise with this id; a card that says which there are, if there is none."""
    try:
        return find(str(id))
    except KeyError as error:
        say("No such exercise", f"{error.args[0][0].upper()}{error.args[0][1:]}.", "wrong")
        return None


def judge(ex: Exercise, names: dict[str, Any]) -> Verdict:
    """The verdict on what these names hold; the course's own answer is never taken for the learner's."""
    if any(names.get(name) is lent for name in ex.defines for lent in LENT if name in names):
        return Verdict(NOT_ATTEMPTED, f"This is the course's own `{ex.defines[0]}`. Run the cell that defines yours.")
    try:
        with notebook.no_displays():
            verdict = evaluate(ex, InProcess(names))
        if verdict.state == NOT_ATTEMPTED and ex.broken is not None and edited(ex, _source(ex, names)):
            return replace(verdict, state=NOT_YET, sentence="It still does what the code did as it was given.")
        return verdict
    except BaseException as error:  # a fault of the course, or an exception of the learner's own, stops no lesson
        if isinstance(error, KeyboardInterrupt):
            raise
        fault = f"The check itself failed ({type(error).__name__}: {error}). That is a fault of the course, not yours."
        return Verdict(NOT_ATTEMPTED, fault)


def _source(ex: Exercise, names: dict[str, Any]) -> str:
    """The text of an answer with the helpers and imports that it needs; in a script, of itself alone."""
    if cells := notebook.cells():
        return answer_source(cells, ex.defines, ex.given)
    try:
        return "\n\n".join(inspect.getsource(names[name]) for name in ex.defines)
    except (OSError, TypeError):
        return ""


def tell_failure(id: str, error: BaseException) -> None:
    """The verdict on a cell that stopped before its check: a syntax error, or an exception while it ran."""
    ex = known(id)
    if ex is None:
        return
    about, number, inside = failure(error), *_place(error)
    line = f"Line {number} of this cell" if number else "This cell"
    if isinstance(error, NotImplementedError):
        return tell(ex, Verdict(NOT_ATTEMPTED, "Write your answer in place of `raise NotImplementedError()`."))
    if isinstance(error, SyntaxError) and inside:
        rows = [("the line", (error.text or "").strip())] if error.text else []
        says = meaning(error.msg or "") or error.msg or "a SyntaxError"
        verdict = Verdict(NOT_YET, f"{line} is not Python yet: {says}.", tuple(rows))
    elif about["name"] and inside:
        verdict = Verdict(NOT_YET, f"{line} uses `{about['name']}`, {undefined(about['name'])}")
    else:
        plain = f"{about['error']}: {about['says']}"
        means, trace = meaning(about["says"]), about["trace"]
        rows = (("yours", plain[:200]),) if means else ()
        verdict = Verdict(
            NOT_YET, f"{line} stops: {means}." if means else f"{line} stops with {plain}", rows, "", trace
        )
    tell(ex, verdict, tried=not (isinstance(error, NameError) or isinstance(error, SyntaxError) and inside))


def _place(error: BaseException) -> tuple[int | None, bool]:
    """The line of this cell that failed, and whether it failed itself and not in what it calls from elsewhere."""
    if notebook.under_a_magic():  # lines are counted anew below it
        return None, False
    frames = traceback.extract_tb(error.__traceback__)
    cell = next((f.filename for f in frames if f.name == "<module>"), "")
    mine = [f for f in frames if f.filename == cell]
    if isinstance(error, SyntaxError):  # of the cell, which then has not run, or of what it hands to `eval`
        return (mine[-1].lineno, False) if mine else (error.lineno, True)
    return (mine[-1].lineno, mine[-1] is frames[-1]) if mine else (None, False)


def tell(ex: Exercise, verdict: Verdict, tried: bool = True) -> None:
    """Note the verdict and show it. A slip of the keyboard is no try: it opens no hint."""

    def update(mine: dict) -> None:
        mine["tries"] = mine.get("tries", 0) + (tried and verdict.state != NOT_ATTEMPTED)
        if mine.get("state") != CORRECT:  # once solved stays solved
            mine["state"] = verdict.state

    before = record.read()["exercises"].get(ex.id, {}).get("state")
    mine = record.change("exercises", ex.id, update)
    if verdict.state == CORRECT != before:
        record.on_start_page()
    mark, word, kind = WORDS[verdict.state]
    sentence, folds = verdict.sentence, []
    if verdict.state == CORRECT:
        told = "The one case agrees." if verdict.cases == 1 else f"All {verdict.cases} cases agree."
        sentence = f"{told} {sentence}".strip()
    if verdict.state == NOT_YET:
        folds = [("Where it stopped", verdict.trace, True), ("What it printed", verdict.printed, True)]
        opened = ex.hints[: mine["tries"]]
        folds += [(f"Hint {n} of {len(ex.hints)}", text, False) for n, text in enumerate(opened, 1)]
    below = "".join(fold(*f) for f in folds if f[1].strip())
    put(card(f"{mark} {ex.id} {word}", sentence, kind, list(verdict.evidence), below, code=True))


def fold(title: str, body: str, code: bool) -> str:
    """Something that opens on Enter or a click."""
    pre = f'<pre style="margin:.3em 0;white-space:pre-wrap">{html.escape(body)}</pre>'
    text = pre if code else f"<div>{inline(body)}</div>"
    summary = f'<summary style="cursor:pointer">{html.escape(title)}</summary>'
    return f'<details style="margin-top:.3em">{summary}{text}</details>'


def hint(id: str) -> None:
    """The next hint, one at a time."""
    ex = known(id)
    if ex is None:
        return
    last = len(ex.hints)
    n = record.change("exercises", ex.id, lambda e: e.update(hints=min(max(e.get("hints", 0), 0) + 1, last)))["hints"]
    after = f' That was the last hint. `solution("{ex.id}")` shows our answer.' if n == last else ""
    say(f"Hint {n} of {last}", ex.hints[n - 1] + after)


def solution(id: str) -> None:
    """The course's answer, to compare with, or to move on with."""
    ex = known(id)
    if ex is None:
        return
    record.change("exercises", ex.id, lambda e: e.update(read_solution=True))
    advice = "One right answer among many. Type it rather than paste it: your fingers learn too."
    body = f'<pre style="margin:.4em 0">{html.escape(ex.solution)}</pre>'
    shown = card(f"{ex.id} Solution", advice, below=body)
    shown.text += f"\n{ex.solution}"
    put(shown)


def progress(number: str) -> None:
    """Where the learner stands in a notebook: one line for each exercise, and the predictions."""
    there = exercises(str(number))
    if not there:
        return say(f"Notebook {number}", "It has no exercises.")
    found, rows = record.read(), []
    for ex in there.values():
        mark, word, _ = WORDS.get(found["exercises"].get(ex.id, {}).get("state"), WORDS[NOT_ATTEMPTED])
        rows.append((f"{mark} {ex.id}", f"{ex.title}: {word.lower()}"))
    done = sum(label.startswith("✓") for label, _ in rows)
    made = [p for k, p in found["predictions"].items() if k.startswith(f"{number}.") and "hit" in p]
    true = f" Predictions that came true: {sum(map(bool, (p['hit'] for p in made)))} of {len(made)}." if made else ""
    say(f"Notebook {number}", f"Correct: {done} of {len(rows)}.{true}", rows=rows)
