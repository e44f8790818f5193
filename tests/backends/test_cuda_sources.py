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

from dlcourse.backends.cuda_kernel import LABELS
from dlcourse.backends.cuda_table import KERNELS
from dlcourse.backends.fake_kernels import MEANINGS

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
    for label in LABELS if "LABEL" in kernel.source and gpu == "sm_90" else ["int64"]:
        cubin = nvrtc.compile(kernel.code(label), (*AS_CUPY, f"-arch={gpu}"))
        assert kernel.name.encode() in cubin


@needs_nvrtc
def test_the_compiler_sees_what_is_not_there():
    """NVRTC knows no INFINITY and includes nothing: g++ alone would not notice."""
    with pytest.raises(RuntimeError, match='identifier "INFINITY" is undefined'):
        nvrtc.compile('extern "C" __global__ void f(float* x) { x[0] = INFINITY; }', (*AS_CUPY, "-arch=sm_90"))


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
