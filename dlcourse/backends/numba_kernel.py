"""What makes a loop over float32 a kernel: compiled by Numba for this machine, kept on disk, run without the GIL."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

try:
    from numba import njit, types
    from numba.core.registry import CPUDispatcher
except ImportError as why:
    lacks = f"the numba backend needs Numba, which cannot be imported ({why})"
    raise ImportError(f'{lacks}: pip install -e ".[fast]" in the folder of the course') from why

f32 = np.float32
ZERO, ONE, LOWEST = f32(0), f32(1), f32(-np.inf)
SUMS = {"contract", "reassoc", "nsz"}  # sums may be put in another order; NaN and infinity keep their meaning
ORDER = {"contract", "nsz"}  # as they stand: where a number may be infinite, another order makes NaN of it
OPTIONS = dict(nogil=True, error_model="numpy", _nrt=False)  # nrt: nothing is allocated or counted
KERNELS: list[tuple[CPUDispatcher, list[tuple]]] = []  # and what they take
PATIENCE_S = 2.0  # after which a wait is explained
KINDS = {"f": types.float32, "i": types.int64, "u": types.uint8, "n": types.int64, "r": types.float64}


def kernel(arguments: str, fastmath: set[str] = SUMS) -> Callable[[Callable], CPUDispatcher]:
    """A decorator: "f2 f1 n" compiles for a matrix and a vector of float32, row after row, and a whole number.

    f i u with their number of axes: arrays of float32, int64, uint8;  n r: a whole number, a real number.
    F I: arrays that must not be written, which are another type. "F2 n | f2 n" takes both.
    """

    def compiled(loop: Callable) -> CPUDispatcher:
        try:
            made = njit(cache=True, fastmath=fastmath, **OPTIONS)(loop)
        except RuntimeError:  # neither beside the source nor in the user's cache can anything be written
            made = njit(fastmath=fastmath, **OPTIONS)(loop)
        KERNELS.append((made, [tuple(map(_type, words.split())) for words in arguments.split("|")]))
        return made

    return compiled


def inlined(loop: Callable) -> CPUDispatcher:
    """A function that kernels call, compiled into each of them."""
    return njit(**OPTIONS, fastmath=SUMS, forceinline=True)(loop)


def pasted(view: Callable) -> CPUDispatcher:
    """A function that returns a view: its text takes the place of the call, because views cannot be returned."""
    return njit(**OPTIONS, fastmath=SUMS, inline="always")(view)


def _type(word: str) -> types.Type:
    kind = KINDS[word[0].lower()]
    return types.Array(kind, int(word[1:]), "C", readonly=word[0].isupper()) if word[1:] else kind


def compile_all() -> None:
    """Compile every kernel, or load it from the cache of an earlier run. Says so where it takes more than 2 s."""
    start, count, said = time.perf_counter(), len(KERNELS), False
    while KERNELS:
        made, signatures = KERNELS.pop(0)
        for signature in signatures:
            made.compile(signature)
        made.disable_compile()  # another type is an error, never a surprise wait
        if time.perf_counter() - start > PATIENCE_S:
            said, done = True, count - len(KERNELS)
            print(f"\rNumba compiles for this machine, once: {done} of {count}", end="", file=sys.stderr, flush=True)
    if said:
        print(f", {time.perf_counter() - start:.0f} s", file=sys.stderr)


# ---- for the bodies


def ran(made: CPUDispatcher, *arguments: Any) -> bool:
    """Run the kernel; False where it says so, or does not take the arguments: another dtype, gaps, no array."""
    try:
        return made(*arguments) is not False
    except TypeError:
        return False


def writable(x: Any) -> Any:
    """x, or a copy that lies as it does: kernels take no array that must not be written, even where they only read."""
    return x if x.flags.writeable else np.array(x, order="K")


def place(given: Any, shape: tuple) -> Any:
    """What the caller gave to be filled, or a new array."""
    return np.empty(shape, "float32") if given is None else given
