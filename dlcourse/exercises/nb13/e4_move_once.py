"""13.4 A training loop that moves its data in every step, to be mended."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Ref, Wrong, do, module, script
from ..practice import GPU


def train(xp, x, t, W, lr, steps):
    """Gradient descent on mean (x W − t)²      x (B,I)  t (B,K)  W (I,K) of the host -> W, losses (steps,) there"""
    x, t, W = xp.asarray(x), xp.asarray(t), xp.asarray(W)
    losses = xp.zeros(steps)
    for k in range(steps):
        e = x @ W - t
        losses[k] = (e * e).mean()
        W = W - lr * 2 * x.T @ e / e.size
    return W.get(), losses.get()


def as_given(xp, x, t, W, lr, steps):
    losses = np.zeros(steps)
    for k in range(steps):
        gx, gt, gW = xp.asarray(x), xp.asarray(t), xp.asarray(W)
        e = gx @ gW - gt
        losses[k] = float((e * e).mean())
        W = (gW - lr * 2 * gx.T @ e / e.size).get()
    return W, losses


SHORT, LONG = 9, 14


def cases(rng):
    for B, I, K in ((4, 2, 3), (5, 3, 1), (1, 2, 2)):
        x, t, W = (rng.normal(size=shape).round(1) for shape in ((B, I), (B, K), (I, K)))
        given = Ref("gpu.xp"), x, t, W, float(rng.choice([0.05, 0.1, 0.2]))
        yield script(
            "train",
            module("gpu", GPU, "practice_gpu()"),
            do("once = train", *given, SHORT),
            do("gpu.tally"),
            do("out = train", *given, LONG),
            do("gpu.tally"),
            do("gpu.numbers", Ref("out")),
            do("gpu.place", Ref("out")),
            tag="a batch of one" if B == 1 else "",
        )


def looked_at(value, *_):
    """What is compared: copies and waits for one step more, whether the device worked, results, where they lie."""
    once, both, numbers, place = value
    per_step = (np.array(both) - 2 * np.array(once)) / (LONG - SHORT)
    return per_step[1:], bool(per_step[0] > 0), numbers, place


def crosses(part, value):
    """What still crosses over, where no single mistake explains it."""
    copies, waits = looked_at(value)[0]
    if copies or waits:
        return f"Each step still makes {copies:g} copies to the device and {waits:g} waits for it. Both can be 0."
    return ""


# ---------------------------------------------------------------- other right answers
def collected(xp, x, t, W, lr, steps):
    gx, gt, W, losses = xp.asarray(x), xp.asarray(t), xp.array(W), []
    for _ in range(steps):
        e = gx @ W - gt
        losses.append(xp.mean(e**2))
        W -= 2 * lr / e.size * (gx.T @ e)
    return W.get(), xp.stack(losses).get()


def to_a_list(xp, x, t, W, lr, steps):
    x, t, W = map(xp.asarray, (x, t, W))
    losses = xp.empty((steps,))
    print("moved once")
    for k in range(steps):
        e = xp.matmul(x, W) - t
        losses[k : k + 1] = xp.sum(xp.square(e)) / e.size
        W = W - xp.matmul(x.T, e) * (2 * lr / e.size)
    return [W.get(), losses.get().tolist()]


def one_array(xp, x, t, W, lr, steps):
    x, t, W, total = xp.asarray(x), xp.asarray(t), xp.asarray(W), []
    for _ in range(steps):
        e = x @ W - t
        total = [*total, (e * e).mean()]
        W = W - lr * 2 * x.T @ e / e.size
    return W.get(), xp.array(total).get()


# ---------------------------------------------------------------- wrong ones
def varied(every="", read=False, W_read=False, W_back=True, losses_back=True, keep=None, late=False):
    """`train` with one thing done otherwise: what is moved in every step, what is read there, what stays."""

    def train(xp, x, t, W, lr, steps):
        host = {"x": x, "t": t}
        gx, gt, W = xp.asarray(x), xp.asarray(t), xp.asarray(W)
        losses = np.zeros(steps) if read else xp.zeros(steps)
        for k in range(steps):
            gx = xp.asarray(host["x"]) if "x" in every else gx
            gt = xp.asarray(host["t"]) if "t" in every else gt
            e = gx @ W - gt
            if not late:
                losses[k] = float((e * e).mean()) if read else (e * e).mean()
            W = W - lr * 2 * gx.T @ e / e.size
            if late:
                losses[k] = ((gx @ W - gt) ** 2).mean()
            W = xp.asarray(W.get()) if W_read else W
        losses = losses.get() if losses_back and not read else losses
        return W.get() if W_back else W, losses if keep is None else keep(losses)

    return train


def on_the_host(xp, x, t, W, lr, steps):
    losses = []
    for _ in range(steps):
        e = x @ W - t
        losses.append((e * e).mean())
        W = W - lr * 2 * x.T @ e / e.size
    return W, losses


EXERCISE = Exercise(
    id="13.4",
    title="Move once",
    reference={"train": train},
    returns=("W", "losses"),
    cases=cases,
    apply=looked_at,
    problem=crosses,
    broken=as_given,
    right=[
        {"train": collected},
        {"train": to_a_list},
        {"train": one_array},
        {"train": varied()},
    ],
    wrong=[
        Wrong(
            "the data in every step",
            varied(every="xt"),
            "W stays on the device now, but x and t are still copied there in every step. Move them before the loop.",
            source="https://github.com/gnn-tracking/gnn_tracking/issues/78",
        ),
        Wrong(
            "one array in every step",
            varied(every="x"),
            "One array is still copied to the device in every step. All `xp.asarray` belong before the loop.",
            source="https://github.com/cupy/cupy/issues/7016",
        ),
        Wrong(
            "a loss in every step",
            varied(read=True),
            "The loss is still read number by number: each `float` waits for the device. Keep the losses there, and "
            "fetch them once, at the end.",
            source="https://github.com/dmlc/dgl/issues/5302",
        ),
        Wrong(
            "W in every step",
            varied(W_read=True),
            "In every step W comes to the host and goes back. Leave it on the device, and fetch it after the loop.",
            source="https://github.com/czbiohub-sf/shrimPy/pull/266",
        ),
        Wrong(
            "W and the loss in every step",
            varied(W_read=True, read=True),
            "The data lie on the device now, but in every step W comes and goes, and the loss is read. Fetch both "
            "after the loop.",
        ),
        Wrong(
            "data and loss in every step",
            varied(every="xt", read=True),
            "W stays on the device now. x and t are still copied there in every step, and the loss is read. Move the "
            "data before the loop, fetch the losses after it.",
            source="https://github.com/apache/mxnet/issues/14210",
        ),
        Wrong(
            "data and W in every step",
            varied(every="xt", W_read=True),
            "The losses stay on the device now. x, t and W still travel in every step: move them before the loop.",
        ),
        Wrong(
            "W stays there",
            varied(W_back=False),
            "W is given back as an array of the device. The caller is on the host: `.get()`, once, at the end.",
        ),
        Wrong(
            "the losses stay there",
            varied(losses_back=False),
            "The losses are given back on the device. The caller is on the host: `.get()`, once, at the end.",
            source="https://github.com/huggingface/transformers/pull/44123",
        ),
        Wrong(
            "both stay there",
            varied(W_back=False, losses_back=False),
            "Both results are given back on the device. The caller is on the host: `.get()` for each, once, at the "
            "end.",
        ),
        Wrong(
            "all on the host",
            on_the_host,
            "Nothing moves any more because the device does nothing any more. Move x, t and W there once, and compute "
            "there.",
        ),
        Wrong(
            "the last loss alone",
            varied(keep=lambda losses: losses[-1]),
            "Only the last loss comes back. One for each step is wanted; they can wait on the device.",
        ),
        Wrong(
            "the mean loss",
            varied(keep=lambda losses: losses.mean()),
            "The mean of the losses comes back. One for each step is wanted; they can wait on the device.",
        ),
        Wrong(
            "the loss after the step",
            varied(late=True),
            "The loss is computed after the step now. Leave it before, with the e that it had; only move it.",
        ),
    ],
    hints=(
        "Five crossings in each step: three `asarray`, one `float`, one `.get()`. Which of them could happen once?",
        "`xp.zeros(steps)` is an array on the device, and one may write into its places: `losses[k] = ...` without "
        "`float`.",
        "Which three lines go above the loop, and which two calls go below it?",
    ),
    equivalent={"losses = xp.zeros(steps) -> losses = xp.ones(steps)": "each place is written before anybody reads it"},
)
