"""What stands in the way where a target of benchmarks/cpu.py is missed: parts of its steps, measured by themselves.

    python benchmarks/limits.py [--seconds 2] [--record]

Each figure is the least of many blocks, which take turns. --record writes benchmarks/records/, from which
docs/performance.md tells them.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

SLOWS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # where they are set, OpenBLAS does not use what the processor has
if __name__ == "__main__" and any(name in os.environ for name in SLOWS):
    kept = {name: value for name, value in os.environ.items() if name not in SLOWS}
    os.execve(sys.executable, [sys.executable, *sys.argv], kept)

import numpy as np  # noqa: E402
from cpu_timing import REST_S  # noqa: E402
from cpu_workloads import WORKLOADS, data, weights  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from dlcourse import __version__  # noqa: E402
from dlcourse.hardware.machine import blas, cores, processor_name  # noqa: E402
from dlcourse.nn.layers import Dense, ReLU  # noqa: E402
from dlcourse.nn.losses import BinaryCrossEntropy, SoftmaxCrossEntropy  # noqa: E402
from dlcourse.nn.network import Network  # noqa: E402
from dlcourse.training.optimizers import Adam, Momentum  # noqa: E402
from dlcourse.training.steps import choose_step  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


def network(name: str) -> Network:
    """The workload's network with the workload's weights."""
    w = WORKLOADS[name]
    net = Network(*[Dense(*layer[1:]) if layer[0] == "dense" else ReLU() for layer in w.layers])
    net.params.update(weights(w))
    return net


def step_of(name: str, rule: type = Momentum, loss: type = SoftmaxCrossEntropy) -> Callable[[], None]:
    """The whole step, as benchmarks/cpu.py times it."""
    net, (x, t) = network(name), data(WORKLOADS[name])[0]
    optimizer = rule(net.theta, net.grad, lr=1e-5)
    step = choose_step(net, loss(), optimizer, x.shape)
    return lambda: step(x, t)


def w1_written_out() -> Callable[[], None]:
    """The calls of NumPy in a step of W1 with momentum, in one function, with every array and view at hand."""
    net, (x, t) = network("W1"), data(WORKLOADS["W1"])[0]
    (W0, b0), (W1, b1), (W2, b2) = ((layer.W, layer.b) for layer in net.layers[::2])
    (dW0, db0), (dW1, db1), (dW2, db2) = ((layer.dW, layer.db) for layer in net.layers[::2])
    z0, z1, z2, d0, d1, p, L, dz = (np.empty((32, n), "float32") for n in (16, 16, 1, 16, 16, 1, 1, 1))
    theta, grad, v, tmp = net.theta, net.grad, np.zeros_like(net.theta), np.empty_like(net.theta)
    zero, one, share, mu, lr = (np.array(c, "float32") for c in (0, 1, 1 / 32, 0.9, 1e-5))
    xT, z0T, z1T, W1T, W2T, ones = x.T, z0.T, z1.T, W1.T, W2.T, np.ones(32, "float32")
    dot, add, mul, sub, top = np.dot, np.add, np.multiply, np.subtract, np.maximum

    def step() -> None:
        dot(x, W0, z0), add(z0, b0, z0), top(z0, zero, out=z0)
        dot(z0, W1, z1), add(z1, b1, z1), top(z1, zero, out=z1)
        dot(z1, W2, z2), add(z2, b2, z2)
        np.logaddexp(zero, z2, p), sub(p, mul(z2, t, L), L), np.exp(np.negative(p, p), p), sub(one, p, p)
        np.add.reduce(L, None)
        mul(sub(p, t, dz), share, dz)
        dot(z1T, dz, dW2), dot(ones, dz, db2), dot(dz, W2T, d1), np.putmask(d1, np.less_equal(z1, zero), zero)
        dot(z0T, d1, dW1), dot(ones, d1, db1), dot(d1, W1T, d0), np.putmask(d0, np.less_equal(z0, zero), zero)
        dot(xT, d0, dW0), dot(ones, d0, db0)
        add(mul(v, mu, v), grad, v), sub(theta, mul(v, lr, tmp), theta)

    return step


def w2_update(block: int) -> Callable[[], None]:
    """Adam's update of W2's parameters, in blocks of so many numbers."""
    net = network("W2")
    net.backend.chunk, usual = block, net.backend.chunk
    try:
        optimizer = Adam(net.theta, net.grad, lr=1e-5)
    finally:
        net.backend.chunk = usual
    return optimizer.step


def products(name: str, trains: bool) -> Callable[[], None]:
    """The matrix products of a workload and nothing else."""
    w, calls = WORKLOADS[name], []
    rng = np.random.default_rng(0)
    for i, (_, I, O) in enumerate(layer for layer in w.layers if layer[0] == "dense"):
        x, W, z = (rng.standard_normal(shape, "float32") for shape in ((w.batch, I), (I, O), (w.batch, O)))
        calls.append((x, W, np.empty_like(z)))
        if trains:
            calls.append((x.T, z, np.empty_like(W)))
        if trains and i:
            calls.append((z, W.T, np.empty_like(x)))

    def run() -> None:
        for a, b, out in calls:
            np.dot(a, b, out)

    return run


def least(made: dict[str, Callable[[], None]], seconds: float) -> dict[str, float]:
    """Seconds of each, the least of blocks of about 20 ms that take turns."""
    counts, best = {}, dict.fromkeys(made, float("inf"))
    for name, run in made.items():
        run()
        began_s = time.perf_counter()
        run()
        counts[name] = max(1, int(0.02 / (time.perf_counter() - began_s)))
    end = time.perf_counter() + seconds * len(made)
    while time.perf_counter() < end:
        for name, run in made.items():
            time.sleep(REST_S)
            run()
            began_s = time.perf_counter()
            for _ in range(counts[name]):
                run()
            best[name] = min(best[name], (time.perf_counter() - began_s) / counts[name])
    return best


def measured(seconds: float) -> dict:
    """All figures."""
    found: dict = {
        "W1": least({"step": step_of("W1", loss=BinaryCrossEntropy), "written out": w1_written_out()}, seconds)
    }
    blocks = {f"blocks of {n}": w2_update(n) for n in (1 << 15, 1 << 16)}
    found["W2 adam"] = least({"step": step_of("W2", Adam), **blocks}, seconds)
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            found[f"W8a on {threads}"] = least({"products": products("W8a", False)}, seconds)
    a, b, out = (np.random.default_rng(0).standard_normal((4096, 4096), "float32") for _ in range(3))
    parts = {"products": products("W4", True), "step": step_of("W4"), "4096": lambda: np.dot(a, b, out)}
    found["W4"] = least(parts, 2 * seconds)
    found["W4"]["share of the products"] = (
        WORKLOADS["W4"].flops() / found["W4"]["products"] / (2 * 4096**3 / found["W4"]["4096"])
    )
    return found


def main() -> int:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    parser.add_argument("--record", action="store_true")
    said = parser.parse_args()
    found = {
        "date": datetime.date.today().isoformat(), "machine": processor_name(), "cores": cores(), "blas": blas(),
        "load_before": round(os.getloadavg()[0], 2), "python": platform.python_version(), "numpy": np.__version__,
        "dlcourse": __version__, "least_s": measured(said.seconds),
    }  # fmt: skip
    print(json.dumps(found, indent=1))
    if said.record:
        path = ROOT / "benchmarks" / "records" / f"limits-{found['machine'].replace(' ', '_')}-{found['date']}.json"
        path.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
