"""What the compiled bodies join: for each, the operations it stands for, in float64, and how an example is drawn."""

from __future__ import annotations

import numpy as np
from body_cases import EQUATIONS as E
from body_cases import windows


def dense_relu(x, W, b):
    return E["relu"](E["dense"](x, W, b))


def dense_relu_backward(da, a, x, W, **unwanted):
    return E["dense_backward"](E["relu_backward"](da, a), x, W, **unwanted)


def conv2d_relu(x, W, b, **how):
    return E["relu"](E["conv2d"](x, W, b, **how))


def conv2d_relu_backward(da, a, x, W, **how):
    return E["conv2d_backward"](E["relu_backward"](da, a), x, W, **how)


def relu_maxpool2d(z):
    """y, and which of the four it was"""
    B, Y, X, C = z.shape
    patches = E["relu"](z)[:, : Y // 2 * 2, : X // 2 * 2].reshape(B, Y // 2, 2, X // 2, 2, C)
    four = patches.transpose(0, 1, 3, 5, 2, 4).reshape(B, Y // 2, X // 2, C, 4)
    y = four.max(-1)
    return y, np.where(y > 0, four.argmax(-1), 4)


def relu_maxpool2d_backward(dy, won, z):
    dz, (_, Y, X, _) = np.zeros_like(z), z.shape
    for k in range(4):
        dz[:, k // 2 : Y // 2 * 2 : 2, k % 2 : X // 2 * 2 : 2] = dy * (won == k)
    return dz


# ---- examples


def dense_relu_case(d):
    B, I, O = d.size(), d.size(high=d.pick(9, 200)), d.size(high=d.pick(9, 200))
    return (d.array(B, I), d.array(I, O), d.pick(d.plain(O), False)), {}, ["a"]


def dense_relu_backward_case(d):
    (x, W, _), _, _ = dense_relu_case(d)
    shape = len(x), W.shape[1]
    return (d.array(*shape), d.array(*shape, of="few"), x, W), {}, ["dx", "dW", "db"]


def conv2d_relu_case(d):
    x, W, _, options = windows(d)
    return (x, W, d.pick(d.plain(W.shape[3]), False)), options, ["a"]


def conv2d_relu_backward_case(d):
    x, W, fits, options = windows(d)
    shape = len(x), *fits, W.shape[3]
    return (d.array(*shape), d.array(*shape, of="few"), x, W), options, ["dx", "dW", "db"]


def relu_maxpool2d_case(d):
    return (d.images(of="few"),), {}, ["y"]


def relu_maxpool2d_backward_case(d):
    """The winners, 0 ... 4, lie in memory as a plan lays them out: the batch axis last."""
    z = d.images()
    B, Y, X, C = len(z), z.shape[1] // 2, z.shape[2] // 2, z.shape[3]
    won = d.rng.integers(0, 5, (Y, C, X, B)).astype("uint8").transpose(3, 0, 2, 1)
    return (d.array(B, Y, X, C), won, z), {}, ["dz"]


JOINED = {f.__name__: f for f in (dense_relu, dense_relu_backward, conv2d_relu, conv2d_relu_backward,
                                  relu_maxpool2d, relu_maxpool2d_backward)}  # fmt: skip
CASES = {name: globals()[f"{name}_case"] for name in JOINED}
