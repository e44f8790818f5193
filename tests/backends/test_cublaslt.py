"""cuBLASLt without a GPU: its descriptors are made by the library itself where it is installed; and a stand-in that
reads them, counting columns first as the manual says, multiplies what they point to.
"""

from __future__ import annotations

import ctypes
import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from dlcourse.backends import cublaslt
from dlcourse.backends.cublaslt import EPILOGUES, KINDS, CublasLt, Found, Product
from dlcourse.backends.cuda_half import KINDS as HALVES
from dlcourse.backends.cuda_kernel import Refused, Unfit


def installed():
    try:
        return cublaslt.library()
    except Refused:
        return None


needs_library = pytest.mark.skipif(
    installed() is None, reason="cuBLASLt is not installed (444 MB: pip install nvidia-cublas)"
)


@needs_library
@pytest.mark.parametrize("epilogue", EPILOGUES)
def test_the_library_takes_every_descriptor(epilogue):
    lib = cublaslt.library()
    for flip_a, flip_b, kind in itertools.product((False, True), (False, True), KINDS):
        for out in ("", "float32"):
            product = Product(lib, 64, 128, 784, flip_a, flip_b, kind, epilogue, out)
            assert product.desc and product.A and product.B and product.D


@needs_library
def test_a_product_without_a_gpu_is_refused_with_the_status():
    with pytest.raises(Refused, match="MatmulDescCreate: status 7, a wrong value"):
        cublaslt.call(cublaslt.library(), "MatmulDescCreate", None, 68, 0)


def test_the_result_of_the_search_has_the_size_in_the_header():
    assert ctypes.sizeof(Found) == 96


# ---- a stand-in for the library


class Lib:
    """Functions of cuBLASLt's names over NumPy. A handle is a number in `things`."""

    def __init__(self, refuses=()):
        self.things, self.refuses, self.log, self.wishes = [None], refuses, [], []

    def __getattr__(self, name):
        if not name.startswith("cublasLt"):
            raise AttributeError(name)
        function = getattr(self, "_" + name.removeprefix("cublasLt"))
        call = SimpleFunction(function)
        setattr(self, name, call)
        return call

    def new(self, place, thing):
        self.things.append(thing)
        place._obj.value = len(self.things) - 1
        return 0

    def _Create(self, handle):
        return self.new(handle, "handle")

    def _MatmulDescCreate(self, place, compute, scale):
        return self.new(place, {"compute": compute, "scale": scale})

    def _MatmulPreferenceCreate(self, place):
        return self.new(place, {})

    def _MatrixLayoutCreate(self, place, data, rows, columns, ld):
        return self.new(place, (data, rows, columns, ld))

    def _MatmulDescSetAttribute(self, handle, key, value, size):
        assert size == ctypes.sizeof(value._obj)
        self.things[handle.value][key] = value._obj.value
        return 0

    _MatmulPreferenceSetAttribute = _MatmulDescSetAttribute

    def _MatmulAlgoGetHeuristic(self, handle, desc, A, B, C, D, wish, many, found, count):
        self.wishes.append(self.things[wish.value])
        count._obj.value = self.things[desc.value][7] not in self.refuses
        return 0

    def _Matmul(self, handle, desc, alpha, a, A, b, B, beta, c, C, d, D, algorithm, memory, size, stream):
        how, (A, B, D) = self.things[desc.value], (self.things[x.value] for x in (A, B, D))
        assert (alpha._obj.value, beta._obj.value, c, C.value, size) == (1, 0, d, C.value, cublaslt.MEMORY)
        a, b, d = matrix(a, A), matrix(b, B), matrix(d, D)
        if A[0] in HALF:  # summed in float32
            assert (how["compute"], how["scale"]) == (68, 0)
            a, b = a.astype("float32"), b.astype("float32")
        a, b = a.T if how[3] else a, b.T if how[4] else b
        out, epilogue = a @ b, how[7]
        bias = matrix(how[8], (D[0], len(out), 1, len(out)))[:, 0] if 8 in how else None
        if epilogue & 4:
            out = out + bias[:, None]
        if epilogue & 2:
            out = np.maximum(out, 0)
        if epilogue == 256:
            bias[:] = a.sum(axis=1)
        d[:] = out
        self.log.append((epilogue, stream) if how["compute"] != KINDS["tf32"][1] else (epilogue, stream, "tf32"))
        return 0


class SimpleFunction:
    argtypes = None

    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        assert len(args) == len(self.argtypes)
        return self.function(*args)


