"""What a learner hears: each mistake its own sentence, and a cause only where it is certain."""

import numpy as np
import pytest

from dlcourse.exercises import CORRECT, NOT_ATTEMPTED, NOT_YET, Exercise, evaluate, sentences
from dlcourse.exercises.exercise import Wrong, call, do, get, script
from dlcourse.exercises.runners import InProcess
from dlcourse.exercises.worker import run_cell


def scale(x, k):
    """y = k x + 1"""
    return k * x + 1


def scale_cases(rng):
    yield call("scale", rng.normal(size=(2, 3)).round(1) + 3, 2.0)
    yield call("scale", rng.normal(size=(4, 2)).round(1) + 3, 3.0)
    yield call("scale", np.array([[1.0, 2.0]]), 4.0, tag="a batch of one")


WRONG = [Wrong("no one", lambda x, k: k * x, "The 1 is missing."), Wrong("k only", lambda x, k: x + k, "You add k.")]


def exercise(**changes):
    """The exercise that the answers below are for."""
    given = dict(id="01.9", title="Scale", reference={"scale": scale}, cases=scale_cases, wrong=WRONG)
    return Exercise(**given | dict(hints=("a", "b", "c"), limit_s=0.2) | changes)


EX = exercise()


def judged(source, ex=EX):
    names = {"np": np}
    run_cell(names, source, ex.id)
    return evaluate(ex, InProcess(names))


SAID = {  # an answer -> the whole sentence
    "name not defined": (
        "def scale(x, k):\n    return k * X + 1",
        "Line 2 of `scale` uses `X`, which is not defined: a typo, or a cell that has not run?",
    ),
    "too few": ("def scale(x): return x", "`scale` is called with 2 arguments; yours takes 1 (x)."),
    "too many": ("def scale(x, k, b): return x", "`scale` is called with 2 arguments; yours takes 3 (x, k, b)."),
    "none": ("def scale(): return 1", "`scale` is called with 2 arguments; yours takes 0."),
    "a default too few": (
        "def scale(x, k, b, c=1): return x",
        "`scale` is called with 2 arguments; yours takes 3 (x, k, b, c).",
    ),
    "stops": (
        "def scale(x, k):\n    y = x\n    return y[5]",
        "`scale` stops in line 3 with IndexError: index 5 is out of bounds for axis 0 with size 2",
    ),
    "stops in a helper": (
        "def helper(x):\n    return x.nothing\n\ndef scale(x, k):\n    return helper(x)",
        "`scale` stops in line 2 with AttributeError: 'numpy.ndarray' object has no attribute 'nothing'",
    ),
    "stops without a word": ("def scale(x, k):\n    assert k < 0", "`scale` stops in line 2 with AssertionError."),
    "endless": (
        "def scale(x, k):\n    while True: pass",
        "`scale` is still running after 0.2 s. A loop that never ends? Look at what should stop it.",
    ),
    "changes x": (
        "def scale(x, k):\n    y = k * x + 1\n    x += 1\n    return y",
        "`scale` changes what it is handed. Make something new, and leave the input as it was.",
    ),
    "returns nothing": (
        "def scale(x, k):\n    y = k * x + 1",
        "`scale` returns nothing. Is there a `return` in front of the result?",
    ),
    "prints": (
        "def scale(x, k):\n    print(k * x + 1)",
        "`scale` prints something and returns nothing. Should a `print` be a `return`?",
    ),
    "nan": (
        "def scale(x, k): return k * x + np.nan",
        "`scale` returns nan where a finite number is wanted.",
    ),
    "inf": ("def scale(x, k): return k * x / 0.0", "`scale` returns inf where a finite number is wanted."),
    "a number": (
        "def scale(x, k): return (k * x + 1).sum()",
        "`scale` returns a single number; an array of shape (2, 3) is wanted.",
    ),
    "a column too many": (
        "def scale(x, k): return (k * x + 1)[..., None]",
        "`scale` returns an array of shape (2, 3, 1); an array of shape (2, 3) is wanted.",
    ),
    "transposed": (
        "def scale(x, k): return (k * x + 1).T",
        "`scale` returns an array of shape (3, 2); an array of shape (2, 3) is wanted.",
    ),
    "text": ("def scale(x, k): return 'y'", "`scale` returns a str; an array of shape (2, 3) is wanted."),
    "few digits": (
        "def scale(x, k): return (k * x + 1) * (1 + 1e-6 * np.arange(x.size).reshape(x.shape))",
        "`scale` gives the right numbers, but to fewer digits than is wanted.",
    ),
    "minus infinity": (
        "def scale(x, k): return np.where(x > 0, -np.inf, x)",
        "`scale` returns −inf where a finite number is wanted.",
    ),
    "no return in some cases": (
        "def scale(x, k):\n    if len(x) > 1: return k * x + 1",
        "`scale` returns nothing in some cases. Is there a way through it without a `return`? "
        "It is right in 2 other cases, and wrong with a batch of one.",
    ),
    "shapes that do not fit": (
        "def scale(x, k):\n    return x @ x",
        "`scale` stops in line 2: a matrix product in which the inner sizes differ, 3 and 2.",
    ),
    "ratio": ("def scale(x, k): return 3 * (k * x + 1)", "`scale` gives 3 times what is expected, in every place."),
    "sign": ("def scale(x, k): return -(k * x + 1)", "`scale` gives the right numbers with the wrong sign."),
    "more": ("def scale(x, k): return k * x + 3", "`scale` gives what is expected plus 2, in every place."),
    "less": ("def scale(x, k): return k * x - 1", "`scale` gives what is expected minus 2, in every place."),
    "other": ("def scale(x, k): return x ** 2 + k", "`scale` runs, but gives another value than expected."),
    "a value": (
        "scale = 3.0",
        "`scale` cannot be called: it is a value, and a function is wanted. Is its name used twice?",
    ),
    "one case only": (
        "def scale(x, k): return k * x + (1 if len(x) > 1 else 5)",
        "`scale` runs, but gives another value than expected. "
        "It is right in 2 other cases, and wrong with a batch of one.",
    ),
}


