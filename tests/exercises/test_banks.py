"""Every exercise of every bank: right answers pass, wrong ones hear their own sentence, open ones are not judged."""

import ast
import json
import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dlcourse.exercises import CORRECT, NOT_ATTEMPTED, NOT_YET, evaluate, exercises, find, notebooks
from dlcourse.exercises import exercise as forms
from dlcourse.exercises.evaluate import expected, outcomes_of_wrong, same
from dlcourse.exercises.runners import InProcess, Subprocess
from dlcourse.exercises.worker import decode, encode

ALL = {id: ex for number in notebooks() for id, ex in exercises(number).items()}
RIGHT = [(id, i) for id, ex in ALL.items() for i in range(len(ex.right))]
WRONG = [(id, i) for id, ex in ALL.items() for i in range(len(ex.wrong))]
SEEDS = (0, 1, 2)


class ThroughJson(InProcess):
    """What a process in between does to steps and reports, without the process."""

    def run(self, steps, errors, limit_s):
        steps = decode(json.loads(json.dumps(encode(steps))))
        report = super().run(steps, errors, limit_s)
        return {k: decode(json.loads(json.dumps(encode(v)))) for k, v in report.items()}


def names_of(ex, parts):
    """An answer as a notebook holds it, with what it may call."""
    given = {name: find(id).reference[name] for name, id in ex.given.items()}
    return {"np": np, **given, **ex.names(parts)}


def wrong_parts(ex, wrong):
    return {wrong.part or next(iter(ex.reference)): wrong.answer}


def given_cells(ex):
    """The sources of what an answer may call, first things first."""
    cells = []
    for id in dict.fromkeys(ex.given.values()):
        cells += [*given_cells(find(id)), (id, find(id).solution)]
    return list(dict.fromkeys(cells))


def test_there_are_banks_for_the_notebooks_that_have_exercises():
    assert set(notebooks()) <= {f"{n:02}" for n in range(18)}
    assert {"01", "02", "03"} <= set(notebooks())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("id, i", RIGHT)
def test_other_right_answers_pass(id, i, seed):
    verdict = evaluate(ALL[id], InProcess(names_of(ALL[id], ALL[id].right[i])), seed)
    assert verdict.state == CORRECT, verdict


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("id, i", WRONG)
def test_a_wrong_answer_hears_its_own_sentence(id, i, seed):
    ex, wrong = ALL[id], ALL[id].wrong[i]
    verdict = evaluate(ex, InProcess(names_of(ex, wrong_parts(ex, wrong))), seed)
    assert verdict.state == NOT_YET, f"{wrong.key!r} passes: no case tells it from the right answer"
    if verdict.key != wrong.key:
        outcomes = {w.key: found for w, found in outcomes_of_wrong(ex, seed) if w.part == wrong.part}
        twins = [k for k, found in outcomes.items() if all(map(partial(same, ex), found, outcomes[wrong.key]))]
        pytest.fail(f"no case tells these apart, so neither is named: {', '.join(map(repr, twins))}")
    assert verdict.sentence == wrong.says
    for answer in wrong.also:
        verdict = evaluate(ex, InProcess(names_of(ex, {wrong.part or next(iter(ex.reference)): answer})), seed)
        assert (verdict.key, verdict.sentence) == (wrong.key, wrong.says), (wrong.also.index(answer), verdict)


@pytest.mark.parametrize("id", ALL)
def test_a_process_in_between_changes_no_verdict(id):
    ex = ALL[id]
    for parts in [*ex.right, *(wrong_parts(ex, w) for w in ex.wrong), {}]:
        here, there = (evaluate(ex, runner(names_of(ex, parts)), 3) for runner in (InProcess, ThroughJson))
        assert (here.state, here.sentence, here.key) == (there.state, there.sentence, there.key)


@pytest.mark.parametrize("id", ALL)
def test_the_solution_is_right_in_a_process_of_its_own_with_nothing_but_numpy(id):
    ex = ALL[id]
    with Subprocess([*given_cells(ex), (id, ex.solution)]) as runner:
        verdict = evaluate(ex, runner, 5)
        assert verdict.state == CORRECT, (verdict, runner.failed)
        assert verdict == evaluate(ex, InProcess(names_of(ex, {})), 5)


@pytest.mark.parametrize("id", ALL)
def test_the_bank_is_rich_enough(id):
    ex = ALL[id]
    assert len(ex.right) >= 3, f"{len(ex.right)} other right answers, at least 3 in other styles are wanted"
    assert len(ex.hints) == 3 and len(set(ex.hints)) == 3, "three hints"
    for part in ex.reference:
        own = [w for w in ex.wrong if (w.part or next(iter(ex.reference))) == part]
        assert len(own) >= (4 if len(ex.reference) <= 2 else 2), f"{part} has {len(own)} wrong answers"
    assert len(ex.wrong) >= 4
    assert len({w.key for w in ex.wrong}) == len(ex.wrong)
    said = [w.says for w in ex.wrong]
    assert len(set(said)) == len(said) and all(s.endswith((".", "?", "!")) and len(s) <= 220 for s in said)


def test_there_are_six_wrong_answers_an_exercise_on_average_and_many_have_been_seen_somewhere():
    wrong = [w for ex in ALL.values() for w in ex.wrong]
    assert len(wrong) >= 6 * len(ALL)
    for id, ex in ALL.items():
        seen = sum(bool(w.source) for w in ex.wrong)
        assert seen >= 3, f"{id}: say of at least 3 wrong answers where they were made (source=...), not of {seen}"


