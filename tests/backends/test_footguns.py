"""What goes wrong with recorded graphs: numbers, names, places. Each goes wrong first; then a step does it right.

On the fake device, which has CuPy's rules; on a GPU, the same.
"""

from __future__ import annotations

import numpy as np
import pytest
from networks import NETS, Case, between
from twins import assert_same, batch, ones, pair, run, state

from dlcourse.nn import layers as L
from dlcourse.training.graph import GraphStep
from dlcourse.training.optimizers import Adam
from dlcourse.training.steps import SerialStep

pytestmark = pytest.mark.usefixtures("one_thread")
MLP, DROPOUT = NETS["MLP"], NETS["MLP with dropout"]


# ---- numbers of Python freeze


def test_a_learning_rate_of_python_freezes_and_one_on_the_device_does_not(device):
    theta, grad, rate = ones(device), ones(device), [1.0]

    def wrong():
        theta[...] = theta - rate[0] * grad

    wrong()
    replay = device.capture(wrong)
    theta[...], rate[0] = 1, 0.0
    replay()
    assert (device.to_host(theta) == 0).all()  # a rate of 0 should have changed nothing

    plain, graph = pair(MLP, device, "SGD")
    run((plain, graph), MLP, device, range(5))
    before = device.to_host(graph.net.theta).copy()
    for step in plain, graph:
        step.optimizer.set(lr=0.0)
    run((plain, graph), MLP, device, [5])
    np.testing.assert_array_equal(device.to_host(graph.net.theta), before)
    for step in plain, graph:
        step.optimizer.set(lr=0.3)
    run((plain, graph), MLP, device, [6])
    assert (device.to_host(graph.net.theta) != before).any()
    assert_same(state(plain), state(graph), rtol=1e-6, atol=1e-7)


def test_a_counter_of_python_draws_the_same_mask_for_ever_and_that_of_the_network_does_not(device):
    drop = Case(lambda: between(L.Dropout(0.5)))
    x, step = ones(device).reshape(1, 4), [0]
    ops, y = drop.network(device).ops, device.zeros((1, 4))

    def wrong():
        step[0] += 1
        ops.dropout(x, 0.5, 7, 0, device_number, 0, y=y)

    device_number = device.asarray(np.array(0, "int64"))  # a counter that nobody moves on
    wrong()
    replay, seen = device.capture(wrong), set()
    for _ in range(8):
        replay()
        seen.add(tuple(device.to_host(y)[0] > 0))
    assert len(seen) == 1 and step[0] == 2

    plain, graph = pair(DROPOUT, device, "SGD")
    for s in plain, graph:
        s.optimizer.set(lr=0.0)  # then the losses differ by their masks alone
    x, t = batch(DROPOUT, device)
    losses = [[float(device.to_host(s(x, t))) for s in (plain, graph)] for _ in range(12)]
    np.testing.assert_allclose(*zip(*losses), rtol=1e-6)
    assert len({b for _, b in losses[3:]}) > 4 and device.to_host(graph.net.counter) == 12


def test_a_condition_of_python_is_decided_once_and_a_bad_loss_on_the_device_each_time(device):
    theta, value, bad = ones(device), ones(device)[0], [False]

    def wrong():
        if not bad[0]:
            theta[...] = theta - value

    wrong()
    replay = device.capture(wrong)
    theta[...], bad[0], value[...] = 1, True, float("nan")
    replay()
    assert np.isnan(device.to_host(theta)).all()

    _, graph = pair(MLP, device)
    run((graph,), MLP, device, range(5))
    x, t = batch(MLP, device)
    kept = device.to_host(graph.net.theta).copy()
    graph(x * float("nan"), t)
    np.testing.assert_array_equal(device.to_host(graph.net.theta), kept)


# ---- names and memory


def test_a_name_bound_anew_is_lost_and_steps_write_in_place(device):
    held = {"theta": ones(device)}
    device.to_host(held["theta"] - 1)

    def wrong():
        held["theta"] = held["theta"] - 1

    replay = device.capture(wrong)
    replay(), replay()
    assert (device.to_host(held["theta"]) == 0).all()  # one step instead of two

    _, graph = pair(MLP, device)
    arrays = {"theta": graph.net.theta, "grad": graph.net.grad, **graph.net.buffers, **graph.optimizer.state()}
    places = {name: id(a) for name, a in arrays.items()}
    run((graph,), MLP, device, range(6))
    assert graph.optimizer.theta is graph.net.theta
    now = {"theta": graph.net.theta, "grad": graph.net.grad, **graph.net.buffers, **graph.optimizer.state()}
    assert {name: id(a) for name, a in now.items()} == places


