"""04.5 Which class is taken for which: the confusion matrix."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call


def confusion(said, t, K):
    """C_ts = how many examples of class t were said to be s      said (B,)  t (B,)  K number -> C (K,K)"""
    table = np.zeros((K, K), dtype=int)
    for s, truth in zip(said, t):
        table[truth, s] += 1
    return table


def cases(rng):
    yield call("confusion", np.array([0, 1, 1, 1]), np.array([0, 1, 0, 0]), 2)
    for B, K in ((7, 3), (9, 4), (6, 5)):
        t = rng.integers(0, K, size=B)
        said = np.where(rng.random(B) < 0.5, t, rng.integers(0, K, size=B))
        t[:3], said[:3] = (1, 1, 0), (0, 0, 1)  # a pair that comes twice, and not as often the other way round
        yield call("confusion", said, t, K)
    yield call("confusion", np.array([2]), np.array([1]), 3, tag="a batch of one")
    yield call("confusion", np.array([1, 0, 1]), np.array([0, 0, 0]), 4, tag="classes that never occur")
    yield call("confusion", np.array([2, 2, 0, 1]), np.array([2, 2, 0, 1]), 3, tag="no mistake at all")
    yield call("confusion", np.zeros(0, dtype=int), np.zeros(0, dtype=int), 2, tag="no example at all")


# ---------------------------------------------------------------- other right answers
def at(said, t, K):
    table = np.zeros((K, K))
    np.add.at(table, (t, said), 1)
    print(table)
    return table


def by_questions(said, t, K):
    return [[int(np.sum((t == i) & (said == j))) for j in range(K)] for i in range(K)]


def by_bincount(said, t, K):
    def place(i, j):
        return i * K + j

    return np.bincount(place(t, said), minlength=K * K).reshape(K, K)


# ---------------------------------------------------------------- wrong ones
def once_each(said, t, K):
    table = np.zeros((K, K))
    table[t, said] += 1
    return table


def only_those_that_occur(said, t, K):
    seen = np.unique(np.append(t, said))
    return np.array([[np.sum((t == i) & (said == j)) for j in seen] for i in seen]).reshape(len(seen), len(seen))


def up_to_the_largest(said, t, K):
    n = int(np.append(t, said).max(initial=-1)) + 1
    return confusion(said, t, n)


def shares(said, t, K):
    table = confusion(said, t, K)
    return table / np.maximum(table.sum(axis=1, keepdims=True), 1)


def shares_of_all(said, t, K):
    return confusion(said, t, K) / max(len(t), 1)


def mistakes_only(said, t, K):
    table = confusion(said, t, K)
    return table - np.diag(np.diag(table))


def right_only(said, t, K):
    return np.diag(np.diag(confusion(said, t, K)))


EXERCISE = Exercise(
    id="04.5",
    title="The confusion matrix",
    reference={"confusion": confusion},
    cases=cases,
    right=[
        {"confusion": at},
        {"confusion": by_questions},
        {"confusion": by_bincount},
        {"confusion": lambda said, t, K: np.eye(K)[t].T @ np.eye(K)[said]},
        {"confusion": lambda said, t, K: np.array([np.bincount(said[t == k], minlength=K) for k in range(K)])},
        {"confusion": lambda said, t, K: confusion(said, t, K).astype(np.float32)},
    ],
    wrong=[
        Wrong(
            "rows and columns exchanged",
            lambda said, t, K: confusion(t, said, K),
            "Rows and columns are exchanged. A row is the truth t, a column is what was said.",
            source="https://github.com/nkarasiak/dzetsaka/issues/53",
        ),
        Wrong(
            "repeated pairs once",
            once_each,
            "A pair that comes several times is counted once. `table[t, said] += 1` does not add up: use a loop, "
            "or `np.add.at`.",
            source="https://github.com/numpy/numpy/issues/8866",
        ),
        Wrong(
            "exchanged, repeated pairs once",
            lambda said, t, K: once_each(t, said, K),
            "Rows and columns are exchanged, and a pair that comes several times is counted once.",
            source="https://github.com/numpy/numpy/issues/8866",
        ),
        Wrong(
            "only classes that occur",
            only_those_that_occur,
            "Classes that do not occur are left out, so the table has another size each time. Make it (K, K) always.",
            source="https://github.com/scikit-learn/scikit-learn/issues/19756",
        ),
        Wrong(
            "up to the largest label",
            up_to_the_largest,
            "The table ends at the largest label that occurs. Make it (K, K) always.",
            source="https://github.com/nyu-mll/jiant/pull/407",
        ),
        Wrong(
            "shares of the rows",
            shares,
            "You give the share of each row. Counts are wanted.",
            source="https://github.com/GilLevi/AgeGenderDeepLearning/issues/29",
        ),
        Wrong("shares of all", shares_of_all, "You divide by the number of examples. Counts are wanted."),
        Wrong("mistakes only", mistakes_only, "The diagonal is 0. Right answers are counted too: they stand there."),
        Wrong("right ones only", right_only, "Only right answers are counted. A mistake counts in row t, column said."),
        Wrong(
            "one too many",
            lambda said, t, K: confusion(said, t, K) + 1,
            "Every count is one too high. Begin with zeros: `np.zeros((K, K))`.",
        ),
        Wrong(
            "labels from 1",
            lambda said, t, K: confusion((said - 1) % K, (t - 1) % K, K),
            "Everything stands one place too early. Labels begin at 0, so class t has row t.",
        ),
        Wrong(
            "number right",
            lambda said, t, K: int(np.sum(said == t)),
            "You return how many are right. A table is wanted: which class was taken for which.",
        ),
    ],
    equivalent={
        "table = np.zeros((K, K), dtype=int) -> table = np.zeros((K, K))": "2.0 counts as well as 2.",
    },
    hints=(
        "Begin with a table of zeros, K by K. Each example adds 1 at one place.",
        "In which row does an example with truth t count, and in which column?",
        "The same pair may come twice: does your table then show 2?",
    ),
)
