"""A batch shorter than the recorded one: filled up with rows that weigh nothing, or recorded on its own."""

from __future__ import annotations

import re

import numpy as np
import pytest
from calls import CALLS
from networks import CLASSES, NETS, Case, between
from twins import assert_same, batch, pair, state

from dlcourse.backends.fake import DEVICE, FAKE, REFUSES
from dlcourse.nn import layers as L
from dlcourse.nn.functional import EQUATIONS
from dlcourse.nn.losses import BinaryCrossEntropy, MeanSquaredError, SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.nn.ops import table
from dlcourse.training.graph import GraphStep
from dlcourse.training.optimizers import Adam

pytestmark = pytest.mark.usefixtures("one_thread")


ROWS_ONLY = {
    **{name: NETS[name] for name in ("MLP", "MLP with dropout", "MLP with residual", "CNN")},
    "MeanSquaredError": Case(lambda: between(L.Dropout(0.3)), loss=MeanSquaredError),
    "BinaryCrossEntropy": Case(lambda: between(L.GELU()), loss=BinaryCrossEntropy),
    "smoothing": Case(lambda: between(L.ReLU()), loss=lambda: SoftmaxCrossEntropy(0.2)),
}
ROWS_ONLY["smoothing"].batch = NETS["MLP"].batch


@pytest.mark.parametrize("opt", ["SGD", "Adam, masked decay and clip"])
@pytest.mark.parametrize("name", ROWS_ONLY)
def test_a_short_batch_goes_through_the_same_graph_with_the_same_numbers(device, name, opt):
    case = ROWS_ONLY[name]
    plain, graph = pair(case, device, opt)
    for seed, size in enumerate((8, 8, 8, 8, 5, 8, 1, 7, 8, 8)):
        losses = [device.to_host(step(*batch(case, device, seed, size))) for step in (plain, graph)]
        np.testing.assert_allclose(*losses, rtol=1e-6, err_msg=f"{size} rows")
        np.testing.assert_allclose(*(device.to_host(s.net.grad) for s in (plain, graph)), rtol=1e-5, atol=1e-7)
    assert len(graph.recorder.graphs) == 1 and "shorter ones are filled up" in graph.report
    assert_same(state(plain), state(graph), rtol=1e-6, atol=1e-6)


def test_what_an_earlier_batch_left_behind_does_no_harm(device):
    """Its rows may hold what is not finite: nothing times infinity is no number."""
    case = ROWS_ONLY["MLP"]
    plain, graph = pair(case, device)
    for seed in range(5):
        plain(*batch(case, device, seed)), graph(*batch(case, device, seed))
    x, t = batch(case, device, 5)
    bad = x.copy()
    bad[...] = float("inf")
    for step in plain, graph:
        step(bad, t)
        step(x[:3], t[:3])
    assert np.isfinite(device.to_host(graph.net.theta)).all()
    assert_same(state(plain), state(graph), rtol=1e-6, atol=1e-6)


def mlp_784():
    net = Network(L.Dense(784, 128), L.ReLU(), L.Dense(128, 10), key=1, backend=FAKE)
    return GraphStep(net, SoftmaxCrossEntropy(), Adam(net.theta, net.grad))


def digits(n):
    rng = np.random.default_rng(n)
    return FAKE.asarray(rng.random((n, 784), "float32")), FAKE.asarray(rng.integers(0, 10, n))


def test_784_128_10_with_adam_is_12_launches_and_14_where_it_is_filled_up(unsure):
    """Besides the two copies of the batch: the graph holds 12; then x is filled up, and n written."""
    step, full, short = mlp_784(), digits(64), digits(40)
    for _ in range(4):
        step(*full)
    (graph,) = step.recorder.graphs.values()
    assert graph.replay.nodes == 12
    for given, more in (full, 0), (short, 2), (short, 1), (full, 1), (full, 0):
        with DEVICE.watch() as seen:
            step(*given)
        assert seen.launches == 2 + 1 + more, seen.log  # the batch, the graph, and what fills up
        assert (seen.copies, seen.syncs) == (0, 0), seen.log


class MyLayer(L.Tanh):
    """A layer of one's own: who knows what it looks at."""


class MyLoss(MeanSquaredError):
    """A loss of one's own."""


