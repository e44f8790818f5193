"""Tables of docs/performance.md about whole trainings, growth, threads and grading, from the newest record of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cpu_tables import ROOT, busy, lines, span

RECORDS = ROOT / "benchmarks" / "records"
BEGIN, END = "<!-- more: made by `python benchmarks/cpu.py --tables` -->\n", "<!-- more: end -->"


def newest(kind: str, folder: Path = RECORDS) -> dict[str, Any]:
    """The last record of a kind: "growth", "threads" ..."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob(f"{kind}-*.json")]
    return max(found, key=lambda record: record["date"])


def trainings(record: dict[str, Any]) -> str:
    """Seconds from arrays in memory to a test accuracy; ours, PyTorch with a DataLoader, and with tensors in memory."""
    names = list(next(iter(record["tasks"].values()))["runs"])
    table = [["until", *names, "steps of ours"]]
    for one in record["tasks"].values():
        for accuracy, rows in one["summary"].items():
            cells = [f"{rows[n]['seconds']:.2f} s ({rows[n]['reached']})" for n in names]
            table.append([f"{one['what']}: {float(accuracy):.0%}", *cells, f"{rows[names[0]]['steps']:,.0f}"])
    return f"{lines(table)}\n\nMedians over the seeds; {record['how']}. {told(record)}"


def growth(record: dict[str, Any]) -> str:
    """Fitted exponents, and how well memory was told before."""
    table = [["what grows", "from", "time", "memory", "memory of the batch"]]
    for name, curve in record["curves"].items():
        fits = [curve["exponents"][kind] for kind in ("time", "memory", "memory of the batch")]
        table.append([name, f"{curve['grows']} {curve['knee']}", *("" if p is None else f"{p:.2f}" for p in fits)])
    short = max(v for curve in record["curves"].values() for v in curve.get("short_batches", {}).values())
    return f"""{lines(table)}

Exponents p of time ~ size^p, from the size on that is named. An example of a short last batch costs at most {short:.2f}
times what it costs in the power of two beside it, in steps of a millisecond and more; in shorter ones the calls cost as
much for fewer examples. Memory stays within 5 % and 0.3 MB of what `net.summary` says: the 0.3 MB are Python's objects
and NumPy's buffers, and the smallest networks take less themselves. {told(record)}"""


def threads(record: dict[str, Any]) -> str:
    """What the rule loses against the best choice."""
    flops = [row["flops"] / 1e6 for row in record["rows"]]
    return (
        f"Over {len(flops)} networks from {min(flops):,.1f} to {max(flops):,.0f} MFLOP a step the rule's choice takes "
        f"{record['regret_mean']:.2f} times as long as the best of the three in the geometric mean, "
        f"{record['regret_most']:.2f} times at most. {told(record)}"
    )


def limits(record: dict[str, Any]) -> str:
    """What stands in the way of the targets that are missed."""
    found = {name: dict(row) for name, row in record["least_s"].items()}
    share, w1, w2, w4 = found["W4"].pop("share of the products"), *(found[k] for k in ("W1", "W2 adam", "W4"))
    table = [
        ["part of a step, by itself", "least", "the whole step"],
        ["W1: its calls of NumPy, written out in one function", w1["written out"], w1["step"]],
        ["W2, Adam: the update in blocks of 32,768", w2["blocks of 32768"], ""],
        ["W2, Adam: the update in blocks of 65,536", w2["blocks of 65536"], w2["step"]],
        ["W8a: its three products on one thread", found["W8a on 1"]["products"], ""],
        ["W8a: its three products on two threads", found["W8a on 2"]["products"], ""],
        ["W4: its products", w4["products"], w4["step"]],
    ]
    rows = [[f"{cell * 1e6:,.0f} µs" if isinstance(cell, float) else cell for cell in row] for row in table]
    return f"{lines(rows)}\n\nW4's products run at {share:.2f} of the rate of a product of 4096. {told(record)}"


def grading(record: dict[str, Any]) -> str:
    """A class of strangers, beside other graders."""
    ours, peers = record["ours"], record["peers"]
    table = [
        ["", "dlcourse grade"],
        ["notebooks of five exercises a minute", f"{ours['submissions_a_minute']:,.0f}"],
        ["one notebook, behind a new wall", span(ours["one_behind_a_new_wall_s"])],
        ["one notebook, the whole command", span(ours["command_for_one_s"]["median"])],
        ["a notebook with an endless loop, the whole command", span(ours["endless_loop_s"])],
        ["memory of the main process", f"{ours['main_process_peak_MB']:.0f} MB"],
    ]
    other = [f"{n}: {p['seconds_a_submission']:.1f} s a notebook" for n, p in peers.items() if isinstance(p, dict)]
    return f"{lines(table)}\n\nIn the same run {' and '.join(other) or 'no other grader'}. {told(record)}"


def told(record: dict[str, Any]) -> str:
    where = f"`{record['machine']}`, {record['cores']} cores, {record['date'][:10]}"
    return f"{where}, load {record['load_before']:.1f} before{': a busy machine' if busy(record) else ''}."


def page() -> str:
    """All of it, between the marks of the page."""
    parts = ["### Whole trainings", trainings(newest("end-to-end")), "### How it grows", growth(newest("growth"))]
    parts += ["### What stands in the way", limits(newest("limits"))]
    parts += ["### The choice of step", threads(newest("threads")), "### Grading", grading(newest("grading"))]
    return "\n\n".join(parts)


def rewrite(path: Path = ROOT / "docs/performance.md") -> None:
    """Put them where the page has its marks."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    path.write_text(f"{before}{BEGIN}\n{page()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
