"""Weights in a file: safetensors, named as in the network (`0.W`, `1.running_mean`), written whole or not at all."""

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np


class FileError(ValueError):
    """A file that cannot be read, written, or made to fit; the sentence says which and why."""


def write_whole(path: str | Path, data: bytes) -> None:
    """Write to a neighbour, flush it to the disk, then take the name: a reader sees the old file or the new one."""
    path = Path(os.path.realpath(path))
    neighbour = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.writing")  # nobody else's
    try:
        with open(neighbour, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(neighbour, path)
    except OSError as error:
        neighbour.unlink(missing_ok=True)
        sentence = f"{path} could not be written ({error.strerror}); what was there before is still there"
        raise FileError(sentence) from error


def read_tensors(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """All arrays of a safetensors file, and its metadata."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as f:
            return {name: f.get_tensor(name) for name in f.keys()}, f.metadata() or {}
    except FileNotFoundError:
        raise FileError(f"there is no file {path}") from None
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:  # the last two: BF16, F8
        raise FileError(f"{path} is no whole safetensors file of numbers that NumPy knows ({error})") from error


def save(net: Any, path: str | Path) -> None:
    """Parameters and buffers under their names."""
    from safetensors.numpy import save as encode

    arrays = {name: np.array(net.backend.to_host(a), order="C") for name, a in named(net).items()}
    write_whole(path, encode(arrays, metadata={"format": "dlcourse-weights-1", "network": repr(net)}))


def load(net: Any, path: str | Path) -> None:
    """Every name and shape is compared before the first number is copied."""
    arrays, _ = read_tensors(path)
    fit(arrays, {name: a.shape for name, a in named(net).items()}, path)
    with np.errstate(over="ignore"):
        cast = {name: arrays[name].astype(view.dtype) for name, view in named(net).items()}
    wrong = [name for name, a in cast.items() if not np.isfinite(a).all()]
    if wrong:
        raise FileError(f"{path} holds numbers in {wrong[0]} that are not finite in {net.dtype}; nothing was loaded")
    for name, view in named(net).items():
        view[...] = net.backend.asarray(cast[name])


def named(net: Any) -> dict[str, Any]:
    """Everything that a file of weights holds: parameters and buffers, by name."""
    return {**net.params, **net.buffers}


def fit(arrays: dict[str, np.ndarray], shapes: dict[str, tuple], path: str | Path) -> None:
    """One sentence for all that is missing, unknown, or of another shape or kind."""
    wrong = [f"{name} is missing" for name in shapes if name not in arrays]
    wrong += [f"{name} is unknown to this network" for name in arrays if name not in shapes]
    both = [name for name in shapes if name in arrays]
    wrong += [f"{n} expects {shapes[n]}, got {arrays[n].shape}" for n in both if arrays[n].shape != shapes[n]]
    wrong += [f"{n} holds {arrays[n].dtype}" for n in both if arrays[n].dtype.kind not in "fiu"]
    if wrong:
        more = f", and {len(wrong) - 4} more" if len(wrong) > 4 else ""
        raise FileError(f"{path} does not fit this network: {'; '.join(wrong[:4])}{more}; nothing was loaded")
