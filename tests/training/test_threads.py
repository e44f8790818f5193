"""What a step of several threads promises: the gradient of one, the same bits, thread counts restored, errors whole."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_steps import NETS, batches, cnn, mlp
from threadpoolctl import threadpool_limits

from dlcourse.backends import cores as cores_module
from dlcourse.backends import team as team_module
from dlcourse.backends.cores import cores
from dlcourse.backends.team import Blas, Team, threads_here
from dlcourse.nn.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU, Residual
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.optimizers import SGD, Momentum
from dlcourse.training.steps import CUT, ONE_THREAD, SerialStep, ThreadStep, choose_step, rule

ROUNDING = 2e-5  # docs/decisions.md 24: of the largest number in the gradient
linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc/self/task, as on Linux")


def blas_threads():
    return [library.num_threads for library in Blas().libraries]


@pytest.fixture
def two_blas_threads():
    """Whatever this machine has: a count that can be seen to come back."""
    with threadpool_limits(2, "blas"):
        yield blas_threads()


def step_of(net, threads=2):
    return ThreadStep(net, SoftmaxCrossEntropy(), Momentum(net.theta, net.grad, lr=0.05), threads=threads)


# ---- the same gradient, the same bits


@settings(max_examples=60)
@given(st.sampled_from(NETS), st.integers(1, 5), st.integers(1, 23), st.integers(0, 2**32 - 1))
def test_threads_give_the_gradient_of_one_thread(kind, threads, B, seed):
    """Convolution, pooling, batch norm, dropout, residual; batches of 1, odd ones, and ones smaller than the team."""
    (make, shape), rng = kind, np.random.default_rng(seed)
    x, t = rng.standard_normal((B, *shape), "float32"), rng.integers(0, 3, B)
    found = []
    for step in (SerialStep, lambda *a: ThreadStep(*a, threads=threads)):
        net = make()
        value = step(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.0))(x, t)
        found.append((value, net.grad, np.concatenate([np.ravel(b) for b in net.buffers.values()])))
    (value, grad, kept), (also, parts, too) = found
    np.testing.assert_allclose(also, value, rtol=ROUNDING)
    np.testing.assert_allclose(parts, grad, rtol=0, atol=ROUNDING * np.abs(grad).max())
    np.testing.assert_allclose(too, kept, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("make, shape", NETS)
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_the_same_seed_gives_the_same_bits(make, shape, threads):
    data = batches(shape, (8, 7, 3, 1, 8))

    def run():
        net = make()
        step = step_of(net, threads)
        values = [step(x, t) for x, t in data]
        return values, net.theta.tobytes(), net.grad.tobytes()

    assert run() == run()


# ---- memory


def image_network():
    """Everything at once: convolution, batch norm, pooling, a residual block, dropout."""
    inner = Residual(Conv2D(8, 8, 3, padding=1), BatchNorm(8), ReLU())
    rest = MaxPool2D(), Dropout(0.3), Flatten(), Dense(128, 10)
    return Network(Conv2D(2, 8, 3, padding=1), BatchNorm(8), ReLU(), inner, *rest)


def peak_of(calls):
    """Bytes that these calls allocate at most, beside what there was."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    calls()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_team_allocates_nothing_that_grows_with_the_batch(threads):
    peaks = []
    for B in (32, 512, 2048):
        step, x, t = step_of(image_network(), threads), np.ones((B, 8, 8, 2), "float32"), np.zeros(B, "int64")
        for _ in range(3):
            step(x, t)
        peaks.append(peak_of(lambda step=step, x=x, t=t: step(x, t)))
    assert peaks[1] < peaks[0] + 140_000 * threads, peaks  # NumPy's casting buffers, of fixed size
    assert peaks[2] < peaks[1] + 70_000 * threads, peaks  # an output of the first layer adds 3.1 MB


@pytest.mark.parametrize("make_step", [SerialStep, ThreadStep])
def test_a_short_last_batch_allocates_nothing_however_often_it_comes(make_step):
    net = image_network()
    step = make_step(net, SoftmaxCrossEntropy(), Momentum(net.theta, net.grad, lr=0.01))
    x, t = np.ones((1024, 8, 8, 2), "float32"), np.zeros(1024, "int64")

    def epoch():
        for n in (1024, 1024, 513, 1024, 1, 1024, 1023):
            step(x[:n], t[:n])

    epoch(), epoch()
    assert peak_of(lambda: (epoch(), epoch())) < 300_000  # an output of the first layer has 2.1 MB


# ---- the number of BLAS threads


