"""Convolution with 3 x 3 kernels by Winograd's minimal filtering F(4x4, 3x3): a quarter of the multiplications.

Lavin & Gray 2016 (Fast algorithms for convolutional neural networks): 4 x 4 outputs come from a tile of 6 x 6 inputs as
    Y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ d B)] A
summed over channels, which makes 36 products of matrices. Backward runs the same maps transposed. The points of
interpolation are 0, ±1/√2, ±√2 and ∞: rounding errors are two to three times smaller than with 0, ±1, ±2, ∞.

A block is one tile of some images: what it needs stays in a level-2 cache, and neighbours in memory are the same place
of different images, so that every loop runs over them. Tiles that reach over an edge see zeros there.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .numba_kernel import f32, inlined, kernel, pasted
from .numpy_scratch import scratch

IMAGES = 64  # at most in a block
p, q = f32(0.5**0.5), f32(2**0.5)
P, Q, PQ, S, PP, QQ = f32(0.5), f32(2), f32(1), f32(2.5), f32(0.5**1.5), f32(2**1.5)  # p², q², p² q², p² + q², p³, q³


def _kernel_map() -> np.ndarray:
    """G ⊗ G (36, 9): what makes 36 numbers of the 9 of a kernel"""
    p, q = 0.5**0.5, 2**0.5
    rows = [(1 / s, x / s, x * x / s) for x, s in ((p, -1.5), (-p, -1.5), (q, 6), (-q, 6))]
    G = np.array([(1, 0, 0), *rows, (0, 0, 1)])
    return np.kron(G, G).astype("float32")


MAP = _kernel_map()


def blocks(B: int, C: int, O: int, shape: tuple) -> Iterator[tuple]:
    """(tile row, tile column, first image, scratch), and scratch for 36 numbers of each image and input, and output."""
    count = -(-B // IMAGES)
    for k in range(count):
        i, stop = B * k // count, B * (k + 1) // count
        n = stop - i
        T, V, M = scratch((9, 6, n)), scratch((6, 6, C, n)), scratch((6, 6, O, n))
        T[6:] = 0  # what is outside
        for t in range(-(-shape[0] // 4)):
            for w in range(-(-shape[1] // 4)):
                yield (t, w, i, T), V, M


def forward(m: np.ndarray, W: Any, padding: int, shape: tuple, finish: Callable) -> None:
    """finish(M, t, w, i, T) for each block of M = U V, made of m (Y,C,X,B) and W (3,3,C,O); shape Y', X'"""
    (_, C, _, B), O = m.shape, W.shape[3]
    U = _kernels(W).swapaxes(2, 3)
    for block, V, M in blocks(B, C, O, shape):
        _to_tiles(m, padding, *block, V)
        np.matmul(U, V, out=M)
        finish(M, *block)


def backward(m: np.ndarray, W: Any, padding: int, shape: tuple, start: Callable, dm: Any, dW: Any) -> None:
    """start(t, w, i, T, M) makes M of dz, block by block; dm (Y,C,X,B) and dW (3,3,C,O) may be False."""
    (_, C, _, B), O = m.shape, W.shape[3]
    U, dU, part = _kernels(W), scratch((6, 6, O, C)), scratch((6, 6, O, C))
    dU[...] = 0
    if dm is not False:
        dm[...] = 0
    for block, V, M in blocks(B, C, O, shape):
        start(*block, M)
        if dW is not False:
            _to_tiles(m, padding, *block, V)
            np.add(dU, np.matmul(M, V.swapaxes(2, 3), out=part), dU)
        if dm is not False:
            np.matmul(U, M, out=V)
            _add_tiles(V, padding, *block, dm)
    if dW is not False:
        nine = np.dot(MAP.T, dU.reshape(36, O * C), scratch((9, O * C)))
        dW[...] = nine.reshape(3, 3, O, C).transpose(0, 1, 3, 2)


def _kernels(W: Any) -> np.ndarray:
    """U (6,6,C,O) = G W Gᵀ"""
    C, O = W.shape[2:]
    return np.dot(MAP, W.reshape(9, C * O), scratch((36, C * O))).reshape(6, 6, C, O)


# ---- the four maps of one row of six or four


@inlined
def _Bt(a, b, c, d, e, f):
    e1, o1 = e - Q * c, p * (d - Q * b)
    e2, o2 = e - P * c, q * (d - P * b)
    return PQ * a - S * c + e, e1 + o1, e1 - o1, e2 + o2, e2 - o2, PQ * b - S * d + f


@inlined
def _B(a, b, c, d, e, f):
    s1, d1, s2, d2 = b + c, p * (b - c), d + e, q * (d - e)
    return PQ * a, PQ * f - Q * d1 - P * d2, -S * a - Q * s1 - P * s2, d1 + d2 - S * f, a + s1 + s2, f


@inlined
def _At(a, b, c, d, e, f):
    s1, d1, s2, d2 = b + c, b - c, d + e, d - e
    return a + s1 + s2, p * d1 + q * d2, P * s1 + Q * s2, PP * d1 + QQ * d2 + f


@inlined
def _A(a, b, c, d):
    e1, o1, e2, o2 = a + P * c, p * (b + P * d), a + Q * c, q * (b + Q * d)
    return a, e1 + o1, e1 - o1, e2 + o2, e2 - o2, d


# ---- tiles of the inputs


@pasted
def place(m, y, c, x, i, n, outside):
    """The number at (y, x) of channel c for n images from number i on; `outside` where there is no such place."""
    return m[y, c, x, i : i + n] if 0 <= y < m.shape[0] and 0 <= x < m.shape[2] else outside


@kernel("f4 n n n n f3 f4")
def _to_tiles(m, padding, t, w, i, T, V):
    """V (6,6,C,n) = Bᵀ d B"""
    n, y, none = V.shape[3], 4 * t - padding, T[6, 0]
    for ch in range(V.shape[2]):
        for s in range(6):
            x = 4 * w - padding + s
            a, d = place(m, y, ch, x, i, n, none), place(m, y + 3, ch, x, i, n, none)
            b, e = place(m, y + 1, ch, x, i, n, none), place(m, y + 4, ch, x, i, n, none)
            c, f = place(m, y + 2, ch, x, i, n, none), place(m, y + 5, ch, x, i, n, none)
            A, B, C, D, E, F = T[0, s], T[1, s], T[2, s], T[3, s], T[4, s], T[5, s]
            for j in range(n):
                A[j], B[j], C[j], D[j], E[j], F[j] = _Bt(a[j], b[j], c[j], d[j], e[j], f[j])
        for r in range(6):
            a, b, c, d, e, f = T[r, 0], T[r, 1], T[r, 2], T[r, 3], T[r, 4], T[r, 5]
            A, B, C, D, E, F = V[r, 0, ch], V[r, 1, ch], V[r, 2, ch], V[r, 3, ch], V[r, 4, ch], V[r, 5, ch]
            for j in range(n):
                A[j], B[j], C[j], D[j], E[j], F[j] = _Bt(a[j], b[j], c[j], d[j], e[j], f[j])


@kernel("f4 n n n n f3 f4")
def _add_tiles(V, padding, t, w, i, T, dm):
    """dm += B V Bᵀ, where the tile came from"""
    n, y, lost = V.shape[3], 4 * t - padding, T[7, 0]
    for ch in range(V.shape[2]):
        for r in range(6):
            a, b, c, d, e, f = V[r, 0, ch], V[r, 1, ch], V[r, 2, ch], V[r, 3, ch], V[r, 4, ch], V[r, 5, ch]
            A, B, C, D, E, F = T[r, 0], T[r, 1], T[r, 2], T[r, 3], T[r, 4], T[r, 5]
            for j in range(n):
                A[j], B[j], C[j], D[j], E[j], F[j] = _B(a[j], b[j], c[j], d[j], e[j], f[j])
        for s in range(6):
            x = 4 * w - padding + s
            a, b, c, d, e, f = T[0, s], T[1, s], T[2, s], T[3, s], T[4, s], T[5, s]
            for j in range(n):
                a[j], b[j], c[j], d[j], e[j], f[j] = _B(a[j], b[j], c[j], d[j], e[j], f[j])
            for r in range(6):
                seen, there = T[r, s], place(dm, y + r, ch, x, i, n, lost)
                for j in range(n):
                    there[j] += seen[j]


# ---- tiles of the outputs


@inlined
def outputs(M, o, T):
    """T[:4, :4] = Aᵀ M A of channel o"""
    n = M.shape[3]
    for r in range(6):
        a, b, c, d, e, f = M[r, 0, o], M[r, 1, o], M[r, 2, o], M[r, 3, o], M[r, 4, o], M[r, 5, o]
        A, B, C, D = T[r, 0], T[r, 1], T[r, 2], T[r, 3]
        for j in range(n):
            A[j], B[j], C[j], D[j] = _At(a[j], b[j], c[j], d[j], e[j], f[j])
    for x in range(4):
        a, b, c, d, e, f = T[0, x], T[1, x], T[2, x], T[3, x], T[4, x], T[5, x]
        for j in range(n):
            a[j], b[j], c[j], d[j] = _At(a[j], b[j], c[j], d[j], e[j], f[j])


@inlined
def outputs_back(T, o, M):
    """M of channel o = A dz Aᵀ      dz T[:4, :4]"""
    n = M.shape[3]
    for x in range(4):
        a, b, c, d, e, f = T[0, x], T[1, x], T[2, x], T[3, x], T[4, x], T[5, x]
        for j in range(n):
            a[j], b[j], c[j], d[j], e[j], f[j] = _A(a[j], b[j], c[j], d[j])
    for r in range(6):
        a, b, c, d = T[r, 0], T[r, 1], T[r, 2], T[r, 3]
        A, B, C, D, E, F = M[r, 0, o], M[r, 1, o], M[r, 2, o], M[r, 3, o], M[r, 4, o], M[r, 5, o]
        for j in range(n):
            A[j], B[j], C[j], D[j], E[j], F[j] = _A(a[j], b[j], c[j], d[j])
