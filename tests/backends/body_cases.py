"""For each fast body of NumPy: how its arguments are drawn, of any shape and order in memory; and the comparison."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from dlcourse.backends import NUMPY
from dlcourse.nn import functional as F

BODIES, EQUATIONS = NUMPY.bodies, F.EQUATIONS
ORDERS = ("rows", "images", "gaps", "columns", "turned")


def lay(values: np.ndarray, order: str) -> np.ndarray:
    """The same numbers in another order in memory."""
    if order == "images" and values.ndim in (2, 4):  # the batch axis lies last
        out = NUMPY.layout(np.empty(values.size, values.dtype), values.shape, last=True)
    elif order == "gaps":
        out = np.empty((*values.shape[:-1], 2 * values.shape[-1]), values.dtype)[..., ::2]
    elif order == "columns":  # the first axis lies last
        out = np.empty(values.shape[::-1], values.dtype).T
    elif order == "turned":  # strides below zero
        out = np.empty(values.shape, values.dtype)[(slice(None, None, -1),) * values.ndim]
    else:
        return values.copy()
    out[...] = values
    return out


class Draw:
    """Numbers, sizes and orders for one example."""

    def __init__(self, data):
        self.data = data
        self.rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), label="seed"))

    def size(self, low=1, high=9):
        return self.data.draw(st.integers(low, high))

    def pick(self, *choices):
        return self.data.draw(st.sampled_from(choices))

    def array(self, *shape, of="normal"):
        values = {
            "normal": lambda: self.rng.standard_normal(shape),
            "few": lambda: self.rng.integers(-2, 3, shape),  # many ties and zeros
            "positive": lambda: self.rng.uniform(0.5, 2, shape),
            "share": lambda: self.rng.uniform(0, 1, shape),
        }[of]()
        return lay(values.astype("float32"), self.pick(*ORDERS))

    def images(self, least=1, **of):
        return self.array(self.size(high=4), self.size(least), self.size(least), self.size(high=4), **of)

    def plain(self, *shape):
        return self.rng.standard_normal(shape).astype("float32")


# ---- one example for each body: its arguments, its options, its outputs by name (None: a number)


def dense_case(d):
    B, I, O = d.size(), d.size(), d.size()
    return (d.array(B, I), d.array(I, O), d.pick(d.plain(O), False)), {}, ["z"]


def dense_backward_case(d):
    B, I, O = d.size(), d.size(), d.size()
    return (d.array(B, O), d.array(B, I), d.array(I, O)), {}, ["dx", "dW", "db"]


def relu_case(d):
    return (d.pick(d.images, lambda of: d.array(d.size(), d.size(1, 400), of=of))(of="few"),), {}, ["a"]


def relu_backward_case(d):
    shape = d.pick((d.size(), d.size(1, 400)), (d.size(), d.size(), d.size(), d.size(1, 30)))
    return (d.array(*shape), d.array(*shape, of="few")), {}, ["dz"]


def windows(d):
    S, P, kY, kX = d.size(1, 4), d.size(0, 4), d.size(1, 5), d.size(1, 5)
    Y, X = d.size(max(1, kY - 2 * P), kY + 8), d.size(max(1, kX - 2 * P), kX + 8)
    x, W = d.array(d.size(high=4), Y, X, d.size(high=4)), d.array(kY, kX, 1, d.size(high=4))
    W = lay(np.broadcast_to(W, (kY, kX, x.shape[3], W.shape[3])) * d.plain(x.shape[3], 1), "rows")
    return x, W, ((Y + 2 * P - kY) // S + 1, (X + 2 * P - kX) // S + 1), {"stride": S, "padding": P}


def conv2d_case(d):
    x, W, _, options = windows(d)
    return (x, W, d.pick(d.plain(W.shape[3]), False)), options, ["z"]


def conv2d_backward_case(d):
    x, W, fits, options = windows(d)
    return (d.array(len(x), *fits, W.shape[3]), x, W), options, ["dx", "dW", "db"]


def pool_case(d):
    size, S = d.pick((2, 2), (2, 2), (d.size(1, 3), d.size(1, 3)))
    return (d.images(least=size, of="few"),), {"size": size, "stride": S}, ["y"]


def pool_backward_case(d):
    (x,), options, _ = pool_case(d)
    Y, X = ((n - options["size"]) // options["stride"] + 1 for n in x.shape[1:3])
    return (d.array(len(x), Y, X, x.shape[3]), x), options, ["dx"]


def norm_case(d):
    x = d.pick(d.images, lambda: d.array(d.size(2), d.size()))()
    C = x.shape[-1]
    x = lay(x * d.plain(C) + d.plain(C), d.pick(*ORDERS))
    return (x, d.plain(C), d.plain(C)), {"eps": 0.1}, [None, None, None, "y"]


def norm_backward_case(d):
    (x, gamma, _), _, _ = norm_case(d)
    n = np.full(1, x.size // x.shape[-1], "float32")
    mean, var = x.mean(tuple(range(x.ndim - 1))), x.var(tuple(range(x.ndim - 1)))
    return (d.array(*x.shape), x, gamma, mean, var, n), {"eps": 0.1}, ["dx", "dgamma", "dbeta"]


def normalize_case(d):
    (x, gamma, beta), options, _ = norm_case(d)
    return (x, gamma, beta, d.plain(len(gamma)), d.plain(len(gamma)) ** 2 + 0.5), options, ["y"]


def classes(d):
    B, K = d.size(), d.pick(1, 2, 3, 10, 300)
    labels = d.rng.integers(0, K, B).astype(d.pick("int64", "int32", "uint8" if K < 256 else "uint16"))
    return B, K, d.pick(labels, np.repeat(labels, 2)[::2], d.array(B, K, of="share").astype("float64"))


def softmax_cross_entropy_case(d):
    B, K, t = classes(d)
    return (d.array(B, K) * np.float32(d.pick(1, 1e4)), t, d.pick(0.0, 0.1)), {}, [None, "p"]


def softmax_cross_entropy_backward_case(d):
    B, K, t = classes(d)
    return (d.array(B, K, of="share"), t, d.size() + B, d.pick(0.0, 0.1)), {}, ["dz"]


def binary(d):
    return d.size(), d.size(high=3), d.pick("float32", "int64", "bool")


def binary_cross_entropy_case(d):
    B, O, dtype = binary(d)
    return (
        (d.array(B, O) * np.float32(d.pick(1, 1e4)), d.array(B, O, of="share").round().astype(dtype)),
        {},
        [None, "p"],
    )


def binary_cross_entropy_backward_case(d):
    B, O, dtype = binary(d)
    return (d.array(B, O, of="share"), d.array(B, O, of="share").round().astype(dtype), B + d.size()), {}, ["dz"]


def mean_squared_error_case(d):
    shape = d.size(), d.size(high=40)
    return (d.array(*shape), d.array(*shape)), {}, [None, "e"]


def update_case(d, vectors, numbers, out):
    N = d.size(1, 40)
    values = [d.plain(N) for _ in range(2)] + [d.rng.uniform(0.1, 1, N).astype("float32") for _ in range(vectors)]
    as_array = d.pick(True, False)
    return (*values, *(np.array(v, "float32") if as_array else v for v in numbers)), {}, out


CASES = {
    "dense": dense_case,
    "dense_backward": dense_backward_case,
    "relu": relu_case,
    "relu_backward": relu_backward_case,
    "conv2d": conv2d_case,
    "conv2d_backward": conv2d_backward_case,
    "maxpool2d": pool_case,
    "maxpool2d_backward": pool_backward_case,
    "avgpool2d": pool_case,
    "avgpool2d_backward": pool_backward_case,
    "global_avgpool2d": lambda d: ((d.images(),), {}, ["y"]),
    "batchnorm": norm_case,
    "batchnorm_backward": norm_backward_case,
    "normalize": normalize_case,
    "softmax_cross_entropy": softmax_cross_entropy_case,
    "softmax_cross_entropy_backward": softmax_cross_entropy_backward_case,
    "binary_cross_entropy": binary_cross_entropy_case,
    "binary_cross_entropy_backward": binary_cross_entropy_backward_case,
    "mean_squared_error": mean_squared_error_case,
    "mean_squared_error_backward": lambda d: ((d.array(B := d.size(), 3), B + d.size()), {}, ["dy"]),
    "sgd": lambda d: update_case(d, 0, (0.1,), ["new"]),
    "momentum": lambda d: update_case(d, 1, (0.1, 0.9), ["new", "new_v"]),
    "adam": lambda d: update_case(d, 2, (0.1, 0.9, 0.99, 1e-3), ["new", "new_m", "new_v"]),
}
MAY_BE_FALSE = {("dense_backward", "dx"), ("conv2d_backward", "dx"), ("batchnorm_backward", "dx")}
MAY_BE_FALSE |= {(name, out) for name in ("dense_backward", "conv2d_backward") for out in ("dW", "db")}


# ---- the comparison


def listed(result) -> list:
    return list(result) if isinstance(result, tuple) else [result]


def double(a):
    return a.astype("float64") if isinstance(a, np.ndarray) and a.dtype == "float32" else a


def agree(body, equation, args, options, buffers) -> None:
    """The body gives what the equation gives, in the buffers that it was given, and leaves its arguments alone."""
    kept = [np.copy(a) for a in args]
    want = listed(equation(*map(double, args), **options, **{k: v for k, v in buffers.items() if v is False}))
    got = listed(body(*args, **options, **buffers))
    assert len(got) == len(want)
    for have, expected in zip(got, want):
        if expected is False:
            assert have is False
            continue
        assert have.shape == np.shape(expected) and have.dtype == "float32"
        scale = np.abs(expected).max(initial=0.1)
        np.testing.assert_allclose(have, expected, rtol=2e-5, atol=2e-5 * scale)
    for buffer in buffers.values():
        assert buffer is False or any(have is buffer for have in got)
    for a, before in zip(args, kept):
        np.testing.assert_array_equal(a, before)


def some_buffers(d: Draw, name, args, options, outputs) -> dict:
    """For each output: nothing, a buffer full of NaN in some order in memory, or "not wanted"."""
    results, buffers = listed(EQUATIONS[name](*args, **options)), {}
    for out, value in zip(outputs, results):
        choice = (
            d.pick("none", "buffer", "buffer", "false" if (name, out) in MAY_BE_FALSE else "none") if out else "none"
        )
        if choice == "false":
            buffers[out] = False
        elif choice == "buffer" and value is not False:
            buffers[out] = lay(np.full(value.shape, np.nan, "float32"), d.pick(*ORDERS))
    return buffers


def example(name: str, data) -> tuple:
    d = Draw(data)
    args, options, outputs = CASES[name](d)
    return args, options, some_buffers(d, name, args, options, outputs)
