"""Bodies that work in blocks give their equation for any size of block, down to one number."""

from __future__ import annotations

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
