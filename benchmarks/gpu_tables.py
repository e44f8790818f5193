"""What README.md and docs/gpu-performance.md say of speed on a GPU: the newest record's figures, or that there is none.

What arithmetic predicts is told as a prediction and never as a measurement. A dry run is refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cpu_tables import ROOT, cell, lines, replaced, span
from gpu_verdict import COMPILED, EAGER, GRAPH, JAX, OURS, best, ratio
from gpu_workloads import BANDWIDTH, CACHE, CARD, PEAK, cases, parameters, predicted

PEERS = {EAGER: "PyTorch eager", COMPILED: "PyTorch compiled", GRAPH: "PyTorch, one graph", JAX: "JAX jit"}
SOURCES = (
    "[peaks without sparsity](https://glennklockwood.com/garden/processors/h100), "
    "[bandwidth](https://itkb.uw.cz/2026/06/nvidia-h200-vs-b300-precisions-cores.html), "
    "[cache](https://chipsandcheese.com/2023/07/02/nvidias-h100-funny-l2-and-tons-of-bandwidth/)"
)
NONE = "No run on a GPU is recorded yet, so no speed on a GPU is told."


def newest(folder: Path) -> dict[str, Any] | None:
    """The last record of this benchmark; None where there is none. Those of the tests are of another kind."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("gpu-*.json")]
    return max((r for r in found if r.get("kind") == "gpu"), key=lambda record: record["date"], default=None)


def rewrite(record: dict[str, Any] | None, root: Path = ROOT) -> None:
    """Put the tables where the pages have their marks."""
    for page, make in PAGES.items():
        path = root / page
        path.write_text(replaced(path.read_text(encoding="utf-8"), make(record), "gpu"), encoding="utf-8")


def real(record: dict[str, Any]) -> dict[str, Any]:
    """The record, unless it comes from a dry run."""
    if record["dry"]:
        raise ValueError("this record comes from a dry run, with tiny sizes on no GPU: no table is made from it")
    return record


# ---- what stands in them


def short(record: dict[str, Any] | None) -> str:
    """For the README."""
    if record is None:
        return f"{NONE} [What arithmetic predicts, and the command that measures](docs/gpu-performance.md)."
    return f"{ratios(real(record))}\n\n{where(record)}"


def long(record: dict[str, Any] | None) -> str:
    """For the page."""
    if record is None:
        parts = [f"{NONE} `python benchmarks/gpu.py --record` measures and writes the record."]
    else:
        real(record)
        parts = [where(record), ratios(record), "### Times", times(record), "### Inference", ratios(record, False)]
        parts += ["### MNIST to 97 %", mnist(record), "### Losses", losses(record), "### Targets", targets(record)]
        parts += ["### Not measured", absent(record)]
    return "\n\n".join([*parts, "### What arithmetic predicts", prediction()])


def prediction() -> str:
    """A floor for each case by the datasheet of one card. Nothing here is measured."""
    table = [["prediction for", "GFLOP", "precision", "FLOP ÷ peak", "bytes ÷ bandwidth", "at least"]]
    for case in cases().values():
        for precision in case.precisions:
            found = predicted(case.w, precision)
            each = [span(found[k]) if found[k] else "cached" for k in ("products_s", "parameters_s", "at_least_s")]
            table.append([f"{case.w.name}: {case.w.what}", f"{case.w.flops() / 1e9:,.3g}", precision, *each])
    peaks = ", ".join(f"{precision} {peak / 1e12:.0f}" for precision, peak in PEAK.items())
    giant = parameters(cases()["G5"].w)
    return (
        f"Predictions, not measurements: what an {CARD} takes at least if it reaches {peaks} TFLOP/s and "
        f"{BANDWIDTH / 1e12} TB/s, as its datasheet promises ({SOURCES}). The bytes are those that Adam reads and "
        f"writes, 28 for each parameter, 30 with a 16-bit copy, and for inference the weights once; where they fit in "
        f"the cache of {CACHE / 1e6:.0f} MB, they are not counted. Activations are left out. G5 has {giant:,} "
        f"parameters. G1, G2 and the small batches of G6 wait for launches, of which no datasheet tells: expect many "
        f"times this.\n\n"
        f"{lines(table)}"
    )


