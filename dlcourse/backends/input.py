"""How batches reach a device: from data that stays there as bytes, or by two pinned buffers that take turns.

Streams, events and pinned memory are asked for by the names that they have in cupy.cuda.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np

from . import cuda_input as source
from .cuda_kernel import Refused, Unfit, blocks

SCALES = (
    255,
    16,
    1,
)  # bytes hold x where x = u / scale, u = 0 ... 255: pictures of 8 bits, digits of 4, whole numbers
AT_ONCE = 1 << 22  # numbers looked at together: packing takes little memory beside the bytes


def packed(x: np.ndarray) -> tuple[np.ndarray, int] | None:
    """u, scale with x = u / scale, bit for bit; None where there are no such bytes.      x float32 -> u uint8"""
    if x.dtype != "float32":
        return None
    rows = max(1, AT_ONCE // max(1, math.prod(x.shape[1:])))
    for scale in SCALES:
        u = np.empty(x.shape, "uint8")
        if all(_fill(u[i : i + rows], x[i : i + rows], np.float32(scale)) for i in range(0, len(x), rows)):
            return u, scale
    return None


def _fill(u: np.ndarray, x: np.ndarray, scale: np.float32) -> bool:
    """Write u = x scale into u. Does u / scale give x back, bit for bit?"""
    scaled = np.rint(x * scale)
    if not ((0 <= scaled) & (scaled <= 255)).all():  # NaN, too
        return False
    u[...] = scaled
    back = u.astype("float32") / scale
    return np.array_equal(back.view("uint32"), np.ascontiguousarray(x).view("uint32"))


def gather(be: Any, x: Any, rows: Any, scale: int = 0) -> Any:
    """x[rows], and with a scale x[rows] / scale in float32      x (n,...)  rows (B,) int64  ->  (B,...)"""
    if not scale:
        return x[rows]
    if "gather_bytes" not in be.refused:
        y = be.empty((len(rows), *x.shape[1:]))
        try:
            be.launch(source.GATHER_BYTES, blocks(y.size), x, rows, y, y.size, math.prod(x.shape[1:]), scale)
            return y
        except Refused as why:
            be.refuse("gather_bytes", why)
        except Unfit:
            pass
    return x[rows].astype("float32") / np.float32(scale)


class Slot:
    """A batch's place: pinned memory on the host, memory on the device, and how far both are."""

    def __init__(self, be: Any, arrays: tuple[np.ndarray, ...], size: int):
        cuda, shapes = be.xp.cuda, [(size, *a.shape[1:]) for a in arrays]
        self.here = [_pinned(cuda, shape, a.dtype) for shape, a in zip(shapes, arrays)]
        self.there = [be.xp.empty(shape, a.dtype) for shape, a in zip(shapes, arrays)]
        self.copied, self.used = cuda.Event(disable_timing=True), cuda.Event(disable_timing=True)

    def __del__(self) -> None:
        """Both memories go to whoever asks next, so a copy that is still on its way is waited for."""
        with suppress(Exception):  # at the end of Python there may be no CUDA any more
            self.copied.synchronize()


def _pinned(cuda: Any, shape: tuple, dtype: np.dtype) -> np.ndarray:
    """Memory of the host that the device reads by itself: only from there does a copy run beside the computing."""
    size = math.prod(shape) * dtype.itemsize
    return np.frombuffer(cuda.alloc_pinned_memory(max(size, 1)), dtype, math.prod(shape)).reshape(shape)


class Upload:
    """Two slots for each epoch on its way, and a stream that copies: while the device computes, the next batch comes.

    Three rules keep it right. The host fills a pinned buffer only after its last copy has ended (copied). The copy
    begins only after all that was launched with the slot's last batch (used). What is launched next waits for the copy.
    """

    def __init__(self, be: Any, arrays: tuple[np.ndarray, ...], size: int):
        self.be, self.arrays, self.size = be, arrays, size
        self.stream = be.xp.cuda.Stream(non_blocking=True)
        self.slots: list[Slot] = []  # those that no epoch uses
        self.take_back(self.lend())

    def lend(self) -> list[Slot]:
        """Two slots for one epoch: those of one that is over, or new ones."""
        pair, self.slots = self.slots[:2], self.slots[2:]
        return pair or [Slot(self.be, self.arrays, self.size) for _ in range(2)]

    def take_back(self, pair: list[Slot]) -> None:
        """The epoch is over: the next one gets these."""
        self.slots += pair

    def send(self, slot: Slot, rows: Any) -> int:
        """Start the copy of these rows; how many there are."""
        slot.copied.synchronize()
        n = len(self.arrays[0][rows]) if isinstance(rows, slice) else len(rows)
        slot.used.record(self.be.xp.cuda.get_current_stream())
        self.stream.wait_event(slot.used)
        for a, here, there in zip(self.arrays, slot.here, slot.there):
            here[:n] = a[rows]
            there[:n].set(here[:n], stream=self.stream)
        slot.copied.record(self.stream)
        return n

    def receive(self, slot: Slot, n: int) -> tuple:
        """The batch in this slot. What is launched from now on waits for it; the host does not."""
        self.be.xp.cuda.get_current_stream().wait_event(slot.copied)
        return tuple(there[:n] for there in slot.there)
