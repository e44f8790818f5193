"""θ ← θ − step(∇): an optimizer acts on two flat vectors, in place and block by block. It never sees a network.

What changes from step to step is data: `hp`, one small vector on the device, holds the learning rate and its like, and
running numbers such as Adam's β1ᵗ. The update rules get 0-d views of it, so that a captured graph sees every change.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from ..backends import backend_of
from ..nn.ops import table
from .checks import check_twins, checked_number

IDENTITY = dict.fromkeys(("mu", "rho", "beta1", "beta2", "eps", "eps_t", "scale"), 1.0)  # the others stand still at 0


def hyper(name: str) -> property:
    """A number of the update rule. Reading gives it back as a Python float; assigning is optimizer.set(...)."""
    return property(lambda self: self.settings.get(name), lambda self, value: self.set(**{name: value}))


class Optimizer:
    """What all update rules share: the vectors, cut into blocks; the numbers; clipping and weight decay.

    theta, grad  flat vectors (N,) of one backend and dtype
    decay        λ: the L2 penalty ½ λ Σ θ² joins the loss, so ∇ ← ∇ + λ θ (AdamW instead shrinks θ itself)
    mask         (N,) of 0 and 1: which parameters decay; without it all do
    clip         the whole gradient's length never exceeds this: ∇ ← ∇ min(1, clip / ‖∇‖)   (Pascanu et al. 2013),
                 before decay joins in
    states       name -> vector like θ that the rule remembers (v, m ...)
    blocks       (θ, ∇, mask, what the rule takes, where it writes), in pieces of backend.chunk numbers: on the
                 host each stays in a level-2 cache

    Clipping and decay change ∇ in place: after a step, grad holds what the rule used.
    """

    op: str  # the operation that is the update rule,
    vectors: tuple[str, ...] = ()  # the names of its states,
    uses: tuple[str, ...] = ("lr",)  # and of its numbers, in its order
    running: dict[str, float] = {}  # numbers that the rule moves itself, and their start
    amount = "decay"  # the number that says how much decays
    lr, decay, clip = hyper("lr"), hyper("decay"), hyper("clip")

    def __init__(self, theta: Any, grad: Any, numbers: dict[str, float], *, decay: float | None = None,
                 mask: Any = None, clip: float | None = None):  # fmt: skip
        check_twins(theta, grad)
        self.backend, self.theta, self.grad = backend_of(theta), theta, grad
        self.ops = table(self.backend, theta.dtype)
        self.states = self.backend.vectors(self.vectors, theta.size, theta.dtype)
        options = {"decay": decay, "clip": clip}
        self.settings = numbers | {name: value for name, value in options.items() if value is not None}
        self.clips, self.decays = clip is not None, decay is not None
        self.mask, self.ok, self.copy = self._checked_mask(mask), None, None
        self._make_numbers()
        self.blocks = list(self._cut(min(self.backend.chunk, theta.size)))
        self.tmp = self.backend.empty(self.blocks[0][0].shape, theta.dtype)
        self.set(**self.settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value:g}' for name, value in self.settings.items())})"

    # ---- making
    def _make_numbers(self) -> None:
        """hp: what is true after the last good step. live: what the rule of this step gets; on the host, the same."""
        start, array = dict.fromkeys(self.settings, 0.0) | self.running | {"scale": 1.0}, self.backend.xp.array
        self.hp = array([*start.values()], self.theta.dtype)
        self.identity = array([IDENTITY.get(name, 0.0) for name in start], self.theta.dtype)
        self.live = self.hp if self.backend.host else self.hp.copy()
        self.place = {name: i for i, name in enumerate(start)}
        self.numbers = SimpleNamespace(**{name: self.live[i : i + 1].reshape(()) for name, i in self.place.items()})

    def _cut(self, size: int) -> Iterator[tuple]:
        numbers = [getattr(self.numbers, name) for name in self.uses]
        for start in range(0, self.theta.size, size):
            theta, grad, *states = (v[start : start + size] for v in (self.theta, self.grad, *self.states.values()))
            places = {"new": theta} | {f"new_{name}": v for name, v in zip(self.states, states)}
            mask, copy = (None if v is None else v[start : start + size] for v in (self.mask, self.copy))
            yield theta, grad, mask, (theta, grad, *states, *numbers), places, copy

    def keep_copy(self, dtype: str) -> Any:
        """From now on each step also writes θ into `copy`, a vector like it of this dtype, for products in 16 bits."""
        if self.copy is None:
            self.copy = self.theta.astype(dtype)
            self.blocks = list(self._cut(self.tmp.size))
        if self.copy.dtype != dtype:
            raise ValueError(f"the optimizer keeps a copy of θ in {self.copy.dtype}: make another one for {dtype}")
        return self.copy

    def refresh(self) -> None:
        """Somebody else has written into θ: so the copy of it, if one is kept, is to be made anew."""
        if self.copy is not None:
            self.copy[...] = self.theta

    def _checked_mask(self, mask: Any) -> Any:
        if mask is None:
            return None
        if "decay" not in self.settings:
            raise ValueError("mask= says which parameters decay: give decay= too")
        if mask.shape != self.theta.shape:
            raise ValueError(f"mask expects the shape of theta, {self.theta.shape}, got {mask.shape}")
        return self.backend.asarray(mask, self.theta.dtype)

    # ---- numbers
    def set(self, **hyper: float) -> None:
        """New learning rate, momentum ...: optimizer.set(lr=0.01). A captured graph sees it at its next replay."""
        for name in hyper.keys() - self.settings.keys():
            raise ValueError(f"{self!r} has no {name!r} to set: it was made with {', '.join(self.settings)}")
        checked = {name: checked_number(name, value) for name, value in hyper.items()}
        for name, value in checked.items():
            self.hp[self.place[name]] = self.settings[name] = value

    @property
    def nbytes(self) -> int:
        """Bytes that the rule holds besides θ and ∇."""
        return sum(v.nbytes for v in (*self.states.values(), self.tmp, self.hp, self.mask, self.copy) if v is not None)

    def state(self) -> dict[str, Any]:
        """Everything that the next steps depend on, besides θ: what a checkpoint keeps beside `settings`."""
        return {"hp": self.hp, **self.states}

    def load_state(self, arrays: dict[str, Any], settings: dict[str, float]) -> None:
        """Go on from a state() and the settings that belonged to it."""
        for name, mine in self.state().items():
            mine[...] = self.backend.asarray(arrays[name], mine.dtype)
        self.settings.update(settings)
        self.refresh()

    # ---- one step
    def step(self, ok: Any = None) -> None:
        """θ ← θ − step(∇). `ok` () bool: where it is false, only ∇ may change (on a device: without waiting for it)."""
        if ok is not None and self.backend.host and not ok:
            return
        self.advance(ok)
        self.update(self.blocks, self.tmp)

    def advance(self, ok: Any = None) -> None:
        """The numbers of the next step: running ones move on, the clipping scale is measured on the whole of `grad`.

        With `ok` false on a device, the rule gets numbers that make it the identity, and a gradient of zero: both,
        because a gradient of NaN times a learning rate of zero is NaN. Nobody waits to learn which it was.
        """
        if self.backend.host:
            return self.turn()
        self.ok = ok
        if self.at_once("advance"):
            squares = self.squares() if self.clips else None
            if self.ops.advance(self.hp, self.live, self.identity, ok, squares, self.place) is not NotImplemented:
                return
        xp = self.backend.xp
        self.live[...] = self.hp
        self.turn()
        self.hp[...] = self.live if ok is None else xp.where(ok, self.live, self.hp)
        if ok is not None:
            self.live[...] = xp.where(ok, self.live, self.identity)

    def at_once(self, joined: str) -> bool:
        """Does the backend do in one launch what these lines do in several? Not where a learner's own rule runs."""
        return joined in self.ops.fused and not {self.op, "weight_decay", "sum_of_squares"} & self.ops.own

    def turn(self) -> None:
        """Move the running numbers on, in place."""
        if self.clips:
            xp, n = self.backend.xp, self.numbers
            xp.divide(n.clip, xp.maximum(xp.sqrt(self.squares()), n.clip), out=n.scale)  # never divides by zero

    def squares(self) -> Any:
        """‖∇‖²"""
        one, *more = (self.ops.sum_of_squares(grad, tmp=self.tmp[: grad.size]) for _, grad, *_ in self.blocks)
        return sum(more, one)

    def update(self, blocks: list, tmp: Any) -> None:
        """The rule on some of the blocks, after `advance`. Threads may share them out, each with a tmp of its own."""
        rule, joined = getattr(self.ops, self.op), f"prepared_{self.op}"
        for theta, grad, mask, inputs, places, copy in blocks:
            places["tmp"] = piece = tmp if theta.size == tmp.size else tmp[: theta.size]
            if self.at_once(joined) and self.prepared(joined, mask, inputs, places, copy) is not NotImplemented:
                continue
            if self.ok is not None:
                self.backend.xp.copyto(grad, 0.0, where=~self.ok)
            if self.clips:
                grad *= self.numbers.scale
            if self.decays:
                inputs = self.decayed(inputs, mask, piece)
            rule(*inputs, **places)
            if copy is not None:
                copy[...] = theta

    def prepared(self, joined: str, mask: Any, inputs: tuple, places: dict[str, Any], copy: Any) -> Any:
        """The rule, with all that happens to ∇ before it, in one launch."""
        scale = self.numbers.scale if self.clips else None
        decay = getattr(self.numbers, self.amount) if self.decays else None
        return getattr(self.ops, joined)(*inputs, ok=self.ok, scale=scale, decay=decay, mask=mask, copy=copy, **places)

    def decayed(self, inputs: tuple, mask: Any, tmp: Any) -> tuple:
        """What the rule takes, after ∇ ← ∇ + λ θ."""
        (theta, grad, *_), amount = inputs, self.where_masked(self.numbers.decay, mask, tmp)
        self.ops.weight_decay(theta, grad, amount, new_grad=grad, tmp=tmp)
        return inputs

    def where_masked(self, amount: Any, mask: Any, tmp: Any) -> Any:
        """The amount of decay: one number, or a vector (in tmp) that is zero where the mask is."""
        return amount if mask is None else self.backend.xp.multiply(mask, amount, out=tmp)


