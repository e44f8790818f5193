"""What every Step promises: the plain loop's update, no allocation, no surprise for who keeps an array."""

import threading
import tracemalloc

import numpy as np
import pytest

from dlcourse.backends import NUMPY
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
from dlcourse.training.graph import GraphStep
from dlcourse.training.optimizers import SGD, Adam, AdamW, Momentum, Nesterov, RMSProp
from dlcourse.training.steps import SerialStep, ThreadStep, choose_step

rng = np.random.default_rng(7)


def normal(*shape):
    return rng.standard_normal(shape, "float32")


def mlp():
    return Network(Dense(5, 7), ReLU(), Dense(7, 6), Tanh(), ReLU(), Dense(6, 3))


def cnn():
    return Network(
        *(Conv2D(2, 3, 3, padding=1), BatchNorm(3), ReLU(), MaxPool2D(), Conv2D(3, 4, 2, stride=2), ReLU()),
        *(Flatten(), Dense(16, 3)),
    )


def deep():
    """Every kind of place where a buffer might be written over too early."""
    first = [Flatten(), ReLU(), Dense(128, 12), Residual(ReLU(), Dense(12, 12), Tanh()), ReLU()]
    middle = [Sequential(GELU(), Sigmoid()), Residual(Residual(LayerNorm(12), Softplus()), Dropout(0.4)), BatchNorm(12)]
    last = [ELU(), Tanh(), SiLU(), Dropout(0.0), LeakyReLU(), Residual(Tanh()), Dense(12, 3, bias=False)]
    return Network(*first, *middle, *last)


def images():
    inner = Residual(BatchNorm(2), Conv2D(2, 2, 3, padding=1), GELUTanh(), Dropout(0.3))
    return Network(AvgPool2D(3, 2), inner, MaxPool2D(2, 1), GlobalAvgPool2D(), Dense(2, 3))


NETS = [(mlp, (5,)), (cnn, (8, 8, 2)), (deep, (8, 8, 2)), (images, (8, 8, 2))]
STEPS = [SerialStep, ThreadStep, lambda *a: ThreadStep(*a, threads=3), lambda *a: SerialStep(*a, one_thread=True)]


def batches(shape, sizes=(8, 8, 5, 1, 8)):
    return [(normal(k, *shape), rng.integers(0, 3, k)) for k in sizes]


def by_hand(net, data, lr=0.05, mu=0.9):
    """The truth: unbound layers, fresh arrays, float64 equations, the update written out."""
    loss, v = SoftmaxCrossEntropy(), np.zeros_like(net.theta)
    for x, t in data:
        loss.forward(net.forward(x.astype("float64"), True), t)
        net.backward(loss.backward())
        v = mu * v + net.grad
        net.theta -= lr * v
        net.counter += "Dropout" in repr(net)
    return net


def double(net):
    """The same network, same numbers, in float64."""
    layers = [layer.replica() for layer in net.layers]

    def fresh(layers):
        for layer in layers:
            layer.placed = False
            fresh(layer.layers)

    fresh(layers)
    return Network(*layers, dtype="float64")


@pytest.mark.parametrize("make, shape", NETS)
@pytest.mark.parametrize("step", STEPS)
def test_every_step_gives_the_update_of_the_plain_loop_also_for_short_batches(make, shape, step):
    net, data = make(), batches(shape)
    copies = [x.copy() for x, _ in data]
    truth = by_hand(double(make()), data)
    run = step(net, SoftmaxCrossEntropy(), Momentum(net.theta, net.grad, lr=0.05, mu=0.9))
    for x, t in data:
        run(x, t)
    for name, view in net.params.items():
        np.testing.assert_allclose(view, truth.params[name], atol=3e-5, rtol=2e-4, err_msg=name)
    for name in set(net.buffers):
        np.testing.assert_allclose(net.buffers[name], truth.buffers[name], atol=1e-5, err_msg=name)
    for (x, _), c in zip(data, copies):
        assert (x == c).all(), "the batch is the caller's"


@pytest.mark.parametrize("step", STEPS)
def test_same_seed_same_bits(step):
    def run():
        net = images()
        s = step(net, SoftmaxCrossEntropy(), Adam(net.theta, net.grad))
        for x, t in data:
            s(x, t)
        return net.theta.tobytes()

    data = batches((8, 8, 2))
    assert run() == run()


# ---- nothing that grows with the batch or the parameters is allocated after warm-up

