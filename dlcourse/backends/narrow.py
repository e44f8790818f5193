"""Fewer bits: which precisions a backend has, and the tables of operations that compute in them.

fp32  float32 throughout                      tf32  float32, but products round their factors to 10 bits after the point
bf16  16 bits, with the range of float32      fp16  16 bits, three more of them after the point, and a small range
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from .base import Backend

NAMES = "fp32", "tf32", "bf16", "fp16"
HALVES = {"bf16": "bfloat16", "fp16": "float16"}  # the dtype of activations, and of the copy of θ
QUIET = dict(over="ignore", invalid="ignore")  # float16 overflows, and the step that meets it is left out
EXACT = "flatten", "flatten_backward"  # nothing is computed
START, MOST, GROWTH = 2.0**16, 2.0**24, 2000  # s at first, and at most (1/MOST at least); good steps until it doubles
SINGLE = "relu", "add"  # one exact result for each number, rounded once: a device may do it in 16 bits


def why_not(name: str, backend: Backend) -> str:
    """Why this backend, on this machine, cannot compute in this precision; "" where it can."""
    if name not in NAMES:
        return f"there are {', '.join(NAMES)} and auto"
    if name == "tf32" and backend.host:
        return f"only a GPU multiplies so, and this network is on {backend!r}"
    if not backend.host and name in ("tf32", "bf16") and (found := backend.capability()) < 8:
        return f"it needs a GPU of compute capability 8.0 or newer, and this one has {found:.1f}"
    if name != "bf16":
        return ""
    for package, version, least in needs(backend):
        if tuple(map(int, re.findall(r"\d+", version)[:3])) < least:
            return f"it needs {package} {'.'.join(map(str, least))} or newer, and this is {version}"
    return "" if find_spec("ml_dtypes") else "it needs the package ml_dtypes: pip install ml_dtypes"


def needs(backend: Backend) -> list[tuple[str, str, tuple]]:
    """(package, its version here, the oldest one) that has bfloat16."""
    both = [("NumPy", np.__version__, (2, 1, 2))]
    return both + [("CuPy", backend.xp.__version__, (14, 0, 0))] if backend.name == "cupy" else both


def best(backend: Backend) -> tuple[str, str]:
    """The precision that suits this backend, and why. CuPy multiplies in bf16 from compute capability 8.0 on."""
    found = backend.capability()
    if backend.host:
        return "fp32", "a CPU gains nothing from fewer bits here"
    if found >= 8:
        lacks = why_not("bf16", backend)
        return ("fp32", f"no bf16, because {lacks}") if lacks else ("bf16", f"compute capability {found:.1f}")
    if found >= 7:
        return "fp16", f"compute capability {found:.1f}: tensor cores for float16, none for bfloat16"
    return "fp32", f"compute capability {found:.1f}: no tensor cores"


@functools.cache
def say(line: str) -> None:
    """Print it, once."""
    print(line)


class Arithmetic:
    """What a step knows of its precision: the dtype of activations, the table that computes in it, the loss scale s.

    name   "fp32", "tf32", "bf16", "fp16", or "auto": what suits the backend, printed once with the reason
    state  (2,) on the device: s, and good steps since it moved; None where nothing has 16 bits
    """

    def __init__(self, name: str, backend: Backend, ops: Any, wide: str):
        if name == "auto":
            name, why = best(backend) if wide == "float32" else ("fp32", f"the network computes in {wide}")
            say(f"precision {name}: {why}")
        why = why_not(name, backend) or (f"the network computes in {wide}" if wide != "float32" else "")
        if why and name != "fp32":
            raise ValueError(f"precision {name!r} is not to be had: {why}")
        if name == "bf16":
            import ml_dtypes  # noqa: F401  NumPy then knows "bfloat16"
        self.name, self.dtype, self.state = name, HALVES.get(name, wide), None
        self.backend, self.plain, self.ops = backend, ops, ops
        if name == "tf32":
            self.ops = Rounded(ops, backend)
        if name in HALVES:
            self.ops = Narrow(ops, backend, self.dtype)
            self.state = backend.asarray(backend.xp.array([START if name == "fp16" else 1.0, 0.0], "float32"))
            self.scale, self.good = (self.state[i : i + 1].reshape(()) for i in (0, 1))

    def ends(self, new: Callable, shape: tuple) -> tuple | None:
        """Places for what the loss reads of the network's last numbers, and for the dy that goes back from it."""
        return (new(shape, False, "wide"), new(shape)) if self.state is not None else None

    def scaled(self, dz: Any, dy: Any) -> Any:
        """dy = s dz in 16 bits; elsewhere dz itself      dz (...)  ->  dy (...)"""
        if self.state is None:
            return dz
        with np.errstate(**QUIET):
            return self.backend.xp.multiply(dz, self.scale, out=dy)

    def unscaled(self, grad: Any, ok: Any) -> Any:
        """∇ ← ∇ / s      ok (), finite loss  ->  ok (), finite ∇ too      then s doubles, stays, or halves"""
        if self.name != "fp16":
            return ok
        told = grad, self.state, ok, GROWTH, MOST
        if "unscale" in self.plain.fused and (fused := self.plain.unscale(*told)) is not NotImplemented:
            return fused
        xp = self.backend.xp
        ok = xp.isfinite(grad).all() & ok
        grad /= self.scale
        self.good[...] = (self.good + 1) * ok
        grown = self.good >= GROWTH
        self.scale[...] = xp.clip(self.scale * xp.where(ok, xp.where(grown, 2.0, 1.0), 0.5), 1 / MOST, MOST)
        self.good *= ~grown
        return ok


