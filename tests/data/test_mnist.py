"""MNIST and Fashion-MNIST: where they are looked for, and what is refused there."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from idx_files import FILES, idx_bytes, write_set

import dlcourse
from dlcourse.data import (
    DataError,
    DataUnavailable,
    available,
    cache_folder,
    load_fashion_mnist,
    load_mnist,
    mnist_or_digits,
)
from dlcourse.data.published import FASHION_MNIST, MNIST

ROOT = Path(dlcourse.__file__).parents[1]
REAL = os.environ.get("DLCOURSE_DATA")
needs_data = pytest.mark.skipif(not REAL, reason="DLCOURSE_DATA is not set: the real MNIST is not at hand")


# ---- the real data


@needs_data
@pytest.mark.parametrize(
    "load, first, mean, std",
    [  # mean and deviation of the training pixels: the constants that everybody normalizes with
        (load_mnist, [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], 0.1307, 0.3081),
        (load_fashion_mnist, [9, 0, 0, 3, 0, 2, 7, 2, 5, 5], 0.2860, 0.3530),
    ],
)
def test_the_real_data(monkeypatch, load, first, mean, std):
    monkeypatch.setenv("DLCOURSE_DATA", REAL)
    d = load()
    assert d.x_train.shape == (60000, 28, 28, 1) and d.x_test.shape == (10000, 28, 28, 1)
    assert d.x_train.dtype == np.float32 and d.x_train.min() == 0 and d.x_train.max() == 1
    assert d.t_train.dtype == np.int64 and d.t_train[:10].tolist() == first
    assert set(d.t_train) == set(d.t_test) == set(range(10)) and len(d.labels) == 10
    assert abs(d.x_train.mean(dtype=np.float64) - mean) < 5e-5
    assert abs(d.x_train.std(dtype=np.float64) - std) < 5e-5


@needs_data
def test_checksums_and_sizes_are_those_of_the_real_files():
    for published in (MNIST, FASHION_MNIST):
        files = [Path(REAL) / published.folders[0] / f"{file}.gz" for file in FILES]
        if not all(map(os.path.isfile, files)):
            pytest.skip(f"DLCOURSE_DATA has no {published.folders[0]}/ with the four .gz files")
        data = [file.read_bytes() for file in files]
        assert tuple(hashlib.md5(d, usedforsecurity=False).hexdigest() for d in data) == published.md5
        assert tuple(map(len, data)) == published.bytes
        assert tuple(hashlib.sha256(gzip.decompress(d)).hexdigest() for d in data) == published.sha256


@needs_data
@pytest.mark.parametrize("asked, there", [(load_mnist, FASHION_MNIST), (load_fashion_mnist, MNIST)])
def test_the_one_is_not_taken_for_the_other(tmp_path, monkeypatch, asked, there):
    """Their files have the same names. Loose in a folder: the labels tell. Under the other's name: an error."""
    wanted = MNIST if there is FASHION_MNIST else FASHION_MNIST
    real = Path(REAL) / there.folders[0]
    monkeypatch.setenv("DLCOURSE_DATA", str(real))
    assert available(there.folders[0]) and not available(wanted.folders[0])
    (tmp_path / wanted.folders[0]).symlink_to(real)
    monkeypatch.setenv("DLCOURSE_DATA", str(tmp_path))
    with pytest.raises(DataError, match=f"is not {wanted.name}'s {FILES[0]}: .*{there.name}'s {FILES[0]}"):
        asked()


def test_numbers_that_everybody_knows():
    assert sum(MNIST.bytes) == 11_594_722 and MNIST.megabytes == 12  # as yann.lecun.com listed them
    assert sum(FASHION_MNIST.bytes) == 30_878_645 and FASHION_MNIST.megabytes == 31
    assert all(
        len(p.md5) == len(p.sha256) == len(p.bytes) == len(FILES) and len(p.mirrors) == 2
        for p in (MNIST, FASHION_MNIST)
    )


# ---- where they are looked for