def test_each_kind_of_exercise_is_there():
    kinds = set()
    for ex in ALL.values():
        steps = [step for case in ex.case_list(0) for step in case.steps]
        kinds.add("edited code" if ex.broken is not None else "value" if ex.apply else "")
        kinds |= {"class"} if any(step.keep for step in steps) else set()
        marks = [a for step in steps for a in step.args or () if isinstance(a, forms.Mark)]
        kinds |= {"takes a function"} if any(m.kind == "fn" for m in marks) else {"function"}
    assert kinds >= {"function", "class", "takes a function", "value", "edited code"}


@pytest.mark.parametrize("id", ALL)
def test_nothing_defined_is_not_attempted(id):
    assert evaluate(ALL[id], InProcess({"np": np})).state == NOT_ATTEMPTED


def stub(*args, **kwargs):
    """The place where an answer goes, as nbgrader leaves it."""
    raise NotImplementedError


@pytest.mark.parametrize("answer", [stub, lambda *args, **kwargs: ...], ids=["raises", "dots"])
@pytest.mark.parametrize("id", [id for id, ex in ALL.items() if ex.apply is None])
def test_a_stub_is_not_attempted(id, answer):
    ex = ALL[id]
    if any(isinstance(part, type) for part in ex.reference.values()):
        methods = {name for part in ex.reference.values() for name in vars(part) if callable(getattr(part, name))}
        body = {name: answer for name in methods if not name.startswith("__")} | {"__init__": lambda self, *args: None}
        answer = type("Stub", (), body)
    verdict = evaluate(ex, InProcess(names_of(ex, dict.fromkeys(ex.reference, answer))))
    assert verdict.state == NOT_ATTEMPTED, verdict


@pytest.mark.parametrize("id", [id for id, ex in ALL.items() if ex.broken is not None])
def test_code_as_it_was_given_out_is_not_attempted(id):
    ex = ALL[id]
    verdict = evaluate(ex, InProcess(names_of(ex, {next(iter(ex.reference)): ex.broken})))
    assert verdict.state == NOT_ATTEMPTED and "as it was given" in verdict.sentence


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("id", ALL)
def test_a_call_that_is_shown_can_be_pasted(id, seed):
    for case in ALL[id].case_list(seed):
        assert len(case.shown) <= 600, case.shown
        for step in case.steps:
            for said, meant in zip(written(str(step)), [*(step.args or ()), *step.kwargs.values()]):
                if isinstance(meant, forms.Mark):
                    continue
                read = eval(said, {"np": np})
                assert alike(read, meant), case.shown


def alike(read, meant):
    """The same numbers of the same kind, also inside lists and tuples whose parts have different shapes."""
    if isinstance(meant, (list, tuple)):
        return type(read) is type(meant) and len(read) == len(meant) and all(map(alike, read, meant))
    nan = np.asarray(meant).dtype.kind == "f"
    return np.array_equal(read, meant, equal_nan=nan) and np.asarray(read).dtype == np.asarray(meant).dtype


def written(step):
    """The arguments of a call, as text."""
    node = ast.parse(step).body[0].value
    if isinstance(node, ast.BinOp):
        return [ast.unparse(node.right)]
    if not isinstance(node, ast.Call):
        return []
    return [ast.unparse(a) for a in node.args] + [ast.unparse(k.value) for k in node.keywords]


@pytest.mark.parametrize("id", ALL)
def test_the_reference_gives_finite_values_and_leaves_its_inputs(id):
    for seed in SEEDS:
        for report in expected(ALL[id], seed):
            assert "value" in report and not report.get("changed"), report


@pytest.mark.parametrize("id", ALL)
def test_a_check_is_instant(id):
    ex, times = ALL[id], []
    for wrong in ex.wrong:  # the slow path: every named wrong answer is compared
        runner = InProcess(names_of(ex, wrong_parts(ex, wrong)))
        began = time.perf_counter()
        evaluate(ex, runner)
        times.append(time.perf_counter() - began)
    assert np.median(times) < 0.05, f"{np.median(times) * 1e3:.0f} ms"


def test_adding_an_exercise_touches_its_module_alone():
    folder = Path(forms.__file__).parent
    modules = [p for p in folder.glob("nb*/e*.py")]
    assert len(modules) == len(ALL)
    for path in modules:
        others = [p for p in folder.glob("*.py") if path.stem in p.read_text(encoding="utf-8")]
        assert not others, f"{path.name} is named in {others}"
    assert os.sep in str(folder)


class Replay:
    """It gives what was right in a notebook, one after the other, and looks at no input."""

    def __init__(self, ex, seed=0):
        self.values, self.asked = expected(ex, seed), 0

    def describe(self, names):
        return {name: {"kind": "function"} for name in names}

    def run(self, steps, errors, limit_s):
        self.asked += 1
        return dict(self.values[(self.asked - 1) % len(self.values)])


@pytest.mark.parametrize("id", [id for id, ex in ALL.items() if ex.apply is None])
def test_outputs_learned_by_heart_are_no_answer(id):
    assert all(evaluate(ALL[id], Replay(ALL[id]), seed).state != CORRECT for seed in range(1, 6))


@pytest.mark.parametrize("id", ["00.1", "02.3", "08.4"])
def test_the_second_asking_has_an_order_that_nobody_knows(id):
    """Even the outputs of this very seed, known in the order of its cases, come in the wrong order."""
    assert all(evaluate(ALL[id], Replay(ALL[id], seed), seed).state != CORRECT for seed in range(1, 6))


def test_something_that_no_look_at_its_form_has_foreseen_is_told_and_ends_nothing():
    """`np.ndim` itself raises for a list of uneven rows."""
    held = {"gates": {"AND": ([1, [1]], -1.5)}}
    assert evaluate(ALL["01.4"], InProcess({"np": np, **held})).state == NOT_YET
