"""dlcourse: build a deep network from single units to GPU-accelerated training.

An operation is a pair of equations (forward, backward); a layer is those equations plus memory; everything else is
scheduling. The names below are loaded when they are first used, so that `import dlcourse` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

ROOMS = {
    "backends": "NUMPY backend_of get_backend to_host",
    "nn.layers": "AvgPool2D BatchNorm Conv2D Dense Dropout ELU Flatten GELU GELUTanh GlobalAvgPool2D LayerNorm "
    "LeakyReLU LogSoftmax MaxPool2D ReLU Residual Sequential SiLU Sigmoid Softmax Softplus Tanh",
    "nn.losses": "BinaryCrossEntropy MeanSquaredError SoftmaxCrossEntropy",
    "nn.network": "Network",
    "nn.gradcheck": "gradcheck",
    "data": "Batches DataError DataUnavailable Dataset Feed available blobs circles curve load_digits "
    "load_fashion_mnist load_mnist mnist_or_digits moons spirals xor",
    "training.optimizers": "Adam AdamW Momentum Nesterov RMSProp SGD",
    "training.accumulate": "AccumulateStep",
    "training.graph": "GraphStep",
    "training.steps": "SerialStep ThreadStep choose_step",
    "training.failure": "NonFiniteLoss",
    "training.loop": "History fit",
    "training.hooks": "Checkpoint EarlyStop KeepBest ProgressBar Validate accuracy",
    "training.schedules": "Schedule",
    "training.verdict": "Verdict verdict",
    "lesson": "LivePlot check compare hint predict progress recorded show solution start use",
    "lesson.widgets.choices": "explore_choices",
    "lesson.alarms": "alarms rings",
    "lesson.broken": "broken_passes",
    "lesson.engines": "any_gpu asked_by_part asked_for_units asked_of_a_device crossings_as_given cut_to "
    "flop_and_bytes predicted_s stepper told_of_gpus updates",
    "exercises.practice": "practice_clock practice_gpu",
    "hardware.timing": "measure",
    "lesson.trained": "best_and_worst fresh trained",
    "lesson.widgets.backward": "explore_backward",
    "lesson.widgets.unit": "explore_unit",
    "lesson.widgets.descent": "explore_descent",
    "lesson.widgets.layer": "explore_layer",
    "lesson.widgets.softmax": "explore_softmax",
    "lesson.widgets.hidden": "explore_hidden",
    "lesson.widgets.graph": "explore_graph",
    "lesson.widgets.life": "Life explore_life",
}
WHERE = {name: room for room, names in ROOMS.items() for name in names.split()}
MODULES = {
    "figures": "plots",
    "functional": "nn.functional",
    "initializers": "nn.initializers",
    "schedules": "training.schedules",
}

__all__ = [*WHERE, *MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in MODULES:
        found = import_module(f"{__name__}.{MODULES[name]}")
    elif name in WHERE:
        found = getattr(import_module(f"{__name__}.{WHERE[name]}"), name)
    else:
        raise AttributeError(f"dlcourse has no {name!r}; names are listed by dir(dlcourse)")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
