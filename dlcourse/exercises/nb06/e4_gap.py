"""06.4 The largest difference between the gradients of `backward` and slopes found by nudging."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Fn, Wrong, call
from ..nb02.e2_central_difference import central_difference
from .e1_value import Value
from .e3_backward import backward


def gap(f, x):
    """max |grad_i − slope by nudging x_i|      f Values -> Value  x (I,) -> number"""
    inputs = [Value(xi) for xi in x]
    backward(f(*inputs))

    def moved(i, xi):
        numbers = list(x)
        numbers[i] = xi
        return f(*[Value(n) for n in numbers]).data

    def slope(i):
        return central_difference(lambda xi: moved(i, xi), x[i], 1e-5)

    return max(abs(v.grad - slope(i)) for i, v in enumerate(inputs))


# operations with a wrong rule, written so that they work with any class of Values
SQUARE = "(lambda v: type(v)(v.data**2, (v,), ({slope},)))"
HALF = SQUARE.format(slope="v.data")
ONE = SQUARE.format(slope="1.0")
FLIP = SQUARE.format(slope="-2 * v.data")
MORE = SQUARE.format(slope="2 * v.data + 1.7")


def cases(rng):
    def x(n):
        return (0.1 * rng.choice(np.arange(4, 19), size=n, replace=False) * rng.choice([-1, 1], size=n)).round(1)

    yield call("gap", Fn(f"lambda a, b: {HALF}(a) * b"), x(2))
    yield call("gap", Fn(f"lambda a, b, c: a * b + {ONE}(c)"), x(3), tag="a wrong slope in the last number")
    yield call("gap", Fn(f"lambda a, b, c: {MORE}(a) + b * c"), x(3), tag="a wrong slope in the first number")
    yield call("gap", Fn(f"lambda a, b: {MORE}(a) + {MORE}(b) + {ONE}(b)"), x(2), tag="two wrong slopes")
    yield call("gap", Fn(f"lambda a, b, c: {HALF}(a + b) * c"), x(3))
    yield call("gap", Fn(f"lambda a: {FLIP}(a)"), -abs(x(1)), tag="a gradient that is too small")
    yield call("gap", Fn(f"lambda a: {FLIP}(a)"), abs(x(1)), tag="a single number")
    yield call("gap", Fn("lambda a, b: (a * b + a).tanh()"), x(2), tag="no mistake")
    yield call("gap", Fn("lambda a: a * a * a + a.relu()"), x(1), tag="no mistake")
    yield call("gap", Fn("lambda a, b, c, d: (a * b + c).relu() * d + a"), x(4), tag="no mistake")


def in_copies(f, x):
    values = [Value(float(v)) for v in x]
    backward(f(*values))
    worst = 0.0
    for i, value in enumerate(values):
        up, down = np.array(x, dtype=float), np.array(x, dtype=float)
        up[i] += 1e-5
        down[i] -= 1e-5
        slope = (f(*map(Value, up)).data - f(*map(Value, down)).data) / 2e-5
        worst = max(worst, abs(value.grad - slope))
    return worst


def as_arrays(f, x):
    values = [Value(v) for v in np.asarray(x, dtype=float)]
    backward(f(*values))
    grads = np.array([v.grad for v in values])
    rows = np.eye(len(x))
    slopes = [central_difference(lambda h, row=row: f(*map(Value, x + h * row)).data, 0.0, 1e-6) for row in rows]
    return np.abs(grads - slopes).max()


def with_a_helper(f, x):
    def loss(numbers):
        return f(*(Value(n) for n in numbers)).data

    def slope(i):
        numbers = list(x)
        numbers[i] = x[i] + 1e-4
        above = loss(numbers)
        numbers[i] = x[i] - 1e-4
        return (above - loss(numbers)) / 2e-4

    values = tuple(Value(n) for n in x)
    print("graph built")
    backward(f(*values))
    return sorted(abs(v.grad - slope(i)) for i, v in enumerate(values))[-1]


# ---------------------------------------------------------------- wrong ones
def both(f, x, h=1e-5):
    """The two gradients as arrays."""
    values = [Value(v) for v in x]
    backward(f(*values))
    steps = h * np.eye(len(x))
    slopes = [(f(*map(Value, x + s)).data - f(*map(Value, x - s)).data) / (2 * h) for s in steps]
    return np.array([v.grad for v in values]), np.array(slopes)


def varied(measure):
    return lambda f, x: measure(*both(f, x))


def all_at_once(f, x):
    grads, _ = both(f, x)
    slope = (f(*map(Value, x + 1e-5)).data - f(*map(Value, x - 1e-5)).data) / 2e-5
    return np.abs(grads - slope).max()


def not_put_back(f, x):
    grads, _ = both(f, x)
    worst = 0.0
    for i in range(len(x)):
        x[i] += 1e-5
        above = f(*map(Value, x)).data
        x[i] -= 2e-5
        worst = max(worst, abs(grads[i] - (above - f(*map(Value, x)).data) / 2e-5))
    return worst


def one_side(f, x, h=1e-5):
    grads, _ = both(f, x)
    here = f(*map(Value, x)).data
    slopes = [(f(*map(Value, x + s)).data - here) / h for s in h * np.eye(len(x))]
    return np.abs(grads - slopes).max()


def no_backward(f, x):
    _, slopes = both(f, x)
    return np.abs(slopes).max()


def numbers_compared(f, x):
    _, slopes = both(f, x)
    return np.abs(x - slopes).max()


def no_values(kind):
    def gap(f, x):
        backward(f(*map(kind, x)))

    return gap


def forgotten_2(f, x):
    grads, slopes = both(f, x)
    return np.abs(grads - 2 * slopes).max()


SLOPE = "central_difference(lambda xi: moved(i, xi), x[i]{})"  # a line of the reference

EXERCISE = Exercise(
    id="06.4",
    title="Backward on trial",
    reference={"gap": gap},
    given={"Value": "06.1", "backward": "06.3", "central_difference": "02.2"},
    cases=cases,
    right=[{"gap": f} for f in (in_copies, as_arrays, with_a_helper)],
    wrong=[
        Wrong(
            "no abs",
            varied(lambda g, s: max(g - s)),
            "A gradient that is far too small counts as good for you. Take the size of each difference: abs.",
            source="https://github.com/fides-dev/fides/pull/33",
        ),
        Wrong(
            "the first alone",
            varied(lambda g, s: abs(g[0] - s[0])),
            "You look at the first number only. Nudge each of them in turn.",
            source="https://github.com/apache/tvm/pull/3856",
        ),
        Wrong(
            "the last alone",
            varied(lambda g, s: abs(g[-1] - s[-1])),
            "You give back the difference of the last number. Keep the largest of all.",
        ),
        Wrong(
            "all at once",
            all_at_once,
            "You nudge all numbers at the same time. Nudge one, and leave the others where they are.",
        ),
        Wrong(
            "sum", varied(lambda g, s: np.abs(g - s).sum()), "You add up the differences. Here the largest one counts."
        ),
        Wrong(
            "mean",
            varied(lambda g, s: np.abs(g - s).mean()),
            "You take the mean of the differences. One bad slope can hide among many good ones: take the largest.",
        ),
        Wrong(
            "smallest",
            varied(lambda g, s: np.abs(g - s).min()),
            "You take the smallest difference. The worst of them is wanted: the largest.",
        ),
        Wrong(
            "difference of the largest",
            varied(lambda g, s: abs(np.abs(g).max() - np.abs(s).max())),
            "You compare the largest slopes with each other. Compare number by number, then take the largest of all.",
        ),
        Wrong(
            "squared", varied(lambda g, s: ((g - s) ** 2).max()), "Your differences are squared. Take their size: abs."
        ),
        Wrong(
            "relative",
            varied(lambda g, s: (np.abs(g - s) / np.maximum(np.abs(g) + np.abs(s), 1e-12)).max()),
            "You divide by the size of the slopes. Here the plain difference is wanted.",
            source="https://github.com/PaddlePaddle/Paddle/issues/4054",
        ),
        Wrong(
            "not put back",
            not_put_back,
            "After a nudge you leave the number where it was pushed, and the caller's x is changed. Nudge a copy, or "
            "put the number back.",
            source="https://torchedup.dev/problems/gradient-check-numerical",
        ),
        Wrong(
            "one side",
            one_side,
            "You nudge to one side only, which is far less exact: even without a mistake a gap is left. Nudge up and "
            "down: `central_difference`.",
            source="https://github.com/apache/mxnet/issues/3693",
        ),
        Wrong(
            "no backward",
            no_backward,
            "Your gradients are all 0, as in new Values. Call `backward` on what f gives, and read the `grad` of the "
            "same Values that f got.",
        ),
        Wrong(
            "numbers compared",
            numbers_compared,
            "You compare the slopes with the numbers themselves, `data`. Compare them with the gradients, `grad`.",
        ),
        Wrong(
            "no Values",
            no_values(lambda n: n),
            "f got plain numbers, and it takes Values. Try `f(*[Value(n) for n in numbers])`, for `backward` and each "
            "nudge.",
        ),
        Wrong(
            "no Values, Python's numbers",
            no_values(float),
            "f got plain numbers. Make a Value of each before f gets it, for `backward` and for each nudge.",
        ),
        Wrong("twice the slope", forgotten_2, "Your slope by nudging is twice too large. The two places are 2h apart."),
    ],
    hints=(
        "Twice the same slopes: once from `backward(f(*inputs))` with Values made from x, once by nudging.",
        "Nudging needs plain numbers: a helper that puts one number into its place in a copy of x, and gives back the "
        "`.data` of f.",
        "For `central_difference` the helper must be a function of that one number. Whose `grad` does the slope belong "
        "to, and which of all the differences do you keep?",
    ),
    rtol=1e-4,
    atol=1e-6,
    equivalent={
        f"return {SLOPE.format(', 1e-05')} -> return {SLOPE.format('')}": "`central_difference` has this h anyway.",
        f"return {SLOPE.format(', 1e-05')} -> return {SLOPE.format(', -1e-05')}": "Its two places change their roles.",
    },
)
