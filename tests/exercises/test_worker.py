"""The far side of the wall: data goes through it whole, and nothing but data comes back."""

import ast
import base64
import decimal
import fractions
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from dlcourse.exercises import worker
from dlcourse.exercises.worker import DTYPES, Mark, decode, encode, frame, perform, plain

SOURCE = Path(worker.__file__).read_text("utf-8")

numbers = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63) + 1, 2**63 - 1), st.floats(), st.text(max_size=20), st.just(...)
)
arrays = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: stn.arrays(np.dtype(name), stn.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
data = st.recursive(
    st.one_of(numbers, arrays),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.one_of(st.text(max_size=5), st.integers(-9, 9)), inner, max_size=3),
    ),
    max_leaves=12,
)


def through(value):
    """There and back, as text."""
    return decode(json.loads(json.dumps(encode(value))))


def alike(a, b):
    """The same types, shapes and bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(alike(a[k], b[k]) for k in a)
    return a == b or a != a and b != b


# ---------------------------------------------------------------- there and back
@given(data)
def test_data_comes_back_as_it_went(value):
    packed = plain(value)
    assert alike(through(packed), packed)


@pytest.mark.parametrize("name", sorted(DTYPES))
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (2, 3), (1, 1, 1, 1, 1, 1, 1, 1)], ids=str)
def test_arrays_of_every_type_and_shape(name, shape):
    array = np.ones(shape, dtype=name)
    back = through(plain(array))
    assert alike(back, array) and back.flags.writeable and back.flags.owndata


@pytest.mark.parametrize("name", [">f8", ">i4", ">f2", "=f4"])
def test_the_order_of_the_bytes_does_not_matter(name):
    array = np.arange(6, dtype=name).reshape(2, 3)
    back = through(plain(array))
    assert np.array_equal(back, array) and back.dtype.str in DTYPES


def test_numbers_at_the_edge():
    edge = [np.inf, -np.inf, np.nan, -0.0, 5e-324, 1.7976931348623157e308, 0.1, 2**63 - 1, -(2**63) + 1]
    back = through(plain(edge))
    assert alike(back, edge) and str(back[3]) == "-0.0"
    assert alike(through(plain(np.array(edge[:7]))), np.array(edge[:7]))
    assert through(plain([2**63, 10**100])) == [float(2**63), 1e100]
    assert through(plain(2**1000)) == Mark("other", "int")


def test_views_turned_and_stretched_arrays_are_made_whole():
    a = np.arange(24.0).reshape(2, 3, 4)
    for view in (a.T, a[:, ::-2], np.broadcast_to(a[0], (5, 3, 4)), np.asfortranarray(a)):
        assert np.array_equal(through(plain(view)), view)


def test_what_is_no_data_is_named_and_no_more():
    class Own:
        __slots__ = ()

    others = [
        (Own(), "Own"),
        (len, "builtin_function_or_method"),
        (lambda: 0, "function"),
        (np, "module"),
        (np.array([None]), "array of shape (1,) and type object"),
        (np.array(["a"]), "array of shape (1,) and type <U1"),
        (np.zeros(2, complex), "array of shape (2,) and type complex128"),
        (np.datetime64("2020-01-01"), "datetime64"),
        (1j, "complex"),
        (b"x", "bytes"),
        ({1}, "set"),
        (iter([]), "list_iterator"),
        (np.zeros(worker.MOST_BYTES // 8), "array of shape (1048576,) and type float64"),
        (list(range(10_001)), "list"),
    ]
    for value, said in others:
        assert through(plain(value)) == Mark("other", said)
        assert through(plain([value])) == [Mark("other", said)]


def test_a_nudge_that_is_undone_changes_nothing():
    def nudged(x):
        x[0] += 1e-5
        x[0] -= 2e-5
        x[0] += 1e-5
        return 1.0

    def moved(x):
        x[0] += 1e-9
        return 1.0

    steps = [["f", [np.array([0.1, 0.2])], {}, ""]]
    assert perform({"f": nudged}, steps)["changed"] is False
    assert perform({"f": moved}, steps)["changed"] is True


def test_numbers_of_other_kinds_are_numbers():
    third = fractions.Fraction(1, 3)
    assert through(plain(third)) == 1 / 3
    assert through(plain(decimal.Decimal("0.25"))) == 0.25
    for array in (np.array([third, 2, True]), np.array([1 / 3, 2, 1], np.longdouble)):
        found = through(plain(array))
        assert found.dtype == "<f8" and found.tolist() == [1 / 3, 2, 1]


def test_deep_and_circular_things_end():
    deep, ring = [], []
    ring.append(ring)
    inner = deep
    for _ in range(50):
        inner.append([])
        inner = inner[0]
    for value in (deep, ring):
        back = through(plain(value))
        for _ in range(worker.MOST_DEPTH):
            back = back[0]
        assert back == Mark("other", "list")


def test_subclasses_become_what_they_are_made_of():
    class Rows(list):
        pass

    class Number(float):
        pass

    assert alike(through(plain(Rows([1, 2]))), [1, 2])
    assert through(plain(Number(1.5))) == 1.5
    assert alike(through(plain(np.float32(0.5))), np.array(0.5, np.float32))
    assert alike(through(plain({True: 1, 2.5: 2})), {"True": 1, "2.5": 2})


@given(data)
def test_a_frame_is_its_length_and_plain_json(value):
    packed = frame({"value": encode(plain(value))})
    assert int.from_bytes(packed[:4], "big") == len(packed) - 4
    assert packed[4:].isascii() and json.loads(packed[4:]).keys() == {"value"}


# ---------------------------------------------------------------- what is refused
ONE = base64.b64encode(np.ones(1).tobytes()).decode()


def deep_list(n):
    return {"list": [deep_list(n - 1)]} if n else 1


MALFORMED = [
    *([], [1], {}, {"a": 1, "b": 2}, {"list": [], "tuple": []}, {"list": 3}, {"list": "ab"}, {"list": {}}),
    *({"set": []}, {"object": []}, {"fn": ["x"]}, {"mark": ["open"]}, {"mark": ["a", 1]}, {"mark": ["a", "b", "c"]}),
    *({"mark": "ab"}, {"dict": [1]}, {"dict": [[1]]}, {"dict": [[1.5, 2]]}, {"dict": [[True, 2]]}, {"dict": ["ab"]}),
    *({"dict": [[None, 1]]}, {"dict": {"a": 1}}, {"list": [[1]]}, {"list": [{"x": []}]}, {"dict": [["a", []]]}),
    *({"array": []}, {"array": ["<f8", [1]]}, {"array": ["<f8", [1], ONE, 0]}, {"array": "<f8"}),
    *({"array": [dtype, [1], ONE]} for dtype in ("|O", "O", "object", "<U2", ">f8", "f8", "<c16", "<M8[s]", "|V8")),
    *({"array": [dtype, [1], ONE]} for dtype in ("<f16", "", "float64", 1, None, ["<f8"], {"a": 1}, True, "<f8,<f8")),
    *({"array": ["<f8", shape, ONE]} for shape in ([2], [0], [-1], [1, -1], [1.0], [True], ["1"], [None], 1, "1")),
    *({"array": ["<f8", shape, ONE]} for shape in ([1] * 9, [2**62], [2**40, 2**40], [[1]], {"0": 1}, None, [1e300])),
    *({"array": ["<f8", shape, ""]} for shape in ([2**23], [2**23] * 8, [2**23, 2**23, 2**23], [1], [])),
    *({"array": ["<f8", [1], text]} for text in ("*" * 12, ONE[:-1], ONE + "=", ONE[:8], " " + ONE, ONE + "\n")),
    *({"array": ["<f8", [1], text]} for text in ("é" * 12, None, 1, [ONE], b"".decode(), "AAA", "=", "\ud800")),
    *({"array": ["<f2", [1], ONE]}, {"array": ["|b1", [1], ONE]}, deep_list(9), deep_list(100)),
    *(b"x", 1j, (), (1,), {1}, ..., object(), np.ones(1), {"list": ()}, {"list": [()]}),
]  # fmt: skip


@pytest.mark.parametrize("packed", MALFORMED, ids=lambda p: re.sub(r"0x\w+|\W+", "-", repr(p))[:50])
def test_what_encode_does_not_make_is_refused(packed):
    with pytest.raises(ValueError):
        decode(packed)


def test_an_empty_array_needs_no_bytes_and_gets_none():
    assert decode({"array": ["<f8", [0, 3], ""]}).shape == (0, 3)
    with pytest.raises(ValueError):
        decode({"array": ["<f8", [0, 3], ONE]})


any_json = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(sorted(DTYPES))),
        st.binary(max_size=24).map(lambda b: base64.b64encode(b).decode()),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["mark", "array", "list", "tuple", "dict", "set", ""]), inner, max_size=2),
        st.tuples(st.sampled_from(["mark", "array", "list", "tuple", "dict"]), st.lists(inner, max_size=4)).map(
            lambda pair: {pair[0]: pair[1]}
        ),
        st.tuples(st.sampled_from(sorted(DTYPES)), st.lists(st.integers(-1, 4), max_size=3), inner).map(
            lambda three: {"array": list(three)}
        ),
    ),
    max_leaves=20,
)


@given(any_json)
def test_any_json_is_data_or_a_value_error(packed):
    try:
        found = decode(packed)
    except ValueError:
        return
    assert only_data(found)
    assert alike(through(found), found)


def only_data(value):
    if isinstance(value, (list, tuple)):
        return all(map(only_data, value))
    if isinstance(value, dict):
        return all(type(k) in (str, int) for k in value) and all(map(only_data, value.values()))
    return value is None or type(value) in (bool, int, float, str, Mark) or value.dtype.str in DTYPES


@given(data, st.data())
def test_a_frame_with_one_thing_changed_is_data_or_a_value_error(value, draw):
    """A reply that was tampered with: one byte of its text is another."""
    text = bytearray(json.dumps(encode(plain(value))).encode())
    place = draw.draw(st.integers(0, len(text) - 1))
    text[place] = draw.draw(st.integers(32, 126))
    try:
        decode(json.loads(text))
    except ValueError:
        pass


# ---------------------------------------------------------------- running
def run(source, *steps, errors=None):
    names = {"np": np}
    assert worker.run_cell(names, source, "01.1") == {}
    return perform(names, list(steps), errors)


def test_a_report_is_data_whatever_happens():
    assert run("def f(x): return x + 1", ["f", [1], {}, ""]) == {"value": 2, "changed": False, "printed": ""}
    report = run("def f(x):\n    print('hm')\n    return undefined_name", ["f", [1], {}, ""])
    assert (report["error"], report["name"], report["line"]) == ("NameError", "undefined_name", 3)
    assert report["printed"] == "hm\n" and "return undefined_name" in report["trace"]
    assert run("def f(x): raise NotImplementedError", ["f", [1], {}, ""])["value"] == worker.OPEN
    assert run("def f(x): raise SystemExit(3)", ["f", [1], {}, ""])["error"] == "SystemExit"


def test_errors_whose_text_fails_and_texts_without_end():
    bad = "class Bad(Exception):\n    def __str__(self): raise ValueError\ndef f(): raise Bad"
    assert run(bad, ["f", [], {}, ""])["says"] == ""
    report = run("def f(): raise ValueError('x' * 10**6)", ["f", [], {}, ""])
    assert len(report["says"]) == 500
    assert len(run("def f():\n    print('x' * 10**6)", ["f", [], {}, ""])["printed"]) == 2000


def test_changed_inputs_are_seen_in_every_form():
    x = np.zeros(3)
    for body in ("x[0] = 1", "x += 1", "x.sort(); x[-1] = 7", "x.resize(4, refcheck=False)"):
        assert run(f"def f(x):\n    {body}", ["f", [x], {}, ""])["changed"]
    assert run("def f(d): d['a'].append(1)", ["f", [{"a": []}], {}, ""])["changed"]
    assert run("def f(*, k): k[0] = 9", ["f", [], {"k": [1]}, ""])["changed"]
    for body in ("return x + 1", "x = x + 1", "x = x.copy(); x += 1", "return x.T"):
        assert not run(f"def f(x):\n    {body}", ["f", [x], {}, ""])["changed"]
    assert not run("def f(x): return x", ["f", [np.array([np.nan, 1])], {}, ""])["changed"]
    assert not x.any()
    first = "def f(x, by): x += by"
    assert run(first, ["f", [x, 1], {}, "a"], ["f", [x, 0], {}, "b"])["changed"]  # also where only the first one does


def test_steps_make_keep_call_and_read_objects():
    source = "class A:\n    def __init__(self, n): self.n = n\n    def add(self, other): return A(self.n + other.n)"
    steps = [["A", [1], {}, "a"], ["A", [2], {}, "b"], ["a.add", [Mark("ref", "b")], {}, "c"], ["c.n", None, {}, ""]]
    assert run(source, *steps)["value"] == 3
    assert run(source, *steps, ["a.n", None, {}, ""])["value"] in ([3, 1], (3, 1))
    assert run(source, ["a.n", None, {}, ""])["error"] == "KeyError"
    assert run(source, ["A", [1], {}, "a"], ["a.m", None, {}, ""])["error"] == "AttributeError"


def test_functions_come_as_expressions_and_numpy_can_be_made_strict():
    assert run("def f(g, x): return g(x)", ["f", [Mark("fn", "lambda x: x**2"), 3], {}, ""])["value"] == 9
    divide = "def f(x): return 1 / x"
    assert run(divide, ["f", [np.zeros(1)], {}, ""])["value"][0] == np.inf
    assert run(divide, ["f", [np.zeros(1)], {}, ""], errors={"divide": "raise"})["error"] == "FloatingPointError"


def test_how_a_name_may_be_called():
    source = "def f(a, b=1, *c, d, e=2): pass\ndef g(a, /, b): pass\nv, o = 3, ...\n"
    source += "class C:\n    def __init__(self, x): pass"
    names = {}
    worker.run_cell(names, source, "01.1")
    found = worker.describe(names, ["f", "g", "C", "v", "o", "missing"])
    assert found["f"] == {"kind": "function", "names": ["a", "b"], "least": 1, "most": None}
    assert found["g"] == {"kind": "function", "names": ["a", "b"], "least": 2, "most": 2}
    assert found["C"] == {"kind": "class", "names": ["x"], "least": 1, "most": 1}
    assert (found["v"], found["o"]) == ({"kind": "value"}, {"kind": "open"}) and "missing" not in found
    assert worker.describe({"f": np.add, "m": max}, ["f", "m"])["m"]["kind"] == "function"


class Strange:
    """Callable, and will not say how."""

    @property
    def __signature__(self):
        raise RuntimeError("no")

    def __call__(self):
        return 1


def test_a_thing_that_will_not_say_how_it_is_called_is_called():
    assert worker.describe({"f": Strange()}, ["f"])["f"]["kind"] == "function"


def test_a_cell_that_stops_says_where():
    assert worker.run_cell({}, "x = 1\ny = x +", "01.1")["error"] == "SyntaxError"
    found = worker.run_cell({}, "x = 1\n\ny = x / 0", "01.1")
    assert (found["error"], found["line"]) == ("ZeroDivisionError", 3) and "y = x / 0" in found["trace"]


# ---------------------------------------------------------------- the file itself
def test_it_needs_the_standard_library_and_numpy_alone():
    found = set()
    for node in ast.walk(ast.parse(SOURCE)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, ast.unparse(node)
            found.add(node.module.partition(".")[0])
    assert "numpy" in found and found <= {"numpy", *sys.stdlib_module_names}


def test_nothing_is_pickled_on_either_side():
    for path in Path(worker.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        names |= {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        names |= {a.name for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names}
        assert not names & {"pickle", "cPickle", "dill", "marshal", "shelve", "joblib", "multiprocessing"}, path.name
    assert SOURCE.count("eval(") == 1  # a request's `fn`
    assert SOURCE.count("exec(") == 2  # the cell, and a request's module


def test_it_runs_alone():
    """Handed over as text, with no file and no package near it."""
    requests = [
        {
            "n": 1,
            "do": "cell",
            "title": "01.1",
            "source": "import sys\ndef f(x): return [x + 1, 'dlcourse' in sys.modules]",
        },
        {"n": 2, "do": "describe", "names": ["f", "g"]},
        {"n": 3, "do": "run", "steps": encode([["f", [np.ones(1)], {}, ""]]), "errors": {}},
    ]
    script = f"import sys; sys.argv = ['worker', '0', '1']; __file__ = 'worker.py'\n{SOURCE}".replace(
        "from __future__ import annotations", ""
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], input=b"".join(map(frame, requests)), capture_output=True, timeout=60
    )
    replies, rest = [], done.stdout
    while rest:
        size = int.from_bytes(rest[:4], "big")
        replies.append(json.loads(rest[4 : 4 + size]))
        rest = rest[4 + size :]
    assert done.returncode == 0, done.stderr[-500:]
    assert [r["n"] for r in replies] == [1, 2, 3]
    replies = [r["reply"] for r in replies]
    assert replies[0] == {} and list(replies[1]) == ["f"]
    value, has_it = decode(replies[2]["value"])
    assert np.array_equal(value, [2.0]) and has_it is False


def test_a_module_is_made_of_a_text_anew_for_each_case():
    steps = [[worker.MODULE, ("n = [0]\ndef more():\n    n[0] += 1\n    return n[0]\n",), {}, "m"]]
    steps += [["m.more", (), {}, ""], ["twice", (worker.Mark("ref", "m.more"),), {}, ""]]
    names = {"twice": lambda f: [f(), f()]}
    assert [worker.perform(names, steps)["value"] for _ in range(2)] == [(1, [2, 3])] * 2
    assert worker.perform({}, [["m.more", (), {}, ""]])["error"] == "KeyError"
