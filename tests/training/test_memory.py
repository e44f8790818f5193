"""The memory of training that net.summary(step=..., batch=...) prints, against the memory that training takes."""

import gc
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_steps import NETS

from dlcourse.backends import NUMPY
from dlcourse.backends.ghost import Ghost, Ghosts
from dlcourse.nn.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU, Residual
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.nn.params import leaves
from dlcourse.training.graph import GraphStep
from dlcourse.training.optimizers import SGD, Adam, Momentum
from dlcourse.training.steps import SerialStep, ThreadStep

FIXED = 300_000  # bytes of Python's objects, of remembered views and of NumPy's casting buffers: docs/decisions.md 25


def wide(dtype="float32"):
    layers = Dense(784, 256), BatchNorm(256), ReLU(), Dropout(0.3), Dense(256, 128), ReLU(), Dense(128, 10)
    return Network(*layers, dtype=dtype), (784,)


def plain(dtype="float32"):
    return Network(Dense(100, 200), ReLU(), Dense(200, 10), dtype=dtype), (100,)


def lenet(dtype="float32"):
    first = Conv2D(1, 6, 5, padding=2), ReLU(), MaxPool2D(), Conv2D(6, 16, 5), ReLU(), MaxPool2D(), Flatten()
    return Network(*first, Dense(400, 120), ReLU(), Dense(120, 10), dtype=dtype), (28, 28, 1)


def normed(dtype="float32"):
    first = Conv2D(2, 8, 3), BatchNorm(8), ReLU(), Conv2D(8, 16, 3, stride=2), BatchNorm(16), ReLU()
    inner = Residual(Conv2D(16, 16, 3, padding=1), BatchNorm(16), ReLU())
    return Network(*first, inner, MaxPool2D(), Flatten(), Dense(64, 10), dtype=dtype), (12, 12, 2)


def threads(n):
    return lambda *a: ThreadStep(*a, threads=n)


KINDS = {"serial": SerialStep, "two threads": threads(2), "three threads": threads(3)}


def step_of(net, kind, rule=Momentum):
    return kind(net, SoftmaxCrossEntropy(), rule(net.theta, net.grad, lr=0.01))


def held(step, n):
    """Bytes of the workspaces and arenas that a step has made."""
    used = [step.plans] if type(step) is SerialStep or n < step.team.size else step.members
    buffers = sum(b.nbytes for plans in used for b in plans.space.buffers.values())
    return {"activations": buffers, "scratch": sum(plans.space.arena.nbytes for plans in used)}


@settings(max_examples=80)
@given(st.sampled_from(NETS), st.sampled_from([*KINDS]), st.integers(1, 70), st.sampled_from(["float32", "float64"]))
def test_the_plan_says_to_the_byte_what_it_will_hold(case, kind, B, dtype):
    make, shape = case
    net = make() if dtype == "float32" else Network(*[layer.replica() for layer in fresh(make)], dtype=dtype)
    step, x = step_of(net, KINDS[kind]), np.random.default_rng(B).standard_normal((B, *shape)).astype(dtype)
    said = step.memory(x.shape)
    t = np.full((B, 3), 1 / 3, dtype)  # targets like the outputs are what the plan assumes
    for _ in range(2):
        step(x, t)
    assert {name: said[name] for name in ("activations", "scratch")} == held(step, B)
    assert step.memory(x.shape) == said, "also when it runs already"


def fresh(make):
    """The layers of such a network, in no network."""
    net = make()

    def free(layers):
        for layer in layers:
            layer.placed = False
            free(layer.layers)

    free(net.layers)
    return net.layers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "make, sizes",
    [(plain, (1, 7, 1024, 4096)), (wide, (1, 32, 1024, 4096)), (lenet, (1, 33, 512)), (normed, (1, 64, 4096))],
)
def test_the_memory_of_training_is_within_a_twentieth_of_what_the_summary_says(make, sizes, kind):
    net, shape = make()
    net.summary(shape, step=step_of(net, KINDS[kind]), batch=2)  # imports are not training
    for B in sizes:
        x, t = np.ones((B, *make()[1]), "float32"), np.zeros(B, "int64")
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        net, shape = make()
        step = step_of(net, KINDS[kind], Adam if kind == "serial" else Momentum)
        for _ in range(3):
            tracemalloc.reset_peak()
            step(x, t)
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        said = sum(net.summary(shape, step=step, batch=B).memory.values())
        assert -0.05 * said <= peak - said <= 0.05 * said + FIXED, (B, peak, said)


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_last_batch_lives_in_the_memory_of_the_others(kind):
    net, shape = normed()
    step = step_of(net, KINDS[kind])
    for n in (64, 64, 63, 33, 7, 64, 5):
        step(np.ones((n, *shape), "float32"), np.full((n, 10), 0.1, "float32"))
    said = step.memory((64, *shape))
    assert {name: said[name] for name in ("activations", "scratch")} == held(step, 64)


