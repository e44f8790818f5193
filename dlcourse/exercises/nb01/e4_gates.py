"""01.4 Four gates: three numbers each, chosen by hand. A value, judged by what it does."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, value

TWO, ONE = ((0, 0), (0, 1), (1, 0), (1, 1)), ((0,), (1,))
WANTED = {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "NAND": (1, 1, 1, 0), "NOT": (1, 0)}


class Table(dict):
    """Input -> output of a gate; `edge` is an input whose weighted sum is exactly 0, if there is one."""

    edge: tuple | None = None


def table(gate, rows):
    """What a step unit with these numbers says to each input."""
    w, b = np.atleast_1d(np.asarray(gate[0], dtype=float)), float(gate[1])
    z = [float(np.dot(w, row) + b) for row in rows]
    made = Table({row: int(zi > 0) for row, zi in zip(rows, z)})
    made.edge = next((row for row, zi in zip(rows, z) if abs(zi) < 1e-9), None)
    return made


def cases(rng):
    for name, wanted in WANTED.items():
        yield value("gates", TWO if len(wanted) == 4 else ONE, part=name)


def problem(part, gate):
    """A sentence if this is no pair of weights and a bias."""
    n = 1 if part == "NOT" else 2
    pair = f"`gates[{part!r}]` should be a pair: `({'[w1]' if n == 1 else '[w1, w2]'}, b)`"
    if not isinstance(gate, (tuple, list)) or len(gate) != 2:
        three = isinstance(gate, (tuple, list)) and len(gate) == n + 1
        return pair + (". Put the weights into brackets of their own." if three else ".")
    w, b = gate
    many = (tuple, list, np.ndarray)
    if isinstance(w, many) and np.size(w) > 100:
        return f"{pair}. It has {n} weight{'s' * (n > 1)}, and yours has {np.size(w)}."
    weights = list(np.ravel(w)) if isinstance(w, np.ndarray) else list(w) if isinstance(w, (tuple, list)) else [w]
    if isinstance(b, many) and np.ndim(b):
        return pair + (". b is a single number." if isinstance(w, many) else ". The weights come first, then the bias.")
    numbers = (int, float, np.number, np.ndarray)
    if not all(isinstance(v, numbers) and np.ndim(v) == 0 and np.isfinite(v) for v in [*weights, b]):
        return pair + ", all of them finite numbers."
    return "" if len(weights) == n else f"{pair}. It has {n} weight{'s' * (n > 1)}, and yours has {len(weights)}."


def note(made):
    """A right answer on a knife's edge deserves a word."""
    for name, of in made.items():
        if getattr(of, "edge", None) is not None:
            at = ", ".join(map(str, of.edge))
            return (
                f"In {name}, the input ({at}) gives z = 0 exactly. It falls on the right side, but a slightly larger b "
                "would tip it over."
            )
    return ""


# ---------------------------------------------------------------- every other table that one unit makes, and its name
MADE = {
    (0, 0, 0, 0): ([1, 1], -9, "never on"),
    (1, 1, 1, 1): ([1, 1], 9, "always on"),
    (0, 0, 0, 1): ([1, 1], -1.5, "an AND"),
    (0, 1, 1, 1): ([1, 1], -0.5, "an OR"),
    (1, 1, 1, 0): ([-1, -1], 1.5, "a NAND"),
    (1, 0, 0, 0): ([-1, -1], 0.5, "a NOR"),
    (0, 0, 1, 1): ([1, 0], -0.5, "a copy of the first input: the second has no say"),
    (0, 1, 0, 1): ([0, 1], -0.5, "a copy of the second input: the first has no say"),
    (1, 1, 0, 0): ([-1, 0], 0.5, "the opposite of the first input: the second has no say"),
    (1, 0, 1, 0): ([0, -1], 0.5, "the opposite of the second input: the first has no say"),
    (0, 1, 0, 0): ([-1, 1], -0.5, "on for (0, 1) only"),
    (0, 0, 1, 0): ([1, -1], -0.5, "on for (1, 0) only"),
    (1, 1, 0, 1): ([-1, 1], 0.5, "off for (1, 0) only"),
    (1, 0, 1, 1): ([1, -1], 0.5, "off for (0, 1) only"),
}
ADVICE = {
    ("AND", (0, 1, 1, 1)): "One input alone already switches it on: make it harder to please, with a lower b.",
    ("AND", (0, 0, 0, 0)): "Not even (1, 1) switches it on: raise b, or make both weights positive.",
    ("AND", (1, 1, 1, 1)): "Lower b until only (1, 1) is left.",
    ("AND", (1, 1, 1, 0)): "Every row is the wrong way round: turn the signs of all three numbers.",
    ("OR", (0, 0, 0, 1)): "It waits for both inputs: make it easier to please, with a higher b.",
    ("OR", (0, 0, 0, 0)): "Raise b, or make both weights positive.",
    ("OR", (1, 1, 1, 1)): "It is on even for (0, 0), where z is b itself: take b below 0.",
    ("OR", (1, 0, 0, 0)): "Every row is the wrong way round: turn the signs of all three numbers.",
    ("NAND", (0, 0, 0, 1)): "Every row is the wrong way round: turn the signs of all three numbers.",
    ("NAND", (1, 0, 0, 0)): "One input alone already switches it off: raise b.",
    ("NAND", (0, 1, 1, 1)): "It should be on for (0, 0) and off for (1, 1): weights below 0, b above.",
    ("NAND", (1, 1, 1, 1)): "Not even (1, 1) switches it off: lower b, or make the weights more negative.",
    ("NAND", (0, 0, 0, 0)): "For (0, 0), z is b itself: take b above 0.",
}
SAME = {"AND": "Both weights should speak for it.", "OR": "Both weights should speak for it."}
BIAS, FIXED = "https://stackoverflow.com/questions/2480650", "https://github.com/udacity/sdc-issue-reports/issues/1114"
NO_MINUS = "https://github.com/PacktPublishing/Hands-On-Computer-Vision-with-TensorFlow-2/issues/10"
SOURCES = {
    ("AND", (0, 0, 0, 0)): "https://github.com/Mec-iS/ml",
    ("AND", (0, 1, 1, 1)): BIAS,
    ("AND", (1, 1, 1, 1)): NO_MINUS,
    ("OR", (1, 1, 1, 1)): NO_MINUS,
    ("NAND", (1, 1, 1, 1)): NO_MINUS,
    ("NAND", (0, 0, 0, 0)): BIAS,
}
OF_ONE = (
    ("a copy of its input", ([1], -0.5), "The weight must be negative: more input, less output.", FIXED),
    ("never on", ([-1], -0.5), "For the input 0, z is b itself: take b above 0.", BIAS),
    ("always on", ([-1], 9), "Lower b, or make the weight more negative.", FIXED),
)


