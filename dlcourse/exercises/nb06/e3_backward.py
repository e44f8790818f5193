"""06.3 Backward: from the last number to the first, each hands its gradient on."""

from __future__ import annotations

from ..exercise import Exercise, Ref, Wrong, do, get
from .e1_value import Value
from .e2_topological_order import topological_order
from .graphs import CHAIN, FAN, LONE, TWICE, UNEVEN, UNIT, names, numbers, on_values

__all__ = ["EXERCISE", "Value", "backward"]


def backward(v):
    """parent.grad += slope · child.grad, from v back, where v.grad = 1      v Value"""
    order = topological_order(v)
    for u in order:
        u.grad = 0.0
    v.grad = 1.0
    for u in reversed(order):
        for parent, slope in zip(u.parents, u.slopes):
            parent.grad += slope * u.grad


def cases(rng):
    def case(lines, *starts, tag=""):
        made = names(lines)
        steps = [do("backward", Ref(start)) for start in starts or made[-1:]]
        reads = [get(f"{name}.grad") for name in made]
        apply = (len(steps), *made)
        return on_values("backward", lines, numbers(rng, lines), *steps, *reads, apply=apply, tag=tag)

    yield case(UNIT)
    yield case(CHAIN, tag="a chain")
    yield case(TWICE, tag="a + a")
    yield case(FAN, tag="numbers that are used twice")
    yield case(UNEVEN, tag="a long way and a short one to the same number")
    yield case(LONE, tag="a number that was made from nothing")
    yield case(UNIT, "f", "f", tag="called twice")
    yield case(FAN, "e", "e", tag="called twice")
    yield case(FAN, "d", "e", tag="called for another number in between")
    yield case(FAN, "e", "d", tag="called for another number afterwards")


def apply(held, calls, *made):
    """The gradients by name; what the calls gave back does not matter."""
    return {f"{name}.grad": grad for name, grad in zip(made, held[calls:])}


# ---------------------------------------------------------------- other right ones
def one_pass(v):
    order = topological_order(v)[::-1]
    grads = {u: 0.0 for u in order}
    grads[v] = 1.0
    for u in order:
        u.grad = grads[u]
        for k, parent in enumerate(u.parents):
            grads[parent] = grads[parent] + u.slopes[k] * u.grad
    return v.grad


def all_paths(v):
    def reset(u):
        u.grad = 0
        for parent in u.parents:
            reset(parent)

    def send(u, error):
        u.grad = u.grad + error
        for parent, slope in zip(u.parents, u.slopes):
            send(parent, slope * error)

    reset(v)
    send(v, 1)


def asks_the_children(v):
    order = topological_order(v)
    for u in order[::-1]:
        from_above = [c.grad * s for c in order for p, s in zip(c.parents, c.slopes) if p is u]
        u.grad = 1.0 if u is v else sum(from_above)
    print("done")
    return order


# ---------------------------------------------------------------- wrong ones
def varied(keeps=lambda u: False, first=lambda v: 1.0, adds=True, hands=lambda slope, grad: slope * grad):
    """Backward with one thing done otherwise."""

    def backward(v):
        order = list(topological_order(v))
        for u in order:
            if not keeps(u):
                u.grad = 0.0
        v.grad = first(v)
        for u in reversed(order):
            for parent, slope in zip(u.parents, u.slopes):
                parent.grad = hands(slope, u.grad) + (parent.grad if adds else 0.0)

    return backward


def no_reset_adds_one(v):
    order = topological_order(v)
    v.grad += 1.0
    for u in reversed(order):
        for parent, slope in zip(u.parents, u.slopes):
            parent.grad += slope * u.grad


def recursive(v):
    for u in topological_order(v):
        u.grad = 0.0
    v.grad = 1.0

    def back(u):
        for parent, slope in zip(u.parents, u.slopes):
            parent.grad += slope * u.grad
        for parent in u.parents:
            back(parent)

    back(v)


