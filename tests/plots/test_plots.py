"""The figures: each describes itself, from the same data that it draws, and hides nothing behind colour alone."""

import io
import re
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from dlcourse import plots, verdict

RNG = np.random.default_rng(3)
IMAGES = RNG.random((7, 8, 8, 1), dtype="float32")
TRUE = np.array([3, 1, 4, 1, 5, 9, 2])
SAID = np.array([3, 1, 4, 7, 5, 9, 8])

RNG = np.random.default_rng(0)
W43, SIX = RNG.normal(size=(4, 3)).round(1), RNG.random((3, 64))
TABLES = {(0, 0, 0, 1): ([1, 1], -1.5), (0, 1, 1, 1): ([1, 1], -0.5), (0, 0, 0, 0): ([1, 1], -9)}


class Number:
    """The least that a figure of a graph asks of a Value."""

    def __init__(self, data, parents=(), slopes=(), grad=0.0):
        self.data, self.parents, self.slopes, self.grad = data, parents, slopes, grad


def numbers():
    a, b = Number(2.0, grad=-3.0), Number(-3.0, grad=2.0)
    return {"a": a, "b": b, "c": Number(-6.0, (a, b), (-3.0, 2.0), 1.0)}


def in_a_row():
    values = numbers()
    return plots.in_a_row(list(values.values()), values)


# two layers that do XOR: the hidden ones are an OR and an AND
XOR_LAYERS = [(np.ones((2, 2)), np.array([-0.5, -1.5])), (np.array([[1.0], [-1.0]]), np.array([-0.5]))]
FOUR, IS_XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
LINE = np.linspace(-3, 3, 61)
FOUR_NAMES = "2 hidden, best seed", "3 hidden, best seed", "3 hidden, worst seed", "8 hidden"


def above(points, border):
    """The class on each side of x2 = border."""
    return (points[:, 1] > border).astype(int)


def beside(points, w):
    """A linear classifier of two classes with its border at w·x = 0.5."""
    return points, np.stack([np.zeros(2), w], axis=1), np.array([0.0, -0.5])


