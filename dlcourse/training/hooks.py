"""What may look on, or step in, while fit trains.

A hook is any object with one or more of these methods; each gets the Run (loop.py says what it holds):

    on_start(run)      before anything: forget what an earlier run left behind
    on_resume(run)     then: a Checkpoint fills in what its file holds
    before_batch(run)  before each update
    on_batch(run)      after each update: run.last_loss
    on_epoch(run)      after each epoch: run.history.losses[-1]; run.stop("reason") ends the training
    on_end(run)        at the end, also after an error or an interruption: run.history.ended; in reverse order

A plain function f(run) is called after each epoch. Hooks are called in the order of the list, but first by their
`order`: Validate (-1) before the others (0), Checkpoint (1) after them. A hook with something to remember over a
restart has state() -> {name: JSON value or array} and load_state(state).
"""

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..backends import backend_of
from . import checkpoints
from .verdict import PATIENCE, TOLERANCE, check_rule, settled


def accuracy(y: Any, t: Any) -> float:
    """The share of examples whose largest output is the right one      y (B,K)  t (B,) class numbers or (B,K)

    With one output, y (B,1) is a logit: above 0 means class 1.
    """
    if y.ndim != 2:
        raise ValueError(f"accuracy takes the outputs, a row of them for each example (B,K), got shape {y.shape}")
    if len(y) != len(t):
        raise ValueError(f"accuracy needs one label for each row of outputs, got {len(y)} rows and {len(t)} labels")
    xp = backend_of(y).xp
    guess = (y[:, 0] > 0) if y.shape[1] == 1 else xp.argmax(y, axis=1)
    right = t if t.ndim == 1 else t[:, 0] if t.shape[1] == 1 else xp.argmax(t, axis=1)
    return float((guess == right).mean())


def curve_of(history: Any, name: str) -> list[float]:
    """One value per epoch: the "loss", or a metric that Validate keeps."""
    if name == "loss":
        return history.losses
    if name not in history.metrics:
        known = ", ".join(["loss", *history.metrics])
        raise KeyError(f"there is no {name!r} to watch, only {known}: add Validate(x, t)")
    return history.metrics[name]


class Validate:
    """After each epoch: history.metrics[name] gets metric(net.predict(x), t), on examples that do not train.

    metric  a function (y, t) -> number: accuracy, or your own
    """

    order = -1

    def __init__(self, x: Any, t: Any, *, metric: Callable[[Any, Any], float] = accuracy, name: str = "val"):
        if len(x) != len(t) or not len(x):
            raise ValueError(f"Validate needs as many targets as examples, at least one, got {len(t)} and {len(x)}")
        self.x, self.t, self.metric, self.name = x, t, metric, name

    def on_epoch(self, run: Any) -> None:
        value = float(self.metric(run.net.predict(self.x), self.t))
        run.history.metrics.setdefault(self.name, []).append(value)


class EarlyStop:
    """End when the watched value has not improved by more than tolerance (relative) for patience epochs.

    The rule is the verdict's "converged" (verdict.py). monitor: "loss", or a metric's name; better: min for what
    should fall, max for what should rise, such as an accuracy.
    """

    def __init__(self, patience: int = PATIENCE, tolerance: float = TOLERANCE, monitor: str = "loss", *,
                 better: Callable = min):  # fmt: skip
        check_rule(patience, tolerance)
        self.patience, self.tolerance, self.monitor, self.sign = patience, tolerance, monitor, sign_of(better)

    def on_epoch(self, run: Any) -> None:
        curve = [self.sign * value for value in curve_of(run.history, self.monitor)]
        if settled(curve, self.patience, self.tolerance):
            run.stop(f"{self.monitor} has not improved by more than {self.tolerance:.1%} for {self.patience} epochs")


