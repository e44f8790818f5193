"""What a notebook shows: pictures with descriptions, cards, and the first line of every lesson."""

import base64
import io
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure
from threadpoolctl import threadpool_info, threadpool_limits

from dlcourse.lesson import cards, say, show, start
from dlcourse.lesson import show as show_function
from dlcourse.lesson import start as start_function

show_module, start_module = sys.modules[show_function.__module__], sys.modules[start_function.__module__]


@pytest.fixture
def page(monkeypatch):
    """What lands on the page."""
    shown = []
    for module in (cards, show_module):
        monkeypatch.setattr(module, "put", shown.append)
    return shown


def a_figure(alt: str = "A line that rises from 0 to 1.") -> Figure:
    figure = Figure(figsize=(3, 2))
    figure.add_subplot().plot([0, 1])
    if alt:
        figure.alt = alt
    return figure


class Images(HTMLParser):
    def __init__(self, markup: str):
        super().__init__()
        self.found: list[dict] = []
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.found.append(dict(attrs))


# ---------------------------------------------------------------- show
def test_show_gives_an_image_with_its_description(page):
    show(a_figure())
    bundle = page[0]._repr_mimebundle_()
    (image,) = Images(bundle["text/html"]).found
    assert image["alt"] == bundle["text/plain"] == "A line that rises from 0 to 1."
    data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
    assert data.startswith(b"\x89PNG")
    assert "width:288px" in image["style"] and bundle["text/html"].startswith("<figure")


def test_a_figure_without_description_is_refused(page):
    for figure in (a_figure(""), a_figure("   ")):
        with pytest.raises(ValueError, match="no description"):
            show(figure)
    assert not page


@pytest.mark.parametrize("value", [5, None, [1, 2], "a figure", print])
def test_what_is_no_figure_is_refused_in_one_sentence(page, value):
    with pytest.raises(TypeError, match="^show takes a figure, such as figures.digits"):
        show(value)
    assert not page


def test_an_array_is_not_written_out_when_it_is_refused():
    with pytest.raises(TypeError, match=r"got an array of shape \(3, 64\)$"):
        show(np.ones((3, 64)))


def test_a_description_may_be_given(page):
    show(a_figure(""), "Mine.")
    assert page[0].text == "Mine."


def test_a_description_cannot_break_out(page):
    show(a_figure('x" onerror="alert(1)><script>alert(2)</script>'))
    (image,) = Images(page[0].markup).found
    assert image["alt"].startswith('x" onerror=') and set(image) == {"alt", "src", "style"}
    assert "<script" not in page[0].markup


def test_the_same_figure_gives_the_same_bytes():
    assert show_module.png(a_figure()) == show_module.png(a_figure())


def drawn_and_kept(draw, data) -> tuple[np.ndarray, np.ndarray]:
    """A figure as matplotlib draws it, and as it is shown (drawn anew: a second drawing may move its parts)."""
    from PIL import Image

    buffer = io.BytesIO()
    draw(data).savefig(buffer, format="png", dpi=show_module.DPI, facecolor="white")
    both = buffer, io.BytesIO(show_module.png(draw(data)))
    drawn, kept = (np.asarray(Image.open(b).convert("RGB")).astype(int) for b in both)
    assert drawn.shape == kept.shape
    return drawn, kept


def test_few_colours_look_like_all_colours():
    """No pixel of the small picture is far from the one that matplotlib drew."""
    from dlcourse import plots

    drawn, kept = drawn_and_kept(lambda said: plots.confusion(said, [0, 1, 1, 1], classes=3), [0, 2, 2, 1])
    assert np.abs(drawn - kept).mean() < 1 and np.abs(drawn - kept).max() < 60


@pytest.mark.parametrize("name", ["weight_images", "pairs"])
def test_a_scale_of_colours_keeps_its_colours(name):
    """Rare colours, such as those at the ends of a scale, are not turned into others."""
    from dlcourse import plots

    data = {
        "weight_images": {"averages": np.linspace(-0.1, 0.2, 64), "learned": np.linspace(-1, 1, 64)},
        "pairs": {(a, b): 1 - 0.1 / (a + b) for a in range(10) for b in range(a + 1, 10)},
    }
    drawn, kept = drawn_and_kept(getattr(plots, name), data[name])
    assert np.abs(drawn - kept).max() <= 20