DRAWN = {
    "borders": lambda: plots.borders(dict.fromkeys(FOUR_NAMES, 0.2), above, FOUR, IS_XOR, "Four borders"),
    "hidden_space": lambda: plots.hidden_space(FOUR, IS_XOR, XOR_LAYERS),
    "crossings": lambda: plots.crossings({"one way": (59, 3, 2), "another": (12, 0, 0)}),
    "two_clocks": lambda: plots.two_clocks([1e-4] * 3, [5e-3, 4e-3, 6e-3], False),
    "relative_errors": lambda: plots.relative_errors({"itself": 0.0, "float32": 3e-7, "seven bits": 0.01}, 1e-5),
    "step_times": lambda: plots.step_times(
        [16, 128, 1024, 65536],
        {"a CPU": [1e-4, 3e-4, 2e-3]},
        {"a GPU": [(5e-5, 7e-5)] * 4, "another": [(4e-5, 6e-5)] * 4},
    ),
    "left_of_a_claim": lambda: plots.left_of_a_claim({"the claim": 5e6, "the same work": 5333.0, "all": 0.32}),
    "straight_borders": lambda: plots.straight_borders(
        {"inputs": beside(FOUR, [1, 0]), "hidden": beside(FOUR[[0, 2, 2, 3]], [1, -1])}, IS_XOR
    ),
    "unit_parts": lambda: plots.unit_parts(LINE, np.maximum(LINE[:, None] * [1, -1], 0), -1, target=np.abs(LINE) - 1),
    "graph_map": lambda: plots.graph_map(numbers()),
    "in_a_row": in_a_row,
    "learning": lambda: plots.learning(
        [1, 10, 100], [3.0, 1.0, 0.1], [[0.1, 0.2], [0.0, 0.6], [0.05, 0.95]], ["0 xor 0", "0 xor 1"]
    ),
    "slopes_compared": lambda: plots.slopes_compared(["w0", "w1", "w2"], [0.5, -1, 0.1], [0.5, -1, 0.1]),
    "value_graph": lambda: plots.value_graph(numbers()),
    "bends": lambda: plots.bends({"tanh": np.tanh, "step": lambda z: np.where(z > 0, 1.0, 0.0)}),
    "descent_map": lambda: plots.descent_map(
        lambda w, b: (w - 1) ** 2 + b**2, [(0, 1), (0.5, 0.5), (0.9, 0.1)], (-1, 3), (-1, 2), labels=[0, 10, 90]
    ),
    "descents": lambda: plots.descents(
        lambda w: (w - 1) ** 2, {"small": (3, 0.1, 5), "too large": (3, 1.1, 5)}, (-3, 5)
    ),
    "half_planes": lambda: plots.half_planes({"AND": ([1, 1], -1.5), "NOT": ([-1], 0.5)}),
    "line_fit": lambda: plots.line_fit(
        np.arange(6.0), np.arange(6.0) ** 1.2, {"first": (1, 0), "second": (0.5, 1)}, gaps=3
    ),
    "long_run": lambda: plots.long_run([1, 10, 100, 1000], [3.0, 2.0, 1.2, 1.001], 1.0),
    "nudge": lambda: plots.nudge(lambda w: (w - 1) ** 2, 0.0, 0.3, (-1, 4)),
    "pairs": lambda: plots.pairs({(a, b): 0.9 + 0.01 * a for a in range(10) for b in range(a + 1, 10)}),
    "product": lambda: plots.product(RNG.normal(size=(3, 4)).round(1), W43, [0.5, 0, -1], example=1, unit=2),
    "rows_right": lambda: plots.rows_right({"AND": [0, 1, 4, 4], "XOR": [1, 3, 3, 2]}),
    "side_by_side": lambda: plots.side_by_side(W43, unit=1),
    "sixteen_tables": lambda: plots.sixteen_tables(TABLES),
    "staircase": lambda: plots.staircase({"loops": 7e6, "dot": 8e7, "matmul": 3e10}),
    "unit_diagram": lambda: plots.unit_diagram([2.0, 0.0], [-3.0, 1.0], 6.88, np.tanh),
    "unit_images": lambda: plots.unit_images(np.abs(RNG.normal(size=(64, 10)))),
    "unit_outputs": lambda: plots.unit_outputs(SIX, RNG.random((3, 10)), [0, 1, 2]),
    "unit_table": lambda: plots.unit_table(RNG.normal(size=(3, 5))),
    "votes": lambda: plots.votes(RNG.random(64), RNG.normal(size=64), 0.5),
    "error_flow": lambda: plots.error_flow(
        {"output layer": RNG.normal(size=(4, 5)), "hidden layer": RNG.normal(size=(4, 7))},
        {"hidden layer": RNG.random((4, 7)) > 0.5},
    ),
    "evidence": lambda: plots.evidence(RNG.random(64), RNG.normal(size=(64, 10)), np.zeros(10), (3, 8)),
    "gates": lambda: plots.gates(RNG.random((4, 7)) > 0.5),
    "layer_backward": lambda: plots.layer_backward(4, 3, 2),
    "loss_of_p": lambda: plots.loss_of_p({"nearly sure": 0.9, "undecided": 0.5, "sure of another": 0.02}),
    "softmax_steps": lambda: plots.softmax_steps([1.0, 3.0, 0.5], [0.1, 0.8, 0.1]),
    "symptoms": lambda: plots.symptoms(
        {"right": [1e-9, 2.5e-10], "broken": [(0.95, 20.0), (0.5, float("nan"))]}, ["W1", "b1"]
    ),
    "templates": lambda: plots.templates(RNG.normal(size=(64, 10))),
    "train_and_test": lambda: plots.train_and_test(
        [1, 10, 100], [2.3, 1, 0.2], [2.3, 1.2, 0.5], "updates", "loss", "It learns"
    ),
    "wrong_but_learning": lambda: plots.wrong_but_learning(
        {"right": [2.3, 1, 0.1], "A": [2.3, 1.5, 0.5], "B": [2.3, 2.3, 2.3], "C": [2.3, 9, float("nan")]},
        {"right": 0.97, "A": 0.9, "B": 0.1, "C": 0.1},
    ),
    "early_stop": lambda: plots.early_stop([1.5, 0.5, 0.2, 0.1], [1.2, 0.6, 0.5, 0.55], keep=3, stop=4),
    "error_by_epoch": lambda: plots.error_by_epoch([4.9, 3.1, 2.0], {1: (4.8, 5.0), 3: (2.1, 2.4)}, source="A book."),
    "seed_bands": lambda: plots.seed_bands(
        {"wide": RNG.random((4, 6)) / 9 + 0.85, "narrow": [[0.3, 0.9], [0.2, 0.8], [0.1, 0.2]]}, {"narrow": [2]}
    ),
    "verdicts": lambda: plots.verdicts(
        {
            name: (losses, verdict(losses, patience=2, chance=2.3, start=2.3))
            for name, losses in {
                "good": [1.0, 0.1, 0.01, 0.01, 0.01, 0.01, 0.01],
                "slow": [2.2, 2.1, 2.0],
                "uphill": [1e15, 1e32],
                "zeros": [2.3] * 6,
            }.items()
        }
    ),
    "weight_life": lambda: plots.weight_life(
        {"as it was": np.sin(np.arange(101)), "turned down": np.cos(np.arange(101) / 9)}, 50
    ),
    "weight_images": lambda: plots.weight_images({"averages": RNG.normal(size=64), "learned": RNG.normal(size=64)}),
    "answer": lambda: plots.answer(IMAGES[0], [0.1, 0.7, 0.2], 2),
    "bands": lambda: plots.bands({"a": [0.97, 0.98, 0.97], "b": [0.93, 0.91]}),
    "confusion": lambda: plots.confusion(SAID, TRUE),
    "digits": lambda: plots.digits(IMAGES, TRUE),
    "layers": lambda: plots.layers([64, 128, 10]),
    "loss_curve": lambda: plots.loss_curve([1.5, 0.5, 0.25], 2.3),
    "pixels": lambda: plots.pixels(IMAGES[0]),
    "predictions": lambda: plots.predictions(IMAGES, SAID, TRUE),
    "sweep": lambda: plots.sweep([1, 10], [[0.1, 0.2], [0.8, 0.9]], "units", guess=0.1, mark=10),
}


