"""02.4 Gradient descent: the same small step again and again, with a rule that says when it is enough."""

from __future__ import annotations

import copy

import numpy as np

from ..exercise import Exercise, Fn, Wrong, call


def gradient_descent(gradient, theta, lr, tol, most):
    """θ ← θ − lr · gradient(θ), until no number in θ moves by tol or more, at most `most` times -> θ, updates"""
    updates, moved = 0, np.inf
    while moved >= tol and updates < most:
        update = lr * gradient(theta)
        theta = theta - update
        updates = updates + 1
        moved = np.max(np.abs(update))
    return theta, updates


def bowl(at, steep=(1,)):
    """The slope of a bowl with its lowest place at `at`, as text."""
    return Fn(f"lambda v: 2 * np.array({list(map(float, steep))}) * (v - np.array({list(map(float, at))}))")


def cases(rng):
    a, b, c = (0.1 * rng.integers(11, 29, size=3)).round(1)
    yield call("gradient_descent", bowl([a, -b], [1, 1]), np.array([-b, a]), 0.1, 0.01, 100)
    yield call("gradient_descent", bowl([a, b, -c], [1, 0.2, 3]), np.array([0.0, 5.0, 4.0]), 0.15, 0.02, 200)
    yield call("gradient_descent", bowl([c]), np.array([-b]), 0.3, 1e-3, 100, tag="a single number")
    yield call("gradient_descent", bowl([a, b], [1, 2]), np.array([b, -c]), 0.05, 1e-6, 7, tag="few updates allowed")
    yield call("gradient_descent", bowl([a, b], [1, 2]), np.array([-c, c]), 0.05, 1e-6, 1, tag="one update allowed")
    yield call(
        "gradient_descent", bowl([b, a], [1, 2]), np.array([3, -1]), 0.1, 0.01, 100, tag="a start in whole numbers"
    )
    yield call(
        "gradient_descent", bowl([1.5, -2], [1, 2]), np.array([1.5, -2.0]), 0.1, 0.01, 100, tag="a start at the bottom"
    )
    yield call(
        "gradient_descent", bowl([1.5, -2], [1, 2]), np.array([1.5, -2.0]), 0.1, 0.0, 3, tag="moves of exactly tol"
    )
    yield call(
        "gradient_descent", bowl([a, b], [1, 2]), np.array([c, 0.5]), 1.1, 0.01, 40, tag="a learning rate too large"
    )


def for_and_break(gradient, theta, lr, tol, most):
    theta = np.array(theta, dtype=float)
    for n in range(most):  # noqa: B007
        update = -lr * gradient(theta)
        theta += update
        if (np.abs(update) < tol).all():
            break
    return theta, n + 1


def compares_old_and_new(gradient, theta, lr, tol, most):
    for n in range(most):
        new = theta - lr * np.asarray(gradient(theta))
        done = max(abs(new - theta)) < tol
        theta = new
        if done:
            return theta, n + 1
    return theta, most


def keeps_all(gradient, theta, lr, tol, most):
    path = [copy.deepcopy(theta)]
    while len(path) - 1 < most:
        path.append(path[-1] - lr * gradient(path[-1]))
        if all(np.less(np.abs(np.subtract(path[-1], path[-2])), tol)):
            break
    print(len(path), "places")
    return list(path[-1]), np.int64(len(path) - 1)


def recursive(gradient, theta, lr, tol, most):
    def again(v, n):
        u = lr * gradient(v)
        return (v - u, n + 1) if n + 1 == most or np.linalg.norm(u, np.inf) < tol else again(v - u, n + 1)

    return again(theta, 0)


def varied(
    turn=lambda v, u: v - u,
    size=lambda u: np.max(np.abs(u)),
    scale=lambda lr: lr,
    allow=lambda most: most,
    count=lambda n: n,
    goes_on=lambda moved, tol: moved >= tol,
    fresh=True,
):
    """Gradient descent with one thing done otherwise."""

    def gradient_descent(gradient, theta, lr, tol, most):
        updates, moved, first = 0, np.inf, gradient(theta)
        while goes_on(moved, tol) and updates < allow(most):
            update = scale(lr) * (gradient(theta) if fresh else first)
            theta = turn(theta, update)
            updates += 1
            moved = size(update)
        return theta, count(updates)

    return gradient_descent


def looks_first(gradient, theta, lr, tol, most):
    updates = 0
    while updates < most and np.max(np.abs(lr * gradient(theta))) >= tol:
        theta = theta - lr * gradient(theta)
        updates += 1
    return theta, updates


def slope_not_update(gradient, theta, lr, tol, most):
    updates, slope = 0, np.inf
    while slope >= tol and updates < most:
        slope = np.max(np.abs(gradient(theta)))
        theta = theta - lr * gradient(theta)
        updates += 1
    return theta, updates


def counts_unfinished(gradient, theta, lr, tol, most):
    updates = 0
    for _ in range(most):
        update = lr * gradient(theta)
        theta = theta - update
        if np.max(np.abs(update)) < tol:
            break
        updates += 1
    return theta, updates


def in_place(gradient, theta, lr, tol, most):
    for n in range(most):  # noqa: B007
        update = lr * gradient(theta)
        theta -= update
        if np.max(np.abs(update)) < tol:
            break
    return theta, n + 1


