"""Wrong answers to 13.1, each as somebody would write it."""

from __future__ import annotations

import math

import numpy as np


def scores(xp, x, W, b):
    """x W + b, the largest of each row shifted to 0"""
    z = x @ W + b
    return z - z.max(axis=1, keepdims=True)


def soft(xp, x, W, b):
    """the softmax of the scores, as it should be"""
    e = xp.exp(scores(xp, x, W, b))
    return e / e.sum(axis=1, keepdims=True)


def numpy_eye(xp, x, W, b, t):
    """An identity made by NumPy, indexed by labels of the device."""
    p = soft(xp, x, W, b)
    return p, p - np.eye(len(b))[t]


def numpy_zeros(xp, x, W, b, t):
    """Zeros made by NumPy, taken from an array of the device."""
    p = soft(xp, x, W, b)
    return p, p - np.zeros(p.shape)


def numpy_arange(xp, x, W, b, t):
    """Row numbers made by NumPy, as an index."""
    p = soft(xp, x, W, b)
    dz = p.copy()
    dz[np.arange(len(t)), t] -= 1
    return p, dz


def fetched(xp, x, W, b, t):
    """Everything fetched, and computed on the host."""
    if xp is not np:
        x, W, b, t = (a.get() for a in (x, W, b, t))
    p = soft(np, x, W, b)
    return p, p - np.eye(len(b))[t]


def there_and_back(xp, x, W, b, t):
    """Computed on the host, and sent back."""
    p, dz = fetched(xp, x, W, b, t)
    return xp.asarray(p), xp.asarray(dz)


def float_of_the_largest(xp, x, W, b, t):
    """The largest score as a number of Python."""
    z = x @ W + b
    e = xp.exp(z - float(z.max()))
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]


def item_of_the_largest(xp, x, W, b, t):
    """The same by .item()."""
    z = x @ W + b
    e = xp.exp(z - z.max().item())
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]


def int_of_each_label(xp, x, W, b, t):
    """Each label as a number of Python."""
    p = soft(xp, x, W, b)
    dz = p.copy()
    for i in range(len(t)):
        dz[i, int(t[i])] -= 1
    return p, dz


def labels_as_a_list(xp, x, W, b, t):
    """All labels as a list of Python."""
    p = soft(xp, x, W, b)
    dz = p.copy()
    for i, k in enumerate(t.tolist()):
        dz[i, k] -= 1
    return p, dz


def row_by_row(xp, x, W, b, t):
    """A loop over the rows, on the device."""
    p = soft(xp, x, W, b)
    dz = p.copy()
    for i in range(len(t)):
        dz[i] = p[i] - (t[i] == xp.arange(len(b)))
    return p, dz


def number_by_number(xp, x, W, b, t):
    """math.exp of each number."""
    z = scores(xp, x, W, b)
    e = xp.array([[math.exp(v) for v in row] for row in z])
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]


def same_array_twice(xp, x, W, b, t):
    """dz is p itself."""
    p = soft(xp, x, W, b)
    p[xp.arange(len(t)), t] -= 1
    return p, p


def not_shifted(xp, x, W, b, t):
    """exp of scores as large as they are."""
    e = xp.exp(x @ W + b)
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]


def over_the_batch(xp, x, W, b, t):
    """The softmax runs down the batch."""
    z = x @ W + b
    e = xp.exp(z - z.max(axis=0))
    p = e / e.sum(axis=0)
    return p, p - xp.eye(len(b))[t]


def mean_over_the_batch(xp, x, W, b, t):
    """dz divided by the size of the batch."""
    p = soft(xp, x, W, b)
    return p, (p - xp.eye(len(b))[t]) / len(t)


def one_largest(xp, x, W, b, t):
    """One largest score for all rows."""
    z = x @ W + b
    e = xp.exp(z - z.max())
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]


def an_if(xp, x, W, b, t):
    """The shift only where a question to the device says so."""
    z = x @ W + b
    if z.max() > 1 or z.min() < -1:
        z = z - z.max(axis=1, keepdims=True)
    e = xp.exp(z)
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]


def printed(form):
    """A look at p on the way."""

    def prediction_layer(xp, x, W, b, t):
        p = soft(xp, x, W, b)
        print(form.format(p))
        return p, p - xp.eye(len(b))[t]

    return prediction_layer


def a_mask(xp, x, W, b, t):
    """1 subtracted where a table says True."""
    p = soft(xp, x, W, b)
    dz = p.copy()
    dz[t[:, None] == xp.arange(len(b))] -= 1
    return p, dz


def left_out(xp, x, W, b, t):
    """The bias is left out of z."""
    p = soft(xp, x, W, 0 * b)
    return p, p - xp.eye(len(b))[t]


def turned_round(xp, x, W, b, t):
    """dz is desired − p, the wrong way round."""
    p = soft(xp, x, W, b)
    return p, xp.eye(len(b))[t] - p
