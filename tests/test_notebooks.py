"""Every notebook of the course, as it is delivered: built from its source, small, described, and it runs offline."""

import base64
import json
import os
import subprocess
import sys
import textwrap
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dlcourse.authoring import build
from dlcourse.authoring.facts import facts
from dlcourse.authoring.notebook import MOST_BYTES, completed, environment, write
from dlcourse.authoring.source import read

ROOT = Path(__file__).parents[1]
TREES = ("notebooks", "solutions")
SOURCES = sorted((ROOT / "solutions").glob("[0-9][0-9]_*.py"))
NOTEBOOKS = [ROOT / tree / f"{source.stem}.ipynb" for tree in TREES for source in SOURCES]
name = {"ids": lambda path: f"{path.parent.name}/{path.name}"}

# A network namespace needs a privilege; this does not: Python itself refuses every address but the machine's own.
NO_NETWORK = """\
import socket

def _refuse(*names, **_):
    raise OSError(f"the tests run without a network, asked for {names[:1]}")

def _guard(connect):
    def guarded(self, address, *rest):
        local = self.family == getattr(socket, "AF_UNIX", None) or str(address[0]) in ("127.0.0.1", "::1", "localhost")
        return connect(self, address, *rest) if local else _refuse(address)
    return guarded

socket.getaddrinfo = socket.gethostbyname = _refuse
socket.socket.connect = _guard(socket.socket.connect)
socket.socket.connect_ex = _guard(socket.socket.connect_ex)
"""


def outputs(path: Path) -> list[tuple[str, dict]]:
    """(cell id, output) of every output."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(c["id"], o) for c in cells if c["cell_type"] == "code" for o in c["outputs"]]


class Images(HTMLParser):
    """The images in a piece of HTML."""

    def __init__(self, markup: str):
        super().__init__()
        self.found: list[dict] = []
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.found.append(dict(attrs))


def test_there_is_a_course():
    assert SOURCES and SOURCES[0].stem == "00_start_here"


# ---------------------------------------------------------------- as built
def test_the_notebooks_are_those_that_the_sources_give(capsys):
    code = build.main(["--check"])
    assert code == 0, capsys.readouterr().err + "\nBuild them anew: dlcourse build"


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_length_and_rhythm(source):
    measured = facts(read(source.read_text(encoding="utf-8")))
    assert not measured.problems(), measured


@pytest.mark.parametrize("path", NOTEBOOKS, **name)
def test_it_is_small(path):
    assert path.stat().st_size <= MOST_BYTES


@pytest.mark.parametrize("path", NOTEBOOKS, **name)
def test_every_picture_is_described(path):
    for cell, output in outputs(path):
        data = output.get("data", {})
        assert not any(kind.startswith("image/") for kind in data), f"cell {cell}: a bare image; use show(figure)"
        for image in Images("".join(data.get("text/html", ""))).found:
            assert len(image.get("alt", "")) > 40, f"cell {cell}: an image without a description"
            assert image["alt"] == "".join(data["text/plain"]), f"cell {cell}: text and description differ"
            begins = base64.b64decode(image["src"].partition("base64,")[2])[1:4]
            assert begins == (b"svg" if "svg+xml" in image["src"] else b"PNG"), "the still of a live figure is SVG"


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_compared_cells_print_nothing_that_a_machine_changes(source):
    """No picture, and no trained figure: decimals stand in cells that are not compared."""
    cells = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    compared = [c for c in cells if "nbval-check-output" in c["metadata"].get("tags", ())]
    assert compared, "nothing in this lesson is compared"
    for cell in compared:
        assert [o["output_type"] for o in cell["outputs"]] == ["stream"], cell["id"]


# ---------------------------------------------------------------- as run
@pytest.fixture
def offline(tmp_path) -> dict[str, str]:
    """An environment with an empty work folder, no downloaded data, and a Python that refuses the network."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    env = environment(tmp_path, ROOT)
    for variable in ("http_proxy", "https_proxy", "all_proxy", "PYTEST_ADDOPTS"):
        env.pop(variable, None), env.pop(variable.upper(), None)
    return env | {"PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{env['PYTHONPATH']}", "MPLBACKEND": "agg"}


def test_offline_means_offline(offline):
    code = "import urllib.request as u; u.urlopen('http://example.org', timeout=3)"
    done = subprocess.run([sys.executable, "-c", code], env=offline, capture_output=True, text=True)
    assert done.returncode and "the tests run without a network" in done.stderr
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=3)"
    done = subprocess.run([sys.executable, "-c", code], env=offline, capture_output=True, text=True)
    assert done.returncode and "the tests run without a network" in done.stderr


def nbval(paths: list[Path], env: dict[str, str], folder: Path) -> subprocess.CompletedProcess:
    """Run notebooks under nbval: a cell that fails, or a compared cell that prints something else, is a failed test."""
    # pytest's own settings of this checkout are for this checkout's tests
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-c", str(folder / "pytest.ini"), "-p", "no:cacheprovider"]
    options = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120"]
    return subprocess.run([*command, *options, *map(str, paths)], env=env, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("tree", TREES)
def test_every_notebook_runs_from_top_to_bottom(tree, offline, tmp_path):
    done = nbval([p for p in NOTEBOOKS if p.parent.name == tree], offline, tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    cells = sum(c.kind == "code" for s in SOURCES for c in read(s.read_text(encoding="utf-8")))
    assert f"{cells} passed" in done.stdout, done.stdout[-500:]
    # what was written went into the work folder, if anywhere
    assert {p.name for p in tmp_path.iterdir()} <= {"data", "ipython", "pytest.ini", "site", "work"}


def test_a_changed_output_and_a_failing_cell_are_found(offline, tmp_path):
    """The tester is tested."""
    source = """\
        # %% [markdown]
        # # Wrong on purpose
        # %% tags=["nbval-check-output"]
        print(1 + 1)
        # %%
        1 / 0
        """
    wrong = completed(read(textwrap.dedent(source)))
    wrong["cells"][1] |= {
        "execution_count": 1,
        "outputs": [{"name": "stdout", "output_type": "stream", "text": ["3\n"]}],
    }
    write(wrong, tmp_path / "wrong.ipynb")
    done = nbval([tmp_path / "wrong.ipynb"], offline, tmp_path)
    assert done.returncode == 1 and "2 failed" in done.stdout, done.stdout[-3000:]