@pytest.mark.parametrize("folder", ["mnist", "MNIST/raw", "MNIST", "."])
@pytest.mark.parametrize("packed, spelling", [(True, "-idx"), (False, "-idx"), (False, ".idx")])
def test_in_the_folder_that_one_names(tmp_path, monkeypatch, publish, folder, packed, spelling):
    x, t, x_test, t_test = arrays = write_set(tmp_path / "data" / folder, packed=packed, spelling=spelling)
    publish(arrays)
    monkeypatch.setenv("DLCOURSE_DATA", str(tmp_path / "data"))
    assert available("mnist")
    d = load_mnist()
    np.testing.assert_allclose(d.x_train[..., 0] * 255, x, atol=1e-4)
    np.testing.assert_allclose(d.x_test[..., 0] * 255, x_test, atol=1e-4)
    assert d.t_train.tolist() == t.tolist() and d.t_test.tolist() == t_test.tolist()


def test_in_the_cache_and_the_named_folder_first(tmp_path, monkeypatch, publish, cache):
    publish(cached := write_set(cache, train=3))
    assert len(load_mnist().t_train) == 3
    publish(write_set(tmp_path / "data" / "mnist", train=8))
    monkeypatch.setenv("DLCOURSE_DATA", str(tmp_path / "data"))
    assert len(load_mnist().t_train) == 8
    (tmp_path / "data" / "mnist" / f"{FILES[0]}.gz").unlink()
    publish(cached)
    assert len(load_mnist().t_train) == 3  # three files of four do not count


def test_unavailable_says_what_to_do(tmp_path, monkeypatch, cache):
    with pytest.raises(
        DataUnavailable, match=r"MNIST is not on this machine .*load_mnist\(download=True\).*DLCOURSE_DATA"
    ):
        load_mnist()
    monkeypatch.setenv("DLCOURSE_DATA", str(tmp_path))
    with pytest.raises(DataUnavailable, match=r"Fashion-MNIST is not.*load_fashion_mnist\(download=True\).*31 MB$"):
        load_fashion_mnist()
    write_set(cache)
    (cache / f"{FILES[3]}.gz").unlink()
    with pytest.raises(DataUnavailable, match=f"cache/mnist, which lacks {FILES[3]}") as caught:
        load_mnist()
    assert "\n" not in str(caught.value)


def test_available():
    assert available("digits") and not available("mnist") and not available("fashion-mnist")
    with pytest.raises(ValueError, match="there is no data set 'cifar': choose one of digits, mnist, fashion-mnist"):
        available("cifar")


@pytest.mark.parametrize(
    "system, variables, expected",
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/dlcourse"),
        ("linux", {"HOME": "/h"}, "/h/.cache/dlcourse"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Caches/dlcourse"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/dlcourse/Cache"),
        ("linux", {"DLCOURSE_CACHE": "~/mine", "HOME": "/h"}, "/h/mine"),
    ],
)
def test_the_cache_is_where_the_system_wants_it(monkeypatch, system, variables, expected):
    for name in ("DLCOURSE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", system)
    assert cache_folder() == Path(expected)


def test_wrong_contents(publish, cache):
    def broken(file, data):
        publish(write_set(cache))
        (cache / f"{FILES[file]}.gz").write_bytes(data)
        with pytest.raises(DataError) as caught:
            load_mnist()
        return str(caught.value)

    assert "holds 4 labels" in broken(1, idx_bytes(np.zeros(4)))
    assert "pictures of 8 × 8 pixels: expected 28 × 28" in broken(2, idx_bytes(np.zeros((5, 8, 8))))
    assert "holds the label 10: expected 0 ... 9" in broken(1, idx_bytes(np.full(7, 10)))
    assert "a web page" in broken(0, b"<html>")
    assert "a web page" in broken(3, b"<html>")


# ---- the right form, the wrong contents


def refused(wrong, load=load_mnist):
    """The one sentence with which load() refuses the file `wrong`."""
    with pytest.raises(DataError) as caught:
        load()
    text = str(caught.value)
    assert text.startswith(f"{wrong} is not ") and "\n" not in text and len(text) < 300 + len(str(wrong))
    assert re.search(r"SHA-256 is expected to be [0-9a-f]{12}\.\.\., found [0-9a-f]{12}\.\.\.", text)
    return text


