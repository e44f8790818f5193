"""Wrong answers to 13.1, each as somebody would write it."""

from __future__ import annotations

import math

import numpy as np


def scores(xp, x, W, b):
    z = x @ W + b
    return z - z.max(axis=1, keepdims=True)


def soft(xp, x, W, b):
    e = xp.exp(scores(xp, x, W, b))
    return e / e.sum(axis=1, keepdims=True)


def numpy_eye(xp, x, W, b, t):
    p = soft(xp, x, W, b)
    return p, p - np.eye(len(b))[t]


def numpy_zeros(xp, x, W, b, t):
    p = soft(xp, x, W, b)
    return p, p - np.zeros(p.shape)


def numpy_arange(xp, x, W, b, t):
    p = soft(xp, x, W, b)
    dz = p.copy()
    dz[np.arange(len(t)), t] -= 1
    return p, dz


def fetched(xp, x, W, b, t):
    if xp is not np:
        x, W, b, t = (a.get() for a in (x, W, b, t))
    p = soft(np, x, W, b)
    return p, p - np.eye(len(b))[t]


def there_and_back(xp, x, W, b, t):
    p, dz = fetched(xp, x, W, b, t)
    return xp.asarray(p), xp.asarray(dz)


def float_of_the_largest(xp, x, W, b, t):
    z = x @ W + b
    e = xp.exp(z - float(z.max()))
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]


def item_of_the_largest(xp, x, W, b, t):
    z = x @ W + b
    e = xp.exp(z - z.max().item())
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]


def int_of_each_label(xp, x, W, b, t):
    p = soft(xp, x, W, b)
    dz = p.copy()
    for i in range(len(t)):
        dz[i, int(t[i])] -= 1
    return p, dz


def labels_as_a_list(xp, x, W, b, t):
    p = soft(xp, x, W, b)
    dz = p.copy()
    for i, k in enumerate(t.tolist()):
        dz[i, k] -= 1
    return p, dz


def row_by_row(xp, x, W, b, t):
    p = soft(xp, x, W, b)
    dz = p.copy()
    for i in range(len(t)):
        dz[i] = p[i] - (t[i] == xp.arange(len(b)))
    return p, dz


def number_by_number(xp, x, W, b, t):
    z = scores(xp, x, W, b)
    e = xp.array([[math.exp(v) for v in row] for row in z])
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]


def same_array_twice(xp, x, W, b, t):
    p = soft(xp, x, W, b)
    p[xp.arange(len(t)), t] -= 1
    return p, p


def not_shifted(xp, x, W, b, t):
    e = xp.exp(x @ W + b)
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]


def over_the_batch(xp, x, W, b, t):
    z = x @ W + b
    e = xp.exp(z - z.max(axis=0))
    p = e / e.sum(axis=0)
    return p, p - xp.eye(len(b))[t]


def mean_over_the_batch(xp, x, W, b, t):
    p = soft(xp, x, W, b)
    return p, (p - xp.eye(len(b))[t]) / len(t)


def one_largest(xp, x, W, b, t):
    z = x @ W + b
    e = xp.exp(z - z.max())
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]