class SGD(Optimizer):
    """θ ← θ − η ∇      stochastic gradient descent (Robbins & Monro 1951; η shrinks only by a schedule)"""

    op = "sgd"

    def __init__(self, theta: Any, grad: Any, *, lr: float, **options: Any):
        super().__init__(theta, grad, dict(lr=lr), **options)


class Momentum(Optimizer):
    """v ← μ v + ∇   θ ← θ − η v      the heavy ball (Polyak 1964)

    Deviation: Polyak, and Sutskever et al. 2013, put η into v (v ← μ v − η ∇). With a constant η both are the same;
    here, as in PyTorch, a new η acts on all of v at once. μ = 0.9 is the usual choice, not one of the paper.
    """

    op, vectors, uses, mu = "momentum", ("v",), ("lr", "mu"), hyper("mu")

    def __init__(self, theta: Any, grad: Any, *, lr: float, mu: float = 0.9, **options: Any):
        super().__init__(theta, grad, dict(lr=lr, mu=mu), **options)


class Nesterov(Momentum):
    """v ← μ v + ∇   θ ← θ − η (∇ + μ v)      look ahead before you lean (Nesterov 1983; Sutskever et al. 2013, eq. 3-4)

    Deviation: the paper keeps θ and takes the gradient at θ + μ v; here, as in PyTorch, θ is already the point ahead.
    η stands outside v, as in Momentum.
    """

    op = "nesterov"