@pytest.mark.parametrize("what", SAID)
def test_each_mistake_has_its_own_sentence(what):
    source, sentence = SAID[what]
    verdict = judged(source)
    assert (verdict.state, verdict.sentence, verdict.key) == (NOT_YET, sentence, ""), verdict


def test_no_two_mistakes_hear_the_same():
    assert len({sentence for _, sentence in SAID.values()}) == len(SAID)


def test_the_evidence_can_be_looked_at():
    rows = dict(judged(SAID["ratio"][0]).evidence)
    assert rows["call"].startswith("scale(np.array([[") and rows["ratio"].startswith("3 ")
    assert "index (0, 0)" in rows["yours"] and "index (0, 0)" in rows["expected"]
    verdict = judged(SAID["stops"][0])
    assert "IndexError" in dict(verdict.evidence)["yours"] and "return y[5]" in verdict.trace
    assert dict(judged(SAID["changes x"][0]).evidence)["yours"] == "the input is changed"
    assert judged(SAID["prints"][0]).printed


# ---------------------------------------------------------------- answers that take their arguments otherwise
@pytest.mark.parametrize(
    "head", ["x, k", "x, k=2", "x=0, k=0", "*args", "x, *rest", "x, k, *, b=1", "x, k, b=1", "x, k, /", "a, b, **more"]
)
def test_other_ways_to_take_the_arguments_are_right(head):
    first, second = {"*args": ("args[0]", "args[1]"), "x, *rest": ("x", "rest[0]")}.get(
        head, ("a", "b") if head[0] == "a" else ("x", "k")
    )
    assert judged(f"def scale({head}): return {second} * {first} + 1").state == CORRECT


def test_an_answer_that_takes_any_arguments_is_never_told_about_their_number():
    verdict = judged("def scale(*args): return args[0]")
    assert verdict.state == NOT_YET and "argument" not in verdict.sentence


def test_an_argument_that_must_be_named_is_named():
    verdict = judged("def scale(x, k, *, b): return k * x + b")
    assert verdict.state == NOT_YET and "TypeError" in verdict.sentence and "'b'" in verdict.sentence


