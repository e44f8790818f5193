"""Compiled bodies of convolution, and of the ReLU and the pooling behind it: one pass, most of it while in cache.

3 x 3 kernels with enough channels go by Winograd's algorithm, all others by NumPy's products.
"""

from typing import Any

import numpy as np

from . import numba_winograd as winograd
from . import numpy_conv
from .numba_kernel import LOWEST, ONE, ZERO, f32, kernel, writable
from .numpy_dense import relu_backward
from .numpy_norm import kept
from .numpy_pool import copied
from .numpy_scratch import empty_images, layout, memory, scratch, scratch_like, target

CHANNELS, IMAGES = 32, 16  # from which on Winograd's algorithm pays: of inputs and of outputs; in a batch


def conv2d(x: Any, W: Any, b: Any, *, stride: int = 1, padding: int = 0, z: Any = None) -> Any:
    """z[n,i,j] = b + Σ_rs x[n, iS+r−P, jS+s−P] W[r,s]      x (B,Y,X,C)  W (kY,kX,C,O)  b (O,)  ->  z (B,Y',X',O)"""
    if minimal(x, W, stride):
        return _forward(x, W, b, stride, padding, LOWEST, z)
    return numpy_conv.conv2d(x, W, b, stride=stride, padding=padding, z=z)


def conv2d_relu(x: Any, W: Any, b: Any, *, stride: int = 1, padding: int = 0, a: Any = None) -> Any:
    """a = max(x * W + b, 0)      x (B,Y,X,C)  W (kY,kX,C,O)  b (O,)  ->  a (B,Y',X',O)"""
    return _forward(x, W, b, stride, padding, ZERO, a)


def _forward(x: Any, W: Any, b: Any, stride: int, padding: int, floor: Any, z: Any) -> Any:
    shape, m = numpy_conv.fits(x, W, stride, padding), memory(writable(x))
    b = np.zeros(W.shape[3], "float32") if b is False else writable(np.ascontiguousarray(b))
    z = empty_images((len(x), *shape, W.shape[3])) if z is None else z
    out, back = target(z)
    if minimal(x, W, stride):
        winograd.forward(m, W, padding, shape, lambda *block: _write_tiles(*block, b, floor, out))
    else:
        for part in numpy_conv.products(m, W, False, stride, padding, out):
            _bias_floor(part, b, floor)
    return copied(out, z, back)


def conv2d_backward(
    dz: Any, x: Any, W: Any, *, stride: int = 1, padding: int = 0, dx: Any = None, dW: Any = None, db: Any = None
) -> tuple[Any, Any, Any]:
    """dW[r,s] = Σ_nij x[n, iS+r−P, jS+s−P]ᵀ dz[n,i,j]   dx[n, iS+r−P, jS+s−P] += dz[n,i,j] W[r,s]ᵀ   db = Σ_nij dz
    dz (B,Y',X',O)  x (B,Y,X,C)  W (kY,kX,C,O)  ->  dx (B,Y,X,C)  dW (kY,kX,C,O)  db (O,)"""
    if not minimal(x, W, stride):
        return numpy_conv.conv2d_backward(dz, x, W, stride=stride, padding=padding, dx=dx, dW=dW, db=db)
    seen, sums = memory(writable(dz)), scratch(W.shape[3:])
    sums[...] = 0
    dx = empty_images(x.shape) if dx is None else dx
    dW = np.empty(W.shape, "float32") if dW is None else dW
    dm, back = (False, None) if dx is False else target(dx)
    winograd.backward(memory(writable(x)), W, padding, dz.shape[1:3], lambda *block: _tiles(seen, sums, *block), dm, dW)
    return copied(dm, dx, back), dW, db if db is False else kept(sums, db)


