"""The side of a check on which an answer runs: it does what it is told and reports what happened, as data.

Standard library and NumPy only. In a notebook these functions run in process. For strangers this file is a program of
its own, `python -I worker.py REQUESTS REPLIES` (two file descriptors), that never imports dlcourse: it answers frames,
and knows nothing of what is expected. A frame is four bytes of length and that much JSON.
"""

from __future__ import annotations

import base64
import contextlib
import decimal
import functools
import inspect
import io
import json
import linecache
import numbers
import os
import struct
import sys
import traceback
import warnings
from typing import Any

import numpy as np

MOST_BYTES, MOST_ITEMS, MOST_TEXT, MOST_DEPTH = 8 << 20, 10_000, 10_000, 6
DTYPES = {"|b1", "|i1", "|u1", *(f"<{kind}{n}" for kind in "iu" for n in (2, 4, 8)), "<f2", "<f4", "<f8"}
REAL = (numbers.Real, decimal.Decimal)
COURSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Mark:
    """Something that is no data: 'open' (the `...` still stands there), 'other' (a function, an object ...), or a
    reference in a request: 'fn' (a function, as an expression), 'ref' (an object that an earlier step has made)."""

    def __init__(self, kind: str, text: str = ""):
        self.kind, self.text = kind, text

    def __repr__(self) -> str:
        return "..." if self.kind == "open" else self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mark) and (self.kind, self.text) == (other.kind, other.text)


OPEN = Mark("open")
TOO_LARGE = {"error": "TooLarge", "says": "the result is too large", "printed": ""}
MODULE = "a module"  # the target of a step that makes one from its text
_compiled = functools.lru_cache(8)(compile)


