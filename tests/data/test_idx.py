"""The reader of IDX files: right about good ones, and short with bad ones."""

from __future__ import annotations

import gzip
import os
import re
import resource
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from idx_files import GOOD, HOSTILE, IMAGES, PACKED, bomb, header, idx_bytes

from dlcourse.data import DataError
from dlcourse.data.idx import read_idx, read_pair


@pytest.mark.parametrize("data", [GOOD, PACKED, gzip.compress(GOOD, 0)], ids=["plain", "packed", "stored"])
def test_reads_what_was_written(tmp_path, data):
    (tmp_path / "good").write_bytes(data)
    x = read_idx(tmp_path / "good", 3)
    assert x.dtype == np.uint8
    np.testing.assert_array_equal(x, IMAGES)


@given(shape=st.lists(st.integers(1, 9), min_size=1, max_size=4), key=st.integers(0, 99), level=st.integers(-1, 9))
@example(shape=[300_000, 2], key=0, level=6)  # longer than one piece
def test_reads_any_shape(tmp_path_factory, shape, key, level):
    a = np.random.default_rng(key).integers(0, 256, shape)
    path = tmp_path_factory.mktemp("idx") / "a"
    path.write_bytes(idx_bytes(a) if level < 0 else gzip.compress(idx_bytes(a), level))
    np.testing.assert_array_equal(read_idx(path, len(shape)), a)


@pytest.mark.parametrize("name", HOSTILE)
def test_refuses(tmp_path, name):
    data, answer = HOSTILE[name]
    path = tmp_path / "hostile.gz"
    path.write_bytes(data() if callable(data) else data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    start_s = time.perf_counter()
    try:
        with pytest.raises(DataError, match=answer) as caught:
            read_idx(path, 3)
        took_s, most_bytes = time.perf_counter() - start_s, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    grown_bytes = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    print(f"{caught.value}  [{took_s:.3f} s, {most_bytes:,} bytes]")
    one_sentence(caught.value, path)
    assert took_s < 2 and most_bytes < 50e6 and grown_bytes < 50e6


def one_sentence(error, path):
    text = str(error)
    assert str(path) in text and "\n" not in text and len(text) < 300 + len(str(path))
    assert type(error) is DataError and error.__cause__ is None


def test_a_bomb_behind_good_data_is_not_expanded(tmp_path, monkeypatch):
    """At most one byte more than announced is ever unpacked."""
    import zlib

    unpacked, real = [], zlib.decompressobj

    class Counting:
        def __init__(self, **options):
            self._real = real(**options)

        def decompress(self, data, most):
            out = self._real.decompress(data, most)
            unpacked.append(len(out))
            return out

        def __getattr__(self, name):
            return getattr(self._real, name)

    (tmp_path / "bomb").write_bytes(bomb(header(40, 28, 28), 1 << 28))
    monkeypatch.setattr(zlib, "decompressobj", Counting)
    with pytest.raises(DataError, match="goes on after"):
        read_idx(tmp_path / "bomb", 3)
    assert sum(unpacked) == 16 + 40 * 28 * 28 + 1


def test_the_limit_can_be_moved(tmp_path):
    (tmp_path / "good").write_bytes(PACKED)
    assert len(read_idx(tmp_path / "good", 3, limit=IMAGES.size)) == 3
    with pytest.raises(DataError, match="announces 2,352 bytes.*at most 2,351"):
        read_idx(tmp_path / "good", 3, limit=IMAGES.size - 1)


def test_images_and_labels_must_be_as_many(tmp_path):
    (tmp_path / "x").write_bytes(PACKED)
    (tmp_path / "t").write_bytes(idx_bytes(np.arange(4)))
    with pytest.raises(DataError, match="x holds 3 images, but .*t holds 4 labels"):
        read_pair(tmp_path / "x", tmp_path / "t")
    with pytest.raises(DataError, match="t holds labels.*expected images"):
        read_pair(tmp_path / "t", tmp_path / "x")


def test_no_file_a_folder_a_pipe(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_idx(tmp_path / "none", 3)
    with pytest.raises(DataError, match="is not a file"):
        read_idx(tmp_path, 3)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(DataError, match="is not a file"):
            read_idx(tmp_path / "pipe", 3)


@given(at=st.integers(0, len(PACKED) - 1), bit=st.integers(0, 7))
def test_one_flipped_bit_is_noticed_or_harmless(tmp_path_factory, at, bit):
    """gzip's header has bytes that nobody needs (time, system); everything else is covered by the checksum."""
    data = bytearray(PACKED)
    data[at] ^= 1 << bit
    path = tmp_path_factory.mktemp("idx") / "flipped"
    path.write_bytes(data)
    try:
        x = read_idx(path, 3)
    except DataError as why:
        assert re.search(re.escape(str(path)), str(why))
    else:
        assert at < 10
        np.testing.assert_array_equal(x, IMAGES)
