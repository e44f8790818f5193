"""Feed: the batches of the host on a device, same bits, same order; and what a pinned buffer must not suffer."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dlcourse.backends import NUMPY, to_host
from dlcourse.backends import input as source
from dlcourse.backends.fake import DEVICE, FAKE, REFUSES, xp
from dlcourse.backends.fake_memory import LOST, POOL
from dlcourse.data import Batches, Feed
from dlcourse.hardware.memory import simulate_memory
from dlcourse.nn.layers import Dense
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import SGD

sys.path.append(str(Path(__file__).parents[1] / "backends"))
import hostcuda  # noqa: E402

RNG = np.random.default_rng(5)
BYTES = RNG.integers(0, 256, (53, 4, 3), dtype="uint8")
DATA = {
    "pictures": BYTES / np.float32(255),
    "digits": BYTES % 17 / np.float32(16),
    "whole numbers": BYTES.astype("float32"),
    "bytes": BYTES,
    "any": RNG.standard_normal((53, 4, 3)).astype("float32"),
    "doubles": RNG.standard_normal((53, 7)),
    "gaps": (BYTES / np.float32(255))[:, ::2],
}
T = RNG.integers(0, 10, 53)


@pytest.fixture(autouse=True)
def forgotten():
    """What an earlier test gave back too early."""
    LOST.clear()


def both(name, backend, t=T, **options):
    order = {k: options.pop(k) for k in ("shuffle", "key") if k in options}
    batches = Batches(DATA[name], t, 8, **order)
    return batches, Feed(batches, backend, **options)


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("name", DATA)
def test_same_order_same_bits(backend, name, shuffle, resident):
    batches, feed = both(name, backend, shuffle=shuffle, key=3, resident=resident)
    assert len(feed) == len(batches)
    for e, start in (0, 0), (1, 0), (2, 3), (2, 7):
        here, there = list(batches.epoch(e, start)), 0
        for x, t in feed.epoch(e, start):
            for mine, expected in zip((x, t), here[there]):
                assert type(mine) is type(backend.zeros((1,)))
                assert mine.dtype == expected.dtype and to_host(mine).tobytes() == expected.tobytes()
            there += 1
        assert there == len(here)


def test_a_batch_of_the_whole_and_soft_targets(device):
    soft = RNG.random((53, 2)).astype("float32")
    for resident in True, False:
        feed = Feed(Batches(DATA["any"], soft, 99), device, resident=resident)
        [(x, t)] = feed
        order = Batches(DATA["any"], soft, 99).order(0)
        assert to_host(x).tobytes() == DATA["any"][order].tobytes() and to_host(t).tobytes() == soft[order].tobytes()


@pytest.mark.parametrize("name, how, scale", [("pictures", "bytes", 255), ("digits", "bytes", 16),
    ("any", "resident", 0), ("whole numbers", "bytes", 1), ("bytes", "bytes", 0),
    ("doubles", "resident", 0)])  # fmt: skip
def test_what_fits_stays_as_bytes_where_that_loses_nothing(name, how, scale):
    _, feed = both(name, FAKE)
    assert (feed.how, feed.scale) == (how, scale)
    assert feed.data[0].nbytes == DATA[name].size * {"bytes": 1, "resident": DATA[name].itemsize}[how]
    assert how in repr(feed) and "53 examples" in repr(feed)


@pytest.mark.parametrize("bad", [np.nan, -0.0, -1, 256, 0.1, np.inf])
def test_one_number_that_is_no_byte_is_enough(bad):
    x = BYTES.astype("float32")
    assert source.packed(x)[1] == 1
    x[52, 3, 2] = bad
    assert source.packed(x) is None or bad in (0.1,)


def test_packing_looks_at_all_of_it_in_pieces(monkeypatch):
    monkeypatch.setattr(source, "AT_ONCE", 30)
    u, scale = source.packed(DATA["pictures"])
    assert scale == 255 and (u == BYTES).all()


@pytest.mark.parametrize("room, how", [(5, "bytes"), (3, "pinned")])
def test_it_stays_where_it_takes_a_quarter_of_what_is_free(room, how):
    size = BYTES.nbytes + T.nbytes
    batches = Batches(DATA["pictures"], T, 8)
    with simulate_memory(POOL.used + room * size):
        assert Feed(batches, FAKE).how == how


@pytest.mark.parametrize("data", ["host", "device"])
def test_where_the_data_is_already_nothing_is_done(data):
    be = NUMPY if data == "host" else FAKE
    x, t = be.asarray(DATA["any"]), be.asarray(T)
    batches = Batches(x, t, 8, shuffle=False)
    feed = Feed(batches, be)
    assert feed.how == "as it is"
    if data == "host":
        assert all(np.shares_memory(a, DATA["any"]) for a, _ in feed)


@pytest.mark.parametrize("shuffle, copies", [(True, 1), (False, 0)])
def test_resident_data_is_copied_once_and_then_only_its_order(shuffle, copies):
    _, feed = both("pictures", FAKE, shuffle=shuffle)
    for e in range(3):
        with DEVICE.watch() as seen:
            for _ in feed.epoch(e):
                pass
        assert (seen.copies, seen.syncs) == (copies, 0), seen.log
        assert seen.log.count("launches gather_bytes") == len(feed)
        assert seen.launches <= 2 * len(feed) + 1


def test_pinned_batches_are_two_copies_each_and_no_waiting():
    _, feed = both("pictures", FAKE, resident=False)
    with DEVICE.watch() as seen:
        for _ in feed.epoch(0):
            pass
    assert (seen.copies, seen.syncs, seen.launches) == (2 * len(feed), 0, 0)


def test_the_next_batch_is_on_its_way_while_this_one_is_computed():
    _, feed = both("any", FAKE, resident=False)
    stream = feed.upload.stream
    waiting = [len(stream.waiting) for _ in feed.epoch(0)]
    assert waiting == [2] * (len(feed) - 1) + [0]  # x and t of the next one


def test_an_epoch_that_is_left_early_disturbs_no_other():
    batches, feed = both("any", FAKE, resident=False)
    for left in (1, 2, 3):
        for (x, _), _ in zip(feed.epoch(0), range(left)):
            x + 1  # noqa: B018
        for (x, _), (expected, _) in zip(feed.epoch(1), batches.epoch(1)):
            assert x.get().tobytes() == expected.tobytes()


def test_a_device_that_refuses_the_kernel_takes_the_equation(monkeypatch):
    monkeypatch.setattr(FAKE, "compiled", {})
    monkeypatch.setattr(FAKE, "refused", {})
    REFUSES.add("gather_bytes")
    try:
        batches, feed = both("pictures", FAKE)
        for (x, _), (expected, _) in zip(feed, batches):
            assert x.get().tobytes() == expected.tobytes()
        assert "plain: gather_bytes" in FAKE.report()
    finally:
        REFUSES.clear()


@pytest.mark.skipif(bool(hostcuda.WHY_NOT), reason=hostcuda.WHY_NOT)
@pytest.mark.parametrize("scale", source.SCALES)
def test_the_kernels_own_text_divides_as_numpy_does(monkeypatch, scale):
    monkeypatch.setattr(FAKE, "compiled", {})
    monkeypatch.setattr(xp, "RawKernel", hostcuda.HostKernel)
    x = np.arange(256, dtype="uint8")[:, None]
    order = RNG.permutation(256)
    y = source.gather(FAKE, FAKE.asarray(x), FAKE.asarray(order), scale)
    assert "gather_bytes" not in FAKE.refused
    assert y.get().tobytes() == (x[order] / np.float32(scale)).tobytes()


# ---- in training


def trained(feed_of, backend):
    net = Network(Dense(12, 10), key=1, backend=backend)
    loss, opt = SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1)
    batches = Batches(DATA["pictures"].reshape(53, 12), T, 8, key=2)
    return fit(net, loss, opt, feed_of(batches), epochs=4), to_host(net.theta)


@pytest.mark.filterwarnings("ignore:CuPy cannot record:RuntimeWarning")
@pytest.mark.parametrize("resident", [True, False])
def test_training_sees_no_difference(device, resident):
    def moved(b):
        return Batches(device.asarray(b.x), device.asarray(b.t), b.size, key=b.key)

    history, theta = trained(moved, device)
    fed, other = trained(lambda b: Feed(b, device, resident=resident), device)
    if device is FAKE:
        assert fed.batch_losses == history.batch_losses and (theta == other).all()
    np.testing.assert_allclose(other, theta, rtol=1e-5, atol=1e-6)


# ---- several epochs on their way


class Peek:
    """A hook that looks at the first batch in the middle of an epoch."""

    def on_batch(self, run):
        x, _ = next(iter(run.batches))
        x + 1  # noqa: B018


@pytest.mark.parametrize("resident", [True, False])
def test_a_hook_that_looks_at_a_batch_changes_nothing(resident):
    ends = []
    for hooks in [], [Peek()]:
        net = Network(Dense(12, 10), key=1, backend=FAKE)
        feed = Feed(Batches(DATA["any"].reshape(53, 12), T, 8, key=2), FAKE, resident=resident)
        opt = SGD(net.theta, net.grad, lr=0.1)
        ends.append(fit(net, SoftmaxCrossEntropy(), opt, feed, epochs=2, hooks=hooks).batch_losses)
    assert ends[0] == ends[1]


def test_epochs_that_take_turns_have_their_own_batches(device):
    batches, feed = both("any", device, resident=False)
    for (x, _), (y, _), (first, _), (second, _) in zip(
        feed.epoch(0), feed.epoch(1), batches.epoch(0), batches.epoch(1), strict=True
    ):
        x + y  # noqa: B018
        assert to_host(x).tobytes() == first.tobytes() and to_host(y).tobytes() == second.tobytes()


def test_epochs_that_are_left_take_no_more_memory_and_give_the_right_batches():
    batches, feed = both("any", FAKE, resident=False)
    used = POOL.used
    for e in range(3):
        x, t = next(feed.epoch(e))
        for mine, theirs in zip((x, t), next(batches.epoch(e))):
            assert to_host(mine).tobytes() == theirs.tobytes()
        del x, t, mine
        assert POOL.used == used


@pytest.mark.parametrize("waits", [True, False])
def test_a_feed_that_is_dropped_in_an_epoch_gives_no_memory_back_before_its_copy_has_ended(monkeypatch, waits):
    if not waits:
        monkeypatch.setattr(source.Slot, "__del__", lambda self: None)
    _, feed = both("any", FAKE, resident=False)
    left = feed.epoch(0)
    next(left)
    assert feed.upload.stream.waiting, "the next batch is on its way"
    del left, feed
    again = both("any", FAKE, resident=False)[1].epoch(0)
    if waits:
        assert len(list(again)) == 7
    else:
        with pytest.raises(RuntimeError, match="given back before a copy from or to it had ended"):
            next(again)


def test_whole_epochs_use_the_same_two_slots():
    _, feed = both("any", FAKE, resident=False)
    slots, used = list(feed.upload.slots), POOL.used
    for e in range(3):
        for _ in feed.epoch(e):
            assert POOL.used == used
    assert feed.upload.slots == slots


# ---- what the fake device catches


@pytest.fixture
def upload():
    return source.Upload(FAKE, (DATA["any"], T), 8)


def test_a_pinned_buffer_that_is_overwritten_before_its_copy_has_ended_is_caught(upload, monkeypatch):
    slot = upload.slots[0]
    upload.send(slot, slice(0, 8))
    monkeypatch.setattr(type(slot.copied), "synchronize", lambda self: None)  # who forgets to wait
    upload.send(slot, slice(8, 16))
    with pytest.raises(RuntimeError, match="a pinned buffer was overwritten before its copy had ended"):
        upload.receive(slot, 8)


def test_a_copy_over_what_the_device_may_still_read_is_caught(upload, monkeypatch):
    slot = upload.slots[0]
    upload.send(slot, slice(0, 8))
    x, _ = upload.receive(slot, 8)
    x + 1  # noqa: B018
    monkeypatch.setattr(type(upload.stream), "wait_event", lambda self, event: event.arrive())
    with pytest.raises(RuntimeError, match="copied into while the device may still read it"):
        upload.send(slot, slice(8, 16))


def test_a_batch_that_is_used_before_it_has_arrived_has_other_numbers(upload):
    slot = upload.slots[0]
    upload.send(slot, slice(0, 8))
    assert np.isnan(slot.there[0].get()).all()
    x, t = upload.receive(slot, 8)
    assert x.get().tobytes() == DATA["any"][:8].tobytes() and (t.get() == T[:8]).all()


def test_memory_that_is_given_back_before_its_copy_has_ended_is_caught(upload, monkeypatch):
    monkeypatch.setattr(source.Slot, "__del__", lambda self: None)  # who forgets to wait
    other = source.Upload(FAKE, (DATA["any"], T), 8)
    upload.send(upload.slots[0], slice(0, 8))
    upload.slots.clear()
    with pytest.raises(RuntimeError, match="given back before a copy from or to it had ended"):
        other.send(other.slots[0], slice(0, 8))


@pytest.mark.gpu
def test_on_a_gpu_the_copy_ends_while_the_device_still_computes():
    from dlcourse.backends.cupy import CUPY

    x = RNG.standard_normal((4000, 2000)).astype("float32")
    feed = Feed(Batches(x, np.zeros(4000, "int64"), 1000), CUPY, resident=False)
    busy = CUPY.xp.ones((4096, 4096), "float32")
    CUPY.matmul(busy, busy)
    CUPY.synchronize()
    for i, _ in zip(range(2), feed):
        for _ in range(60):
            CUPY.matmul(busy, busy)
        feed.upload.slots[(i + 1) % 2].copied.synchronize()
        assert CUPY.busy()  # the next batch is there, and this one is still computed
    CUPY.synchronize()
