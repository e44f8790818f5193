"""The fake device has the manners of CuPy: what that refuses, copies, waits for and records, this does too."""

from __future__ import annotations

import json
import subprocess
import sys

import cupy_lacks
import numpy as np
import pytest
from banks import COUNTED, HOST, REFUSED

from dlcourse.backends.fake import DEVICE, FAKE, FakeArray, Stream, standalone, xp
from dlcourse.backends.fake_array import LACKS

rng = np.random.default_rng(5)


def put(a):
    return FAKE.asarray(a)


@pytest.fixture
def x() -> FakeArray:
    return put(HOST)


# ---- banks of wrong code


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_cupy_refuses(name, x):
    wrong, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        wrong(xp, x)
    np.testing.assert_array_equal(x.get(), HOST)


@pytest.mark.parametrize("name", COUNTED)
def test_counts(name, x):
    code, *expected = COUNTED[name]
    with DEVICE.watch() as seen:
        code(xp, x)
    assert [seen.launches, seen.copies, seen.syncs] == expected, seen.log


# ---- the numbers are NumPy's

SAME = {
    "operators": lambda m, a, b: ((a + 2 * b - b / 3) ** 2) @ (-b).T % 0.7,
    "comparisons": lambda m, a, b: (a > 0) & (b <= 0.5) | ~(a != b),
    "in place": lambda m, a, b: steps_in_place(m, a, b),
    "reductions": lambda m, a, b: m.stack([a.sum(axis=0), b.max(axis=0), a.var(axis=0), m.cumsum(a, axis=0)[-1]]),
    "0-d result": lambda m, a, b: a.sum() * b.mean(),
    "promotion by an array of shape ()": lambda m, a, b: a * m.zeros((), "float64"),
    "promotion by a scalar": lambda m, a, b: a * np.float64(2),
    "views": lambda m, a, b: through_views(m, a),
    "take_along_axis": lambda m, a, b: m.take_along_axis(a, m.argmax(b, axis=1)[:, None], axis=1),
    "scatter": lambda m, a, b: scattered(m, a, b),
    "out": lambda m, a, b: m.multiply(a, b, out=m.empty_like(a)).sum(axis=1, out=m.empty((3,), a.dtype)),
    "dtype of a ufunc": lambda m, a, b: m.multiply(m.abs(a * 9).astype("uint32"), np.uint32(7), dtype="uint64"),
    "overlap": lambda m, a, b: shifted(m, a.copy()),
    "windows": lambda m, a, b: m.lib.stride_tricks.sliding_window_view(a, 2, axis=1).sum(axis=-1),
    "joining": lambda m, a, b: m.concatenate([a, b, m.pad(a, 1)[1:-1, 1:-1]], axis=0),
    "two results": lambda m, a, b: m.stack(m.divmod(a, b)),
    "erf": lambda m, a, b: (FAKE if m is xp else __import__("dlcourse").backends.NUMPY).erf(a),
}


def steps_in_place(m, a, b):
    c = a.copy()
    c += b
    c[1:] *= 2
    c[:, 0] -= c[:, 1]
    c[0, 0] /= 3
    m.copyto(c, 0.25, where=b > 1)
    return c


def through_views(m, a):
    c = a.copy()
    one = c.reshape(-1)[5:6].reshape(())
    one *= 100
    c.T[0] += one
    c[2, 3] = one
    return c


def scattered(m, a, b):
    c, i = m.zeros((2, 4), a.dtype), m.asarray(np.array([0, 1, 0]))
    m.add.at(c, i, a)
    c[i[:2], i[:2]] = b[:2, 0]
    return c


def shifted(m, a):
    a[1:] = a[:-1]
    a[:, 1:] += a[:, :-1]
    return a


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SAME)
def test_numbers_are_numpys_bit_for_bit(name, dtype):
    a, b = rng.normal(size=(2, 3, 4)).astype(dtype)
    expected, got = SAME[name](np, a, b), SAME[name](xp, put(a), put(b))
    assert type(got) is FakeArray and got.dtype == expected.dtype and got.shape == expected.shape
    np.testing.assert_array_equal(got.get(), expected)


def test_the_device_has_memory_of_its_own(x):
    host = HOST.copy()
    a = put(host)
    host[:] = 0
    np.testing.assert_array_equal(a.get(), HOST)
    a.get()[:] = 0
    np.testing.assert_array_equal(a.get(), HOST)


def test_unwritten_memory_holds_rubbish():
    assert np.isnan(xp.empty((2,), "float32").get()).all()
    assert (xp.empty((2,), "int64").get() != 0).all()


def test_a_copy_of_an_array_is_one(x):
    import copy

    for twin in (copy.copy(x), copy.deepcopy(x), xp.array(x)):
        twin += 1
        np.testing.assert_array_equal(x.get(), HOST)


def test_an_index_of_shape_zero_makes_a_copy(x):
    row = x[xp.zeros((), "int64")]
    row += 1
    np.testing.assert_array_equal(x.get(), HOST)


def test_gpus_do_not_warn(x):
    y = x.copy()
    y[...] = 0
    assert np.isinf((1 / y).get()).all()


# ---- the tables


def test_only_what_cupy_has():
    """Needs CuPy installed, not a GPU."""
    cupy = pytest.importorskip("cupy")
    for name in dir(np):
        if callable(getattr(np, name)) and not isinstance(getattr(np, name), type) and not name.startswith("_"):
            assert hasattr(xp, name) <= hasattr(cupy, name), name


def test_table_is_that_of_the_installed_cupy():
    pytest.importorskip("cupy")
    new = cupy_lacks.tables()
    if new["versions"] != LACKS["versions"]:
        pytest.skip(f"the table was read from {LACKS['versions']}, here is {new['versions']}")
    assert json.loads(json.dumps(new)) == LACKS


def test_standalone_needs_numpy_alone(tmp_path):
    (tmp_path / "gpu.py").write_text(standalone())
    code = (
        "import sys; before = set(sys.modules); import numpy; import gpu\n"
        "a = gpu.xp.asarray(numpy.ones(3))\n"
        "with gpu.DEVICE.watch() as seen: float(a.sum())\n"
        "assert (seen.launches, seen.syncs) == (1, 1) and not hasattr(gpu.xp, 'vecdot')\n"
        "assert not any(m.startswith('dlcourse') for m in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


# ---- recording


def test_only_a_stream_of_its_own_captures():
    with pytest.raises(RuntimeError, match="default"):
        Stream().begin_capture()


def test_the_fake_needs_no_cupy():
    code = "import sys; import dlcourse.backends.fake; assert 'cupy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
