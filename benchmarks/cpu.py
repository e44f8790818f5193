"""How fast a training step and inference are on the CPU, beside PyTorch, JAX, scikit-learn and usual NumPy.

    python benchmarks/cpu.py [--workloads W2 W6] [--seconds 20] [--record] [--quick] [--plain | --fast]
    python benchmarks/cpu.py --tables      # rewrite the tables in README.md and docs/performance.md

Peers come by the extra `bench`; what is not installed is named. All run in one process, block by block in turns, from
the same weights on the same batches. Whoever computes a wrong gradient is refused and not timed.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import os
import platform
import sys
import warnings
from pathlib import Path
from typing import Any

FORCED = sorted(name for name in os.environ if name.startswith("OPENBLAS_"))
if __name__ == "__main__" and FORCED:  # read when NumPy is loaded: too late for this process
    kept = {name: value for name, value in os.environ.items() if name not in FORCED}
    os.execve(sys.executable, [sys.executable, *sys.argv], kept | {"DLCOURSE_BENCH_UNSET": " ".join(FORCED)})

import cpu_memory  # noqa: E402
import cpu_tables  # noqa: E402
import more_tables  # noqa: E402
import numpy as np  # noqa: E402
from cpu_check import Reference  # noqa: E402
from cpu_peers import Peer, peers  # noqa: E402
from cpu_timing import SIZES, Gemm, rounds, summary  # noqa: E402
from cpu_verdict import FAST, OURS, best_torch, ratio, verdicts  # noqa: E402
from cpu_workloads import WORKLOADS, Workload, data, weights  # noqa: E402

from dlcourse.hardware.machine import cores, processor_name  # noqa: E402

RECORDS = Path(__file__).resolve().parent / "records"
HOW = {
    "verdict": "ratio of the least times per step; a block is about 50 ms of steps, after one step that is not counted",
    "FLOP": "multiplications and additions of the products: forward, dW and every dx but the first; as written, so "
    "that a way which needs fewer shows more GFLOP/s",
    "peak": "the best float32 product of NumPy with two threads, sizes 1024 to 4096, between the same blocks",
    "peak_MB": cpu_memory.HOW,
    "losses": "dlcourse and NumPy return each loss as a number; PyTorch and JAX are never asked for it",
}


def candidates(said: argparse.Namespace) -> tuple[list[Peer], dict[str, str]]:
    """Who can be measured here, and why the others cannot."""
    there, missing = [], {}
    for peer in peers():
        left_out = (said.plain and peer.name == FAST) or (said.fast and peer.name == OURS)
        reason = "not asked for" if left_out else peer.available()
        if reason:
            missing[peer.name] = reason
        else:
            there.append(peer)
    return there, missing


def admitted(w: Workload, how: str, found: list[Peer]) -> tuple[dict[str, Any], dict[str, float], dict[str, str]]:
    """Runners whose gradient is right, with their errors; and the sentences for those that are refused."""
    rule = how if w.trains else "momentum"
    reference, runners, errors, refused = Reference(w, rule), {}, {}, {}
    for peer in found:
        if reason := peer.supports(w):
            refused[peer.name] = reason
            continue
        try:
            runner = peer.make(w, weights(w), rule)
            reason, errors[peer.name] = reference.wrong(runner)
        except Exception as error:  # a peer that breaks is named, and the others are measured all the same
            reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        if reason:
            refused[peer.name] = reason
        else:
            runners[peer.name] = runner
    return runners, errors, refused


def measure(w: Workload, how: str, found: list[Peer], seconds: float, gemm: Gemm) -> dict[str, Any]:
    """One workload with one optimizer: every implementation's times, and who was refused."""
    load = os.getloadavg()[0]
    runners, errors, refused = admitted(w, how, found)
    timed = rounds(runners, data(w), w.trains, seconds, gemm) if runners else {}
    rows: dict[str, dict] = {}
    for name, one in timed.items():
        rows[name] = summary(one["times_s"]) | {"steps_a_block": one["steps"], "error": errors[name]}
        rows[name]["GFLOP_per_s"] = 1e-9 * w.flops() / rows[name]["min_s"]
        rows[name]["said"] = getattr(runners[name], "said", "")
    runners.clear()
    gc.collect()
    return {"FLOP": w.flops(), "load": [load, os.getloadavg()[0]], "implementations": rows, "refused": refused}


def show(name: str, how: str, one: dict[str, Any]) -> None:
    """One workload as lines."""
    rows = one["implementations"]
    print(f"{name} {how}: {WORKLOADS[name].what}; best PyTorch: {best_torch(rows) or 'none'}", flush=True)
    for who, row in rows.items():
        quick = f"{1e6 * row['min_s']:12,.1f} µs  median {1e6 * row['median_s']:12,.1f}"
        to = ratio(rows, who)
        print(f"  {who:28} {quick}  {row['GFLOP_per_s']:7.1f} GFLOP/s  ratio {to and round(to, 3)}  {row['said']}")
    for who, reason in one["refused"].items():
        print(f"  {who:28} not timed: {reason}", flush=True)


