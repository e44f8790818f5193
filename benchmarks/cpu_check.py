"""Is it right, before it is timed: gradients, updates and predictions against the equations in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from cpu_peers.usual import UsualRunner
from cpu_workloads import Workload, data, weights

# Largest relative errors. A single ReLU or maximum that rounding decides otherwise moves a gradient of W7 by 0.3 %.
LIMITS = GRADIENT, UPDATE, OUTPUT = 1e-2, 5e-2, 1e-4
ROUNDING = 2e-7  # of a weight, by two updates in float32


class Reference:
    """What two steps of this workload must do to the weights, computed in float64 as it is usually written.

    Two, because the first step of momentum is the one without.
    """

    def __init__(self, w: Workload, optimizer: str):
        self.w, self.start, self.batch = w, weights(w), data(w)[0]
        runner = UsualRunner(w, self.start, optimizer, "float64")
        x, t = runner.place(*self.batch)
        self.y = runner.predict(x)
        if w.trains:
            self.grads = runner.gradient(x, t)
            runner.step(x, t)
            self.moved = {name: a - self.start[name] for name, a in runner.weights().items()}

    def wrong(self, runner: Any, limits: tuple[float, float, float] = LIMITS) -> tuple[str | None, float]:
        """Why this runner may not be timed, or None; and its largest relative error. Takes two of its steps.

        limits    of the relative errors of gradient, update and prediction
        """
        (gradient, update, output), (x, t) = limits, runner.place(*self.batch)
        if not self.w.trains:
            return worst({"y": runner.answer(x)}, {"y": self.seen(runner)}, output, "prediction")
        bad, error = worst(runner.gradient(x, t), self.grads, gradient, "gradient")
        if bad:
            return bad, error
        runner.step(x, t)
        moved = {name: a.astype("float64") - self.start[name] for name, a in runner.weights().items()}
        return worst(moved, self.moved, update, "update", self.start)[0], error

    def seen(self, runner: Any) -> np.ndarray:
        """The prediction as this runner gives it."""
        if not runner.probabilities:
            return self.y
        e = np.exp(self.y - self.y.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


def worst(found: dict, expected: dict, limit: float, what: str, of: dict | None = None) -> tuple[str | None, float]:
    """A sentence for the array that is furthest off, if it is too far; and how far: ‖found − expected‖ / ‖expected‖.

    of    the weights that the arrays are changes of: what their rounding explains is no error
    """
    if found.keys() != expected.keys():
        return f"it has a {what} for {', '.join(found)}, expected {', '.join(expected)}", float("inf")
    for name, a in expected.items():
        if found[name].shape != a.shape:
            return f"the {what} {name} has shape {found[name].shape}, expected {a.shape}", float("inf")
    errors = {}
    for name, a in expected.items():
        off = np.linalg.norm(found[name] - a) - (ROUNDING * np.linalg.norm(of[name]) if of else 0)
        errors[name] = float(off / np.linalg.norm(a))
    name = max(errors, key=lambda n: (not np.isfinite(errors[n]), errors[n]))
    if not errors[name] <= limit:
        return f"the {what} {name} is wrong: relative error {errors[name]:.2g}, at most {limit:g}", errors[name]
    return None, errors[name]
