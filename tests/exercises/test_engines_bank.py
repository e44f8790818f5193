"""What is heard of answers to lesson 13: right ones pass, and a mistake is named in the words of whoever made it."""

import pytest

from dlcourse.exercises import CORRECT, NOT_YET, evaluate, find
from dlcourse.exercises.runners import Subprocess

SOFT = """
def prediction_layer(xp, x, W, b, t):
    z = x @ W + b
    e = xp.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
"""
DZ = "    return p, p - xp.eye(len(b))[t]"
TIMED = """
import statistics
from time import perf_counter
def bench(f, wait, clock, repeat):
    f(); wait()
    times = []
    for _ in range(repeat):
        start = clock(); f(); wait(); times.append(clock() - start)
    return np.median(times)
"""
ERROR = """
def parity(before, here, there, tolerance):
    u, v = here - before, there - before
    if np.array_equal(u, v): return 0.0, True
    if not u.any(): return np.inf, False
    error = np.linalg.norm(u - v) / np.linalg.norm(u)
    return error, error <= tolerance
"""
LOOP = """
def train(xp, x, t, W, lr, steps):
    gx, gt, gW = xp.asarray(x), xp.asarray(t), xp.asarray(W)
    losses = xp.zeros(steps)
    for k in range(steps):
        e = gx @ gW - gt
        losses[k] = (e * e).mean()
        gW = gW - lr * 2 * gx.T @ e / e.size
    return gW.get(), losses.get()
"""
LISTED = (("losses = xp.zeros(steps)", "losses = []"), ("losses[k] = (e * e).mean()", "losses.append((e * e).mean())"))
LEFT = """
def take_apart(claim):
    c, m, g, n, w, k, best = claim.values()
    return [c / g, (c / m) / (g / n), (c / m) / ((g + w) / n), (c / m) / ((g + w + k) / n), \\
            (best / m) / ((g + w + k) / n)]
"""


def put(text, *changes):
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


RIGHT = {
    "ones in places": ("13.1", SOFT + "    y = xp.zeros_like(p); y[xp.arange(len(t)), t] = 1\n    return p, p - y"),
    "1.0 in places": ("13.1", SOFT + "    y = xp.zeros(p.shape); y[xp.arange(len(t)), t] = 1.0\n    return p, p - y"),
    "a chain of looks": (
        "13.2",
        put(
            TIMED,
            ("    times = []\n", "    times, last = [], clock()\n"),
            (
                "start = clock(); f(); wait(); times.append(clock() - start)",
                "f(); wait(); now = clock(); times.append(now - last); last = now",
            ),
        ),
    ),
    "roots of means": (
        "13.3",
        put(ERROR, ("np.linalg.norm(u - v) / np.linalg.norm(u)", "np.sqrt(np.mean((u - v) ** 2) / np.mean(u ** 2))")),
    ),
    "tolist": ("13.4", put(LOOP, ("losses.get()", "losses.tolist()"))),
    "asnumpy": ("13.4", put(LOOP, ("gW.get(), losses.get()", "xp.asnumpy(gW), xp.asnumpy(losses)"))),
    "printed after the loop": ("13.4", put(LOOP, ("    return", "    print(losses)\n    return"))),
    "the learning rate in an array": ("13.4", put(LOOP, ("lr * 2", "xp.asarray(lr) * 2"))),
    "a stack": ("13.4", put(LOOP, *LISTED, ("losses.get()", "xp.stack(losses).get()"))),
    "a tuple": ("13.5", put(LEFT, ("[c", "(c"), ("/ n)]", "/ n))"))),
}


@pytest.mark.parametrize("what", RIGHT)
def test_right_answers_pass(what):
    verdict = heard(*RIGHT[what])
    assert verdict.state == CORRECT, verdict


def heard(id, code):
    with Subprocess([(id, code)]) as runner:
        return evaluate(find(id), runner, seed=7)