def conv2d_relu_backward(
    da: Any, a: Any, x: Any, W: Any, *, stride: int = 1, padding: int = 0,
    dx: Any = None, dW: Any = None, db: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """dz = da [a > 0], then conv2d_backward of dz      da (B,Y',X',O)  a (B,Y',X',O)  ->  dx, dW, db"""
    dz = relu_backward(da, a, dz=scratch_like(a))
    return conv2d_backward(dz, x, W, stride=stride, padding=padding, dx=dx, dW=dW, db=db)


def relu_maxpool2d(z: Any, *, y: Any = None, won: Any = None) -> tuple[Any, Any]:
    """y = the largest of each 2 x 2 patch of max(z, 0); won = which: 0 ... 3 row by row, 4 where y is 0
    z (B,Y,X,C)  ->  y (B,Y/2,X/2,C)  won (B,Y/2,X/2,C)"""
    B, Y, X, C = z.shape
    y = empty_images((B, Y // 2, X // 2, C)) if y is None else y
    won = layout(np.empty(y.size, "uint8"), y.shape) if won is None else won
    out, back = target(y)
    _pooled(memory(writable(z)), out, won.transpose(1, 3, 2, 0))
    return copied(out, y, back), won


def relu_maxpool2d_backward(dy: Any, won: Any, z: Any, *, dz: Any = None) -> Any:
    """dz = dy where the patch's winner is      dy (B,Y/2,X/2,C)  won (B,Y/2,X/2,C)  z (B,Y,X,C)  ->  dz (B,Y,X,C)"""
    dz = empty_images(z.shape) if dz is None else dz
    out, back = target(dz)
    _unpooled(memory(writable(dy)), won.transpose(1, 3, 2, 0), out)
    return copied(out, dz, back)


# ---- parts


def minimal(x: Any, W: Any, stride: int) -> bool:
    """Is this a convolution for Winograd's algorithm?"""
    return W.shape[:2] == (3, 3) and stride == 1 and min(W.shape[2:]) >= CHANNELS and len(x) >= IMAGES


# ---- loops


@kernel("f3 f1 r")
def _bias_floor(rows, b, floor):
    for y in range(rows.shape[0]):
        for o in range(rows.shape[1]):
            line, bias, low = rows[y, o], b[o], f32(floor)
            for j in range(len(line)):
                line[j] = low if line[j] + bias < low else line[j] + bias  # a NaN stays


@kernel("f4 n n n f3 f1 r f4")
def _write_tiles(M, t, w, i, T, b, floor, out):
    low = f32(floor)
    for o in range(M.shape[2]):
        winograd.outputs(M, o, T)
        for y in range(min(4, out.shape[0] - 4 * t)):
            for x in range(min(4, out.shape[2] - 4 * w)):
                seen, to = T[y, x], out[4 * t + y, o, 4 * w + x, i : i + M.shape[3]]
                for j in range(len(to)):
                    to[j] = low if seen[j] + b[o] < low else seen[j] + b[o]


@kernel("f4 f1 n n n f3 f4")
def _tiles(dz, db, t, w, i, T, M):
    for o in range(M.shape[2]):
        for y in range(4):
            for x in range(4):
                seen, to = winograd.place(dz, 4 * t + y, o, 4 * w + x, i, M.shape[3], T[6, 0]), T[y, x]
                total = ZERO
                for j in range(len(to)):
                    to[j] = seen[j]
                    total += seen[j]
                db[o] += total
        winograd.outputs_back(T, o, M)


@kernel("f4 f4 u4")
def _pooled(z, y, won):
    for r in range(y.shape[0]):
        for o in range(y.shape[1]):
            for x in range(y.shape[2]):
                up, down, to, first = z[2 * r, o], z[2 * r + 1, o], y[r, o, x], won[r, o, x]
                A, B, C, D = up[2 * x], up[2 * x + 1], down[2 * x], down[2 * x + 1]
                for j in range(len(to)):
                    a, b, c, d = A[j], B[j], C[j], D[j]
                    top, bottom = max(a, b), max(c, d)
                    k, m = (0 if a >= b else 1), (2 if c >= d else 3)
                    k, s = (k if top >= bottom else m), max(top, bottom)
                    s = s if (a == a) & (b == b) & (c == c) & (d == d) else a + b + c + d  # NaN where one is
                    to[j] = ZERO if s < ZERO else s
                    first[j] = k if s > ZERO else 4


@kernel("f4 u4 f4")
def _unpooled(dy, won, dz):
    dz[2 * dy.shape[0] :] = ZERO
    dz[:, :, 2 * dy.shape[2] :] = ZERO
    for r in range(2 * dy.shape[0]):
        for o in range(dy.shape[1]):
            for x in range(2 * dy.shape[2]):
                k, given, first, to = r % 2 * 2 + x % 2, dy[r // 2, o, x // 2], won[r // 2, o, x // 2], dz[r, o, x]
                for j in range(len(to)):
                    to[j] = given[j] * (ONE if first[j] == k else ZERO)


BODIES = (conv2d, conv2d_backward, conv2d_relu, conv2d_relu_backward, relu_maxpool2d, relu_maxpool2d_backward)
