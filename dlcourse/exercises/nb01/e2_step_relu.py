"""01.2 Two bends: step and relu."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call


def step(z):
    """1 where z > 0, else 0      z any shape -> same shape"""
    return np.where(z > 0, 1.0, 0.0)


def relu(z):
    """z where z > 0, else 0      z any shape -> same shape"""
    return np.maximum(z, 0.0)


def cases(rng):
    for name in ("step", "relu"):
        yield call(name, np.array([-2.0, -0.3, 0.4, 3.0]))
        yield call(name, np.array([-1.0, 0.0, 1.0]), tag="a 0 in z")
        yield call(name, rng.normal(size=(2, 3)).round(2), tag="a table of numbers")
        yield call(name, np.array([-1000.0, 1000.0]))
        yield call(name, np.array(round(-rng.uniform(0.2, 0.9), 2)), tag="a single number")
        yield call(name, np.array(round(rng.uniform(0.2, 0.9), 2)), tag="a single number")


def step_of_one(z):
    if z > 0:
        return 1.0
    return 0.0


def step_in_place(z):
    z[z > 0] = 1.0
    z[z < 0] = 0.0
    return z


def relu_in_place(z):
    z[z < 0] = 0.0
    return z


def relu_copy(z):
    z = np.array(z)
    z[z < 0] = 0.0
    return z


def relu_shape(z):
    flat = [v if v > 0 else 0 for v in np.ravel(z)]
    print(len(flat), "numbers")
    return np.reshape(flat, np.shape(z))


ROW_ONLY = "goes through z as through a row. z may also be a single number, or a table with rows of its own."
SWITCH = "https://github.com/whitead/dmol-book/issues/181"

EXERCISE = Exercise(
    id="01.2",
    title="step and relu",
    reference={"step": step, "relu": relu},
    cases=cases,
    right=[
        {"step": lambda z: (z > 0) * 1.0, "relu": lambda z: z * (z > 0)},
        {"step": lambda z: (z > 0).astype(int), "relu": lambda z: np.where(z > 0, z, 0)},
        {"step": lambda z: np.heaviside(z, 0.0), "relu": lambda z: (z + np.abs(z)) / 2},
        {"step": lambda z: z > 0, "relu": relu_copy},
        {"step": np.vectorize(step_of_one), "relu": relu_shape},
        {"step": lambda z: np.float32(1) * (z > 0), "relu": lambda z: np.clip(z, 0, None).astype(np.float32)},
        {"step": lambda z: np.where(z > 0, 1, 0).tolist(), "relu": lambda z: np.fmax(0, z)},
    ],
    wrong=[
        Wrong(
            "step one at zero",
            lambda z: np.where(z >= 0, 1.0, 0.0),
            "At z = 0 your step is already 1. It should be 1 only where z > 0.",
            source="https://github.com/zueve/neurolab/issues/31",
        ),
        Wrong(
            "step half at zero",
            lambda z: np.heaviside(z, 0.5),
            "At z = 0 your step is ½. It should be 0 there.",
        ),
        Wrong(
            "step sign",
            np.sign,
            "Negative inputs give −1. A step gives 0 there.",
            source="https://github.com/Artificial-Intelligence-HSBI-TDU/KI-Vorlesung/issues/512",
        ),
        Wrong(
            "step turned round",
            lambda z: np.where(z > 0, 0.0, 1.0),
            "Your step is 0 where z > 0, and 1 elsewhere. Exchange the two.",
            source=SWITCH,
        ),
        Wrong(
            "step below zero",
            lambda z: np.where(z < 0, 1.0, 0.0),
            "Your step is 1 where z is negative. Turn the comparison round.",
        ),
        Wrong(
            "step asks once",
            step_of_one,
            "One question, as `if z > 0` asks it, is asked of a whole array. `np.where(z > 0, ...)` asks each element.",
            source="https://stackoverflow.com/questions/70860771",
        ),
        Wrong(
            "step int",
            lambda z: int(z > 0),
            "`int` and `float` take a single number. `np.where(z > 0, ..., ...)` answers for every element.",
        ),
        Wrong("step row only", lambda z: [1 if v > 0 else 0 for v in z], f"Your step {ROW_ONLY}"),
        Wrong(
            "step places",
            lambda z: np.where(z > 0),
            "`np.where(z > 0)` alone tells the places where it is true. Give it the two values as well.",
        ),
        Wrong(
            "step at one",
            lambda z: np.where(z >= 1, 1.0, 0.0),
            "Your step goes up at z = 1. It should go up just above 0.",
        ),
        Wrong(
            "step ramp",
            lambda z: np.clip(z, 0.0, 1.0),
            "Between 0 and 1 your step passes z on. It should jump straight to 1.",
        ),
        Wrong(
            "step is relu",
            lambda z: np.maximum(z, 0.0),
            "Positive inputs pass through unchanged: that is relu. A step gives 1 for them.",
        ),
        Wrong(
            "step keeps z",
            lambda z: np.where(z > 0, 1.0, z),
            "Where z is not above 0 you give back z itself. A step gives 0 there.",
        ),
        Wrong(
            "step in place",
            step_in_place,
            "Your step overwrites its input, so the caller's z is gone. Return a new array.",
        ),
        Wrong(
            "relu abs",
            np.abs,
            "Negative inputs come out positive: that is the absolute value. relu makes them 0.",
            part="relu",
        ),
        Wrong(
            "relu min",
            lambda z: np.minimum(z, 0.0),
            "You keep the negative part and lose the positive one. Take the larger of z and 0.",
            part="relu",
        ),
        Wrong(
            "relu max along axis",
            lambda z: np.max(z, 0),
            "In `np.max(z, 0)` the 0 says along which axis to look. `np.maximum(z, 0)` compares each element with 0.",
            part="relu",
            source="https://github.com/ahmedfgad/NumPyCNN/issues/4",
        ),
        Wrong(
            "relu largest",
            lambda z: np.max(z),
            "You return one number, the largest of all. `np.maximum(z, 0)` compares each element with 0.",
            part="relu",
            source="https://github.com/scikit-fuzzy/scikit-fuzzy/pull/66",
        ),
        Wrong(
            "relu asks once",
            lambda z: max(z, 0.0),
            "Python's `max`, and `if z > 0`, ask one question of a whole array. `np.maximum` asks it of every element.",
            part="relu",
            source="https://stackoverflow.com/questions/70860771",
        ),
        Wrong("relu row only", lambda z: [max(v, 0.0) for v in z], f"Your relu {ROW_ONLY}", part="relu"),
        Wrong(
            "relu drops",
            lambda z: z[z > 0],
            "You leave the negative numbers out, so the answer is too short. relu keeps their places and puts 0 there.",
            part="relu",
        ),
        Wrong(
            "relu in place",
            relu_in_place,
            "Your relu overwrites its input, so the caller's z is gone. Return a new array.",
            part="relu",
            source="https://python.19633.com/sv/python-tag-6/NumPy-6/1006049500.html",
        ),
        Wrong(
            "relu leaky",
            lambda z: np.where(z > 0, z, 0.01 * z),
            "A little of each negative input leaks through. In relu it is exactly 0.",
            part="relu",
        ),
        Wrong(
            "relu capped",
            lambda z: np.clip(z, 0.0, 1.0),
            "Your relu stops at 1. It has a floor at 0 and no ceiling.",
            part="relu",
        ),
        Wrong(
            "relu is step",
            lambda z: np.where(z > 0, 1.0, 0.0),
            "Every positive input becomes 1: that is the step. relu lets it pass unchanged.",
            part="relu",
        ),
        Wrong(
            "relu does nothing",
            lambda z: z,
            "Your relu gives z back as it was. Where z is negative it should give 0.",
            part="relu",
        ),
    ],
    equivalent={
        "return np.where(z > 0, 1.0, 0.0) -> return z > 0": "True and False count as 1 and 0",
        "return np.where(z > 0, 1.0, 0.0) -> return np.where(1.0, z > 0, 0.0)": "1.0 is true, so z > 0 comes out",
    },
    hints=(
        "Both ask `z > 0`, of every element of z at once.",
        "`np.where(question, yes, no)` answers element by element.",
        "For `step`, yes is 1.0 and no is 0.0. For `relu`, `np.maximum(p, q)` takes the larger of two: which two?",
    ),
)
