"""What the bodies promise beside the right numbers: signatures, aliases, errors, no allocation, shards."""

from __future__ import annotations

import inspect
import threading
import tracemalloc

import numpy as np
import pytest
from body_cases import BODIES, CASES, EQUATIONS, Draw, listed
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcourse.backends import NUMPY
from dlcourse.backends.fake import FAKE
from dlcourse.backends.numpy_scratch import running

rng = np.random.default_rng(7)


def normal(*shape):
    return rng.standard_normal(shape, "float32")


def images(*shape):
    out = NUMPY.empty(shape)
    out[...] = normal(*shape)
    return out


@pytest.fixture
def arena():
    running.arena = NUMPY.arena()
    yield running.arena
    running.arena = None


def test_every_body_has_an_equation_and_a_case():
    assert set(BODIES) <= set(EQUATIONS)
    assert set(BODIES) <= set(CASES) <= set(BODIES) | set(FAKE.bodies)


@pytest.mark.parametrize("name", BODIES)
def test_a_body_has_its_equations_parameters(name):
    body, equation = (inspect.signature(f).parameters.values() for f in (BODIES[name], EQUATIONS[name]))
    for ours, its in zip(body, equation, strict=True):
        assert (ours.name, ours.kind) == (its.name, its.kind)
        assert ours.default == its.default or ours.name == "allreduce"
    assert BODIES[name].__doc__.splitlines()[0]


# ---- aliases


@pytest.mark.parametrize("shape", [(3, 5), (64, 80), (4, 9, 8, 6)])
def test_relu_may_write_over_its_input(shape, arena):
    z, da = normal(*shape), normal(*shape)
    a = BODIES["relu"](z.copy())
    np.testing.assert_array_equal(a, EQUATIONS["relu"](z))
    over = z.copy()
    assert BODIES["relu"](over, a=over) is over
    np.testing.assert_array_equal(over, a)
    over = da.copy()
    assert BODIES["relu_backward"](over, a, dz=over) is over
    np.testing.assert_array_equal(over, da * (z > 0))


