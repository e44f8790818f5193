"""A backend over CuPy, or over anything that has CuPy's shape: the fake device of the tests runs this very class."""

from __future__ import annotations

import functools
import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import numpy as np

from .base import Backend
from .cuda_kernel import Kernel, Refused, Unfit
from .ghost import Ghosts
from .joined import JOINED

TICKETS = 1024


class CupyBackend(Backend):
    """CuPy: the hot operations by fused kernels, every other equation as it stands, one launch per array operation.

    xp       cupy, or a module of its shape
    erf      erf(z, out=...): the device's own
    gemm     gemm(a, b, out=None, epilogue="", bias=None, tf32=False): a matrix product that a CUDA graph can record;
             without it xp.matmul multiplies, and that one cannot be recorded
    refused  {name: why}: what this device or its libraries cannot do, found out at the first try
    ready    {kernel: what a rehearsal has compiled and nobody has started}
    tried    products with a ReLU that pass NaN on, by kind
    tf32     products of float32 may round their factors to 10 bits after the point, for tensor cores
    """

    take_x = "use net.backend.asarray(x), or Feed(batches, net.backend)"
    host, chunk, tf32 = False, 1 << 26, False  # one launch for 67 million parameters, and 0.27 GB to work in

    def __init__(self, name: str, xp: Any, array_type: type, *, erf: Callable, gemm: Callable | None = None):
        super().__init__(array_type)
        self.name, self.xp, self.gemm, self._erf = name, xp, gemm, erf
        self.refused: dict[str, str] = {}
        self.compiled: dict[tuple, Callable] = {}
        self.ready: dict[tuple, Any] = {}
        self.tried: set[tuple] = set()
        self._ticket, self.work = None, SimpleNamespace(handed=0)

    # ---- computing
    def matmul(self, a: Any, b: Any, out: Any = None) -> Any:
        self.work.handed += 1
        if self.gemm and a.ndim == b.ndim == 2 and a.dtype == b.dtype and "matmul" not in self.refused:
            try:
                return self.gemm(a, b, out, tf32=self.tf32)
            except Refused as why:
                self.refuse("matmul", why)
            except Unfit:
                pass
        return self.xp.matmul(a, b, out=out)

    def fused_gemm(self, a: Any, b: Any, out: Any = None, epilogue: str = "", bias: Any = None) -> Any:
        """out = a b with what comes next done on the way out. Raises Refused where the device has no such product."""
        if not self.gemm:
            raise Refused("there is no product with epilogues")
        self.work.handed += 1
        if "relu" in epilogue:
            self.try_relu(a, b, out, epilogue, bias)
        return self.gemm(a, b, out, epilogue, bias, tf32=self.tf32)

    def try_relu(self, a: Any, b: Any, out: Any, epilogue: str, bias: Any) -> None:
        """Does the ReLU of this product pass NaN on? Refused where it makes 0 of it, as fmaxf does: no loss shows it.

        Asked once for each kind of product, as each may get another algorithm, before its first real result, with a
        bias (or W) of NaN. The answer is waited for, so it is not asked within a recording.
        """
        kind = epilogue, a.shape, b.shape, a.dtype.name, self.tf32
        if kind in self.tried:
            return
        if self.recording():
            raise Unfit("a product that was not tried before the recording")
        last = b if bias is None else bias
        nan = self.xp.full((last.nbytes,), 255, "uint8").view(last.dtype).reshape(last.shape)  # all bits 1 is NaN
        b, bias = (nan, None) if bias is None else (b, nan)
        y = self.gemm(a, b, out, epilogue, bias, tf32=self.tf32)
        if not bool(self.xp.isnan(y[:1].astype("float32")).all()):
            raise Refused("the ReLU of this product makes 0 of NaN")
        self.tried.add(kind)

    def launch(self, kernel: Kernel, grid: tuple, *args: Any, label: str = "int64") -> None:
        """Start the kernel in blocks of 256 threads. Raises Refused where it cannot be compiled or started.

        What went well once is not refused later, and full memory is no fault of the kernel: such errors come through.
        """
        self.work.handed += 1
        real = kernel.real(args)
        args, made = kernel.arguments(args, label, real), self.compiled.get((kernel.name, label, real))
        try:
            start = made or self.ready.get((kernel.name, label, real))
            start = start or self.xp.RawKernel(kernel.code(label, real), kernel.name)
            start(grid, (256,), args)
        except Exception as why:
            self.reset_ticket()
            if made or is_full(why):
                raise
            raise Refused(f"{kernel.name}: {first_line(why)}") from why
        self.compiled[kernel.name, label, real] = start

    def ticket(self, many: int = 1) -> Any:
        """Numbers on the device that are 0 between launches: blocks count themselves there."""
        if many > TICKETS:
            raise Unfit(f"more than {TICKETS} groups of blocks")
        if self._ticket is None:
            self._ticket = self.xp.zeros((TICKETS,), "uint32")
        return self._ticket

    def reset_ticket(self) -> None:
        """0 again, in the same place, where graphs read it: a kernel that broke off may have left another number."""
        if self._ticket is not None and not self.recording():
            self._ticket[...] = 0

    def erf(self, z: Any, out: Any = None) -> Any:
        return self._erf(z, out=out)

    # ---- the fused bodies
    def table(self, equations: dict[str, Callable]) -> dict[str, Callable]:
        """The bodies, each with the equation to fall back on."""
        one = {n: self.guarded(n, body, equations.get(n)) for n, body in self.bodies.items() if n not in JOINED}
        two = {n: made(equations | one) for n, made in JOINED.items() if n in self.bodies}  # each half by its body
        return one | {n: self.guarded(n, self.bodies[n], plain) for n, plain in two.items()}

    def guarded(self, name: str, body: Callable, plain: Callable | None) -> Callable:
        """The body; the equation for a call that does not suit it, and for all calls once the device has refused.

        Where there is no equation for all that the body does, the answer is NotImplemented.
        """
        if plain is None:
            plain = not_implemented

        @functools.wraps(body)
        def fused(*args: Any, **kwargs: Any) -> Any:
            if name not in self.refused:
                try:
                    return body(*args, **kwargs)
                except Unfit:
                    pass
                except Refused as why:
                    self.refuse(name, why)
            return plain(*args, **kwargs)

        return fused

    def narrow(self, name: str, dtype: str, plain: Callable) -> Callable:
        """The body on arrays of this 16-bit dtype; `plain` for what does not suit it, or where the device refuses."""
        return self.guarded(f"{name} in {dtype}", self.bodies[name], plain) if name in self.bodies else plain

    def capability(self) -> float:
        """The compute capability of the current GPU: 7.5 for a T4, 9.0 for an H200."""
        return int(self.xp.cuda.Device().compute_capability) / 10

    def refuse(self, name: str, why: Exception) -> None:
        """From now on the equation; `report` tells why. An error that only came late is raised instead."""
        if not self.recording():
            self.synchronize()
        self.refused[name] = first_line(why)

    def report(self) -> str:
        """Which operations run as one fused body, and which do not, with the reason."""
        fused = [name for name in self.bodies if name not in self.refused]
        lines = [f"{self!r}: {len(fused)} fused operations{': ' if fused else ''}{', '.join(fused)}"]
        return "\n".join(lines + [f"plain: {name}, because {why}" for name, why in self.refused.items()])

    # ---- memory
    def ghosts(self) -> Ghosts:
        """None of its operations would take them: see rehearsal.py."""
        ghosts = super().ghosts()
        ghosts.run = False
        return ghosts

    @property
    def workspace(self) -> int:
        """Bytes that the products and the tickets will still ask for."""
        products = 0 if self.gemm is None or getattr(self.gemm, "lib", None) else getattr(self.gemm, "bytes", 0)
        return products + 4 * TICKETS * (self._ticket is None)

    def free(self) -> int:
        """Bytes that can still be had: of the device and of CuPy's pool, within the pool's limit."""
        pool = self.xp.get_default_memory_pool()
        free = self.xp.cuda.runtime.memGetInfo()[0] + pool.free_bytes()
        return max(0, min(free, pool.get_limit() - pool.used_bytes())) if pool.get_limit() else free

    @contextmanager
    def limited(self, size: int) -> Iterator[None]:
        """Within it, CuPy's pool holds so many bytes at most. What it keeps unused is given back first."""
        pool = self.xp.get_default_memory_pool()
        before = pool.get_limit()
        pool.free_all_blocks()
        pool.set_limit(size=size)
        try:
            yield
        finally:
            pool.set_limit(size=before)

    # ---- moving and waiting
    def to_host(self, a: Any) -> np.ndarray:
        """The numbers as a NumPy array. Waits for the device."""
        self.work.handed += 1
        return a.get()

    def put(self, view: Any, values: np.ndarray) -> None:
        view.set(values)

    def synchronize(self) -> None:
        self.xp.cuda.runtime.deviceSynchronize()

    def busy(self) -> bool:
        """True where the current stream still has work to do. Does not wait for it."""
        return not self.xp.cuda.get_current_stream().done

    def recording(self) -> bool:
        """True while the current stream records a graph: then nothing runs, and nobody may wait."""
        return self.xp.cuda.get_current_stream().is_capturing()

    def capture(self, step: Callable[[], Any]) -> Callable[[], Any]:
        """`step` recorded as one CUDA graph: a callable that repeats it with a single launch.

        Recording runs the Python of `step` once, and nothing on the device. Python numbers are frozen in the graph,
        and every later launch reads and writes the arrays that the recording saw.
        Whatever `step` raises comes through, and so does CuPy's refusal of what cannot be recorded: its own products.
        """
        return Replay(self, step)