class KeepBest:
    """Remember the network of the best epoch, and put it back at the end.

    monitor: a metric's name, or "loss"; better: max for what should rise, min for what should fall. The first of
    equals is kept. After an error or an interruption the weights stay as they are; restore(net) puts the best back.
    """

    def __init__(self, monitor: str = "val", *, better: Callable = max):
        self.monitor, self.sign = monitor, sign_of(better)
        self.on_start()

    def on_start(self, run: Any = None) -> None:
        self.best, self.epoch, self.arrays = None, None, {}

    def on_epoch(self, run: Any) -> None:
        value = curve_of(run.history, self.monitor)[-1]
        if self.best is None or math.isnan(self.best) or self.sign * value < self.sign * self.best:
            self.best, self.epoch = value, run.epoch
            self.arrays = {name: a.copy() for name, a in checkpoints.network_arrays(run.net).items()}

    def restore(self, net: Any) -> None:
        """The best network's parameters and buffers, copied into this network."""
        checkpoints.fill(checkpoints.network_arrays(net), self.arrays)

    def on_end(self, run: Any) -> None:
        if self.arrays and run.history.ended.startswith(("finished", "stopped")):
            self.restore(run.net)

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "epoch": self.epoch, **self.arrays}

    def load_state(self, state: dict[str, Any]) -> None:
        self.best, self.epoch = state.pop("best"), state.pop("epoch")
        self.arrays = state


class Checkpoint:
    """Write the whole run to one file, every so many epochs or batches; go on from that file if it is there.

        fit(net, loss, optimizer, batches, epochs=20, hooks=[Checkpoint("run.safetensors")])

    Killed at any moment and started again, the same line gives the same weights, bit for bit, as a run that was not
    disturbed. The learning rate and its like come from the file. A file of another network, optimizer or data is
    refused in one sentence; delete it to begin anew. The file is replaced whole: a reader sees the old one or the new.
    """

    order = 1

    def __init__(self, path: str | Path, *, every: int = 1, unit: str = "epochs"):
        if not isinstance(every, int) or every < 1 or unit not in ("epochs", "batches"):
            raise ValueError(f'every= is a whole number of unit="epochs" or "batches", got {every} {unit!r}')
        self.path, self.every, self.unit = Path(path), every, unit

    def on_resume(self, run: Any) -> None:
        self.written = None
        if self.path.exists():
            checkpoints.load(self.path, run)
            self.written = run.history.updates, run.epoch

    def on_batch(self, run: Any) -> None:
        if self.unit == "batches" and run.history.updates % self.every == 0:
            self.write(run)

    def on_epoch(self, run: Any) -> None:
        if self.unit == "epochs" and run.epoch % self.every == 0:
            self.write(run)

    def on_end(self, run: Any) -> None:
        """The last state too, unless the run ended in the middle of an update."""
        if run.history.ended != "failed" and not run.torn:
            self.write(run)

    def write(self, run: Any) -> None:
        now = run.history.updates, run.epoch
        if now != self.written:
            checkpoints.save(self.path, run)
            self.written = now


class ProgressBar:
    """A line of text with the time to go and the loss. Quiet where nobody watches: not a terminal, not a notebook."""

    def __init__(self, *, quiet: bool | None = None):
        self.quiet, self.bar = (not watched() if quiet is None else quiet), None

    def on_batch(self, run: Any) -> None:
        if self.quiet:
            return
        if self.bar is None:
            self.open(run)
        self.bar.update()
        if run.host and time.monotonic() > self.next:
            self.label(run, run.last_loss)

    def open(self, run: Any) -> None:
        from tqdm import tqdm

        total, done = run.epochs * len(run.batches), run.history.updates - 1
        self.bar = tqdm(total=total, initial=done, file=sys.stdout, unit="batch", dynamic_ncols=True)
        self.label(run, run.last_loss if run.host else None)

    def label(self, run: Any, loss: float | None) -> None:
        self.next = time.monotonic() + 0.1
        self.bar.set_description(f"epoch {min(run.epoch + 1, run.epochs)}/{run.epochs}", refresh=False)
        if loss is not None:
            self.bar.set_postfix_str(f"loss {float(loss):.4g}", refresh=False)

    def on_epoch(self, run: Any) -> None:
        if self.bar is not None:
            self.label(run, run.history.losses[-1])

    def on_end(self, run: Any) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def watched() -> bool:
    """True on a terminal and in a notebook."""
    return sys.stdout.isatty() or "ipykernel" in type(sys.stdout).__module__


def sign_of(better: Callable) -> int:
    """+1 for what should fall, -1 for what should rise."""
    if better not in (min, max):
        raise ValueError(f"better= is min for what should fall or max for what should rise, got {better!r}")
    return 1 if better is min else -1
