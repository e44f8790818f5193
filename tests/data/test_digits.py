"""The bundled digits are those that were published."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest

from dlcourse.data import Dataset, load_digits
from dlcourse.data.digits import FILE


def both(data):
    return np.concatenate([data.x_train, data.x_test]), np.concatenate([data.t_train, data.t_test])


def test_shapes_and_types():
    d = load_digits()
    assert d.x_train.shape == (1437, 8, 8, 1) and d.x_test.shape == (360, 8, 8, 1)
    assert d.t_train.shape == (1437,) and d.t_test.shape == (360,)
    assert all(x.dtype == np.float32 and x.min() == 0 and x.max() == 1 for x in (d.x_train, d.x_test))
    assert all(t.dtype == np.int64 and set(t) == set(range(10)) for t in (d.t_train, d.t_test))
    assert d.labels == tuple("0123456789") and "CC BY 4.0" in d.source and "10.24432/C50P49" in d.source


def test_the_numbers_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.datasets", reason="needs scikit-learn")
    x, t = both(load_digits(key=None))
    np.testing.assert_array_equal(x[..., 0] * 16, sklearn.load_digits().images)
    np.testing.assert_array_equal(t, sklearn.load_digits().target)


def test_the_numbers_are_those_that_were_compared():
    """The same without scikit-learn: sums over its data, and the MD5 of its pixels and classes as bytes."""
    x, t = both(load_digits(key=None))
    assert np.bincount(t).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (x * 16).sum() == 561718
    data = (x * 16).astype(np.uint8).tobytes() + t.astype(np.uint8).tobytes()
    assert hashlib.md5(data, usedforsecurity=False).hexdigest() == "7696c07daa6d85010f8268703ab8b067"


def test_one_shuffle_for_each_key():
    a, b, c, plain = load_digits(), load_digits(key=0), load_digits(key=1), load_digits(key=None)
    np.testing.assert_array_equal(a.x_train, b.x_train)
    assert not np.array_equal(a.t_train, c.t_train)
    assert (len(plain.x_train), len(plain.x_test)) == (1200, 597)
    assert plain.t_train[:10].tolist() == list(range(10))
    assert examples(a) == examples(c) == examples(plain)


def examples(data):
    """Each picture with its class, as bytes, whatever the order."""
    x, t = both(data)
    return sorted(map(bytes, np.column_stack([x.reshape(1797, 64) * 16, t]).astype(np.uint8)))


def test_flat_rows_are_views():
    d = load_digits()
    rows = d.flat()
    assert rows.x_train.shape == (1437, 64) and rows.x_test.shape == (360, 64)
    assert np.shares_memory(rows.x_train, d.x_train) and rows.t_train is d.t_train and rows.source == d.source
    assert rows.flat().x_train.shape == (1437, 64)


def test_a_data_set_is_frozen_and_says_what_it_is():
    d = load_digits()
    assert repr(d) == "<digits: 1,437 to train on, 360 to test on, each 8×8×1 float32, 10 classes>"
    with pytest.raises(dataclasses.FrozenInstanceError):
        d.x_train = None
    assert d == d and d != load_digits() and isinstance(hash(d), int) and isinstance(d, Dataset)


def test_the_file_is_small_and_holds_no_objects():
    assert FILE.stat().st_size < 46_000
    assert (FILE.parent / "README.md").read_text(encoding="utf-8").count("CC BY 4.0") == 1
    with np.load(FILE, allow_pickle=False) as file:
        assert {name: (file[name].shape, str(file[name].dtype)) for name in file} == {
            "images": ((1797, 8, 8), "uint8"),
            "digits": ((1797,), "uint8"),
        }


def test_a_bad_key():
    with pytest.raises(TypeError, match="key must be a whole number, got 'a'"):
        load_digits(key="a")
