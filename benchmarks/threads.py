"""When threads pay: one BLAS thread, two, and ThreadStep, for networks between 1 MFLOP and 10 GFLOP a step.

    python benchmarks/threads.py [--seconds 3] [--threads 2] [--only mlp] [--record]

All three run in turns, momentum, float32; a row shows the least of many rounds, their median, and what the rule of
choose_step takes: its regret is its time ÷ the best time. --record writes benchmarks/records/.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

SLOWS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # where they are set, OpenBLAS does not use what the processor has
if __name__ == "__main__" and any(name in os.environ for name in SLOWS):
    kept = {name: value for name, value in os.environ.items() if name not in SLOWS}
    os.execve(sys.executable, [sys.executable, *sys.argv], kept)

import numpy as np  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from dlcourse import __version__  # noqa: E402
from dlcourse.hardware.machine import blas, cores, processor_name  # noqa: E402
from dlcourse.nn.layers import BatchNorm, Conv2D, Dense, Flatten, MaxPool2D, ReLU  # noqa: E402
from dlcourse.nn.losses import SoftmaxCrossEntropy  # noqa: E402
from dlcourse.nn.network import Network  # noqa: E402
from dlcourse.training.optimizers import Momentum  # noqa: E402
from dlcourse.training.steps import SerialStep, ThreadStep, rule  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("one thread", "serial", "threads")  # as rule() calls them


def mlp(*widths: int):
    """Dense and ReLU in turn, from 784 inputs to 10 classes."""
    sizes = (784, *widths)
    hidden = [layer for i, o in zip(sizes, sizes[1:]) for layer in (Dense(i, o), ReLU())]
    return Network(*hidden, Dense(sizes[-1], 10)), (784,)


def lenet(c1: int = 6, c2: int = 16):
    """LeNet's shape, with c1 and c2 channels."""
    first = Conv2D(1, c1, 5, padding=2), ReLU(), MaxPool2D(), Conv2D(c1, c2, 5), ReLU(), MaxPool2D(), Flatten()
    return Network(*first, Dense(25 * c2, 120), ReLU(), Dense(120, 84), ReLU(), Dense(84, 10)), (28, 28, 1)


def cnn(c1: int, c2: int, norm: bool = False):
    """Two 3 x 3 convolutions, pooling, a dense layer of 128; with batch norm or without."""
    first, second = ([BatchNorm(c), ReLU()] if norm else [ReLU()] for c in (c1, c2))
    images = Conv2D(1, c1, 3), *first, Conv2D(c1, c2, 3), *second, MaxPool2D(), Flatten()
    return Network(*images, Dense(144 * c2, 128), ReLU(), Dense(128, 10)), (28, 28, 1)


GRID = [  # name, network, batch
    ("mlp 30", lambda: mlp(30), 8), ("mlp 30", lambda: mlp(30), 32), ("mlp 128", lambda: mlp(128), 16),
    ("mlp 128", lambda: mlp(128), 32), ("mlp 128", lambda: mlp(128), 64), ("mlp 128", lambda: mlp(128), 256),
    ("mlp 512-512", lambda: mlp(512, 512), 32), ("mlp 512-512", lambda: mlp(512, 512), 128),
    ("mlp 512-512", lambda: mlp(512, 512), 512), ("mlp 1024-1024", lambda: mlp(1024, 1024), 256),
    ("mlp 2048-2048", lambda: mlp(2048, 2048), 128), ("mlp 2048-2048", lambda: mlp(2048, 2048), 280),
    ("lenet", lenet, 1), ("lenet", lenet, 4), ("lenet", lenet, 16), ("lenet", lenet, 64), ("lenet", lenet, 128),
    ("lenet", lenet, 256), ("lenet 16-32", lambda: lenet(16, 32), 64), ("lenet 16-32", lambda: lenet(16, 32), 128),
    ("cnn 8-16", lambda: cnn(8, 16), 32), ("cnn 8-16", lambda: cnn(8, 16), 64), ("cnn 8-16", lambda: cnn(8, 16), 128),
    ("cnn 16-32", lambda: cnn(16, 32), 64), ("cnn 16-32", lambda: cnn(16, 32), 128),
    ("cnn 32-64", lambda: cnn(32, 64), 32), ("cnn 32-64", lambda: cnn(32, 64), 64),
    ("cnn 32-64", lambda: cnn(32, 64), 128),
    ("cnn 8-16 norm", lambda: cnn(8, 16, True), 32), ("cnn 8-16 norm", lambda: cnn(8, 16, True), 128),
    ("cnn 32-64 norm", lambda: cnn(32, 64, True), 64),
]  # fmt: skip


