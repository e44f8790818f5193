"""PyTorch on a GPU: as it is written, compiled, and its whole step as one CUDA graph.

Everywhere fused and capturable Adam, images in channels-last memory, cudnn.benchmark, the flags for TF32 as the
precision says, autocast for bf16. Compiled: network, loss and their backward; the update is the fused kernel.
"""

from __future__ import annotations

import importlib.util
import shutil
from typing import Any

import numpy as np
from cpu_peers.torch import TorchRunner, layer_of, named
from cpu_workloads import BETA1, BETA2, EPS, Workload

from . import GpuPeer, GpuRunner


class Torch(GpuPeer):
    needs = "torch"

    def __init__(self, dry: bool, how: str, mode: str = ""):
        super().__init__(dry)
        self.how, self.mode = how, mode
        self.name = f"PyTorch {how} {mode}".strip()
        self.prepares_s = {"compiled": 25.0}.get(how, 2.0) if not dry else 0.5

    def available(self) -> str | None:
        if reason := super().available():
            return reason
        if not self.dry and not cuda():
            return "this PyTorch sees no GPU"
        if self.how == "graph" and self.dry:
            return "a CUDA graph needs a GPU, and this is a dry run"
        if self.how == "compiled" and not self.dry and importlib.util.find_spec("triton") is None:
            return "torch.compile needs Triton, which is not installed"
        if self.how == "compiled" and not self.dry and not (shutil.which("gcc") or shutil.which("cc")):
            return "torch.compile needs a C compiler"
        return None

    def versions(self) -> dict[str, str]:
        import torch

        return {"torch": torch.__version__, "cuda of torch": str(torch.version.cuda)}

    def tidy(self) -> None:
        import torch

        torch.compiler.reset()
        if not self.dry:
            torch.cuda.empty_cache()

    def make(self, w: Workload, weights: dict, precision: str) -> GpuRunner:
        return GpuTorchRunner(w, weights, precision, self)


def cuda() -> bool:
    """Whether PyTorch sees a GPU."""
    import torch

    return torch.cuda.is_available()


