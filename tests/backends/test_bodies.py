"""Every fast body of NumPy against its equation in float64: any shape, order in memory, buffer."""

from __future__ import annotations

import numpy as np
import pytest
from body_cases import BODIES, EQUATIONS, agree, example, listed
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcourse.backends import NUMPY
from dlcourse.backends.numpy_scratch import running


@pytest.fixture(params=["arena", "no arena"])
def arena(request):
    """The bodies run with a plan's memory, and without."""
    running.arena = NUMPY.arena() if request.param == "arena" else None
    yield running.arena
    running.arena = None


@pytest.mark.parametrize("name", BODIES)
def test_body_is_its_equation(name, arena):
    @settings(max_examples=200)
    @given(st.data())
    def check(data):
        example_args = example(name, data)
        for _ in range(2 if arena else 1):  # the second time, nothing is new any more
            if arena:
                arena.restart()
            agree(BODIES[name], EQUATIONS[name], *example_args)

    check()


@pytest.mark.parametrize("name", BODIES)
def test_a_wrong_body_is_caught(name):
    """One number of the last output is off by a hundredth of the largest: the comparison must see it."""

    def wrong(*args, **keywords):
        result = BODIES[name](*args, **keywords)
        last = [r for r in listed(result) if isinstance(r, np.ndarray) and r.size][-1]
        last[(0,) * last.ndim] += 0.01 * max(np.abs(last).max(), 0.1)
        return result

    @settings(max_examples=10)
    @given(st.data())
    def check(data):
        args, options, buffers = example(name, data)
        if all(b is False for b in buffers.values()) and buffers:
            return
        with pytest.raises(AssertionError):
            agree(wrong, EQUATIONS[name], args, options, buffers)

    check()
