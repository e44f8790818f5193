"""A CUDA kernel as text, and how a body starts it. Needs no CUDA: who plays the device says what a RawKernel is."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from . import cuda_half

NUMBERS = {"int": np.int32, "unsigned": np.uint32, "long long": np.int64, "float": np.float32}
ARRAYS = {"bool": "bool", "unsigned char": "uint8", "unsigned short": "uint16", "int": "int32", "unsigned": "uint32"}
ARRAYS |= {"long long": "int64", "float": "float32"}
LABELS = {dtype: c for c, dtype in ARRAYS.items() if c not in ("bool", "float")}
REALS = ("float32", *cuda_half.KINDS)  # what activations may be made of
NULL = np.uint64(0)


class Refused(RuntimeError):
    """The device, or a library on it, cannot do this: from now on the equation does it."""


class Unfit(Exception):
    """This call's arrays do not suit the body (their order in memory, their dtype): the equation takes this call."""


class Kernel:
    """One `extern "C" __global__` function. Its parameters are read from its text.

    source  CUDA C; LABEL in it stands for the type of the class numbers, REAL for that of activations
    helpers functions for the device that it calls
    """

    def __init__(self, source: str, helpers: str = ""):
        self.source, self.helpers = source.strip(), helpers
        self.name, inside = re.search(r"__global__ void (\w+)\((.*?)\)\s*{", source, re.DOTALL).groups()
        self.params = [parameter(text) for text in inside.split(",")]

    def code(self, label: str = "int64", real: str = "float32") -> str:
        """What is compiled, for class numbers and for activations of these dtypes."""
        narrow = real != "float32" and "REAL" in self.source
        half, name = (cuda_half.half(real), "Half") if narrow else ("", "float")
        return f"{half}{self.helpers}\n{self.source}\n".replace("LABEL", LABELS[label]).replace("REAL", name)

    def real(self, args: tuple) -> str:
        """The dtype of the activations among these arguments; float32 where there are none."""
        found = (a.dtype.name for (kind, _, _), a in zip(self.params, args) if kind == "REAL" and hasattr(a, "dtype"))
        return next(found, "float32")

    def arguments(self, args: tuple, label: str = "int64", real: str = "float32") -> tuple:
        """The arguments as the kernel takes them. Raises Unfit where an array has another dtype, or gaps."""
        assert len(args) == len(self.params), f"{self.name} takes {len(self.params)} arguments, got {len(args)}"
        if real not in REALS:
            raise Unfit(f"activations must be {', '.join(REALS)}")
        kinds = ARRAYS | {"LABEL": label, "REAL": real}
        return tuple(fitted(*param, a, kinds) for param, a in zip(self.params, args))


def parameter(text: str) -> tuple[str, str, bool]:
    """("float", "z", True) for `const float* z`"""
    text = text.replace("const ", "").replace("volatile ", "")
    kind, name = re.fullmatch(r"\s*([\w ]+?\*?)\s*(\w+)\s*", text).groups()
    return kind.rstrip("*"), name, kind.endswith("*")


def fitted(kind: str, name: str, is_array: bool, a: Any, kinds: dict[str, str]) -> Any:
    """An array of this C type without gaps, or a number of it: Python's own would be taken for 64 bits."""
    if not is_array:
        return NUMBERS[kind](a)
    if a is None:
        return NULL
    if getattr(a, "dtype", None) != kinds[kind] or not a.flags.c_contiguous:
        raise Unfit(f"{name} must be {kinds[kind]} without gaps")
    return a


def blocks(n: int, each: int = 256) -> tuple[int]:
    """The grid of blocks in which `each` of n items find a place. Nothing to do is not for a kernel."""
    if not n:
        raise Unfit("an empty array")
    return (-(-n // each),)
