"""The fake device as a test wants it: nothing compiled yet, told to refuse, or running the kernels' own text."""

from __future__ import annotations

import hostcuda
import pytest
from threadpoolctl import threadpool_limits

from dlcourse.backends.fake import FAKE, REFUSES, SWALLOWS, xp


@pytest.fixture
def one_thread():
    """Products this small: threads of BLAS would only wait for each other."""
    with threadpool_limits(1, "blas"):
        yield


@pytest.fixture
def unsure(monkeypatch):
    """FAKE with nothing compiled, tried or refused yet; what a test makes it refuse is forgotten afterwards."""
    monkeypatch.setattr(FAKE, "compiled", {})
    monkeypatch.setattr(FAKE, "ready", {})
    monkeypatch.setattr(FAKE, "refused", {})
    monkeypatch.setattr(FAKE, "tried", set())
    yield FAKE
    REFUSES.clear()
    SWALLOWS.clear()


@pytest.fixture(params=["meaning", "source"])
def kernels(request, unsure, monkeypatch):
    """The fake device with what the kernels mean, and with their own text run on the CPU."""
    if request.param == "source":
        if hostcuda.WHY_NOT:
            pytest.skip(hostcuda.WHY_NOT)
        monkeypatch.setattr(xp, "RawKernel", hostcuda.HostKernel)
    return unsure
