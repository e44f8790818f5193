"""Recording a step: on the fake device by the rules of CuPy, on a GPU by CuPy; no step waits or copies."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from banks import COUNTED, HOST, REFUSED
from calls import CALLS, moved, results

from dlcourse.backends import NUMPY
from dlcourse.backends.device import CupyBackend, Replay
from dlcourse.backends.fake import DEVICE, FAKE, xp
from dlcourse.nn.functional import EQUATIONS

PRODUCTS = {"dense", "dense_backward", "conv2d", "conv2d_backward"}


# ---- what a recorded step is


def test_recording_changes_nothing_and_a_launch_repeats_it(device):
    x, y = device.asarray(HOST), device.asarray(HOST * 0)

    def step():
        y[...] = y + x
        y[0] *= 2

    step()  # kernels compile
    y[...] = 0
    replay = device.capture(step)
    np.testing.assert_array_equal(device.to_host(y), HOST * 0)
    expected = HOST * 0
    for _ in range(3):
        replay()
        expected = expected + HOST
        expected[0] *= 2
        np.testing.assert_allclose(device.to_host(y), expected, rtol=1e-6)


def test_numbers_of_python_freeze_and_arrays_do_not(device):
    y, rate, factor = device.asarray(HOST * 0), device.asarray(1.0), [1.0]

    def step():
        y[...] += 1
        y[...] *= rate * factor[0]

    step()
    y[...] = 0
    replay = device.capture(step)
    factor[0] = 1000.0
    rate[...] = 3.0
    replay()
    assert (device.to_host(y) == 3.0).all()


def test_a_name_bound_anew_is_not_seen_by_the_graph(device):
    """What users of graphs stumble over: A = A * 2 writes to another array, so each launch reads the first."""
    held = {"a": device.asarray(HOST)}
    device.to_host(held["a"] * 2)  # kernels compile

    def step():
        held["a"] = held["a"] * 2

    replay = device.capture(step)
    replay()
    replay()
    np.testing.assert_array_equal(device.to_host(held["a"]), HOST * 2)


@pytest.mark.parametrize("name", EQUATIONS)
def test_every_operation_can_be_recorded(device, name):
    """The launch gives the numbers of a plain call, twice."""
    if device.gemm is None and name in PRODUCTS:
        pytest.skip("cuBLAS cannot be recorded through CuPy")
    arguments, options, _ = CALLS[name]
    plain = results(device, EQUATIONS[name](*[moved(device, a, "float64") for a in arguments], **options))
    here, out = [moved(device, a, "float64") for a in arguments], []

    def step():
        y = EQUATIONS[name](*here, **options)
        out[:] = y if isinstance(y, tuple) else [y]

    EQUATIONS[name](*[moved(device, a, "float64") for a in arguments], **options)  # kernels compile
    replay = device.capture(step)
    for _ in range(1 if name == "update_running" else 2):
        replay()
        for a, b in zip(out, plain):
            np.testing.assert_allclose(device.to_host(a), b, rtol=1e-12)


def test_no_garbage_is_collected_while_recording():
    seen = []
    FAKE.capture(lambda: seen.append(gc.isenabled()))
    assert seen == [False] and gc.isenabled()
    gc.disable()
    FAKE.capture(lambda: None)
    enabled = gc.isenabled()
    gc.enable()
    assert not enabled


def test_a_launch_does_not_warn():
    x = FAKE.asarray(HOST * 0)
    out = []
    FAKE.capture(lambda: out.append(1 / x))()
    assert np.isinf(out[0].get()).all()


# ---- what cannot be recorded

VIOLATIONS = {name: entry[0] for name, entry in COUNTED.items() if entry[2] or entry[3]}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_waits_and_copies_cannot_be_recorded(name):
    x = FAKE.asarray(HOST)
    with pytest.raises(RuntimeError, match="the current stream is capturing, so (H2D|D2H) transfers are disallowed"):
        FAKE.capture(lambda: VIOLATIONS[name](xp, x))
    assert DEVICE.graph is None and gc.isenabled()
    np.testing.assert_array_equal(x.get(), HOST)


@pytest.mark.parametrize("name", REFUSED)
def test_errors_of_the_step_come_through(name):
    wrong, error, words = REFUSED[name]
    x = FAKE.asarray(HOST)
    with pytest.raises(error, match=words):
        FAKE.capture(lambda: wrong(xp, x))
    assert DEVICE.graph is None and gc.isenabled()
    float(x.sum())


@pytest.mark.parametrize("product", [lambda x: x @ x.T, lambda x: xp.dot(x, x.T), lambda x: xp.einsum("ij,kj", x, x)])
def test_products_of_cupy_cannot_be_recorded(product):
    plain = CupyBackend("plain", xp, type("Other", (), {}), erf=None)
    x = FAKE.asarray(HOST)
    with pytest.raises(NotImplementedError, match="cuBLAS API during stream capture"):
        plain.capture(lambda: product(x))
    assert DEVICE.graph is None
    np.testing.assert_allclose(product(x).get(), HOST @ HOST.T, rtol=1e-6)


def test_the_host_records_nothing():
    with pytest.raises(NotImplementedError, match="numpy backend> records nothing"):
        NUMPY.capture(lambda: None)


def test_what_is_not_implemented_for_another_reason_is_not_hidden():
    x = FAKE.asarray(HOST)
    with pytest.raises(NotImplementedError, match="reduce"):
        FAKE.capture(lambda: xp.maximum.reduce(x))


def test_the_graph_keeps_its_memory():
    """A pool that died would free what the graph writes into."""
    replay = FAKE.capture(lambda: None)
    assert isinstance(replay, Replay) and replay.pool is not None
