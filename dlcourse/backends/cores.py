"""How many cores this process may use: what it was pinned to, and what a container lets it have."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

CGROUP, PROC = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def cores() -> int:
    """Cores that this process may use: the smaller of its affinity and of its container's share of time, rounded up."""
    pinned = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([pinned, *(math.ceil(share) for share in _shares())]))


def _shares() -> list[float]:
    """What Linux control groups allow, in cores: microseconds of work in a period ÷ the period's length."""
    found = []
    for folder in _folders():
        with contextlib.suppress(OSError, ValueError):  # version 2; "max" is no limit
            quota, period = (folder / "cpu.max").read_text().split()
            found.append(int(quota) / int(period))
        with contextlib.suppress(OSError, ValueError):  # version 1; −1 is no limit
            quota, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
            found += [quota / period] if quota > 0 else []
    return found


def _folders() -> list[Path]:
    """The group of this process and every group around it."""
    found = {CGROUP, CGROUP / "cpu"}
    with contextlib.suppress(OSError):
        for line in PROC.read_text().splitlines():
            _, kinds, group = line.split(":", 2)
            if kinds == "" or "cpu" in kinds.split(","):
                top = CGROUP / "cpu" if kinds else CGROUP
                inner = top / group.strip("/")
                found |= {inner, *(p for p in inner.parents if top in p.parents)}
    return sorted(found)
