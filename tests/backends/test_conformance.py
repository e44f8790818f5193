"""Every operation, layer, optimizer and network gives on each backend the numbers of plain NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
from calls import CALLS, moved, results
from networks import LAYERS, NETS, OPTIMIZERS, optimizer

from dlcourse.backends import NUMPY, get_backend
from dlcourse.backends.fake import FAKE
from dlcourse.nn.functional import EQUATIONS
from dlcourse.nn.ops import table
from dlcourse.training.steps import SerialStep

CLOSE = {"float32": dict(rtol=2e-5, atol=2e-5), "float64": dict(rtol=1e-11, atol=1e-11)}
LATER = {"float32": dict(rtol=2e-3, atol=2e-3), "float64": dict(rtol=1e-8, atol=1e-8)}  # after 20 steps


@pytest.fixture(params=["numpy", "numba", "fake", pytest.param("cupy", marks=pytest.mark.gpu)])
def backend(request):
    """As everywhere, and the compiled bodies beside them."""
    if request.param == "numba":
        pytest.importorskip("numba", reason='needs Numba: pip install "dlcourse[fast]"')
    return FAKE if request.param == "fake" else get_backend(request.param)


dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def compare(got: list, expected: list, close: dict, what: str) -> None:
    assert len(got) == len(expected), what
    for a, b in zip(got, expected):
        np.testing.assert_allclose(a, b, **close, err_msg=what)


# ---- operations


@dtypes
@pytest.mark.parametrize("name", EQUATIONS)
def test_operation(backend, name, dtype):
    """The table's function, a backend's faster body included; then the same into buffers that held rubbish."""
    arguments, options, outputs = CALLS[name]
    # the exact input of the reference is what the backend sees: rounded to dtype first
    rounded = [a.astype(dtype).astype(float) if is_float(a) else a for a in arguments]
    expected = results(NUMPY, EQUATIONS[name](*map(copied, rounded), **options))
    function = getattr(table(backend, dtype), name)
    fresh = function(*[moved(backend, a, dtype) for a in arguments], **options)
    compare(results(backend, fresh), expected, CLOSE[dtype], name)
    fresh = fresh if isinstance(fresh, tuple) else (fresh,)
    where = buffers(backend, outputs, arguments, fresh, dtype)
    written = function(*[moved(backend, a, dtype) for a in arguments], **options, **where)
    compare(results(backend, written), expected, CLOSE[dtype], f"{name} into {list(where)}")


def is_float(a):
    return isinstance(a, np.ndarray) and a.dtype.kind == "f"


def copied(a):
    return a.copy() if isinstance(a, np.ndarray) else a


def buffers(backend, outputs, arguments, fresh, dtype):
    """A place full of rubbish for every output that the equation lets the caller give."""
    names = outputs.split()
    made = dict(zip(names, fresh[-len([n for n in names if n != "tmp"]) :])) if names else {}
    where = {n: backend.empty(made[n].shape, made[n].dtype) for n in names if n != "tmp"}
    for place in where.values():
        place[...] = True if place.dtype == bool else np.nan
    return where | ({"tmp": backend.empty(arguments[0].shape, dtype)} if "tmp" in names else {})


# ---- layers and optimizers: forward, backward and one step


def run(case, backend, dtype, name, steps):
    """Losses, parameters and buffers after some steps, on batches that differ."""
    net = case.network(backend, dtype)
    step = SerialStep(net, case.loss(), optimizer(name, net))
    losses = []
    for i in range(steps):
        x, t = case.batch(dtype, seed=i)
        losses.append(float(step(backend.asarray(x), backend.asarray(t))))
    return [np.array(losses), *numbers(backend, net.params), *numbers(backend, net.buffers)]


def numbers(backend, named) -> list[np.ndarray]:
    """By name: where a parameter lies in θ depends on the dtype."""
    return [backend.to_host(named[name]) for name in named]


@dtypes
@pytest.mark.parametrize("name", LAYERS)
def test_layer_forward_and_backward(backend, name, dtype):
    case = LAYERS[name]
    answers = []
    for be, kind in (backend, dtype), (NUMPY, "float64"):
        net, (x, t) = case.network(be, kind), case.batch(dtype)
        x, t = be.asarray(x.astype(kind)), be.asarray(t if t.dtype.kind == "i" else t.astype(kind))
        loss = case.loss()
        value = loss.forward(net.forward(x, train=True), t)
        dx = net.backward(loss.backward())
        answers.append([*results(be, (value, dx, net.forward(x))), *numbers(be, net.grads)])
    compare(*answers, CLOSE[dtype], name)


@dtypes
@pytest.mark.parametrize("opt", OPTIMIZERS)
@pytest.mark.parametrize("name", ["MLP with dropout", "CNN with batch norm"])
def test_steps_with_every_optimizer(backend, name, opt, dtype):
    got, expected = (run(NETS[name], be, dt, opt, 3) for be, dt in ((backend, dtype), (NUMPY, "float64")))
    compare(got, expected, CLOSE[dtype], opt)


@dtypes
@pytest.mark.parametrize("name", LAYERS)
def test_one_step_of_every_layer(backend, name, dtype):
    got, expected = (run(LAYERS[name], be, dt, "Momentum", 1) for be, dt in ((backend, dtype), (NUMPY, "float64")))
    compare(got, expected, CLOSE[dtype], name)


# ---- whole networks


@dtypes
@pytest.mark.parametrize("name", NETS)
def test_twenty_steps(backend, name, dtype):
    got, expected = (run(NETS[name], be, dt, "Momentum", 20) for be, dt in ((backend, dtype), (NUMPY, "float64")))
    compare(got, expected, LATER[dtype], name)
    assert expected[0][-1] != expected[0][0]


@pytest.mark.parametrize("name", NETS)
def test_a_network_moves_and_comes_back(device, name):
    """to(): the same numbers, there and back; predictions agree."""
    case = NETS[name]
    here, (x, t) = case.network(NUMPY), case.batch()
    step = SerialStep(here, case.loss(), optimizer("Adam", here))
    for _ in range(3):
        step(x, t)
    there = here.to(device)
    back = there.to(NUMPY)
    np.testing.assert_array_equal(back.theta, here.theta)
    for key in here.buffers:
        np.testing.assert_array_equal(back.buffers[key], here.buffers[key])
    there_y = device.to_host(there.predict(device.asarray(x), block=3))
    np.testing.assert_allclose(there_y, here.predict(x), **CLOSE["float32"])


@pytest.mark.parametrize("name", NETS)
def test_weights_saved_on_a_device_load_on_the_host(device, name, tmp_path):
    case = NETS[name]
    there, here = case.network(device), case.network(NUMPY)
    there.theta *= 2
    there.save(tmp_path / "w.safetensors")
    here.load(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(here.theta, device.to_host(there.theta))