@pytest.mark.parametrize(
    "name, numbers, states", [("sgd", (0.1,), 0), ("momentum", (0.1, 0.9), 1), ("adam", (0.1, 0.9, 0.99, 1e-3), 2)]
)
def test_update_rules_work_in_place(name, numbers, states):
    vectors = [normal(50), normal(50), *(np.abs(normal(50)) for _ in range(states))]
    want = EQUATIONS[name](*(v.astype("float64") for v in vectors), *numbers)
    theta, grad, *rest = mine = [v.copy() for v in vectors]
    outs = dict(zip(("new", *(("new_v",) if states == 1 else ("new_m", "new_v"))), (theta, *rest)))
    got = BODIES[name](*mine, *numbers, **outs, tmp=np.empty(50, "float32"))
    for have, expected, place in zip(*(r if isinstance(r, tuple) else (r,) for r in (got, want)), (theta, *rest)):
        assert have is place
        np.testing.assert_allclose(have, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(grad, vectors[1])


def test_batch_norm_may_write_over_its_gradient_and_input(arena):
    x, dy, gamma, beta = images(5, 4, 3, 2), images(5, 4, 3, 2), normal(2), normal(2)
    mean, var, n, y = (np.copy(v) for v in BODIES["batchnorm"](x, gamma, beta))
    dx = BODIES["batchnorm_backward"](dy, x, gamma, mean, var, n)[0]
    np.testing.assert_array_equal(BODIES["batchnorm_backward"](dy, x, gamma, mean, var, n, dx=dy)[0], dx)
    np.testing.assert_array_equal(BODIES["batchnorm"](x, gamma, beta, y=x)[3], y)


@pytest.mark.parametrize("rows", [3, 200])
def test_relus_gradient_may_be_written_over_da(rows):
    da, a = normal(rows, 9), np.maximum(normal(rows, 9), 0)
    right = EQUATIONS["relu_backward"](da, a)
    assert BODIES["relu_backward"](da, a, dz=da) is da
    np.testing.assert_array_equal(da, right)


# ---- losses


@pytest.mark.parametrize("B, K", [(1, 1), (1, 7), (64, 10), (70, 1000), (7000, 10)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_largest_logit_is_found_however_they_lie(B, K, order):
    """Logits this large leave nothing of a loss whose row was not moved by its own maximum."""
    z, t = np.asarray(normal(B, K) * 300, order=order), rng.integers(0, K, B)
    (loss, p), (right, probs) = (table["softmax_cross_entropy"](z, t) for table in (BODIES, EQUATIONS))
    np.testing.assert_allclose(loss, right, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(p, probs, atol=1e-4)


@pytest.mark.parametrize("K", [10, 2])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_no_number_reaches_the_loss(K, bad):
    z = normal(6, K)
    z[4, 1] = bad
    with np.errstate(all="ignore"):
        loss = BODIES["softmax_cross_entropy"](z, np.ones(6, "int64"))[0]
    assert not np.isfinite(loss)


def test_sure_answers_have_the_loss_that_is_left():
    """σ(±40) is 1 or 0 in float32; a wrong answer costs 40, a right one nothing, and nothing is lost in between."""
    z, t = np.array([[40], [-40], [40], [1e4], [0]], "float32"), np.array([[1], [0], [0], [1], [1]], "float32")
    loss, p = BODIES["binary_cross_entropy"](z, t)
    np.testing.assert_allclose(loss, 40 + np.log(2), rtol=1e-6)
    np.testing.assert_allclose(p, [[1], [0], [1], [1], [0.5]], atol=1e-7)


@pytest.mark.parametrize("bad, dtype", [(10, "int64"), (-1, "int64"), (-3, "int8"), (200, "uint8"), (12, "int32")])
def test_a_label_out_of_range_is_named(bad, dtype):
    t = np.array([1, bad, 2]).astype(dtype)
    with pytest.raises(
        ValueError, match=rf"^label {bad} is out of range: the network has 10 outputs, so labels are 0 ... 9$"
    ):
        BODIES["softmax_cross_entropy"](normal(3, 10), t)


def test_labels_that_are_no_whole_numbers_or_too_few_are_refused():
    with pytest.raises(TypeError, match="whole numbers, got an array of float32"):
        BODIES["softmax_cross_entropy"](normal(3, 10), np.zeros(3, "float32"))
    with pytest.raises(ValueError, match=r"\(3, 10\), the targets \(4,\)"):
        BODIES["softmax_cross_entropy"](normal(3, 10), np.zeros(4, "int64"))
    with pytest.raises(ValueError, match=r"\(3, 2\), the targets \(3, 1\)"):
        BODIES["binary_cross_entropy"](normal(3, 2), np.zeros((3, 1), "float32"))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_soft_targets_need_not_add_up_to_one(smoothing):
    z, t = normal(6, 4), rng.uniform(0, 1, (6, 4))
    loss, p = BODIES["softmax_cross_entropy"](z, t, smoothing)
    T = (1 - smoothing) * t + smoothing / 4
    np.testing.assert_allclose(loss, -np.einsum("bk,bk->", T, np.log(p.astype("float64"))), rtol=1e-5)
    dz = BODIES["softmax_cross_entropy_backward"](p, t, 12, smoothing)
    np.testing.assert_allclose(dz, (p - T) / 12, rtol=1e-4, atol=1e-7)


def test_losses_stay_finite_at_large_scores():
    z = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 0]], "float32")
    loss, p = BODIES["softmax_cross_entropy"](z, np.array([0, 0]))
    np.testing.assert_allclose((loss, *p[0]), (2e4, 1, 0, 0))
    loss, p = BODIES["binary_cross_entropy"](z[:, :2].copy(), np.array([[1, 0], [1, 0]], "float32"))
    np.testing.assert_allclose((loss, *p.ravel()), (1e4, 1, 0, 0, 1))


# ---- shapes that do not fit


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"x \(3, 4\) and W \(5, 6\)"):
        BODIES["dense"](normal(3, 4), normal(5, 6), False)
    with pytest.raises(ValueError, match=r"x \(1, 4, 4, 2\) and W \(3, 3, 3, 5\)"):
        BODIES["conv2d"](images(1, 4, 4, 2), normal(3, 3, 3, 5), False)
    with pytest.raises(ValueError, match=r"W \(5, 5, 2, 3\) does not fit into images x \(1, 2, 2, 2\) with padding 1"):
        BODIES["conv2d"](images(1, 2, 2, 2), normal(5, 5, 2, 3), False, padding=1)
    for name in ("maxpool2d", "avgpool2d"):
        with pytest.raises(ValueError, match=r"2 x 2 .* got x \(1, 1, 4, 2\)"):
            BODIES[name](images(1, 1, 4, 2))


