"""Five backward passes with one mistake each; which letter stands for which is drawn, so that one has to find out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["broken_passes"]
Rules = dict[str, Callable]


class Passes(dict[str, Rules]):
    """letter -> rules; the answers are told when they are asked for."""

    def __init__(self, passes: dict[str, Rules], wrong: dict[str, str]):
        super().__init__(passes)
        self._wrong = wrong

    def answers(self) -> str:
        """All letters, each with what is wrong, in one line."""
        return "; ".join(f"{letter}: {what}" for letter, what in self._wrong.items())


def broken_passes(dense: Callable, gate: Callable, top: Callable, seed: int = 9) -> Passes:
    """letter -> the rules of a pass that are not as they should be, by what they are: `dense`, `gate` or `top`.

    They are made of right ones: dense(dz, x, W), gate(da, a), top(p, t, n). Ask for new ones before each use, since one
    of them remembers.
    """
    made = [
        ("no gates", {"gate": lambda da, a: da}),
        ("wrong sign", {"top": lambda p, t, n: -np.array(top(p, t, n))}),
        ("not divided", {"top": lambda p, t, n: top(p, t, 1)}),  # by the number of examples
        ("db a mean", {"dense": _mean_db(dense)}),
        ("adds to the call before", {"dense": _adds_up(dense)}),
    ]
    drawn = dict(zip("ABCDE", np.random.default_rng(seed).permutation(len(made))))
    return Passes({k: made[i][1] for k, i in drawn.items()}, {k: made[i][0] for k, i in drawn.items()})


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
