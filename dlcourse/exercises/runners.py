"""Two ways to run an answer: in the notebook's process, or in one of its own that gets and returns data only."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import struct
import subprocess
import sys
import tempfile
import time
from typing import Any, Protocol

from . import worker
from .limit import SLICE_S, Clock, TimeLimit, within

CELL_S, START_S = 5.0, 10.0
TEXTS = {"error": 100, "says": 500, "printed": 2000, "trace": 4000, "name": 100}  # in a report, and how long


class Runner(Protocol):
    """Where an answer lives. Reports are those of `worker.perform` and `worker.describe`."""

    def describe(self, names: tuple[str, ...]) -> dict[str, dict]: ...

    def run(self, steps: list, errors: dict[str, str], limit_s: float) -> dict[str, Any]: ...


class InProcess:
    """The answer is in a namespace of this process: the notebook's, or one that a test has filled."""

    def __init__(self, names: dict[str, Any]):
        self.names = names

    def describe(self, names: tuple[str, ...]) -> dict[str, dict]:
        return worker.describe(self.names, list(names))

    def run(self, steps: list, errors: dict[str, str], limit_s: float) -> dict[str, Any]:
        try:
            return within(limit_s, lambda: worker.perform(self.names, steps, errors))
        except TimeLimit:
            return {"error": "TimeLimit", "says": f"still running after {limit_s:g} s", "printed": ""}


class WorkerDied(Exception):
    """The process is gone, or breaks the rules of the frames."""


class TooSlow(WorkerDied):
    """It has not answered in time."""