# ---- pooling


def test_the_first_of_equal_numbers_takes_the_gradient_row_by_row():
    """(0,1) comes before (1,0)."""
    x = np.array([[0, 5], [5, 0]], "float32").reshape(1, 2, 2, 1)
    dx = BODIES["maxpool2d_backward"](np.ones((1, 1, 1, 1), "float32"), x)
    np.testing.assert_array_equal(dx.ravel(), [0, 1, 0, 0])


# ---- batch norm


def test_batch_norm_of_numbers_far_from_zero():
    x = (images(16, 6, 6, 3) + np.float32(300)).astype("float32")
    exact = x.astype("float64").var(axis=(0, 1, 2))
    mean, var, n, y = BODIES["batchnorm"](x, np.ones(3, "float32"), np.zeros(3, "float32"))
    np.testing.assert_allclose(var, exact, rtol=1e-5)
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(y.var(axis=(0, 1, 2)), 1, rtol=1e-3)


def test_batch_norm_refuses_an_empty_batch():
    with pytest.raises(ValueError, match=r"empty batch: x has shape \(0, 4, 4, 2\)"):
        BODIES["batchnorm"](images(0, 4, 4, 2), np.ones(2, "float32"), np.zeros(2, "float32"))


class Together:
    """Adds vectors over threads, as a team does, and in place."""

    def __init__(self, size):
        self.size, self.parts = size, {}
        self.barrier = threading.Barrier(size)

    def rank(self, i):
        def allreduce(v):
            self.parts[i] = v.copy()
            self.barrier.wait(10)
            v[...] = sum(self.parts[j] for j in range(self.size))
            self.barrier.wait(10)
            return v

        return allreduce


@pytest.mark.parametrize("shape", [(7, 4, 5, 3), (7, 3)])
def test_batch_norm_of_a_batch_in_parts_is_that_of_the_whole(shape):
    x, dy, gamma, beta = normal(*shape) + 2, normal(*shape), normal(3), normal(3)
    mean, var, n, y = EQUATIONS["batchnorm"](*(a.astype("float64") for a in (x, gamma, beta)))
    dx, dgamma, dbeta = EQUATIONS["batchnorm_backward"](dy.astype("float64"), x.astype("float64"), gamma, mean, var, n)
    team, cut, got = Together(2), (0, 3, 7), {}

    def part(i):
        here, allreduce = slice(cut[i], cut[i + 1]), team.rank(i)
        forward = BODIES["batchnorm"](x[here], gamma, beta, allreduce=allreduce)
        got[i] = forward, BODIES["batchnorm_backward"](dy[here], x[here], gamma, *forward[:3], allreduce=allreduce)

    threads = [threading.Thread(target=part, args=(i,)) for i in range(2)]
    [t.start() for t in threads], [t.join() for t in threads]
    for i in range(2):
        here = slice(cut[i], cut[i + 1])
        for have, want in zip(got[i][0], (mean, var, n, y[here])):
            np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(got[i][1][0], dx[here], rtol=1e-3, atol=1e-5)
    for k, want in (1, dgamma), (2, dbeta):
        np.testing.assert_allclose(got[0][1][k] + got[1][1][k], want, rtol=1e-4, atol=1e-4)


# ---- memory