class GpuTorchRunner(GpuRunner, TorchRunner):
    """Parameters go in and out as in cpu_peers."""

    def __init__(self, w: Workload, weights: dict, precision: str, peer: Torch):
        import torch

        self.torch, self.w, self.trains, self.how = torch, w, w.trains, peer.how
        self.device, self.precision = "cpu" if peer.dry else "cuda", precision
        if peer.dry:
            torch.set_num_threads(1)
        self.flags()
        with torch.device(self.device):
            net = torch.nn.Sequential(*(layer_of(torch.nn, *layer) for layer in w.layers))
        self.net = net.to(memory_format=torch.channels_last) if w.images else net
        self.names, self.start = dict(named(self.net)), weights
        self.loss, self.run = self.whole, self.forward
        how = {"fused": True} if peer.dry else {"fused": True, "capturable": True}
        lr = w.lr("adam")
        self.rule = torch.optim.Adam(self.net.parameters(), lr=lr, betas=(BETA1, BETA2), eps=EPS, **how)
        self.said = f"autocast to {precision}" if precision == "bf16" else f"{precision} products"
        if peer.how == "compiled":
            options = {"backend": "eager"} if peer.dry else {"mode": peer.mode}
            self.loss = torch.compile(self.whole, fullgraph=True, **options)
            self.run = torch.compile(self.forward, fullgraph=True, **options)
        self.warm(peer.how == "graph")

    def flags(self) -> None:
        """For the whole process: runners of one precision are measured together."""
        tf32 = self.precision == "tf32"
        self.torch.backends.cuda.matmul.allow_tf32 = self.torch.backends.cudnn.allow_tf32 = tf32
        self.torch.backends.cudnn.benchmark = True

    def forward(self, x: Any) -> Any:
        with self.torch.autocast(self.device, self.torch.bfloat16, enabled=self.precision == "bf16"):
            return self.net(x)

    def whole(self, x: Any, t: Any) -> Any:
        with self.torch.autocast(self.device, self.torch.bfloat16, enabled=self.precision == "bf16"):
            return self.torch.nn.functional.cross_entropy(self.net(x), t)

    # ---- made ready, and set back to the start
    def warm(self, graph: bool) -> None:
        """Compile and record on a random batch, then start anew."""
        rng, w = np.random.default_rng(9), self.w
        x, t = self.place(rng.normal(size=(w.batch, *w.shape)).astype("float32"), rng.integers(0, w.classes, w.batch))
        if w.trains:
            self.warm_steps(x, t, graph)
        elif graph:
            self.run = self.recorded(self.run, x)
        else:
            for _ in range(3):
                self.predict(x)
        with self.torch.no_grad():
            for name, a in self.start.items():
                turned = a.ndim == 2 and not self.image_rows(name)  # on the device, where that takes no time
                there = self.torch.from_numpy(a if turned else self.theirs(name, a)).to(self.device)
                self.names[name].copy_(there.T if turned else there)
            for state in self.rule.state.values():
                for a in state.values():
                    a.zero_()
        self.start = None

    def warm_steps(self, x: Any, t: Any, graph: bool) -> None:
        torch = self.torch
        if not graph:
            for _ in range(3):
                self.step(x, t)
            return
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step(x, t)
        torch.cuda.current_stream().wait_stream(side)
        self.rule.zero_grad(set_to_none=True)
        self.seen, recorded = (x, t), torch.cuda.CUDAGraph()
        with torch.cuda.graph(recorded):
            kept = self.loss(x, t)
            kept.backward()
            self.rule.step()
        self.recording, self.kept, self.step = recorded, kept, self.replay

    def recorded(self, run: Any, x: Any) -> Any:
        """Inference as one graph, which reads its batch from where it read it first."""
        torch = self.torch
        with torch.inference_mode():
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    run(x)
            torch.cuda.current_stream().wait_stream(side)
            self.recording = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.recording):
                y = run(x)

        def replay(given: Any) -> Any:
            x.copy_(given)
            self.recording.replay()
            return y

        return replay

    # ---- measured
    def step(self, x: Any, t: Any) -> Any:
        if self.how == "compiled":
            self.torch.compiler.cudagraph_mark_step_begin()
        self.rule.zero_grad(set_to_none=True)
        value = self.loss(x, t)
        value.backward()
        self.rule.step()
        return value.detach()

    def replay(self, x: Any, t: Any) -> Any:
        self.seen[0].copy_(x)
        self.seen[1].copy_(t)
        self.recording.replay()
        return self.kept.detach()

    def predict(self, x: Any) -> Any:
        if self.how == "compiled":
            self.torch.compiler.cudagraph_mark_step_begin()
        with self.torch.inference_mode():
            return self.run(x)

    def turn(self) -> None:
        """The graph's batch is gathered straight to where the graph reads it."""
        if self.how != "graph" or not self.trains:
            return super().turn()
        rows, (x, t) = next(self.rows), self.seen
        self.torch.index_select(self.x, 0, rows, out=x.permute(0, 2, 3, 1) if x.ndim == 4 else x)
        self.torch.index_select(self.t, 0, rows, out=t)
        self.recording.replay()
        self.value = self.kept.detach()

    def batch(self, rows: Any) -> tuple:
        x, t = super().batch(rows)
        return x.permute(0, 3, 1, 2) if x.ndim == 4 else x, t

    def resident(self, x: Any, t: Any, orders: Any) -> None:
        super().resident(x, t, orders)
        if self.trains and self.x.ndim == 4:
            self.x = self.x.permute(0, 2, 3, 1)  # rows are gathered as (B,Y,X,C): the same memory

    def answer(self, x: Any) -> np.ndarray:
        return self.predict(x).float().cpu().numpy()

    def wait(self) -> None:
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def place(self, x: Any, t: Any) -> tuple:
        x, t = (self.torch.from_numpy(np.ascontiguousarray(a)).to(self.device) for a in (x, t))
        if x.ndim == 4:
            x = x.permute(0, 3, 1, 2).contiguous(memory_format=self.torch.channels_last)
        return x, t

    def ours(self, name: str, a: Any) -> np.ndarray:
        return TorchRunner.ours(self, name, a.detach().float().cpu().contiguous())


def made(dry: bool, modes: tuple[str, ...]) -> list[GpuPeer]:
    return [Torch(dry, "eager"), Torch(dry, "graph"), *(Torch(dry, "compiled", mode) for mode in modes)]
