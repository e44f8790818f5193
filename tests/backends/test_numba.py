"""The compiled bodies: each gives what its equations give, for any shape and order in memory; and nothing is global."""

from __future__ import annotations

import inspect
import subprocess
import sys
import tracemalloc

import body_cases
import joined_cases
import numpy as np
import pytest
from body_cases import EQUATIONS, Draw, agree, lay, listed
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcourse.backends import NUMPY, backend_of, get_backend
from dlcourse.backends.numpy_scratch import running
from dlcourse.nn.layers import BatchNorm, Conv2D, Dense, Flatten, MaxPool2D, ReLU
from dlcourse.nn.losses import BinaryCrossEntropy, SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.optimizers import Adam, Momentum
from dlcourse.training.steps import SerialStep, ThreadStep

pytest.importorskip("numba", reason='needs Numba: pip install "dlcourse[fast]"')
from dlcourse.backends import numba_conv, numba_dense, numba_kernel, numba_loss, numba_update  # noqa: E402

NUMBA = get_backend("numba")
TRUTH = EQUATIONS | joined_cases.JOINED
CASES = body_cases.CASES | joined_cases.CASES
BODIES = {name: body for name, body in NUMBA.bodies.items() if body is not NUMPY.bodies.get(name)}
CONVOLUTIONS = [name for name in BODIES if name.startswith("conv2d")]
FLAT = {name for name in BODIES if name in ("sgd", "momentum", "adam")}
rng = np.random.default_rng(5)


def normal(*shape):
    return rng.standard_normal(shape, "float32")


@pytest.fixture(params=["arena", "no arena"])
def arena(request):
    running.arena = NUMBA.arena() if request.param == "arena" else None
    yield running.arena
    running.arena = None


@pytest.fixture
def winograd(monkeypatch):
    """Winograd's algorithm also for few channels and images, in blocks of at most three images."""
    monkeypatch.setattr(numba_conv, "CHANNELS", 1)
    monkeypatch.setattr(numba_conv, "IMAGES", 1)
    monkeypatch.setattr(numba_conv.winograd, "IMAGES", 3)


def example(name, data):
    """Arguments, options, and for each output nothing, a place full of NaN in some order, or "not wanted"."""
    d = Draw(data)
    args, options, outputs = CASES[name](d)
    values = listed(TRUTH[name](*args, **options))
    buffers = {}
    for out, value in zip(outputs, values):
        choices = ["none", "buffer"] + ["false"] * (out in ("dx", "dW", "db"))
        choice = d.pick(*choices) if out else "none"
        if choice == "false":
            buffers[out] = False
        elif choice == "buffer":
            buffers[out] = lay(np.full(value.shape, np.nan, "float32"), d.pick(*body_cases.ORDERS))
    return args, options, buffers


def whole(name):
    """The body, and its winners in a form that the comparison takes."""

    def body(*args, **keywords):
        got = BODIES[name](*args, **keywords)
        return (got[0], got[1].astype("float32")) if name.endswith("maxpool2d") else got

    return body


@pytest.mark.parametrize("name", BODIES)
def test_a_compiled_body_is_its_equation(name, arena):
    @settings(max_examples=100)
    @given(st.data())
    def check(data):
        args, options, buffers = example(name, data)
        if name in FLAT:
            buffers = {k: np.ascontiguousarray(v) for k, v in buffers.items()}
        for _ in range(2 if arena else 1):
            if arena:
                arena.restart()
            agree(whole(name), TRUTH[name], args, options, buffers)

    check()


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_winograds_algorithm_is_the_equation(name, arena, winograd, monkeypatch):
    def windows(d):
        B, Y, X, C, O, P = d.size(high=7), d.size(3, 14), d.size(3, 14), d.size(high=5), d.size(high=5), d.size(0, 3)
        x, W = d.array(B, Y, X, C), d.array(3, 3, C, O)
        return x, W, (Y + 2 * P - 2, X + 2 * P - 2), {"padding": P}

    monkeypatch.setattr(body_cases, "windows", windows)
    monkeypatch.setattr(joined_cases, "windows", windows)

    @settings(max_examples=60)
    @given(st.data())
    def check(data):
        args, options, buffers = example(name, data)
        assert numba_conv.minimal(args[-2 if "backward" in name else 0], args[-1 if "backward" in name else 1], 1)
        if arena:
            arena.restart()
        agree(BODIES[name], TRUTH[name], args, options, buffers)

    check()