class Replay:
    """A recorded step. It keeps the memory of its temporaries: a private pool, from which nobody else is served."""

    def __init__(self, backend: CupyBackend, step: Callable[[], Any]):
        cuda, self.work = backend.xp.cuda, backend.work
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
        self.work.handed += 1
        self.graph.launch()  # on the current stream, behind the copies of the batch

    @property
    def nodes(self) -> int:
        """How many launches one replay stands for, counted in CUDA's own drawing of the graph."""
        return len(set(re.findall(r'"graph_\d+_node_\d+"', self.graph.debug_dot_str())))

    @property
    def nbytes(self) -> int:
        """Bytes of the private pool."""
        return self.pool.total_bytes()


def _record(stream: Any, step: Callable[[], Any]) -> Any:
    stream.begin_capture()
    try:
        step()
    except BaseException:
        with suppress(Exception):  # a broken recording cannot be ended properly; its own error is what matters
            stream.end_capture()
        raise
    return stream.end_capture()


# ---- parts


def not_implemented(*args: Any, **kwargs: Any) -> Any:
    """Where there is no equation: who asked does it in his own way."""
    return NotImplemented


def is_full(why: Exception) -> bool:
    """Is this CuPy's, or CUDA's, way to say that the memory is full?"""
    return isinstance(why, MemoryError) or "out of memory" in str(why).lower().replace("_", " ")


def first_line(why: Exception) -> str:
    """The first line of an error that says something."""
    return next((line for line in str(why).splitlines() if line.strip()), type(why).__name__)
