"""The five broken passes of notebook 07: each differs from the right one, and no letter tells which it is."""

import numpy as np

from dlcourse.exercises import find
from dlcourse.lesson.broken import broken_passes

RIGHT = {
    "dense": find("07.1").reference["dense_backward"],
    "gate": find("07.2").reference["relu_backward"],
    "top": find("07.3").reference["softmax_cross_entropy_backward"],
}
ASKED = {
    "dense": (np.array([[1.0], [3.0]]), np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[2.0], [1.0]])),
    "gate": (np.array([1.0, 2.0]), np.array([0.0, 3.0])),
    "top": (np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([1, 0]), 2),
}


def test_each_breaks_one_rule_and_leaves_the_others():
    passes = broken_passes(**RIGHT)
    assert list(passes) == list("ABCDE")
    assert sorted(rule for rules in passes.values() for rule in rules) == ["dense", "dense", "gate", "top", "top"]
    for rules in passes.values():
        ((rule, broken),) = rules.items()
        found = [broken(*ASKED[rule]) for _ in range(2)][1]
        right = RIGHT[rule](*ASKED[rule])
        pairs = zip(found, right) if rule == "dense" else [(found, right)]
        assert not all(np.array_equal(a, b) for a, b in pairs)


def test_new_ones_have_forgotten_the_calls_of_the_old():
    firsts = [
        [rules["dense"](*ASKED["dense"]) for rules in broken_passes(**RIGHT).values() if "dense" in rules]
        for _ in range(2)
    ]
    for one, other in zip(*firsts):
        assert all(np.array_equal(a, b) for a, b in zip(one, other))


def test_the_letters_are_drawn_by_a_seed():
    orders = {tuple(*rules)[0] + letter for s in range(4) for letter, rules in broken_passes(**RIGHT, seed=s).items()}
    assert len(orders) > 5


def test_asked_for_the_answers_it_says_them_all_in_the_order_of_the_letters():
    passes = broken_passes(**RIGHT)
    told = dict(part.split(": ") for part in passes.answers().split("; "))
    assert list(told) == list("ABCDE") and len(set(told.values())) == 5
    rule = {"no gates": "gate", "wrong sign": "top", "not divided": "top"}
    assert all(list(passes[k]) == [rule.get(said, "dense")] for k, said in told.items())
    ((sign,),) = [passes[k].values() for k, said in told.items() if said == "wrong sign"]
    assert np.array_equal(sign(*ASKED["top"]), -RIGHT["top"](*ASKED["top"]))