def test_rounding_of_winograds_algorithm_is_as_the_documentation_says():
    """docs/decisions.md 26: of the largest output, at most 4e-6 where the plain sum stays below 2e-6."""
    x, W, b = normal(16, 20, 20, 64), normal(3, 3, 64, 64), normal(64)
    exact = EQUATIONS["conv2d"](*(a.astype("float64") for a in (x, W, b)))
    assert numba_conv.minimal(x, W, 1)
    for bodies, most in (BODIES, 4e-6), (NUMPY.bodies, 2e-6):
        assert np.abs(bodies["conv2d"](x, W, b) - exact).max() < most * np.abs(exact).max()


@pytest.mark.parametrize("name", BODIES)
def test_a_body_has_its_equations_parameters(name):
    assert BODIES[name].__doc__.splitlines()[0]
    if name in EQUATIONS:
        body, equation = (inspect.signature(f).parameters.values() for f in (BODIES[name], EQUATIONS[name]))
        for ours, its in zip(body, equation, strict=True):
            assert (ours.name, ours.kind) == (its.name, its.kind)
            assert ours.default == its.default or ours.name == "allreduce"


# ---- NaN


@pytest.mark.parametrize("O", [1, 2, 10, 16, 37])
@pytest.mark.parametrize("B, I", [(1, 1), (1, 5), (2, 16), (33, 7)])
@pytest.mark.parametrize("wanted", [True, False])
def test_small_products_are_made_whole(B, I, O, wanted, monkeypatch):
    monkeypatch.setattr(numba_dense, "numpy_dense", None)  # nobody asks NumPy's body
    x, W, b, da = normal(B, I), normal(I, O), normal(O), normal(B, O)
    for suffix in ("", "_relu"):
        forward, backward = BODIES["dense" + suffix], BODIES[f"dense{suffix}_backward"]
        a = TRUTH["dense" + suffix](x, W, b)
        np.testing.assert_allclose(forward(x, W, b), a, atol=1e-5)
        inputs = (da, a.astype("float32"), x, W) if suffix else (da, x, W)
        got = backward(*inputs, dx=normal(B, I) if wanted else False, dW=normal(I, O), db=normal(O))
        true = TRUTH[f"dense{suffix}_backward"](*inputs)
        assert wanted or got[0] is False
        for mine, right in zip(got[not wanted :], true[not wanted :]):
            np.testing.assert_allclose(mine, right, atol=3e-5)


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_labels_that_the_kernels_do_not_take_are_not_tried(dtype, monkeypatch):
    """What a kernel does not take costs it more time than NumPy needs for the answer."""
    monkeypatch.setattr(numba_loss, "ran", None)
    z, t = normal(4, 3), np.array([0, 2, 1, 1], dtype)
    loss, p = BODIES["softmax_cross_entropy"](z, t)
    np.testing.assert_allclose(loss, TRUTH["softmax_cross_entropy"](z, t)[0], rtol=1e-5)
    dz = BODIES["softmax_cross_entropy_backward"](p, t, 4)
    np.testing.assert_allclose(dz, TRUTH["softmax_cross_entropy_backward"](p, t, 4), atol=1e-6)
    BODIES["binary_cross_entropy"](z, np.ones((4, 3), dtype))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("width", [16, 300])
@pytest.mark.parametrize("loss", [BinaryCrossEntropy, SoftmaxCrossEntropy])
def test_no_kernel_is_tried_in_vain(bias, width, loss, monkeypatch):
    """Numba's refusal costs some 70 us: what it would refuse in each step is known before."""
    tried = []
    for module in (numba_dense, numba_loss, numba_update):
        monkeypatch.setattr(module, "ran", lambda *args: tried.append(numba_kernel.ran(*args)) or tried[-1])
    net = Network(*[Dense(5, width, bias=bias), ReLU(), Dense(width, 3, bias=bias)], backend=NUMBA)
    x = normal(32, 5)
    t = rng.integers(0, 3, 32) if loss is SoftmaxCrossEntropy else np.ones((32, 3), "float32")
    x.flags.writeable = t.flags.writeable = False  # as from a file that is only read
    step = SerialStep(net, loss(), Momentum(net.theta, net.grad, lr=0.1))
    first, second = step(x, t), step(x, t)
    assert second < first and all(tried) and len(tried) >= 4


