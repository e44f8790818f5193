"""How long until it reads: seconds of training until a test accuracy is reached, beside the same network in PyTorch.

    python benchmarks/end_to_end.py [--tasks mnist-mlp fashion-cnn] [--seeds 3] [--record]

The same network, first weights, optimizer (Adam), batches and their order for everybody. The clock runs from arrays in
memory and stands still while the accuracy is measured, every 100 steps. PyTorch (eager) gets its batches from a
DataLoader, and in a third run by indexing tensors in memory. Data: `dlcourse.data`, which says where it looks.
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

FORCED = sorted(name for name in os.environ if name.startswith("OPENBLAS_"))
if __name__ == "__main__" and FORCED:  # read when NumPy is loaded: too late for this process
    kept = {name: value for name, value in os.environ.items() if name not in FORCED}
    os.execve(sys.executable, [sys.executable, *sys.argv], kept | {"DLCOURSE_BENCH_UNSET": " ".join(FORCED)})

from cpu_peers import Peer, Runner, peers  # noqa: E402
from cpu_workloads import IMAGE, Workload, mlp, weights  # noqa: E402

from dlcourse import Batches, load_fashion_mnist, load_mnist  # noqa: E402
from dlcourse.hardware.machine import cores, processor_name  # noqa: E402

RECORDS, EVERY, EPOCHS, BATCH, RATE = Path(__file__).resolve().parent / "records", 100, 20, 128, 1e-3
MLP = mlp(784, 512, 10)
CNN = (
    ("conv", 1, 16, 3, 1, True), ("relu",), ("pool",), ("conv", 16, 32, 3, 1, True), ("relu",), ("pool",), ("flatten",),
    *mlp(1568, 128, 10),
)  # fmt: skip
TASKS: dict[str, tuple[Workload, Callable, tuple[float, ...]]] = {
    w.name: (w, load, targets)
    for w, load, targets in (
        (Workload("mnist-mlp", "MNIST, MLP 784-512-10", MLP, (784,), BATCH, rate=RATE), load_mnist, (0.97, 0.98)),
        (Workload("fashion-mlp", "Fashion-MNIST, MLP 784-512-10", MLP, (784,), BATCH, rate=RATE),
         load_fashion_mnist, (0.88,)),
        (Workload("fashion-cnn", "Fashion-MNIST, conv 16-32, dense 128", CNN, IMAGE, BATCH, rate=RATE),
         load_fashion_mnist, (0.90,)),
    )
}  # fmt: skip
OURS, LOADER, MEMORY = "dlcourse", "PyTorch, DataLoader", "PyTorch, tensors in memory"


def our_batches(runner: Runner, batches: Batches, e: int) -> Iterator[tuple]:
    """An epoch, as `fit` gets it."""
    yield from batches.epoch(e)


def in_memory(runner: Runner, batches: Batches, e: int) -> Iterator[tuple]:
    """The same epoch by indexing tensors."""
    x, t = placed(runner, batches)
    order = runner.torch.from_numpy(batches.order(e))
    for first in range(0, batches.n, batches.size):
        rows = order[first : first + batches.size]
        yield x[rows], t[rows]


def by_loader(runner: Runner, batches: Batches, e: int) -> Iterator[tuple]:
    """The same epoch from a DataLoader over a TensorDataset, without worker processes."""
    from torch.utils.data import DataLoader, TensorDataset

    data = TensorDataset(*placed(runner, batches))
    yield from DataLoader(data, batch_size=batches.size, sampler=batches.order(e).tolist())


def placed(runner: Runner, batches: Batches) -> tuple:
    """All data as tensors, made once."""
    if not hasattr(runner, "all"):
        runner.all = runner.place(batches.x, batches.t)
    return runner.all


CONTESTANTS = {
    OURS: ("dlcourse", our_batches),
    LOADER: ("PyTorch eager", by_loader),
    MEMORY: ("PyTorch eager", in_memory),
}


def accuracy(runner: Runner, x: Any, t: np.ndarray) -> float:
    """The share of right answers among these examples."""
    right = [
        np.asarray(predicted(runner, x[i : i + 1000])).argmax(1) == t[i : i + 1000] for i in range(0, len(t), 1000)
    ]
    return float(np.concatenate(right).mean())


def predicted(runner: Runner, x: Any) -> Any:
    if not hasattr(runner, "torch"):
        return runner.predict(x)
    with runner.torch.inference_mode():
        return runner.net(x)


def train(runner: Runner, feed: Callable, batches: Batches, test: tuple, targets: tuple[float, ...]) -> dict[str, Any]:
    """Seconds and steps until each accuracy, or None where it was not reached; and the best accuracy."""
    x_test, t_test = runner.place(*test)[0], test[1]
    found: dict[str, Any] = {str(a): None for a in targets} | {"best": 0.0}
    seconds, steps, began_s = 0.0, 0, time.perf_counter()
    for e in range(EPOCHS):
        for x, t in feed(runner, batches, e):
            runner.step(x, t)
            steps += 1
            if steps % EVERY:
                continue
            seconds += time.perf_counter() - began_s
            now = accuracy(runner, x_test, t_test)
            found["best"] = max(found["best"], now)
            for a in targets:
                if found[str(a)] is None and now >= a:
                    found[str(a)] = {"seconds": seconds, "steps": steps}
            if now >= max(targets):
                return found
            began_s = time.perf_counter()
    return found


def measure(task: str, seeds: int, there: dict[str, Peer]) -> dict[str, Any]:
    """Every contestant on one task: each seed is another start and another order, and the turn moves on."""
    w, load, targets = TASKS[task]
    data = load()
    x, x_test = (a if w.images else a.reshape(len(a), -1) for a in (data.x_train, data.x_test))
    runs: dict[str, list] = {name: [] for name, (peer, _) in CONTESTANTS.items() if peer in there}
    names = list(runs)
    for seed in range(seeds):
        batches = Batches(x, data.t_train, BATCH, key=seed)
        for name in names:
            peer, feed = CONTESTANTS[name]
            runner = there[peer].make(w, weights(w, seed), "adam")
            runs[name].append(train(runner, feed, batches, (x_test, data.t_test), targets))
            print(task, "seed", seed, name, json.dumps(runs[name][-1]), flush=True)
        names.append(names.pop(0))
    return {"what": w.what, "targets": targets, "runs": runs, "summary": summary(runs, targets)}


def summary(runs: dict[str, list], targets: tuple[float, ...]) -> dict[str, dict]:
    """For each accuracy: everybody's median seconds and steps, in how many runs it was reached, and ours to theirs."""
    found: dict[str, dict] = {}
    for a in map(str, targets):
        for name, all_runs in runs.items():
            there = [run[a] for run in all_runs if run[a]]
            middle = {
                key: statistics.median([run[key] for run in there]) if there else None for key in ("seconds", "steps")
            }
            found.setdefault(a, {})[name] = middle | {"reached": f"{len(there)} of {len(all_runs)}"}
        ours = found[a].get(OURS, {}).get("seconds")
        for row in found[a].values():
            row["ours_is_faster_by"] = row["seconds"] / ours if ours and row["seconds"] else None
    return found