def test_the_bill_grows_with_what_it_is_for():
    net, shape = wide()
    bills = {rule: step_of(net, SerialStep, rule).memory((64, *shape)) for rule in (SGD, Momentum, Adam)}
    size = net.theta.nbytes
    assert all(bill["parameters"] == bill["gradients"] == size for bill in bills.values())
    vectors = [bill["optimizer"] - bills[SGD]["optimizer"] for bill in bills.values()]
    assert [round(v / size) for v in vectors] == [0, 1, 2]
    assert step_of(net, threads(3)).memory((64, *shape))["gradients"] == 4 * size
    masked = Momentum(net.theta, net.grad, lr=0.1, decay=0.1, mask=net.mask("W"))
    more = SerialStep(net, SoftmaxCrossEntropy(), masked).memory((64, *shape))["optimizer"]
    assert more - bills[Momentum]["optimizer"] >= size
    graph = step_of(net, GraphStep).memory((64, *shape))
    assert graph["activations"] == bills[SGD]["activations"] + 64 * 784 * 4


def test_asking_changes_nothing():
    net, shape = normed()
    step = step_of(net, SerialStep)
    step(np.ones((4, *shape), "float32"), np.zeros(4, "int64"))
    arrays = [net.theta, net.grad, *net.buffers.values(), *step.optimizer.states.values()]
    kept = [a.copy() for a in arrays]
    step.memory((64, *shape))
    assert all((a == b).all() for a, b in zip(arrays, kept)) and len(step.plans) == 1
    assert NUMPY.running.arena is None


@pytest.mark.parametrize("make, dtype, B", [(plain, "float32", 25_000_000), (wide, "float64", 1_000_000)])
def test_asking_for_more_than_there_is_takes_no_memory(make, dtype, B):
    """40 GB of activations by the bodies, and 10 GB by the equations, told before any of them is allocated."""
    resource = pytest.importorskip("resource", reason="needs Unix, which says how much memory a process has used")
    net, shape = make(dtype)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = step_of(net, SerialStep).memory((B, *shape))
    assert sum(said.values()) > {"float32": 40e9, "float64": 10e9}[dtype]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB


def test_the_summary_tells_it():
    net, shape = lenet()
    step = step_of(net, SerialStep)
    said = repr(net.summary(shape, step=step, batch=64))
    memory = step.memory((64, *shape))
    assert f"Training with 64 at a time holds {sum(memory.values()):,} bytes" in said
    assert all(f"{name} {n:,}" for name, n in memory.items())
    assert "Training" not in repr(net.summary(shape))
    other = step_of(lenet()[0], SerialStep)
    wrong = dict(step=step, batch=0), dict(step=other, batch=4), dict(step="threads", batch=4)
    for half in (dict(step=step), dict(batch=64), *wrong):
        with pytest.raises(ValueError, match=r"memory depends on both: net\.summary\(step=\.\.\., batch=\.\.\.\)"):
            net.summary(shape, **half)


def test_a_device_is_told_without_being_asked_for_memory():
    from dlcourse.backends.fake import FAKE

    net, shape = normed()
    there = net.to(FAKE)
    mine, its = (step_of(n, SerialStep).memory((32, *shape)) for n in (net, there))
    assert its["scratch"] == 0 and its["parameters"] == mine["parameters"]
    assert abs(its["activations"] - mine["activations"]) <= 0.01 * mine["activations"]


def test_a_ghost_does_nothing_where_there_is_a_place_and_computes_the_little_else():
    ghosts = Ghosts()
    a, b = ghosts.empty((5, 4), "float32"), ghosts.empty((4, 3), "float32")
    a[...] = 7
    a += 1
    assert type(a) is Ghost and not a.any()
    out = np.ones((5, 3), "float32")
    assert np.dot(a, b, out) is out and np.matmul(a, b, out=out) is out and (out == 1).all()
    assert np.dot(a, b).shape == (5, 3) and np.dot(a, b[:, 0]).shape == (5,) and np.dot(b[:, 0], b).shape == (3,)
    assert np.vecdot(a, a).shape == (5,) and np.concatenate([a, a]).shape == (10, 4)
    assert type(np.add.reduce(a, 0)) is np.ndarray
    ghosts.take((10,), "float64"), ghosts.take((1,), "bool")
    assert ghosts.high == 128 + 64
    ghosts.restart()
    ghosts.take((1,))
    assert (ghosts.at, ghosts.high) == (64, 192)


def alive(step):
    """Bytes of all arrays that the plans of a step still hold, each once."""
    plans = [step.plans] if type(step) is SerialStep else step.members
    held = {}
    for plan in (p for one in plans for p in one.values()):
        for layer in (leaf for _, leaf in leaves(plan.layers)):
            for a in (v for v in vars(layer).values() if isinstance(v, np.ndarray)):
                while a.base is not None and isinstance(a.base, np.ndarray):
                    a = a.base
                held[id(a)] = a.nbytes
    return sum(held.values())


@pytest.mark.parametrize("kind", ["serial", "two threads"])
def test_growing_batches_hold_no_more_than_the_largest(kind):
    """Each larger batch needs larger buffers; the plans that hold the smaller ones are made anew when asked for."""
    net, shape = lenet()
    grown, at_once = (step_of(net, KINDS[kind]) for _ in range(2))
    for n in (4, 8, 16, 32, 64, 128, 8, 128):
        value = grown(np.ones((n, *shape), "float32"), np.zeros(n, "int64"))
        assert np.isfinite(value)
    for n in (128, 8):
        at_once(np.ones((n, *shape), "float32"), np.zeros(n, "int64"))
    assert alive(grown) == alive(at_once)
