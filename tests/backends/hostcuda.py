"""Runs the CUDA sources on the CPU, as they stand: g++ compiles them behind a few lines that play the GPU.

Each thread of a block is a fiber of its own. A fiber runs until it needs the others (a barrier, or a number from a
neighbour in its warp), then gives way; blocks run one after the other. It cannot show races, nor speed. -ftz and the
fusing of a product and a sum are a GPU's own: differences in the last bits.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import itertools
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from dlcourse.backends.cuda_kernel import LABELS, NULL, NUMBERS, REALS
from dlcourse.backends.cuda_table import KERNELS
from dlcourse.backends.fake import play

SHIM = r"""
#include <cmath>
#include <cstdint>
#include <ucontext.h>
#include <vector>
#define __global__
#define __device__ static
#define __forceinline__ inline
#define __shared__ static
struct Three { unsigned x, y, z; };
static Three threadIdx, blockIdx, blockDim, gridDim;
static std::vector<ucontext_t> fiber;
static std::vector<char> stack, done;
static std::vector<float> shown;
static ucontext_t host;
static void give_way() { Three me = threadIdx; swapcontext(&fiber[me.x], &host); threadIdx = me; }
struct Gate {  // all who are still alive must have come before the first goes on
  int alive, here, opened;
  void open() { if (alive && here == alive) here = 0, opened++; }
  void pass() { int before = opened; here++; open(); while (opened == before) give_way(); }
};
static Gate whole;
static std::vector<Gate> warp;
static void leave() { for (Gate* g : {&whole, &warp[threadIdx.x / 32]}) g->alive--, g->open(); }
static void __syncthreads() { whole.pass(); }
static int __syncthreads_and(int mine) {
  shown[threadIdx.x] = mine; whole.pass();
  int all = 1; for (unsigned i = 0; i < blockDim.x; i++) all = all && shown[i]; whole.pass();
  return all;
}
static float __shfl_xor_sync(unsigned, float x, int far) {
  Gate& gate = warp[threadIdx.x / 32];
  shown[threadIdx.x] = x; gate.pass();
  float other = shown[threadIdx.x ^ far]; gate.pass();
  return other;
}
static void __threadfence() {}
static unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
static unsigned atomicInc(unsigned* p, unsigned top) { unsigned old = *p; *p = old >= top ? 0 : old + 1; return old; }
"""
RUN = r"""
static void** given;
static void enter() { %(call)s; leave(); done[threadIdx.x] = 1; }
extern "C" void run(int grid, int block, void** args) {
  given = args; gridDim = {(unsigned)grid, 1, 1}; blockDim = {(unsigned)block, 1, 1};
  const size_t deep = 32768;
  fiber.resize(block); stack.resize(deep * block); shown.resize(block);
  for (blockIdx = {0, 0, 0}; blockIdx.x < (unsigned)grid; blockIdx.x++) {
    done.assign(block, 0); whole = {block, 0, 0}; warp.assign(block / 32, Gate{32, 0, 0});
    for (int i = 0; i < block; i++) {
      getcontext(&fiber[i]);
      fiber[i].uc_stack.ss_sp = &stack[deep * i]; fiber[i].uc_stack.ss_size = deep; fiber[i].uc_link = &host;
      makecontext(&fiber[i], enter, 0);
    }
    for (int left = block; left;) {
      left = 0;
      for (int i = 0; i < block; i++) if (!done[i]) {
        threadIdx = {(unsigned)i, 0, 0}; swapcontext(&host, &fiber[i]); left += !done[i];
      }
    }
  }
}
"""
# -Bsymbolic: a kernel's name may also be one of the C library's
FLAGS = "-std=c++17 -O1 -w -ffp-contract=off -shared -fPIC -Wl,-Bsymbolic -x c++ -".split()
WHY_NOT = "" if shutil.which("g++") else "g++ is not installed"


@functools.cache
def compiled(code: str, name: str, call: str) -> ctypes.CDLL:
    text = SHIM + code + RUN % {"call": call}
    path = Path(tempfile.gettempdir()) / f"dlcourse-{name}-{digest(text)}.so"
    if not path.exists():
        made = path.with_suffix(".making.so")
        subprocess.run(["g++", *FLAGS, "-o", made], input=text, text=True, check=True)
        made.replace(path)
    return ctypes.CDLL(str(path))


def run(kernel, grid: tuple, args: tuple, label: str = "int64", real: str = "float32") -> None:
    """The kernel on NumPy arrays, in blocks of 256 threads; the arrays that it writes are changed in place."""
    names = {"LABEL": LABELS[label], "REAL": "float" if real == "float32" else "Half"}
    kinds = [f"{names.get(kind, kind)}{'*' * is_array}" for kind, _, is_array in kernel.params]
    call = f"{kernel.name}({', '.join(f'*({kind}*)given[{i}]' for i, kind in enumerate(kinds))})"
    held = [
        np.uintp(address(a)) if is_array else NUMBERS[kind](a) for (kind, _, is_array), a in zip(kernel.params, args)
    ]
    boxes = [np.array(h) for h in held]
    places = (ctypes.c_void_p * len(boxes))(*(box.ctypes.data for box in boxes))
    compiled(kernel.code(label, real), kernel.name, call).run(grid[0], 256, places)


def digest(text: str) -> str:
    return hashlib.sha256((text + str(FLAGS)).encode()).hexdigest()[:16]


def address(a) -> int:
    return 0 if a is NULL or a is None else a.ctypes.data


class HostKernel:
    """In place of the fake device's RawKernel: the text itself runs, on the CPU."""

    def __init__(self, code: str, name: str):
        self.kernel = KERNELS[name]
        every = itertools.product(LABELS, REALS)
        self.label, self.real = next(both for both in every if self.kernel.code(*both) == code)

    def __call__(self, grid: tuple, block: tuple, args: tuple) -> None:
        assert block == (256,)
        play(self.kernel.name, lambda *given: run(self.kernel, grid, given, self.label, self.real), args)
