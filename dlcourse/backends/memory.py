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
TARGET = 8  # bytes of a class number
NUMBERS = 1024  # bytes of the few numbers that a step keeps on its device: the loss, counters, the optimizer's
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


def bill(step: Any, x_shape: tuple, last: int = 0) -> Bill:
    """What training with batches of this shape, the last one of `last` examples, holds at most, by what it is for.

    On the host that is step.memory. A device also makes temporaries, which its pool keeps (scratch); a recorded step
    makes them in a pool of its own, a second one where a shorter last batch is recorded, too, and reads its targets
    from a copy (recorded); while one batch is in use the next one is made (batch); and the library of products works
    in memory of its own (workspace, with a few numbers of the step).

    Not in it: data that lie on the device, what net.predict holds (which Validate calls), targets that are no class
    numbers where the loss could take those, and that CuPy rounds each array up to 512 bytes.
    """
    rows, be = Bill(step.memory(x_shape)), step.net.backend
    if not be.host:
        rows["scratch"] = rehearsed(step, x_shape)["scratch"]
        if getattr(getattr(step, "recorder", None), "capture", False):
            rows["recorded"] = recorded(step, x_shape, rows["scratch"])
            if last and last != x_shape[0] and step.alone():
                short = (last, *x_shape[1:])
                rows["recorded"] += recorded(step, short, rehearsed(step, short)["scratch"]) + examples(step, short)
        rows["batch"] = 2 * (examples(step, x_shape) + x_shape[0] * TARGET)
        rows["workspace"] = be.workspace + NUMBERS
    return rows


def examples(step: Any, x_shape: tuple) -> int:
    """Bytes of x."""
    return math.prod(x_shape) * np.dtype(step.net.dtype).itemsize


def rehearsed(step: Any, x_shape: tuple, precision: str = "") -> dict[str, int]:
    """{"activations": ..., "scratch": ...} of such a step on a device, in its own precision or in another one.

    Where a function of somebody's own takes no arrays without numbers: as many temporaries as all else together.
    """
    from .rehearsal import rehearsal  # whose arrays need a backend, and every backend needs this module

    try:
        return rehearsal(step, x_shape, precision)
    except Exception:
        if precision:
            raise
        needs = step.plans.needs(x_shape)
        return needs | {"scratch": needs["activations"]}


def recorded(step: Any, x_shape: tuple, scratch: int) -> int:
    """Bytes of a graph's own pool and of its targets: what it takes, or what it has taken if that was more."""
    graphs = [graph for graph in alive(step) if len(graph.x) == x_shape[0]]
    return max([scratch + TARGET * x_shape[0], *(graph.replay.nbytes + graph.t.nbytes for graph in graphs)])


def alive(step: Any) -> list:
    """The graphs of a step that are up to date."""
    graphs = getattr(getattr(step, "recorder", None), "graphs", {})
    now = step.net.ops.version, step.plans.version, step.optimizer.copy is None  # as GraphStep tells its recorder
    return [graph for key, graph in graphs.items() if graph and key[-1] == now]


# ---- does it fit?


def afford_vectors(backend: Any, names: Sequence[str], size: int, itemsize: int) -> None:
    """Raise TooLarge, one sentence, where there is no room for the vectors of these names, each of this size."""
    there, count = backend.free(), len(names)
    if there is not None and (need := count * size * itemsize) > there:
        what, most = f"{' and '.join(names)} of a network", f"{count} x {there // (count * itemsize):,}"
        takes = f"{what}, {count} x {size:,} numbers, take {shown(need)} on {backend!r}, and there are {shown(there)}"
        raise TooLarge(f"{takes}: {most} would fit, so make the network smaller, or free what else is held")


def afford(step: Any, x_shape: tuple, batches: Any = None) -> Any:
    """The step, where training with such batches fits; else MemoryError, one sentence that says what would fit.

    Nothing is allocated to find out, but a few numbers to try a product with. Where nobody knows what is free (the
    host, outside simulate_memory), all is well. batches: where they come from, if that is known.
    """
    there, n = room(step, x_shape, batches), getattr(batches, "n", 0)
    if there is not None and (need := whole(step, x_shape, n).total) > there:
        raise TooLarge(f"{asks(step, x_shape, need)}, and there are {shown(there)}: {advice(step, x_shape, there, n)}")
    return step


def whole(step: Any, x_shape: tuple, n: int) -> Bill:
    """The bill where such batches are cut from n examples."""
    return bill(step, x_shape, n % x_shape[0])


def peek(batches: Any) -> Any:
    """x of the first batch; TooLarge where that alone does not fit."""
    try:
        return next(batches.epoch(0))[0]
    except TooLarge:
        raise
    except MemoryError as why:
        one = f"one batch of {min(batches.size, batches.n):,} examples does not fit beside what is held already"
        raise TooLarge(f"{one}: take smaller batches ({first_line(why)})") from why


