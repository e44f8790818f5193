"""Cells into notebooks: one for a learner, one complete; executing, cleaning, writing."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..exercises import find
from .openings import complete, opened
from .source import Cell

MOST_BYTES = 500_000
TIMEOUT_S = 120
META = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class BuildError(Exception):
    """A lesson cannot be built; the sentence says why."""


# ---------------------------------------------------------------- making
def learners(cells: list[Cell]) -> dict:
    """Exercises open, nothing run."""
    return _notebook(cells, opened)


def completed(cells: list[Cell]) -> dict:
    """Exercises solved, not yet run."""
    return _notebook(cells, complete)


def _notebook(cells: list[Cell], change: Callable[[str], str]) -> dict:
    return {"cells": [_cell(c, change) for c in cells], "metadata": META, "nbformat": 4, "nbformat_minor": 5}


def _cell(cell: Cell, change: Callable[[str], str]) -> dict:
    text = change(cell.text) if cell.kind == "code" else cell.text
    made: dict[str, Any] = {"cell_type": cell.kind, "id": cell.id, "metadata": {}, "source": lines(text)}
    if cell.tags:
        made["metadata"]["tags"] = cell.tags
    if cell.exercise:
        made["metadata"] |= {"dlcourse": {"exercise": cell.exercise}, "nbgrader": _nbgrader(cell, solution=True)}
    if cell.uses:
        points = find(cell.uses).points
        made["metadata"] |= {"nbgrader": _nbgrader(cell, grade=True, locked=True) | {"points": points}}
        made["metadata"] |= {"deletable": False, "editable": False}
    return made | ({"execution_count": None, "outputs": []} if cell.kind == "code" else {})


def _nbgrader(cell: Cell, grade: bool = False, locked: bool = False, solution: bool = False) -> dict:
    """What nbgrader needs to know about a cell (its schema 3)."""
    said = {"grade": grade, "grade_id": cell.id, "locked": locked, "schema_version": 3, "solution": solution}
    return said | {"task": False, "cell_type": "code"} if grade else said | {"task": False}


def lines(text: str | list[str]) -> list[str]:
    """Text as notebooks keep it: one string for each line."""
    return text if isinstance(text, list) else text.splitlines(keepends=True)


# ---------------------------------------------------------------- executing
def execute(notebook: dict, root: Path, timeout_s: int = TIMEOUT_S) -> dict:
    """Run from top to bottom, in a work folder of its own and with no downloaded data, so that every author's run is
    the same."""
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    except ImportError as error:
        raise BuildError(
            f"{error.name} is missing: install what authors need with `pip install -e '.[author]'`"
        ) from None
    with tempfile.TemporaryDirectory(prefix="dlcourse-build-") as folder:
        node = nbformat.reads(dumps(notebook), as_version=4)
        client = NotebookClient(node, timeout=timeout_s, record_timing=False, resources={"metadata": {"path": folder}})
        try:
            client.execute(env=environment(Path(folder), root))
        except CellTimeoutError:
            raise BuildError(f"a cell took longer than {timeout_s} s") from None
        except (CellExecutionError, DeadKernelError) as error:
            raise BuildError(f"a cell failed:\n{error}") from None
        except RuntimeError as error:  # the kernel did not start
            raise BuildError(f"nothing was run: {error}") from None
        return cleaned(json.loads(nbformat.writes(node)))


def environment(folder: Path, root: Path) -> dict[str, str]:
    """What a notebook is built and tested in: this checkout, an empty work folder, no downloaded data."""
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    own = {"DLCOURSE_WORK": folder / "work", "DLCOURSE_DATA": folder / "data", "IPYTHONDIR": folder / "ipython"}
    return {**os.environ, "PYTHONPATH": path, **{name: str(place) for name, place in own.items()}}


def cleaned(notebook: dict) -> dict:
    """Pictures and text stay; times, widget views (they die on reopening) and what a front end adds go."""
    for cell in notebook["cells"]:
        cell["source"] = lines(cell["source"])
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            kept = [o for o in map(_output, cell["outputs"]) if WIDGET_VIEW not in o.get("data", {})]
            cell["outputs"] = _joined(kept)
    return {"cells": notebook["cells"], "metadata": META, "nbformat": 4, "nbformat_minor": 5}


def _joined(outputs: list[dict]) -> list[dict]:
    """What was printed in one go is one output, however the kernel cut it."""
    joined: list[dict] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" == last.get("output_type") and output["name"] == last["name"]:
            last["text"] = lines("".join(last["text"]) + "".join(output["text"]))
        else:
            joined.append(output)
    return joined


def _output(output: dict) -> dict:
    output.pop("transient", None)
    for name, value in output.get("data", {}).items():
        output["data"][name] = lines(value) if isinstance(value, str) else value
    if "text" in output:
        output["text"] = lines(output["text"])
    return output


# ---------------------------------------------------------------- reading and writing
def dumps(notebook: dict) -> str:
    """The one text of a notebook: same cells, same bytes."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write(notebook: dict, path: Path) -> None:
    """All or nothing: written beside, then put in place."""
    text = dumps(notebook)
    if (size := len(text.encode())) > MOST_BYTES:
        raise BuildError(
            f"{path.name} would have {size:,} bytes, at most {MOST_BYTES:,} are allowed: draw smaller pictures"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def load(path: Path) -> dict:
    """The notebook in this file, or one sentence why it cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
            raise ValueError("this is no notebook")
        return found
    except (OSError, ValueError) as error:
        raise BuildError(f"cannot read {path}: {error}") from None
