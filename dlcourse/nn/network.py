"""Ordered layers over one flat vector of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from ..backends import NUMPY, Backend, get_backend, to_host
from . import storage
from .layers import Layer, Sequential
from .ops import table
from .params import Named, leaves, pack, point, views
from .predict import Predictor
from .summary import Summary, summarize
from .swap import swap


class Network:
    """y = f_n(... f_2(f_1(x)))      backward: dx = f_1'(... f_n'(dy))

    net = Network(Dense(784, 128), ReLU(), Dense(128, 10), key=1, backend="numpy")      or "numba", "cupy"

    theta, grad    all parameters and all their gradients, each as one flat vector
    params, grads  named views into them: net.params["0.W"]
    buffers        what is kept beside the parameters: running statistics, dropout's counter
    dtype          float32 or float64: in which all of it is computed, whatever x has
    key            the weights are drawn by Philox from (key, layer, name): same key, same network, on any machine
    """

    def __init__(self, *layers: Layer, key: int = 0, dtype: str = "float32", backend: Backend | str = NUMPY):
        self.layers, self.key, self.dtype = list(layers), key, np.dtype(dtype).name
        self.backend = get_backend(backend)
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"a network computes in float32 or float64, got {self.dtype}")
        self.ops = table(self.backend, self.dtype)
        check_layers(self.layers)
        self.counter = self.backend.zeros((), "int64")
        self.buffers = Named(counter=self.counter)
        self.known: set = set()
        self.predictor = Predictor()
        for number, (path, leaf) in enumerate(leaves(self.layers)):
            leaf.number, leaf.key, leaf.counter = number, key, self.counter
            self.add_buffers(path, leaf)
        self.theta, self.grad = pack(self.layers, self.backend, self.dtype, key)
        self.params = Named((full, view) for _, _, full, view in views(self.layers, self.theta))
        self.grads = Named((full, view) for _, _, full, view in views(self.layers, self.grad))
        for layer in everything(self.layers):
            layer.placed, layer.ops = True, self.ops

    def add_buffers(self, path: str, leaf: Layer) -> None:
        for name, spec in leaf.buffer_specs.items():
            value = self.backend.asarray(np.asarray(spec.init(None, spec.shape, 1, 1), self.dtype))
            setattr(leaf, name, value)
            dict.__setitem__(self.buffers, f"{path}.{name}", value)

    # ---- computing
    def forward(self, x: Any, train: bool = False) -> Any:
        """y of the whole batch. train: batch statistics and dropout as in training."""
        x = self.checked(x)
        for layer in self.layers:
            x = layer.forward(x, train)
        self.y_shape = x.shape
        return x

    def backward(self, dy: Any) -> Any:
        """dx, and every gradient in `grad`, from the dy of the last forward."""
        expected = getattr(self, "y_shape", None)
        if expected and np.shape(dy) != expected:
            raise ValueError(f"backward expects dy {expected}, the shape of the last y, got {np.shape(dy)}")
        try:
            for layer in reversed(self.layers):
                dy = layer.backward(dy)
        except AttributeError as error:
            if isinstance(error.obj, Layer):
                raise AttributeError("backward goes back from the last forward: run net.forward(x) first") from error
            raise
        return dy

    def predict(self, x: Any, *, block: int | None = None) -> Any:
        """y of a batch of any size, `block` at a time, in memory of its own; big batches of images on all cores.

        x  an array (B, ...) of real numbers, whatever their dtype; one example is the batch x[None]
        y  (B, ...) in the network's dtype, without dropout, by the statistics that batch norm has gathered
        """
        if block is not None and block < 1:
            raise ValueError(f"block= counts the examples that are computed at a time, at least 1, got {block}")
        if not isinstance(x, self.backend.xp.ndarray):
            self.check(x)  # which says what it should be
        return self.predictor(self, x, block)

    def checked(self, x: Any) -> Any:
        """x in the network's dtype, after one look at each new shape: the layers say what they expect."""
        kind = (type(x), getattr(x, "shape", None), getattr(x, "dtype", None))
        if kind not in self.known:
            self.check(x)
            self.known.add(kind)
        return x if x.dtype == self.dtype else x.astype(self.dtype)

    def check(self, x: Any) -> tuple:
        """The shape of y, or one sentence that says what is wrong with x."""
        if not isinstance(x, self.backend.xp.ndarray):
            raise TypeError(f"this network lives on {self.backend!r}, x is a {type(x).__name__}: {self.backend.take_x}")
        if x.dtype.kind not in "fiub":
            raise TypeError(f"x must hold real numbers, got dtype {x.dtype}")
        if not x.ndim or not len(x):
            raise ValueError(f"the batch is empty: x has shape {x.shape}")
        return Sequential(*self.layers).shape(x.shape)

    # ---- looking, replacing, keeping
    def summary(self, input_shape: tuple | None = None, *, step: Any = None, batch: int | None = None) -> Summary:
        """A table of layers: output shape, parameters, bytes, FLOPs for one example of this shape, e.g. (28, 28, 1).

        step, batch: a Step of this network and a number of examples; then also the memory that its training takes.
        """
        return summarize(self, input_shape, step, batch)

    def swap(self, **functions: Callable) -> AbstractContextManager:
        """with net.swap(dense_backward=mine): a plain function takes the library's place in this network."""
        return swap(self.ops, functions)

    def mask(self, *names: str) -> Any:
        """A vector like θ: 1 at the parameters of these names ("W"), 0 elsewhere. For weight decay."""
        mask, found = self.backend.zeros(self.theta.shape, self.dtype), set()
        for _, name, full, view in views(self.layers, mask):
            if {name, full} & set(names):
                view[...] = 1
                found |= {name, full}
        if set(names) - found:
            raise ValueError(f"no parameter is called {' or '.join(set(names) - found)}: {', '.join(self.params)}")
        return mask

    def replica(self, grad: Any) -> Network:
        """The same θ, a gradient and a memory of its own: what a step, a thread or a captured graph works on."""
        net = object.__new__(type(self))
        vars(net).update(vars(self))
        net.grad, net.layers = grad, [layer.replica() for layer in self.layers]
        point(net.layers, grad)
        return net

    def to(self, backend: Backend | str) -> Network:
        """A new network with the same numbers, on another backend. Make the optimizer after it."""
        layers = [layer.replica() for layer in self.layers]
        for layer in everything(layers):
            forget(layer, type(self.theta))
        net = Network(*layers, key=self.key, dtype=self.dtype, backend=backend)
        net.backend.put(net.theta, to_host(self.theta))
        net.buffers.update(self.buffers)
        return net

    def __deepcopy__(self, memo: dict) -> Network:
        return self.to(self.backend)

    def __reduce__(self) -> Any:
        raise TypeError("a Network is kept in a file by net.save(path) and net.load(path), not by pickle")

    def save(self, path: str | Path) -> None:
        """Write parameters and buffers to one safetensors file, whole or not at all."""
        storage.save(self, path)

    def load(self, path: str | Path) -> None:
        """Fill this network from such a file; what does not fit is refused before anything changes."""
        storage.load(self, path)

    def __repr__(self) -> str:
        return f"Network({', '.join(map(repr, self.layers))})"


def everything(layers: Any) -> Iterator[Layer]:
    """Every layer, those that hold others included, depth first."""
    for layer in layers:
        yield layer
        yield from everything(layer.layers)


def check_layers(layers: list) -> None:
    """A layer stands once in one network: it has one set of weights and one memory."""
    seen: set = set()
    if not layers:
        raise ValueError("a Network needs at least one layer")
    for layer in everything(layers):
        if not isinstance(layer, Layer):
            hint = " (a class: call it)" if isinstance(layer, type) else ""
            raise TypeError(f"a Network is made of layers, got {layer!r}{hint}")
        if layer.placed or id(layer) in seen:
            raise ValueError(f"{layer!r} stands in a network already: a layer is used once; make a new one")
        seen.add(id(layer))


def forget(layer: Layer, array_type: type) -> None:
    """Drop the arrays of another backend, and the place in another network."""
    layer.placed = False
    for name, value in list(vars(layer).items()):
        if isinstance(value, array_type) or name == "stats":
            delattr(layer, name)
