"""fit against the same training written out by hand in float64, and what it does when things go wrong."""

import os
import signal
import threading

import numpy as np
import pytest

from dlcourse.backends import NUMPY
from dlcourse.data import Batches
from dlcourse.nn.layers import Dense, ReLU
from dlcourse.nn.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.hooks import Validate
from dlcourse.training.loop import History, fit
from dlcourse.training.optimizers import SGD, Adam
from dlcourse.training.schedules import Schedule, cosine
from dlcourse.training.steps import SerialStep, choose_step

rng = np.random.default_rng(5)
X = rng.standard_normal((50, 4)).astype("float32")
T = X[:, :3].argmax(axis=1)


class Lists(Batches):
    def epoch(self, e, start=0):
        yield self.x.tolist(), self.t


def small(dtype="float32", key=0):
    return Network(Dense(4, 6), ReLU(), Dense(6, 3), key=key, dtype=dtype)


def train(net=None, x=X, t=T, lr=0.5, loss=None, size=8, **options):
    net = net or small()
    return fit(net, loss or SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=lr), Batches(x, t, size), **options)


def test_a_step_that_would_train_something_else_is_refused():
    """Another network's, another optimizer's, and what is no step. A function of x and t is one."""
    (net, ours), (other, theirs) = ((n, SGD(n.theta, n.grad, lr=0.1)) for n in (small(), small(key=1)))
    more, loss, data = SGD(net.theta, net.grad, lr=0.2), SoftmaxCrossEntropy(), Batches(X, T, 8)
    before = [v.copy() for v in (net.theta, other.theta)]
    for step in SerialStep(other, loss, theirs), SerialStep(net, loss, more), "threads":
        with pytest.raises(TypeError, match="step must be one of this network and optimizer, as SerialStep"):
            fit(net, loss, ours, data, epochs=1, step=step)
    np.testing.assert_array_equal(before, (net.theta, other.theta))
    assert fit(net, loss, ours, data, epochs=1, step=lambda x, t: 0.5).losses == [0.5]


def test_a_step_has_at_least_one_thread():
    net = Network(Dense(784, 512), Dense(512, 10))
    step = choose_step(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1), (128, 784), threads=0)
    assert step.blas.most == 1


def test_fit_is_gradient_descent_on_every_batch_of_every_epoch():
    """Softmax regression by hand: 50 examples in batches of 8, so the last batch has 2."""
    net, x = Network(Dense(4, 3), dtype="float64", key=1), X.astype("float64")
    W, b, onehot = net.params["0.W"].copy(), net.params["0.b"].copy(), np.eye(3)[T]
    history = train(net, x, epochs=3, lr=0.5)
    every, means = [], []
    for epoch in range(3):
        order, weighted = Batches(np.arange(50), T, 8).epoch(epoch), 0.0
        for rows, _ in order:
            z = x[rows] @ W + b
            p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
            every.append(-np.log(p[range(len(rows)), T[rows]]).mean())
            weighted += every[-1] * len(rows)
            dz = (p - onehot[rows]) / len(rows)
            W, b = W - 0.5 * x[rows].T @ dz, b - 0.5 * dz.sum(axis=0)
        means.append(weighted / 50)
    np.testing.assert_allclose(net.params["0.W"], W, rtol=1e-10)
    np.testing.assert_allclose(net.params["0.b"], b, rtol=1e-10)
    np.testing.assert_allclose(history.batch_losses, every, rtol=1e-10)
    np.testing.assert_allclose(history.losses, means, rtol=1e-10)
    assert history.updates == 21 and history.ended == "finished" and len(history.seconds) == 3


def test_the_same_run_gives_the_same_history_however_long_it_took():
    first, second = train(epochs=3), train(epochs=3)
    second.seconds = [9.0] * 3
    assert first == second and first != train(epochs=3, lr=0.4)
    assert repr(first).startswith(f"<3 epochs, 21 updates, loss {first.losses[-1]:.4g}; finished; still falling: ")
    assert History().losses == []


def test_a_learners_own_step_may_take_the_place():
    net, seen = small(), []
    train(net, epochs=1, step=lambda x, t: seen.append(len(x)) or np.float64(1.5))
    assert seen == [8] * 6 + [2]
    assert train(net, epochs=2, step=lambda x, t: np.float32(1.5)).losses == [1.5, 1.5]


