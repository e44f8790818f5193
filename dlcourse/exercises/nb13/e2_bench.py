"""13.2 Honest timing of something that works on after it has been asked."""

from __future__ import annotations

import statistics

import numpy as np

from ..exercise import Exercise, Ref, Wrong, do, module, script
from ..practice import CLOCK
from ..sentences import counted


def bench(f, wait, clock, repeat):
    """Median of the seconds that f() and the wait for it take, after one call that is not counted
    f() asks   wait() waits until all is done   clock() -> seconds   repeat count -> seconds"""
    f()
    wait()
    times = []
    for _ in range(repeat):
        start = clock()
        f()
        wait()
        times.append(clock() - start)
    return np.median(times)


def cases(rng):
    works = rng.permutation(np.arange(3, 12)) / 1000
    yield _timed(1e-5, [0.4, *works[:5]], 5)
    yield _timed(2e-5, [0.3, *works[:7]], 7)
    yield _timed(1e-5, [0.4, *works[:4]], 4, tag="an even number of measurements")
    yield _timed(1e-5, [0.5, 0.004, 0.006, 0.3, 0.005, 0.0045], 5, tag="one call that is disturbed")
    yield _timed(0.002, [0.0], 3, tag="a host, which has done its work when the call returns")
    yield _timed(1e-5, [0.2, 0.007, 0.004], 2, tag="two measurements")


def _timed(asking_s, works_s, repeat, tag=""):
    made = (
        module("practice", CLOCK, "practice_clock()"),
        do("gpu = practice.Machine", asking_s, list(map(float, works_s))),
    )
    asked = do("bench", Ref("gpu.f"), Ref("gpu.wait"), Ref("gpu.clock"), repeat)
    return script("bench", *made, asked, do("gpu.seen"), tag=tag)


def told(value, *_):
    """What is compared: the seconds alone."""
    return value[0]


def clocked(part, value):
    """Is the clock read that was handed over, and often enough for as many measurements as there were calls?"""
    calls, looks = value[1]
    if not looks:
        return (
            "The `clock` that you are handed is never read. Call `clock()`, and not `perf_counter` or another: only "
            "this one shows how long the device has worked."
        )
    if looks < calls:
        return (
            f"f is called {counted(calls, 'time')}, and `clock` only {counted(looks, 'time')}. Each measurement has a "
            "look before f() and one after its wait."
        )
    return ""


# ---------------------------------------------------------------- other right answers
def waits_more(f, wait, clock, repeat):
    f(), wait()
    times = []
    while len(times) < repeat:
        wait()
        before = clock()
        f()
        wait()
        after = clock()
        times += [after - before]
    print(min(times), max(times))
    return statistics.median(times)


