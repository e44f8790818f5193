"""01.1 A unit: multiply, add, bend."""

from __future__ import annotations

import math

import numpy as np

from ..exercise import Exercise, Fn, Wrong, call


def unit(x, w, b, f):
    """y = f(w·x + b)      x (I,)  w (I,)  b number  f function -> y number"""
    return f(np.dot(w, x) + b)


def cases(rng):
    yield call("unit", np.array([2.0, 0.0]), np.array([-3.0, 1.0]), 6.8813735870195432, Fn("np.tanh"))
    for n, f in ((2, "np.tanh"), (3, "np.cos"), (5, "np.square"), (4, "np.arctan"), (1, "np.sin")):
        x, w, b = rng.normal(size=n).round(2), rng.normal(size=n).round(2), round(float(rng.uniform(0.3, 1.5)), 2)
        yield call("unit", x, w, b, Fn(f), tag="a single input" if n == 1 else "")
    yield call("unit", np.zeros(3), rng.normal(size=3).round(2), -1.25, Fn("np.tanh"), tag="nothing but zeros as input")


def loop(x, w, b, f):
    z = b
    for i in range(len(x)):
        z += w[i] * x[i]
    return f(z)


def chatty(x, w, b, f):
    products = [wi * xi for wi, xi in zip(w, x)]
    print("products", products)
    return np.array(f(sum(products, b)))


def changes_x(x, w, b, f):
    x *= w
    return f(x.sum() + b)


EXERCISE = Exercise(
    id="01.1",
    title="Build the unit",
    reference={"unit": unit},
    cases=cases,
    right=[
        {"unit": lambda x, w, b, f: f((w * x).sum() + b)},
        {"unit": lambda x, w, b, f: f(x @ w + b)},
        {"unit": lambda x, w, b, f: f(np.einsum("i,i->", x, w) + b)},
        {"unit": lambda x, w, b, f: float(f(math.fsum(w * x) + b))},
        {"unit": lambda x, w, b, f: f(np.append(w, b) @ np.append(x, 1.0))},
        {"unit": lambda x, w, b, f: np.float32(f(np.dot(w, x) + b))},
        {"unit": lambda x, w, b, f: [f(np.dot(w, x) + b)][0]},
        {"unit": loop},
        {"unit": chatty},
    ],
    wrong=[
        Wrong(
            "no bias",
            lambda x, w, b, f: f(np.dot(w, x)),
            "The bias is missing: your answer is exactly f(w·x).",
            source="https://stackoverflow.com/questions/2480650",
        ),
        Wrong("bias subtracted", lambda x, w, b, f: f(np.dot(w, x) - b), "You subtract the bias; a unit adds it."),
        Wrong(
            "bias after f",
            lambda x, w, b, f: f(np.dot(w, x)) + b,
            "You add the bias after f. It belongs to the sum, before f bends it.",
        ),
        Wrong(
            "bias per input",
            lambda x, w, b, f: f((w * x + b).sum()),
            "You add the bias once for each input. A unit adds it once.",
        ),
        Wrong(
            "bias as a factor",
            lambda x, w, b, f: f(np.dot(w, x) * b),
            "You multiply by the bias; a unit adds it.",
        ),
        Wrong(
            "no f",
            lambda x, w, b, f: np.dot(w, x) + b,
            "You return the sum z itself. The last step, f(z), is missing.",
            source="https://github.com/aymericdamien/TensorFlow-Examples/issues/262",
        ),
        Wrong(
            "always tanh",
            lambda x, w, b, f: np.tanh(np.dot(w, x) + b),
            "You always bend with tanh. Use the f that is handed in.",
        ),
        Wrong("f twice", lambda x, w, b, f: f(f(np.dot(w, x) + b)), "You bend twice: your answer is f(f(z))."),
        Wrong(
            "f per input",
            lambda x, w, b, f: f(w * x).sum() + b,
            "You bend each product and then add. Add first, then bend once.",
        ),
        Wrong(
            "not summed",
            lambda x, w, b, f: f(w * x + b),
            "You multiply and do not add up: one value for each input comes out, and one in all is wanted.",
            source="https://github.com/bfortuner/ml-glossary/issues/126",
        ),
        Wrong(
            "weights unused",
            lambda x, w, b, f: f(x.sum() + b),
            "The weights have no say: your answer is f(sum of x + b). Multiply each input by its weight first.",
        ),
        Wrong(
            "mean",
            lambda x, w, b, f: f((w * x).mean() + b),
            "You take the mean of the products. A unit takes their sum.",
        ),
        Wrong(
            "w plus x",
            lambda x, w, b, f: f((w + x).sum() + b),
            "You add weights to inputs. Each input is multiplied by its weight.",
        ),
        Wrong(
            "wrong pairs",
            lambda x, w, b, f: f(np.prod(x) + np.prod(w) + b),
            "You multiply inputs with inputs and weights with weights. Pair each input with its weight.",
            source="https://github.com/jeffheaton/encog-java-core/issues/208",
        ),
        Wrong(
            "two inputs only",
            lambda x, w, b, f: f(w[0] * x[0] + w[1] * x[1] + b),
            "Your unit uses two inputs, always. A unit takes as many as x has, also a single one.",
        ),
        Wrong(
            "last input missing",
            lambda x, w, b, f: f(np.dot(w[:-1], x[:-1]) + b),
            "The last input is never looked at. `range(n)` already stops before n.",
        ),
        Wrong(
            "changes x",
            changes_x,
            "Your unit changes x: `x *= w` writes into the caller's array. `x * w` makes a new one.",
        ),
    ],
    equivalent={
        "return f(np.dot(w, x) + b) -> return f(np.dot(x, w) + b)": "the product of two rows has no order",
    },
    hints=(
        "Two steps: first the number z, then bend it.",
        "z is each w times its x, all added up, plus b. `np.dot(w, x)` multiplies and adds in one go.",
        "The last line is `return f(z)`.",
    ),
)