def calls(B: int) -> dict:
    """Each body as a Step calls it: every output has its buffer, and the plan's arena is running."""
    x, z, t = images(B, 20, 20, 64), images(B, 18, 18, 64), rng.integers(0, 10, 20_000)
    strided = images(B, 10, 10, 64)
    W, b, half, p = normal(3, 3, 64, 64), normal(64), images(B, 10, 10, 64), normal(20_000, 10)
    rows, V, out, gamma, big = normal(B, 400), normal(400, 300), normal(B, 300), normal(64), normal(100_000)
    stats = [np.copy(v) for v in BODIES["batchnorm"](x, gamma, gamma)[:3]]
    last, share = NUMPY.layout(np.ones(B * 400, "float32"), (B, 400), True), np.abs(normal(20_000, 10)) / 20
    like, grads = (
        {k: np.empty_like(v) for k, v in dict(x=x, z=z, p=p, V=V, W=W, big=big).items()},
        (b.copy(), gamma * 1),
    )
    y, dW, two = like["x"], like["W"], {"new": big, "new_v": like["big"], "tmp": big.copy()}
    half_y, out_y, state, target = np.empty_like(half), np.empty_like(out), big**2, share.round()
    options, means = {"stride": 2, "padding": 1}, normal(B, 64)
    return {
        "dense": lambda f: f(last, V, normal_300, z=out_y),
        "dense_backward": lambda f: f(out, rows, V, dx=last, dW=like["V"], db=normal_300),
        "relu": lambda f: f(x, a=y),
        "relu_backward": lambda f: f(x, x, dz=y),
        "conv2d": lambda f: (f(x, W, b, z=z), f(x, W, b, **options, z=strided)),
        "conv2d_backward": lambda f: (
            f(z, x, W, dx=y, dW=dW, db=grads[0]), f(strided, x, W, **options, dx=y, dW=dW, db=grads[0])
        ),
        "maxpool2d": lambda f: f(x, y=half_y),
        "maxpool2d_backward": lambda f: f(half, x, dx=y),
        "avgpool2d": lambda f: f(x, y=half_y),
        "avgpool2d_backward": lambda f: f(half, x, dx=y),
        "global_avgpool2d": lambda f: f(x, y=means),
        "batchnorm": lambda f: f(x, gamma, gamma, y=y),
        "batchnorm_backward": lambda f: f(x, x, gamma, *stats, dx=y, dgamma=grads[1], dbeta=grads[1]),
        "normalize": lambda f: f(x, gamma, gamma, stats[0], stats[1], y=y),
        "softmax_cross_entropy": lambda f: (f(p, t, 0.1, p=like["p"]), f(p, share, p=like["p"])),
        "softmax_cross_entropy_backward": lambda f: f(p, t, B, 0.1, dz=like["p"]),
        "binary_cross_entropy": lambda f: f(p, target, p=like["p"]),
        "binary_cross_entropy_backward": lambda f: f(p, target, B, dz=like["p"]),
        "sgd": lambda f: f(big, big, 0.0, new=two["new"], tmp=two["tmp"]),
        "momentum": lambda f: f(big, big, big, 0.0, 0.0, **two),
        "adam": lambda f: f(big, big, big, state, 0.0, 0.0, 0.0, 1.0, new_m=like["big"], **two | {"new_v": state}),
    }  # fmt: skip


normal_300 = normal(300)


@pytest.mark.parametrize("name", BODIES)
def test_nothing_is_allocated_after_the_first_calls(name, arena):
    """Images take 1.6 MB and more, rows 160 kB, W 147 kB. What is left are NumPy's buffers, whatever the size."""
    call, peaks = calls(128)[name], []
    tracemalloc.start()
    try:
        for _ in range(3):
            arena.restart()
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            call(BODIES[name])
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert peaks[-1] < 75_000, peaks
    assert arena.nbytes < 9_000_000  # less than the images: blocks of rows share one place


@pytest.mark.parametrize("name", BODIES)
def test_new_results_never_lie_in_the_arena(name, arena):
    @settings(max_examples=20)
    @given(st.data())
    def check(data):
        args, options, _ = CASES[name](Draw(data))
        for _ in range(2):
            arena.restart()
            results = listed(BODIES[name](*args, **options))
        assert not any(np.may_share_memory(r, arena.memory) for r in results if isinstance(r, np.ndarray))

    check()
