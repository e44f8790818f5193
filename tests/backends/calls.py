"""One call of every equation: its arguments as NumPy float64 arrays, and the names of what it writes."""

from __future__ import annotations

import numpy as np

from dlcourse.nn.functional import EQUATIONS

rng = np.random.default_rng(11)
B, C, K, F = 6, 3, 5, 7


def normal(*shape):
    return rng.normal(size=shape)


def chance(*shape):
    return rng.uniform(0.1, 0.9, size=shape)


LABELS = rng.integers(0, K, B)
IMAGES, ROWS, POOLED = (B, 6, 7, C), (B, F), (B, 3, 3, C)
MEAN, VAR, COUNT = normal(C), chance(C), np.full(1, float(B))
ROW_MEAN, ROW_INV = normal(B, 1), chance(B, 1)
DROP = 0.3, 7, 2, np.array(3), 4  # rate, key, layer, step, row

# name -> (positional arguments, keyword options, buffers to write into)
CALLS: dict[str, tuple[tuple, dict, str]] = {
    "add": ((normal(*ROWS), normal(*ROWS)), {}, "y"),
    "add_backward": ((normal(*ROWS),), {}, ""),
    "softmax": ((normal(B, K),), {}, "p"),
    "softmax_backward": ((normal(B, K), chance(B, K)), {}, "dz"),
    "log_softmax": ((normal(B, K),), {}, "logp"),
    "log_softmax_backward": ((normal(B, K), -chance(B, K)), {}, "dz"),
    "dense": ((normal(B, F), normal(F, K), normal(K)), {}, "z"),
    "dense_backward": ((normal(B, K), normal(B, F), normal(F, K)), {}, "dx dW db"),
    "conv2d": ((normal(*IMAGES), normal(3, 2, C, K), normal(K)), {"stride": 2, "padding": 1}, "z"),
    "conv2d_backward": (
        (normal(B, 3, 4, K), normal(*IMAGES), normal(3, 2, C, K)),
        {"stride": 2, "padding": 1},
        "dx dW db",
    ),
    "maxpool2d": ((normal(*IMAGES),), {}, "y"),
    "maxpool2d_backward": ((normal(*POOLED), normal(*IMAGES)), {}, "dx"),
    "avgpool2d": ((normal(*IMAGES),), {"size": 3, "stride": 1}, "y"),
    "avgpool2d_backward": ((normal(B, 4, 5, C), normal(*IMAGES)), {"size": 3, "stride": 1}, "dx"),
    "global_avgpool2d": ((normal(*IMAGES),), {}, "y"),
    "global_avgpool2d_backward": ((normal(B, C), normal(*IMAGES)), {}, "dx"),
    "flatten": ((normal(*IMAGES),), {}, "y"),
    "flatten_backward": ((normal(B, 6 * 7 * C), normal(*IMAGES)), {}, "dx"),
    "dropout": ((normal(*ROWS), *DROP), {}, "y mask"),
    "dropout_backward": ((normal(*ROWS), chance(*ROWS) > 0.5, 0.3), {}, "dx"),
    "batchnorm": ((normal(*IMAGES), normal(C), normal(C)), {}, "y"),
    "batchnorm_backward": (
        (normal(*IMAGES), normal(*IMAGES), normal(C), MEAN, VAR, np.full(1, B * 42.0)),
        {},
        "dx dgamma dbeta",
    ),
    "normalize": ((normal(B, C), normal(C), normal(C), MEAN, VAR), {}, "y"),
    "normalize_backward": ((normal(B, C), normal(B, C), normal(C), MEAN, VAR), {}, "dx dgamma dbeta"),
    "update_running": ((normal(C), chance(C), MEAN, VAR, COUNT), {}, ""),
    "layernorm": ((normal(B, F), normal(F), normal(F)), {}, "mean inv y"),
    "layernorm_backward": ((normal(B, F), normal(B, F), normal(F), ROW_MEAN, ROW_INV), {}, "dx dgamma dbeta"),
    "mean_squared_error": ((normal(B, K), normal(B, K)), {}, "e"),
    "mean_squared_error_backward": ((normal(B, K), 9), {}, "dy"),
    "binary_cross_entropy": ((normal(B, K), chance(B, K)), {}, "p"),
    "binary_cross_entropy_backward": ((chance(B, K), chance(B, K), 9), {}, "dz"),
    "softmax_cross_entropy": ((normal(B, K), LABELS, 0.1), {}, "p"),
    "softmax_cross_entropy_backward": ((chance(B, K), LABELS, 9, 0.1), {}, "dz"),
    "sgd": ((normal(F), normal(F), 0.1), {}, "new tmp"),
    "momentum": ((normal(F), normal(F), normal(F), 0.1, 0.9), {}, "new new_v tmp"),
    "nesterov": ((normal(F), normal(F), normal(F), 0.1, 0.9), {}, "new new_v tmp"),
    "rmsprop": ((normal(F), normal(F), chance(F), 0.1, 0.9, 1e-3), {}, "new new_v tmp"),
    "adam": ((normal(F), normal(F), normal(F), chance(F), 0.1, 0.9, 0.99, 1e-3), {}, "new new_m new_v tmp"),
    "adamw": ((normal(F), normal(F), normal(F), chance(F), 0.1, 0.9, 0.99, 1e-3, 0.01), {}, "new new_m new_v tmp"),
    "weight_decay": ((normal(F), normal(F), 0.1), {}, "new_grad tmp"),
    "sum_of_squares": ((normal(F),), {}, "tmp"),
}
for _name in [n for n in EQUATIONS if n not in CALLS]:  # the activations: a of z, dz of da and of a or z
    CALLS[_name] = ((normal(*ROWS), normal(*ROWS)), {}, "dz") if "backward" in _name else ((normal(*ROWS),), {}, "a")


def moved(backend, value, dtype):
    """The argument where the backend works: images in its own order in memory, numbers as they are."""
    if not isinstance(value, np.ndarray):
        return value
    kind = dtype if value.dtype.kind == "f" else value.dtype
    place = backend.zeros((), kind) if value.shape == () else backend.empty(value.shape, kind)
    place[...] = backend.asarray(value.astype(kind))
    return place


def results(backend, value) -> list[np.ndarray]:
    return [backend.to_host(v) for v in (value if isinstance(value, tuple) else (value,))]
