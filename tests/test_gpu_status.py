"""docs/gpu-status.md: every command in it can be typed, and no file with tests for a GPU is left out."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dlcourse import cli

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gpu-status.md"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
MARKERS = [line.partition(":")[0] for line in PROJECT["tool"]["pytest"]["ini_options"]["markers"]]
OPTIONS = re.findall(r'addoption\("(--[\w-]+)"', (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
PROGRAMS = ("pytest", "pip", "dlcourse", "python")
LIBRARIES = r"nvidia-\w+(-\w+)*|cupy-cuda\d+x"


def commands(text: str) -> list[str]:
    """What stands in the last column of the tables, and in blocks."""
    cells = re.findall(r"^\|.*\| `([^`]+)` \|$", text, re.M)
    return cells + re.findall(r"^    (.+)$", text, re.M)


def wrong(command: str) -> str:
    """What is wrong with a command; "" where nothing is."""
    for part in re.split(r" && ", command):
        words = shlex.split(part)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        if not words or words[0] not in PROGRAMS:
            return f"{part}: not one of {', '.join(PROGRAMS)}"
        if said := {"pytest": _pytest, "pip": _pip, "dlcourse": _dlcourse, "python": _python}[words[0]](words[1:]):
            return f"{part}: {said}"
    return ""


def _pytest(words: list[str]) -> str:
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "-m":
            if (marker := words.pop(0)) not in MARKERS:
                return f"no marker {marker}"
        elif word.startswith("-"):
            if word not in OPTIONS:
                return f"no option {word}"
        else:
            path, _, test = word.partition("::")
            if not (ROOT / path).exists():
                return f"no file {path}"
            if test and f"def {test}(" not in (ROOT / path).read_text(encoding="utf-8"):
                return f"no test {test}"
    return ""


def _pip(words: list[str]) -> str:
    action, wanted = words[0], [word for word in words[1:] if word not in ("-e", "-y")]
    for word in wanted:
        course = re.fullmatch(r"\.(?:\[([\w,]+)\])?", word)
        if course and action == "install":
            if absent := set((course[1] or "test").split(",")) - set(EXTRAS):
                return f"no extra {' '.join(absent)}"
        elif not re.fullmatch(LIBRARIES, word):
            return f"{word} is none of ours"
    return "" if wanted and action in ("install", "uninstall") else "installs nothing"


def _dlcourse(words: list[str]) -> str:
    return "" if cli.check(words, "dlcourse") is None else "refused"


def _python(words: list[str]) -> str:
    if words[0].endswith(".py"):
        text = (ROOT / words[0]).read_text(encoding="utf-8") if (ROOT / words[0]).is_file() else ""
        unknown = [word for word in words[1:] if f'add_argument("{word}"' not in text]
        return f"no option {' '.join(unknown)}" if text and unknown else "" if text else f"no file {words[0]}"
    try:
        ast.parse(words[1] if words[0] == "-c" else "no program")
    except SyntaxError as error:
        return str(error)
    return ""


def left_out(files: set[str], text: str) -> list[str]:
    """The files that no command names, nor a folder above them."""
    named = {word for command in commands(text) for word in command.split() if word.startswith("tests/")}
    return sorted(f for f in files if not named & {f, *(folder.as_posix() for folder in Path(f).parents)})


def test_every_command_can_be_typed():
    found = commands(PAGE.read_text(encoding="utf-8"))
    assert len(found) > 10
    assert not [said for command in found if (said := wrong(command))]


@pytest.mark.parametrize("command, said", [
    ("pytest -m gpus tests", "no marker gpus"), ("pytest tests/no_such.py", "no file"),
    ("pytest --gpu-recrod", "no option"), ("python -m x", "invalid syntax"),
    ("pytest tests/test_timing.py::test_none", "no test test_none"), ("pip install -e '.[cuda99]'", "no extra cuda99"),
    ("pip install no-such-thing", "none of ours"), ("pip install", "installs nothing"), ("dlcourse docter", "refused"),
    ("python benchmarks/none.py", "no file"), ("python benchmarks/gpu.py --recrod", "no option --recrod"),
    ("python -c 'x ='", "invalid syntax"), ("rm -r x", "not one of"), ("dlcourse doctor && pip install", "installs"),
])  # fmt: skip
def test_a_command_that_cannot_be_typed_is_found(command, said, capsys):
    assert said in wrong(command)
    assert not wrong("A=1 dlcourse doctor && pytest -m gpu --gpu-record tests/test_timing.py")


def test_commands_are_found_in_tables_and_blocks():
    assert commands("| a | `b c` |\n    d e\n| `f` | g |\n") == ["b c", "d e"]


def test_every_file_with_a_test_for_a_gpu_is_on_the_page():
    run = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "--collect-only", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=300)
    files = set(re.findall(r"^(tests/\S+?\.py)::", done.stdout, re.M))
    assert len(files) >= 5, done.stdout[-1000:] + done.stderr[-1000:]
    assert not left_out(files, PAGE.read_text(encoding="utf-8"))


def test_a_file_that_is_left_out_is_found():
    text = "| a | `pytest -m gpu tests/a tests/b/test_x.py` |\n| b | `pip install -e . && dlcourse doctor` |\n"
    files = {"tests/a/c/test_y.py", "tests/b/test_x.py", "tests/b/test_z.py"}
    assert left_out(files, text) == ["tests/b/test_z.py"]


def test_the_page_says_never_as_long_as_there_is_no_record():
    records = list((ROOT / "benchmarks" / "records").glob("gpu-*.json"))
    assert ("none of this has run on a GPU" in PAGE.read_text(encoding="utf-8")) == (not records)
