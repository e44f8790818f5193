"""JAX on the CPU: the whole step under one jit, the old state given away (donated)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from cpu_workloads import BETA1, BETA2, EPS, MU, Workload

from . import Peer, Runner


class Jax(Peer):
    name, needs, threads = "JAX jit", "jax", "chosen by XLA: one a core"

    def make(self, w: Workload, weights: dict, optimizer: str) -> Runner:
        return JaxRunner(w, weights, optimizer)


class JaxRunner(Runner):
    def __init__(self, w: Workload, weights: dict, optimizer: str, where: str = "cpu"):
        import jax

        self.jax, self.w = jax, w
        put = partial(jax.tree.map, lambda a: jax.device_put(np.array(a, "float32"), jax.devices(where)[0]))
        params = put(weights)
        running = {f"{n}": (np.zeros(layer[1]), np.ones(layer[1])) for n, layer, *_ in w.walk() if layer[0] == "norm"}
        zeros = {name: np.zeros_like(a) for name, a in weights.items()}
        self.state = (params, put(running), put(zeros), put(zeros if optimizer == "adam" else {}), put(np.zeros(())))
        self.grad = jax.jit(jax.value_and_grad(partial(loss, w), has_aux=True))
        self.train = jax.jit(partial(train, w, optimizer), donate_argnums=0)
        self.infer = jax.jit(lambda params, running, x: forward(w, params, running, x, False)[0])
        self.out = None

    def place(self, x: Any, t: Any) -> tuple:
        return self.jax.device_put(x), self.jax.device_put(t)

    def step(self, x: Any, t: Any) -> None:
        self.state, self.out = self.train(self.state, x, t)

    def predict(self, x: Any) -> Any:
        self.out = self.infer(*self.state[:2], x)
        return self.out

    def wait(self) -> None:
        self.jax.block_until_ready((self.state, self.out))

    def gradient(self, x: Any, t: Any) -> dict[str, np.ndarray]:
        found = self.grad(self.state[0], self.state[1], x, t)[1]
        found = {name: np.array(g) for name, g in found.items()}
        self.step(x, t)
        return found

    def weights(self) -> dict[str, np.ndarray]:
        return {name: np.array(a) for name, a in self.state[0].items()}


def forward(w: Workload, params: dict, running: dict, x: Any, train: bool) -> tuple:
    """z, and the running statistics of batch norm."""
    import jax

    running = dict(running)
    for n, layer, *_ in w.walk():
        kind, *numbers = layer
        if kind == "dense":
            x = x @ params[f"{n}.W"] + params[f"{n}.b"]
        elif kind == "conv":
            pad, order = [(numbers[3], numbers[3])] * 2, ("NHWC", "HWIO", "NHWC")
            x = jax.lax.conv_general_dilated(x, params[f"{n}.W"], (1, 1), pad, dimension_numbers=order)
            x = x + params[f"{n}.b"] if numbers[4] else x
        elif kind == "norm":
            x, running[f"{n}"] = norm(x, params[f"{n}.gamma"], params[f"{n}.beta"], running[f"{n}"], train)
        elif kind == "pool":
            B, Y, X, C = x.shape  # faster than lax.reduce_window here, whose gradient is a select-and-scatter
            x = x.reshape(B, Y // 2, 2, X // 2, 2, C).max((2, 4))
        else:
            x = jax.nn.relu(x) if kind == "relu" else x.reshape(len(x), -1)
    return x, running


def norm(x: Any, gamma: Any, beta: Any, running: tuple, train: bool) -> tuple:
    """Batch normalization, and its new running statistics."""
    import jax

    n = x.size // x.shape[-1]
    mean, var = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if train else running
    now = [0.9 * old + 0.1 * new for old, new in zip(running, (mean, var * (n / (n - 1))))]
    return gamma * (x - mean) * jax.lax.rsqrt(var + 1e-5) + beta, tuple(now) if train else running


def loss(w: Workload, params: dict, running: dict, x: Any, t: Any) -> tuple:
    import jax
    import jax.numpy as jnp

    z, running = forward(w, params, running, x, True)
    if w.classes == 1:
        return (jax.nn.softplus(z) - t * z).mean(), running
    return -jnp.take_along_axis(jax.nn.log_softmax(z), t[:, None], 1).mean(), running


def train(w: Workload, optimizer: str, state: tuple, x: Any, t: Any) -> tuple:
    """The next state and the loss."""
    import jax
    import jax.numpy as jnp

    params, running, m, v, count = state
    (value, running), grads = jax.value_and_grad(partial(loss, w), has_aux=True)(params, running, x, t)
    count, lr = count + 1, w.lr(optimizer)
    if optimizer == "momentum":
        m = {name: MU * m[name] + g for name, g in grads.items()}
        params = {name: p - lr * m[name] for name, p in params.items()}
        return (params, running, m, v, count), value
    m = {name: BETA1 * m[name] + (1 - BETA1) * g for name, g in grads.items()}
    v = {name: BETA2 * v[name] + (1 - BETA2) * g * g for name, g in grads.items()}
    rate, small = lr * jnp.sqrt(1 - BETA2**count) / (1 - BETA1**count), EPS * jnp.sqrt(1 - BETA2**count)
    params = {name: p - rate * m[name] / (jnp.sqrt(v[name]) + small) for name, p in params.items()}
    return (params, running, m, v, count), value


PEERS = [Jax()]
