"""Blocks and threads are about speed alone: whatever their size and number, a step computes the same, to rounding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_steps import NETS, RULES

from dlcourse.backends import NUMPY, numpy_conv, numpy_norm, numpy_pool
from dlcourse.nn.functional import dropout
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.training.steps import SerialStep, ThreadStep

ROUNDING = 2e-5  # docs/decisions.md 24: of the largest number in the gradient
CACHED = numpy_conv, numpy_norm, numpy_pool


@pytest.fixture
def blocks():
    """Set the numbers in a block of each operation that works in blocks, and of the optimizer; as before afterwards."""
    before = [module.CACHE for module in CACHED], NUMPY.chunk

    def set_to(conv, norm, pool, chunk):
        for module, size in zip(CACHED, (conv, norm, pool)):
            module.CACHE = size
        NUMPY.chunk = chunk

    yield set_to
    set_to(*before[0], before[1])


def one_step(make, x, t, threads, rule):
    """Loss, gradient, θ and buffers after one step; threads 0: no team."""
    net = make()
    optimizer = rule(net.theta, net.grad, clip=0.5, decay=0.01)
    step = ThreadStep(net, SoftmaxCrossEntropy(), optimizer, threads=threads) if threads else None
    value = (step or SerialStep(net, SoftmaxCrossEntropy(), optimizer))(x, t)
    return value, net.grad, net.theta, np.concatenate([np.ravel(b) for b in net.buffers.values()])


sizes = st.integers(0, 14).map(lambda k: 2**k) | st.integers(1, 3000)


def test_any_block_size_and_number_of_threads_gives_the_same_step(blocks):
    usual = (*(module.CACHE for module in CACHED), NUMPY.chunk)

    @settings(max_examples=80)
    @given(st.sampled_from(NETS), st.tuples(*[sizes] * 4), st.integers(0, 5), st.integers(1, 19), st.integers(0, 999))
    def check(case, chosen, threads, B, seed):
        (make, shape), rng = case, np.random.default_rng(seed)
        x, t = rng.standard_normal((B, *shape), "float32"), rng.integers(0, 3, B)
        blocks(*usual)
        value, grad, theta, kept = one_step(make, x, t, 0, RULES[0])
        blocks(*chosen)
        also = one_step(make, x, t, threads, RULES[0])
        np.testing.assert_allclose(also[0], value, rtol=ROUNDING)
        np.testing.assert_allclose(also[1], grad, rtol=0, atol=ROUNDING * np.abs(grad).max())
        np.testing.assert_allclose(also[2], theta, rtol=ROUNDING, atol=ROUNDING)
        np.testing.assert_allclose(also[3], kept, rtol=ROUNDING, atol=ROUNDING)

    check()


@pytest.mark.parametrize("rule", RULES)
def test_an_optimizers_blocks_change_no_bit(rule, blocks):
    """Each number of θ has its own sum: how they are grouped cannot matter (without clipping, which sums over all)."""
    found = set()
    rng = np.random.default_rng(3)
    start, slope = rng.standard_normal((2, 5000), "float32")
    for chunk in (1 << 15, 4096, 1000, 77, 1):
        blocks(*(module.CACHE for module in CACHED), chunk)
        theta, grad = start[: 5000 if chunk > 1 else 300].copy(), slope[: 5000 if chunk > 1 else 300].copy()
        optimizer = rule(theta, grad, decay=0.01)
        for _ in range(3):
            optimizer.step()
        found.add(theta[:300].tobytes())
        assert len(optimizer.blocks) == -(-len(theta) // min(chunk, len(theta)))
    assert len(found) == 1


def test_dropouts_blocks_change_no_bit(blocks):
    x, masks = np.ones((12, 5, 4, 3), "float32"), set()
    for chunk in (1 << 15, 100, 1):
        blocks(*(module.CACHE for module in CACHED), chunk)
        masks.add(dropout(x, 0.3, 7, 2, np.array(5), 11)[1].tobytes())
    assert len(masks) == 1
