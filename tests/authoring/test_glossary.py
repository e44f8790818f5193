"""The glossary: every bold term, with the sentence that introduces it."""

from pathlib import Path

import pytest

from dlcourse.authoring import build
from dlcourse.authoring.glossary import entries, page

ROOT = Path(__file__).parents[2]
LESSON = """# %% [markdown]
# # 07 · On layers
#
# A **layer** is units side by side. It has a **column**
# for each. **Predict.** What now?

# %% [markdown]
# ## 2 · More
#
# Nobody asked. Then came the tables. They are called **shapes**, and so on. We see **nobody moved at all**.
#
# | name | what |
# |---|---|
# | **step** | 0 or 1 | the oldest |
#
# The **MNIST** images. **Gradient descent** goes on. A **layer** again. And **the** rest, and **one**.

# %%
show(1)

# %% [markdown]
# ## What you can now claim
#
# - **You can count.** A **claim** is no introduction?
"""


@pytest.fixture
def lesson(tmp_path):
    (tmp_path / "solutions").mkdir()
    path = tmp_path / "solutions" / "07_on_layers.py"
    path.write_text(LESSON, encoding="utf-8")
    return path


def test_terms_are_those_in_bold_with_what_the_lesson_says(lesson):
    said = {e.term: e.said[0][2] for e in entries([lesson])}
    assert said == {
        "column": "A layer is units side by side. It has a column for each.",
        "gradient descent": "Gradient descent goes on.",
        "layer": "A layer is units side by side.",
        "MNIST": "The MNIST images.",
        "shapes": "Then came the tables. They are called shapes, and so on.",
        "step": "0 or 1; the oldest",
    }
    assert list(said) == sorted(said, key=str.lower)
    assert entries([lesson])[0].said[0][:2] == ("07 On layers", "07_on_layers.ipynb")


def test_a_second_lesson_may_introduce_a_term_again(lesson):
    other = lesson.with_name("08_more.py")
    other.write_text(
        LESSON.replace("07 · On layers", "08 · More").replace("side by side", "in a row"), encoding="utf-8"
    )
    (line,) = [row for row in page([lesson, other]).splitlines() if row.startswith("- **layer**")]
    assert "side by side. [07 On layers](07_on_layers.ipynb) · A layer is units in a row. [08 More]" in line


def test_a_build_writes_it_and_a_check_compares_it(lesson, capsys):
    root = lesson.parents[1]
    there = root / "notebooks" / "GLOSSARY.md"
    assert build.glossary(root, write=False), "none is there yet"
    assert build.glossary(root, write=True) == [] and there.read_text(encoding="utf-8") == page([lesson])
    assert build.glossary(root, write=False) == []
    there.write_text("# Glossary\n", encoding="utf-8")
    assert "not what the sources give" in build.glossary(root, write=False)[0]


def test_the_words_of_the_course_are_in_it():
    terms = {e.term for e in entries(sorted((ROOT / "solutions").glob("[0-9][0-9]_*.py")))}
    assert terms >= {"unit", "weight", "bias", "loss", "learning rate", "layer", "softmax", "gradient", "sigmoid"}
