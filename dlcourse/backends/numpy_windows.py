"""Which rows and columns of an image a convolution's windows see: integers only, worked out once per shape.

Windows of k numbers stand S apart on a line of `size` numbers; the first begins P before it. What lies outside is zero,
and is left out instead of being padded.
"""

from __future__ import annotations

import functools
from itertools import groupby
from typing import NamedTuple


class Group(NamedTuple):
    """Windows start ... stop−1: of each, the taps lo ... hi−1 are inside; those of the first begin at `first`."""

    start: int
    stop: int
    lo: int
    hi: int
    first: int


class Block(NamedTuple):
    """Windows start ... stop−1, which see first ... last−1 of the line."""

    start: int
    stop: int
    first: int
    last: int
    groups: tuple[Group, ...]


@functools.lru_cache(512)
def row_blocks(size: int, k: int, S: int, P: int, count: int, step: int) -> tuple[Block, ...]:
    """`count` windows in blocks of `step`, and in each block the groups that have the same taps inside."""

    def inside(w: int) -> tuple[int, int]:
        lo, hi = max(0, P - w * S), min(k, size + P - w * S)
        return (lo, hi) if lo < hi else (0, 0)

    blocks = []
    for start in range(0, count, step):
        groups = []
        for (lo, hi), members in groupby(range(start, min(start + step, count)), inside):
            members = list(members)
            groups.append(Group(members[0], members[-1] + 1, lo, hi, members[0] * S - P + lo))
        seen = [(g.first, (g.stop - 1) * S - P + g.hi) for g in groups if g.hi] or [(0, 0)]
        blocks.append(Block(start, groups[-1].stop, min(a for a, _ in seen), max(b for _, b in seen), tuple(groups)))
    return tuple(blocks)


class Tap(NamedTuple):
    """What tap s of all windows sees: windows[to] = line[seen]; of the windows, `empty` see nothing with this tap."""

    s: int
    to: slice
    seen: slice
    empty: tuple[slice, ...]


@functools.lru_cache(512)
def taps(size: int, k: int, S: int, P: int, count: int) -> tuple[Tap, ...]:
    """For each tap, which windows see the line with it, and where."""
    found = []
    for s in range(k):
        lo = min(count, max(0, -((s - P) // S)))
        hi = max(lo, min(count, (size - 1 + P - s) // S + 1))
        seen = slice(lo * S + s - P, (hi - 1) * S + s - P + 1, S) if hi > lo else slice(0, 0)
        found.append(Tap(s, slice(lo, hi), seen, _parts((0, lo), (hi, count))))
    return tuple(found)


class Spread(NamedTuple):
    """The reverse: line[zero] = 0, then line[to] = windows[seen] for the taps that come first, += for the others."""

    zero: tuple[slice, ...]
    first: tuple[tuple[int, slice, slice], ...]
    others: tuple[tuple[int, slice, slice], ...]


@functools.lru_cache(512)
def spread(size: int, k: int, S: int, P: int, count: int) -> Spread:
    """How the line gathers what its windows give it. Every S-th number of the line belongs to the same taps."""
    zero, first, others = [], [], []
    for c in range(min(S, size)):
        n = len(range(c, size, S))
        members = []
        for s in (s for s in range(k) if (s - P) % S == c):
            shift = (s - P - c) // S
            a, b = max(0, shift), min(n, count + shift)
            if a < b:
                members.append((s, slice(c + S * a, c + S * (b - 1) + 1, S), slice(a - shift, b - shift), a, b))
        first += [m[:3] for m in members[:1]]
        others += [m[:3] for m in members[1:]]
        a, b = members[0][3:] if members else (0, 0)
        zero += [slice(c + S * i, c + S * (j - 1) + 1, S) for i, j in ((0, a), (b, n)) if i < j]
    return Spread(tuple(zero), tuple(first), tuple(others))


def _parts(*spans: tuple[int, int]) -> tuple[slice, ...]:
    return tuple(slice(a, b) for a, b in spans if a < b)
