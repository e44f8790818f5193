"""What Python and NumPy say when something stops, in words for somebody who meets it for the first time.

Each says what is true of the error, and nothing of its cause in the learner's code. Python's own words stand beside it.
"""

from __future__ import annotations

import re

SHAPE = r"(\([\d, ]*\))"
MEANS = [  # what an error says, in a pattern -> what that means; {0}, {1} are the groups of the pattern
    (
        rf"operands could not be broadcast together with shapes {SHAPE} {SHAPE}",
        "arrays of shapes {0} and {1} meet element by element, and do not fit",
    ),
    (
        rf"shapes {SHAPE} and {SHAPE} not aligned",
        "a product of arrays of shapes {0} and {1}: the last size of the first must equal the first size of the second",
    ),
    (
        r"matmul: Input operand 1 has a mismatch in its core dimension 0, .*\(size (\d+) is different from (\d+)\)",
        "a matrix product in which the inner sizes differ, {1} and {0}",
    ),
    (
        r"matmul: Input operand (\d) does not have enough dimensions",
        "`@` wants arrays on both sides, and one of them is a single number",
    ),
    (
        r"The truth value of an array with more than one element is ambiguous",
        "one answer, yes or no, is wanted of a whole array, as `if`, `and` and `max` do",
    ),
    (
        r"only (?:integer scalar|length-1|0-dimensional) arrays can be converted to",
        "a whole array stands where a single number is wanted",
    ),
    (
        r"Cannot cast ufunc '\w+' output from dtype\('float64'\) to dtype\('int64'\)",
        "`+=`, `-=` and their like write into an array that is there already, and this one holds whole numbers",
    ),
    (
        r"unsupported operand type\(s\) for (\S+): (?:.*'function'.*|.*'method'.*)",
        "`{0}` gets a function itself, not what it returns when it is called",
    ),
    (
        r"unsupported operand type\(s\) for (\S+): .*'NoneType'.*",
        "`{0}` gets None, which is what a function without `return` gives",
    ),
    (
        r"unsupported operand type\(s\) for (\S+): .*'ellipsis'.*",
        "`{0}` gets a `...`: something is still open",
    ),
    (
        r"'numpy.ndarray' object has no attribute 'get'",
        "`.get()` is asked of an array of NumPy, which has none: it lies on the host already",
    ),
    (r"'([\w.]+)' object is not callable", "brackets call something that is no function, but of type {0}"),
    (r"invalid character '([^']+)' \(U\+2212\)", "`{0}` is a printed minus; type the `-` of the keyboard"),
    (r"invalid character '([^']+)' \(U\+(?:2018|2019|201C|201D)\)", "{0} is a printed quotation mark; type \" or '"),
]
PATTERNS = [(re.compile(pattern), words) for pattern, words in MEANS]


def meaning(says: str) -> str:
    """What an error means, in words; '' for one that speaks for itself."""
    for pattern, words in PATTERNS:
        if found := pattern.search(says):
            return words.format(*found.groups())
    return ""