LENGTHS = "np.linalg.norm(u - v) / np.linalg.norm(u)"
GONE = ("start = clock(); f(); wait(); times.append(clock() - start)",)
NAMED = {  # an answer -> the key of the wrong answer that it is taken for
    "if": ("13.1", SOFT + "    if p.max() > 1: raise ValueError\n" + DZ, "an if"),
    "assert": ("13.1", SOFT + "    assert (p <= 1).all()\n" + DZ, "an if"),
    "print": ("13.1", SOFT + "    print(p)\n" + DZ, "print"),
    "f-string": ("13.1", SOFT + "    print(f'{p[0, 0]:.2f}')\n" + DZ, "print"),
    "print a tuple": ("13.1", SOFT + "    print((p, z))\n" + DZ, "print"),
    "sign": ("13.1", SOFT + "    return p, xp.eye(len(b))[t] - p", "desired − p"),
    "no bias": ("13.1", put(SOFT, (" + b", "")) + DZ, "no bias"),
    "mask": (
        "13.1",
        SOFT + "    y = xp.zeros_like(p); y[t[:, None] == xp.arange(len(b))] = 1\n    return p, p - y",
        "an index of True and False",
    ),
    "rows in a list": (
        "13.1",
        SOFT + "    dz = p.copy(); dz[list(range(len(t))), t] -= 1\n    return p, dz",
        "row numbers of NumPy",
    ),
    "loop": (
        "13.1",
        SOFT + "    dz = p.copy()\n    for i in range(len(t)): dz[i, t[i]] -= 1\n    return p, dz",
        "row by row",
    ),
    "one less": ("13.2", put(TIMED, ("range(repeat)", "range(repeat - 1)")), "one too few"),
    "one less, statistics": (
        "13.2",
        put(TIMED, ("range(repeat)", "range(1, repeat)"), ("np.median", "statistics.median")),
        "one too few",
    ),
    "dropped": ("13.2", put(TIMED, ("np.median(times)", "np.median(times[1:])")), "the first one dropped"),
    "swapped": (
        "13.2",
        put(TIMED, ("start = clock(); f(); wait();", "start = clock(); wait(); f();")),
        "waited for too early",
    ),
    "one clock": (
        "13.2",
        put(
            TIMED,
            ("    for _", "    start = clock()\n    for _"),
            ("start = clock(); f(); wait(); times.append(clock() - start)", "f(); wait()"),
            ("np.median(times)", "(clock() - start) / repeat"),
        ),
        "one clock around all",
    ),
    "inf for v": ("13.3", put(ERROR, ("if not u.any()", "if not u.any() or not v.any()")), "inf for both"),
    "inf before all": (
        "13.3",
        put(
            ERROR,
            ("    if np.array_equal(u, v): return 0.0, True\n", ""),
            ("if not u.any()", "if not u.any() or not v.any()"),
        ),
        "inf for both",
    ),
    "the other": ("13.3", put(ERROR, (LENGTHS, "np.linalg.norm(u - v) / np.linalg.norm(v)")), "relative to the other"),
    "the other's cases": (
        "13.3",
        put(ERROR, ("not u.any", "not v.any"), (LENGTHS, "np.linalg.norm(u - v) / np.linalg.norm(v)")),
        "relative to the other",
    ),
    "max": ("13.3", put(ERROR, (LENGTHS, "np.abs(u - v).max()")), "the largest difference"),
    "max by max": ("13.3", put(ERROR, (LENGTHS, "np.abs(u - v).max() / np.abs(u).max()")), "largest differences"),
    "mean": ("13.3", put(ERROR, (LENGTHS, "np.abs(u - v).mean()")), "the mean difference"),
    "mean by mean": ("13.3", put(ERROR, (LENGTHS, "np.abs(u - v).mean() / np.abs(u).mean()")), "means"),
    "element by element": ("13.3", put(ERROR, (LENGTHS, "np.max(np.abs(u - v) / np.abs(u))")), "number by number"),
    "mean of elements": ("13.3", put(ERROR, (LENGTHS, "np.mean(np.abs((u - v) / u))")), "mean of ratios"),
    "float after the loop": (
        "13.4",
        put(LOOP, *LISTED, ("losses.get()", "np.array([float(v) for v in losses])")),
        "losses one by one, after the loop",
    ),
    "get after the loop": (
        "13.4",
        put(LOOP, ("losses.get()", "[v.get() for v in losses]")),
        "losses one by one, after the loop",
    ),
    "get in the loop": (
        "13.4",
        put(LOOP, ("e.size\n", "e.size\n        W = gW.get()\n"), ("return gW.get()", "return W")),
        ".get() in every step",
    ),
    "an array of NumPy": (
        "13.4",
        put(LOOP, ("xp.zeros", "np.zeros"), ("losses.get()", "losses")),
        "a loss in every step",
    ),
    "W for gW": ("13.4", put(LOOP, ("gW = gW - ", "W = gW - "), ("return gW", "return W")), "always from the same W"),
    "W for gW, gW given": ("13.4", put(LOOP, ("gW = gW - ", "W = gW - ")), "always from the same W"),
    "last": ("13.4", put(LOOP, ("losses[k]", "losses")), "the last loss alone"),
    "last in place": ("13.4", put(LOOP, ("losses[k]", "losses[-1]")), "the last loss alone"),
    "last in a list": (
        "13.4",
        put(LOOP, ("losses[k]", "losses"), ("losses.get()", "[float(losses)]")),
        "the last loss alone",
    ),
    "best by nothing": ("13.5", put(LEFT, ("(best / m)", "best")), "the best CPU for all images"),
    "best by the others": ("13.5", put(LEFT, ("(best / m)", "(best / n)")), "the best CPU for all images"),
    "one ratio": (
        "13.5",
        "def take_apart(claim):\n    c, m, g, n, w, k, best = claim.values()\n"
        "    return [c / g, c / m / (g / n), c / (g + w), c / (g + w + k), best / (g + w + k)]",
        "images in one ratio",
    ),
    "CPU only": (
        "13.5",
        put(LEFT, ("(g / n)", "g"), ("((g + w) / n)", "(g + w)"), ("((g + w + k) / n)", "(g + w + k)")),
        "the CPU alone for one image",
    ),
    "added": (
        "13.5",
        put(LEFT, ("((g + w) / n)", "(g / n + w)"), ("((g + w + k) / n)", "(g / n + w + k)")),
        "all waits on top of one image",
    ),
    "typed in": (
        "13.5",
        "def take_apart(claim):\n    return 5_000_000, 5333.33, 960, 480, 0.32",
        "the advertisement's own numbers",
    ),
    "wait for gpu + wait": ("13.5", put(LEFT, ("((g + w) / n)", "(w / n)")), "the wait alone, once"),
    "wait, then copies": (
        "13.5",
        put(LEFT, ("((g + w) / n)", "(w / n)"), ("((g + w + k) / n)", "(k / n)")),
        "the wait alone",
    ),
    "four": ("13.5", put(LEFT, ("(best / m) / ((g + w + k) / n)]", "]")), "without the best program"),
}


