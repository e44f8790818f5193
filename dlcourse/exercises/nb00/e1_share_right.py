"""00.1 The share of right answers."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call


def share_right(said, t):
    """right answers / all answers      said (B,)  t (B,) -> number from 0 to 1"""
    return (said == t).sum() / len(t)


def cases(rng):
    yield call("share_right", np.array([3, 8, 5]), np.array([3, 3, 5]))
    yield call("share_right", np.array([0, 1, 1, 0]), np.array([0, 1, 1, 0]), tag="every answer right")
    yield call("share_right", np.array([2, 7, 1, 8, 2]), np.array([7, 1, 8, 2, 7]), tag="every answer wrong")
    yield call("share_right", np.array([4]), np.array([4]), tag="a single answer")
    for B in (7, 9, 13, 6):
        right = rng.integers(1, B)
        t = rng.integers(0, 10, size=B)
        said = (t + rng.integers(1, 9, size=B)) % 10
        kept = rng.permutation(B)[:right]
        said[kept] = t[kept]
        yield call("share_right", said, t)


def loop(said, t):
    right = 0
    for i in range(len(t)):
        if said[i] == t[i]:
            right += 1
    return right / len(t)


def chatty(said, t):
    right = [s for s, ti in zip(said, t) if s == ti]
    print(len(right), "of", len(t))
    return len(right) / len(t)


def first_only(said, t):
    right = 0
    for s, ti in zip(said, t):
        if s == ti:
            right += 1
        return right / len(t)


EXERCISE = Exercise(
    id="00.1",
    title="The share of right answers",
    reference={"share_right": share_right},
    cases=cases,
    right=[
        {"share_right": lambda said, t: np.mean(said == t)},
        {"share_right": lambda said, t: 1 - np.count_nonzero(said - t) / t.size},
        {"share_right": lambda said, t: sum(s == ti for s, ti in zip(said, t)) / len(said)},
        {"share_right": lambda said, t: np.float32((said == t).mean())},
        {"share_right": lambda said, t: np.average(np.where(said == t, 1.0, 0.0))},
        {"share_right": loop},
        {"share_right": chatty},
    ],
    wrong=[
        Wrong(
            "count",
            lambda said, t: (said == t).sum(),
            "You return how many answers are right. Divide that by how many there are.",
        ),
        Wrong(
            "share wrong",
            lambda said, t: (said != t).mean(),
            "You return the share of wrong answers. Count those where said equals t.",
            source="https://github.com/luispedro/milk/pull/4",
        ),
        Wrong(
            "percent",
            lambda said, t: 100 * (said == t).mean(),
            "You return a percentage. A share goes from 0 to 1: leave the 100 away.",
            source="https://github.com/quark0/darts/issues/165",
        ),
        Wrong(
            "per answer",
            lambda said, t: said == t,
            "You return True or False for each answer. Make one number of them: add them up, and divide.",
            source="https://github.com/keras-team/keras/pull/5849",
        ),
        Wrong(
            "sum of the answers",
            lambda said, t: sum(said) / len(t),
            "You add up the answers themselves: a 9 adds nine. Count the places where they equal t, `said == t`, and "
            "divide that.",
        ),
        Wrong(
            "length of the comparison",
            lambda said, t: len(said == t) / len(t),
            "Yours is 1, whatever the answers are: `len` counts right and wrong alike. Add up `said == t` instead: "
            "True counts as 1.",
        ),
        Wrong(
            "sum by sum",
            lambda said, t: said.sum() / t.sum(),
            "You divide the sum of the answers by the sum of the labels. Count the places where both are equal, and "
            "divide by how many there are.",
        ),
        Wrong(
            "sums compared",
            lambda said, t: sum(said) == sum(t) / len(t),
            "You compare sums, and get one True or False. Compare place by place, `said == t`; then add up and divide.",
        ),
        Wrong(
            "table",
            lambda said, t: (said[:, None] == t).mean(),
            "You compare every answer with every label. Compare each answer with its own label only.",
            source="https://github.com/orobix/Prototypical-Networks-for-Few-shot-Learning-PyTorch/issues/23",
        ),
        Wrong(
            "all or nothing",
            lambda said, t: (said == t).sum() // len(t),
            "Yours is 1 if every answer is right, and else 0. Count the right ones, and divide with `/`: `//` drops "
            "what comes after the point.",
            source="https://github.com/Shawn1993/cnn-text-classification-pytorch/pull/6",
        ),
        Wrong(
            "anywhere in t",
            lambda said, t: np.isin(said, t).mean(),
            "You ask whether an answer occurs anywhere in t. Compare it with the label in its own place.",
        ),
        Wrong(
            "how far off",
            lambda said, t: np.abs(said - t).mean(),
            "You measure how far off the answers are. An answer is right or wrong here: a 7 for an 8 is simply wrong.",
        ),
        Wrong(
            "ten of them",
            lambda said, t: (said == t).sum() / 10,
            "You divide by 10, always. Divide by how many answers there are: `len(t)`.",
            source="https://github.com/udacity/deep-learning-v2-pytorch/pull/74",
        ),
        Wrong(
            "last answer missing",
            lambda said, t: (said == t)[:-1].sum() / len(t),
            "The last answer is never looked at. `range(n)` already stops before n.",
        ),
        Wrong(
            "first answer only",
            first_only,
            "You look at the first answer and no other. Does your `return` stand inside the loop?",
        ),
        Wrong(
            "rounded",
            lambda said, t: round(float((said == t).mean()), 2),
            "You round to two places. Return the share as it is, and round when you print it.",
        ),
    ],
    equivalent={
        "return (said == t).sum() / len(t) -> return (said == t).sum() / len(said)": "as many answers as labels",
    },
    hints=(
        "Two steps: count how many answers are right, then divide by how many there are.",
        "`said == t` compares place by place. True counts as 1 in a sum, so `(said == t).sum()` is how many are right.",
        "`len(t)` is how many there are. Divide by it, and `return` what comes out.",
    ),
)
