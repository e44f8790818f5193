"""02.2 The slope of any function, by a nudge to both sides."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Fn, Wrong, call


def central_difference(f, x, h=1e-5):
    """(f(x + h) − f(x − h)) / (2 * h)   f function  x number  h number -> slope of f at x"""
    return (f(x + h) - f(x - h)) / (2 * h)


def cases(rng):
    yield call("central_difference", Fn("lambda x: x**3"), 2.0, 0.1)
    yield call("central_difference", Fn("lambda x: x**2"), -3.0)
    yield call("central_difference", Fn("np.sin"), round(0.3 + float(rng.random()), 2))
    yield call("central_difference", Fn("np.exp"), round(1 + float(rng.random()), 2), 0.5, tag="a large h")
    yield call("central_difference", Fn("lambda x: 5 - 2 * x"), round(float(rng.normal()), 2) + 3)
    yield call("central_difference", Fn("abs"), 0.0, 0.01, tag="a corner")
    yield call("central_difference", Fn("np.tanh"), 40.0, tag="a flat place")
    yield call("central_difference", Fn("lambda x: x**4 - x"), 2, tag="a whole number for x")


def two_halves(f, x, h=1e-5):
    """The mean of the slopes to the right and to the left."""
    right = (f(x + h) - f(x)) / h
    left = (f(x) - f(x - h)) / h
    return (right + left) / 2


def with_diff(f, x, h=1e-5):
    low, high = f(x - h), f(x + h)
    print("from", low, "to", high)
    return np.diff([low, high])[0] / (2 * h)


EXERCISE = Exercise(
    id="02.2",
    title="The slope, by a nudge",
    reference={"central_difference": central_difference},
    cases=cases,
    right=[
        {"central_difference": lambda f, x, h=1e-5: 0.5 * (f(x + h) - f(x - h)) / h},
        {"central_difference": lambda f, x, h=1e-5: f(x + h) / (2 * h) - f(x - h) / (2 * h)},
        {"central_difference": lambda f, x, h=1e-5: -(f(x - h) - f(x + h)) / h / 2},
        {"central_difference": lambda f, x, h=1e-5: np.array((f(x + h) - f(x - h)) / (2 * h))},
        {"central_difference": lambda f, x, h=1e-5: np.float32((f(x + h) - f(x - h)) / (2 * h))},
        {"central_difference": two_halves},
        {"central_difference": with_diff},
    ],
    wrong=[
        Wrong(
            "to the right only",
            lambda f, x, h=1e-5: (f(x + h) - f(x)) / h,
            "You nudge to the right only, and where f is curved that is off by about h. Nudge to both sides.",
            source="https://github.com/apache/mxnet/issues/3693",
        ),
        Wrong(
            "to the left only",
            lambda f, x, h=1e-5: (f(x) - f(x - h)) / h,
            "You nudge to the left only, and where f is curved that is off by about h. Nudge to both sides.",
        ),
        Wrong(
            "divided by h",
            lambda f, x, h=1e-5: (f(x + h) - f(x - h)) / h,
            "Twice the slope: from x − h to x + h is a way of 2h, and your result is that of dividing by h.",
        ),
        Wrong(
            "times h",
            lambda f, x, h=1e-5: (f(x + h) - f(x - h)) / 2 * h,
            "`/ 2 * h` divides by 2 and then multiplies by h. Put brackets around it: `/ (2 * h)`.",
            source="DeepLearning.AI forum, Deep Learning Specialization, course 1, week 2, gradient check",
        ),
        Wrong(
            "no brackets above",
            lambda f, x, h=1e-5: f(x + h) - f(x - h) / (2 * h),
            "Only f(x − h) is divided: a division comes before a minus. Put brackets around the whole difference.",
            source="DeepLearning.AI forum, Deep Learning Specialization, course 1, week 2, gradient check",
        ),
        Wrong(
            "no brackets at all",
            lambda f, x, h=1e-5: f(x + h) - f(x - h) / 2 * h,
            "Without brackets only f(x − h) is halved and multiplied by h. Put them around the difference, and around "
            "(2 * h).",
        ),
        Wrong(
            "not divided",
            lambda f, x, h=1e-5: f(x + h) - f(x - h),
            "That is how much f changes. The slope is the change for each 1 of the way: divide by 2h.",
        ),
        Wrong(
            "half of one side",
            lambda f, x, h=1e-5: (f(x + h) - f(x)) / (2 * h),
            "From x to x + h is a way of h only, and you divide by 2h. Take f(x − h) in place of f(x).",
        ),
        Wrong(
            "turned round",
            lambda f, x, h=1e-5: (f(x - h) - f(x + h)) / (2 * h),
            "The sign is turned round: take f(x + h) first and subtract f(x − h).",
        ),
        Wrong(
            "h ignored",
            lambda f, x, h=1e-5: (f(x + 1e-5) - f(x - 1e-5)) / 2e-5,
            "You always nudge by 0.00001. Use the h that is handed in.",
        ),
        Wrong(
            "h half",
            lambda f, x, h=1e-5: (f(x + h / 2) - f(x - h / 2)) / h,
            "Your two places are x + h/2 and x − h/2. Here they are x + h and x − h, a way of 2h apart.",
        ),
        Wrong(
            "h outside f",
            lambda f, x, h=1e-5: ((f(x) + h) - (f(x) - h)) / (2 * h),
            "You nudge f(x), and the slope comes out as 1 whatever f is. Nudge x, and ask f again: f(x + h).",
        ),
        Wrong(
            "h multiplied",
            lambda f, x, h=1e-5: (f(x * (1 + h)) - f(x * (1 - h))) / (2 * h),
            "You nudge x by a fraction of itself. Nudge it by h: x + h and x − h.",
        ),
        Wrong(
            "a function",
            lambda f, x, h=1e-5: lambda v: (f(v + h) - f(v - h)) / (2 * h),
            "You return a function. The slope at this one x is wanted: a number.",
        ),
    ],
    equivalent={
        "def central_difference(f, x, h=1e-05): -> "
        "def central_difference(f, x, h=-1e-05):": "the same two places, both signs turned",
    },
    hints=(
        "Ask f at two places, a little to the right of x and a little to the left.",
        "How much did f change, and how far is it from x − h to x + h? The slope is the first divided by the second.",
        "The change is `f(x + h) - f(x - h)`. Put brackets around it before you divide, and around the distance too.",
    ),
    rtol=1e-6,
    atol=1e-8,
)