# ---------------------------------------------------------------- not the same each time
def test_random_results_are_told():
    for source in (
        "def scale(x, k): return k * x + 1 + np.random.default_rng().normal(size=x.shape)",
        "def scale(x, k): return k * x + (1 if len(x) > 1 else np.random.default_rng().normal(size=x.shape))",
        "seen = []\ndef scale(x, k):\n    seen.append(len(x))\n    return k * x + 1 + (seen.count(4) > 1)",
        "seen = []\ndef scale(x, k):\n    seen.append(1)\n    return k * x + 1 if len(seen) <= 3 else 7 * x",
    ):
        verdict = judged(source)
        assert verdict.state == NOT_YET and "another answer when it is called again" in verdict.sentence, verdict


# ---------------------------------------------------------------- a class
class Counter:
    """n counts up from a start."""

    def __init__(self, start):
        self.n = start

    def up(self, by):
        self.n = self.n + by
        return self.n


def counter_cases(rng):
    yield script("Counter", do("c = Counter", 3), do("c.up", 2), do("c.up", 4))
    yield script("Counter", do("c = Counter", 5), do("c.up", 2), get("c.n"))


CLASS = exercise(reference={"Counter": Counter}, cases=counter_cases, wrong=[])
RIGHT = "class Counter:\n    def __init__(self, start): self.n = start\n    def up(self, by):\n        "


def test_a_class_hears_about_its_methods():
    assert judged(RIGHT + "self.n += by\n        return self.n", CLASS).state == CORRECT
    verdict = judged(RIGHT + "return self.n", CLASS)
    assert verdict.sentence == "`Counter` runs, but gives another value than expected."
    verdict = judged("class Counter:\n    def __init__(self): self.n = 0", CLASS)
    assert "`Counter` is called with 1 argument; yours takes 0" in verdict.sentence
    verdict = judged("class Counter:\n    def __init__(self, start): self.n = start", CLASS)
    assert verdict.state == NOT_YET and "AttributeError" in verdict.sentence and "up" in verdict.sentence


def test_the_line_is_one_of_the_answers_own_cell():
    names = {"np": np}
    run_cell(names, "\n\n\n\ndef double(x):\n    return x.nothing", "another")
    run_cell(names, "def scale(x, k):\n    y = x\n    return double(y)", EX.id)
    verdict = evaluate(EX, InProcess(names))
    assert "`scale` stops in line 3 with AttributeError" in verdict.sentence
    assert "line 6, in double" in verdict.trace


def test_what_the_check_does_with_an_answer_is_not_blamed_on_its_lines():
    verdict = judged("class Counter:\n    def __init__(self, start): pass\n    up = 3", CLASS)
    assert verdict.sentence.startswith("What `Counter` gives cannot be used as the exercise says: TypeError: 'int'")


def test_a_list_of_arrays_is_called_one():
    def cut(x):
        return [x[:2], x[2:]]

    ex = exercise(reference={"cut": cut}, cases=lambda rng: [call("cut", np.arange(4.0)), call("cut", np.arange(5.0))])
    assert judged("def cut(x): return x", ex).sentence == (
        "`cut` returns an array of shape (4,); a list of 2 arrays is wanted."
    )
    assert judged("def cut(x): return [x[:3], x[3:]]", ex).sentence == (
        "`element 0` is an array of shape (3,); an array of shape (2,) is wanted."
    )
    nested = exercise(
        reference={"cut": lambda x: [[x[0]], [x[1], x[2]]]}, cases=lambda rng: [call("cut", np.arange(3.0))]
    )
    assert judged("def cut(x): return [[x[0], x[1]], [x[2]]]", nested).sentence.endswith("arranged in another way.")


def test_a_method_hears_about_self():
    verdict = judged("class Counter:\n    def __init__(self, start): pass\n    def up(by): return 1", CLASS)
    assert verdict.sentence == (
        "`Counter.up` is called with 1 argument, and the object comes in front: 2 in all. Yours takes 1. "
        "Is `self` its first parameter?"
    )
    verdict = judged("class Counter:\n    def __init__(self, start): pass\n    def up(self, by, to): return 1", CLASS)
    assert verdict.sentence.startswith("`Counter.up` asks for more than it is given: 'to'.")
    verdict = judged(RIGHT + "return self.up()", CLASS)  # a call of her own, in a line of hers
    assert "stops in line 4 with TypeError" in verdict.sentence


