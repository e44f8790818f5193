"""What every test shares: a work folder of its own, the backends, and a header that says which tests need a GPU."""

from __future__ import annotations

import datetime
import functools
import importlib.util
import json
import os
import subprocess
from pathlib import Path

import hypothesis
import pytest

from dlcourse.backends import Backend, get_backend

HERE = Path(__file__).parent
RECORDS = HERE.parent / "benchmarks" / "records"

# On a bare checkout with a GPU, `pytest -m gpu` needs none of these packages: what needs them is not collected there.
NEEDS = {
    "authoring": ("jupytext", "nbclient", "nbformat"),
    "grading": ("nbformat",),
    "lesson": ("IPython", "ipywidgets"),
    "notebooks": ("nbformat", "playwright"),
    "plots": ("matplotlib",),
}
LEFT_OUT = {
    folder: missing
    for folder, packages in NEEDS.items()
    if (missing := [p for p in packages if importlib.util.find_spec(p) is None])
}
collect_ignore = sorted(LEFT_OUT)

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.register_profile("wide", max_examples=1000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


# ---- fixtures


@pytest.fixture(autouse=True, scope="session")
def work_folder(tmp_path_factory: pytest.TempPathFactory):
    """No test ever writes into a learner's work folder."""
    folder = tmp_path_factory.mktemp("dlcourse-work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLCOURSE_WORK", str(folder))
        yield folder


@functools.cache
def why_no_gpu() -> str:
    """The reason why tests on a GPU cannot run here; empty where they can."""
    try:
        get_backend("cupy")
    except (ImportError, RuntimeError) as why:
        return str(why.__cause__ or why)
    return ""


def backend_named(name: str) -> Backend:
    if name == "fake":
        from dlcourse.backends.fake import FAKE

        return FAKE
    return get_backend(name)


@pytest.fixture(params=["numpy", "fake", pytest.param("cupy", marks=pytest.mark.gpu)])
def backend(request: pytest.FixtureRequest) -> Backend:
    """NumPy, the fake device, and CuPy where there is a GPU."""
    return backend_named(request.param)


@pytest.fixture(params=["fake", pytest.param("cupy", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> Backend:
    """The backends whose numbers lie on a device: the fake one, and CuPy where there is a GPU."""
    return backend_named(request.param)


# ---- what a run says about the GPU


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--gpu-record", action="store_true", help="write benchmarks/records/gpu-tests-DEVICE-DATE.json")


def pytest_report_header() -> list[str]:
    left = [
        f"not collected: tests/{folder} ({', '.join(missing)} not installed)" for folder, missing in LEFT_OUT.items()
    ]
    return [f"GPU: {why_no_gpu() or device_name()}; {last_run()}", *left]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips here, not in the tests, so that the summary has one line for all of them."""
    if item.get_closest_marker("gpu") and why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")


def pytest_report_collectionfinish(items: list[pytest.Item]) -> str:
    count = sum(item.get_closest_marker("gpu") is not None for item in items)
    return f"GPU: {count} of these tests need one{' and are skipped' if count and why_no_gpu() else ''}"


def device_name() -> str:
    import cupy

    return cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()


def last_run() -> str:
    """When and where the gpu tests last ran, by the newest record."""
    records = [json.loads(path.read_text()) for path in RECORDS.glob("gpu-tests-*.json")]
    if not records:
        return "the gpu tests have never run on a GPU yet"
    last = max(records, key=lambda record: record["date"])
    return (
        f"the gpu tests last ran {last['date']} on {last['device']}, commit {last['commit']}: "
        f"{last['passed']} passed, {last['failed']} failed"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--gpu-record") or why_no_gpu():
        return
    ran = {
        kind: sum("gpu" in report.keywords for report in terminalreporter.stats.get(kind, []))
        for kind in ("passed", "failed")
    }
    name, today = device_name(), datetime.date.today().isoformat()
    path = RECORDS / f"gpu-tests-{name.replace(' ', '-')}-{today}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"device": name, "date": today, "commit": commit(), **ran}, indent=1) + "\n")
    terminalreporter.write_line(f"GPU: recorded in {path}")


def commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"
