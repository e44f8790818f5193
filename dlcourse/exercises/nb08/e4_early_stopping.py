"""08.4 Early stopping: which epoch to keep, and when to stop waiting for a better one."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call


def early_stopping(val, patience):
    """Which epoch to keep, and after which one to stop; epochs count from 1
    val (E,) validation loss of each epoch  patience count -> keep, stop"""
    best, keep = np.inf, 0
    for epoch, loss in enumerate(val, start=1):
        if loss < best:
            best, keep = loss, epoch
        if epoch - keep >= patience:
            return keep, epoch
    return keep, len(val)


def cases(rng):
    a, b = (0.1 * rng.integers(1, 4, size=2)).round(1)
    for val, patience, tag in (
        ([1.5, 1.2, 0.9, 1.0, 1.1 + a, 1.3], 2, ""),
        ([2.0, 1.4, 1.5, 1.3, 1.35, 1.2, 1.3, 1.25, 1.4, 1.1], 2, "worse for a while, then better"),
        ([2.0, 1.0, 1.5, 1.4, 1.3, 0.5], 3, "better again, but too late"),
        ([1.8, 1.6, 1.4 - a, 1.2 - a, 0.8 - b], 2, "it falls to the end"),
        ([1.5, 1.0, 1.2, 0.9, 1.1], 3, "the last epoch is not the best, and nobody has stopped"),
        ([1.0, 0.8, 0.8, 0.8, 0.8, 0.8], 3, "epochs that are as good as the best"),
        ([1.0, 0.7, 0.9, 0.7, 0.9, 0.6], 3, "an epoch that is as good as the best"),
        ([1.0, 1.1 + a, 1.2 + a, 1.3 + a], 2, "it never gets better than at first"),
        ([1.2, 0.9, np.nan, np.nan, np.nan, 0.5], 2, "a loss that is not a number"),
        ([1.2, 0.9, np.nan, 0.8, 1.0, 1.1], 2, "a loss that is not a number, once"),
        ([1.2, 0.9, np.nan, 1.0, 1.1, 1.3], 2, "a loss that is not a number, while waiting"),
        ([np.nan, 1.0, 0.9, 1.1], 3, "not a number at first"),
        ([np.nan, np.nan, np.nan, 1.0], 2, "three epochs that are not a number at first"),
        ([0.5, 0.4999, 0.4998, 0.4997, 0.4996], 2, "very small gains"),
        ([1.3], 2, "a single epoch"),
        ([1.0, 0.9, 1.2, 0.8, 0.7], 1, "a patience of 1"),
        ([2.0, 1.5, 1.9, 1.8, 1.7, 1.6, 1.55], 4, "it falls again, but stays above the best"),
        ([1.0, 1.2, 0.9, 1.1, 0.8, 1.0, 0.7, 0.9, 0.6], 2, "up and down"),
    ):
        yield call("early_stopping", np.round(val, 4), patience, tag=tag)
    for epochs in rng.permutation(range(10, 16))[:3]:
        val = 2.0 * 0.9 ** np.arange(epochs) + rng.uniform(0, 0.6, size=epochs)
        yield call("early_stopping", val.round(2), int(rng.integers(2, 5)))


# ---------------------------------------------------------------- other right answers
def with_a_counter(val, patience):
    best, keep, waited, epoch = None, 0, 0, 0
    for loss in val:
        epoch += 1
        if np.isnan(loss) or (best is not None and loss >= best):
            waited += 1
        else:
            best, keep, waited = loss, epoch, 0
        if waited == patience:
            break
    print("stopped after", epoch)
    return [keep, epoch]


def by_slices(val, patience):
    v = np.where(np.isnan(val), np.inf, val)
    for epoch in range(1, len(v) + 1):
        keep = int(np.argmin(v[:epoch])) + 1 if v[:epoch].min() < np.inf else 0
        if epoch - keep >= patience:
            break
    return keep, epoch


# ---------------------------------------------------------------- wrong ones
def varied(
    better=lambda loss, best, before: loss < best,
    start=np.inf,
    reset=True,
    limit=lambda waited, patience: waited >= patience,
    answer=lambda keep, stop, n, v: (keep, stop),
    stops=True,
):
    """Early stopping with one thing done otherwise."""

    def early_stopping(val, patience):
        best, keep, waited, before = start, 0, 0, np.inf
        for epoch, loss in enumerate(val, start=1):
            waited += 1
            if better(loss, best, before):
                best, keep = loss, epoch
                waited = 0 if reset else waited - 1
            before = loss
            if stops and limit(waited, patience):
                return answer(keep, epoch, len(val), val)
        return answer(keep, len(val), len(val), val)

    return early_stopping


def looks_ahead(val, patience):
    keep, stop = early_stopping(val, patience)
    return (0 if np.isnan(val).all() else int(np.nanargmin(val)) + 1), stop


def patient_with(pardoned):
    """Some epochs without a new best are not counted as waiting: pardoned(loss, best)."""

    def early_stopping(val, patience):
        best, keep, waited = np.inf, 0, 0
        for epoch, loss in enumerate(val, start=1):
            if loss < best:
                best, keep, waited = loss, epoch, 0
            elif not pardoned(loss, best):
                waited += 1
            if waited >= patience:
                return keep, epoch
        return keep, len(val)

    return early_stopping


def lowest_and_patience(val, patience):
    keep = 0 if np.isnan(val).all() else int(np.nanargmin(val)) + 1
    return keep, min(keep + patience, len(val))


def last_unless_stopped(val, patience):
    keep, stop = early_stopping(val, patience)
    return (keep if stop - keep >= patience else stop), stop


EXERCISE = Exercise(
    id="08.4",
    title="Early stopping",
    reference={"early_stopping": early_stopping},
    returns=("keep", "stop"),
    cases=cases,
    right=[
        {"early_stopping": with_a_counter},
        {"early_stopping": by_slices},
        {"early_stopping": varied()},
        {"early_stopping": lambda val, patience: tuple(map(float, varied()(val, patience)))},
    ],
    wrong=[
        Wrong(
            "the counter is not reset",
            varied(reset=False),
            "You count all epochs without a new best. Only those in a row count: a new best starts the count anew.",
            source="https://github.com/royerlab/cytoself/issues/29",
        ),
        Wrong(
            "one too patient",
            varied(limit=lambda waited, patience: waited > patience),
            "You wait one epoch too long. After `patience` epochs in a row without a new best it is over.",
            source="https://github.com/keras-team/keras/pull/8100",
        ),
        Wrong(
            "one too impatient",
            varied(limit=lambda waited, patience: waited and waited >= patience - 1),
            "You stop one epoch too early. `patience` epochs in a row may pass without a new best.",
        ),
        Wrong(
            "wants a gain",
            varied(better=lambda loss, best, before: loss < 0.99 * best),
            "You ask for a gain of some size. Any smaller loss is a new best, however little is gained.",
        ),
        Wrong(
            "as good is better",
            varied(better=lambda loss, best, before: loss <= best),
            "An epoch that is as good as the best counts as a new best. Only a smaller loss is one.",
            source="https://github.com/allenai/allennlp/issues/1237",
        ),
        Wrong(
            "compared with the epoch before",
            varied(better=lambda loss, best, before: loss < before),
            "Each epoch is compared with the one before it. Compare it with the best so far.",
            source="https://github.com/mlandis/phyddle/issues/9",
        ),
        Wrong(
            "not a number as better",
            varied(better=lambda loss, best, before: not loss >= best),
            "A loss that is not a number counts as a new best. It never is one; `nan >= best` is False too.",
            source="https://github.com/Bjarten/early-stopping-pytorch/issues/16",
        ),
        Wrong(
            "the last one kept",
            varied(answer=lambda keep, stop, n, v: (stop, stop)),
            "`stop` is right. Keep the best epoch, not the one in which you stop.",
            source="https://github.com/keras-team/autokeras/issues/288",
        ),
        Wrong(
            "best only after a stop",
            last_unless_stopped,
            "Where nobody stops you keep the last epoch. Keep the best one there as well.",
            source="https://github.com/tensorflow/tensorflow/issues/35634",
        ),
        Wrong(
            "the largest",
            varied(better=lambda loss, best, before: loss > best, start=-np.inf),
            "You keep the epoch with the largest loss. The smaller the loss, the better.",
            source="https://github.com/tensorflow/docs/pull/2178",
        ),
        Wrong(
            "looks ahead",
            looks_ahead,
            "`keep` is the best of the whole curve. When you stop, nobody knows yet what would have come later.",
        ),
        Wrong(
            "lowest of all, and patience",
            lowest_and_patience,
            "You wait from the lowest of the whole curve. Go through the epochs, and stop when it is time.",
        ),
        Wrong(
            "an equal one is not waiting",
            patient_with(lambda loss, best: loss == best),
            "An epoch that is as good as the best is not counted as waiting. It brings no new best, so it is.",
        ),
        Wrong(
            "nan is not waiting",
            patient_with(lambda loss, best: np.isnan(loss)),
            "An epoch whose loss is not a number is not counted as waiting. It brings no new best, so it is.",
        ),
        Wrong(
            "neither is waiting",
            patient_with(lambda loss, best: not loss > best),
            "Epochs that are equal to the best, or not a number, are not counted as waiting. They bring no new best.",
        ),
        Wrong(
            "never stops",
            varied(stops=False),
            "You go on to the end each time. After `patience` epochs in a row without a new best, stop.",
        ),
        Wrong(
            "counted from 0",
            varied(answer=lambda keep, stop, n, v: (keep - 1, stop - 1)),
            "Both numbers are one too low: epochs count from 1 here.",
        ),
        Wrong(
            "exchanged",
            varied(answer=lambda keep, stop, n, v: (stop, keep)),
            "Both are right, in the wrong order: first the epoch to keep, then the one in which you stop.",
        ),
        Wrong(
            "the loss, not the epoch",
            varied(answer=lambda keep, stop, n, v: (v[keep - 1] if keep else np.inf, stop)),
            "`stop` is right. In place of the epoch to keep you give back its loss.",
        ),
    ],
    hints=(
        "Go through the epochs with two things in mind: the best loss so far, and in which epoch it was.",
        "`enumerate(val, start=1)` counts the epochs. How many have passed since the best one? When is that too many?",
        "Which difference says how long you have waited? What do you give back if nobody stopped?",
    ),
)
