"""The doctor names what is wrong and what mends it; the machine of each test is invented."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from dlcourse import cli
from dlcourse.hardware import browser, doctor, gpu, mend
from dlcourse.hardware.row import Row


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


def test_a_checkout_that_is_not_installed_is_installed_from_where_it_lies(monkeypatch):
    def none(name):
        raise mend.PackageNotFoundError(name)

    monkeypatch.setattr(mend, "pip", lambda: "pip install")
    monkeypatch.setattr(mend, "distribution", none)
    here = str(gpu.Path(__file__).parents[1])
    assert mend.install("cuda12") == f"pip install -e {shlex.quote(here + '[cuda12]')}" == mend.libraries("cuda12")


def test_libraries_come_without_cupy_and_packages_go_without_a_question(monkeypatch):
    monkeypatch.setattr(mend, "pip", lambda action="install": f"pip {action}")
    monkeypatch.setattr(mend, "distribution", lambda name: Distribution(None))
    assert mend.libraries("cuda13") == "pip install 'cuda-toolkit[nvrtc]==13.*'"
    assert mend.remove(["a", "b"]) == "pip uninstall -y a b"
    monkeypatch.setattr(mend, "pip", lambda action: f"uv pip {action} --python p")
    assert mend.remove(["a"]) == "uv pip uninstall --python p a"


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
