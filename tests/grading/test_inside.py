"""Life behind the wall: what an honest answer may want of NumPy and of Python's library works there as outside."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import processes
import pytest

from dlcourse.grading import start, wall

IMPORTS = """
import importlib, sys
LEFT_OUT = ("antigravity", "idlelib", "this", "tkinter", "turtle", "turtledemo")  # windows, and what speaks
PARTS = ("char", "ctypeslib", "dtypes", "exceptions", "f2py", "fft", "lib", "linalg", "ma", "matlib", "polynomial",
         "random", "rec", "strings", "testing", "typing")
def failing():
    found = {}
    names = [n for n in sorted(sys.stdlib_module_names) if not n.startswith("_") and n not in LEFT_OUT]
    for name in names + ["numpy." + part for part in PARTS]:
        try:
            importlib.import_module(name)
        except BaseException as error:
            found[name] = f"{type(error).__name__}: {error}"
    try:
        exec("from numpy import *", {})
    except BaseException as error:
        found["*"] = f"{type(error).__name__}: {error}"
    return found
"""
USES = '''
import asyncio, concurrent.futures, copy, ctypes, datetime, decimal, faulthandler, glob, io, logging, mmap, os, pickle
import platform, queue, random, resource, secrets, select, signal, tempfile, threading, time, timeit, uuid

def threads():
    found = []
    made = [threading.Thread(target=lambda: found.append(np.linalg.svd(np.ones((40, 40)))[1][0])) for _ in range(4)]
    for one in made: one.start()
    for one in made: one.join()
    assert np.allclose(found, 40) and len(found) == 4

def pool():
    with concurrent.futures.ThreadPoolExecutor(4) as some:
        assert sum(some.map(lambda n: n * n, range(100))) == 328350

def waits():
    time.sleep(0.01); threading.Event().wait(0.01); queue.Queue().put(1); select.select([], [], [], 0.01)
    assert not (lock := threading.Lock()).acquire(timeout=0.01) or not lock.acquire(timeout=0.01)
    rang = []
    signal.signal(signal.SIGALRM, lambda *a: rang.append(1)); signal.setitimer(signal.ITIMER_REAL, 0.01)
    time.sleep(0.1)
    assert rang

def clocks():
    assert time.time() > 0 < time.perf_counter() and time.process_time() + time.thread_time() > 0
    time.localtime(), time.get_clock_info("monotonic"), datetime.datetime.now(), timeit.timeit("1", number=3)

def chance():
    random.seed(); np.random.seed()
    assert len({random.random(), random.SystemRandom().random(), secrets.token_hex(), os.urandom(8), uuid.uuid4(),
                np.random.rand(), np.random.default_rng().normal()}) == 7

def politely():
    """What is not there fails as it does without the right to it."""
    for call in (
        tempfile.mkdtemp, os.fork, os.pipe, lambda: open("x", "w"), lambda: open("/etc/passwd"),
        lambda: os.mkdir("x"), lambda: np.save("x", np.ones(2)), lambda: asyncio.run(asyncio.sleep(0)),
        lambda: os.kill(os.getpid(), 0), lambda: __import__("subprocess").run(["ls"]), lambda: os.nice(1),
    ):
        try:
            call()
        except OSError:
            continue
        raise AssertionError(call)

def system():
    os.path.exists("/tmp"), os.path.realpath("."), os.getcwd(), os.cpu_count(), os.sched_getaffinity(0), os.isatty(1)
    resource.getrusage(0), resource.getrlimit(7), platform.platform(), ctypes.CDLL(None).getpid(), os.getuid()
    mmap.mmap(-1, 1 << 20), logging.getLogger("x").info("x"), glob.glob("/tmp/*"), print("x")

def memory():
    keep = [np.ones(n * 1000) for n in range(200)]
    del keep
    assert np.zeros((3000, 3000)).sum() == 0 and copy.deepcopy(pickle.loads(pickle.dumps(np.ones(3)))).sum() == 3

def linear():
    a = np.random.rand(200, 200) + 200 * np.eye(200)
    assert np.allclose(np.linalg.inv(a) @ a, np.eye(200)) and np.isfinite(np.linalg.det(a / 200))
    assert np.allclose(np.linalg.solve(a, a @ np.ones(200)), 1) and np.linalg.eigvalsh(a @ a.T).min() > 0
    q, r = np.linalg.qr(a)
    assert np.allclose(q @ r, a) and np.linalg.lstsq(a, a[0], None)[0].shape == (200,)
    np.linalg.svd(a), np.linalg.eig(a), np.linalg.cholesky(a @ a.T), np.linalg.pinv(a)

def large():
    a = np.ones((700, 700), "f4")
    assert (a @ a == 700).all() and np.einsum("ij,jk,kl->il", a, a, a, optimize=True)[0, 0] == 490000

def others():
    assert np.allclose(np.fft.ifft2(np.fft.fft2(np.eye(64))), np.eye(64)) and np.sort(np.arange(10**6)[::-1])[0] == 0
    np.loadtxt(io.StringIO("1 2")), np.genfromtxt(io.StringIO("1 2")), np.array2string(np.ones(3)), str(np.eye(2))
    np.save(io.BytesIO(), np.ones(3)), np.savez_compressed(io.BytesIO(), a=np.ones(3)), np.ma.masked_array([1], [True])
    np.vectorize(lambda v: v + 1)(np.ones(3)), np.polynomial.Polynomial([1, 2])(3), np.testing.assert_allclose(1, 1)
    np.lib.stride_tricks.sliding_window_view(np.arange(9), 3), np.show_config(), np.errstate(all="raise").__enter__()

def failing():
    found = {}
    for use in (threads, pool, waits, clocks, chance, politely, system, memory, linear, large, others):
        try:
            use()
        except BaseException as error:
            found[use.__name__] = f"{type(error).__name__}: {error} {error.args}"
    return found
'''


def failing(zygote: start.Zygote, source: str) -> dict:
    with wall.Walled(zygote, [("uses", source)]) as worker:
        report = worker.run([["failing", [], {}, ""]], {}, 60.0)
        return report.get("value", report)


def missing(error: str) -> bool:
    """Is it a shared library that lies elsewhere than those of the system?"""
    name = error.split(": ")[1]
    places = [Path(top, start.MULTIARCH or "") for top in ("/lib", "/usr/lib")]
    return "cannot open shared object" in error and not any((place / name).exists() for place in places)


def test_the_library_and_all_parts_of_numpy_can_be_imported(zygote):
    code = "import json, numpy as np\n" + IMPORTS + "print(json.dumps(sorted(failing())))"
    outside = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.splitlines()[-1]
    inside = failing(zygote, IMPORTS)
    assert {name: says for name, says in inside.items() if name not in outside and not missing(says)} == {}


def test_numpy_and_the_library_work(zygote):
    assert failing(zygote, USES) == {}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="with one processor OpenBLAS has no threads")
def test_the_threads_of_openblas_work(zygote, monkeypatch):
    """NumPy is told to take one thread; an answer that takes more has them."""
    monkeypatch.setattr(start, "ENVIRONMENT", start.ENVIRONMENT | {"OPENBLAS_NUM_THREADS": "4"})
    with contextlib.closing(start.Zygote(zygote.layer)) as many:
        source = "def failing():\n    a = np.ones((900, 900))\n    return float((a @ a)[0, 0])\n"
        with wall.Walled(many, [("large", source)]) as worker:
            assert worker.run([["failing", [], {}, ""]], {}, 30.0)["value"] == 900
            counts = [len(os.listdir(f"/proc/{pid}/task")) for pid in processes.below(many.process.pid)]
            assert max(counts) >= 2
