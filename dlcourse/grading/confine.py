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
REFUSED = {  # call -> its number on x86-64 and on aarch64; 0 where there is none
    # sockets and what could stand for them
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "io_uring_setup": (425, 425),
    # other processes: to make one, to end it, to look into it, to slow it down
    "fork": (57, 0), "vfork": (58, 0), "execve": (59, 221), "execveat": (322, 281), "kill": (62, 129),
    "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "kcmp": (312, 272), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274), "migrate_pages": (256, 238), "move_pages": (279, 239), "setsid": (112, 157),
    "setpgid": (109, 154),
    # memory that others see
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "userfaultfd": (323, 282),
    # what Landlock does not know of files
    "chmod": (90, 0), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, 0),
    "fchown": (93, 55), "lchown": (94, 0), "fchownat": (260, 54), "utime": (132, 0), "utimes": (235, 0),
    "futimesat": (261, 0), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "inotify_init": (253, 0),
    "inotify_init1": (294, 26), "fanotify_init": (300, 262), "flock": (73, 32),
    # the system itself
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "bpf": (321, 280), "perf_event_open": (298, 241), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
    "reboot": (169, 142), "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setresuid": (117, 147),
    "setgroups": (116, 159), "personality": (135, 92), "sethostname": (170, 161), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "acct": (163, 89), "swapon": (167, 224), "quotactl": (179, 60), "syslog": (103, 116),
    "swapoff": (168, 225), "setdomainname": (171, 162), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "delete_module": (176, 106), "kexec_file_load": (320, 294), "iopl": (172, 0), "ioperm": (173, 0),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "setresgid": (119, 149), "setregid": (114, 143),
    "setfsuid": (122, 151), "setfsgid": (123, 152), "capset": (126, 91), "vhangup": (153, 58),
}  # fmt: skip
PROCESSORS = {
    "x86_64": (0xC000003E, 0, 56, 302),
    "aarch64": (0xC00000B7, 1, 220, 261),
}  # audit, column, clone, prlimit64
OWNERS = {  # what sends a signal when something can be read: call -> its numbers, and the commands that are refused
    "fcntl": ((72, 25), (8, 10, 15)),  # F_SETOWN, F_SETSIG, F_SETOWN_EX
    "ioctl": ((16, 29), (0x8901, 0x8902, 0x5412)),  # FIOSETOWN, SIOCSPGRP, and TIOCSTI, which types at a terminal
}
CLONE3, CLONE_THREAD, X32 = 435, 0x00010000, 0x40000000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, PROCESSOR, ARGUMENT, SECOND = 0, 4, 16, 24  # where they lie in struct seccomp_data


def program() -> bytes:
    """The filter, as instructions of the kernel's packet filter: 8 bytes each."""
    audit, column, clone, prlimit = PROCESSORS[platform.machine()]
    rows = [(LOAD, 0, 0, PROCESSOR), (EQUAL, 1, 0, audit), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER)]
    rows += [(AT_LEAST, 0, 1, X32), (RETURN, 0, 0, KILL)]
    for numbers in REFUSED.values():
        if numbers[column]:
            rows += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, REFUSE | errno.EPERM)]
    for numbers, commands in OWNERS.values():
        tests = [row for c in commands for row in ((EQUAL, 0, 1, c), (RETURN, 0, 0, REFUSE | errno.EPERM))]
        rows += [(EQUAL, 0, len(tests) + 2, numbers[column]), (LOAD, 0, 0, SECOND), *tests, (RETURN, 0, 0, ALLOW)]
    rows += [(EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, REFUSE | errno.ENOSYS)]  # the C library then takes clone
    rows += [(EQUAL, 0, 4, clone), (LOAD, 0, 0, ARGUMENT), (ANY_BIT, 1, 0, CLONE_THREAD)]  # threads, no processes
    rows += [(RETURN, 0, 0, REFUSE | errno.EPERM), (RETURN, 0, 0, ALLOW)]
    rows += [(EQUAL, 0, 3, prlimit), (LOAD, 0, 0, ARGUMENT), (EQUAL, 1, 0, 0), (RETURN, 0, 0, REFUSE | errno.EPERM)]
    rows += [(RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *row) for row in rows)


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("rows", ctypes.c_void_p)]


def seccomp() -> None:
    """Refuse these calls, with "not permitted", for this process and its threads."""
    rows = program()
    memory = ctypes.create_string_buffer(rows, len(rows))
    whole = _Filter(len(rows) // 8, ctypes.addressof(memory))
    if libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(whole), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
