"""What the exercises of this notebook share: a graph of Values, written as lines, as the steps of a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..exercise import Case, Ref, Step, do

SIGNS = {"+": "__add__", "*": "__mul__"}
CHAIN = ("a", "b = a tanh", "c = b relu", "d = c tanh")
UNIT = ("a", "b", "c", "d = a * b", "e = d + c", "f = e tanh")
TWICE = ("a", "b = a + a", "c = b * b")
FAN = ("a", "b", "c = a * b", "d = c + a", "e = c * d")
UNEVEN = ("a", "b = a tanh", "c = b tanh", "d = c + b", "e = d * a")
TWINS = ("a", "b", "c = a + b", "d = a * c")
LONE = ("a",)


@dataclass(frozen=True)
class OnValues(Case):
    """A case whose first step fetches the class Value from where the answer lives; it is not shown."""

    @property
    def shown(self) -> str:
        return "\n".join(map(str, self.steps[1:]))


def on_values(answer: str, lines: Sequence[str], numbers: Sequence[float], *steps: Step, apply=(), tag="") -> OnValues:
    """Make Values of the numbers, and of them what the lines say; then do these steps."""
    fetch = do(f"Value = {answer}.__globals__.get", "Value")
    return OnValues(answer, (fetch, *made(lines, numbers), *steps), tuple(apply), tag)


def made(lines: Sequence[str], numbers: Sequence[float]) -> list[Step]:
    """A step for each line: "a" is a number, "c = a * b" a product, "d = c tanh" a bend."""
    left, steps = list(numbers), []
    for line in lines:
        name, _, how = line.partition(" = ")
        words = how.split()
        if not words:
            steps.append(do(f"{name} = Value", left.pop(0)))
        elif len(words) == 3:
            steps.append(do(f"{name} = {words[0]}.{SIGNS[words[1]]}", Ref(words[2])))
        else:
            steps.append(do(f"{name} = {words[0]}.{words[1]}"))
    return steps


def names(lines: Sequence[str]) -> list[str]:
    """What the lines make."""
    return [line.partition(" = ")[0] for line in lines]


def links(lines: Sequence[str]) -> list[tuple[str, str]]:
    """(parent, child) for each arrow, each once."""
    found = []
    for line in lines:
        name, _, how = line.partition(" = ")
        found += [(word, name) for word in how.split() if word in names(lines)]
    return list(dict.fromkeys(found))


def numbers(rng: np.random.Generator, lines: Sequence[str]) -> list[float]:
    """One number for each input: different ones, none near 0."""
    n = sum(" = " not in line for line in lines)
    return [round(float(v), 1) for v in 0.1 * rng.choice(np.arange(4, 16), size=n, replace=False)]
