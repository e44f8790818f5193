"""Compiled bodies of convolution, with the ReLU and the pooling behind it: in one pass, while the sums are in cache.

3 x 3 kernels with enough channels go by Winograd's algorithm, all others by NumPy's products.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from . import numba_winograd as winograd
from . import numpy_conv
from .numba_kernel import inlined, kernel
from .numpy_conv import fits, products
from .numpy_scratch import channel_rows, empty_images, layout, memory, scratch, target

f32 = np.float32
ZERO, ONE, LOWEST = f32(0), f32(1), f32(-np.inf)
CHANNELS, IMAGES = 32, 16  # from which on Winograd's algorithm pays: of inputs and of outputs; in a batch


def conv2d(x: Any, W: Any, b: Any, *, stride: int = 1, padding: int = 0, z: Any = None) -> Any:
    """z[n,i,j] = b + Σ_rs x[n, iS+r−P, jS+s−P] W[r,s]      x (B,Y,X,C)  W (kY,kX,C,O)  b (O,)  ->  z (B,Y',X',O)"""
    if minimal(x, W, stride):
        return _forward(x, W, b, stride, padding, z, LOWEST)
    return numpy_conv.conv2d(x, W, b, stride=stride, padding=padding, z=z)


def conv2d_backward(
    dz: Any, x: Any, W: Any, *, stride: int = 1, padding: int = 0, dx: Any = None, dW: Any = None, db: Any = None
) -> tuple[Any, Any, Any]:
    """dW[r,s] = Σ_nij x[n, iS+r−P, jS+s−P]ᵀ dz[n,i,j]   dx[n, iS+r−P, jS+s−P] += dz[n,i,j] W[r,s]ᵀ   db = Σ_nij dz
    dz (B,Y',X',O)  x (B,Y,X,C)  W (kY,kX,C,O)  ->  dx (B,Y,X,C)  dW (kY,kX,C,O)  db (O,)"""
    if minimal(x, W, stride):
        return conv2d_relu_backward(dz, None, x, W, stride=stride, padding=padding, dx=dx, dW=dW, db=db)
    return numpy_conv.conv2d_backward(dz, x, W, stride=stride, padding=padding, dx=dx, dW=dW, db=db)


def conv2d_relu(x: Any, W: Any, b: Any, *, stride: int = 1, padding: int = 0, a: Any = None) -> Any:
    """a = max(x * W + b, 0)      x (B,Y,X,C)  W (kY,kX,C,O)  b (O,)  ->  a (B,Y',X',O)"""
    return _forward(x, W, b, stride, padding, a, ZERO)


def conv2d_relu_backward(
    da: Any, a: Any, x: Any, W: Any, *, stride: int = 1, padding: int = 0, dx: Any = None, dW: Any = None, db: Any = None
) -> tuple[Any, Any, Any]:  # fmt: skip
    """dz = da [a > 0], then conv2d_backward of dz      da (B,Y',X',O)  a (B,Y',X',O), None where there is no ReLU
    x (B,Y,X,C)  W (kY,kX,C,O)  ->  dx (B,Y,X,C)  dW (kY,kX,C,O)  db (O,)"""
    fits(x, W, stride, padding)
    dm = memory(da)
    if a is None:
        return _backward(_tiles, None, (dm, dm, LOWEST), da.shape, x, W, stride, padding, dx, dW, db)
    return _backward(_tiles, _masked, (dm, memory(a), ZERO), da.shape, x, W, stride, padding, dx, dW, db)


def conv2d_relu_maxpool2d(
    x: Any, W: Any, b: Any, *, stride: int = 1, padding: int = 0, y: Any = None, won: Any = None
) -> tuple[Any, Any]:
    """y = the largest of each 2 x 2 patch of max(x * W + b, 0); won = which: 0 ... 3 row by row, 4 where y is 0
    x (B,Y,X,C)  W (kY,kX,C,O)  b (O,)  ->  y (B,Y'/2,X'/2,O)  won (B,Y'/2,X'/2,O)"""
    (oY, oX), (B, O), m, b = fits(x, W, stride, padding), (len(x), W.shape[3]), memory(x), _bias(b, W)
    shape = B, oY // 2, oX // 2, O
    y = empty_images(shape) if y is None else y
    won = layout(np.empty(y.size, "uint8"), shape) if won is None else won
    (out, back), winners = target(y), won.transpose(1, 3, 2, 0)
    if minimal(x, W, stride):
        winograd.forward(m, W, padding, (oY, oX), lambda *block: _pool_tiles(*block, b, out, winners))
    else:
        z, done = scratch((oY, O, oX, B)), 0
        for part in products(m, W, stride, padding, z):
            done += len(part)
            _pooled(z, done - len(part), done, b, out, winners)
    if back is not None:
        back[...] = out
    return y, won


def conv2d_relu_maxpool2d_backward(
    dy: Any, won: Any, x: Any, W: Any, *, stride: int = 1, padding: int = 0,
    dx: Any = None, dW: Any = None, db: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """dz = dy where the patch's winner is, then conv2d_backward of dz      dy (B,Y'/2,X'/2,O)  won (B,Y'/2,X'/2,O)
    x (B,Y,X,C)  W (kY,kX,C,O)  ->  dx (B,Y,X,C)  dW (kY,kX,C,O)  db (O,)"""
    z_shape = (len(x), *fits(x, W, stride, padding), W.shape[3])
    given = memory(dy), won.transpose(1, 3, 2, 0)
    return _backward(_unpooled_tiles, _unpooled, given, z_shape, x, W, stride, padding, dx, dW, db)


# ---- parts


def minimal(x: Any, W: Any, stride: int) -> bool:
    """Is this a convolution for Winograd's algorithm?"""
    return W.shape[:2] == (3, 3) and stride == 1 and min(W.shape[2:]) >= CHANNELS and len(x) >= IMAGES