def texts(figure: Figure) -> list[str]:
    """Every text that is drawn."""
    import matplotlib.text

    return [t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_text()]


def rendered(figure: Figure) -> np.ndarray:
    """The pixels of the figure      (Y,X,3)"""
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=60, facecolor="white")
    return np.asarray(Image.open(buffer).convert("RGB"))


def test_every_figure_function_is_tried_here():
    assert sorted([*DRAWN, "corners", "counts"]) == sorted(plots.__all__)


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_describes_itself_and_can_be_drawn(name):
    figure = DRAWN[name]()
    assert isinstance(figure, Figure)
    assert len(figure.alt) > 40 and figure.alt.endswith(".") and ".." not in figure.alt and "\n" not in figure.alt
    assert rendered(figure).std() > 5


@pytest.mark.parametrize("name", DRAWN)
def test_no_text_is_cut_off_or_lies_on_another_text(name):
    import matplotlib.text
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = DRAWN[name]()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    page, renderer = figure.bbox, canvas.get_renderer()
    shown = [t for t in figure.findobj(matplotlib.text.Text) if t.get_text().strip() and t.get_visible()]
    left_out = {id(t) for ax in figure.axes for t in not_drawn(ax, renderer)}
    shown = [t for t in shown if id(t) not in left_out]
    of_text = matplotlib.text.Text.get_window_extent  # that of an annotation includes its arrow
    boxes = [(t.get_text(), of_text(t, renderer)) for t in shown]
    for text, box in boxes:
        assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1, f"{text!r} is cut off at a side"
        assert box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1, f"{text!r} is cut off above or below"
    for i, (text, box) in enumerate(boxes):
        for other, its in boxes[i + 1 :]:
            apart = box.x1 <= its.x0 + 1 or its.x1 <= box.x0 + 1 or box.y1 <= its.y0 + 1 or its.y1 <= box.y0 + 1
            assert apart, f"{text!r} lies on {other!r}"


