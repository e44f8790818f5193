"""For each kernel: a grid and arguments of any size, outputs full of rubbish, as its body would give them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from dlcourse.backends.cuda_kernel import LABELS
from dlcourse.backends.cuda_table import KERNELS
from dlcourse.backends.cuda_updates import RULES


class Draw:
    def __init__(self, data):
        self.data, self.rng = data, np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), label="seed"))

    def size(self, high=9, low=1):
        return self.data.draw(st.integers(low, high))

    def pick(self, *choices):
        return self.data.draw(st.sampled_from(choices))

    def normal(self, *shape):
        return self.rng.standard_normal(shape).astype("float32")

    def share(self, *shape):
        return self.rng.uniform(0.1, 1, shape).astype("float32")

    def few(self, *shape):
        """Many ties and zeros."""
        return self.rng.integers(-2, 3, shape).astype("float32")


def rubbish(*shape, dtype="float32"):
    return np.full(shape, np.nan if dtype == "float32" else 1, dtype)


def ticket(many=1):
    return np.zeros(many, "uint32")


def grid(n, each=256):
    return (-(-n // each),)


def classes(d):
    B, K, label = (
        d.size(40),
        d.pick(1, 2, 3, 10, 31, 32, 33, 200),
        d.pick(*[name for name in LABELS if name != "uint16"]),
    )
    return B, K, label, d.rng.integers(0, K, B).astype(label)


def relu_backward(data):
    d = Draw(data)
    n = d.size(600)
    return grid(n), (d.normal(n), d.few(n), rubbish(n), n), "int64"


def counted(d, B):
    """How many rows count: all of them, or a number that lies on the device."""
    return d.pick(None, scalar(1), scalar(B), scalar(B // 2))


def softmax_cross_entropy(data):
    d = Draw(data)
    B, K, label, t = classes(d)
    z = d.normal(B, K) * np.float32(d.pick(1, 50))
    out = rubbish(B, K), rubbish(B), rubbish()
    return grid(B, 8), (z, t, *out, ticket(), B, K, d.pick(0.0, 0.1), counted(d, B)), label


def softmax_cross_entropy_backward(data):
    d = Draw(data)
    B, K, label, t = classes(d)
    given = d.share(B, K), t, rubbish(B, K), B * K, K, d.pick(0.0, 0.1), B, counted(d, B)
    return grid(B * K), given, label


def loss_of_numbers(data):
    d = Draw(data)
    B, O = d.size(40), d.pick(1, 3, 32, 33, 100)
    out = rubbish(B, O), rubbish(B), rubbish()
    y = d.normal(B, O) * np.float32(d.pick(1, 50))
    return grid(B, 8), (y, d.share(B, O), *out, ticket(), B, O, counted(d, B)), "int64"


def gradient_of_numbers(data, inputs):
    d = Draw(data)
    B, O = d.size(40), d.pick(1, 3, 32, 33, 100)
    given = [d.share(B, O) for _ in range(inputs)]
    return grid(B * O), (*given, rubbish(B, O), B * O, O, B, counted(d, B)), "int64"


def mean_squared_error_backward(data):
    return gradient_of_numbers(data, 1)


def binary_cross_entropy_backward(data):
    return gradient_of_numbers(data, 2)


def dropout(data):
    d = Draw(data)
    rows, F = d.size(30), d.size(50)
    step = np.array(d.pick(0, 3, 2**32 - 1, 2**32 + 5), "int64")
    words = [d.data.draw(st.integers(0, 2**32 - 1)) for _ in range(5)]
    x = d.normal(rows, F)
    return grid(rows * -(-F // 4)), (x, rubbish(rows, F), rubbish(rows, F, dtype="bool"), step, rows, F, words[0],
                                     d.pick(1.0, 1.25), *words[1:]), "int64"  # fmt: skip


def dropout_backward(data):
    d = Draw(data)
    n = d.size(600)
    return grid(n), (d.normal(n), d.few(n) > 0, rubbish(n), n, 1.25), "int64"


# ---- input


def gather_bytes(data):
    d = Draw(data)
    n, B, F = d.size(40), d.size(30), d.size(50)
    x, rows = d.rng.integers(0, 256, (n, F), dtype="uint8"), d.rng.integers(0, n, B)
    return grid(B * F), (x, rows, rubbish(B, F), B * F, F, d.pick(255, 16, 1)), "int64"


# ---- update rules


def rule(name):
    states, numbers, _ = RULES[name]

    def case(data):
        d = Draw(data)
        n = d.size(600)
        given = d.normal(n), d.normal(n), *(d.share(n) for _ in states), *(scalar(d.pick(0.1, 0.9)) for _ in numbers)
        ok, scale = d.pick(None, np.array(True), np.array(False)), d.pick(None, scalar(0.5))
        decay, mask = d.pick(None, scalar(0.01)), d.pick(None, d.few(n))
        kind = d.pick(0, 1, 2)
        copy = rubbish(n, dtype="uint16") if kind else None
        new = [rubbish(n) for _ in (1, *states)]
        if d.pick(False, True):  # numbers half-way between two of bfloat16: to the even one
            given[0].view("uint32")[:] = given[0].view("uint32") & 0xFFFF0000 | 0x8000
            given[1][:] = 0
        return grid(n), (*given, ok, scale, decay, mask, *new, copy, kind, n), "int64"

    return case


def scalar(x):
    return np.array(x, "float32")


def advance(data):
    d = Draw(data)
    n = d.size(20, low=12)
    places = [d.pick(i, i, -1) for i in range(3)]
    adam = d.pick(list(range(3, 10)), [-1] * 7)
    hp, ok = d.share(n), d.pick(None, np.array(True), np.array(False))
    place = [0, 1, places[2], *adam, d.pick(10, -1), 11]
    return (1,), (hp, rubbish(n), d.normal(n), ok, d.pick(scalar(0.01), scalar(9), scalar(np.nan)), n, *place), "int64"


def unscale(data):
    d = Draw(data)
    n, many = d.size(3000), d.size(5)
    grad, state = d.normal(n), np.array([d.pick(0.5, 1, 256, 2.0**24), d.pick(0, 3, 4)], "float32")
    grad[d.size(n - 1, low=0)] *= d.pick(1, 1, np.nan, np.inf).__float__()
    finite, ok = np.array(d.pick(True, True, False)), np.array(True)
    parts = rubbish(many, dtype="uint32")
    return (many,), (grad, state, finite, ok, parts, ticket(), 5.0, 2.0**24, n), "int64"


def sum_of_squares(data):
    d = Draw(data)
    n, many = d.size(3000), d.size(5)
    return (many,), (d.normal(n), rubbish(many), rubbish(), ticket(), n), "int64"


# ---- norms


def rows_of(d):
    R, C = d.size(60), d.pick(1, 3, 32, 40, 70)
    tiles, many = -(-C // 32), d.size(3)
    return d.normal(R, C) * d.normal(C) + d.normal(C), R, C, tiles, many


def channel_statistics(data):
    d = Draw(data)
    x, R, C, tiles, many = rows_of(d)
    out = rubbish(C), rubbish(C), rubbish(1)
    return (tiles * many,), (x, rubbish(many, C, 3), *out, ticket(tiles), R, C, tiles), "int64"


def channel_gradients(data):
    d = Draw(data)
    x, R, C, tiles, many = rows_of(d)
    by_row, eps = d.pick((True, -1.0), (False, 0.1))
    owners = R if by_row else C
    out = rubbish(many, C, 2), rubbish(C), rubbish(C), ticket(tiles)
    given = d.normal(R, C), x, d.normal(owners), d.share(owners)
    return (tiles * many,), (*given, *out, R, C, tiles, by_row, eps), "int64"


def normalize(data):
    d = Draw(data)
    x, _, C, *_ = rows_of(d)
    return grid(x.size), (x, *(d.share(C) for _ in range(4)), rubbish(*x.shape), x.size, C, 0.1), "int64"


def batchnorm_dx(data):
    d = Draw(data)
    x, R, C, *_ = rows_of(d)
    channel = [d.share(C) for _ in range(3)]
    sums = np.full(1, R, "float32"), d.normal(C), d.normal(C)
    return grid(x.size), (d.normal(R, C), x, *channel, *sums, rubbish(R, C), x.size, C, 0.1), "int64"


def update_running(data):
    d = Draw(data)
    C = d.pick(1, 3, 300)
    mean = d.normal(C)
    mean[d.rng.integers(0, C)] = d.pick(0, 1, np.nan, np.inf)
    n = np.full(1, d.pick(1, 2, 50), "float32")
    return (1,), (d.normal(C), d.share(C), mean, d.share(C), n, C, 0.1), "int64"


def layernorm(data):
    d = Draw(data)
    x, B, C, *_ = rows_of(d)
    out = rubbish(B, 1), rubbish(B, 1), rubbish(B, C)
    return grid(B, 8), (x, d.normal(C), d.normal(C), *out, B, C, 0.1), "int64"


def layernorm_dx(data):
    d = Draw(data)
    x, B, C, *_ = rows_of(d)
    return grid(B, 8), (d.normal(B, C), x, d.normal(C), d.normal(B, 1), d.share(B, 1), rubbish(B, C), B, C), "int64"


# ---- images


def lowering(data):
    d = Draw(data)
    S, P, kY, kX, B, C = d.size(3), d.size(2, 0), d.size(4), d.size(4), d.size(3), d.size(3)
    Y, X = (d.size(k + 6, max(1, k - 2 * P)) for k in (kY, kX))
    places = [(n + 2 * P - k) // S + 1 for n, k in ((Y, kY), (X, kX))]
    rows = B, *places, kY, kX, C
    return d, (B, Y, X, C), rows, (Y, X, C, kY, kX, *places, S, P)


def im2col(data):
    d, images, rows, sizes = lowering(data)
    out = rubbish(*rows)
    return grid(out.size), (d.normal(*images), out, out.size, *sizes), "int64"


def col2im(data):
    d, images, rows, sizes = lowering(data)
    dx = rubbish(*images)
    return grid(dx.size), (d.normal(*rows), dx, dx.size, *sizes), "int64"


def pooling(data):
    d = Draw(data)
    window, S, B, C = d.size(3), d.size(3), d.size(3), d.size(3)
    x = d.few(B, d.size(9, window), d.size(9, window), C)
    x[d.rng.random(x.shape) < d.pick(0, 0.05)] = np.nan
    out = [(n - window) // S + 1 for n in x.shape[1:3]]
    return d, x, (B, *out, C), (*x.shape[1:], *out, window, S)


def pool(data):
    _, x, shape, sizes = pooling(data)
    y = rubbish(*shape)
    return grid(y.size), (x, y, y.size, *sizes), "int64"


def unpool(data):
    d, x, shape, sizes = pooling(data)
    return grid(x.size), (d.normal(*shape), x, rubbish(*x.shape), x.size, *sizes), "int64"


KERNEL_CASES = {name: globals()[name] for name in KERNELS if name in globals()}
KERNEL_CASES |= dict.fromkeys(("mean_squared_error", "binary_cross_entropy"), loss_of_numbers)
KERNEL_CASES |= {name: rule(name) for name in RULES}
KERNEL_CASES |= dict.fromkeys(("maxpool2d", "avgpool2d"), pool)
KERNEL_CASES |= dict.fromkeys(("maxpool2d_backward", "avgpool2d_backward"), unpool)
