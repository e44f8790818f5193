"""What the documents point to exists, and what they say in code runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import laws
import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.M | re.S)


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """The names that headings get when a page is shown."""
    heads = re.findall(r"^#+\s+(.*?)\s*$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def broken_links(text: str, page: Path) -> list[str]:
    """Relative links whose file, or whose heading, is not there."""
    broken = []
    for link in LINK.findall(without_code(text)):
        path, _, anchor = unquote(link).partition("#")
        if re.match(r"[a-z][a-z0-9+.-]*:", path):
            continue
        target = page.parent / path if path else page
        there = target.read_text("utf-8") if target.is_file() and target.suffix == ".md" else ""
        there = text if target == page else there
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(there)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_relative_link_points_to_something(page):
    assert not broken_links(page.read_text("utf-8"), page)


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "a.md"
    (tmp_path / "b.md").write_text("# A head, with `code`\n")
    text = "[x](b.md) [y](c.md) [z](b.md#a-head-with-code) [q](b.md#none) [w](https://a.org/c) `[v](d.md)` [p](#top)\n"
    page.write_text(text := text + "# Top\n")
    assert broken_links(text, page) == ["c.md", "b.md#none"]


def test_the_reading_order_needs_no_file_that_comes_later():
    text = (ROOT / "docs/reading-order.md").read_text("utf-8").split("\nThen, in any order")[0]
    files = [(ROOT / "docs" / link).resolve() for link in LINK.findall(text)]
    modules = [laws.module_of(f.relative_to(ROOT).as_posix()) for f in files]
    assert len(modules) > 15
    for i, (file, module) in enumerate(zip(files, modules)):
        needed = {name for name, _, _ in laws.imports(file.read_text("utf-8"), file.relative_to(ROOT).as_posix())}
        later = [m for m in modules[i + 1 :] if any(f"{name}.".startswith(f"{m}.") for name in needed)]
        assert not later, f"{module} needs {later}"


def blocks(page: Path, language: str) -> list[str]:
    return [code for found, code in FENCE.findall(page.read_text("utf-8")) if found == language]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_python_in_the_documents_runs(page, tmp_path):
    """All blocks of a page marked python, in one process from top to bottom."""
    code = "\n".join(blocks(page, "python"))
    if not code:
        return
    run = [sys.executable, "-W", "error", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{code}\n{done.stderr[-2000:]}"


def test_blocks_are_found():
    text = "a\n```python\nx = 1\n```\n```bash\nls\n```\n```\nplain\n```\n"
    assert FENCE.findall(text) == [("python", "x = 1\n"), ("bash", "ls\n"), ("", "plain\n")]