@pytest.mark.parametrize("suffix", ["", "_relu"])
def test_dx_may_lie_over_what_it_is_made_of(suffix):
    x, W, da = normal(6, 4), normal(4, 4), normal(6, 4)
    inputs = [da, np.maximum(normal(6, 4), 0), x, W] if suffix else [da, x, W]
    true = TRUTH[f"dense{suffix}_backward"](*inputs)
    for i in range(len(inputs) - 2):
        copies = [a.copy() for a in inputs]
        places = dict(dx=copies[i], dW=normal(4, 4), db=normal(4))
        for mine, right in zip(BODIES[f"dense{suffix}_backward"](*copies, **places), true):
            np.testing.assert_allclose(mine, right, atol=1e-5)


@pytest.mark.parametrize("suffix", ["", "_relu"])
@pytest.mark.parametrize("O", [1, 3])
@pytest.mark.parametrize("I", [0, 2, 900])
def test_no_kernel_reaches_beyond_an_array(suffix, I, O):
    """Arrays that do not fit are NumPy's affair: it spreads out a bias of one number, or names the shapes."""
    B, (forward, backward) = 70, (BODIES["dense" + suffix], BODIES[f"dense{suffix}_backward"])
    x, W, b, one, few = normal(B, I), normal(I, O), normal(O), normal(1), normal(2, O)
    np.testing.assert_allclose(forward(x, W, one), TRUTH["dense" + suffix](x, W, one), atol=1e-4)
    np.testing.assert_allclose(forward(x, W, b, **{"a" if suffix else "z": np.full((B, O), np.nan, "float32")}),
                               TRUTH["dense" + suffix](x, W, b), atol=1e-4)  # fmt: skip
    with pytest.raises(ValueError, match="shape|dimension|broadcast|mismatch"):
        forward(x, W, b, **{"a" if suffix else "z": few})
    for da, a in ((few, few), (few, normal(B, O))):
        with pytest.raises(ValueError, match="shape|dimension|broadcast|mismatch|aligned"):
            backward(da, *[a] * bool(suffix), x, W, dx=normal(B, I), dW=normal(I, O), db=normal(O))
    p, t = normal(4, 3), np.array([0, 1, 2, 3])  # the last is out of range: nothing is written beyond the row
    dz = np.full((5, 3), 7, "float32")
    BODIES["softmax_cross_entropy_backward"](p, t, 4, dz=dz[:4])
    assert (dz[4] == 7).all()


@pytest.mark.parametrize("name, t", [("softmax", np.array([0, 1, 2])), ("binary", np.ones((3, 4), "float32"))])
def test_a_loss_writes_into_its_place_alone(name, t):
    """Where a learner's own function made more outputs than there is room for, NumPy names the shapes."""
    z, room = normal(3, 4), np.full((6, 3), 7, "float32")
    with pytest.raises(ValueError):
        BODIES[f"{name}_cross_entropy"](z, t, p=room[:3])
    if name == "softmax":
        with pytest.raises(ValueError):
            BODIES["softmax_cross_entropy_backward"](z, t, 3, dz=room[:3])
    assert (room[3:] == 7).all()


@pytest.mark.parametrize("kernel", [3, 2])
def test_a_nan_stays_a_nan(kernel):
    """In a weight, an image or a gradient: whatever depends on it is NaN, and in images nothing that is far away."""
    x, W, b = normal(16, 12, 12, 32), normal(kernel, kernel, 32, 32), normal(32)
    x[3, 5, 5, 7] = np.nan
    assert numba_conv.minimal(x, W, 1) == (kernel == 3)
    a, (y, _) = BODIES["conv2d_relu"](x, W, b), BODIES["relu_maxpool2d"](BODIES["conv2d"](x, W, b))
    truth = joined_cases.conv2d_relu(x, W, b)
    assert np.isnan(a[np.isnan(truth)]).all() and np.isnan(truth).any()
    seen = np.isnan(truth[:, : y.shape[1] * 2, : y.shape[2] * 2])
    seen = seen.reshape(16, y.shape[1], 2, y.shape[2], 2, 32).any((2, 4))
    assert np.isnan(y[seen]).all()
    assert not np.isnan(np.delete(a, 3, 0)).any() and not np.isnan(np.delete(y, 3, 0)).any()
    assert np.isnan(BODIES["conv2d_relu_backward"](a * 0 + 1, np.nan_to_num(a), x, W)[1]).any()


