"""The wrong answers to 07.4: gradient checks that measure something else, or at other places."""

from __future__ import annotations

import numpy as np


def slopes(f, x, h, slope=None):
    """The slope at each place.      slope (f, x, the nudge as an array, h) -> number"""
    s = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        e = np.zeros(x.shape)
        e[i] = h
        s[i] = slope(f, x, e, h) if slope else (f(x + e) - f(x - e)) / (2 * h)
    return s


def varied(slope=None, scale=None, most=np.max, size=np.abs):
    """The check with one thing done otherwise."""

    def check_gradient(f, x, g, h=1e-5):
        s = slopes(f, x, h, slope)
        by = scale(g, s) if scale else np.maximum(np.maximum(np.abs(g), np.abs(s)), 1e-4)
        return float(most(size(g - s) / by))

    return check_gradient


def all_at_once(f, x, g, h=1e-5):
    """One nudge for all places."""
    s = (f(x + h) - f(x - h)) / (2 * h)
    return np.max(np.abs(g - s) / np.maximum(np.maximum(np.abs(g), abs(s)), 1e-4))


def whole_rows(f, x, g, h=1e-5):
    """One nudge for a row."""
    worst = 0.0
    for i in range(len(x)):
        up, down = x.astype(float), x.astype(float)
        up[i] += h
        down[i] -= h
        s = (f(up) - f(down)) / (2 * h)
        worst = max(worst, abs(g[i] - s) / max(abs(g[i]), abs(s), 0.0001))
    return worst


def one_ratio(f, x, g, h=1e-5):
    """The largest difference by the largest number."""
    s = slopes(f, x, h)
    return np.abs(g - s).max() / max(np.abs(g).max(), np.abs(s).max(), 1e-4)


def one_of_lengths(f, x, g, h=1e-5):
    """The length of the difference by the larger length."""
    s = slopes(f, x, h)
    return np.linalg.norm(g - s) / max(np.linalg.norm(g), np.linalg.norm(s), 1e-4)


def lengths_added(f, x, g, h=1e-5):
    """The length of the difference by the sum of both lengths."""
    s = slopes(f, x, h)
    return np.linalg.norm(g - s) / (np.linalg.norm(g) + np.linalg.norm(s))


def not_put_back(f, x, g, h=1e-5):
    """Each nudge stays in x."""
    worst, v = 0.0, x
    for i in np.ndindex(x.shape):
        v[i] += h
        up = f(v)
        v[i] -= 2 * h
        s = (up - f(v)) / (2 * h)
        worst = max(worst, abs(g[i] - s) / max(abs(g[i]), abs(s), 1e-4))
    return worst


def whole_numbers_cut(f, x, g, h=1e-5):
    """Nudges that an array of whole numbers cannot hold."""
    worst = 0.0
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] = up[i] + h
        down[i] = down[i] - h
        s = (f(up) - f(down)) / (2 * h)
        worst = max(worst, abs(g[i] - s) / max(abs(g[i]), abs(s), 1e-4))
    return worst


def in_x(back):
    """Nudged in x itself by += and -=.      back (x, place, number before, h): how it is put back"""

    def check_gradient(f, x, g, h=1e-5):
        worst = 0.0
        for i in np.ndindex(x.shape):
            old = x[i]
            x[i] += h
            up = f(x)
            x[i] -= 2 * h
            s = (up - f(x)) / (2 * h)
            back(x, i, old, h)
            worst = max(worst, abs(g[i] - s) / max(abs(g[i]), abs(s), 1e-4))
        return worst

    return check_gradient


def by_number(x, i, old, h):
    """The number from before."""
    x[i] = old


def by_plus(x, i, old, h):
    """One more nudge back."""
    x[i] += h


def always_0(f, x, g, h=1e-5):
    """No difference at all."""
    f(x)
    return 0.0
