"""How much memory training takes: the growth of a fresh process's largest resident set, over ten steps."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

from cpu_workloads import Workload, data, weights

HERE = Path(__file__).resolve().parent
HOW = "growth of the largest resident set of a process of its own, from after importing the library, making the data "
HOW += (
    "and one matrix product, to after ten steps: the network, its gradients, the optimizer and what it is compiled to"
)


def peak_MB(name: str, w: Workload, optimizer: str) -> float | None:
    """In a new process; None where it fails or takes more than five minutes."""
    program = [sys.executable, str(HERE / "cpu_memory.py"), name, w.name, optimizer]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(program, capture_output=True, text=True, timeout=300, env=env)
        return json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        return None


def resident_MB() -> tuple[float, bool]:
    """The largest resident set so far; where the kernel can forget it, counted anew from now on."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024, True
    except (OSError, StopIteration):
        return largest_MB(), False


def largest_MB() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def high_water_MB() -> float:
    """Since resident_MB was called."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main(name: str, workload: str, optimizer: str) -> None:
    import importlib

    import numpy as np
    from cpu_peers import peers
    from cpu_workloads import WORKLOADS

    (peer,) = (p for p in peers() if p.name == name)
    if peer.needs:
        importlib.import_module(peer.needs)
    w = WORKLOADS[workload]
    batches, start = data(w), weights(w)
    square = np.ones((512, 512), "float32")
    square @ square
    before, counted = resident_MB()
    runner = peer.make(w, start, optimizer if w.trains else "momentum")
    for i in range(10):
        x, t = runner.place(*batches[i % len(batches)])
        runner.step(x, t) if w.trains else runner.predict(x)
        runner.wait()
    print(json.dumps((high_water_MB() if counted else largest_MB()) - before))


if __name__ == "__main__":
    main(*sys.argv[1:])
