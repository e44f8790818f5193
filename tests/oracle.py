"""What the tests compare with: finite differences in float64, and arrays that lie in memory in every possible way.

Nothing here uses the code under test.
"""

from __future__ import annotations

import numpy as np

H = 1e-5  # step of the central difference: its error is about H² from the curve and 1e-16 / H from rounding


def numbers(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Uniform numbers in float64, the same for the same seed; never exactly 0."""
    return np.random.default_rng([seed, *shape]).uniform(low, high, shape)


def distinct(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers of which any two differ by at least 0.1, and none is nearer to 0 than 0.05: no kink, no tie."""
    size = int(np.prod(shape))
    values = (np.arange(size) - size // 2 + 0.5) * 0.1
    return np.random.default_rng(seed).permutation(values).reshape(shape)


def slopes(f, x: np.ndarray, u) -> np.ndarray:
    """d⟨f(x), u⟩/dx, one coordinate at a time by central differences. f maps float64 to an array of the shape of u."""
    x = np.array(x, "float64")  # C order, own memory
    gradient = np.empty_like(x)
    for i in np.ndindex(x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[i] += H
        behind[i] -= H
        gradient[i] = np.sum((f(ahead) - f(behind)) * u) / (2 * H)
    return gradient


def relative_error(a, b) -> float:
    """‖a − b‖∞ / ‖b‖∞, and the plain difference where b is all but zero."""
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    assert a.shape == b.shape, f"shapes differ: {a.shape} and {b.shape}"
    if not a.size:
        return 0.0
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-3))


def assert_close(a, b, limit: float = 1e-12) -> None:
    error = relative_error(a, b)
    assert error <= limit, f"relative error {error:.2e} > {limit:.0e}\ngot\n{a}\nexpected\n{b}"


def assert_gradient(given, f, x: np.ndarray, u, limit: float = 1e-6) -> None:
    """`given` is the gradient of ⟨f(x), u⟩ with respect to x, says the central difference."""
    assert_close(given, slopes(f, x, u), limit)


def memories(a: np.ndarray) -> dict[str, np.ndarray]:
    """The same numbers in C order, in Fortran's, with gaps, backwards, and images as (Y,C,X,B)."""
    gaps = np.full([2 * n for n in a.shape], np.nan, a.dtype)
    gaps[tuple(slice(None, None, 2) for _ in a.shape)] = a
    kinds = {
        "C": np.ascontiguousarray(a),
        "Fortran": np.asfortranarray(a),
        "gaps": gaps[tuple(slice(None, None, 2) for _ in a.shape)],
        "backwards": np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    }
    if a.ndim == 4:
        kinds["images"] = np.ascontiguousarray(a.transpose(1, 3, 2, 0)).transpose(3, 0, 2, 1)
    return kinds


def buffers(backend, shape: tuple, dtype="float64") -> list:
    """Places to write to, full of NaN (or True): the backend's own, in C order, batch-last and with gaps."""
    wild = np.full(shape, np.nan if np.dtype(dtype).kind == "f" else 1, dtype)
    own = backend.empty(shape, dtype)
    own[...] = backend.asarray(wild)
    return [own] + [backend.asarray(a) for a in memories(wild).values() if a.dtype == wild.dtype]


def loops(*ranges: int):
    """Every index: for n, i, j in loops(B, Y, X)."""
    return np.ndindex(*ranges)