def test_the_verdict_knows_chance_from_the_labels():
    t = rng.integers(0, 3, 50)
    t[:3] = range(3)
    assert train(x=np.zeros_like(X), t=t, lr=0.01, epochs=12).verdict.name == "stuck at chance"
    assert train(epochs=2).verdict.name == "still falling"


@pytest.mark.parametrize(
    "loss, t",
    [
        (SoftmaxCrossEntropy(), np.eye(3, dtype="float32")[np.arange(50) % 3]),
        (SoftmaxCrossEntropy(0.1), np.arange(50) % 3),
        (BinaryCrossEntropy(), np.eye(3, dtype="float32")[np.arange(50) % 3]),
        (MeanSquaredError(), np.eye(3, dtype="float32")[np.arange(50) % 3]),
    ],
)
def test_whatever_the_loss_and_the_targets_chance_is_known(loss, t):
    history = train(x=np.zeros_like(X), t=t, loss=loss, lr=0.05, epochs=60)
    assert history.verdict.name == "stuck at chance"


class Diary:
    def __init__(self, name, diary, order=0):
        self.name, self.diary, self.order = name, diary, order

    def __getattr__(self, event):
        raise AttributeError(event)

    def on_start(self, run):
        self.diary.append((self.name, "start"))

    def on_epoch(self, run):
        self.diary.append((self.name, run.epoch, len(run.history.losses)))

    def on_end(self, run):
        self.diary.append((self.name, run.history.ended))


def test_hooks_are_called_in_their_order_and_end_in_reverse():
    diary = []
    hooks = [Diary("late", diary, 1), Diary("a", diary), Diary("b", diary), Diary("early", diary, -1)]
    train(epochs=1, hooks=[*hooks, lambda run: diary.append(("function", run.epoch))])
    names = ["early", "a", "b", "late"]
    assert diary[:4] == [(name, "start") for name in names]
    assert sorted(diary[4:9], key=str) == sorted([("function", 1), *((name, 1, 1) for name in names)], key=str)
    assert diary[9:] == [(name, "finished") for name in reversed(names)]


def test_a_hook_can_stop_the_run_after_its_epoch():
    history = train(epochs=9, hooks=[lambda run: run.epoch == 2 and run.stop("enough")])
    assert len(history.losses) == 2 and history.ended == "stopped: enough"


def test_hooks_hear_of_an_error_and_the_error_comes_out():
    diary = []

    def breaks(run):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        train(epochs=2, hooks=[Diary("a", diary), breaks])
    assert diary[-1] == ("a", "failed")


# ---- interruption


class Press:
    """Presses the interrupt key after the batch with this number."""

    def __init__(self, at, times=1):
        self.at, self.times = at, times

    def on_batch(self, run):
        if run.history.updates == self.at:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)


def test_the_interrupt_key_ends_the_run_between_two_batches(capsys):
    before, net = signal.getsignal(signal.SIGINT), small()
    history = train(net, epochs=5, hooks=[Press(at=10)])
    assert history.updates == 10 and len(history.losses) == 1 and len(history.batch_losses) == 10
    assert history.ended == "interrupted" and history.verdict.name == "still falling"
    assert "after 1 whole epochs and 3 batches" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before
    other = small()
    full = train(other, epochs=5)
    assert full.batch_losses[:10] == history.batch_losses and (net.theta != other.theta).any()


def test_pressed_twice_it_breaks_in(capsys):
    class Torn:
        def on_end(self, run):
            assert run.torn == (run.history.updates == 4)

    for times, at in ((2, 4), (1, 5)):
        history = train(epochs=5, hooks=[Press(at, times), Torn()])
        assert history.ended == "interrupted" and history.updates == at


def test_fit_works_outside_the_main_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(train(epochs=1)))
    thread.start()
    thread.join()
    assert found[0].ended == "finished"


# ---- mistakes


