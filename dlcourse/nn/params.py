"""One flat vector θ, one flat gradient ∇, and many named views into them."""

import math
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from ..backends import Backend, backend_of, to_host

LINE = 256  # bytes: every parameter starts on a line of its own; the padding between them stays zero


class Missing:
    """A class attribute that stands for what an instance does not have yet; reading it raises one sentence."""

    def __init__(self, sentence: str):
        self.sentence = sentence

    def __get__(self, owner: Any, kind: type) -> Any:
        raise AttributeError(self.sentence)


class Param(property):
    """A learnable array of a layer. Reading gives a view into θ; assigning copies into it, so no view ever breaks."""

    def __set_name__(self, owner: type, name: str) -> None:
        super().__init__(attrgetter("_" + name), self.assign)
        self.name = name
        owner.params = (*owner.params, name)
        sentence = f"{owner.__name__} has no {name} yet: its arrays are made when it is put into a Network(...)"
        setattr(owner, "_" + name, Missing(sentence))
        setattr(owner, "d" + name, Missing(sentence))

    def assign(self, layer: Any, value: Any) -> None:
        view, name = getattr(layer, "_" + self.name), f"{type(layer).__name__}.{self.name}"
        if view is False:
            raise ValueError(f"there is no {name}: the layer was made with bias=False")
        copy_into(view, value, name)


def copy_into(view: Any, value: Any, name: str) -> None:
    """view[...] = value, after a check that names both shapes."""
    check_shape(view, value, name)
    view[...] = value if type(value) is type(view) else backend_of(view).asarray(to_host(value), view.dtype)


def check_shape(view: Any, value: Any, name: str) -> None:
    """Raise, naming both shapes, where the value does not fit the view."""
    if np.shape(value) != view.shape:
        raise ValueError(f"{name} expects {view.shape}, got {np.shape(value)}")


def leaves(layers: Sequence, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, layer) for every layer that holds no others, depth first: ("0", ...), ("3.0", ...)."""
    for i, layer in enumerate(layers):
        if layer.layers:
            yield from leaves(layer.layers, f"{path}{i}.")
        else:
            yield f"{path}{i}", layer


def segments(layers: Sequence, itemsize: int) -> tuple[list[tuple[Any, str, str, tuple, int]], int]:
    """[(layer, name, full name, shape, offset)], total length: where each parameter lies in the flat vector."""
    found, at, line = [], 0, LINE // itemsize
    for path, layer in leaves(layers):
        for name in layer.params:
            shape = layer.specs[name].shape
            found.append((layer, name, f"{path}.{name}", shape, at))
            at += -(-math.prod(shape) // line) * line
    return found, at


def views(layers: Sequence, flat: Any, itemsize: int = 0) -> Iterator[tuple[Any, str, str, Any]]:
    """(layer, name, full name, view) for every parameter of these layers in this flat vector.

    itemsize: of the vector that it is a copy of, if that has another dtype: each number has the same place in both.
    """
    for layer, name, full, shape, at in segments(layers, itemsize or flat.dtype.itemsize)[0]:
        yield layer, name, full, flat[at : at + math.prod(shape)].reshape(shape)


def pack(layers: Sequence, backend: Backend, dtype: str, key: int) -> tuple[Any, Any]:
    """θ with every parameter drawn, and ∇; both aligned, both with views in the layers, which have their numbers."""
    size = segments(layers, np.dtype(dtype).itemsize)[1]
    theta, grad = backend.vectors(("θ", "∇"), size, dtype).values()
    for layer, name, _, view in views(layers, theta):
        spec = layer.specs[name]
        value = spec.init(generator(key, layer.number, name), spec.shape, spec.fan_in, spec.fan_out)
        check_shape(view, value, f"{layer!r}: what init makes for {name}")
        backend.put(view, np.asarray(value, dtype, order="C"))
        setattr(layer, "_" + name, view)
    point(layers, grad)
    return theta, grad


def point(layers: Sequence, grad: Any) -> None:
    """Make dW, db ... of these layers views into the vector grad."""
    for layer, name, _, view in views(layers, grad):
        setattr(layer, "d" + name, view)


def generator(key: int, layer: int, name: str) -> np.random.Generator:
    """Random numbers that depend on (key, layer, name) alone: Philox with the two in the upper words of its counter."""
    code = int.from_bytes(name.encode()[:8], "little")
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, layer, code]))


class Named(dict):
    """{name: view}. Reading gives a view into the flat vector; assigning copies into it; an unknown name raises."""

    def __setitem__(self, name: str, value: Any) -> None:
        copy_into(self[name], value, name)

    def update(self, values: Any) -> None:
        """Assign several; nothing is assigned unless all of them fit."""
        for name, value in values.items():
            check_shape(self[name], value, name)
        for name, value in values.items():
            self[name] = value

    def __missing__(self, name: str) -> Any:
        raise KeyError(f"no array is called {name!r}; there are {', '.join(self)}")
