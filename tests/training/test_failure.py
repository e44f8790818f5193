"""A loss that is not finite: the sentence names the update, the place and the likely cause; nothing is spoilt."""

import numpy as np
import pytest

from dlcourse.data import Batches
from dlcourse.nn.layers import BatchNorm, Dense, Dropout, ReLU, Sequential
from dlcourse.nn.losses import MeanSquaredError, SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.failure import NonFiniteLoss
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import SGD, Momentum
from dlcourse.training.steps import SerialStep

rng = np.random.default_rng(5)
X = rng.standard_normal((50, 4)).astype("float32")
T = X[:, :3].argmax(axis=1)


def small():
    return Network(Dense(4, 6), ReLU(), Dense(6, 3))


def train(net, x=X, lr=0.5, loss=None, **options):
    return fit(net, loss or SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=lr), Batches(x, T, 8), **options)


def failure(net, words, **options):
    theta, buffers = net.theta.copy(), {name: a.copy() for name, a in net.buffers.items()}
    with pytest.raises(NonFiniteLoss, match=words) as caught:
        train(net, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence and ". " not in sentence.replace("...", ""), "one sentence"
    return caught.value, theta, buffers


def test_a_number_in_the_data_that_is_none():
    x = X.copy()
    x[20, 2] = np.nan
    net = Network(Dense(4, 6), BatchNorm(6), ReLU(), Dropout(0.3), Dense(6, 3))
    at = next(i for i, (rows, _) in enumerate(Batches(np.arange(50), T, 8).epoch(0)) if 20 in rows)
    error, *_ = failure(
        net, "the batch itself is not finite, first in row . of its x; likely cause: the data", x=x, epochs=1
    )
    assert (error.update, error.epoch, error.batch, error.layer) == (at + 1, 1, at + 1, "")
    undisturbed = Network(Dense(4, 6), BatchNorm(6), ReLU(), Dropout(0.3), Dense(6, 3))
    step = SerialStep(undisturbed, SoftmaxCrossEntropy(), SGD(undisturbed.theta, undisturbed.grad, lr=0.5))
    for rows, t in list(Batches(np.arange(50), T, 8).epoch(0))[:at]:
        step(X[rows], t)
    np.testing.assert_array_equal(net.theta, undisturbed.theta)


def test_a_learning_rate_that_is_too_large():
    net = Network(Dense(4, 6), Sequential(ReLU(), Dense(6, 6)), Dense(6, 3))
    error, *_ = failure(
        net, r"appears in layer \S+, Dense\(.*\); likely cause: the learning rate is too large", lr=1e15, epochs=9
    )
    assert error.layer in ("0", "1.1", "2") and error.update > 1
    assert np.isfinite(net.theta).all()


def test_losses_that_grew_point_to_the_learning_rate_also_when_the_weights_are_small():
    losses = iter([1.0, 5.0, 100.0, np.inf])
    failure(small(), "too large, the loss grew from 1 to 100;", epochs=1, step=lambda x, t: next(losses))


def test_a_parameter_that_was_not_finite_before():
    net = small()
    net.params["2.b"][1] = np.inf
    error, theta, _ = failure(net, r"the parameter 2\.b is not finite already", epochs=1)
    assert error.layer == "2" and error.update == 1
    np.testing.assert_array_equal(net.theta, theta)


def test_an_overflow_in_a_layer_whose_weights_are_not_large():
    net = small()
    net.params["0.W"] = np.ones((4, 6))
    error, theta, _ = failure(
        net, r"layer 0, Dense\(4, 6.*\); likely cause: an overflow", x=np.full_like(X, 3e38), epochs=1
    )
    assert error.layer == "0"
    np.testing.assert_array_equal(net.theta, theta)


def test_a_loss_that_alone_is_not_finite():
    class Broken(SoftmaxCrossEntropy):
        def forward(self, z, t, n=None):
            super().forward(z, t, n)
            return np.log(np.float32(0))

    failure(
        small(),
        r"the loss is -inf at update 1 .*all layers give finite numbers, the loss Broken\(\) of them does not "
        r"\(largest output of the last layer, 2, Dense.*: \|z\| = .*; likely cause: the loss itself",
        epochs=1,
        loss=Broken(),
    )


@pytest.mark.parametrize("t, words", [(1e25, "targets .up to 1e.25"), (1.0, "the inputs .up to 1e.22")])
def test_a_squared_error_that_overflows_is_the_losss_not_a_layers(t, words):
    net, x = Network(Dense(4, 2)), X if t > 1 else np.full_like(X, 1e22)
    batches = Batches(x, np.full((50, 2), t, "float32"), 8)
    where = (
        r"the loss is inf .* the loss MeanSquaredError\(\) of them does not \(largest output of the last layer, 0, D"
    )
    with pytest.raises(NonFiniteLoss, match=f"{where}.*{words}.* or the learning rate is too large") as caught:
        fit(net, MeanSquaredError(), SGD(net.theta, net.grad, lr=0.1), batches, epochs=1)
    assert caught.value.layer == ""


@pytest.mark.parametrize("after", [0, 3, 7, 16])
def test_a_loss_that_is_not_finite_is_a_run_that_diverged(after, device):
    for net, step in ((small(), float), (small().to(device), device.asarray)):
        values = iter([1.0] * after + [np.nan] * 50)
        batches = Batches(net.backend.asarray(X), net.backend.asarray(T), 8)
        with pytest.raises(NonFiniteLoss) as caught:
            fit(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=1), batches, epochs=6,
                step=lambda x, t, step=step, values=values: step(np.float64(next(values))))  # fmt: skip
        history = caught.value.history
        assert history.verdict.name == "diverged" and history.batch_losses == [1.0] * after
        assert history.verdict.sentence == f"the loss of epoch {after // 7 + 1} is nan"


def test_the_search_leaves_buffers_and_layers_as_they_were():
    net = Network(Dense(4, 6), BatchNorm(6), Dropout(0.5), Dense(6, 3))
    net.params["3.W"] = np.full((6, 3), 3e38)
    step = SerialStep(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1))
    kept = []

    def spoil(a, b):
        value = step(a, b)
        kept.append({name: buffer.copy() for name, buffer in net.buffers.items()})
        return value

    failure(net, "layer 3.*the largest weight is 3e.38", epochs=1, step=spoil)
    assert kept[0]["1.running_mean"].any()
    for name, buffer in net.buffers.items():
        np.testing.assert_array_equal(buffer, kept[0][name], err_msg=name)
    assert not any("forward" in vars(layer) for layer in net.layers)


def test_on_a_device_the_first_loss_that_is_not_finite_is_named_at_the_end_of_the_epoch(device):
    x = X.copy()
    x[20, 2] = np.nan
    net = small().to(device)
    at = next(i for i, (rows, _) in enumerate(Batches(np.arange(50), T, 8).epoch(0)) if 20 in rows)
    momentum = Momentum(net.theta, net.grad, lr=0.1)
    with pytest.raises(NonFiniteLoss, match=f"update {at + 1} .*the batch itself is not finite.*it changed no weights"):
        fit(net, SoftmaxCrossEntropy(), momentum, Batches(device.asarray(x), device.asarray(T), 8), epochs=2)
    assert np.isfinite(device.to_host(net.theta)).all()