def not_drawn(ax, renderer) -> list:
    """Labels of ticks that lie outside the limits of their axis, and all of them where the axes are off."""
    found = []
    for axis, low, high in ((ax.xaxis, "x0", "x1"), (ax.yaxis, "y0", "y1")):
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            for label in (tick.label1, tick.label2):
                box = label.get_window_extent(renderer)
                middle = (getattr(box, low) + getattr(box, high)) / 2
                inside = getattr(ax.bbox, low) - 1 <= middle <= getattr(ax.bbox, high) + 1
                found += [] if ax.axison and inside else [label]
    return found


def test_no_pyplot():
    for draw in DRAWN.values():
        draw()
    import matplotlib

    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums(), matplotlib


def test_style_stays_inside():
    import matplotlib

    before = dict(matplotlib.rcParams)
    plots.loss_curve([1.0, 0.5])
    assert dict(matplotlib.rcParams) == before


def test_a_wrong_prediction_is_marked_by_sign_and_words():
    figure = plots.predictions(IMAGES, SAID, TRUE)
    titles = [ax.get_title(loc="center") for ax in figure.axes[:7]]
    assert titles == ["3", "1", "4", "✗ 7 (1)", "5", "9", "✗ 8 (2)"]
    frames = [ax.spines["left"].get_linewidth() for ax in figure.axes[:7]]
    assert min(frames[3], frames[6]) > 2 * max(frames[0], frames[1])
    assert "2 wrong: 1 called 7 and 2 called 8." in figure.alt


def test_all_right_is_said():
    assert "All 7 are right" in plots.predictions(IMAGES, TRUE, TRUE).alt


def test_no_mistakes_to_show_is_a_figure_too():
    figure = plots.predictions(IMAGES[:0], SAID[:0], TRUE[:0], "Every mistake")
    assert "Every mistake: none" in texts(figure)
    assert rendered(figure).size


def test_counts_are_counted_by_row_of_the_truth():
    table = plots.counts([0, 2, 2, 1], [0, 1, 1, 1], 3)
    assert table.tolist() == [[1, 0, 0], [0, 1, 2], [0, 0, 0]]


def test_confusion_writes_every_count_and_every_mistake():
    figure = plots.confusion([0, 2, 2, 1], [0, 1, 1, 1], classes=3)
    assert [t for t in texts(figure.axes[0].figure) if t == "2"].count("2") >= 1
    assert "2 of 4 lie on the diagonal" in figure.alt and "2 × 1 taken for 2" in figure.alt
    frames = [p for p in figure.axes[0].patches if not p.get_fill()]
    assert len(frames) == 1 and frames[0].get_xy() == pytest.approx((2 - 0.46, 1 - 0.46))


def test_confusion_text_stands_out_from_its_cell():
    """WCAG's contrast of 4.5 for every number, from the colours that were drawn."""
    said = np.repeat([0, 1, 2, 0, 1], [30, 20, 12, 8, 5])
    true = np.repeat([0, 1, 2, 1, 2], [30, 20, 12, 8, 5])
    figure = plots.confusion(said, true, classes=3)
    ax = figure.axes[0]
    cells = ax.images[0].to_rgba(ax.images[0].get_array())[..., :3]
    for text in ax.texts:
        x, y = (int(v) for v in text.get_position())
        if text.get_text() != "·":
            assert contrast(text.get_color(), cells[y, x]) >= 4.5, (x, y)


