"""What became of a training run: one documented rule that reads the curve of the loss, the same for everybody.

The curve is smoothed first: each epoch's value is the mean of it and up to two epochs before, so that one lucky or
unlucky epoch decides nothing. Then, in this order:

diverged         a loss is not finite; or the last smoothed loss is above 1.5 times the first loss, and above its own
                 value `patience` epochs before: far above its start and rising; or the last loss and the last smoothed
                 one are above 10 times the loss before the first update: thrown off at once, and not come back
still falling    the best smoothed loss has improved by more than `tolerance` (relative) in the last `patience`
                 epochs, or there have not been more than `patience` epochs
stuck at chance  it has not, and never came down more than 5 % of the way from the loss of always predicting the base
                 rate to the least loss there can be
converged        it has not: the error cannot be reduced any more (not by these means: rate, network, data)
"""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from ..backends import to_host
from ..nn.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy

WINDOW, FAR_ABOVE, THROWN_OFF, CLEARLY_BELOW = 3, 1.5, 10, 0.95
PATIENCE, TOLERANCE = 5, 0.01


class Verdict(NamedTuple):
    """name: "converged", "still falling", "diverged" or "stuck at chance".  sentence: the reason, with its numbers"""

    name: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}"


def verdict(losses: Sequence[float], *, patience: int = PATIENCE, tolerance: float = TOLERANCE,
            chance: float | None = None, floor: float = 0.0, start: float = math.inf) -> Verdict:  # fmt: skip
    """The verdict on one loss per epoch. chance: the loss of predicting the base rate (see chance_loss), if known.
    floor: the least loss there can be (see floor_loss).  start: the loss before the first update."""
    check_rule(patience, tolerance)
    if not len(losses):
        raise ValueError("a verdict needs the loss of at least one epoch, got none")
    bad = [epoch for epoch, loss in enumerate(losses) if not math.isfinite(loss)]
    if bad:
        return Verdict("diverged", f"the loss of epoch {bad[0] + 1} is {losses[bad[0]]}")
    smooth = smoothed(losses)
    best = f"the best smoothed loss, {min(smooth):.4g}"
    if rising_far_above(smooth, patience):
        return Verdict("diverged", f"the loss rose from {losses[0]:.4g} to {losses[-1]:.4g}")
    if min(smooth[-1], losses[-1]) > THROWN_OFF * abs(start):
        return Verdict("diverged", f"the loss was {start:.4g} before the first update and ends at {losses[-1]:.4g}")
    if not settled(losses, patience, tolerance):
        return Verdict("still falling", f"{best}, was still improving")
    if chance and min(smooth) > floor + (chance - floor) * CLEARLY_BELOW:
        return Verdict("stuck at chance", f"{best}, is no better than chance, {chance:.4g}")
    gain = f"in the last {patience} epochs {best}, fell by no more than {tolerance:.1%}"
    return Verdict("converged", f"{gain}: the error cannot be reduced any more by going on like this")


def settled(values: Sequence[float], patience: int = PATIENCE, tolerance: float = TOLERANCE) -> bool:
    """True when the best smoothed value has not fallen by more than tolerance (relative) for patience epochs."""
    if len(values) <= patience:
        return False
    smooth = smoothed(values)
    before, now = min(smooth[:-patience]), min(smooth)
    return now >= before - tolerance * abs(before)


def rising_far_above(smooth: Sequence[float], patience: int = PATIENCE) -> bool:
    """True when the curve ends far above its start, and higher than it was `patience` epochs ago."""
    return smooth[-1] > FAR_ABOVE * abs(smooth[0]) and smooth[-1] > smooth[max(-len(smooth), -1 - patience)]


def smoothed(values: Sequence[float]) -> list[float]:
    """The mean of each value and up to two before it."""
    parts = [values[max(0, i + 1 - WINDOW) : i + 1] for i in range(len(values))]
    return [math.fsum(part) / len(part) for part in parts]


def chance_loss(loss: Any, t: Any, outputs: int = 0) -> float | None:
    """The loss of the best constant prediction: of a network that ignores its input. None for a loss unknown here.

    SoftmaxCrossEntropy   −Σ_K f ln f      f: the share of each class, or the mean of the targets (B,K), smoothed
    BinaryCrossEntropy    −f ln f − (1 − f) ln(1 − f), mean over the outputs      f: the mean of t
    MeanSquaredError      the variance of t, mean over the outputs

    outputs: K, of which the last classes may not occur among the labels; only smoothing asks for it.
    """
    t = to_host(t)
    if not t.size:
        raise ValueError("chance_loss needs at least one target, got none")
    if type(loss) is MeanSquaredError:
        return float(t.var(axis=0, dtype="float64").mean())
    if type(loss) is BinaryCrossEntropy:
        f = t.mean(axis=0, dtype="float64")
        return (entropy(f) + entropy(1 - f)) / f.size
    if type(loss) is not SoftmaxCrossEntropy:
        return None
    f = np.bincount(t.astype("int64"), minlength=outputs) / t.size if t.ndim == 1 else t.mean(axis=0, dtype="float64")
    s = sum(loss.options)
    return entropy((1 - s) * f + s / f.size)


def floor_loss(loss: Any, outputs: int) -> float:
    """The loss of a perfect prediction: 0, but with smoothing the entropy of the smoothed target."""
    s = sum(loss.options) if type(loss) is SoftmaxCrossEntropy else 0.0
    return entropy((1 - s) * np.eye(max(outputs, 1))[0] + s / max(outputs, 1)) if s else 0.0


def entropy(f: Any) -> float:
    """−Σ f ln f      where 0 ln 0 is 0"""
    return float(-(f * np.log(np.where(f > 0, f, 1.0))).sum())


def check_rule(patience: int, tolerance: float) -> None:
    """Raise where patience or tolerance make no rule."""
    if not isinstance(patience, Integral) or patience < 1 or not tolerance >= 0:
        got = f"{patience} and {tolerance}"
        raise ValueError(f"patience is a whole number of epochs from 1 on, tolerance 0 or more, got {got}")
