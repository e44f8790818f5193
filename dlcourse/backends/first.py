"""A batch that was filled up to a larger size: its loss is that of its first n rows alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .cuda_kernel import Unfit


class First:
    """The table of operations for such a batch: in each of them only the first n rows count, n an array ()."""

    def __init__(self, ops: Any, n: Any):
        self.ops, self.n = ops, n

    def __getattr__(self, name: str) -> Callable:
        def counted(*args: Any, **where: Any) -> Any:
            result = getattr(self.ops, f"first_{name}")(self.n, *args, **where)
            if result is NotImplemented:
                raise Unfit(f"{name} can leave no rows out here, for such targets")
            return result

        return counted
