"""For each kernel: a grid and arguments of any size, outputs full of rubbish, as its body would give them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from dlcourse.backends.cuda_kernel import LABELS


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


def ticket():
    return np.zeros(1, "uint32")


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


def softmax_cross_entropy(data):
    d = Draw(data)
    B, K, label, t = classes(d)
    z = d.normal(B, K) * np.float32(d.pick(1, 50))
    out = rubbish(B, K), rubbish(B), rubbish()
    return grid(B, 8), (z, t, *out, ticket(), B, K, d.pick(0.0, 0.1)), label


def softmax_cross_entropy_backward(data):
    d = Draw(data)
    B, K, label, t = classes(d)
    return grid(B * K), (d.share(B, K), t, rubbish(B, K), B * K, K, d.pick(0.0, 0.1), 1 / B), label


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


KERNEL_CASES = {name: case for name, case in list(globals().items()) if name not in
                ("Draw", "rubbish", "ticket", "grid", "classes") and getattr(case, "__module__", "") == __name__}  # fmt: skip
