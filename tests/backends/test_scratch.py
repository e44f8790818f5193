"""The arena: memory for the length of one call, given out from front to back."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlcourse.backends import NUMPY
from dlcourse.backends import numpy_scratch as scratch_module
from dlcourse.backends.numpy_scratch import Arena, mark, release, running
from dlcourse.nn.layers import Conv2D, Dense, Flatten, ReLU
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.optimizers import Adam
from dlcourse.training.steps import SerialStep

shapes = st.lists(st.tuples(st.lists(st.integers(0, 6), max_size=4).map(tuple), st.sampled_from("f4 f8 ? i8".split())))


def address(a: np.ndarray) -> int:
    return a.__array_interface__["data"][0]


@pytest.fixture
def arena():
    running.arena = NUMPY.arena()
    yield running.arena
    running.arena = None


@given(shapes)
def test_pieces_are_apart_aligned_and_of_the_shape_asked_for(wanted):
    arena = Arena()
    for _ in range(3):  # at first each is an array of its own, later all lie in the arena
        arena.restart()
        pieces = [arena.take(shape, dtype) for shape, dtype in wanted]
        for i, piece in enumerate(pieces):
            assert (piece.shape, piece.dtype) == (wanted[i][0], np.dtype(wanted[i][1]))
            assert piece.flags.c_contiguous and piece.flags.writeable
            assert piece.size == 0 or address(piece) % 64 == 0
            piece[...] = i % 2 if piece.dtype == bool else i
        for i, piece in enumerate(pieces):
            assert (piece == (i % 2 if piece.dtype == bool else i)).all()
    assert all(np.shares_memory(piece, arena.memory) for piece in pieces if piece.size)


def test_it_grows_to_the_largest_round_and_never_shrinks():
    arena = Arena()
    assert arena.nbytes == 0
    first = arena.take((100,))
    first[...] = 1
    arena.take((50,), "float64")
    arena.restart()
    assert arena.nbytes == 448 + 448  # 400 bytes each, up to the next cache line
    arena.take((10,))
    arena.take((1000,))
    assert (first == 1).all()  # a piece that did not fit stays its holder's own
    arena.restart()
    assert arena.nbytes == 64 + 4032
    for _ in range(2):
        arena.take((1,))
        arena.restart()
        assert arena.nbytes == 64 + 4032


def test_the_same_request_gets_the_same_view_and_costs_no_memory():
    arena = Arena()

    def a_round():
        arena.restart()
        return arena.take((300, 40)), arena.take((70,), "bool"), arena.take((300, 40))

    a_round(), a_round()
    before = a_round()
    tracemalloc.start()
    after = a_round()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert all(a is b for a, b in zip(before, after)) and before[0] is not before[2]
    assert peak < 1000


def test_two_dtypes_at_one_place_are_two_views():
    arena = Arena()
    arena.take((8,))
    arena.restart()
    a = arena.take((8,), "float32")
    arena.restart()
    b = arena.take((8,), "int32")
    assert a.dtype == "float32" and b.dtype == "int32" and np.shares_memory(a, b)


def test_the_number_of_remembered_views_is_bounded(monkeypatch):
    monkeypatch.setattr(scratch_module, "VIEWS", 10)
    arena = Arena()
    arena.take((100,))
    for n in range(100):
        arena.restart()
        arena.take((n,))
    assert len(arena.views) <= 10


def test_release_gives_back_what_was_taken_since_mark(arena):
    NUMPY.scratch((64,))
    NUMPY.scratch((64,))
    arena.restart()
    kept = NUMPY.scratch((16,))
    place = mark()
    given_back = NUMPY.scratch((32,))
    release(place)
    again = NUMPY.scratch((16,))
    assert address(again) == address(given_back) and not np.shares_memory(kept, again)


def test_without_an_arena_every_request_is_a_new_array():
    assert running.arena is None and mark() is None
    release(mark())
    a, b = NUMPY.scratch((4, 5)), NUMPY.scratch((4, 5), "bool")
    assert a.shape == b.shape == (4, 5) and not np.shares_memory(a, b) and b.dtype == bool


def test_each_thread_has_its_own_running_arena(arena):
    seen = []

    def other():
        seen.append(running.arena)
        running.arena = NUMPY.arena()
        seen.append(NUMPY.scratch((1000,)))
        running.arena.restart()
        seen.append(running.arena.nbytes)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen[0] is None and seen[2] == 4032
    assert running.arena is arena and arena.high == 0


@pytest.mark.parametrize("shape", [(5, 4, 3, 2), (5, 4), (1, 4, 3, 2), (5, 1, 1, 1), (7,), ()])
@pytest.mark.parametrize("last", [True, False])
def test_scratch_like_has_the_same_order_in_memory(shape, last, arena):
    a = NUMPY.layout(np.empty(int(np.prod(shape)), "float32"), shape, True) if last else np.empty(shape, "float32")
    for dtype in (None, "bool", "float64"):
        like = NUMPY.scratch_like(a, dtype)
        assert like.shape == a.shape and like.dtype == (dtype or a.dtype)
        wide = [i for i, n in enumerate(shape) if n > 1]
        assert [like.strides[i] // like.itemsize for i in wide] == [a.strides[i] // a.itemsize for i in wide]


def test_images_lie_with_the_batch_axis_last_and_rows_only_if_they_come_from_images():
    images = NUMPY.empty((5, 4, 3, 2))
    assert images.shape == (5, 4, 3, 2) and images.transpose(1, 3, 2, 0).flags.c_contiguous
    flat = np.arange(20.0)
    assert NUMPY.layout(flat, (5, 4)).flags.c_contiguous
    assert NUMPY.layout(flat, (5, 4), last=True).T.flags.c_contiguous
    assert np.shares_memory(NUMPY.layout(flat, (5, 4), last=True), flat)


def test_matmul_writes_into_any_order_in_memory():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((5, 4)), rng.standard_normal((4, 3))
    for out in (None, np.empty((5, 3)), np.empty((3, 5)).T, np.empty((5, 6))[:, ::2]):
        product = NUMPY.matmul(a, b, out=out)
        assert out is None or product is out
        np.testing.assert_allclose(product, np.einsum("ij,jk->ik", a, b))
    stack = rng.standard_normal((2, 4, 3))
    np.testing.assert_allclose(
        NUMPY.matmul(np.stack([a, a]), stack), np.einsum("nij,njk->nik", np.stack([a, a]), stack)
    )


def test_what_a_step_writes_starts_on_a_line():
    """Vector instructions that reach over two lines of the cache take twice as long."""
    net = Network(Conv2D(1, 3, 3), ReLU(), Flatten(), Dense(75, 5))
    step = SerialStep(net, SoftmaxCrossEntropy(), Adam(net.theta, net.grad))
    step(np.zeros((3, 7, 7, 1), "float32"), np.zeros(3, "int64"))
    held = [*step.plans.space.buffers.values(), step.optimizer.tmp, *step.optimizer.states.values(), net.theta]
    assert len(held) > 8 and all(address(a) % 64 == 0 for a in held)
