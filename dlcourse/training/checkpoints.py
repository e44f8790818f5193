"""A whole training run in one safetensors file: enough to go on as if nothing had happened.

Arrays    network.theta, network.<buffer>, optimizer.hp, optimizer.<state>, run.values (losses of the epoch under way),
          run.batch_losses, step.fp16 (the loss scale of a step in fp16), hooks.<number>.<name> (the best weights ...)
Metadata  one JSON text: version, epoch, batch, history, the optimizer's numbers, each hook's state and
          its arrays' shapes, and who may go on from it: names and shapes of the parameters, kind of optimizer and
          loss, and the order of the batches
"""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as encode

from ..backends import backend_of, to_host
from ..nn.storage import FileError, fit, read_tensors, write_whole
from .verdict import Verdict

VERSION, KEY = 1, "dlcourse-checkpoint"


def save(path: str | Path, run: Any) -> None:
    """Write the run. The file is replaced whole: after a crash there is the old one or the new one. Waits for a GPU."""
    arrays, states = arrays_of(run), []
    for i, hook in enumerate(run.hooks):
        state = getattr(hook, "state", dict)()
        more = {name: value for name, value in state.items() if hasattr(value, "dtype")}
        states.append([type(hook).__name__, {name: value for name, value in state.items() if name not in more}])
        arrays |= {f"hooks.{i}.{name}": a for name, a in more.items()}
    host = {name: np.array(to_host(a), order="C") for name, a in arrays.items()}
    told = facts(run) | {"hooks": states, "arrays": of_hooks(host)}
    write_whole(path, encode(host, metadata={KEY: json.dumps(told)}))


def load(path: str | Path, run: Any) -> None:
    """Fill the run from the file. Whatever does not fit is refused in one sentence, before anything changes."""
    arrays, metadata = read_tensors(path)
    if KEY not in metadata:
        raise FileError(f"{path} is no checkpoint of a training run: give Checkpoint another path")
    try:
        found = json.loads(metadata[KEY])
        check_fits(path, found, facts(run), [type(hook).__name__ for hook in run.hooks])
        check_numbers(found, run)
        check_arrays(path, arrays, found, run)
        load_hooks(arrays, found, run)  # first: they alone may still refuse
    except FileError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise FileError(f"{path} is damaged, its metadata make no run ({what}); nothing was loaded") from error
    fill(own_arrays(run), arrays)
    run.optimizer.load_state(part(arrays, "optimizer."), found["optimizer"]["numbers"])
    run.epoch, run.batch, run.stopped = found["epoch"], found["batch"], found["stopped"]
    vars(run.history).update(found["history"], batch_losses=arrays["run.batch_losses"].tolist(), ended="failed")
    run.history.verdict = found["history"]["verdict"] and Verdict(*found["history"]["verdict"])


def load_hooks(arrays: dict, found: dict, run: Any) -> None:
    """Each hook gets back what its state() gave."""
    for i, (hook, (_, values)) in enumerate(zip(run.hooks, found["hooks"], strict=True)):
        if hasattr(hook, "load_state"):
            more = part(arrays, f"hooks.{i}.").items()
            hook.load_state(values | {name: run.net.backend.asarray(a) for name, a in more})


# ---- what is in it


def network_arrays(net: Any) -> dict[str, Any]:
    """Everything that training changes in a network: θ and the buffers, dropout's counter among them."""
    return {"theta": net.theta, **net.buffers}


def own_arrays(run: Any) -> dict[str, Any]:
    """What the network, the run and the step's precision hold, by its name in the file."""
    arrays = {f"network.{name}": a for name, a in network_arrays(run.net).items()} | {"run.values": run.values}
    scale = getattr(getattr(run.step, "precision", None), "state", None)
    return arrays if scale is None else arrays | {f"step.{run.step.precision.name}": scale}


def arrays_of(run: Any) -> dict[str, Any]:
    """Every array of the run, by its name in the file."""
    arrays = own_arrays(run) | {f"optimizer.{name}": a for name, a in run.optimizer.state().items()}
    return arrays | {"run.batch_losses": np.array(run.history.batch_losses)}


def facts(run: Any) -> dict[str, Any]:
    """The metadata, as JSON will give it back."""
    history = {name: value for name, value in vars(run.history).items() if name != "batch_losses"}
    b, shapes = run.batches, {name: list(a.shape) for name, a in run.net.params.items()}
    return {
        "version": VERSION,
        "network": {"parameters": shapes, "layers": repr(run.net), "dtype": run.net.dtype, "key": run.net.key},
        "optimizer": {"kind": type(run.optimizer).__name__, "numbers": run.optimizer.settings},
        "loss": repr(run.loss),
        "batches": {name: getattr(b, name, None) for name in ("n", "size", "key", "shuffle")} | {"data": sample(b)},
        "epoch": run.epoch, "batch": run.batch, "stopped": run.stopped, "history": history,
    }  # fmt: skip


def sample(batches: Any) -> str:
    """A fingerprint of the data: of a thousand examples across it, and of their targets."""
    both = (a for name in ("x", "t") if hasattr(a := getattr(batches, name, None), "dtype"))
    thinned = (np.ascontiguousarray(to_host(a[:: -(-len(a) // 1000)])) for a in both)
    return " ".join(f"{zlib.crc32(a):08x}" for a in thinned)


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


def check_numbers(found: dict, run: Any) -> None:
    """Raise ValueError (or what Python says of a wrong kind) for numbers that no run of these batches can have."""
    history, epoch, batch = found["history"], found["epoch"], found["batch"]
    if history.keys() | {"batch_losses"} != vars(run.history).keys() or not isinstance(found["stopped"], str):
        raise ValueError(f"the history has {', '.join(history)}")
    if type(epoch) is not int or type(batch) is not int or epoch < 0 or not 0 <= batch <= len(run.batches):
        raise ValueError(f"epoch {epoch!r}, batch {batch!r}")
    if (history["updates"], len(history["losses"])) != (epoch * len(run.batches) + batch, epoch):
        raise ValueError(f"{history['updates']} updates, {len(history['losses'])} losses after {epoch} epochs")
    curves = [history["losses"], history["seconds"], *history["metrics"].values()]
    numbers = [*found["optimizer"]["numbers"].values(), *(value for curve in curves for value in curve)]
    if bad := [value for value in numbers if not isinstance(value, (int, float))]:
        raise ValueError(f"{bad[0]!r} is no number")
    Verdict(*history["verdict"] or ("", ""))


def check_arrays(path: Any, arrays: dict, found: dict, run: Any) -> None:
    """Every name, shape and kind: those of the run as it is here, those of the hooks as the file lists them."""
    shapes = {name: a.shape for name, a in arrays_of(run).items()}
    shapes["run.batch_losses"] = (found["epoch"] * len(run.batches),)
    fit({name: a for name, a in arrays.items() if not name.startswith("hooks.")}, shapes, path)
    if of_hooks(arrays) != found["arrays"]:
        raise FileError(f"{path} is damaged, the hooks' arrays are not those that it lists; nothing was loaded")


def of_hooks(arrays: dict[str, Any]) -> dict[str, list[int]]:
    """The shapes of what the hooks keep, as JSON will give them back."""
    return {name: list(a.shape) for name, a in arrays.items() if name.startswith("hooks.")}


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


def part(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The arrays whose names start so, without that start."""
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def fill(mine: dict[str, Any], values: dict[str, Any]) -> None:
    """Copy by name, into the arrays that are there."""
    for name, a in mine.items():
        a[...] = backend_of(a).asarray(values[name], a.dtype)
