"""`start("00")`, the first line of every notebook: does all work, and where am I?"""

from __future__ import annotations

import platform
from collections.abc import Callable

from ..exercises import CORRECT, exercises
from .cards import say
from .check import tell_failure
from .notebook import lesson, on_failing_exercise
from .record import read
from .start_page import LESSONS
from .work import source_folder

TITLES = {entry[:2]: entry[3:] for entries in LESSONS.values() for entry in entries}
LAST_OF_PART_I = "08"
KEYS = "Shift+Enter runs a cell and moves on to the next"


def start(notebook: str) -> None:
    """Try the parts that a lesson needs, and say in one card whether they work. Never raises."""
    on_failing_exercise(tell_failure)
    lesson[:] = [str(notebook)]
    if str(notebook) <= LAST_OF_PART_I:
        one_blas_thread()
    if wrong := _not_a_lesson(notebook):
        return say("✗ No such notebook", wrong, "wrong")
    name = f"Notebook {notebook}, {TITLES[notebook]}"
    if not written(notebook):
        return say("Not yet written", f"{name}, is still to come. START.md lists the lessons that are there.", "open")
    problem = next(filter(None, map(_trouble, (_tries_data, _tries_network))), None)
    if problem:
        say("✗ Not ready", f"{problem} In a terminal, `dlcourse doctor` says what to do.", "wrong")
    else:
        rows = machine() if notebook == "00" else None
        say("✓ Ready", f"{name}: everything it needs is here and works. {KEYS}.{_exercises(notebook)}", "good", rows)


def _exercises(notebook: str) -> str:
    """How many exercises there are, and how many of them are solved."""
    there, found = exercises(notebook), read()["exercises"]
    solved = sum(found.get(id, {}).get("state") == CORRECT for id in there)
    word = "exercise" if len(there) == 1 else "exercises"
    return f" It has {len(there)} {word}, {solved or 'none'} of them solved so far." if there else ""


def _not_a_lesson(notebook: object) -> str | None:
    """Why this names no lesson, in one sentence; None if it names one."""
    if isinstance(notebook, str) and notebook in TITLES:
        return None
    first, last, number = min(TITLES), max(TITLES), str(notebook).strip().zfill(2)
    if number in TITLES:
        return f'The number of a lesson is written with two digits between quotation marks: `start("{number}")`.'
    return f'The lessons are numbered from {first} to {last}, got {notebook!r}: the first is `start("{first}")`.'


def one_blas_thread() -> None:
    """Compute each matrix product on one core: those of the first lessons are so small that threads only wait for each
    other, and on a busy machine they wait long (30 times as long, measured)."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")


def written(number: str) -> bool:
    """True where the course has this lesson, built or as an author's source."""
    lessons = source_folder()
    return any(lessons.glob(f"{number}_*.ipynb")) or any((lessons.parent / "solutions").glob(f"{number}_*.py"))


def _trouble(attempt: Callable[[], None]) -> str | None:
    """What goes wrong when this is tried, in one sentence; None if nothing does."""
    try:
        attempt()
    except Exception as error:  # whatever it is, the learner needs a sentence and not a traceback
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return f"{attempt.__doc__} failed: {reason.rstrip('.')}."
    return None


def _tries_data() -> None:
    """Reading the bundled images"""
    from ..data import load_digits

    load_digits()


def _tries_network() -> None:
    """Computing with a small network"""
    import numpy as np

    from ..nn.layers import Dense, ReLU
    from ..nn.network import Network

    net = Network(Dense(3, 4), ReLU(), Dense(4, 2))
    y = net.forward(np.ones((5, 3), dtype="float32"))
    if y.shape != (5, 2) or not np.isfinite(y).all():
        raise ArithmeticError(f"expected finite numbers of shape (5, 2), got shape {y.shape}")


# ---------------------------------------------------------------- the machine
def machine() -> list[tuple[str, str]]:
    """What this notebook runs on: Python, NumPy, cores, and a GPU or not, in words. Never raises."""
    import numpy as np

    from ..backends.cores import cores

    n = cores()
    return [
        ("Python", platform.python_version()),
        ("NumPy", np.__version__),
        ("Processor", f"{n} {'core' if n == 1 else 'cores'} to work with"),
        ("GPU", gpu()),
    ]


def gpu() -> str:
    """One sentence. Asks by using the GPU for a moment, since an import proves little."""
    try:
        from ..backends import get_backend

        xp = get_backend("cupy").xp
        if int(xp.arange(4).sum()) != 6:
            raise ArithmeticError
        name = xp.cuda.runtime.getDeviceProperties(xp.cuda.Device().id)["name"].decode()
        return f"{name} (you will use it from notebook 13 on; until then NumPy computes, on the processor)"
    except Exception:  # no driver, no CuPy, a full GPU: `dlcourse doctor` tells them apart
        return "none found, and none needed: NumPy computes, on the processor"
