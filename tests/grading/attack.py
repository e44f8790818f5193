"""How an attack is written: an answer to exercise 01.1, what it is worth, and whether a wall is what stops it."""

from __future__ import annotations

from dataclasses import dataclass

RIGHT = "def unit(x, w, b, f):\n    return f(np.dot(w, x) + b)\n"
WRONG = "def unit(x, w, b, f):\n    return f(np.dot(w, x))\n"


@dataclass(frozen=True)
class Hostile:
    """kind: the class of attack; points: what it is worth, 1 where the answer is right whatever else it does; call: the
    number of a call that older kernels do not have."""

    name: str
    kind: str
    source: str
    points: int = 0
    escapes: bool = False
    call: int = 0


def inside(code: str, then: str = "    return f(np.dot(w, x))\n") -> str:
    """An answer that does this when it is called."""
    rows = "".join(f"    {row}\n" for row in code.strip("\n").splitlines())
    return f"def unit(x, w, b, f):\n{rows}{then}"


def quiet(code: str) -> str:
    """Try it, and go on whatever happens."""
    rows = "".join(f"    {row}\n" for row in code.strip("\n").splitlines())
    return f"try:\n{rows}except BaseException:\n    pass\n"
