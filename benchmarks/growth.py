"""How a step grows: time and memory against batch, width and depth, with fitted exponents; and a short last batch.

    python benchmarks/growth.py [--seconds 20] [--most 4096] [--record]

The step is the one that choose_step takes, momentum, float32. For each curve log y = p log x + c is fitted from a
stated knee on, below which calls cost more than numbers. Memory is what tracemalloc saw at the peak of a step, beside
what net.summary(step=..., batch=...) says; "of the batch" leaves out parameters, gradients and optimizer. --record
writes benchmarks/records/.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import os
import platform
import statistics
import sys
import time
import tracemalloc
from pathlib import Path

SLOWS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # where they are set, OpenBLAS does not use what the processor has
if __name__ == "__main__" and any(name in os.environ for name in SLOWS):
    kept = {name: value for name, value in os.environ.items() if name not in SLOWS}
    os.execve(sys.executable, [sys.executable, *sys.argv], kept)

import numpy as np  # noqa: E402

from dlcourse import __version__  # noqa: E402
from dlcourse.hardware.machine import blas, cores, processor_name  # noqa: E402
from dlcourse.nn.layers import BatchNorm, Conv2D, Dense, Flatten, MaxPool2D, ReLU  # noqa: E402
from dlcourse.nn.losses import SoftmaxCrossEntropy  # noqa: E402
from dlcourse.nn.network import Network  # noqa: E402
from dlcourse.training.optimizers import Momentum  # noqa: E402
from dlcourse.training.steps import choose_step  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
CLIFF = 1.3  # an example of a batch one smaller, or of half a batch and one, takes at most so much longer: STEADY_S on
FIXED, SHARE = 300_000, 0.05  # bytes: memory is within a share of what the summary says, and this
STEADY_S = 1e-3  # shorter steps are mostly calls, whose cost an example of half a batch bears twice


def mlp(width: int, depth: int = 1):
    """784 inputs, `depth` hidden layers of this width, 10 classes."""
    sizes = (784, *[width] * depth)
    hidden = [layer for i, o in zip(sizes, sizes[1:]) for layer in (Dense(i, o), ReLU())]
    return Network(*hidden, Dense(width, 10)), (784,)


def cnn(channels: int, depth: int = 1):
    """`depth` blocks of 3 x 3 convolution, batch norm and ReLU on 14 x 14 images, pooling, 10 classes."""
    sizes = (1, *[channels] * depth)
    blocks = [part for i, o in zip(sizes, sizes[1:]) for part in (Conv2D(i, o, 3, padding=1), BatchNorm(o), ReLU())]
    return Network(*blocks, MaxPool2D(), Flatten(), Dense(49 * channels, 10)), (14, 14, 1)


def batch_sizes(most: int) -> list[int]:
    """Powers of two, and from 8 on their odd neighbours: one less, and half and one."""
    powers = [2**k for k in range(most.bit_length()) if 2**k <= most]
    return sorted({n for b in powers for n in ((b, b - 1, b // 2 + 1) if b >= 8 else (b,))})


def curves(most: int) -> dict:
    """{name: (what grows, knee, [(its value, network, batch)])}: the knee is where numbers begin to cost most."""
    sizes, widths, channels = batch_sizes(most), (32, 64, 128, 256, 512, 1024, 2048), (4, 8, 16, 32, 64, 128)
    return {
        "MLP 784-128-10, batch": ("batch", 256, [(b, lambda: mlp(128), b) for b in sizes]),
        "MLP 784-512-512-10, batch": ("batch", 64, [(b, lambda: mlp(512, 2), b) for b in sizes]),
        "CNN 16 channels with batch norm, batch": ("batch", 32, [(b, lambda: cnn(16), b) for b in sizes]),
        "MLP, width of 3 layers": ("width", 512, [(w, lambda w=w: mlp(w, 3), 128) for w in widths]),
        "CNN, channels of 2 blocks": ("channels", 16, [(c, lambda c=c: cnn(c, 2), 64) for c in channels]),
        "MLP of width 256, depth": ("depth", 4, [(d, lambda d=d: mlp(256, d), 128) for d in (1, 2, 4, 8, 16, 32)]),
        "CNN of 16 channels, depth": ("depth", 2, [(d, lambda d=d: cnn(16, d), 64) for d in (1, 2, 4, 8, 16)]),
    }  # fmt: skip


class Case:
    """A network, its batch and its step, ready to be timed."""

    def __init__(self, make, batch: int):
        rng = np.random.default_rng(0)
        net, shape = make()
        self.x, self.t = rng.standard_normal((batch, *shape), "float32"), rng.integers(0, 10, batch)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        net, shape = make()
        self.step = choose_step(net, SoftmaxCrossEntropy(), Momentum(net.theta, net.grad, lr=1e-3), self.x.shape)
        self.run(2)
        tracemalloc.reset_peak()
        self.run(1)
        self.peak_bytes = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        said = net.summary(shape, step=self.step, batch=batch).memory
        self.said_bytes, self.fixed_bytes = sum(said.values()), sum(list(said.values())[:3])
        self.flops, self.times = 3 * batch * net.summary(shape).flops, []
        self.count = max(1, int(0.01 / self.run(1)))

    def run(self, count: int) -> float:
        """Seconds of a step, the mean of `count`."""
        began_s = time.perf_counter()
        for _ in range(count):
            self.step(self.x, self.t)
        return (time.perf_counter() - began_s) / count

    def told(self) -> dict:
        """The row of the record."""
        return {
            "step": repr(self.step), "flops": self.flops, "least_s": min(self.times),
            "median_s": statistics.median(self.times), "peak_bytes": self.peak_bytes, "said_bytes": self.said_bytes,
            "fixed_bytes": self.fixed_bytes, "batch_bytes": self.peak_bytes - self.fixed_bytes,
        }  # fmt: skip


def measure(points: list, budget_s: float) -> list[dict]:
    """All points of a curve in turns, at most eight at a time (memory), each at least three times."""
    rows = []
    for start in range(0, len(points), 8):
        here = points[start : start + 8]
        cases = [Case(make, batch) for _, make, batch in here]
        end = time.perf_counter() + budget_s * len(here) / len(points)
        while time.perf_counter() < end or len(cases[0].times) < 3:
            for case in cases:
                case.times.append(case.run(case.count))
        rows += [{"at": at, "batch": batch} | case.told() for (at, _, batch), case in zip(here, cases)]
    return rows


def exponent(rows: list[dict], knee: int, of: str) -> float | None:
    """The slope p of log y against log x, from the knee on."""
    points = [(row["at"], row[of]) for row in rows if row["at"] >= knee]
    return float(np.polyfit(*np.log(np.array(points, float).T), 1)[0]) if len(points) > 1 else None


def cliffs(rows: list[dict]) -> dict[int, float]:
    """{batch: how much longer an example takes than in the power of two beside it, or the whole batch than in the next
    power of two, whichever is worse}, for steps that are long enough. A last batch of any size is no slower than a full
    one, and one example more or less is no step."""
    powers = {row["batch"]: row["least_s"] for row in rows if row["batch"] & (row["batch"] - 1) == 0}
    found = {}
    for row in rows:
        b, least_s = row["batch"], row["least_s"]
        after = 2 ** b.bit_length()
        beside = after if after - b < b - after // 2 else after // 2
        if b not in powers and least_s >= STEADY_S and after in powers:
            found[b] = max(least_s / b / (powers[beside] / beside), least_s / powers[after])
    return found


def memory_off(rows: list[dict]) -> float:
    """How far the worst row is from the summary, in parts of what is allowed."""
    allowed = [SHARE * row["said_bytes"] + FIXED * (row["peak_bytes"] > row["said_bytes"]) for row in rows]
    return max(abs(row["peak_bytes"] - row["said_bytes"]) / most for row, most in zip(rows, allowed))


def told(name: str, curve: dict) -> str:
    """A curve as a table with its exponents."""
    lines = [name, f"{curve['grows']:>10}{'MFLOP':>10}{'ms':>10}{'median':>10}{'µs/ex.':>9}{'MB':>9}{'said':>9}"]
    for row in curve["rows"]:
        times = f"{row['least_s'] * 1e3:10.3f}{row['median_s'] * 1e3:10.3f}{row['least_s'] / row['batch'] * 1e6:9.2f}"
        memory = f"{row['peak_bytes'] / 1e6:9.2f}{row['said_bytes'] / 1e6:9.2f}"
        lines.append(f"{row['at']:10}{row['flops'] / 1e6:10.1f}{times}{memory}")
    fits = ", ".join(f"{of} ~ {curve['grows']}^{p:.2f}" for of, p in curve["exponents"].items() if p is not None)
    lines.append(f"from {curve['knee']} on: {fits}")
    return "\n".join(lines)


def main() -> int:
    """Measure all curves, fit, print, and compare with what must hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="for each curve")
    parser.add_argument("--most", type=int, default=4096, help="the largest batch")
    parser.add_argument("--only", default="", help="curves whose name holds this text")
    parser.add_argument("--record", action="store_true")
    said = parser.parse_args()
    found = {
        "date": datetime.date.today().isoformat(), "machine": processor_name(), "cores": cores(), "blas": blas(),
        "load_before": round(os.getloadavg()[0], 2), "python": platform.python_version(), "numpy": np.__version__,
        "dlcourse": __version__, "curves": {},
    }  # fmt: skip
    worst: dict = {"cliff": 0.0, "memory": 0.0}
    for name, (grows, knee, points) in curves(said.most).items():
        if said.only not in name:
            continue
        rows = measure(points, said.seconds)
        kinds = {"time": "least_s", "memory": "peak_bytes", "memory of the batch": "batch_bytes"}
        fits = {kind: exponent(rows, knee, of) for kind, of in kinds.items()}
        curve = {"grows": grows, "knee": knee, "exponents": fits, "rows": rows}
        if grows == "batch":
            curve["short_batches"] = cliffs(rows)
            worst["cliff"] = max([worst["cliff"], *curve["short_batches"].values()])
        worst["memory"] = max(worst["memory"], memory_off(rows))
        found["curves"][name] = curve
        print(told(name, curve), flush=True)
    short, memory = worst["cliff"], worst["memory"]
    holds = {
        f"an example of a short batch takes at most {CLIFF} times as long: {short:.2f}": short <= CLIFF,
        f"memory within {SHARE:.0%} of the summary and {FIXED / 1e6} MB: {memory:.2f} of that": memory <= 1,
    }
    for what, held in holds.items():
        print(f"{'holds' if held else 'MISSED'}: {what}")
    found |= {"worst": worst, "load_after": round(os.getloadavg()[0], 2)}
    if said.record:
        path = ROOT / "benchmarks" / "records" / f"growth-{found['machine'].replace(' ', '_')}-{found['date']}.json"
        path.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if all(holds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
