"""A bound replica of a network for one batch shape: every layer knows where to write, so nothing is allocated."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ..nn.bind import Flow, Workspace, bind_dx, bind_y
from ..nn.functional import alone
from ..nn.fuse import fuse
from ..nn.layers import Sequential
from ..nn.params import leaves
from .precision import Precision


class Plan:
    """The layers, fused where the backend fuses, with their buffers: forward and backward for one shape of batch."""

    def __init__(self, net: Any, loss: Any, grad: Any, x: Any, space: Workspace, comm: Callable, leader: bool,
                 precision: Precision):  # fmt: skip
        replica, new = net.replica(grad), space.new
        precision.settle(replica.layers)
        self.root = Sequential(*fuse(replica.layers, net.ops))
        self.running, self.arena, self.stage = net.backend.running, space.arena, net.backend.stage
        self.scaled = precision.scaled
        self.loss = copy.copy(loss)
        self.loss.ops = net.ops
        for _, leaf in leaves(self.root.layers):
            leaf.leader, leaf.allreduce = leader, comm  # batch norm asks
        self.rows = [leaf for _, leaf in leaves(self.root.layers) if leaf.op == "dropout"]
        space.at = 0
        self.x = space.stage(x)
        y = bind_y(self.root, Flow(x.shape, False, None), new)
        self.loss.y, self.loss.dx = new(y.shape, False, "wide"), new(y.shape, False, "wide")
        self.z, self.dy = precision.ends(new, y.shape) or (None, self.loss.dx)
        bind_dx(self.root, self.dy, False, new)
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
        value = self.loss.forward(self.stage(x, self.z), t, n)
        dy = self.scaled(self.loss.backward(), self.dy)
        for layer in self.backward:
            arena.at = 0
            dy = layer.backward(dy)
        return value


class Plans(dict):
    """One plan per batch shape, and per set of functions that a learner has replaced: those are not fused.

    version  moves when plans are forgotten, as those are whose memory is outgrown: their graphs are out of date
    """

    def __init__(self, net: Any, loss: Any, grad: Any, comm: Callable = alone, leader: bool = True,
                 precision: Precision | None = None):  # fmt: skip
        self.net, self.ops, self.make = net, net.ops, (loss, grad)
        self.precision, self.version = precision or Precision("fp32", net, None), 0
        self.space, self.comm, self.leader = Workspace(net.backend, self.precision.dtype, self), comm, leader

    def gradient(self, x: Any, t: Any, n: int | None = None, row: int = 0) -> Any:
        try:
            key = x.shape, x.dtype, x.flags.c_contiguous, self.ops.own
        except AttributeError:
            raise TypeError(f"x must be an array, got a {type(x).__name__}: use np.asarray(x)") from None
        if (plan := self.get(key)) is None:
            self.net.check(x)
            plan = self[key] = Plan(self.net, *self.make, x, self.space, self.comm, self.leader, self.precision)
        return plan.gradient(x, t, n, row)

    def clear(self) -> None:
        super().clear()
        self.version += 1

    def needs(self, x_shape: tuple) -> dict[str, int]:
        """Bytes that a plan for batches of this shape holds: the same plan, bound to arrays that hold no numbers.

        Where they can be computed with, it also runs once on them, which shows the scratch.
        """
        net, ghosts = self.net, self.net.backend.ghosts()
        space = Workspace(net.backend, self.precision.dtype, self, ghosts)
        x, grad = (ghosts.empty(shape, net.dtype) for shape in (x_shape, net.grad.shape))
        plan = Plan(net, self.make[0], grad, x, space, alone, False, self.precision)
        if ghosts.run:
            with np.errstate(all="ignore"):
                plan.gradient(x, ghosts.targets(plan.loss), len(x))
        return {"activations": sum(held.nbytes for held in space.buffers.values()), "scratch": ghosts.high}
