"""The life of one weight over thousands of updates: scrub back to one of them, go on from there with another rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..live import LivePlot, panel

INK, BLUE, VERMILION, GREY, PALE, FAINT = "#222", "#0072B2", "#D55E00", "#8a8a8a", "#d9d9d9", "#6b6b6b"
LEFT, WIDE = 70, 560  # the frame of both curves, in pixels
ROWS = ((84, 150, "weight"), (266, 96, "loss"))  # top, height, name
EVERY, POINTS, WINDOW = 50, 280, 50  # a place to scrub back to; points of a curve; batches that a loss is a mean of
RATES = (0.005, 0.015, 0.05, 0.15, 0.5, 1.0, 1.5)


class Life:
    """A small network that learns to read digits, and one of its weights after each update.

    run(k, lr) -> weights (N+1,), losses (N,): as in the first run up to update k, from there on with rate lr
    The weight is the one that moves most in the last fifth of the first run.
    """

    def __init__(self, x: Any, t: Any, *, updates: int = 3000, hidden: int = 8, lr: float = 0.5, size: int = 32,
                 seed: int = 0):  # fmt: skip
        self.x, self.t = np.asarray(x, float), np.asarray(t)
        self.updates, self.lr = updates, lr
        self.rows = [rows for _, rows in zip(range(updates), dealt(len(self.x), size, np.random.default_rng(seed)))]
        self.true = [(np.arange(len(rows)), self.t[rows]) for rows in self.rows]
        rng, sizes = np.random.default_rng(seed), (self.x.shape[1], hidden, int(self.t.max()) + 1)
        theta = []
        for n, m in zip(sizes, sizes[1:]):
            theta.append(np.vstack([rng.normal(size=(n, m)) * np.sqrt(2 / n), np.zeros(m)]))  # below: the biases
        self.with_one, self.hidden = np.column_stack([self.x, np.ones(len(self.x))]), np.ones((size, hidden + 1))
        self.places, right, weights = {}, np.ones((updates, size)), theta[0][:-1]
        trace = np.zeros((updates + 1, *weights.shape))
        for n in range(updates):
            trace[n] = weights
            if n % EVERY == 0:
                self.places[n] = [a.copy() for a in theta]
            self.update(theta, n, lr, right[n])
        trace[-1] = weights
        self.losses, trace = self.mean_loss(right, 0), trace.reshape(updates + 1, -1)
        self.which = int(np.ptp(trace[-updates // 5 :], axis=0).argmax())
        self.weights, self.known = trace[:, self.which].copy(), {}

    def update(self, theta: list, n: int, lr: float, right: np.ndarray) -> None:
        """Forward, backward, one step in place, with batch n; right: gets the probabilities of the true classes.

        The last input and the last hidden value are 1, so that biases are weights: fewer operations, a quicker slider.
        """
        (W1, W2), rows, true = theta, self.rows[n], self.true[n]
        x, a = self.with_one.take(rows, 0), self.hidden[: len(rows)]
        z = x @ W1
        open_gates = z > 0
        np.multiply(z, open_gates, out=a[:, :-1])
        p = a @ W2
        p -= np.maximum.reduce(p, 1, keepdims=True)
        np.exp(p, out=p)
        p /= np.add.reduce(p, 1, keepdims=True)
        right[: len(rows)] = given = p[true]
        p[true] = given - 1
        p *= lr / len(rows)
        da = p @ W2[:-1].T
        da *= open_gates
        W2 -= a.T @ p
        W1 -= x.T @ da

    def mean_loss(self, right: np.ndarray, k: int) -> np.ndarray:
        """The mean loss of each batch from k on; right (N−k,size): the probabilities of the true classes, 1 where a
        batch has no more examples"""
        return -np.log(np.maximum(right, 1e-12)).sum(axis=1) / [len(rows) for rows in self.rows[k:]]

    def run(self, k: int, lr: float) -> tuple[np.ndarray, np.ndarray]:
        """The weight (N+1,) and the loss of each batch (N,), with rate lr from update k on."""
        if k not in self.places:
            raise ValueError(f"one can go back to update 0, {EVERY}, {2 * EVERY} ... {max(self.places)}, got {k}")
        if lr == self.lr:
            return self.weights, self.losses
        if (k, lr) not in self.known:
            theta, weights, losses = [a.copy() for a in self.places[k]], self.weights.copy(), self.losses.copy()
            right, (row, column) = np.ones((self.updates - k, len(self.hidden))), divmod(self.which, len(theta[0][0]))
            for n in range(k, self.updates):
                self.update(theta, n, lr, right[n - k])
                weights[n + 1] = theta[0][row, column]
            losses[k:] = self.mean_loss(right, k)
            self.known[k, lr] = weights, losses
        return self.known[k, lr]


def dealt(n: int, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Batches of row numbers without end, each epoch in a new order."""
    while True:
        order = rng.permutation(n)
        yield from (order[a : a + size] for a in range(0, n, size))


