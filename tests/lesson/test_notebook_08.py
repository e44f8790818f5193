"""Notebook 08: what trains there is the learner's own functions, and nothing else."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import dlcourse
from dlcourse.authoring.source import read
from dlcourse.exercises import find

ROOT = Path(__file__).parents[2]
CELLS = read((ROOT / "solutions" / "08_the_training_phase.py").read_text(encoding="utf-8"))
HERS = {
    "relu": "01.2",
    "layer": "03.3",
    "softmax": "04.1",
    "cross_entropy": "04.2",
    "dense_backward": "07.1",
    "relu_backward": "07.2",
    "softmax_cross_entropy_backward": "07.3",
    "batches": "08.1",
    "sgd": "08.2",
    "epoch_loss": "08.3",
}
SEVEN = (
    "dense relu softmax_cross_entropy softmax_cross_entropy_backward dense_backward relu_backward sgd".split()
)  # the operations that a training calls


def cell(words: str) -> str:
    """The one code cell that holds these words."""
    (found,) = (c.text for c in CELLS if c.kind == "code" and words in c.text)
    return found


def counted(name, f, calls):
    def counting(*args):
        calls[name] += 1
        return f(*args)

    return counting


@pytest.fixture
def solved(monkeypatch):
    """What the solved notebook holds before its training: her functions, which count their calls, and one cell after
    the other. A run ends after two epochs."""
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    calls = Counter()
    here = {name: getattr(dlcourse, name) for name in dir(dlcourse) if not name.startswith("_") and name != "show"}
    here |= {name: counted(name, find(id).reference[name], calls) for name, id in HERS.items()}
    here |= {"top": here["softmax_cross_entropy_backward"], "np": np, "calls": calls}
    here |= {name: lambda *args, **options: None for name in ("show", "predict", "compare", "check", "start", "print")}
    d = dlcourse.load_digits().flat()
    x, t = d.x_train.astype(float), d.t_train
    here |= {"x": x[:1200], "t": t[:1200], "x_val": x[1200:], "t_val": t[1200:]}
    for words in ("def fresh(", "mine = {", "def update(", "def train("):
        exec(cell(words), here)
    whole = here["train"]
    here["train"] = lambda net, loss, lr=0.2, most=2, *rest, **options: whole(net, loss, lr, most, *rest, **options)
    calls.clear()
    return here


def test_with_her_functions_it_trains_and_the_librarys_are_never_called(solved):
    exec(cell("bells = alarms()"), solved)
    falls = solved["falls"]
    assert len(falls) == 2 and falls[1] < falls[0] / 2
    assert set(solved["mine"]) == set(SEVEN)
    updates, looks = 2 * 38, 2
    called = solved["calls"]
    assert called["sgd"] == called["softmax_cross_entropy_backward"] == updates
    assert called["dense_backward"] == 2 * updates and called["relu_backward"] == updates
    assert called["layer"] == 2 * (updates + looks) and called["relu"] == updates + looks
    assert called["softmax"] == called["cross_entropy"] == updates + looks
    assert called["batches"] == called["epoch_loss"] == 2


def test_every_operation_of_the_library_is_alarmed(solved):
    exec(cell("bells = alarms()"), solved)
    assert set(solved["bells"]) == set(dlcourse.functional.EQUATIONS) and len(solved["bells"]) > 50


@pytest.mark.parametrize("name", SEVEN)
def test_with_one_of_hers_left_out_the_librarys_is_hit(solved, name):
    exec(cell("bells = alarms()"), solved)
    net, loss = solved["fresh"]()
    rest = {key: f for key, f in solved["mine"].items() if key != name}
    hit = pytest.raises(RuntimeError, match=f"the library's own {name} was called")
    with hit, net.swap(**solved["bells"]), net.swap(**rest):
        solved["train"](net, loss, 0.2, 1)


def test_each_of_hers_that_is_left_out_rings_and_nothing_else(solved):
    net, loss = solved["fresh"]()
    batch = net, loss, solved["x"][:32], solved["t"][:32]
    unused = {"tanh": lambda z: z}
    assert dlcourse.rings(solved["mine"] | unused, solved["update"], *batch) == list(solved["mine"])
    own_error = solved["mine"] | {"relu": lambda z: {}["a mistake of her own"]}
    with pytest.raises(KeyError):
        dlcourse.rings(own_error, solved["update"], *batch)


def test_afterwards_the_library_computes_again(solved):
    exec(cell("bells = alarms()"), solved)
    net, loss = solved["net"], solved["loss"]
    solved["calls"].clear()
    solved["train"](net, loss, 0.2, 1)
    assert not {"layer", "softmax", "sgd", "dense_backward"} & set(solved["calls"])


def test_a_mistake_of_hers_is_what_trains(solved):
    """A plus for a minus in her step, and the loss rises: so it is her step that is taken."""
    net, loss = solved["fresh"]()
    uphill = solved["mine"] | {"sgd": lambda theta, grad, lr: theta + lr * grad}
    with net.swap(**uphill):
        losses = [solved["update"](net, loss, solved["x"][:32], solved["t"][:32]) for _ in range(5)]
    assert losses[-1] > 2 * losses[0]


def test_fit_is_her_loop(solved):
    exec(cell("bells = alarms()"), solved)
    solved["in_order"] = dlcourse.Batches(solved["x"], solved["t"], 32, shuffle=False)
    solved["begin"] = {1: 2.5}
    exec(cell('"The cell of 00'), solved)
    printed = []
    exec(cell("the same weights"), solved | {"print": lambda *words: printed.append(words)})
    assert printed == [(760, "updates, the same weights:", True)]


def test_answers_in_other_styles_train_as_well(solved):
    """Lists for arrays, tuples for lists: whatever the checks accept, the loop takes."""
    solved["batches"] = lambda order, size: [np.float32(order[a : a + size]) for a in range(0, len(order), size)]
    solved["sgd"] = lambda theta, grad, lr: [float(w - lr * g) for w, g in zip(theta, grad)]
    solved["epoch_loss"] = lambda losses, sizes: float(np.mean(np.repeat(losses, sizes)))
    exec(cell("bells = alarms()"), solved)
    assert solved["falls"][1] < solved["falls"][0] / 2
