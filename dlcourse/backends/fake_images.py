"""What the kernels of norms and images mean, in NumPy: see fake_kernels.py."""

from __future__ import annotations

import numpy as np

# ---- norms: x as rows (R,C)


def _channel_statistics(k):
    rows = k.rows.reshape(-1, k.C)
    k.mean[...], k.var[...], k.n[...] = rows.mean(axis=0), rows.var(axis=0), k.R


def _channel_gradients(k):
    inv = k.scale if k.eps < 0 else 1 / np.sqrt(k.scale + k.eps)
    mean, inv = ((v.reshape(-1, 1) if k.by_row else v) for v in (k.mean, inv))
    dy, xhat = k.dy.reshape(-1, k.C), (k.rows.reshape(-1, k.C) - mean) * inv
    k.dbeta[...], k.dgamma[...] = dy.sum(axis=0), (dy * xhat).sum(axis=0)


def _normalize(k):
    k.y[...] = (k.x - k.mean) * (k.gamma / np.sqrt(k.var + k.eps)) + k.beta


def _batchnorm_dx(k):
    inv = 1 / np.sqrt(k.var + k.eps)
    k.dx[...] = (k.dy - (k.x - k.mean) * inv * (k.dgamma / k.n) - k.dbeta / k.n) * (k.gamma * inv)


def _update_running(k):
    if k.n[0] > 1 and np.isfinite(k.mean).all() and np.isfinite(k.var).all():
        k.running_mean += k.momentum * (k.mean - k.running_mean)
        k.running_var += k.momentum * (k.var * (k.n / (k.n - 1)) - k.running_var)


def _layernorm(k):
    rows, out = k.x.reshape(k.B, k.C), k.y.reshape(k.B, k.C)
    mu, scale = rows.mean(axis=1, keepdims=True), 1 / np.sqrt(rows.var(axis=1, keepdims=True) + k.eps)
    out[...] = (rows - mu) * scale * k.gamma + k.beta
    k.mean.reshape(k.B, 1)[...], k.inv.reshape(k.B, 1)[...] = mu, scale


def _layernorm_dx(k):
    g, scale = k.dy.reshape(k.B, k.C) * k.gamma, k.inv.reshape(k.B, 1)
    xhat = (k.x.reshape(k.B, k.C) - k.mean.reshape(k.B, 1)) * scale
    product = (g * xhat).mean(axis=1, keepdims=True)
    k.dx.reshape(k.B, k.C)[...] = (g - g.mean(axis=1, keepdims=True) - xhat * product) * scale


# ---- images


def taps(k, x, kY, kX):
    """Every place r, s of a window, with the view of what all windows see there."""
    for r in range(kY):
        for s in range(kX):
            yield r, s, x[:, r : r + k.S * k.Yout : k.S, s : s + k.S * k.Xout : k.S][:, : k.Yout, : k.Xout]


def _im2col(k):
    padded = np.pad(k.x, ((0, 0), (k.P, k.P), (k.P, k.P), (0, 0)))
    seen = k.rows.reshape(len(k.x), k.Yout, k.Xout, k.kY, k.kX, k.C)
    for r, s, tap in taps(k, padded, k.kY, k.kX):
        seen[:, :, :, r, s] = tap


def _col2im(k):
    padded = np.zeros((len(k.dx), k.Y + 2 * k.P, k.X + 2 * k.P, k.C), "float32")
    seen = k.rows.reshape(len(k.dx), k.Yout, k.Xout, k.kY, k.kX, k.C)
    for r, s, tap in taps(k, padded, k.kY, k.kX):
        tap += seen[:, :, :, r, s]
    k.dx[...] = padded[:, k.P : k.P + k.Y, k.P : k.P + k.X]


def _maxpool2d(k):
    k.y[...] = np.stack([tap for *_, tap in taps(k, k.x, k.window, k.window)]).max(axis=0)


def _avgpool2d(k):
    k.y[...] = sum(tap for *_, tap in taps(k, k.x, k.window, k.window)) * np.float32(1 / k.window**2)


def _maxpool2d_backward(k):
    seen = np.stack([tap for *_, tap in taps(k, k.x, k.window, k.window)])
    most, first = seen.max(axis=0), (seen == seen.max(axis=0)).argmax(axis=0)
    k.dx[...] = 0
    for i, (*_, tap) in enumerate(taps(k, k.dx, k.window, k.window)):
        tap += k.dy * ((first == i) & (most == most))


def _avgpool2d_backward(k):
    k.dx[...] = 0
    for *_, tap in taps(k, k.dx, k.window, k.window):
        tap += k.dy * np.float32(1 / k.window**2)