HALF = {KINDS[name][0]: name for name in HALVES}


def matrix(address, layout):
    """What lies there, column after column, in columns `ld` apart."""
    data, rows, columns, ld = layout
    kind = {0: ctypes.c_float, 1: ctypes.c_double}.get(data, ctypes.c_uint16)
    flat = np.ctypeslib.as_array((kind * (ld * columns)).from_address(address))
    flat = flat.view(HALF[data]) if data in HALF else flat
    return flat.reshape(columns, ld)[:, :rows].T


class Array(np.ndarray):
    """NumPy's array with the address where CuPy's has it."""

    @property
    def data(self):
        return SimpleNamespace(ptr=self.ctypes.data)


def array(values, dtype="float32"):
    return np.array(values, dtype).view(Array)


@pytest.fixture
def lt(monkeypatch):
    lib = Lib()
    monkeypatch.setattr(cublaslt, "library", lambda: lib)
    stream = SimpleNamespace(get_current_stream=lambda: SimpleNamespace(ptr=77))
    xp = SimpleNamespace(cuda=stream, ascontiguousarray=lambda a: np.ascontiguousarray(a).view(Array))
    xp.empty = lambda shape, dtype: np.empty(shape, dtype).view(Array)
    return CublasLt(xp)


rng = np.random.default_rng(0)


def known(dtype):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes", reason="NumPy has no bfloat16 without ml_dtypes: pip install ml_dtypes")
    return dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("flip_a", [False, True])
@pytest.mark.parametrize("flip_b", [False, True])
def test_rows_first_or_transposed(lt, flip_a, flip_b, dtype):
    a, b = array(rng.normal(size=(5, 7)), dtype), array(rng.normal(size=(7, 3)), dtype)
    left, right = a.T.copy().T if flip_a else a, b.T.copy().T if flip_b else b
    out = array(np.full((5, 3), np.nan), dtype)
    assert lt(left, right, out) is out
    np.testing.assert_allclose(out, np.asarray(a) @ np.asarray(b), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        lt(left[:, ::2], right[::2]), np.asarray(a)[:, ::2] @ np.asarray(b)[::2], rtol=1e-5, atol=1e-6
    )
    assert lt.lib.log == [(1, 77), (1, 77)]


