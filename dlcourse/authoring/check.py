"""Are the committed notebooks those that a fresh build would give? Nothing is executed."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path

from .notebook import MOST_BYTES, completed, learners, lines, load
from .openings import marker_problem, solution_lines
from .source import Cell

UNWANTED = {"is not ready": r"^✗ Not ready", "shows a memory address": r"\bat 0x[0-9a-f]{6,}"}


def sources_problems(cells: list[Cell]) -> list[str]:
    """Mistakes in the source itself: markers, solutions outside exercises, and lines that a learner would be given."""
    found = [f"cell {c.id}: {problem}" for c in cells if c.kind == "code" and (problem := marker_problem(c.text))]
    found += [f"cell {c.id}: a solution in a cell that is no exercise" for c in cells if not c.exercise and _solves(c)]
    found += [f"cell {c.id}: an exercise without a solution" for c in cells if c.exercise and not _solves(c)]
    return found + leaks(cells, learners(cells))


def _solves(cell: Cell) -> bool:
    return cell.kind == "code" and "### BEGIN SOLUTION" in cell.text


def leaks(cells: list[Cell], notebook: dict) -> list[str]:
    """Lines of solutions, and markers, that stand in a learner's notebook."""
    secret = set().union(*(solution_lines(c.text) for c in cells if c.kind == "code"))
    given = [(c, row.strip()) for c in notebook["cells"] for row in lines(c["source"])]
    markers = [(c, row) for c, row in given if row.startswith("### ") and c["cell_type"] == "code"]
    told = [(c, row) for c, row in given if row.strip("`") in secret]
    return [f"cell {c['id']}: gives away {row!r}" for c, row in told + markers]


def notebook_problems(cells: list[Cell], learner_path: Path, solution_path: Path) -> list[str]:
    """How the two committed notebooks differ from a fresh build in source, structure and metadata."""
    learner, solution = load(learner_path), load(solution_path)
    found = difference(learners(cells), learner, learner_path)
    found += difference(completed(cells), solution, solution_path)
    found += leaks(cells, learner)
    found += [f"{learner_path}: cell {c.get('id')} has outputs" for c in learner["cells"] if _ran(c)]
    found += _outputs_problems(solution, solution_path)
    sizes = [(p, p.stat().st_size) for p in (learner_path, solution_path)]
    return found + [f"{p}: {size:,} bytes, at most {MOST_BYTES:,}" for p, size in sizes if size > MOST_BYTES]


def _ran(cell: dict) -> bool:
    return bool(cell.get("outputs")) or cell.get("execution_count") is not None


def _outputs_problems(solution: dict, path: Path) -> list[str]:
    """A solution has been run from top to bottom, and nothing went wrong."""
    code = [c for c in solution["cells"] if c["cell_type"] == "code"]
    found = []
    if [c.get("execution_count") for c in code] != list(range(1, len(code) + 1)):
        found.append(f"{path}: not run from top to bottom")
    return found + outputs_problems(solution, path)


def outputs_problems(solution: dict, path: Path) -> list[str]:
    """Errors, complaints and memory addresses in what the cells printed."""
    code = [c for c in solution["cells"] if c["cell_type"] == "code"]
    found = []
    for cell in code:
        for output in cell.get("outputs", ()):
            text = "".join(output.get("text", "")) + "".join(output.get("data", {}).get("text/plain", ""))
            wrong = [why for why, sign in UNWANTED.items() if re.search(sign, text)]
            wrong += ["ended in an error"] * (output.get("output_type") == "error")
            wrong += [f"complains: {text.strip()[:200]}"] * (output.get("name") == "stderr")
            found += [f"{path}: cell {cell['id']} {why}" for why in wrong]
    return found


def difference(fresh: dict, committed: dict, path: Path) -> list[str]:
    """A readable difference of everything but outputs, or nothing."""
    old, new = _structure(committed), _structure(fresh)
    if old == new:
        return []
    shown = list(difflib.unified_diff(old, new, "committed", "fresh build", lineterm="", n=2))
    rest = [f"... and {len(shown) - 60} lines more"] if len(shown) > 60 else []
    return [f"{path} is not what its source gives:\n" + "\n".join(f"    {row}" for row in shown[:60] + rest)]


def _structure(notebook: dict) -> list[str]:
    """Every cell as lines of text, in order, without outputs."""
    kept = ("cells", "metadata", "nbformat", "nbformat_minor")
    rows = [json.dumps({k: notebook.get(k) for k in kept[1:]}, sort_keys=True)]
    rows += [f"unexpected {k}" for k in sorted(notebook.keys() - set(kept))]
    for cell in notebook["cells"]:
        rows.append(f"--- {cell['cell_type']} {cell.get('id')} {json.dumps(cell['metadata'], sort_keys=True)}")
        rows += [row.rstrip("\n") for row in lines(cell["source"])]
    return rows