@pytest.mark.parametrize("error", [None, RuntimeError("from a learner"), KeyboardInterrupt("in a worker")])
@pytest.mark.parametrize("where", ["worker", "caller"])
def test_the_number_of_blas_threads_is_restored(error, where, two_blas_threads):
    net, ((x, t),), inside = cnn(), batches((8, 8, 2), (8,)), []
    step = step_of(net)

    def relu_backward(da, a):
        inside.append(blas_threads())
        if error and (threading.current_thread() is threading.main_thread()) == (where == "caller"):
            raise error
        return da * (a > 0)

    with net.swap(relu_backward=relu_backward):
        if error is None:
            step(x, t)
        else:
            with pytest.raises(type(error), match=str(error)):
                step(x, t)
    assert inside and all(n == 1 for counts in inside for n in counts)
    assert blas_threads() == two_blas_threads
    assert np.isfinite(step(x, t)) and blas_threads() == two_blas_threads


def test_two_steps_at_once_restore_what_the_first_one_found(two_blas_threads):
    """Each in a thread of its own, as in a notebook that trains in the background."""
    blas, order, meet = [Blas(), Blas()], [], threading.Barrier(2, timeout=10)

    def first():
        meet.wait()
        meet.wait()

    def second():
        order.append("second is in")
        meet.wait()
        meet.wait()
        order.append(blas_threads())

    def in_the_background():
        meet.wait()
        blas[1](second)

    thread = threading.Thread(target=in_the_background)
    thread.start()
    blas[0](first)
    order.append("first is out")
    meet.wait()
    thread.join(10)
    assert order == ["second is in", "first is out", [1] * len(two_blas_threads)]
    assert blas_threads() == two_blas_threads


def test_a_step_in_the_background_keeps_blas_to_one_thread_too(two_blas_threads):
    """Although the main thread has set the number before: threadpoolctl then listens to nobody else."""
    seen = []

    def train():
        seen.append(Blas()(blas_threads))
        seen.append(blas_threads())

    thread = threading.Thread(target=train)
    thread.start()
    thread.join(10)
    assert seen == [[1] * len(two_blas_threads), two_blas_threads] and blas_threads() == two_blas_threads


@linux
def test_no_other_thread_computes_while_the_team_does(two_blas_threads):
    """Time on a core, as the kernel counts it: the threads of BLAS itself get none (a hundredth second is a tick)."""
    net = Network(Conv2D(8, 32, 3), Conv2D(32, 32, 3), Flatten(), Dense(32 * 16 * 16, 10))
    x, t = np.ones((64, 20, 20, 8), "float32"), np.zeros(64, "int64")
    step = step_of(net)
    step(x, t)
    time.sleep(0.05)  # BLAS's threads spin for a moment after a product before they sleep

    def ticks():
        mine = {str(thread.native_id) for thread in threading.enumerate()}
        used = {}
        for task in Path("/proc/self/task").iterdir():
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            used[task.name in mine] = used.get(task.name in mine, 0) + int(fields[11]) + int(fields[12])
        return used

    before, end = ticks(), time.monotonic() + 30
    while ticks()[True] - before[True] < 60 and time.monotonic() < end:
        step(x, t)
    after = ticks()
    assert after[True] - before[True] >= 60
    assert after.get(False, 0) - before.get(False, 0) <= 3


# ---- how many threads


