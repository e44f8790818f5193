"""06.2 An order in which every number comes after all that it was made from."""

from __future__ import annotations

from ..exercise import Exercise, Ref, Wrong, do
from .e1_value import Value
from .graphs import CHAIN, FAN, LONE, TWICE, TWINS, UNEVEN, UNIT, links, names, numbers, on_values
from .orders import (
    again_and_again,
    breadth_first,
    by_number,
    child_first,
    child_first_turned,
    data_only,
    first_of_a_number,
    first_parent_only,
    last_of_a_number,
    no_return,
    number_in_the_list,
    parents_alone,
    parents_as_they_are,
    parents_only,
    turned,
    without_inputs,
    without_last,
)

__all__ = ["EXERCISE", "Value", "topological_order"]


def topological_order(v):
    """v and all that it was made from, parents first, each once      v Value -> list"""
    order = []

    def visit(u):
        if u not in order:
            for parent in u.parents:
                visit(parent)
            order.append(u)

    visit(v)
    return order


def cases(rng):
    for lines, tag in (
        (CHAIN, "a chain"),
        (UNIT, ""),
        (FAN, ""),
        (UNEVEN, "a long way and a short one to the same number"),
        (TWICE, "a + a"),
        (TWINS, "two inputs that are equal"),
        (LONE, "a number that was made from nothing"),
    ):
        inputs = numbers(rng, lines)
        if lines is TWINS:
            inputs = [inputs[0]] * 2
        made = names(lines)
        order = do("order = topological_order", Ref(made[-1]))
        counts = [do("order.count", Ref(name)) for name in made]
        apply = ("count", *made)
        yield on_values("topological_order", lines, inputs, order, do("order.__len__"), *counts, apply=apply, tag=tag)
        if len(lines) > 1:
            places = [do("order.index", Ref(name)) for name in made]
            yield on_values("topological_order", lines, inputs, order, *places, apply=("place", *made, lines), tag=tag)
    a, b = numbers(rng, ("a", "b"))
    lines = ("a", "b", "c = a * b", "d = c + a")
    order = do("order = topological_order", Ref("c"))
    unused = [do("order.count", Ref(name)) for name in "abcd"]
    apply = ("count", *"abcd")
    tag = "a number that others were made from"
    yield on_values("topological_order", lines, [a, b], order, do("order.__len__"), *unused, apply=apply, tag=tag)
    yield on_values("topological_order", lines, [a, b], do("topological_order", Ref("d")), apply=("kind",))


def apply(held, what, *about):
    """What an order does: how often each number is in it, and whether parents come before children."""
    if what == "kind":
        return "a list" if isinstance(held, (list, tuple)) else "no list"
    if what == "count":
        length, *times = held
        return {"numbers in the list": length} | {f"times {name}": n for name, n in zip(about, times)}
    *made, lines = about
    place = dict(zip(made, held))
    return {f"{p} before {c}": _before(place[p] - place[c]) for p, c in links(lines)}


def _before(gap: int) -> str:
    return "yes" if gap < 0 else f"no, {gap} later"


# ---------------------------------------------------------------- other right ones
def set_of_seen(v):
    order, seen = [], set()

    def build(u):
        if u in seen:
            return
        seen.add(u)
        for parent in u.parents:
            build(parent)
        order.append(u)

    build(v)
    return order


def stack(v):
    order, todo = [], [(v, False)]
    while todo:
        u, ready = todo.pop()
        if u in order:
            continue
        if ready:
            order.append(u)
        else:
            todo += [(u, True), *((p, False) for p in u.parents)]
    return tuple(order)


def ready_first(v):
    every, todo = [], [v]
    while todo:
        u = todo.pop()
        if u not in every:
            every.append(u)
            todo += u.parents
    order = []
    while len(order) < len(every):
        order += [u for u in every if u not in order and all(p in order for p in u.parents)]
    print(len(order), "numbers")
    return order


def last_first(v):
    def depth(u):
        return 1 + max(map(depth, u.parents), default=0)

    every, todo = {}, [v]
    while todo:
        u = todo.pop()
        every[u] = depth(u)
        todo += u.parents
    return sorted(every, key=every.get)


EXERCISE = Exercise(
    id="06.2",
    title="Parents before children",
    reference={"topological_order": topological_order},
    given={"Value": "06.1"},
    cases=cases,
    apply=apply,
    right=[{"topological_order": f} for f in (set_of_seen, stack, ready_first, last_first)],
    wrong=[
        Wrong(
            "child first",
            child_first,
            "You put a number into the list before its parents. Visit all its parents first, then append it.",
            source="https://github.com/karpathy/micrograd/issues/96",
        ),
        Wrong(
            "child first, turned round",
            child_first_turned,
            "A number that is reached by a long way and a short one comes too late in yours. Append each after its "
            "parents, and turn nothing round.",
            source="https://github.com/lucasdelimanogueira/PyNorch/issues/90",
        ),
        Wrong(
            "turned round",
            turned,
            "Your list runs the other way: children before parents. The last place belongs to v.",
        ),
        Wrong(
            "level by level",
            breadth_first,
            "Your order is by the shortest way back from v. A parent that is also reached by a longer way then comes "
            "too late.",
            source="https://github.com/karpathy/micrograd/issues/91",
        ),
        Wrong(
            "again and again",
            again_and_again,
            "Numbers that are used more than once are in your list more than once. Look whether one is there already.",
            source="https://github.com/karpathy/micrograd/pull/23",
        ),
        Wrong(
            "without the inputs",
            without_inputs,
            "The inputs are missing: numbers without parents belong into the list as well.",
        ),
        Wrong("without v", without_last, "v itself is missing. It comes last."),
        Wrong(
            "parents only",
            parents_only,
            "Your list holds v and its direct parents. The parents have parents too: go back to the inputs.",
        ),
        Wrong(
            "parents as they are",
            parents_as_they_are,
            "Your list holds v and its direct parents, twice where both are one. Go back to the inputs, each once.",
        ),
        Wrong(
            "parents alone",
            parents_alone,
            "Your list holds only the direct parents of v. The parents have parents too, and v itself comes last.",
        ),
        Wrong(
            "no return",
            no_return,
            "Your function hands nothing back. The list is wanted: is there a `return` at its end, not in the helper?",
        ),
        Wrong(
            "first parent only", first_parent_only, "You follow the first parent of each number. Follow all of them."
        ),
        Wrong(
            "by their numbers",
            by_number,
            "Two Values that hold the same number count as one in yours. Compare the Values, not their data.",
        ),
        Wrong(
            "by their numbers, the last of them",
            last_of_a_number,
            "Of two Values that hold the same number, yours keeps only the last. Compare the Values, not their data.",
        ),
        Wrong(
            "by their numbers, the first of them",
            first_of_a_number,
            "Of two Values that hold the same number, only the first is left in your list. Compare the Values "
            "themselves, not their data.",
        ),
        Wrong(
            "a number that is there already",
            number_in_the_list,
            "You ask whether the number is in the list already. Ask for the Value itself: two of them may hold the "
            "same number.",
        ),
        Wrong("data only", data_only, "Your list holds plain numbers. Put the Values themselves into it."),
    ],
    hints=(
        "A helper that visits a number must visit its parents too.",
        "A number that is used twice is visited twice. Do nothing if it is in the list already.",
        "Does `append` stand before or after the visits to the parents?",
    ),
)
