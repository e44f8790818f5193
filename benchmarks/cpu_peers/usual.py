"""What a careful course writes in NumPy, without a trick: new arrays everywhere, columns of the whole batch.

In float64 it is also the reference that all gradients are compared with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from cpu_workloads import BETA1, BETA2, EPS, MU, Workload
from numpy.lib.stride_tricks import sliding_window_view

from . import Peer, Runner


class Dense:
    """z = x W + b"""

    def __init__(self, n_in: int, n_out: int):
        self.params = ("W", "b")

    def forward(self, x, train):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dz):
        self.dW, self.db = self.x.T @ dz, dz.sum(axis=0)
        return dz @ self.W.T


class Conv:
    """The same at every place: one product of all windows, laid out as rows (im2col)."""

    def __init__(self, c_in: int, c_out: int, kernel: int, padding: int, bias: bool):
        self.k, self.p, self.params = kernel, padding, ("W", "b") if bias else ("W",)

    def forward(self, x, train):
        k, p = self.k, self.p
        x = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
        windows = sliding_window_view(x, (k, k), (1, 2)).transpose(0, 1, 2, 4, 5, 3)
        self.columns, self.shape = windows.reshape(-1, self.W[..., 0].size), x.shape
        z = self.columns @ self.W.reshape(-1, self.W.shape[3])
        if "b" in self.params:
            z = z + self.b
        return z.reshape(*windows.shape[:3], -1)

    def backward(self, dz):
        k, p, (_, Y, X, O) = self.k, self.p, dz.shape
        rows = dz.reshape(-1, O)
        self.dW, self.db = (self.columns.T @ rows).reshape(self.W.shape), rows.sum(axis=0)
        if self.first:
            return None
        dwindows = (rows @ self.W.reshape(-1, O).T).reshape(*dz.shape[:3], k, k, -1)
        dx = np.zeros(self.shape, dz.dtype)
        for r in range(k):
            for s in range(k):
                dx[:, r : r + Y, s : s + X] += dwindows[:, :, :, r, s]
        return dx[:, p : self.shape[1] - p, p : self.shape[2] - p]


class Norm:
    """Batch normalization over batch and places."""

    def __init__(self, channels: int):
        self.params, self.running = ("gamma", "beta"), [np.zeros(channels, "float32"), np.ones(channels, "float32")]

    def forward(self, x, train):
        mean, var = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if train else self.running
        if train:
            self.n = x.size // x.shape[-1]
            now = mean, var * (self.n / (self.n - 1))
            self.running = [(0.9 * old + 0.1 * new).astype(x.dtype) for old, new in zip(self.running, now)]
        self.inverse = 1 / np.sqrt(var + x.dtype.type(1e-5))
        self.hat = (x - mean) * self.inverse
        return self.gamma * self.hat + self.beta

    def backward(self, dy):
        self.dgamma, self.dbeta = (dy * self.hat).sum((0, 1, 2)), dy.sum((0, 1, 2))
        inner = dy - self.dbeta / dy.dtype.type(self.n) - self.hat * (self.dgamma / dy.dtype.type(self.n))
        return self.gamma * self.inverse * inner


class Pool:
    """The largest of each 2 × 2 patch."""

    params = ()

    def forward(self, x, train):
        B, Y, X, C = x.shape
        self.patches = x.reshape(B, Y // 2, 2, X // 2, 2, C)
        self.y = self.patches.max((2, 4), keepdims=True)
        return self.y[:, :, 0, :, 0]

    def backward(self, dy):
        B, Y, X, C = dy.shape
        return ((self.patches == self.y) * dy[:, :, None, :, None]).reshape(B, 2 * Y, 2 * X, C)


class ReLU:
    params = ()

    def forward(self, x, train):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * (self.x > 0)


class Flatten:
    params = ()

    def forward(self, x, train):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy):
        return dy.reshape(self.shape)


KINDS = {"dense": Dense, "conv": Conv, "norm": Norm, "pool": Pool, "relu": ReLU, "flatten": Flatten}


class UsualRunner(Runner):
    """A list of layers, a dictionary of parameters, a loop over it for the update."""

    def __init__(self, w: Workload, weights: dict, optimizer: str, dtype: str = "float32"):
        self.layers = [KINDS[kind](*numbers) for kind, *numbers in w.layers]
        self.dtype, self.classes, self.optimizer, self.t = dtype, w.classes, optimizer, 0
        self.lr = w.lr(optimizer)
        self.params = {name: a.astype(dtype) for name, a in weights.items()}
        self.state = {name: (np.zeros_like(a), np.zeros_like(a)) for name, a in self.params.items()}
        for number, layer in enumerate(self.layers):
            layer.first = number == 0
            for letter in layer.params:
                setattr(layer, letter, self.params[f"{number}.{letter}"])

    def place(self, x: Any, t: Any) -> tuple:
        return x.astype(self.dtype), t.astype(self.dtype) if self.classes == 1 else t

    def forward(self, x, train):
        for layer in self.layers:
            x = layer.forward(x, train)
        return x

    def predict(self, x):
        return self.forward(x, False)

    def loss(self, z, t):
        """The mean loss and its dz."""
        n = len(z)
        if self.classes == 1:
            p = 1 / (1 + np.exp(-z))
            return float((np.logaddexp(0, z) - t * z).mean()), (p - t) / n
        e = np.exp(z - z.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        value = -np.log(p[np.arange(n), t]).mean()
        p[np.arange(n), t] -= 1
        return float(value), p / n

    def step(self, x, t):
        value, d = self.loss(self.forward(x, True), t)
        for layer in reversed(self.layers):
            d = layer.backward(d)
        self.update()
        return value

    def grads(self) -> dict[str, np.ndarray]:
        layers = enumerate(self.layers)
        return {f"{n}.{letter}": getattr(layer, "d" + letter) for n, layer in layers for letter in layer.params}

    def update(self):
        self.t += 1
        lr = self.lr
        for name, g in self.grads().items():
            m, v = self.state[name]
            if self.optimizer == "momentum":
                m[...] = MU * m + g
                self.params[name] -= lr * m
                continue
            m[...] = BETA1 * m + (1 - BETA1) * g
            v[...] = BETA2 * v + (1 - BETA2) * g**2
            right, rise = m / (1 - BETA1**self.t), v / (1 - BETA2**self.t)
            self.params[name] -= lr * right / (np.sqrt(rise) + EPS)

    def gradient(self, x, t):
        self.step(x, t)
        return self.grads()

    def weights(self):
        return {name: a.copy() for name, a in self.params.items()}


class Usual(Peer):
    name, threads = "NumPy, as usual in a course", "those of BLAS"

    def make(self, w: Workload, weights: dict, optimizer: str) -> Runner:
        return UsualRunner(w, weights, optimizer)


PEERS = [Usual()]
