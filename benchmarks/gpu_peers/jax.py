"""JAX on a GPU: gather and step under one jit. float32 products, or TF32; bf16 is not written here."""

from __future__ import annotations

from typing import Any

from cpu_peers.jax import JaxRunner, train
from cpu_workloads import Workload

from . import GpuPeer, GpuRunner

PRODUCTS = {"fp32": "highest", "tf32": "tensorfloat32"}


class Jax(GpuPeer):
    name, needs, prepares_s = "JAX jit", "jax", 8.0

    def available(self) -> str | None:
        if reason := super().available():
            return reason
        import jax

        return None if self.dry or jax.default_backend() == "gpu" else "this JAX sees no GPU"

    def make(self, w: Workload, weights: dict, precision: str) -> GpuRunner:
        if precision not in PRODUCTS:
            raise NotImplementedError(f"the step in JAX is written for {' and '.join(PRODUCTS)}")
        return GpuJaxRunner(w, weights, precision)


class GpuJaxRunner(GpuRunner, JaxRunner):
    """The step of cpu_peers with its gather inside the jit."""

    on_default_stream = False  # XLA has streams of its own

    def __init__(self, w: Workload, weights: dict, precision: str):
        import jax

        jax.config.update("jax_default_matmul_precision", PRODUCTS[precision])
        JaxRunner.__init__(self, w, weights, "adam", jax.default_backend())
        self.trains, self.said = w.trains, f"matmul precision {PRODUCTS[precision]}"

        def gathered(state: Any, x: Any, t: Any, rows: Any) -> Any:
            return train(w, "adam", state, x[rows], t[rows])

        self.gathered = jax.jit(gathered, donate_argnums=0)

    def turn(self) -> None:
        if not self.trains:
            self.out = self.predict(self.x)
            return
        self.state, self.out = self.gathered(self.state, self.x, self.t, next(self.rows))

    def last(self) -> float:
        return float(self.out)


def made(dry: bool, modes: tuple[str, ...]) -> list[GpuPeer]:
    return [Jax(dry)]
