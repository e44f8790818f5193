"""A step rehearsed on arrays that hold no numbers: what its device will be asked for, counted before it is asked.

The layers, the bodies and the equations run as they will run: a kernel is compiled but not started, a product is not
computed, and what the device has refused goes by its equation. Only the shapes are worked out, and how many bytes of
temporaries live at once.
"""

from __future__ import annotations

import copy
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import numpy as np

from .base import BACKENDS
from .cuda_kernel import Kernel, Refused, Unfit
from .ghost import Ghost, Ghosts

LOCK = threading.RLock()  # one rehearsal at a time: its arrays belong to its backend
TRIED = "", "relu", "bias", "relu_bias", "bgrad"  # epilogues that need no more than a bias
LABELS = "softmax_cross_entropy"  # the loss whose targets are class numbers
MAKES = "array asarray ascontiguousarray zeros_like ones_like empty_like full_like".split()


class Shade(Ghost):
    """An array on the device, without its numbers. What an operation makes, the stage of the rehearsal counts."""

    stage: Any = None

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        if any(place is not None for place in out):
            return out[0] if len(out) == 1 else out
        if method == "reduce":
            return self.stage.take(reduced(inputs[0].shape, **options), _dtype(ufunc.reduce, *inputs))
        shapes, kind = [np.shape(a) for a in inputs], _dtype(ufunc, *inputs)
        if ufunc is np.matmul:
            rows, columns = shapes[0][:-1], shapes[1][-1:]
            return self.stage.take((*np.broadcast_shapes(rows[:-1], shapes[1][:-2]), rows[-1], *columns), kind)
        return self.stage.take(np.broadcast_shapes(*shapes), kind)

    def __array_function__(self, function: Callable, types: Any, args: Any, kwargs: Any) -> Any:
        result = super().__array_function__(function, types, args, kwargs)
        return self.stage.counted(result) if type(result) is np.ndarray else result

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return found if found.base is not None else self.stage.counted(found)

    def astype(self, dtype: Any, *_: Any, **__: Any) -> Any:
        return self.stage.take(self.shape, dtype)

    def copy(self, *_: Any) -> Any:
        return self.stage.take(self.shape, self.dtype)


def reduced(shape: tuple, axis: Any = 0, keepdims: bool = False, **_: Any) -> tuple:
    """The shape that is left of this one when these axes are summed up."""
    gone = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = {i % len(shape) for i in gone}
    return tuple(1 if i in gone else n for i, n in enumerate(shape) if keepdims or i not in gone)


def _dtype(function: Callable, *inputs: Any) -> np.dtype:
    """What comes out, found out with one number of each input."""
    one = (np.ones((1,) * np.ndim(a), a.dtype) if hasattr(a, "dtype") else a for a in inputs)
    with np.errstate(all="ignore"):
        return np.asarray(function(*one)).dtype


class Module:
    """xp of a rehearsal: what makes arrays makes shades; the rest is NumPy's, whose functions find them."""

    __version__ = np.__version__

    def __init__(self, stage: Stage):
        self.ndarray, self.empty = stage.kind, stage.take
        self.zeros = self.ones = self.empty

    def __getattr__(self, name: str) -> Any:
        made, count = getattr(np, name), self.ndarray.stage.counted
        return made if name not in MAKES else lambda *args, **options: count(made(*args, **options))

    def full(self, shape: Any, value: Any, dtype: Any = "float32") -> Any:
        return self.empty(shape, dtype)

    def arange(self, *ends: int, dtype: Any = "int64") -> Any:
        return self.empty(len(range(*ends)), dtype)


class Stage(Ghosts):
    """Where shades come from: `empty` gives what is counted elsewhere, `take` a temporary; `high` lived at once."""

    def __init__(self, backend: Any):
        super().__init__()
        self.live, self.kind = 0, type("Shade", (Shade,), {"stage": weakref.proxy(self)})
        self.backend = acting(backend, self)

    def empty(self, shape: tuple, dtype: Any) -> Any:
        return super().empty(shape, dtype).view(self.kind)

    def take(self, shape: Any, dtype: Any = "float32") -> Any:
        return self.counted(self.empty((shape,) if np.ndim(shape) == 0 else tuple(shape), dtype))

    def counted(self, a: Any) -> Any:
        """The array as a shade, counted for as long as it lives."""
        a = a if type(a) is self.kind else self.empty(a.shape, a.dtype)
        self.live += a.nbytes
        self.high = max(self.high, self.live)
        weakref.finalize(a, self.drop, a.nbytes)
        return a

    def drop(self, size: int) -> None:
        self.live -= size

    def targets(self, loss: Any) -> Any:
        """Class numbers where the loss takes them, else like the outputs."""
        return self.empty(loss.y.shape[:1], "int64") if loss.op == LABELS else loss.y

    def shade(self, a: Any) -> Any:
        """In place of an array of the device, one without numbers."""
        return self.empty(a.shape, a.dtype)


