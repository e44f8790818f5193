"""Put a learner's plain functions in the library's place for the length of a `with` block."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from .ops import EQUATIONS, Ops, suggestion

SCRATCH = {"tmp"}  # memory lent to a rule; not a result


@contextlib.contextmanager
def swap(ops: Ops, functions: dict[str, Callable]) -> Iterator[None]:
    """with swap(net.ops, {"dense_backward": mine}): ...      every call in this table reaches `mine`."""
    for name in functions:
        if name not in EQUATIONS:
            raise NameError(f"there is no operation {name!r}{suggestion(name)}")
    own = ops.own
    before = ops.replace({name: adapt(f, name) for name, f in functions.items()}, own | set(functions))
    try:
        yield
    finally:
        ops.replace(before, own)


def adapt(mine: Callable, name: str) -> Callable:
    """Give `mine` the operation's whole signature: what it returns lands in the buffers that it does not know of."""
    want = inspect.signature(EQUATIONS[name]).parameters
    have = accepted(mine, name, want)
    outs = [p for p, v in want.items() if v.kind is v.KEYWORD_ONLY and v.default is None and p not in SCRATCH]
    given = {p: v.default for p, v in want.items() if v.kind is v.KEYWORD_ONLY and p not in (*outs, *SCRATCH, *have)}

    @functools.wraps(mine)
    def call(*args: Any, **kw: Any) -> Any:
        for option, default in given.items():
            if kw.get(option, default) != default:
                call_of = f"this network calls {name} with {option}={kw[option]}"
                raise TypeError(f"{mine.__name__} must take {option}=: {call_of}")
        result = mine(*args, **{k: v for k, v in kw.items() if k in have})
        return landed(result, [kw.get(o) for o in outs], f"{mine.__name__}, in place of {name},")

    return call


def accepted(mine: Callable, name: str, want: Any) -> list[str]:
    """The parameters of `mine`, which must be those of the operation, in its order."""
    try:
        have = list(inspect.signature(mine).parameters)
    except (TypeError, ValueError):
        raise TypeError(f"{name} needs a plain Python function, got {mine!r}") from None
    words = [p for p, v in want.items() if v.kind is v.POSITIONAL_OR_KEYWORD]
    needed = [p for p in words if want[p].default is inspect.Parameter.empty]
    if have[: len(needed)] != needed or not all(p in want for p in have):
        who = getattr(mine, "__name__", mine)
        raise TypeError(f"{who} takes ({', '.join(have)}); {name} takes ({', '.join(words)})")
    return have


def landed(result: Any, buffers: list, who: str) -> Any:
    """The result, its last values copied into the buffers that are given."""
    many = result if isinstance(result, tuple) else (result,)
    if len(many) < len(buffers) or any(v is None for v in many):
        raise ValueError(f"{who} must return {len(buffers)} arrays, got {'None' if result is None else many}")
    first = len(many) - len(buffers)
    out = (*many[:first], *(land(b, v, who) for b, v in zip(buffers, many[first:], strict=True)))
    return out if isinstance(result, tuple) else out[0]


def land(buffer: Any, value: Any, who: str) -> Any:
    """Copy the value into the buffer, if there is one that it is not in already."""
    if buffer is None or buffer is False or buffer is value:
        return value
    shape = getattr(value, "shape", ())
    if buffer.shape != shape:
        raise ValueError(f"{who} must return shape {buffer.shape}, got {shape}")
    buffer[...] = value
    return buffer
