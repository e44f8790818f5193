"""The fake device of the tests: the CuPy backend's own class over a make-believe CuPy. Needs no GPU and no CuPy."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from . import fake_array, fake_memory
from .cublaslt import LINE
from .cuda_half import KINDS as HALVES
from .cuda_kernel import NULL, Refused, Unfit
from .cuda_table import BODIES, KERNELS
from .device import CupyBackend
from .fake_array import DEVICE, FakeArray, xp
from .fake_kernels import MEANINGS
from .numpy import NUMPY

__all__ = ["DEVICE", "FAKE", "REFUSES", "SWALLOWS", "FakeArray", "standalone", "xp"]


class Stream(fake_memory.Stream):
    """cupy.cuda.Stream that can also record a graph."""

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

    def debug_dot_str(self) -> str:
        return "".join(f'"graph_1_node_{i}"' for i in range(len(self.nodes)))

    @np.errstate(all="ignore")
    def launch(self) -> None:
        DEVICE.note("launches", "graph")
        for node in self.nodes:
            node()


class MemoryPool:
    """cupy.cuda.MemoryPool, as far as its size goes: here nothing is given back, so it is the sum of all requests."""

    def __init__(self):
        self.held = 0

    def malloc(self, size: int) -> None:
        self.held += size

    def total_bytes(self) -> int:
        return self.held


@contextmanager
def _using_allocator(malloc: Callable) -> Iterator[None]:
    """Who asks for memory inside gets it from this pool."""
    before = DEVICE.counts["bytes"]
    yield
    malloc(DEVICE.counts["bytes"] - before)


xp.cuda = SimpleNamespace(
    Stream=Stream,
    Device=lambda: SimpleNamespace(compute_capability="90"),
    MemoryPool=MemoryPool,
    using_allocator=_using_allocator,
    runtime=SimpleNamespace(
        deviceSynchronize=lambda: DEVICE.sync("deviceSynchronize"), memGetInfo=fake_memory.memory_info
    ),
    **fake_memory.ROOM,
)


def _erf(z: FakeArray, out: FakeArray | None = None) -> FakeArray:
    return DEVICE.run("erf", NUMPY.erf, (z,), {"out": out})


def play(name: str, meaning: Callable, args: tuple) -> None:
    """One launch that changes some of its arguments in place. While a graph is recorded, it only happens on copies."""
    args = tuple(a._a if isinstance(a, FakeArray) else a for a in args)
    DEVICE.note("launches", name)
    with np.errstate(all="ignore"):
        meaning(*(args if DEVICE.graph is None else copy.deepcopy(args)))
    if DEVICE.graph is not None:
        DEVICE.graph.append(lambda: meaning(*args))


class RawKernel:
    """cupy.RawKernel: what the text means is looked up in fake_kernels. Numbers must have the widths of the text."""

    def __init__(self, code: str, name: str):
        if name in REFUSES:
            raise RuntimeError(f"the fake device was told to refuse {name}")
        self.kernel, self.meaning = KERNELS[name], wide(MEANINGS[name])

    def __call__(self, grid: tuple, block: tuple, args: tuple) -> None:
        names = [name for _, name, _ in self.kernel.params]
        if any(type(a) in (int, float, np.ndarray) for a in args) or grid[0] < 1:
            raise TypeError(f"{self.kernel.name} takes arrays of the device and numbers of known width, got {args}")
        args = tuple(None if a is NULL else a for a in args)
        play(self.kernel.name, lambda *given: self.meaning(SimpleNamespace(**dict(zip(names, given)))), args)


xp.RawKernel = RawKernel
REFUSES: set[str] = set()  # names of kernels and epilogues that this device is to refuse
SWALLOWS: set[str] = set()  # epilogues whose ReLU is to make 0 of NaN, as fmaxf does


def _gemm(a: FakeArray, b: FakeArray, out: Any = None, epilogue: str = "", bias: Any = None,
          tf32: bool = False) -> FakeArray:  # fmt: skip
    """Stands for a product that a graph can record; xp.matmul and the operator @ cannot be recorded, as in CuPy."""
    label = " ".join(filter(None, ["gemm", epilogue, narrow(a) and a.dtype.name, tf32 and "tf32"]))
    if {epilogue, label} & REFUSES:
        raise Refused(f"the fake device was told to refuse {label}")
    out = xp.empty((len(a), b.shape[1]), a.dtype) if out is None else out
    if a.dtype != b.dtype or (bias is not None and bias.dtype != out.dtype):
        raise Unfit("a and b are of one dtype, and so are out and bias")
    if bias is not None and (bias.shape != out.shape[1:] or bias._a.ctypes.data % LINE):
        raise Unfit("a bias (n,) begins at a multiple of 16 bytes")
    play(label, functools.partial(_product, epilogue, tf32), (a, b, out, bias))
    return out


def _product(epilogue: str, tf32: bool, a: np.ndarray, b: np.ndarray, out: np.ndarray, bias: Any) -> None:
    if narrow(a) or tf32 and a.dtype == "float32":
        a, b = (ten_bits(x) if tf32 else x.astype("float32") for x in (a, b))
    z = np.matmul(a, b)
    if epilogue in ("bias", "relu_bias"):
        z += bias
    if epilogue in ("relu", "relu_bias"):
        (np.fmax if epilogue in SWALLOWS else np.maximum)(z, 0, out=z)
    if epilogue == "bgrad":
        bias[...] = b.sum(axis=0)
    out[...] = z


def ten_bits(x: np.ndarray) -> np.ndarray:
    """float32 rounded to tf32: 10 bits after the point, to the nearest."""
    bits = x.view("uint32")
    return ((bits + 0xFFF + (bits >> 13 & 1)) & 0xFFFFE000).view("float32")


def narrow(a: Any) -> bool:
    """Is this a number in 16 bits?"""
    return hasattr(a, "dtype") and a.dtype.name in HALVES


def wide(meaning: Callable) -> Callable:
    """The meaning of a kernel where activations have 16 bits: read as float32, rounded when written."""

    def on(k: SimpleNamespace) -> None:
        held = {name: a for name, a in vars(k).items() if narrow(a)}
        seen = SimpleNamespace(**{**vars(k), **{name: a.astype("float32") for name, a in held.items()}})
        meaning(seen)
        for name, a in held.items():
            a[...] = getattr(seen, name)

    return on


FAKE = CupyBackend("fake", xp, FakeArray, erf=_erf, gemm=_gemm)
FAKE.bodies |= BODIES


def standalone() -> str:
    """The source of the make-believe array module as one text, with its table inside: it imports NumPy alone."""
    lines = Path(fake_array.__file__).read_text(encoding="utf-8").splitlines()
    lines = [f"LACKS = {fake_array.LACKS!r}" if line.startswith("LACKS = ") else line for line in lines]
    return "\n".join(line for line in lines if line not in ("import json", "from pathlib import Path")) + "\n"
