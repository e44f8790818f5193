"""A backend over CuPy, or over anything that has CuPy's shape: the fake device of the tests runs this very class."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from .base import Backend


class CupyBackend(Backend):
    """Plain CuPy: every equation runs as it stands, one kernel launch per operation on arrays.

    xp    cupy, or a module of its shape
    erf   erf(z, out=...): the device's own
    gemm  gemm(a, b, out=...): a matrix product that a CUDA graph can record; without it xp.matmul multiplies,
          and that one cannot be recorded
    """

    host, chunk = False, 1 << 62  # one launch over the whole of θ

    def __init__(self, name: str, xp: Any, array_type: type, *, erf: Callable, gemm: Callable | None = None):
        super().__init__(array_type)
        self.name, self.xp, self.gemm, self._erf = name, xp, gemm, erf
        self._said = False

    def matmul(self, a: Any, b: Any, out: Any = None) -> Any:
        return (self.gemm or self.xp.matmul)(a, b, out=out)

    def erf(self, z: Any, out: Any = None) -> Any:
        return self._erf(z, out=out)

    def to_host(self, a: Any) -> np.ndarray:
        """The numbers as a NumPy array. Waits for the device."""
        return a.get()

    def synchronize(self) -> None:
        self.xp.cuda.runtime.deviceSynchronize()

    def busy(self) -> bool:
        """True where the current stream still has work to do. Does not wait for it."""
        return not self.xp.cuda.get_current_stream().done

    def capture(self, step: Callable[[], Any]) -> Callable[[], Any]:
        """`step` recorded as one CUDA graph: a callable that repeats it with a single launch.

        Recording runs the Python of `step` once, and nothing on the device. Python numbers are frozen in the graph,
        and every later launch reads and writes the arrays that the recording saw.
        Where the products cannot be recorded, it says so once and returns `step` itself.
        """
        try:
            return Replay(self.xp.cuda, step)
        except NotImplementedError as why:
            if "cuBLAS" not in str(why):
                raise
            self._say_eager()
            return step

    def _say_eager(self) -> None:
        if not self._said:
            self._said = True
            warnings.warn(
                "CuPy cannot record its own matrix products in a CUDA graph: each step is launched operation by "
                "operation, with the same results, only slower",
                RuntimeWarning,
                stacklevel=4,
            )


class Replay:
    """A recorded step. It keeps the memory of its temporaries: a private pool, from which nobody else is served."""

    def __init__(self, cuda: Any, step: Callable[[], Any]):
        self.pool = cuda.MemoryPool()
        stream = cuda.Stream(non_blocking=True)
        collects = gc.isenabled()
        gc.disable()  # the collector could free device memory in the middle of the recording, which would break it
        try:
            with stream, cuda.using_allocator(self.pool.malloc):
                self.graph = _record(stream, step)
        finally:
            if collects:
                gc.enable()

    def __call__(self) -> None:
        self.graph.launch()  # on the current stream, behind the copies of the batch


def _record(stream: Any, step: Callable[[], Any]) -> Any:
    stream.begin_capture()
    try:
        step()
    except BaseException:
        with suppress(Exception):  # a broken recording cannot be ended properly; its own error is what matters
            stream.end_capture()
        raise
    return stream.end_capture()