def _forward(x: Any, W: Any, b: Any, stride: int, padding: int, z: Any, floor: Any) -> Any:
    oY, oX = fits(x, W, stride, padding)
    m, b = memory(x), _bias(b, W)
    z = empty_images((len(x), oY, oX, W.shape[3])) if z is None else z
    out, back = target(z)
    if minimal(x, W, stride):
        winograd.forward(m, W, padding, (oY, oX), lambda *block: _write_tiles(*block, b, floor, out))
    else:
        for part in products(m, W, stride, padding, out):
            _bias_floor(part, b, floor)
    if back is not None:
        back[...] = out
    return z


def _backward(tiles: Any, whole: Any, given: tuple, z_shape: tuple, x: Any, W: Any, stride: int, padding: int,
              dx: Any, dW: Any, db: Any) -> tuple[Any, Any, Any]:  # fmt: skip
    """tiles(*given, db, *block) makes a block of dz for Winograd's algorithm, whole(*given, dz, db) all of it."""
    (B, oY, oX, O), keep = z_shape, db
    db = np.empty(O, "float32") if db is None else scratch((O,)) if db is False or not db.flags.carray else db
    db[...] = 0
    if not minimal(x, W, stride):
        dz = scratch((oY, O, oX, B))
        whole(*given, dz, db)
        how = dict(stride=stride, padding=padding)
        dx, dW, _ = numpy_conv.conv2d_backward(dz.transpose(3, 0, 2, 1), x, W, **how, dx=dx, dW=dW, db=False)
    else:
        dx = empty_images(x.shape) if dx is None else dx
        dW = np.empty(W.shape, "float32") if dW is None else dW
        dm, back = (False, None) if dx is False else target(dx)
        winograd.backward(memory(x), W, padding, (oY, oX), lambda *block: tiles(*given, db, *block), dm, dW)
        if back is not None:
            back[...] = dm
    if keep is not None and keep is not False and keep is not db:
        keep[...] = db
    return dx, dW, db if keep is None else keep


def _bias(b: Any, W: Any) -> np.ndarray:
    """The bias as kernels take it: zeros where there is none."""
    return _zeros(W.shape[3]) if b is False else b if b.flags.carray else np.ascontiguousarray(b)


@functools.lru_cache(64)
def _zeros(n: int) -> np.ndarray:
    return np.zeros(n, "float32")


# ---- loops after the product


@kernel("f3 f1 r")
def _bias_floor(rows, b, floor):
    low = f32(floor)
    for y in range(rows.shape[0]):
        for o in range(rows.shape[1]):
            line = rows[y, o]
            for j in range(rows.shape[2]):
                s = line[j] + b[o]
                line[j] = low if s < low else s  # a NaN stays


@kernel("f3 n n n f3 f1 r f4")
def _write_tiles(M, t, w, i, T, b, floor, out):
    low, n = f32(floor), M.shape[2]
    for o in range(M.shape[1]):
        winograd.outputs(M, o, T)
        for y in range(min(4, out.shape[0] - 4 * t)):
            for x in range(min(4, out.shape[2] - 4 * w)):
                seen, to = T[y, x], out[4 * t + y, o, 4 * w + x, i : i + n]
                for j in range(n):
                    s = seen[j] + b[o]
                    to[j] = low if s < low else s


@inlined
def _largest(a, b, c, d, bias, y, won):
    """y = max(a + bias, ..., d + bias, 0), won = the first that is as large, 4 where none is above 0; NaN stays."""
    for j in range(len(y)):
        top, bottom = max(a[j], b[j]), max(c[j], d[j])
        k, m = (0 if a[j] >= b[j] else 1), (2 if c[j] >= d[j] else 3)
        k, s = (k if top >= bottom else m), max(top, bottom) + bias
        s += ZERO * (a[j] + b[j] + c[j] + d[j])  # NaN where one of them is
        y[j] = ZERO if s < ZERO else s
        won[j] = k if s > ZERO else 4