@pytest.mark.parametrize("I", [5, 900])
def test_a_nan_passes_a_dense_layer_and_the_loss(I):
    x, W, b, t = normal(6, I), normal(I, 40), normal(40), rng.integers(0, 40, 6)
    x[2, 3] = np.nan
    a = BODIES["dense_relu"](x, W, b)
    assert np.isnan(a[2]).all() and not np.isnan(np.delete(a, 2, 0)).any()
    loss, p = BODIES["softmax_cross_entropy"](a, t)
    assert np.isnan(loss) and np.isnan(p[2]).all() and not np.isnan(np.delete(p, 2, 0)).any()
    assert np.isnan(BODIES["binary_cross_entropy"](a, np.zeros_like(a))[0])
    da = normal(6, 40)
    da[1, 1] = np.nan
    dx, dW, db = BODIES["dense_relu_backward"](da, np.zeros_like(a), np.nan_to_num(x), W)
    assert np.isnan(dx[1]).all() and np.isnan(dW[:, 1]).all() and np.isnan(db[1])


def test_an_infinite_gradient_stays_infinite():
    dz, x, W = np.full((2, 3), -np.inf, "float32"), np.ones((2, 4), "float32"), np.ones((4, 3), "float32")
    for got in BODIES["dense_backward"](dz, x, W):
        assert (got == -np.inf).all()


@pytest.mark.parametrize("bad, dtype", [(10, "int64"), (-1, "int64"), (200, "uint8")])
def test_a_label_out_of_range_is_named(bad, dtype):
    with pytest.raises(ValueError, match=rf"^label {bad} is out of range: the network has 10 outputs"):
        BODIES["softmax_cross_entropy"](normal(3, 10), np.array([1, bad, 2]).astype(dtype))


# ---- networks


def cnn(backend, norm=False):
    """For images of 10 x 11: the second convolution goes by Winograd's algorithm."""

    def convolution(i, o):
        return [Conv2D(i, o, 3, padding=1, bias=not norm), *([BatchNorm(o)] if norm else []), ReLU()]

    layers = [*convolution(2, 32), *convolution(32, 32), MaxPool2D(), Flatten()]
    return Network(*layers, Dense(800, 300), ReLU(), Dense(300, 5), ReLU(), Dense(5, 3), backend=backend)


def trained(make, step, steps=4, B=40, optimizer=Momentum):
    net, draw = make(), np.random.default_rng(3)
    run = step(net, SoftmaxCrossEntropy(), optimizer(net.theta, net.grad, lr=1e-2))
    for n in (B, B, B - 7, *[B] * (steps - 3)):
        run(draw.standard_normal((n, 10, 11, 2), "float32"), draw.integers(0, 3, n))
    return net


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("step", [SerialStep, ThreadStep])
@pytest.mark.parametrize("optimizer", [Momentum, Adam])
def test_a_network_learns_the_same_with_either(norm, step, optimizer):
    """Also in two threads and with a short batch; one network after the other: nothing is switched globally."""
    got, want = (trained(lambda b=b: cnn(b, norm), step, optimizer=optimizer) for b in (NUMBA, NUMPY))
    move = np.abs(want.theta - cnn(NUMPY, norm).theta).max()
    np.testing.assert_allclose(got.theta, want.theta, atol=0.02 * move)
    again = trained(lambda: cnn(NUMBA, norm), step, optimizer=optimizer)
    np.testing.assert_array_equal(again.theta, got.theta)


def test_what_is_joined_is_seen_in_the_plan_and_swapping_a_part_parts_it():
    net = cnn(NUMBA)
    step = SerialStep(net, SoftmaxCrossEntropy(), Momentum(net.theta, net.grad, lr=1e-3))
    x, t = normal(16, 10, 11, 2), rng.integers(0, 3, 16)
    step(x, t)
    (plan,) = step.plans.values()
    assert [layer.op for layer in plan.layers] == [
        *("conv2d_relu", "conv2d", "relu_maxpool2d", "flatten", "dense_relu", "dense_relu", "dense")
    ]
    with net.swap(maxpool2d=lambda x, *, size=2, stride=2: EQUATIONS["maxpool2d"](x, size=size, stride=stride)):
        step(x, t)
    parted = [layer.op for layer in list(step.plans.values())[-1].layers]
    assert parted[:3] == ["conv2d_relu", "conv2d_relu", "maxpool2d"]