def contrast(a, b) -> float:
    from matplotlib.colors import to_rgb

    def luminance(colour):
        c = np.array(to_rgb(colour))
        return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_pixels_writes_each_number_in_its_place():
    image = np.zeros((2, 3))
    image[0, 2], image[1, 0] = 0.5, 1.0
    figure = plots.pixels(image)
    drawn = {tuple(t.get_position()): t.get_text() for t in figure.axes[1].texts}
    assert drawn == {(0, 0): "0", (1, 0): "0", (2, 0): "0.5", (0, 1): "1.0", (1, 1): "0", (2, 1): "0"}
    assert "4 of them are 0" in figure.alt


def test_rows_of_pixels_are_images_too():
    rows = IMAGES.reshape(7, 64)
    assert plots.digits(rows, TRUE).alt == plots.digits(IMAGES, TRUE).alt
    drawn = plots.digits(rows, TRUE).axes[2].images[0].get_array()
    assert np.array_equal(drawn, IMAGES[2, :, :, 0])


def test_bands_shows_every_seed_where_values_are_equal():
    figure = plots.bands({"a": [0.975, 0.975, 0.975, 0.98]})
    x, y = figure.axes[0].lines[0].get_data()
    assert np.allclose(x, [97.5, 97.5, 97.5, 98.0])
    assert len(set(zip(x, np.round(y, 6)))) == 4
    assert "97.5 to 98.0" in texts(figure) and "4 seeds, 97.5 to 98.0 percent" in figure.alt


def test_layers_draws_squares_for_the_input_and_discs_for_units():
    columns = [line for line in plots.layers([3, 4, 2]).axes[0].lines if line.get_marker() != "None"]
    assert [(line.get_marker(), len(line.get_xdata())) for line in columns] == [("s", 3), ("o", 4), ("o", 2)]


def dots(figure: Figure) -> list[np.ndarray]:
    """Where the dots of each group lie on the page      (seeds,2) in pixels at 100 dots per inch"""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()
    ax = figure.axes[0]
    return [ax.transData.transform(np.stack(line.get_data(), axis=1)) for line in ax.lines]


def test_bands_shows_every_seed_of_a_narrow_band_beside_a_wide_one():
    figure = plots.bands({"narrow": [0.975, 0.9755, 0.975, 0.978, 0.976], "wide": [0.1, 0.9]})
    narrow = dots(figure)[0]
    apart = np.linalg.norm(narrow[:, None] - narrow, axis=-1) + 1000 * np.eye(5)
    assert apart.min() > 4, "a dot is 8 pixels wide: half of it at least can be seen"
    assert np.ptp(narrow[:, 1]) < np.diff([d[:, 1].mean() for d in dots(figure)])[0] * -0.5


@pytest.mark.parametrize("groups", [{"a": [1.0, 0.99], "b": [0.1]}, {"a": [0.98], "b": [0.0]}, {"a": [1.0]}])
def test_bands_shows_no_accuracy_that_cannot_be(groups):
    low, high = plots.bands(groups).axes[0].get_xlim()
    assert 0 <= low < high <= 100


@pytest.mark.parametrize("groups", [{"a": [0.975, 0.976]}, {"a": [0.1]}, {"a": [1.0, 1.0]}, {"a": [0.5], "b": [0.52]}])
def test_a_difference_of_chance_does_not_look_large(groups):
    low, high = plots.bands(groups).axes[0].get_xlim()
    assert high - low >= 10


