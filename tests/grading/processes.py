"""Which processes are there, from /proc alone."""

from __future__ import annotations

import os
from pathlib import Path


def parents() -> dict[int, int]:
    """Process -> its parent, without those that have ended."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                state, parent = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                found[int(entry)] = int(parent)
    return found


def below(root: int) -> set[int]:
    """All that a process has started, directly or not."""
    known, found, grown = parents(), {root}, True
    while grown:
        more = {pid for pid, parent in known.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found - {root}


def writing(folder: Path) -> set[int]:
    """Processes in whose command or memory of names this folder stands: daemons that an answer has left."""
    return {pid for pid, parent in parents().items() if parent == 1 and _mentions(pid, str(folder))}


def _mentions(pid: int, text: str) -> bool:
    try:
        return "zygote.py" in Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return False
