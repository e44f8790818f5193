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


# ---- update rules


def _rule(name):
    def rule(theta, grad, *rest):
        states = {"sgd": 0, "adam": 2, "adamw": 2}.get(name, 1)
        old, rest = rest[:states], rest[states:]
        numbers, (ok, scale, decay, mask) = rest[: -8 - states], rest[-8 - states : -4 - states]
        new, (copy, kind, _) = rest[-4 - states : -3], rest[-3:]
        g = np.zeros_like(grad) if ok is not None and not ok else grad.copy()
        g *= 1 if scale is None else scale
        rate = 0 if decay is None else decay * (1 if mask is None else mask)
        x = theta - theta * rate if name == "adamw" else theta.copy()
        if name != "adamw" and decay is not None:
            g += theta * rate
        x, *kept = RULES[name](x, g, *old, *numbers)
        if not ok is scale is decay is None:
            grad[...] = g
        for place, value in zip(new, (x, *kept)):
            place[...] = value
        if copy is not None:
            copy[...] = halves(x, kind)

    return rule


def halves(x, kind):
    """The bits of x in float16 (kind 1), or in bfloat16 (kind 2)."""
    if kind == 1:
        return x.astype("float16").view("uint16")
    bits = x.view("uint32")
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    return np.where(np.isnan(x), 0x7FFF, rounded).astype("uint16")


def _momentum(x, g, v, lr, mu):
    v = v * mu + g
    return x - v * lr, v


def _nesterov(x, g, v, lr, mu):
    v = v * mu + g
    return x - (v * mu + g) * lr, v


def _rmsprop(x, g, v, lr, rho, eps):
    v = v * rho + g * g * (1 - rho)
    return x - g / (np.sqrt(v) + eps) * lr, v


def _adam(x, g, m, v, step, beta1, beta2, eps):
    m, v = m * beta1 + g * (1 - beta1), v * beta2 + g * g * (1 - beta2)
    return x - m / (np.sqrt(v) + eps) * step, m, v


RULES = {"sgd": lambda x, g, lr: (x - g * lr,), "momentum": _momentum, "nesterov": _nesterov, "rmsprop": _rmsprop}
RULES |= {"adam": _adam, "adamw": _adam}
globals().update({name: _rule(name) for name in RULES})


def advance(hp, live, identity, ok, squares, n, lr, decay, clip, beta1, beta2, eps, power1, power2, step, eps_t,
            shrink, scale):  # fmt: skip
    x = hp.copy()
    if clip >= 0:
        x[scale] = x[clip] / np.maximum(np.sqrt(squares), x[clip])
    if step >= 0:
        x[power1] *= x[beta1]
        x[power2] *= x[beta2]
        root = np.sqrt(1 - x[power2])
        x[step], x[eps_t] = x[lr] * root / (1 - x[power1]), x[eps] * root
    if shrink >= 0:
        x[shrink] = x[lr] * x[decay]
    good = ok is None or bool(ok)
    live[...] = x if good else identity
    if good:
        hp[...] = x


def sum_of_squares(x, parts, total, ticket, n):
    total[...] = np.square(x).sum()
