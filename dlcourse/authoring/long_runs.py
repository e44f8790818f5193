"""The runs that take minutes, by lesson: networks that others have published, what is kept of them, and in which bands
that must lie to be believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..data import Batches, Dataset
from ..nn.layers import Dense, ReLU, Sigmoid
from ..nn.losses import MeanSquaredError, SoftmaxCrossEntropy
from ..nn.network import Network
from ..training.hooks import Validate, accuracy
from ..training.loop import fit
from ..training.optimizers import SGD
from ..training.steps import SerialStep

Claim = tuple[str, float, float, float]  # what, its value, the least and the most that it may be
SEEDS, MEDIAN_SEEDS = range(12), (0, 1, 2)
HARDLY_EVER = 100  # of 10,000 answers, where each digit is right about 1,000 times: a digit that is not said


@dataclass(frozen=True)
class LongRun:
    """train(data, begin) -> results, and claims(results) -> what must hold of them.

    data is flat. begin(name) says which training comes next and returns a hook for it. epochs: of all trainings.
    """

    train: Callable[[Dataset, Callable[[str], Any]], dict[str, Any]]
    claims: Callable[[dict[str, Any]], Iterator[Claim]]
    epochs: int


def percent(share: float) -> float:
    """A share of 10,000 test images in percent; two digits after the point are all that there are."""
    return round(100 * share, 2)


def curve(net: Network, loss: Any, batches: Batches, lr: float, epochs: int, hooks: Sequence[Any]) -> list[float]:
    """The accuracy after each epoch, in percent; an interrupted training is none."""
    sgd = SGD(net.theta, net.grad, lr=lr)
    history = fit(net, loss, sgd, batches, epochs=epochs, step=SerialStep(net, loss, sgd), hooks=hooks)
    if history.ended != "finished":
        raise KeyboardInterrupt
    return [percent(share) for share in history.metrics["val"]]


def errors(net: Network, data: Dataset, epochs: int, hook: Any) -> list[float]:
    """The test error after each epoch, in percent: file order, batches of 100, η = 0.2."""
    batches = Batches(data.x_train, data.t_train, 100, shuffle=False)
    hooks = [Validate(data.x_test, data.t_test), hook]
    return [round(100 - right, 2) for right in curve(net, SoftmaxCrossEntropy(), batches, 0.2, epochs, hooks)]


def linear(data: Dataset, begin: Callable[[str], Any]) -> dict[str, Any]:
    """Softmax regression without biases, from zero."""
    net = Network(Dense(784, 10, bias=False))
    net.theta[...] = 0
    return {"test_error_percent": errors(net, data, 10, begin("784-10"))}


def relu_400(data: Dataset, begin: Callable[[str], Any]) -> dict[str, Any]:
    """784-400-10 with ReLU, without biases; W1 is drawn first, as (inputs, outputs)."""
    draw = np.random.RandomState(0)
    net = Network(Dense(784, 400, bias=False), ReLU(), Dense(400, 10, bias=False))
    net.params["0.W"] = draw.randn(784, 400) / np.sqrt(400)
    net.params["2.W"] = draw.randn(400, 10) / np.sqrt(10)
    return {"test_error_percent": errors(net, data, 20, begin("784-400-10")), "seed": "RandomState(0)"}


def nielsen(units: int, data: Dataset, begin: Callable[[str], Any], seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
    """M. Nielsen, Neural Networks and Deep Learning, chapter 1: sigmoids, squared error, weights N(0,1), η = 3.

    His cost is ½ Σ over the 10 outputs of (a − t)²; MeanSquaredError is their mean without the ½, so η = 3 is 15 here.
    answers_by_digit: how often each digit is the answer to a test image, after the last epoch.
    """
    x, targets = data.x_train[:50_000], np.eye(10, dtype="float32")[data.t_train[:50_000]]
    curves, answers = {}, {}
    for seed in seeds:
        net, draw = Network(Dense(784, units), Sigmoid(), Dense(units, 10), Sigmoid()), np.random.default_rng(seed)
        for name, value in net.params.items():
            net.params[name] = draw.standard_normal(value.shape)
        hooks = [Validate(data.x_test, data.t_test, metric=accuracy), begin(f"784-{units}-10, seed {seed}")]
        curves[str(seed)] = curve(net, MeanSquaredError(), Batches(x, targets, 10, key=seed), 15, 30, hooks)
        said = net.predict(data.x_test).argmax(axis=1)
        answers[str(seed)] = np.bincount(said, minlength=10).tolist()
    return by_seed(curves, answers)


def by_seed(curves: dict[str, list[float]], answers: dict[str, list[int]]) -> dict[str, Any]:
    """What is kept of trainings that differ in their seed: all of them, the failing ones too."""
    best = {seed: max(right) for seed, right in curves.items()}
    return {
        "accuracy_percent": curves,
        "answers_by_digit": answers,
        "best_percent_by_seed": best,
        "failing_seeds": [int(seed) for seed, said in answers.items() if min(said) < HARDLY_EVER],
        "median_of_best_percent": middle(best, MEDIAN_SEEDS),
        "median_seeds": list(MEDIAN_SEEDS),
    }


def middle(best: dict[str, float], seeds: Sequence[int]) -> float:
    """The median of the best epochs of these seeds; nan if there are none."""
    return round(float(np.median([best[str(seed)] for seed in seeds])), 2) if len(seeds) else float("nan")


# ---- the bands


def linear_claims(results: dict[str, Any]) -> Iterator[Claim]:
    """Published: 7.97 % after ten epochs."""
    errors = results["test_error_percent"]
    yield "the number of epochs", len(errors), 10, 10
    yield "the test error after epoch 10", errors[-1], 7.92, 8.02


def relu_400_claims(results: dict[str, Any]) -> Iterator[Claim]:
    """Published: 4.92 % after one epoch."""
    errors = results["test_error_percent"]
    yield "the number of epochs", len(errors), 20, 20
    yield "the test error after epoch 1", errors[0], 4.62, 5.22
    yield "the test error after epoch 20", errors[-1], 1.7, 2.2


def nielsen_claims(results: dict[str, Any]) -> Iterator[Claim]:
    """What holds of all these runs: whole, and its figures are those of its curves."""
    curves, best, failing = (results[key] for key in ("accuracy_percent", "best_percent_by_seed", "failing_seeds"))
    yield "the number of seeds", len(curves), len(SEEDS), len(SEEDS)
    for seed, right in curves.items():
        yield f"the number of epochs of seed {seed}", len(right), 30, 30
        yield f"the best epoch of seed {seed}", best[seed], max(right), max(right)
        yield f"the worst epoch of seed {seed}", min(right), 5, 100
        yield f"the number of answers of seed {seed}", sum(results["answers_by_digit"][seed]), 10_000, 10_000
    for seed in failing:
        yield f"the best epoch of seed {seed}, which fails,", best[str(seed)], 20, 93
    median = middle(best, results["median_seeds"])
    yield "the median of the best epochs", results["median_of_best_percent"], median, median


def nielsen_30_claims(results: dict[str, Any]) -> Iterator[Claim]:
    """Published: 95.42 %, the best epoch of one run."""
    yield from nielsen_claims(results)
    yield "the median of the best epochs", results["median_of_best_percent"], 94.4, 95.6


def nielsen_100_claims(results: dict[str, Any]) -> Iterator[Claim]:
    """Published: 96.59 %, the best epoch of one run, with the remark that some runs are far worse."""
    yield from nielsen_claims(results)
    best, failing = results["best_percent_by_seed"], results["failing_seeds"]
    fine = [int(seed) for seed in best if int(seed) not in failing]
    yield "the median of the best epochs where no digit is missing", middle(best, fine), 96, 97


LINEAR = LongRun(linear, linear_claims, 10)
LONG_RUNS: dict[str, dict[str, LongRun]] = {
    "04": {"linear": LINEAR},
    "08": {
        "784-400-10": LongRun(relu_400, relu_400_claims, 20),
        "784-30-10": LongRun(partial(nielsen, 30), nielsen_30_claims, 30 * len(SEEDS)),
        "784-100-10": LongRun(partial(nielsen, 100), nielsen_100_claims, 30 * len(SEEDS)),
        "linear": LINEAR,
    },
}
