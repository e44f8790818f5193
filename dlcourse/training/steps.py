"""A Step: how one batch becomes an update. It works on replicas that share θ; the network's own layers stay unbound.

A step whose loss is not finite leaves θ and the optimizer as they were; on a device, nobody waits to learn of it.
"""

import math
from collections import Counter
from typing import Any

import numpy as np

from ..backends.team import Blas, Team, threads_here
from ..nn.params import leaves
from .plan import Plans
from .precision import Precision


class Step:
    """step(x, t) -> loss: a Python float on the host, a 0-d array on a device. Made for a network, loss, optimizer.

    A layer's own numbers (a rate, ε) are those at the first batch of a shape: for others make another step.

    precision  "fp32", "tf32", "bf16", "fp16" or "auto" (precision.py). Who writes into θ by hand between two steps in
               16 bits calls optimizer.refresh(); fit does so at each epoch
    """

    why = "asked for"  # why this one was chosen

    def __init__(self, net: Any, loss: Any, optimizer: Any, *, precision: str | Precision = "fp32"):
        if optimizer.theta is not net.theta or optimizer.grad is not net.grad:
            raise ValueError("the optimizer belongs to another network: make it from net.theta and net.grad")
        self.net, self.loss, self.optimizer = net, loss, optimizer
        self.precision = precision if isinstance(precision, Precision) else Precision(precision, net, optimizer)
        self.plans = Plans(net, loss, net.grad, precision=self.precision)
        self.drops = any(leaf.op == "dropout" for _, leaf in leaves(net.layers))
        optimizer.ops = net.ops

    def advance(self) -> None:
        """The next step's dropout draws other numbers."""
        if self.drops:
            self.net.counter += 1

    def memory(self, x_shape: tuple) -> dict[str, int]:
        """{what for: bytes} of training with batches of this shape, known before a batch is seen: net.summary tells it.

        activations are those of forward with what backward needs and the gradients of all of them.
        """
        held = {"parameters": self.net.theta.nbytes, "gradients": self.net.grad.nbytes}
        return held | {"optimizer": self.optimizer.nbytes} | self.plans.needs(x_shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__} ({self.why})"


class SerialStep(Step):
    """Forward, loss, backward, update, one after the other; big products use the threads of BLAS.

    one_thread: BLAS keeps to one thread, which is steadier where the products are small.
    """

    def __init__(self, net: Any, loss: Any, optimizer: Any, *, one_thread: bool = False, precision: Any = "fp32"):
        super().__init__(net, loss, optimizer, precision=precision)
        self.blas = Blas() if one_thread else None

    def limit(self, threads: int) -> None:
        """BLAS uses at most so many threads from now on; nothing is set in each step if it has no more anyway."""
        blas = Blas(threads)
        self.blas = blas if blas.lowers() else None

    def __call__(self, x: Any, t: Any) -> Any:
        if self.blas is None:
            return self.run(x, t)
        return self.blas(self.run, x, t)

    def run(self, x: Any, t: Any, n: Any = None) -> Any:
        value, host = self.plans.gradient(x, t, n), self.net.backend.host
        value = float(value) if host else value
        ok = math.isfinite(value) if host else self.net.backend.xp.isfinite(value)
        self.optimizer.step(ok=self.precision.unscaled(self.net.grad, ok))
        self.advance()
        return value


