"""What goes wrong while a graph is recorded, and with memory that it still uses: first wrong, then as it is here."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from networks import NETS
from twins import assert_same, batch, ones, run, state

from dlcourse.backends import get_backend
from dlcourse.backends.fake import DEVICE, FAKE, FakeArray, xp
from dlcourse.training.graph import GraphStep
from dlcourse.training.optimizers import SGD

pytestmark = pytest.mark.usefixtures("one_thread")
MLP = NETS["MLP"]


class Lent(FakeArray):
    """An array whose end can be noticed."""

    __slots__ = ("__weakref__",)


class Shared:
    """A pool that hands out again what was given back: what CuPy's does, for the arrays of xp.empty on the fake."""

    def __init__(self):
        self.free, self.users = [], []

    def empty(self, shape, dtype="float32"):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        block = next((b for b in self.free if len(b) == size), None)
        if block is None:
            block = bytearray(size)
        else:
            self.free.remove(block)
        a = Lent(np.frombuffer(block, dtype).reshape(shape))
        weakref.finalize(a, self.free.append, block)
        return a


@pytest.fixture
def reuse(monkeypatch):
    """The fake device with memory that is handed out again: which pool it comes from is what using_allocator says."""
    everybody, current = Shared(), []

    class Private(xp.cuda.MemoryPool):
        def __init__(self):
            super().__init__()
            self.shared = Shared()

    class using:
        def __init__(self, malloc):
            self.pool = malloc.__self__

        def __enter__(self):
            current.append(self.pool.shared)

        def __exit__(self, *error):
            current.pop()

    monkeypatch.setattr(xp.cuda, "MemoryPool", Private)
    monkeypatch.setattr(xp.cuda, "using_allocator", using)
    monkeypatch.setattr(
        FAKE, "scratch", lambda shape, dtype="float32": (current or [everybody])[-1].empty(shape, dtype)
    )
    return FAKE


def capture_without_a_pool(device, step):
    """What device.capture does, except for the private pool."""
    stream = device.xp.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        step()
        graph = stream.end_capture()
    return graph.launch


@pytest.mark.parametrize("private", [False, True])
def test_memory_of_freed_temporaries_is_handed_to_others_unless_the_graph_has_a_pool_of_its_own(reuse, private):
    overwrites_what_others_keep(FAKE, private)


@pytest.mark.gpu
@pytest.mark.parametrize("private", [False, True])
def test_on_a_gpu_too(private):
    overwrites_what_others_keep(get_backend("cupy"), private)


def overwrites_what_others_keep(device, private):
    x, y = ones(device), ones(device)

    def step():
        between = device.scratch((4,))
        between[...] = x + 41
        y[...] = between * 2

    step()
    replay = device.capture(step) if private else capture_without_a_pool(device, step)
    others = [device.scratch((4,)) for _ in range(8)]
    for a in others:
        a[...] = 7
    replay()
    assert (device.to_host(y) == 84).all()
    assert all((device.to_host(a) == 7).all() for a in others) == private


# ---- in the middle of it


def test_a_collector_in_the_middle_would_free_memory_so_it_rests(device):
    def collected_in(record):
        seen = []
        gc.callbacks.append(note := lambda phase, info: seen.append(phase))
        try:
            record(lambda: [[[]] for _ in range(200_000)])
        finally:
            gc.callbacks.remove(note)
        return seen

    assert collected_in(lambda step: capture_without_a_pool(device, step))
    before = gc.isenabled()
    assert not collected_in(device.capture) and gc.isenabled() == before


def test_an_exception_in_the_middle_leaves_a_stream_that_records_unless_somebody_ends_it(device):
    x = ones(device)

    def broken():
        x[...] += 1
        raise ZeroDivisionError("in the middle")

    if device is FAKE:
        with pytest.raises(ZeroDivisionError):
            capture_without_a_pool(device, broken)
        with pytest.raises(RuntimeError, match="capturing"):
            device.to_host(x)
        DEVICE.graph = None
    with pytest.raises(ZeroDivisionError):
        device.capture(broken)
    assert (device.to_host(x) == 1).all()

    net = MLP.network(device)
    graph, failing = GraphStep(net, MLP.loss(), SGD(net.theta, net.grad, lr=0.1), capture=True), [False]

    def relu(z):
        if failing[0]:
            raise ZeroDivisionError("in the middle")
        return device.xp.maximum(z, 0)

    with net.swap(relu=relu):
        run((graph,), MLP, device, range(3))
        before, failing[0] = state(graph), True
        with pytest.raises(RuntimeError, match=r"batches \(8, 6\) cannot be recorded: in the middle"):
            graph(*batch(MLP, device, 3))
        assert_same(before, state(graph))
        failing[0] = False
        run((graph,), MLP, device, [3])
        assert len(graph.recorder.graphs) == 1
