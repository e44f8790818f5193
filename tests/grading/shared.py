"""What the processes of one user share beside files: shared memory, semaphores, queues; and attributes of files."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
REMOVE, LOOK, MAKE = 0, 2, 0o1600


class Shared:
    """One of each, with nothing in it."""

    def __init__(self, name: str):
        self.name = f"/{name}"
        self.memory, self.semaphores = libc.shmget(0, 4096, MAKE), libc.semget(0, 1, MAKE)
        self.queue = libc.msgget(0, MAKE)
        libc.close(libc.mq_open(self.name.encode(), os.O_RDWR | os.O_CREAT, 0o600, None))
        assert self.touched() == []

    def places(self) -> dict[str, object]:
        return {"SHMID": self.memory, "SEMID": self.semaphores, "MSGID": self.queue, "MQNAME": self.name}

    def touched(self) -> list[str]:
        """What is gone, or holds something."""
        told, text = ctypes.create_string_buffer(512), ctypes.create_string_buffer(200)
        there = {
            "shared memory": libc.shmctl(self.memory, LOOK, told) >= 0,
            "semaphores": libc.semctl(self.semaphores, 0, LOOK, told) >= 0,
            "a queue": libc.msgctl(self.queue, LOOK, told) >= 0,
            "a queue with a name": (found := libc.mq_open(self.name.encode(), os.O_RDWR)) >= 0,
        }
        if found >= 0:
            libc.close(found)
        found = [f"{what} is gone" for what, is_there in there.items() if not is_there]
        return found + ["a message"] * (libc.msgrcv(self.queue, text, 150, 0, 0o4000) >= 0)

    def close(self) -> None:
        libc.shmctl(self.memory, REMOVE, None)
        libc.semctl(self.semaphores, 0, REMOVE, None)
        libc.msgctl(self.queue, REMOVE, None)
        libc.mq_unlink(self.name.encode())


def attributes(path: Path) -> dict[str, bytes]:
    """What is said of a file beside its text, and its flags; nothing where the file system keeps none."""
    found = {}
    with contextlib.suppress(OSError):
        found = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    with contextlib.suppress(OSError), open(path) as file:
        found["flags"] = fcntl.ioctl(file, 0x80086601, bytes(8))  # FS_IOC_GETFLAGS
    return found


def there(call: int) -> bool:
    """Does the kernel know a call of this number? (It is called for nothing.)"""
    libc.syscall(ctypes.c_long(call), *[ctypes.c_long(-1)] * 6)
    return ctypes.get_errno() != errno.ENOSYS
