"""What a network is made of, and what it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


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
    """Parameters, bytes of θ, FLOPs of the products in one forward pass of one example; shows itself as a table."""

    rows: tuple[Row, ...]
    parameters: int
    bytes: int
    activation_bytes: int
    flops: int

    def __repr__(self) -> str:
        head = ("", "layer", "output", "parameters", "bytes", "FLOPs")
        item = self.bytes // max(self.parameters, 1)
        body = [
            (r.path, r.layer, _times(r.shape), *map(_count, (r.parameters, r.parameters * item, r.flops)))
            for r in self.rows
        ]
        body.append(("", "total", "", *map(_count, (self.parameters, self.bytes, self.flops))))
        width = [max(len(row[i]) for row in [head, *body]) for i in range(6)]
        lines = [
            "  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(row, width)))
            for row in [head, *body]
        ]
        lines.insert(1, "  ".join("─" * w for w in width))
        outputs = f"For one example; its outputs take {_count(self.activation_bytes)} bytes. "
        note = outputs + "FLOPs: multiplications and additions of the products, forward."
        return "\n".join([*(line.rstrip() for line in lines), note])


def summarize(net: Any, input_shape: tuple | None) -> Summary:
    """Walk one example of this shape through the layers."""
    shape = (1, *(input_shape or _guess(net)))
    item, rows = np.dtype(net.dtype).itemsize, []
    for path, layer in enumerate(net.layers):
        after = layer.shape(shape)
        rows.append(Row(str(path), repr(layer), after[1:], _parameters(layer), layer.flops(shape)))
        shape = after
    total = sum(r.parameters for r in rows)
    outputs = sum(math.prod(r.shape) for r in rows)
    return Summary(tuple(rows), total, total * item, outputs * item, sum(r.flops for r in rows))


def _parameters(layer: Any) -> int:
    inner = sum(_parameters(part) for part in layer.layers)
    return inner + sum(math.prod(layer.specs[name].shape) for name in layer.params)


def _guess(net: Any) -> tuple:
    n_in = getattr(net.layers[0], "n_in", None)
    if n_in is None:
        raise ValueError(
            f"summary() needs the shape of one example, as in net.summary((28, 28, 1)): {net.layers[0]!r} fits several"
        )
    return (n_in,)


def _count(n: int) -> str:
    return f"{n:,}"


def _times(shape: tuple) -> str:
    return " × ".join(map(str, shape))
