"""The frames of the live figures: pure, small, described from the same data; SVG that a browser can read."""

import importlib
import pkgutil
import xml.etree.ElementTree as xml

import numpy as np
import pytest

from dlcourse.lesson import widgets
from dlcourse.lesson.widgets import backward, descent, graph, layer, unit
from dlcourse.plots.graph_layout import Node, gradients

PRODUCT = [
    Node("a", 2.0, (), ()),
    Node("b", -3.0, (), ()),
    Node("c", -6.0, (0, 1), (-3.0, 2.0)),
    Node("d", 36.0, (2, 2), (-6.0, -6.0)),
]
IMAGE = np.linspace(0, 1, 64).reshape(8, 8)
BACK = [
    backward.Layer("output layer", np.array([0.01, -0.045, 0.035]), 0.05, None),
    backward.Layer("hidden layer", np.linspace(-0.02, 0.01, 32) * (np.arange(32) % 2), 0.03, np.arange(32) % 2 == 0),
    backward.Layer("silent layer", np.zeros(32), 1.0, np.ones(32, bool)),
]
FRAMES = {
    **{f"backward {step}": (lambda n=step: backward.frame(5, IMAGE, 1, [0.2, 0.1, 0.7], BACK, n)) for step in range(4)},
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


def test_errors_appear_layer_by_layer_and_shut_gates_hear_nothing():
    pictures, told = zip(*(FRAMES[f"backward {step}"]() for step in range(4)))
    squares = [svg.count('stroke-width="1.6"') + svg.count(f'fill="{backward.BLUE}"') - 3 for svg in pictures]
    assert squares == [0, 3, 3 + 16, 3 + 16], "three bars of the prediction; then a square for each error"
    assert "The largest error is −0.045, at class 1." in told[1] and "gates" not in told[1].split("Prediction")[0]
    assert "16 of 32 gates are open. Unit 1 hears most: −0.019." in told[2]
    assert "0 of 32 gates are open. No error arrives." in told[3]


@pytest.mark.parametrize("weights, right", [((1, 1, -1.5), 4), ((1, 1, -0.5), 2), ((0, 0, 1), 1)])
def test_the_picture_says_how_many_rows_are_right(weights, right):
    assert f"{right} of 4 rows right" in unit.frame(*weights, "AND", "step")[1]
