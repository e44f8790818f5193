"""Notebook 13: one network on several engines, what a step asks of a device, and what its time should be."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..backends import Backend, get_backend
from ..backends.fake import DEVICE, FAKE
from ..exercises import find
from ..exercises.practice import practice_gpu
from ..nn.layers import Dense, ReLU
from ..nn.losses import SoftmaxCrossEntropy
from ..nn.network import Network
from ..training.graph import GraphStep
from ..training.optimizers import SGD, Adam
from ..training.steps import SerialStep, choose_step
from .recorded import MONTHS

__all__ = [
    "any_gpu",
    "asked_by_part",
    "asked_for_units",
    "asked_of_a_device",
    "crossings_as_given",
    "cut_to",
    "flop_and_bytes",
    "gpu_records",
    "predicted_s",
    "stepper",
    "told_of_gpus",
    "updates",
]

RECORDS = Path(__file__).parents[2] / "benchmarks" / "records"
LAUNCH_S = 4e-6, 6e-6  # assumed; it depends on the driver and the processor, and has to be measured on each machine
PEAK, BANDWIDTH = 67e12, 4.8e12  # FLOP/s of float32 and bytes/s of an H200 by NVIDIA's data sheet: never quite reached
NUMBERS = 9  # read or written for each parameter in a step by Adam, at least: 7 by Adam, W once, its slope once
NETWORK = "784-128-10"


def any_gpu() -> Backend | None:
    """The backend of a GPU that computes, or None. Found by using it, since an import proves little."""
    try:
        backend = get_backend("cupy")
        return backend if int(backend.xp.arange(4).sum()) == 6 else None
    except Exception:  # no driver, no CuPy, a full GPU: `dlcourse doctor` tells them apart
        return None


def stepper(backend: Any, hidden: int = 128, batch: int = 64, graph: bool = False) -> Callable[[], Any]:
    """A function that makes one more step of a 784-hidden-10 network with Adam; its batch lies where it computes."""
    step, x, t = _step(backend, hidden, batch, graph)
    return lambda: step(x, t)


def _step(backend: Any, hidden: int = 128, batch: int = 64, graph: bool = False) -> tuple:
    net = Network(Dense(784, hidden), ReLU(), Dense(hidden, 10), key=0, backend=backend)
    parts = net, SoftmaxCrossEntropy(), Adam(net.theta, net.grad)
    if net.backend.host:
        step = choose_step(*parts, (batch, 784))
    else:
        step = GraphStep(*parts) if graph else SerialStep(*parts)
    rng, backend = np.random.default_rng(0), net.backend
    x, t = rng.normal(size=(batch, 784)).astype("float32"), np.arange(batch) % 10
    return step, *((x, t) if backend.host else (backend.asarray(x), backend.asarray(t)))


def asked_of_a_device() -> dict[str, tuple[int, int, int]]:
    """(launches, copies, waits) of one step of 784-128-10 with Adam in three ways, counted on a make-believe device."""
    ways = {
        "operation by operation": stepper(FAKE.plain()),
        "fused operations": stepper(FAKE),
        "one recorded graph": stepper(FAKE, graph=True),
    }
    found = {}
    for name, step in ways.items():
        for _ in range(6):  # warm up, and record
            step()
        with DEVICE.watch() as seen:
            step()
        found[name] = seen.launches, seen.copies, seen.syncs
    return found


def asked_by_part() -> dict[str, int]:
    """{part of the step: launches}, operation by operation: who asks for what `asked_of_a_device` counts in all."""
    step, x, t = _step(FAKE.plain())
    step(x, t)
    (plan,) = step.plans.values()
    begun = {"forward": DEVICE.counts["launches"]}

    def marked(owner: Any, name: str, part: str, done: bool = False) -> None:
        """`part` begins with this method, or where it is done."""
        method = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            before = DEVICE.counts["launches"]
            result = method(*args, **kwargs)
            begun[part] = DEVICE.counts["launches"] if done else before
            return result

        setattr(owner, name, call)

    marked(plan.loss, "forward", "loss")
    marked(plan.loss, "backward", "backward", done=True)
    marked(step.plans, "gradient", "Adam", done=True)
    step(x, t)
    ends = *begun.values(), DEVICE.counts["launches"]
    return {part: after - before for part, before, after in zip(begun, ends, ends[1:])}


def asked_for_units(units: int) -> int:
    """Launches for a layer of so many units with ReLU, counted on a practice GPU."""
    gpu = practice_gpu()
    x, W, b = gpu.put(np.ones((64, 784))), gpu.put(np.ones((784, units))), gpu.put(np.ones(units))
    gpu.xp.maximum(x @ W + b, 0)
    return gpu.tally()[0]


def crossings_as_given(x: np.ndarray, t: np.ndarray, W: np.ndarray, steps: int) -> tuple[int, int]:
    """(copies, waits) of the loop of exercise 13.4 as it is given out, counted on a practice GPU."""
    gpu = practice_gpu()
    find("13.4").broken(gpu.xp, x, t, W, 0.1, steps)
    return tuple(gpu.tally()[1:])


def cut_to(bits: int) -> Callable[[np.ndarray], np.ndarray]:
    """A function that rounds numbers to so many binary digits behind the first: 10 is TF32, 7 is bf16."""
    scale = 2.0 ** (bits + 1)

    def rounded(a: np.ndarray) -> np.ndarray:
        part, power = np.frexp(a)
        return np.ldexp(np.round(part * scale) / scale, power).astype("float32")

    return rounded


def updates(x: np.ndarray, t: np.ndarray, *, backend: Any = "numpy", rounded: Callable | None = None) -> tuple:
    """Parameters before and after one step of gradient descent by 784-128-10, on the host, float64.

    rounded: what is done to images and weights first, such as cutting off digits.
    """
    net = Network(Dense(784, 128), ReLU(), Dense(128, 10), key=0, backend=backend)
    if rounded:
        x, net.theta[...] = rounded(x), rounded(net.theta)
    before = np.array(net.backend.to_host(net.theta), "float64")
    step = SerialStep(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1))
    step(net.backend.asarray(x), net.backend.asarray(t))
    return before, np.array(net.backend.to_host(net.theta), "float64")


def flop_and_bytes(hidden: int, batch: int = 64) -> tuple[int, int]:
    """(FLOP of the products, bytes that are read and written at least) of one step of 784-hidden-10 with Adam"""
    weights = 794 * hidden
    flop = 2 * batch * (3 * weights - 784 * hidden)  # forward, dW, and dx of all layers but the first
    return flop, 4 * (NUMBERS * (weights + hidden + 10) + batch * (784 + 4 * hidden))


def predicted_s(hidden: int, *, batch: int = 64, launches: int = 12) -> tuple[float, float]:
    """(low, high) seconds that a step takes at least: the largest of launches, FLOP / peak and bytes / bandwidth

    low and high differ in what a launch is assumed to cost. Where the bytes would fit in a cache, launches are more.
    """
    flop, moved = flop_and_bytes(hidden, batch)
    return tuple(max(launches * launch_s, flop / PEAK, moved / BANDWIDTH) for launch_s in LAUNCH_S)


# ---------------------------------------------------------------- what a GPU has been seen to do
def gpu_records(folder: Path = RECORDS) -> dict[str, dict[str, float]]:
    """{label: {what: microseconds}} of what benchmarks/gpu.py has measured on GPUs; a dry run is no measurement."""
    found = {}
    for path in sorted(folder.glob("gpu-*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["kind"] == "gpu" and not record["dry"]:
                found[_label(record)] = dict(_times(record["cases"]))
        except (KeyError, TypeError, ValueError, AttributeError):  # a record of something else
            continue
    return {label: times for label, times in found.items() if times}


def told_of_gpus(folder: Path = RECORDS, network: str = NETWORK) -> list[str]:
    """What has been measured of this network, record by record; that nothing has been; and the arithmetic."""
    told = []
    for label, times in gpu_records(folder).items():
        of_it = [f"  {what}: {us:.1f} µs" for what, us in times.items() if network in what]
        told += [label, *of_it] if of_it else []
    told = told or ["This course has no measurement on a GPU yet. What the arithmetic says:"]
    low, _ = predicted_s(128)
    cost = 1e6 * LAUNCH_S[0]
    arithmetic = f"not measured: {NETWORK} on an H200, 12 launches of {cost:g} µs: at least {1e6 * low:.0f} µs"
    return [*told, arithmetic]


def _label(record: Mapping) -> str:
    day = datetime.date.fromisoformat(record["date"][:10])
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items() if version)
    return f"recorded on {record['device']}, {day.day} {MONTHS[day.month - 1]} {day.year}, {versions}"


def _times(cases: Mapping) -> Iterator[tuple[str, float]]:
    for name, case in cases.items():
        for precision, part in case["measured"].items():
            for who, row in part["implementations"].items():
                yield f"{name} {case['what']}, {precision}: {who}", 1e6 * row["median_s"]