ALONE = {
    "batch norm": (NETS["CNN with batch norm"], r"BatchNorm\(4\) may look at all rows"),
    "a layer of one's own": (Case(lambda: between(MyLayer())), r"MyLayer\(\) may look at all rows"),
    "a loss of one's own": (Case(lambda: between(), loss=MyLoss), r"MyLoss\(\) cannot leave rows out here"),
}


@pytest.mark.parametrize("name", ALONE)
def test_where_rows_may_mix_a_short_batch_gets_its_own_graph(device, name):
    case, why = ALONE[name]
    plain, graph = pair(case, device)
    for seed in range(12):
        size = 5 if seed % 2 else 8
        plain(*batch(case, device, seed, size)), graph(*batch(case, device, seed, size))
    assert len(graph.recorder.graphs) == 2 and re.search(f"shorter ones get their own graph: {why}", graph.report)
    assert_same(state(plain), state(graph), rtol=1e-5, atol=1e-6)


def test_so_it_does_where_a_function_is_swapped(device):
    case = NETS["MLP"]
    plain, graph = pair(case, device)
    with plain.net.swap(relu=lambda z: device.xp.maximum(z, 0)), graph.net.swap(relu=lambda z: device.xp.maximum(z, 0)):
        for seed in range(12):
            size = 5 if seed % 2 else 8
            plain(*batch(case, device, seed, size)), graph(*batch(case, device, seed, size))
        assert len(graph.recorder.graphs) == 2 and "relu is swapped and may look at all rows" in graph.report
    assert_same(state(plain), state(graph), rtol=1e-5, atol=1e-6)


def probabilities(seed, size):
    x, _ = NETS["MLP"].batch(seed=seed, size=size)
    t = np.random.default_rng(seed).dirichlet(np.ones(CLASSES), size).astype("float32")
    return FAKE.asarray(x), FAKE.asarray(t)


@pytest.mark.parametrize("why", ["probabilities", "refused", "plain"])
def test_so_it_does_where_no_kernel_leaves_rows_out(unsure, why):
    if why == "refused":
        REFUSES.add("softmax_cross_entropy_backward")
    plain, graph = pair(NETS["MLP"], FAKE.plain() if why == "plain" else FAKE)
    for seed in range(12):
        size = 5 if seed % 2 else 8
        given = probabilities(seed, size) if why == "probabilities" else batch(NETS["MLP"], FAKE, seed, size)
        plain(*given), graph(*given)
    assert len(graph.recorder.graphs) == 2 and "shorter ones get their own graph: " in graph.report
    assert_same(state(plain), state(graph), rtol=1e-5, atol=1e-6)


FIRST = [name for name in FAKE.bodies if name.startswith("first_")]


@pytest.mark.parametrize("n", [1, 3, 6])
@pytest.mark.parametrize("name", FIRST)
def test_the_first_rows_alone_have_a_loss_and_a_gradient(kernels, name, n):
    """By what the kernels mean and by their own text, against the equation over the first n rows."""
    plain, count = name.removeprefix("first_"), FAKE.asarray(np.array(n, "float32"))
    given = [a.astype("float32") if getattr(a, "dtype", "") == "float64" else a for a in CALLS[plain][0]]
    short = [a[:n] if hasattr(a, "shape") else n if a == 9 else a for a in given]
    here = [FAKE.asarray(a) if hasattr(a, "shape") else count if a == 9 else a for a in given]
    expected, got = EQUATIONS[plain](*short), getattr(table(FAKE), name)(count, *here)
    assert got is not NotImplemented and not FAKE.refused
    if isinstance(got, tuple):
        np.testing.assert_allclose(got[0].get(), expected[0], rtol=1e-5)
        expected, got = expected[1], got[1]
    else:
        assert (got[n:].get() == 0).all()
    np.testing.assert_allclose(got[:n].get(), expected, rtol=1e-4, atol=1e-6)


def test_an_empty_batch_is_refused_by_a_recorded_step_too(device):
    case = ROWS_ONLY["MLP"]
    _, graph = pair(case, device)
    for seed in range(5):
        x, t = batch(case, device, seed)
        graph(x, t)
    before = device.to_host(graph.net.theta).copy()
    with pytest.raises(ValueError, match="the batch is empty"):
        graph(x[:0], t[:0])
    np.testing.assert_array_equal(before, device.to_host(graph.net.theta))
    graph(x, t)
    assert len(graph.recorder.graphs) == 1
