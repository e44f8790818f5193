"""docs/coverage.md: every sentence of the course that is claimed as shown is asserted by a cell, on every run."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "coverage.md"
ROW = re.compile(r"\| (S\d+)[^|]* \| ([^|]+) \| \[([^\]]+)\]\(([^)]+)\) `([^`]+)` \| ([^|]+) \|")
ROWS = ROW.findall(TABLE.read_text(encoding="utf-8"))


def test_the_table_is_read_whole():
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| S")]
    assert len(ROWS) == len(lines) >= 6
    assert {row[0] for row in ROWS} >= {"S1", "S2", "S6", "S7", "S13"}


@pytest.mark.parametrize("number, sentence, title, link, cell, prints", ROWS, ids=[f"{r[0]} {r[4]}" for r in ROWS])
def test_the_cell_is_there_is_compared_and_prints_it(number, sentence, title, link, cell, prints):
    path = (TABLE.parent / link).resolve()
    cells = {c["id"]: c for c in json.loads(path.read_text(encoding="utf-8"))["cells"]}
    assert cell in cells, f"{number}: {path.name} has no cell {cell}"
    assert "nbval-check-output" in cells[cell]["metadata"].get("tags", [])
    printed = "".join("".join(output.get("text", "")) for output in cells[cell]["outputs"])
    assert prints in printed.splitlines() and prints.endswith(": True")
    assert path.name[:2] == title[:2]


@pytest.mark.parametrize("number, sentence, title, link, cell, prints", ROWS, ids=[f"{r[0]} {r[4]}" for r in ROWS])
def test_a_learner_has_the_same_cell(number, sentence, title, link, cell, prints):
    path = (TABLE.parent / link.replace("solutions", "notebooks")).resolve()
    assert cell in [c["id"] for c in json.loads(path.read_text(encoding="utf-8"))["cells"]]
