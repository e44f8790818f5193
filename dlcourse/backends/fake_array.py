"""A make-believe GPU: CuPy's manners over NumPy's arithmetic, in one module that needs NumPy alone.

    x = xp.asarray(numpy_array)          # counted: one copy to the device
    with DEVICE.watch() as seen: f(x)    # seen.launches, .copies, .syncs, .bytes, .log

It raises CuPy's own errors for NumPy operands and for implicit conversion, offers only the functions, methods and
options that CuPy has (missing_in_cupy.json), and counts kernel launches, copies to the device and waits for it. While a
graph is recorded nothing runs, Python's numbers freeze, and waits, copies and cuBLAS raise, as in CuPy. The numbers
are NumPy's, bit for bit. It cannot show: order of atomic additions, flushed denormals, late errors, streams, speed.
"""

import copy
import json
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np

LACKS = json.loads(Path(__file__).with_name("missing_in_cupy.json").read_text())


class Device:
    """What has happened so far. `graph`: the functions recorded while a stream captures, otherwise None."""

    def __init__(self):
        self.counts, self.graph = {"launches": 0, "copies": 0, "syncs": 0, "bytes": 0}, None
        self.log = deque(maxlen=10_000)

    @contextmanager
    def watch(self):
        """Counts from here on: seen.launches, seen.copies, seen.syncs; seen.log names the last 10,000 happenings."""
        seen, start = SimpleNamespace(), dict(self.counts)
        self.log.clear()
        try:
            yield seen
        finally:
            vars(seen).update({k: n - start[k] for k, n in self.counts.items()}, log=list(self.log))

    def note(self, kind, name, barred=None):
        self.counts[kind] += 1
        self.log.append(f"{kind} {name}")
        if barred and self.graph is not None:
            raise RuntimeError(f"the current stream is capturing, so {barred} transfers are disallowed: {name}")

    def copy(self, name, x=()):  # numbers go from the host to the device; a single one goes with the launch of a fill
        self.note(*(("copies", name, "H2D") if np.ndim(x) else ("launches", "fill")))

    def sync(self, name):  # the host waits: to read a number, or because a shape depends on the data
        self.note("syncs", name, "D2H")

    @np.errstate(all="ignore")  # a GPU does not warn
    def run(self, name, function, args, kwargs):
        """One operation. A result that shares memory with an operand is a view, and no launch."""
        if name in LACKS["capture"] and self.graph is not None:
            raise NotImplementedError(f"calling cuBLAS API during stream capture is currently unsupported: {name}")
        a, k, out = plain(args), plain(kwargs), kwargs.get("out")
        blind = out is not None and self.graph is not None  # recording: find errors, change nothing
        r = _arrays(function(*a, **({**k, "out": copy.deepcopy(k["out"])} if blind else k)))
        if out is None and (not _flat(r) or any(np.may_share_memory(v, x) for v in _flat(r) for x in _flat([a, k]))):
            return args[0] if args and r is a[0] else _wrap(r)
        self.note("launches", name)
        if self.graph is not None:
            self.graph.append(lambda: _store(_flat(r if out is None else []), function(*a, **k)))
        return _wrap(r) if out is None else out

    @np.errstate(all="ignore")
    def change(self, name, target, function):
        """One operation that writes into `target`: function(array) does it."""
        self.note("launches", name)
        function(target._a if self.graph is None else target._a.copy())
        if self.graph is not None:
            self.graph.append(lambda array=target._a: function(array))  # the place, not who owns it


def plain(x):
    """The NumPy arrays inside, for the function that does the arithmetic. A NumPy array from outside is refused."""
    if isinstance(x, FakeArray):
        return x._a
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {type(x)}")
    if isinstance(x, list | tuple):
        return type(x)(plain(i) for i in x)
    return {k: plain(v) for k, v in x.items()} if isinstance(x, dict) else x


def _wrap(x):
    if isinstance(x, np.ndarray):
        return FakeArray(x)
    return type(x)(_wrap(i) for i in x) if type(x) in (list, tuple) else x


def _arrays(r):
    """CuPy returns arrays of shape () where NumPy returns scalars."""
    if type(r) in (list, tuple):
        return type(r)(_arrays(i) for i in r)
    return np.asarray(r) if isinstance(r, np.generic) else r


def _flat(x, kind=np.ndarray):
    """All arrays in nested lists, tuples and dicts."""
    if isinstance(x, kind):
        return [x]
    x = list(x.values()) if isinstance(x, dict) else x
    return [a for i in x for a in _flat(i, kind)] if isinstance(x, list | tuple) else []


def _store(kept, new):
    for a, b in zip(kept, _flat(_arrays(new))):
        a[...] = b