class Subprocess:
    """The answer is in another process, which holds the standard library and NumPy and gets no more than data.

    cells: (title, source) in the order in which they run. `command` is what a stronger wall puts in front. A call that
    kills the worker or breaks the rules fails; the next one meets a new worker.
    """

    def __init__(self, cells: list[tuple[str, str]], command: tuple[str, ...] = ()):
        self.cells, self.command, self.process = list(cells), command, None
        self.asked = 0  # requests are numbered, so that no late reply is taken for another
        self.failed: dict[str, Any] = {}  # what went wrong in the cells themselves
        self.stood = False  # was there a stop, of this process or the machine, where the time was up?

    def __enter__(self) -> Subprocess:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    @property
    def fallen(self) -> bool:
        """Has what stands around the worker failed it? An answer is then asked once more."""
        return self.stood

    # ---- the runner
    def describe(self, names: tuple[str, ...]) -> dict[str, dict]:
        try:
            found = self._ask({"do": "describe", "names": list(names)}, CELL_S)
        except WorkerDied:
            return {}
        return {k: _described(v) for k, v in found.items() if k in names and isinstance(v, dict)}

    def run(self, steps: list, errors: dict[str, str], limit_s: float) -> dict[str, Any]:
        try:
            reply = self._ask({"do": "run", "steps": worker.encode(steps), "errors": errors}, limit_s)
            return _report(reply)
        except TooSlow as slow:
            return {"error": "TimeLimit", "says": str(slow), "printed": ""}
        except WorkerDied as died:
            return {"error": "WorkerDied", "says": str(died), "printed": ""}
        except ValueError:
            self.close()
            return {"error": "WorkerDied", "says": "the reply was no data", "printed": ""}

    # ---- the process
    def start(self) -> None:
        """A new worker, with the cells run in it."""
        self.launch()
        self.failed = {}
        self._exchange({"do": "describe", "names": []}, START_S)  # until NumPy is there
        for title, source in self.cells:
            try:
                reply = self._exchange({"do": "cell", "title": title, "source": source}, CELL_S)
            except WorkerDied as died:
                slow = isinstance(died, TooSlow)
                self.failed = {"error": "TimeLimit" if slow else "WorkerDied", "says": str(died)}
                raise
            if reply.get("error") and not self.failed:
                self.failed = {k: v for k, v in reply.items() if isinstance(v, (str, int))}

    def launch(self) -> None:
        """Make the process, and the two pipes to it."""
        (replies, there_out), (there_in, requests) = os.pipe(), os.pipe()
        self.home = tempfile.TemporaryDirectory(prefix="answer-", ignore_cleanup_errors=True)
        program = [*self.command, sys.executable, "-I", worker.__file__, str(there_in), str(there_out)]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        env = {"HOME": self.home.name, "TMPDIR": self.home.name, "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        try:
            self.process = subprocess.Popen(
                program, pass_fds=(there_in, there_out), cwd=self.home.name, env=env, start_new_session=True, **quiet
            )
        except OSError:
            os.close(replies)
            os.close(requests)
            self.home.cleanup()
            raise
        finally:
            os.close(there_in)
            os.close(there_out)
        self.replies, self.requests = replies, requests

    def end(self) -> None:
        """End the process and what it has started."""
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)  # a group of its own, by start_new_session
        self.process.kill()
        self.process.wait()
        self.home.cleanup()

    def close(self) -> None:
        """End the worker and what it has started, and wait until they are gone."""
        if self.process is None:
            return
        self.end()
        end = time.monotonic() + 1
        with selectors.DefaultSelector() as ready:  # nobody holds the other end any more
            ready.register(self.replies, selectors.EVENT_READ)
            while ready.select(max(0, end - time.monotonic())) and os.read(self.replies, 1 << 16):
                pass
        os.close(self.replies)
        os.close(self.requests)
        self.process = None

    def _ask(self, request: dict, limit_s: float) -> dict:
        if self.process is None:
            self.start()
        return self._exchange(request, limit_s)

    def _exchange(self, request: dict, limit_s: float) -> dict:
        self.asked += 1
        try:
            answer = self._read(worker.frame({"n": self.asked, **request}), limit_s)
            if answer.get("n") != self.asked or type(reply := answer.get("reply")) is not dict:
                raise WorkerDied("the reply was no data")
            return reply
        except (OSError, ValueError, WorkerDied) as problem:
            self.close()
            if isinstance(problem, WorkerDied):
                raise
            raise WorkerDied("the process ended or broke the rules") from None

    def _read(self, message: bytes, limit_s: float) -> dict:
        """Send one frame and wait for the one that answers it. When the time is up it looks once more."""
        clock, got, need, looked = Clock(), b"", 4, False
        os.set_blocking(self.requests, False)
        with selectors.DefaultSelector() as ready:
            ready.register(self.replies, selectors.EVENT_READ)
            if ready.select(0):  # a reply to nothing, or its end
                raise WorkerDied("the process ended or said something that nobody asked for")
            ready.register(self.requests, selectors.EVENT_WRITE)
            while len(got) < need or need == 4:
                left = limit_s - clock.read()
                events = ready.select(max(0, min(left, SLICE_S)))
                if left <= 0 and (looked or not events):
                    self.stood |= clock.stood
                    raise TooSlow(f"still running after {limit_s:g} s")
                looked = left <= 0
                for key, _ in events:
                    if key.fd == self.requests:
                        message = message[os.write(self.requests, message) :]
                        if not message:
                            ready.unregister(self.requests)
                        continue
                    if not (part := os.read(self.replies, 1 << 16)):
                        raise WorkerDied("the process ended")
                    got += part
                if need == 4 and len(got) >= 4:
                    need = 4 + struct.unpack(">I", got[:4])[0]
                    if need > worker.MOST_BYTES + 4:
                        raise WorkerDied("the reply is too large")
        if len(got) != need:
            raise WorkerDied("more came than was asked for")
        try:
            reply = json.loads(got[4:])
        except RecursionError:
            reply = None
        if type(reply) is not dict:
            raise WorkerDied("the reply was no data")
        return reply


# ---------------------------------------------------------------- what may come back
def _report(reply: dict) -> dict[str, Any]:
    """Only what a report holds, of the types that it has there, and short. ValueError for anything else."""
    report = {k: worker.decode(reply[k]) for k in ("value", "changed", "kept", "line", *TEXTS) if k in reply}
    for name, most in TEXTS.items():
        if name in report:
            report[name] = _text(report[name], most)
    if any(type(report.get(k, False)) is not bool for k in ("changed", "kept")):
        raise ValueError("no report")
    if type(report.get("line")) not in (int, type(None)):
        raise ValueError("no report")
    if not report.get("error") and "value" not in report:
        raise ValueError("no report")
    return report


def _described(found: dict) -> dict[str, Any]:
    """What was said about a name, where it makes sense; else only that there is something."""
    names, least, most = found.get("names"), found.get("least"), found.get("most")
    if type(names) is not list or type(least) is not int or type(most) not in (int, type(None)):
        return {"kind": found["kind"]} if found.get("kind") in ("open", "value", "class") else {"kind": "function"}
    names = [_text(name, 50) for name in names[:50] if type(name) is str]
    return {"kind": found.get("kind"), "names": names, "least": min(least, 99), "most": most and min(most, 99)}


def _text(text: Any, most: int) -> str:
    if type(text) is not str:
        raise ValueError("no text")
    return text[:most].encode("utf-8", "replace").decode()
