"""What training will take, told before it is allocated, and refused in one sentence where it does not fit.

It knows a step by its shape alone: `net`, `memory(x_shape)`, and layers that say what they make of a shape.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any

import numpy as np

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
UNITS |= {f"{letter}i": 1 << 10 * i for i, letter in enumerate("kmgt", 1)}
TEMPORARIES = {"gelu": 2, "gelu_tanh": 3, "silu": 2, "elu": 1.25}  # arrays like y that the equations take in backward
ROW = "softmax", "log_softmax"  # and one number for each row
LOSSES = {"binary_cross_entropy": 3}
LATER = "activations", "scratch", "recorded", "batch", "workspace"  # what comes with the first step


class TooLarge(MemoryError):
    """What was asked for does not fit; the sentence says what would."""


class Bill(dict):
    """{what for: bytes}; shows itself as a table."""

    @property
    def total(self) -> int:
        """All of it together."""
        return sum(self.values())

    def __repr__(self) -> str:
        rows = [*self.items(), ("total", self.total)]
        return "\n".join(f"{what:<12} {n:>18,} bytes  {shown(n):>9}" for what, n in rows)


def parsed(size: str | int) -> int:
    """Bytes: "16GB" is 16 · 10⁹, "15GiB" is 15 · 2³⁰; a number is taken as it is."""
    found = re.fullmatch(r"\s*([\d.]+)\s*([kmgt]?i?)b?\s*", str(size).lower())
    if not found or found[2] == "i" or found[1].count(".") > 1 or not (n := int(float(found[1]) * UNITS[found[2]])):
        raise ValueError(f'a size is written like "16GB", "512MB" or "15GiB", got {size!r}')
    return n


def shown(n: int) -> str:
    """Bytes with three digits, in the unit that suits them: 21.4 GB."""
    for unit in ("GB", "MB", "kB"):
        if n >= 0.9995 * (size := UNITS[unit[0].lower()]):
            return f"{n / size:.3g} {unit}" if n < 999.5 * size else f"{n / size:,.0f} {unit}"
    return f"{n} bytes"


# ---- the bill


def bill(step: Any, x_shape: tuple) -> Bill:
    """What training with batches of this shape holds at most, by what it is for.

    On the host that is step.memory. A device also makes temporaries, which its pool keeps (scratch); a recorded step
    makes them in a pool of its own (recorded); while one batch is in use the next one is made (batch); and the library
    of products works in memory of its own (workspace). CuPy rounds each array up to 512 bytes, which is not counted.
    """
    rows, be = Bill(step.memory(x_shape)), step.net.backend
    if not be.host:
        item = np.dtype(step.net.dtype).itemsize
        part = (-(-x_shape[0] // getattr(step, "parts", 1)), *x_shape[1:])
        narrow = "16" in str(getattr(getattr(step, "precision", None), "dtype", ""))
        rows["scratch"] = temporaries(step, part, narrow)
        if hasattr(step, "recorder"):
            rows["recorded"] = rows["scratch"]
        rows["batch"] = 2 * (math.prod(x_shape) * item + x_shape[0] * 8)
        rows["workspace"] = be.workspace
    return rows


def temporaries(step: Any, x_shape: tuple, narrow: bool) -> int:
    """The most bytes that one operation asks a device for beside its result, and the loss.

    In 16 bits, an operation without a kernel reads and writes copies in float32.
    """
    net, be, loss = step.net, step.net.backend, step.loss.op
    item = np.dtype(net.dtype).itemsize
    most, last, learned, y, small = 0, 0, False, x_shape, 2 if narrow else item
    for layer, y, joined in walk(net.layers, x_shape):
        if joined and layer.op == "relu":  # its backward, then the convolution's, or the product's
            rows = last + math.prod(y)
        else:
            rows = last = windows(layer, y) * (2 if learned else 1)  # their gradient, where somebody asks for dx
        learned = learned or bool(layer.params)
        plain = f"{layer.op}_backward" not in be.bodies
        own = TEMPORARIES.get(layer.op, plain) + (3 if plain and narrow else 0)
        most = max(most, rows * small, math.ceil(math.prod(y) * own + y[0] * (layer.op in ROW)) * item)
    return max(most, item * (y[0] if loss in be.bodies else math.prod(y) * LOSSES.get(loss, 1))) + 2 * item


def walk(layers: Any, x: tuple) -> Iterator[tuple[Any, tuple, bool]]:
    """Every layer that computes, the shape of its y, and whether it may be joined to a product before it."""
    product = False
    for layer in layers:
        if layer.layers:
            yield from walk(layer.layers, x)
        else:
            yield layer, layer.shape(x), product
        product, x = layer.op in ("dense", "conv2d"), layer.shape(x)


def windows(layer: Any, y: tuple) -> int:
    """Numbers in the matrix of windows of a convolution; 0 for every other layer, and for a kernel of one pixel."""
    if layer.op != "conv2d" or (layer.kernel, layer.stride, layer.padding) == (1, 1, 0):
        return 0
    return math.prod(y[:3]) * layer.kernel**2 * layer.c_in


# ---- does it fit?


def afford_vectors(backend: Any, names: Sequence[str], size: int, itemsize: int) -> None:
    """Raise TooLarge, one sentence, where there is no room for the vectors of these names, each of this size."""
    there, count = backend.free(), len(names)
    if there is not None and (need := count * size * itemsize) > there:
        what, most = f"{' and '.join(names)} of a network", f"{count} x {there // (count * itemsize):,}"
        takes = f"{what}, {count} x {size:,} numbers, take {shown(need)} on {backend!r}, and there are {shown(there)}"
        raise TooLarge(f"{takes}: {most} would fit, so make the network smaller, or free what else is held")


def afford(step: Any, x_shape: tuple) -> Any:
    """The step, where training with such batches fits; else MemoryError, one sentence that says what would fit.

    Nothing is allocated to find out. Where nobody knows what is free (the host, outside simulate_memory), all is well.
    """
    there = room(step, x_shape)
    if there is not None and (need := bill(step, x_shape).total) > there:
        raise TooLarge(f"{asks(step, x_shape, need)}, and there are {shown(there)}: {advice(step, x_shape, there)}")
    return step


@contextmanager
def explained(step: Any, x_shape: tuple) -> Iterator[None]:
    """An allocation that fails in here is told in the same words; the first error stays behind it as its cause."""
    try:
        yield
    except TooLarge:
        raise
    except MemoryError as why:
        if not hasattr(step, "memory"):
            raise
        said = str(why).strip().splitlines() or ["no more can be had"]
        need, there = bill(step, x_shape).total, room(step, x_shape)
        there = need - 1 if there is None else min(there, need - 1)  # less than was thought, or it would have been had
        told = f"the memory is full ({said[0].rstrip('.')}): {asks(step, x_shape, need)}"
        raise TooLarge(f"{told}; {advice(step, x_shape, there)}") from why


def asks(step: Any, x_shape: tuple, need: int) -> str:
    """The first half of the sentence."""
    return f"training with batches of {x_shape[0]:,} on {step.net.backend!r} takes {shown(need)}"


def room(step: Any, x_shape: tuple) -> int | None:
    """Bytes that this step may use in all, what it holds already included; None where nobody knows."""
    free = step.net.backend.free() if hasattr(step, "memory") else None
    return free if free is None or step.net.backend.host else free + held(step, x_shape)


def held(step: Any, x_shape: tuple) -> int:
    """Bytes of the bill that exist already: the vectors, and the buffers of a step that has run."""
    vectors = sum(n for what, n in step.memory(x_shape).items() if what not in LATER)
    space = getattr(getattr(step, "serial", step).plans, "space", None)
    return vectors + sum(buffer.nbytes for buffer in space.buffers.values()) if space else vectors


def advice(step: Any, x_shape: tuple, there: int) -> str:
    """What would fit: a smaller batch, the same batch in parts, smaller numbers."""
    n, found = x_shape[0], []
    if most := largest(n, lambda size: bill(step, (size, *x_shape[1:])).total <= there):
        found.append(f"batches of {most:,} would fit")
    one_more = step.net.grad.nbytes * (not hasattr(step, "parts"))  # a second ∇, to add up in
    whole = bill(step, x_shape).get("batch", 0)
    part = largest(n, lambda size: in_parts(step, (size, *x_shape[1:])) + whole + one_more <= there)
    if 0 < part < n:
        found.append(f"AccumulateStep(..., parts={-(-n // part)}) would take the same batch in parts")
    if smaller(step, x_shape) <= there:
        found.append('precision="bf16" would fit')
    return ", or ".join(found) or "not even one example would fit, so it needs a smaller network or more memory"


def in_parts(step: Any, x_shape: tuple) -> int:
    """The bill of a part, without the whole batch."""
    rows = bill(step, x_shape)
    return rows.total - rows.get("batch", 0)


def smaller(step: Any, x_shape: tuple) -> float:
    """At most what it takes with activations and a copy of θ in 16 bits, where the step can be made so.

    Activations then take 0.6 of what they took: masks, statistics and the loss's arrays keep their size.
    """
    name = getattr(getattr(step, "precision", None), "name", "fp32")
    if step.net.backend.host or name not in ("fp32", "tf32") or not takes_precision(step):
        return math.inf
    rows = bill(step, x_shape)
    part = (-(-x_shape[0] // getattr(step, "parts", 1)), *x_shape[1:])
    more = temporaries(step, part, True) - rows["scratch"]
    return rows.total + step.net.theta.nbytes / 2 - 0.4 * rows["activations"] + more * (1 + ("recorded" in rows))


def takes_precision(step: Any) -> bool:
    """Can such a step be made with precision=?"""
    return any("precision" in signature(kind.__init__).parameters for kind in type(step).__mro__)


def largest(n: int, fits: Callable[[int], bool]) -> int:
    """The largest size from 1 to n that fits; 0 where none does."""
    low, high = 0, n
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
