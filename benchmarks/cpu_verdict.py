"""Ratios of the minima, and which of the targets hold."""

from __future__ import annotations

from typing import Any

OURS, FAST, JAX = "dlcourse", "dlcourse + numba", "JAX jit"
NAMES = ("W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8a", "W8b", "W8c", "W8d")
# ours to the best of PyTorch: the ratio of their least times
FLOORS = {
    OURS: dict(zip(NAMES, (9, 2.0, 1.05, 0.95, 1.1, 0.92, 0.85, 1.7, 1.0, 0.95, 1.2))),
    FAST: dict(zip(NAMES, (12, 2.4, 1.15, 0.95, 1.6, 1.4, 1.4, 1.7, 1.0, 0.95, 1.7))),
}
AIMS = dict(zip(NAMES, (20, 2.4, 1.2, 1.02, 1.6, 1.1, 1.1, 2.4, 1.1, 1.1, 1.7)))
ADAM, PEAK = 0.85, 0.85  # Adam reaches this share of the targets; W4 and W8b this share of the peak


def best_torch(row: dict[str, dict]) -> str | None:
    """The fastest PyTorch of one workload, by least time."""
    return min((n for n in row if n.startswith("PyTorch")), key=lambda n: row[n]["min_s"], default=None)


def ratio(row: dict[str, dict], name: str, to: str | None = None, key: str = "min_s") -> float | None:
    """How often `name` is done while `to` (without it: the best PyTorch) is done once. Above 1: `name` is faster."""
    to = to or best_torch(row)
    return row[to][key] / row[name][key] if to in row and name in row else None


def verdicts(measured: dict[str, dict[str, dict]]) -> list[dict[str, Any]]:
    """Every target that was measured: {"what", "found", "floor", "aim", "holds"}.

    measured    workload -> optimizer ("momentum", "adam" or "predict") -> implementation -> its times
    """
    said = []
    for name, by in measured.items():
        for how, row in by.items():
            for ours, floors in FLOORS.items():
                share, aim = (ADAM, None) if how == "adam" else (1.0, AIMS[name] if ours == OURS else None)
                said += target(
                    f"{name} {how}: {ours} to {best_torch(row)}", ratio(row, ours), share * floors[name], aim
                )
                if name in NAMES[1:7] or (name == "W1" and ours == FAST):
                    said += target(f"{name} {how}: {ours} to {JAX}", ratio(row, ours, JAX), 1.0, None)
                if name in ("W4", "W8b") and ours in row and how != "adam":
                    said += target(f"{name} {how}: {ours}, share of the peak", row[ours].get("of_peak"), PEAK, None)
    return said


def target(what: str, found: float | None, floor: float, aim: float | None) -> list[dict[str, Any]]:
    """One line of the verdicts; none for what was not measured."""
    if found is None:
        return []
    return [{"what": what, "found": found, "floor": floor, "aim": aim, "holds": found >= floor}]