@pytest.mark.parametrize("pool", [MaxPool2D(3), MaxPool2D(2, 1)])
def test_other_patches_are_not_joined(pool):
    net = Network(Conv2D(1, 2, 2), ReLU(), pool, Flatten(), Dense(8 if pool.size == 3 else 72, 3), backend=NUMBA)
    step = SerialStep(net, SoftmaxCrossEntropy(), Momentum(net.theta, net.grad, lr=1e-3))
    step(normal(2, 8, 8, 1), np.array([0, 1]))
    (plan,) = step.plans.values()
    assert [layer.op for layer in plan.layers][:2] == ["conv2d_relu", "maxpool2d"]


def test_a_step_allocates_nothing_that_grows_with_the_batch():
    peaks = []
    for B in (32, 256):
        net = cnn(NUMBA)
        step = SerialStep(net, SoftmaxCrossEntropy(), Momentum(net.theta, net.grad, lr=0.01))
        x, t = normal(B, 10, 11, 2), rng.integers(0, 3, B)
        for _ in range(3):
            step(x, t)
        tracemalloc.start()
        step(x, t)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 70_000, peaks  # one channel of the images adds 98 kB


def test_a_float64_network_computes_by_the_equations():
    net = Network(Dense(3, 4), ReLU(), dtype="float64", backend="numba")
    assert net.ops.dense is EQUATIONS["dense"] and not net.ops.fused


# ---- asked for by name, and only then


def test_arrays_belong_to_numpy_as_before():
    assert backend_of(normal(2)) is NUMPY and NUMPY.bodies["dense"] is not NUMBA.bodies["dense"]
    assert Network(Dense(2, 3)).backend is NUMPY and Network(Dense(2, 3), backend="numba").backend is NUMBA
    assert Network(Dense(2, 3)).to("numba").backend is NUMBA


