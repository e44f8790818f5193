"""What each CUDA kernel means, in NumPy: the fake device runs this in its place.

k holds the arguments under the names that they have in the kernel's text; what it writes is changed in place.
"""

from __future__ import annotations

import numpy as np

from . import cuda_updates, fake_images

LOW = np.uint64(0xFFFFFFFF)


def _relu_backward(k):
    k.dz[...] = k.da * (k.a > 0)


def _softmax_cross_entropy(k):
    logp = k.z - k.z.max(axis=1, keepdims=True)
    logp -= np.log(np.exp(logp).sum(axis=1, keepdims=True))
    k.p[...] = np.exp(logp)
    add_up(k, -(targets(k.t, k.K, k.smoothing) * logp).sum(axis=1))


def _softmax_cross_entropy_backward(k):
    k.dz[...] = share(k, (k.p - targets(k.t, k.K, k.smoothing)), 1)


def _mean_squared_error(k):
    k.e[...] = k.y - k.t
    add_up(k, np.square(k.e).reshape(k.B, k.O).mean(axis=1))


def _mean_squared_error_backward(k):
    k.dy[...] = share(k, 2 * k.e, k.O)


def _binary_cross_entropy(k):
    power = np.exp(-np.abs(k.z))
    k.p[...] = np.where(k.z >= 0, 1, power) / (1 + power)
    losses = np.where(k.z > 0, k.z, 0) - k.t * k.z + np.log1p(power)
    add_up(k, losses.reshape(k.B, k.O).mean(axis=1))


def _binary_cross_entropy_backward(k):
    k.dz[...] = share(k, k.p - k.t, k.O)


def add_up(k, losses):
    """The losses of the rows that count, and their sum."""
    k.losses[...] = np.where(counts(k, losses), losses, 0)
    k.total[...] = k.losses.sum()


def share(k, difference, O):
    """difference / (n O) in the rows that count, 0 in the others"""
    n = np.float32(k.whole if k.n is None else k.n)
    return np.where(counts(k, difference), difference * (1 / (n * np.float32(O))), 0)


def counts(k, like):
    """[row < n], with the axes of `like`"""
    rows = np.arange(len(like)).reshape(-1, *[1] * (like.ndim - 1))
    return rows >= 0 if k.n is None else rows < k.n


def targets(t, K, smoothing):
    """T = (1 − s) onehot t + s/K"""
    return (t[:, None] == np.arange(K)).astype("float32") * (1 - smoothing) + smoothing / np.float32(K)


def _dropout(k):
    quads = -(-k.F // 4)
    c = np.empty((4, k.rows, quads), "uint64")
    c[0], c[1] = np.arange(quads), (np.arange(k.rows)[:, None] + int(k.row)) & 0xFFFFFFFF
    c[2], c[3] = int(k.step) & 0xFFFFFFFF, k.layer
    for r in range(10):
        first, second = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        left, right = ((int(key) + r * weyl) & 0xFFFFFFFF for key, weyl in ((k.k0, 0x9E3779B9), (k.k1, 0xBB67AE85)))
        c[0], c[2] = second >> 32 ^ c[1] ^ np.uint64(left), first >> 32 ^ c[3] ^ np.uint64(right)
        c[1], c[3] = second & LOW, first & LOW
    words = c.transpose(1, 2, 0).reshape(k.rows, 4 * quads)[:, : k.F]
    k.mask[...] = (words >= k.limit).reshape(k.mask.shape)
    k.y[...] = k.x * k.mask * k.scale


def _dropout_backward(k):
    k.dx[...] = k.dy * k.mask * k.scale


# ---- input


def _gather_bytes(k):
    k.y[...] = k.x[k.rows].astype("float32").reshape(k.y.shape) / np.float32(k.scale)


# ---- update rules


def _rule(name):
    states, numbers, _ = cuda_updates.RULES[name]

    def rule(k):
        g = np.zeros_like(k.grad) if k.ok is not None and not k.ok else k.grad.copy()
        g *= 1 if k.scale is None else k.scale
        rate = 0 if k.decay is None else k.decay * (1 if k.mask is None else k.mask)
        x = k.theta - k.theta * rate if name == "adamw" else k.theta.copy()
        if name != "adamw" and k.decay is not None:
            g += k.theta * rate
        new = RULES[name](x, g, *(getattr(k, f"{s}_") for s in states), *(getattr(k, n) for n in numbers))
        if not k.ok is k.scale is k.decay is None:
            k.grad[...] = g
        for place, value in zip(("theta", *states), new):
            getattr(k, f"new_{place}")[...] = value
        if k.copy is not None:
            k.copy[...] = halves(new[0], k.kind)

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


def _advance(k):
    x = k.hp.copy()
    if k.clip >= 0:
        x[k.scale] = x[k.clip] / np.maximum(np.sqrt(k.squares), x[k.clip])
    if k.step >= 0:
        x[k.power1] *= x[k.beta1]
        x[k.power2] *= x[k.beta2]
        root = np.sqrt(1 - x[k.power2])
        x[k.step], x[k.eps_t] = x[k.lr] * root / (1 - x[k.power1]), x[k.eps] * root
    if k.shrink >= 0:
        x[k.shrink] = x[k.lr] * x[k.decay]
    good = k.ok is None or bool(k.ok)
    k.live[...] = x if good else k.identity
    if good:
        k.hp[...] = x


def _unscale(k):
    sound, scale, good = bool(k.finite) and bool(np.isfinite(k.grad).all()), k.state[0], k.state[1] + 1
    k.grad *= 1 / scale
    k.ok[...] = sound
    k.state[0] = max(scale / 2, 1 / k.most) if not sound else scale if good < k.growth else min(scale * 2, k.most)
    k.state[1] = good if sound and good < k.growth else 0


def _sum_of_squares(k):
    k.total[...] = np.square(k.x).sum()


MEANINGS = {name[1:]: f for name, f in (vars(fake_images) | globals()).items() if name.startswith("_") and callable(f)}
MEANINGS |= {name: _rule(name) for name in RULES}