class ThreadStep(Step):
    """The batch is cut into as many parts as threads; each runs its part on one BLAS thread, then updates a part of θ.

    Which thread does what is fixed, so the same seed gives the same bits.
    """

    def __init__(self, net: Any, loss: Any, optimizer: Any, *, threads: int = 2):
        super().__init__(net, loss, optimizer)
        if not net.backend.host:
            raise ValueError(f"threads are for the CPU: on {net.backend!r} use SerialStep or GraphStep")
        if threads < 1:
            raise ValueError(f"threads= is a whole number from 1 on, got {threads}")
        self.team, self.blas, be = Team(threads), Blas(), net.backend
        self.parts = be.zeros((threads, net.theta.size), net.dtype)
        self.members = [Plans(net, loss, part, self.team.allreduce, i == 0) for i, part in enumerate(self.parts)]
        self.tmps = [be.empty(optimizer.tmp.shape, net.dtype) for _ in range(threads)]
        size = optimizer.tmp.size  # of a block: only the last may be shorter
        self.pieces = [(b, self.parts[:, i * size : (i + 1) * size]) for i, b in enumerate(optimizer.blocks)]

    def __call__(self, x: Any, t: Any) -> float:
        value = self.blas(self.run, x, t)
        self.advance()
        return value

    def run(self, x: Any, t: Any) -> float:
        value = self.gradient(x, t)
        if math.isfinite(value):
            self.update()
        return value

    def memory(self, x_shape: tuple) -> dict[str, int]:
        """As of any step; each thread has a ∇, an optimizer's tmp and a plan for its part of the batch."""
        n, T = x_shape[0], self.team.size
        sizes = [n * (i + 1) // T - n * i // T for i in range(T)] if n >= T else [n]
        held = Counter({"gradients": self.parts.nbytes, "optimizer": sum(tmp.nbytes for tmp in self.tmps)})
        for size, count in Counter(sizes).items():
            part = super().memory((size, *x_shape[1:]))
            held.update({name: part[name] * count for name in ("activations", "scratch")})
        return {name: part[name] * (name not in ("activations", "scratch")) + held[name] for name in part}

    def gradient(self, x: Any, t: Any) -> float:
        """Each thread fills its own ∇ with its part's share of the whole batch's mean."""
        n, T = len(x), self.team.size
        self.net.check(x)  # all of it: an error names what was handed over, not a part
        if np.shape(t)[:1] != (n,):
            raise ValueError(f"there must be as many targets as examples: x has shape {x.shape}, t {t.shape}")
        if n < T:  # too small to be cut
            value = float(self.plans.gradient(x, t))
            self.parts[0], self.parts[1:] = self.net.grad, 0
            return value
        cut = [n * i // T for i in range(T + 1)]

        def part(i: int) -> Any:
            rows = slice(cut[i], cut[i + 1])
            return self.members[i].gradient(x[rows], t[rows], n, cut[i])

        return float(sum(self.team.run(part)))

    def update(self) -> None:
        """∇ is the sum of the parts; who has summed a block also steps its θ, while it is in the cache."""
        whole = self.optimizer.clips  # the length of ∇ is asked for before the first step
        if whole:
            self.team.run(lambda i: [parts.sum(axis=0, out=b[1]) for b, parts in self.pieces[i :: self.team.size]])
        self.optimizer.advance()

        def step(i: int) -> None:
            for block, parts in self.pieces[i :: self.team.size]:
                whole or parts.sum(axis=0, out=block[1])
                self.optimizer.update([block], self.tmps[i])

        self.team.run(step)


ONE_THREAD, CUT = (2e6, 8e6), 2e9  # FLOP a step: between the two, BLAS keeps to one thread; images from CUT on are cut


def rule(flops: float, images: bool, threads: int) -> tuple[str, str]:
    """What choose_step does on the CPU, and why: "serial", "one thread" or "threads"."""
    if threads == 1 and flops >= ONE_THREAD[0]:  # below, BLAS uses one anyway
        return "one thread", "one core to use"
    if ONE_THREAD[0] <= flops < ONE_THREAD[1]:
        return "one thread", f"below {ONE_THREAD[1] / 1e6:g} MFLOP: one BLAS thread"
    if images and flops >= CUT:
        return "threads", f"images, at least {CUT / 1e9:g} GFLOP: {threads} threads"
    return "serial", "no threads but those of BLAS"


def choose_step(net: Any, loss: Any, optimizer: Any, x_shape: tuple, *, threads: int | None = None,
                precision: str = "fp32") -> Step:  # fmt: skip
    """The step for batches of this shape, by a static rule: the same shapes give the same bits on every run.

    A device: GraphStep. Images and at least 2 GFLOP: ThreadStep. Otherwise SerialStep, from 2 to 8 MFLOP on one BLAS
    thread: its threads wait for each other in a loop, which a busy machine punishes (below, it uses none anyway) and
    which gains less than a tenth there.
    x_shape: of a batch, its size included, such as (64, 28, 28, 1).
    threads: so many; without it, as many as this process may use (threads_here). Another number of threads gives other
    bits, equal to rounding. FLOPs are those of forward and backward: three times the products of forward.
    """
    flops = 3 * x_shape[0] * net.summary(x_shape[1:]).flops
    if not net.backend.host:
        from .graph import GraphStep  # which is itself made of steps

        step: Step = GraphStep(net, loss, optimizer, precision=precision)
        why = "a device repeats a recorded step"
    else:
        threads = (threads_here() if flops >= ONE_THREAD[0] else 1) if threads is None else max(threads, 1)
        kind, why = rule(flops, len(x_shape) == 4, threads)
        if kind == "threads" and precision == "fp32":
            step = ThreadStep(net, loss, optimizer, threads=threads)
        else:
            step = SerialStep(net, loss, optimizer, one_thread=kind == "one thread", precision=precision)
            if kind == "serial" and flops >= ONE_THREAD[0]:
                step.limit(threads)
    step.why = f"{why}; {flops / 1e6:.3g} MFLOP a step"
    return step