def test_the_loss_is_one_place_that_the_next_step_writes_over_and_fit_keeps_each(device):
    _, graph = pair(MLP, device)
    run((graph,), MLP, device, range(4))
    kept = [graph(*batch(MLP, device, seed)) for seed in range(4, 8)]
    assert len({float(device.to_host(value)) for value in kept}) == 1  # all four are the last one

    plain, graph = pair(MLP, device)
    run((plain, graph), MLP, device, range(4))
    expected = [float(device.to_host(plain(*batch(MLP, device, seed)))) for seed in range(4, 8)]
    values = device.zeros((4,), "float64")  # as fit does
    for i in range(4):
        values[i] = graph(*batch(MLP, device, 4 + i))
    np.testing.assert_allclose(device.to_host(values), expected, rtol=1e-6)
    copies = [graph(*batch(MLP, device, seed)).copy() for seed in range(2)]
    assert len({float(device.to_host(value)) for value in copies}) == 2


def test_the_batch_that_was_recorded_is_read_for_ever_unless_the_next_is_copied_there(device):
    x, total = ones(device), device.zeros((), "float32")

    def wrong():
        total[...] = held["x"].sum()

    held = {"x": x}
    wrong()
    replay = device.capture(wrong)
    held["x"] = x * 10
    replay()
    assert device.to_host(total) == 4  # not 40

    plain, graph = pair(MLP, device)
    losses = run((plain, graph), MLP, device, range(8))
    np.testing.assert_allclose(*zip(*losses), rtol=1e-6)
    assert len({b for _, b in losses}) == 8


# ---- what a graph belongs to


def test_a_swapped_function_is_not_seen_by_an_old_graph_and_is_recorded_anew(device):
    table, y = {"f": lambda a: a + 1}, ones(device)

    def wrong():
        y[...] = table["f"](y)

    wrong()
    replay = device.capture(wrong)
    table["f"], y[...] = (lambda a: a * 0), 1
    replay()
    assert (device.to_host(y) == 2).all()  # still the old one

    plain, graph = pair(MLP, device)
    run((plain, graph), MLP, device, range(5))
    with plain.net.swap(relu=lambda z: z * 0.5), graph.net.swap(relu=lambda z: z * 0.5):
        run((plain, graph), MLP, device, range(5, 10))
    losses = run((plain, graph), MLP, device, range(10, 15))
    np.testing.assert_allclose(*zip(*losses), rtol=1e-6)
    assert_same(state(plain), state(graph), rtol=1e-5, atol=1e-6)
    assert len(graph.recorder.graphs) == 1  # those of functions that are gone are gone


@pytest.mark.parametrize("dtype", ["uint8", "float64", "int32"])
def test_a_batch_of_another_dtype_is_cut_to_the_old_one_or_has_a_graph_of_its_own(device, dtype):
    x = device.zeros((4,), "int32")
    x[...] = device.asarray(np.array([0.5, 1.5, 2.5, 3.5], "float32"))
    assert (device.to_host(x) == [0, 1, 2, 3]).all()  # the halves are gone, and nobody was told

    plain, graph = pair(MLP, device)
    for i in range(10):
        x, t = batch(MLP, device, i)
        x = (x * 3).astype(dtype) if i % 2 else x
        t = t.astype("int32") if i % 3 == 0 else t
        np.testing.assert_allclose(device.to_host(graph(x, t)), device.to_host(plain(x, t)), rtol=1e-6)
    assert_same(state(plain), state(graph), rtol=1e-5, atol=1e-6)


def test_as_many_targets_as_examples_are_asked_for_by_replays_too(device):
    """Or one target would be copied to all rows."""
    t = device.zeros((8,), "int64")
    t[...] = device.asarray(np.array([3]))
    assert (device.to_host(t) == 3).all()

    _, graph = pair(MLP, device)
    run((graph,), MLP, device, range(5))
    x, t = batch(MLP, device)
    before = state(graph)
    with pytest.raises((ValueError, TypeError)):
        graph(x, t[:1])
    assert_same(before, state(graph))


def test_a_copy_of_theta_that_is_kept_from_now_on_is_written_by_the_graph_too(device):
    """A step in 16 bits joins a recorded one in float32: the graph did not know of the copy, so it is recorded anew."""
    case, net = MLP, MLP.network(device)
    optimizer = Adam(net.theta, net.grad, lr=0.01)
    wide = GraphStep(net, case.loss(), optimizer)
    for seed in range(5):
        wide(*batch(case, device, seed))
    SerialStep(net, case.loss(), optimizer, precision="fp16")
    for seed in range(5):
        wide(*batch(case, device, seed))
    expected = device.to_host(net.theta).astype("float16")
    np.testing.assert_array_equal(device.to_host(optimizer.copy), expected)