class RMSProp(Optimizer):
    """v ← ρ v + (1−ρ) ∇²   θ ← θ − η ∇ / (√v + ε)      (Tieleman & Hinton 2012, lecture 6e: ρ = 0.9)

    Deviation: the lecture has no ε; outside the root, it keeps a gradient that was always zero from dividing 0 by 0.
    The lecture names no η: 0.001 is the usual choice.
    """

    op, vectors, uses = "rmsprop", ("v",), ("lr", "rho", "eps")
    rho, eps = hyper("rho"), hyper("eps")

    def __init__(self, theta: Any, grad: Any, *, lr: float = 1e-3, rho: float = 0.9, eps: float = 1e-8, **options: Any):
        super().__init__(theta, grad, dict(lr=lr, rho=rho, eps=eps), **options)


class Adam(Optimizer):
    """m ← β1 m + (1−β1) ∇   v ← β2 v + (1−β2) ∇²   θ ← θ − η m̂ / (√v̂ + ε)      (Kingma & Ba 2015, algorithm 1)

    m̂ = m / (1−β1ᵗ), v̂ = v / (1−β2ᵗ); defaults as in the paper. No deviation: the corrections are multiplied out into
    two numbers, step = η √(1−β2ᵗ) / (1−β1ᵗ) and eps_t = ε √(1−β2ᵗ). decay= is the L2 penalty, which Adam's division
    weakens where gradients are large: see AdamW.
    """

    op, vectors, uses = "adam", ("m", "v"), ("step", "beta1", "beta2", "eps_t")
    running = {"power1": 1.0, "power2": 1.0, "step": 0.0, "eps_t": 1.0}  # power1 = β1ᵗ
    beta1, beta2, eps = hyper("beta1"), hyper("beta2"), hyper("eps")

    def __init__(self, theta: Any, grad: Any, *, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
                 eps: float = 1e-8, **options: Any):  # fmt: skip
        super().__init__(theta, grad, dict(lr=lr, beta1=beta1, beta2=beta2, eps=eps), **options)

    def turn(self):
        super().turn()
        xp, n = self.backend.xp, self.numbers  # [()]: from an array without axes NumPy makes a number, which is cheaper
        xp.multiply(n.power1[()], n.beta1, n.power1)
        xp.multiply(n.power2[()], n.beta2, n.power2)
        root = xp.sqrt(1 - n.power2[()])
        xp.divide(n.lr[()] * root, 1 - n.power1[()], n.step)
        xp.multiply(root, n.eps, n.eps_t)


class AdamW(Adam):
    """θ ← θ − η λ θ, then θ, m, v as in Adam      decay apart from the gradient (Loshchilov & Hutter 2019, algorithm 2)

    Deviation: the paper multiplies λ by its schedule only, not by η; here, as in PyTorch, by both. λ = 0.01 is
    PyTorch's choice; the paper tunes it for each problem.
    """

    op, running, amount = "adamw", Adam.running | {"shrink": 0.0}, "shrink"  # shrink = η λ

    def __init__(self, theta: Any, grad: Any, *, decay: float = 0.01, **options: Any):
        super().__init__(theta, grad, decay=decay, **options)

    def turn(self):
        super().turn()
        self.backend.xp.multiply(self.numbers.lr, self.numbers.decay, out=self.numbers.shrink)

    def decayed(self, inputs, mask, tmp):
        return *inputs, self.where_masked(self.numbers.shrink, mask, tmp)
