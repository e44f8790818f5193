"""The tester is tested: wrong backwards must be rejected with the culprit's name, right ones never."""

from __future__ import annotations

import numpy as np
import pytest

from dlcourse.nn import functional as F
from dlcourse.nn.gradcheck import gradcheck, gradcheck_pair
from dlcourse.nn.layers import (
    ELU,
    GELU,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GELUTanh,
    GlobalAvgPool2D,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from dlcourse.nn.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy
from dlcourse.nn.network import Network

rng = np.random.default_rng(11)


def normal(*shape):
    return rng.standard_normal(shape)


# ---- wrong backwards of single functions: (forward, wrong backward, inputs, culprit)


def loser(dy, x, *, size=2, stride=2, dx=None):
    """max-pool: to the smallest number of the window"""
    return F.maxpool2d_backward(dy, -x)


def off_by_one(dy, x):
    return np.roll(F.maxpool2d_backward(dy, x), 1, axis=2)


def conv_without_flip(dz, x, W, b):
    """dx correlates dz with W where it must convolve"""
    return (F.conv2d_backward(dz, x, W[::-1, ::-1], padding=1)[0], *F.conv2d_backward(dz, x, W, padding=1)[1:])


def bn(x, gamma, beta):
    return F.batchnorm(x, gamma, beta)[-1]


def bn_backward_of_a_constant_mean(dy, x, gamma, beta):
    """forgets that μ and σ depend on x"""
    mean, var, _, _ = F.batchnorm(x, gamma, beta)
    xhat = (x - mean) / np.sqrt(var + 1e-5)
    return dy * gamma / np.sqrt(var + 1e-5), (dy * xhat).sum(0), dy.sum(0)


def bn_backward_without_the_mean_of_dy(dy, x, gamma, beta):
    mean, var, n, _ = F.batchnorm(x, gamma, beta)
    xhat, inv = (x - mean) / np.sqrt(var + 1e-5), 1 / np.sqrt(var + 1e-5)
    return gamma * inv * (dy - xhat * (dy * xhat).mean(0)), (dy * xhat).sum(0), dy.sum(0)


def ln(x, gamma, beta):
    return F.layernorm(x, gamma, beta)[-1]


def ln_backward_over_the_batch(dy, x, gamma, beta):
    mean, inv, _ = F.layernorm(x, gamma, beta)
    xhat, g = (x - mean) * inv, dy * gamma
    return inv * (g - g.mean(0) - xhat * (g * xhat).mean(0)), (dy * xhat).sum(0), dy.sum(0)


def gram(x):
    return x @ x.T


def tanh_with_a_hole(da, z):
    return np.where(np.arange(4000) == 2345, 0, F.tanh_backward(da, F.tanh(z)))


def mean_square(y, t):
    return F.mean_squared_error(y, t)[0] / len(y)


DENSE = normal(4, 3), normal(3, 5), normal(5)
BATCH = normal(4, 3), normal(4, 3)
SQUARE = normal(4, 4), normal(4, 4), normal(4)
IMAGES = normal(2, 5, 6, 3), normal(3, 3, 3, 2), normal(2)
NORM = 2 * normal(6, 3) + 1, normal(3), normal(3)

WRONG = {
    "W not transposed": (F.dense, lambda dz, x, W, b: (dz @ W, x.T @ dz, dz.sum(0)), SQUARE, "x"),
    "x not transposed": (F.dense, lambda dz, x, W, b: (dz @ W.T, x @ dz, dz.sum(0)), SQUARE, "W"),
    "product transposed": (F.dense, lambda dz, x, W, b: (dz @ W.T, dz.T @ x, dz.sum(0)), SQUARE, "W"),
    "bias dropped": (F.dense, lambda dz, x, W, b: (dz @ W.T, x.T @ dz, np.zeros(5)), DENSE, "b"),
    "wrong axis": (F.dense, lambda dz, x, W, b: (dz @ W.T, x.T @ dz, dz.sum(1)), SQUARE, "b"),
    "bias averaged": (F.dense, lambda dz, x, W, b: (dz @ W.T, x.T @ dz, dz.mean(0)), DENSE, "b"),
    "sign": (F.tanh, lambda da, z: -F.tanh_backward(da, F.tanh(z)), (normal(3, 4),), "z"),
    "relu mask >=": (F.relu, lambda da, z: da * (F.relu(z) >= 0), (normal(3, 4),), "z"),
    "relu of da": (F.relu, lambda da, z: np.maximum(da, 0), (normal(3, 4),), "z"),
    "sigmoid of z for a": (F.sigmoid, lambda da, z: da * z * (1 - z), (normal(3, 4),), "z"),
    "tanh without square": (F.tanh, lambda da, z: da * (1 - F.tanh(z)), (normal(3, 4),), "z"),
    "softmax without Jacobian": (F.softmax, lambda dp, z: dp * F.softmax(z) * (1 - F.softmax(z)), (normal(3, 4),), "z"),
    "softmax sums over the batch": (
        F.softmax,
        lambda dp, z: F.softmax(z) * (dp - (dp * F.softmax(z)).sum(0)),
        (normal(3, 4),),
        "z",
    ),
    "factor 2": (mean_square, lambda u, y, t: (u * F.mean_squared_error_backward(y - t, 8), False), BATCH, "y"),
    "no division by the batch": (
        mean_square,
        lambda u, y, t: (u * F.mean_squared_error_backward(y - t, 1), False),
        BATCH,
        "y",
    ),
    "max-pool to the loser": (F.maxpool2d, loser, (normal(2, 4, 4, 3),), "x"),
    "max-pool off by one": (F.maxpool2d, off_by_one, (normal(2, 4, 4, 3),), "x"),
    "max-pool to everybody": (
        F.maxpool2d,
        lambda dy, x: dy.repeat(2, 1).repeat(2, 2),
        (normal(2, 4, 4, 3),),
        "x",
    ),
    "average not divided": (F.avgpool2d, lambda dy, x: 4 * F.avgpool2d_backward(dy, x), (normal(2, 4, 4, 3),), "x"),
    "kernel not flipped": (lambda x, W, b: F.conv2d(x, W, b, padding=1), conv_without_flip, IMAGES, "x"),
    "norm: constant statistics": (bn, bn_backward_of_a_constant_mean, NORM, "x"),
    "norm: a mean forgotten": (bn, bn_backward_without_the_mean_of_dy, NORM, "x"),
    "norm: wrong axis": (ln, ln_backward_over_the_batch, NORM, "x"),
    "half of a symmetric sum": (gram, lambda dy, x: dy @ x, (normal(4, 3),), "x"),
    "one entry of many": (F.tanh, tanh_with_a_hole, (normal(4000),), "z"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_backward_is_rejected_and_the_culprit_named(name):
    forward, backward, inputs, culprit = WRONG[name]
    for key in range(5):
        report = gradcheck_pair(forward, backward, *inputs, key=key)
        assert not report and not report.ok
        assert report.worst.name == culprit and report.failed == (culprit,), report
        assert report.max_error > 1e-3
        assert culprit in report.message and f"{report.worst.yours:.6g}" in report.message
        assert "\n" not in report.message


def test_the_bank_is_large_enough_and_every_function_in_it_has_a_right_backward():
    assert len(WRONG) >= 15
    right = {
        F.dense: (lambda dz, x, W, b: F.dense_backward(dz, x, W), DENSE),
        F.tanh: (lambda da, z: F.tanh_backward(da, F.tanh(z)), (normal(3, 4),)),
        F.relu: (lambda da, z: F.relu_backward(da, F.relu(z)), (normal(3, 4),)),
        F.sigmoid: (lambda da, z: F.sigmoid_backward(da, F.sigmoid(z)), (normal(3, 4),)),
        F.softmax: (lambda dp, z: F.softmax_backward(dp, F.softmax(z)), (normal(3, 4),)),
        mean_square: (
            lambda u, y, t: (u * F.mean_squared_error_backward(y - t, 4), False),
            (normal(4, 3), normal(4, 3)),
        ),
        F.maxpool2d: (F.maxpool2d_backward, (normal(2, 4, 4, 3),)),
        F.avgpool2d: (F.avgpool2d_backward, (normal(2, 4, 4, 3),)),
        F.conv2d: (lambda dz, x, W, b: F.conv2d_backward(dz, x, W), IMAGES),
        bn: (lambda dy, x, g, b: F.batchnorm_backward(dy, x, g, *F.batchnorm(x, g, b)[:3]), NORM),
        ln: (lambda dy, x, g, b: F.layernorm_backward(dy, x, g, *F.layernorm(x, g, b)[:2]), NORM),
        gram: (lambda dy, x: (dy + dy.T) @ x, (normal(4, 3),)),
    }
    for forward, (backward, inputs) in right.items():
        for key in range(5):
            report = gradcheck_pair(forward, backward, *inputs, key=key)
            assert report, (forward, report)
            assert report.max_error < 1e-6 and report.worst is None and not report.kinks


def test_the_culprits_coordinate_is_the_one_that_was_spoiled_and_the_ratio_tells_how():
    def spoiled(dz, x, W, b):
        dx, dW, db = F.dense_backward(dz, x, W)
        dW[1, 2] *= -3
        return dx, dW, db

    worst = gradcheck_pair(F.dense, spoiled, *DENSE).worst
    assert (worst.name, worst.index) == ("W", (1, 2))
    assert worst.ratio == pytest.approx(-3, rel=1e-5) and worst.yours == pytest.approx(-3 * worst.expected, rel=1e-5)
    assert str(worst).startswith("W[1, 2] is ")


@pytest.mark.parametrize("spoiled", [1, 12_000, 19_999])
def test_one_wrong_coordinate_among_twenty_thousand_is_found_with_few_forward_passes(spoiled):
    calls, z = [], normal(20, 1000)

    def forward(z):
        calls.append(1)
        return F.tanh(z)

    def backward(da, z):
        dz = F.tanh_backward(da, F.tanh(z))
        dz.flat[spoiled] *= 2
        return dz

    report = gradcheck_pair(forward, backward, z)
    assert report.worst.index == divmod(spoiled, 1000) and report.worst.ratio == pytest.approx(2, rel=1e-3)
    assert len(calls) < 1500


def test_a_right_gradient_costs_two_forward_passes_for_each_array():
    calls = []

    def forward(x, W, b):
        calls.append(1)
        return F.dense(x, W, b)

    assert gradcheck_pair(forward, lambda dz, x, W, b: F.dense_backward(dz, x, W), *DENSE)
    assert len(calls) <= 2 * 3 + 3 + 2  # two each, the value itself, and the shape of the result


# ---- kinks


def test_a_kink_is_reported_as_a_kink():
    z = np.array([[0.0, 1.0, -2.0, 0.0, 3.0]])
    report = gradcheck_pair(F.relu, lambda da, z: F.relu_backward(da, F.relu(z)), z)
    assert report and sorted(report.kinks) == [("z", (0, 0)), ("z", (0, 3))] and report.worst is None
    assert "2 kinks" in report.message


def test_ties_of_max_pooling_are_kinks():
    x = normal(1, 4, 4, 1)
    x[0, :2, :2, 0] = 5.0
    report = gradcheck_pair(F.maxpool2d, F.maxpool2d_backward, x)
    assert report and set(report.kinks) == {("x", (0, i, j, 0)) for i in (0, 1) for j in (0, 1)}


def test_a_wrong_gradient_is_found_between_kinks():
    z = np.where(rng.random((20, 30)) < 0.5, 0.0, normal(20, 30))
    report = gradcheck_pair(F.relu, lambda da, z: 2 * F.relu_backward(da, F.relu(z)), z)
    assert not report and z[report.worst.index] > 0 and report.worst.ratio == pytest.approx(2)


def test_more_kinks_than_are_tested_at_once():
    z = np.where(np.random.default_rng(5).random((40, 50)) < 0.4, 0.0, normal(40, 50))
    report = gradcheck_pair(F.relu, lambda da, z: F.relu_backward(da, F.relu(z)), z)
    assert report and {index for _, index in report.kinks} == set(zip(*np.nonzero(z == 0)))


def test_an_array_of_kinks_alone_is_not_called_right():
    z = np.random.default_rng(0).standard_normal((2, 3))
    report = gradcheck_pair(lambda a, b: F.relu(a) + b, lambda dy, a, b: (F.relu_backward(dy, F.relu(a)), dy), 0 * z, z)
    sentence = "nothing could be compared in a: every coordinate lies on a kink"
    assert not report and report.message.startswith(sentence) and report.worst is None


def test_a_parameter_of_kinks_alone_is_named():
    net = Network(Dense(3, 4), ReLU(), Dense(4, 2), dtype="float64")
    net.params["0.W"] = np.zeros((3, 4))
    net.params["0.b"] = np.zeros(4)
    rng = np.random.default_rng(0)
    report = gradcheck(net, MeanSquaredError(), rng.standard_normal((5, 3)), rng.standard_normal((5, 2)))
    assert not report and "nothing could be compared in 0.W, 0.b: every coordinate" in report.message


def test_kinks_alone_prove_nothing():
    report = gradcheck_pair(F.relu, lambda da, z: F.relu_backward(da, F.relu(z)), np.zeros((2, 3)))
    assert not report and report.worst is None and len(report.kinks) == 6 and "kink" in report.message


def test_a_smooth_point_of_zero_slope_is_no_kink():
    report = gradcheck_pair(np.square, lambda dy, x: 3 * dy * x + dy, np.zeros(4))
    assert not report and not report.kinks


# ---- misuse, and gradients that cannot be compared


def test_misuse_raises_with_what_to_do():
    with pytest.raises(TypeError, match=r"x is float32: use x.astype\('float64'\)"):
        gradcheck_pair(F.dense, lambda dz, x, W, b: F.dense_backward(dz, x, W), np.zeros((2, 3), "float32"), *DENSE[1:])
    with pytest.raises(ValueError, match="one array for each of x, W, b, got ndarray, ndarray$"):
        gradcheck_pair(F.dense, lambda dz, x, W, b: (dz @ W.T, x.T @ dz), *DENSE)
    with pytest.raises(ValueError, match="each of z, got NoneType"):
        gradcheck_pair(F.relu, lambda da, z: None, normal(3))
    with pytest.raises(TypeError, match="dtype='float64'"):
        gradcheck(Network(Dense(3, 2)), MeanSquaredError(), normal(4, 3), normal(4, 2))


def test_a_gradient_of_the_wrong_shape_is_named_with_both_shapes():
    report = gradcheck_pair(F.dense, lambda dz, x, W, b: (dz @ W.T, x.T @ dz, dz.sum(0, keepdims=True)), *DENSE)
    assert not report and "b has shape (1, 5), expected (5,)" in report.message


def test_values_that_are_not_finite_are_no_success():
    nan = gradcheck_pair(
        F.tanh, lambda da, z: np.where(np.arange(6) == 4, np.nan, F.tanh_backward(da, F.tanh(z))), normal(6)
    )
    assert not nan and "not finite at [4]" in nan.message
    with np.errstate(invalid="ignore"):
        report = gradcheck_pair(np.sqrt, lambda dy, x: dy, -np.ones(3))
    assert not report and "nan" in report.message


def test_the_report_shows_itself_in_one_line():
    report = gradcheck_pair(F.dense, lambda dz, x, W, b: F.dense_backward(dz, x, W), *DENSE)
    assert repr(report).startswith("<gradients right: x, W, b (largest relative error ") and "\n" not in repr(report)


# ---- whole networks


def network_and_batch(seed):
    """A small random network of any of the layers, with non-zero parameters, and a batch for it."""
    g = np.random.default_rng(seed)
    B, K, C = int(g.integers(2, 6)), int(g.integers(2, 5)), int(g.integers(1, 4))
    leaky, elu = (lambda: LeakyReLU(0.2)), (lambda: ELU(0.5))
    bends = [ReLU, leaky, elu, GELU, GELUTanh, SiLU, Softplus, Sigmoid, Tanh]
    bend = lambda: bends[g.integers(len(bends))]()  # noqa: E731
    layers, x, features = [], g.standard_normal((B, 6, 7, C)), 0
    if g.random() < 0.5:
        O = int(g.integers(2, 4))
        layers += [Conv2D(C, O, 3, padding=int(g.integers(0, 2)), stride=int(g.integers(1, 3)))]
        layers += [BatchNorm(O)] * bool(g.random() < 0.5) + [bend()]
        layers += [Residual(Conv2D(O, O, 3, padding=1), bend())] if g.random() < 0.5 else []
        layers += [[MaxPool2D(2, 1), AvgPool2D(2, 1), Sequential(BatchNorm(O), bend())][g.integers(3)]]
        layers += [GlobalAvgPool2D() if g.random() < 0.5 else Flatten()]
        shape = x.shape
        for layer in layers:
            shape = layer.shape(shape)
        features = shape[1]
    else:
        x, features = x.reshape(B, -1)[:, : int(g.integers(3, 9))], 0
        features = x.shape[1]
    H = int(g.integers(3, 7))
    middle = [lambda: BatchNorm(H), lambda: LayerNorm(H), lambda: Dropout(0.3), lambda: Residual(Dense(H, H), bend())]
    layers += [Dense(features, H, bias=bool(g.random() < 0.8)), middle[g.integers(4)](), bend(), Dense(H, K)]
    layers += [[], [Softmax()], [LogSoftmax()]][g.integers(3)]
    loss, t = [
        (SoftmaxCrossEntropy(), g.integers(0, K, B)),
        (SoftmaxCrossEntropy(smoothing=0.1), g.integers(0, K, B)),
        (MeanSquaredError(), g.standard_normal((B, K))),
        (BinaryCrossEntropy(), g.integers(0, 2, (B, K)).astype(float)),
    ][g.integers(4)]
    net = Network(*layers, key=seed, dtype="float64")
    for a in net.params.values():
        a += 0.1 * g.standard_normal(a.shape)
    return net, loss, x, t


@pytest.mark.parametrize("block", range(10))
def test_no_false_alarm_in_two_hundred_small_networks(block):
    for seed in range(20 * block, 20 * block + 20):
        net, loss, x, t = network_and_batch(seed)
        theta, buffers = net.theta.copy(), {name: a.copy() for name, a in net.buffers.items()}
        report = gradcheck(net, loss, x, t)
        assert report, (seed, net, report)
        assert report.checked == ("x", *net.params)
        np.testing.assert_array_equal(net.theta, theta)
        for name, a in buffers.items():
            np.testing.assert_array_equal(net.buffers[name], a)


@pytest.mark.parametrize("seed", range(40))
def test_a_network_that_predicts_has_the_gradient_of_its_prediction(seed):
    net, loss, x, t = network_and_batch(seed)
    if "BatchNorm" in repr(net):
        return
    report = gradcheck(net, loss, x, t, train=False)
    assert report, (net, report)


def test_batch_norm_that_predicts_has_the_gradient_of_its_prediction():
    net, x = Network(Dense(3, 4), BatchNorm(4), Tanh(), Dense(4, 2), dtype="float64"), normal(6, 3)
    net.forward(2 * x, train=True)
    assert gradcheck(net, MeanSquaredError(), x, normal(6, 2), train=False)


SWAPS = {
    "dense_backward": (lambda dz, x, W: (dz @ W.T, 2 * x.T @ dz, dz.sum(0)), "8.W"),
    "relu_backward": (lambda da, a: da * (a >= 0), "4.b"),
    "batchnorm_backward": (
        lambda dy, x, gamma, mean, var, n: (
            dy * gamma / np.sqrt(var + 1e-5),
            (dy * x).sum((0, 1, 2)),
            dy.sum((0, 1, 2)),
        ),
        "2.gamma",
    ),
    "conv2d_backward": (lambda dz, x, W: (x, np.zeros_like(W), dz.sum((0, 1, 2))), "0.W"),
    "softmax_cross_entropy_backward": (lambda p, t, n: p - np.eye(p.shape[1])[t], "8.b"),
    "dropout_backward": (lambda dy, mask, rate: dy * mask, "4.b"),
    "tanh_backward": (lambda da, a: da * (1 - a), "4.b"),
}


def image_net(dtype="float64"):
    net = Network(
        Conv2D(2, 3, 3), Tanh(), BatchNorm(3), Flatten(), Dense(48, 6), Tanh(), Dropout(0.4), ReLU(), Dense(6, 4),
        dtype=dtype,
    )  # fmt: skip
    for a in net.params.values():
        a += 0.2 * np.random.default_rng(2).standard_normal(a.shape)
    return net


@pytest.mark.parametrize("name", SWAPS)
def test_a_wrong_backward_inside_a_network_is_rejected(name):
    mine, culprit = SWAPS[name]
    net, x, t = image_net(), np.random.default_rng(1).standard_normal((5, 6, 6, 2)), np.array([0, 1, 2, 3, 0])
    assert gradcheck(net, SoftmaxCrossEntropy(), x, t)
    loss = SoftmaxCrossEntropy()
    loss.ops = net.ops
    with net.swap(**{name: mine}):
        report = gradcheck(net, loss, x, t)
    assert not report and report.worst.name == culprit, report


class Stale(Dense):
    """Keeps the first input for ever."""

    def forward(self, x, train=False):
        self.x = vars(self).get("x", x)
        return self.ops.dense(x, self.W, self.b)


class Adds(Dense):
    """Adds to the gradient of the call before."""

    def backward(self, dz):
        before = self.dW.copy()
        dx = super().backward(dz)
        self.dW += before
        return dx


class KeepsDx(Tanh):
    """Adds to the dx of the call before."""

    def backward(self, da):
        self.sum = vars(self).get("sum", 0) + super().backward(da)
        return self.sum


@pytest.mark.parametrize(
    "layer, culprit", [(lambda: Stale(4, 4), "1.W"), (lambda: Adds(4, 4), "1.W"), (KeepsDx, "0.b")]
)
def test_a_layer_that_remembers_too_much_is_rejected(layer, culprit):
    net = Network(Dense(3, 4), layer(), Tanh(), Dense(4, 2), dtype="float64")
    report = gradcheck(net, MeanSquaredError(), normal(5, 3), normal(5, 2))
    assert not report and report.worst.name == culprit, report


def test_the_array_nearest_to_the_loss_is_named_first():
    """A wrong dx in layer 2 spoils everything before it; its own dW is right."""
    net = Network(Dense(3, 4), Tanh(), Dense(4, 4), Tanh(), Dense(4, 2), dtype="float64")
    wrong = net.layers[2].backward
    net.layers[2].backward = lambda dz: 2 * wrong(dz)
    report = gradcheck(net, MeanSquaredError(), normal(5, 3), normal(5, 2))
    assert report.failed == ("0.b", "0.W", "x")
    assert report.worst.name == "0.b" and report.worst.ratio == pytest.approx(2, rel=1e-4)


def test_images_of_integers_and_labels_are_welcome():
    net, x = image_net(), np.random.default_rng(1).integers(0, 3, (5, 6, 6, 2), dtype="uint8")
    assert gradcheck(net, SoftmaxCrossEntropy(), x, np.array([0, 1, 2, 3, 0]))


def test_parameters_come_back_also_after_an_error():
    net = image_net()
    theta = net.theta.copy()
    with pytest.raises(ValueError):
        gradcheck(net, SoftmaxCrossEntropy(), normal(3, 6, 6, 2), np.array([0, 1, 9]))
    np.testing.assert_array_equal(net.theta, theta)


def zeroes_its_input(z):
    z[z < 0] = 0
    return z


def halves_its_input(dy, x):
    x *= 0.5
    return dy * 2 * x


@pytest.mark.parametrize(
    "forward, backward",
    [(zeroes_its_input, lambda da, z: da), (lambda x: x * x, halves_its_input)],
    ids=["forward", "backward"],
)
def test_a_pair_that_changes_its_input_is_refused(forward, backward):
    x = np.random.default_rng(0).standard_normal((6, 6))
    with pytest.raises(ValueError, match="is changed by forward or backward"):
        gradcheck_pair(forward, backward, x)


def test_a_swapped_function_that_changes_what_it_is_given_is_refused():
    net = Network(ReLU(), Dense(4, 3), dtype="float64")
    x, t = np.random.default_rng(0).standard_normal((5, 4)), np.array([0, 1, 2, 0, 1])
    with (
        net.swap(relu=zeroes_its_input, relu_backward=lambda da, a: da),
        pytest.raises(ValueError, match="x is changed"),
    ):
        gradcheck(net, SoftmaxCrossEntropy(), x, t)


def test_a_list_is_refused_with_what_to_do():
    with pytest.raises(TypeError, match=r"is a list: use np.array\(z, 'float64'\)"):
        gradcheck_pair(lambda z: z, lambda dy, z: dy, [1.0, 2.0])
