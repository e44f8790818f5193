"""What the kernels of norms and images mean, in NumPy: see fake_kernels.py."""

from __future__ import annotations

import numpy as np

# ---- norms: x as rows (R,C)


def channel_statistics(x, parts, mean, var, n, tickets, R, C, tiles):
    rows = x.reshape(-1, C)
    mean[...], var[...], n[...] = rows.mean(axis=0), rows.var(axis=0), R


def channel_gradients(dy, x, mean, scale, parts, dgamma, dbeta, tickets, R, C, tiles, by_row, eps):
    inv = scale if eps < 0 else 1 / np.sqrt(scale + eps)
    mean, inv = ((v.reshape(-1, 1) if by_row else v) for v in (mean, inv))
    dy, xhat = dy.reshape(-1, C), (x.reshape(-1, C) - mean) * inv
    dbeta[...], dgamma[...] = dy.sum(axis=0), (dy * xhat).sum(axis=0)


def normalize(x, gamma, beta, mean, var, y, size, C, eps):
    y[...] = (x - mean) * (gamma / np.sqrt(var + eps)) + beta


def batchnorm_dx(dy, x, gamma, mean, var, n, dgamma, dbeta, dx, size, C, eps):
    inv = 1 / np.sqrt(var + eps)
    dx[...] = (dy - (x - mean) * inv * (dgamma / n) - dbeta / n) * (gamma * inv)


def update_running(running_mean, running_var, mean, var, n, C, momentum):
    if n[0] > 1 and np.isfinite(mean).all() and np.isfinite(var).all():
        running_mean += momentum * (mean - running_mean)
        running_var += momentum * (var * (n / (n - 1)) - running_var)


def layernorm(x, gamma, beta, mean, inv, y, B, C, eps):
    rows, out = x.reshape(B, C), y.reshape(B, C)
    mu, scale = rows.mean(axis=1, keepdims=True), 1 / np.sqrt(rows.var(axis=1, keepdims=True) + eps)
    out[...] = (rows - mu) * scale * gamma + beta
    mean.reshape(B, 1)[...], inv.reshape(B, 1)[...] = mu, scale


def layernorm_dx(dy, x, gamma, mean, inv, dx, B, C):
    g, scale = dy.reshape(B, C) * gamma, inv.reshape(B, 1)
    xhat = (x.reshape(B, C) - mean.reshape(B, 1)) * scale
    product = (g * xhat).mean(axis=1, keepdims=True)
    dx.reshape(B, C)[...] = (g - g.mean(axis=1, keepdims=True) - xhat * product) * scale


# ---- images


def taps(x, kY, kX, Yout, Xout, S):
    """Every place r, s of a window, with the view of what all windows see there."""
    for r in range(kY):
        for s in range(kX):
            yield r, s, x[:, r : r + S * Yout : S, s : s + S * Xout : S][:, :Yout, :Xout]


def im2col(x, rows, size, Y, X, C, kY, kX, Yout, Xout, S, P):
    padded = np.pad(x, ((0, 0), (P, P), (P, P), (0, 0)))
    seen = rows.reshape(len(x), Yout, Xout, kY, kX, C)
    for r, s, tap in taps(padded, kY, kX, Yout, Xout, S):
        seen[:, :, :, r, s] = tap


def col2im(rows, dx, size, Y, X, C, kY, kX, Yout, Xout, S, P):
    padded = np.zeros((len(dx), Y + 2 * P, X + 2 * P, C), "float32")
    seen = rows.reshape(len(dx), Yout, Xout, kY, kX, C)
    for r, s, tap in taps(padded, kY, kX, Yout, Xout, S):
        tap += seen[:, :, :, r, s]
    dx[...] = padded[:, P : P + Y, P : P + X]


def maxpool2d(x, y, size, Y, X, C, Yout, Xout, window, S):
    y[...] = np.stack([tap for *_, tap in taps(x, window, window, Yout, Xout, S)]).max(axis=0)


def avgpool2d(x, y, size, Y, X, C, Yout, Xout, window, S):
    y[...] = sum(tap for *_, tap in taps(x, window, window, Yout, Xout, S)) * np.float32(1 / window**2)


def maxpool2d_backward(dy, x, dx, size, Y, X, C, Yout, Xout, window, S):
    seen = np.stack([tap for *_, tap in taps(x, window, window, Yout, Xout, S)])
    most, first = seen.max(axis=0), (seen == seen.max(axis=0)).argmax(axis=0)
    dx[...] = 0
    for k, (*_, tap) in enumerate(taps(dx, window, window, Yout, Xout, S)):
        tap += dy * ((first == k) & (most == most))


def avgpool2d_backward(dy, x, dx, size, Y, X, C, Yout, Xout, window, S):
    dx[...] = 0
    for *_, tap in taps(dx, window, window, Yout, Xout, S):
        tap += dy * np.float32(1 / window**2)