def test_the_cores_of_a_process_are_its_affinity(monkeypatch):
    monkeypatch.setattr(cores_module, "CGROUP", Path("nowhere"))
    monkeypatch.setattr(cores_module, "PROC", Path("nowhere"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert cores() == 3


@pytest.mark.parametrize(
    "said, files, expected",
    [
        ("0::/a/b", {"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}, 2),
        ("0::/a/b", {"cpu.max": "max 100000", "a/b/cpu.max": "50000 100000"}, 1),
        ("0::/", {}, 6),
        ("0::/", {"cpu.max": "900000 100000"}, 6),
        ("3:cpuacct,cpu:/c", {"cpu/c/cpu.cfs_quota_us": "400000", "cpu/c/cpu.cfs_period_us": "100000"}, 4),
        ("3:cpu:/c", {"cpu/c/cpu.cfs_quota_us": "-1", "cpu/c/cpu.cfs_period_us": "100000"}, 6),
        ("3:cpu:/c", {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ("3:cpuset:/c", {"c/cpu.max": "100000 100000"}, 6),
    ],
)
def test_a_containers_share_counts_too(said, files, expected, monkeypatch, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    (tmp_path / "mine").write_text(said + "\n")
    monkeypatch.setattr(cores_module, "CGROUP", tmp_path)
    monkeypatch.setattr(cores_module, "PROC", tmp_path / "mine")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    assert cores() == expected


def test_a_step_takes_no_more_threads_than_blas_may_use_nor_than_there_are_cores(monkeypatch):
    monkeypatch.setattr(team_module, "cores", lambda: 32)
    with threadpool_limits(1, "blas"):
        assert threads_here() == 1
    with threadpool_limits(2, "blas"):
        assert threads_here() == 2
        monkeypatch.setattr(team_module, "cores", lambda: 1)
        assert threads_here() == 1
    monkeypatch.setattr(team_module, "cores", lambda: 32)
    monkeypatch.setattr(Blas, "__init__", lambda self, most=1: setattr(self, "libraries", []))
    assert threads_here() == team_module.MOST


BIG = Network(Conv2D(1, 32, 3), Conv2D(32, 64, 3), Flatten(), Dense(36864, 10)), (128, 28, 28, 1)


def chosen(net, shape, **how):
    return choose_step(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1), shape, **how)


def test_one_knob_limits_both_kinds_of_threads():
    """OPENBLAS_NUM_THREADS and its like, or threadpoolctl, in each of several notebooks: nothing else has to be set."""
    code = "import numpy; from dlcourse.backends.team import threads_here; print(threads_here())"
    one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", code], env=os.environ | one, capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "1", run.stderr
    with threadpool_limits(1, "blas"):
        step = chosen(*BIG)
    assert type(step) is SerialStep and step.blas.most == 1 and "one core to use" in repr(step)


def test_the_team_is_as_large_as_the_rule_says_and_says_so(monkeypatch):
    step = chosen(*BIG, threads=3)
    assert type(step) is ThreadStep and step.team.size == 3
    assert "images, at least 2 GFLOP: 3 threads" in repr(step) and "MFLOP a step" in repr(step)
    wide = Network(Dense(784, 512), Dense(512, 10)), (128, 784)
    with threadpool_limits(2, "blas"):
        assert chosen(*wide, threads=2).blas is None, "as many as BLAS has: nothing to set"
        few = chosen(*wide, threads=1)
        assert few.blas.most == 1
    with threadpool_limits(2, "blas"):
        step = chosen(*wide, threads=2)
        step.limit(1)
        assert step.blas.most == 1


def test_below_two_million_flop_nobody_asks_how_many_threads_there_are(monkeypatch):
    """Asking takes longer than a step of a small network."""
    monkeypatch.setattr("dlcourse.training.steps.threads_here", lambda: pytest.fail("asked"))
    step = chosen(mlp(), (8, 5))
    assert step.blas is None and "no threads but those of BLAS" in repr(step)


def test_the_rule_is_of_flops_images_and_threads_alone():
    low, high = ONE_THREAD
    assert [rule(f, False, 2)[0] for f in (low - 1, low, high - 1, high, 1e12)] == [
        *("serial", "one thread", "one thread", "serial", "serial"),
    ]
    assert [rule(f, True, 2)[0] for f in (CUT - 1, CUT)] == ["serial", "threads"]
    assert {rule(f, i, 1)[0] for f in (low, high, 1e12) for i in (True, False)} == {"one thread"}


# ---- errors


class Broken(Exception):
    pass


def learners_mistake(da, a):
    if threading.current_thread() is not threading.main_thread():
        raise Broken("from a learner")
    return da * (a > 0)


def test_an_error_in_a_worker_arrives_whole_and_at_once():
    """Its own type, sentence and frames; nobody hangs in batch norm's barrier; the next step works."""
    net, ((x, t),) = cnn(), batches((8, 8, 2), (8,))
    step = step_of(net, 3)
    step(x, t)
    began_s = time.monotonic()
    with pytest.raises(Broken, match="from a learner") as caught, net.swap(relu_backward=learners_mistake):
        step(x, t)
    assert time.monotonic() - began_s < 1
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames[-1] == "learners_mistake" and "guarded" in frames and "backward" in frames
    assert np.isfinite(step(x, t))


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals that go to one thread")
def test_the_interrupt_key_while_the_caller_waits_leaves_nobody_running():
    team, done = Team(2), []

    def f(i):
        if i:
            time.sleep(0.05)  # the caller waits by now
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(0.2)
            done.append(i)

    with pytest.raises(KeyboardInterrupt):
        team.run(f)
    assert done == [1]
    assert team.run(lambda i: i) == [0, 1]


def test_whoever_waits_for_a_sum_learns_that_another_failed():
    team, began_s = Team(3), time.monotonic()

    def f(i):
        if i == 2:
            raise Broken("before the sum")
        return team.allreduce(np.ones(3))

    with pytest.raises(Broken, match="before the sum"):
        team.run(f)
    assert time.monotonic() - began_s < 1
    assert [v.sum() for v in team.run(lambda i: team.allreduce(np.ones(3)))] == [9, 9, 9]


def test_a_step_made_while_another_runs_has_as_many_threads(two_blas_threads):
    alone = threads_here()
    assert Blas()(threads_here) == alone == threads_here()
    with threadpool_limits(4, "blas"):
        assert Blas(2).lowers() and Blas()(Blas(2).lowers)
    assert not Blas(2).lowers() and not Blas()(Blas(2).lowers)


@pytest.mark.parametrize("what", ["team", "team with sums"])
def test_an_interrupt_at_any_moment_leaves_nobody_running_and_restores_blas(what):
    run = subprocess.run([sys.executable, Path(__file__).with_name("presses.py"), *what.split()], capture_output=True,
                         text=True, timeout=120)  # fmt: skip
    assert run.returncode == 0 and int(run.stdout) > 30, run.stderr


def pressed(monkeypatch, holder, name, times):
    """The interrupt key is pressed as often as this function of the holder is called, and after that no more."""
    real, left = getattr(holder, name), [times]

    def press(*args):
        left[0] -= 1
        if left[0] >= 0:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(holder, name, press)


@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("name", ["leave", "close"])
def test_more_presses_while_a_team_is_dismissed(name, times, monkeypatch):
    """Nobody is left running, and what an earlier run has sent is never taken for an answer."""
    team, ended = Team(2), []

    class Pressed:
        def get(self):
            raise KeyboardInterrupt

    def part(i):
        time.sleep(0.02 * i)
        ended.append(i)
        return "stale"

    team.run(lambda i: i)
    team.done = [Pressed()]
    pressed(monkeypatch, Team, name, times)
    with pytest.raises(KeyboardInterrupt):
        team.run(part)
    assert ended == [0, 1]
    assert [v.tolist() for v in team.run(lambda i: team.allreduce(np.ones(1)))] == [[2], [2]]


@pytest.mark.parametrize("times", [1, 2, 5])
def test_more_presses_while_blas_is_restored(times, monkeypatch, two_blas_threads):
    pressed(monkeypatch, team_module, "restore", times)
    with pytest.raises(KeyboardInterrupt):
        Blas()(lambda: None)
    assert (blas_threads(), Blas.inside, Blas.before) == (two_blas_threads, set(), {})


def test_an_error_leaves_no_sum_behind():
    """One fails after it has sent its part of a sum: the next run does not get it."""
    team = Team(2)

    def part(i):
        if i:
            return team.allreduce(np.full(1, 9.0))
        raise Broken("before it took the sum")

    with pytest.raises(Broken):
        team.run(part)
    assert [v.tolist() for v in team.run(lambda i: team.allreduce(np.ones(1)))] == [[2], [2]]


def of_a_child(answer):
    """What `answer` gives in a forked process: True or False; None where it hangs."""
    child = os.fork()
    if not child:
        os._exit(7 if answer() else 1)
    for _ in range(500):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return {7: True, 1: False}[os.waitstatus_to_exitcode(status)]
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


@forks
def test_a_forked_process_has_a_team_of_its_own():
    """multiprocessing forks on Linux: the child has the team, and none of its threads."""
    team = Team(2)
    assert team.run(lambda i: i) == [0, 1]
    assert of_a_child(lambda: team.run(lambda i: i) == [0, 1])
    assert team.run(lambda i: i) == [0, 1]


@forks
def test_a_process_forked_while_another_thread_predicts_has_its_locks_open_and_its_threads_back(two_blas_threads):
    net, x, inside, go_on = mlp(), np.ones((8, 5), "float32"), threading.Event(), threading.Event()
    net.predict(x)

    def relu(z, a=None):
        inside.set()
        assert go_on.wait(10)
        return np.maximum(z, 0)

    def in_the_background():
        with net.swap(relu=relu):
            Blas()(net.predict, x)

    thread = threading.Thread(target=in_the_background)
    thread.start()
    assert inside.wait(10) and blas_threads() != two_blas_threads and net.predictor.lock.locked()

    def in_the_child():
        go_on.set()
        return blas_threads() == two_blas_threads and np.isfinite(net.predict(x)).all() and not Blas.inside

    try:
        assert of_a_child(in_the_child)
    finally:
        go_on.set()
        thread.join(10)
    assert blas_threads() == two_blas_threads


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals that go to one thread")
def test_the_interrupt_key_again_and_again_leaves_nobody_running():
    team, ended, main = Team(2), [], threading.main_thread().ident

    def part(i):
        if i:
            for _ in range(3):
                time.sleep(0.05)
                signal.pthread_kill(main, signal.SIGINT)
            time.sleep(0.2)
            ended.append(i)

    with pytest.raises(KeyboardInterrupt):
        team.run(part)
    assert ended == [1]
    assert team.run(lambda i: i) == [0, 1]
