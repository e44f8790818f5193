"""What an answer must not be able to do, tried from behind the wall before anybody is graded."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

SECRET = "the probe must not see this"


@contextlib.contextmanager
def aims() -> Iterator[dict]:
    """Things that are there to be taken: a file with a secret, a folder to write to, a listener, this process."""
    with tempfile.TemporaryDirectory(prefix="dlcourse-probe-") as folder, socket.socket() as listener:
        place = Path(folder)
        os.chmod(place, 0o777)
        (place / "secret").write_text(SECRET)
        os.chmod(place / "secret", 0o666)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        made = {
            "folder": folder,
            "port": listener.getsockname()[1],
            "pid": os.getpid(),
            "course": str(Path(__file__).resolve().parents[1]),
        }
        try:
            yield made
        finally:
            with contextlib.suppress(OSError):
                os.remove(outside(made))


def seen(aims: dict) -> list[str]:
    """What has changed outside."""
    place = Path(aims["folder"])
    secret = place / "secret"
    found = [] if secret.exists() and secret.read_text() == SECRET else ["change a file"]
    return found + ["leave a file"] * (sorted(os.listdir(place)) != ["secret"] or os.path.exists(outside(aims)))


def outside(aims: dict) -> str:
    """A file beside the folder, which is not there."""
    return aims["folder"] + "-left"


SOURCE = '''
import os, sys

def escapes(aims):
    """The names of all that succeeds."""
    found, folder = [], aims["folder"]

    def attempt(name, action):
        try:
            result = action()
        except BaseException:
            return
        if result is not False:
            found.append(name)

    def connect():
        import socket
        socket.create_connection(("127.0.0.1", aims["port"]), 0.5).close()

    def process():
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)

    def foreign():
        with open(f"/proc/{aims['pid']}/environ", "rb") as file:
            return bool(file.read(1))

    def library():
        import dlcourse.exercises

    def course():
        return bool(os.listdir(aims["course"])) and bool(open(aims["course"] + "/__init__.py").read())

    def trace():
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        return libc.ptrace(0x4206, aims["pid"], 0, 0) == 0

    def limit():
        import resource
        resource.prlimit(aims["pid"], resource.RLIMIT_NOFILE)

    attempt("read a file", lambda: open(folder + "/secret").read())
    attempt("write a file", lambda: open(folder + "/left", "w").write("x"))
    attempt("change a file", lambda: open(folder + "/secret", "a").write("x"))
    attempt("make a folder", lambda: os.mkdir(folder + "/made"))
    attempt("change rights", lambda: os.chmod(folder + "/secret", 0o600))
    attempt("write anywhere", lambda: open(folder + "-left", "w").write("x"))
    attempt("see passwords", lambda: open("/etc/passwd").read())
    attempt("open a connection", connect)
    attempt("make a process", process)
    attempt("run a program", lambda: os.posix_spawn("/bin/true", ["true"], {}))
    attempt("signal the grader", lambda: os.kill(aims["pid"], 0))
    attempt("slow the grader down", lambda: os.setpriority(os.PRIO_PROCESS, aims["pid"], 5))
    attempt("look into the grader", foreign)
    attempt("trace the grader", trace)
    attempt("see the limits of the grader", limit)
    attempt("use the library", library)
    attempt("read the answers", course)
    attempt("delete a file", lambda: os.remove(folder + "/secret"))
    return found
'''
