"""How long a call takes, told honestly: warmed up, waited for, a median with its spread, and copies timed apart.

host = measure(lambda x: x @ x, [x])
device = measure(lambda x: x @ x, [x], backend="cupy")  # copied in, computed, copied out
print(device.against(host))
"""

from __future__ import annotations

import inspect
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from ..backends import BACKENDS, NUMPY, Backend, backend_of, get_backend
from .machine import blas, device_name

BLOCK_S = 0.01  # the clock is read around blocks of calls, each at least this long
LONG_S = 2.0  # whoever waits longer sees a bar
MOST = 10**7  # calls in a block
FEWEST = 5  # blocks: below that chance parts two measurements of one call too often


class UnsynchronisedError(ValueError):
    """The clock would show how long it takes to ask a device, not how long it computes."""


@dataclass(frozen=True, repr=False)
class Timing:
    """Seconds a call, one number for each block; in `copy_in_s` and `copy_out_s` the way to a device and back."""

    name: str
    where: str
    seconds: tuple[float, ...]
    loops: int
    copy_in_s: tuple[float, ...] = ()
    copy_out_s: tuple[float, ...] = ()

    @property
    def median_s(self) -> float:
        """The middle block."""
        return statistics.median(self.seconds)

    @property
    def minimum_s(self) -> float:
        """The fastest block."""
        return min(self.seconds)

    @property
    def quartiles_s(self) -> tuple[float, float]:
        """Half of the blocks lie between these two."""
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return low, high

    @property
    def spread(self) -> float:
        """What lies between the quartiles, as a share of the median."""
        low, high = self.quartiles_s
        return (high - low) / self.median_s

    @property
    def copies_s(self) -> float:
        """There and back: the medians together; 0 where nothing is copied."""
        return sum(statistics.median(part) for part in (self.copy_in_s, self.copy_out_s) if part)

    def __str__(self) -> str:
        low, high = map(_time, self.quartiles_s)
        blocks = f"{len(self.seconds)} blocks of {self.loops} {'call' if self.loops == 1 else 'calls'}"
        told = (
            f"{self.name} takes {_time(self.median_s)} on {self.where} "
            f"(median of {blocks}; quartiles {low} and {high}, minimum {_time(self.minimum_s)})"
        )
        there, back = (_time(statistics.median(part)) if part else "" for part in (self.copy_in_s, self.copy_out_s))
        if there and back:
            return f"{told}, and {_time(self.copies_s)} to get the data there ({there}) and back ({back})"
        way = f"there takes {there}" if there else f"back takes {back}"
        return f"{told}; to get the data {way}" if there or back else told

    __repr__ = __str__

    def against(self, other: Timing) -> Comparison:
        """How many times as long as the other: the ratio of the medians, with what the spread allows."""
        copied = None
        if self.copies_s or other.copies_s:
            copied = _ratio(*(_sum([t.seconds, t.copy_in_s, t.copy_out_s]) for t in (self, other)))
        return Comparison(self, other, _ratio(_range(self.seconds), _range(other.seconds)), copied)


@dataclass(frozen=True, repr=False)
class Comparison:
    """What two timings say of each other. `computing` and `copied`, with the copies: (ratio, lowest, highest)."""

    first: Timing
    second: Timing
    computing: tuple[float, float, float]
    copied: tuple[float, float, float] | None

    @property
    def seen(self) -> bool:
        """True where the blocks of the two lie apart, but for the slowest and fastest seventh of each.

        Two measurements of one call come out so at most 3 times in 100, if nothing changes between them.
        """
        return _apart(self.computing)

    def __str__(self) -> str:
        told = f"{self.first.name} on {self.first.where}, against {self.second.name} on {self.second.where}: "
        told += _times(self.computing)
        return told if self.copied is None else f"{told}; with its copies, {_times(self.copied)}"

    __repr__ = __str__


