"""What each CUDA kernel means, in NumPy: the fake device runs this in its place. Same arguments, changed in place."""

from __future__ import annotations

import numpy as np

LOW = np.uint64(0xFFFFFFFF)


def relu_backward(da, a, dz, n):
    dz[...] = da * (a > 0)


def softmax_cross_entropy(z, t, p, losses, total, ticket, B, K, smoothing):
    logp = z - z.max(axis=1, keepdims=True)
    logp -= np.log(np.exp(logp).sum(axis=1, keepdims=True))
    losses[...] = -(targets(t, K, smoothing) * logp).sum(axis=1)
    p[...], total[...] = np.exp(logp), losses.sum()


def softmax_cross_entropy_backward(p, t, dz, size, K, smoothing, share):
    dz[...] = (p - targets(t, K, smoothing)) * share


def targets(t, K, smoothing):
    return (t[:, None] == np.arange(K)).astype("float32") * (1 - smoothing) + smoothing / np.float32(K)


def dropout(x, y, mask, step, rows, F, limit, scale, k0, k1, layer, row):
    quads = -(-F // 4)
    c = np.empty((4, rows, quads), "uint64")
    c[0], c[1] = np.arange(quads), (np.arange(rows)[:, None] + int(row)) & 0xFFFFFFFF
    c[2], c[3] = int(step) & 0xFFFFFFFF, layer
    for r in range(10):
        first, second = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        left, right = ((int(k) + r * weyl) & 0xFFFFFFFF for k, weyl in ((k0, 0x9E3779B9), (k1, 0xBB67AE85)))
        c[0], c[1], c[2], c[3] = (
            (second >> 32) ^ c[1] ^ np.uint64(left),
            second & LOW,
            (first >> 32) ^ c[3] ^ np.uint64(right),
            first & LOW,
        )
    words = c.transpose(1, 2, 0).reshape(rows, 4 * quads)[:, :F]
    mask[...] = (words >= limit).reshape(mask.shape)
    y[...] = x * mask * scale


def dropout_backward(dy, mask, dx, n, scale):
    dx[...] = dy * mask * scale
