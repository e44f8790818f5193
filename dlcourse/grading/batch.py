"""A folder of submissions: graders in processes of their own, results written one by one, resumable at any moment.

OUT/run.json holds the seed; OUT/results/*.json one file for each submission, named by a hash of its place. A run that
was stopped, however hard, goes on where it was; a submission that has changed since is graded anew.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import resource
import secrets
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from ..exercises.limit import Clock
from ..nn.storage import write_whole
from .confine import PR_SET_PDEATHSIG, libc
from .grade import Kept, Result, grade, nothing
from .handed import BatchError, Handed, handed_in, look_through, natural
from .start import WallError, Zygote
from .submission import digest

VERSION = 1
MOST_MEMORY = 2 << 30  # bytes, of a grader
MOST_S = 60.0  # for one notebook, before its grader is given up


# ---------------------------------------------------------------- the run
@dataclass(frozen=True)
class Run:
    """What decides every point, and what was decided before anybody was graded. folder: seen from where it is kept."""

    seed: int
    layer: str
    lesson: str = ""
    folder: str = ""

    def data(self) -> dict[str, Any]:
        return {"version": VERSION, **asdict(self)}


def begin(out: Path, layer: str, seed: int | None, lesson: str, folder: Path | None = None) -> Run:
    """The run that lies in `out`, or a new one. BatchError where what is asked for is another than what was begun."""
    place = out / "run.json"
    if not place.exists() and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BatchError(f"{out} is there already, and holds no grades: choose another folder with --to.")
    if place.exists():
        for half_written in [
            *out.glob(".*.writing"),
            *out.glob("results/.*.writing"),
            *out.glob("learners/.*.writing"),
        ]:
            half_written.unlink(missing_ok=True)  # by a run that was killed
        old = held(out, folder)
        if lesson != old.lesson:
            what = f"lesson {old.lesson} alone" if old.lesson else "all lessons"
            raise BatchError(f"{out} holds the grades of {what}: choose another folder with --to.")
        if seed is not None and seed != old.seed:
            raise BatchError(f"{out} holds a run with another seed: choose another folder with --to.")
        run = replace(old, layer=layer)
    else:
        run = Run(secrets.randbits(63) if seed is None else seed, layer, lesson, _seen_from(out, folder))
    (out / "results").mkdir(parents=True, exist_ok=True)
    (out / "results").chmod(0o700)  # each result holds the seed
    before = os.umask(0o077)
    try:
        write_whole(place, json.dumps(run.data(), indent=1).encode())
    finally:
        os.umask(before)
    return run


def held(out: Path, folder: Path | None = None) -> Run:
    """The run that lies in `out`. BatchError where there is none, or where it is of another folder."""
    place = out / "run.json"
    try:
        kept = json.loads(place.read_text(encoding="utf-8"))
        run = Run(int(kept["seed"]), str(kept["layer"]), str(kept["lesson"]), str(kept.get("folder", "")))
    except FileNotFoundError:
        raise BatchError(f"There are no grades in {out} yet: grade the folder first.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BatchError(f"{place} cannot be read: choose another folder with --to.") from None
    here = _seen_from(out, folder) or run.folder
    if run.folder and here != run.folder:
        raise BatchError(
            f"{out} holds the grades of {os.path.normpath(out.resolve() / run.folder)}: put what came late into that "
            "folder, or choose another one for the grades with --to."
        )
    return replace(run, folder=here)


def _seen_from(out: Path, folder: Path | None) -> str:
    """The way to a folder, which still holds after both have been moved together."""
    return "" if folder is None else Path(os.path.relpath(folder.resolve(), out.resolve())).as_posix()


def kept_results(out: Path, by_learner: dict[str, list[Handed]], run: Run) -> dict[str, dict]:
    """The results of this run that are there already and still hold: file -> result."""
    found = {}
    for whole in by_learner.values():
        for one, sha256 in zip(whole, chain(whole)):
            try:
                result = json.loads((out / "results" / one.name).read_text(encoding="utf-8"))
                if (result["seed"], result["sha256"]) == (run.seed, sha256):
                    found[one.file] = result | {"learner": one.learner}
            except (OSError, ValueError, KeyError, TypeError):
                continue
    return found


def chain(whole: list[Handed]) -> Iterator[str]:
    """A name for what each file of a learner holds, and those before it, whose answers it may build on."""
    link = ""
    for one in whole:
        link = hashlib.sha256(f"{link} {one.file} {digest(one.path)}".encode("utf-8", "surrogateescape")).hexdigest()
        yield link


def run_all(folder: Path, out: Path, run: Run, workers: int, bar: Any = None, begun: Zygote | None = None):
    """Grade everything that has no result yet -> all results, in the order of the files. begun: for the first."""
    handed = handed_in(folder)
    by_learner: dict[str, list[Handed]] = {}
    for one in handed:
        by_learner.setdefault(one.learner, []).append(one)
    done = kept_results(out, by_learner, run)
    # the answers of a learner's earlier notebooks go on to the later ones: who is to be graded is graded whole
    tasks = [all_of for all_of in by_learner.values() if any(one.file not in done for one in all_of)]
    if bar is not None:
        bar(len(handed), len(handed) - sum(map(len, tasks)))
    for one, result in _graded(tasks, run, min(workers, max(1, len(tasks))), begun):
        result |= {"seed": run.seed, "layer": run.layer}
        text = json.dumps(result, indent=1, sort_keys=True, ensure_ascii=True)
        write_whole(out / "results" / one.name, text.encode())
        done[one.file] = result
        if bar is not None:
            bar(len(handed), None)
    results = [done[one.file] for one in handed] + _without(folder, run)
    return without_copies(sorted(results, key=lambda r: natural(r["file"])))


def _without(folder: Path, run: Run) -> list[dict]:
    """Nobody vanishes: a result for each learner in whose folder there is no notebook."""
    more = {"seed": run.seed, "layer": run.layer, "sha256": "no file", "missing": True}
    return [
        Result(who, file, run.lesson, nothing(run.lesson), problem=f"There is no notebook in it: {inside}.").data()
        | more
        for who, (file, inside) in look_through(folder).without.items()
    ]


def without_copies(results: list[dict]) -> list[dict]:
    """Of several notebooks of one learner for one lesson the last one that can be read counts."""
    last: dict[tuple[str, str], dict] = {}
    for r in results:
        before = last.get((r["learner"], r["lesson"]))
        if r["lesson"] and (before is None or before["problem"] or not r["problem"]):
            last[r["learner"], r["lesson"]] = r
    found = []
    for r in results:
        counts = last.get((r["learner"], r["lesson"]), r)["file"]
        if r["file"] != counts:
            if not r["problem"]:
                r = r | {"problem": f"{counts} answers the same lesson, and the last one counts.", "superseded": True}
            r = r | {"points": 0, "of": 0, "exercises": []}
        found.append(r)
    return found


def _graded(tasks: list[list[Handed]], run: Run, workers: int, begun: Zygote | None) -> Iterator[tuple[Handed, dict]]:
    """Deal the learners out to graders. One that dies or is stuck costs the file it was at, and is replaced."""
    waiting, graders = list(reversed(tasks)), []
    try:
        while True:
            idle = [g for g in graders if not g.left]
            while waiting and (idle or len(graders) < workers):
                if not idle:
                    idle.append(Grader(run, begun))
                    graders.append(idle[0])
                    begun = None
                idle.pop().give(waiting.pop())
            busy = [g for g in graders if g.left]
            if not busy:
                return
            ready = wait([g.pipe for g in busy], timeout=1.0)
            for grader in busy:
                result = grader.take() if grader.pipe in ready else None
                if result is not None:
                    yield grader.left.pop(0), result
                elif grader.dead or grader.late():
                    one, *rest = grader.left
                    graders.remove(grader)
                    grader.close()
                    waiting += [rest] if rest else []
                    yield one, _stopped(one, run)
    finally:
        for grader in graders:
            grader.close()


def _stopped(one: Handed, run: Run) -> dict[str, Any]:
    why = "Reading or grading this file stopped the grader, so it has no points: look at it by hand."
    return Result(one.learner, one.file, run.lesson, nothing(run.lesson), problem=why).data() | {"sha256": "stopped"}


class Grader:
    """A process that grades the notebooks of one learner after the other; `left`: those that it still owes.

    begun: a process behind the wall that it takes over, instead of starting one.
    """

    def __init__(self, run: Run, begun: Zygote | None = None):
        self.left: list[Handed] = []
        self.begun = begun
        self.dead, self.clock = False, Clock(1.0)  # a slice of it is the wait of `_graded`
        self.pipe, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        self.process = context.Process(target=_serve, args=(there, self.pipe, run, begun), daemon=True)
        self.process.start()
        there.close()
        if begun is not None:
            begun.control.close()  # it ends with the grader, which has the other end

    def give(self, task: list[Handed]) -> None:
        """Hand over the notebooks of one learner."""
        self.left, self.clock = list(task), Clock(1.0)
        try:
            self.pipe.send(task)
        except OSError:
            self.dead = True

    def take(self) -> dict | None:
        """The result that has come; None where the process has ended instead."""
        self.clock = Clock(1.0)
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            self.dead = True
            return None

    def late(self) -> bool:
        """Has one notebook taken longer than any may?"""
        return self.clock.read() > MOST_S and not self.pipe.poll()  # looked at once more

    def close(self) -> None:
        """End the process, and with it what it has started."""
        self.pipe.close()
        self.process.kill()
        self.process.join()
        if self.begun is not None:
            self.begun.close()


def _serve(pipe: Connection, other: Connection, run: Run, begun: Zygote | None) -> None:
    """A grader: gets learners, sends results. Ends with the pipe, and with its parent."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends this
    other.close()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    threadpool_limits(1)
    zygote = begun or Zygote(run.layer)
    try:
        while True:
            kept: Kept = {}
            task = pipe.recv()
            before = list(chain(task))
            for n, one in enumerate(task):
                result = grade(one.path, one.learner, one.file, zygote, run.seed, run.lesson, kept).data()
                same = (
                    list(chain(task[: n + 1])) == before[: n + 1]
                )  # a file that was changed meanwhile is graded again
                pipe.send(result | {"sha256": before[n] if same else "changed"})
    except (EOFError, OSError, WallError):
        pass
    finally:
        zygote.close()
