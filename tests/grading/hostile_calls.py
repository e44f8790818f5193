"""Attacks by bare system calls, on what belongs to the user who grades: attributes of files, shared memory, queues."""

from __future__ import annotations

from attack import Hostile, inside

BEGIN = "import ctypes, struct\nlibc = ctypes.CDLL(None, use_errno=True)\n"
RIGHT = "    return f(np.dot(w, x) + b)"


def calls(code: str) -> str:
    """An answer that does this by the C library when it is called."""
    return BEGIN + inside(code)


def right_if(condition: str) -> str:
    """An answer that is right where this succeeds: a point shows that it did."""
    return BEGIN + inside(f"if {condition}:\n{RIGHT}")


ATTRIBUTE = """
value = ctypes.create_string_buffer(VALUE)
name = b"NAME"
path = b"VICTIM/other.ipynb"
libc.syscall(463, -100, path, 0, name, struct.pack("QII", ctypes.addressof(value), len(VALUE), 0), ctypes.c_size_t(16))
"""
RIGHTS = """b"".join([struct.pack("<I", 2), *(struct.pack("<HHI", tag, may, 0xFFFFFFFF)
    for tag, may in ((1, 6), (4, 7), (16, 7), (32, 7)))])"""  # an access list: everybody may do everything
CALLS = [
    Hostile("adds an attribute", "destroy",
            calls(ATTRIBUTE.replace("VALUE", "b'evil'").replace("NAME", "user.evil")), escapes=True, call=463),
    Hostile("lets everybody write", "destroy",
            calls(ATTRIBUTE.replace("VALUE", RIGHTS).replace("NAME", "system.posix_acl_access")),
            escapes=True, call=463),
    Hostile("removes an attribute", "destroy",
            calls("libc.syscall(466, -100, b'VICTIM/other.ipynb', 0, b'user.mine')"), escapes=True, call=466),
    Hostile("sets flags of a file", "destroy",
            calls("libc.syscall(469, -100, b'VICTIM/other.ipynb', struct.pack('QIIII', 0xC0, 0, 0, 0, 0), 24, 0)"),
            escapes=True, call=469),
    Hostile("sets an attribute the old way", "destroy",
            inside("import os\nos.setxattr('VICTIM/other.ipynb', 'user.evil', b'evil')"), escapes=True),
    Hostile("reads an attribute", "loot",
            "import os\n" + inside(f"if os.getxattr('VICTIM/other.ipynb', 'user.mine'):\n{RIGHT}"), escapes=True),
    Hostile("lists attributes", "loot",
            "import os\n" + inside(f"if os.listxattr('VICTIM/other.ipynb'):\n{RIGHT}"), escapes=True),
    Hostile("removes shared memory", "destroy", calls("libc.shmctl(SHMID, 0, None)"), escapes=True),
    Hostile("removes semaphores", "destroy", calls("libc.semctl(SEMID, 0, 0, None)"), escapes=True),
    Hostile("removes a queue", "destroy", calls("libc.msgctl(MSGID, 0, None)"), escapes=True),
    Hostile("removes a queue with a name", "destroy", calls("libc.mq_unlink(b'MQNAME')"), escapes=True),
    Hostile("leaves hidden inputs in a queue", "loot", calls("""
libc.msgsnd(MSGID, struct.pack("q", 7) + repr(w).encode()[:40], 40, 0o4000)
"""), escapes=True),
    Hostile("makes shared memory", "loot", right_if("libc.shmget(0, 4096, 0o1600) >= 0"), escapes=True),
    Hostile("stays when the grader ends", "end", right_if("libc.prctl(1, 0, 0, 0, 0) == 0"), escapes=True),
    Hostile("can be traced", "loot", right_if("libc.prctl(4, 1, 0, 0, 0) == 0"), escapes=True),
    Hostile("has the disk written", "take",
            BEGIN + inside(f"with open('/dev/null') as file:\n    if libc.syncfs(file.fileno()) == 0:\n    {RIGHT}"),
            escapes=True),
    Hostile("locks for others", "take",
            "import fcntl\n" + inside(f"with open('/dev/zero') as file:\n    fcntl.lockf(file, 1)\n{RIGHT}"),
            escapes=True),
]  # fmt: skip
