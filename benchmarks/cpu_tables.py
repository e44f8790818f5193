"""The tables of README.md and docs/performance.md, made from the newest record and from nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cpu_verdict import FAST, JAX, OURS, best_torch, ratio

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- cpu: made by `python benchmarks/cpu.py --tables` -->", "<!-- cpu: end -->"
BUSY = "**The machine was busy with other work during this run: take these figures as provisional.** "
UNTOLD = "No run on a quiet machine is recorded yet; the newest one stands there, as provisional."
PEERS = {
    "PyTorch eager": "eager", "PyTorch tuned": "tuned", "PyTorch compiled": "compiled", JAX: "JAX jit",
    "NumPy, as usual in a course": "usual NumPy", "scikit-learn": "scikit-learn",
}  # fmt: skip


def newest(folder: Path) -> dict[str, Any]:
    """The last record made."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("cpu-*.json")]
    if not records:
        raise SystemExit(f"{folder} holds no record: run benchmarks/cpu.py --record")
    return max(records, key=lambda record: record["date"])


def rewrite(record: dict[str, Any], root: Path = ROOT) -> None:
    """Put the tables where the pages have their marks."""
    for page, make in PAGES.items():
        path = root / page
        path.write_text(replaced(path.read_text(encoding="utf-8"), make(record)), encoding="utf-8")


def replaced(text: str, table: str, kind: str = "cpu") -> str:
    """The page with this table between the marks of its kind, "cpu" or "gpu"."""
    begin, end = BEGIN.replace("cpu", kind), END.replace("cpu", kind)
    between = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.S)
    if not between.search(text):
        raise ValueError(f"the page has no place for the table: a line {begin}, then a line {end}")
    return between.sub(lambda _: f"\n{table}\n", text, count=1)


# ---- what stands in them


def short(record: dict[str, Any]) -> str:
    """For the README: ours beside the best PyTorch, one line a workload."""
    if busy(record):
        return UNTOLD
    ours = [name for name in (OURS, FAST) if measured(record, name)]
    table = [["workload", "best PyTorch", *ours]]
    for name, what, rows in first_rows(record):
        torch = best_torch(rows)
        table.append(
            [f"{name} {what}", span(rows[torch]["min_s"]) if torch else "", *(ours_cell(rows, n) for n in ours)]
        )
    return f"{lines(table)}\n\n{where(record)}"


def ours_cell(rows: dict, name: str) -> str:
    """Our time and how often it fits into PyTorch's."""
    if name not in rows:
        return ""
    times = f", **{ratio(rows, name):.2f} ×**" if best_torch(rows) else ""
    return span(rows[name]["min_s"]) + times


def long(record: dict[str, Any]) -> str:
    """For the page: everybody's ratios, medians, Adam, who is ahead, share of the peak, memory, targets, absentees."""
    parts = [where(record), ratios(record), "### Medians", medians(record), "### Adam", ratios(record, "adam")]
    parts += ["### Where a peer is ahead of both of ours", ahead(record), "### Work and memory", work(record)]
    parts += ["### Targets", targets(record), "### Not measured", absent(record)]
    return "\n\n".join(parts)


def ratios(record: dict[str, Any], how: str = "") -> str:
    """Best PyTorch's least time over everybody's: above 1 is faster than the best PyTorch."""
    names = [name for name in (OURS, FAST, *PEERS) if measured(record, name)]
    table = [["workload", "best PyTorch", *(PEERS.get(name, f"**{name}**") for name in names)]]
    for name, what, rows in first_rows(record, how):
        torch = best_torch(rows)
        best = f"{span(rows[torch]['min_s'])} {PEERS[torch]}" if torch else ""
        table.append([f"{name}: {what}", best, *(cell(ratio(rows, n)) for n in names)])
    return lines(table)


def medians(record: dict[str, Any]) -> str:
    """Median and quartiles of the blocks: how much the machine's other work disturbed each."""
    names = [name for name in (OURS, FAST, "PyTorch eager", JAX) if measured(record, name)]
    table = [["workload", *(f"{name}: median (quartiles)" for name in names)]]
    for name, _, rows in first_rows(record):
        table.append([name, *(spread(rows[n]) if n in rows else "" for n in names)])
    return lines(table)


def spread(row: dict) -> str:
    return f"{span(row['median_s'])} ({span(row['q1_s'])} to {span(row['q3_s'])})"


