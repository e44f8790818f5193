"""The limit on time: it ends what does not end, whatever that swallows, and leaves nothing behind."""

import contextlib
import signal
import sys
import threading
import time

import pytest

from dlcourse.exercises.limit import TimeLimit, limited, within

SHORT = 0.05


def endless():
    while True:
        pass


def swallows_exceptions():
    while True:
        try:
            endless()
        except Exception:
            pass


def swallows_all_once():
    """`except:` takes the first TimeLimit; the next one comes a tenth of a second later."""
    try:
        endless()
    except:  # noqa: E722
        endless()


def swallows_all_a_few_times():
    for _ in range(3):
        try:
            endless()
        except:  # noqa: E722
            pass
    endless()


def cleans_up_for_ever():
    try:
        endless()
    finally:
        endless()


def sleeps():
    while True:
        time.sleep(0.01)


def deep():
    return deep_again(0)


def deep_again(n):
    while n > 100:
        pass
    return deep_again(n + 1)


ENDLESS = [
    endless,
    swallows_exceptions,
    swallows_all_once,
    swallows_all_a_few_times,
    cleans_up_for_ever,
    sleeps,
    deep,
]


def swallows_all_for_ever():
    while True:
        try:
            sum(range(1000))
        except:  # noqa: E722
            pass


def swallows_all_twice_over():
    while True:
        try:
            try:
                time.sleep(0.01)
            except:  # noqa: E722
                pass
        except:  # noqa: E722
            pass


def goes_on_whatever_happens():
    while True:
        try:
            endless()
        finally:
            continue  # noqa: B012


def swallows_in_a_function():
    while True:
        try:
            swallows_all_once()
        except BaseException:
            continue


SWALLOWS = [swallows_all_for_ever, swallows_all_twice_over, goes_on_whatever_happens, swallows_in_a_function]


def on_a_thread(function):
    """What it returns, or raises, on a thread of its own."""
    found = []

    def run():
        try:
            found.append(function())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    return found[0]


def ended(work):
    """Seconds until the limit has ended this work."""
    began = time.monotonic()
    with pytest.raises(TimeLimit):
        within(SHORT, work)
    assert sys.exc_info() == (None, None, None), "no exception stays behind"
    return time.monotonic() - began


@pytest.fixture(params=["main thread", "other thread"])
def place(request):
    return (lambda f: f()) if request.param == "main thread" else on_a_thread


@pytest.mark.parametrize("work", ENDLESS)
def test_what_does_not_end_is_ended(place, work):
    seconds = place(lambda: ended(work))
    assert isinstance(seconds, float), seconds
    assert SHORT * 0.9 <= seconds < 5


@pytest.mark.parametrize("work", SWALLOWS)
def test_a_loop_that_swallows_everything_is_ended_on_the_main_thread(work):
    before, here = sys.gettrace(), sys._getframe()
    assert ended(work) < 5
    assert sys.gettrace() is before
    while here is not None:  # a trace that stays in a frame would raise when somebody traces for another reason
        assert here.f_trace is None
        here = here.f_back


def test_a_time_limit_is_no_exception_that_learners_catch():
    assert not issubclass(TimeLimit, Exception)


def later(seconds=0.3):
    """Time enough for an exception that comes too late, in small steps."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return "quiet"


def test_what_ends_in_time_is_left_alone(place):
    def work():
        with limited(SHORT):
            found = 2 + 2
        return found, later()

    assert place(work) == (4, "quiet")


def test_nothing_comes_after_a_limit_that_was_reached(place):
    def work():
        with contextlib.suppress(TimeLimit), limited(SHORT):
            endless()
        return later()

    assert place(work) == "quiet"


def test_errors_pass(place):
    def work():
        with limited(SHORT):
            raise ValueError("mine")

    if place is on_a_thread:
        assert str(place(work)) == "mine"
    else:
        with contextlib.suppress(ValueError):
            place(work)
    assert place(later) == "quiet"


@pytest.mark.parametrize("outer, inner", [(5, SHORT), (SHORT, 0.6)], ids=["inner first", "outer first"])
def test_a_limit_inside_a_limit(place, outer, inner):
    def work():
        reached = []
        try:
            with limited(outer):
                try:
                    with limited(inner):
                        endless()
                except TimeLimit:
                    reached.append("inner")
                    if outer < inner:
                        raise
        except TimeLimit:
            reached.append("outer")
        return reached, later()

    reached, rest = place(work)
    assert reached[-1:] == ["inner" if inner < outer else "outer"] and rest == "quiet"


def test_the_outer_limit_still_holds_after_an_inner_one(place):
    def work():
        try:
            with limited(3 * SHORT):
                with limited(5):
                    pass
                endless()
        except TimeLimit:
            return later()

    assert place(work) == "quiet"


@pytest.fixture
def handler():
    """Somebody else's handler and timer; both are put back."""
    calls = []
    old = signal.signal(signal.SIGALRM, lambda *_: calls.append(time.monotonic()))
    yield calls
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, old)


def test_the_handler_is_restored(handler):
    mine = signal.getsignal(signal.SIGALRM)
    for work in (lambda: None, endless):
        with contextlib.suppress(TimeLimit), limited(SHORT):
            work()
        assert signal.getsignal(signal.SIGALRM) is mine and signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("work", [lambda: None, endless, lambda: time.sleep(0.03)], ids=["short", "long", "asleep"])
def test_a_timer_that_was_running_goes_on(handler, work):
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.25)
    began = time.monotonic()
    with contextlib.suppress(TimeLimit), limited(SHORT):
        work()
    assert not handler
    rest, interval = signal.getitimer(signal.ITIMER_REAL)
    assert interval == pytest.approx(0.25, abs=0.01)
    assert rest == pytest.approx(0.5 - (time.monotonic() - began), abs=0.1)


def test_a_timer_that_has_run_out_inside_rings_at_once(handler):
    signal.setitimer(signal.ITIMER_REAL, SHORT)
    with limited(1):
        time.sleep(3 * SHORT)
    later(0.05)
    assert len(handler) == 1


def test_many_threads_at_once():
    found = []

    def run(work):
        with contextlib.suppress(TimeLimit):
            with limited(SHORT if work is endless else 5):
                work()
            found.append("ended")
        later(0.15)

    threads = [threading.Thread(target=run, args=(w,)) for w in (endless, lambda: None) * 4]
    for t in threads:
        t.start()
    for t in threads:
        t.join(20)
    assert found == ["ended"] * 4 and not any(t.is_alive() for t in threads)
