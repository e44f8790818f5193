"""A class of strangers: notebooks made from answers, and canaries that show whether something got out."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from shared import Shared, attributes

from dlcourse.grading import start, wall

ROOT = Path(__file__).parents[2]
COURSE = ROOT / "dlcourse"
SECRET = "the grader's own secret"
ALL = bool(os.environ.get("DLCOURSE_ALL_LAYERS"))  # in CI the strongest layer is tried, before a release all of them


def tried(layer: str) -> list[str]:
    """What a probe behind this layer could do."""
    with contextlib.closing(start.Zygote(layer)) as zygote:
        return wall.tried(zygote)


def present() -> list[str]:
    """The layers that hold here, the strongest first."""
    found = []
    for layer in start.LAYERS[:-1]:
        try:
            if not tried(layer):
                found.append(layer)
        except start.WallError:
            continue
    return found


LAYERS = present()


def cell(source: str, **metadata) -> dict:
    return {
        "cell_type": "code",
        "id": "a",
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def answer(source: str, id: str = "01.1") -> dict:
    """A cell that is marked as the answer to an exercise."""
    return cell(f"{source}\n\ncheck({id!r})", dlcourse={"exercise": id})


def notebook(*cells: dict) -> bytes:
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@dataclass
class Canaries:
    """What strangers must not reach. `touched()` says what they did reach."""

    folder: Path
    listener: socket.socket
    shared: Shared
    before: dict

    def fill(self, source: str) -> str:
        places = {"LOOT": self.folder / "loot", "VICTIM": self.folder / "victim", "COURSE": COURSE, "PID": os.getpid()}
        for name, value in (places | {"PORT": self.listener.getsockname()[1]} | self.shared.places()).items():
            source = source.replace(name, str(value))
        return source

    def touched(self) -> list[str]:
        found = self.shared.touched() + [
            f"{name} is another" for name, state in self.before.items() if _state(self.folder / name) != state
        ]
        found += [
            f"{p.name} is new" for p in (self.folder / "victim").glob("*") if f"victim/{p.name}" not in self.before
        ]
        try:
            self.listener.accept()[0].close()
            found.append("somebody called")
        except BlockingIOError:
            pass
        return found


def _state(path: Path):
    try:
        found = path.stat()
        return path.read_text(), found.st_mode, int(found.st_mtime), attributes(path)
    except OSError as gone:
        return type(gone).__name__


@pytest.fixture
def canaries(tmp_path):
    (tmp_path / "victim").mkdir()
    (tmp_path / "loot").write_text(SECRET)
    (tmp_path / "victim" / "other.ipynb").write_bytes(notebook(answer("def unit(x, w, b, f): return 1")))
    for path in (tmp_path, tmp_path / "victim"):
        path.chmod(0o777)
    (tmp_path / "victim" / "other.ipynb").chmod(0o666)
    with contextlib.suppress(OSError):  # a file system that keeps none
        os.setxattr(tmp_path / "victim" / "other.ipynb", "user.mine", b"precious")
    shared = Shared(f"dlcourse-{os.getpid()}")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        made = Canaries(tmp_path, listener, shared, {})
        made.before = {name: _state(tmp_path / name) for name in ("loot", "victim/other.ipynb")}
        other = subprocess.Popen(["sleep", "600"], env={"GRADER_TOKEN": SECRET})  # somebody else's process
        yield made
        other.kill()
        other.wait()
        shared.close()


@pytest.fixture(scope="session", params=LAYERS if ALL else LAYERS[:1])
def zygote(request):
    """A process behind the wall, one for all tests of a layer: what one answer breaks, the next one would notice."""
    made = start.Zygote(request.param)
    made.wait()
    yield made
    made.close()
