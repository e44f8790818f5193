"""The house keeps its laws: read from the sources, and each law shown something that it must refuse."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import laws
import pytest

import dlcourse

ROOT = Path(__file__).parents[1]
SOURCES = {p.relative_to(ROOT).as_posix(): p.read_text("utf-8") for p in sorted((ROOT / "dlcourse").rglob("*.py"))}
ENGINE = {path: text for path, text in SOURCES.items() if path.startswith(("dlcourse/nn/", "dlcourse/training/"))}
FUNCTIONAL = {path: text for path, text in SOURCES.items() if path.startswith("dlcourse/nn/functional/")}
LAYERS = {path: text for path, text in SOURCES.items() if path.startswith("dlcourse/nn/layers/")}

LAWS = [
    (laws.star_imports, SOURCES),
    (laws.upward_imports, SOURCES),
    (laws.blind_imports, SOURCES),
    (laws.foreign_imports, SOURCES),
    (laws.arithmetic, LAYERS),
    (laws.too_long, SOURCES),
    (laws.long_bodies, ENGINE),
    (laws.many_parameters, SOURCES),
    (laws.docstrings, SOURCES),
    (laws.equations, FUNCTIONAL),
]


@pytest.mark.parametrize("law, files", LAWS, ids=[law.__name__ for law, _ in LAWS])
def test_the_law_is_kept(law, files):
    assert files
    complaints = [c for path, text in files.items() for c in law(text, path)]
    assert not complaints, "\n" + "\n".join(complaints)


NINE = "class A:\n    def __init__(self, a, b, c, d, e, f, g, h, i): 0"
MODULE = '"""A module of things."""\n'
OPERATION = 'def f(x, *, y=None):\n    """{}"""'
BAD = [  # law, where, a source that it must refuse, one that it must accept
    (laws.star_imports, "dlcourse/nn/x.py", "from .ops import *", "from .ops import table"),
    (laws.star_imports, "dlcourse/nn/x.py", "def f():\n    if 1:\n        from math import *", "import math"),
    (laws.upward_imports, "dlcourse/nn/x.py", "from ..training import steps", "from ..backends import NUMPY"),
    (laws.upward_imports, "dlcourse/data/x.py", "def f():\n    import dlcourse.lesson.start", "import dlcourse.nn.ops"),
    (laws.upward_imports, "dlcourse/nn/layers/x.py", "from ...plots import show", "from ..ops import table"),
    (laws.upward_imports, "dlcourse/nn/x.py", "from dlcourse import Network", "from dlcourse.nn import ops"),
    (laws.blind_imports, "dlcourse/nn/functional/x.py", "from ..layers import Dense", "from .dense import dense"),
    (laws.blind_imports, "dlcourse/nn/functional/x.py", "from .. import network", "from . import dense"),
    (laws.blind_imports, "dlcourse/training/optimizers.py", "from ..nn.network import Network", "import math"),
    (laws.blind_imports, "dlcourse/backends/numpy.py", "from ..nn import ops", "from .base import Backend"),
    (laws.foreign_imports, "dlcourse/nn/x.py", "import cupy as cp", "import numpy as np"),
    (laws.foreign_imports, "dlcourse/data/x.py", "def f():\n    from numba import njit", "import numpy as np"),
    (laws.foreign_imports, "dlcourse/lesson/x.py", "def f():\n    from cupyx import jit", "import IPython"),
    (laws.foreign_imports, "dlcourse/training/steps.py", "def f():\n    from mpi4py import MPI", "import threading"),
    (laws.foreign_imports, "dlcourse/training/comm.py", "import mpi4py", "def f():\n    import mpi4py"),
    (laws.foreign_imports, "dlcourse/training/hooks.py", "import tqdm", "def f():\n    import tqdm"),
    (laws.foreign_imports, "dlcourse/nn/x.py", "def f():\n    import scipy.special", "import math"),
    (laws.arithmetic, "x.py", "def forward(self, x): return x @ self.W", "def forward(self, x): return self.f(x)"),
    (laws.arithmetic, "x.py", "def backward(self, dy): dy *= 2", "def shape(self, x): return x[0] * 2"),
    (laws.arithmetic, "x.py", "def backward(self, dy): return dy.sum(0)", "def backward(self, dy): self.ops.sum(dy)"),
    (laws.arithmetic, "x.py", "def forward(self, x): return np.exp(x)", "def forward(self, x): f(self.op + '_b')"),
    (laws.arithmetic, "x.py", "def forward(self, x): return -x", "def forward(self, x): return x[-1]"),
    (laws.too_long, "x.py", "a = 1\n" * 301, "a = 1\n" * 300),
    (laws.long_bodies, "x.py", "def f():\n" + "    a = 1\n" * 26, "def f():\n" + "    a = 1\n    # why\n" * 25),
    (laws.many_parameters, "x.py", "def f(a, b, c, d, e, f, g, h): 0", "def f(a, b, c, d, e, f, g, *, y=None): 0"),
    (laws.many_parameters, "x.py", "def f(a, b, c, d, e, f, *, g=1, h=2): 0", NINE),
    (laws.docstrings, "x.py", MODULE + "def f(): 0", MODULE + "def _f(): 0"),
    (laws.docstrings, "x.py", "a = 1", '"""A module of things."""'),
    (laws.docstrings, "x.py", '"""stuff"""', '"""y = x + 1"""'),
    (laws.docstrings, "x.py", MODULE + 'class A:\n  """Frobs."""', MODULE + 'class A:\n  """What is frobbed."""'),
    (laws.equations, "x.py", OPERATION.format("Computes y from x."), OPERATION.format("y = 2 x    x (B,) -> y (B,)")),
    (laws.homes, "x.md", "see " + "/home" + "/ann/x.py", "see work/x.py and https://a.org/home/ann"),
    (laws.homes, "x.py", "'" + "/tmp" + "/a.txt'", "'a/tmp/a.txt' + 'tmp/'"),
]  # fmt: skip


@pytest.mark.parametrize("law, path, bad, good", BAD, ids=[f"{law.__name__}-{i}" for i, (law, *_) in enumerate(BAD)])
def test_the_law_refuses_what_is_bad_and_accepts_what_is_good(law, path, bad, good):
    assert law(bad, path) and not law(good, path)


def test_every_law_has_been_shown_something_bad():
    assert {law for law, _ in LAWS} | {laws.homes} == {law for law, *_ in BAD}


# ---- laws about many files at once


GUESTS = "checkpoints failure gradcheck hooks initializers schedules storage summary swap tape verdict".split()


def test_what_a_training_step_passes_through_stays_a_days_reading():
    """docs/decisions.md 17: the engine proper, and its guests, which a step never meets."""
    count = {path: len(laws.code_lines(text)) for path, text in ENGINE.items()}
    guests = {path: n for path, n in count.items() if Path(path).stem in GUESTS}
    assert len(guests) == len(GUESTS)
    assert sum(count.values()) - sum(guests.values()) <= 2000, sorted(count.items(), key=lambda item: -item[1])
    assert sum(guests.values()) <= 850, guests


COMPILED = [p for p in SOURCES if p.startswith("dlcourse/backends/numba_") and not p.endswith("_kernel.py")]


def test_the_compiled_bodies_stay_within_500_lines():
    """docs/decisions.md 26"""
    count = {path: len(laws.code_lines(SOURCES[path])) for path in COMPILED}
    assert len(count) > 3 and sum(count.values()) <= 500, count


def test_code_is_counted_without_docstrings_comments_and_blank_lines():
    source = '"""A\ndocstring."""\n\nx = 1  # why\n# a comment\n\n\n'
    source += 'def f(a,\n      b):\n    """Doc\n\n    more."""\n    return """two\nlines"""\n'
    assert laws.code_lines(source) == {4, 8, 9, 13, 14}
    assert laws.body_lengths(source) == {"f:8": 2}


def test_bodies_are_short():
    complaints = laws.distribution([n for text in ENGINE.values() for n in laws.body_lengths(text).values()])
    assert not complaints, complaints


def test_the_distribution_of_lengths_is_refused_when_it_is_bad():
    assert not laws.distribution([5] * 60 + [15] * 31 + [25] * 9)
    assert "median" in laws.distribution([1] * 49 + [6] * 51)[0]
    assert "tenth" in laws.distribution([1] * 89 + [16] * 11)[0]


def lint(folder):
    command = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    return subprocess.run([sys.executable, "-c", command], cwd=folder, capture_output=True, text=True, timeout=120)


def test_the_import_contracts_hold():
    pytest.importorskip("importlinter", reason="needs import-linter")
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    kept = re.search(r"Contracts: (\d+) kept, 0 broken", done.stdout)
    assert int(kept.group(1)) == len(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    )


def test_a_broken_contract_is_found(tmp_path):
    """The project's own contracts, over a package whose equations look up at a layer."""
    pytest.importorskip("importlinter", reason="needs import-linter")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for path in SOURCES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    (tmp_path / "dlcourse/nn/functional/dense.py").write_text("from ..layers import dense\n")
    done = lint(tmp_path)
    assert done.returncode == 1 and "The equations never see a layer BROKEN" in done.stdout, done.stdout + done.stderr


