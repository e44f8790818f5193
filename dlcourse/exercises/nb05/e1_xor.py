"""05.1 XOR by hand: two step units, and a third that looks at them. A value, judged by what it does."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, value

ROWS = ((0, 0), (0, 1), (1, 0), (1, 1))
XOR = (0, 1, 1, 0)
SHAPES = {"W1": (2, 2), "b1": (2,), "W2": (2, 1), "b2": (1,)}
LOOKS = {
    "W1": "two rows of two, `[[a, b], [c, d]]`: a row for each input, a column for each hidden unit",
    "b1": "a list of two numbers, one for each hidden unit",
    "W2": "two rows of one, `[[a], [b]]`: a row for each hidden unit, a column for the output unit",
    "b2": "a list of one number, `[a]`, for the output unit",
}
CALLED = {
    (0, 0, 0, 0): "never on",
    (1, 1, 1, 1): "always on",
    (0, 0, 0, 1): "an AND",
    (0, 1, 1, 1): "an OR",
    (1, 1, 1, 0): "a NAND",
    (1, 0, 0, 0): "a NOR",
    (0, 1, 1, 0): "a XOR",
    (1, 0, 0, 1): "the opposite of XOR",
    (0, 0, 1, 1): "a copy of the first input",
    (0, 1, 0, 1): "a copy of the second input",
    (1, 1, 0, 0): "the opposite of the first input",
    (1, 0, 1, 0): "the opposite of the second input",
    (0, 1, 0, 0): "on for (0, 1) only",
    (0, 0, 1, 0): "on for (1, 0) only",
    (1, 1, 0, 1): "off for (1, 0) only",
    (1, 0, 1, 1): "off for (0, 1) only",
}


class Table(dict):
    """Input -> output of the network; `hidden` says what each hidden unit computes, `edge` which sums are exactly 0."""

    hidden: tuple[str, ...] = ()
    edge: str = ""


def table(net, rows):
    """What a network of step units with these numbers says to each input."""
    W1, b1, W2, b2 = (np.asarray(net[name], dtype=float) for name in SHAPES)
    z1 = np.array(rows) @ W1 + b1
    h = z1 > 0
    z2 = h @ W2 + b2
    made = Table({row: int(v) for row, v in zip(rows, z2[:, 0] > 0)})
    made.hidden = tuple(CALLED[tuple(column.astype(int).tolist())] for column in h.T)
    made.edge = "a hidden unit" if np.any(np.abs(z1) < 1e-9) else "the output" if np.any(np.abs(z2) < 1e-9) else ""
    return made


def cases(rng):
    yield value("hand", ROWS)


def problem(part, net):
    """A sentence if these are not the numbers of a 2-2-1 network."""
    if not isinstance(net, dict):
        return "`hand` should be a dictionary with the entries W1, b1, W2 and b2."
    for name, shape in SHAPES.items():
        if name not in net:
            return f"`hand` has no entry {name!r}. It needs W1, b1, W2 and b2."
        try:
            a = np.asarray(net[name], dtype=float)
        except (TypeError, ValueError):
            return f"`hand[{name!r}]` should hold numbers only, in equal rows: {LOOKS[name]}."
        if a.shape != shape:
            return f"`hand[{name!r}]` has shape {a.shape}, and {shape} is wanted: {LOOKS[name]}."
        if not np.isfinite(a).all():
            return f"`hand[{name!r}]` should hold finite numbers."
    return ""


def note(made):
    """Which gates the hidden units turned out to be, and a word about a knife's edge."""
    of = made.get("hand")
    if not getattr(of, "hidden", ()):
        return ""
    says = f"4 of 4 rows. Your hidden units: the first is {of.hidden[0]}, the second {of.hidden[1]}."
    if of.edge:
        says += f" The sum of {of.edge} is exactly 0 somewhere, which a slightly larger bias would tip over."
    return says


