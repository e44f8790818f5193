"""Batches: every example once, the same order again, no copy of the data, and refusals in one sentence."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlcourse.backends import to_host
from dlcourse.data import Batches
from dlcourse.data.streams import shuffled, stream

sizes = st.integers(1, 40)
keys = st.integers(0, 2**64 - 1)


def numbered(n):
    """Examples that carry their number: x[i] = (i, -i), t[i] = i."""
    i = np.arange(n)
    return np.stack([i, -i], axis=1).astype(np.float32), i


@given(n=sizes, size=st.integers(1, 50), key=keys, e=st.integers(0, 1000), shuffle=st.booleans())
def test_every_example_exactly_once(n, size, key, e, shuffle):
    x, t = numbered(n)
    batches = Batches(x, t, size, key=key, shuffle=shuffle)
    seen = list(batches.epoch(e))
    assert len(seen) == len(batches)
    assert [len(b) for _, b in seen[:-1]] == [size] * (len(seen) - 1) and 0 < len(seen[-1][1]) <= size
    order = np.concatenate([b for _, b in seen])
    np.testing.assert_array_equal(np.sort(order), np.arange(n))
    np.testing.assert_array_equal(np.concatenate([a for a, _ in seen]), x[order])
    if not shuffle:
        np.testing.assert_array_equal(order, np.arange(n))


@given(n=sizes, size=st.integers(1, 50), key=keys, e=st.integers(0, 9), shuffle=st.booleans(), data=st.data())
def test_start_equals_skipping(n, size, key, e, shuffle, data):
    batches = Batches(*numbered(n), size, key=key, shuffle=shuffle)
    start = data.draw(st.integers(0, len(batches)))
    skipped, resumed = list(batches.epoch(e))[start:], list(batches.epoch(e, start=start))
    assert len(skipped) == len(resumed) == len(batches) - start
    for (x1, t1), (x2, t2) in zip(skipped, resumed, strict=True):
        np.testing.assert_array_equal(x1, x2)
        np.testing.assert_array_equal(t1, t2)


def order_of(batches, e):
    return np.concatenate([t for _, t in batches.epoch(e)]).tolist()


def test_the_order_depends_on_key_and_epoch_alone():
    make = lambda key, size=7: Batches(*numbered(100), size, key=key)  # noqa: E731
    assert order_of(make(3), 5) == order_of(make(3), 5) == order_of(make(3, size=11), 5)
    others = [order_of(make(key), e) for key in range(4) for e in range(4)]
    assert len(set(map(tuple, others))) == 16
    assert order_of(make(3), 5) != list(range(100))


def philox4x64(counter, key):
    """Four random words. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011, section 3.3."""
    (c0, c1, c2, c3), (k0, k1), most = counter, key, 2**64 - 1
    for _ in range(10):
        high0, low0 = divmod(0xD2E7470EE14C6C93 * c0, 2**64)
        high1, low1 = divmod(0xCA5A826395121157 * c2, 2**64)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & most, (k1 + 0xBB67AE8584CAA73B) & most
    return c0, c1, c2, c3


def test_the_order_can_be_had_by_hand():
    """The order of epoch 2 with key 1 sorts the words that Philox gives; a new NumPy must not change it."""
    place = int.from_bytes(b"batches\0", "little")
    words = [word for count in (1, 2, 3) for word in philox4x64((count, 0, 0, place), (1, 2))][:10]
    by_hand = sorted(range(10), key=words.__getitem__)
    assert order_of(Batches(*numbered(10), 4, key=1), 2) == by_hand


def test_the_order_is_fair():
    """Each example comes first, and in each place, about equally often."""
    counts = np.zeros((6, 6))
    for e in range(3000):
        counts[np.arange(6), shuffled(6, 0, "batches", e)] += 1
    chi2 = ((counts - 500) ** 2 / 500).sum()
    assert chi2 < 60  # 25 degrees of freedom: more than 60 in one of 10,000 sets of draws


def test_purposes_do_not_share_bits():
    """The same key, another purpose: no word in common, so that the order cannot follow the data."""
    words = [set(stream(0, purpose).random_raw(1000).tolist()) for purpose in ("batches", "xor", "moons", "digits")]
    assert len(set.union(*words)) == 4000


def test_a_plain_for_is_epoch_0_each_time():
    batches = Batches(*numbered(20), 6)
    assert (
        [t.tolist() for _, t in batches]
        == [t.tolist() for _, t in batches]
        == [t.tolist() for _, t in batches.epoch(0)]
    )


def test_in_order_batches_are_views_and_shuffled_ones_are_not():
    x, t = numbered(20)
    assert all(np.shares_memory(a, x) and np.shares_memory(b, t) for a, b in Batches(x, t, 6, shuffle=False))
    kept = [(a, a.copy()) for a, _ in Batches(x, t, 6)]
    assert not any(np.shares_memory(a, x) for a, _ in kept)
    assert all((a == copy).all() for a, copy in kept)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("kind", ["bytes", "gaps", "backwards", "fortran", "map"])
def test_the_data_set_is_never_copied(tmp_path, kind, shuffle):
    n, f = 4000, 1000
    raw = np.random.default_rng(0).integers(0, 256, (n, f), dtype=np.uint8)
    x = {"bytes": raw, "gaps": raw[:, ::2], "backwards": raw[::-1], "fortran": np.asfortranarray(raw)}.get(kind)
    if kind == "map":
        raw.tofile(tmp_path / "x")
        x = np.memmap(tmp_path / "x", np.uint8, "r", shape=(n, f))
    tracemalloc.start()
    batches = Batches(x, np.arange(n), 64, shuffle=shuffle)
    for a, t in batches.epoch(0):
        assert type(a) is np.ndarray and a.dtype == np.uint8
        if shuffle:
            assert np.array_equal(a, x[t])
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most_bytes < 700_000 < x.nbytes / 2


def test_on_every_backend_the_order_is_the_same(backend):
    x, t = numbered(50)
    here = list(Batches(x, t, 8, key=4).epoch(2))
    there = list(Batches(backend.asarray(x), backend.asarray(t), 8, key=4).epoch(2))
    for (x1, t1), (x2, t2) in zip(here, there, strict=True):
        assert type(x2) is type(backend.asarray(x)) and x2.dtype == np.float32
        np.testing.assert_array_equal(x1, to_host(x2))
        np.testing.assert_array_equal(t1, to_host(t2))


@pytest.mark.parametrize("shuffle, copies", [(True, 1), (False, 0)])
def test_one_transfer_to_the_device_for_each_epoch(shuffle, copies):
    fake = pytest.importorskip("dlcourse.backends.fake").FAKE
    from dlcourse.backends.fake_array import DEVICE

    x, t = map(fake.asarray, numbered(50))
    batches = Batches(x, t, 8, shuffle=shuffle, classes=50)
    with DEVICE.watch() as seen:
        assert sum(1 for _ in batches.epoch(1)) == 7
    assert (seen.copies, seen.syncs) == (copies, 0)


def test_refuses_arrays_that_live_apart():
    fake = pytest.importorskip("dlcourse.backends.fake").FAKE
    x, t = numbered(10)
    with pytest.raises(ValueError, match="x is an array of numpy and t one of fake: move both to the same backend"):
        Batches(x, fake.asarray(t), 2)


def test_checks_the_targets_of_a_device(backend):
    x, t = map(backend.asarray, numbered(10))
    with pytest.raises(ValueError, match="label 9 is out of range: the network has 9 outputs"):
        Batches(x, t, 2, classes=9)
    broken = backend.asarray(np.array([[0.0]] * 7 + [[np.nan]] * 3, np.float32))
    with pytest.raises(ValueError, match="first in row 7"):
        Batches(x, broken, 2)


X4, T4 = np.zeros((4, 2), np.float32), np.array([0, 1, 2, 1])
REFUSED = {
    "lengths": (dict(t=T4[:3]), ValueError, r"x has 4 examples and t has 3: x is \(4, 2\), t is \(3,\)"),
    "empty": (dict(x=X4[:0], t=T4[:0]), ValueError, r"nothing to learn from: x is \(0, 2\), t is \(0,\)"),
    "no features": (dict(x=X4[:, :0]), ValueError, r"nothing to learn from: x is \(4, 0\), t is \(4,\)"),
    "no axis": (dict(x=np.float32(3)), TypeError, "expected an array"),
    "no axis of examples": (dict(x=np.array(3.0), t=np.array(1)), ValueError, "need an axis of examples"),
    "size 0": (dict(size=0), ValueError, "size, the number of examples in a batch, must be at least 1, got 0"),
    "size -3": (dict(size=-3), ValueError, "at least 1, got -3"),
    "size 2.0": (dict(size=2.0), TypeError, "whole number, got 2.0"),
    "size True": (dict(size=True), TypeError, "whole number, got True"),
    "key": (dict(key=-1), ValueError, "key must be at least 0, got -1"),
    "key too large": (dict(key=2**64), ValueError, "key must be at most"),
    "key None": (dict(key=None), TypeError, "key must be a whole number, got None"),
    "NaN": (dict(t=np.array([[0], [1], [np.nan], [np.inf]])), ValueError, r"\(4, 1\) holds NaN.*row 2"),
    "infinity": (dict(t=np.array([0, 1, 1, -np.inf])), ValueError, "first in row 3"),
    "words": (dict(t=np.array(["cat", "dog", "cat", "cow"])), TypeError, r"t has dtype <U3, shape \(4,\): turn"),
    "objects": (dict(t=np.array([0, None, 1, 1])), TypeError, "t has dtype object"),
    "objects in x": (dict(x=np.array([[0, None]] * 4)), TypeError, "x has dtype object"),
    "complex": (dict(x=X4.astype(complex)), TypeError, "x has dtype complex128.*real numbers"),
    "truth values": (dict(t=T4 > 0), TypeError, "t has dtype bool.*astype"),
    "dates": (dict(t=T4.astype("M8[s]")), TypeError, "t has dtype datetime64"),
    "a ragged list": (dict(x=[[1, 2], [3], [4, 5], [6, 7]]), ValueError, "x is a list of 4 whose parts"),
    "masked": (dict(x=np.ma.array(X4, mask=X4 > 0)), TypeError, "x is a masked array"),
    "a dictionary": (dict(x={"a": 1}), TypeError, "x: expected an array of NumPy or CuPy, got dict"),
    "negative label": (dict(t=T4 - 1), ValueError, "label -1 is out of range: labels count from 0"),
    "label too large": (dict(classes=2), ValueError, "label 2 .*: the network has 2 outputs, so labels are 0 ... 1"),
    "one class": (dict(classes=1), ValueError, "label 2 is out of range: the network has one output, label 0"),
    "float labels": (dict(t=T4 * 1.0, classes=3), TypeError, r"whole numbers, but t \(4,\) has dtype float64"),
    "a column": (dict(t=T4[:, None], classes=3), ValueError, r"labels have shape \(4,\), but t has shape \(4, 1\)"),
    "columns": (dict(t=np.eye(4), classes=3), ValueError, r"t has shape \(4, 4\), but the network has 3 outputs"),
    "classes 0": (dict(classes=0), ValueError, "classes must be at least 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name):
    changed, error, answer = REFUSED[name]
    options = {"x": X4, "t": T4, "size": 2} | changed
    with pytest.raises(error, match=answer) as caught:
        Batches(**options)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_accepts():
    assert len(Batches(X4, T4, 100)) == 1
    assert len(Batches(X4, T4, np.int64(3), classes=3)) == 2
    assert Batches(X4, np.eye(4)[:, :3], 2, classes=3).n == 4
    assert Batches(X4, T4 * 1.0, 2).n == 4
    assert Batches(X4, T4.astype(np.uint8), 2, classes=3).n == 4
    assert Batches([[0, 0], [0, 1]], [0, 1], 2).x.shape == (2, 2)
    assert Batches(X4 * np.nan, T4, 2).n == 4  # x may be larger than memory: it is not read here


def test_bad_epochs():
    batches = Batches(X4, T4, 2)
    with pytest.raises(ValueError, match="start is batch 3, but an epoch has 2 batches of 2"):
        batches.epoch(0, start=3)
    with pytest.raises(ValueError, match="the epoch must be at least 0, got -1"):
        batches.epoch(-1)
    with pytest.raises(TypeError, match="the epoch must be a whole number, got 1.5"):
        batches.epoch(1.5)


def test_says_what_it_is():
    assert repr(Batches(*numbered(1437), 32, key=5)) == "<1,437 examples in 45 batches of 32, shuffled by key 5>"
    assert repr(Batches(*numbered(4), 3, shuffle=False)) == "<4 examples in 2 batches of 3, in order>"
