"""Banks of wrong code: what CuPy refuses, and what makes it copy or wait. The fake device must do the same; on a GPU
CuPy itself is asked. Each entry is code of the array module m and an array x (3,4) of float32 on the device."""

from __future__ import annotations

import numpy as np

HOST = np.random.default_rng(5).normal(size=(3, 4)).astype("float32")

# name -> (wrong code, the error, a word of its message on the fake device)
REFUSED = {
    "NumPy operand": (lambda m, x: x + HOST, TypeError, "Unsupported type"),
    "NumPy operand on the left": (lambda m, x: HOST * x, TypeError, "Unsupported type"),
    "0-d NumPy operand": (lambda m, x: x * np.array(2.0), TypeError, "Unsupported type"),
    "NumPy operand of a function": (lambda m, x: m.where(x > 0, HOST, x), TypeError, "Unsupported type"),
    "list operand": (lambda m, x: x[0] + [1, 2, 3, 4], TypeError, "Unsupported type"),
    "NumPy result": (lambda m, x: np.add(x, x, out=HOST.copy()), TypeError, "Output arguments"),
    "in place into NumPy": (
        lambda m, x: np.ndarray.__iadd__(HOST.copy(), x),
        TypeError,
        "Output arguments",
    ),
    "np.asarray": (lambda m, x: np.asarray(x), TypeError, "Implicit conversion"),
    "np.array of a list": (lambda m, x: np.array([x, x]), TypeError, "Implicit conversion"),
    "NumPy takes it over": (lambda m, x: HOST.dot(x), TypeError, "Implicit conversion"),
    "assignment from NumPy": (lambda m, x: x.__setitem__(..., HOST), ValueError, "non-scalar numpy.ndarray"),
    "assignment into NumPy": (lambda m, x: HOST.copy().__setitem__(..., x), TypeError, "Implicit conversion"),
    "a function CuPy lacks": (lambda m, x: m.vecdot(x, x), AttributeError, "vecdot"),
    "the same by way of NumPy": (lambda m, x: np.insert(x, 0, 1), (AttributeError, TypeError), "insert"),
    "a function of linalg that CuPy lacks": (lambda m, x: m.linalg.vector_norm(x), AttributeError, "vector_norm"),
    "a room of NumPy": (lambda m, x: m.char, AttributeError, "char"),
    "a method CuPy lacks": (lambda m, x: x.setflags(write=False), AttributeError, "setflags"),
    "__array_interface__": (lambda m, x: x.__array_interface__, AttributeError, "__array_interface__"),
    "index of a list": (lambda m, x: [1, 2, 3][m.argmax(x)], TypeError, "indices must be integers"),
    "where= of a ufunc": (lambda m, x: np.add(x, 1, out=x, where=x > 0), TypeError, "Wrong arguments"),
    "where= of a sum": (lambda m, x: x.sum(where=x > 0), TypeError, "where"),
    "initial= of a maximum": (lambda m, x: m.max(x, initial=0), TypeError, "initial"),
    "mode= of take": (lambda m, x: m.take(x, m.arange(2), mode="clip"), TypeError, "mode"),
    "out= of einsum": (lambda m, x: m.einsum("ij->i", x, out=x[:, 0]), TypeError, "out"),
    "max= of clip": (lambda m, x: m.clip(x, min=0), TypeError, "min"),
    "maximum.reduce": (lambda m, x: m.maximum.reduce(x), NotImplementedError, "reduce"),
    "multiply.at": (lambda m, x: m.multiply.at(x, 0, 2.0), NotImplementedError, "at"),
    "subtract.at on floats": (
        lambda m, x: m.subtract.at(x, m.arange(2), x[:2]),
        (NotImplementedError, TypeError),
        "at",
    ),
    "argmax: out by position": (lambda m, x: m.argmax(x, 1, m.empty(3, "int64")), (TypeError, ValueError), "dtype"),
    "out= of another kind": (lambda m, x: m.add(x, x, out=m.empty((3, 4), "int64")), TypeError, "same_kind"),
    "out= too small": (lambda m, x: m.add(x, x, out=m.empty(4, "float32")), ValueError, "shape|broadcast"),
    "a scalar for an array": (lambda m, x: m.sum(3.0), (AttributeError, TypeError), "array of the device"),
    "set of another shape": (lambda m, x: x.set(HOST.T), (TypeError, ValueError), "set expects"),
    "iteration over ()": (lambda m, x: list(x.sum()), TypeError, "iteration|unsized"),
    "hash": (lambda m, x: {x}, TypeError, "unhashable"),
}

