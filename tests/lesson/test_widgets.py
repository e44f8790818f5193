"""The frames of the live figures: pure, small, described from the same data; SVG that a browser can read."""

import importlib
import pkgutil
import xml.etree.ElementTree as xml

import numpy as np
import pytest

from dlcourse.lesson import widgets
from dlcourse.lesson.widgets import backward, choices, descent, graph, hidden, layer, life, softmax, unit
from dlcourse.plots.graph_layout import Node, gradients

PRODUCT = [
    Node("a", 2.0, (), ()),
    Node("b", -3.0, (), ()),
    Node("c", -6.0, (0, 1), (-3.0, 2.0)),
    Node("d", 36.0, (2, 2), (-6.0, -6.0)),
]
RNG = np.random.default_rng(0)
LIFE = life.Life(RNG.normal(size=(40, 5)), RNG.permutation(np.arange(40) % 3), updates=300, size=7)
TABLES = {
    "hidden units": {1: [0.1, 0.09, 0.11], 128: [0.97, 0.98, 0.975]},
    "learning rate": {0.2: [0.97, 0.98, 0.975], 2: [0.1, 1.0, 0.0]},
}
OURS = {"hidden units": 128, "learning rate": 0.2}
IMAGE = np.linspace(0, 1, 64).reshape(8, 8)
BACK = [
    backward.Layer("output layer", np.array([0.01, -0.045, 0.035]), 0.05, None),
    backward.Layer("hidden layer", np.linspace(-0.02, 0.01, 32) * (np.arange(32) % 2), 0.03, np.arange(32) % 2 == 0),
    backward.Layer("silent layer", np.zeros(32), 1.0, np.ones(32, bool)),
]
FRAMES = {
    **{f"backward {step}": (lambda n=step: backward.frame(5, IMAGE, 1, [0.2, 0.1, 0.7], BACK, n)) for step in range(4)},
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
    **{
        f"life {k} {lr}": (lambda k=k, lr=lr: life.frame(LIFE, k, lr)) for k in (0, 50, 250) for lr in (0.005, 0.5, 1.5)
    },
    **{
        f"hidden {b} {v} {bool(target)}": (lambda b=b, v=v, target=target: hidden.frame((1, -1), b, v, 0.5, target))
        for b in ((0, 0), (-3, 2.5))
        for v in ((1, -2), (0, 0), (3, 3))
        for target in ((), ((-3, 0), (0, 1), (3, 0)))
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


@pytest.mark.parametrize("tip", [(61, 0), (61, 33), (61, -33), (40, 80), (40, -80)])
def test_a_slope_stands_beside_its_arrow(tip):
    (x, y), half = graph._beside((0, 0), tip, 20), 20
    corners = [(x + i * half, y + j * 5) for i in (-1, 1) for j in (-1, 1)]
    sides = {np.sign(tip[0] * cy - tip[1] * cx) for cx, cy in corners}
    assert len(sides) == 1 and 0 not in sides, "all corners of the text lie on one side of the line"


def test_errors_appear_layer_by_layer_and_shut_gates_hear_nothing():
    pictures, told = zip(*(FRAMES[f"backward {step}"]() for step in range(4)))
    squares = [svg.count('stroke-width="1.6"') + svg.count(f'fill="{backward.BLUE}"') - 5 for svg in pictures]
    assert squares == [0, 3, 3 + 16, 3 + 16], "three bars of the prediction; then a square for each error"
    assert "The largest error is −0.045, at class 1." in told[1] and "gates" not in told[1].split("Prediction")[0]
    assert "16 of 32 gates are open. Unit 1 hears most: −0.019." in told[2]
    assert "0 of 32 gates are open. No error arrives." in told[3]


@pytest.mark.parametrize("weights, right", [((1, 1, -1.5), 4), ((1, 1, -0.5), 2), ((0, 0, 1), 1)])
def test_the_picture_says_how_many_rows_are_right(weights, right):
    assert f"{right} of 4 rows right" in unit.frame(*weights, "AND", "step")[1]


@pytest.mark.parametrize(
    "c, says", [(0, ""), (2, "partly out of sight"), (3, "out of sight"), (-3, "partly out of sight")]
)
def test_a_line_that_leaves_its_panel_is_said_to(c, says):
    svg, alt = hidden.frame((1, 1, 1), (1, 0, -1), (1, -2, 1), c)
    assert (f"the line is {says}" in svg) == (f"It is {says}" in alt) == bool(says)
    assert ("sight" in svg) == bool(says)


def test_a_target_is_flat_beyond_its_ends():
    short, long = ((-1, 0), (0, 1), (1, 0)), ((-3, 0), (-1, 0), (0, 1), (1, 0), (3, 0))
    gaps = [hidden.frame((1,), (3,), (1,), 0, target)[1].split("gap")[1] for target in (short, long)]
    assert gaps[0] == gaps[1] == " to the dotted line: 6.00. It is partly out of sight."


def test_a_life_is_what_a_network_of_the_library_goes_through():
    """An oracle: the library's equations, the same weights, the same batches."""
    from dlcourse import SGD, Dense, Network, ReLU, SerialStep, SoftmaxCrossEntropy

    net = Network(Dense(5, 8), ReLU(), Dense(8, 3), dtype="float64")
    for layer_name, its in zip(("0", "2"), LIFE.places[0]):
        net.params[f"{layer_name}.W"][...], net.params[f"{layer_name}.b"][...] = its[:-1], its[-1]
    optimizer = SGD(net.theta, net.grad, lr=0.5)
    step, weight, losses = SerialStep(net, SoftmaxCrossEntropy(), optimizer), [], []
    for n, rows in enumerate(LIFE.rows):
        weight.append(net.params["0.W"].flat[LIFE.which])
        if n == 100:
            optimizer.set(lr=0.05)
        losses.append(step(LIFE.x[rows], LIFE.t[rows]))
    weights, its = LIFE.run(100, 0.05)
    assert np.allclose(weights[:-1], weight) and np.allclose(its, losses)
    assert np.array_equal(weights[:101], LIFE.weights[:101]), "what was before update k stays"


def test_each_epoch_of_a_life_takes_every_image_once():
    for epoch in range(3):
        rows = np.concatenate(LIFE.rows[6 * epoch : 6 * epoch + 6])
        assert sorted(rows) == list(range(40))
    assert len(LIFE.rows) == 300


def test_one_can_only_go_back_to_a_place_that_was_kept():
    with pytest.raises(ValueError, match="update 0, 50, 100"):
        LIFE.run(51, 0.1)


def test_the_words_of_a_life_are_its_numbers():
    _, alt = life.frame(LIFE, 100, 0.05)
    weights, losses = LIFE.run(100, 0.05)
    assert f"ends at {weights[-1]:.3f}" in alt and f"the mean loss is {losses[-60:].mean():.3f}" in alt
    assert "Rate 0.5 all the way" in life.frame(LIFE, 100, 0.5)[1]


HAT = ((-3, 0), (-1, 0), (0, 1), (1, 0), (3, 0))


def test_three_units_make_the_hat_and_two_do_not():
    ones = (1, 1, 1)
    assert (
        "3 corners at x = -1, 0, 1; largest gap to the dotted line: 0.00."
        in hidden.frame(ones, (1, 0, -1), (1, -2, 1), 0, HAT)[1]
    )
    assert (
        "2 corners at x = -1, 0; largest gap to the dotted line: 2.00."
        in hidden.frame(ones, (1, 0, -1), (1, -2, 0), 0, HAT)[1]
    )


@pytest.mark.parametrize(
    "w, b, v, places",
    [
        ((1,), (0.5,), (2,), [-0.5]),
        ((2, -2), (1, 1), (1, 1), [-0.5, 0.5]),
        ((1, 1), (1, 1), (1, 2), [-1]),
        ((1, 1), (1, 1), (1, -1), []),
        ((1, -1), (0, 0), (1, 1), [0]),
        ((1, -1), (0, 0), (1, -1), []),
        ((1, 0), (5, 1), (1, 1), []),
    ],
)
def test_corners_lie_where_units_wake_up(w, b, v, places):
    assert hidden.corners(w, b, v) == pytest.approx(places)


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


def test_each_setting_is_changed_alone_and_told_with_its_numbers():
    svg, alt = choices.frame(TABLES, OURS, {"hidden units": 1, "learning rate": 2})
    assert "Ours, hidden units 128, learning rate 0.2: 97.0 to 98.0 percent" in alt
    assert "Hidden units: 1, learning rate 0.2: 9.0 to 11.0 percent" in alt
    assert "Learning rate: 2, hidden units 128: 0.0 to 100.0 percent" in alt
    assert [svg.count(mark) for mark in ("<circle", "<polygon")] == [3, 3], "a mark of its own for each row and seed"


def test_more_settings_than_rows_are_refused():
    with pytest.raises(ValueError, match="room for 2 settings, got 3"):
        choices.frame(TABLES | {"third": {1: [0.5]}}, OURS, OURS)