def first_line(why: BaseException) -> str:
    """What an error says first."""
    return (str(why).strip().splitlines() or ["no more can be had"])[0].rstrip(".")


@contextmanager
def explained(step: Any, x_shape: tuple, batches: Any = None) -> Iterator[None]:
    """An allocation that fails in here is told in the same words; the first error stays behind it as its cause."""
    try:
        yield
    except TooLarge:
        raise
    except MemoryError as why:
        if not hasattr(step, "memory"):
            raise
        n, there = getattr(batches, "n", 0), room(step, x_shape, batches)
        need = whole(step, x_shape, n).total
        there = need - 1 if there is None else min(there, need - 1)  # less than was thought, or it would have been had
        told = f"the memory is full ({first_line(why)}): {asks(step, x_shape, need)}"
        raise TooLarge(f"{told}; {advice(step, x_shape, there, n)}") from why


def asks(step: Any, x_shape: tuple, need: int) -> str:
    """The first half of the sentence."""
    return f"training with batches of {x_shape[0]:,} on {step.net.backend!r} takes {shown(need)}"


def room(step: Any, x_shape: tuple, batches: Any = None) -> int | None:
    """Bytes that this step may use in all, what it holds already included; None where nobody knows."""
    free = step.net.backend.free() if hasattr(step, "memory") else None
    return free if free is None or step.net.backend.host else free + held(step, x_shape, batches)


def held(step: Any, x_shape: tuple, batches: Any = None) -> int:
    """Bytes of the bill that exist already: the vectors, and the buffers, graphs and batches' places in use.

    A graph makes its temporaries in its own pool: where there is one, the step asks for no others.
    """
    vectors = sum(n for what, n in step.memory(x_shape).items() if what not in LATER)
    buffers = sum(buffer.nbytes for buffer in step.plans.space.buffers.values())
    graphs = sum(graph.x.nbytes + graph.t.nbytes + graph.replay.nbytes for graph in alive(step))
    if any(len(graph.x) == x_shape[0] for graph in alive(step)):
        graphs += rehearsed(step, x_shape)["scratch"]
    slots = getattr(getattr(batches, "upload", None), "slots", ())
    places = sum(place.nbytes for slot in slots for place in slot.there) + sum(a.nbytes for a in kept(step))
    return vectors + buffers + graphs + min(places, 2 * (examples(step, x_shape) + x_shape[0] * TARGET))


def kept(step: Any) -> list:
    """The batches that plans still hold, whole or in part: the next ones take their place."""
    found = [getattr(plan.layers[0], "x", None) for plan in step.plans.values()]
    return list({id(a): a for x in found if x is not None for a in [x if x.base is None else x.base]}.values())


def advice(step: Any, x_shape: tuple, there: int, n: int = 0) -> str:
    """What would fit: a smaller batch, of n examples in all, the same batch in parts, smaller numbers."""
    B, found = x_shape[0], []
    if most := largest(B - 1, lambda size: whole(step, (size, *x_shape[1:]), n).total <= there):
        found.append(f"batches of {most:,} would fit")
    more = bill(step, x_shape).get("batch", 0) + step.net.grad.nbytes * (not hasattr(step, "parts"))  # a second ∇
    if part := largest(B - 1, lambda size: in_parts(step, (size, *x_shape[1:])) + more <= there):
        found.append(f"AccumulateStep(..., parts={-(-B // part)}) would take the same batch in parts")
    if smaller(step, x_shape, n) <= there:
        found.append('precision="bf16" would fit')
    return ", or ".join(found) or "not even one example would fit, so it needs a smaller network or more memory"


def in_parts(step: Any, x_shape: tuple) -> int:
    """The bill of a part of this shape, without the whole batch; nothing is recorded."""
    rows = bill(step, (x_shape[0] * getattr(step, "parts", 1), *x_shape[1:]))
    return rows.total - rows.get("batch", 0) - rows.get("recorded", 0)


def smaller(step: Any, x_shape: tuple, n: int = 0) -> float:
    """What it takes with activations and a copy of θ in bfloat16, where the step can be made so."""
    name = getattr(getattr(step, "precision", None), "name", "fp32")
    if step.net.backend.host or name not in ("fp32", "tf32") or not takes_precision(step):
        return math.inf
    try:
        after = rehearsed(step, x_shape, "bf16")
    except Exception:  # not to be had here
        return math.inf
    rows, before = whole(step, x_shape, n), rehearsed(step, x_shape)
    more = (after["scratch"] - before["scratch"]) * (1 + ("recorded" in rows))
    return rows.total + step.net.theta.nbytes / 2 + after["activations"] - before["activations"] + more


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
