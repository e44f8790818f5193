"""What training takes before any of it is allocated, and how to pretend that there is less memory than there is.

print(bill(step, (64, 784)))          # what for, bytes
with simulate_memory("16GB"):         # as on a T4
    fit(net, loss, optimizer, batches, epochs=1)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from ..backends import BACKENDS
from ..backends.memory import Bill, TooLarge, afford, bill, parsed, shown

__all__ = ["Bill", "TooLarge", "afford", "bill", "shown", "simulate_memory"]


@contextmanager
def simulate_memory(size: str | int) -> Iterator[int]:
    """Within it, training has so much memory, "16GB", "512MB" or "15GiB": what needs more is refused, with advice.

    A GPU keeps to it in earnest: CuPy's pool has that limit, and whoever passes it gets CuPy's own error. On the host
    it is a sum that `fit` respects before it starts. Gives the number of bytes.
    """
    n = parsed(size)
    with ExitStack() as stack:
        for backend in dict.fromkeys(BACKENDS.values()):
            with suppress(*([] if backend.host else [Exception])):  # CuPy may be loaded where there is no GPU
                stack.enter_context(backend.limited(n))
        yield n
