"""The fused bodies of a device answer as the equations do: by what their kernels mean, and by the kernels' own text."""

from __future__ import annotations

import hostcuda
import numpy as np
import pytest
from body_cases import CASES, Draw, listed, some_buffers
from calls import CALLS, moved, results
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcourse.backends import NUMPY
from dlcourse.backends.fake import FAKE, xp
from dlcourse.backends.joined import JOINED
from dlcourse.nn.functional import EQUATIONS
from dlcourse.nn.ops import table

# ---- each body against its equation


@pytest.mark.parametrize("name", [name for name in FAKE.bodies if name in CALLS])
def test_a_body_answers_as_its_equation(kernels, name):
    arguments, options, _ = CALLS[name]
    given = [a.astype("float32") if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in arguments]
    expected = results(NUMPY, EQUATIONS[name](*[moved(NUMPY, a, "float32") for a in given], **options))
    got = results(FAKE, getattr(table(FAKE), name)(*[moved(FAKE, a, "float32") for a in given], **options))
    compare(got, expected)
    assert not FAKE.refused


@pytest.mark.parametrize("name", sorted(FAKE.bodies.keys() & CASES.keys()))
@given(data=st.data())
@settings(max_examples=25)
def test_for_all_shapes_and_orders_in_memory(name, data):
    check_body(name, data)


@pytest.mark.skipif(bool(hostcuda.WHY_NOT), reason=hostcuda.WHY_NOT)
@pytest.mark.parametrize("name", sorted(FAKE.bodies.keys() & CASES.keys()))
@given(data=st.data())
@settings(max_examples=15)
def test_for_all_shapes_by_the_source(name, data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FAKE, "compiled", {})
        patch.setattr(xp, "RawKernel", hostcuda.HostKernel)
        check_body(name, data)


def check_body(name, data):
    d = Draw(data)
    args, options, outputs = CASES[name](d)
    buffers = some_buffers(d, name, args, options, outputs)
    wanted = {key: value for key, value in buffers.items() if value is False}
    expected = listed(EQUATIONS[name](*args, **options, **wanted))
    held = {key: value if value is False else FAKE.asarray(value) for key, value in buffers.items()}
    here = [FAKE.asarray(a) if isinstance(a, np.ndarray) else a for a in args]
    got = listed(getattr(table(FAKE), name)(*here, **options, **held))
    assert not FAKE.refused and len(got) == len(expected)
    for have, want in zip(got, expected):
        if want is False:
            assert have is False
            continue
        assert have.dtype == want.dtype and have.shape == np.shape(want)
        np.testing.assert_allclose(have.get(), want, rtol=1e-4, atol=2e-5 * np.abs(want).max(initial=1))
    for buffer in held.values():
        assert buffer is False or any(have is buffer for have in got)
    for a, b in zip(here, args):
        if isinstance(b, np.ndarray):
            np.testing.assert_array_equal(a.get(), b)


@pytest.mark.parametrize("name", [name for name in FAKE.bodies if name in CALLS])
def test_a_body_answers_as_the_plain_one_and_can_be_recorded(device, name):
    """On one device, in float32: the fused table against the plain one; then a recorded call against both."""
    arguments, options, _ = CALLS[name]

    def given():
        return [moved(device, a, "float32") for a in arguments]

    expected = results(device, getattr(table(device.plain()), name)(*given(), **options))
    body, here, out = getattr(table(device), name), given(), []
    compare(results(device, body(*given(), **options)), expected)
    replay = device.capture(lambda: out.append(body(*here, **options)))
    replay()
    compare(results(device, out[-1]), expected)
    assert name not in device.refused, device.report()


def compare(got, expected):
    assert len(got) == len(expected)
    for a, b in zip(got, expected):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


def test_what_is_not_a_number_passes_through_a_fused_relu(device):
    """Or else a loss that is not finite would look finite."""
    x = device.asarray(np.array([[1, np.nan], [1, 2]], "float32"))
    a = table(device).dense_relu(x, device.asarray(np.eye(2, dtype="float32")), device.zeros((2,)))
    assert np.isnan(device.to_host(a)[0]).any() and (device.to_host(a)[1] == [1, 2]).all()


@given(data=st.data())
def test_dropout_draws_the_bits_of_numpy(data):
    d = Draw(data)
    x, rate = d.plain(d.size(), d.size(high=40)), d.pick(0.0, 0.1, 0.5, 0.999)
    step = np.array(d.pick(0, 7, 2**32 - 1, 2**33 + 1), "int64")
    place = d.pick(0, 2**64 - 1, 12345678901234567), d.pick(0, 5), d.pick(0, 60_000, 2**32 - 2)
    y, mask = EQUATIONS["dropout"](x, rate, place[0], place[1], step, place[2])
    y2, mask2 = table(FAKE).dropout(FAKE.asarray(x), rate, place[0], place[1], FAKE.asarray(step), place[2])
    np.testing.assert_array_equal(mask2.get(), mask)
    np.testing.assert_array_equal(y2.get(), y)


def test_a_batch_that_is_cut_takes_the_equation(unsure):
    """The sums over its parts are asked for with allreduce."""
    x, one = FAKE.asarray(np.arange(12, dtype="float32").reshape(4, 3)), FAKE.asarray(np.ones(3, "float32"))
    asked = []
    table(FAKE).batchnorm(x, one, one, allreduce=lambda v: asked.append(v) or v)
    assert len(asked) == 3 and not FAKE.compiled


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["dense", "conv2d"])
def test_a_joined_body_does_both(kernels, name, bias):
    """dense_relu and conv2d_relu, forward and backward, against the two equations one after the other."""
    (x, W, b), options, _ = CALLS[name]
    x, W, b = (moved(FAKE, a, "float32") for a in (x, W, b))
    ops, b = table(FAKE), b if bias else False
    plain, plain_backward = (JOINED[f"{name}_relu{end}"](EQUATIONS) for end in ("", "_backward"))
    a = getattr(ops, f"{name}_relu")(x, W, b, **options)
    compare(results(FAKE, a), results(FAKE, plain(x, W, b, **options)))
    da, where = FAKE.asarray(np.cos(np.arange(a.size, dtype="float32")).reshape(a.shape)), {} if bias else {"db": False}
    *got, db = getattr(ops, f"{name}_relu_backward")(da, a, x, W, **options, **where)
    *expected, plain_db = plain_backward(da, a, x, W, **options, **where)
    compare(results(FAKE, tuple(got)), results(FAKE, tuple(expected)))
    assert (db is False is plain_db) if not bias else np.allclose(db.get(), plain_db.get(), rtol=1e-4, atol=1e-5)
    assert not FAKE.refused
