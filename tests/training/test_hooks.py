"""The hooks that come with fit, each in a run of a network small enough to follow."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dlcourse.data import Batches
from dlcourse.nn.layers import BatchNorm, Dense, ReLU
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.hooks import Checkpoint, EarlyStop, KeepBest, ProgressBar, Validate, accuracy
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import SGD

ROOT = Path(__file__).parents[2]
rng = np.random.default_rng(8)
X = rng.standard_normal((60, 4)).astype("float32")
T = X[:, :3].argmax(axis=1)


def train(*hooks, epochs=4, lr=0.5, net=None):
    net = net or Network(Dense(4, 6), BatchNorm(6), ReLU(), Dense(6, 3), key=2)
    sgd = SGD(net.theta, net.grad, lr=lr)
    return net, fit(net, SoftmaxCrossEntropy(), sgd, Batches(X[:40], T[:40], 8), epochs=epochs, hooks=hooks)


@pytest.mark.parametrize(
    "y, t, right",
    [
        ([[1, 2, 0], [3, 1, 1], [0, 0, 1.0]], [1, 0, 0], 2 / 3),
        ([[1, 2, 0], [3, 1, 1.0]], [[0, 1, 0], [0, 0.2, 0.8]], 1 / 2),
        ([[-0.1], [0.2], [3.0], [-9]], [[0], [1], [0], [0]], 3 / 4),
        ([[-0.1], [0.2]], [1, 1], 1 / 2),
    ],
)
def test_accuracy(y, t, right):
    assert accuracy(np.array(y), np.array(t)) == pytest.approx(right)


@pytest.mark.parametrize(
    "y, t, words",
    [
        (np.ones(3), np.ones(3), r"a row of them for each example \(B,K\), got shape \(3,\)"),
        (np.ones((3, 2)), np.ones(4), "got 3 rows and 4 labels"),
        (np.ones((1, 2)), np.ones(4), "got 1 rows and 4 labels"),
    ],
)
def test_accuracy_says_what_it_takes(y, t, words):
    with pytest.raises(ValueError, match=words):
        accuracy(y, t)


def test_validate_predicts_after_each_epoch_without_training():
    seen = []

    class Look:
        def on_epoch(self, run):
            z = run.net.forward(X[40:])  # by hand
            seen.append(np.mean(z.argmax(axis=1) == T[40:]))

    def mean_output(y, t):
        return y.mean()

    hooks = Look(), Validate(X[40:], T[40:]), Validate(X[40:], T[40:], metric=mean_output, name="mean")
    _, history = train(*hooks)
    assert history.metrics["val"] == pytest.approx(seen) and len(history.metrics["mean"]) == 4
    assert train()[1].losses == history.losses, "looking does not change the training"


def test_validate_wants_a_target_for_each_example():
    with pytest.raises(ValueError, match="at least one, got 3 and 4"):
        Validate(X[:4], T[:3])
    with pytest.raises(ValueError, match="got 0 and 0"):
        Validate(X[:0], T[:0])


class Metric:
    """Puts prepared values into the history, as Validate would."""

    order = -1

    def __init__(self, *values):
        self.values = values

    def on_epoch(self, run):
        run.history.metrics.setdefault("val", []).append(self.values[run.epoch - 1])


def test_early_stop_waits_for_patience():
    curve = [0.1, 0.5, 0.8, 0.9, *[0.9] * 20]
    _, history = train(Metric(*curve), EarlyStop(3, 0.01, "val", better=max), epochs=20)
    # smoothed: .1 .3 .467 .733 .867 .9 .9 .9 .9: the last improvement is that of epoch 6, three more do not improve
    assert len(history.losses) == 9 and history.ended.startswith("stopped: val has not improved by more than 1.0%")
    _, history = train(Metric(*[1 / v for v in curve]), EarlyStop(3, 0.01, "val"), epochs=20)
    assert len(history.losses) == 9
    assert train(EarlyStop(3, 0.0), epochs=5)[1].ended == "finished"


def test_early_stop_watches_the_loss_by_default():
    _, history = train(EarlyStop(patience=4), lr=0.0, epochs=30)
    assert len(history.losses) == 5 and history.ended.startswith("stopped: loss")


def test_keep_best_puts_the_best_network_back_at_the_end():
    kept = []

    class Copy:
        def on_epoch(self, run):
            kept.append((run.net.theta.copy(), run.net.buffers["1.running_mean"].copy()))

    best = KeepBest()
    net, _ = train(Copy(), best, Metric(0.1, 0.8, 0.8, 0.3))
    assert (best.best, best.epoch) == (0.8, 2)
    np.testing.assert_array_equal(net.theta, kept[1][0])
    np.testing.assert_array_equal(net.buffers["1.running_mean"], kept[1][1])
    lowest = KeepBest(better=min)
    net, _ = train(Copy(), lowest, Metric(0.5, 0.8, 0.8, 0.3))
    assert lowest.epoch == 4
    np.testing.assert_array_equal(net.theta, kept[-1][0])


def test_keep_best_does_not_stay_with_a_metric_that_is_no_number():
    best = KeepBest()
    train(best, Metric(float("nan"), 0.2, float("nan"), 0.1))
    assert (best.best, best.epoch) == (0.2, 2)


def test_keep_best_begins_anew_with_each_run():
    best = KeepBest()
    train(best, Metric(0.9, 0.9, 0.9, 0.9))
    _, _ = train(best, Metric(0.1, 0.2, 0.3, 0.4))
    assert best.best == 0.4


def test_keep_best_leaves_the_weights_where_the_run_broke_off():
    best, last = KeepBest("loss", better=min), []

    def breaks(run):
        last.append(run.net.theta.copy())
        if run.epoch == 3:
            raise KeyboardInterrupt

    net, history = train(best, Metric(0.9, 0.8, 0.7), breaks)
    assert history.ended == "interrupted"
    np.testing.assert_array_equal(net.theta, last[2])
    best.best, best.epoch = None, None
    best.restore(net)
    assert any((net.theta == theta).all() for theta in last)


@pytest.mark.parametrize("hook", [KeepBest(), EarlyStop(monitor="val", better=max)])
def test_a_metric_that_nobody_keeps_is_named(hook):
    with pytest.raises(KeyError, match=r"there is no 'val' to watch, only loss: add Validate\(x, t\)"):
        train(hook)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: EarlyStop(patience=0), "patience is a whole number"),
        (lambda: EarlyStop(better="max"), "better= is min .* or max .* got 'max'"),
        (lambda: KeepBest(better=sum), "better= is min"),
        (lambda: Checkpoint("x", every=0), "whole number of unit="),
        (lambda: Checkpoint("x", unit="hours"), 'unit="epochs" or "batches", got 1 \'hours\''),
    ],
)
def test_mistakes(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_the_progress_bar_is_quiet_where_nobody_watches(capsys):
    train(ProgressBar())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["terminal", "notebook"])
def test_the_progress_bar_is_text_on_standard_output(monkeypatch, capsys, kind):
    class Screen(io.StringIO):
        def isatty(self):
            return kind == "terminal"

    screen = Screen()
    if kind == "notebook":
        Screen.__module__ = "ipykernel.iostream"
    monkeypatch.setattr(sys, "stdout", screen)
    _, history = train(ProgressBar())
    monkeypatch.undo()
    text = screen.getvalue()
    assert "20/20" in text and "epoch 4/4" in text and f"loss {history.losses[-1]:.4g}" in text
    assert text.count("\n") == 1 and capsys.readouterr() == ("", "")


def test_importing_the_hooks_does_not_import_tqdm():

    code = "import sys, dlcourse.training.hooks; print([m for m in ('tqdm', 'cupy', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "[]\n", done.stderr
