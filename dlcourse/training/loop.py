"""Training: forward, loss, backward, update, repeated over batches and epochs, and nothing else. Hooks do the rest."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..backends import NUMPY, afford, explained, peek, to_host
from ..nn.functional.losses import check_labels
from ..nn.losses import SoftmaxCrossEntropy
from .failure import NonFiniteLoss
from .steps import choose_step
from .verdict import Verdict, chance_loss, floor_loss, verdict

EVENTS = ("on_start", "on_resume", "before_batch", "on_batch", "on_epoch", "on_end")


@dataclass
class History:
    """What a run left behind. Two runs that did the same are equal, however long they took.

    losses        mean loss of each epoch, over its examples
    batch_losses  loss of every batch, in order
    metrics       name -> one value per epoch, from Validate and its like
    updates       batches done
    ended         "finished", "stopped: reason", "interrupted" or "failed" (an error)
    verdict       what the losses say (see verdict.py)
    seconds       wall clock of each epoch: kept apart, since no two runs agree on it
    """

    losses: list[float] = field(default_factory=list)
    batch_losses: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    updates: int = 0
    ended: str = ""
    verdict: Verdict | None = None
    seconds: list[float] = field(default_factory=list, compare=False)

    def __repr__(self) -> str:
        last = [("loss", self.losses), *self.metrics.items()]
        values = "".join(f", {name} {v[-1]:.4g}" for name, v in last if v)
        done = f"{len(self.losses)} epoch{'s' * (len(self.losses) != 1)}, {self.updates:,} updates{values}"
        return f"<{done}; {self.ended or 'running'}; {self.verdict or 'no verdict before the first epoch ends'}>"


class Run:
    """One call of fit, as its hooks see it.

    net, loss, optimizer, batches, step, hooks, epochs    what fit was given
    epoch, batch    where the run is: epochs done, and batches done of the epoch under way
    history         what it has produced so far
    last_loss       of the last batch (on a GPU: a device scalar, which the next step may overwrite)
    stop(reason)    end after this epoch
    interrupted     the interrupt key was pressed
    torn            it broke into a batch: the weights may be between two updates
    """

    def __init__(self, net: Any, loss: Any, optimizer: Any, batches: Any, epochs: int, step: Any, hooks: list):
        self.net, self.loss, self.optimizer, self.batches = net, loss, optimizer, batches
        self.epochs, self.step, self.hooks = epochs, step, hooks
        self.epoch = self.batch = 0
        self.history, self.last_loss = History(ended="failed"), None
        self.stopped, self.interrupted, self.torn, self.host = "", False, False, net.backend.host
        self.values = net.backend.zeros((len(batches),), "float64")  # this epoch's losses, where they arise
        self.listeners = {event: [getattr(h, event) for h in hooks if hasattr(h, event)] for event in EVENTS}
        self.listeners["on_epoch"] += [h for h in hooks if callable(h)]
        self.listeners["on_end"].reverse()

    def stop(self, reason: str) -> None:
        self.stopped = self.stopped or reason

    def tell(self, event: str) -> None:
        for listen in self.listeners[event]:
            listen(self)


def fit(net: Any, loss: Any, optimizer: Any, batches: Any, *, epochs: int, step: Callable | None = None,
        hooks: Iterable = ()) -> History:  # fmt: skip
    """Train: for every batch of every epoch, θ ← θ − step(∇ loss(net(x), t)).

    step   how a batch becomes an update; without it, choose_step takes one by a fixed rule from the shapes
    hooks  ProgressBar, Validate, EarlyStop, KeepBest, Checkpoint, Schedule, or your own (hooks.py says how)

    Returns the History. A loss that is not finite raises NonFiniteLoss, one sentence that names the update, the layer
    and the likely cause. The interrupt key ends the run between two batches: history and weights so far stay.
    On a GPU the losses stay there until the epoch ends: one wait per epoch, and one at the start, to see the targets.
    """
    check_arguments(net, loss, optimizer, batches, epochs)
    x = peek(batches)
    outputs, x = net.check(x)[-1], x.shape  # its memory may be needed
    step = afford(step or choose_step(net, loss, optimizer, x), x, batches)
    if not callable(step) or (getattr(step, "net", net), getattr(step, "optimizer", optimizer)) != (net, optimizer):
        raise TypeError("step must be one of this network and optimizer, as SerialStep(net, loss, optimizer) makes it")
    run = Run(net, loss, optimizer, batches, epochs, step, in_order(hooks))
    run.chance, run.floor = chance(loss, getattr(batches, "t", None), outputs), floor_loss(loss, outputs)
    run.tell("on_start")
    run.tell("on_resume")
    try:
        # what overflows, NonFiniteLoss explains
        with Interruptible(run), explained(step, x, batches), np.errstate(all="ignore"):
            while run.epoch < epochs and not run.stopped and not run.interrupted:
                one_epoch(run)
        done = f"stopped: {run.stopped}" if run.stopped else "finished"
        run.history.ended = "interrupted" if run.interrupted else done
    except KeyboardInterrupt:
        run.interrupted, run.torn, run.history.ended = True, True, "interrupted"
    finally:
        finish(run)
    return run.history


def one_epoch(run: Run) -> None:
    """The batches of one epoch that are still to do, then the sums."""
    start = time.perf_counter()
    run.optimizer.refresh()  # a hook may have written into θ
    for x, t in run.batches.epoch(run.epoch, run.batch):
        one_batch(run, x, t)
        if run.interrupted:
            return
    values = to_host(run.values)
    check_finite(run, values)
    run.history.batch_losses += values.tolist()
    sizes = np.minimum(run.batches.size, run.batches.n - run.batches.size * np.arange(len(values)))
    run.history.losses.append(float(np.average(values, weights=sizes)))  # the last batch may be short
    run.history.seconds.append(time.perf_counter() - start)
    run.values[...] = 0
    run.epoch, run.batch = run.epoch + 1, 0
    run.tell("on_epoch")


def one_batch(run: Run, x: Any, t: Any) -> None:
    """One update, with the hooks before and after it."""
    run.tell("before_batch")
    run.last_loss = value = run.step(x, t)
    run.values[run.batch] = value
    if run.host and not math.isfinite(value):
        check_finite(run, run.values)
    run.batch += 1
    run.history.updates += 1
    run.tell("on_batch")


def check_finite(run: Run, values: np.ndarray) -> None:
    """Raise the sentence for the first loss that is not finite, if there is one."""
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        run.batch = int(bad[0])
        raise NonFiniteLoss(run, float(values[run.batch]), run.history.batch_losses + values[: run.batch].tolist())


def finish(run: Run) -> None:
    """The verdict on the epochs done, the hooks' last word, and the losses of an epoch that was not ended."""
    values = to_host(run.values)
    if losses := run.history.losses + values[~np.isfinite(values)][:1].tolist():
        first = (run.history.batch_losses or values.tolist())[0]
        run.history.verdict = verdict(
            losses, chance=run.chance, floor=run.floor, start=first if math.isfinite(first) else math.inf
        )
    run.tell("on_end")
    run.history.batch_losses += values[: run.batch].tolist()
    if run.interrupted:
        where = f"after {run.epoch} whole epochs and {run.batch} batches"
        print(f"Interrupted {where}: the history and the weights so far are kept.")


