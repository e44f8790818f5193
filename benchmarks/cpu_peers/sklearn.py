"""scikit-learn's MLPClassifier: one partial_fit is one step. It has dense layers with ReLU, and no others."""

from __future__ import annotations

from typing import Any

import numpy as np
from cpu_workloads import BETA1, BETA2, EPS, MU, Workload

from . import Peer, Runner


class Sklearn(Peer):
    name, needs, threads = "scikit-learn", "sklearn", "those of BLAS"

    def supports(self, w: Workload) -> str | None:
        return "`MLPClassifier` has no convolution" if w.images else None

    def make(self, w: Workload, weights: dict, optimizer: str) -> Runner:
        return SklearnRunner(w, weights, optimizer)


class SklearnRunner(Runner):
    probabilities = True

    def __init__(self, w: Workload, weights: dict, optimizer: str):
        self.w, self.start, self.optimizer = w, weights, optimizer
        self.classes = np.arange(max(2, w.classes))
        self.net = self.made(weights, optimizer, w.lr(optimizer), MU)

    def made(self, weights: dict, optimizer: str, lr: float, mu: float) -> Any:
        from sklearn.neural_network import MLPClassifier

        hidden = [layer[2] for layer in self.w.layers if layer[0] == "dense"][:-1]
        net = MLPClassifier(
            hidden, activation="relu", solver="adam" if optimizer == "adam" else "sgd", alpha=0.0, shuffle=False,
            batch_size=max(2, self.w.batch), learning_rate_init=lr, momentum=mu, nesterovs_momentum=False, beta_1=BETA1,
            beta_2=BETA2, epsilon=EPS, random_state=0,
        )  # fmt: skip
        rows = max(2, self.w.batch)
        net.partial_fit(np.zeros((rows, *self.w.shape), "float32"), np.arange(rows) % 2, classes=self.classes)
        names = [name for name in weights if name.endswith("W")]
        for i, name in enumerate(names):
            net.coefs_[i][...], net.intercepts_[i][...] = weights[name], weights[name[:-1] + "b"]
        self.forget(net)
        return net

    @staticmethod
    def forget(net: Any) -> None:
        """Its optimizer starts anew from these weights."""
        del net._optimizer
        net.t_ = 0

    def place(self, x: Any, t: Any) -> tuple:
        return x, t.ravel().astype("int64")

    def step(self, x: Any, t: Any) -> None:
        self.net.partial_fit(x, t)

    def predict(self, x: Any) -> Any:
        return self.net.predict_proba(x)

    def gradient(self, x: Any, t: Any) -> dict[str, np.ndarray]:
        """It shows no gradient: the way that the weights go at rate 1 without momentum is its negative."""
        probe = self.made(self.start, "sgd", 1.0, 0.0)
        probe.partial_fit(x, t)
        self.step(x, t)
        return {name: self.start[name] - a for name, a in self.of(probe).items()}

    def weights(self) -> dict[str, np.ndarray]:
        return self.of(self.net)

    def of(self, net: Any) -> dict[str, np.ndarray]:
        names = [name[:-1] for name in self.start if name.endswith("W")]
        W = {f"{n}W": a.copy() for n, a in zip(names, net.coefs_)}
        return W | {f"{n}b": a.copy() for n, a in zip(names, net.intercepts_)}


PEERS = [Sklearn()]