def test_a_function_where_a_class_is_wanted_and_the_other_way_round():
    verdict = judged("def Counter(start): return start", CLASS)
    assert verdict.state == NOT_YET and "AttributeError" in verdict.sentence
    verdict = judged("class scale:\n    def __init__(self, x, k): self.y = k * x + 1")
    assert verdict.state == NOT_YET
    assert verdict.sentence == "`scale` returns a scale; an array of shape (2, 3) is wanted."


# ---------------------------------------------------------------- open
@pytest.mark.parametrize(
    "source", ["scale = ...", "def scale(x, k):\n    y = ...\n    return y", "def scale(x, k): return ..."]
)
def test_dots_that_are_left_are_not_attempted(source):
    verdict = judged(source)
    assert (verdict.state, verdict.key) == (NOT_ATTEMPTED, ""), verdict


def test_dots_inside_a_result_are_not_attempted():
    for body in ("return (..., 1)", "return [1, ...]", "raise NotImplementedError"):
        assert judged(f"def scale(x, k): {body}").state == NOT_ATTEMPTED


def test_nothing_defined_and_another_name():
    assert judged("x = 1").state == NOT_ATTEMPTED
    two = exercise(reference={"scale": scale, "other": scale})
    verdict = judged("def scale(x, k): return k * x + 1", two)
    assert (verdict.state, verdict.sentence) == (
        NOT_YET,
        "`other` is not defined. Is the name spelled as in the exercise?",
    )


# ---------------------------------------------------------------- a cause
def test_a_cause_is_named_where_one_matches():
    verdict = judged("def scale(x, k): return x * k")
    assert (verdict.key, verdict.sentence) == ("no one", "The 1 is missing.")
    assert judged("def scale(x, k):\n    print(x)\n    return list((x * k).tolist())").key == "no one"


def test_no_cause_is_named_where_two_match():
    double = exercise(wrong=[*WRONG, Wrong("the same", lambda x, k: k * x + 0, "Another cause.")])
    verdict = judged("def scale(x, k): return k * x", double)
    assert verdict.key == "" and verdict.state == NOT_YET
    assert verdict.sentence == "`scale` gives what is expected minus 1, in every place."
    assert judged("def scale(x, k): return k + x", double).key == "k only"


@pytest.mark.parametrize(
    "source",
    [
        "def scale(x, k): return k * x + (len(x) == 1)",
        "def scale(x, k): return k * x * 1.001",
        "def scale(x, k):\n    y = k * x\n    x[:] = 0\n    return y",
        "def scale(x, k): return (k * x)[None]",
        "def scale(x, k): return (k * x,)",
        "def scale(x, k):\n    if len(x) == 1: raise ValueError\n    return k * x",
    ],
)
def test_no_cause_is_named_where_one_nearly_matches(source):
    verdict = judged(source)
    assert (verdict.state, verdict.key) == (NOT_YET, "")


def test_a_cause_that_stops_is_matched_by_its_error():
    stops = exercise(wrong=[Wrong("no array", lambda x, k: x.nothing, "There is no such thing.")])
    assert judged("def scale(x, k): return 0 * k + x.nothing", stops).key == "no array"
    assert judged("def scale(x, k): return x.also_nothing", stops).key == "", "the same kind of error, another one"
    assert judged("def scale(x, k): return x[9]", stops).key == ""


def test_what_never_ends_matches_no_cause():
    def endless(x, k):
        while True:
            pass

    one = [call("scale", np.ones(2), 2.0)]
    stops = exercise(wrong=[Wrong("endless", endless, "It never ends.")], cases=lambda rng: one)
    verdict = judged("def scale(x, k):\n    while k: pass", stops)
    assert verdict.key == "" and "still running" in verdict.sentence


# ---------------------------------------------------------------- remarks on what is right
def test_remarks_are_no_verdicts():
    plain = judged("def scale(x, k): return k * x + 1")
    assert (plain.state, plain.sentence) == (CORRECT, "")
    small = judged("def scale(x, k): return (k * x + 1).astype(np.float32)")
    assert small.state == CORRECT and "float32" in small.sentence
    assert judged("def scale(x, k): return (k * x + 1).astype(np.float16)").state == NOT_YET, (
        "three digits hide mistakes"
    )
    chatty = judged("def scale(x, k):\n    print('hm')\n    return k * x + 1")
    assert chatty.state == CORRECT and chatty.sentence == "It also prints something." and "hm" in chatty.printed


