"""`dlcourse build --record NN`: the long runs of a lesson, and one file of what they gave, whole or not at all."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import math
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from .. import __version__
from ..data import DataError, Dataset, DataUnavailable, load_mnist
from ..hardware.machine import blas, cores, processor_name
from ..lesson.recorded import FORM, RecordError, record_of
from ..nn.storage import FileError, write_whole
from ..training.failure import NonFiniteLoss
from ..training.hooks import watched
from .long_runs import LONG_RUNS, LongRun


class OutOfBand(Exception):
    """A run gave what cannot be believed; the sentence says which and what."""


def record(lesson: str | None, root: Path) -> int:
    """Run, and write records/NN.json -> exit code: 0 written, 1 it was not, 2 nothing to run, 130 interrupted."""
    number = (lesson or "").zfill(2)
    runs = LONG_RUNS.get(number)
    if not runs:
        who = f"lesson {lesson} has no long runs" if lesson else "say which lesson"
        print(f"{who}: results are recorded for {' and '.join(LONG_RUNS)}.", file=sys.stderr)
        return 2
    path = place(root, number)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = perform(number, runs, load_mnist().flat())
        write_whole(path, text(content, number).encode())
    except KeyboardInterrupt:
        kept = "what was there is as it was" if path.exists() else "nothing is left behind"
        print(f"Interrupted: nothing was recorded, {kept}.", file=sys.stderr)
        return 130
    except (DataUnavailable, DataError, FileError, OSError, OutOfBand, RecordError) as why:
        print(f"Nothing was recorded: {why}", file=sys.stderr)
        return 1
    print(f"{path.relative_to(root)}: {', '.join(runs)}, in {content['seconds']:,.0f} s")
    return 0


def place(root: Path, lesson: str) -> Path:
    """Where the record of a lesson belongs."""
    return root / "dlcourse" / "lesson" / "records" / f"{lesson}.json"


def perform(lesson: str, runs: dict[str, LongRun], data: Dataset) -> dict[str, Any]:
    """All runs, and the record of them; OutOfBand as soon as one gives what cannot be believed.

    On one BLAS thread: the small products are as quick, and how many cores a machine has changes no number.
    """
    start, results = time.perf_counter(), {}
    with threadpool_limits(1), progress(sum(run.epochs for run in runs.values())) as begin:
        for name, run in runs.items():
            results[name] = perform_one(name, run, data, begin)
    return {
        "form": FORM,
        "lesson": lesson,
        "date": datetime.date.today().isoformat(),
        "machine": {"processor": processor_name(), "cores": cores()},
        "versions": {
            "Python": platform.python_version(),
            "NumPy": np.__version__,
            "BLAS": blas(),
            "dlcourse": __version__,
        },
        "seconds": round(time.perf_counter() - start, 1),
        "command": f"dlcourse build --record {lesson}",
        "results": results,
    }


def perform_one(name: str, run: LongRun, data: Dataset, begin: Callable[[str], Any]) -> dict[str, Any]:
    """One run; what fit would say of an interruption, that its weights are kept, does not hold here."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            result = run.train(data, begin)
    except NonFiniteLoss as why:
        raise OutOfBand(f"{name}: {why}") from why
    if found := problems({name: run}, {name: result}):
        raise OutOfBand(found[0])
    return result


def problems(runs: dict[str, LongRun], results: dict[str, Any]) -> list[str]:
    """What cannot be believed of these results, a sentence each."""
    if list(runs) != list(results):
        return [f"expected the results of {', '.join(runs)}, got {', '.join(results)}"]
    bad = [f"{name} gave {value}" for name in runs for value in _numbers(results[name]) if not math.isfinite(value)]
    return bad or [
        f"{name} has left its band: {what} is {value:.10g}, expected {_band(least, most)}"
        for name, run in runs.items()
        for what, value, least, most in run.claims(results[name])
        if not least <= value <= most
    ]


def _band(least: float, most: float) -> str:
    return f"{least:.10g}" if least == most else f"{least:.10g} to {most:.10g}"


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, int | float):
        yield value


@contextlib.contextmanager
def progress(epochs: int) -> Iterator[Callable[[str], Any]]:
    """A line of text with the time to go, where somebody watches. Gives begin(name) -> a hook that counts epochs."""
    from tqdm import tqdm

    with tqdm(total=epochs, unit="epoch", file=sys.stdout, dynamic_ncols=True, disable=not watched()) as bar:

        def count(run: Any) -> None:
            bar.update()

        def begin(name: str) -> Callable[[Any], None]:
            bar.set_description(name)
            return count

        yield begin


def text(content: dict[str, Any], lesson: str) -> str:
    """The one text of a record, checked by the eyes that will read it; a list of numbers stands on one line."""
    record_of(content, lesson)
    dumped = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return re.sub(r"\[\s+([^][{}\"]*?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", dumped) + "\n"
