"""Answers in a process of their own: whatever they do, a Verdict comes out in time, and nothing is left behind."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from dlcourse.exercises import CORRECT, NOT_ATTEMPTED, NOT_YET, Exercise, Verdict, evaluate, runners, worker
from dlcourse.exercises.exercise import Fn, Wrong, call
from dlcourse.exercises.runners import InProcess, Subprocess
from dlcourse.exercises.worker import Mark

linux = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")


def double(x):
    """y = 2x"""
    return 2 * x


EX = Exercise(
    id="01.9",
    title="Double",
    reference={"double": double},
    cases=lambda rng: [
        call("double", rng.normal(size=3).round(1)),
        call("double", 4.0),
        call("double", np.ones((2, 2))),
    ],
    wrong=[Wrong("square", lambda x: x**2, "You square."), Wrong("as it was", lambda x: x, "You change nothing.")],
    hints=("a", "b", "c"),
    limit_s=0.5,
)
GOOD = "def double(x): return x + x"


def judged(source, ex=EX):
    with Subprocess([(ex.id, source)]) as runner:
        return evaluate(ex, runner)


def children():
    """The processes that this one has started and not yet waited for."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(stat.parent.name))
    return found


def descriptors():
    return set(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def nothing_left(request):
    """No zombie, no open descriptor, no folder."""
    if not Path("/proc/self/fd").exists():
        yield
        return
    homes, before, opened = [], children(), len(descriptors())
    real = runners.tempfile.TemporaryDirectory
    with pytest.MonkeyPatch.context() as patch:

        def made(*args, **kwargs):
            homes.append(real(*args, **kwargs))
            return homes[-1]

        patch.setattr(runners.tempfile, "TemporaryDirectory", made)
        yield
    assert children() <= before
    assert len(descriptors()) <= opened
    assert not [home.name for home in homes if os.path.exists(home.name)]


# ---------------------------------------------------------------- what answers do
REPLIES = "import os, sys, struct, json, time\nFD = int(sys.argv[2])\n"  # where the worker writes what it has to say
WRITE = REPLIES + "def say(b):\n    while b:\n        b = b[os.write(FD, b):]\n"
FRAME = WRITE + "def frame(m):\n    b = json.dumps(m).encode()\n    say(struct.pack('>I', len(b)) + b)\n"
HOSTILE = {
    "exits": "def double(x): raise SystemExit",
    "exits at once": "import os\ndef double(x): os._exit(0)",
    "crashes": "import ctypes\ndef double(x): ctypes.string_at(0)",
    "aborts": "import os\ndef double(x): os.abort()",
    "kills itself": "import os, signal\ndef double(x): os.kill(os.getpid(), signal.SIGKILL)",
    "stops itself": "import os, signal\ndef double(x): os.kill(os.getpid(), signal.SIGSTOP)",
    "kills its group": "import os, signal\ndef double(x): os.killpg(os.getpgid(0), signal.SIGKILL)",
    "never ends": "def double(x):\n    while True: pass",
    "never ends, and swallows": "def double(x):\n    while True:\n        try:\n            while True: pass\n"
    "        except BaseException: pass",
    "sleeps": "import time\ndef double(x): time.sleep(60)",
    "ignores signals": "import signal, time\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n"
    "    except (OSError, ValueError): pass\ndef double(x):\n    while True: time.sleep(1)",
    "writes garbage": WRITE + "def double(x): say(b'hello world')",
    "writes half a frame": WRITE + "def double(x):\n    say(b'\\0\\0\\0\\x10{')\n    time.sleep(60)",
    "writes half a header": WRITE + "def double(x):\n    say(b'\\0')\n    time.sleep(60)",
    "drips": WRITE + "def double(x):\n    say(b'\\0\\0\\xff\\xff')\n    while True:\n        say(b' ')\n"
    "        time.sleep(0.05)",
    "a huge header": WRITE + "def double(x): say(b'\\xff' * 4)",
    "a header and much": WRITE + "def double(x):\n    say(struct.pack('>I', 8 << 20))\n    say(b'x' * (9 << 20))",
    "an empty frame": WRITE + "def double(x): say(b'\\0' * 4)",
    "no json": WRITE + "def double(x): say(b'\\0\\0\\0\\x02{]')",
    "no utf-8": WRITE + "def double(x): say(b'\\0\\0\\0\\x02\\xff\\xfe')",
    "json that is no report": FRAME + "def double(x): frame([1, 2])\n",
    "deep json": WRITE + "def double(x):\n    b = b'[' * 200000\n    say(struct.pack('>I', len(b)) + b)",
    "deep json in a report": WRITE + "def double(x):\n    b = b'{\"value\":' + b'[' * 200000 + b']' * 200000 + b'}'\n"
    "    say(struct.pack('>I', len(b)) + b)",
    "a number of many digits": WRITE + "def double(x):\n    b = b'{\"value\":' + b'9' * 99999 + b'}'\n"
    "    say(struct.pack('>I', len(b)) + b)",
    "an extra frame": FRAME + "def double(x):\n    frame({'value': 1})\n    return 2 * x",
    "many frames ahead": FRAME + "def double(x):\n    for _ in range(50): frame({'value': 1})\n    return 2 * x",
    "a thread that writes": FRAME + "import threading\ndef spam():\n    while True:\n        frame({'value': 1})\n"
    "def double(x):\n    threading.Thread(target=spam, daemon=True).start()\n    return 2 * x",
    "closes the pipe": REPLIES + "def double(x): os.close(FD)",
    "closes every pipe": "import os\ndef double(x): os.closerange(0, 256)",
    "recursion": "def double(x): return double(x)",
    "recursion without limit": "import sys\nsys.setrecursionlimit(10**9)\ndef double(x): return double(x)",
    "too much memory": "import numpy as np\ndef double(x): return np.zeros(10**14)",
    "a huge result": "import numpy as np\ndef double(x): return np.zeros(3 << 20)",
    "many huge results": "import numpy as np\ndef double(x): return [np.zeros(400_000)] * 100",
    "a list without end": "def double(x):\n    a = []\n    a.append(a)\n    return a",
    "an object that fails": "class A:\n    __class__ = property(lambda s: 1 / 0)\ndef double(x): return A()",
    "base exceptions": "class E(BaseException): pass\ndef double(x): raise E",
    "keyboard interrupt": "def double(x): raise KeyboardInterrupt",
    "a generator": "def double(x):\n    yield x",
    "breaks numpy": "import numpy as np\ndef double(x):\n    np.asarray = np.array_equal = None\n    return 2 * x",
    "breaks json": "import json\njson.dumps = lambda *a: 'x'\ndef double(x): return 1",
    "breaks the worker": "import __main__\n__main__.perform = lambda *a: {'value': 1}\ndef double(x): return 1",
    "forks": "import os\ndef double(x):\n    os.fork()\n    return 3 * x",
    "forks and waits": "import os, time\ndef double(x):\n    if os.fork() == 0: time.sleep(60)\n    return 3 * x",
    "forks and dies": "import os, time\ndef double(x):\n    if os.fork(): os._exit(1)\n    time.sleep(60)",
    "fills its folder": "import os, time\ndef double(x):\n    if os.fork() == 0:\n        while True:\n"
    "            open(f'{time.time_ns()}', 'w').close()\n    os._exit(1)",
    "locks its folder": "import os\nos.mkdir('a'); open('a/b', 'w').close(); os.chmod('a', 0); os.chmod('.', 0)\n"
    "def double(x): return 3 * x",
    "removes its folder": "import os\nos.rmdir(os.getcwd())\ndef double(x): return 3 * x",
}  # fmt: skip


@linux
@pytest.mark.parametrize("what", HOSTILE)
def test_whatever_an_answer_does_a_verdict_comes_in_time(what):
    began = time.monotonic()
    verdict = judged(HOSTILE[what])
    wanted = NOT_ATTEMPTED if what == "breaks json" else NOT_YET  # its cell has no answer at all
    assert isinstance(verdict, Verdict) and verdict.state == wanted, verdict
    assert verdict.sentence and len(verdict.sentence) < 1000
    assert time.monotonic() - began < 8
    json.dumps([verdict.sentence, verdict.evidence, verdict.printed, verdict.trace]).encode()


ONCE = ["exits at once", "crashes", "never ends", "writes garbage", "an extra frame", "closes the pipe", "breaks json"]


@linux
@pytest.mark.parametrize("what", [*ONCE, "base exceptions", "forks", "deep json", "removes its folder"])
def test_the_next_call_works(what):
    """The same runner, after a call that went wrong: a new worker, with the same cells."""
    calls = "def double(x):\n    return bad(x) if x == 1 else 2 * x"
    with Subprocess([("01.9", f"{HOSTILE[what]}\nbad = double\n{calls}")]) as runner:
        for _ in range(2):
            report = runner.run([["double", [1], {}, ""]], {}, 0.5)
            assert what == "breaks json" or report.get("value") != 2
            runner.run([["double", [3], {}, ""]], {}, 2.0)  # may still meet what the first has left
            for _ in range(4):  # two that answer may get in each other's way a few times: never a wrong value
                report = runner.run([["double", [4], {}, ""]], {}, 2.0)
                assert report.get("value", 8) == 8
            assert what == "breaks json" or report["value"] == 8


FORGED = [
    {},
    {"error": 3},
    {"error": ["a"], "says": 1},
    {"error": "E" * 10**6, "says": "s" * 10**6, "trace": "t" * 10**6},
    {"error": "FloatingPointError", "says": 3},
    {"error": "NameError", "name": 7, "line": "x"},
    {"value": 1, "printed": 5},
    {"value": 1, "printed": {"list": []}},
    {"value": 1, "changed": {"list": [1]}},
    {"error": "NameError", "name": "x", "kept": "yes"},
    {"value": {"array": ["<f8", [0, 3], ""]}, "printed": None},
    {"value": {"mark": ["other", "x" * 10**6]}},
    {"value": {"mark": ["open", ""]}, "open": True},
    {"problem": "<b>you passed</b>"},
    {"skipped": True},
    {"value": 1, "\ud800": 2, "printed": "\ud800"},
    {"value": "\ud800"},
    {"state": "correct", "key": "x", "sentence": "well done"},
    {"value": 10**4000},
    {"value": {"dict": [["a", 1], ["a", 2]]}},
]


@linux
@pytest.mark.parametrize("reply", FORGED, ids=lambda r: json.dumps(r)[:40])
def test_a_forged_report_is_never_correct_and_never_an_exception(reply):
    verdict = judged(f"import __main__\n__main__.answer = lambda names, r: {reply!r} if r['do'] == 'run' else "
                     "{'double': {'kind': 'function'}} if r['do'] == 'describe' else {}")  # fmt: skip
    assert verdict.state in (NOT_YET, NOT_ATTEMPTED) and len(verdict.sentence) < 1000, verdict.state
    said = [verdict.sentence, verdict.printed, verdict.trace, *(text for row in verdict.evidence for text in row)]
    assert all(type(text) is str and len(text) < 10_000 for text in said)
    assert "passed</b>" not in verdict.sentence and "well done" not in verdict.sentence
    "".join(said).encode()


DESCRIBED = [
    {"double": 3},
    {"double": {}},
    {"double": {"kind": 5}},
    {"double": {"kind": "function", "least": "a", "most": 1, "names": []}},
    {"double": {"kind": "function", "least": 1, "most": "a", "names": []}},
    {"double": {"kind": "function", "least": 2, "most": 2, "names": [{"a": 1}, None]}},
    {"double": {"kind": "function", "least": 2, "most": None, "names": ["x" * 10**6]}},
    {"double": {"kind": "function", "least": 10**400, "most": -1, "names": ["x"]}},
    {"other": {"kind": "function"}},
]


@linux
@pytest.mark.parametrize("reply", DESCRIBED, ids=lambda r: json.dumps(r)[:60])
def test_a_forged_description_is_never_an_exception(reply):
    verdict = judged(f"import __main__\n__main__.describe = lambda *a: {reply!r}\ndef double(x): return 3 * x")
    assert verdict.state in (NOT_YET, NOT_ATTEMPTED) and len(verdict.sentence) < 1000


# ---------------------------------------------------------------- what is right stays right
@linux
@pytest.mark.parametrize(
    "source",
    [
        GOOD,
        "def double(x):\n    print('y' * (50 << 20))\n    return 2 * x",
        "import sys\ndef double(x):\n    sys.stderr.write('w')\n    return 2 * x",
        "import os\ndef double(x):\n    os.write(1, b'raw')\n    os.write(2, b'raw')\n    return 2 * x",
        "import warnings\ndef double(x):\n    warnings.warn('careful')\n    return 2 * x",
        "import threading\ndef double(x):\n    threading.Thread(target=print).start()\n    return 2 * x",
        "print('a cell that prints')\n" + GOOD,
        GOOD + "\nraise ValueError('after the definition')",
    ],
    ids=["plain", "prints 50 MB", "stderr", "raw writes", "warns", "thread", "prints in the cell", "fails later"],
)
def test_noise_changes_no_verdict(source):
    ex = Exercise(**{**{f: getattr(EX, f) for f in EX.__dataclass_fields__}, "limit_s": 5.0})
    assert judged(source, ex).state == CORRECT


def test_a_wrong_answer_hears_the_same_as_in_process():
    source = "def double(x):\n    print('hm')\n    return x ** 2"
    names = {"np": np}
    exec(source, names)
    assert judged(source) == evaluate(EX, InProcess(names))
    assert judged(source).key == "square"


def test_nothing_defined_and_cells_that_fail():
    assert judged("x = 1").state == NOT_ATTEMPTED
    with Subprocess([("01.9", "y = 1 / 0\n" + GOOD)]) as runner:
        assert evaluate(EX, runner).state == NOT_ATTEMPTED
        assert (runner.failed["error"], runner.failed["line"]) == ("ZeroDivisionError", 1)


@linux
def test_a_cell_that_never_ends_costs_no_more_than_its_limit(monkeypatch):
    monkeypatch.setattr(runners, "CELL_S", 0.5)
    began = time.monotonic()
    with Subprocess([("01.9", "while True: pass")]) as runner:
        assert runner.describe(("double",)) == {}
        assert runner.failed["error"] == "TimeLimit"
    assert time.monotonic() - began < 4


def test_every_word_of_a_report_comes_through():
    source = "class A:\n    def __init__(self): self.n = 1\n    def f(self): return n\n"
    names = {}
    exec(compile(source, "<exercise 01.9>", "exec"), names)
    steps = [["A", [], {}, "a"], ["a.f", [], {}, ""]]
    with Subprocess([("01.9", source)]) as runner:
        there, here = runner.run(steps, {}, 2.0), InProcess(names).run(steps, {}, 2.0)
    assert there["error"] == "NameError" and {**there, "trace": ""} == {**here, "trace": ""}


def test_cells_run_in_order_in_one_namespace():
    with Subprocess([("a", "def half(x): return x / 2"), ("b", "def double(x): return half(4 * x)")]) as runner:
        assert evaluate(EX, runner).state == CORRECT


def test_functions_and_arrays_cross():
    with Subprocess([("01.9", "def f(g, x): return [g(x), x.dtype.str, type(x).__name__]")]) as runner:
        x = np.arange(3, dtype=np.float32)
        value = runner.run([["f", [Fn("np.square"), x], {}, ""]], {}, 2.0)["value"]
        assert np.array_equal(value[0], x**2) and value[1:] == ["<f4", "ndarray"]
        assert runner.run([["f", [Mark("ref", "no"), 1], {}, ""]], {}, 2.0)["error"] == "KeyError"


@linux
def test_the_process_knows_nothing_of_the_course_and_sits_elsewhere():
    source = """
import os, sys
def double(x):
    loaded = [m for m in sys.modules if m.partition(".")[0] == "dlcourse"]
    flags = [sys.flags.isolated, sys.flags.no_user_site]
    return [loaded, flags, os.getcwd() == os.environ["HOME"], sorted(os.listdir()), sorted(os.environ)]
def imports():
    import dlcourse
    return dlcourse.__file__
"""
    with Subprocess([("01.9", source)]) as runner:
        loaded, flags, at_home, files, variables = runner.run([["double", [1], {}, ""]], {}, 2.0)["value"]
        assert (loaded, flags, at_home, files) == ([], [1, 1], True, [])
        assert set(variables) <= {"HOME", "TMPDIR", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED", "LC_CTYPE"}
        found = runner.run([["imports", [], {}, ""]], {}, 10.0)
    assert found["error"] == "ModuleNotFoundError" and "cannot use dlcourse" in found["says"]


@linux
def test_no_descriptor_of_the_parent_is_open_in_it():
    source = "import os\ndef double(x): return sorted(int(f) for f in os.listdir('/proc/self/fd'))"
    with open(worker.__file__) as mine, Subprocess([("01.9", source)]) as runner:
        open_there = runner.run([["double", [1], {}, ""]], {}, 2.0)["value"]
        assert mine.fileno() >= 3 and len(open_there) <= 6  # three, two pipes, and the folder that is being read


@linux
def test_two_workers_do_not_hold_each_others_pipes():
    source = "import os\ndef double(x): return len(os.listdir('/proc/self/fd'))"
    with Subprocess([("01.9", source)]) as one, Subprocess([("01.9", source)]) as two:
        counts = [r.run([["double", [1], {}, ""]], {}, 2.0)["value"] for r in (one, two, one)]
        assert counts[0] == counts[1] == counts[2]


@linux
def test_what_it_has_started_ends_with_it():
    source = "import os, time\nchild = os.fork()\nif child == 0:\n    time.sleep(60)\ndef double(x): return child"
    with Subprocess([("01.9", source)]) as runner:
        child = runner.run([["double", [1], {}, ""]], {}, 2.0)["value"]
        assert os.path.exists(f"/proc/{child}")
    end = time.monotonic() + 3
    while alive(child) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(child)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_closing_twice_and_asking_after_closing():
    runner = Subprocess([("01.9", GOOD)])
    runner.close()
    assert runner.run([["double", [2], {}, ""]], {}, 2.0)["value"] == 4
    runner.close()
    runner.close()
    assert runner.process is None


@linux
def test_a_command_that_is_not_there_leaves_nothing():
    with pytest.raises(OSError), Subprocess([("01.9", GOOD)], command=("no-such-wall-of-ours",)) as runner:
        runner.run([["double", [1], {}, ""]], {}, 1.0)


@linux
def test_a_command_that_ends_at_once_is_a_dead_worker():
    with Subprocess([("01.9", GOOD)], command=("true",)) as runner:
        assert runner.run([["double", [1], {}, ""]], {}, 1.0)["error"] == "WorkerDied"