# name -> (code, launches, copies to the device, waits for it)
COUNTED = {
    "an operation": (lambda m, x: x + 1, 1, 0, 0),
    "a NumPy scalar": (lambda m, x: np.float32(2) * x, 1, 0, 0),
    "in place": (lambda m, x: x.__iadd__(x), 1, 0, 0),
    "views": (lambda m, x: x.T[1:, None].reshape(3, 3).ravel(), 1, 0, 0),  # the reshape of a transposed view copies
    "only views": (lambda m, x: m.broadcast_to(x.reshape(-1)[:4].reshape(2, 2).T, (3, 2, 2)), 0, 0, 0),
    "astype to the same": (lambda m, x: x.astype("float32", copy=False), 0, 0, 0),
    "astype": (lambda m, x: x.astype("float64"), 1, 0, 0),
    "a reduction": (lambda m, x: x.mean(axis=0), 1, 0, 0),
    "empty": (lambda m, x: m.empty_like(x), 0, 0, 0),
    "zeros": (lambda m, x: m.zeros((2, 2)), 1, 0, 0),
    "assignment": (lambda m, x: x.__setitem__((slice(1), 2), 5.0), 1, 0, 0),
    "types and shapes": (lambda m, x: (m.result_type(x, x), m.ndim(x), x.shape, len(x)), 0, 0, 0),
    "indices on the device": (lambda m, x: x[m.arange(2), m.arange(2)], 3, 0, 0),
    "asarray of NumPy": (lambda m, x: m.asarray(HOST), 0, 1, 0),
    "asarray of a scalar": (
        lambda m, x: m.asarray(1.0),
        1,
        0,
        0,
    ),  # a single number is a fill: cupy/_core/core.pyx, _array_default
    "asarray of its own": (lambda m, x: m.asarray(x), 0, 0, 0),
    "set": (lambda m, x: x.set(HOST), 0, 1, 0),
    "indices from the host": (lambda m, x: x[[0, 1]], 1, 1, 0),
    "indices in a NumPy array": (lambda m, x: x[:, np.arange(2)], 1, 1, 0),
    "scalar to places": (lambda m, x: x.__setitem__(m.arange(2), 1.0), 3, 0, 0),
    "a NumPy scalar to places": (lambda m, x: x.__setitem__(m.arange(2), np.float32(1)), 3, 0, 0),
    "a list to places": (lambda m, x: x.__setitem__((0, m.arange(2)), [1.0, 2.0]), 2, 1, 0),
    "add.at": (lambda m, x: m.add.at(x, m.arange(2), x[:2]), 2, 0, 0),
    "add.at of a scalar": (lambda m, x: m.add.at(x, m.arange(2), 1.0), 3, 0, 0),
    "add.at from the host": (lambda m, x: m.add.at(x, m.arange(2), np.ones(4, "float32")), 2, 1, 0),
    "float": (lambda m, x: float(x[0, 0]), 0, 0, 1),
    "if": (lambda m, x: 1 if x[0, 0] > 0 else 0, 1, 0, 1),
    "item": (lambda m, x: x[0, 0].item(), 0, 0, 1),
    "get": (lambda m, x: x.get(), 0, 0, 1),
    "print": (lambda m, x: f"{x[0, 0]:.3f} {x}", 0, 0, 2),
    "max of Python": (lambda m, x: max(x[0]), 3, 0, 3),
    "boolean mask": (lambda m, x: x[x > 0], 2, 0, 1),
    "assignment by mask": (lambda m, x: x.__setitem__(x > 0, 0.0), 3, 0, 1),
    "nonzero": (lambda m, x: m.nonzero(x), 1, 0, 1),
    "where of one argument": (lambda m, x: m.where(x > 0), 2, 0, 1),
    "unique": (lambda m, x: np.unique(x), 1, 0, 1),
    "bincount": (lambda m, x: m.bincount(m.arange(3)), 2, 0, 1),
    "sort in place": (lambda m, x: x.sort(), 1, 0, 0),
    "comparison of all": (lambda m, x: m.allclose(x, x), 1, 0, 0),
    "if of all": (lambda m, x: not m.allclose(x, x), 1, 0, 1),
    "joining two": (lambda m, x: m.concatenate([x, x]), 1, 0, 0),
    "joining nine": (lambda m, x: m.concatenate([x] * 9), 1, 1, 0),
    "deviceSynchronize": (lambda m, x: m.cuda.runtime.deviceSynchronize(), 0, 0, 1),
}
