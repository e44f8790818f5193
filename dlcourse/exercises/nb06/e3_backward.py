"""06.3 Backward: from the last number to the first, each hands its gradient on."""

from __future__ import annotations

from ..exercise import Exercise, Ref, Wrong, do, get
from .e1_value import Value
from .e2_topological_order import topological_order
from .graphs import CHAIN, FAN, LONE, TWICE, UNEVEN, UNIT, names, numbers, on_values
from .passes import (
    begins_again,
    data_handed_on,
    interleaved,
    into_data,
    never_reset,
    no_reset_adds_one,
    nothing_handed_on,
    one_step,
    recursive,
    recursive_once,
    resets_late,
    varied,
)

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
    def case(lines, *starts, read="grad", tag=""):
        made = names(lines)
        steps = [do("backward", Ref(start)) for start in starts or made[-1:]]
        reads = [f"{name}.{read}" for name in made]
        apply = (len(steps), *reads)
        steps += map(get, reads)
        return on_values("backward", lines, numbers(rng, lines), *steps, apply=apply, tag=tag)

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
    yield case(FAN, read="data", tag="reading the numbers afterwards")


def apply(held, calls, *reads):
    """What was read, by name; what the calls gave back does not matter."""
    return dict(zip(reads, held[calls:]))


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
            "down every path, parent by parent",
            interleaved,
            "Each parent hands on at once in yours, before its other parts have arrived, and again with every part. Go "
            "through `topological_order(v)` backwards.",
        ),
        Wrong(
            "down every path, never set to 0",
            never_reset,
            "Each parent hands on before all its parts have arrived, and what an earlier call left is never set to 0. "
            "Both need `topological_order(v)`.",
            source="https://github.com/karpathy/micrograd/pull/64",
        ),
        Wrong(
            "calls itself",
            begins_again,
            "`backward` calls itself for each parent, and begins there with a 1 again. Only v gets the 1; then go "
            "through `topological_order(v)` backwards.",
        ),
        Wrong(
            "nothing handed on",
            nothing_handed_on,
            "Only v has a gradient; nobody got a part of it. v, the last of the order, must hand on too, and what "
            "grows is `parent.grad`.",
        ),
        Wrong(
            "into data",
            into_data,
            "You add to `data`, the number itself, which must stay. It is `parent.grad` that grows.",
        ),
        Wrong(
            "data handed on",
            data_handed_on,
            "What you hand on is the slope times `data`, the number itself. It is the slope times `grad`.",
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
