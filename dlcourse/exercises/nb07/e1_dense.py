"""07.1 The backward pass of a layer of weighted sums: three matrix products in place of a million nudges."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call


def dense_backward(dz, x, W):
    """dx = dz·Wᵀ   dW = xᵀ·dz   db = sum of dz over the batch
    dz (B,O)  x (B,I)  W (I,O) -> dx (B,I)  dW (I,O)  db (O,)"""
    return dz @ W.T, x.T @ dz, dz.sum(axis=0)


def cases(rng):
    for B, I, O, tag in (
        (4, 3, 2, ""),
        (2, 3, 4, ""),
        (5, 2, 3, ""),
        (1, 3, 2, "a batch of one"),
        (3, 4, 1, "a single unit"),
        (3, 1, 2, "a single input"),
        (2, 3, 3, "as many inputs as units"),
        (3, 2, 3, "as many examples as units"),
        (3, 3, 3, "three equal sizes"),
    ):
        yield call("dense_backward", *_numbers(rng, B, I, O), tag=tag)
    dz, x, W = _numbers(rng, 3, 2, 4)
    yield call("dense_backward", dz * (np.arange(3) != 1)[:, None] + 0.0, x, W, tag="an example without any error")


def _numbers(rng, *sizes):
    B, I, O = sizes  # noqa: E741
    return tuple((rng.normal(size=shape).round(1) + 0.05).round(2) for shape in ((B, O), (B, I), (I, O)))


# ---------------------------------------------------------------- other right answers
def loops(dz, x, W):
    B, I, O = len(x), len(W), len(W[0])  # noqa: E741
    dx, dW, db = np.zeros((B, I)), np.zeros((I, O)), np.zeros(O)
    for n in range(B):
        for o in range(O):
            db[o] += dz[n, o]
            for i in range(I):
                dW[i, o] += x[n, i] * dz[n, o]
                dx[n, i] += W[i, o] * dz[n, o]
    return dx, dW, db


def outer_products(dz, x, W):
    dW = sum(np.outer(xn, dn) for xn, dn in zip(x, dz))
    print(dW.shape)
    return [np.array([W @ dn for dn in dz]), dW, np.ones(len(dz)) @ dz]


def float32(dz, x, W):
    return tuple(np.float32(g) for g in dense_backward(dz, x, W))


# ---------------------------------------------------------------- wrong ones
def changes_dz(dz, x, W):
    dx, dW = dz @ W.T, x.T @ dz
    for row in dz[1:]:
        dz[0] += row
    return dx, dW, dz[0].copy()


def averaged(dz, x, W):
    return dz @ W.T, x.T @ dz / len(x), dz.mean(axis=0)


EXERCISE = Exercise(
    id="07.1",
    title="A layer, backward",
    reference={"dense_backward": dense_backward},
    returns=("dx", "dW", "db"),
    cases=cases,
    right=[
        {"dense_backward": loops},
        {"dense_backward": outer_products},
        {"dense_backward": float32},
        {"dense_backward": lambda dz, x, W: ((W @ dz.T).T, (dz.T @ x).T, np.add.reduce(dz))},
        {
            "dense_backward": lambda dz, x, W: (
                np.einsum("bo,io->bi", dz, W),
                np.einsum("bi,bo->io", x, dz),
                np.einsum("bo->o", dz),
            )
        },
        {"dense_backward": lambda *a: tuple(g.tolist() for g in dense_backward(*a))},
    ],
    wrong=[
        Wrong(
            "averaged over the batch",
            averaged,
            "dW and db are divided by the number of examples. That division is already in dz: add up here.",
            source="https://github.com/hunkim/DeepLearningZeroToAll/issues/173",
        ),
        Wrong(
            "db a mean",
            lambda dz, x, W: (dz @ W.T, x.T @ dz, dz.mean(axis=0)),
            "dx and dW are right. db is a mean over the examples: every example pushes b, so add up.",
            source="https://github.com/kvfrans/notes/issues/5",
        ),
        Wrong(
            "db not summed",
            lambda dz, x, W: (dz @ W.T, x.T @ dz, dz),
            "dx and dW are right. db still has a row for each example, and b has none: add the rows up.",
            source="https://github.com/jimfleming/differentiation/issues/1",
        ),
        Wrong(
            "db one number",
            lambda dz, x, W: (dz @ W.T, x.T @ dz, dz.sum()),
            "dx and dW are right. db is added up over the units too; each unit has a bias of its own.",
            source="https://github.com/rasbt/stat453-deep-learning-ss21/issues/5",
        ),
        Wrong(
            "db over the units",
            lambda dz, x, W: (dz @ W.T, x.T @ dz, dz.sum(axis=1)),
            "dx and dW are right. db is added up over the units. Add up over the examples: axis 0.",
            source="https://github.com/Kulbear/deep-learning-coursera/issues/8",
        ),
        Wrong(
            "db keeps an axis",
            lambda dz, x, W: (dz @ W.T, x.T @ dz, dz.sum(axis=0, keepdims=True)),
            "The numbers are right, but db has the shape (1, O). It is wanted in the shape of b, (O,).",
        ),
        Wrong(
            "W not turned",
            lambda dz, x, W: (dz @ W, x.T @ dz, dz.sum(axis=0)),
            "dx is made with W as it stands. On the way back the table is turned round: `W.T`.",
            source="https://github.com/jcjohnson/pytorch-examples/issues/28",
        ),
        Wrong(
            "x not turned",
            lambda dz, x, W: (dz @ W.T, x @ dz, dz.sum(axis=0)),
            "dW is made with x as it stands. The axis to add up over is the batch, so it must meet dz's: `x.T @ dz`.",
            source="https://github.com/fengdu78/deeplearning_ai_books/issues/21",
        ),
        Wrong(
            "dW turned",
            lambda dz, x, W: (dz @ W.T, dz.T @ x, dz.sum(axis=0)),
            "dW has its rows and columns exchanged. A gradient has the shape of what it belongs to: (I, O).",
            source="https://github.com/hunkim/DeepLearningZeroToAll/issues/25",
        ),
        Wrong(
            "* for @",
            lambda dz, x, W: (dz * W.T, x.T * dz, dz.sum(axis=0)),
            "db is right. `*` adds nothing up; the other two are matrix products, `@`.",
            source="https://github.com/apache/tvm/pull/5695",
        ),
        Wrong(
            "x and W exchanged",
            lambda dz, x, W: (dz @ W.T, W.T @ dz, dz.sum(axis=0)),
            "dx and db are right. dW uses W; what a weight is multiplied by is its input, so dW needs x.",
        ),
        Wrong(
            "in another order",
            lambda dz, x, W: (x.T @ dz, dz.sum(axis=0), dz @ W.T),
            "All three are right, in another order. First dx, then dW, then db.",
        ),
        Wrong(
            "dW and dx exchanged",
            lambda dz, x, W: (x.T @ dz, dz @ W.T, dz.sum(axis=0)),
            "All three are right, but dW comes before dx. First dx, then dW, then db.",
        ),
        Wrong(
            "db in the middle",
            lambda dz, x, W: (dz @ W.T, dz.sum(axis=0), x.T @ dz),
            "All three are right, but db comes before dW. First dx, then dW, then db.",
        ),
        Wrong(
            "sign",
            lambda *a: tuple(-g for g in dense_backward(*a)),
            "All three have the wrong sign. Going downhill is for later: here the gradients are asked for.",
            source="https://github.com/iamtrask/Grokking-Deep-Learning/issues/37",
        ),
        Wrong(
            "changes dz",
            changes_dz,
            "The values are right, but dz is overwritten. Add up into a new array.",
        ),
    ],
    hints=(
        "A gradient has the shape of what it belongs to. Which of `x`, `W`, `dz`, turned or not, multiply to (I, O)?",
        "dW adds up over the examples: x.T is (I,B), dz is (B,O). dx adds up over the units: dz (B,O), W.T (O,I).",
        "db has O numbers: which axis of dz is added up?",
    ),
)