def sorted_by_hand(f, wait, clock, repeat):
    def once():
        start = clock()
        f()
        wait()
        return clock() - start

    once()
    times = sorted(once() for _ in range(repeat))
    return (times[(repeat - 1) // 2] + times[repeat // 2]) / 2


# ---------------------------------------------------------------- wrong ones
def varied(warm=1, first_wait=True, waits=True, told=np.median, more=0, early=False):
    """`bench` with one thing done otherwise."""

    def bench(f, wait, clock, repeat):
        for _ in range(warm):
            f()
        if first_wait:
            wait()
        times = []
        for _ in range(repeat + more):
            start = clock()
            if early:
                wait()
            f()
            if waits:
                wait()
            times.append(clock() - start)
        return told(times)

    return bench


def one_clock(f, wait, clock, repeat):
    f()
    wait()
    start = clock()
    for _ in range(repeat):
        f()
    wait()
    return (clock() - start) / repeat


def one_clock_all_waited_for(f, wait, clock, repeat):
    f()
    wait()
    start = clock()
    for _ in range(repeat):
        f()
        wait()
    return (clock() - start) / repeat


def one_clock_waiting(f, wait, clock, repeat):
    f()
    wait()
    start, times = clock(), []
    for _ in range(repeat):
        f()
        wait()
        times.append(clock() - start)
    return np.median(times)


EXERCISE = Exercise(
    id="13.2",
    title="Honest timing",
    reference={"bench": bench},
    cases=cases,
    apply=told,
    problem=clocked,
    right=[
        {"bench": waits_more},
        {"bench": sorted_by_hand},
        {"bench": varied()},
    ],
    wrong=[
        Wrong(
            "not waited for",
            varied(waits=False),
            "The clock is read while the device still works: that is the time for asking. Between f() and the second "
            "look at the clock, wait.",
            source="https://github.com/TristanBilot/mlx-benchmark/pull/21",
        ),
        Wrong(
            "waited for too early",
            varied(waits=False, early=True),
            "You wait before f() and not after it: a measurement holds what the call before has left. The order is "
            "clock, f(), wait(), clock.",
        ),
        Wrong(
            "no warm-up",
            varied(warm=0),
            "The first call is counted, with all that happens only once. Call f once and wait for it, uncounted; "
            "after that: clock, f(), wait(), clock.",
            source="https://github.com/pytorch/FBGEMM/pull/2163",
        ),
        Wrong(
            "the warm-up is not waited for",
            varied(first_wait=False),
            "The first measurement also holds what is left of the warm-up. Wait after that call, before you look at "
            "the clock.",
            source="https://github.com/ROCm/Tensile/pull/1139",
        ),
        Wrong(
            "mean",
            varied(told=np.mean),
            "You give the mean, which one disturbed call can spoil. Give the median.",
            source="https://github.com/mathiasbourgoin/Sarek/pull/78",
        ),
        Wrong(
            "the fastest",
            varied(told=min),
            "You give the fastest call. That tells how fast it can be once; the median tells how fast it is.",
            source="https://github.com/flix/flix/issues/3703",
        ),
        Wrong(
            "the slowest",
            varied(told=max),
            "You give the slowest call. Give the median of all.",
        ),
        Wrong(
            "one clock around all",
            one_clock,
            "One clock around all calls gives a mean, and without waits in between, asking hides behind work. "
            "Measure each call by itself.",
            source="https://github.com/meta-pytorch/torchrec/pull/4066",
            also=(one_clock_all_waited_for,),
        ),
        Wrong(
            "the clock is started once",
            one_clock_waiting,
            "The start is read once, so each measurement holds all calls before it. Look at the clock before every "
            "call.",
            source="https://github.com/OGGM/oggm/issues/715",
        ),
        Wrong(
            "added up",
            varied(told=sum),
            "You add the measurements up. Give the median: seconds for one call.",
        ),
        Wrong(
            "all of them",
            varied(told=list),
            "You give all measurements. Give one number, their median.",
        ),
        Wrong(
            "the upper of the middle two",
            varied(told=lambda times: sorted(times)[len(times) // 2]),
            "With an even number of measurements two lie in the middle, and you give the upper one. The median is "
            "half of their sum: `np.median`.",
            source="https://github.com/EleutherAI/lm-evaluation-harness/pull/3772",
        ),
        Wrong(
            "the middle one in time",
            varied(told=lambda times: times[len(times) // 2]),
            "That is the measurement in the middle of the row. The median is in the middle after sorting: `np.median`.",
            source="https://github.com/google/walt/pull/7",
        ),
        Wrong(
            "two calls to warm up",
            varied(warm=2),
            "Two calls are left uncounted. Here it is one, and then `repeat` measurements.",
        ),
        Wrong(
            "one too many",
            varied(more=1),
            "You measure once too often. It is one call uncounted, and then `repeat` measurements.",
        ),
        Wrong(
            "one too few",
            varied(more=-1),
            "You measure once too seldom: the warm-up is not one of the `repeat` measurements.",
        ),
        Wrong(
            "the first one alone",
            varied(told=lambda times: times[0]),
            "You give one measurement alone, the first. Take `repeat` of them, and give their median.",
        ),
        Wrong(
            "the first one dropped",
            varied(told=lambda times: np.median(times[1:])),
            "The first measurement is left out. The uncounted call comes before them: of the `repeat` measurements "
            "each one counts.",
            source="https://github.com/stamourv/racket-benchmark/issues/5",
        ),
    ],
    hints=(
        "A measurement is four lines: look at the clock, ask, wait, look again.",
        "Before the first measurement, one f() and one wait(). In the loop, collect the differences in a list.",
        "Of a list of times, which number does not care about one disturbed call? NumPy has a function for it.",
    ),
)
