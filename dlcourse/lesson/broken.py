"""Five backward passes with one mistake each; which letter stands for which is drawn, so that one has to find out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["broken_passes"]
Rules = dict[str, Callable]


def broken_passes(dense: Callable, gate: Callable, top: Callable, seed: int = 9) -> dict[str, Rules]:
    """letter -> the rules of a pass that are not as they should be, by what they are: `dense`, `gate` or `top`.

    They are made of right ones: dense(dz, x, W), gate(da, a), top(p, t, n). Ask for new ones before each use, since one
    of them remembers.
    """
    made = [
        {"gate": lambda da, a: da},  # no gates
        {"top": lambda p, t, n: -np.array(top(p, t, n))},  # uphill
        {"top": lambda p, t, n: top(p, t, 1)},  # not divided by the number of examples
        {"dense": _mean_db(dense)},
        {"dense": _adds_up(dense)},
    ]
    return {letter: made[k] for letter, k in zip("ABCDE", np.random.default_rng(seed).permutation(len(made)))}


def _mean_db(dense: Callable) -> Callable:
    def averaged(dz: Any, x: Any, W: Any) -> tuple:
        dx, dW, db = dense(dz, x, W)
        return dx, dW, np.array(db) / len(x)

    return averaged


def _adds_up(dense: Callable) -> Callable:
    kept: dict[tuple, tuple] = {}  # by the shape of W

    def adding(dz: Any, x: Any, W: Any) -> tuple:
        dx, dW, db = dense(dz, x, W)
        old_W, old_b = kept.get(W.shape, (0, 0))
        kept[W.shape] = old_W + np.array(dW), old_b + np.array(db)
        return dx, *kept[W.shape]

    return adding