def acting(backend: Any, stage: Stage) -> Any:
    """The backend with its bodies and its refusals, on a stage."""
    actor = copy.copy(backend)
    actor.xp, actor._ticket = Module(stage), stage.empty((1024,), "uint32")
    actor.ghosts, actor.launch = lambda: stage, lambda *args, **options: compiled(backend, *args, **options)
    actor._erf = lambda z, out=None: actor.xp.empty(z.shape, z.dtype) if out is None else out
    actor.capability, actor.recording, actor.try_relu = backend.capability, lambda: True, lambda *_: None
    actor.gemm = backend.gemm and multiplied(backend, actor)
    return actor


def compiled(backend: Any, kernel: Kernel, grid: tuple, *args: Any, label: str = "int64") -> None:
    """Everything that comes before the start of a kernel; it is kept for when it is started. Raises as `launch`."""
    real = kernel.real(args)
    kernel.arguments(args, label, real)
    if (kernel.name, label, real) in backend.compiled | backend.ready:
        return
    try:
        made = backend.xp.RawKernel(kernel.code(label, real), kernel.name)
        getattr(made, "compile", bool)()
    except Exception as why:
        raise Refused(f"{kernel.name}: {why}") from why
    backend.ready[kernel.name, label, real] = made


def multiplied(backend: Any, actor: Any) -> Callable:
    """Stands for backend.gemm: the place of the product, after the questions that the real one asks."""

    def gemm(a: Any, b: Any, out: Any = None, epilogue: str = "", bias: Any = None, **options: Any) -> Any:
        out = actor.xp.empty((len(a), b.shape[1]), a.dtype) if out is None else out
        kinds = {a.dtype.name, "float32"} if a.dtype.itemsize == 2 else {a.dtype.name}
        if a.dtype != b.dtype or out.dtype.name not in kinds or (bias is not None and bias.dtype != out.dtype):
            raise Unfit("a and b are of one dtype, and so are out and bias")
        if not all(x.flags.c_contiguous or x.T.flags.c_contiguous for x in (a, b)):
            actor.xp.empty(max(a.size, b.size), a.dtype)  # one of them is copied first
        tried(backend, a.dtype.name, epilogue, options.get("tf32", False))
        return out

    return gemm


def tried(backend: Any, dtype: str, epilogue: str, tf32: bool) -> None:
    """A product of 8 x 8 numbers of this kind, where no library need be loaded for it. Raises Refused."""
    key, loaded = ("product", dtype, epilogue, tf32), getattr(backend.gemm, "lib", None) is not None
    if key in backend.ready or epilogue not in TRIED or not loaded and getattr(backend.gemm, "bytes", 0):
        return
    with suppress(MemoryError):
        a, b, out = (backend.zeros((8, 8), dtype) for _ in range(3))
        backend.gemm(a, b, out, epilogue, backend.zeros((8,), dtype) if "b" in epilogue else None, tf32=tf32)
    backend.ready[key] = None


@contextmanager
def entered(stage: Stage) -> Iterator[None]:
    """Within it, shades belong to the stage's backend."""
    with LOCK:
        BACKENDS[stage.kind] = stage.backend
        try:
            yield
        finally:
            del BACKENDS[stage.kind]


def rehearsal(step: Any, x_shape: tuple, precision: str = "") -> dict[str, int]:
    """Bytes of the activations of a step with a batch of this shape, and the most of temporaries that live at once.

    precision  another one than the step's
    """
    stage, mine, refused = Stage(step.net.backend), step.net, len(step.net.backend.refused)
    with entered(stage):
        net, plans = mine.replica(stage.shade(mine.grad)), type(step.plans).__new__(type(step.plans))
        net.backend, net.theta = stage.backend, stage.shade(mine.theta)
        for layer in net.layers:
            shaded(stage, layer, type(mine.theta))
        vars(plans).update(vars(step.plans), net=net, precision=arithmetic(step.precision, precision, stage, net))
        found = plans.needs(x_shape)
        plans.precision.unscaled(net.grad, stage.empty((), bool))
    if len(mine.backend.refused) > refused:  # found out just now: once more, without what nobody will try again
        return rehearsal(step, x_shape, precision)
    return {"activations": found["activations"], "scratch": stage.high}


def arithmetic(precision: Any, name: str, stage: Stage, net: Any) -> Any:
    """The precision of this name, or else this one, on a stage."""
    if name:
        keep_copy = lambda dtype: stage.empty(net.theta.shape, dtype)  # noqa: E731
        return type(precision)(name, net, SimpleNamespace(keep_copy=keep_copy))
    acting, backend = copy.copy(precision), stage.backend
    acting.backend = backend
    for name in ("copy", "state", "scale", "good"):
        if getattr(precision, name, None) is not None:
            setattr(acting, name, stage.shade(getattr(precision, name)))
    if precision.ops is not precision.plain:
        options = (precision.dtype,) if precision.state is not None else ()
        acting.ops = type(precision.ops)(precision.plain, backend, *options)
    return acting


def shaded(stage: Stage, layer: Any, kind: type) -> None:
    """Put into the layer shades in place of its arrays of this kind."""
    for name, value in list(vars(layer).items()):
        if isinstance(value, kind):
            setattr(layer, name, stage.shade(value))
    for part in layer.layers:
        shaded(stage, part, kind)