def measure(
    call: Callable[..., Any],
    inputs: Sequence[Any] = (),
    *,
    backend: Backend | str | None = None,
    repeat: int = 7,
    warm_up: int = 3,
    synchronise: bool = True,
    name: str = "",
) -> Timing:
    """Time `call(*inputs)`: `repeat` blocks of calls, after `warm_up` calls that are not counted.

    A block lasts 10 ms or longer, and waits for every device before and after. With the backend of a device, inputs
    from the host are copied there first; these copies, and those of the results back, are timed by themselves. Without
    it, where the call ran is told by its arrays, and by what this package's backends were asked for meanwhile.
    Raises UnsynchronisedError where `synchronise=False` would leave a device at work when the clock is read.
    """
    if repeat < FEWEST or warm_up < 1:
        raise ValueError(f"measure needs {FEWEST} blocks or more, and one call to warm up: {repeat=}, {warm_up=}")
    chosen = None if backend is None else get_backend(backend)
    away = chosen is not None and not chosen.host
    given = [chosen.asarray(x) for x in inputs] if away else list(inputs)
    waits = _devices()
    asked = {device: device.work.handed for device in waits}
    result = [call(*given) for _ in range(warm_up)][-1]
    at_work = [device for device in waits if device.busy()]
    found = {backend_of(a) for a in _arrays([given, result])}
    devices = [b for b in found if not b.host] or at_work or ([chosen] if away else [])
    if devices and not synchronise:
        raise UnsynchronisedError(
            f"{name or _name(call)} hands its work to {device_name(devices[0])} and returns before that is done: "
            "the clock would show how long it takes to ask, not how long it takes to compute. "
            "Leave synchronise=False out."
        )
    seconds, loops = _sample(lambda: call(*given), repeat, waits, "computing")
    devices = devices or [device for device, n in asked.items() if device.work.handed > n] or _mentioned(call)
    unsure = chosen is None and waits and not found and not devices
    where = device_name(devices[0]) if devices else f"{device_name(NUMPY)}, {blas(threads=True)}"
    where += ", as far as can be told" if unsure else ""
    there, back = (), ()
    if away and any(chosen is not _home(x) for x in inputs):
        there, _ = _sample(lambda: [chosen.asarray(x) for x in inputs], repeat, waits, "copying in")
    if results := [a for a in _arrays(result) if not backend_of(a).host]:
        back, _ = _sample(lambda: [backend_of(a).to_host(a) for a in results], repeat, waits, "copying out")
    return Timing(name or _name(call), where, seconds, loops, there, back)


# ---- blocks


def _sample(run: Callable[[], Any], repeat: int, waits: Sequence[Backend], what: str) -> tuple[tuple[float, ...], int]:
    """Seconds a call, of each block; and how many calls make a block."""
    loops = 1
    while (took_s := _block(run, loops, waits)) * loops < BLOCK_S and loops < MOST:
        wanted = math.ceil(1.2 * BLOCK_S / took_s) if took_s > 0 else MOST
        loops = min(max(wanted, loops + 1), 10 * loops, MOST)
    blocks = range(repeat)
    shown = _bar(blocks, what) if took_s * loops * repeat > LONG_S else blocks
    return tuple(_block(run, loops, waits) for _ in shown), loops


def _block(run: Callable[[], Any], loops: int, waits: Sequence[Backend]) -> float:
    """Seconds a call. The device has nothing left to do when the clock starts, nor when it stops."""
    for device in waits:
        device.synchronize()
    start_s = perf_counter()
    for _ in range(loops):
        run()
    for device in waits:
        device.synchronize()
    return (perf_counter() - start_s) / loops


def _bar(blocks: range, what: str) -> Iterator[int]:
    from tqdm import tqdm

    return iter(tqdm(blocks, desc=what, file=sys.stdout, unit="block", dynamic_ncols=True, leave=False))


def _devices() -> list[Backend]:
    """The devices that can be waited for. CuPy may be loaded where there is no GPU: nothing runs there."""
    found = []
    for backend in dict.fromkeys(BACKENDS.values()):
        if not backend.host:
            with suppress(Exception):
                backend.synchronize()
                found.append(backend)
    return found


# ---- what is an array, and where it lies


def _arrays(x: Any) -> list[Any]:
    """All arrays in nested lists, tuples and dicts."""
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, list | tuple):
        return [a for part in x for a in _arrays(part)]
    return [x] if _home(x) is not None else []


def _mentioned(call: Callable) -> list[Backend]:
    """The devices on which arrays lie that the text of the call names."""
    try:
        names = inspect.getclosurevars(call)
    except TypeError:  # not a function of Python's
        return []
    homes = {backend_of(a) for a in _arrays([names.nonlocals, names.globals])}
    return [backend for backend in homes if not backend.host]


def _home(x: Any) -> Backend | None:
    """The backend of an array; None for everything else."""
    try:
        return backend_of(x)
    except TypeError:
        return None


# ---- intervals and words


def _range(seconds: Sequence[float]) -> tuple[float, float, float]:
    """(median, lowest, highest), the fastest and the slowest seventh left out."""
    ordered, out = sorted(seconds), len(seconds) // 7
    return statistics.median(ordered), ordered[out], ordered[-1 - out]


def _sum(parts: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    ranges = [_range(part) for part in parts if part]
    return tuple(map(sum, zip(*ranges)))


def _ratio(first: tuple[float, float, float], second: tuple[float, float, float]) -> tuple[float, float, float]:
    return first[0] / second[0], first[1] / second[2], first[2] / second[1]


def _apart(ratio: tuple[float, float, float]) -> bool:
    return not ratio[1] <= 1 <= ratio[2]


def _times(ratio: tuple[float, float, float]) -> str:
    told = f"{ratio[0]:.3g} times as long ({ratio[1]:.3g} to {ratio[2]:.3g})"
    return told if _apart(ratio) else f"no difference that this spread allows to see, {told}"


def _time(seconds: float) -> str:
    """Three digits, in the unit that suits them."""
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _name(call: Callable) -> str:
    found = getattr(call, "__name__", type(call).__name__)
    return "the call" if found == "<lambda>" else found
