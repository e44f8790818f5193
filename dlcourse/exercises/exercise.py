"""What an exercise is: one right answer, the inputs to try it on, other right answers, wrong ones with their sentence.

The five kinds differ only in their cases: a function is called; a class is made, called and read in steps; a function
that takes a function gets an `Fn`; a value is read and judged by what it does (`apply`); edited code has a `broken`
answer, as it was given out.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .worker import MODULE, Mark

OPERATORS = {"__add__": "+", "__sub__": "-", "__mul__": "*", "__truediv__": "/", "__pow__": "**", "__matmul__": "@"}


# ---------------------------------------------------------------- cases
@dataclass(frozen=True)
class Step:
    """Call `target` with these arguments, or read it where args is None; the result is kept, or reported."""

    target: str
    args: tuple | None = None
    kwargs: dict = field(default_factory=dict)
    keep: str = ""
    instead: str = ""  # what a learner types for it

    def data(self) -> list:
        """What a runner gets: no NumPy scalars, so that it is the same with and without a process in between."""
        args = None if self.args is None else [a.item() if isinstance(a, np.generic) else a for a in self.args]
        return [self.target, args, self.kwargs, self.keep]

    def __str__(self) -> str:
        return (f"{self.keep} = " if self.keep else "") + (self.instead or self._expression())

    def _expression(self) -> str:
        if self.args is None:
            return self.target
        owner, _, method = self.target.rpartition(".")
        if method in OPERATORS and len(self.args) == 1:
            return f"{owner} {OPERATORS[method]} {text(self.args[0])}"
        given = [text(a) for a in self.args] + [f"{k}={text(v)}" for k, v in self.kwargs.items()]
        return f"{self.target}({', '.join(given)})"


@dataclass(frozen=True)
class Case:
    """One thing to try: which part of the answer it is about, the steps, what to `apply` to the result, and a word for
    what is special about it ("a batch of one")."""

    part: str
    steps: tuple[Step, ...]
    apply: tuple = ()
    tag: str = ""

    @property
    def shown(self) -> str:
        """The steps as a learner can paste them."""
        return "\n".join(map(str, self.steps))


def Fn(expression: str) -> Mark:
    """A function as an argument, written as an expression of NumPy: Fn("np.tanh"), Fn("lambda x: x**2")."""
    return Mark("fn", expression)


def Ref(name: str) -> Mark:
    """An object that an earlier step of the same case has made, or a part of it: Ref("layer"), Ref("gpu.wait")."""
    return Mark("ref", name)


def call(name: str, *args: Any, tag: str = "", **kwargs: Any) -> Case:
    """Call a function: call("unit", x, w, b, Fn("np.tanh"))."""
    return Case(name, (Step(name, args, kwargs),), tag=tag)


def do(target: str, *args: Any, **kwargs: Any) -> Step:
    """A step of a script: do("layer = Layer", 3, 2), do("layer.forward", x)."""
    keep, _, target = target.rpartition(" = ")
    return Step(target, args, kwargs, keep)


def get(target: str) -> Step:
    """A step of a script: read an attribute, get("layer.W")."""
    return Step(target)


def module(keep: str, source: str, instead: str) -> Step:
    """A step of a script: a module of this text, which needs NumPy alone; instead: what a learner types for it."""
    return Step(MODULE, (source,), {}, keep, instead)


def script(part: str, *steps: Step, tag: str = "") -> Case:
    """Steps one after the other, for a class; what they report is compared as a list."""
    return Case(part, steps, tag=tag)


def value(name: str, *apply: Any, part: str = "", tag: str = "") -> Case:
    """Read a value; the exercise's `apply(value, *apply)` says what it does, and that is compared."""
    return Case(part or name, (Step(name),), apply, tag)


