"""What NumPy has and CuPy lacks, read from the installed CuPy (no GPU needed).

python tests/backends/cupy_lacks.py > dlcourse/backends/missing_in_cupy.json
"""

from __future__ import annotations

import importlib
import inspect
import json

import numpy as np

FILES = {
    "fromfile",
    "fromregex",
    "genfromtxt",
    "load",
    "loadtxt",
    "savetxt",
    "savez",
    "savez_compressed",
    "show_config",
}
BY_HAND = {"einsum": ["casting", "order", "out"]}  # cupy/linalg/_einsum.py: takes **kwargs, refuses these
WAITS = {  # read in CuPy 14.2.0: the host waits, because a shape or a branch depends on the data
    "cupy/_core/_routines_indexing.pyx:123 int(scan_index[-1])": "nonzero flatnonzero argwhere extract",
    "cupy/_core/_routines_indexing.pyx:226 nonzero(condition)": "compress",
    "cupy/_manipulation/add_remove.py, by boolean masks": "unique unique_values trim_zeros delete",
    "cupy/_logic/truth.py, by unique": "isin union1d intersect1d setdiff1d",
    "cupy/_statistics/histogram.py:546 if (x < 0).any()": "bincount histogram histogram2d histogramdd",
    "cupy/_statistics/order.py:114 if isnan(res).any()": "nanmin nanmax",
    "cupy/_indexing/generate.py:409 if (indices < 0).any()": "ravel_multi_index",
}
CUBLAS = {  # raise NotImplementedError while a stream captures
    "cupy_backends/cuda/libs/cublas.pyx:642 _setStream": "matmul dot vdot inner tensordot einsum",
    "cupy/linalg: cuBLAS and cuSOLVER": "inv solve qr svd eigh cholesky pinv lstsq",
}
EVERYWHERE = {"like", "device", "subok"}  # these three keywords: nowhere in CuPy


def keywords(function) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


def lacking(theirs, ours) -> list[str]:
    """The options of NumPy's function that CuPy's does not have."""
    have = keywords(ours)
    if not have or any(p.kind is p.VAR_KEYWORD for p in have.values()):
        return []
    named = {n for n, p in keywords(theirs).items() if p.default is not p.empty}
    return sorted(named - set(have) - EVERYWHERE)


def missing(room: str) -> list[str]:
    """The names of numpy.room that cupy.room lacks."""
    theirs, ours = importlib.import_module(f"numpy.{room}"), importlib.import_module(f"cupy.{room}")
    return [n for n in dir(theirs) if not n.startswith("_") and not hasattr(ours, n)]


def tables() -> dict[str, dict | list]:
    import cupy

    names = [n for n in dir(np) if not n.startswith("_") and callable(getattr(np, n))]
    names = [n for n in names if not isinstance(getattr(np, n), type)]
    both = [n for n in names if hasattr(cupy, n)]
    plain = [n for n in both if not isinstance(getattr(cupy, n), cupy.ufunc) and n not in FILES]
    keys = {n: lacking(getattr(np, n), getattr(cupy, n)) for n in plain}
    methods = [n for n in dir(np.ndarray) if not n.startswith("_") and not hasattr(cupy.ndarray, n)]
    return {
        "versions": {"cupy": cupy.__version__, "numpy": np.__version__},
        "cupy": [n for n in names if not hasattr(cupy, n)],
        **{f"cupy.{room}": missing(room) for room in ("linalg", "lib", "lib.stride_tricks")},
        "methods": methods,
        "at": [n for n in both if getattr(getattr(cupy, n), "_scatter_op", None)],
        "waits": {n: where for where, names in WAITS.items() for n in names.split()},
        "capture": {n: where for where, names in CUBLAS.items() for n in names.split()},
        "options": {n: k for n, k in (keys | BY_HAND).items() if k},
    }


if __name__ == "__main__":
    print(json.dumps(tables(), indent=1))