def test_epilogues(lt):
    x, W, b = array(rng.normal(size=(6, 5))), array(rng.normal(size=(5, 4))), array(rng.normal(size=4))
    z = np.asarray(x) @ np.asarray(W)
    np.testing.assert_allclose(lt(x, W, None, "bias", b), z + b, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(lt(x, W, None, "relu_bias", b), np.maximum(z + b, 0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(lt(x, W, None, "relu"), np.maximum(z, 0), rtol=1e-5, atol=1e-6)
    dz, db = array(rng.normal(size=(6, 4))), array(np.full(4, np.nan))
    np.testing.assert_allclose(lt(x.T, dz, None, "bgrad", db), np.asarray(x).T @ np.asarray(dz), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(db, np.asarray(dz).sum(axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("out", ["", "float32"])
@pytest.mark.parametrize("dtype", HALVES)
def test_16_bits_are_summed_in_float32_and_may_stay_there(lt, dtype, out):
    x, dz = array(rng.normal(size=(90, 5)), known(dtype)), array(rng.normal(size=(90, 4)), dtype)
    here, db = array(np.zeros((5, 4)), out or dtype), array(np.zeros(4), out or dtype)
    lt(x.T, dz, here, "bgrad", db)
    a, b = (np.asarray(v).astype("float32") for v in (x, dz))
    for got, exact in ((here, a.T @ b), (db, b.sum(axis=0))):
        expected = exact.astype(got.dtype).astype("float32")  # rounded once, at the end
        np.testing.assert_allclose(np.asarray(got).astype("float32"), expected, rtol=2e-6 if out else 2**-8, atol=1e-5)
    for wrong in array(np.zeros((5, 4)), "float64"), array(np.zeros((5, 4)), "float32"):
        with pytest.raises(Unfit, match="dtype"):
            lt(x.T, dz, wrong, "bgrad", array(np.zeros(4), "float16"))


def test_tf32_is_another_way_to_compute_in_float32(lt):
    x, W = array(rng.normal(size=(6, 5))), array(rng.normal(size=(5, 4)))
    for tf32 in (True, False, True):
        lt(x, W, tf32=tf32)
    assert lt.lib.log == [(1, 77, "tf32"), (1, 77), (1, 77, "tf32")] and len(lt.products) == 2
    lt(array(np.ones((2, 2)), "float64"), array(np.ones((2, 2)), "float64"), tf32=True)
    assert lt.lib.log[-1] == (1, 77)


def test_a_product_is_planned_once_for_each_alignment(lt):
    held = array(np.zeros(4000))
    start = -held.ctypes.data // 4 % 64
    b = array(rng.normal(size=(4, 4)))
    for offset in (0, 0, 4, 4, 8):
        at = start + offset
        lt(held[at : at + 16].reshape(4, 4), b)
    asked = [wish[6] for wish in lt.lib.wishes]  # the alignment of its B, our a
    assert asked == [256, 16, 32] and all(wish[1] == cublaslt.MEMORY for wish in lt.lib.wishes)


def test_no_algorithm_and_wrong_arrays(lt):
    x, W, b = array(np.ones((2, 3))), array(np.ones((3, 2))), array(np.ones(2))
    lt(x, W)
    lt.lib.refuses = {EPILOGUES["bias"]}
    with pytest.raises(Refused, match="no algorithm"):
        lt(x, W, None, "bias", b)
    for wrong in (x.astype("float64"), W), (x.astype("int64"), W.astype("int64")), (x[:0], W):
        with pytest.raises(Unfit):
            lt(*wrong)
    with pytest.raises(Unfit):
        lt(x, W, array(np.ones((2, 4)))[:, ::2])


def test_without_the_library_one_sentence_says_so(monkeypatch):
    def missing(name):
        raise OSError("no such file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    monkeypatch.setitem(__import__("sys").modules, "cuda.pathfinder", None)
    with pytest.raises(Refused, match="cuBLASLt is not installed") as error:
        cublaslt.library()
    assert "\n" not in str(error.value)


# ---- where arrays begin

AT = {"at its own start": 0, "one number later": 4, "four numbers later": 16}


def placed(offset, n):
    """n numbers, `offset` bytes behind a multiple of 256."""
    held = array(np.zeros(n + 128))
    start = (offset - held.ctypes.data) % 256 // 4
    return held[start : start + n]


@pytest.mark.parametrize("epilogue", ["bias", "relu_bias", "bgrad"])
@pytest.mark.parametrize("where", AT)
def test_a_bias_between_the_lines_is_not_for_an_epilogue(lt, where, epilogue):
    """The search is told how a, b and out lie, not how a bias lies: some algorithms then break CUDA down."""
    bias, a, b = placed(AT[where], 4), array(rng.normal(size=(6, 5))), array(rng.normal(size=(5, 4)))
    if AT[where] % 16:
        with pytest.raises(Unfit, match="multiple of 16 bytes"):
            lt(a, b, None, epilogue, bias)
        assert not lt.products
    else:
        lt(a, b, None, epilogue, bias)
        assert len(lt.lib.log) == 1


def test_where_a_b_and_out_lie_is_told_to_the_search(lt):
    a, b, out = (placed(offset, 16).reshape(4, 4) for offset in (4, 16, 8))
    lt(a, b, out)
    assert [lt.lib.wishes[0][key] for key in cublaslt.ALIGNMENTS] == [16, 4, 8, 8]  # its A is our b


def test_odd_places_for_which_there_is_no_algorithm_are_not_refused_for_all(lt):
    lt(array(np.ones((2, 2))), array(np.ones((2, 2))))
    lt.lib.refuses = {EPILOGUES["relu"]}
    with pytest.raises(Unfit, match="no algorithm"):
        lt(placed(4, 16).reshape(4, 4), array(np.ones((4, 4))), None, "relu")
    with pytest.raises(Refused, match="no algorithm"):
        lt(placed(16, 16).reshape(4, 4), placed(0, 16).reshape(4, 4), None, "relu")


def test_shapes_that_do_not_fit_are_left_to_who_says_so(lt):
    a, b = array(np.ones((2, 3))), array(np.ones((3, 4)))
    for wrong in (a, b.T), (a, b, array(np.ones((4, 2)))), (a, b, None, "bias", array(np.ones(3))):
        with pytest.raises(Unfit, match="bias"):
            lt(*wrong)


def test_full_memory_is_not_a_missing_product(lt, monkeypatch):
    a = array(np.ones((2, 2)))
    lt(a, a)
    monkeypatch.setattr(lt.lib, "cublasLtMatmul", SimpleFunction(lambda *args: cublaslt.FULL), raising=False)
    with pytest.raises(MemoryError, match="out of memory"):
        lt(a, a)
