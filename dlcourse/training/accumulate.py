"""One update for several parts of a batch: what does not fit into memory at once fits part by part."""

from itertools import pairwise
from typing import Any

from .plan import Plans
from .steps import SerialStep


class Parts(Plans):
    """A step's plans in parts: the gradient of each goes into a ∇ of its own, which is added to the network's.

    No part is larger than the first, so that its buffers serve all of them.
    """

    def __init__(self, step: Any, parts: int):
        super().__init__(step.net, step.loss, step.net.grad.copy(), precision=step.precision)
        self.parts = parts

    def gradient(self, x: Any, t: Any, n: int | None = None, row: int = 0) -> Any:
        """∇ = Σ ∇ of a part, each with its share of the whole batch's mean."""
        self.net.check(x)  # all of it: an error names what was handed over, not a part
        rows, value = len(x), 0.0
        if t.shape[:1] != (rows,):
            raise ValueError(f"there must be as many targets as examples: x has shape {x.shape}, t {t.shape}")
        self.net.grad[...] = 0
        for start, stop in pairwise(dict.fromkeys(-(-rows * i // self.parts) for i in range(self.parts + 1))):
            value = value + super().gradient(x[start:stop], t[start:stop], rows if n is None else n, row + start)
            self.net.grad += self.make[1]
        return value

    def needs(self, x_shape: tuple) -> dict[str, int]:
        """Those of the largest part, and a second ∇."""
        return super().needs((-(-x_shape[0] // self.parts), *x_shape[1:])) | {"gradients": 2 * self.net.grad.nbytes}


class AccumulateStep(SerialStep):
    """A SerialStep that takes its batch in `parts`: the gradient of the whole batch, to rounding, and one update.

    It needs the activations of one part only, and a second ∇ to add up in. Dropout drops what it would drop from the
    whole batch. Batch norm is another matter: it sees its part, normalises by the mean and variance of that, and moves
    its running statistics once for each part.
    """

    def __init__(self, net: Any, loss: Any, optimizer: Any, *, parts: int, **options: Any):
        super().__init__(net, loss, optimizer, **options)
        if parts < 1:
            raise ValueError(f"parts= is a whole number from 1 on, got {parts}")
        self.parts, self.plans = parts, Parts(self, parts)
