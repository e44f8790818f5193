"""What a package index would hand out: built, looked through, installed into a clean environment, and used there.

Needs the package index, as every installation does; where there is none, it says so and skips, except in CI.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from labdriver import home_environment

REPO = Path(__file__).resolve().parents[1]
USE = """
import json, sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
print(json.dumps({"outputs": len(outputs), "errors": sum(o.output_type == "error" for o in outputs)}))
"""


def run(*command: object, **options) -> str:
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, **options)
    if ran.returncode and "No matching distribution" in ran.stderr + ran.stdout and not os.environ.get("CI"):
        pytest.skip("needs the package index, which cannot be reached")
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return ran.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the source archive, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder, cwd=REPO)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=source)
    return folder


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    (found,) = built.glob("*.whl")
    return found


def test_the_wheel_holds_the_package_the_lessons_and_the_licences(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {str(p.relative_to(REPO)) for p in (REPO / "dlcourse").rglob("*") if p.is_file()}
    package = {name for name in package if "__pycache__" not in name and not name.startswith("dlcourse/_course")}
    assert package - names == set()
    lessons = {f"dlcourse/_course/notebooks/{p.name}" for p in (REPO / "notebooks").glob("*.ipynb")}
    assert lessons and lessons - names == set()
    assert any(name.startswith("dlcourse/data/bundled/") for name in names)
    assert {"dlcourse/lesson/records/04.json", "dlcourse/lesson/records/08.json"} <= names
    assert "dlcourse/py.typed" in names
    assert {name.rpartition("/")[2] for name in names if "/licenses/" in name} == {"LICENSE", "LICENSE-prose.md"}


def test_the_wheel_holds_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert [n for n in names if not n.startswith(("dlcourse/", "dlcourse-"))] == []
    assert [n for n in names if ".ipynb_checkpoints" in n or n.endswith((".pyc", ".part")) or "solution" in n] == []
    assert wheel.stat().st_size < 5e6


def test_the_metadata(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
    said = message_from_bytes(archive.read(name))
    assert said["Name"] == "dlcourse" and said["Requires-Python"] == ">=3.11"
    assert said["License-Expression"] == "BSD-3-Clause AND CC-BY-4.0"
    core = [line for line in said.get_all("Requires-Dist") if "extra ==" not in line]
    assert len(core) <= 10 and not [line for line in core if line.startswith(("cupy", "torch", "scikit", "scipy"))]
    assert {"author", "bench", "cuda12", "cuda13", "test"} <= set(said.get_all("Provides-Extra"))


def test_the_source_archive_is_complete(built):
    (source,) = (built / "source").iterdir()
    for needed in ("course.py", "pyproject.toml", "README.md", "notebooks", "solutions", "tests", "dlcourse"):
        assert (source / needed).exists(), needed
    assert not (source / ".venv").exists() and not (source / "work").exists()


@pytest.fixture(scope="module")
def clean(wheel, tmp_path_factory):
    """A clean environment with the wheel and what it asks for, and nothing of the checkout on its paths."""
    folder = tmp_path_factory.mktemp("clean")
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    environment = home_environment(folder / "home", folder / "work") | {"PYTHONNOUSERSITE": "1"}
    environment.pop("PYTHONPATH", None)
    (folder / "home").mkdir()
    if uv := shutil.which("uv"):
        run(uv, "venv", "--python", sys.executable, folder / "venv")
        run(uv, "pip", "install", "--python", python, wheel)
    else:
        run(sys.executable, "-m", "venv", folder / "venv")
        run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel)
    return python, folder, environment


def test_a_lesson_runs_from_the_installed_wheel(clean):
    python, folder, environment = clean
    script = (
        "from pathlib import Path; from dlcourse.lesson.work import *; from dlcourse.lesson.places import *; "
        "print(lay_out(work_folder()), source_folder())"
    )
    said = run(python, "-c", script, cwd=folder, env=environment)
    assert "00_start_here.ipynb" in said and str(folder / "venv") in said
    said = run(python, "-c", USE, folder / "work" / "00_start_here.ipynb", cwd=folder / "work", env=environment)
    counted = json.loads(said.splitlines()[-1])
    assert counted["errors"] == 0 and counted["outputs"] > 0


def test_the_doctor_is_content_with_the_installed_wheel(clean):
    python, folder, environment = clean
    said = run(python.parent / "dlcourse", "doctor", cwd=folder, env=environment)
    assert "FAIL" not in said and str(folder / "work") in said


def test_without_a_setting_the_work_lies_in_the_folder_where_one_is(clean):
    python, folder, environment = clean
    environment = {name: value for name, value in environment.items() if name != "DLCOURSE_WORK"}
    script = "from dlcourse.lesson.places import work_folder; print(work_folder())"
    assert run(python, "-c", script, cwd=folder, env=environment).strip() == str(folder / "dlcourse-work")


def test_import_is_light(clean):
    python, folder, environment = clean
    script = (
        "import sys, dlcourse; print([m for m in ('matplotlib', 'ipywidgets', 'cupy', 'IPython') if m in sys.modules])"
    )
    assert run(python, "-c", script, cwd=folder, env=environment).strip() == "[]"
