"""How a process behind the wall is started. Needs no NumPy, so that it starts while its grader still imports it.

bubblewrap   a container without network and with few files, and inside it all of the next
landlock     Landlock, seccomp and limits of the system: no privilege, no program needed; Linux 5.13 or newer
process      a process of its own, and no more: it keeps nobody out who means harm
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
PYTHON = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
SITE = Path(importlib.util.find_spec("numpy").origin).resolve().parents[1]
LAYERS = ("bubblewrap", "landlock", "process")
MULTIARCH = sysconfig.get_config_var("MULTIARCH")  # where Debian and its kin keep shared libraries, and only these
READY_S = 10.0  # until NumPy is there


class WallError(Exception):
    """No wall that holds; the message says what can be done."""


class Zygote:
    """A process behind the wall that forks workers. Ends with its grader, whatever ends that."""

    def __init__(self, layer: str):
        self.layer = layer
        self.start()

    def start(self) -> None:
        """Start the process, and do not wait. WallError where this layer does not start here."""
        self.ready = self.closed = False
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

    def wait(self) -> None:
        """Wait until it can fork. WallError where it has ended instead."""
        if self.ready:
            return
        self.control.settimeout(READY_S)
        try:
            if self.control.recv(1) != b"r":
                raise OSError
        except OSError:
            self.process.kill()
            said = self.process.communicate()[1].decode(errors="replace").strip().splitlines() or ["it ended at once"]
            self.close()
            raise WallError(f"the layer {self.layer} does not start here: {said[-1][:300]}") from None
        self.ready = True

    def fork(self, requests: int, replies: int) -> int:
        """A new worker that serves these two descriptors -> its number. Where the process is gone, a new one is
        started: what has ended it, the system or an answer before, is no fault of this one."""
        problem = ""
        for _ in range(2):
            try:
                self.wait()
                socket.send_fds(self.control, [b"f"], [requests, replies])
                return struct.unpack(">I", self._four())[0]
            except (OSError, WallError) as why:
                problem = str(why)
                self.close()
                self.start()
        self.close()
        raise WallError(problem)

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
        """End it, with all that it has started. A second time does nothing: its number may be another's by then."""
        self.control.close()
        if self.closed:
            return
        self.closed = True
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()


ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "HOME": "/nonexistent"}


def libraries() -> list[str]:
    """What an answer may read: Python's own library, NumPy, and what the two are linked to; nothing of the course."""
    standard = Path(sysconfig.get_path("stdlib"))
    parts = [p for p in standard.iterdir() if p.name not in ("site-packages", "dist-packages", "test", "idlelib")]
    linked = {os.path.realpath(Path(top, MULTIARCH)) for top in ("/lib", "/usr/lib")} if MULTIARCH else set()
    numpy = [str(SITE / "numpy"), str(SITE / "numpy.libs")]
    return [*map(str, parts), *numpy, *sorted(linked), "/dev/null", "/dev/urandom", "/dev/zero"]


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
