"""One case on one device: who is right is timed in turns, who is not is named, and so is what does not fit."""

from __future__ import annotations

import gc
import subprocess
from typing import Any

import numpy as np
from cpu_check import LIMITS, Reference
from cpu_workloads import data
from gpu_peers import GpuPeer, ours
from gpu_timing import Budget, rounds, settled
from gpu_verdict import OURS, ratio
from gpu_workloads import Case, needs, start

from dlcourse.hardware.machine import device_name

# Relative errors of gradient, update and prediction beside float64. In NumPy with the factors of each product rounded
# to 10 bits (TF32) and all numbers to 7 (bf16), 784-512x5-10 is off by 0.04, 0.15, 0.0008 and by 0.11, 0.28, 0.006: a
# ReLU that rounding decides otherwise costs more than the rounding. Twice that is allowed; no update is off by 1.
WITHIN = {"fp32": LIMITS, "tf32": (0.08, 0.3, 2e-3), "bf16": (0.22, 0.6, 2e-2)}
AMPERE, LOSSES = 80, 5
SMI = "driver_version,clocks.sm,clocks.mem,clocks.max.sm,power.draw,temperature.gpu"


class Device:
    """What the run knows of where it runs."""

    def __init__(self, dry: bool):
        self.dry, self.backend = dry, ours.backend(dry)
        self.runtime = getattr(self.backend.xp.cuda, "runtime", None)

    def free(self) -> float:
        """Bytes that can be had."""
        return float("inf") if self.dry else self.runtime.memGetInfo()[0]

    def lacks(self, precision: str) -> str | None:
        """Why there is no such arithmetic here, or None."""
        if self.dry or precision == "fp32" or self.capability() >= AMPERE:
            return None
        return f"{precision} needs compute capability 8.0, this device has {self.capability() / 10}"

    def capability(self) -> int:
        found = self.runtime.getDeviceProperties(self.runtime.getDevice())
        return 10 * found["major"] + found["minor"]

    def told(self) -> dict[str, Any]:
        name = device_name(self.backend)
        if self.dry:
            return {"device": name}
        _, total = self.runtime.memGetInfo()
        return {"device": name, "capability": self.capability(), "memory_GB": total / 1e9,
                "cuda": self.runtime.runtimeGetVersion()}  # fmt: skip

    def clocks(self) -> dict[str, str]:
        """What nvidia-smi says of driver, clocks, power and temperature right now."""
        if self.dry:
            return {"none": "a dry run"}
        try:
            asked = ["nvidia-smi", f"--query-gpu={SMI}", "--format=csv,noheader"]
            said = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True).stdout
        except (OSError, subprocess.SubprocessError) as error:
            return {"none": f"nvidia-smi does not answer: {type(error).__name__}"}
        return dict(zip(SMI.split(","), (word.strip() for word in said.splitlines()[0].split(","))))


# ---- one case


class Inputs:
    """What everybody gets in one case, made once: first weights, data, the order of their rows, and the reference."""

    def __init__(self, case: Case):
        self.case, self.w, self.weights, B = case, case.w, start(case.w), case.w.batch
        x, t = (np.concatenate(parts) for parts in zip(*data(case.w)))
        self.orders = np.random.default_rng(2).permutation(len(x)).reshape(-1, B)
        self.data = (x, t) if case.w.trains else (x[:B], t[:B])
        self.reference = Reference(case.checked or case.w, "adam" if case.w.trains else "momentum")

    def admitted(self, peer: GpuPeer, precision: str, device: Device) -> tuple[Any, float]:
        """A runner that computes what is right, ready to be timed, and its error. Raises ValueError for another."""
        if self.case.checked:
            narrow = peer.make(self.case.checked, start(self.case.checked), precision)
            error = self.error(narrow, precision)
            del narrow
        runner = peer.make(self.w, self.weights, precision)
        if not self.case.checked:
            error = self.error(runner, precision)
        runner.resident(*self.data, self.orders)
        settled(runner, device.backend)
        return runner, error

    def error(self, runner: Any, precision: str) -> float:
        bad, error = self.reference.wrong(runner, WITHIN[precision])
        if bad:
            raise ValueError(bad)
        return error