LAYERS = {
    "dense": lambda: [Dense(32, 64), Dense(64, 48)],
    **{
        layer.__name__: lambda layer=layer: [Dense(32, 64), layer(), Dense(64, 48)]
        for layer in (ReLU, LeakyReLU, ELU, GELU, GELUTanh, SiLU, Softplus, Sigmoid, Tanh, Softmax, LogSoftmax)
    },
    "dropout": lambda: [Dense(32, 64), Dropout(0.5), Dense(64, 48)],
    "batchnorm": lambda: [Dense(32, 64), BatchNorm(64), Dense(64, 48)],
    "layernorm": lambda: [Dense(32, 64), LayerNorm(64), Dense(64, 48)],
    "residual": lambda: [Dense(32, 64), Residual(ReLU(), Dense(64, 64)), Dense(64, 48)],
    "conv": lambda: [Conv2D(2, 8, 3, padding=1), ReLU(), Conv2D(8, 8, 3, stride=2), Flatten(), Dense(32, 48)],
    "maxpool": lambda: [Conv2D(2, 8, 1), MaxPool2D(), Flatten(), Dense(32, 48)],
    "overlapping maxpool": lambda: [Conv2D(2, 8, 1), MaxPool2D(2, 1), Flatten(), Dense(72, 48)],
    "avgpool": lambda: [Conv2D(2, 8, 1), AvgPool2D(), Flatten(), Dense(32, 48)],
    "global_avgpool": lambda: [Conv2D(2, 8, 3), GlobalAvgPool2D(), Dense(8, 48)],
    "image batchnorm": lambda: [Conv2D(2, 8, 3), BatchNorm(8), GlobalAvgPool2D(), Dense(8, 48)],
    "image dropout": lambda: [Conv2D(2, 8, 3), Dropout(0.2), GlobalAvgPool2D(), Dense(8, 48)],
}
RULES = [
    lambda *v, **k: SGD(*v, lr=0.1, **k),
    lambda *v, **k: Momentum(*v, lr=0.1, **k),
    lambda *v, **k: Nesterov(*v, lr=0.1, **k),
    RMSProp,
    Adam,
    AdamW,
]


def peak_of_one_step(step, x, t):
    for _ in range(3):
        step(x, t)
    tracemalloc.start()
    step(x, t)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_step_allocates_nothing_that_grows_with_the_batch(name, dtype):
    peaks = []
    for B in (32, 1024, 4096):
        net = Network(*LAYERS[name](), dtype=dtype)
        shape = (32,) if type(net.layers[0]) is Dense else (6, 6, 2) if name == "conv" else (4, 4, 2)
        x = normal(B, *shape)
        t = rng.integers(0, 48, B)
        step = SerialStep(net, SoftmaxCrossEntropy(0.1), Momentum(net.theta, net.grad, lr=0.01))
        peaks.append(peak_of_one_step(step, x, t))
    assert peaks[1] < peaks[0] + 140_000, f"{name}: {peaks}"  # NumPy's casting buffers, of fixed size
    assert peaks[2] < peaks[1] + 70_000, f"{name}: {peaks}"  # an output adds 590 kB


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", [SerialStep, ThreadStep])
def test_a_step_allocates_nothing_that_grows_with_the_parameters(rule, kind):
    net = Network(Dense(300, 400), ReLU(), Dense(400, 10))  # 124,010 parameters, 496 kB; an activation has 410 kB
    optimizer = rule(net.theta, net.grad, clip=1.0, decay=0.01, mask=net.mask("W"))
    peak = peak_of_one_step(kind(net, SoftmaxCrossEntropy(), optimizer), normal(256, 300), rng.integers(0, 10, 256))
    assert peak < 100_000, f"{peak:,}"


@pytest.mark.parametrize(
    "loss, t", [(MeanSquaredError(), normal(4096, 10)), (BinaryCrossEntropy(), np.ones((4096, 10), "f4"))]
)
def test_other_losses_allocate_nothing_either(loss, t):
    net = Network(Dense(30, 400), ReLU(), Dense(400, 10))
    peak = peak_of_one_step(SerialStep(net, loss, SGD(net.theta, net.grad, lr=0.1)), normal(4096, 30), t)
    assert peak < 80_000, f"{peak:,}"


# ---- swapping, errors, refusals


def test_what_a_notebook_keeps_stays_true():
    net, (x, t) = mlp(), batches((5,), (8,))[0]
    step = SerialStep(net, SoftmaxCrossEntropy(), Momentum(net.theta, net.grad, lr=0.1))
    kept = net.forward(x)
    copy = kept.copy()
    step(x, t), step(x, t), net.forward(x)
    assert (kept == copy).all() and net.layers[0].y is None


