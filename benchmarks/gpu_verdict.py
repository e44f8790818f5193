"""Ratios of the medians with what the spread allows, and which targets hold. The targets are for one H200."""

from __future__ import annotations

from typing import Any

OURS, EAGER, GRAPH, COMPILED, JAX = "dlcourse", "PyTorch eager", "PyTorch graph", "PyTorch compiled", "JAX jit"
KINDS = (EAGER, COMPILED, GRAPH)
LOADER = "PyTorch eager, DataLoader"
# at least so many times as fast as PyTorch eager, compiled (the better mode), as one graph; None: no target
FLOORS: dict[tuple[str, str], tuple[float | None, ...]] = {
    ("G1", "fp32"): (8, 2, 1.3),
    ("G2", "tf32"): (5, 1.5, 1.2),
    ("G3", "bf16"): (1.25, 1.08, 1.1),
    ("G3", "tf32"): (1.1, 1.0, 1.0),
    ("G3", "fp32"): (0.98, 1.0, 1.0),  # the same products: 1.00 ± 0.02
    ("G4", "fp32"): (0.2, None, None),  # im2col
    ("G4", "tf32"): (0.2, None, None),
    ("G5", "bf16"): (1.06, 1.02, None),
}
RATE, EPOCH = 650e12, 10  # G5 in bf16: FLOP/s; an epoch of MNIST beside a loop over a DataLoader


def best(rows: dict[str, dict], kind: str) -> str | None:
    """The fastest row of a kind: PyTorch is compiled in more than one mode."""
    return min((n for n in rows if n.startswith(kind)), key=lambda n: rows[n]["median_s"], default=None)


def ratio(rows: dict[str, dict], to: str | None, name: str = OURS) -> tuple[float, float, float] | None:
    """(medians, lowest, highest by the quartiles): how often `name` is done while `to` is done once."""
    if to not in rows or name not in rows:
        return None
    a, b = rows[to], rows[name]
    return a["median_s"] / b["median_s"], a["q1_s"] / b["q3_s"], a["q3_s"] / b["q1_s"]


def target(what: str, found: tuple[float, float, float], floor: float) -> dict[str, Any]:
    """One line; `sure` where the whole spread lies on one side of the floor."""
    return {"what": what, "found": found[0], "spread": found[1:], "floor": floor, "holds": found[0] >= floor,
            "sure": found[1] >= floor or found[2] < floor}  # fmt: skip


def verdicts(cases: dict[str, dict], mnist: dict[str, dict]) -> list[dict[str, Any]]:
    """Every target that was measured.

    cases    workload -> {"FLOP", "measured": {precision: {"implementations": {name: row}}}}
    mnist    name -> {"epoch_s": ...}
    """
    said = []
    for (name, precision), floors in FLOORS.items():
        rows = cases.get(name, {}).get("measured", {}).get(precision, {}).get("implementations", {})
        for kind, floor in zip(KINDS, floors):
            found = ratio(rows, to := best(rows, kind))
            if floor is not None and found:
                said.append(target(f"{name} {precision}: {OURS} to {to}", found, floor))
        if (name, precision) == ("G5", "bf16") and OURS in rows:
            rates = tuple(cases[name]["FLOP"] / rows[OURS][key] / 1e12 for key in ("median_s", "q3_s", "q1_s"))
            said.append(target(f"{name} {precision}: TFLOP/s", rates, RATE / 1e12))
    if OURS in mnist and LOADER in mnist:
        times = mnist[LOADER]["epoch_s"] / mnist[OURS]["epoch_s"]
        said.append(target(f"an epoch of MNIST: {OURS} to {LOADER}", (times, times, times), EPOCH))
    return said
