"""13.4 A training loop that moves its data in every step, to be mended."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Ref, Wrong, do, module, script
from ..practice import GPU, in_words
from .loops import get, item, on_the_host, one_by_one, one_place, same_start, varied


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
            do("gpu.crossings"),
            do("out = train", *given, LONG),
            do("gpu.tally"),
            do("gpu.crossings"),
            do("gpu.numbers", Ref("out")),
            do("gpu.place", Ref("out")),
            tag="a batch of one" if B == 1 else "",
        )


def looked_at(value, *_):
    """What is compared: what one step more costs, in the loop and after it, whether the device worked, the results."""
    once, _, both, _, numbers, place = value
    launches, copies, waits = (np.array(both) - 2 * np.array(once)) / (LONG - SHORT)
    late = sum(late for _, late in by_name(value).values())
    return copies, waits - late, late, bool(launches > 0), *numbers, place


def by_name(value):
    """What makes numbers cross over -> for one step more: how often, and how often of that after all computing."""
    _, once, _, both, *_ = value
    seen = {name: np.subtract(n, np.multiply([2, 1], once.get(name, [0, 0]))) for name, n in both.items()}
    return {name: (n / (LONG - SHORT), late / (LONG - SHORT)) for name, (n, late) in seen.items() if n}


def crosses(part, value):
    """What still crosses over, where no single mistake explains it."""
    if not isinstance(value[4], (list, tuple)) or len(value[4]) != 2:
        return "`train` gives back two things: W, and the losses."
    found = by_name(value)
    inside = [f"{in_words(name)} ({times(n - late)})" for name, (n, late) in found.items() if n - late > 1e-9]
    if inside:
        said = "; ".join(inside)
        return f"Numbers still cross over, step by step: {said}. Copy before the loop, and fetch after it, at once."
    after = [in_words(name) for name, (_, late) in found.items() if late > 1e-9]
    if after:
        return (
            f"After the loop the losses come one by one: {'; '.join(after)}. Fetch all of them at once, as one array."
        )
    return ""


def times(n):
    """How often in a step."""
    return "in some steps" if n < 1 - 1e-9 else f"{n:g} times" if n > 1 + 1e-9 else "once"


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


EXERCISE = Exercise(
    id="13.4",
    title="Move once",
    reference={"train": train},
    returns=(
        "copies in a step",
        "waits in a step",
        "waits for each loss, after the loop",
        "whether the device computes",
        "W",
        "losses",
        "where they lie",
    ),
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
            varied(read=float),
            "The loss is still read in each step, by `float` or `.item()`, or because an array of NumPy takes it. Each "
            "time the host waits. Keep the losses on the device, and fetch them once.",
            source="https://github.com/dmlc/dgl/issues/5302",
            also=(varied(read=item),),
        ),
        Wrong(
            "losses one by one, after the loop",
            one_by_one(float),
            "In the loop nothing crosses over any more. After it each loss is fetched by itself: as many waits as "
            "losses. Make one array of them, by `xp.stack`, and fetch it at once.",
            source="https://github.com/LibreYOLO/libreyolo/pull/726",
            also=(one_by_one(item), one_by_one(get)),
        ),
        Wrong(
            ".get() in every step",
            varied(W_seen=True),
            "In each step a `.get()` fetches W, or a loss, and the host waits. Both may stay on the device: fetch them "
            "once, after the loop.",
            also=(varied(read=get),),
        ),
        Wrong(
            "always from the same W",
            same_start(0),
            "Each step starts from the W that you were handed, and so the loss never falls. What the update gives must "
            "be the W of the next product.",
            source="https://github.com/kaleko/CourseraML/issues/4",
            also=(same_start(1),),
        ),
        Wrong(
            "W in every step",
            varied(W_read=True),
            "In every step W comes to the host and goes back. Leave it on the device, and fetch it after the loop.",
            source="https://github.com/czbiohub-sf/shrimPy/pull/266",
        ),
        Wrong(
            "W and the loss in every step",
            varied(W_read=True, read=float),
            "The data lie on the device now, but in every step W comes and goes, and the loss is read. Fetch both "
            "after the loop.",
        ),
        Wrong(
            "data and loss in every step",
            varied(every="xt", read=float),
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
            varied(stays="W"),
            "W is given back as an array of the device. The caller is on the host: `.get()`, once, at the end.",
        ),
        Wrong(
            "the losses stay there",
            varied(stays="losses"),
            "The losses are given back on the device. The caller is on the host: `.get()`, once, at the end.",
            source="https://github.com/huggingface/transformers/pull/44123",
        ),
        Wrong(
            "both stay there",
            varied(stays="W losses"),
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
            source="https://github.com/snikolov/neural-beats/issues/6",
            also=(varied(keep=lambda losses: losses[-1:]), one_place(-1), one_place(0)),
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
