"""The doctor names what is wrong and what mends it; the machine of each test is invented."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dlcourse import cli
from dlcourse.hardware import browser, doctor, gpu, mend
from dlcourse.hardware.row import Row

CUPY13, CUPY12 = ["cupy-cuda13x"], ["cupy-cuda12x"]
WORKS = {"cupy": "14.2.0", "name": "NVIDIA H100", "free": 80e9, "total": 84e9}


@pytest.mark.parametrize(
    "cuda, packages, kernel, card, what, state, says, mends",
    [
        (None, [], {}, False, "NVIDIA driver", "note", "none found", ""),
        (None, CUPY13, {}, False, "CuPy", "note", "not used without a GPU", ""),
        (None, [], {}, True, "NVIDIA driver", "red", "although there is an NVIDIA card", "nvidia-driver"),
        (11080, [], {}, True, "NVIDIA driver", "red", "supports CUDA 11.8, and the course needs CUDA 12", "525"),
        (12040, [], {}, True, "CuPy", "note", "not installed", "cuda12"),
        (13000, [], {}, True, "CuPy", "note", "not installed", "cuda13"),
        (14010, [], {}, True, "CuPy", "note", "not installed", "cuda13"),
        (12040, CUPY13, {}, True, "CuPy", "red", "for a newer CUDA than the driver's", "uninstall"),
        (13000, CUPY12 + CUPY13, {}, True, "CuPy", "red", "disturb each other", "cupy-cuda12x cupy-cuda13x"),
        (13000, CUPY12, WORKS, True, "GPU", "ok", "NVIDIA H100, 80.0 of 84.0 GB free, computes", ""),
        (13000, CUPY13, WORKS | {"free": 1e9}, True, "GPU", "note", "1.0 of 84.0 GB free", "nvidia-smi"),
        (
            13000,
            CUPY13,
            WORKS | {"free": 0, "error": "OutOfMemoryError: Out of memory allocating 16,384 bytes"},
            True,
            "GPU",
            "red",
            "its memory is full (0.0 of 84.0 GB free)",
            "nvidia-smi",
        ),
        (
            13000,
            CUPY13,
            {"error": "RuntimeError: ...; caused by ImportError: libcublas.so.13: cannot open shared object file"},
            True,
            "CuPy",
            "red",
            "a CUDA library is missing",
            "cuda13",
        ),
        (
            13000,
            CUPY13,
            {"error": "CUDARuntimeError: cudaErrorNoDevice"},
            True,
            "GPU",
            "red",
            "none is visible",
            "nvidia-smi",
        ),
        (
            13000,
            CUPY13,
            {"error": "Timeout: no answer from the GPU in 120 s"},
            True,
            "GPU",
            "red",
            "no answer",
            "nvidia-smi",
        ),
        (
            13000,
            CUPY13,
            {"error": "CUDARuntimeError: cudaErrorInsufficientDriver"},
            True,
            "CuPy",
            "red",
            "newer CUDA",
            "cuda13",
        ),
    ],
)
def test_each_trouble_with_a_gpu_has_its_own_row(monkeypatch, cuda, packages, kernel, card, what, state, says, mends):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    rows = {row.what: row for row in gpu.diagnose(cuda, packages, kernel, card)}
    row = rows[what]
    assert row.state == state and says in row.found and mends in row.mend
    assert not any(r.essential for r in rows.values()), "the course runs without a GPU"
    assert sum(r.state == "red" for r in rows.values()) <= 1


def test_a_hidden_gpu_is_named(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    row = gpu.diagnose(13000, CUPY13, {"error": "cudaErrorNoDevice: no CUDA-capable device is detected"}, True)[-1]
    assert "CUDA_VISIBLE_DEVICES=''" in row.found and row.mend == "unset CUDA_VISIBLE_DEVICES"


def test_the_process_that_tries_the_gpu_answers_in_any_case():
    seen = gpu.try_kernel()
    assert "error" in seen or {"name", "free", "total", "cupy"} <= seen.keys()


def test_a_process_that_dies_or_hangs_costs_a_row(monkeypatch):
    monkeypatch.setattr(gpu.sys, "executable", "false")
    assert "ended with code 1" in gpu.try_kernel()["error"]

    def hangs(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(gpu.subprocess, "run", hangs)
    assert "no answer from the GPU in 3 s" in gpu.try_kernel(3)["error"]


# ---- the other rows


def test_an_old_python_is_essential():
    row = doctor.python((3, 9, 2))
    assert row.state == "red" and row.essential and "needs 3.11" in row.found and row.mend
    assert doctor.python((3, 11, 0)).state == "ok"


def test_packages_that_are_missing_or_too_old_are_named():
    row = doctor.packages(["numpy>=2", "no-such-thing-as-this", "pytest>=999"])
    assert row.state == "red" and row.essential and row.mend
    assert "no-such-thing-as-this is missing" in row.found and "does not satisfy >=999" in row.found
    assert doctor.packages(["pytest>=1"]).state == "ok"


def test_a_package_whose_files_are_gone_is_named_with_what_brings_them_back(tmp_path, monkeypatch):
    info = tmp_path / "halfgone-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: halfgone\nVersion: 1.0\n")
    (info / "RECORD").write_text("halfgone/__init__.py,,\nhalfgone/core.py,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    row = doctor.packages(["halfgone>=1"])
    assert row.state == "red" and "files of halfgone are missing" in row.found
    assert "--force-reinstall --no-deps halfgone" in row.mend
    (tmp_path / "halfgone").mkdir()
    (tmp_path / "halfgone" / "__init__.py").write_text("")
    assert doctor.packages(["halfgone>=1"]).state == "ok"


def test_a_work_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "file").chmod(0o755)
    row = doctor.folder(tmp_path / "file" / "work")
    assert row.state == "red" and row.essential and "DLCOURSE_WORK" in row.mend
    assert doctor.folder(tmp_path / "not" / "yet").state == "ok"


@pytest.mark.parametrize("free, state", [(1e6, "red"), (500e6, "note"), (5e9, "ok")])
def test_the_disk(tmp_path, free, state):
    assert doctor.disk(tmp_path, int(free)).state == state


def test_a_row_that_fails_leaves_the_others(monkeypatch, tmp_path):
    def broken():
        raise ImportError("NumPy is half there")

    monkeypatch.setattr(doctor, "numpy_and_blas", broken)
    rows = {row.what: row for row in doctor.examine(tmp_path)}
    assert rows["NumPy"].state == "red" and rows["NumPy"].essential and "half there" in rows["NumPy"].found
    assert rows["Work folder"].state == "ok" and rows["Python"].state == "ok"


def test_the_blas_and_its_threads_are_named():
    rows = {row.what: row.found for row in doctor.numpy_and_blas()}
    assert rows["NumPy"].startswith("2.") and rows["BLAS"]


def test_a_browser_needs_a_screen(monkeypatch):
    for screen in browser.SCREENS:
        monkeypatch.delenv(screen, raising=False)
    monkeypatch.setattr(browser.sys, "platform", "linux")
    monkeypatch.setattr(browser.webbrowser, "get", lambda: browser.webbrowser.GenericBrowser("some-browser"))
    assert browser.find_browser() == "", "it could only be one that takes the terminal"
    monkeypatch.setenv("DISPLAY", ":0")
    assert browser.find_browser() == "some-browser"

    def none():
        raise browser.webbrowser.Error

    monkeypatch.setattr(browser.webbrowser, "get", none)
    assert browser.find_browser() == ""


# ---- the command that mends


def test_an_environment_without_pip_is_mended_with_uv(monkeypatch):
    monkeypatch.setattr(mend.sys, "executable", "/a folder/python")
    monkeypatch.setattr(mend, "find_spec", lambda name: None)
    assert mend.pip() == "uv pip install --python '/a folder/python'"
    monkeypatch.setattr(mend, "find_spec", lambda name: object())
    assert mend.pip("uninstall") == "'/a folder/python' -m pip uninstall"


class Distribution:
    requires = ["numpy>=2.1", "cupy-cuda13x<15; extra == 'cuda13'", 'cuda-toolkit[nvrtc]==13.*; extra == "cuda13"']

    def __init__(self, origin: str | None):
        self.origin = origin

    def read_text(self, name):
        return self.origin


def test_the_command_fits_how_the_course_was_installed(monkeypatch):
    monkeypatch.setattr(mend, "pip", lambda: "pip install")
    monkeypatch.setattr(mend, "distribution", lambda name: Distribution(None))
    assert mend.install("cuda13") == "pip install 'cupy-cuda13x<15' 'cuda-toolkit[nvrtc]==13.*'"
    assert mend.install() == "pip install 'numpy>=2.1'"
    origin = '{"url": "file:///my%20course", "dir_info": {"editable": true}}'
    monkeypatch.setattr(mend, "distribution", lambda name: Distribution(origin))
    assert mend.install("cuda12") == "pip install -e '/my course[cuda12]'"
    origin = '{"url": "file:///dlcourse.whl", "archive_info": {}}'
    monkeypatch.setattr(mend, "distribution", lambda name: Distribution(origin))
    assert mend.install() == "pip install 'numpy>=2.1'"


# ---- the table


def test_the_table_survives_any_terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    rows = [Row("Work folder", "/home/zoë"), Row("GPU", "full", "red", "nvidia-smi")]
    plain = doctor.table(rows, encoding="ascii")
    assert plain.splitlines() == ["ok    Work folder  /home/zo?", "FAIL  GPU          full", " " * 19 + "-> nvidia-smi"]
    assert "\x1b[31mFAIL\x1b[0m" in doctor.table(rows, colour=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in doctor.table(rows, colour=True)


@pytest.mark.parametrize(
    "row, code",
    [
        (Row("Disk", "full", "red", "tidy", essential=True), 1),
        (Row("GPU", "full", "red", "wait"), 0),
        (Row("Python", "3.11"), 0),
    ],
)
def test_the_exit_code_is_about_what_is_essential(monkeypatch, capsys, row, code):
    monkeypatch.setattr(doctor, "examine", lambda folder: [row])
    assert cli.main(["doctor"]) == code
    assert row.found in capsys.readouterr().out


def test_this_machine_is_well(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "dlcourse", "doctor"], cwd=gpu.Path(__file__).parents[1], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout
    for what in ("Python", "NumPy", "BLAS", "NVIDIA driver", "CuPy", "Data", "Work folder", "Disk", "Browser"):
        assert what in ran.stdout
