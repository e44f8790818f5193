"""What an answer must not be able to do, tried from behind the wall before anybody is graded."""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

SECRET = "the probe must not see this"
COLUMN = {"x86_64": 0, "aarch64": 1}.get(platform.machine(), 0)
CALLS = {  # what no answer needs -> its numbers on x86-64 and on aarch64; called for nobody and nothing: -1
    "change attributes of files": {"setxattrat": (463, 463), "removexattrat": (466, 466), "file_setattr": (469, 469),
                                   "fsetxattr": (190, 7), "fremovexattr": (199, 16), "fchmod": (91, 52)},
    "read attributes of files": {"getxattr": (191, 8), "lgetxattr": (192, 9), "fgetxattr": (193, 10),
                                 "listxattr": (194, 11), "llistxattr": (195, 12), "flistxattr": (196, 13),
                                 "getxattrat": (464, 464), "listxattrat": (465, 465), "file_getattr": (468, 468)},
    "take memory and queues that others share": {"shmctl": (31, 195), "semctl": (66, 191), "msgctl": (71, 187),
                                                 "mq_unlink": (241, 181)},
    "leave a message": {"msgsnd": (69, 189), "mq_timedsend": (242, 182), "semop": (65, 193)},
    "write all files to the disk": {"sync": (162, 81), "syncfs": (306, 267)},
}  # fmt: skip


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
            "calls": {what: [numbers[COLUMN] for numbers in calls.values()] for what, calls in CALLS.items()},
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

    def outlive():
        import ctypes
        return ctypes.CDLL(None).prctl(1, 0, 0, 0, 0) == 0

    def limit():
        import resource
        resource.prlimit(aims["pid"], resource.RLIMIT_NOFILE)

    def call(number):
        """Is the kernel asked? It says that these arguments make no sense."""
        import ctypes, errno
        libc = ctypes.CDLL(None, use_errno=True)
        result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
        return result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS)

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
    attempt("outlive the grader", outlive)
    attempt("use the library", library)
    attempt("read the answers", course)
    for what, numbers in aims["calls"].items():
        attempt(what, lambda: any(map(call, numbers)))
    attempt("delete a file", lambda: os.remove(folder + "/secret"))
    return found
'''
