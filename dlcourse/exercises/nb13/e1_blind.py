"""13.1 A prediction layer that does not care where its arrays lie."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Fn, Ref, Wrong, call, do, module, script
from ..practice import GPU, in_words
from .slips import (
    a_mask,
    an_if,
    fetched,
    float_of_the_largest,
    int_of_each_label,
    item_of_the_largest,
    labels_as_a_list,
    left_out,
    mean_over_the_batch,
    not_shifted,
    number_by_number,
    numpy_arange,
    numpy_eye,
    numpy_zeros,
    one_largest,
    over_the_batch,
    printed,
    row_by_row,
    same_array_twice,
    there_and_back,
    turned_round,
)


def prediction_layer(xp, x, W, b, t):
    """p = softmax(x W + b), dz = p − desired      x (B,I)  W (I,K)  b (K,)  t (B,) -> p (B,K), dz (B,K)"""
    z = x @ W + b
    e = xp.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p, p - xp.eye(len(b))[t]


MANY = 20  # launches: a right answer needs about ten, one that goes row by row more than 24
ROWS = 24


def cases(rng):
    yield call("prediction_layer", Fn("np"), *_inputs(rng, 3, 2, 4), tag="arrays of NumPy")
    yield _on_device(*_inputs(rng, 3, 2, 4))
    yield _on_device(*_inputs(rng, 1, 3, 2), tag="a batch of one")
    x, W, b, t = _inputs(rng, 2, 3, 3)
    yield _on_device(x, W, b + 1000, t, tag="scores far from 0")
    far = np.array([[1.0], [0.0]]), np.array([[900.0, -900.0]]), np.zeros(2), np.array([1, 0])
    yield _on_device(*far, tag="rows far from each other")
    yield _on_device(*_inputs(rng, ROWS, 1, 3), tag="many rows")


def _inputs(rng, B, I, K):
    x, W, b = rng.normal(size=(B, I)).round(1), rng.normal(size=(I, K)).round(1), rng.normal(size=K).round(1)
    return x, W, b, np.arange(B) * 2 % K


def _on_device(x, W, b, t, tag=""):
    """The answer gets arrays of the device; then one looks where its results lie, and what has crossed over."""
    arrays = [do(f"{name} = gpu.put", value) for name, value in zip("xWbt", (x, W, b, t))]
    asked = do("out = prediction_layer", Ref("gpu.xp"), *map(Ref, "xWbt"))
    seen = [do("gpu.numbers", Ref("out")), do("gpu.place", Ref("out")), do("gpu.hidden"), do("gpu.tally")]
    return script("prediction_layer", module("gpu", GPU, "practice_gpu()"), *arrays, asked, *seen, tag=tag)


def looked_at(value, *_):
    """What is compared: p and dz, where they lie, what has crossed, and of the launches only whether they are many."""
    if not on_device(value):
        return value
    numbers, place, hidden, (launches, *_) = value
    found = numbers if isinstance(numbers, (list, tuple)) and len(numbers) == 2 else [numbers]
    return *found, place, in_all(hidden) or "nothing", launches > MANY


def on_device(value):
    """Is this what was seen of an answer that was handed arrays of the device?"""
    return isinstance(value, tuple) and len(value) == 4 and isinstance(value[2], str)


def crossed(part, value):
    """Several things that made numbers cross, or too many launches, where no single mistake explains them."""
    if not on_device(value) or not value[2]:
        asks = f"Your layer asks for more than {MANY} launches, where ten or so do. Does a loop go through the rows? "
        return asks + "Do all rows in one operation." if on_device(value) and value[3][0] > MANY else ""
    said = in_all(value[2])
    return f"Numbers cross between host and device in your layer: {said}. Let `xp` do it all, with whole arrays."


def in_all(hidden):
    """What `hidden` has told, in words."""
    return "; ".join(dict.fromkeys(in_words(name) for name in hidden.split(", ") if name))


# ---------------------------------------------------------------- other right answers
def in_place(xp, x, W, b, t):
    p = xp.exp(x @ W + b - (x @ W + b).max(axis=1)[:, None])
    p /= p.sum(axis=1)[:, None]
    dz = p.copy()
    dz[xp.arange(len(t)), t] -= 1
    return p, dz


def by_comparison(xp, x, W, b, t):
    z = xp.dot(x, W) + b
    z = z - xp.max(z, axis=1, keepdims=True)
    p = xp.exp(z) / xp.sum(xp.exp(z), axis=1, keepdims=True)
    return [p, p - (t[:, None] == xp.arange(W.shape[1]))]


def numpy_passes_it_on(xp, x, W, b, t):
    z = np.matmul(x, W) + b
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    print("the functions of NumPy hand a device's array over to its own module")
    p = e / np.sum(e, axis=1, keepdims=True)
    return p, p - xp.eye(W.shape[1])[t]


def ones_in_places(xp, x, W, b, t):
    p = in_place(xp, x, W, b, t)[0]
    y = xp.zeros_like(p)
    y[xp.arange(len(t)), t] = 1
    return p, p - y


EXP = "e = xp.exp(z - z.max(axis=1, keepdims=True)) -> e = xp.exp("

EXERCISE = Exercise(
    id="13.1",
    title="A layer that does not care",
    reference={"prediction_layer": prediction_layer},
    returns=("p", "dz", "where they lie", "what crosses over", f"more than {MANY} launches"),
    cases=cases,
    apply=looked_at,
    problem=crossed,
    right=[
        {"prediction_layer": in_place},
        {"prediction_layer": by_comparison},
        {"prediction_layer": numpy_passes_it_on},
        {"prediction_layer": ones_in_places},
    ],
    wrong=[
        Wrong(
            "numbers wanted on the host",
            numpy_eye,
            "NumPy wants numbers on the host there, for `np.asarray` or as an index into an array of its own, such "
            "as `np.eye`. CuPy refuses. Let `xp` make each new array.",
            source="https://github.com/cupy/cupy/issues/589",
        ),
        Wrong(
            "zeros of NumPy",
            numpy_zeros,
            "An array of NumPy, as `np.zeros` makes it or `.get()` gives it, lies on the host. One of the device "
            "cannot be combined with it. Let `xp` make it.",
            source="https://github.com/cupy/cupy/issues/2623",
        ),
        Wrong(
            "row numbers of NumPy",
            numpy_arange,
            "The numbers are right, but row numbers of `np.arange`, or in a list, are made on the host, and copied to "
            "the device each time. `xp.arange` makes them there.",
        ),
        Wrong(
            "an if",
            an_if,
            "The numbers are right, but an `if` asks the device, and the host waits for the answer (so do `while`, "
            "`and`, `assert` and Python's `max`). Do the same for all rows, without asking.",
            source="https://github.com/lucidrains/x-transformers/pull/355",
        ),
        Wrong(
            "print",
            printed("{}"),
            "The numbers are right, but `print` or an f-string shows an array of the device: it has to be fetched, and "
            "the host waits for it. Take that line out.",
            source="https://github.com/pytorch/pytorch/pull/126829",
            also=(printed("{!s}"), printed("{!r}")),
        ),
        Wrong(
            "an index of True and False",
            a_mask,
            "The numbers are right, but with an index of True and False the host has to wait until the True ones are "
            "counted. Subtract a table of 0 and 1.",
            source="https://github.com/pytorch/pytorch/issues/12461",
        ),
        Wrong(
            "no bias",
            left_out,
            "The bias is left out: the scores are x W + b.",
            source="https://github.com/apache/tvm/pull/4801",
        ),
        Wrong(
            "desired − p",
            turned_round,
            "dz has the wrong sign: it is p − desired.",
            source="https://github.com/deeplearning4j/deeplearning4j/issues/345",
        ),
        Wrong(
            "computed on the host",
            fetched,
            "`.get()` fetches everything to the host, which then does the work, and the results stay there. Compute "
            "with `xp`, where the arrays lie.",
            source="https://github.com/ecmwf/WeatherGenerator/issues/1399",
        ),
        Wrong(
            "there and back",
            there_and_back,
            "The results lie on the device, but they were computed on the host: fetched with `.get()`, sent back with "
            "`xp.asarray`. Leave both out.",
            source="https://github.com/czbiohub-sf/shrimPy/pull/266",
        ),
        Wrong(
            "float()",
            float_of_the_largest,
            "`float()` fetches a number to the host, which has to wait until the device is done. Subtract the array "
            "that `max` gives, as it is.",
            source="https://github.com/lnccbrown/LANfactory/pull/120",
        ),
        Wrong(
            ".item()",
            item_of_the_largest,
            "`.item()` fetches a number to the host, which has to wait until the device is done. Subtract the array "
            "that `max` gives, as it is.",
            source="https://github.com/openvdb/fvdb-reality-capture/pull/144",
        ),
        Wrong(
            "int() of each label",
            int_of_each_label,
            "`int()` fetches the labels one by one, and the host waits for each of them. Labels on the device can be "
            "an index as they are.",
        ),
        Wrong(
            ".tolist()",
            labels_as_a_list,
            "`.tolist()` fetches the labels to the host, which waits for them. Labels on the device can be an index as "
            "they are.",
            source="https://github.com/vllm-project/vllm/pull/22760",
        ),
        Wrong(
            "row by row",
            row_by_row,
            "Nothing leaves the device, but a Python loop over the rows launches kernels for each of them. Do all "
            "rows in one operation.",
            source="https://github.com/cupy/cupy/issues/7016",
        ),
        Wrong(
            "number by number",
            number_by_number,
            "`math.exp` takes one number, on the host: each is fetched, and waited for. `xp.exp` takes the whole "
            "array.",
            source="https://github.com/cupy/cupy/issues/8389",
        ),
        Wrong(
            "one array twice",
            same_array_twice,
            "p has changed as well: it is the very array from which you subtract. Make a new one for dz.",
        ),
        Wrong(
            "not shifted",
            not_shifted,
            "Large scores overflow. Subtract the largest of each row before `exp`, as in 04.1.",
            source="https://github.com/numenta/nupic-legacy/pull/3818",
        ),
        Wrong(
            "one largest for all",
            one_largest,
            "You subtract the largest score of the whole batch. In rows far below it every `exp` is 0 then, and 0 by 0 "
            "is nan. Take the largest of each row.",
            source="https://github.com/manassharma07/crysx_nn/issues/7",
        ),
        Wrong(
            "over the batch",
            over_the_batch,
            "The sums run down the batch. Each row is an example of its own: `axis=1, keepdims=True`.",
            source="https://github.com/udacity/sdc-issue-reports/issues/91",
        ),
        Wrong(
            "divided by the batch",
            mean_over_the_batch,
            "dz is divided by the size of the batch. Here it is p − desired, row by row, and no mean.",
        ),
    ],
    hints=(
        "Softmax as in 04.1, then p minus a table with a single 1 in each row. Who makes each new array?",
        "`xp.exp` is NumPy's or CuPy's, whichever `xp` is. Methods such as `z.max(axis=1, keepdims=True)` need no "
        "module.",
        "Which rows of the table `xp.eye(K)` are the desired answers, if `t` holds their numbers?",
    ),
    equivalent={
        "z = x @ W + b -> z = x @ W + (b + 1)": "softmax does not change when all scores of a row grow by one",
        EXP + "z + 1 - z.max(axis=1, keepdims=True))": "the factor e is in every term, and drops out",
        EXP + "z - z.max(axis=-1, keepdims=True))": "axis 1 is the last one",
        "p = e / e.sum(axis=1, keepdims=True) -> p = e / e.sum(axis=-1, keepdims=True)": "axis 1 is the last one",
    },
)
