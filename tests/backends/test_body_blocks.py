"""Bodies that work in blocks give their equation for any size of block, down to one number."""

from __future__ import annotations

import numpy as np
import pytest
from body_cases import BODIES, EQUATIONS, agree, example
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcourse.backends import NUMPY, numpy_conv, numpy_norm, numpy_pool
from dlcourse.backends.numpy_scratch import running

BLOCKED = [(body.__name__, module) for module in (numpy_conv, numpy_norm, numpy_pool) for body in module.BODIES]


@pytest.mark.parametrize("name, module", BLOCKED, ids=[name for name, _ in BLOCKED])
def test_any_block_size_gives_the_equation(name, module, monkeypatch):
    """Shapes, strides, batch 1, odd sizes as body_cases draws them; with a plan's memory, used twice."""

    @settings(max_examples=100)
    @given(st.data(), st.integers(0, 13).map(lambda k: 2**k) | st.integers(1, 3000))
    def check(data, size):
        monkeypatch.setattr(module, "CACHE", size)
        drawn = example(name, data)
        for _ in range(2):
            running.arena.restart()
            agree(BODIES[name], EQUATIONS[name], *drawn)

    running.arena = NUMPY.arena()
    try:
        check()
    finally:
        running.arena = None


@pytest.mark.parametrize("memory", ["arena", "no arena"])
def test_few_images_are_multiplied_by_kernel_rows_to_the_same_end(memory, monkeypatch):
    """As for one image of many channels, but for all that body_cases draws (strides but 1 go the other way)."""
    monkeypatch.setattr(numpy_conv, "FEW", 1 << 30)
    monkeypatch.setattr(numpy_conv, "DEEP", 1)
    went = []
    one_way = numpy_conv._by_kernel_rows
    monkeypatch.setattr(numpy_conv, "_by_kernel_rows", lambda *args: went.append(1) or one_way(*args))

    @settings(max_examples=200)
    @given(st.data())
    def check(data):
        drawn = example("conv2d", data)
        for _ in range(2):
            if running.arena:
                running.arena.restart()
            agree(BODIES["conv2d"], EQUATIONS["conv2d"], *drawn)

    running.arena = NUMPY.arena() if memory == "arena" else None
    try:
        check()
    finally:
        running.arena = None
    assert len(went) > 100


@pytest.mark.parametrize("B, C, Y, kernel, padding", [(1, 16, 14, 3, 1), (2, 20, 12, 5, 0), (1, 64, 7, 3, 1)])
def test_few_images_of_many_channels_by_themselves(B, C, Y, kernel, padding):
    rng = np.random.default_rng(0)
    x, W, b = rng.normal(size=(B, Y, Y, C)), rng.normal(size=(kernel, kernel, C, 24)), rng.normal(size=24)
    x, W, b = (a.astype("float32") for a in (x, W, b))
    for bias in (b, False):
        z, right = (f["conv2d"](x, W, bias, padding=padding) for f in (BODIES, EQUATIONS))
        np.testing.assert_allclose(z, right, atol=1e-4)
