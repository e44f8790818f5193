"""The table in which every layer looks up its operation, each time it is called.

First the equations, then the backend's faster bodies, then (while `swap` lasts) a learner's own.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from ..backends import Backend, backend_of
from .functional import EQUATIONS


class Ops:
    """ops.dense(x, W, b): one attribute look-up. An unknown name raises, for reading and for replacing.

    version  moves with every replacement: a captured graph is then out of date
    own      names whose function a learner has replaced
    fused    joined names that the backend offers: dense_relu does dense, then relu
    """

    def __init__(self, bodies: dict[str, Callable]):
        self.version, self.own = 0, frozenset()
        self.fused = frozenset(bodies) - frozenset(EQUATIONS)
        vars(self).update(EQUATIONS | bodies)

    def replace(self, functions: dict[str, Callable], own: Iterable[str]) -> dict[str, Callable]:
        """Put these functions into the table; return those that stood there."""
        before = {name: getattr(self, name) for name in functions}
        vars(self).update(functions, own=frozenset(own), version=self.version + 1)
        return before


def suggestion(name: str) -> str:
    """The operations whose names are like this one, as the end of an error's sentence."""
    import difflib

    near = difflib.get_close_matches(name, EQUATIONS, n=3) or sorted(EQUATIONS)
    return f"; did you mean {' or '.join(near)}?" if len(near) <= 3 else f"; there are {', '.join(near)}"


def table(backend: Backend, dtype: str = "float32") -> Ops:
    """A table for one network. The bodies are made for float32; in float64 the equations themselves compute."""
    return Ops(backend.table(EQUATIONS) if dtype == "float32" else {})


def default_table(x: Any) -> Ops:
    """The table for an array that belongs to no network: what an unbound loss or a lone optimizer computes with."""
    return _default(backend_of(x), x.dtype)


_default = functools.cache(table)