def plain(value: Any, depth: int = 0) -> Any:
    """The value as data: numbers, text, arrays, lists, tuples, dictionaries; a Mark for everything else."""
    if value is ...:
        return OPEN
    if value is None or type(value) in (bool, float):
        return value
    if type(value) is int:
        return value if abs(value) < 1 << 63 else float(value) if abs(value) < 1 << 1000 else _other(value)
    if type(value) is str:
        return value[:MOST_TEXT]
    if isinstance(value, (list, tuple)) and len(value) <= MOST_ITEMS and depth < MOST_DEPTH:
        return (tuple if isinstance(value, tuple) else list)(plain(v, depth + 1) for v in value)
    if isinstance(value, dict) and len(value) <= MOST_ITEMS and depth < MOST_DEPTH:
        return {k if type(k) in (str, int) else str(k)[:100]: plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        objects = array.dtype.kind == "O" and all(isinstance(v, REAL) for v in array.flat)
        wide = objects or array.dtype.kind == "f" and array.itemsize > 8
        array = array.astype("<f8" if wide else array.dtype.newbyteorder("<"), copy=True)
        return array if array.dtype.str in DTYPES and array.nbytes <= MOST_BYTES // 2 else _other(value)
    return float(value) if isinstance(value, REAL) else _other(value)


def _other(value: Any) -> Mark:
    if isinstance(value, np.ndarray):
        return Mark("other", f"array of shape {value.shape} and type {value.dtype}"[:100])
    return Mark("other", type(value).__name__[:100])


def encode(data: Any) -> Any:
    """Data -> what JSON can hold."""
    if isinstance(data, Mark):
        return {"mark": [data.kind, data.text]}
    if isinstance(data, np.ndarray):
        packed = base64.b64encode(np.ascontiguousarray(data).tobytes()).decode()
        return {"array": [data.dtype.str, list(data.shape), packed]}
    if isinstance(data, (list, tuple)):
        return {type(data).__name__: [encode(v) for v in data]}
    return {"dict": [[k, encode(v)] for k, v in data.items()]} if isinstance(data, dict) else data


def decode(packed: Any, depth: int = 0) -> Any:
    """What JSON held -> data. Raises ValueError for anything that `encode` does not make."""
    if packed is None or type(packed) in (bool, int, float, str):
        return packed
    if type(packed) is not dict or len(packed) != 1 or depth > MOST_DEPTH + 1:
        raise ValueError("no data")
    (kind, body), *_ = packed.items()
    if type(body) is not list:
        raise ValueError("no data")
    if kind == "mark" and len(body) == 2 and all(type(text) is str and len(text) <= 1000 for text in body):
        return Mark(*body)
    if kind == "array" and len(body) == 3:
        return _array(*body)
    if kind in ("list", "tuple"):
        return (tuple if kind == "tuple" else list)(decode(v, depth + 1) for v in body)
    if kind == "dict" and all(type(p) is list and len(p) == 2 and type(p[0]) in (str, int) for p in body):
        return {k: decode(v, depth + 1) for k, v in body}
    raise ValueError("no data")


def _array(dtype: Any, shape: Any, packed: Any) -> np.ndarray:
    if type(dtype) is not str or dtype not in DTYPES or type(packed) is not str or type(shape) is not list:
        raise ValueError("no array")
    if len(shape) > 8 or not all(type(n) is int and 0 <= n <= MOST_BYTES for n in shape):
        raise ValueError("no shape")
    return np.frombuffer(base64.b64decode(packed, validate=True), dtype=dtype).reshape(shape).copy()


def frame(message: dict) -> bytes:
    """A message as bytes, its length in front."""
    return struct.pack(">I", len(body := json.dumps(message).encode())) + body


class Capped(io.TextIOBase):
    """What was printed, up to a limit; the rest is counted and thrown away."""

    def __init__(self, most: int = 2000):
        self.parts, self.left = [], most

    def write(self, text: str) -> int:
        if self.left > 0:
            self.parts.append(text[: self.left])
            self.left -= len(text)
        return len(text)

    def getvalue(self) -> str:
        return "".join(self.parts)


def perform(names: dict, steps: list, errors: dict | None = None) -> dict:
    """Run the steps of one case on these names and report: value, or error; printed; and whether an input changed.

    A step is [target, args, kwargs, as]: call `target` ("unit", or "layer.forward" of an object made before), or read
    it where args is None; keep the result under the name `as`, or report it. MODULE makes a module.
    """
    out, objects, values, changed = Capped(), {MODULE: module_of}, [], False
    try:
        with (
            np.errstate(**(errors or {})),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(out),
        ):
            warnings.simplefilter("ignore")
            for target, args, kwargs, keep in steps:
                found = _found(names, objects, target)
                if args is not None:
                    args, kwargs = _real(args, objects), _real(kwargs or {}, objects)
                    before = plain([list(args), kwargs])
                    found = found(*args, **kwargs)
                    changed |= not _same(before, plain([list(args), kwargs]))
                if keep:
                    objects[keep] = found
                else:
                    values.append(plain(found))
    except NotImplementedError:
        return {"value": OPEN, "printed": out.getvalue()}
    except (Exception, SystemExit, GeneratorExit) as error:
        return {**failure(error), "printed": out.getvalue()}
    return {"value": values[0] if len(values) == 1 else tuple(values), "changed": changed, "printed": out.getvalue()}


def _found(names: dict, objects: dict, target: str) -> Any:
    first, *rest = target.split(".")
    return functools.reduce(getattr, rest, objects[first] if first in objects else names[first])


def module_of(source: str) -> Any:
    """A new module of this text, so that no case sees what another one has done to it."""
    made = type(sys)("practice")
    exec(_compiled(source, "<the course>", "exec"), made.__dict__)
    return made


def _real(data: Any, objects: dict) -> Any:
    """A fresh copy of the arguments, with the functions and objects that they speak of."""
    if isinstance(data, Mark):
        return _found({}, objects, data.text) if data.kind == "ref" else eval(data.text, {"np": np})
    if isinstance(data, np.ndarray):
        return data.copy()
    if isinstance(data, (list, tuple)):
        return type(data)(_real(v, objects) for v in data)
    return {k: _real(v, objects) for k, v in data.items()} if isinstance(data, dict) else data


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        alike = type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape  # to the rounding of a nudge undone
        return alike and (np.allclose(a, b, 1e-13, 1e-13, True) if a.dtype.kind == "f" else np.array_equal(a, b))
    if isinstance(a, dict):
        return type(b) is dict and a.keys() == b.keys() and all(_same(v, b[k]) for k, v in a.items())
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    return a is b or a == b


def failure(error: BaseException) -> dict:
    """An exception as data: its type, what it says, and the learner's own lines on the way to it."""
    own = [f for f in traceback.extract_tb(error.__traceback__) if learners(f.filename)]
    mine = [f.lineno for f in own if f.filename == own[0].filename]  # in the answer itself, not in what it calls
    line = mine[-1] if own else getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    trace = "".join(f"line {f.lineno}, in {f.name}:  {f.line or ''}\n" for f in own[-8:])
    name = (getattr(error, "name", None) or "") if isinstance(error, NameError) else ""
    holder = next((f.f_locals.get("self") for f, _ in reversed([*traceback.walk_tb(error.__traceback__)])), None)
    says = ""
    with contextlib.suppress(Exception):  # an exception of the learner's own whose text fails
        says = str(error)
    found = {"error": type(error).__name__[:100], "says": says[:500], "line": line, "trace": trace[:4000]}
    init = getattr(getattr(type(holder), "__init__", None), "__code__", None)
    known = {*getattr(holder, "__dict__", ()), *(init.co_varnames[1 : init.co_argcount] if init else ())}
    return {**found, "name": name[:100], "kept": name in known}  # a method meant self.name


def learners(filename: str) -> bool:
    """True for code that the learner wrote: no library, and nothing of the course."""
    path = os.path.abspath(filename)
    own = filename.startswith("<exercise") or "ipykernel_" in filename or filename.startswith("<ipython-input")
    return own or not (filename.startswith("<") or path.startswith((COURSE, sys.prefix, sys.base_prefix)))


def describe(names: dict, wanted: list) -> dict:
    """For each wanted name that is there: what it is, and how it may be called."""
    return {name: _described(names[name]) for name in wanted if name in names}


def _described(value: Any) -> dict:
    if not callable(value):
        return {"kind": "open" if value is ... else "value"}
    kind = "class" if isinstance(value, type) else "function"
    try:
        parameters = [p for p in inspect.signature(value).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    except Exception:  # no signature, or one of the learner's own that fails
        return {"kind": kind}
    free = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    placed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in placed)
    return {"kind": kind, "names": [p.name for p in placed][:50], "least": least, "most": None if free else len(placed)}


def run_cell(names: dict, source: str, title: str) -> dict:
    """Execute a cell in these names. -> {} or what went wrong."""
    filename = f"<exercise {title}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    try:
        with contextlib.redirect_stdout(out := Capped()), contextlib.redirect_stderr(out), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(source, filename, "exec"), names)
    except (Exception, SystemExit, GeneratorExit) as error:
        return failure(error)
    return {}


class NotHere:
    """Refuses to find the course, installed or not: an answer that calls the library is none."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] == "dlcourse":
            raise ModuleNotFoundError("an answer cannot use dlcourse here: NumPy is what it has", name=name)


def answer(names: dict, request: dict) -> dict:
    """What one request gets."""
    if request["do"] == "cell":
        return run_cell(names, request["source"], request["title"])
    if request["do"] == "describe":
        return describe(names, request["names"])
    return {k: encode(v) for k, v in perform(names, decode(request["steps"]), request["errors"]).items()}


def main() -> None:
    """Serve requests until the pipe closes."""
    sys.meta_path.insert(0, NotHere)
    requests, replies = os.fdopen(int(sys.argv[1]), "rb"), os.fdopen(int(sys.argv[2]), "wb")
    names: dict = {"__name__": "__main__", "np": np}
    while len(head := requests.read(4)) == 4:
        request = json.loads(requests.read(struct.unpack(">I", head)[0]))
        reply = frame({"n": request["n"], "reply": answer(names, request)})
        if len(reply) > MOST_BYTES:
            reply = frame({"n": request["n"], "reply": TOO_LARGE})
        replies.write(reply)
        replies.flush()


if __name__ == "__main__":
    main()
