"""Learning rates that change: each schedule gives a plain function of the update number 0, 1, 2 ..."""

import math
from collections.abc import Callable
from typing import Any

Rate = Callable[[int], float]


def constant(lr: float) -> Rate:
    """η(t) = η"""
    return lambda t: lr


def step(lr: float, every: int, factor: float) -> Rate:
    """η(t) = η · factor^⌊t / every⌋      a staircase: every so many updates, times the factor"""
    need_updates("every", every)
    return lambda t: lr * factor ** (t // every)


def cosine(lr: float, updates: int, floor: float = 0.0) -> Rate:
    """η(t) = floor + ½ (η − floor) (1 + cos(π t / updates)), then floor      (Loshchilov & Hutter 2017, no restarts)"""
    need_updates("updates", updates)
    return lambda t: floor + 0.5 * (lr - floor) * (1 + math.cos(math.pi * min(t / updates, 1)))


def warmup(schedule: Rate, updates: int) -> Rate:
    """η(t) = schedule(t) · min(1, (t + 1) / updates)      a straight ramp under any schedule (Goyal et al. 2017)"""
    need_updates("updates", updates)
    return lambda t: schedule(t) * min(1.0, (t + 1) / updates)


def need_updates(name: str, number: int) -> None:
    """Raise where a number of updates is none."""
    if number < 1:
        raise ValueError(f"{name} is a number of updates, 1 or more, got {number}")


class Schedule:
    """A hook of fit: optimizer.lr = rate(update number) before each update.

    fit(..., hooks=[Schedule(optimizer, cosine(0.1, updates=5000))]). It remembers nothing: the update number is all it
    needs, so a resumed run goes on where it was.
    """

    def __init__(self, optimizer: Any, rate: Rate):
        self.optimizer, self.rate = optimizer, rate

    def before_batch(self, run: Any) -> None:
        lr = self.rate(run.history.updates)
        if lr != self.optimizer.lr:
            self.optimizer.set(lr=lr)