@pytest.mark.parametrize("kind", [SerialStep, ThreadStep])
def test_a_learners_functions_reach_the_whole_step_and_only_inside_with(kind):
    net, (x, t) = mlp(), batches((5,), (8,))[0]
    step, calls = kind(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1)), []
    step(x, t)

    def dense_backward(dz, x, W):
        calls.append("dense")
        return dz @ W.T, x.T @ dz, dz.sum(0)

    def softmax_cross_entropy(z, t):
        calls.append("loss")
        p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        return -np.log(p[range(len(t)), t]).sum(), p

    def sgd(theta, grad, lr):
        calls.append("descent")
        return theta - lr * grad

    before = net.theta.copy()
    with net.swap(dense_backward=dense_backward, softmax_cross_entropy=softmax_cross_entropy, sgd=sgd):
        step(x, t)
    mine = net.theta.copy()
    assert {"dense", "loss", "descent"} == set(calls)
    count = len(calls)
    net.theta[...] = before
    step(x, t)
    assert len(calls) == count
    np.testing.assert_allclose(mine, net.theta, atol=1e-6)


def test_an_error_in_one_thread_reaches_the_caller_and_the_next_step_works():
    net, ((x, t),) = cnn(), batches((8, 8, 2), (8,))
    step = ThreadStep(net, SoftmaxCrossEntropy(), Momentum(net.theta, net.grad, lr=0.1))
    step(x, t)
    before = [c.num_threads for c in step.blas.libraries]

    def fails(da, a):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("from a learner")
        return da * (a > 0)

    with pytest.raises(RuntimeError, match="from a learner"), net.swap(relu_backward=fails):
        step(x, t)
    assert np.isfinite(step(x, t))
    assert before == [c.num_threads for c in step.blas.libraries]


@pytest.mark.parametrize("kind", [SerialStep, ThreadStep])
def test_a_loss_that_is_not_finite_changes_nothing(kind):
    net, ((x, t),) = cnn(), batches((8, 8, 2), (8,))
    optimizer = Adam(net.theta, net.grad)
    step = kind(net, SoftmaxCrossEntropy(), optimizer)
    step(x, t)
    kept = [net.theta.copy(), *(v.copy() for v in optimizer.state().values())]
    bad = x.copy()
    bad[3, 2] = np.nan
    with np.errstate(invalid="ignore"):
        assert np.isnan(step(bad, t))
    for a, b in zip(kept, [net.theta, *optimizer.state().values()]):
        assert (a == b).all()
    assert all(np.isfinite(b).all() for b in net.buffers.values())
    assert np.isfinite(step(x, t))


def test_labels_out_of_range_wrong_shapes_and_empty_batches_are_one_clear_sentence():
    net, ((x, t),) = mlp(), batches((5,), (8,))
    step = SerialStep(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1))
    for wrong in (3, -1):
        bad = t.copy()
        bad[2] = wrong
        with pytest.raises(ValueError, match=rf"label {wrong} is out of range: .* 3 outputs, so labels are 0 ... 2"):
            step(x, bad)
    with pytest.raises(ValueError, match=r"Dense\(5, 7\) expects \(B, 5\), got \(8, 4\)"):
        step(x[:, :4], t)
    with pytest.raises(ValueError, match="the batch is empty"):
        step(x[:0], t[:0])
    with pytest.raises(ValueError, match=r"\(8, 3\).*\(7,\)"):
        step(x, t[:7])
    with pytest.raises(TypeError, match="x must be an array, got a list"):
        step(x.tolist(), t)
    with pytest.raises(ValueError, match="threads= is a whole number from 1 on, got 0"):
        ThreadStep(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1), threads=0)
    other = mlp()
    with pytest.raises(ValueError, match="another network"):
        SerialStep(other, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1))


@pytest.mark.parametrize(
    "change", [lambda x: (x * 100).astype("uint8"), lambda x: x.astype("float64"), lambda x: x[:, ::-1]]
)
@pytest.mark.parametrize("make, shape", NETS[:2])
def test_other_dtypes_and_views_give_the_answer_of_their_float32_copy(make, shape, change):
    net, twin, data = make(), make(), batches(shape, (8, 8))
    steps = [SerialStep(n, SoftmaxCrossEntropy(), SGD(n.theta, n.grad, lr=0.01)) for n in (net, twin)]
    for x, t in data:
        assert steps[0](change(x), t) == steps[1](np.ascontiguousarray(change(x), "float32"), t)
    assert (net.theta == twin.theta).all()