def recursive_once(v):
    for u in topological_order(v):
        u.grad = 0.0
    v.grad = 1.0
    seen = []

    def back(u):
        if u not in seen:
            seen.append(u)
            for parent, slope in zip(u.parents, u.slopes):
                parent.grad += slope * u.grad
            for parent in u.parents:
                back(parent)

    back(v)


def one_step(v):
    for u in topological_order(v):
        u.grad = 0.0
    v.grad = 1.0
    for parent, slope in zip(v.parents, v.slopes):
        parent.grad += slope


def resets_late(v):
    order = topological_order(v)
    v.grad = 1.0
    for u in reversed(order):
        for parent in u.parents:
            parent.grad = 0.0
        for parent, slope in zip(u.parents, u.slopes):
            parent.grad += slope * u.grad


EXERCISE = Exercise(
    id="06.3",
    title="Back through the graph",
    reference={"backward": backward},
    given={"Value": "06.1", "topological_order": "06.2"},
    cases=cases,
    apply=apply,
    right=[{"backward": f} for f in (one_pass, all_paths, asks_the_children)],
    wrong=[
        Wrong(
            "overwrites",
            varied(adds=False),
            "Where two ways lead to one number, the last to arrive overwrites the other. Gradients add up: `+=`.",
            source="https://github.com/karpathy/nn-zero-to-hero/issues/52",
        ),
        Wrong(
            "never set to 0",
            varied(keeps=lambda u: True),
            "The first call is right. Every further one adds to the gradients of the call before: set them to 0 first.",
            source="https://github.com/karpathy/micrograd/issues/53",
        ),
        Wrong(
            "never set to 0, v counted up",
            no_reset_adds_one,
            "The first call is right. In the second v begins with 2, and all the others keep what they had: "
            "set them to 0, and v to 1.",
            source="https://github.com/torch/nn/issues/792",
        ),
        Wrong(
            "only the inputs set to 0",
            varied(keeps=lambda u: bool(u.parents)),
            "You set only the inputs to 0. The numbers in between keep what they had, and hand it on in the next call.",
            source="https://github.com/karpathy/micrograd/issues/32",
        ),
        Wrong(
            "set to 0 on the way",
            resets_late,
            "You set a parent to 0 whenever one of its children hands something on, and lose what others gave it. Do "
            "it once, before you begin.",
        ),
        Wrong(
            "begins with 0",
            varied(first=lambda v: 0.0),
            "All your gradients are 0. v moves one for one with itself: its 1 must be there when the way back begins.",
        ),
        Wrong(
            "begins with its number",
            varied(first=lambda v: v.data),
            "You begin with v.data. How far does v move when v is nudged by 1? Begin with 1.",
        ),
        Wrong(
            "slopes alone",
            varied(hands=lambda slope, grad: slope),
            "What you hand on is not multiplied by what came from above, the gradient of the number that hands on.",
        ),
        Wrong(
            "sum in place of a product",
            varied(hands=lambda slope, grad: slope + grad),
            "You add the slope to what came from above. A nudge is multiplied at each step: `slope * u.grad`.",
        ),
        Wrong(
            "down every path",
            recursive,
            "A number that is used twice hands its gradient on twice in yours, and the second time with the first "
            "still in it. Go through `topological_order(v)` backwards.",
            source="https://github.com/karpathy/micrograd/pull/64",
        ),
        Wrong(
            "too early",
            recursive_once,
            "A number that is used twice hands its gradient on before the second part has arrived. Go through "
            "`topological_order(v)` backwards.",
            source="https://github.com/karpathy/micrograd/issues/96",
        ),
        Wrong(
            "one step",
            one_step,
            "Only the parents of v get a gradient. Go through the order backwards, so that each number hands on what "
            "has arrived.",
        ),
    ],
    hints=(
        "Three parts: every grad in the order becomes 0, that of v becomes 1, and then each hands on in its turn.",
        "Which way through the order, so that all has arrived before a number hands on?",
        "Two ways may meet at one parent: `=` or `+=`?",
    ),
    equivalent={"inside the loop: v.grad = 1.0": "v is the last in its order, so that its 1 is set after its 0."},
)
