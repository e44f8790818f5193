"""The first paragraph of every equation states its shapes; here they are read, and executed."""

from __future__ import annotations

import gc
import inspect
import math
import re
import tracemalloc

import numpy as np
import pytest

from dlcourse.backends import NUMPY
from dlcourse.backends.fake import FAKE
from dlcourse.backends.fake_array import DEVICE
from dlcourse.backends.numpy_scratch import running
from dlcourse.nn.functional import EQUATIONS

OLD = np.lib.NumpyVersion(np.__version__) < "2.3.0"
SHAPE = re.compile(r"(?:^|\s{2}|\n\s*)(\w+) \(([\w',.*]*)\)", re.M)
SIZES = dict(B=4, I=3, O=5, K=6, C=2, F=7, N=8, Y=9, X=11, kY=3, kX=2)
OPTIONS = dict(
    rate=0.3,
    key=1,
    layer=2,
    row=0,
    momentum=0.1,
    lr=0.1,
    mu=0.9,
    rho=0.9,
    step=0.01,
    beta1=0.9,
    beta2=0.99,
    eps=1e-3,
    n=4,
    decay=0.1,
)
PAIRS = [name for name in EQUATIONS if name + "_backward" in EQUATIONS]


def shapes(function):
    """({input: dimensions}, {output: dimensions}) as the docstring states them."""
    first = inspect.getdoc(function).split("\n\n")[0]
    before, arrow, after = first.rpartition("->")
    assert arrow, f"{function.__name__}: no shapes in {first!r}"
    return tuple(
        {n: tuple(filter(None, dims.split(","))) for n, dims in SHAPE.findall(s)} for s in (before, " " + after)
    )


def size_of(dimension, name, sizes):
    if dimension in ("Y'", "X'"):
        side = dimension[0]
        return (sizes[side] - 2) // 2 + 1 if "pool" in name else sizes[side] - sizes["k" + side] + 1
    return math.prod(int(d) if d.isdigit() else sizes[d] for d in dimension.split("*"))


def concrete(dims, name, sizes):
    return (sizes["B"], 7) if dims == ("...",) else tuple(size_of(d, name, sizes) for d in dims)


def argument(backend, name, parameter, dims, dtype, sizes):
    shape = concrete(dims, name, sizes)
    if parameter == "t" and dims == ("B",):
        return backend.asarray(np.arange(shape[0]) % sizes["K"])
    if parameter == "step" and shape == ():
        return backend.asarray(np.array(3))
    if shape == ():
        return OPTIONS[parameter]
    array = backend.empty(shape, "bool" if parameter == "mask" else dtype)
    values = np.full(1, 4) if shape == (1,) else np.random.default_rng(0).uniform(0.1, 0.9, shape)
    array[...] = backend.asarray(values)
    return array


def prepare(backend, name, dtype, sizes=SIZES):
    """(arguments, {output: shape}, {keyword: buffer}) for a call that fits the docstring."""
    function, parameters = EQUATIONS[name], inspect.signature(EQUATIONS[name]).parameters.values()
    inputs, outputs = shapes(function)
    keywords = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    needed = [p.name for p in parameters if p.name not in keywords and (p.default is p.empty or p.name in inputs)]
    if "all" in inputs:
        inputs = {parameter: inputs["all"] for parameter in needed if parameter not in OPTIONS}
        outputs = dict.fromkeys(re.findall(r"new\w*", inspect.getdoc(function).split("->")[1]), ("N",))
    missing = [p for p in needed if p not in inputs and p not in OPTIONS]
    assert not missing, f"{name}: the docstring gives no shape for {missing}"
    values = [argument(backend, name, p, inputs[p], dtype, sizes) if p in inputs else OPTIONS[p] for p in needed]
    outputs = {output: concrete(dims, name, sizes) for output, dims in outputs.items()}
    extra = {"tmp": (sizes["N"],)} if "tmp" in keywords else {}
    wanted = {key: shape for key, shape in {**outputs, **extra}.items() if key in keywords}
    kinds = {key: "bool" if key == "mask" else dtype for key in wanted}
    return values, outputs, {key: backend.empty(shape, kinds[key]) for key, shape in wanted.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EQUATIONS)
