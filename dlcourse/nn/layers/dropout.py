"""Noise that keeps units from relying on each other (Srivastava et al. 2014)."""

from typing import Any

from .base import Layer


class Dropout(Layer):
    """y = x · mask / (1 − rate) while training, y = x otherwise; mask 0 with probability rate      x, y (B,...)

    The mask is a pure function of (key, layer, step, global row, column): the same on every backend and for any
    split of the batch. A Step moves the network's counter on after each update; by hand: `net.counter += 1`.
    """

    op, shown = "dropout", ("rate",)
    key, row, counter = 0, 0, None  # the network's key; number of this part's first row in the whole batch
    mask: Any = None

    def __init__(self, rate: float):
        if not 0 <= rate < 1:
            raise ValueError(f"Dropout's rate lies in [0, 1), got {rate}")
        self.rate = rate

    def memory(self, x: tuple) -> dict[str, tuple[tuple, str]]:
        return {"mask": (x, "bool")}

    def forward(self, x: Any, train: bool = False) -> Any:
        self.active = train and self.rate > 0
        if not self.active:
            return x
        where = dict(y=self.y, mask=self.mask)
        y, self.drawn = self.ops.dropout(x, self.rate, self.key, self.number, self.counter, self.row, **where)
        return y

    def backward(self, dy: Any) -> Any:
        return self.ops.dropout_backward(dy, self.drawn, self.rate, dx=self.dx) if self.active else dy
