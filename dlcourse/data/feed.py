"""Batches for a network on a device: the same as ever, and the device does not wait for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..backends import Backend, backend_of, get_backend
from ..backends.input import Upload, gather, packed
from .batches import Batches

SHARE = 4  # data stays on the device where it takes at most a quarter of the free memory: the rest is for training


class Feed:
    """The batches of `batches`, whose data lies on the host, on the device of a backend: same order, same bits.

        feed = Feed(Batches(x, t, 64), net.backend)
        fit(net, loss, optimizer, feed, epochs=3)

    how says which of four ways they go:
    "as it is"   the network computes where the data is: nothing to do
    "bytes"      all of x lies on the device as uint8 (float32 that are whole numbers, 255ths or 16ths of them are kept
                 so without loss), a batch is gathered there, and one copy an epoch says in which order
    "resident"   the same, in the dtype that x has
    "pinned"     it takes more than a quarter of the free memory: each batch is copied while the last is computed

    A batch that came by "pinned" is overwritten by the next but one of its epoch, the last two of an epoch, also of one
    that is left early, by a later epoch: copy what you want to keep. Several epochs may be on their way at once.
    resident: True or False chooses; without it, what fits stays.
    """

    def __init__(self, batches: Batches, backend: Backend | str, *, resident: bool | None = None):
        self.batches, self.backend = batches, get_backend(backend)
        self.x, self.t, self.n, self.size = batches.x, batches.t, batches.n, batches.size
        self.key, self.shuffle = batches.key, batches.shuffle
        self.how, self.scale = "as it is", 0
        if not self.backend.host and backend_of(batches.x).host:
            self._place(resident)

    def _place(self, resident: bool | None) -> None:
        x, t, free = self.batches.x, self.t, self.backend.free()
        bytes_ = packed(x) if resident is not False else None
        x, self.scale = bytes_ or (x, 0)
        fits = free is None or SHARE * (x.nbytes + t.nbytes) <= free
        if fits if resident is None else resident:
            self.how = "bytes" if x.dtype == "uint8" else "resident"
            self.data = self.backend.asarray(x), self.backend.asarray(t)
        else:
            self.how, self.scale = "pinned", 0
            self.upload = Upload(self.backend, (self.batches.x, t), min(self.size, self.n))

    def __len__(self) -> int:
        """Batches in an epoch, the last one included."""
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return self.epoch(0)

    def __repr__(self) -> str:
        return f"{repr(self.batches)[:-1]}, {self.how} on {self.backend!r}>"

    def epoch(self, e: int, start: int = 0) -> Iterator[tuple[Any, Any]]:
        """The batches (x, t) of epoch e = 0, 1, 2, ..., from batch number `start` on."""
        whole = self.batches.epoch(e, start)  # which also says what is wrong with e and start
        if self.how == "as it is":
            return whole
        return self._streamed(e, start) if self.how == "pinned" else self._gathered(e, start)

    def _cuts(self, start: int) -> list[slice]:
        return [slice(i, i + self.size) for i in range(start * self.size, self.n, self.size)]

    def _gathered(self, e: int, start: int) -> Iterator[tuple[Any, Any]]:
        x, t = self.data
        order = self.backend.asarray(self.batches.order(e)) if self.shuffle else self.backend.xp.arange(self.n)
        for some in self._cuts(start):
            rows = order[some]
            yield gather(self.backend, x, rows, self.scale), gather(self.backend, t, rows)

    def _streamed(self, e: int, start: int) -> Iterator[tuple[Any, Any]]:
        order, sent = self.batches.order(e) if self.shuffle else None, []
        slots = self.upload.lend()
        try:
            for i, some in enumerate(self._cuts(start)):
                slot = slots[i % 2]
                sent.append((slot, self.upload.send(slot, some if order is None else order[some])))
                if i:
                    yield self.upload.receive(*sent.pop(0))
            for last in sent:
                yield self.upload.receive(*last)
        finally:  # also where an epoch is left early
            self.upload.take_back(slots)
