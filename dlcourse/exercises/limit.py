"""A limit on the time that somebody else's code may take, in this process."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from .worker import learners

SLICE_S = 0.25  # a wait is cut into slices, so that it shows where nobody was running


class Clock:
    """Counts the time in which this process could run. Where it, or the machine, was stopped, a slice is all that
    counts: whoever was stopped with it has had no time either. Busy time counts whole."""

    def __init__(self, slice_s: float = SLICE_S) -> None:
        self.slice_s, self.passed_s, self.stood = slice_s, 0.0, False
        self._at_s, self._busy_s = time.monotonic(), time.process_time()

    def read(self) -> float:
        """Seconds so far. To be asked at least once in a slice."""
        at_s, busy_s = time.monotonic(), time.process_time()
        step_s, most_s = at_s - self._at_s, max(self.slice_s, busy_s - self._busy_s)
        self.stood |= step_s > most_s + self.slice_s
        self.passed_s += min(step_s, most_s)
        self._at_s, self._busy_s = at_s, busy_s
        return self.passed_s


class TimeLimit(BaseException):
    """The time is up. Not an Exception, so that `except Exception` does not swallow it."""


def within(seconds: float, work: Callable[[], Any]) -> Any:
    """work(), ended by TimeLimit when the time is up.

    It runs in a generator, which has its own record of the exception that is being handled: one that is raised where an
    `except:` begins would stay in ours for good, and be shown in place of a later one.
    """

    def alone() -> Iterator[Any]:
        yield work()

    with limited(seconds):
        return next(alone())


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeLimit inside the block when the time is up, and again every tenth of a second until it is left.

    On the main thread by a timer signal, whose handler and rest of time are restored; elsewhere, and where there are no
    such signals (Windows), by a second thread. A call into compiled code ends before it is noticed. A bare `except:`
    around the whole loop can swallow it on the main thread only for a moment, see _once_more.
    """
    main = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    with _by_signal(seconds) if main else _by_thread(seconds):
        yield


@contextlib.contextmanager
def _by_signal(seconds: float) -> Iterator[None]:
    inside, swallowed, tracing = True, 0, sys.gettrace()
    traced: list[tuple[FrameType, Any]] = []  # frames, and what traced them before

    def up(_: int, frame: FrameType | None) -> None:
        nonlocal swallowed
        if inside and (left := seconds - clock.read()) > 1e-3:
            signal.setitimer(signal.ITIMER_REAL, min(left, SLICE_S), 0.1)
        elif inside:
            if swallowed:
                traced.extend(_once_more(frame, swallowed))
            swallowed += 1
            raise TimeLimit

    clock, began, old = Clock(), time.monotonic(), signal.signal(signal.SIGALRM, up)
    rest, interval = signal.setitimer(signal.ITIMER_REAL, min(seconds, SLICE_S), 0.1)
    try:
        yield
    finally:
        inside = False
        if swallowed > 1:
            sys.settrace(tracing)
            for frame, before in reversed(traced):
                frame.f_trace = before
            traced.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old if old is not None else signal.SIG_DFL)
        if rest:  # somebody else's timer was running
            signal.setitimer(signal.ITIMER_REAL, max(1e-3, rest - (time.monotonic() - began)), interval)


def _once_more(frame: FrameType | None, lines: int) -> list[tuple[FrameType, Any]]:
    """Raise TimeLimit a second time, so many lines of the learner's later. -> frames, and what traced them before.

    What an `except:` has swallowed is raised again at a line further on. With one line more each time, it comes to one
    that no `except:` is around: there is one in every loop that begins anew.
    """

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if not learners(frame.f_code.co_filename):
            return None
        if event == "line":
            lines -= 1
            if not lines:
                raise TimeLimit
        return trace

    traced = []
    while frame is not None:
        if learners(frame.f_code.co_filename):
            traced.append((frame, frame.f_trace))
            frame.f_trace = trace
        frame = frame.f_back
    sys.settrace(trace)
    return traced


@contextlib.contextmanager
def _by_thread(seconds: float) -> Iterator[None]:
    target, inside, lock, left = threading.get_ident(), [True], threading.RLock(), threading.Lock()

    def watch() -> None:
        clock, wait = Clock(), min(seconds, SLICE_S)
        while not left.acquire(timeout=wait):
            if (rest := seconds - clock.read()) > 1e-3:
                wait = min(rest, SLICE_S)
                continue
            with lock:
                if inside:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(target), ctypes.py_object(TimeLimit))
            wait = 0.1

    def settle() -> None:
        inside.clear()
        with lock:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(target), None)  # one that has not arrived yet

    left.acquire()
    watcher = threading.Thread(target=watch, daemon=True)
    try:
        watcher.start()
        yield
    finally:
        try:
            settle()
        finally:  # also where one has arrived in the middle of that
            settle()
            left.release()
