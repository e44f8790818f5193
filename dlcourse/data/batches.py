"""A data set in small handfuls, shuffled anew for every epoch, and never copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backends import Backend, backend_of, to_host
from .streams import shuffled, whole

CHECKED_AT_ONCE = 1 << 16  # rows of t: looking for NaN must not cost memory that grows with the data


class Batches:
    """x (n,...) and t (n,...) in batches of `size` examples; the last batch of an epoch holds what is left.

        batches = Batches(x, t, 32)
        for x, t in batches.epoch(0): ...

    The order of an epoch depends on (key, epoch) alone, so it can be had again: `epoch(3, start=10)` goes on where
    epoch 3 broke off before its batch 10. shuffle=False keeps the order of the data. A plain `for` over the
    object is epoch 0, each time the same.

    A shuffled batch is a new array, in order a view into the data. x stays where it is: unsigned bytes, a memory map,
    a view with gaps, or an array on a GPU, to which the order of an epoch is moved once. classes: the number of the
    network's outputs, if labels should be checked against it. t is checked for NaN here; x is not, since it may be
    larger than memory. Whether soft targets are probabilities depends on the loss, which is not known here: rows that
    are negative or do not sum to 1, or targets of a binary loss outside 0 ... 1, are taken as they are.

    Raises ValueError or TypeError, once and here, if x and t do not belong together.
    """

    def __init__(
        self, x: Any, t: Any, size: int, *, key: int = 0, shuffle: bool = True, classes: int | None = None
    ) -> None:
        self.x, self.t = _array(x, "x", "biuf"), _array(t, "t", "iuf")
        self.backend = _pair(self.x, self.t)
        self.n = len(self.x)
        self.size, self.key = whole(size, "size, the number of examples in a batch,", least=1), whole(key, "key")
        self.shuffle = bool(shuffle)
        _check_targets(self.t, self.backend, None if classes is None else whole(classes, "classes", least=1))

    def __len__(self) -> int:
        """Batches in an epoch, the last one included."""
        return -(-self.n // self.size)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return self.epoch(0)

    def __repr__(self) -> str:
        order = f"shuffled by key {self.key}" if self.shuffle else "in order"
        return f"<{self.n:,} examples in {len(self):,} batches of {self.size}, {order}>"

    def epoch(self, e: int, start: int = 0) -> Iterator[tuple[Any, Any]]:
        """The batches (x, t) of epoch e = 0, 1, 2, ..., from batch number `start` on."""
        e, start = whole(e, "the epoch"), whole(start, "start")
        if start > len(self):
            raise ValueError(f"start is batch {start}, but an epoch has {len(self)} batches of {self.size}")
        return self._walk(e, start)

    def _walk(self, e: int, start: int) -> Iterator[tuple[Any, Any]]:
        order = self.order(e) if self.shuffle else None
        for first in range(start * self.size, self.n, self.size):
            some = slice(first, first + self.size)
            rows = some if order is None else order[some]
            yield self.x[rows], self.t[rows]

    def order(self, e: int) -> Any:
        """Which example comes when in a shuffled epoch e. (n,) int64, where x lives"""
        return self.backend.asarray(shuffled(self.n, self.key, "batches", word=e))


def _array(a: Any, name: str, kinds: str) -> Any:
    """The array itself, or a list as an array; TypeError or ValueError if there are no numbers in it."""
    if isinstance(a, (list, tuple)):
        a = _from_list(a, name)
    if isinstance(a, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: leave out the masked examples, or fill them in with .filled(...)")
    try:
        host = backend_of(a).host
    except TypeError as why:
        raise TypeError(f"{name}: {why}") from None
    if a.dtype.kind not in kinds:
        raise TypeError(f"{name} has dtype {a.dtype}, shape {a.shape}: {_advice(a.dtype.kind)}")
    return np.asarray(a) if host else a


def _from_list(a: list | tuple, name: str) -> np.ndarray:
    try:
        return np.asarray(a)
    except ValueError:
        raise ValueError(f"{name} is a list of {len(a)} whose parts have different shapes: make them alike") from None


def _advice(kind: str) -> str:
    if kind == "b":
        return "write the classes as numbers, t.astype(np.int64), or as probabilities, t.astype(np.float32)"
    if kind in "OSUV":
        return "turn it into numbers first, for instance with np.unique(t, return_inverse=True)"
    return "a network computes with real numbers"


def _pair(x: Any, t: Any) -> Backend:
    """The backend of both arrays; ValueError unless they have as many examples, at least one."""
    here, there = backend_of(x), backend_of(t)
    if here is not there:
        raise ValueError(f"x is an array of {here.name} and t one of {there.name}: move both to the same backend")
    if x.ndim == 0 or t.ndim == 0:
        raise ValueError(f"x and t need an axis of examples, got x of shape {x.shape} and t of shape {t.shape}")
    if len(x) != len(t):
        raise ValueError(f"x has {len(x)} examples and t has {len(t)}: x is {x.shape}, t is {t.shape}")
    if x.size == 0 or t.size == 0:
        raise ValueError(f"there is nothing to learn from: x is {x.shape}, t is {t.shape}")
    return here


def _check_targets(t: Any, backend: Backend, classes: int | None) -> None:
    if t.dtype.kind == "f":
        _check_finite(t, backend)
    if classes is not None:
        _check_kind(t, classes)
    if t.ndim == 1 and t.dtype.kind in "iu":
        _check_labels(t, classes)


def _check_finite(t: Any, backend: Backend) -> None:
    for first in range(0, len(t), CHECKED_AT_ONCE):
        block = t[first : first + CHECKED_AT_ONCE]
        if not to_host(backend.xp.isfinite(block).all()):
            good = np.isfinite(to_host(block)).reshape(len(block), -1).all(axis=1)
            row = first + int(np.argmin(good))
            raise ValueError(f"t of shape {t.shape} holds NaN or infinity, first in row {row}: clean the data first")


def _check_kind(t: Any, classes: int) -> None:
    """A label for each example, or a row of probabilities over the classes."""
    if t.ndim == 1 and t.dtype.kind == "f":
        raise TypeError(f"labels are whole numbers, but t {t.shape} has dtype {t.dtype}: use t.astype(np.int64)")
    if t.ndim == 2 and t.shape[1] == 1 != classes:
        raise ValueError(f"labels have shape ({len(t)},), but t has shape {t.shape}: use t.ravel()")
    if t.ndim > 1 and t.shape[1:] != (classes,):
        raise ValueError(f"t has shape {t.shape}, but the network has {classes} outputs: ({len(t)}, {classes})")


def _check_labels(t: Any, classes: int | None) -> None:
    low, high = int(to_host(t.min())), int(to_host(t.max()))
    if low < 0:
        raise ValueError(f"label {low} is out of range: labels count from 0")
    if classes is not None and high >= classes:
        outputs = f"{classes} outputs, so labels are 0 ... {classes - 1}" if classes > 1 else "one output, label 0"
        raise ValueError(f"label {high} is out of range: the network has {outputs}")