def test_the_choice_is_a_rule_of_the_shapes():
    def chosen(net, shape):
        return choose_step(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1), shape, threads=2)

    tiny = chosen(mlp(), (8, 5))
    small = chosen(Network(Dense(784, 30), ReLU(), Dense(30, 10)), (32, 784))
    medium = chosen(Network(Dense(784, 128), ReLU(), Dense(128, 10)), (32, 784))
    wide = chosen(Network(Dense(784, 512), ReLU(), Dense(512, 10)), (128, 784))
    big = chosen(Network(Conv2D(1, 32, 3), Conv2D(32, 64, 3), Flatten(), Dense(36864, 10)), (128, 28, 28, 1))
    assert [type(s) for s in (tiny, small, medium, wide, big)] == [*[SerialStep] * 4, ThreadStep]
    assert small.blas is not None and medium.blas is None and wide.blas is None and tiny.blas is None
    assert "MFLOP" in repr(big) and "images" in repr(big)


def test_a_graph_step_on_the_host_repeats_the_step():
    data = batches((5,), (8,) * 6)
    nets = [mlp(), mlp()]
    steps = [k(n, SoftmaxCrossEntropy(), Adam(n.theta, n.grad)) for k, n in zip((SerialStep, GraphStep), nets)]
    for x, t in data:
        steps[0](x, t), steps[1](x, t)
    np.testing.assert_array_equal(nets[0].theta, nets[1].theta)


def test_two_neighbours_with_a_joined_body_become_one_layer_unless_a_part_is_swapped(monkeypatch):
    calls = []

    def dense_relu(x, W, b, *, a=None):
        calls.append(1)
        return np.maximum(x @ W + b, 0, out=a)

    def dense_relu_backward(da, a, x, W, *, dx=None, dW=None, db=None):
        dz = da * (a > 0)
        np.matmul(x.T, dz, out=dW)
        dz.sum(0, out=db)
        return (np.matmul(dz, W.T, out=dx) if dx is not False else dx), dW, db

    fused = {"dense_relu": dense_relu, "dense_relu_backward": dense_relu_backward}
    monkeypatch.setattr(NUMPY, "bodies", {**NUMPY.bodies, **fused})
    net, twin, data = mlp(), double(mlp()), batches((5,), (8, 5))
    step = SerialStep(net, SoftmaxCrossEntropy(), Momentum(net.theta, net.grad, lr=0.05))
    for x, t in data:
        step(x, t)
    assert len(calls) == 2
    truth = by_hand(twin, data)
    for name, view in net.params.items():
        np.testing.assert_allclose(view, truth.params[name], atol=2e-5)
    with net.swap(relu=lambda z: np.maximum(z, 0)):
        step(*data[0])
    assert len(calls) == 2


def test_numpys_error_settings_hold_in_every_thread(recwarn):
    net, ((x, t),) = mlp(), batches((5,), (8,))
    step = ThreadStep(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1))
    with np.errstate(all="ignore"):
        step(np.where(x > 0, np.inf, -np.inf).astype("f4"), t)
    assert not recwarn.list


def test_a_view_with_gaps_is_staged_not_copied_anew_each_time():
    peaks = []
    for B in (1024, 8192):
        net = Network(Dense(30, 8), ReLU(), Dense(8, 3))
        step = SerialStep(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1))
        peaks.append(peak_of_one_step(step, normal(B, 60)[:, ::2], rng.integers(0, 3, B)))
    assert peaks[1] < peaks[0] + 70_000, peaks  # a copy of x would add 860 kB


def test_threads_refuse_other_numbers_of_targets_than_examples():
    net = mlp()
    step = ThreadStep(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1))
    for n in (5, 12):
        with pytest.raises(ValueError, match=rf"as many targets as examples: x has shape \(8, 5\), t \({n},\)"):
            step(normal(8, 5), rng.integers(0, 3, n))


def test_labels_in_another_byte_order_are_labels():
    nets = [mlp(), mlp()]
    x, t = normal(4, 5), np.array([0, 1, 2, 1])
    steps = [SerialStep(n, SoftmaxCrossEntropy(), SGD(n.theta, n.grad, lr=0.1)) for n in nets]
    assert steps[0](x, t.astype(">i4")) == steps[1](x, t)
    with pytest.raises(ValueError, match="label -1 is out of range"):
        steps[0](x, np.array([0, 1, -1, 1], ">i4"))


def test_the_threads_name_the_whole_batch_when_it_does_not_fit():
    net = mlp()
    step = ThreadStep(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1))
    with pytest.raises(ValueError, match=r"\(20, 4\)"):
        step(np.ones((20, 4), "float32"), np.zeros(20, "int64"))
    with pytest.raises(ValueError, match="as many targets as examples"):
        step(np.ones((20, 5), "float32"), np.array(1))
