"""Notebook 00: what its cells do when something goes another way than it went for the author."""

from pathlib import Path

import numpy as np
import pytest

import dlcourse
from dlcourse.authoring.source import read

ROOT = Path(__file__).parents[2]
CELLS = read((ROOT / "solutions" / "00_start_here.py").read_text(encoding="utf-8"))


def cell(words: str) -> str:
    """The one code cell that holds these words."""
    (found,) = (c.text for c in CELLS if c.kind == "code" and words in c.text)
    return found


def names(**more) -> dict:
    """What earlier cells have defined."""
    return {"np": np, **{name: getattr(dlcourse, name) for name in dir(dlcourse) if name[0].isupper()}, **more}


@pytest.mark.parametrize("press", [1, 3])
def test_the_stop_button_stops_all_the_trainings_of_a_cell(press):
    """`fit` itself keeps what it has: a cell that trains many networks must not go on with the next one."""
    calls = []

    def fit(*args, **options):
        calls.append(1)
        return dlcourse.History(ended="interrupted" if len(calls) == press else "finished")

    digits = dlcourse.load_digits().flat()
    here = names(fit=fit, digits=digits, share_right=lambda said, t: 0.5, show=lambda figure: None)
    with pytest.raises(KeyboardInterrupt):
        exec(cell("def train("), here | {"figures": dlcourse.figures})
    assert len(calls) == press


@pytest.mark.parametrize(
    "n, title", [(3, "Every mistake"), (60, "Every mistake"), (331, "The first 60 of 331 mistakes")]
)
def test_the_picture_of_the_mistakes_says_when_it_shows_only_some(n, title):
    shown = []
    t = np.arange(360) % 10
    said = np.where(np.arange(360) < n, (t + 1) % 10, t)
    here = names(x=np.zeros((360, 64)), t=t, said=said, figures=dlcourse.figures, show=shown.append)
    exec(cell("Every mistake"), here)
    assert shown[0].get_suptitle() == title and shown[0].alt.startswith(title)


def test_the_text_tells_of_the_stop_button_and_of_slips():
    first = CELLS[0].text
    for words in ("black square above the notebook", "misspelt", "Run All Above Selected Cell", "1 exercise"):
        assert words in first, words
    assert "(01_one_unit.ipynb)" in [c.text for c in CELLS if c.kind == "markdown"][-1]


def test_it_shows_how_exercises_talk():
    code = "\n".join(c.text for c in CELLS)
    for call in ("check(", "use(", "solution(", "progress(", "predict(", "compare("):
        assert f'{call}"00' in code
