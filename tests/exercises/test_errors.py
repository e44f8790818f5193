"""Errors in words: true of what Python and NumPy say in this very version, and nothing for what is not known."""

import re

import numpy as np
import pytest

from dlcourse.exercises.errors import MEANS, meaning

SAID = {  # code that fails -> what is said of it
    "np.ones(2) * np.ones(4)": "arrays of shapes (2,) and (4,) meet element by element, and do not fit",
    "np.dot(np.ones(2), np.ones(3))": "a product of arrays of shapes (2,) and (3,)",
    "np.ones((2, 3)) @ np.ones((2, 4))": "a matrix product in which the inner sizes differ, 3 and 2",
    "np.ones((2, 3)) @ 2": "`@` wants arrays on both sides",
    "bool(np.ones(2))": "one answer, yes or no, is wanted of a whole array",
    "np.ones(2).get()": "`.get()` is asked of an array of NumPy, which has none",
    "range(np.ones(2))": "a whole array stands where a single number is wanted",
    "float(np.ones(2))": "a whole array stands where a single number is wanted",
    "x = np.arange(2); x -= 0.5": "`+=`, `-=` and their like write into an array that is there already",
    "0.1 * len": "",
    "def f(): pass\n0.1 * f": "`*` gets a function itself",
    "def f(): pass\nf() + 1": "`+` gets None",
    "np.ones(2) - ...": "`-` gets a `...`: something is still open",
    "x = 3\nx(2)": "brackets call something that is no function, but of type int",
    "a − b": "`−` is a printed minus",
    "x = ‘a’": "‘ is a printed quotation mark",
    "np.ones(2)[5]": "",
    "1 / 0": "",
}


def meaning_of(code):
    with pytest.raises(Exception) as stopped:
        exec(code, {"np": np})
    return meaning(stopped.value.msg if isinstance(stopped.value, SyntaxError) else str(stopped.value))


@pytest.mark.parametrize("code", SAID)
def test_an_error_is_told_in_words(code):
    said = meaning_of(code)
    assert said.startswith(SAID[code]) and bool(said) == bool(SAID[code])


def test_every_meaning_is_tried_here():
    for _, words in MEANS:
        pattern = re.sub(r"\\{\d\\}", ".+", re.escape(words))
        assert any(re.match(pattern, meaning_of(code)) for code in SAID), words