def test_numbers_that_say_nothing_are_not_read_into():
    """One number alone has a ratio and an offset, and so has everything."""
    assert sentences.value_of("f", [2.0], [1.0]) == "`f` runs, but gives another value than expected."
    assert sentences.value_of("f", [1.0, 2.0], [0.0, 0.0]) == "`f` runs, but gives another value than expected."
    assert "times" not in sentences.value_of("f", [1.0, 2.0, 5.0], [1.0, 2.0, 4.0])
    assert "wrong sign" in sentences.value_of("f", [-1.0, -2.0], [1.0, 2.0])


def test_words():
    assert sentences.listed(["a"]) == "`a`" and sentences.listed(["a", "b", "c"]) == "`a`, `b` and `c`"
    assert (sentences.counted(1, "case"), sentences.counted(2, "case")) == ("1 case", "2 cases")
    assert sentences.plain_code("`f` is `g`") == "f is g"


# ---------------------------------------------------------------- what is seen of an answer
ROWS = exercise(
    reference={"scale": lambda x, k: [k, k + 1.0, k + 2.0]},
    cases=lambda rng: [call("scale", np.ones(2), k) for k in (1.0, 2.0, 4.0)],
    wrong=[],
)


@pytest.mark.parametrize(
    "source, sentence",
    [
        ("return [k, k + 1]", "`scale` returns 2 numbers; 3 numbers are wanted."),
        ("return (k,)", "`scale` returns 1 number; 3 numbers are wanted."),
        ("return k", "`scale` returns a single number; 3 numbers are wanted."),
        ("return np.ones(2)", "`scale` returns an array of shape (2,); 3 numbers are wanted."),
        (
            "return 1, 2, 5",
            "`scale` gives the same in every case, whatever it is handed. What does it do with its inputs?",
        ),
    ],
)
def test_a_row_of_numbers_is_counted_and_one_that_never_changes_is_told(source, sentence):
    assert judged(f"def scale(x, k): {source}", ROWS).sentence == sentence


def looked_at(value):
    """The answer's number, and whether it is large: each by its name."""
    return value, value > 9


LOOKS = exercise(
    reference={"scale": lambda x, k: 2 * k},
    cases=lambda rng: [call("scale", np.ones(2), k) for k in (1.0, 2.0, 3.0)],
    wrong=[Wrong("ten times", lambda x, k: 20 * k, "That is ten times as much.")],
    apply=looked_at,
    problem=lambda part, value: "It is too large." if value > 9 else "",
    returns=("the number", "is it large"),
)


def test_evidence_compares_what_apply_gives_also_where_there_is_a_problem():
    """Not the answer itself with what `apply` makes of the right one."""
    verdict = judged("def scale(x, k): return 20 * k", LOOKS)
    assert (verdict.key, verdict.evidence[1:3]) == (
        "ten times",
        (("yours", "20 at the number"), ("expected", "2 at the number")),
    )
    assert judged("def scale(x, k): return 30 * k", LOOKS).sentence == "It is too large."
    assert dict(judged("def scale(x, k): return 2 * k + 1", LOOKS).evidence)["yours"] == "3 at the number"


def test_where_apply_looks_an_error_stands_alone():
    """What is seen of the right answer is no result that could stand beside it."""
    assert [row for row, _ in judged("def scale(x, k): return x[9]", LOOKS).evidence] == ["call", "yours"]
    assert [row for row, _ in judged("def scale(x, k): return x[9]", ROWS).evidence] == ["call", "yours", "expected"]


def test_a_mistake_has_several_forms_and_one_name():
    also = Wrong("no one", lambda x, k: k * x, "The 1 is missing.", also=(lambda x, k: (k * x).tolist() * 2,))
    ex = exercise(wrong=[also, WRONG[1]])
    assert judged("def scale(x, k): return k * x", ex).key == "no one"
    assert judged("def scale(x, k): return (k * x).tolist() * 2", ex).key == "no one"
    assert judged("def scale(x, k): return (k * x).tolist() * 3", ex).key == ""
    twice = exercise(wrong=[Wrong("no one", lambda x, k: k * x, "The 1 is missing.", also=(lambda x, k: k * x,))])
    assert judged("def scale(x, k): return k * x", twice).key == "no one", "two forms alike are one mistake"