@pytest.mark.parametrize("epochs", [0, -1, 1.5, True, "3", None])
def test_epochs_is_a_whole_number_from_1(epochs):
    with pytest.raises(ValueError, match=f"a whole number from 1 on, got {epochs!r}"):
        train(epochs=epochs)


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"net": SoftmaxCrossEntropy()}, r"net must be a Network\(\.\.\.\), got SoftmaxCrossEntropy"),
        ({"loss": None}, r"loss must be a loss such as SoftmaxCrossEntropy\(\), got NoneType"),
        ({"loss": MeanSquaredError}, r"got the class MeanSquaredError: call it, MeanSquaredError\("),
        ({"loss": SGD(*[np.ones(3)] * 2, lr=1)}, r"loss must be .*, got SGD"),
        ({"loss": small()}, r"loss must be .*, got Network"),
        ({"optimizer": SoftmaxCrossEntropy()}, r"optimizer must be an optimizer such as SGD\(.*, got SoftmaxCross"),
        ({"optimizer": SGD}, r"optimizer must be .* got the class SGD: call it"),
        ({"batches": X.tolist()}, r"batches must be Batches\(x, t, size\), got list"),
        ({"batches": Lists(X, T, 8)}, "x is a list: use net.backend.asarray"),
    ],
)
def test_what_stands_in_anothers_place_is_named(wrong, words):
    net = small()
    right = {"loss": SoftmaxCrossEntropy(), "optimizer": SGD(net.theta, net.grad, lr=1), "batches": Batches(X, T, 8)}
    with pytest.raises(TypeError, match=words):
        fit(*({"net": net} | right | wrong).values(), epochs=1)


@pytest.mark.parametrize("label", [99, 3])
def test_labels_are_looked_at_before_the_first_step_also_on_a_device(label, device):
    for be in (NUMPY, device):
        net, t = small().to(be), T.copy()
        t[40] = label
        with pytest.raises(ValueError, match=f"label {label} is out of range: the network has 3 outputs.* 0 ... 2"):
            train(net, x=be.asarray(X), t=be.asarray(t), epochs=1, step=lambda x, t: pytest.fail("a step"))


def test_batches_must_be_batches():
    net = small()
    with pytest.raises(TypeError, match=r"batches must be Batches\(x, t, size\), got list"):
        fit(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=1), [(X, T)], epochs=1)


def test_the_optimizer_must_be_of_this_network():
    net = small()
    with pytest.raises(ValueError, match="another network"):
        fit(net, SoftmaxCrossEntropy(), SGD(net.theta.copy(), net.grad, lr=1), Batches(X, T, 8), epochs=1)


class Misspelt:
    def on_batches(self, run): ...


@pytest.mark.parametrize(
    "hook, words",
    [(Validate, r"call it, Validate\("), (Misspelt(), "on_batches.*fit calls on_start"), (3, "int is no hook")],
)
def test_what_is_no_hook_is_refused(hook, words):
    with pytest.raises(TypeError, match=words):
        train(epochs=1, hooks=[hook])


# ---- on a device


def test_on_a_device_the_losses_are_read_once_an_epoch():
    from dlcourse.backends.fake import DEVICE, FAKE

    net, waits = small().to(FAKE), []
    batches = Batches(FAKE.asarray(X), FAKE.asarray(T), 10, shuffle=False)
    adam, rate = Adam(net.theta, net.grad), cosine(0.01, updates=30)
    hooks = [lambda run: waits.append(DEVICE.counts["syncs"]), Schedule(adam, rate)]
    fit(net, SoftmaxCrossEntropy(), adam, batches, epochs=6, hooks=hooks)
    assert np.diff(waits)[-3:].tolist() == [1, 1, 1]


def test_a_device_trains_as_the_host_does(device):
    here = small()
    there, x, t = here.to(device), device.asarray(X), device.asarray(T)
    histories = []
    for net, batches in ((here, Batches(X, T, 8)), (there, Batches(x, t, 8))):
        adam = Adam(net.theta, net.grad)
        hooks = [Schedule(adam, cosine(0.02, updates=40)), Validate(batches.x[:20], batches.t[:20])]
        histories.append(fit(net, SoftmaxCrossEntropy(), adam, batches, epochs=6, hooks=hooks))
    np.testing.assert_allclose(histories[1].batch_losses, histories[0].batch_losses, rtol=1e-4)
    np.testing.assert_allclose(device.to_host(there.theta), here.theta, atol=1e-4)
    assert histories[1].metrics == histories[0].metrics


def test_mean_squared_error_counts_outputs_too():
    net = Network(Dense(4, 2))
    net.theta[...] = 0
    y = rng.standard_normal((50, 2)).astype("float32")
    history = train(net, t=y, loss=MeanSquaredError(), lr=0.0, epochs=1)
    assert history.losses[0] == pytest.approx(float((y.astype("float64") ** 2).mean()), rel=1e-5)
