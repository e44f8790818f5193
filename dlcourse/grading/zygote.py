"""Inside the wall: holds NumPy and no secret, and forks a worker for each answer. A program of its own, never imported.

    python -s -P -S zygote.py CONTROL LAYER SITE WORKER CONFINE READABLE...

CONTROL is a socket. A message of one byte and two descriptors asks for a worker that serves them, and the reply is its
number; a number asks for its end, and the reply is the number. LAYER says whether workers give up their rights.
"""

import contextlib
import os
import random
import signal
import socket
import struct
import sys
import types

CONFINED = ("bubblewrap", "landlock")


def module(path: str) -> types.ModuleType:
    """A file as a module: nothing else of the course can be imported."""
    made = types.ModuleType(os.path.basename(path).removesuffix(".py"))
    made.__file__ = path
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), made.__dict__)
    return made


def import_numpy() -> None:
    """What answers import, once for all workers, and while files can still be read."""
    global numpy
    import fractions  # noqa: F401

    import numpy.fft
    import numpy.random


def main() -> None:
    """Fork and end workers until the socket closes."""
    control, layer, site, worker_file, confine_file, *readable = sys.argv[1:]
    sys.path.append(site)
    import_numpy()
    sys.path.remove(site)  # NumPy finds its own parts; of the packages beside it nothing is there
    worker, confine = module(worker_file), module(confine_file) if layer in CONFINED else None

    asked = socket.socket(fileno=int(control))
    asked.sendall(b"r")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what one answer says there must not stand in another's way
    me, alive = os.getpid(), set()
    while True:
        message, descriptors, *_ = socket.recv_fds(asked, 4, 2)
        if not message:
            break
        if descriptors:
            pid = os.fork()
            if not pid:
                asked.close()
                serve(worker, confine, readable, me, *descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            alive.add(pid)
        else:
            (pid,) = struct.unpack(">I", message)
            if pid in alive:
                alive.remove(pid)
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        asked.sendall(struct.pack(">I", pid))
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def serve(
    worker: types.ModuleType, confine: types.ModuleType | None, readable: list, parent: int, requests: int, replies: int
) -> None:
    """Be the worker, without rights, until the pipe closes; nothing where the parent has ended already."""
    code = 1
    null = os.open(os.devnull, os.O_RDWR)  # of its own: flags of a shared one would pass from answer to answer
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for descriptor in range(3, 64):
        if descriptor not in (requests, replies):
            with contextlib.suppress(OSError):
                os.close(descriptor)
    try:
        sys.argv = ["worker", str(requests), str(replies)]
        random.seed(0)  # an answer that draws draws the same in every run; a fork has drawn a new seed
        numpy.random.seed(0)
        if confine:
            confine.confine(readable)
        if os.getppid() == parent:  # else the signal that ends it with its parent would never come
            worker.main()
            code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
