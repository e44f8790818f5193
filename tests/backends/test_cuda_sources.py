"""The CUDA sources without a GPU: every one compiles for every GPU of the course, and computes what it should."""

from __future__ import annotations

from types import SimpleNamespace

import hostcuda
import numpy as np
import nvrtc
import pytest
from cuda_cases import KERNEL_CASES
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcourse.backends.cuda_half import KINDS as HALVES
from dlcourse.backends.cuda_kernel import LABELS, REALS
from dlcourse.backends.cuda_table import KERNELS
from dlcourse.backends.fake_kernels import MEANINGS, halves

GPUS = {"sm_75": "T4", "sm_80": "A100", "sm_86": "RTX 30", "sm_89": "RTX 40, L4", "sm_90": "H100, H200",
        "sm_100": "B200", "sm_120": "RTX 50"}  # fmt: skip
AS_CUPY = "-std=c++17", "-ftz=true", "--device-as-default-execution-space"  # and no header anywhere

needs_nvrtc = pytest.mark.skipif(
    nvrtc.library() is None, reason="nvidia-cuda-nvrtc is not installed: pip install dlcourse[cuda-check]"
)
needs_compiler = pytest.mark.skipif(bool(hostcuda.WHY_NOT), reason=hostcuda.WHY_NOT)


@needs_nvrtc
@pytest.mark.parametrize("gpu", GPUS)
@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_compiles_for_every_gpu(name, gpu):
    kernel = KERNELS[name]
    codes = [kernel.code(label) for label in (LABELS if gpu == "sm_90" else ["int64"])]
    for code in {*codes, *(kernel.code(real=real) for real in REALS)}:
        assert kernel.name.encode() in nvrtc.compile(code, (*AS_CUPY, f"-arch={gpu}"))


@needs_nvrtc
def test_the_compiler_sees_what_is_not_there():
    """NVRTC knows no INFINITY and includes nothing: g++ alone would not notice."""
    with pytest.raises(RuntimeError, match='identifier "INFINITY" is undefined'):
        nvrtc.compile('extern "C" __global__ void f(float* x) { x[0] = INFINITY; }', (*AS_CUPY, "-arch=sm_90"))


NARROW = [name for name, kernel in KERNELS.items() if "REAL" in kernel.source]
STEP = {"float16": 2.0**-11, "bfloat16": 2.0**-8}  # half of the distance between neighbours, for numbers near 1


@needs_compiler
@pytest.mark.parametrize("real", STEP)
@pytest.mark.parametrize("name", NARROW)
@given(data=st.data())
@settings(max_examples=8)
def test_in_16_bits_the_source_reads_and_writes_16_and_computes_in_float32(name, real, data):
    """The text on numbers of 16 bits, and the meaning on the same numbers in float32: only the result is rounded."""
    kernel = KERNELS[name]
    grid, args, label = KERNEL_CASES[name](data)
    kinds, names = zip(*((kind, what) for kind, what, _ in kernel.params))
    narrow = [bits(a, real) if kind == "REAL" else copied(a) for kind, a in zip(kinds, args)]
    wide = [numbers(a, real) if kind == "REAL" else copied(a) for kind, a in zip(kinds, narrow)]
    hostcuda.run(kernel, grid, narrow, label, real)
    with np.errstate(all="ignore"):
        MEANINGS[name](SimpleNamespace(**dict(zip(names, wide))))
    for kind, what, got, expected in zip(kinds, names, narrow, wide):
        if kind == "REAL":
            np.testing.assert_allclose(numbers(got, real), expected, rtol=1.1 * STEP[real], atol=1e-5, err_msg=what)
        elif isinstance(got, np.ndarray) and what not in ("losses", "parts"):
            np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-5, err_msg=what)


def bits(a, real):
    """The numbers a in 16 bits, as uint16: so that NumPy need not know the type."""
    return halves(np.asarray(a, "float32"), HALVES[real])


def numbers(a, real):
    return a.view("float16").astype("float32") if real == "float16" else (a.astype("uint32") << 16).view("float32")


def copied(a):
    return a.copy() if isinstance(a, np.ndarray) else a


@needs_compiler
@pytest.mark.parametrize("name", KERNELS)
@given(data=st.data())
@settings(max_examples=15)
def test_the_source_means_what_the_fake_device_does(name, data):
    """The same arguments to the text, run on the CPU, and to its meaning in NumPy."""
    kernel = KERNELS[name]
    grid, args, label = KERNEL_CASES[name](data)
    theirs = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    kernel.arguments(args, label)
    hostcuda.run(kernel, grid, args, label)
    with np.errstate(all="ignore"):
        MEANINGS[name](SimpleNamespace(**dict(zip([what for _, what, _ in kernel.params], theirs))))
    for (_, what, is_array), got, expected in zip(kernel.params, args, theirs):
        if is_array and got is not None and what not in ("losses", "parts"):
            close = dict(rtol=2e-5, atol=1e-5) if got.dtype.kind == "f" else dict(rtol=0)
            np.testing.assert_allclose(got, expected, **close, err_msg=what)
