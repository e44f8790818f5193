"""Layers: what their shapes promise, what they remember, and numbers worked out by other means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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

rng = np.random.default_rng(41)


def normal(*shape):
    return rng.standard_normal(shape)


def alone(layer, **options):
    """The layer in a float64 network of its own, with parameters that are not zero."""
    net = Network(layer, dtype="float64", **options)
    for a in net.params.values():
        a += 0.3 * rng.standard_normal(a.shape)
    return net


# ---- shapes

ELEMENTWISE = [ReLU, LeakyReLU, ELU, GELU, GELUTanh, SiLU, Softplus, Sigmoid, Tanh]
ROWS = {
    "Dense": lambda I: Dense(I, 3),
    "no bias": lambda I: Dense(I, 2, bias=False),
    "BatchNorm": BatchNorm,
    "LayerNorm": LayerNorm,
    "Softmax": lambda I: Softmax(),
    "LogSoftmax": lambda I: LogSoftmax(),
    "Dropout": lambda I: Dropout(0.5),
    "Residual": lambda I: Residual(Dense(I, I), ReLU()),
    "Sequential": lambda I: Sequential(Dense(I, 4), ReLU(), Dense(4, 3)),
} | {f.__name__: lambda I, f=f: f() for f in ELEMENTWISE}
IMAGES = {
    "Conv2D": lambda C: Conv2D(C, 3, 3),
    "Conv2D stride padding": lambda C: Conv2D(C, 2, 3, stride=2, padding=1, bias=False),
    "MaxPool2D": lambda C: MaxPool2D(),
    "MaxPool2D overlapping": lambda C: MaxPool2D(3, 2),
    "AvgPool2D": lambda C: AvgPool2D(3),
    "GlobalAvgPool2D": lambda C: GlobalAvgPool2D(),
    "Flatten": lambda C: Flatten(),
    "BatchNorm": BatchNorm,
    "LayerNorm": LayerNorm,
    "Dropout": lambda C: Dropout(0.5),
    "ReLU": lambda C: ReLU(),
    "Residual": lambda C: Residual(Conv2D(C, C, 3, padding=1), Residual(BatchNorm(C))),
}


def promise_holds(layer, shape):
    net, x = alone(layer), normal(*shape)
    for train in (False, True):
        y = net.forward(x, train)
        assert y.shape == layer.shape(shape) == net.check(x) and y.dtype == "float64"
    net.grad[...] = np.nan  # backward writes every gradient, and adds to none
    dx = net.backward(normal(*y.shape))
    assert dx.shape == x.shape and dx.dtype == "float64"
    assert all(np.isfinite(g).all() for g in net.grads.values())


@pytest.mark.parametrize("name", ROWS)
@given(B=st.integers(2, 5), I=st.integers(2, 6))
def test_rows_have_the_shape_that_is_promised(name, B, I):
    promise_holds(ROWS[name](I), (B, I))


@pytest.mark.parametrize("name", IMAGES)
@given(B=st.integers(2, 4), Y=st.integers(3, 8), X=st.integers(3, 8), C=st.integers(1, 3))
def test_images_have_the_shape_that_is_promised(name, B, Y, X, C):
    promise_holds(IMAGES[name](C), (B, Y, X, C))


@pytest.mark.parametrize("name", ROWS)
def test_two_backwards_give_one_gradient(name):
    net, x, dy = alone(ROWS[name](4)), normal(5, 4), None
    y = net.forward(x, train=True)
    dy = normal(*y.shape)
    dx, grad = net.backward(dy), net.grad.copy()
    np.testing.assert_array_equal(net.backward(dy), dx)
    np.testing.assert_array_equal(net.grad, grad)


# ---- numbers by other means


def test_dense_is_a_sum_of_products():
    net, x = alone(Dense(4, 3)), normal(5, 4)
    W, b = net.params["0.W"], net.params["0.b"]
    np.testing.assert_allclose(net.forward(x), np.einsum("bi,io->bo", x, W) + b)
    np.testing.assert_allclose(alone(Dense(4, 3, bias=False)).forward(0 * x), np.zeros((5, 3)))


@pytest.mark.parametrize("stride, padding", [(1, 0), (2, 1), (3, 2)])
def test_convolution_is_a_sum_over_the_window(stride, padding):
    net, x = alone(Conv2D(2, 3, 3, stride=stride, padding=padding)), normal(2, 7, 6, 2)
    W, b = net.params["0.W"], net.params["0.b"]
    z, P = net.forward(x), padding
    padded = np.pad(x, ((0, 0), (P, P), (P, P), (0, 0)))
    for i, j in np.ndindex(z.shape[1:3]):
        window = padded[:, i * stride : i * stride + 3, j * stride : j * stride + 3]
        np.testing.assert_allclose(z[:, i, j], np.einsum("byxc,yxco->bo", window, W) + b)


def test_pooling_by_hand():
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    pooled = {MaxPool2D: [[5, 7], [13, 15]], AvgPool2D: [[2.5, 4.5], [10.5, 12.5]]}
    for layer, expected in pooled.items():
        np.testing.assert_array_equal(alone(layer()).forward(x)[0, :, :, 0], expected)
    np.testing.assert_array_equal(alone(MaxPool2D(3)).forward(x)[0, :, :, 0], [[10]])
    np.testing.assert_array_equal(alone(MaxPool2D(3, 1)).forward(x)[0, :, :, 0], [[10, 11], [14, 15]])
    np.testing.assert_array_equal(alone(GlobalAvgPool2D()).forward(x), [[7.5]])
    assert MaxPool2D(3).stride == 3 and MaxPool2D().size == 2


def test_the_first_of_equal_numbers_takes_the_whole_gradient():
    net = alone(MaxPool2D())
    net.forward(np.ones((1, 2, 4, 1)))
    np.testing.assert_array_equal(net.backward(np.array([[[[3.0], [5.0]]]]))[0, :, :, 0], [[3, 0, 5, 0], [0, 0, 0, 0]])


def test_flatten_numbers_the_features_row_by_row_whatever_the_order_in_memory():
    x = np.arange(24.0).reshape(2, 3, 2, 2)
    for a in (x, np.asfortranarray(x)):
        np.testing.assert_array_equal(alone(Flatten()).forward(a), np.arange(24.0).reshape(2, 12))


def test_activations_at_a_point():
    """From the definitions, with math alone, at z = −0.7 and z = 1.3."""
    normal_cdf = lambda z: 0.5 * (1 + math.erf(z / math.sqrt(2)))  # noqa: E731
    sigma = lambda z: 1 / (1 + math.exp(-z))  # noqa: E731
    gate = lambda z: math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))  # noqa: E731
    definitions = {
        ReLU(): lambda z: max(z, 0.0),
        LeakyReLU(): lambda z: z if z > 0 else 0.01 * z,
        LeakyReLU(0.2): lambda z: z if z > 0 else 0.2 * z,
        ELU(): lambda z: z if z > 0 else math.exp(z) - 1,
        ELU(0.5): lambda z: z if z > 0 else 0.5 * (math.exp(z) - 1),
        GELU(): lambda z: z * normal_cdf(z),
        GELUTanh(): lambda z: 0.5 * z * (1 + gate(z)),
        SiLU(): lambda z: z * sigma(z),
        Softplus(): lambda z: math.log(1 + math.exp(z)),
        Sigmoid(): sigma,
        Tanh(): math.tanh,
    }
    for layer, f in definitions.items():
        np.testing.assert_allclose(
            alone(layer).forward(np.array([[-0.7, 1.3]])), [[f(-0.7), f(1.3)]], err_msg=repr(layer)
        )


def test_softmax_rows_are_distributions():
    z = normal(4, 3)
    powers = np.exp(z)
    np.testing.assert_allclose(alone(Softmax()).forward(z), powers / powers.sum(1, keepdims=True))
    np.testing.assert_allclose(alone(LogSoftmax()).forward(z), np.log(powers / powers.sum(1, keepdims=True)))


def test_a_residual_adds_its_input():
    inner = Dense(4, 4)
    net, x = alone(Residual(inner, Residual(Tanh()))), normal(5, 4)
    z = x @ inner.W + inner.b
    np.testing.assert_allclose(net.forward(x), x + z + np.tanh(z))


# ---- batch norm


@pytest.mark.parametrize("shape", [(6, 3), (4, 2, 5, 3)])
def test_batch_norm_keeps_running_statistics(shape):
    layer = BatchNorm(3, momentum=0.3)
    net, mean, var = alone(layer), np.zeros(3), np.ones(3)
    for _ in range(4):
        x = 2 * normal(*shape) + 5
        net.forward(x, train=True)
        rows = x.reshape(-1, 3)
        mean, var = 0.7 * mean + 0.3 * rows.mean(0), 0.7 * var + 0.3 * rows.var(0, ddof=1)
        np.testing.assert_allclose(net.buffers["0.running_mean"], mean)
        np.testing.assert_allclose(net.buffers["0.running_var"], var)
    x = normal(*shape)
    np.testing.assert_allclose(net.forward(x), (x - mean) / np.sqrt(var + 1e-5) * layer.gamma + layer.beta)
    np.testing.assert_allclose(net.buffers["0.running_mean"], mean)


def test_batch_norm_normalizes_the_batch_while_training():
    net = Network(BatchNorm(3), dtype="float64")
    y = net.forward(5 * normal(50, 3) - 2, train=True)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(0), 1, atol=1e-5)


def test_a_batch_that_is_not_finite_does_not_spoil_the_running_statistics():
    net, x = Network(BatchNorm(3), dtype="float64"), normal(6, 3)
    x[0, 0] = np.nan
    net.forward(x, train=True)
    assert all(np.isfinite(a).all() for a in net.buffers.values())


def test_layer_norm_normalizes_each_example():
    net = Network(LayerNorm(30), dtype="float64")
    y = net.forward(5 * normal(4, 30) - 2)
    np.testing.assert_allclose(y.mean(1), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(1), 1, atol=1e-5)


# ---- dropout


def test_dropout_only_while_training():
    net, x = alone(Dropout(0.4)), 1 + normal(40, 50) ** 2
    np.testing.assert_array_equal(net.forward(x), x)
    dy = normal(40, 50)
    np.testing.assert_array_equal(net.backward(dy), dy)
    y = net.forward(x, train=True)
    kept = y != 0
    assert abs(kept.mean() - 0.6) < 4 * math.sqrt(0.24 / x.size)
    np.testing.assert_allclose(y[kept], x[kept] / 0.6)
    np.testing.assert_allclose(net.backward(dy), np.where(kept, dy / 0.6, 0))


def test_dropouts_mask_moves_with_the_counter_only():
    net, x = alone(Sequential(Dropout(0.5), Dense(30, 30), Dropout(0.5)), key=4), np.ones((20, 30))
    mask = net.forward(x, train=True) != 0
    np.testing.assert_array_equal(net.forward(x, train=True) != 0, mask)
    net.counter += 1
    assert ((net.forward(x, train=True) != 0) != mask).mean() > 0.3
    net.counter -= 1
    np.testing.assert_array_equal(net.forward(x, train=True) != 0, mask)


def test_dropout_draws_differ_between_layers_and_keys():
    x = np.ones((20, 30))

    def masks(*layers, **options):
        net = Network(*layers, dtype="float64", **options)
        out = []
        for layer in net.layers:
            out.append(layer.forward(x, True) != 0)
        return out

    one, two = masks(Dropout(0.5), Dropout(0.5))
    (other,) = masks(Dropout(0.5), key=1)
    assert 0.4 < (one != two).mean() < 0.6 and 0.4 < (one != other).mean() < 0.6


def test_dropout_of_nothing_is_the_identity():
    net, x = alone(Dropout(0.0)), normal(4, 5)
    np.testing.assert_array_equal(net.forward(x, train=True), x)
    np.testing.assert_array_equal(net.backward(x), x)


# ---- costs


def test_flops_of_products():
    assert Dense(5, 7).flops((3, 5)) == 2 * 3 * 5 * 7
    assert Conv2D(2, 3, 3, stride=2, padding=1).flops((4, 8, 6, 2)) == 2 * 4 * (4 * 3) * (3 * 3 * 2 * 3)
    assert Sequential(Dense(5, 7), ReLU(), Dense(7, 2)).flops((3, 5)) == 2 * 3 * (35 + 14)
    assert Residual(Dense(5, 5)).flops((3, 5)) == 2 * 3 * 25


# ---- constructors and reprs


@pytest.mark.parametrize(
    "build, sentence",
    [
        (lambda: Dropout(1.0), r"rate lies in \[0, 1\), got 1"),
        (lambda: Dropout(-0.1), r"rate lies in \[0, 1\), got -0.1"),
        (lambda: LeakyReLU(1.5), "slope lies between 0 and 1, got 1.5"),
        (lambda: ELU(0), "alpha is positive, got 0"),
        (lambda: SoftmaxCrossEntropy(1.0), r"smoothing lies in \[0, 1\), got 1"),
        (Sequential, "Sequential needs at least one layer"),
        (Residual, "Residual needs at least one layer"),
        (lambda: Dense(0, 3), "0"),
        (lambda: Dense(3, -1), "-1"),
        (lambda: Conv2D(1, 2, 0), "0"),
        (lambda: Conv2D(1, 2, 3, stride=0), "0"),
        (lambda: Conv2D(1, 2, 3, padding=-1), "-1"),
        (lambda: MaxPool2D(0), "0"),
    ],
)
def test_impossible_numbers_are_refused_where_they_are_given(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()


def test_initial_weights_of_another_shape_are_refused():
    for shape in [(4, 3), (4,)]:
        with pytest.raises(ValueError, match=r"\(3, 4\)"):
            Network(Dense(3, 4, init=lambda rng, s, fan_in, fan_out, shape=shape: np.ones(shape)))


def test_initializers_see_the_fans():
    seen = []

    def init(rng, shape, fan_in, fan_out):
        seen.append((shape, fan_in, fan_out))
        return np.ones(shape)

    net = Network(Conv2D(2, 3, 5, init=init), Flatten(), Dense(4, 6, init=init))
    assert seen == [((5, 5, 2, 3), 50, 75), ((4, 6), 4, 6)]
    assert (net.params["0.W"] == 1).all()


def test_a_layer_outside_a_network_says_what_to_do():
    with pytest.raises(AttributeError, match=r"Dense has no W yet.*Network"):
        Dense(3, 4).W  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'w'"):
        Network(Dense(3, 4)).layers[0].w  # noqa: B018


def test_a_layer_says_how_it_was_made():
    layers = (
        "Dense(3, 4)|ReLU()|LeakyReLU(0.2)|ELU(0.5)|Dropout(0.3)|BatchNorm(3)|Residual(Dense(3, 3), Tanh())|Flatten()"
    )
    for text in layers.split("|"):
        assert repr(eval(text)) == text
    assert repr(Network(Dense(3, 4), ReLU())) == "Network(Dense(3, 4), ReLU())"


# ---- losses


def test_losses_by_hand():
    y, t = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[0.0, 2.0], [1.0, 1.0]])
    assert MeanSquaredError().forward(y, t) == pytest.approx((1 + 0 + 4 + 16) / 4)
    z = np.log([[1.0, 3.0], [9.0, 1.0]])
    assert SoftmaxCrossEntropy().forward(z, np.array([1, 0])) == pytest.approx(-(math.log(3 / 4) + math.log(0.9)) / 2)
    smooth = -(0.9 * math.log(3 / 4) + 0.1 * math.log(1 / 4) + 0.9 * math.log(0.9) + 0.1 * math.log(0.1)) / 2
    assert SoftmaxCrossEntropy(0.2).forward(z, np.array([1, 0])) == pytest.approx(smooth)
    logits = np.log([[3.0], [1 / 4]])  # probabilities 3/4 and 1/5
    expected = -(math.log(3 / 4) + math.log(4 / 5)) / 2
    assert BinaryCrossEntropy().forward(logits, np.array([[1.0], [0.0]])) == pytest.approx(expected)
    soft = np.array([[0.25, 0.75], [0.5, 0.5]])
    by_hand = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75) + 0.5 * math.log(0.09)) / 2
    assert SoftmaxCrossEntropy().forward(z, soft) == pytest.approx(by_hand)


LOSSES = [
    (MeanSquaredError(), normal(6, 3)),
    (BinaryCrossEntropy(), rng.random((6, 3))),
    (SoftmaxCrossEntropy(0.1), rng.integers(0, 3, 6)),
]


@pytest.mark.parametrize("loss, t", LOSSES, ids=repr)
def test_the_parts_of_a_batch_add_up_to_the_whole(loss, t):
    z = normal(6, 3)
    whole, dz = loss.forward(z, t), None
    dz = loss.backward()
    parts = [(loss.forward(z[part], t[part], n=6), loss.backward()) for part in (slice(0, 2), slice(2, 6))]
    assert sum(value for value, _ in parts) == pytest.approx(whole)
    np.testing.assert_allclose(np.concatenate([d for _, d in parts]), dz)


@pytest.mark.parametrize("loss", [MeanSquaredError(), BinaryCrossEntropy(), SoftmaxCrossEntropy()], ids=repr)
def test_a_loss_refuses_what_does_not_fit(loss):
    z = normal(4, 3)
    for t in (np.zeros(5, int), np.zeros((4, 2)), np.zeros((3, 4))):
        with pytest.raises(ValueError, match=r"\(4, 3\).*" + str(t.shape).replace("(", r"\(").replace(")", r"\)")):
            loss.forward(z, t)
    with pytest.raises(ValueError, match="empty"):
        loss.forward(z[:0], np.zeros((0, 3)))


def test_labels_are_whole_numbers_below_the_number_of_outputs():
    loss, z = SoftmaxCrossEntropy(), normal(4, 3)
    for t, wrong in (([0, 1, 2, 3], 3), ([0, -1, 2, 1], -1)):
        with pytest.raises(ValueError, match=f"label {wrong} is out of range: the network has 3 outputs"):
            loss.forward(z, np.array(t))
    with pytest.raises(TypeError, match="labels are whole numbers"):
        loss.forward(z, np.array([0.0, 1.0, 2.0, 1.0]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_logits_give_finite_losses(dtype):
    z = np.array([[1e4, -1e4], [-1e4, 1e4]], dtype)
    for loss, t in (
        (SoftmaxCrossEntropy(), np.array([1, 1])),
        (BinaryCrossEntropy(), np.array([[0, 1], [0, 1]], dtype)),
    ):
        assert np.isfinite(loss.forward(z, t)) and np.isfinite(loss.backward()).all()
        assert loss.backward().dtype == dtype
    assert SoftmaxCrossEntropy().forward(z, np.array([1, 1])) == pytest.approx(1e4)


def test_what_is_used_too_early_says_what_to_do():
    with pytest.raises(AttributeError, match=r"put it into a Network\(...\) first"):
        ReLU().forward(np.ones((2, 3)))
    net = Network(Dense(3, 2))
    with pytest.raises(AttributeError, match=r"run net.forward\(x\) first"):
        net.backward(np.ones((1, 2), "float32"))
    with pytest.raises(AttributeError, match=r"run loss.forward\(z, t\) first"):
        MeanSquaredError().backward()
    with pytest.raises(TypeError, match="targets must be an array, got a list"):
        MeanSquaredError().forward(np.ones((1, 2)), [[1, 2]])
    with pytest.raises(ValueError, match="made with bias=False"):
        Network(Dense(3, 2, bias=False)).layers[0].b = np.zeros(2)


def test_a_deep_copy_is_a_network_of_its_own_and_pickle_is_refused():
    import copy
    import pickle

    net = Network(Dense(3, 2), BatchNorm(2))
    twin = copy.deepcopy(net)
    assert (twin.theta == net.theta).all() and twin.theta is not net.theta
    twin.params["0.W"] = np.zeros((3, 2))
    assert not twin.theta[:6].any() and net.theta[:6].any()
    with pytest.raises(TypeError, match="net.save"):
        pickle.dumps(net)


@pytest.mark.parametrize(
    "sizes, words", [((64, 2.5), "n_out, the number of units, is"), ((0, 2), "n_in, the number of")]
)
def test_a_size_that_cannot_be_says_what_it_counts(sizes, words):
    with pytest.raises(ValueError, match=f"{words}.* a whole number from 1 on, got"):
        Dense(*sizes)
