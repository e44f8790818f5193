"""Dropout's numbers against Random123's known answers and a Philox written out with Python's integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import assert_close, buffers, memories, numbers

from dlcourse.backends import get_backend
from dlcourse.nn import functional as F
from dlcourse.nn.functional.dropout import philox

OLD = np.lib.NumpyVersion(np.__version__) < "2.3.0"
# Random123 1.14, tests/kat_vectors, the lines "philox4x32 10": counter, key, answer
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return [int(word, 16) for word in text.split()]


def philox_in_python(counter, key):
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(10):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b % 2**32, (a >> 32) ^ c3 ^ k1, a % 2**32
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return c0, c1, c2, c3


def mask_in_python(shape, rate, key, layer, step, row):
    F = int(np.prod(shape[1:]))
    halves = key % 2**32, (key >> 32) % 2**32
    rows = [
        [philox_in_python((c // 4, (row + n) % 2**32, step, layer), halves)[c % 4] / 2**32 >= rate for c in range(F)]
        for n in range(shape[0])
    ]
    return np.array(rows, bool).reshape(shape)


def mask_of(backend, shape, rate=0.5, key=7, layer=1, step=3, row=0):
    x = backend.asarray(np.ones(shape, "float32"))
    return backend.to_host(F.dropout(x, rate, key, layer, backend.asarray(np.array(step, "int64")), row)[1])


@pytest.mark.parametrize("counter, key, answer", KNOWN)
def test_known_answers(backend, counter, key, answer):
    assert philox_in_python(words(counter), words(key)) == tuple(words(answer))
    state = backend.asarray(np.array(words(counter), "uint64").reshape(4, 1, 1))
    low, high = words(key)
    philox(state, backend.asarray(np.empty((2, 1, 1), "uint64")), high << 32 | low)
    assert backend.to_host(state).ravel().tolist() == words(answer)


@pytest.mark.parametrize("shape", [(3, 10), (2, 3, 2, 3), (1, 1), (0, 5), (4, 4)])
@pytest.mark.parametrize("key, row", [(0, 0), (2**63 + 12345, 1000), (2**32 - 1, 2**31)])
def test_masks_bit_by_bit(backend, shape, key, row):
    given = dict(rate=0.3, key=key, layer=5, step=11, row=row)
    assert np.array_equal(mask_of(backend, shape, **given), mask_in_python(shape, **given))


def test_values_buffers_and_gradient(backend):
    x4, rate, step = numbers(3, 2, 3, 5), 0.25, backend.asarray(np.array(3))
    want_mask = mask_in_python(x4.shape, rate, 7, 1, 3, 0)
    assert want_mask.any() and not want_mask.all()
    want = np.where(want_mask, x4 / (1 - rate), 0)
    places = zip(buffers(backend, x4.shape), buffers(backend, x4.shape, bool), memories(x4).values())
    for place, mask, x in places:
        x = backend.asarray(x)
        y, fresh = F.dropout(x, rate, 7, 1, step, 0)
        assert fresh.dtype == bool and np.array_equal(backend.to_host(fresh), want_mask)
        assert_close(backend.to_host(y), want, 1e-15)
        y, got = F.dropout(x, rate, 7, 1, step, 0, y=place, mask=mask)
        assert y is place and got is mask and np.array_equal(backend.to_host(mask), want_mask)
        assert_close(backend.to_host(y), want, 1e-15)
        dx = F.dropout_backward(x, mask, rate)  # linear: the gradient is the same map
        assert_close(backend.to_host(dx), want, 1e-15)
        assert F.dropout_backward(x, mask, rate, dx=place) is place
        assert_close(backend.to_host(place), want, 1e-15)
        over = x.copy()
        assert F.dropout(over, rate, 7, 1, step, 0, y=over)[0] is over
        assert_close(backend.to_host(over), want, 1e-15)
        over = x.copy()
        assert F.dropout_backward(over, mask, rate, dx=over) is over
        assert_close(backend.to_host(over), want, 1e-15)


@pytest.mark.parametrize("shape", [(12, 7), (12, 2, 3, 2)])
def test_any_split_of_the_batch_gives_the_same_bits(backend, shape):
    whole = mask_of(backend, shape)
    for cuts in [0, 12], [0, 1, 12], [0, 3, 4, 9, 12]:
        parts = [mask_of(backend, (b - a, *shape[1:]), row=a) for a, b in zip(cuts, cuts[1:])]
        assert np.array_equal(np.concatenate(parts), whole)


def test_blocks_give_the_same_bits(monkeypatch):
    backend = get_backend("numpy")
    whole = mask_of(backend, (9, 10))
    for chunk in 1, 20, 37, 1 << 62:
        monkeypatch.setattr(backend, "chunk", chunk)
        assert np.array_equal(mask_of(backend, (9, 10)), whole)


@pytest.mark.skipif(OLD, reason="NumPy before 2.3 makes arrays while it casts")
def test_nothing_that_grows_with_the_batch_is_allocated():
    import tracemalloc

    backend, step, peaks = get_backend("numpy"), np.array(3), []
    for B in 2000, 8000:
        x, y, mask = np.ones((B, 64), "float32"), np.empty((B, 64), "float32"), np.empty((B, 64), bool)
        tracemalloc.start()
        F.dropout(x, 0.5, 7, 1, step, 0, y=y, mask=mask)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert backend.chunk < 2000 * 64 and peaks[1] < 1.01 * peaks[0] < 1e6, peaks


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_the_share_that_is_kept(backend, rate):
    """Within 5 standard deviations; each of the four lanes on its own too."""
    mask = mask_of(backend, (200, 100), rate=rate)
    for part in [mask] + [mask[:, lane::4] for lane in range(4)]:
        assert abs(part.mean() - (1 - rate)) <= 5 * (rate * (1 - rate) / part.size) ** 0.5


def test_each_of_key_layer_step_and_row_makes_another_mask(backend):
    size, plain = (20, 40), mask_of(backend, (20, 40))
    assert np.array_equal(mask_of(backend, size), plain)
    for other in dict(key=8), dict(key=7 + 2**32), dict(layer=2), dict(step=4), dict(row=20):
        agree = (mask_of(backend, size, **other) == plain).mean()
        assert abs(agree - 0.5) < 0.1, other


def test_the_step_is_read_when_it_is_called(backend):
    step = backend.asarray(np.array(3))
    x = backend.asarray(np.ones((4, 9), "float32"))
    step += 1
    mask = backend.to_host(F.dropout(x, 0.5, 7, 1, step, 0)[1])
    assert np.array_equal(mask, mask_in_python((4, 9), 0.5, 7, 1, 4, 0))


def test_float32_stays(backend):
    x = backend.asarray(np.ones((3, 5), "float32"))
    y, mask = F.dropout(x, 0.5, 7, 1, backend.asarray(np.array(0)), 0)
    assert y.dtype == F.dropout_backward(x, mask, 0.5).dtype == "float32"
    assert set(backend.to_host(y).ravel().tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("rate", [1.0, -0.1, 2.0])
def test_a_rate_out_of_range_is_refused(backend, rate):
    with pytest.raises(ValueError, match="rate"):
        mask_of(backend, (2, 3), rate=rate)


@settings(max_examples=20)
@given(st.integers(0, 3), st.integers(1, 9), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.floats(0, 0.99))
def test_any_place(B, F_, key, number, rate):
    given = dict(rate=rate, key=key, layer=number, step=number // 2, row=number // 3)
    # the threshold is a whole number of 2**32 parts
    want = mask_in_python((B, F_), **{**given, "rate": int(rate * 2**32) / 2**32})
    assert np.array_equal(mask_of(get_backend("numpy"), (B, F_), **given), want)
