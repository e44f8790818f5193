"""Matrix products by cuBLASLt, called through ctypes: a graph can record them, and an epilogue does what comes next.

CuPy refuses to record its own products, and has no epilogues. cuBLASLt counts columns first: it is asked for
outᵀ = bᵀ aᵀ, so that arrays that count rows first are used as they are. Its "A" is our b, its "B" our a.
Numbers and names: cublasLt.h of CUDA 12 and 13.
"""

from __future__ import annotations

import ctypes
from ctypes import Structure, byref, c_double, c_float, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

from .cuda_kernel import Refused, Unfit

KINDS = {"float32": (0, 68, 0, c_float), "float64": (1, 70, 1, c_double)}  # data, compute and scale type; the scalars
KINDS |= {"float16": (2, 68, 0, c_float), "bfloat16": (14, 68, 0, c_float)}  # 16 bits, summed in float32
KINDS |= {"tf32": (0, 77, 0, c_float)}  # float32 whose factors are rounded to 10 bits after the point
EPILOGUES = {"": 1, "relu": 2, "bias": 4, "relu_bias": 6, "relu_aux_bias": 134, "drelu_bgrad": 152, "bgrad": 256}
TRANSPOSE_A, TRANSPOSE_B, EPILOGUE, BIAS, AUX, AUX_LD = 3, 4, 7, 8, 11, 12  # attributes of a product
WORKSPACE, ALIGNMENTS = 1, (5, 6, 7, 8)  # and of the search for an algorithm
FULL = 3  # CUBLAS_STATUS_ALLOC_FAILED
LINE = 16  # bytes: what an algorithm may read at once
MEMORY = 32 << 20  # bytes of workspace: what NVIDIA advises for Hopper
LIBRARIES = "libcublasLt.so.13", "libcublasLt.so.12", "cublasLt64_13.dll", "cublasLt64_12.dll"


class Found(Structure):
    """cublasLtMatmulHeuristicResult_t: an algorithm that fits."""

    _fields_ = [("algorithm", c_uint64 * 8), ("workspace", c_size_t), ("state", c_int32), ("waves", c_float),
                ("reserved", c_int32 * 4)]  # fmt: skip


SIGNATURES = {
    "Create": "p",
    "MatmulDescCreate": "pii",
    "MatmulDescSetAttribute": "pips",
    "MatrixLayoutCreate": "piUUI",
    "MatmulPreferenceCreate": "p",
    "MatmulPreferenceSetAttribute": "pips",
    "MatmulAlgoGetHeuristic": "pppppppipp",
    "Matmul": "ppppppppppppp" + "psp",
}
LETTERS = {"p": c_void_p, "i": c_int32, "s": c_size_t, "U": c_uint64, "I": c_int64}


def library() -> Any:
    """libcublasLt, wherever CuPy's own finder or the system's loader finds it. Raises Refused where it is not."""
    try:
        from cuda.pathfinder import load_nvidia_dynamic_lib

        return ctypes.CDLL(load_nvidia_dynamic_lib("cublasLt").abs_path)
    except Exception as error:  # the finder has errors of its own, and is not everywhere
        why = error
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            pass
    raise Refused(f"cuBLASLt is not installed ({str(why).splitlines()[0]})")


def call(lib: Any, name: str, *args: Any) -> None:
    """cublasLt<name>(*args), typed. Raises MemoryError where the memory is full, Refused for any other bad status."""
    function = getattr(lib, "cublasLt" + name)
    if function.argtypes is None:
        function.argtypes, function.restype = [LETTERS[c] for c in SIGNATURES[name]], c_int32
    if (status := function(*args)) == FULL:
        raise MemoryError(f"cublasLt{name}: out of memory")
    if status:
        meaning = {1: "not initialised", 7: "a wrong value", 15: "not supported"}.get(status, "see cublas_api.h")
        raise Refused(f"cublasLt{name}: status {status}, {meaning}")


def set_attribute(lib: Any, kind: str, handle: Any, key: int, value: Any) -> None:
    """One attribute of a descriptor, of the size that its C type has."""
    call(lib, f"{kind}SetAttribute", handle, key, byref(value), ctypes.sizeof(value))


