"""The frames of the live figures: pure, small, described from the same data; SVG that a browser can read."""

import importlib
import pkgutil
import xml.etree.ElementTree as xml

import pytest

from dlcourse.lesson import widgets
from dlcourse.lesson.widgets import descent, graph, layer, softmax, unit
from dlcourse.plots.graph_layout import Node, gradients

PRODUCT = [
    Node("a", 2.0, (), ()),
    Node("b", -3.0, (), ()),
    Node("c", -6.0, (0, 1), (-3.0, 2.0)),
    Node("d", 36.0, (2, 2), (-6.0, -6.0)),
]
FRAMES = {
    **{
        f"unit {gate} {bend} {w}": (lambda g=gate, f=bend, w=w: unit.frame(*w, g, f))
        for gate in unit.GATES
        for bend in ("step", "sigmoid", "tanh", "relu")
        for w in ((1, 1, -1.5), (0, 0, 0), (-3, 2.75, 3))
    },
    **{
        f"descent {lr} {steps}": (lambda lr=lr, n=steps: descent.frame(lambda w: (w - 1) ** 2, (-5, 5), lr, 3.0, n))
        for lr in (0.01, 0.4, 1.1)
        for steps in (0, 1, 12)
    },
    **{
        f"layer {size}": (lambda s=size: layer.frame(*s, {s: (7e6, 8e7, 3e10)})) for size in ((1, 1, 1), (784, 10, 128))
    },
    **{
        f"softmax {score} {add}": (lambda s=score, a=add: softmax.frame([1.0, 2.0, 0.5], 2, s, a))
        for score in (0, 3.3, 12, 800)
        for add in (-100, 0, 100)
    },
    **{f"graph {step}": (lambda step=step: graph.frame(PRODUCT, step)) for step in range(6)},
}


def test_every_widget_is_tried_here():
    modules = {m.name for m in pkgutil.iter_modules(widgets.__path__)}
    assert modules == {name.split()[0] for name in FRAMES}
    for name in modules:
        module = importlib.import_module(f"dlcourse.lesson.widgets.{name}")
        assert any(n.startswith("explore_") for n in vars(module))


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_pure_small_and_described(name):
    svg, alt = FRAMES[name]()
    assert (svg, alt) == FRAMES[name](), "the same state, the same picture"
    assert len(svg.encode()) < 25_000
    assert len(alt) > 40 and any(c.isdigit() for c in alt) and "<" not in alt
    root = xml.fromstring(svg)
    assert root.tag.endswith("svg") and "NaN" not in svg and "nan" not in svg.lower().replace("nand", "")


def test_the_ball_is_where_the_update_rule_puts_it():
    _, alt = descent.frame(lambda w: (w - 1) ** 2, (-5, 5), 0.25, 3.0, 2)
    assert "1.5" in alt, "3 -> 2 -> 1.5"


def test_gradients_of_a_graph_arrive_in_order_and_add_up():
    assert gradients(PRODUCT, 0) == [None, None, None, 1.0]
    assert gradients(PRODUCT, 1) == [None, None, -12.0, 1.0], "used twice: the sum of both ways"
    assert gradients(PRODUCT, 2) == [36.0, -24.0, -12.0, 1.0]


@pytest.mark.parametrize("weights, right", [((1, 1, -1.5), 4), ((1, 1, -0.5), 2), ((0, 0, 1), 1)])
def test_the_picture_says_how_many_rows_are_right(weights, right):
    assert f"{right} of 4 rows right" in unit.frame(*weights, "AND", "step")[1]


def told(alt):
    """What a frame of softmax says, without the scores themselves."""
    return alt[: alt.index("Scores")] + alt[alt.index("p: ") :]


def test_what_is_added_to_all_scores_moves_the_scores_alone():
    plain, (_, moved) = softmax.frame([1, 2, 0.5], 2, 3.3)[1], softmax.frame([1, 2, 0.5], 2, 3.3, -100)
    assert told(plain) == told(moved) and plain != moved
    assert "Scores, by class: −99.0, −98.0, −96.7." in moved


def test_the_true_class_is_pushed_up_until_it_is_far_ahead():
    assert "seen: 0 down, 1 down, 2 up." in softmax.frame([1, 2, 0.5], 2, 0)[1]
    assert "p = 1.000, loss = −log p = 0.000" in softmax.frame([1, 2, 0.5], 2, 12)[1]
    assert "seen: none." in softmax.frame([1, 2, 0.5], 2, 12)[1]
