"""`dlcourse grade DIR`: a folder of strangers' notebooks in, points and pages out."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
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
    from .handed import look_through, shown
    from .report import write_all
    from .wall import choose

    folder, lesson = options.folder, options.lesson
    lesson = lesson.zfill(2) if lesson.isdecimal() else lesson
    try:
        out = options.to or _beside(folder)
        _look(options, folder, out, lesson)
        zygote, passed = choose(options.layer, options.unsafe_process_only, begun)
        started.callback(zygote.close)
        for why in passed:
            print(f"Not used: {why}.")
        print(f"Isolation: {WORDS[zygote.layer]}", flush=True)
        if options.explain:
            from .explain import explain

            print(explain(folder, out, zygote, *options.explain))
            return 0
        run = begin(out, zygote.layer, options.seed, lesson, folder)
        began_s = time.monotonic()
        results = run_all(folder, out, run, options.j or cores(), Bar(), zygote)
        theirs = [r for r in results if not lesson or r["lesson"] == lesson]
        passed_over = look_through(folder).others
        write_all(theirs, out, passed_over)
    except (BatchError, WallError, FileError, OSError) as problem:
        print(f"dlcourse: {shown(problem)}", file=sys.stderr)
        return 1
    print("\n".join(_told(theirs, len(results) - len(theirs), passed_over, time.monotonic() - began_s)))
    print(f"Points: {out / 'gradebook.csv'}, and each notebook's: {out / 'grades.csv'}")
    print(f"The class: {out / 'class.html'}\nA page for each learner: {out / 'learners'}")
    return 0


def _beside(folder: Path) -> Path:
    """Where grades go if nobody says so. `.` has a name too: that of the folder it is."""
    whole = folder.resolve()
    if not whole.name:
        raise OSError("the grades need a folder: name one with --to")
    return (folder if folder.name not in ("", "..") else whole).with_name(f"{whole.name}-grades")


def _told(results: list[dict], of_others: int, passed_over: list[str], took_s: float) -> Iterator[str]:
    """What the terminal says when all is graded: what was counted, and what was not."""
    from ..exercises.sentences import counted
    from .handed import few

    missing = [r["learner"] for r in results if r.get("missing")]
    superseded = sum(r.get("superseded", False) for r in results)
    unread = sum(bool(r["problem"]) for r in results) - superseded - len(missing)
    yield f"{counted(len(results) - len(missing), 'notebook')} in {took_s:.1f} s."
    if unread:
        yield f"{unread} could not be read: see {'its note' if unread == 1 else 'their notes'}."
    elif len(results) > len(missing):
        yield "All of them could be read." if len(results) > len(missing) + 1 else "It could be read."
    if superseded:
        yield f"{superseded} {'does' if superseded == 1 else 'do'} not count: a later one of the learner does."
    if missing:
        yield f"{counted(len(missing), 'learner')} handed in no notebook: {few(missing)}."
    if of_others:
        yield f"{counted(of_others, 'notebook')} of other lessons {'was' if of_others == 1 else 'were'} passed over."
    if passed_over:
        yield f"{counted(len(passed_over), 'file')} that {'is' if len(passed_over) == 1 else 'are'} no notebook: " + (
            f"{few(passed_over)}."
        )


WORDS = {
    "bubblewrap": "bubblewrap, Landlock, seccomp and limits; the probes that had to fail have failed.",
    "landlock": "Landlock, seccomp and limits; the probes that had to fail have failed.",
    "process": "NONE. What was handed in runs with all your rights.",
}


def _look(options: argparse.Namespace, folder: Path, out: Path, lesson: str) -> None:
    from ..exercises import notebooks
    from .batch import BatchError, handed_in

    if not folder.is_dir():
        raise BatchError(f"{folder} is no folder.")
    if out.resolve() == folder.resolve() or out.resolve().is_relative_to(folder.resolve()):
        raise BatchError("The grades would lie among the submissions: name another folder with --to.")
    if lesson and lesson not in notebooks():
        *most, last = notebooks()
        raise BatchError(f"There are no exercises for lesson {lesson!r}; there are for {', '.join(most)} and {last}.")
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
