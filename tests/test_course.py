"""course.py on a small stand-in for the project, without a network: made, found, mended, and nothing else touched.

The stand-in's `uv` makes an environment in a moment; two tests use venv and pip in earnest.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COURSE = Path(__file__).resolve().parents[1] / "course.py"
CLI = COURSE.parent / "dlcourse" / "cli.py"
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "dlcourse"
version = "0"
optional-dependencies = { test = [] }
"""
BACKEND = '''
"""The least that pip asks for an editable install."""
import os, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "dlcourse-0-py3-none-any.whl"
    info = "dlcourse-0.dist-info/"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("dlcourse_stub.pth", os.getcwd())
        metadata = "Metadata-Version: 2.1\\nName: dlcourse\\nVersion: 0\\nProvides-Extra: test\\n"
        wheel.writestr(info + "METADATA", metadata)
        tag = "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(info + "WHEEL", tag)
        wheel.writestr(info + "RECORD", "")
    return name
'''
UV = """#!{python}
import pathlib, subprocess, sys, time

words, project = sys.argv[1:], pathlib.Path({project!r})
with open(project / "uv.log", "a") as log:
    log.write(" ".join(words) + "\\n")
python = words[words.index("--python") + 1]
if (project / "slow").exists() and words[0] == "pip":
    time.sleep(120)
if (project / "broken").exists():
    sys.exit("error: Temporary failure in name resolution")
if words[0] == "venv":
    sys.exit(subprocess.call([python, "-m", "venv", "--without-pip", words[-1]]))
where = subprocess.check_output([python, "-c", "import site; print(site.getsitepackages()[0])"], text=True).strip()
pathlib.Path(where, "dlcourse_stub.pth").write_text(str(project))
"""


class Project:
    """The stand-in, and what course.py says in it."""

    def __init__(self, root: Path, uv: bool = True):
        self.root = root
        (root / "dlcourse").mkdir(parents=True)
        (root / "dlcourse" / "__init__.py").write_text("")
        shutil.copy(CLI, root / "dlcourse")
        (root / "dlcourse" / "__main__.py").write_text("import sys; print('dlcourse', *sys.argv[1:]); sys.exit(3)")
        for name in ("jupyterlab", "numpy", "matplotlib", "ipywidgets", "hypothesis"):
            (root / f"{name}.py").write_text("")
        (root / "pytest.py").write_text("import os, sys; print('pytest', *sys.argv[1:], 'in', os.getcwd())")
        (root / "work").mkdir()
        (root / "work" / "mine.ipynb").write_text("mine")
        (root / "pyproject.toml").write_text(PROJECT)
        (root / "backend.py").write_text(BACKEND)
        shutil.copy(COURSE, root)
        tools = root / "tools"
        tools.mkdir()
        if uv:
            (tools / "uv").write_text(UV.format(python=sys.executable, project=str(root)))
            (tools / "uv").chmod(0o755)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON", "COV", "UV_"))}
        self.environment = kept | {"PATH": f"{tools}:/usr/bin:/bin", "PIP_NO_INDEX": "1"}

    def start(self, *words: str, **more: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, str(self.root / "course.py"), *words],
            cwd=self.root.parent,
            env=self.environment | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, code: int = 3, **more: str) -> str:
        said, _ = (process := self.start(*words, **more)).communicate(timeout=120)
        assert process.returncode == code, said
        return said

    def files(self) -> dict[str, bytes]:
        """Everything but the environment and what the tools of this test leave."""
        skip = (".venv", "uv.log", "slow", "broken", "__pycache__")
        return {str(p): p.read_bytes() for p in self.root.rglob("*") if p.is_file() and not set(skip) & set(p.parts)}

    @property
    def stamp(self) -> Path:
        return self.root / ".venv" / "dlcourse.json"


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "a project")
    before = made.files()
    yield made
    (made.root / "pyproject.toml").write_text(PROJECT)
    assert made.files() == before, "only .venv may change"


def test_a_package_that_got_lost_is_installed_again(project):
    project.run()
    for path in (project.root / ".venv").rglob("dlcourse_stub.pth"):
        path.unlink()
    assert "Installing" in project.run()
    assert "Installing" not in project.run()


