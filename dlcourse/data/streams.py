"""Random numbers that can be asked for again: the same key gives the same numbers, on every machine."""

from __future__ import annotations

import operator

import numpy as np


def stream(key: int, purpose: str, word: int = 0) -> np.random.Philox:
    """Random bits keyed by (key, word) and counted from a place of their own for every purpose.

    Without the purpose, data drawn with key 0 and a shuffle with key 0 would be made of the same bits: the order
    would follow the coordinates. Only the first 8 bytes of the purpose count.
    """
    place = int.from_bytes(purpose.encode()[:8].ljust(8, b"\0"), "little")
    words = np.array([whole(key, "key"), word], np.uint64)
    return np.random.Philox(key=words, counter=np.array([0, 0, 0, place], np.uint64))


def shuffled(n: int, key: int, purpose: str, word: int = 0) -> np.ndarray:
    """0 ... n-1 in random order: the order that sorts n random 64-bit words. order (n,) int64

    NumPy promises that a bit generator's raw words never change, but not so for `permutation`.
    """
    return np.argsort(stream(key, purpose, word).random_raw(n))


def whole(value: int, name: str, least: int = 0, most: int = 2**64 - 1) -> int:
    """The value as a Python int. TypeError or ValueError, naming it, if it is not a whole number in range."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    if number > most:
        raise ValueError(f"{name} must be at most {most}, got {number}")
    return number
