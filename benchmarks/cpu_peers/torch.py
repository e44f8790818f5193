"""PyTorch on the CPU: as it is written by default, tuned by hand, and compiled.

eager     contiguous images, default optimizer; predicting in inference_mode
tuned     images and kernels in channels-last memory, the fused optimizer; predicting: traced, frozen, optimized
compiled  torch.compile of network and loss (fullgraph, default mode), the fused optimizer; predicting: frozen weights
The loss is never asked for, so that no step waits for a number.
"""

from __future__ import annotations

import shutil
import warnings
from math import prod
from typing import Any

import numpy as np
from cpu_workloads import BETA1, BETA2, EPS, MU, Workload

from dlcourse.hardware.machine import cores

from . import Peer, Runner


class Torch(Peer):
    needs = "torch"

    def __init__(self, how: str):
        self.how, self.name, self.threads = how, f"PyTorch {how}", str(cores())

    def available(self) -> str | None:
        if self.how == "compiled" and not (shutil.which("g++") or shutil.which("clang++")):
            return super().available() or "torch.compile needs a C++ compiler, and g++ is not installed"
        return super().available()

    def make(self, w: Workload, weights: dict, optimizer: str) -> Runner:
        return TorchRunner(w, weights, optimizer, self.how)


class TorchRunner(Runner):
    def __init__(self, w: Workload, weights: dict, optimizer: str, how: str):
        import torch

        torch.set_num_threads(cores())
        self.torch, self.w, self.how = torch, w, how
        self.last = how == "tuned" and w.images
        self.net = torch.nn.Sequential(*(layer_of(torch.nn, *layer) for layer in w.layers))
        self.names = dict(named(self.net))
        with torch.no_grad():
            for name, a in weights.items():
                self.names[name].copy_(torch.from_numpy(self.theirs(name, a)))
        if self.last:
            self.net = self.net.to(memory_format=torch.channels_last)
            self.names = dict(named(self.net))
        self.rule = rule(torch.optim, self.net.parameters(), optimizer, w.lr(optimizer), fused=how != "eager")
        criterion = torch.nn.BCEWithLogitsLoss() if w.classes == 1 else torch.nn.CrossEntropyLoss()
        self.loss = lambda x, t: criterion(self.net(x), t)
        if w.trains and how == "compiled":
            self.loss = torch.compile(self.loss, fullgraph=True)
        if not w.trains:
            self.net.eval()
            self.run = self.prepared()

    def prepared(self) -> Any:
        """The network as it is run when nothing is trained any more."""
        torch = self.torch
        if self.how == "compiled":
            return torch.compile(self.net, fullgraph=True, options={"freezing": True})
        if self.how == "eager":
            return self.net
        example = self.place(np.zeros((self.w.batch, *self.w.shape), "float32"), np.zeros(1))[0]
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that torch.jit will go one day
            return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(self.net, example)))

    def theirs(self, name: str, a: np.ndarray) -> np.ndarray:
        """A parameter of ours in their order: W (O,I), kernels (O,C,kY,kX), rows from an image (C,Y,X)."""
        if a.ndim == 4:
            return np.ascontiguousarray(a.transpose(3, 2, 0, 1))
        if a.ndim == 2 and (shape := self.image_rows(name)):
            a = a.reshape(*shape, -1).transpose(2, 0, 1, 3).reshape(a.shape)
        return np.ascontiguousarray(a.T)

    def ours(self, name: str, a: Any) -> np.ndarray:
        """And back."""
        a = a.detach().numpy()
        if a.ndim == 4:
            return a.transpose(2, 3, 1, 0).copy()
        a = a.T.copy()
        if a.ndim == 2 and (shape := self.image_rows(name)):
            y, x, c = shape
            a = a.reshape(c, y, x, -1).transpose(1, 2, 0, 3).reshape(prod(shape), -1)
        return a

    def image_rows(self, name: str) -> tuple | None:
        found = self.w.flattened()
        return found[1] if found and name == f"{found[0]}.W" else None

    def place(self, x: Any, t: Any) -> tuple:
        x, t = self.torch.from_numpy(x), self.torch.from_numpy(t)
        if self.w.images:
            x = x.permute(0, 3, 1, 2).contiguous(
                memory_format=self.torch.channels_last if self.last else self.torch.contiguous_format
            )
        return x, t

    def step(self, x: Any, t: Any) -> None:
        self.rule.zero_grad()
        self.loss(x, t).backward()
        self.rule.step()

    def predict(self, x: Any) -> Any:
        with self.torch.inference_mode():
            return self.run(x)

    def gradient(self, x: Any, t: Any) -> dict[str, np.ndarray]:
        self.step(x, t)
        return {name: self.ours(name, p.grad) for name, p in self.names.items()}

    def weights(self) -> dict[str, np.ndarray]:
        return {name: self.ours(name, p) for name, p in self.names.items()}


def layer_of(nn: Any, kind: str, *numbers: Any) -> Any:
    """Their module for one of our tuples."""
    if kind == "conv":
        c, o, kernel, padding, bias = numbers
        return nn.Conv2d(c, o, kernel, padding=padding, bias=bias)
    kinds = {"dense": nn.Linear, "norm": nn.BatchNorm2d, "relu": nn.ReLU, "flatten": nn.Flatten}
    return nn.MaxPool2d(2) if kind == "pool" else kinds[kind](*numbers)


def named(net: Any) -> Any:
    """Their parameters under our names."""
    for name, p in net.named_parameters():
        number, _, word = name.partition(".")
        norm = type(net[int(number)]).__name__ == "BatchNorm2d"
        letters = {"weight": "gamma", "bias": "beta"} if norm else {"weight": "W", "bias": "b"}
        yield f"{number}.{letters[word]}", p


def rule(optim: Any, parameters: Any, optimizer: str, lr: float, fused: bool) -> Any:
    how = {"fused": True} if fused else {}
    if optimizer == "adam":
        return optim.Adam(parameters, lr=lr, betas=(BETA1, BETA2), eps=EPS, **how)
    return optim.SGD(parameters, lr=lr, momentum=MU, **how)


PEERS = [Torch("eager"), Torch("tuned"), Torch("compiled")]
