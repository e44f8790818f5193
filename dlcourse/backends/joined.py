"""What does a joined operation, such as a dense layer with its ReLU, where its own body does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def then_relu(name: str) -> Callable:
    """a = max(op(x, W, b), 0), one after the other"""

    def made(equations: dict[str, Callable]) -> Callable:
        def both(x: Any, W: Any, b: Any, *, a: Any = None, **options: Any) -> Any:
            z = equations[name](x, W, b, z=a, **options)
            return equations["relu"](z, a=z)

        return both

    return made


def after_relu(name: str) -> Callable:
    """dz = da [a > 0], then the gradients of op, one after the other"""

    def made(equations: dict[str, Callable]) -> Callable:
        def both(da: Any, a: Any, x: Any, W: Any, **options: Any) -> tuple:
            return equations[name](equations["relu_backward"](da, a), x, W, **options)

        return both

    return made


JOINED = {f"{name}_relu": then_relu(name) for name in ("dense", "conv2d")}
JOINED |= {f"{name}_relu_backward": after_relu(f"{name}_backward") for name in ("dense", "conv2d")}
