"""Bodies of the losses for numbers; and of all losses over a batch that was filled up, of which only the first n count.

The joined ones, `first_softmax_cross_entropy` and so on, take n first: an array (), float32, on the device. What they
give are the numbers of the first n rows alone. Rows after them may hold anything; their gradient is 0.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from . import cuda_losses as source
from .base import backend_of
from .cuda_bodies import softmax_cross_entropy, softmax_cross_entropy_backward
from .cuda_kernel import Kernel, Unfit, blocks


def mean_squared_error(y: Any, t: Any, *, e: Any = None, first: Any = None) -> tuple[Any, Any]:
    """L = Σ_B mean_O e²   e = y − t      y (B,O)  t (B,O)  ->  L ()  e (B,O)"""
    return _total(source.MEAN_SQUARED_ERROR, y, t, e, first)


def mean_squared_error_backward(e: Any, n: Any, *, dy: Any = None, first: Any = None) -> Any:
    """dy = 2 e / (n O)      e (B,O)  n ()  ->  dy (B,O)"""
    return _gradient(source.MEAN_SQUARED_ERROR_BACKWARD, (e,), n, dy, first)


def binary_cross_entropy(z: Any, t: Any, *, p: Any = None, first: Any = None) -> tuple[Any, Any]:
    """L = Σ_B mean_O (log(1 + e^z) − t z)   p = σ(z)      z (B,O)  t (B,O)  ->  L ()  p (B,O)"""
    return _total(source.BINARY_CROSS_ENTROPY, z, t, p, first)


def binary_cross_entropy_backward(p: Any, t: Any, n: Any, *, dz: Any = None, first: Any = None) -> Any:
    """dz = (p − t) / (n O)      p (B,O)  t (B,O)  n ()  ->  dz (B,O)"""
    if p.shape != t.shape:
        raise Unfit("one target for each output")
    return _gradient(source.BINARY_CROSS_ENTROPY_BACKWARD, (p, t), n, dz, first)


def _total(kernel: Kernel, y: Any, t: Any, saved: Any, first: Any) -> tuple[Any, Any]:
    if y.shape != t.shape or y.ndim < 2:
        raise Unfit("one target for each output")
    be, B = backend_of(y), len(y)
    saved, losses, total = be.empty(y.shape) if saved is None else saved, be.scratch((B,)), be.empty(())
    sizes = B, math.prod(y.shape[1:]), first
    be.launch(kernel, blocks(B, 8), y, t, saved, losses, total, be.ticket(), *sizes)
    return total, saved


def _gradient(kernel: Kernel, given: tuple, n: Any, out: Any, first: Any) -> Any:
    be, shape = backend_of(given[0]), given[0].shape
    size, out = math.prod(shape), be.empty(shape) if out is None else out
    whole = n if first is None else 0
    be.launch(kernel, blocks(size), *given, out, size, math.prod(shape[1:]), whole, first)
    return out


PLAIN = mean_squared_error, mean_squared_error_backward, binary_cross_entropy, binary_cross_entropy_backward


def of_the_first(body: Callable) -> Callable:
    """The same for a batch that was filled up: first_name(n, ...)."""

    @functools.wraps(body)
    def counted(n: Any, *args: Any, **where: Any) -> Any:
        return body(*args, **where, first=n)

    counted.__name__ = f"first_{body.__name__}"
    return counted


BODIES = (*PLAIN, *map(of_the_first, (softmax_cross_entropy, softmax_cross_entropy_backward, *PLAIN)))