def chance(loss: Any, t: Any, outputs: int) -> float | None:
    """The loss of chance, after a look at the labels, which a device's steps do not take: they would have to wait."""
    if t is None:
        return None
    t = to_host(t)
    if type(loss) is SoftmaxCrossEntropy and t.ndim == 1:
        check_labels(NUMPY, t, outputs)
    return chance_loss(loss, t, outputs)


class Interruptible:
    """Inside `with`, the interrupt key asks the run to end after the batch under way; a second time it breaks in."""

    def __init__(self, run: Run):
        self.run, self.main = run, threading.current_thread() is threading.main_thread()

    def __enter__(self) -> None:
        if self.main:
            self.before = signal.signal(signal.SIGINT, self.ask)

    def ask(self, *_: Any) -> None:
        self.run.interrupted = True
        signal.signal(signal.SIGINT, self.before)

    def __exit__(self, *_: Any) -> None:
        if self.main:
            signal.signal(signal.SIGINT, self.before)


# ---- checks


WANTED = {
    "net": ("layers forward backward check", "a Network(...)"),
    "loss": ("forward backward total", "a loss such as SoftmaxCrossEntropy()"),
    "optimizer": ("theta grad step state", "an optimizer such as SGD(net.theta, net.grad, lr=0.1)"),
    "batches": ("epoch n size __len__", "Batches(x, t, size)"),
}


def check_arguments(net: Any, loss: Any, optimizer: Any, batches: Any, epochs: int) -> None:
    """Raise one sentence for epochs that cannot be counted and for what stands in another's place."""
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 1:
        raise ValueError(f"epochs says how often to go through the data, a whole number from 1 on, got {epochs!r}")
    for (name, (has, example)), value in zip(WANTED.items(), (net, loss, optimizer, batches)):
        if isinstance(value, type):
            raise TypeError(f"{name} must be {example}, got the class {value.__name__}: call it, {value.__name__}(...)")
        if not all(hasattr(value, attribute) for attribute in has.split()):
            raise TypeError(f"{name} must be {example}, got {type(value).__name__}")


def in_order(hooks: Iterable) -> list:
    """The hooks by their `order` (0 where they have none); anything that cannot be a hook is refused here."""
    hooks = list(hooks)
    for hook in hooks:
        events = [name for name in dir(hook) if name.startswith(("on_", "before_"))]
        if isinstance(hook, type):
            raise TypeError(f"the hook {hook.__name__} is a class: call it, {hook.__name__}(...)")
        if not set(events) <= set(EVENTS) or not (events or callable(hook)):
            raise TypeError(f"{type(hook).__name__} is no hook: it has {events}, fit calls {', '.join(EVENTS)}")
    return sorted(hooks, key=lambda hook: getattr(hook, "order", 0))
