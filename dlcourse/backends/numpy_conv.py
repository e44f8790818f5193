"""NumPy bodies of convolution. Images (B,Y,X,C) lie in memory as (Y,C,X,B): k rows of all channels are then one matrix.

Convolution is one product for each row of outputs, over windows of rows that overlap in memory: nothing is copied but
kX shifts of each row. Blocks of rows are lowered, multiplied and forgotten while they are in cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .numpy_dense import ones
from .numpy_scratch import channel_rows, empty_images, mark, memory, release, scratch, target
from .numpy_windows import row_blocks, spread, taps

CACHE = 1 << 19  # numbers of scratch that a block of rows may use (2 MB)
FEW, DEEP = 32, 16  # columns of a row of outputs, all images together; channels


def conv2d(x: Any, W: Any, b: Any, *, stride: int = 1, padding: int = 0, z: Any = None) -> Any:
    """z[n,i,j] = b + Σ_rs x[n, iS+r−P, jS+s−P] W[r,s]      x (B,Y,X,C)  W (kY,kX,C,O)  b (O,)  ->  z (B,Y',X',O)"""
    oY, oX = fits(x, W, stride, padding)
    z = empty_images((len(x), oY, oX, W.shape[3])) if z is None else z
    out, back = target(z)
    for _ in products(memory(x), W, b, stride, padding, out):
        pass
    if back is not None:
        back[...] = out
    return z


def products(m: np.ndarray, W: Any, b: Any, stride: int, padding: int, out: np.ndarray) -> Iterator[np.ndarray]:
    """x * W + b into out (Y',O,X',B), block by block: each (rows, O, X' B), while it is in cache      m (Y,C,X,B)"""
    (_, kX, C, O), rows = W.shape, channel_rows(out)
    if stride == 1 and rows.shape[2] <= FEW and C >= DEEP:
        _by_kernel_rows(m, W, b, padding, out)
        yield rows
        return
    kernel = W.reshape(-1, O).T
    for block, windows in _lowered(m, W.shape, stride, padding, *out.shape[:3:2]):
        for group, win in windows:
            to = rows[group.start : group.stop]
            if group.hi:
                np.matmul(kernel[:, group.lo * kX * C : group.hi * kX * C], win, out=to)
            else:
                to[...] = 0
        part = rows[block.start : block.stop]
        yield part if b is False else np.add(part, b[:, None], part)


def conv2d_backward(
    dz: Any, x: Any, W: Any, *, stride: int = 1, padding: int = 0, dx: Any = None, dW: Any = None, db: Any = None
) -> tuple[Any, Any, Any]:
    """dW[r,s] = Σ_nij x[n, iS+r−P, jS+s−P]ᵀ dz[n,i,j]   dx[n, iS+r−P, jS+s−P] += dz[n,i,j] W[r,s]ᵀ   db = Σ_nij dz
    dz (B,Y',X',O)  x (B,Y,X,C)  W (kY,kX,C,O)  ->  dx (B,Y,X,C)  dW (kY,kX,C,O)  db (O,)"""
    fits(x, W, stride, padding)
    rows = channel_rows(memory(dz))
    here = mark()
    if dW is not False:
        dW = _kernel_gradient(rows, x, stride, padding, dz.shape, np.empty(W.shape, "float32") if dW is None else dW)
        release(here)
    if db is not False:
        db = np.add.reduce(np.dot(rows, ones(rows.shape[2])), 0, None, db)
    if dx is not False:
        dx = _image_gradient(rows, W, stride, padding, dz.shape, empty_images(x.shape) if dx is None else dx)
        release(here)
    return dx, dW, db


def _by_kernel_rows(m: np.ndarray, W: Any, b: Any, P: int, out: np.ndarray) -> None:
    """x * W + b into out (Y',O,X',B), one product for each row of the kernel with all of the image, then their sum.

    For few images, where a row of outputs is too narrow a matrix for BLAS, and none of its threads gets a share of it.
    """
    (Y, C, X, B), (kY, kX, _, O), (oY, oX) = m.shape, W.shape, out.shape[:3:2]
    K, N, high = kX * C, oX * B, Y + 2 * P
    lowered, rows = scratch((kX, C, high, oX, B)), m.transpose(1, 0, 2, 3)
    lowered[:, :, :P] = lowered[:, :, P + Y :] = 0
    for tap in taps(X, kX, 1, P, oX):
        part = lowered[tap.s, :, P : P + Y]
        part[:, :, tap.to] = rows[:, :, tap.seen]
        for nothing in tap.empty:
            part[:, :, nothing] = 0
    windows = np.ndarray((kY, K, oY * N), "float32", lowered, 0, (N * 4, high * N * 4, 4))
    parts = np.matmul(W.reshape(kY, K, O).transpose(0, 2, 1), windows, out=scratch((kY, O, oY * N)))
    for part in (*parts[1:-1], *(() if b is False else [b[:, None]])):
        np.add(parts[-1], part, parts[-1])
    first, last = (parts[i].reshape(O, oY, N).transpose(1, 0, 2) for i in (0, -1))
    np.add(first, last if kY > 1 else 0, channel_rows(out))


def _lowered(m: np.ndarray, kernel: tuple, S: int, P: int, oY: int, oX: int) -> Iterator[tuple[Any, Any]]:
    """m (Y,C,X,B) in blocks of output rows; each group of a block with its windows (rows, taps kX C, X' B)."""
    (Y, C, X, B), (kY, kX) = m.shape, kernel[:2]
    K, N = kX * C, oX * B
    step = max(1, CACHE // max(1, K * N * S))
    blocks, columns = row_blocks(Y, kY, S, P, oY, step), taps(X, kX, S, P, oX)
    lowered = scratch((max(b.last - b.first for b in blocks), kX, C, oX, B))
    for block in blocks:
        seen, to = m[block.first : block.last], lowered[: block.last - block.first]
        for tap in columns:
            part = to[:, tap.s]
            part[:, :, tap.to] = seen[:, :, tap.seen]
            for nothing in tap.empty:
                part[:, :, nothing] = 0
        yield block, [(g, _overlapping(lowered, g.first - block.first, g, S, K, N)) for g in block.groups]


def _overlapping(rows: np.ndarray, first: int, group: Any, S: int, K: int, N: int) -> np.ndarray:
    """Windows of hi − lo rows of K x N numbers, S rows apart from row `first` on: a view in which they overlap."""
    row = K * N * 4
    shape = (group.stop - group.start, (group.hi - group.lo) * K, N)
    return np.ndarray(shape, "float32", rows, first * row if group.hi else 0, (S * row, N * 4, 4))


def _kernel_gradient(rows: np.ndarray, x: Any, S: int, P: int, z_shape: tuple, dW: Any) -> Any:
    """dW = Σ over rows of outputs of windows · dzᵀ, added up where it is to go"""
    kY, kX, C, O = dW.shape
    K, m = kX * C, memory(x)
    total = dW.reshape(kY * K, O) if dW.flags.c_contiguous else scratch((kY * K, O))
    total[...] = 0
    one = scratch((kY * K, O))
    here = mark()
    for _, windows in _lowered(m, dW.shape, S, P, *z_shape[1:3]):
        place = mark()
        for group, win in windows:
            if group.hi:
                parts = scratch((len(win), win.shape[1], O))
                np.matmul(win, rows[group.start : group.stop].transpose(0, 2, 1), out=parts)
                taken = slice(group.lo * K, group.hi * K)
                np.add(total[taken], np.add.reduce(parts, 0, None, one[taken]), total[taken])
                release(place)
    release(here)
    if not dW.flags.c_contiguous:
        dW[...] = total.reshape(dW.shape)
    return dW


def _image_gradient(rows: np.ndarray, W: Any, S: int, P: int, z_shape: tuple, dx: Any) -> Any:
    """Every S-th row of dx meets the same rows of the kernel: it gathers them from dz, then kX shifts are added."""
    (_, kX, C, O), (B, oY, oX, _), (_, Y, X, _) = W.shape, z_shape, dx.shape
    (image, back), columns = target(dx), spread(X, kX, S, P, oX)
    K, N = kX * C, oX * B
    here = mark()
    for y in range(min(S, Y)):
        lines, r, i = image[y::S], (y + P) % S, (y + P) // S
        taken = W[r::S]
        J = len(taken)
        flipped = scratch((kX, C, J, O))
        flipped[...] = taken[::-1].transpose(1, 2, 0, 3)
        flipped = flipped.reshape(K, J * O)
        blocks = row_blocks(oY, J, 1, J - 1 - i, len(lines), max(1, CACHE // max(1, K * N)))
        part = scratch((max(b.stop - b.start for b in blocks), kX, C, oX, B))
        for block in blocks:
            for g in block.groups:
                if g.hi:
                    win = _overlapping(rows, g.first, g, 1, O, N)
                    some = part[g.start - block.start : g.stop - block.start]
                    np.matmul(flipped[:, g.lo * O : g.hi * O], win, out=some.reshape(len(some), K, N))
                    _gather(lines[g.start : g.stop], some, columns)
                else:
                    lines[g.start : g.stop] = 0
        release(here)
    if back is not None:
        back[...] = image
    return dx


def _gather(lines: np.ndarray, part: np.ndarray, columns: Any) -> None:
    """lines (rows,C,X,B) from part (rows,kX,C,X',B): what each tap gives, added up."""
    for nothing in columns.zero:
        lines[:, :, nothing] = 0
    for s, to, seen in columns.first:
        lines[:, :, to] = part[:, s, :, seen]
    for s, to, seen in columns.others:
        there = lines[:, :, to]
        np.add(there, part[:, s, :, seen], there)


def fits(x: Any, W: Any, stride: int, padding: int) -> tuple[int, int]:
    """Y', X': how many kernels fit below and beside each other"""
    if x.shape[3:] != W.shape[2:3]:
        raise ValueError(f"conv2d needs x (B,Y,X,C) and W (kY,kX,C,O) with the same C, got x {x.shape} and W {W.shape}")
    Y, X = ((n + 2 * padding - k) // stride + 1 for n, k in zip(x.shape[1:3], W.shape[:2]))
    if Y < 1 or X < 1:
        raise ValueError(f"the kernel W {W.shape} does not fit into images x {x.shape} with padding {padding}")
    return Y, X


BODIES = (conv2d, conv2d_backward)
