"""07.4 The gradient check: a nudge for every number, against the gradient that a formula gave."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Fn, Wrong, call
from .checks import (
    all_at_once,
    always_0,
    by_number,
    by_plus,
    in_x,
    lengths_added,
    not_put_back,
    one_of_lengths,
    one_ratio,
    varied,
    whole_numbers_cut,
    whole_rows,
)


def check_gradient(f, x, g, h=1e-5):
    """largest |g − s| / max(|g|, |s|, 0.0001), where s is the slope of f by a nudge h to both sides
    f array -> number   x, g arrays of one shape   h number -> number"""
    worst = 0.0
    for i in np.ndindex(x.shape):
        up, down = x.astype(float), x.astype(float)
        up[i] += h
        down[i] -= h
        s = (f(up) - f(down)) / (2 * h)
        worst = max(worst, abs(g[i] - s) / max(abs(g[i]), abs(s), 0.0001))
    return worst


WAVE = Fn("lambda v: np.sum(np.sin(v) * v)")  # gradient: cos(v)·v + sin(v)
CUBE = Fn("lambda v: np.sum(v**3)")
PRODUCT = Fn("lambda v: np.prod(v)")
SMALL = Fn("lambda v: 1e-5 * np.sum(v**2)")
MEAN = Fn("lambda v: np.mean(v**2)")


def cases(rng):
    x = _numbers(rng, (4,))
    yield call("check_gradient", WAVE, x, (np.cos(x) * x + np.sin(x)).round(6), tag="a gradient that is right")
    x = _numbers(rng, (2, 3))
    yield call("check_gradient", MEAN, x, (2 * x / 6).round(6), tag="a gradient that is right")
    for shape in ((3,), (2, 3), (2, 1, 2)):
        x = _numbers(rng, shape)
        yield call("check_gradient", CUBE, x, (3 * x**2 * _factors(rng, shape)).round(2))
    x = _numbers(rng, (3,))
    yield call("check_gradient", PRODUCT, x, (np.prod(x) / x * [1, -1, 1]).round(4), tag="a wrong sign")
    x = _numbers(rng, (2, 2))
    yield call("check_gradient", CUBE, x, (3 * x**2 + [[0, 0], [0, 1.0]]).round(2), 0.1, tag="a large nudge")
    yield call("check_gradient", CUBE, x, (6 * x**2).round(2), 0.05, tag="a large nudge")
    x = _numbers(rng, (3,))
    yield call("check_gradient", SMALL, x, (2e-5 * x + [0, 2e-6, 0]).round(9), tag="slopes near 0")
    g = np.array([[2.0, -8.0, 6.0]])
    yield call("check_gradient", MEAN, np.array([[3, -6, 9]]), g, tag="whole numbers")
    x = np.array([-1.2, 0.9])
    yield call("check_gradient", MEAN, x, np.array([-0.3, 0.9]), tag="a negative slope")
    yield call("check_gradient", MEAN, _numbers(rng, (1,)), np.array([0.0]), tag="a single number")


def _numbers(rng, shape):
    return (rng.choice([-1, 1], shape) * rng.integers(5, 20, shape) / 10).astype(float)


def _factors(rng, shape):
    """Which slopes are wrong, and by how much: some too large, some too small."""
    wrong = np.resize([1.0, 1.5, 0.8, 1.0], int(np.prod(shape)))
    return rng.permutation(wrong).reshape(shape)


# ---------------------------------------------------------------- other right answers
def put_back(f, x, g, h=1e-5):
    v, worst = np.array(x, dtype=float), 0.0
    flat, slopes = v.reshape(-1), np.ravel(g)
    for i in range(flat.size):
        kept = flat[i]
        flat[i] = kept + h
        up = f(v)
        flat[i] = kept - h
        down = f(v)
        flat[i] = kept
        s = (up - down) / (2 * h)
        worst = max(worst, abs(slopes[i] - s) / max(abs(slopes[i]), abs(s), 1e-4))
    return worst


def directions(f, x, g, h=1e-5):
    s = np.zeros(x.shape)
    for k in range(x.size):
        e = np.zeros(x.size)
        e[k] = h
        e = e.reshape(x.shape)
        s[np.unravel_index(k, x.shape)] = (f(x + e) - f(x - e)) / (h + h)
    scale = np.maximum(np.maximum(np.abs(g), np.abs(s)), 1e-4)
    print("worst at", np.argmax(np.abs(g - s) / scale))
    return np.array(np.max(np.abs(g - s) / scale))


def in_a_list(f, x, g, h=1e-5):
    def slope(i):
        up, down = (np.where(np.arange(x.size).reshape(x.shape) == i, x + d, x) for d in (h, -h))
        return (f(up) - f(down)) / 2 / h

    pairs = [(g.flat[i], slope(i)) for i in range(x.size)]
    return max(abs(a - b) / max(abs(a), abs(b), 1e-4) for a, b in pairs)


EXERCISE = Exercise(
    id="07.4",
    title="The gradient check",
    reference={"check_gradient": check_gradient},
    cases=cases,
    right=[
        {"check_gradient": put_back},
        {"check_gradient": directions},
        {"check_gradient": in_a_list},
        {"check_gradient": varied()},
    ],
    wrong=[
        Wrong(
            "one side",
            varied(lambda f, x, e, h: (f(x + e) - f(x)) / h),
            "The nudge goes to one side only, which is far less exact. Nudge up and down, and divide by 2h.",
            source="https://github.com/apache/mxnet/issues/3693",
        ),
        Wrong(
            "divided by h",
            varied(lambda f, x, e, h: (f(x + e) - f(x - e)) / h),
            "The slopes are twice too large: from one nudge to the other it is 2h.",
            source="https://github.com/BVLC/caffe/issues/6814",
        ),
        Wrong(
            "divided by 2, times h",
            varied(lambda f, x, e, h: (f(x + e) - f(x - e)) / 2 * h),
            "Your slope is h² times too small: it is multiplied by h where it should be divided. Is 2h in parentheses?",
        ),
        Wrong(
            "all at once",
            all_at_once,
            "All coordinates are nudged together, which gives one slope for all. Nudge one at a time.",
        ),
        Wrong(
            "whole rows",
            whole_rows,
            "`x[i]` is a whole row where x has more than one axis, and its numbers are nudged together. Visit each "
            "place: `np.ndindex(x.shape)`.",
        ),
        Wrong(
            "h forgotten",
            lambda f, x, g, h=1e-5: varied()(f, x, g),
            "The h that is handed over is not used: it is not always 0.00001.",
        ),
        Wrong(
            "not relative",
            varied(scale=lambda g, s: 1.0),
            "That is the difference itself. Divide it by the larger of |g| and |s|: 0.1 is much for 0.2, not for 100.",
            source="https://github.com/scipy/scipy/issues/7766",
        ),
        Wrong(
            "relative to the sum",
            varied(scale=lambda g, s: np.maximum(np.abs(g) + np.abs(s), 1e-4)),
            "You divide by |g| + |s|. Divide by the larger of the two.",
            source="https://github.com/jcjohnson/torch-rnn/issues/13",
        ),
        Wrong(
            "relative to g",
            varied(scale=lambda g, s: np.maximum(np.abs(g), 1e-4)),
            "Your divisor knows |g| and not |s|: a g near 0 then blows everything up. Take the larger of the two.",
            source="https://github.com/ericchansen/q2mm/pull/248",
        ),
        Wrong(
            "relative to s",
            varied(scale=lambda g, s: np.maximum(np.abs(s), 1e-4)),
            "You divide by |s| alone. Divide by the larger of |g| and |s|.",
            source="https://github.com/stan-dev/stan/issues/297",
        ),
        Wrong(
            "one ratio for all",
            one_ratio,
            "You make one ratio, of the largest difference and the largest number of all places. Make one for each "
            "place, and give the largest of these.",
        ),
        Wrong(
            "one ratio of lengths",
            one_of_lengths,
            "You make one ratio, of the lengths of whole arrays. Make one for each place, and give the largest.",
        ),
        Wrong(
            "one ratio, lengths added",
            lengths_added,
            "You divide the length of g − s by the sum of the lengths of g and s. Make a ratio for each place "
            "instead, and give the largest.",
        ),
        Wrong(
            "denominator without sizes",
            varied(scale=lambda g, s: np.maximum(np.maximum(g, s), 1e-4)),
            "Below the line the signs of g and s count in yours: where both are negative, 0.0001 is left. Take |g| "
            "and |s|.",
        ),
        Wrong(
            "the smaller one",
            varied(scale=lambda g, s: np.maximum(np.minimum(np.abs(g), np.abs(s)), 1e-4)),
            "You divide by the smaller of |g| and |s|. Divide by the larger one.",
        ),
        Wrong(
            "the smallest of three",
            varied(scale=lambda g, s: np.minimum(np.minimum(np.abs(g), np.abs(s)), 1e-4)),
            "You divide by the smallest of the three numbers. Divide by the largest: `max`.",
        ),
        Wrong(
            "sum of three",
            varied(scale=lambda g, s: np.abs(g) + np.abs(s) + 1e-4),
            "You divide by the sum |g| + |s| + 0.0001. Divide by the largest of the three.",
        ),
        Wrong(
            "the least wrong place",
            varied(most=np.min),
            "That is the smallest value of all coordinates, the one that is best. Give the largest.",
        ),
        Wrong(
            "always 0",
            always_0,
            "Yours gives 0 every time. If `worst` begins with 0, keep the larger of `worst` and the new value: `max`.",
        ),
        Wrong(
            "no floor",
            varied(scale=lambda g, s: np.maximum(np.abs(g), np.abs(s))),
            "Slopes near 0 count fully, but are mostly rounding. Where |g| and |s| are below 0.0001, divide by that.",
            source="https://github.com/ericchansen/q2mm/pull/248",
        ),
        Wrong(
            "floor added",
            varied(scale=lambda g, s: np.maximum(np.abs(g), np.abs(s)) + 1e-4),
            "0.0001 is added to the larger of |g| and |s|. It only takes their place where both are smaller.",
        ),
        Wrong(
            "mean",
            varied(most=np.mean),
            "That is the mean over all coordinates, in which one wrong slope among many is lost. Give the largest.",
            source="https://github.com/apache/mxnet/issues/3997",
        ),
        Wrong(
            "no absolute value",
            varied(size=lambda d: d),
            "The differences keep their sign, so a slope that is too small goes unseen. Take the absolute value.",
            source="https://github.com/fides-dev/fides/pull/33",
        ),
        Wrong(
            "x not put back",
            not_put_back,
            "x is changed, and each nudge stays when the next one comes. Nudge a copy, or put the number back.",
            source="https://torchedup.dev/problems/gradient-check-numerical",
        ),
        Wrong(
            "whole numbers cut",
            whole_numbers_cut,
            "Where x holds whole numbers, each nudged number is cut to a whole one when it is stored. Nudge a copy in "
            "decimals: `x.astype(float)`.",
            source="https://github.com/oreilly-japan/deep-learning-from-scratch/issues/51",
        ),
        Wrong(
            "whole numbers cut, step by step",
            in_x(by_number),
            "Where x holds whole numbers, `+=` and `-=` store a whole one at each step. Nudge a copy in decimals: "
            "`x.astype(float)`.",
        ),
        Wrong(
            "whole numbers not put back",
            in_x(by_plus),
            "Where x holds whole numbers, nudges are cut to whole ones, and x does not come back. Nudge a copy in "
            "decimals: `x.astype(float)`.",
        ),
    ],
    hints=(
        "It is `central_difference` again, with one coordinate of a copy nudged and all others left alone.",
        "`for i in np.ndindex(x.shape)` visits every place, whatever the shape. `x.astype(float)` is a fresh copy.",
        "Three numbers stand under the fraction. Which keeps a slope of 0 from dividing by 0?",
    ),
    rtol=1e-6,
    atol=2e-7,
    equivalent={
        "def check_gradient(f, x, g, h=1e-05): -> def check_gradient(f, x, g, h=-1e-05):": "up and down change places, "
        "and so does the sign of 2h",
        "worst = 0.0 -> worst = -1.0": "no difference is below 0",
        "for i in np.ndindex(x.shape): -> for i in np.ndindex(g.shape):": "x and g have one shape",
    },
)