def test_the_shapes_are_true(backend, name, dtype):
    values, outputs, buffers = prepare(backend, name, dtype)
    for where in {}, buffers:
        results = EQUATIONS[name](*values, **where)
        results = results if isinstance(results, tuple) else (results,)
        assert len(outputs) == len(results), f"{name} returns {len(results)} arrays, its docstring: {list(outputs)}"
        for (output, shape), result in zip(outputs.items(), results):
            assert result.shape == shape and result.dtype == ("bool" if output == "mask" else dtype), output
            assert output not in where or result is where[output], output


@pytest.mark.parametrize("name", EQUATIONS)
def test_nothing_that_grows_with_the_batch_is_allocated(name, monkeypatch):
    """With all outputs given and scratch from a plan's arena, three times as many examples take no more memory.

    The smaller batch is already longer than NumPy's buffers for casting, 8192 numbers, which are allowed.
    """
    if OLD and name == "dropout":
        pytest.skip("NumPy before 2.3 makes arrays while it casts")
    peaks = []
    for times in 1, 3:
        arena = NUMPY.arena()
        monkeypatch.setattr(running, "arena", arena)
        sizes = {**SIZES, "Y": 4, "X": 5, "B": 8200 * times, "N": 40_000 * times}
        values, _, buffers = prepare(NUMPY, name, "float32", sizes)
        for _ in range(2):  # the arena learns how much is asked for
            EQUATIONS[name](*values, **buffers)
            arena.restart()
        gc.collect()
        tracemalloc.start()
        EQUATIONS[name](*values, **buffers)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] <= 1.1 * peaks[0] + 4096, peaks


@pytest.mark.parametrize("name", EQUATIONS)
def test_a_device_is_never_waited_for_and_never_copied_to(name):
    values, _, buffers = prepare(FAKE, name, "float32")
    for where in {}, buffers:
        with DEVICE.watch() as seen:
            EQUATIONS[name](*values, **where)
        assert seen.syncs == seen.copies == 0, seen
        assert seen.launches > 0 or name in ("add_backward", "flatten", "flatten_backward")


@pytest.mark.parametrize("name", EQUATIONS)
def test_outputs_are_named_like_the_buffers(name):
    """What a function returns has the name of the keyword that says where to write it."""
    function = EQUATIONS[name]
    if name in ("add_backward", "update_running"):  # they hand on what they were given
        return
    keywords = {p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY}
    outputs = set(re.findall(r"\w+(?= \()|new\w*", inspect.getdoc(function).split("\n\n")[0].rpartition("->")[2]))
    scalars = {"L", "s"} | ({"mean", "var", "n"} if name == "batchnorm" else set())
    assert outputs - scalars <= keywords


@pytest.mark.parametrize("name", PAIRS)
def test_backward_stands_directly_under_forward(name):
    forward, backward = EQUATIONS[name], EQUATIONS[name + "_backward"]
    source = inspect.getsource(inspect.getmodule(forward))
    defined = [n for n in re.findall(r"^def (\w+)", source, re.M) if n in EQUATIONS]
    assert defined.index(backward.__name__) == defined.index(forward.__name__) + 1


@pytest.mark.parametrize("name", EQUATIONS)
def test_the_first_line_is_short(name):
    assert all(len(line) <= 120 for line in EQUATIONS[name].__doc__.splitlines())


def test_the_table_is_complete():
    """Every operation of the course, forward with backward."""
    table = set(EQUATIONS)
    pairs = (
        "relu leaky_relu elu gelu gelu_tanh silu softplus sigmoid tanh add softmax log_softmax dense conv2d maxpool2d"
    )
    pairs += " avgpool2d global_avgpool2d flatten dropout batchnorm layernorm mean_squared_error binary_cross_entropy"
    pairs += " softmax_cross_entropy"
    assert {n + end for n in pairs.split() for end in ("", "_backward")} <= table
    assert {"normalize", "update_running", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"} <= table
    assert all(callable(f) and f.__name__ == name for name, f in EQUATIONS.items())
