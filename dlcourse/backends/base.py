"""Where arrays live, and which body of each operation runs there. Everything above this room is device-blind."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

from .ghost import Ghosts
from .memory import afford_vectors

BACKENDS: dict[type, Backend] = {}  # array type -> the backend whose arrays have that type
LATER: dict[str, Callable] = {}  # package of an array type -> what loads its backend, once such an array turns up


class Backend:
    """One kind of array, and how to make, move and compute with it.

    xp      the array module (numpy, cupy)
    chunk   numbers per optimizer block: on the host one block of each vector stays in a level-2 cache
    host    True where a number can be read without waiting for a device
    bodies  {operation name: faster function}; same signature and same answer as the equation, float32 only
    """

    name, xp, chunk, host = "base", np, 1 << 16, True
    take_x = "use net.backend.asarray(x), here np.asarray(x)"  # said where x is no array of this kind
    running: Any = SimpleNamespace(arena=None)  # .arena: the scratch of the plan that runs in this thread
    budget: Any = SimpleNamespace(bytes=None)  # .bytes: what training on the host may take, where that is pretended
    work: Any = SimpleNamespace(handed=0)  # .handed: how often a device was asked for something by way of this object
    workspace = 0  # bytes that a library will still ask for itself

    def __init__(self, array_type: type):
        self.bodies: dict[str, Callable] = {}
        self._plain: Backend | None = None
        BACKENDS[array_type] = self

    def __repr__(self) -> str:
        return f"<{self.name} backend>"

    # ---- which body runs
    def table(self, equations: dict[str, Callable]) -> dict[str, Callable]:
        """The bodies that take the place of these equations."""
        return self.bodies

    def plain(self) -> Backend:
        """The same backend without its bodies: every operation is its equation."""
        if self._plain is None:
            self._plain = copy.copy(self)
            self._plain.bodies, self._plain._plain = {}, self._plain
        return self._plain

    def narrow(self, name: str, dtype: str, plain: Callable) -> Callable:
        """The body of this operation for arrays of a 16-bit dtype; where there is none, `plain`."""
        return plain

    def capability(self) -> float:
        """What a GPU can do, as NVIDIA counts it; 0 for a CPU."""
        return 0.0

    def report(self) -> str:
        """Which operations have a body of their own here."""
        return f"{self!r}: {len(self.bodies)} operations with a faster body; the others are the equations"

    def __deepcopy__(self, memo: dict) -> Backend:
        return self

    # ---- making arrays
    def layout(self, flat: Any, shape: tuple, last: bool = False) -> Any:
        """A view of the flat buffer in this shape. `last`: the rows come from images, whose batch axis may lie last."""
        return flat.reshape(shape)

    def empty(self, shape: tuple, dtype: Any = "float32") -> Any:
        return self.layout(self.xp.empty(math.prod(shape), dtype), shape)

    def zeros(self, shape: tuple, dtype: Any = "float32") -> Any:
        return self.xp.zeros(shape, dtype)

    def vectors(self, names: Sequence[str], size: int, dtype: Any) -> dict[str, Any]:
        """name -> vector of zeros; TooLarge, before any of them is made, where there is no room for all."""
        afford_vectors(self, names, size, np.dtype(dtype).itemsize)
        return {name: self.zeros((size,), dtype) for name in names}

    def asarray(self, a: Any, dtype: Any = None) -> Any:
        """This backend's array of the same numbers; from another backend it is copied by way of the host."""
        return self.xp.asarray(a if isinstance(a, self.xp.ndarray) else to_host(a), dtype)

    def put(self, view: Any, values: np.ndarray) -> None:
        """view[...] = values from the host, of the same shape and dtype, with no array in between."""
        view[...] = values

    # ---- memory for the length of one call
    def ghosts(self) -> Ghosts:
        """Arrays without numbers, to learn from them what a plan will hold."""
        return Ghosts()

    def arena(self) -> Any:
        """New scratch for one plan. Where the backend's own pool is as good, nothing is kept."""
        return NoArena()

    def scratch(self, shape: tuple, dtype: Any = "float32") -> Any:
        """Memory that the operation which asks for it may use until it returns. Its contents are unknown."""
        return self.xp.empty(shape, dtype)

    def scratch_like(self, a: Any, dtype: Any = None) -> Any:
        """Scratch with the shape of `a`, and the order in memory that suits working beside it."""
        return self.scratch(a.shape, dtype or a.dtype)

    def free(self) -> int | None:
        """Bytes that can still be had; None where nobody knows, as on the host, whose system lends more than it has."""
        return self.budget.bytes

    @contextmanager
    def limited(self, size: int) -> Iterator[None]:
        """Within it, training may take so many bytes in all."""
        before, self.budget.bytes = self.budget.bytes, size
        try:
            yield
        finally:
            self.budget.bytes = before

    # ---- computing
    def matmul(self, a: Any, b: Any, out: Any = None) -> Any:
        return self.xp.matmul(a, b, out=out)

    def erf(self, z: Any, out: Any = None) -> Any:
        """The error function 2/√π ∫₀ᶻ e^(−s²) ds, elementwise."""
        raise NotImplementedError(f"the {self.name} backend has no erf")

    # ---- moving and waiting
    def stage(self, x: Any, buffer: Any) -> Any:
        """The batch where the plan wants it: as it is, or copied into the plan's buffer where there is one."""
        if buffer is None:
            return x
        buffer[...] = x
        return buffer

    def capture(self, step: Callable[[], Any]) -> Callable[[], Any]:
        """A callable that repeats `step`, which a GPU records once, as one graph. Raises where that cannot be."""
        raise NotImplementedError(f"{self!r} records nothing")

    def to_host(self, a: Any) -> np.ndarray:
        """The numbers as a NumPy array. Waits for the device."""
        return np.asarray(a)

    def synchronize(self) -> None:
        """Wait until all work handed to the device is done."""

    def busy(self) -> bool:
        """True where the device still has work to do. Does not wait for it."""
        return False


class NoArena:
    """What stands for scratch where every request is a new array from the backend's pool."""

    at = 0

    def restart(self) -> None:
        """Nothing to give back."""


def backend_of(x: Any) -> Backend:
    """The backend to which this array belongs. Both kinds can be live in one notebook."""
    found = BACKENDS.get(type(x))
    return found if found is not None else _discover(x)


def _discover(x: Any) -> Backend:
    """A CuPy array before this package has loaded CuPy; a subclass of a known array type; or no array at all."""
    LATER.get(type(x).__module__.partition(".")[0], bool)()
    for array_type in type(x).__mro__:
        if array_type in BACKENDS:
            return BACKENDS[array_type]
    raise TypeError(f"expected an array of NumPy or CuPy, got {type(x).__name__}: wrap it in np.asarray(...)")


def to_host(a: Any) -> np.ndarray:
    """Any array, of any backend, as a NumPy array."""
    try:
        return backend_of(a).to_host(a)
    except TypeError:
        return np.asarray(a)
