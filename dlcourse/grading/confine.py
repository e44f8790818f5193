"""Take rights away from this process, for good: limits of the system, Landlock for files, seccomp for system calls.

Standard library only, by ctypes, without a privilege. Linux on x86-64 and aarch64. To be called in a child, after
NumPy is imported and before anything that a stranger wrote. The layouts are those of linux/landlock.h, linux/seccomp.h
and linux/filter.h; the numbers of the calls are those of the kernel's tables for each processor.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
from collections.abc import Iterable

libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
LIMITS = {  # what one answer may take
    resource.RLIMIT_AS: 1 << 30,  # bytes of memory
    resource.RLIMIT_CPU: 60,  # seconds of one processor
    resource.RLIMIT_FSIZE: 0,  # bytes of a file: it writes none
    resource.RLIMIT_NOFILE: 64,
    resource.RLIMIT_CORE: 0,
}


def confine(readable: Iterable[str]) -> None:
    """From here on: reads below `readable` and nothing else, writes nowhere, no sockets, processes, signals."""
    libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
    for what, most in LIMITS.items():
        resource.setrlimit(what, (most, most))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    landlock(readable)
    give_up_capabilities()
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    seccomp()


def give_up_capabilities() -> None:
    """Root without its powers: what is asked of the kernel is asked as by anybody."""
    header, none = struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", *[0] * 6)  # version 3, this process
    if libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(none)):
        raise OSError(ctypes.get_errno(), "capset")


# ---------------------------------------------------------------- files
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every processor
READ_FILE, READ_DIR = 1 << 2, 1 << 3
KNOWN_BY = {1: 13, 2: 14, 3: 15, 5: 16}  # version -> how many kinds of access to files it knows
BIND_OR_CONNECT, ABSTRACT_SOCKETS_AND_SIGNALS = 0b11, 0b11  # since versions 4 and 6


def landlock_version() -> int:
    """Which version of Landlock the kernel has; 0 for none."""
    return max(0, libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def landlock(readable: Iterable[str]) -> None:
    """Files can be read below `readable`; everything else that Landlock knows is refused."""
    version = landlock_version()
    if not version:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock (Linux 5.13, switched on)")
    files = (1 << max(n for since, n in KNOWN_BY.items() if since <= version)) - 1
    rules = struct.pack(
        "QQQ", files, BIND_OR_CONNECT if version >= 4 else 0, ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0
    )
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _called(CREATE_RULESET, ctypes.c_char_p(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    for path in readable:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        access = READ_FILE | READ_DIR if os.path.isdir(path) else READ_FILE
        _called(ADD_RULE, ruleset, 1, ctypes.c_char_p(struct.pack("=Qi", access, place)), 0)
        os.close(place)
    _called(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _called(number: int, *args: object) -> int:
    result = libc.syscall(number, *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


# ---------------------------------------------------------------- system calls
FREE = {  # what an answer may ask for: call -> its number on x86-64 and on aarch64, None where there is none
    # to read, from what is open already or what Landlock lets it open, and to answer by its pipe
    "read": (0, 63), "pread64": (17, 67), "readv": (19, 65), "write": (1, 64), "writev": (20, 66), "lseek": (8, 62),
    "close": (3, 57), "close_range": (436, 436), "stat": (4, None), "fstat": (5, 80), "lstat": (6, None),
    "newfstatat": (262, 79), "statx": (332, 291), "access": (21, None), "faccessat": (269, 48),
    "faccessat2": (439, 439), "readlink": (89, None), "readlinkat": (267, 78), "getdents64": (217, 61),
    "getcwd": (79, 17),
    # memory of its own
    "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226), "madvise": (28, 233),
    "brk": (12, 214),
    # threads of its own, their locks, and the end
    "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "getcpu": (309, 168), "gettid": (186, 178),
    "exit": (60, 93), "exit_group": (231, 94),
    # what it does when a signal comes; it can send none
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136),
    "sigaltstack": (131, 132), "restart_syscall": (219, 128), "alarm": (37, None), "getitimer": (36, 102),
    "setitimer": (38, 103),
    # the time, and waiting
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153), "getrusage": (98, 165), "poll": (7, None),
    "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72),
    # chance, and what it is and where it runs
    "getrandom": (318, 278), "uname": (63, 160), "sysinfo": (99, 179), "getrlimit": (97, 163), "getpid": (39, 172),
    "getppid": (110, 173), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
    "getgroups": (115, 158),
}  # fmt: skip
ONLY = {  # call -> its numbers, which argument is looked at, and what may stand there
    "clone": ((56, 220), 0, (0x3D0F00, 0x7D0F00)),  # a thread, as the GNU library makes it, and as musl does
    "prctl": ((157, 167), 0, (15, 16)),  # PR_SET_NAME, PR_GET_NAME
    "prlimit64": ((302, 261), 0, (0,)),  # itself
    "fcntl": ((72, 25), 1, (0, 1, 2, 3, 4, 1030)),  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC
    "ioctl": ((16, 29), 1, (0x5401, 0x5413, 0x5450, 0x5451)),  # TCGETS, TIOCGWINSZ, FIONCLEX, FIOCLEX
}
OPENS = {"open": ((2, None), 1), "openat": ((257, 56), 2)}  # call -> its numbers, and the argument with the flags
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
PROCESSORS = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # -> audit, column
UNIFIED = 424  # from here on calls are younger than 2019: the C library knows ways without them
X32 = 0x40000000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, PROCESSOR, ARGUMENTS = 0, 4, 16  # where they lie in struct seccomp_data; arguments are 8 bytes each


def program() -> bytes:
    """The filter, as instructions of the kernel's packet filter: 8 bytes each. What no table names is refused."""
    audit, column = PROCESSORS[platform.machine()]
    rows = [(LOAD, 0, 0, PROCESSOR), (EQUAL, 1, 0, audit), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER)]
    rows += [(AT_LEAST, 0, 1, X32), (RETURN, 0, 0, KILL)]
    for numbers in FREE.values():
        if numbers[column] is not None:
            rows += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, ALLOW)]
    for numbers, argument, values in ONLY.values():
        tests = [row for v in values for row in ((EQUAL, 0, 1, v), (RETURN, 0, 0, ALLOW))]
        tests = [(LOAD, 0, 0, ARGUMENTS + 8 * argument), *tests, (RETURN, 0, 0, REFUSE | errno.EPERM)]
        rows += [(EQUAL, 0, len(tests), numbers[column]), *tests]
    for numbers, argument in OPENS.values():
        if numbers[column] is not None:
            rows += [(EQUAL, 0, 4, numbers[column]), (LOAD, 0, 0, ARGUMENTS + 8 * argument), (ANY_BIT, 0, 1, WRITES)]
            rows += [(RETURN, 0, 0, REFUSE | errno.EACCES), (RETURN, 0, 0, ALLOW)]
    rows += [(AT_LEAST, 0, 1, UNIFIED), (RETURN, 0, 0, REFUSE | errno.ENOSYS), (RETURN, 0, 0, REFUSE | errno.EPERM)]
    return b"".join(struct.pack("=HBBI", *row) for row in rows)


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("rows", ctypes.c_void_p)]


def seccomp() -> None:
    """Refuse all calls but these, with "not permitted", for this process and its threads."""
    rows = program()
    memory = ctypes.create_string_buffer(rows, len(rows))
    whole = _Filter(len(rows) // 8, ctypes.addressof(memory))
    if libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(whole), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