def tail(values: np.ndarray) -> np.ndarray:
    """The last fifth of a run."""
    return values[-len(values) // 5 :]


def smooth(losses: np.ndarray) -> np.ndarray:
    """At each update, the mean loss of up to WINDOW batches that end there."""
    total = np.concatenate([[0], np.cumsum(losses)])
    ends = np.arange(1, len(losses) + 1)
    first = np.maximum(ends - WINDOW, 0)
    return (total[ends] - total[first]) / (ends - first)


def frame(life: Life, k: int, lr: float) -> tuple[str, str]:
    """(svg, alt) of the weight and the loss; from update k on with learning rate lr, and as it was."""
    weights, losses = life.run(k, lr)
    same = lr == life.lr
    pairs = (life.weights, weights), (smooth(life.losses), smooth(losses))
    says = f"rate {life.lr:g} all the way" if same else f"rate {life.lr:g} up to update {k:,}, then {lr:g}"
    ends = [(np.ptp(tail(w)), tail(v).mean()) for w, v in ((life.weights, life.losses), (weights, losses))]
    told = [f"it moves within {wide:.3f}, the mean loss is {loss:.3f}" for wide, loss in ends]
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 412" width="660" font-family="sans-serif" '
        f'style="max-width:100%;height:auto;display:block" font-size="13" fill="{INK}">',
        f'<text x="{LEFT}" y="22" font-size="16" font-weight="bold">One weight: {says}</text>',
        f'<text x="{LEFT}" y="44">In the last {life.updates // 5:,} updates {told[1]}.</text>',
    ]
    if not same:
        out.append(f'<text x="{LEFT}" y="64" fill="{FAINT}">Without the change (dashed): {told[0]}.</text>')
    for (top, high, name), (first, second) in zip(ROWS, pairs):
        out += curves(top, high, name, first, second, k, same)
    out += scale(life.updates, k, same)
    alt = (
        f"Two curves over {life.updates:,} updates: one weight, and the loss on a logarithmic scale, a mean of "
        f"{WINDOW} batches. R{says[1:]}. "
        f"The weight begins at {weights[0]:.3f} and ends at {weights[-1]:.3f}. In the last {life.updates // 5:,} "
        f"updates {told[1]}{'.' if same else f'; without the change {told[0]}.'}"
    )
    return "".join([*out, "</svg>"]), alt


def curves(top: int, high: int, name: str, first: Any, second: Any, k: int, same: bool) -> Iterator[str]:
    """One panel: as it was, dashed, and what became of it, thick. The loss has a logarithmic scale."""
    first, second = (np.log10(np.maximum(v, 1e-3)) if name == "loss" else v for v in (first, second))
    low, up = min(first.min(), second.min()), max(first.max(), second.max())
    room = 0.06 * max(up - low, 1e-9)
    low, up = low - room, up + room

    def line(values: Any, begin: int) -> str:
        steps = np.unique(np.linspace(begin, len(values) - 1, POINTS).astype(int))
        xs, ys = LEFT + WIDE * steps / (len(values) - 1), top + high * (up - values[steps]) / (up - low)
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys))

    yield f'<path d="M{LEFT} {top}V{top + high}H{LEFT + WIDE}" fill="none" stroke="{GREY}"/>'
    middle = top + high / 2
    for line_of, word in enumerate((f"{name} (log)", f"mean of {WINDOW}") if name == "loss" else (name,)):
        place = f'x="{11 + 13 * line_of}" y="{middle}" transform="rotate(-90 {11 + 13 * line_of} {middle})"'
        yield f'<text {place} text-anchor="middle" font-size="12">{word}</text>'
    for v in (low + room, up - room):
        y = top + high * (up - v) / (up - low)
        words = f"{10**v:.2g}" if name == "loss" else f"{v:.2f}".replace("-", "−")
        yield f'<text x="{LEFT - 7}" y="{y + 5:.1f}" text-anchor="end">{words}</text>'
    if not same:
        x = LEFT + WIDE * k / (len(first) - 1)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + high}" stroke="{INK}" stroke-dasharray="2 3"/>'
        yield (
            f'<polyline points="{line(first, k)}" fill="none" stroke="{GREY}" stroke-width="1" stroke-dasharray="4 3"/>'
        )
    yield f'<polyline points="{line(second, 0)}" fill="none" stroke="{BLUE}" stroke-width="1.6"/>'
    if not same:
        yield f'<polyline points="{line(second, k)}" fill="none" stroke="{VERMILION}" stroke-width="2.2"/>'


def scale(updates: int, k: int, same: bool) -> Iterator[str]:
    """The updates below, and the mark of update k."""
    bottom = ROWS[-1][0] + ROWS[-1][1]
    for n in range(0, updates + 1, max(updates // 6, 1)):
        x = LEFT + WIDE * n / updates
        yield f'<text x="{x:.0f}" y="{bottom + 18}" text-anchor="middle">{n:,}</text>'
    yield f'<text x="{LEFT + WIDE / 2}" y="{bottom + 38}" text-anchor="middle">updates</text>'
    if not same:
        x = LEFT + WIDE * k / updates
        where, dx = ("end", -6) if k > updates / 2 else ("start", 6)
        yield f'<text x="{x + dx:.1f}" y="{ROWS[1][0] - 14}" text-anchor="{where}">changed at update {k:,}</text>'


# ---------------------------------------------------------------- on the page
def explore_life(life: Life, k: int = 1500, lr: float = 0.05) -> None:
    """Two sliders above the curves: the update to go back to, and the learning rate from there on."""
    state = {"k": k, "lr": lr}
    panel(LivePlot(lambda: frame(life, **state), fps=8), state, sliders(life, state), columns=1)


def sliders(life: Life, state: dict[str, Any]) -> dict[str, Any]:
    """The controls, or none without ipywidgets."""
    try:
        import ipywidgets
    except ImportError:
        return {}
    wide = {"layout": ipywidgets.Layout(width="440px"), "style": {"description_width": "130px"}}
    rates = sorted({*RATES, life.lr, state["lr"]})
    return {
        "k": ipywidgets.IntSlider(
            state["k"], min=0, max=max(life.places), step=EVERY, description="back to update", **wide
        ),
        "lr": ipywidgets.SelectionSlider(
            options=[(f"{r:g}", r) for r in rates], value=state["lr"], description="rate from there", **wide
        ),
    }
