"""The fake device of the tests: the CuPy backend's own class over a make-believe CuPy. Needs no GPU and no CuPy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from . import fake_array
from .device import CupyBackend
from .fake_array import DEVICE, FakeArray, xp
from .numpy import NUMPY

__all__ = ["DEVICE", "FAKE", "FakeArray", "standalone", "xp"]


class Stream:
    """cupy.cuda.Stream, as far as recording a graph needs it."""

    def __init__(self, non_blocking: bool = False):
        self.non_blocking = non_blocking

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def begin_capture(self) -> None:
        if not self.non_blocking:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        DEVICE.graph = []

    def end_capture(self) -> Graph:
        recorded, DEVICE.graph = DEVICE.graph, None
        return Graph(recorded)


class Graph:
    """What was recorded. A launch does it all again on the same arrays, with the numbers that Python had then."""

    def __init__(self, nodes: list[Callable[[], None]]):
        self.nodes = nodes

    @np.errstate(all="ignore")
    def launch(self) -> None:
        DEVICE.note("launches", "graph")
        for node in self.nodes:
            node()


def _stream() -> SimpleNamespace:
    """cupy.cuda.get_current_stream(): done unless something was launched that nobody has waited for since."""
    last = next((note for note in reversed(DEVICE.log) if not note.startswith("copies")), "")
    return SimpleNamespace(done=not last.startswith("launches"))


xp.cuda = SimpleNamespace(
    Stream=Stream,
    get_current_stream=_stream,
    MemoryPool=lambda: SimpleNamespace(malloc=None),
    using_allocator=lambda malloc: nullcontext(),
    runtime=SimpleNamespace(deviceSynchronize=lambda: DEVICE.sync("deviceSynchronize")),
)


def _erf(z: FakeArray, out: FakeArray | None = None) -> FakeArray:
    return DEVICE.run("erf", NUMPY.erf, (z,), {"out": out})


def _gemm(a: FakeArray, b: FakeArray, out: FakeArray | None = None) -> FakeArray:
    """Stands for a product that a graph can record; xp.matmul and the operator @ cannot be recorded, as in CuPy."""
    return DEVICE.run("gemm", np.matmul, (a, b), {"out": out})


FAKE = CupyBackend("fake", xp, FakeArray, erf=_erf, gemm=_gemm)


def standalone() -> str:
    """The source of the make-believe array module as one text, with its table inside: it imports NumPy alone."""
    lines = Path(fake_array.__file__).read_text(encoding="utf-8").splitlines()
    lines = [f"LACKS = {fake_array.LACKS!r}" if line.startswith("LACKS = ") else line for line in lines]
    return "\n".join(line for line in lines if line not in ("import json", "from pathlib import Path")) + "\n"
