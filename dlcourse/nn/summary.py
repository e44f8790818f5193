"""What a network is made of, and what it costs."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .params import leaves


@dataclass(frozen=True)
class Row:
    """One layer: its place, its output's shape for one example, and what it costs."""

    path: str
    layer: str
    shape: tuple
    parameters: int
    flops: int


@dataclass(frozen=True)
class Summary:
    """Parameters, bytes of θ, FLOPs of the products in one forward pass of one example; shows itself as a table.

    memory  {what for: bytes} of training with `batch` examples at a time; about 0.3 MB of Python's come on top
    """

    rows: tuple[Row, ...]
    parameters: int
    bytes: int
    activation_bytes: int
    flops: int
    memory: dict[str, int] | None = None
    batch: int | None = None

    def __repr__(self) -> str:
        item, table = self.bytes // max(self.parameters, 1), [("", "layer", "output", "parameters", "bytes", "FLOPs")]
        for r in self.rows:
            shape = " × ".join(map(str, r.shape))
            table.append((r.path, r.layer, shape, f"{r.parameters:,}", f"{r.parameters * item:,}", f"{r.flops:,}"))
        table.append(("", "total", "", f"{self.parameters:,}", f"{self.bytes:,}", f"{self.flops:,}"))
        width = [max(map(len, column)) for column in zip(*table)]
        table.insert(1, tuple("─" * w for w in width))
        sides = [str.ljust] * 3 + [str.rjust] * 3
        lines = ["  ".join(side(c, w) for side, c, w in zip(sides, row, width)).rstrip() for row in table]
        outputs = f"For one example; its outputs take {self.activation_bytes:,} bytes. "
        lines.append(outputs + "FLOPs: multiplications and additions of the products, forward.")
        if self.memory:
            each = ", ".join(f"{name} {n:,}" for name, n in self.memory.items())
            lines.append(f"Training with {self.batch:,} at a time holds {sum(self.memory.values()):,} bytes: {each}.")
        return "\n".join(lines)


def summarize(net: Any, input_shape: tuple | None, step: Any = None, batch: int | None = None) -> Summary:
    """Walk one example of this shape through the layers."""
    if (step is None) != (batch is None) or step and not (getattr(step, "net", None) is net and batch >= 1):
        raise ValueError("memory depends on both: net.summary(step=..., batch=...), a step of this network")
    example = tuple(input_shape or _guess(net))
    shape, item, rows = (1, *example), np.dtype(net.dtype).itemsize, []
    try:
        for path, layer in enumerate(net.layers):
            flops, shape = layer.flops(shape), layer.shape(shape)
            rows.append(Row(str(path), repr(layer), shape[1:], _parameters(layer), flops))
    except ValueError as error:
        raise ValueError(f"a summary is for the shape of one example, without the batch, {example}: {error}") from error
    total = sum(r.parameters for r in rows)
    outputs = sum(math.prod(r.shape) for r in rows)
    memory = step.memory((batch, *example)) if step else None
    return Summary(tuple(rows), total, total * item, outputs * item, sum(r.flops for r in rows), memory, batch)


def _parameters(layer: Any) -> int:
    return sum(math.prod(leaf.specs[name].shape) for _, leaf in leaves([layer]) for name in leaf.params)


def _guess(net: Any) -> tuple:
    if not hasattr(first := net.layers[0], "n_in"):
        raise ValueError(f"{first!r} fits several shapes of examples: give one, as in net.summary((28, 28, 1))")
    return (first.n_in,)
