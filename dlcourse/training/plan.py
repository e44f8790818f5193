"""A bound replica of a network for one batch shape: every layer knows where to write, so nothing is allocated."""

import copy
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..backends import Backend
from ..backends.ghost import Ghosts
from ..nn.functional import alone
from ..nn.layers import Layer, Residual, Sequential
from ..nn.params import leaves
from .fuse import fuse


class Workspace:
    """Buffers in the order in which they are asked for; a second plan (a shorter last batch) reuses the same memory."""

    def __init__(self, backend: Backend, dtype: str, ghosts: Ghosts | None = None):
        self.backend, self.dtype, self.buffers, self.at = backend, dtype, {}, 0
        self.arena, self.empty = ghosts or backend.arena(), (ghosts or backend.xp).empty

    def new(self, shape: tuple, last: bool = False, dtype: str = "") -> Any:
        size, dtype = math.prod(shape), dtype or self.dtype
        held = self.buffers.get(self.at)
        if held is None or held.size < size or held.dtype != dtype:
            held = self.buffers[self.at] = self.empty((size,), dtype)
        self.at += 1
        return self.backend.layout(held[:size], shape, last)


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


class Plan:
    """The layers, fused where the backend fuses, with their buffers: forward and backward for one shape of batch."""

    def __init__(self, net: Any, loss: Any, grad: Any, x: Any, space: Workspace, comm: Callable, leader: bool):
        replica, new = net.replica(grad), space.new
        self.root = Sequential(*fuse(replica.layers, net.ops))
        self.running, self.arena, self.stage = net.backend.running, space.arena, net.backend.stage
        self.loss = copy.copy(loss)
        self.loss.ops = net.ops
        for _, leaf in leaves(self.root.layers):
            leaf.leader, leaf.allreduce = leader, comm  # batch norm asks
        self.rows = [leaf for _, leaf in leaves(self.root.layers) if leaf.op == "dropout"]
        space.at = 0
        staged = len(x.shape) == 4 or x.dtype != net.dtype or not x.flags.c_contiguous
        self.x = new(x.shape) if staged else None
        y = bind_y(self.root, Flow(x.shape, False, None), new)
        self.loss.y, self.loss.dx = new(y.shape), new(y.shape)
        bind_dx(self.root, self.loss.dx, False, new)
        self.layers = self.root.layers
        self.backward = self.layers[self.root.skipped :][::-1]

    def gradient(self, x: Any, t: Any, n: int | None = None, row: int = 0) -> Any:
        """Fill ∇ and return the loss, of n examples in all, of which these are the ones from number `row` on."""
        for leaf in self.rows:
            leaf.row = row
        self.arena.restart()
        self.running.arena = self.arena
        try:
            return self.passes(self.stage(x, self.x), t, n)
        finally:
            self.running.arena = None

    def passes(self, x: Any, t: Any, n: int | None) -> Any:
        """Forward, loss, backward. Scratch lives as long as one layer's call: at = 0 gives it to the next one."""
        arena = self.arena
        for layer in self.layers:
            arena.at = 0
            x = layer.forward(x, True)
        arena.at = 0
        value = self.loss.forward(x, t, n)
        dy = self.loss.backward()
        for layer in self.backward:
            arena.at = 0
            dy = layer.backward(dy)
        return value


class Plans(dict):
    """One plan per batch shape, and per set of functions that a learner has replaced: those are not fused."""

    def __init__(self, net: Any, loss: Any, grad: Any, comm: Callable = alone, leader: bool = True):
        self.net, self.ops, self.make = net, net.ops, (loss, grad)
        self.space, self.comm, self.leader = Workspace(net.backend, net.dtype), comm, leader

    def gradient(self, x: Any, t: Any, n: int | None = None, row: int = 0) -> Any:
        try:
            key = x.shape, x.dtype, x.flags.c_contiguous, self.ops.own
        except AttributeError:
            raise TypeError(f"x must be an array, got a {type(x).__name__}: use np.asarray(x)") from None
        plan = self.get(key)
        if plan is None:
            self.net.check(x)
            plan = self[key] = Plan(self.net, *self.make, x, self.space, self.comm, self.leader)
        return plan.gradient(x, t, n, row)

    def needs(self, x_shape: tuple) -> dict[str, int]:
        """Bytes that a plan for batches of this shape holds: the same plan, bound to arrays that hold no numbers.

        Where the host computes, it also runs once on them, which shows the scratch; a device has a pool for that.
        """
        net, ghosts = self.net, Ghosts()
        space = Workspace(net.backend, net.dtype, ghosts)
        x, grad = (ghosts.empty(shape, net.dtype) for shape in (x_shape, net.grad.shape))
        plan = Plan(net, self.make[0], grad, x, space, alone, False)
        if net.backend.host:
            with np.errstate(all="ignore"):
                plan.gradient(x, plan.loss.y, len(x))
        return {"activations": sum(held.nbytes for held in space.buffers.values()), "scratch": ghosts.high}