def group(given: Inputs, precision: str, found: list[GpuPeer], device: Device, budget: Budget, end: float
          ) -> tuple[dict, dict]:  # fmt: skip
    """Everybody of this group in turns: rows, and the sentences for those who are refused."""
    runners, errors, losses, refused = {}, {}, {}, {}
    for peer in found:
        if budget.clock() + peer.prepares_s > end:
            refused[peer.name] = f"no time: making it ready takes about {peer.prepares_s:.0f} s"
            continue
        began = budget.clock()
        try:
            runners[peer.name], errors[peer.name] = given.admitted(peer, precision, device)
            losses[peer.name] = read(runners[peer.name])
            peer.prepares_s = budget.clock() - began
        except Exception as error:
            runners.pop(peer.name, None)
            refused[peer.name] = why(error)
    timed = rounds(runners, device.backend, budget.clock, end) if runners else {}
    rows = {}
    for name, one in timed.items():
        rows[name] = one | {"error": errors[name], "losses": losses[name], "said": runners[name].said}
        rows[name]["TFLOP_per_s"] = 1e-12 * given.w.flops() / one["median_s"]
    return rows, refused


def read(runner: Any) -> list[float]:
    """The first losses; none where nothing is trained."""
    found = []
    for _ in range(LOSSES if runner.trains else 0):
        runner.turn()
        found.append(runner.last())
    if not np.isfinite(found).all():
        raise ValueError(f"its losses are not finite: {found}")
    return found


def why(error: Exception) -> str:
    """One sentence."""
    kind, said = type(error).__name__, str(error).strip().partition("\n")[0]
    if isinstance(error, MemoryError) or "OutOfMemory" in kind or "out of memory" in said.lower():
        return f"out of memory: {said or kind}"
    return said if isinstance(error, (ValueError, NotImplementedError)) else f"{kind}: {said}"


def measure(case: Case, found: list[GpuPeer], device: Device, budget: Budget, end: float) -> dict[str, Any]:
    """One case in all its precisions; where it breaks altogether, what was measured so far and the reason."""
    told: dict[str, Any] = {"what": case.w.what, "FLOP": case.w.flops(), "includes": case.includes}
    told |= {"measured": {}, "skipped": {}}
    try:
        precisions(told, case, found, device, budget, end)
    except Exception as error:
        told["skipped"]["the rest"] = why(error)
        print(f"{case.w.name}: skipped: the rest: {why(error)}", flush=True)
    return told


def precisions(told: dict, case: Case, found: list[GpuPeer], device: Device, budget: Budget, end: float) -> None:
    """Write into `told` what each precision gave, or why it is skipped."""
    w, need = case.w, needs(case.w)
    if need > device.free():
        why_not = f"it needs about {need / 1e9:.1f} GB, and {device.free() / 1e9:.1f} GB are free on this device"
        print(f"{w.name}: skipped: {why_not}", flush=True)
        told["skipped"]["all"] = why_not
        return
    reasons = {precision: device.lacks(precision) or ours.lacks(precision) for precision in case.precisions}
    told["skipped"] |= {precision: reason for precision, reason in reasons.items() if reason}
    for precision, reason in told["skipped"].items():
        print(f"{w.name} {precision}: skipped: {reason}", flush=True)
    waiting = [precision for precision in case.precisions if not reasons[precision]]
    given = Inputs(case) if waiting else None
    while waiting:
        until = budget.clock() + (end - budget.clock()) / len(waiting)
        precision = waiting.pop(0)
        together = need * len(found) < device.free()
        rows, refused = {}, {}
        for part in [found] if together else [[peer] for peer in found]:
            more, reasons = group(given, precision, part, device, budget, until)
            rows, refused = rows | more, refused | reasons
            tidy(part)
        told["measured"][precision] = {
            "implementations": rows, "refused": refused, "interleaved": together, "in_time": budget.clock() <= end,
        }  # fmt: skip
        show(w.name, w.what, precision, rows, refused)


def tidy(found: list[GpuPeer]) -> None:
    gc.collect()
    for peer in found:
        peer.tidy()


def show(name: str, what: str, precision: str, rows: dict, refused: dict) -> None:
    """One measurement as lines."""
    print(f"{name} {precision}: {what}", flush=True)
    for who, row in rows.items():
        to = ratio(rows, who) if who != OURS else None
        against = f"ours is {to[0]:.2f} times as fast ({to[1]:.2f} to {to[2]:.2f})" if to else row["said"]
        quartiles = f"{1e6 * row['q1_s']:,.1f} to {1e6 * row['q3_s']:,.1f}"
        print(
            f"  {who:34} {1e6 * row['median_s']:12,.1f} µs ({quartiles})  {row['TFLOP_per_s']:.3g} TFLOP/s  {against}"
        )
    for who, reason in refused.items():
        print(f"  {who:34} not timed: {reason}", flush=True)
