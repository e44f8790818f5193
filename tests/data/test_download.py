"""Fetching published data: from the mirror that works, whole or not at all, and only what is not there yet."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from idx_files import FILES, write_set

import dlcourse
from dlcourse.data import DataError, DataUnavailable, available, load_fashion_mnist, load_mnist

ROOT = Path(dlcourse.__file__).parents[1]


def whole_files(cache):
    return {path.name for path in cache.iterdir()} == {f"{file}.gz" for file in FILES}


def test_fetches_once(mirrors, cache, capfd, monkeypatch):
    first, second = mirrors(None, None)
    d = load_mnist(download=True)
    assert len(d.x_train) == 300 and whole_files(cache)
    assert first.asked == [f"{file}.gz" for file in FILES] and second.asked == []
    assert "train-images-idx3-ubyte.gz: 100%" in capfd.readouterr().err
    monkeypatch.setitem(sys.modules, "pooch", None)  # nor is it needed any more
    load_mnist(download=True)
    load_mnist()
    assert len(first.asked) == 4


@pytest.mark.parametrize("manner", [404, "wrong", "short", "endless", "silent", "slow"])
def test_the_second_mirror_helps_out(mirrors, cache, monkeypatch, manner):
    monkeypatch.setattr("dlcourse.data.download.TIMEOUT_S", 0.3)
    first, second = mirrors(manner, None)
    assert len(load_mnist(download=True).x_train) == 300
    assert len(first.asked) == len(second.asked) == 4 and whole_files(cache)


def test_the_first_mirror_is_down(mirrors, cache):
    first, second = mirrors(None, None)
    first.close()
    assert len(load_mnist(download=True).x_train) == 300
    assert len(second.asked) == 4 and whole_files(cache)


@pytest.mark.parametrize(
    "manner, reason",
    [(404, "HTTP status 404"), ("wrong", "wrong checksum"), ("endless", "more than [0-9,]+ bytes")],
)
def test_nothing_wrong_is_kept(mirrors, cache, manner, reason):
    mirrors(manner, manner)
    with pytest.raises(
        DataUnavailable, match=f"{FILES[0]}.gz failed .*: {reason}; .*: {reason}.*check the network"
    ) as e:
        load_mnist(download=True)
    assert "\n" not in str(e.value) and list(cache.iterdir()) == []


def test_without_a_network(monkeypatch, cache):
    """The real mirrors, and no way to them."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: (_ for _ in ()).throw(socket.gaierror(-2, "no name")))
    for load in (load_mnist, load_fashion_mnist):
        with pytest.raises(DataUnavailable, match="could not be downloaded.*ConnectionError.*check the network"):
            load(download=True)
    assert list(cache.iterdir()) == []


def test_only_what_is_missing_or_damaged_is_fetched(mirrors, cache):
    first, _ = mirrors(None, None)
    load_mnist(download=True)
    first.asked.clear()
    (cache / f"{FILES[0]}.gz").write_bytes(b"half a fi")
    (cache / f"{FILES[3]}.gz").unlink()
    assert len(load_mnist(download=True).x_train) == 300
    assert first.asked == [f"{FILES[0]}.gz", f"{FILES[3]}.gz"]
    (cache / f"{FILES[2]}.gz").write_bytes(b"half a fi")  # four files, so it looks complete
    assert len(load_mnist(download=True).x_train) == 300
    assert first.asked[2:] == [f"{FILES[2]}.gz"]


def test_what_is_in_the_named_folder_is_not_fetched(mirrors, tmp_path, monkeypatch, cache):
    first, _ = mirrors(None, None)
    monkeypatch.setenv("DLCOURSE_DATA", str(tmp_path / "origin"))
    load_mnist(download=True)
    assert first.asked == [] and not cache.exists()


def test_killed_in_the_middle(mirrors, cache, tmp_path):
    """What is left has no name under which it would be taken for whole; the next attempt succeeds."""
    slow, _ = mirrors("slow", "slow")
    code = f"""
        import dataclasses
        from dlcourse.data import mnist
        mnist.MNIST = dataclasses.replace(mnist.MNIST, mirrors=({slow.address!r},))
        mnist.load_mnist(download=True)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (cache.is_dir() and any(path.stat().st_size for path in cache.iterdir())):
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    assert not any(path.name.startswith(FILES) for path in cache.iterdir())
    assert not available("mnist")
    mirrors(None, None)
    assert len(load_mnist(download=True).x_train) == 300


def test_what_killed_downloads_left_is_removed_after_a_day(mirrors, cache):
    mirrors(None, None)
    cache.mkdir(parents=True)
    hours = {"tmpab_12345": 25, "tmpfresh_12": 1, "tmpnotes.txt": 99, "mine": 99}
    for name, age in hours.items():
        (cache / name).write_bytes(b"half")
        os.utime(cache / name, times=(time.time() - 3600 * age,) * 2)
    load_mnist(download=True)
    left = {path.name for path in cache.iterdir()} - {f"{file}.gz" for file in FILES}
    assert left == set(hours) - {"tmpab_12345"}


def test_in_the_right_form_but_not_the_published_one(mirrors, cache):
    """What load_mnist() refuses in the cache, download=True replaces."""
    first, _ = mirrors(None, None)
    load_mnist(download=True)
    write_set(cache, train=299)
    with pytest.raises(DataError, match="which replaces it"):
        load_mnist()
    assert len(load_mnist(download=True).x_train) == 300


def test_a_cache_that_cannot_be_written(mirrors, tmp_path, monkeypatch):
    mirrors(None, None)
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("DLCOURSE_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataUnavailable, match="cannot be stored, since .*: set DLCOURSE_CACHE to a folder that can"):
        load_mnist(download=True)


def test_without_pooch_and_without_tqdm(mirrors, monkeypatch, capfd):
    mirrors(None, None)
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataUnavailable, match="downloading MNIST needs pooch: run `pip install pooch`"):
        load_mnist(download=True)
    monkeypatch.delitem(sys.modules, "pooch")
    import pooch  # noqa: F401

    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert len(load_mnist(download=True).x_train) == 300
    assert capfd.readouterr().err == ""