# ---- the front door


def fresh(code):
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_import_dlcourse_loads_no_plots_no_widgets_and_no_gpu():
    loaded = set(fresh("import sys, dlcourse; print(*sys.modules)").split())
    assert not loaded & {"cupy", "ipywidgets", "IPython", "matplotlib", "scipy", "torch", "pooch", "tqdm"}


def test_training_loads_no_plots_no_widgets_and_no_gpu():
    names = "Dense, Momentum, Network, SerialStep, SoftmaxCrossEntropy, fit"
    code = f"import sys; from dlcourse import {names}; print(*sys.modules)"
    assert not set(fresh(code).split()) & {"cupy", "ipywidgets", "IPython", "matplotlib", "scipy", "torch", "pooch"}


def test_import_dlcourse_takes_at_most_150_milliseconds():
    """The smallest of several fresh processes; starting Python itself is not counted."""
    code = "import time; t = time.perf_counter(); import dlcourse; print(time.perf_counter() - t)"
    assert min(float(fresh(code)) for _ in range(5)) <= 0.15


def test_every_exported_name_exists():
    for name in dlcourse.__all__:
        assert getattr(dlcourse, name) is not None, name
    with pytest.raises(AttributeError, match="no 'Dens'"):
        dlcourse.Dens  # noqa: B018


MODULES = [m.name for m in pkgutil.walk_packages(dlcourse.__path__, "dlcourse.") if not m.name.endswith("__main__")]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported_and_keeps_the_promise_of_its_all(name):
    for package in ("cupy", "numba"):
        if name.startswith(f"dlcourse.backends.{package}"):
            pytest.importorskip(package, reason=f"needs {package}", exc_type=ImportError)
    module = importlib.import_module(name)
    missing = [n for n in getattr(module, "__all__", []) if not hasattr(module, n)]
    assert not missing


# ---- every tracked file


def tracked():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if done.returncode:
        pytest.skip("needs a git checkout")
    for name in filter(None, done.stdout.decode().split("\0")):
        data = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in data:
            yield name, data.decode("utf-8")


def test_no_file_knows_where_somebody_keeps_their_files():
    complaints = [c for name, text in tracked() for c in laws.homes(text, name)]
    assert not complaints, "\n".join(complaints)