# ---------------------------------------------------------------- every other table, and its name
UNITS = {  # the table of one unit that looks at copies of the two inputs -> its weights and bias
    (0, 0, 0, 0): (1, 1, -9),
    (1, 1, 1, 1): (1, 1, 9),
    (0, 0, 0, 1): (1, 1, -1.5),
    (0, 1, 1, 1): (1, 1, -0.5),
    (1, 1, 1, 0): (-1, -1, 1.5),
    (1, 0, 0, 0): (-1, -1, 0.5),
    (0, 0, 1, 1): (1, 0, -0.5),
    (0, 1, 0, 1): (0, 1, -0.5),
    (1, 1, 0, 0): (-1, 0, 0.5),
    (1, 0, 1, 0): (0, -1, 0.5),
    (0, 1, 0, 0): (-1, 1, -0.5),
    (0, 0, 1, 0): (1, -1, -0.5),
    (1, 1, 0, 1): (-1, 1, 0.5),
    (1, 0, 1, 1): (1, -1, 0.5),
}
ADVICE = {
    (0, 1, 1, 1): "Something has to speak against (1, 1): let a hidden unit notice that both are on.",
    (1, 1, 1, 0): "Something has to speak against (0, 0): let a hidden unit notice that none is on.",
    (0, 0, 0, 1): "It wants both inputs, where XOR wants one of them.",
    (1, 0, 0, 0): "It wants no input, where XOR wants one of them.",
    (1, 0, 0, 1): "Turn the output unit round: the opposite sign for its two weights and its bias.",
    (0, 0, 0, 0): "For each row, add up what reaches the output unit: it never gets above 0.",
    (1, 1, 1, 1): "For each row, add up what reaches the output unit: it is above 0 every time.",
    (0, 0, 1, 1): "The second input has no say, and it should count as much as the first.",
    (0, 1, 0, 1): "The first input has no say, and it should count as much as the second.",
    (0, 0, 1, 0): "That is one half of XOR. The other half is still missing.",
    (0, 1, 0, 0): "That is one half of XOR. The other half is still missing.",
}
OTHERWISE = "Work out both hidden units for these rows, then what the output unit makes of them."
SOURCES = {
    (0, 1, 1, 1): "https://github.com/mstksg/inCode/issues/17",
    (1, 0, 0, 1): "https://github.com/pabloinsente/nn-mod-cog/issues/33",
    (0, 1, 0, 1): "https://github.com/Swift-AI/Swift-AI/pull/51",
    (0, 0, 1, 1): "https://github.com/miloharper/simple-neural-network/issues/3",
    (0, 0, 0, 0): "https://github.com/jerryjee120/Neural-Network/issues/6",
    (0, 0, 1, 0): "https://github.com/lmjohns3/theanets/issues/67",
    (1, 1, 1, 0): "https://github.com/CircuitVerse/Interactive-Book/issues/161",
    (0, 0, 0, 1): "https://github.com/ParadiseSS13/Paradise/pull/10153",
}
REFERENCE = {"W1": [[1, 1], [1, 1]], "b1": [-0.5, -1.5], "W2": [[1], [-1]], "b2": [-0.5]}


def of_copies(w1, w2, b):
    """A network whose hidden units copy the inputs, so that the output unit is a unit of notebook 01."""
    return {"W1": [[1, 0], [0, 1]], "b1": [-0.5, -0.5], "W2": [[w1], [w2]], "b2": [b]}


def wrong():
    """Each table but XOR."""
    for made, called in CALLED.items():
        if made == XOR:
            continue
        net = of_copies(*UNITS[made]) if made in UNITS else REFERENCE | {"W2": [[-1], [1]], "b2": [0.5]}
        off = [f"({a}, {b})" for (a, b), said, t in zip(ROWS, made, XOR) if said != t]
        where = f"wrong at {', '.join(off[:-1])} and {off[-1]}" if len(off) > 1 else f"wrong at {off[0]}"
        says = f"Your network is {called}: {4 - len(off)} of 4 rows right, {where}. {ADVICE.get(made, OTHERWISE)}"
        yield Wrong(called, net, says, source=SOURCES.get(made, ""))


WAS = "hand = {'W1': [[1, 1], [1, 1]], 'b1': [-0.5, -1.5], 'W2': [[1], [-1]], 'b2': [-0.5]}"
STILL_OR = "With weights 2 and 1 and b = −0.5, the first hidden unit is still an OR."
SAME = {
    ("'W1': [[1, 1], [1,", "'W1': [[2, 1], [1,"): STILL_OR,
    ("'W1': [[1, 1], [1,", "'W1': [[1, 1], [2,"): STILL_OR,
    ("[-0.5, -1.5]", "[-0, -1.5]"): "For (0, 0) the sum is 0, where a step says 0: the unit is still an OR.",
    ("[-1]], 'b2'", "[-2]], 'b2'"): "AND speaks against with more weight, and the sums have the same signs.",
    ("'b2': [-0.5]", "'b2': [-0]"): "The sums are 0, 1 and 0, and a step says 0 to a sum of 0.",
}

EXERCISE = Exercise(
    id="05.1",
    title="XOR by hand",
    reference={"hand": REFERENCE},
    cases=cases,
    apply=table,
    problem=problem,
    note=note,
    right=[
        {"hand": {"W1": [[1, -1], [1, -1]], "b1": [-0.5, 1.5], "W2": [[1], [1]], "b2": [-1.5]}},
        {"hand": {"W1": [[1, -1], [-1, 1]], "b1": [-0.5, -0.5], "W2": [[1], [1]], "b2": [-0.5]}},
        {"hand": {"W1": [[-1, 1], [-1, 1]], "b1": [0.5, -1.5], "W2": [[-1], [-1]], "b2": [0.5]}},
        {"hand": {"W1": np.array([[20, 9], [20, 9]]), "b1": (-10, -14), "W2": [[3], [-5]], "b2": np.array([-1])}},
        {"hand": {"W1": [[1, 1], [1, 1]], "b1": [0, -1], "W2": [[1], [-1]], "b2": [0]}},
    ],
    wrong=list(wrong()),
    equivalent={f"{WAS} -> {WAS.replace(old, new)}": why for (old, new), why in SAME.items()},
    hints=(
        "Say XOR in words: at least one of them is on, but not both. Those are two gates, and a third joins them.",
        "Column 0 of W1 and b1[0] can be the OR of notebook 01, column 1 and b1[1] the AND. "
        "Which pairs (OR, AND) can there be now, and which of them should give 1?",
        "Which sign must each of the two weights in W2 have? What must b2 be for (0, 0) and (1, 1) to stay off?",
    ),
    answer="""\
hand = {
    "W1": [[1, 1], [1, 1]],
    "b1": [-0.5, -1.5],
    "W2": [[1], [-1]],
    "b2": [-0.5],
}""",
)