def wrong():
    """For each gate, each other table that one unit makes."""
    for name, wanted in WANTED.items():
        for made, (w, b, called) in MADE.items() if len(wanted) == 4 else ():
            if made != wanted:
                advice = ADVICE.get((name, made), SAME.get(name, "Both weights should speak against it."))
                says = f"Your {name} is {called}. {advice}"
                yield Wrong(f"{name} is {called}", (w, b), says, part=name, source=SOURCES.get((name, made), ""))
    for called, gate, advice, source in OF_ONE:
        yield Wrong(f"NOT is {called}", gate, f"Your NOT is {called}. {advice}", part="NOT", source=source)


ANOTHER = "another line that parts the corners in the same way"

EXERCISE = Exercise(
    id="01.4",
    title="Four gates",
    reference={"AND": ([1, 1], -1.5), "OR": ([1, 1], -0.5), "NAND": ([-1, -1], 1.5), "NOT": ([-1], 0.5)},
    defines=("gates",),
    cases=cases,
    apply=table,
    problem=problem,
    note=note,
    right=[
        {"AND": ([2, 2], -3), "OR": ([2, 2], -1), "NAND": ([-2, -2], 3), "NOT": ([-2], 1)},
        {"AND": ((1, 1), -1), "OR": (np.array([1, 1]), 0), "NAND": ([-1.0, -1.0], 1.2), "NOT": (-1, 1)},
        {"AND": [[0.3, 5], -5.1], "OR": [[7, 0.2], -0.1], "NAND": [[-5, -0.3], 5.1], "NOT": [[-1000], 1]},
    ],
    wrong=list(wrong()),
    equivalent={
        "…5), 'OR': ([1, 1], -0.5),… -> …5), 'OR': ([2, 1], -0.5),…": ANOTHER,
        "… 'OR': ([1, 1], -0.5), 'N… -> … 'OR': ([1, 2], -0.5), 'N…": ANOTHER,
        "… ([1, 1], -0.5), 'NAND': ([… -> … ([1, 1], -0), 'NAND': ([…": "z = 0 for (0, 0), where a step says 0",
        "…5), 'NOT': ([-1], 0.5)} -> …5), 'NOT': (-1, 0.5)}": "one weight needs no brackets",
        "…, 'NOT': ([-1], 0.5)} -> …, 'NOT': ([-2], 0.5)}": ANOTHER,
    },
    hints=(
        "Start with AND. With w = [1, 1] the sum before the bias is 0, 1, 1, 2 over the four inputs: where must b cut?",
        "b must cut between 1 and 2 for AND, and between 0 and 1 for OR.",
        "For AND, b = −1.5 cuts half way. NAND wants the opposite at every corner: what if all three signs turn round?",
    ),
    answer="""\
gates = {
    "AND": ([1, 1], -1.5),
    "OR": ([1, 1], -0.5),
    "NAND": ([-1, -1], 1.5),
    "NOT": ([-1], 0.5),
}""",
)