def work(record: dict[str, Any]) -> str:
    """GFLOP/s, share of the peak and memory, of ours and of the best PyTorch."""
    ours = FAST if measured(record, FAST) else OURS
    table = [["workload", "MFLOP", f"{ours}: GFLOP/s", "of the peak", "memory", "best PyTorch: GFLOP/s", "memory"]]
    for name, _, rows in first_rows(record):
        mine, torch = rows.get(ours, {}), rows.get(best_torch(rows) or "", {})
        flop = next(iter(record["workloads"][name]["measured"].values()))["FLOP"]
        table.append([name, digits(flop / 1e6), *rate(mine), megabytes(mine), rate(torch)[0], megabytes(torch)])
    return lines(table)


def rate(row: dict) -> list[str]:
    if not row:
        return ["", ""]
    return [digits(row["GFLOP_per_s"]), f"{100 * row['of_peak']:.0f} %" if row.get("of_peak") else ""]


def megabytes(row: dict) -> str:
    return "" if row.get("peak_MB") is None else f"{row['peak_MB']:.0f} MB"


def targets(record: dict[str, Any]) -> str:
    """Which targets hold."""
    missed = [t for t in record["targets"] if not t["holds"]]
    told = f"{len(record['targets']) - len(missed)} of {len(record['targets'])} targets hold."
    table = [["missed", "found", "at least"], *([t["what"], cell(t["found"]), cell(t["floor"])] for t in missed)]
    return f"{told}\n\n{lines(table)}" if missed else told


def ahead(record: dict[str, Any]) -> str:
    """Where somebody took less time than the faster of ours."""
    said = []
    for name, work in record["workloads"].items():
        for how, one in work["measured"].items():
            rows = one["implementations"]
            mine = min((rows[n]["min_s"] for n in (OURS, FAST) if n in rows), default=0.0)
            faster = [
                f"{n} {mine / row['min_s']:.2f} ×" for n, row in rows.items() if n in PEERS and row["min_s"] < mine
            ]
            said += [f"- {name} {how}: {', '.join(faster)}"] if faster else []
    return "\n".join(said) or "Nobody, nowhere in this run."


def absent(record: dict[str, Any]) -> str:
    """Who was not measured, and why."""
    why: dict[tuple[str, str], list[str]] = {(n, reason): [] for n, reason in record["not_measured"].items()}
    for name, workload in record["workloads"].items():
        for how, one in workload["measured"].items():
            for pair in one["refused"].items():
                why.setdefault(pair, []).append(f"{name} {how}")
    told = [f"- {who}{' on ' * bool(on)}{', '.join(on)}: {reason}" for (who, reason), on in why.items()]
    return "\n".join(told) or "Everything was."


def where(record: dict[str, Any]) -> str:
    """One sentence: which machine, when, which versions, how busy."""
    load = f"load {record['load_before']:.1f} before and {record['load_after']:.1f} after"
    peak = {n: max(sizes.values(), default=0) for n, sizes in record["GEMM_GFLOP_per_s"].items()}
    said = ", ".join(f"{rate:.0f} GFLOP/s on {n}" for n, rate in peak.items())
    versions = ", ".join(f"`{name} {version}`" for name, version in record["versions"].items())
    warning = BUSY if busy(record) else ""
    return (
        f"{warning}`{record['machine']}`, {record['cores']} cores, {record['date'][:10]}, {load}, "
        f"matrix products at {said}; {versions}."
    )


# ---- helpers


def busy(record: dict[str, Any]) -> bool:
    """Whether other work ran when this was measured: then the README tells no figure."""
    return record["load_before"] >= 0.25 * record["cores"]


def first_rows(record: dict[str, Any], how: str = "") -> list[tuple[str, str, dict]]:
    """Name, what it is and everybody's times, with momentum or predicting; or with the optimizer `how`."""
    found = []
    for name, workload in record["workloads"].items():
        by = workload["measured"]
        key = how or next(iter(by))
        if key in by:
            found.append((name, workload["what"], by[key]["implementations"]))
    return found


def measured(record: dict[str, Any], name: str) -> bool:
    return any(name in one["implementations"] for w in record["workloads"].values() for one in w["measured"].values())


def digits(value: float) -> str:
    """Three of them, thousands with a comma."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def span(s: float) -> str:
    """A time with three digits and its unit."""
    unit, size = next((pair for pair in (("s", 1.0), ("ms", 1e-3)) if s >= 0.9995 * pair[1]), ("µs", 1e-6))
    return f"{digits(s / size)} {unit}"


def cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 99.995 else f"{value:.0f}"


def lines(table: list[list[str]]) -> str:
    head, *rows = (f"| {' | '.join(row)} |" for row in table)
    return "\n".join([head, "|---" + "|--:" * (len(table[0]) - 1) + "|", *rows])


PAGES = {"README.md": short, "docs/performance.md": long}
