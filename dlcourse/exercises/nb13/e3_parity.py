"""13.3 Do two engines make the same step? A relative error, and a tolerance that is said beforehand."""

from __future__ import annotations

import math

import numpy as np

from ..exercise import Exercise, Wrong, call
from .parities import apart, bare, by_number, cased, first, norm, other, varied, ways, wrong


def parity(before, here, there, tolerance):
    """error = ‖u − v‖ / ‖u‖ of the updates u = here − before, v = there − before
    before, here, there (N,) parameters  tolerance number -> error, error ≤ tolerance"""
    u, v = here - before, there - before
    gap, size = np.linalg.norm(u - v), np.linalg.norm(u)
    error = 0.0 if gap == 0 else np.inf if size == 0 else gap / size
    return error, error <= tolerance


def cases(rng):
    for tolerance, far in ((1e-3, 0.0004), (1e-3, 0.004), (0.02, 0.01), (0.02, 0.05)):
        before = rng.normal(size=4).round(1)
        u = (0.1 * rng.normal(size=4)).round(2) + 0.1
        yield call("parity", before, before + u, before + u * (1 + far * _signs(rng, 4)), tolerance)
    before, u = np.array([1000.0, -2000.0]), np.array([0.5, 0.25])
    yield call("parity", before, before + u, before + [0.25, 0.5], 1e-3, tag="parameters much larger than the step")
    yield call("parity", before, before + u, before - u, 0.5, tag="a step the other way")
    small = np.array([0.0, 0.0, 0.0])
    yield call("parity", small, small + [2e-9, -1e-9, 2e-9], small + [2e-9, 3e-9, 2e-9], 1e-5, tag="a very small step")
    yield call("parity", small, small + [0.3, 0.0, 0.4], small + [0.3, 0.1, 0.4], 0.5, tag="one does not move")
    yield call("parity", np.zeros(2), np.array([4.0, 0.0]), np.array([5.0, 0.0]), 0.25, tag="just at the tolerance")
    yield call("parity", np.zeros(2), np.array([4.0, 0.0]), np.array([2.0, 0.0]), 0.5, tag="just at the tolerance")
    yield call("parity", small, small + 0.25, np.array([0.25, np.nan, 0.25]), 0.1, tag="a nan in one of them")
    both = np.array([0.25, np.nan, 0.25])
    yield call("parity", small, both, both.copy(), 0.1, tag="the same nan in both")
    yield call("parity", np.zeros(2), np.array([0.0, 1.0]), np.array([0.0, 1.5]), 0.1, tag="a step of length 1")
    before = rng.normal(size=3).round(1)
    yield call("parity", before, before.copy(), before.copy(), 0.1, tag="no step at all")
    yield call("parity", before, before.copy(), before + 0.5, 0.1, tag="only the other one has made a step")
    yield call("parity", before, before + 0.5, before.copy(), 0.1, tag="the other one has made no step")
    yield call("parity", before, before + 0.25, before.copy(), 1.5, tag="the other one has made no step")


def _signs(rng, n):
    return np.resize([1.0, -1.0, 1.0], n) * rng.uniform(0.5, 1.5, size=n).round(1)


# ---------------------------------------------------------------- other right answers
def by_loops(before, here, there, tolerance):
    gap = math.sqrt(sum((h - t) ** 2 for h, t in zip(here, there)))
    size = math.sqrt(sum((h - b) ** 2 for h, b in zip(here, before)))
    if gap == 0:
        return 0, 0 <= tolerance
    if size == 0:
        return math.inf, False
    print("error", gap / size)
    return [gap / size, gap / size <= tolerance]


def by_squares(before, here, there, tolerance):
    u = here - before
    gap, size = ((here - there) ** 2).sum() ** 0.5, (u * u).sum() ** 0.5
    with np.errstate(all="ignore"):
        error = np.where(gap == 0, 0.0, np.divide(gap, size))
    return float(error), bool(error <= tolerance)


