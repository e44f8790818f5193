"""The trainings of notebook 05: small networks whose weights a learner's own function then takes over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..data import Batches
from ..nn.layers import Dense, ReLU
from ..nn.losses import SoftmaxCrossEntropy
from ..nn.network import Network
from ..training.loop import fit
from ..training.optimizers import Adam

__all__ = ["best_and_worst", "fresh", "trained"]
Layers = list[tuple[np.ndarray, np.ndarray]]  # (W, b) of each layer, the first one first


def fresh(sizes: Sequence[int], bend: Any = ReLU, seed: int = 0) -> Network:
    """A network of the library with random weights; bend: a kind of layer after each but the last, None for none."""
    parts: list[Any] = [Dense(*sizes[:2])]
    for I, O in zip(sizes[1:], sizes[2:]):
        parts += [bend(), Dense(I, O)] if bend else [Dense(I, O)]
    return Network(*parts, key=seed)


def trained(
    data: Callable,
    hidden: Sequence[int],
    bend: Any = ReLU,
    *,
    seed: int = 0,
    epochs: int = 100,
    by: Any = Adam,
    lr=0.01,
) -> Layers:
    """(W, b) of each layer, after training on 400 points of two classes.

    data: (number of points, key=) -> x (B,2), t (B,)   hidden: sizes of the hidden layers   by: an optimizer
    epochs: 0 gives the start, untrained
    """
    net = fresh([2, *hidden, 2], bend, seed)
    batches = Batches(*data(400, key=seed), 50, key=seed)
    if epochs:
        fit(net, SoftmaxCrossEntropy(), by(net.theta, net.grad, lr=lr), batches, epochs=epochs)
    found = list(net.params.values())
    return list(zip(found[::2], found[1::2]))


def best_and_worst(runs: Sequence[tuple[Any, float]]) -> tuple[Any, Any]:
    """What had the largest share right, and what the smallest; of equals the first.      runs: (what, share) each"""
    return max(runs, key=lambda run: run[1])[0], min(runs, key=lambda run: run[1])[0]