def on_a_copy(gradient, theta, lr, tol, most):
    theta = theta.copy()
    for n in range(most):  # noqa: B007
        update = lr * gradient(theta)
        theta -= update
        if np.max(np.abs(update)) < tol:
            break
    return theta, n + 1


EXERCISE = Exercise(
    id="02.4",
    title="Gradient descent",
    reference={"gradient_descent": gradient_descent},
    returns=("theta", "updates"),
    cases=cases,
    right=[
        {"gradient_descent": for_and_break},
        {"gradient_descent": compares_old_and_new},
        {"gradient_descent": keeps_all},
        {"gradient_descent": recursive},
    ],
    wrong=[
        Wrong(
            "uphill",
            varied(turn=lambda v, u: v + u),
            "You step in the direction in which the loss grows. Subtract: theta − lr · gradient.",
            source="https://github.com/pytorch/pytorch/issues/1871",
        ),
        Wrong(
            "forgets theta",
            varied(turn=lambda v, u: -u),
            "Each new theta is only −lr · gradient, and where it was is forgotten. Subtract the update from theta.",
            source="https://codehunter.cc/a/numpy/python-gradient-descent-cost-keeps-increasing",
        ),
        Wrong(
            "no abs",
            varied(size=np.max),
            "A step of −3 counts as small for you, and you stop too soon. Take the size of each step: np.abs.",
        ),
        Wrong(
            "one step",
            varied(allow=lambda most: 1),
            "You make one update and stop. Is the old theta still there when you compare it with the new one?",
            source="https://github.com/ooples/AiDotNet/pull/1360",
        ),
        Wrong(
            "last one not made",
            looks_first,
            "You stop before the first update that is smaller than tol. Make it and count it, then stop.",
        ),
        Wrong(
            "slope, not update",
            slope_not_update,
            "You stop by the gradient itself. The question is how far theta moved: lr times the gradient.",
        ),
        Wrong(
            "last one not counted",
            counts_unfinished,
            "theta is right, but the last update, the one smaller than tol, is not counted. Count it too.",
            source="https://github.com/dask/dask-glm/pull/79",
        ),
        Wrong(
            "counted from 0",
            varied(count=lambda n: n - 1),
            "theta is right, and your count is one too low each time. A loop that counts from 0 ends at one less.",
            source="https://github.com/almost-matching-exactly/DAME-FLAME-Python-Package/issues/32",
        ),
        Wrong(
            "stops at tol",
            varied(goes_on=lambda moved, tol: moved > tol),
            "A move of exactly tol ends yours. The rule is met by moves smaller than tol: `<`, not `<=`.",
        ),
        Wrong(
            "one too many",
            varied(allow=lambda most: most + 1),
            "You allow one update more than `most`. Is it `<=` where `<` is meant?",
            source="https://github.com/Valdecy/pyMetaheuristic/issues/13",
        ),
        Wrong(
            "one too few",
            varied(allow=lambda most: most - 1),
            "You allow one update less than `most`. The last one may still be made.",
            source="https://github.com/scipy/scipy/issues/9419",
        ),
        Wrong(
            "never small enough",
            varied(size=lambda u: np.inf),
            "You always make `most` updates. Stop after the first that moves no number by tol or more.",
        ),
        Wrong(
            "any",
            varied(size=lambda u: np.min(np.abs(u))),
            "You stop as soon as one number has come to rest. Wait until all of them have.",
        ),
        Wrong(
            "length",
            varied(size=np.linalg.norm),
            "You measure the length of the whole update. Here the largest single step decides: the maximum.",
        ),
        Wrong(
            "sum",
            varied(size=lambda u: np.sum(np.abs(u))),
            "You add up the sizes of the steps. Here the largest single step decides: the maximum.",
        ),
        Wrong(
            "mean",
            varied(size=lambda u: np.mean(np.abs(u))),
            "You take the mean of the steps' sizes. Here the largest single step decides: the maximum.",
        ),
        Wrong(
            "no lr",
            varied(scale=lambda lr: 1),
            "The learning rate plays no part: your steps are the gradient itself. Multiply it by lr.",
        ),
        Wrong(
            "one slope for all",
            varied(fresh=False),
            "All your steps are the first one again. Ask for the gradient anew at each new theta.",
        ),
        Wrong(
            "changes theta",
            in_place,
            "`theta -= ...` writes into the array you were handed, so the caller's start is lost. "
            "`theta = theta - ...` makes a new one.",
            source="https://community.deeplearning.ai/t/explanation-of-deepcopy/405663",
        ),
        Wrong(
            "a copy in whole numbers",
            on_a_copy,
            "`theta -= ...` keeps the kind of your copy: one of whole numbers takes no fractions. "
            "`theta = theta - ...` makes a new array, and needs no copy.",
        ),
    ],
    hints=(
        "A loop with four lines in it: compute the update, subtract it, count it, note how far theta moved.",
        "How far it moved is the largest size in the update: `np.max(np.abs(update))`. Begin with `moved = np.inf`.",
        "`while moved >= tol and updates < most:`. Subtract with `theta = theta - ...`: `-=` would change your input.",
    ),
    rtol=1e-6,
    atol=1e-9,
)