class Rounded:
    """tf32: the same table; while one of its operations runs, products may round their factors."""

    def __init__(self, ops: Any, backend: Backend):
        self._ops, self._backend = ops, backend

    def __getattr__(self, name: str) -> Callable:
        getattr(self._ops, name)  # an unknown name raises now

        def run(*args: Any, **options: Any) -> Any:
            self._backend.tf32 = True
            try:
                return getattr(self._ops, name)(*args, **options)
            finally:
                self._backend.tf32 = False

        setattr(self, name, run)
        return run


class Narrow:
    """16 bits: an operation reads its arrays as float32 and rounds what it writes, so all sums are those of float32.

    Where the backend has a body for arrays of 16 bits that one runs instead, with the same rules; a function that a
    learner has put into the table gets float32.
    """

    def __init__(self, ops: Any, backend: Backend, dtype: str):
        self._ops, self._backend, self._dtype = ops, backend, np.dtype(dtype)

    def __getattr__(self, name: str) -> Callable:
        getattr(self._ops, name)  # an unknown name raises now
        wide, single = functools.partial(self._wide, name), name in SINGLE and not self._backend.host
        body = self._backend.narrow(name, self._dtype.name, wide)
        if name in EXACT or single:
            body = lambda *args, **options: getattr(self._ops, name)(*args, **options)  # noqa: E731

        def run(*args: Any, **options: Any) -> Any:
            return (wide if name in self._ops.own and name not in EXACT else body)(*args, **options)

        setattr(self, name, run)
        return run

    def _wide(self, name: str, *args: Any, **options: Any) -> Any:
        places = {key: a for key, a in options.items() if self._has_half(a)}
        wider = {key: self._backend.scratch_like(a, "float32") for key, a in places.items()}
        with np.errstate(**QUIET):
            out = getattr(self._ops, name)(*map(self._widened, args), **options | wider)
            for key, place in places.items():
                place[...] = wider[key]
        back = {id(wide): places[key] for key, wide in wider.items()}
        return tuple(back.get(id(a), a) for a in out) if isinstance(out, tuple) else back.get(id(out), out)

    def _has_half(self, a: Any) -> bool:
        return getattr(a, "dtype", None) == self._dtype

    def _widened(self, a: Any) -> Any:
        if not self._has_half(a):
            return a
        wide = self._backend.scratch_like(a, "float32")
        wide[...] = a
        return wide
