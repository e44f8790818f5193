"""How fast a training step and inference are on a GPU, beside PyTorch eager, compiled and as one graph, and JAX.

    python benchmarks/gpu.py [--cases G1 G3] [--seconds 480] [--reduced] [--record]
    python benchmarks/gpu.py --dry         # tiny sizes without a GPU, to see that the script runs
    python benchmarks/gpu.py --tables      # rewrite the tables in README.md and docs/gpu-performance.md

Eight minutes at most. Who computes a wrong gradient is refused and not timed; what is not there, does not fit or finds
no time is named.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import signal
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX would take three quarters of the memory

import gpu_mnist  # noqa: E402
import gpu_tables  # noqa: E402
from cpu import rounded  # noqa: E402
from gpu_case import LOSSES, Device, measure, why  # noqa: E402
from gpu_peers import GpuPeer, ours, peers  # noqa: E402
from gpu_timing import LIMIT_S, Budget  # noqa: E402
from gpu_verdict import verdicts  # noqa: E402
from gpu_workloads import Case, cases  # noqa: E402

from dlcourse.hardware.machine import processor_name  # noqa: E402

RECORDS = Path(__file__).resolve().parent / "records"
MNIST, MNIST_SHARE = "MNIST", 2.0
REST_S = 10.0  # kept for writing and for what takes longer than thought
HOW = {
    "verdict": "ratio of the medians of seven blocks of about 50 ms, in turns; the spread is that of the quartiles",
    "FLOP": "multiplications and additions of the products: forward, dW and every dx but the first",
    "gradient": "two steps by Adam beside the equations in float64; for too large a network a narrow one",
    "losses": f"of the first {LOSSES} steps on the same batches, after the two that were compared",
    "mnist": gpu_mnist.HOW,
}


class TimeIsUp(BaseException):
    """No Exception: nobody on the way may take it for a mistake of a peer."""


# ---- the whole run


def present(every: list[GpuPeer]) -> tuple[list[GpuPeer], dict[str, str]]:
    """Who can be measured here, and why the others cannot."""
    reasons = {peer.name: peer.available() for peer in every}
    missing = {name: reason for name, reason in reasons.items() if reason}
    return [peer for peer in every if peer.name not in missing], missing


def mnist(found: list[GpuPeer], said: argparse.Namespace, budget: Budget, end: float) -> dict[str, Any]:
    """Whole trainings; a contestant without a peer, or without time, is named."""
    told: dict[str, Any] = {"how": gpu_mnist.HOW, "runs": {}, "skipped": {}}
    try:
        digits = gpu_mnist.digits(said.dry)
    except Exception as error:
        return told | {"skipped": {"all": why(error)}}
    there = {peer.name: peer for peer in found}
    for name, peer in gpu_mnist.CONTESTANTS.items():
        if peer not in there or budget.clock() > end:
            told["skipped"][name] = f"{peer} is not measured here" if peer not in there else "no time"
            continue
        try:
            told["runs"][name] = gpu_mnist.race(name, there[peer], digits, budget.clock, end, said.dry)
            print(f"MNIST {name}: {json.dumps(rounded(told['runs'][name]))}", flush=True)
        except Exception as error:
            told["skipped"][name] = why(error)
    return told


def run(said: argparse.Namespace, budget: Budget | None = None) -> dict[str, Any]:
    """The whole record."""
    device = Device(said.dry)
    chosen = {name: case for name, case in catalogue(said).items() if name.split()[0] in said.cases}
    shares = {name: case.share for name, case in chosen.items()}
    if MNIST in said.cases:
        shares[MNIST] = MNIST_SHARE
    budget = budget or Budget(said.seconds - REST_S, shares)
    every = peers(said.dry, tuple(dict.fromkeys(mode for case in chosen.values() for mode in case.modes)))
    found, missing = present(every)
    for name, reason in missing.items():
        print(f"not measured: {name}: {reason}", flush=True)
    record: dict[str, Any] = {
        "kind": "gpu", "dry": said.dry, "reduced": said.reduced, "date": datetime.datetime.now().isoformat(
            timespec="minutes"), **device.told(), "processor": processor_name(), "python": platform.python_version(),
        "versions": {k: v for peer in found for k, v in peer.versions().items()}, "clocks_before": device.clocks(),
        "not_measured": missing, "how": HOW, "cases": {}, "mnist": {},
    }  # fmt: skip
    began = budget.clock()
    try:
        for name, case in chosen.items():
            print(f"[{budget.told()}]", flush=True)
            some = [peer for peer in found if getattr(peer, "mode", "") in ("", *case.modes)]
            record["cases"][name] = measure(case, some, device, budget, budget.deadline(name))
        if MNIST in said.cases:
            record["mnist"] = mnist(found, said, budget, budget.deadline(MNIST))
    except (KeyboardInterrupt, TimeIsUp) as reason:
        record["stopped"] = f"{type(reason).__name__}: the rest was not measured"
    record |= {"clocks_after": device.clocks(), "took_s": budget.clock() - began}
    record["targets"] = [] if said.dry else verdicts(record["cases"], record["mnist"].get("runs", {}))
    return record


def catalogue(said: argparse.Namespace) -> dict[str, Case]:
    """The cases as large as this run wants them."""
    if said.dry:
        return cases(most=32, batch=16)
    return cases(most=2048, batch=1024) if said.reduced else cases()


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    names = [*dict.fromkeys(name.split()[0] for name in cases()), MNIST]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", nargs="+", choices=names, default=names)
    parser.add_argument("--seconds", type=float, default=LIMIT_S, help="in all, at most 480")
    parser.add_argument("--reduced", action="store_true", help="layers up to 2048, batches up to 1024: for small cards")
    parser.add_argument("--dry", action="store_true", help="tiny sizes without a GPU, to see that the script runs")
    parser.add_argument("--record", action="store_true", help="write benchmarks/records/gpu-DEVICE-DATE.json")
    parser.add_argument("--out", type=Path, default=RECORDS, help="another folder for the record")
    parser.add_argument("--tables", action="store_true", help="rewrite the tables from the newest record, and no more")
    said = parser.parse_args(words)
    said.seconds = min(said.seconds, LIMIT_S)
    return said


def written(record: dict[str, Any], folder: Path) -> Path:
    """The record as a file. A dry one lies in the temporary folder unless another than ours is named."""
    if record["dry"]:
        folder = Path(tempfile.gettempdir()) if folder == RECORDS else folder
    kind, device = "dry-gpu" if record["dry"] else "gpu", record["device"].replace(" ", "_")
    path = folder / f"{kind}-{device}-{record['date'][:10]}.json"
    path.write_text(json.dumps(rounded(record), indent=1) + "\n", encoding="utf-8")
    return path


def alarm(seconds: float) -> None:
    """Stop whatever runs when the time is up; 0: no more."""

    def up(*_: Any) -> None:
        raise TimeIsUp

    signal.signal(signal.SIGALRM, up)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def main(words: list[str] | None = None) -> int:
    """Measure, print, and compare with the targets."""
    said = arguments(words)
    if said.tables:
        gpu_tables.rewrite(gpu_tables.newest(RECORDS))
        return 0
    try:
        ours.backend(said.dry)
    except (ImportError, RuntimeError) as reason:
        print(f"nothing is measured: {reason}\n--dry runs the script without a GPU")
        return 2
    try:
        alarm(said.seconds)
        record = run(said)
    finally:
        alarm(0)
    for line in record["targets"]:
        told = "holds" if line["holds"] else "MISSED"
        low, high = line["spread"]
        print(f"{told if line['sure'] else told + ' (within the spread)'}: {line['what']}: {line['found']:.3g} "
              f"({low:.3g} to {high:.3g}), at least {line['floor']:.3g}")  # fmt: skip
    print(f"took {record['took_s']:.0f} s; {'a dry run says nothing of speed' if said.dry else record['device']}")
    if said.record or said.dry:
        print(written(record, said.out))
    return 0 if said.dry or all(line["holds"] for line in record["targets"]) else 1


if __name__ == "__main__":
    warnings.filterwarnings("ignore", module="torch|jax")
    sys.exit(main())
