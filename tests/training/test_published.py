"""Numbers that others have published, reached with the public interface and real data: a minute on two cores."""

import os

import numpy as np
import pytest

from dlcourse.data import Batches, DataUnavailable, load_mnist
from dlcourse.nn.layers import Dense, ReLU, Sigmoid
from dlcourse.nn.losses import MeanSquaredError, SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.hooks import Validate, accuracy
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import SGD


@pytest.fixture(scope="module")
def mnist():
    if "DLCOURSE_DATA" not in os.environ:
        pytest.skip("DLCOURSE_DATA names no folder with MNIST: the published numbers were not checked")
    try:
        data = load_mnist()
    except DataUnavailable as why:
        pytest.skip(f"the published numbers were not checked: {why}")
    return data.x_train.reshape(-1, 784), data.t_train, data.x_test.reshape(-1, 784), data.t_test


def error_percent(y, t):
    return 100 * (1 - accuracy(y, t))


def errors_by_epoch(mnist, net, epochs):
    """Test error in percent: pixels/255, file order, no shuffling, batches of 100, η = 0.2."""
    x, t, x_test, t_test = mnist
    batches, sgd = Batches(x, t, 100, shuffle=False), SGD(net.theta, net.grad, lr=0.2)
    hooks = [Validate(x_test, t_test, metric=error_percent)]
    return fit(net, SoftmaxCrossEntropy(), sgd, batches, epochs=epochs, hooks=hooks).metrics["val"]


def test_softmax_regression_without_bias(mnist):
    net = Network(Dense(784, 10, bias=False))
    net.theta[...] = 0
    assert errors_by_epoch(mnist, net, 10)[-1] == pytest.approx(7.97, abs=0.05)


def test_400_relu_units_without_biases(mnist):
    draw = np.random.RandomState(0)  # W1 is drawn first, as (inputs, outputs): the other readings give 4.91 and 4.95
    net = Network(Dense(784, 400, bias=False), ReLU(), Dense(400, 10, bias=False))
    net.params["0.W"] = draw.randn(784, 400) / np.sqrt(400)
    net.params["2.W"] = draw.randn(400, 10) / np.sqrt(10)
    errors = errors_by_epoch(mnist, net, 20)
    assert errors[0] == pytest.approx(4.92, abs=0.3)
    assert 1.7 <= errors[-1] <= 2.2


def test_30_sigmoid_units_on_squared_error(mnist):
    """Published: ½ Σ over the outputs of (a − t)², mean over the batch, η = 3. MeanSquaredError is the mean over the
    10 outputs, without the ½: the same gradient times 2/10, so that η = 3 there is η = 3 · 10/2 = 15 here."""
    x, t, x_test, t_test = mnist
    targets, best = np.eye(10, dtype="float32")[t[:50_000]], []
    for seed in range(3):
        net, draw = Network(Dense(784, 30), Sigmoid(), Dense(30, 10), Sigmoid()), np.random.default_rng(seed)
        for name, value in net.params.items():
            net.params[name] = draw.standard_normal(value.shape)
        batches, sgd = Batches(x[:50_000], targets, 10, key=seed), SGD(net.theta, net.grad, lr=15)
        history = fit(net, MeanSquaredError(), sgd, batches, epochs=30, hooks=[Validate(x_test, t_test)])
        best.append(100 * max(history.metrics["val"]))
    assert 94.4 <= np.median(best) <= 95.6, best