# ---------------------------------------------------------------- wrong ones
def inf_first(before, here, there, tolerance):
    if not (here - before).any() or not (there - before).any():
        return np.inf, False
    return parity(before, here, there, tolerance)


def all_close(before, here, there, tolerance):
    error, _ = parity(before, here, there, tolerance)
    return error, np.allclose(here, there)


def nan_is_equal(before, here, there, tolerance):
    if np.array_equal(here - before, there - before, equal_nan=True):
        return 0.0, True
    return parity(before, here, there, tolerance)


def either(u, v):
    return not u.any() or not v.any()


LENGTHS = "gap, size = (np.linalg.norm(u - v), np.linalg.norm(u)) -> gap, size = "
RATIO = "error = 0.0 if gap == 0 else np.inf if size == 0 else gap / size -> error = 0.0 if "

EXERCISE = Exercise(
    id="13.3",
    title="The same step?",
    reference={"parity": parity},
    returns=("error", "same"),
    cases=cases,
    right=[
        {"parity": by_loops},
        {"parity": by_squares},
        {"parity": varied()},
    ],
    wrong=[
        wrong(
            "parameters in place of updates",
            ways(apart, lambda u, v, b: norm(u + b)),
            "You divide by the length of the parameters, in which a step is lost. Subtract `before` from both first, "
            "and divide by the length of u.",
        ),
        wrong(
            "absolute",
            ways(apart),
            "That is the difference itself. Divide it by the length of u: a thousandth is much for one step and "
            "little for another.",
            source="https://github.com/CliMA/ClimaAtmos.jl/issues/1946",
        ),
        wrong(
            "relative to the other",
            ways(apart, other),
            "You divide by the length of v. The first engine is the measure: divide by that of u.",
            source="https://github.com/mpf/spgl1/issues/2",
        ),
        wrong(
            "relative to the larger",
            ways(apart, lambda u, v, b: max(norm(u), norm(v))),
            "You divide by the larger of both lengths. The first engine is the measure: divide by the length of u.",
            source="https://github.com/ROCm/composable_kernel/issues/154",
        ),
        wrong(
            "inf for both",
            [cased(apart, first, still=either), inf_first],
            "You give inf also where v alone is 0. Then the other engine has made no step: u − v is u, and the error "
            "is 1. Only where u is 0, and v is not, it is infinite.",
        ),
        wrong(
            "number by number",
            by_number(np.max),
            "You divide number by number, and take the largest: one that hardly moves blows it up, and 0 by 0 is nan. "
            "Compare the lengths of whole updates.",
            source="https://github.com/apache/mxnet/pull/4207",
        ),
        wrong(
            "mean of ratios",
            by_number(np.mean),
            "You divide number by number, and take the mean: one that hardly moves spoils it, and 0 by 0 is nan. "
            "Compare the lengths of whole updates.",
        ),
        wrong(
            "difference of lengths",
            ways(lambda u, v, b: abs(norm(u) - norm(v)), first),
            "You compare the lengths of u and v, and two steps in different directions can be equally long. Take the "
            "length of u − v.",
        ),
        wrong(
            "signed sum",
            ways(lambda u, v, b: abs(np.sum(u - v)), lambda u, v, b: abs(np.sum(u))),
            "Differences up and down cancel in your sum. Take the length, which counts squares.",
            source="https://github.com/JuliaLang/julia/pull/842",
        ),
        wrong(
            "squares",
            ways(lambda u, v, b: norm(u - v) ** 2, lambda u, v, b: norm(u) ** 2),
            "Your error is squared. The length of an array is the root of the sum of its squares.",
            source="https://github.com/gadomski/cpd/pull/146",
        ),
        wrong(
            "largest differences",
            ways(lambda u, v, b: np.max(abs(u - v)), lambda u, v, b: np.max(abs(u))),
            "You compare the largest numbers of u − v and of u. Compare their lengths: `np.linalg.norm`.",
        ),
        wrong(
            "the largest difference",
            ways(lambda u, v, b: np.max(abs(u - v))),
            "You give the largest number of u − v, divided by nothing. Divide the length of u − v by that of u: "
            "`np.linalg.norm`.",
        ),
        wrong(
            "the largest difference by the length",
            ways(lambda u, v, b: np.max(abs(u - v)), first),
            "Above stands the largest number of u − v. Take its length, as you do of u.",
        ),
        wrong(
            "means",
            ways(lambda u, v, b: np.mean(abs(u - v)), lambda u, v, b: np.mean(abs(u))),
            "You compare the means, or the sums, of |u − v| and of |u|. Compare their lengths: `np.linalg.norm`.",
            source="https://github.com/apache/mxnet/issues/3997",
        ),
        wrong(
            "the mean difference",
            ways(lambda u, v, b: np.mean(abs(u - v))),
            "You give the mean of |u − v|, divided by nothing. Divide the length of u − v by that of u: "
            "`np.linalg.norm`.",
        ),
        Wrong(
            "must be smaller",
            varied(same=lambda error, tolerance: error < tolerance),
            "An error just as large as the tolerance is allowed: ≤.",
        ),
        Wrong(
            "not larger",
            varied(same=lambda error, tolerance: not error > tolerance),
            "A nan counts as equal in yours: it is not larger than anything, and not smaller either. Ask whether the "
            "error is ≤ the tolerance.",
            source="https://github.com/NervanaSystems/ngraph/pull/2028",
        ),
        Wrong(
            "equal nan",
            nan_is_equal,
            "Where both updates hold the same nan, yours are equal. A nan is never equal, not even to itself: leave "
            "`equal_nan` out.",
        ),
        Wrong(
            "np.allclose",
            all_close,
            "`np.allclose` compares the parameters, with tolerances of its own. Compare your error with the tolerance "
            "that is handed over.",
            source="https://github.com/jax-ml/jax/pull/7482",
        ),
        Wrong(
            "a fixed tolerance",
            varied(same=lambda error, tolerance: error <= 1e-5),
            "Your tolerance is always 0.00001. Use the one that is handed over.",
            source="https://github.com/JaxionProject/jaxion/issues/5",
        ),
        Wrong(
            "0 by 0",
            bare(apart, first),
            "Where neither has made a step, yours divides 0 by 0. Two equal updates have an error of 0.",
            source="https://github.com/CliMA/ClimaAtmos.jl/pull/1947",
        ),
        Wrong(
            "the error alone",
            varied(answer=lambda error, same: error),
            "You give the error alone. Two things are wanted: the error, and whether it is within the tolerance.",
        ),
        Wrong(
            "exchanged",
            varied(answer=lambda error, same: (same, error)),
            "Both are right, in the wrong order: first the error, then whether it is small enough.",
        ),
    ],
    hints=(
        "What has each engine added to the parameters? Subtract `before`, twice.",
        "`np.linalg.norm(u)` is the length of an array. Two lengths make the error; which one stands below?",
        "Which two cases can you not divide in, and what does the text say of them?",
    ),
    equivalent={
        LENGTHS + "(np.linalg.norm(-(u - v)), np.linalg.norm(u))": "the length of an array has no sign",
        LENGTHS + "(np.linalg.norm(v - u), np.linalg.norm(u))": "the length of an array has no sign",
        LENGTHS + "(np.linalg.norm(u - v), np.linalg.norm(-u))": "the length of an array has no sign",
        RATIO + "-gap == 0 else np.inf if size == 0 else gap / size": "only 0 is its own opposite",
        RATIO + "gap == 0 else gap / size": "a number of NumPy divided by 0 is inf, with a warning",
        RATIO + "gap == 0 else np.inf if -size == 0 else gap / size": "only 0 is its own opposite",
        RATIO
        + "gap == 0 else np.inf if size == -1 else gap / size": "a length is never -1, and NumPy divides by 0 to inf",
    },
)