@pytest.mark.parametrize("file", range(4))
@pytest.mark.parametrize("packed", [True, False])
def test_one_changed_byte_is_refused(tmp_path, monkeypatch, publish, file, packed):
    arrays = write_set(tmp_path / "mnist", packed=packed)
    publish(arrays)
    monkeypatch.setenv("DLCOURSE_DATA", str(tmp_path))
    load_mnist()
    a = arrays[file].copy()
    a.flat[-1] = (a.flat[-1] + 1) % 10
    path = tmp_path / "mnist" / (FILES[file] + ".gz" * packed)
    path.write_bytes(gzip.compress(idx_bytes(a)) if packed else idx_bytes(a))
    assert refused(path).endswith("; delete it, or unset DLCOURSE_DATA, and call load_mnist(download=True)")


def test_labels_in_another_order_and_a_file_packed_anew(publish, cache):
    arrays = write_set(cache)
    publish(arrays)
    labels = cache / f"{FILES[1]}.gz"
    for level in (0, 1, 9):
        labels.write_bytes(gzip.compress(idx_bytes(arrays[1]), level))
        assert load_mnist().t_train.tolist() == arrays[1].tolist()
    labels.write_bytes(gzip.compress(idx_bytes(arrays[1][::-1])))
    assert refused(labels).endswith("call load_mnist(download=True), which replaces it")


def test_training_and_test_files_exchanged(publish, cache):
    train_x, train_t, test_x, test_t = write_set(cache)
    publish([test_x, test_t, train_x, train_t])
    assert f"(MNIST's {FILES[2]}); call" in refused(cache / f"{FILES[0]}.gz")


def test_a_stand_in_is_refused_unless_a_test_publishes_it(cache):
    write_set(cache)
    refused(cache / f"{FILES[0]}.gz")


@needs_data
@pytest.mark.parametrize("load, published", [(load_mnist, MNIST), (load_fashion_mnist, FASHION_MNIST)])
def test_the_real_files_spoiled(tmp_path, monkeypatch, load, published):
    """Exchanged, in another order, half zeroed, and packed anew, which is not spoiled."""
    mine = tmp_path / published.folders[0]
    shutil.copytree(Path(REAL) / published.folders[0], mine, copy_function=shutil.copyfile)
    mine.chmod(0o755)
    monkeypatch.setenv("DLCOURSE_DATA", str(tmp_path))
    images, labels = mine / f"{FILES[0]}.gz", mine / f"{FILES[1]}.gz"
    data = gzip.decompress(labels.read_bytes())
    labels.write_bytes(gzip.compress(data[:8] + data[:7:-1]))
    refused(labels, load)
    labels.write_bytes(gzip.compress(data, 1))
    load()
    data, packed = gzip.decompress(images.read_bytes()), images.read_bytes()
    images.unlink()
    images.with_suffix("").write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    refused(images.with_suffix(""), load)
    images.write_bytes(packed)
    for train, test in zip(FILES[:2], FILES[2:], strict=True):
        (mine / f"{train}.gz").rename(mine / "kept")
        (mine / f"{test}.gz").rename(mine / f"{train}.gz")
        (mine / "kept").rename(mine / f"{test}.gz")
    assert f"({published.name}'s {FILES[2]})" in refused(images, load)


def test_mnist_or_digits_says_which(capsys, publish, cache):
    assert mnist_or_digits().name == "digits"
    said = capsys.readouterr().out
    assert said == (
        "Using the bundled 8 × 8 digits (1,437 to train on), because MNIST is not on this machine; "
        "load_mnist(download=True) would fetch it (12 MB).\n"
    )
    publish(write_set(cache))
    assert mnist_or_digits().name == "MNIST"
    assert capsys.readouterr().out == "Using MNIST (7 to train on), because it is on this machine.\n"
    (cache / f"{FILES[0]}.gz").write_bytes(b"")
    assert mnist_or_digits().name == "digits"
    said = capsys.readouterr().out
    assert said.startswith("Using the bundled") and "is empty" in said and said.count("\n") == 1


def test_nothing_is_imported_or_fetched_unless_asked():
    code = """
        import sys
        from dlcourse.data import *
        load_digits(), mnist_or_digits(), list(Batches(*xor(9), 2))
        loaded = {"pooch", "requests", "tqdm", "cupy", "matplotlib", "http.client", "ssl"} & set(sys.modules)
        assert not loaded, loaded
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, cwd=ROOT, timeout=60)