def measure(make, batch: int, threads: int, budget_s: float) -> dict:
    """Least and median seconds of a step of each kind, in turns: blocks of steps, so that none has the quiet times."""
    kinds, rng = {}, np.random.default_rng(0)
    for kind in KINDS:
        net, shape = make()
        optimizer, loss = Momentum(net.theta, net.grad, lr=1e-3), SoftmaxCrossEntropy()
        if kind == "threads":
            kinds[kind] = ThreadStep(net, loss, optimizer, threads=threads)
        else:
            kinds[kind] = SerialStep(net, loss, optimizer, one_thread=kind == "one thread")
    x, t = rng.standard_normal((batch, *shape), "float32"), rng.integers(0, 10, batch)
    flops = 3 * batch * net.summary(shape).flops
    with threadpool_limits(threads, "blas"):
        once = max(seconds(step, x, t, 1) for step in kinds.values() for _ in range(3))
        count = max(1, int(0.02 / once))  # steps in a block: about 20 ms
        times: dict = {kind: [] for kind in kinds}
        end = time.perf_counter() + budget_s
        while time.perf_counter() < end or len(times["threads"]) < 3:
            for kind, step in kinds.items():
                time.sleep(0.15)  # the threads of BLAS spin for a moment after the last block
                step(x, t)
                times[kind].append(seconds(step, x, t, count) / count)
    least, median = ({kind: f(v) for kind, v in times.items()} for f in (min, statistics.median))
    rounds = len(times["serial"])
    return {"flops": flops, "images": len(shape) == 3, "least_s": least, "median_s": median, "rounds": rounds}


def seconds(step, x, t, count: int) -> float:
    """Of `count` steps, one after the other."""
    began_s = time.perf_counter()
    for _ in range(count):
        step(x, t)
    return time.perf_counter() - began_s


def judged(row: dict, threads: int) -> dict:
    """The row with what the rule takes, and how much longer that is than the best, by least and by median."""
    taken, why = rule(row["flops"], row["images"], threads)
    regret = {name: row[name][taken] / min(row[name].values()) for name in ("least_s", "median_s")}
    return row | {"rule": taken, "why": why, "best": min(row["least_s"], key=row["least_s"].get), "regret": regret}


def line(name: str, batch: int, row: dict) -> str:
    """One row of the table."""
    cells = [f"{row['least_s'][kind] * 1e3:9.3f} ({row['median_s'][kind] * 1e3:8.3f})" for kind in KINDS]
    regret = f"{row['regret']['least_s']:5.2f} {row['regret']['median_s']:5.2f}"
    ours = f"{row['best']:10}  {row['rule']:10}  {regret}"
    return f"{name:15}{batch:5}{row['flops'] / 1e6:9.1f}  {'  '.join(cells)}  {ours}"


def main() -> int:
    """Measure the grid, print it, say how much the rule loses."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each row")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    parser.add_argument("--record", action="store_true")
    said = parser.parse_args()
    found = {
        "date": datetime.date.today().isoformat(), "machine": processor_name(), "cores": cores(), "blas": blas(),
        "threads": said.threads, "load_before": round(os.getloadavg()[0], 2), "python": platform.python_version(),
        "numpy": np.__version__, "dlcourse": __version__, "rows": [],
    }  # fmt: skip
    print(f"{found['machine']}, {found['blas']}, {said.threads} threads, load {found['load_before']}")
    head = "  ".join(f"{kind + ', ms (median)':20}" for kind in KINDS)
    print(f"{'network':15}{'batch':>5}{'MFLOP':>9}  {head}  {'best':10}  {'rule':10}  regret")
    for name, make, batch in GRID:
        if said.only in name:
            row = judged(measure(make, batch, said.threads, said.seconds), said.threads)
            found["rows"].append({"network": name, "batch": batch} | row)
            print(line(name, batch, row), flush=True)
    regrets = [row["regret"]["least_s"] for row in found["rows"]]
    mean = statistics.geometric_mean(regrets)
    print(f"regret of the rule: {mean:.3f} in the (geometric) mean, {max(regrets):.2f} at most")
    found |= {"regret_mean": mean, "regret_most": max(regrets), "load_after": round(os.getloadavg()[0], 2)}
    if said.record:
        path = ROOT / "benchmarks" / "records" / f"threads-{found['machine'].replace(' ', '_')}-{found['date']}.json"
        path.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
