"""Where the layers of a replica write: buffers for y and dx, handed out front to back and back to front."""

import math
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from ..backends import Backend
from .layers import Layer, Residual
from .params import leaves


class Workspace:
    """Buffers in the order in which they are asked for; a second plan (a shorter last batch) reuses the same memory.

    kept: the plans that hold them. Before a buffer makes way for a larger one these are forgotten, so that it is free.
    """

    def __init__(self, backend: Backend, dtype: str, kept: dict, ghosts: Any = None):
        self.backend, self.dtype, self.buffers, self.at = backend, dtype, {}, 0
        self.kept = weakref.proxy(kept)  # not to keep in memory what keeps this
        self.wide = "float32" if "16" in dtype else dtype  # of statistics and losses
        self.arena, self.empty = ghosts or backend.arena(), (ghosts or backend).empty

    def new(self, shape: tuple, last: bool = False, dtype: str = "") -> Any:
        size, dtype = math.prod(shape), {"": self.dtype, "wide": self.wide}.get(dtype, dtype)
        held = self.buffers.pop(self.at, None)
        if held is not None and (held.size < size or held.dtype != dtype):
            held = self.kept.clear()
        try:
            self.buffers[self.at] = held = self.empty((size,), dtype) if held is None else held
        except MemoryError:  # as at first: what is smaller than this may fit
            self.buffers.clear()
            self.kept.clear()
            raise
        self.at += 1
        return self.backend.layout(held[:size], shape, last)

    def stage(self, x: Any) -> Any:
        """A place for a copy of the batch, where the layers want it to lie otherwise; else None."""
        other = len(x.shape) == 4 or x.dtype != self.dtype or not x.flags.c_contiguous
        return self.new(x.shape) if other else None


class Flow(NamedTuple):
    """What runs from one layer to the next: its shape, whether its rows come from images, and whose y it is."""

    shape: tuple
    last: bool  # rows made of images keep the batch axis last in memory, as the images do
    source: Layer | None  # None: nobody may write over it


def bind_y(layer: Layer, x: Flow, new: Callable) -> Flow:
    """Give the layer a place for its y: over its input where both sides allow it. Depth first, front to back."""
    layer.seen = x
    if not layer.layers:
        shape, last = layer.shape(x.shape), not layer.rows and (x.last or len(x.shape) == 4)
        over = layer.inplace and x.source is not None and not x.source.saves_y
        layer.y = x.source.y if over else new(shape, last)
        for name, (size, dtype) in layer.memory(x.shape).items():
            setattr(layer, name, new(size, False, dtype) if len(size) != 4 else new(size, last, dtype))
        return Flow(shape, last, layer)
    y = x._replace(source=None) if isinstance(layer, Residual) else x
    for part in layer.layers:
        y = bind_y(part, y, new)
    if isinstance(layer, Residual):  # x is still needed for the sum, so no part has written over it
        layer.y, y = new(y.shape, y.last), y._replace(source=layer)
    return y


def bind_dx(layer: Layer, dy: Any, wanted: bool, new: Callable) -> Any:
    """Give the layer a place for its dx: over dy where it may; False where nobody asks for it. Back to front."""
    if not layer.layers:
        over = layer.inplace and dy is not None
        layer.dx = False if not wanted else dy if over else new(*layer.seen[:2])
        return layer.dx
    learns = [i for i, part in enumerate(layer.layers) if any(leaf.params for _, leaf in leaves([part]))]
    layer.skipped = 0 if wanted else learns[0] if learns else len(layer.layers)
    dy = None if isinstance(layer, Residual) else dy  # the sum's other branch still needs dy
    for i in reversed(range(layer.skipped, len(layer.layers))):
        dy = bind_dx(layer.layers[i], dy, wanted or i > layer.skipped, new)
    if isinstance(layer, Residual):
        layer.dx = dy = dy if wanted else False
    return dy
