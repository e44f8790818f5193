"""`predict` before a cell runs, `compare` in the one that shows what happened. Plain calls: no browser is needed."""

from __future__ import annotations

import math
import numbers
from typing import Any

from . import record
from .cards import say

MOST = 1e300
made: dict[str, Any] = {}  # what was predicted in this kernel


def predict(id: str, answer: Any = ..., *rest: Any, choices: tuple = ()) -> None:
    """Commit to an answer before you run on. The first one is kept; a later one is noted beside it."""
    label = "○ Your prediction"
    if rest:
        return say(label, "One guess, please. A decimal number is written with a point: 1.5 and not 1,5.", "wrong")
    if answer is ...:
        first = record.read()["predictions"].get(id, {}).get("first")
        if first is not None:
            return say(label, f"You once said {first}. Type it again, or something new.", "open")
        options = f" Choose one of: {', '.join(map(_shown, choices))}." if choices else ""
        how = f"Replace the `...` by your guess and run this cell.{options} A wrong guess teaches more than none."
        return say(label, how, "open")
    answer = answer.item() if hasattr(answer, "item") and getattr(answer, "size", 0) == 1 else answer
    if choices and not (isinstance(answer, (str, numbers.Real)) and answer in choices):
        return say(label, f"`{answer!r}` is not one of: {', '.join(map(_shown, choices))}.", "wrong")
    if not choices and (not isinstance(answer, numbers.Real) or isinstance(answer, bool) or answer != answer):
        return say(label, f"`{answer!r}` is not a number.", "wrong")
    if not choices and MOST < abs(answer) < math.inf:
        return say(label, "That number is too large.", "wrong")
    if not isinstance(answer, (str, bool, int)):
        answer = float(answer)  # a fraction, say: the record holds plain numbers

    def update(mine: dict) -> None:
        mine.setdefault("first", answer)
        mine["now"] = answer

    mine = record.change("predictions", id, update)
    made[id] = answer
    changed = f" (your first was {mine['first']})" if mine["first"] != answer else ""
    say("● Your prediction", f"{answer}{changed}. Noted. Now run on and see.")


def _shown(choice: Any) -> str:
    return f"`{choice!r}`"


def compare(id: str, actual: Any, *, within: float = 0, unit: str = "") -> None:
    """Put what happened beside what was predicted. within: how far off still counts as right."""
    words = isinstance(actual, str)
    text = actual if words else f"{float(actual):.4g} {unit}".strip()
    kept = record.read()["predictions"].get(id, {})
    guess, first = made.get(id, kept.get("now")), kept.get("first")
    if not isinstance(guess, (str, numbers.Real)) or isinstance(guess, str) != words:
        return say("Result", f"{text}. (You made no prediction.)")
    off = _off(guess, actual)
    alike = isinstance(first, (str, numbers.Real)) and isinstance(first, str) == words
    at_first = _off(first, actual) if alike else off  # only the first guess counts
    record.change("predictions", id, lambda mine: mine.update(hit=bool(at_first <= within)))
    verdict = "that is it" if off == 0 else "close enough" if off <= within else "worth a second look"
    say("Result", f"{text}. You predicted {guess}: {verdict}.")


def _off(guess: Any, actual: Any) -> float:
    """How far a guess is from what happened; words are right or wrong."""
    return float(guess != actual) if isinstance(actual, str) else abs(float(guess) - float(actual))
