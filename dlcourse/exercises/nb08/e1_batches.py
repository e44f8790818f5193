"""08.1 Deal an epoch out into batches: nothing lost, nothing twice, the last one as long as what is left."""

from __future__ import annotations

import math

import numpy as np

from ..exercise import Exercise, Wrong, call


def batches(order, size):
    """The numbers in order, dealt out into batches of `size`; the last one holds what is left
    order (n,) whole numbers  size count -> list of arrays"""
    found = []
    for first in range(0, len(order), size):
        found.append(order[first : first + size])
    return found


def cases(rng):
    for n, size, tag in (
        (7, 3, ""),
        (8, 3, ""),
        (6, 3, "no remainder"),
        (8, 2, "no remainder"),
        (5, 2, ""),
        (3, 5, "fewer examples than a batch holds"),
        (4, 4, "a single batch"),
        (4, 1, "batches of one"),
    ):
        yield call("batches", 10 + _mixed(rng, n), size, tag=tag)
    yield call("batches", np.array([4, 9, 4, 1, 7]), 2, tag="a number that occurs twice")


def _mixed(rng, n):
    """0 ... n−1 in an order that is not sorted, and whose batches are not"""
    return np.roll(np.arange(n)[::-1], rng.integers(0, n))


# ---------------------------------------------------------------- other right answers
def with_while(order, size):
    rest, found = order, []
    while len(rest):
        found, rest = [*found, rest[:size]], rest[size:]
    print(len(found), "batches")
    return found


def counted(order, size):
    n = (len(order) + size - 1) // size
    return [[int(i) for i in order[k * size : min((k + 1) * size, len(order))]] for k in range(n)]


# ---------------------------------------------------------------- wrong ones
def drops_last(order, size):
    return [order[k * size : (k + 1) * size] for k in range(len(order) // size)]


def one_too_many(order, size):
    return [order[k * size : (k + 1) * size] for k in range(len(order) // size + 1)]


def pairs_of_bounds(order, size):
    n = len(order)
    return [order[a:b] for a, b in zip(range(0, n, size), range(size, n, size))]


def file_order(order, size):
    return [np.arange(a, min(a + size, len(order))) for a in range(0, len(order), size)]


def wraps(order, size):
    n = len(order)
    return [order[np.arange(a, a + size) % n] for a in range(0, n, size)]


def overlapping(order, size):
    return [order[a : a + size] for a in range(len(order))]


def padded(order, size):
    full = np.append(order, np.zeros(-len(order) % size, int))
    return list(full.reshape(-1, size))


def evenly(order, size):
    return np.array_split(order, math.ceil(len(order) / size))


def hands_out(order, size):
    for first in range(0, len(order), size):
        yield order[first : first + size]


def short_by_one(order, size):
    return [order[a : a + size - 1] for a in range(0, len(order), size)]


EXERCISE = Exercise(
    id="08.1",
    title="Batches",
    reference={"batches": batches},
    cases=cases,
    right=[
        {"batches": with_while},
        {"batches": counted},
        {"batches": lambda order, size: [order[a : a + size] for a in range(0, len(order), size)]},
        {"batches": lambda order, size: np.split(order, range(size, len(order), size))},
        {"batches": lambda order, size: tuple(np.float32(b) for b in batches(order, size))},
    ],
    wrong=[
        Wrong(
            "the last one dropped",
            drops_last,
            "What is left over at the end is lost. It makes a batch of its own, a shorter one.",
            source="https://github.com/NervanaSystems/neon/issues/9",
        ),
        Wrong(
            "one batch too many",
            one_too_many,
            "Where nothing is left over, an empty batch stands at the end. Count the batches again.",
            source="https://github.com/williamleif/GraphSAGE/issues/18",
        ),
        Wrong(
            "the last batch, full or not",
            pairs_of_bounds,
            "The last batch is missing, also where it would be full. The last end must be the length of `order`.",
            source="https://github.com/siddk/entity-network/issues/7",
        ),
        Wrong(
            "in the order of the file",
            file_order,
            "The batches hold 0, 1, 2 ..., whatever `order` says. They must hold what stands in `order`.",
            source="https://github.com/pybrain/pybrain/issues/71",
        ),
        Wrong(
            "filled up from the front",
            wraps,
            "The last batch is filled up with numbers from the front, so they come twice in an epoch. Leave it short.",
            source="https://github.com/MadryLab/cifar10_challenge/issues/3",
        ),
        Wrong(
            "filled up with zeros",
            padded,
            "The last batch is filled up with zeros: image 0 would be used again and again. Leave it short.",
            source="https://github.com/casperkaae/parmesan/issues/47",
        ),
        Wrong(
            "overlapping",
            overlapping,
            "The batches overlap: each begins one place after the other. The next one begins where the last one ended.",
        ),
        Wrong(
            "size as a number of batches",
            lambda order, size: np.array_split(order, size),
            "`size` says how many examples a batch holds, not how many batches there are.",
        ),
        Wrong(
            "sorted",
            lambda order, size: batches(np.sort(order), size),
            "The numbers are sorted first. Keep the order in which they come.",
        ),
        Wrong(
            "one short",
            short_by_one,
            "Every batch is one too short, and a number is lost each time. A slice a:b ends before b.",
        ),
        Wrong(
            "evenly dealt",
            evenly,
            "The batches are evened out. All but the last hold exactly `size`.",
        ),
        Wrong(
            "handed out by a generator",
            hands_out,
            "`yield` makes a generator, which gives its batches only once. Collect them in a list, and give that back.",
        ),
        Wrong(
            "only the first batch",
            lambda order, size: [order[:size]],
            "Only the first batch is there. Go on until nothing of `order` is left.",
        ),
        Wrong(
            "mixed again",
            lambda order, size: batches(order[::-1], size),
            "The batches begin from the end of `order`. Keep the order in which the numbers come.",
        ),
    ],
    hints=(
        "Where does the first batch begin, and where the second? With size 3: at 0, 3, 6 ...",
        "`range(0, len(order), size)` counts in steps. A slice that reaches beyond the end gives what is there.",
        "If a batch begins at `first`, where does it end? What does a slice do beyond the end?",
    ),
)
