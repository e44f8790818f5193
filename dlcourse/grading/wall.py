"""The wall between a grader and what strangers wrote: three layers, each tried at start with probes that must fail.

bubblewrap   a container without network and with few files, and inside it all of the next
landlock     Landlock, seccomp and limits of the system: no privilege, no program needed; Linux 5.13 or newer
process      a process of its own, and no more: it keeps nobody out who means harm
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np

from ..exercises.runners import START_S, Subprocess
from . import probes

PACKAGE = Path(__file__).resolve().parents[1]
PYTHON = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
SITE = Path(np.__file__).resolve().parents[1]
LAYERS = ("bubblewrap", "landlock", "process")


class WallError(Exception):
    """No wall that holds; the message says what can be done."""


class Zygote:
    """A process behind the wall that forks workers. Ends with its grader, whatever ends that."""

    def __init__(self, layer: str):
        self.layer = layer
        self.start()

    def start(self) -> None:
        """Start the process. WallError where this layer does not start here."""
        self.control, theirs = socket.socketpair()
        with theirs:
            try:
                program = command(self.layer, theirs.fileno())
            except WallError:
                self.control.close()
                raise
            self.process = subprocess.Popen(
                program, pass_fds=(theirs.fileno(),), env=ENVIRONMENT, cwd="/", start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
        self.control.settimeout(START_S)
        try:
            if self.control.recv(1) != b"r":
                raise OSError
        except OSError:
            self.process.kill()
            said = self.process.communicate()[1].decode(errors="replace").strip().splitlines() or ["it ended at once"]
            self.close()
            raise WallError(f"the layer {self.layer} does not start here: {said[-1][:300]}") from None

    def fork(self, requests: int, replies: int) -> int:
        """A new worker that serves these two descriptors -> its number. Where the process is gone, a new one is
        started: what has ended it, the system or an answer before, is no fault of this one."""
        for _ in range(2):
            try:
                socket.send_fds(self.control, [b"f"], [requests, replies])
                return struct.unpack(">I", self._four())[0]
            except OSError:
                self.close()
                self.start()
        raise WallError("the process behind the wall ends again and again")

    def end(self, pid: int) -> None:
        """Kill a worker, and wait until it is gone."""
        with contextlib.suppress(OSError):
            self.control.sendall(struct.pack(">I", pid))
            self._four()

    def _four(self) -> bytes:
        got = b""
        while len(got) < 4:
            if not (part := self.control.recv(4 - len(got))):
                raise OSError("closed")
            got += part
        return got

    def close(self) -> None:
        self.control.close()
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()


class Walled(Subprocess):
    """The answer is in a worker behind a wall; what may pass is what `Subprocess` lets pass."""

    def __init__(self, zygote: Zygote, cells: list[tuple[str, str]]):
        super().__init__(cells)
        self.zygote = zygote

    def launch(self) -> None:
        (self.replies, out), (into, self.requests) = os.pipe(), os.pipe()
        try:
            self.process = self.zygote.fork(into, out)
        except BaseException:
            os.close(self.replies)
            os.close(self.requests)
            raise
        finally:
            os.close(out)
            os.close(into)

    def end(self) -> None:
        self.zygote.end(self.process)


ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "HOME": "/nonexistent"}


def libraries() -> list[str]:
    """What an answer may read: Python's own library, NumPy, and what the two are linked to; nothing of the course."""
    standard = Path(sysconfig.get_path("stdlib"))
    parts = [p for p in standard.iterdir() if p.name not in ("site-packages", "dist-packages", "test", "idlelib")]
    return [*map(str, parts), str(SITE / "numpy"), str(SITE / "numpy.libs"), "/dev/null", "/dev/urandom", "/dev/zero"]


FILES = [PACKAGE / "grading/zygote.py", PACKAGE / "exercises/worker.py", PACKAGE / "grading/confine.py"]


def command(layer: str, control: int) -> list[str]:
    """The program that starts a zygote in this layer. Its environment says all: no site, no folder of the user's."""
    mine = [Path("/wall") / path.name for path in FILES] if layer == "bubblewrap" else FILES
    zygote, *modules = map(str, mine)
    run = [str(PYTHON), "-s", "-P", "-S", zygote, str(control), layer, str(SITE), *modules, *libraries()]
    return [*container(mine), *run] if layer == "bubblewrap" else run


def container(inside: list[Path]) -> list[str]:
    """bubblewrap's part: nothing of this machine but libraries, nobody else's processes, no network."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise WallError("bubblewrap is not installed: apt install bubblewrap")
    found = [bwrap, "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--disable-userns"]
    found += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "wall", "--clearenv"]
    for name, value in ENVIRONMENT.items():
        found += ["--setenv", name, value]
    for top in ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"):
        if os.path.islink(top):
            found += ["--symlink", os.readlink(top), top]
        elif os.path.exists(top):
            found += ["--ro-bind", top, top]
    standard = Path(sysconfig.get_path("stdlib"))
    for path in (
        PYTHON,
        standard,
        *PYTHON.parent.parent.glob("lib/libpython*.so*"),
        SITE / "numpy",
        SITE / "numpy.libs",
    ):
        if path.exists():
            found += ["--ro-bind", str(path), str(path)]
    for hidden in {PACKAGE, standard / "site-packages/dlcourse", standard / "dist-packages/dlcourse"}:
        if hidden.is_dir() and any(hidden.is_relative_to(top) for top in (standard, "/usr/lib", "/usr/local/lib")):
            found += ["--tmpfs", str(hidden)]
    for path, place in zip(FILES, inside):
        found += ["--ro-bind", str(path), str(place)]
    return [*found, "--proc", "/proc", "--dev", "/dev", "--chdir", "/"]


# ---------------------------------------------------------------- which layer holds here
def choose(layer: str = "", unsafe: bool = False) -> tuple[str, list[str]]:
    """The strongest layer that holds here, or the one that was asked for -> (layer, why stronger ones were not taken).

    unsafe: the layer `process` is allowed. WallError where none holds.
    """
    passed: list[str] = []
    for name in (layer,) if layer else LAYERS:
        if name not in LAYERS:
            raise WallError(f"there is no layer {name!r}; the layers are {', '.join(LAYERS)}")
        if name == "process" and not unsafe:
            break
        try:
            escaped = tried(name)
        except WallError as problem:
            passed.append(str(problem))
            continue
        if not escaped or name == "process":
            return name, passed
        passed.append(f"the layer {name} leaks here: a probe could {', '.join(escaped)}")
    told = " ".join(f"{p[0].upper()}{p[1:]}." for p in passed)
    raise WallError(
        f"{told} No wall that holds: install bubblewrap, or use Linux 5.13 or newer with Landlock, or the container in "
        "docs/instructors.md. --unsafe-process-only grades without a wall: only what you have read and trust.".strip()
    )


def tried(layer: str) -> list[str]:
    """What a probe behind this layer could do that nobody may: [] where it holds."""
    with contextlib.ExitStack() as stack:
        zygote = Zygote(layer)
        stack.callback(zygote.close)
        aims = stack.enter_context(probes.aims())
        runner = stack.enter_context(Walled(zygote, [("probe", probes.SOURCE)]))
        report = runner.run([["escapes", [aims], {}, ""]], {}, 10.0)
        if "value" not in report:
            raise WallError(f"the layer {layer} cannot be tried here: {report.get('error')}: {report.get('says')}")
        return [str(name) for name in report["value"]] + probes.seen(aims)