def fresh(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_numba_is_loaded_only_when_it_is_asked_for():
    code = "import sys, dlcourse, dlcourse.training.loop; dlcourse.get_backend('numpy'); print('numba' in sys.modules)"
    assert fresh(code).stdout.strip() == "False"


def test_without_numba_one_sentence_says_what_to_install():
    code = "import sys; sys.modules['numba'] = None; import dlcourse; dlcourse.get_backend('numba')"
    assert fresh(code).stderr.strip().splitlines()[-1].endswith('pip install -e ".[fast]" in the folder of the course')


def test_a_wait_is_explained(monkeypatch, capsys):
    def halve(x):
        for i in range(x.size):
            x[i] /= 2

    for patience_s, said in (60.0, ""), (0.0, "Numba compiles for this machine, once: 1 of 1, "):
        monkeypatch.setattr(numba_kernel, "PATIENCE_S", patience_s)
        numba_kernel.kernel("f1")(halve)
        numba_kernel.compile_all()
        assert capsys.readouterr().err.strip().rpartition(", ")[0] == said.rstrip(", ")


def test_where_nothing_can_be_kept_a_kernel_is_compiled_all_the_same(monkeypatch):
    """Numba finds no place for a function that has no file, as for one in a folder that it cannot write to."""
    monkeypatch.setattr(numba_kernel, "KERNELS", [])
    names: dict = {}
    exec("def double(x):\n    for i in range(x.size):\n        x[i] *= 2", names)
    double, x = numba_kernel.kernel("f1")(names["double"]), np.ones(3, "float32")
    numba_kernel.compile_all()
    double(x)
    np.testing.assert_array_equal(x, 2)


@pytest.mark.parametrize("name", sorted(FLAT))
def test_numbers_too_large_to_be_squared_make_no_nan(name):
    """A gradient of 1e30 has an infinite square: Adam then divides by infinity and leaves theta where it is."""
    size = 4099
    g = np.where(np.arange(size) % 3 == 0, 1e30, 1e-3).astype("float32")
    theta, states = normal(size), [np.zeros(size, "float32") for _ in range(2)]
    numbers = {"sgd": (0.0,), "momentum": (states[0], 0.0, 0.9), "adam": (*states, 1e-3, 0.9, 0.999, 1e-8)}[name]
    for _ in range(3):
        with np.errstate(all="ignore"):
            mine, right = (listed(f[name](theta, g, *numbers)) for f in (BODIES, EQUATIONS))
        for a, b in zip(mine, right):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        theta, numbers = mine[0], (*mine[1:], *numbers[len(mine) - 1 :])


def test_arrays_that_must_not_be_written_are_read(winograd):
    x, W, b = normal(20, 9, 9, 3), normal(3, 3, 3, 4), normal(4)
    dz, g = normal(20, 7, 7, 4), np.ones(3, "float32")
    stats = x.mean((0, 1, 2)), x.var((0, 1, 2)), np.full(1, 20 * 81, "float32")
    for order in ("rows", "images"):
        seen, dseen = lay(x, order), lay(dz, order)
        for a in (seen, dseen):
            a.flags.writeable = False
        calls = {
            "conv2d": (seen, W, b),
            "conv2d_relu": (seen, W, b),
            "conv2d_backward": (dseen, seen, W),
            "batchnorm": (seen, g, g),
            "batchnorm_backward": (seen, seen, g, *stats),
            "relu_maxpool2d": (seen,),
        }
        for name, args in calls.items():
            for a, c in zip(listed(BODIES[name](*args)), listed(TRUTH[name](*args))):
                np.testing.assert_allclose(a, c, rtol=1e-3, atol=1e-3, err_msg=name)


def locked(a):
    a = a.copy()
    a.flags.writeable = False
    return a


KINDS = {
    "read-only": locked,
    "with gaps": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "float64": lambda a: a.astype("float64"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["conv2d", "conv2d_backward", "batchnorm", "batchnorm_backward", *sorted(FLAT)])
def test_arrays_that_kernels_do_not_take_are_numpys(name, kind, winograd):
    """One after the other: a bias that must not be written, statistics in float64 out of a learner's own function."""
    x, W, b = normal(20, 9, 9, 3), normal(3, 3, 3, 4), normal(4)
    g, dz, theta = np.ones(3, "float32"), normal(20, 7, 7, 4), [abs(normal(50)) for _ in range(4)]
    stats = x.mean((0, 1, 2)), x.var((0, 1, 2)), np.full(1, 20 * 81, "float32")
    args = {
        "conv2d": (x, W, b), "conv2d_backward": (dz, x, W),
        "batchnorm": (x, g, g), "batchnorm_backward": (x, x, g, *stats),
        "sgd": (*theta[:2], 0.1), "momentum": (*theta[:3], 0.1, 0.9), "adam": (*theta, 0.1, 0.9, 0.99, 1e-3),
    }[name]  # fmt: skip
    expected = listed(TRUTH[name](*args))
    for i, value in enumerate(args):
        if isinstance(value, np.ndarray):
            mine = listed(BODIES[name](*args[:i], KINDS[kind](value), *args[i + 1 :]))
            for a, c in zip(mine, expected):
                np.testing.assert_allclose(a, c, rtol=2e-3, atol=2e-3, err_msg=f"argument {i}")


def test_a_learners_batch_norm_may_answer_in_float64():
    def network():
        return Network(Conv2D(3, 4, 3), BatchNorm(4), ReLU(), Flatten(), Dense(36, 3), key=1, backend=NUMBA)

    def mine(x, gamma, beta, *, allreduce=None, eps=1e-5):
        mean, var = x.astype("float64").mean((0, 1, 2)), x.astype("float64").var((0, 1, 2))
        return mean, var, np.full(1, x.size / x.shape[-1]), gamma * (x - mean) / np.sqrt(var + eps) + beta

    (net, step), (_, right) = ((n, SerialStep(n, SoftmaxCrossEntropy(), Momentum(n.theta, n.grad, lr=0.1)))
                               for n in (network(), network()))  # fmt: skip
    x, t = normal(20, 5, 5, 3), rng.integers(0, 3, 20)
    for _ in range(3):
        with net.swap(batchnorm=mine):
            loss = step(x, t)
        assert loss == pytest.approx(right(x, t), rel=1e-4)


@pytest.mark.parametrize("numbers", [[3e38, 3e38, 1, 2], [np.inf, 1, 2, 3], [-np.inf, 1, 3, 2], [-np.inf] * 4])
def test_pooling_keeps_very_large_numbers(numbers):
    z = np.array(numbers, "float32").reshape(1, 2, 2, 1)
    assert BODIES["relu_maxpool2d"](z)[0].item() == max(*z.ravel(), 0)
    z[0, 0, 1, 0] = np.nan
    assert np.isnan(BODIES["relu_maxpool2d"](z)[0].item())