@kernel("f3 n n n f3 f1 f4 u4")
def _pool_tiles(M, t, w, i, T, b, y, won):
    to = slice(i, i + M.shape[2])
    for o in range(M.shape[1]):
        winograd.outputs(M, o, T)
        for r in range(min(2, y.shape[0] - 2 * t)):
            for x in range(min(2, y.shape[2] - 2 * w)):
                four = T[2 * r, 2 * x], T[2 * r, 2 * x + 1], T[2 * r + 1, 2 * x], T[2 * r + 1, 2 * x + 1]
                _largest(*four, b[o], y[2 * t + r, o, 2 * w + x, to], won[2 * t + r, o, 2 * w + x, to])


@kernel("f4 n n f1 f4 u4")
def _pooled(z, start, stop, b, y, won):
    """The rows of patches that end in rows start ... stop−1 of z"""
    for r in range(start // 2, min(stop // 2, y.shape[0])):
        for o in range(y.shape[1]):
            up, down = z[2 * r, o], z[2 * r + 1, o]
            for x in range(y.shape[2]):
                four = up[2 * x], up[2 * x + 1], down[2 * x], down[2 * x + 1]
                _largest(*four, b[o], y[r, o, x], won[r, o, x])


# ---- loops before the products of backward


@kernel("f4 f4 r f4 f1")
def _masked(da, a, floor, dz, db):
    low = f32(floor)
    for y in range(a.shape[0]):
        for o in range(a.shape[1]):
            total = ZERO
            for x in range(a.shape[2]):
                total += _mask(da[y, o, x], a[y, o, x], low, dz[y, o, x])
            db[o] += total


@inlined
def _mask(da, a, low, dz):
    """dz = da [a > low]; without a ReLU, low < 0 and dz = da. The sum of what was given."""
    total, off = ZERO, ONE if low < ZERO else ZERO
    for j in range(len(dz)):
        d = da[j] * (ONE if a[j] > low else off)
        dz[j] = d
        total += d
    return total


@kernel("f4 f4 r f1 n n n f3 f3")
def _tiles(da, a, floor, db, t, w, i, T, M):
    low, n = f32(floor), M.shape[2]
    for o in range(M.shape[1]):
        for y in range(4):
            for x in range(4):
                seen = winograd.place(da, 4 * t + y, o, 4 * w + x, i, n, T[6, 0])
                db[o] += _mask(seen, winograd.place(a, 4 * t + y, o, 4 * w + x, i, n, T[6, 0]), low, T[y, x])
        winograd.outputs_back(T, o, M)


@inlined
def _spread(dy, won, a, b, c, d):
    """dy to the winner of the four; the sum of what was given."""
    total = ZERO
    for j in range(len(dy)):
        g, k = dy[j], won[j]
        a[j] = g * (ONE if k == 0 else ZERO)
        b[j] = g * (ONE if k == 1 else ZERO)
        c[j] = g * (ONE if k == 2 else ZERO)
        d[j] = g * (ONE if k == 3 else ZERO)
        total += g * (ONE if k < 4 else ZERO)
    return total


@kernel("f4 u4 f4 f1")
def _unpooled(dy, won, dz, db):
    dz[2 * dy.shape[0] :] = ZERO
    dz[:, :, 2 * dy.shape[2] :] = ZERO
    for r in range(dy.shape[0]):
        for o in range(dy.shape[1]):
            up, down = dz[2 * r, o], dz[2 * r + 1, o]
            for x in range(dy.shape[2]):
                four = up[2 * x], up[2 * x + 1], down[2 * x], down[2 * x + 1]
                db[o] += _spread(dy[r, o, x], won[r, o, x], *four)


@kernel("f4 u4 f1 n n n f3 f3")
def _unpooled_tiles(dy, won, db, t, w, i, T, M):
    seen = slice(i, i + M.shape[2])
    for o in range(M.shape[1]):
        T[:4, :4] = ZERO
        for r in range(min(2, dy.shape[0] - 2 * t)):
            for x in range(min(2, dy.shape[2] - 2 * w)):
                four = T[2 * r, 2 * x], T[2 * r, 2 * x + 1], T[2 * r + 1, 2 * x], T[2 * r + 1, 2 * x + 1]
                db[o] += _spread(dy[2 * t + r, o, 2 * w + x, seen], won[2 * t + r, o, 2 * w + x, seen], *four)
        winograd.outputs_back(T, o, M)


BODIES = (
    conv2d,
    conv2d_backward,
    conv2d_relu,
    conv2d_relu_backward,
    conv2d_relu_maxpool2d,
    conv2d_relu_maxpool2d_backward,
)