def test_an_environment_that_no_installation_mends_is_made_again(project):
    project.run()
    uv = project.root / "tools" / "uv"
    mends = uv.read_text()
    lost = "if words[0] == 'pip' and not (project / 'anew').exists(): sys.exit(0)\n"  # pip: already satisfied
    uv.write_text(
        mends.replace("where = ", lost + "where = ").replace(
            "sys.exit(subprocess", "(project / 'anew').touch(); sys.exit(subprocess"
        )
    )
    for path in (project.root / ".venv").rglob("dlcourse_stub.pth"):
        path.unlink()
    said = project.run()
    (project.root / "anew").unlink()
    uv.write_text(mends)
    assert "has lost a part of its packages: it is made again" in said and said.endswith("dlcourse lab\n")


@pytest.mark.parametrize("text", ["[]", "5", "null", "{", ""])
def test_a_stamp_that_is_none_is_no_trouble(project, text):
    project.run()
    project.stamp.write_text(text)
    assert project.run().endswith("dlcourse lab\n")


# ---- which Python


def test_it_parses_on_python_3_6():
    source = COURSE.read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    assert not [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.JoinedStr | ast.AnnAssign | ast.NamedExpr)]


def test_an_old_python_gets_one_sentence():
    script = f"import sys; sys.version_info = (3, 8, 10); exec(open({str(COURSE)!r}).read())"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.returncode == 1 and "needs Python 3.11 or newer" in ran.stderr and "Traceback" not in ran.stderr


def test_its_oldest_python_is_that_of_the_project():
    import tomllib

    stated = tomllib.loads((COURSE.parent / "pyproject.toml").read_text())["project"]["requires-python"]
    assert "OLDEST = ({}, {})".format(*stated.removeprefix(">=").split(".")) in COURSE.read_text()


# ---- making and finding


def test_first_and_second_start(project):
    said = project.run("reset", "00", "--restore")
    assert "Making .venv" in said and "usually about 15 seconds" in said
    assert said.endswith("dlcourse reset 00 --restore\n"), "the words go on to dlcourse, and its exit code comes back"
    (project.root / "broken").touch()  # no network: a second start needs none
    assert project.run() == "dlcourse lab\n"


def test_help_needs_no_installation(project):
    said = project.run("--help", code=0)
    assert "python3 course.py test" in said and "440 MB" in said and "~/.cache/dlcourse" in said
    assert "usage: python3 course.py lab" in project.run("lab", "--help", code=0)
    assert not (project.root / ".venv").exists()


def test_options_without_a_command_go_on_to_the_lab(project):
    assert project.run("--no-browser").endswith("dlcourse --no-browser\n")
    assert project.run("--version").endswith("dlcourse --version\n"), "that of what is installed"


@pytest.mark.parametrize("word, says", [("tset", "do you mean `python3 course.py test`?"), ("--nobr", "lab takes no")])
def test_wrong_words_are_refused_in_one_sentence_before_anything_is_installed(project, word, says):
    said = project.run(word, code=2)
    assert said.startswith("course.py: ") and says in said and said.count("\n") == 1
    assert not (project.root / ".venv").exists()


def test_the_tests_get_their_own_tools(project):
    project.run()
    said = project.run("test", "-k", "x", code=0)
    assert said.endswith(f"pytest -k x in {project.root}\n")
    assert f"-e {project.root}[test]" in (project.root / "uv.log").read_text()
    assert project.run("test", code=0) == f"pytest in {project.root}\n"
    assert project.run() == "dlcourse lab\n"


def test_with_venv_and_pip_in_earnest(tmp_path):
    project = Project(tmp_path / "plain", uv=False)
    said = project.run("doctor", PIP_USER="1")
    assert "usually about a minute" in said and said.endswith("dlcourse doctor\n")
    assert project.run() == "dlcourse lab\n"


def test_uv_that_fails_gives_way_to_pip(project):
    (project.root / "broken").touch()
    said = project.run("doctor")
    assert "failed after" in said and said.endswith("dlcourse doctor\n")


# ---- mending


