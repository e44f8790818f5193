"""What is true of an answer that is not right, and nothing more: one sentence, in the order of the questions.

defined, signature, runs, returns something, shape, finite, inputs unchanged, the same each time, value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from .compare import agree, all_numbers, as_array, listed_arrays, shape_word
from .errors import meaning
from .exercise import Case, Exercise

# names of mathematics that people write as in a formula
ELSEWHERE = {
    "abs",
    "argmax",
    "array",
    "cos",
    "dot",
    "exp",
    "log",
    "maximum",
    "mean",
    "sin",
    "sqrt",
    "sum",
    "tanh",
    "zeros",
}
Outcome = dict  # a report of worker.perform


def signature(ex: Exercise, case: Case, mine: Outcome, want: Outcome, about: dict) -> str:
    """Does it take the arguments that it is called with?"""
    step = next((step for step in case.steps if step.target in about), case.steps[0])
    found, args = about.get(step.target), step.args
    if found is None or args is None:
        return ""
    if found.get("kind") == "value":
        return f"`{step.target}` cannot be called: it is a value, and a function is wanted. Is its name used twice?"
    least, most, names = found.get("least"), found.get("most"), found.get("names")
    if not isinstance(least, int) or not isinstance(names, list):
        return ""
    if least <= len(args) and (most is None or len(args) <= most):
        return ""
    listed = f" ({', '.join(map(str, names[:8]))})" if names else ""
    takes = f"{most if most is not None and most < len(args) else least}"
    return f"`{step.target}` is called with {counted(len(args), 'argument')}; yours takes {takes}{listed}."


def runs(ex: Exercise, case: Case, mine: Outcome, want: Outcome, about: dict) -> str:
    """Does it come to an end?"""
    error, says, line = mine.get("error"), mine.get("says", ""), mine.get("line")
    if not error:
        return ""
    name, at = case.part, f" in line {line}" if line else ""
    if error == "TimeLimit":
        return f"`{name}` is {says}. A loop that never ends? Look at what should stop it."
    if error == "WorkerDied":
        return f"`{name}` did not finish: {says}."
    if missing := mine.get("name"):
        where = f"line {line} of `{name}`" if line else f"`{name}`"
        return f"{where[0].upper() + where[1:]} uses `{missing}`, {undefined(missing, bool(mine.get('kept')))}"
    if error == "FloatingPointError":
        kind = "divides by zero" if "divide" in says else "overflows" if "overflow" in says else "computes nan"
        return f"`{name}` {kind}{at}."
    if error == "TypeError" and not line and (sentence := method(says)):
        return sentence
    if not line and len(case.steps) > 1:  # none of her lines was at work
        return f"What `{name}` gives cannot be used as the exercise says: {error}{f': {says}' if says else ''}"
    if means := meaning(says):
        return f"`{name}` stops{at}: {means}."
    return f"`{name}` stops{at} with {error}: {says}" if says else f"`{name}` stops{at} with {error}."


def method(says: str) -> str:
    """What Python says of a method that does not take what it is called with, in terms of `self`; '' for the rest."""
    if found := re.fullmatch(r"(\w+\.\w+)\(\) takes (.+) positional arguments? but (\d+) (?:was|were) given", says):
        called, takes, given = found.groups()
        front = f"is called with {counted(int(given) - 1, 'argument')}, and the object comes in front: {given} in all"
        return f"`{called}` {front}. Yours takes {takes}. Is `self` its first parameter?"
    if found := re.fullmatch(r"(\w+\.\w+)\(\) missing \d+ required positional arguments?: (.+)", says):
        called, names = found.groups()
        return f"`{called}` asks for more than it is given: {names}. See in the exercise what it is called with."
    return ""


def undefined(name: str, kept: bool = False) -> str:
    """What is true of a name that is not defined: '... which is not defined', and where it may be found."""
    if kept:
        there = f"In `__init__`, `self.{name} = {name}` puts it there."
        return f"which is not defined there. The object keeps it: `self.{name}`. {there}"
    if name in ELSEWHERE:
        return f"which is not defined. NumPy has one: `np.{name}`."
    return "which is not defined: a typo, or a cell that has not run?"


def returns(ex: Exercise, case: Case, mine: Outcome, want: Outcome, about: dict) -> str:
    """Does it give something back?"""
    got = mine.get("value")
    if got is None:
        printed = mine.get("printed", "").strip()
        if printed:
            return f"`{case.part}` prints something and returns nothing. Should a `print` be a `return`?"
        return f"`{case.part}` returns nothing. Is there a `return` in front of the result?"
    return ""


def kind_and_shape(ex: Exercise, case: Case, mine: Outcome, want: Outcome, about: dict) -> str:
    """Is it the right sort of thing, and of the right shape?"""
    last = case.steps[-1]
    inside = f"`{last.target}`" if last.args is None and len(case.steps) > 1 else ""
    return _shape(mine.get("value"), want.get("value"), case.part, names(ex, case), inside)


def names(ex: Exercise, case: Case) -> tuple[str, ...]:
    """What the elements of a result are called: those of a returned tuple, or the steps that report."""
    if ex.apply is not None and ex.returns:
        return ex.returns
    reported = [step.target for step in case.steps if not step.keep]
    return tuple(reported) if len(reported) > 1 else ex.returns


def _shape(got: Any, wanted: Any, name: str, names: tuple[str, ...] = (), inside: str = "") -> str:
    verb = f"{inside} is" if inside else f"`{name}` returns"
    wrong = f"{verb} {shape_word(got)}; {shape_word(wanted)} is wanted."
    array, want = as_array(got), as_array(wanted)
    if isinstance(wanted, list) and want is not None and want.ndim == 1 and not inside:
        row = isinstance(got, (list, tuple)) and array is not None and array.ndim == 1
        wrong = f"{verb} {counted(len(got), 'number') if row else shape_word(got)}; {len(wanted)} numbers are wanted."
    if isinstance(wanted, tuple) or listed_arrays(wanted):
        if not isinstance(got, (list, tuple)) or len(got) != len(wanted):
            called = f" ({', '.join(names[: len(wanted)])})" if names else ""
            return wrong.replace(" is wanted", f"{called} is wanted")
        labels = [names[i] if i < len(names) else f"element {i}" for i in range(len(wanted))]
        return next(filter(None, (_shape(g, w, name, inside=f"`{n}`") for g, w, n in zip(got, wanted, labels))), "")
    if want is None:
        return "" if type(got) is type(wanted) else wrong
    return "" if array is not None and array.shape == want.shape else wrong


def finite(ex: Exercise, case: Case, mine: Outcome, want: Outcome, about: dict) -> str:
    """Are all numbers finite where they should be?"""
    got, wanted = list(all_numbers(mine.get("value"))), list(all_numbers(want.get("value")))
    bad = [g for g, w in zip(got, wanted) if not np.isfinite(g) and np.isfinite(w)]
    if not bad:
        return ""
    kind = "nan" if np.isnan(bad).any() else "−inf" if max(bad) < 0 else "inf"
    return f"`{case.part}` returns {kind} where a finite number is wanted."


def unchanged(ex: Exercise, case: Case, mine: Outcome, want: Outcome, about: dict) -> str:
    """Are the inputs as they were?"""
    if mine.get("changed") and not want.get("changed"):
        return f"`{case.part}` changes what it is handed. Make something new, and leave the input as it was."
    return ""


def value_of(part: str, mine: list[Any], want: list[Any]) -> str:
    """What holds for all numbers of all cases, if anything does.      mine, want: one value for each case"""
    if len(mine) > 2 and all(agree(m, mine[0]) for m in mine) and not all(agree(w, want[0]) for w in want):
        return f"`{part}` gives the same in every case, whatever it is handed. What does it do with its inputs?"
    got, wanted = np.array(list(all_numbers(mine))), np.array(list(all_numbers(want)))
    if len(got) == len(wanted) > 1 and np.isfinite(got).all() and np.any(wanted):
        if np.array_equal(got, wanted):
            return f"`{part}` gives the right numbers, but arranged in another way."
        if np.allclose(got, wanted, rtol=1e-4, atol=1e-6):
            return f"`{part}` gives the right numbers, but to fewer digits than is wanted."
        if np.allclose(got, -wanted):
            return f"`{part}` gives the right numbers with the wrong sign."
        ratio = got[wanted != 0] / wanted[wanted != 0]
        if not got[wanted == 0].any() and np.ptp(ratio) < 1e-9 * abs(ratio[0]):
            return f"`{part}` gives {ratio[0]:.4g} times what is expected, in every place."
        if np.ptp(got - wanted) < 1e-9 * abs(got[0] - wanted[0]):
            return f"`{part}` gives what is expected plus {got[0] - wanted[0]:.4g}, in every place.".replace(
                "plus -", "minus "
            )
    return f"`{part}` runs, but gives another value than expected."


STAGES: list[Callable[..., str]] = [signature, runs, returns, kind_and_shape, finite, unchanged]


def where(failing: list[Case], passing: list[Case]) -> str:
    """What only the failing cases have in common, or nothing."""
    tags = {c.tag for c in failing}
    if not passing or len(tags) != 1 or not (tag := tags.pop()) or any(c.tag == tag for c in passing):
        return ""
    return f" It is right in {counted(len(passing), 'other case')}, and wrong with {tag}."


def listed(names: list[str]) -> str:
    """`a`, `b` and `c`"""
    *most, last = (f"`{n}`" for n in names)
    return f"{', '.join(most)} and {last}" if most else last


def counted(n: int, word: str) -> str:
    """1 case, 2 cases"""
    return f"{n} {word}{'' if n == 1 else 's'}"


def remarks(values: list[Any], printed: str) -> list[str]:
    """What may be said of a right answer: none of it is a mistake."""
    found = []
    kinds = {np.asarray(v).dtype.name for v in values if isinstance(v, np.ndarray)}
    if "float32" in kinds:
        found.append("It answers in float32, with fewer digits than it was given.")
    if "bool" in kinds or any(isinstance(v, bool) for v in values):
        found.append("It answers with True and False, which count as 1 and 0.")
    if printed.strip():
        found.append("It also prints something.")
    return found


def plain_code(sentence: str) -> str:
    """A sentence without its backquotes, for plain text."""
    return re.sub("`", "", sentence)
