"""The tape knows the equations and no layer; the network knows its layers and no tape. They must agree."""

from __future__ import annotations

import numpy as np
import pytest

from dlcourse.nn import functional as F
from dlcourse.nn import tape
from dlcourse.nn.gradcheck import gradcheck_pair
from dlcourse.nn.layers import (
    ELU,
    GELU,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
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
from dlcourse.nn.tape import Var, apply

rng = np.random.default_rng(21)


def normal(*shape):
    return rng.standard_normal(shape)


# ---- every operation against finite differences: name -> (inputs that are Vars, constants and options)

KERNEL = normal(2, 5, 4, 3), normal(3, 2, 3, 4), normal(4)
NORM = normal(6, 4), normal(4), normal(4)
OPERATIONS = {
    "dense": (normal(4, 3), normal(3, 5), normal(5)),
    "conv2d": KERNEL,
    "maxpool2d": (normal(2, 5, 6, 3),),
    "avgpool2d": (normal(2, 5, 6, 3),),
    "global_avgpool2d": (normal(2, 5, 6, 3),),
    "flatten": (normal(2, 3, 4, 2),),
    "softmax": (normal(4, 3),),
    "log_softmax": (normal(4, 3),),
    "add": (normal(4, 3), normal(4, 3)),
    "mul": (normal(4, 3), normal(4, 3)),
    "batchnorm": NORM,
    "layernorm": NORM,
} | {name: (normal(4, 3),) for name in "relu leaky_relu elu gelu gelu_tanh silu softplus sigmoid tanh".split()}
OPTIONS = {"conv2d": {"stride": 2, "padding": 1}, "maxpool2d": {"size": 3, "stride": 2}, "avgpool2d": {"stride": 1}}
OPTIONS |= {"batchnorm": {"eps": 0.1}}


def gradient_of(name, u, *inputs, **options):
    parts = [Var(a) for a in inputs]
    apply(name, *parts, **options).backward(u)
    return tuple(v.grad for v in parts)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("with_options", [False, True])
def test_every_operation_against_finite_differences(name, with_options):
    options = OPTIONS.get(name, {}) if with_options else {}
    report = gradcheck_pair(
        lambda *a: apply(name, *map(Var, a), **options).data,
        lambda u, *a: gradient_of(name, u, *a, **options),
        *OPERATIONS[name],
    )
    assert report, report


LOSSES = {
    "mean_squared_error": (normal(4, 3), normal(4, 3)),
    "binary_cross_entropy": (normal(4, 3), rng.random((4, 3))),
    "softmax_cross_entropy": (normal(4, 3), rng.integers(0, 3, 4)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_the_mean_and_passes_on_what_comes_from_above(name):
    y, t = LOSSES[name]

    def backward(u, y):
        v = Var(y)
        apply(name, v, t).backward(u)
        return v.grad

    assert gradcheck_pair(lambda y: apply(name, Var(y), t).data, backward, y)
    assert float(apply(name, Var(y), t).data) == pytest.approx(float(getattr(F, name)(y, t)[0]) / 4)


def test_every_pair_of_equations_has_a_test_here():
    pairs = {name for name in F.EQUATIONS if name + "_backward" in F.EQUATIONS}
    assert pairs - {"dropout", "normalize"} <= set(OPERATIONS) | set(LOSSES)


def test_normalize_has_no_gradient_for_the_statistics_that_are_given():
    mean, var, inputs = normal(3), rng.random(3) + 0.5, (normal(6, 3), normal(3), normal(3))

    def backward(u, *inputs):
        parts = [Var(a) for a in inputs]
        apply("normalize", *parts, mean, var).backward(u)
        return tuple(v.grad for v in parts)

    report = gradcheck_pair(lambda *a: apply("normalize", *map(Var, a), mean, var).data, backward, *inputs)
    assert report, report


def test_dropout_pulls_through_the_mask_that_it_drew():
    x = Var(normal(5, 6))
    y = apply("dropout", x, 0.5, 7, 0, np.zeros((), "int64"), 0)
    y.backward()
    assert set(np.unique(x.grad)) == {0.0, 2.0}
    np.testing.assert_array_equal(y.data, x.data * x.grad)


# ---- graphs


def test_micrograds_example():
    """https://github.com/karpathy/micrograd, README: g = 24.7041, dg/da = 138.8338, dg/db = 645.5773."""
    power = {
        "power": lambda x, k, *, y=None: x**k,
        "power_backward": lambda dy, x, k, *, dx=None: dy * k * x ** (k - 1),
    }
    power = dict(power, neg=lambda x, *, y=None: -x, neg_backward=lambda dy, x, *, dx=None: -dy)
    with pytest.MonkeyPatch.context() as patch:
        for name, f in power.items():
            patch.setitem(tape.RULES, name, f)
        number, pow_, neg, relu = (
            Var,
            lambda v, k: apply("power", v, k),
            lambda v: apply("neg", v),
            lambda v: apply("relu", v),
        )
        a, b, one, two, three, half, ten = map(number, (-4.0, 2.0, 1.0, 2.0, 3.0, 0.5, 10.0))
        c = a + b
        d = a * b + pow_(b, 3.0)
        c = c + (c + one)
        c = c + (one + c + neg(a))
        d = d + (d * two + relu(b + a))
        d = d + (three * d + relu(b + neg(a)))
        e = c + neg(d)
        f = pow_(e, 2.0)
        g = f * half
        g = g + ten * pow_(f, -1.0)
        g.backward()
    assert [round(float(v), 4) for v in (g.data, a.grad, b.grad)] == [24.7041, 138.8338, 645.5773]


def test_a_value_used_twice_gets_the_sum_of_its_gradients():
    x = Var(normal(3, 2))
    (x * x + x).backward()
    np.testing.assert_allclose(x.grad, 2 * x.data + 1)
    y = Var(normal(3, 2))
    (y + y).backward()
    np.testing.assert_array_equal(y.grad, np.full((3, 2), 2.0))


def test_a_diamond_is_walked_once():
    """Twenty doublings: 2**20 paths, 20 values."""
    x = v = Var(np.ones((1, 1)))
    for _ in range(20):
        v = v + v
    v.backward()
    assert x.grad == 2**20


def test_depth_has_no_limit():
    x = v = Var(np.ones((1, 1)))
    for _ in range(20_000):
        v = v + x
    v.backward()
    assert x.grad == 20_001


def test_backward_twice_and_from_another_end_is_safe():
    x = Var(normal(3, 2))
    y = apply("tanh", x)
    z = y * y
    z.backward()
    once = x.grad.copy()
    z.backward()
    np.testing.assert_array_equal(x.grad, once)
    y.backward()
    np.testing.assert_allclose(x.grad, 1 - np.tanh(x.data) ** 2)


def test_gradients_of_two_values_never_share_memory():
    x, r = Var(normal(2, 2)), Var(normal(2, 2))
    (x + r).backward()
    x.grad += 1
    np.testing.assert_array_equal(r.grad, np.ones((2, 2)))


def test_not_a_number_in_an_old_gradient_is_forgotten():
    x = Var(normal(2, 2))
    y = apply("relu", x)
    y.backward(np.nan)
    y.backward()
    assert np.isfinite(x.grad).all()


def test_constants_get_no_gradient_and_cost_none(monkeypatch):
    wanted = {}
    backward = F.dense_backward

    def spy(dz, x, W, *, dx=None, dW=None, db=None):
        wanted.update(dx=dx, dW=dW, db=db)
        return backward(dz, x, W, dx=dx, dW=dW, db=db)

    monkeypatch.setitem(tape.RULES, "dense_backward", spy)
    W = Var(normal(3, 2))
    apply("dense", normal(4, 3), W, False).backward()
    assert wanted == {"dx": False, "dW": None, "db": False} and W.grad.shape == (3, 2)


def test_float32_stays_float32():
    x, W, b = (Var(a.astype("float32")) for a in OPERATIONS["dense"])
    loss = apply("softmax_cross_entropy", apply("relu", apply("dense", x, W, b)), np.array([0, 1, 2, 3]))
    loss.backward()
    assert {v.grad.dtype.name for v in (x, W, b)} == {"float32"}


# ---- the schedule: the gradients of networks


def taped(layers, v, params):
    """The same computation on the tape; `params` maps a layer's array (by id) to its Var."""
    for layer in layers:
        name, var = layer.op, lambda a, layer=layer: params.setdefault((id(layer), a), Var(getattr(layer, a)))
        if isinstance(layer, Residual):
            v = v + taped(layer.layers, v, params)
        elif isinstance(layer, Sequential):
            v = taped(layer.layers, v, params)
        elif isinstance(layer, Dense | Conv2D):
            b = var("b") if "b" in layer.params else False
            options = {"stride": layer.stride, "padding": layer.padding} if isinstance(layer, Conv2D) else {}
            v = apply(name, v, var("W"), b, **options)
        elif isinstance(layer, BatchNorm | LayerNorm):
            v = apply(name, v, var("gamma"), var("beta"), eps=layer.eps)
        elif isinstance(layer, MaxPool2D | AvgPool2D):
            v = apply(name, v, size=layer.size, stride=layer.stride)
        else:
            v = apply(name, v, *getattr(layer, "options", ()))
    return v


def leaves(layers):
    for layer in layers:
        yield from leaves(layer.layers) if layer.layers else [layer]


def a_network(seed):
    g = np.random.default_rng(seed)
    leaky, elu = (lambda: LeakyReLU(0.2)), (lambda: ELU(0.5))
    bends = [ReLU, leaky, elu, GELU, GELUTanh, SiLU, Softplus, Sigmoid, Tanh]
    bend = lambda: bends[g.integers(len(bends))]()  # noqa: E731
    B, C, O, H, K = (int(n) for n in g.integers(2, 6, 5))
    x = g.standard_normal((B, 6, 7, C))
    layers = [Conv2D(C, O, 3, stride=int(g.integers(1, 3)), padding=1, bias=bool(g.integers(2))), bend()]
    layers += [Residual(BatchNorm(O), bend(), Conv2D(O, O, 3, padding=1), Residual(bend()))] * int(g.integers(2))
    layers += [[MaxPool2D(2, 1), AvgPool2D(2)][g.integers(2)], [Flatten(), GlobalAvgPool2D()][g.integers(2)]]
    features = Sequential(*layers).shape(x.shape)[1]
    layers += [Sequential(Dense(features, H), [BatchNorm(H), LayerNorm(H)][g.integers(2)], bend())]
    layers += [Residual(Dense(H, H, bias=False), Residual(bend())), Dense(H, K)]
    layers += [[], [Softmax()], [LogSoftmax()]][g.integers(3)]
    loss, t = [
        (SoftmaxCrossEntropy(), g.integers(0, K, B)),
        (SoftmaxCrossEntropy(0.1), g.integers(0, K, B)),
        (MeanSquaredError(), g.standard_normal((B, K))),
        (BinaryCrossEntropy(), g.random((B, K))),
    ][g.integers(4)]
    net = Network(*layers, key=seed, dtype="float64")
    for a in net.params.values():
        a += 0.1 * g.standard_normal(a.shape)
    return net, loss, x, t


@pytest.mark.parametrize("seed", range(40))
def test_the_networks_schedule_gives_the_gradients_of_the_tape(seed):
    net, loss, x, t = a_network(seed)
    value = loss.forward(net.forward(x, train=True), t)
    dx = net.backward(loss.backward())
    params, v = {}, Var(x)
    total = apply(loss.op, taped(net.layers, v, params), t, *loss.options)
    total.backward()
    assert float(value) == pytest.approx(float(total.data), rel=1e-12)
    np.testing.assert_allclose(dx, v.grad, rtol=1e-9, atol=1e-13)
    for layer in leaves(net.layers):
        for name in layer.params:
            mine = params[id(layer), name].grad
            np.testing.assert_allclose(
                getattr(layer, "d" + name), mine, rtol=1e-9, atol=1e-13, err_msg=f"{layer}.{name}"
            )


@pytest.mark.parametrize("shape", [(4,), (1, 4), (3, 1), (1,), ()])
def test_what_was_repeated_to_fit_gets_the_sum_over_its_copies(shape):
    rng = np.random.default_rng(0)
    a, b = Var(rng.standard_normal((3, 4))), Var(rng.standard_normal(shape))
    (a * b + b).backward()
    assert b.grad.shape == shape
    numeric, eps = np.zeros(shape), 1e-6
    for i in np.ndindex(*shape):
        step = np.zeros(shape)
        step[i] = eps
        up, down = (np.sum(a.data * (b.data + s) + (b.data + s)) for s in (step, -step))
        numeric[i] = (up - down) / (2 * eps)
    np.testing.assert_allclose(b.grad, numeric, rtol=1e-6)
