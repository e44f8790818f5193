"""An alarm in place of each operation of the library: who trains with their own functions alone hears none."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..nn.ops import EQUATIONS


def alarms() -> dict[str, Callable]:
    """For `net.swap(**alarms())`: name -> a function that takes what the operation takes, and raises."""
    return {name: alarm(name) for name in EQUATIONS}


def alarm(name: str) -> Callable:
    """The one for this operation."""

    @wraps(EQUATIONS[name])  # for its list of arguments
    def raises(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"the library's own {name} was called")

    return raises


def rings(mine: dict[str, Callable], update: Callable, net: Any, *args: Any) -> list[str]:
    """Leave out one of mine after the other: the names of those whose alarm goes off in update(net, *args)."""
    heard = []
    for name in mine:
        others = {other: f for other, f in mine.items() if other != name}
        try:
            with net.swap(**alarms()), net.swap(**others):
                update(net, *args)
        except RuntimeError as error:
            if f"the library's own {name} was called" in str(error):
                heard.append(name)
    return heard
