"""Do two results say the same? Lists, 0-d arrays, float32 and True for 1 are as right as float64 arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .worker import OPEN, Mark

COARSE = {"float32": (1e-5, 1e-6)}  # rtol, atol of answers in fewer digits


@dataclass(frozen=True)
class Difference:
    """The first place where two results differ: which element of a tuple, which index, and both numbers."""

    where: str
    mine: Any
    want: Any

    def rows(self) -> list[tuple[str, str]]:
        place = f" at {self.where}" if self.where else ""
        rows = [("yours", short(self.mine) + place), ("expected", short(self.want) + place)]
        numbers = is_number(self.mine) and is_number(self.want) and np.isfinite([self.mine, self.want]).all()
        if numbers and self.mine and self.want:
            rows.append(("ratio", f"{float(self.mine) / float(self.want):.6g}  (yours / expected)"))
        return rows


def as_array(data: Any) -> np.ndarray | None:
    """Numbers in any form as an array, None for what is no rectangle of numbers."""
    if isinstance(data, (str, Mark, dict)) or data is None:
        return None
    try:
        array = np.asarray(data)
    except ValueError:  # rows of unequal length
        return None
    return array if array.dtype.kind in "biuf" else None


def is_number(data: Any) -> bool:
    """True for one number, whatever holds it."""
    array = as_array(data)
    return array is not None and array.shape == ()


def agree(mine: Any, want: Any, rtol: float = 1e-7, atol: float = 1e-10) -> bool:
    """True where both say the same, number for number."""
    return next(differences(mine, want, rtol, atol), None) is None


def differences(
    mine: Any, want: Any, rtol: float = 1e-7, atol: float = 1e-10, names: Sequence[str] = (), where: str = ""
) -> Iterator[Difference]:
    """Each place where they differ, in reading order; numbers by tolerances that grow with fewer digits."""
    a, b = as_array(mine), as_array(want)
    if b is not None and not (isinstance(want, tuple) and isinstance(mine, (list, tuple))):
        if a is None or a.shape != b.shape:
            yield Difference(where, mine, want)
            return
        yield from _numbers(a, b, rtol, atol, where)
    elif isinstance(want, (list, tuple)):
        if not isinstance(mine, (list, tuple, np.ndarray)) or not getattr(mine, "ndim", 1) or len(mine) != len(want):
            yield Difference(where, mine, want)
            return
        for i, (m, w) in enumerate(zip(mine, want)):
            name = names[i] if i < len(names) else f"element {i}"
            yield from differences(m, w, rtol, atol, where=f"{where}, {name}" if where else name)
    elif isinstance(want, dict):
        if not isinstance(mine, dict) or mine.keys() != want.keys():
            yield Difference(where, mine, want)
            return
        for key, w in want.items():
            yield from differences(mine[key], w, rtol, atol, where=f"{where}, {key!r}" if where else repr(key))
    elif isinstance(mine, np.ndarray) or type(mine) is not type(want) or mine != want:
        yield Difference(where, mine, want)


def _numbers(a: np.ndarray, b: np.ndarray, rtol: float, atol: float, where: str) -> Iterator[Difference]:
    coarse = COARSE.get(a.dtype.name, (0.0, 0.0))
    x, y = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        off = ~np.isclose(x, y, rtol=max(rtol, coarse[0]), atol=max(atol, coarse[1]), equal_nan=True)
    for index in np.argwhere(off):
        place = f"index {index[0] if len(index) == 1 else tuple(map(int, index))}" if len(index) else ""
        yield Difference(", ".join(filter(None, (where, place))), a[tuple(index)], b[tuple(index)])


def all_numbers(data: Any) -> Iterator[float]:
    """Every number in a result, for questions about all of them."""
    array = as_array(data)
    if array is not None:
        yield from array.astype(np.float64).ravel().tolist()
    elif isinstance(data, (list, tuple)):
        for d in data:
            yield from all_numbers(d)


def is_open(data: Any) -> bool:
    """True where a `...` is left anywhere in it."""
    if isinstance(data, dict):
        return any(map(is_open, data.values()))
    return data == OPEN if isinstance(data, Mark) else isinstance(data, (list, tuple)) and any(map(is_open, data))


def listed_arrays(data: Any) -> bool:
    """A list of arrays, which is no table even where they are alike."""
    return isinstance(data, list) and bool(data) and all(isinstance(row, np.ndarray) for row in data)


def shape_word(data: Any) -> str:
    """What a result is, in words: 'a single number', 'an array of shape (3, 2)', 'a tuple of 2'."""
    array = as_array(data)
    if data is None:
        return "nothing"
    if isinstance(data, Mark):
        return "`...`" if data == OPEN else f"{'an' if data.text[:1] in 'aeiouAEIOU' else 'a'} {data.text}"
    if listed_arrays(data):
        return f"a list of {len(data)} array{'s' * (len(data) > 1)}"
    if array is not None and not isinstance(data, tuple):
        return "a single number" if array.shape == () else f"an array of shape {array.shape}"
    if isinstance(data, (list, tuple, dict)):
        return f"a {type(data).__name__} of {len(data)}"
    return f"a {type(data).__name__}"


def short(data: Any, most: int = 120) -> str:
    """A result in one line."""
    array = as_array(data)
    if array is None or isinstance(data, tuple):
        said = repr(data) if not isinstance(data, (list, tuple)) else f"({', '.join(short(d, 40) for d in data)})"
    elif array.shape == ():
        said = f"{array[()]:.8g}" if array.dtype.kind == "f" else str(array[()])
    else:
        said = " ".join(np.array2string(array, precision=6, threshold=8, separator=", ", suppress_small=False).split())
    return said if len(said) <= most else said[: most - 4] + " ..."
