"""MNIST to 97 % on a device: seconds from arrays on the host; the clock stands still while the accuracy is measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from cpu_workloads import Workload, mlp, weights
from gpu_verdict import EAGER, GRAPH, LOADER, OURS

from dlcourse import load_mnist

AIM, EPOCHS, BATCH, RATE = 0.97, 10, 64, 1e-3
CONTESTANTS = {OURS: OURS, GRAPH: GRAPH, EAGER: EAGER, LOADER: EAGER}  # name -> the peer that makes its runner
HOW = (
    f"784-128-10, batch {BATCH}, Adam {RATE}, a last short batch left out; float32 on the host at first, copied once, "
    f"except with a DataLoader, which hands over batch after batch; accuracy after each epoch, at most {EPOCHS}; "
    "imports, compiling and recording are told apart"
)


def digits(dry: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, t for training and for the test; dry: patterns with noise, which are easy."""
    if not dry:
        data = load_mnist()
        flat = (a.reshape(len(a), -1) for a in (data.x_train, data.x_test))
        x, x_test = flat
        return x, data.t_train, x_test, data.t_test
    rng = np.random.default_rng(0)
    patterns, t = rng.normal(size=(10, 784)), np.arange(640) % 10
    x = (patterns[t] + 0.3 * rng.normal(size=(640, 784))).astype("float32")
    return x[:512], t[:512], x[512:], t[512:]


def workload(dry: bool) -> Workload:
    """The network."""
    hidden = 16 if dry else 128
    return Workload("MNIST", f"MLP 784-{hidden}-10, batch {BATCH}", mlp(784, hidden, 10), (784,), BATCH, rate=RATE)


def epochs(n: int) -> Any:
    """Orders without end: for each epoch the rows of its batches."""
    rng = np.random.default_rng(0)
    while True:
        yield rng.permutation(n)[: n // BATCH * BATCH].reshape(-1, BATCH)


def resident(runner: Any, data: tuple) -> Callable[[np.ndarray], None]:
    """One epoch over data on the device; copying them is part of the time."""
    runner.resident(data[0], data[1], np.arange(BATCH)[None])

    def epoch(orders: np.ndarray) -> None:
        runner.order(orders)
        for _ in orders:
            runner.turn()

    return epoch


def loaded(runner: Any, data: tuple) -> Callable[[np.ndarray], None]:
    """One epoch as it is usually written: a DataLoader on the host, batch after batch to the device."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    pairs = TensorDataset(torch.from_numpy(data[0]), torch.from_numpy(data[1]))

    def epoch(orders: np.ndarray) -> None:
        for x, t in DataLoader(pairs, batch_size=BATCH, sampler=orders.ravel().tolist()):
            runner.value = runner.step(x.to(runner.device), t.to(runner.device))

    return epoch


def race(name: str, peer: Any, data: tuple, now: Callable[[], float], end: float, dry: bool) -> dict[str, Any]:
    """One contestant: {"seconds" until the aim or None, "epochs", "epoch_s", "prepare_s", "accuracy", "loss"}."""
    w, began_s = workload(dry), time.perf_counter()
    runner = peer.make(w, weights(w), "fp32")
    runner.wait()
    found: dict[str, Any] = {"prepare_s": time.perf_counter() - began_s, "seconds": None, "accuracy": 0.0}
    x_test = runner.place(data[2], data[3])[0]
    began_s = time.perf_counter()
    epoch = (loaded if name == LOADER else resident)(runner, data)
    runner.wait()
    seconds, each = time.perf_counter() - began_s, []
    for orders, _ in zip(epochs(len(data[0])), range(EPOCHS)):
        began_s = time.perf_counter()
        epoch(orders)
        runner.wait()
        each.append(time.perf_counter() - began_s)
        found["accuracy"] = float((runner.answer(x_test).argmax(1) == data[3]).mean())
        if found["accuracy"] >= AIM:
            found["seconds"] = seconds + sum(each)
            break
        if now() > end:
            break
    return found | {"epochs": len(each), "epoch_s": statistics.median(each), "loss": runner.last()}