class FakeArray:
    """cupy.ndarray as far as the course needs it. It wraps NumPy's: a subclass would leak through np.asarray."""

    __slots__ = ("_a",)
    __hash__ = None

    def __init__(self, a):
        self._a, DEVICE.counts["bytes"] = a, DEVICE.counts["bytes"] + a.nbytes * (a.base is None)

    def get(self):
        DEVICE.sync(".get()")
        return self._a.copy()

    def set(self, a):
        if type(a) is not np.ndarray or (a.dtype, a.shape) != (self.dtype, self.shape):
            raise TypeError(f"set expects a numpy.ndarray, {self.dtype} {self.shape}, got {type(a)}")
        DEVICE.copy(".set()")
        self._a[...] = a

    def __len__(self):
        return len(self._a)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __deepcopy__(self, memo=None):
        return self.copy()

    __copy__ = __deepcopy__

    def __getitem__(self, index):
        index, advanced = _index(index)
        if advanced:
            return DEVICE.run("x[array]", lambda a: np.array(a[index]), (self,), {})
        return FakeArray(self._a[index if any(i is ... for i in index) else (*index, ...)])

    def __setitem__(self, index, value):
        index, advanced = _index(index)
        if advanced and not isinstance(value, FakeArray):
            DEVICE.copy("x[array] = values from the host", value)
        elif not isinstance(value, FakeArray) and np.ndim(value) > 0:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        inner = value._a if isinstance(value, FakeArray) else value
        DEVICE.change("x[...] = value", self, lambda a: a.__setitem__(index, inner))

    def __array__(self, *args, **kwargs):
        use = "Please use `.get()` to construct a NumPy array explicitly."
        raise TypeError(f"Implicit conversion to a NumPy array is not allowed. {use}")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        function = getattr(xp, ufunc.__name__)
        return (function if method == "__call__" else getattr(function, method))(*inputs, **kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return getattr(xp.linalg if "linalg" in function.__module__ else xp, function.__name__)(*args, **kwargs)

    def __getattr__(self, name):
        if name.startswith("__") or name in LACKS["methods"] or not hasattr(np.ndarray, name):
            raise AttributeError(f"'ndarray' object has no attribute {name!r}")
        return lambda *args, **kwargs: _call(name, getattr(np.ndarray, name), (self, *args), kwargs)


def _index(index):
    """(index for NumPy, has it arrays?). An array from the host is copied; a boolean mask makes the host wait."""
    index = index if isinstance(index, tuple) else (index,)
    arrays = [i for i in index if isinstance(i, list | np.ndarray | FakeArray)]
    for i in arrays:
        if not isinstance(i, FakeArray):
            DEVICE.copy("x[array from the host]")
        if (i.dtype if isinstance(i, FakeArray) else np.asarray(i).dtype).kind == "b":
            DEVICE.sync("x[boolean mask]")
    return tuple(i._a if isinstance(i, FakeArray) else i for i in index), bool(arrays)


def _operators():
    """Python's operators on FakeArray are ufuncs of xp; what reads a number waits for the device."""
    alone = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}
    pairs = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide"}
    pairs |= {"mod": "remainder", "pow": "power", "lshift": "left_shift", "rshift": "right_shift"}
    pairs |= {"and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "matmul": "matmul"}
    order = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"}
    for name, u in (alone | pairs | order).items():
        setattr(FakeArray, f"__{name}__", lambda s, *other, u=u: getattr(xp, u)(s, *other))
    for name, u in pairs.items():
        setattr(FakeArray, f"__r{name}__", lambda s, other, u=u: getattr(xp, u)(other, s))
    for name, u in list(pairs.items())[:-1]:  # CuPy has no @=
        setattr(FakeArray, f"__i{name}__", lambda s, other, u=u: getattr(xp, u)(s, other, out=s))
    for name in "__bool__ __int__ __float__ __complex__ __repr__ __str__ __format__ item tolist tobytes".split():
        setattr(FakeArray, name, lambda s, *a, n=name: (DEVICE.sync(f".{n}()"), getattr(s._a, n)(*a))[1])
    for name in ("shape", "dtype", "ndim", "size", "nbytes", "itemsize", "strides", "base", "T", "mT", "real", "imag"):
        setattr(FakeArray, name, property(lambda s, n=name: _wrap(getattr(s._a, n))))
    three = ("c_contiguous", "f_contiguous", "owndata")
    FakeArray.flags = property(lambda s: SimpleNamespace(**{n: s._a.flags[n.upper()] for n in three}))


class Ufunc:
    """cupy.ufunc: takes out=, dtype= and casting=, and no other keyword."""

    def __init__(self, name):
        self.__name__, self.ufunc = name, getattr(np, name)

    def __call__(self, *args, out=None, **options):
        if set(options) - {"dtype", "casting"}:
            raise TypeError(f"Wrong arguments {list(options)}")
        args, given = args[: self.ufunc.nin], args[self.ufunc.nin :]
        out = given or out
        out = out[0] if isinstance(out, tuple) and len(out) == 1 else out
        if any(isinstance(x, list | tuple) for x in args):
            raise TypeError("Unsupported type <class 'list'>")
        if out is not None and len(_flat(out, FakeArray)) != self.ufunc.nout:
            raise TypeError("Output arguments type must be cupy.ndarray")
        return DEVICE.run(self.__name__, self.ufunc, args, options if out is None else options | {"out": out})

    def at(self, a, indices, b=None):
        if self.__name__ not in LACKS["at"] or (self.__name__ == "subtract" and a.dtype.kind == "f"):
            raise NotImplementedError(f"`cupy_{self.__name__}.at` is not supported yet for {a.dtype}")
        index, advanced = _index(indices)
        if advanced and not isinstance(b, FakeArray):
            DEVICE.copy(f"{self.__name__}.at(values from the host)", b)
        values = b._a if isinstance(b, FakeArray) else b
        DEVICE.change(f"{self.__name__}.at", a, lambda array: self.ufunc.at(array, index, values))

    def reduce(self, array, axis=0, **kwargs):
        if self.__name__ not in ("add", "multiply"):
            raise NotImplementedError(f"`cupy_{self.__name__}.reduce` is not supported yet")
        return (xp.sum if self.__name__ == "add" else xp.prod)(array, axis, **kwargs)


def _call(name, function, args, kwargs):
    """A function or a method that is no ufunc, by CuPy's rules."""
    lacks = {"like", "device", "subok", *([] if function is np.ndarray.clip else LACKS["options"].get(name, []))}
    for k in lacks & set(kwargs):
        raise TypeError(f"{name}() got an unexpected keyword argument {k!r}")
    if name in ("argmax", "argmin") and len(args) > 2:
        raise TypeError(f"the third parameter of cupy.{name} is dtype: write out=")
    if name in LACKS["waits"] or (name == "where" and len(args) == 1):
        DEVICE.sync(name)
    if name in ("concatenate", "stack") and len(args[0]) > 8:  # CuPy sends a table of their addresses
        DEVICE.copy(name)
    if name in CHANGES or function is np.ndarray.sort:
        return DEVICE.change(name, args[0], lambda a: function(a, *plain(args[1:]), **plain(kwargs)))
    if name in ("allclose", "array_equal"):
        return DEVICE.run(name, lambda *a, **k: np.asarray(function(*a, **k)), args, kwargs)
    return DEVICE.run(name, function, args, kwargs)


class Module:
    """The module cupy, or a room of it: what NumPy has, less what CuPy lacks."""

    ndarray = FakeArray

    def __init__(self, name, module):
        self._name, self._module = name, module

    def __getattr__(self, name):
        value = getattr(self._module, name, ModuleType)
        if value is ModuleType or isinstance(value, ModuleType) or name.startswith("_") or name in LACKS[self._name]:
            raise AttributeError(f"module {self._name!r} has no attribute {name!r}")
        if isinstance(value, np.ufunc) and name != "matmul":
            value = Ufunc(name)
        elif callable(value) and not isinstance(value, type):
            value = lambda *args, f=value, **kwargs: self._function(name, f, args, kwargs)  # noqa: E731
        setattr(self, name, value)
        return value

    def _function(self, name, function, args, kwargs):
        here = bool(_flat([args, kwargs], FakeArray))
        if name in ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray") and not here:
            DEVICE.copy(name, args[0] if args else ())
            return FakeArray(np.array(function(*args, **kwargs)))
        if name in ("empty", "empty_like"):
            rubbish = function(*plain(args), **plain(kwargs))
            rubbish.fill(np.nan if rubbish.dtype.kind == "f" else 77)  # so that it shows when somebody reads it
            return FakeArray(rubbish)
        r = _call(name, function, args, kwargs)
        if isinstance(r, FakeArray) and not here and name not in MAKES:
            raise TypeError(f"cupy.{name} expects an array of the device")
        return r


_operators()
DEVICE = Device()
xp = Module("cupy", np)
xp.linalg, xp.lib = Module("cupy.linalg", np.linalg), Module("cupy.lib", np.lib)
xp.lib.stride_tricks = Module("cupy.lib.stride_tricks", np.lib.stride_tricks)
MAKES = "zeros ones full arange eye identity linspace logspace tri indices broadcast_shapes".split()
CHANGES = "copyto fill put_along_axis fill_diagonal put putmask place".split()
