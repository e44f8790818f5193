"""NVIDIA's run-time compiler through ctypes: CUDA C becomes machine code for any GPU; needs no GPU and no driver."""

from __future__ import annotations

import ctypes
import functools
from ctypes import byref, c_char_p, c_size_t, c_void_p, create_string_buffer
from importlib.util import find_spec
from pathlib import Path


@functools.cache
def library() -> ctypes.CDLL | None:
    """libnvrtc of the wheel nvidia-cuda-nvrtc, if it is installed."""
    spec = find_spec("nvidia")
    for folder in spec.submodule_search_locations if spec else ():
        for path in sorted(Path(folder).glob("*/lib/libnvrtc.so.*")):
            return ctypes.CDLL(str(path))
    return None


def compile(code: str, options: tuple[str, ...]) -> bytes:
    """The machine code (cubin). Raises RuntimeError with the compiler's words."""
    lib, program, size = library(), c_void_p(), c_size_t()
    lib.nvrtcCreateProgram(byref(program), c_char_p(code.encode()), c_char_p(b"kernel.cu"), 0, None, None)
    failed = lib.nvrtcCompileProgram(program, len(options), (c_char_p * len(options))(*(o.encode() for o in options)))
    lib.nvrtcGetProgramLogSize(program, byref(size))
    log = create_string_buffer(size.value)
    lib.nvrtcGetProgramLog(program, log)
    if failed:
        raise RuntimeError(log.value.decode())
    lib.nvrtcGetCUBINSize(program, byref(size))
    cubin = create_string_buffer(size.value)
    lib.nvrtcGetCUBIN(program, cubin)
    lib.nvrtcDestroyProgram(byref(program))
    return cubin.raw
