"""Inference: the same numbers as forward, in memory of its own, for any block and any number of threads."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_network import cnn, mlp, normal

from dlcourse.backends.team import Blas


@given(n=st.integers(1, 40), block=st.integers(1, 50))
def test_predict_equals_forward_for_any_block(n, block):
    net, x = PREDICTORS[0], np.random.default_rng(n).standard_normal((n, 8, 8, 2), "float32")
    right = net.forward(x)
    np.testing.assert_allclose(net.predict(x, block=block), right, rtol=1e-5, atol=1e-6)
    assert net.predict(x, block=block).shape == right.shape


PREDICTORS = [cnn()]
PREDICTORS[0].forward(normal(32, 8, 8, 2), train=True)


def test_predict_uses_running_statistics_and_no_dropout():
    net = PREDICTORS[0]
    x, buffers = normal(8, 8, 8, 2), {k: v.copy() for k, v in net.buffers.items()}
    np.testing.assert_array_equal(net.predict(x), net.predict(x))
    assert np.abs(net.predict(x) - net.forward(x, train=True)).max() > 0.01
    net.buffers["1.running_mean"] = buffers["1.running_mean"]
    net.buffers["1.running_var"] = buffers["1.running_var"]
    net.predict(100 * x)
    for name, before in buffers.items():
        np.testing.assert_array_equal(net.buffers[name], before)


def test_what_predict_gave_stays_true_and_the_networks_own_layers_stay_as_they_were():
    net, x = mlp(), normal(7, 5)
    net.forward(x)
    seen = net.layers[0].x
    first = net.predict(x)
    kept = first.copy()
    net.predict(normal(7, 5))
    np.testing.assert_array_equal(first, kept)
    assert net.layers[0].x is seen
    net.theta *= 2
    assert not np.allclose(net.predict(x), kept), "what was learned meanwhile counts"
    with net.swap(relu=lambda z: np.maximum(z, 0) + 1):
        assert not np.allclose(net.predict(x), net.forward(x) - 1)
        np.testing.assert_allclose(net.predict(x), net.forward(x), rtol=1e-5)
    np.testing.assert_allclose(net.predict(x), net.forward(x), rtol=1e-5)


@pytest.mark.parametrize("n", [63, 64, 130, 257])
def test_blocks_dealt_out_among_threads_are_put_together_again(n, monkeypatch):
    net, x = PREDICTORS[0], normal(n, 8, 8, 2)
    monkeypatch.setattr("dlcourse.nn.predict.CUT", 0)
    monkeypatch.setattr("dlcourse.nn.predict.threads_here", lambda: 3)
    before = [library.num_threads for library in Blas().libraries]
    net.predictor.clear()
    found = net.predict(x)
    assert net.predictor[next(iter(net.predictor))].team is not None or n <= 64
    np.testing.assert_allclose(found, net.forward(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(net.predict(x), found)
    assert [library.num_threads for library in Blas().libraries] == before
    net.predictor.clear()


def test_predict_allocates_nothing_but_its_answer_and_forgets_old_shapes():
    net, x = cnn(), normal(1024, 8, 8, 2)  # a layer's output takes 0.8 MB
    net.predict(x, block=1024)
    net.predict(x, block=1024)
    tracemalloc.start()
    y = net.predict(x, block=1024)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < y.nbytes + 100_000  # NumPy's buffers for casting
    for n in range(1, 60):
        net.predict(x[:n])
    assert len(net.predictor) <= 16


def test_two_threads_may_predict_at_once():
    net, xs = cnn(), [normal(40, 8, 8, 2) for _ in range(4)]
    right = [net.forward(x) for x in xs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for y, wanted in zip(pool.map(net.predict, xs), right):
                np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)


def test_predict_names_the_shape_that_was_handed_over():
    with pytest.raises(ValueError, match=r"got \(360, 7\)"):
        mlp().predict(normal(360, 7))


@pytest.mark.parametrize("block", [0, -1])
def test_predict_refuses_blocks_of_nothing(block):
    with pytest.raises(ValueError, match="block"):
        mlp().predict(normal(9, 5), block=block)


def test_growing_batches_hold_no_more_than_the_largest():
    net = mlp()
    for n in (1, 2, 4, 8, 300, 4):
        net.predict(normal(n, 5))
    assert sorted(batch.shape[0] for batch in net.predictor.values()) == [4, 300]
