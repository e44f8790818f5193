"""`dlcourse grade DIR`: a folder of strangers' notebooks in, points and pages out."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from pathlib import Path
from typing import Any

from .start import LAYERS, WallError, Zygote


def grade_folder(options: argparse.Namespace) -> int:
    """Grade, say how, and where everything lies -> exit code: 0 done, 1 it could not be done, 130 interrupted."""
    if sys.platform != "linux":
        print("dlcourse: grading needs Linux; docs/instructors.md has a container for other systems.", file=sys.stderr)
        return 1
    with contextlib.ExitStack() as started:
        begun = None
        if (layer := options.layer or LAYERS[0]) in LAYERS[:2]:
            with contextlib.suppress(WallError):
                begun = Zygote(layer)  # it imports NumPy while this process does
                started.callback(begun.close)
        try:
            return _grade(options, begun, started)
        except KeyboardInterrupt:
            print("\nStopped. What is graded is kept; the same command goes on from there.", file=sys.stderr)
            return 130


def _grade(options: argparse.Namespace, begun: Zygote | None, started: contextlib.ExitStack) -> int:
    from ..hardware.machine import cores
    from ..nn.storage import FileError
    from .batch import BatchError, begin, run_all
    from .report import write_all
    from .wall import choose

    folder = options.folder
    out = options.to or folder.with_name(f"{folder.resolve().name}-grades")
    try:
        _look(options, folder, out)
        zygote, passed = choose(options.layer, options.unsafe_process_only, begun)
        started.callback(zygote.close)
        for why in passed:
            print(f"Not used: {why}.")
        print(f"Isolation: {WORDS[zygote.layer]}", flush=True)
        run = begin(out, zygote.layer, options.seed, options.lesson)
        began_s = time.monotonic()
        results = run_all(folder, out, run, options.j or cores(), Bar(), zygote)
        write_all(results, out)
    except (BatchError, WallError, FileError, OSError) as problem:
        print(f"dlcourse: {problem}", file=sys.stderr)
        return 1
    unread = sum(bool(r["problem"]) for r in results)
    print(f"{len(results)} notebooks in {time.monotonic() - began_s:.1f} s.", end=" ")
    print(f"{unread} could not be read: see their notes." if unread else "All of them could be read.")
    print(f"Points: {out / 'grades.csv'}\nThe class: {out / 'class.html'}\nA page for each learner: {out / 'learners'}")
    return 0


WORDS = {
    "bubblewrap": "bubblewrap, Landlock, seccomp and limits; the probes that had to fail have failed.",
    "landlock": "Landlock, seccomp and limits; the probes that had to fail have failed.",
    "process": "NONE. What was handed in runs with all your rights.",
}


def _look(options: argparse.Namespace, folder: Path, out: Path) -> None:
    from ..exercises import notebooks
    from .batch import BatchError, handed_in

    if not folder.is_dir():
        raise BatchError(f"{folder} is no folder.")
    if out.resolve() == folder.resolve() or out.resolve().is_relative_to(folder.resolve()):
        raise BatchError("The grades would lie among the submissions: name another folder with --to.")
    if options.lesson and options.lesson not in notebooks():
        raise BatchError(f"There are no exercises for lesson {options.lesson!r}; for these there are: {notebooks()}.")
    if options.seed is not None and options.seed < 0:
        raise BatchError("A seed is a whole number from 0 on.")
    handed_in(folder)


class Bar:
    """Progress with the time that is left, where somebody watches."""

    def __init__(self):
        self.bar: Any = None

    def __call__(self, total: int, done: int | None) -> None:
        if self.bar is None:
            from tqdm import tqdm

            quiet = not sys.stdout.isatty()
            self.bar = tqdm(total=total, initial=done or 0, unit="notebook", file=sys.stdout, disable=quiet)
        elif done is None:
            self.bar.update()
            if self.bar.n >= self.bar.total:
                self.bar.close()
