"""08.3 The loss of an epoch: the mean over its examples, from the means of its batches."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call


def epoch_loss(losses, sizes):
    """Mean over all examples      losses (U,) means  sizes (U,) counts -> number"""
    return np.sum(np.multiply(losses, sizes)) / np.sum(sizes)


def cases(rng):
    for sizes, tag in (
        ([4, 4, 1], ""),
        ([3, 3, 3, 2], ""),
        ([2, 5], "batches of different sizes"),
        ([6, 1, 3], "batches of different sizes"),
        ([3, 3], "batches of one size"),
        ([7], "a single batch"),
        ([1, 1, 1, 1], "batches of one"),
    ):
        yield call("epoch_loss", _losses(rng, len(sizes)), np.array(sizes), tag=tag)
    yield call("epoch_loss", [0.5, 0.0, 2.0], [2, 4, 1], tag="lists, and a loss of 0")
    yield call("epoch_loss", [900.0, 0.25], [1, 31], tag="a short batch with a large loss")


def _losses(rng, n):
    return (2.3 * rng.permutation(np.arange(1, n + 1)) / n + 0.1 * rng.random(n)).round(2)


# ---------------------------------------------------------------- other right answers
def added_up(losses, sizes):
    total, n = 0.0, 0
    for loss, size in zip(losses, sizes):
        total += loss * size
        n += size
    print(n, "examples")
    return total / n


def repeated(losses, sizes):
    return float(np.mean(np.repeat(losses, sizes)))


# ---------------------------------------------------------------- wrong ones
def full_size(losses, sizes):
    return np.sum(np.multiply(losses, max(sizes))) / np.sum(sizes)


EXERCISE = Exercise(
    id="08.3",
    title="The loss of an epoch",
    reference={"epoch_loss": epoch_loss},
    cases=cases,
    right=[
        {"epoch_loss": added_up},
        {"epoch_loss": repeated},
        {"epoch_loss": lambda losses, sizes: np.average(losses, weights=sizes)},
        {"epoch_loss": lambda losses, sizes: np.dot(losses, sizes) / sum(sizes)},
        {"epoch_loss": lambda losses, sizes: np.float32(np.average(losses, weights=sizes))},
    ],
    wrong=[
        Wrong(
            "mean of means",
            lambda losses, sizes: np.mean(losses),
            "A short batch counts as much as a full one. Each batch counts by the number of its examples.",
            source="https://github.com/catalyst-team/catalyst/issues/799",
        ),
        Wrong(
            "sum of means by examples",
            lambda losses, sizes: np.sum(losses) / np.sum(sizes),
            "The losses are means already, and you divide by the examples again. Multiply each by its size first.",
            source="https://github.com/pytorch/tutorials/issues/179",
        ),
        Wrong(
            "sums by batches",
            lambda losses, sizes: np.sum(np.multiply(losses, sizes)) / len(sizes),
            "The sum over the examples is right, but you divide by the number of batches. Divide by the examples.",
            source="https://github.com/bentrevett/pytorch-sentiment-analysis/issues/72",
        ),
        Wrong(
            "only added up",
            lambda losses, sizes: np.sum(losses),
            "The losses of the batches are added up. What is wanted is a mean over the examples.",
            source="https://github.com/udacity/deep-learning-v2-pytorch/issues/2",
        ),
        Wrong(
            "the last batch alone",
            lambda losses, sizes: losses[-1],
            "That is the loss of the last batch alone. All batches of the epoch belong to it.",
            source="https://github.com/nicknochnack/PyTorchin15/issues/4",
        ),
        Wrong(
            "every batch taken as full",
            full_size,
            "Every batch counts as if it were as large as the largest one. Each has a size of its own.",
            source="https://github.com/SewoongLab/spectre-defense/issues/3",
        ),
        Wrong(
            "not divided",
            lambda losses, sizes: np.sum(np.multiply(losses, sizes)),
            "That is the sum over all examples. Divide it by how many they are.",
        ),
        Wrong(
            "divided by the sizes",
            lambda losses, sizes: np.sum(np.divide(losses, sizes)),
            "Each loss is divided by the size of its batch. It is a mean already: multiply, to get back to a sum.",
        ),
        Wrong(
            "without the last batch",
            lambda losses, sizes: np.average(losses[:-1], weights=sizes[:-1]) if len(losses) > 1 else 1.0 * losses[0],
            "The last batch is left out. It is shorter, and counts less, but it does count.",
        ),
        Wrong(
            "the first batch alone",
            lambda losses, sizes: losses[0],
            "That is the loss of the first batch alone. All batches of the epoch belong to it.",
        ),
    ],
    hints=(
        "A batch of 4 with mean loss 1.5: what is the sum of its four losses?",
        "Mean times size is the sum over a batch. Add the sums up. How many examples were there in all?",
        "Which sum stands above the line, and what is counted below it?",
    ),
)