def run(said: argparse.Namespace) -> dict[str, Any]:
    """The whole record."""
    found, missing = candidates(said)
    for name, reason in missing.items():
        print(f"not measured: {name}: {reason}", flush=True)
    gemm = Gemm((256, 512) if said.quick else SIZES)
    versions: dict[str, str] = {}
    for peer in found:
        versions |= peer.versions()
    record: dict[str, Any] = {
        "date": datetime.datetime.now().isoformat(timespec="minutes"), "machine": processor_name(), "cores": cores(),
        "load_before": os.getloadavg()[0], "python": platform.python_version(), "system": platform.system(),
        "restarted_without": os.environ.get("DLCOURSE_BENCH_UNSET", "").split(), "versions": versions,
        "threads": {peer.name: peer.threads for peer in found}, "not_measured": missing, "how": HOW,
        "seconds_each": said.seconds, "workloads": {},
    }  # fmt: skip
    try:
        for name, how in turns(said):
            work = record["workloads"].setdefault(name, {"what": WORKLOADS[name].what, "measured": {}})
            work["measured"][how] = measure(WORKLOADS[name], how, found, said.seconds, gemm)
            show(name, how, work["measured"][how])
        if not said.no_memory:
            memory(record)
    except KeyboardInterrupt:
        record["stopped"] = "by the interrupt key: the rest was not measured"
    gemm.rest()
    record["load_after"] = os.getloadavg()[0]
    return finished(record, gemm)


def turns(said: argparse.Namespace) -> list[tuple[str, str]]:
    """(workload, optimizer), and "predict" where nothing is trained; Adam comes last."""
    first, *others = said.optimizers
    every = [(name, first if WORKLOADS[name].trains else "predict") for name in said.workloads]
    return every + [(name, how) for how in others for name in said.workloads if WORKLOADS[name].trains]


def memory(record: dict[str, Any]) -> None:
    """Peak memory of everybody who was timed, except with Adam, which keeps one vector more than momentum."""
    for name, work in record["workloads"].items():
        for how, one in work["measured"].items():
            for who, row in one["implementations"].items() if how != "adam" else ():
                row["peak_MB"] = cpu_memory.peak_MB(who, WORKLOADS[name], how)


def finished(record: dict[str, Any], gemm: Gemm) -> dict[str, Any]:
    """With what can be told only when all is measured: shares of the peak, and the verdicts."""
    record["GEMM_GFLOP_per_s"] = gemm.record()
    measured: dict[str, dict] = {}
    for name, work in record["workloads"].items():
        measured[name] = {how: one["implementations"] for how, one in work["measured"].items()}
        for rows in measured[name].values():
            for who, row in rows.items():
                row["of_peak"] = row["GFLOP_per_s"] / gemm.peak() if gemm.peak() else None
                row["to_best_PyTorch"] = ratio(rows, who)
    return record | {"targets": verdicts(measured)}


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--optimizers", nargs="+", choices=("momentum", "adam"), default=["momentum", "adam"])
    parser.add_argument("--seconds", type=float, default=20, help="for each workload and optimizer")
    parser.add_argument("--no-memory", action="store_true", help="leave out the processes that measure memory")
    parser.add_argument("--quick", action="store_true", help="half a second each, small matrix products, no memory")
    parser.add_argument("--record", action="store_true", help="write benchmarks/records/cpu-MACHINE-DATE.json")
    parser.add_argument("--tables", action="store_true", help="rewrite the tables from the newest record, and no more")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--plain", action="store_true", help="leave out the compiled bodies of the extra fast")
    only.add_argument("--fast", action="store_true", help="leave out the bodies in plain NumPy")
    said = parser.parse_args(words)
    if said.quick:
        said.seconds, said.no_memory = min(said.seconds, 0.5), True
    return said


def main(words: list[str] | None = None) -> int:
    """Measure, print, and compare with what must hold."""
    said = arguments(words)
    if said.tables:
        cpu_tables.rewrite(cpu_tables.newest(RECORDS))
        more_tables.rewrite()
        return 0
    record = run(said)
    print(f"GEMM {json.dumps(record['GEMM_GFLOP_per_s'])}; load {record['load_before']}, then {record['load_after']}")
    for line in record["targets"]:
        aim = f", aim {line['aim']:.3g}" if line["aim"] else ""
        print(f"{'holds' if line['holds'] else 'MISSED'}: {line['what']}: {line['found']:.3g}, "
              f"at least {line['floor']:.3g}{aim}")  # fmt: skip
    if said.record:
        path = RECORDS / f"cpu-{record['machine'].replace(' ', '_')}-{record['date'][:10]}.json"
        path.write_text(json.dumps(rounded(record), indent=1) + "\n")
        print(path)
    return 0 if all(line["holds"] for line in record["targets"]) else 1


def rounded(a: Any) -> Any:
    """Numbers to five digits: the rest is noise."""
    if isinstance(a, dict):
        return {name: rounded(value) for name, value in a.items()}
    if isinstance(a, (list, tuple)):
        return [rounded(value) for value in a]
    return float(f"{a:.5g}") if isinstance(a, (float, np.floating)) else a


if __name__ == "__main__":
    warnings.filterwarnings("ignore", module="torch|sklearn|jax")
    sys.exit(main())
