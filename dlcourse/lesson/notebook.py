"""The notebook around a lesson: its names, its cells, and what to do when an exercise's cell fails before its check."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable
from typing import Any

lesson: list[str] = []  # the number of the lesson that was started last
judged: dict[str, int] = {}  # exercise -> the number of the run in which it was last checked
CHECK = re.compile(r"^[^#\n]*\bcheck\(\s*[\"'](\d\d\.\d+)[\"']", re.M)


def shell() -> Any:
    """IPython's shell, or None in a plain script."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def names() -> dict[str, Any]:
    """Where the learner's names live: the notebook's, or the running script's."""
    here = shell()
    return here.user_ns if here else vars(sys.modules["__main__"])


def cells() -> list[str]:
    """The cells that were run in this kernel, in the order in which they ran, the current one last."""
    here = shell()
    return [c for c in here.history_manager.input_hist_parsed if isinstance(c, str)] if here else []


def note_check(id: str) -> None:
    """The check of this exercise was reached: what fails below it in the same cell is no answer to it."""
    if here := shell():
        judged[id] = here.execution_count


def on_failing_exercise(tell: Callable[[str, BaseException], None]) -> None:
    """From now on, an error before check("NN.k") in the cell that calls it is told by `tell(id, error)`, not by a
    traceback."""
    here = shell()
    if here is None or getattr(here, "_dlcourse_tells", False):
        return

    def told(error: BaseException) -> bool:
        found = CHECK.search(raw_cell(here))
        if found is None or judged.get(found[1]) == here.execution_count:
            return False
        tell(found[1], error)
        return True

    def handler(shell: Any, kind: type, error: BaseException, trace: Any, tb_offset: int | None = None) -> None:
        if not told(error):
            traceback((kind, error, trace), tb_offset=tb_offset)

    def unread(exc_tuple: Any = None, *args: Any, **rest: Any) -> None:
        """IPython shows odd indentation, and a `return` outside of a function, without asking the handler."""
        error = (exc_tuple or sys.exc_info())[1]
        if not (isinstance(error, SyntaxError) and told(error)):
            traceback(exc_tuple, *args, **rest)

    traceback, here.showtraceback = here.showtraceback, unread
    here.set_custom_exc((Exception,), handler)
    here._dlcourse_tells = True


def raw_cell(shell: Any) -> str:
    """The cell that is running, as it was typed."""
    raw = getattr(shell.history_manager, "input_hist_raw", None) or [""]
    return raw[-1] if isinstance(raw[-1], str) else ""


def no_displays() -> Any:
    """While an answer is judged, what it displays is thrown away: a page of pictures would bury the verdict."""
    if shell() is None:
        return contextlib.nullcontext()
    from IPython.utils.capture import capture_output

    return capture_output(stdout=False, stderr=False, display=True)


def under_a_magic() -> bool:
    """Does the cell that is running begin with `%%time` or the like?"""
    here = shell()
    return bool(here) and raw_cell(here).lstrip().startswith("%%")