def spoil(project: Project, how: str) -> None:
    venv, stamp = project.root / ".venv", json.loads(project.stamp.read_text())
    if how == "half-made":
        project.stamp.write_text(json.dumps({"making": True}))
    elif how == "no python":
        for python in (venv / "bin").glob("python*"):
            python.unlink()
    elif how == "python gone":
        (venv / "bin" / "python").unlink()
        (venv / "bin" / "python").symlink_to("/no/such/python")
    elif how == "another python":
        project.stamp.write_text(json.dumps(stamp | {"python": "3.99"}))
    elif how == "a file":
        shutil.rmtree(venv)
        venv.write_text("")


@pytest.mark.parametrize("how", ["half-made", "no python", "python gone", "another python", "a file"])
def test_a_broken_environment_is_made_again(project, how):
    project.run()
    spoil(project, how)
    said = project.run("doctor")
    assert "it is made again" in said and said.endswith("dlcourse doctor\n")
    assert project.run() == "dlcourse lab\n"


def test_a_project_that_was_moved_is_set_up_again(project, tmp_path):
    project.run()
    shutil.move(project.root, tmp_path / "moved")
    (tmp_path / "moved" / "tools" / "uv").write_text(UV.format(python=sys.executable, project=str(tmp_path / "moved")))
    moved = project.environment | {"PATH": f"{tmp_path / 'moved' / 'tools'}:/usr/bin:/bin"}
    ran = subprocess.run([sys.executable, "moved/course.py"], cwd=tmp_path, env=moved, capture_output=True, text=True)
    assert "was made for another folder" in ran.stdout and ran.stdout.endswith("dlcourse lab\n")
    shutil.move(tmp_path / "moved", project.root)
    (project.root / "tools" / "uv").write_text(UV.format(python=sys.executable, project=str(project.root)))


def test_a_changed_project_is_installed_again_and_without_a_network_goes_on(project):
    project.run()
    (project.root / "pyproject.toml").write_text(PROJECT + "# changed\n")
    (project.root / "broken").touch()
    said = project.run()
    assert "Going on with what is installed" in said and said.endswith("dlcourse lab\n")
    (project.root / "broken").unlink()
    assert "Installing" in project.run()
    assert project.run() == "dlcourse lab\n"


def test_an_interrupted_installation_is_taken_up_again(project):
    (project.root / "slow").touch()
    process = project.start()
    while not project.stamp.exists() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130 and "takes it up again" in said and "Traceback" not in said.split("^C")[0][-400:]
    (project.root / "slow").unlink()
    assert "was left half-made" in project.run()
    assert project.run() == "dlcourse lab\n"


def test_an_environment_of_somebody_else_is_used_and_kept(project):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project.root / ".venv"], check=True)
    (project.root / ".venv" / "theirs").write_text("precious")
    assert project.run().endswith("dlcourse lab\n")
    assert (project.root / ".venv" / "theirs").read_text() == "precious"


def test_a_link_is_removed_and_not_what_it_points_to(project, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "theirs").write_text("precious")
    (project.root / ".venv").symlink_to(elsewhere)
    assert project.run().endswith("dlcourse lab\n")
    assert (elsewhere / "theirs").read_text() == "precious" and not (project.root / ".venv").is_symlink()


# ---- what cannot be mended is one sentence


def test_no_way_to_the_packages(tmp_path):
    project = Project(tmp_path / "plain", uv=False)
    (project.root / "pyproject.toml").write_text(PROJECT.replace("requires = []", 'requires = ["no-such-backend"]'))
    said = project.run(code=1)
    assert "course.py: The installation failed. There seems to be no way to PyPI" in said and "Traceback" not in said
    assert not (project.root / ".venv").exists(), "what is half-made is not left"


def test_a_python_without_venv(tmp_path):
    project = Project(tmp_path / "plain", uv=False)
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "venv.py").write_text("raise SystemExit('ensurepip is not available')")
    said = project.run(code=1, PYTHONPATH=str(tmp_path / "shadow"))
    version = "{}.{}".format(*sys.version_info)
    assert f"sudo apt install python{version}-venv" in said and "Traceback" not in said
