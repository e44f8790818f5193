"""In how many bits a step computes. θ, ∇, the optimizer, losses and statistics are float32 in every precision.

bf16 and fp16 as in Micikevicius et al. 2018: activations and a copy of θ have 16 bits. fp16 multiplies the gradient of
the loss by a scale s, so that small gradients do not become 0; a step in which one overflows changes nothing but s.
"""

from typing import Any

from ..backends.narrow import Arithmetic
from ..nn.network import everything
from ..nn.params import views


class Precision(Arithmetic):
    """The arithmetic of a step, for its network and its optimizer, which keeps a copy of θ where that has 16 bits."""

    def __init__(self, name: str, net: Any, optimizer: Any):
        super().__init__(name, net.backend, net.ops, net.dtype)
        self.copy = optimizer.keep_copy(self.dtype) if self.dtype != net.dtype else None

    def settle(self, layers: Any) -> None:
        """The layers of a replica compute with this table, and multiply by the copy of θ; norms keep θ itself."""
        for layer in everything(layers):
            layer.ops = self.ops
        for layer, name, _, view in views(layers, self.copy, 4) if self.copy is not None else ():
            if "W" in layer.params:
                setattr(layer, "_" + name, view)
