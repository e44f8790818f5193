"""What is kept of an answer: the statements that it needs, in their order, and nothing of what was tried beside it."""

import ast

import numpy as np
import pytest

from dlcourse.exercises.answer import answer_source, statements


def source(*cells, defines=("f",), given=()):
    text = answer_source(cells, defines, given)
    ast.parse(text)
    return text


def run(text, **names):
    exec(text, names)
    return names


def test_a_function_alone():
    assert source("def f(x):\n    return x + 1\n\nf(3)\nprint('tried')") == "def f(x):\n    return x + 1\n"


def test_comments_inside_stay_and_what_is_beside_goes():
    text = source("y = 5\ndef f(x):\n    # why\n    return x  # so\n\nplot(y)")
    assert "# why" in text and "# so" in text and "y = 5" not in text and "plot" not in text


def test_helpers_constants_and_imports_come_along_in_the_order_of_the_cells():
    text = source(
        "import math\nRATE = 0.5\nunused = 3",
        "def helper(x):\n    return RATE * math.sqrt(x)",
        "def f(x):\n    return helper(x) + 1",
    )
    assert [node.__class__.__name__ for node in ast.parse(text).body] == ["Import", "Assign", *["FunctionDef"] * 2]
    assert "unused" not in text and run(text)["f"](16) == 3


def test_the_last_definition_counts():
    assert run(source("def f(): return 1", "def f(): return 2\n", "x = 3"))["f"]() == 2
    assert run(source("k = 1", "def f(): return k", "k = 5"))["f"]() == 5


def test_what_is_lent_is_not_the_learners_and_what_is_given_comes_from_elsewhere():
    text = source("def g(): return 1\ng = use('01.1')\ndef f(): return g()", given=["g"])
    assert text == "def f(): return g()\n"
    assert "use" not in source("g = use('01.1')\nstep, relu = use('01.2')\ndef f(): return g()")


def test_several_answers_from_one_cell():
    text = source("def f(): return 1\ndef g(): return f()\ndef h(): return 3", defines=("f", "g"))
    assert text.count("def ") == 2 and run(text)["g"]() == 1


@pytest.mark.parametrize(
    "cell",
    [
        "import numpy as np\nf = lambda x: np.sum(x)",
        "from math import sqrt, pi\ndef f(x): return sqrt(np.sum(x)) ** 2\nimport numpy as np",
        "import numpy as np, math\nclass f:\n    def __new__(cls, x): return np.sum(x)",
        "import numpy as np\ndef deco(g): return g\n@deco\ndef f(x): return np.sum(x)",
        "import numpy as np\na = b = 0\nif a == b:\n    def g(x): return np.sum(x)\ndef f(x): return np.sum(x) + b",
        "import numpy as np\ndef f(x, g=np.sum): return g(x)",
        "import numpy as np\n(f, other) = (np.sum, 3)",
        "import numpy as np\nf: object = np.sum",
        "import numpy.linalg\nimport numpy as np\ndef f(x): return np.sum(x) + 0 * numpy.linalg.norm(x)",
    ],
)
def test_it_runs_alone(cell):
    assert run(source(cell))["f"](np.arange(4)) == pytest.approx(6)


def test_decorators_come_along():
    text = source("def twice(g): return lambda x: 2 * g(x)\n@twice\ndef f(x): return x")
    assert "@twice" in text and run(text)["f"](3) == 6


def test_an_import_of_several_names_gives_only_the_one_that_is_needed():
    text = source("from math import sqrt, pi, floor\ndef f(): return floor(2.5)")
    assert "floor" in text and "sqrt" not in text and "pi" not in text


def test_functions_that_need_each_other_end():
    text = source("def f(n): return 0 if n == 0 else g(n - 1)\ndef g(n): return f(n)")
    assert run(text)["f"](5) == 0


def test_cells_that_python_cannot_read_are_passed_over():
    assert source("def f(: 1", "%matplotlib inline\nx = 1", "!ls", "\0", "def f(): return 1") == "def f(): return 1\n"


def test_what_is_not_there_gives_nothing():
    assert source("x = 1") == "" and source() == "" and statements(["", "# only this"]) == []


def test_a_name_of_python_is_not_followed():
    assert source("print = 3\ndef f(): return len(print)") == "def f(): return len(print)\n"


FILLED = {  # what is done to a name after it was bound goes with it
    "a method": "t = {}\nt.update(a=1)\ndef f(): return t['a']",
    "a loop": "t = {}\nfor k in 'ab':\n    t[k] = 1\ndef f(): return t['a']",
    "a loop and a method": "t = []\nfor k in range(3):\n    t.append(k)\ndef f(): return t[1]",
    "a while": "n = 8\nwhile n > 1:\n    n /= 2\ndef f(): return n",
    "a branch": "n = 0\nif True:\n    n = 1\ndef f(): return n",
    "setattr": "class T: pass\nsetattr(T, 'a', 1)\ndef f(): return T.a",
    "a global": "n = 0\ndef f():\n    global n\n    n += 1\n    return n",
    "an import in try": "try:\n    import math as m\nexcept ImportError:\n    m = None\ndef f(): return m.gcd(3, 5)",
    "a helper in if": "if True:\n    def g(): return 1\ndef f(): return g()",
    "a helper called like one of Python's": "def abs(x): return 1\ndef f(): return abs(-7)",
}


@pytest.mark.parametrize("what", FILLED)
def test_what_is_done_to_a_name_goes_with_it(what):
    assert run(source(*FILLED[what].split("\n\n")))["f"]() == 1


def test_calls_of_a_module_change_nothing_that_an_answer_needs():
    text = source("import numpy as np\nnp.random.seed(1)\nX = np.zeros(3)\nnp.save('x', X)\ndef f(): return np.pi")
    assert text == "import numpy as np\n\ndef f(): return np.pi\n"


def test_what_the_answers_own_cell_defines_is_not_taken_from_elsewhere():
    assert "def g" in source("def g(a): return 1\ndef f(): return g(0)", given=["g"])
    assert "def g" not in source("def g(a): return 1", "def f(): return g(0)", given=["g"])


REBOUND = {  # a value that is made from the one before
    "a count": "n = 0\nn = n + 1\ndef f(): return n",
    "a table": "t = {'a': 0}\nt = {**t, 'a': 1}\ndef f(): return t['a']",
    "two at once": "a, b = 1, 0\na, b = b, a\ndef f(): return b",
    "a wrapper": "def f(): return 0\ndef more(g): return lambda: g() + 1\nf = more(f)",
    "the old one": "def f(): return 0\nold = f\ndef f(): return old() + 1",
    "a class": "class T:\n    a = 1\nclass T(T): pass\ndef f(): return T.a",
    "a name of Python's, imported": "from math import fsum as sum\ndef f(): return int(sum([0.5, 0.5]))",
    "a name of Python's, assigned": "import math\nsum, max = math.fsum, max\ndef f(): return int(sum([0.5, 0.5]))",
    "a form feed": 'def f():\n    """a\x0cb\u2028c"""\n    return 1',
}


@pytest.mark.parametrize("what", REBOUND)
def test_what_a_value_was_made_from_goes_with_it(what):
    assert run(source(REBOUND[what]))["f"]() == 1


def test_what_stands_below_does_not_take_the_name_of_one_of_pythons():
    text = answer_source(["sum = abs", "def f(): return sum([1, 2])"], ["f"], (), 1)
    assert text == "def f(): return sum([1, 2])\n"
    assert "sum = abs" in answer_source(["sum = abs", "def f(): return sum([1, 2])"], ["f"])
