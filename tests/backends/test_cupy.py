"""The CuPy backend: what it says where it cannot run; and on a GPU, that CuPy behaves as the fake device claims."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from banks import COUNTED, HOST, REFUSED

from dlcourse.backends import BACKENDS, NUMPY, backend_of, get_backend, to_host
from dlcourse.backends.device import CupyBackend
from dlcourse.backends.fake import FAKE, FakeArray


def gpu() -> bool:
    try:
        return bool(get_backend("cupy"))
    except (ImportError, RuntimeError):
        return False


without_gpu = pytest.mark.skipif(gpu(), reason="here is a GPU")


def python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- without a GPU


def test_the_package_does_not_import_cupy():
    python("import sys, dlcourse, dlcourse.backends; assert 'cupy' not in sys.modules")


def test_without_cupy_one_sentence_says_what_to_do():
    python(
        "import sys; sys.modules['cupy'] = None\n"
        "from dlcourse.backends import get_backend\n"
        "try: get_backend('cupy')\n"
        "except ImportError as why: text = str(why)\n"
        "assert 'needs CuPy' in text and 'dlcourse doctor' in text and 'numpy' in text and '\\n' not in text, text\n"
        "assert get_backend('numpy').host\n"
    )


@without_gpu
def test_without_a_gpu_one_sentence_says_why_and_what_to_do():
    pytest.importorskip("cupy")
    with pytest.raises(RuntimeError, match=r"finds no GPU it can use \(cuda\w+: .*`dlcourse doctor`") as error:
        get_backend("cupy")
    assert "\n" not in str(error.value)


@without_gpu
def test_without_a_gpu_the_arrays_of_cupy_are_still_known():
    cupy = pytest.importorskip("cupy")
    from dlcourse.backends.cupy import CUPY

    assert BACKENDS[cupy.ndarray] is CUPY and type(CUPY) is CupyBackend is type(FAKE)
    assert (CUPY.name, CUPY.host, CUPY.xp) == ("cupy", False, cupy)


def test_a_backend_is_given_back_as_it_is():
    assert get_backend(FAKE) is FAKE
    with pytest.raises(ValueError, match="cupy.*GPU"):
        get_backend("cuda")


def test_the_header_names_the_newest_record(tmp_path, monkeypatch):
    """tests/conftest.py: when and where the gpu tests last ran."""
    spec = importlib.util.spec_from_file_location("header", Path(__file__).parents[1] / "conftest.py")
    header = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(header)
    monkeypatch.setattr(header, "RECORDS", tmp_path)
    assert "never" in header.last_run()
    for date, device in ("2026-03-01", "T4"), ("2026-12-24", "H100"), ("2026-11-05", "L4"):
        record = {"device": device, "date": date, "commit": "abc", "passed": 7, "failed": 0}
        (tmp_path / f"gpu-tests-{device}-{date}.json").write_text(json.dumps(record))
    assert header.last_run() == "the gpu tests last ran 2026-12-24 on H100, commit abc: 7 passed, 0 failed"


# ---- the backend's own methods, on the fake device and on a GPU


def test_there_and_back(device):
    for dtype in ("float32", "float64", "int64", "bool"):
        a = (HOST > 0).astype(dtype) if dtype == "bool" else HOST.astype(dtype)
        there = device.asarray(a)
        assert backend_of(there) is device and there.dtype == dtype and there.shape == a.shape
        np.testing.assert_array_equal(to_host(there), a)
        np.testing.assert_array_equal(NUMPY.asarray(there), a)
        assert device.asarray(there) is there
    assert device.asarray([1, 2]).dtype == "int64" and device.asarray(HOST, "float64").dtype == "float64"


def test_empty_zeros_scratch(device):
    assert device.empty((2, 3, 4, 5)).shape == (2, 3, 4, 5) and device.empty(()).shape == ()
    assert not device.to_host(device.zeros((3,), "int64")).any()
    assert device.scratch((2, 3), "bool").dtype == bool
    assert device.scratch_like(device.asarray(HOST)).dtype == "float32"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erf_and_matmul(device, dtype):
    a = device.asarray(HOST, dtype)
    expected = np.vectorize(math.erf)(HOST.astype(dtype).astype(float))
    out = device.empty(a.shape, dtype)
    for got in device.erf(a), device.erf(a, out=out):
        assert got.dtype == dtype
        np.testing.assert_allclose(device.to_host(got), expected, rtol=1e-5 if dtype == "float32" else 1e-13)
    product = device.matmul(a, a.T, out=device.empty((3, 3), dtype))
    np.testing.assert_allclose(device.to_host(product), HOST.astype(dtype) @ HOST.T, rtol=1e-5, atol=1e-6)
    device.synchronize()


def test_both_kinds_are_live_at_once():
    assert backend_of(HOST) is NUMPY and backend_of(FAKE.asarray(HOST)) is FAKE
    assert type(FAKE.asarray(HOST)) is FakeArray


# ---- on a GPU: the tables of the fake device, put to CuPy itself


@pytest.mark.gpu
@pytest.mark.parametrize("name", REFUSED)
def test_cupy_refuses_it_too(name):
    import cupy

    wrong, error, _ = REFUSED[name]
    with pytest.raises(error):
        wrong(cupy, cupy.asarray(HOST))


@pytest.mark.gpu
@pytest.mark.parametrize("name", COUNTED)
def test_cupy_waits_where_the_fake_says(name):
    import cupy
    import cupyx

    code, _, _, syncs = COUNTED[name]
    if name == "deviceSynchronize":
        pytest.skip("CuPy's watch sees only the waits that read something")
    x = cupy.asarray(HOST)
    with cupyx.allow_synchronize(False):
        if syncs:
            with pytest.raises(cupyx.DeviceSynchronized):
                code(cupy, x)
        else:
            code(cupy, x)


@pytest.mark.gpu
@pytest.mark.parametrize("name", COUNTED)
def test_cupy_records_what_the_fake_lets_pass(name):
    """What neither copies nor waits can be recorded; what does, cannot."""
    import cupy
    from cupy.cuda.runtime import CUDARuntimeError

    code, _, copies, syncs = COUNTED[name]
    x, stream = cupy.asarray(HOST), cupy.cuda.Stream(non_blocking=True)
    with stream:
        code(cupy, x.copy())  # kernels compile
        x = x.copy()
        stream.synchronize()
        stream.begin_capture()
        try:
            failed = None
            code(cupy, x)
        except (RuntimeError, CUDARuntimeError) as why:
            failed = why
        try:
            stream.end_capture()
        except CUDARuntimeError as why:
            failed = failed or why
    assert bool(failed) == bool(copies or syncs), failed