def test_a_pyplot_figure_is_shown_once(page):
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure = plt.figure()
    figure.add_subplot().plot([1, 2])
    show(figure, "Two points.")
    assert len(page) == 1 and not plt.get_fignums()


# ---------------------------------------------------------------- cards
def test_a_card_uses_the_notebooks_own_colours():
    markup = cards.card("Ready", "All `works`.", "good").markup
    assert "var(--jp-content-font-color1" in markup and "<code>works</code>" in markup
    assert not re.search(r"(?<!-)background", markup)


def test_a_card_is_text_too():
    text = cards.card("Ready", "All `works`.", "info", [("a", "1"), ("long", "2")]).text
    assert text == "Ready. All works.\n  a     1\n  long  2"


def test_a_card_escapes_what_it_says():
    markup = cards.card("<b>", "1 < 2 & `<i>`", "open", [("<u>", "<s>")]).markup
    assert not re.search(r"<(b|i|u|s)>", markup) and "1 &lt; 2 &amp; <code>&lt;i&gt;</code>" in markup


def test_a_script_prints_cards():
    done = subprocess.run(
        [sys.executable, "-c", "from dlcourse.lesson import say; say('Ready', 'It works.')"],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "Ready. It works.\n" and not done.stderr


# ---------------------------------------------------------------- start
@pytest.fixture
def course(tmp_path, monkeypatch):
    """The notebooks of a course with three lessons: 00 and 01 built, 02 only written by an author so far."""
    for name in ("notebooks/00_start_here.ipynb", "notebooks/01_one_unit.ipynb", "solutions/02_learns.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(start_module, "source_folder", lambda: tmp_path / "notebooks")


def test_start_says_where_you_are(page, course):
    start("01")
    assert page[0].text.startswith("✓ Ready. Notebook 01, One unit: ") and "Shift+Enter" in page[0].text


def test_notebook_00_shows_the_machine(page, course):
    start("00")
    text = page[0].text
    assert np.__version__ in text and "Processor" in text and "GPU" in text
    start("01")
    assert np.__version__ not in page[1].text


def test_start_leaves_one_core_to_a_matrix_product_in_part_i(page, course):
    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    with threadpool_limits(2, user_api="blas"):
        start("12")
        assert threads() == {2}
        start("00")
        assert threads() == {1}


@pytest.mark.parametrize("which", ["_tries_data", "_tries_network"])
def test_start_never_raises_and_says_what_is_wrong(page, monkeypatch, which):
    def broken():
        """Reading the bundled images"""
        raise OSError("the file is gone.\nmore")

    monkeypatch.setattr(start_module, which, broken)
    start("00")
    assert page[0].text.startswith("✗ Not ready. Reading the bundled images failed: the file is gone. ")
    assert "dlcourse doctor" in page[0].text


def test_a_lesson_that_is_not_yet_written_is_not_ready(page, course):
    start("02")
    start("03")
    assert page[0].text.startswith("✓ Ready. Notebook 02, A unit learns: ")
    assert page[1].text.startswith("Not yet written. Notebook 03, A layer, is still to come. START.md lists ")


@pytest.mark.parametrize("given", [0, "0", " 00"])
def test_start_shows_how_a_number_is_written(page, given):
    start(given)
    assert page[0].text.startswith("✗ No such notebook. ") and page[0].text.endswith('quotation marks: start("00").')


@pytest.mark.parametrize("given", ["99", 99, "one", None, [0]])
def test_what_is_no_lesson_is_refused_in_a_card(page, given):
    start(given)
    assert page[0].text == (
        f'✗ No such notebook. The lessons are numbered from 00 to 17, got {given!r}: the first is start("00").'
    )


def test_this_course_has_its_first_lesson(page):
    start("00")
    assert page[0].text.startswith("✓ Ready. Notebook 00, Start here: ")


def test_every_lesson_of_the_course_has_its_title():
    assert [f"{i:02d}" for i in range(18)] == sorted(start_module.TITLES)


def test_without_a_gpu_start_says_so_in_words(monkeypatch):
    import dlcourse.backends

    def none(_):
        raise RuntimeError("no CuPy")

    monkeypatch.setattr(dlcourse.backends, "get_backend", none)
    assert start_module.gpu() == "none found, and none needed: NumPy computes, on the processor"


def test_say_puts_a_card(page):
    say("Result", "3 of 4.")
    assert page[0].text == "Result. 3 of 4."
