"""What every test shares: a work folder of its own, the backends, and a header that says which tests need a GPU."""

from __future__ import annotations

import os

import hypothesis
import pytest

from dlcourse.backends import get_backend

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True, scope="session")
def work_folder(tmp_path_factory):
    """No test ever writes into a learner's work folder."""
    folder = tmp_path_factory.mktemp("dlcourse-work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLCOURSE_WORK", str(folder))
        yield folder


def a_backend(name: str):
    if name == "fake":
        from dlcourse.backends.fake import FAKE

        return FAKE
    try:
        return get_backend(name)
    except Exception as why:
        pytest.skip(f"needs a GPU: {why}")


@pytest.fixture(params=["numpy", "fake", pytest.param("cupy", marks=pytest.mark.gpu)])
def backend(request):
    """NumPy, the fake device, and CuPy where there is a GPU."""
    return a_backend(request.param)
