"""Dropout, with random numbers that are a pure function of who asks: no state, no order.

Each number comes from Philox4x32-10 of the place (feature, global row, step, layer) under a key. So the mask is the
same bits on every backend, and for a batch that is cut into any parts.
Salmon, Moraes, Dror & Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

import math
from typing import Any

from ...backends import backend_of

LOW = 0xFFFFFFFF
MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85  # what the two halves of the key grow by in each round


def dropout(x: Any, rate: float, key: int, layer: int, step: Any, row: int, *,
            y: Any = None, mask: Any = None) -> tuple[Any, Any]:  # fmt: skip
    """y = x mask / (1 − rate)   mask = [u ≥ rate], u uniform in [0, 1)      x (B,F)  step ()  ->  y (B,F)  mask (B,F)

    x may have any shape (B,...). key, layer, row: ints; row is the number of x[0] in the whole batch. step is a
    0-d int64 array, because it changes from call to call: a captured graph would freeze a Python number.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"dropout's rate must lie in 0 <= rate < 1, got {rate}")
    be = backend_of(x)
    mask = be.empty(x.shape, bool) if mask is None else mask
    draw(mask, rate, key, layer, step, row)
    y = be.xp.multiply(x, mask, out=y)
    y *= 1 / (1 - rate)
    return y, mask


def dropout_backward(dy: Any, mask: Any, rate: float, *, dx: Any = None) -> Any:
    """dx = dy mask / (1 − rate)      dy (B,F)  mask (B,F)  ->  dx (B,F)"""
    dx = backend_of(dy).xp.multiply(dy, mask, out=dx)
    dx *= 1 / (1 - rate)
    return dx


def draw(mask: Any, rate: float, key: int, layer: int, step: Any, row: int) -> None:
    """mask[n, c] = [word c % 4 of Philox(c // 4, row + n, step, layer) ≥ rate 2³²], a block of rows at a time"""
    be, F = backend_of(mask), math.prod(mask.shape[1:])
    rows, Q = max(1, min(len(mask), be.chunk // max(F, 1))), -(-F // 4)
    words, products = be.scratch((4, rows, Q), "uint64"), be.scratch((2, rows, Q), "uint64")
    kept = be.scratch((rows, Q, 4), bool)
    for start in range(0, len(mask), rows):
        part = mask[start : start + rows]
        n = len(part)
        place(words[:, :n], layer, step, row + start)
        philox(words[:, :n], products[:, :n], key)
        for lane in range(4):
            be.xp.greater_equal(words[lane, :n], int(rate * 2**32), out=kept[:n, :, lane])
        part[...] = kept[:n].reshape(n, 4 * Q)[:, :F].reshape(part.shape)


def place(words: Any, layer: int, step: Any, row: int) -> None:
    """Into words (4, rows, Q) the four numbers that count: feature // 4, global row, step, layer."""
    xp, (_, rows, Q) = backend_of(words).xp, words.shape
    words[0] = xp.arange(Q, dtype=words.dtype)
    words[1] = xp.arange(row, row + rows, dtype=words.dtype)[:, None]
    words[2] = step
    words[3] = layer & LOW
    words[1:3] &= LOW


def philox(words: Any, products: Any, key: int) -> None:
    """Ten rounds in place: c₀, c₁, c₂, c₃ ← hi(M₁c₂) ⊕ c₁ ⊕ k₀, lo(M₁c₂), hi(M₀c₀) ⊕ c₃ ⊕ k₁, lo(M₀c₀)

    words (4, ...) are 32-bit numbers in uint64, so that a product of two fits; products (2, ...) are used up.
    """
    xp, (c0, c1, c2, c3), (p0, p1) = backend_of(words).xp, words, products
    k0, k1 = key & LOW, key >> 32 & LOW
    for _ in range(10):
        xp.multiply(c0, MULTIPLIERS[0], out=p0)
        xp.multiply(c2, MULTIPLIERS[1], out=p1)
        half_round(xp, p1, c1, k0, c0)
        half_round(xp, p0, c3, k1, c2)
        xp.bitwise_and(p1, LOW, out=c1)
        xp.bitwise_and(p0, LOW, out=c3)
        k0, k1 = (k0 + WEYL[0]) & LOW, (k1 + WEYL[1]) & LOW


def half_round(xp: Any, product: Any, c: Any, k: int, out: Any) -> None:
    """hi(product) ⊕ c ⊕ k"""
    xp.right_shift(product, 32, out=out)
    out ^= c
    out ^= k
