"""The frames of the live figures: pure, small, described from the same data; SVG that a browser can read."""

import importlib
import pkgutil
import xml.etree.ElementTree as xml

import pytest

from dlcourse.lesson import widgets
from dlcourse.lesson.widgets import choices, descent, graph, layer, unit
from dlcourse.plots.graph_layout import Node, gradients

PRODUCT = [
    Node("a", 2.0, (), ()),
    Node("b", -3.0, (), ()),
    Node("c", -6.0, (0, 1), (-3.0, 2.0)),
    Node("d", 36.0, (2, 2), (-6.0, -6.0)),
]
TABLES = {
    "hidden units": {1: [0.1, 0.09, 0.11], 128: [0.97, 0.98, 0.975]},
    "learning rate": {0.2: [0.97, 0.98, 0.975], 2: [0.1, 1.0, 0.0]},
}
OURS = {"hidden units": 128, "learning rate": 0.2}
FRAMES = {
    **{
        f"choices {hidden} {rate}": (
            lambda at=(hidden, rate): choices.frame(TABLES, OURS, dict(zip(TABLES, at)), guess=0.1)
        )
        for hidden in (1, 128)
        for rate in (0.2, 2)
    },
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


def test_each_setting_is_changed_alone_and_told_with_its_numbers():
    svg, alt = choices.frame(TABLES, OURS, {"hidden units": 1, "learning rate": 2})
    assert "Ours, hidden units 128, learning rate 0.2: 97.0 to 98.0 percent" in alt
    assert "Hidden units: 1, learning rate 0.2: 9.0 to 11.0 percent" in alt
    assert "Learning rate: 2, hidden units 128: 0.0 to 100.0 percent" in alt
    assert [svg.count(mark) for mark in ("<circle", "<polygon")] == [3, 3], "a mark of its own for each row and seed"


def test_more_settings_than_rows_are_refused():
    with pytest.raises(ValueError, match="room for 2 settings, got 3"):
        choices.frame(TABLES | {"third": {1: [0.5]}}, OURS, OURS)