@pytest.mark.parametrize("what", NAMED)
def test_a_mistake_is_named(what):
    id, code, key = NAMED[what]
    verdict = heard(id, code)
    assert (verdict.state, verdict.key) == (NOT_YET, key), verdict


SAID = {  # what no single wrong answer explains -> words of the sentence that is heard
    "a list in places": (
        "13.1",
        SOFT + "    y = xp.zeros_like(p); y[xp.arange(len(t)), t] = [1] * len(t)\n    return p, p - y",
        "a list or an array of NumPy that is put into places is copied",
    ),
    "print and if": (
        "13.1",
        SOFT + "    print(p)\n    if p.max() > 1: p = p / 1\n" + DZ,
        "an `if` asks the device|`print` or an f-string fetches what it shows",
    ),
    "get of NumPy": ("13.1", SOFT + "    return p, p.get()", "`.get()` is asked of an array of NumPy"),
    "perf_counter": (
        "13.2",
        put(TIMED, ("clock()", "perf_counter()")),
        "The `clock` that you are handed is never read",
    ),
    "two clocks": (
        "13.2",
        put(TIMED, ("clock() - start", "perf_counter() - start")),
        "f is called 6 times, and `clock` only 5 times",
    ),
    "rows put together": (
        "13.1",
        "def prediction_layer(xp, x, W, b, t):\n    rows = [xp.exp(z - xp.max(z)) for z in x @ W + b]\n"
        "    p = xp.stack([e / e.sum() for e in rows])\n    return p, p - xp.eye(len(b))[t]",
        "where ten or so do. Does a loop go through the rows? Do all rows in one operation.",
    ),
    "get, and gW as it was": (
        "13.4",
        put(LOOP, ("gW = gW - lr * 2 * gx.T @ e / e.size", "W = (gW - lr * 2 * gx.T @ e / e.size).get()")),
        "step by step: `.get()` fetches an array, and the host waits (once)",
    ),
    "data as xp.array": (
        "13.4",
        put(LOOP, ("        e = gx", "        gx, gt = xp.array(x), xp.array(t)\n        e = gx")),
        "`xp.array` copies numbers of the host (2 times)",
    ),
    "now and then": (
        "13.4",
        put(LOOP, ("e.size\n", "e.size\n        if k % 5 == 0: print(losses[k])\n")),
        "`print` or an f-string fetches what it shows, and the host waits (in some steps)",
    ),
    "W alone": ("13.4", put(LOOP, (", losses.get()", "")), "`train` gives back two things"),
    "three of five": (
        "13.5",
        "def take_apart(claim):\n    return 1, 2, 3",
        "`take_apart` returns 3 numbers; 5 numbers are",
    ),
    "a number": ("13.5", "def take_apart(claim):\n    return 1.0", "returns a single number; 5 numbers are wanted"),
    "other numbers": ("13.5", "def take_apart(claim):\n    return 1, 2, 3, 4, 5", "gives the same in every case"),
}


@pytest.mark.parametrize("what", SAID)
def test_what_no_single_cause_explains_is_told_in_known_words(what):
    id, code, words = SAID[what]
    verdict = heard(id, code)
    assert (verdict.state, verdict.key) == (NOT_YET, ""), verdict
    assert all(part in verdict.sentence for part in words.split("|")), verdict.sentence


@pytest.mark.parametrize("what", NAMED)
def test_the_evidence_compares_like_with_like_and_by_name(what):
    rows = dict(heard(*NAMED[what][:2]).evidence)
    yours, expected = rows.get("yours", ""), rows.get("expected", "")
    assert "gpu." not in yours and yours.partition(" at ")[2] == expected.partition(" at ")[2], rows