def main() -> int:
    """Measure, print, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    said = parser.parse_args()
    everybody = {peer.name: peer for peer in peers() if peer.name in ("dlcourse", "PyTorch eager")}
    missing = {name: reason for name, peer in everybody.items() if (reason := peer.available())}
    for name, reason in missing.items():
        print(f"not measured: {name}: {reason}")
    there = {name: peer for name, peer in everybody.items() if name not in missing}
    record: dict[str, Any] = {
        "date": datetime.datetime.now().isoformat(timespec="minutes"), "machine": processor_name(), "cores": cores(),
        "load_before": os.getloadavg()[0], "python": platform.python_version(), "not_measured": missing,
        "restarted_without": os.environ.get("DLCOURSE_BENCH_UNSET", "").split(),
        "versions": {k: v for peer in there.values() for k, v in peer.versions().items()},
        "how": f"Adam {RATE}, batch {BATCH}, test accuracy every {EVERY} steps, whose time is not counted; "
        f"at most {EPOCHS} epochs; seconds from arrays in memory",
        "tasks": {task: measure(task, said.seeds, there) for task in said.tasks},
    }  # fmt: skip
    record["load_after"] = os.getloadavg()[0]
    print(json.dumps({task: one["summary"] for task, one in record["tasks"].items()}, indent=1))
    if said.record:
        path = RECORDS / f"end-to-end-{record['machine'].replace(' ', '_')}-{record['date'][:10]}.json"
        path.write_text(json.dumps(record, indent=1) + "\n")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