class Product:
    """Descriptors for one kind of product: out (m,n) = a (m,k) b (k,n). Made without a GPU; `choose` needs one.

    kind  of a and b, in KINDS; out: of what comes out, the same or float32
    """

    def __init__(self, lib: Any, m: int, n: int, k: int, flip_a: bool, flip_b: bool, kind: str, epilogue: str = "",
                 out: str = ""):  # fmt: skip
        self.lib, self.desc, self.found = lib, c_void_p(), None
        data, compute, scale, scalar = KINDS[kind]
        self.one, self.zero = scalar(1), scalar(0)
        call(lib, "MatmulDescCreate", byref(self.desc), compute, scale)
        self.set(TRANSPOSE_A, c_int32(flip_b))
        self.set(TRANSPOSE_B, c_int32(flip_a))
        self.set(EPILOGUE, c_uint32(EPILOGUES[epilogue]))
        if epilogue in ("relu_aux_bias", "drelu_bgrad"):
            self.set(AUX_LD, c_int64(-(-n // 128) * 128))  # bits: one for each number that was above 0
        self.A = self.layout(data, *((k, n) if flip_b else (n, k)))
        self.B = self.layout(data, *((m, k) if flip_a else (k, m)))
        self.D = self.layout(KINDS[out or kind][0], n, m)

    def set(self, key: int, value: Any) -> None:
        set_attribute(self.lib, "MatmulDesc", self.desc, key, value)

    def layout(self, data: int, rows: int, columns: int) -> c_void_p:
        handle = c_void_p()
        call(self.lib, "MatrixLayoutCreate", byref(handle), data, rows, columns, rows)
        return handle

    def choose(self, handle: c_void_p, alignments: tuple) -> None:
        """Ask for the algorithm that the library thinks fastest, for pointers that are multiples of so many bytes.

        Where it has none for odd pointers, it may have one for others: that is no reason to refuse them all.
        """
        wish, found, count = c_void_p(), Found(), c_int32()
        call(self.lib, "MatmulPreferenceCreate", byref(wish))
        set_attribute(self.lib, "MatmulPreference", wish, WORKSPACE, c_uint64(MEMORY))
        for key, bytes_ in zip(ALIGNMENTS, alignments):
            set_attribute(self.lib, "MatmulPreference", wish, key, c_uint32(bytes_))
        layouts = self.desc, self.A, self.B, self.D, self.D
        call(self.lib, "MatmulAlgoGetHeuristic", handle, *layouts, wish, 1, byref(found), byref(count))
        if not count.value or found.state:
            raise (Unfit if min(alignments) < LINE else Refused)("cuBLASLt has no algorithm for this product")
        self.found = found


class CublasLt:
    """gemm(a, b, out=None, epilogue="", bias=None) for CuPy arrays. The library is looked for at the first product."""

    bytes = MEMORY

    def __init__(self, xp: Any):
        self.xp, self.lib, self.products = xp, None, {}

    def start(self) -> None:
        lib, self.handle = library(), c_void_p()
        call(lib, "Create", byref(self.handle))
        self.memory = self.xp.empty((MEMORY,), "uint8")  # ours: nothing is allocated while a graph is recorded
        self.lib = lib

    def __call__(self, a: Any, b: Any, out: Any = None, epilogue: str = "", bias: Any = None, aux: Any = None,
                 tf32: bool = False) -> Any:  # fmt: skip
        """out = a b; "bias": + bias; "relu_bias": max(a b + bias, 0); "bgrad": and bias = Σ over the rows of b."""
        if a.dtype != b.dtype or a.dtype.name not in KINDS or not a.size or not b.size:
            raise Unfit("a product is of two matrices of one dtype, floats of 16, 32 or 64 bits")
        out = self.xp.empty((len(a), b.shape[1]), a.dtype) if out is None else out
        if out.dtype != a.dtype and (out.dtype != "float32" or a.dtype.itemsize != 2):
            raise Unfit("out is of the dtype of a and b; only a product in 16 bits may give float32")
        if any(x.dtype != out.dtype or not x.flags.c_contiguous for x in (out, bias) if x is not None):
            raise Unfit("out and bias are of one dtype and lie without gaps")
        if (
            a.shape[1] != len(b)
            or out.shape != (len(a), b.shape[1])
            or (bias is not None and bias.shape != out.shape[1:])
        ):
            raise Unfit("the shapes are a (m,k), b (k,n), out (m,n), bias (n,)")
        if any(x.data.ptr % LINE for x in (bias, aux) if x is not None):  # of these the search cannot be told
            raise Unfit(f"a bias begins at a multiple of {LINE} bytes")
        if self.lib is None:
            self.start()
        (a, flip_a), (b, flip_b) = self.plain(a), self.plain(b)
        (m, n), k = out.shape, a.shape[0] if flip_a else a.shape[1]
        places = [x.data.ptr for x in (b, a, out, out)]
        alignments = tuple(min(256, p & -p) for p in places)
        kind = "tf32" if tf32 and a.dtype == "float32" else a.dtype.name
        key = m, n, k, flip_a, flip_b, kind, epilogue, out.dtype.name, alignments
        product = self.products.get(key) or Product(self.lib, *key[:8])
        for attribute, array in (BIAS, bias), (AUX, aux):
            if array is not None:
                product.set(attribute, c_void_p(array.data.ptr))
        if product.found is None:
            product.choose(self.handle, alignments)
            self.products[key] = product
        p, where = product, self.xp.cuda.get_current_stream().ptr
        call(self.lib, "Matmul", self.handle, p.desc, byref(p.one), places[0], p.A, places[1], p.B, byref(p.zero),
             places[2], p.D, places[3], p.D, byref(p.found.algorithm), self.memory.data.ptr, MEMORY, where)  # fmt: skip
        return out

    def plain(self, a: Any) -> tuple[Any, bool]:
        """The matrix as it lies in memory, row after row, and whether that is its transpose."""
        if a.flags.c_contiguous:
            return a, False
        return (a.T, True) if a.T.flags.c_contiguous else (self.xp.ascontiguousarray(a), False)