def text(data: Any) -> str:
    """An argument as a learner would type it."""
    if isinstance(data, np.generic):
        data = data.item()
    if isinstance(data, np.ndarray):
        return _array_text(data)
    if isinstance(data, list):
        return f"[{', '.join(map(text, data))}]"
    if isinstance(data, tuple):
        return f"({', '.join(map(text, data))}{',' * (len(data) == 1)})"
    if isinstance(data, dict):
        return f"{{{', '.join(f'{k!r}: {text(v)}' for k, v in data.items())}}}"
    return repr(data)


def _array_text(a: np.ndarray) -> str:
    kind = "" if a.dtype in (np.float64, np.int64, np.bool_) else f", dtype={a.dtype.name!r}"
    if a.size == 0:
        return f"np.zeros({a.shape}{kind or (', dtype=int' if a.dtype.kind == 'i' else '')})"
    with np.printoptions(nanstr="np.nan", infstr="np.inf"):
        body = np.array2string(a, separator=", ", max_line_width=sys.maxsize, threshold=sys.maxsize, floatmode="unique")
    return f"np.array({' '.join(body.split())}{kind})".replace("[ ", "[")


# ---------------------------------------------------------------- exercises
@dataclass(frozen=True)
class Wrong:
    """A wrong answer that people give, the one sentence its author should hear, and where it has been seen.

    also: the same mistake with other outcomes, such as an error in a case that the first one bears.
    """

    key: str
    answer: Any
    says: str
    part: str = ""
    source: str = ""
    also: tuple = ()


def nothing(*_: Any) -> str:
    """No problem, no note."""
    return ""


@dataclass(frozen=True, eq=False)
class Exercise:
    """All that a notebook's check and a grader need to know about one exercise."""

    id: str  # "01.1"
    title: str
    reference: dict[
        str, Any
    ]  # part -> right answer; the parts are the names to define, unless `defines` says otherwise
    cases: Callable[[np.random.Generator], Iterable[Case]]
    wrong: list[Wrong]
    hints: tuple[str, str, str]
    right: list[dict[str, Any]] = field(default_factory=list)  # other right answers, part -> answer
    defines: tuple[str, ...] = ()  # the names that a learner defines
    given: dict[str, str] = field(default_factory=dict)  # names that the answer may call -> the exercise they come from
    apply: Callable | None = None  # for values: (value, *case.apply) -> what is compared
    problem: Callable[[str, Any], str] = nothing  # (part, value): a sentence if it has the wrong form, "open" if open
    note: Callable[[dict], str] = nothing  # what was read of a right answer, part -> value: a remark
    broken: Any = None  # edited code: the answer as it was given out
    returns: tuple[str, ...] = ()  # names for the elements of a tuple that is returned, or that `apply` makes of it
    errors: dict[str, str] = field(default_factory=dict)  # np.errstate while the answer runs
    imports: tuple[str, ...] = ("numpy", "math")  # modules that an answer may import
    rtol: float = 1e-7
    atol: float = 1e-10
    limit_s: float = 2.0  # for one call
    points: int = 1
    equivalent: dict[str, str] = field(default_factory=dict)  # mutants of the reference that no check can tell: why
    answer: str = ""  # the solution's text, where it is not the source of the reference

    def __post_init__(self):
        object.__setattr__(self, "defines", self.defines or tuple(self.reference))

    @property
    def solution(self) -> str:
        """The course's answer as text that runs after `import numpy as np` and what is given."""
        sources = dict.fromkeys(textwrap.dedent(inspect.getsource(f)) for f in self.reference.values() if callable(f))
        return (self.answer or "\n\n".join(sources)).strip()

    def names(self, parts: dict[str, Any]) -> dict[str, Any]:
        """An answer in the form in which a notebook holds it: by the names that it defines."""
        whole = self.reference | parts
        return whole if self.defines == tuple(self.reference) else {self.defines[0]: whole}

    def case_list(self, seed: int) -> list[Case]:
        """The cases of one seed."""
        return list(self.cases(np.random.default_rng([seed, *map(int, self.id.split("."))])))