@pytest.mark.parametrize(
    "losses", [[2.5, 2.5, 2.5], [2.5] * 20, [2.4, 0.1, 0.01], [0.7, 1e-3], [2.54 - 0.02 * i for i in range(9)]]
)
def test_the_curve_does_not_run_through_the_words(losses):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = plots.loss_curve(losses, 2.54)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    ax = figure.axes[0]
    (box,) = (t.get_window_extent(canvas.get_renderer()) for t in ax.texts if "before" in t.get_text())
    for line in ax.lines:
        x, y = ax.transData.transform(np.stack(line.get_data(), axis=1)).T
        dense = np.linspace(x[0], x[-1], 500)
        on = np.interp(dense, x, y)
        assert not ((dense > box.x0) & (dense < box.x1) & (on > box.y0) & (on < box.y1)).any()
    assert box.y1 < figure.bbox.y1


@pytest.mark.parametrize(
    "draw, words",
    [
        (lambda: plots.digits(IMAGES[0], TRUE[0]), "digits takes several images, and captions with one entry for each"),
        (lambda: plots.digits(IMAGES[0].reshape(64), "a 3"), "images[:1], captions[:1]"),
        (lambda: plots.predictions(IMAGES[0], 3, TRUE[:1]), "predictions takes several images, and said with one"),
    ],
)
def test_a_single_image_is_refused_in_one_sentence(draw, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        draw()


def test_one_seed_is_one_seed():
    assert "a: 1 seed, " in plots.bands({"a": [0.98]}).alt
    assert "of 1 seed. " in plots.sweep([1, 10], [[0.1], [0.8]], "units").alt
    assert "over 1 epoch," in plots.loss_curve([0.5]).alt


def test_nothing_to_show_takes_no_room():
    nothing, one = plots.digits([], []), plots.digits(IMAGES[:1], TRUE[:1])
    assert "Handwritten digits: none" in texts(nothing)
    assert nothing.get_figheight() < 0.5 < one.get_figheight()
    assert not any(ax.axison for ax in nothing.axes)


def test_sweep_draws_mean_and_band():
    figure = plots.sweep([1, 10], [[0.1, 0.3], [0.8, 0.9]], "units")
    x, y = figure.axes[0].lines[0].get_data()
    assert list(x) == [1, 10] and np.allclose(y, [20, 85])
    corners = figure.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert corners.min() == pytest.approx(10) and corners.max() == pytest.approx(90)


def test_loss_curve_draws_the_losses():
    figure = plots.loss_curve([1.5, 0.5, 0.25], 2.3)
    x, y = figure.axes[0].lines[0].get_data()
    assert list(x) == [1, 2, 3] and list(y) == [1.5, 0.5, 0.25]
    assert "Before training it is 2.3." in figure.alt and "0.25" in figure.alt


@pytest.mark.parametrize("losses", [[1e7, 3e6, 9e5], [1.5, 0.5], [40.0], [0.5, 1e-3, 1e-7]])
def test_loss_curve_keeps_the_start_in_sight_and_writes_its_ticks_in_one_form(losses):
    figure = plots.loss_curve(losses, 2.3)
    low, high = figure.axes[0].get_ylim()
    assert low < min(*losses, 2.3) and high > max(*losses, 2.3)
    rendered(figure)
    ticks = [t.get_text() for t in figure.axes[0].get_yticklabels() if low <= t.get_position()[1] <= high]
    assert len(ticks) >= 2 and len({"e" in t for t in ticks}) == 1


@pytest.mark.parametrize(
    "draw, sentence",
    [
        (lambda: plots.digits(IMAGES, TRUE[:3]), "images has 7, captions has 3"),
        (lambda: plots.predictions(IMAGES, SAID, TRUE[:6]), "true has 6"),
        (lambda: plots.digits(np.zeros((61, 4)), range(61)), "at most 60"),
        (lambda: plots.digits(np.zeros((2, 7)), range(2)), "7 pixels is not a square"),
        (lambda: plots.pixels(np.zeros((28, 28))), "12 by 12"),
        (lambda: plots.loss_curve([1.0, float("nan")]), "finite"),
        (lambda: plots.loss_curve([]), "finite"),
        (lambda: plots.sweep([1, 2, 3], [[0.1], [0.2]], "x"), "3 values"),
        (lambda: plots.layers([3, 2], ["a"]), "names has 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_sentence(draw, sentence):
    with pytest.raises(ValueError, match=sentence):
        draw()


def test_colours_differ_in_grey_print():
    """Neighbouring groups of a figure can be told apart by lightness or by their marker."""
    from dlcourse.plots.curves import MARKERS

    assert len({marker for marker, _ in MARKERS}) == len(MARKERS)


def test_a_ball_that_ends_where_it_starts_says_so():
    balls = {"rests": (-2.0, 0.1, 3), "falls": (1.0, 0.4, 3)}
    figure = plots.descents(lambda w: max(w, 0.0) ** 2, balls, (-3, 3))
    assert texts(figure).count("ends where\nit starts") == 1


def test_bends_can_be_slopes():
    figure = plots.bends({"relu": lambda z: np.where(z > 0, 1.0, 0.0)}, "Slopes", ylabel="slope")
    assert "slope" in texts(figure) and "Curves of slope." in figure.alt


def test_what_a_unit_should_say_is_called_the_desired_value():
    figure = plots.line_fit([0.0, 1.0], [0.0, 1.0], {"first": (1, 0)})
    assert "desired value" in texts(figure) and "desired values 0 and 1" in figure.alt


def test_what_the_check_found_is_written_and_described_with_two_digits():
    figure = plots.symptoms({"ours": [3.14e-10, (0.95, 20.0), (0.5, float("nan"))]}, ["W1", "b1", "W2"])
    assert {"right", "3.1e−10", "× 20", "0.95", "wrong", "0.5"} <= set(texts(figure))
    assert "ours: W1 right (3.1e−10), b1 × 20 (0.95), W2 wrong (0.5)." in figure.alt


def test_a_curve_that_leaves_all_numbers_says_so():
    figure = plots.wrong_but_learning({"fine": [2.3, 1.0], "lost": [2.3, 9.0, np.inf]}, {"fine": 0.97, "lost": 0.1})
    assert sum("after 2 updates" in text for text in texts(figure)) == 1
    assert "fine reads 97%; lost reads 10%, its loss is no longer a number after 2 updates." in figure.alt


def test_open_gates_are_squares_and_shut_ones_dots():
    figure = plots.gates([[True, False, True], [False, False, True]])
    squares, dots = (c.get_offsets().tolist() for c in figure.axes[0].collections)
    assert squares == [[0, 0], [2, 0], [2, 1]] and len(dots) == 3
    assert "50% are open; counted example by example: 2, 1." in figure.alt


def test_numbers_that_are_used_twice_have_a_thick_edge_even_without_a_name():
    values = numbers()
    twice = Number(-6.0, (values["a"], values["b"]), (-3.0, 2.0))
    end = Number(36.0, (twice, twice), (-6.0, -6.0))
    discs = [line for line in plots.graph_map({"end": end}).axes[0].lines if line.get_markeredgewidth() == 2.2]
    assert len(discs) == 2 and {disc.get_markerfacecolor() for disc in discs} == {"white"}, "that one, and the legend"


def test_a_loss_that_hardly_falls_has_plain_numbers_at_its_ticks():
    fig = plots.learning([0, 10, 20], [2.3, 0.9, 0.5], np.zeros((3, 2)), ["one", "two"])
    fig.canvas.draw()
    axis = fig.axes[0].yaxis
    said = [t.get_text() for t in axis.get_ticklabels() + axis.get_ticklabels(minor=True)]
    assert {"0.5", "1", "2"} <= set(said) and not any("$" in text for text in said), said
