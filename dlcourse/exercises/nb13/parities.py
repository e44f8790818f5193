"""Wrong answers to 13.3: other measures than the lengths, each in the forms in which people write it."""

from __future__ import annotations

import numpy as np

from ..exercise import Wrong


def norm(a):
    """The length of an array."""
    return np.linalg.norm(a)


def one(u, v, b):
    """Divided by nothing."""
    return 1.0


def apart(u, v, b):
    """The length of u − v."""
    return norm(u - v)


def first(u, v, b):
    """The length of u."""
    return norm(u)


def other(u, v, b):
    """The length of v."""
    return norm(v)


def bare(gap, size=one):
    """gap / size and no case by itself: NumPy gives inf or nan where it divides by 0."""

    def parity(before, here, there, tolerance):
        u, v = here - before, there - before
        with np.errstate(all="ignore"):
            error = np.divide(gap(u, v, before), size(u, v, before))
        return error, error <= tolerance

    return parity


def varied(
    gap=apart,
    size=first,
    same=lambda error, tolerance: error <= tolerance,
    answer=lambda error, same: (error, same),
):
    """gap / size, but 0 where the gap is 0, and inf where the size is."""

    def parity(before, here, there, tolerance):
        u, v = here - before, there - before
        above, below = gap(u, v, before), size(u, v, before)
        error = 0.0 if above == 0 else np.inf if below == 0 else above / below
        return answer(error, same(error, tolerance))

    return parity


def cased(gap, size=one, still=lambda u, v: not u.any()):
    """gap / size, but 0 where both updates are equal, and inf where u is 0, as it should be."""

    def parity(before, here, there, tolerance):
        u, v = here - before, there - before
        if (u == v).all():
            return 0.0, tolerance >= 0
        if still(u, v):
            return np.inf, False
        return bare(gap, size)(before, here, there, tolerance)

    return parity


def ways(gap, size=one):
    """One measure in its forms: the cases in which one cannot divide are left out, or told by gap and size, or by u."""
    return bare(gap, size), varied(gap, size), cased(gap, size)


def ratios(told, equal):
    """|u − v| / |u|, number by number, told as one; equal: what stands where both are the same, None for 0 by 0."""

    def gap(u, v, b):
        with np.errstate(all="ignore"):
            found = abs(u - v) / abs(u)
        return told(found if equal is None else np.where(u == v, equal, found))

    return gap


def by_number(told):
    """All forms of a comparison number by number."""
    return *ways(ratios(told, 0.0)), *ways(ratios(told, None))


def wrong(key, forms, says, source=""):
    """One mistake in several forms."""
    return Wrong(key, forms[0], says, source=source, also=tuple(forms[1:]))