def trained(record: dict[str, Any], trains: bool = True) -> list[tuple[str, str, dict, dict]]:
    """Name with precision, what it is, rows, and the whole measurement."""
    return [
        (f"{name} {precision}", case["what"], one["implementations"], one)
        for name, case in record["cases"].items()
        for precision, one in case["measured"].items()
        if name.startswith("G6") != trains
    ]


def ratios(record: dict[str, Any], trains: bool = True) -> str:
    """Ours, and how often it is done while a peer is done once: with what the quartiles allow."""
    table = [["workload", OURS, *(f"to {name}" for name in PEERS.values())]]
    for name, what, rows, _ in trained(record, trains):
        mine = span(rows[OURS]["median_s"]) if OURS in rows else "not measured"
        table.append([f"{name}: {what}", mine, *(times_as_fast(ratio(rows, best(rows, kind))) for kind in PEERS)])
    return lines(table)


def times_as_fast(found: tuple[float, float, float] | None) -> str:
    return "" if found is None else f"{cell(found[0])} ({cell(found[1])} to {cell(found[2])})"


def times(record: dict[str, Any]) -> str:
    """Everybody's medians with quartiles, and TFLOP/s."""
    table = [["workload", "who", "median (quartiles)", "TFLOP/s", "blocks", "by"]]
    for trains in (True, False):
        for name, _, rows, one in trained(record, trains):
            for who, row in rows.items():
                spread = f"{span(row['median_s'])} ({span(row['q1_s'])} to {span(row['q3_s'])})"
                how = row["clock"] + ("" if one["interleaved"] else ", not in turns: memory")
                table.append([name, who, spread, f"{row['TFLOP_per_s']:.3g}", f"{row['blocks']}", how])
    return lines(table)


def losses(record: dict[str, Any]) -> str:
    """The first losses of each on the same batches: whoever computes the same has nearly the same."""
    table = [["workload", "who", "first losses", "largest relative error before"]]
    for name, _, rows, _ in trained(record):
        for who, row in rows.items():
            table.append([name, who, ", ".join(f"{v:.4f}" for v in row["losses"]), f"{row['error']:.1g}"])
    return lines(table)


def mnist(record: dict[str, Any]) -> str:
    table = [["who", "seconds until 97 %", "epochs", "an epoch", "made ready before"]]
    for who, run in record["mnist"].get("runs", {}).items():
        reached = "not reached" if run["seconds"] is None else span(run["seconds"])
        table.append([who, reached, f"{run['epochs']}", span(run["epoch_s"]), span(run["prepare_s"])])
    return f"{lines(table)}\n\n{record['mnist'].get('how', 'Not measured.')}."


def targets(record: dict[str, Any]) -> str:
    """All of them: they are made for one H200, whatever device this is."""
    table = [["target, for one H200", "found", "at least", ""]]
    for line in record["targets"]:
        said = ("holds" if line["holds"] else "missed") + ("" if line["sure"] else ", within the spread")
        table.append([line["what"], times_as_fast((line["found"], *line["spread"])), cell(line["floor"]), said])
    return lines(table)


def absent(record: dict[str, Any]) -> str:
    """Who and what was not measured, and why."""
    said = [f"- {who}: {reason}" for who, reason in record["not_measured"].items()]
    for name, case in record["cases"].items():
        said += [f"- {name} {what}: {reason}" for what, reason in case["skipped"].items()]
        for precision, one in case["measured"].items():
            said += [f"- {who} on {name} {precision}: {reason}" for who, reason in one["refused"].items()]
    said += [f"- MNIST {who}: {reason}" for who, reason in record["mnist"].get("skipped", {}).items()]
    if "stopped" in record:
        said.append(f"- {record['stopped']}")
    return "\n".join(said) or "Everything was."


def where(record: dict[str, Any]) -> str:
    """One sentence: which device, when, which versions."""
    versions = ", ".join(f"`{name} {version}`" for name, version in record["versions"].items())
    clocks = ", ".join(f"{name} {value}" for name, value in record["clocks_before"].items())
    small = ", with reduced sizes" if record["reduced"] else ""
    return f"`{record['device']}`, {record['date'][:10]}{small}; {versions}; before the run {clocks}."


PAGES = {"README.md": short, "docs/gpu-performance.md": long}
