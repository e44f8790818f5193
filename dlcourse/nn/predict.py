"""Inference: replicas bound to blocks of the batch, dealt out among threads where that pays.

Like a training step it allocates nothing but the answer. Its own layers hold what it computes; those of the network
stay as they were.
"""

from typing import Any

from ..backends.team import Blas, Team, lock, threads_here
from .bind import Flow, Workspace, bind_y
from .fuse import fuse
from .layers import Sequential

ROWS, IMAGES = 1024, 64  # examples in a block
CUT = 2e8  # FLOP of a call: from here on images are dealt out, each block on one thread of BLAS
KEPT = 16  # shapes of batches that are remembered


class Block:
    """y = f_n(... f_1(x)) for blocks of one shape."""

    def __init__(self, net: Any, x: Any, space: Workspace):
        space.at = 0
        self.backend, self.x, self.arena = net.backend, space.stage(x), space.arena
        root = Sequential(*fuse(net.replica(net.grad).layers, net.ops))
        bind_y(root, Flow(x.shape, False, None), space.new)
        self.layers = root.layers

    def __call__(self, x: Any, out: Any) -> None:
        arena = self.arena
        arena.restart()
        self.backend.running.arena = arena
        try:
            x = self.backend.stage(x, self.x)
            for layer in self.layers:
                arena.at = 0
                x = layer.forward(x)
            out[...] = x
        finally:
            self.backend.running.arena = None


class Batch:
    """One shape of batch: its blocks, who computes which, and on how many threads. All of it is fixed by the shape, so
    that the same numbers give the same bits."""

    def __init__(self, net: Any, x: Any, block: int | None, kept: "Predictor"):
        self.shape, images = (len(x), *net.check(x)[1:]), x.ndim == 4
        block = min(block or (IMAGES if images else ROWS), len(x))
        self.cuts = [slice(start, min(start + block, len(x))) for start in range(0, len(x), block)]
        flops, host = len(x) * net.summary(x.shape[1:]).flops, net.backend.host
        threads = min(threads_here(), len(self.cuts)) if host and images and flops >= CUT else 1
        while len(kept.spaces) < threads:
            kept.spaces.append(Workspace(net.backend, net.dtype, kept))
        sizes = {cut.stop - cut.start: x[cut] for cut in self.cuts}
        self.blocks = [{n: Block(net, part, space) for n, part in sizes.items()} for space in kept.spaces[:threads]]
        self.team = Team(threads) if threads > 1 else None
        self.blas = Blas() if self.team else None

    def __call__(self, x: Any, out: Any) -> Any:
        def run(i: int) -> None:
            mine = self.blocks[i]
            for cut in self.cuts[i :: len(self.blocks)]:
                mine[cut.stop - cut.start](x[cut], out[cut])

        self.blas(self.team.run, run) if self.blas else run(0)
        return out


class Predictor(dict):
    """The batches of one network by their shape. One call at a time: they share memory."""

    def __init__(self):
        self.spaces: list[Workspace] = []
        self.lock = lock()

    def __call__(self, net: Any, x: Any, block: int | None) -> Any:
        key = x.shape, x.dtype, x.flags.c_contiguous, block, net.ops.own
        with self.lock:
            if (batch := self.get(key)) is None:
                if len(self) >= KEPT:
                    self.clear()
                batch = self[key] = Batch(net, x, block, self)
            return batch(x, net.backend.xp.empty(batch.shape, net.dtype))
