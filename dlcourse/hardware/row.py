"""One row of the doctor's table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was looked at and found. state: "ok", "note" or "red"; mend: the command that helps."""

    what: str
    found: str
    state: str = "ok"
    mend: str = ""
    essential: bool = False
