"""A whole training run in one safetensors file: enough to go on as if nothing had happened.

Arrays    network.theta, network.<buffer>, optimizer.hp, optimizer.<state>, run.values (losses of the epoch under way),
          run.batch_losses, hooks.<number>.<name> (the best weights ...)
Metadata  one JSON text: version, epoch, batch, history, the optimizer's numbers, each hook's state, and who may go on
          from it: names and shapes of the parameters, kind of optimizer and loss, and the order of the batches
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as encode

from ..backends import backend_of, to_host
from ..nn.storage import FileError, read_tensors, write_whole
from .verdict import Verdict

VERSION, KEY = 1, "dlcourse-checkpoint"


def save(path: str | Path, run: Any) -> None:
    """Write the run. The file is replaced whole: after a crash there is the old one or the new one. Waits for a GPU."""
    arrays, states = arrays_of(run), []
    for i, hook in enumerate(run.hooks):
        values, more = split(getattr(hook, "state", dict)())
        states.append([type(hook).__name__, values])
        arrays |= {f"hooks.{i}.{name}": a for name, a in more.items()}
    host = {name: np.array(to_host(a), order="C") for name, a in arrays.items()}
    write_whole(path, encode(host, metadata={KEY: json.dumps(facts(run) | {"hooks": states})}))


def load(path: str | Path, run: Any) -> None:
    """Fill the run from the file. Whatever does not fit is refused in one sentence, before anything changes."""
    arrays, metadata = read_tensors(path)
    if KEY not in metadata:
        raise FileError(f"{path} is no checkpoint of a training run: give Checkpoint another path")
    found = json.loads(metadata[KEY])
    check_fits(path, found, facts(run), [type(hook).__name__ for hook in run.hooks])
    fill(network_arrays(run.net), part(arrays, "network."))
    run.optimizer.load_state(part(arrays, "optimizer."), found["optimizer"]["numbers"])
    run.epoch, run.batch, run.stopped = found["epoch"], found["batch"], found["stopped"]
    fill({"values": run.values}, part(arrays, "run."))
    load_history(run.history, found["history"], arrays["run.batch_losses"])
    for i, (hook, (_, values)) in enumerate(zip(run.hooks, found["hooks"], strict=True)):
        if hasattr(hook, "load_state"):
            hook.load_state(values | on_device(part(arrays, f"hooks.{i}."), run.net.theta))


# ---- what is in it


def network_arrays(net: Any) -> dict[str, Any]:
    """Everything that training changes in a network: θ and the buffers, dropout's counter among them."""
    return {"theta": net.theta, **net.buffers}


def arrays_of(run: Any) -> dict[str, Any]:
    """Every array of the run, by its name in the file."""
    return (
        {f"network.{name}": a for name, a in network_arrays(run.net).items()}
        | {f"optimizer.{name}": a for name, a in run.optimizer.state().items()}
        | {"run.values": run.values, "run.batch_losses": np.array(run.history.batch_losses)}
    )


def facts(run: Any) -> dict[str, Any]:
    """The metadata, as JSON will give it back."""
    history = {name: value for name, value in vars(run.history).items() if name != "batch_losses"}
    b, shapes = run.batches, {name: list(a.shape) for name, a in run.net.params.items()}
    return {
        "version": VERSION,
        "network": {"parameters": shapes, "dtype": run.net.dtype, "key": run.net.key},
        "optimizer": {"kind": type(run.optimizer).__name__, "numbers": run.optimizer.settings},
        "loss": repr(run.loss),
        "batches": {name: getattr(b, name, None) for name in ("n", "size", "key", "shuffle")},
        "epoch": run.epoch, "batch": run.batch, "stopped": run.stopped, "history": history,
    }  # fmt: skip


def split(state: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """JSON values and arrays, apart."""
    arrays = {name: value for name, value in state.items() if hasattr(value, "dtype")}
    return {name: value for name, value in state.items() if name not in arrays}, arrays


# ---- going on


def check_fits(path: Any, found: dict, mine: dict, hooks: list[str]) -> None:
    """One sentence for the first difference between the run in the file and this one."""
    if found.get("version") != VERSION:
        raise FileError(f"{path} is a checkpoint of version {found.get('version')}, this program reads {VERSION}")
    theirs = flatten(identity(found, [name for name, _ in found["hooks"]]))
    ours = flatten(identity(mine, hooks))
    for name in [*ours, *theirs]:
        if theirs.get(name) != ours.get(name):
            what = f"{name} is {theirs.get(name, 'missing')} in the file, {ours.get(name, 'missing')} here"
            raise FileError(f"{path} belongs to another run ({what}): delete it to begin anew, or give another path")


def identity(facts: dict, hooks: list[str]) -> dict:
    """What must be equal for a run to go on."""
    optimizer = {"kind": facts["optimizer"]["kind"], "numbers": sorted(facts["optimizer"]["numbers"])}
    return {name: facts[name] for name in ("network", "loss", "batches")} | {"optimizer": optimizer, "hooks": hooks}


def flatten(tree: dict, path: str = "") -> dict[str, Any]:
    """{"network parameters 0.W": [784, 10], ...}"""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= flatten(value, f"{path}{name} ") if isinstance(value, dict) else {path + name: value}
    return flat


def load_history(history: Any, found: dict, batch_losses: np.ndarray) -> None:
    """Fill the history from the file's JSON and its vector of batch losses."""
    vars(history).update(found, batch_losses=batch_losses.tolist(), ended="failed")
    history.verdict = found["verdict"] and Verdict(*found["verdict"])


def part(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The arrays whose names start so, without that start."""
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def on_device(arrays: dict[str, Any], like: Any) -> dict[str, Any]:
    """The same arrays on the backend of `like`."""
    return {name: backend_of(like).asarray(a) for name, a in arrays.items()}


def fill(mine: dict[str, Any], values: dict[str, Any]) -> None:
    """Copy by name, into the arrays that are there."""
    for name, a in mine.items():
        a[...] = backend_of(a).asarray(values[name], a.dtype)
