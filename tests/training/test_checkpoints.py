"""A run that is broken off anywhere, by an error or by kill -9, ends with the same bits as one that was left alone."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from dlcourse.data import Batches
from dlcourse.nn.layers import BatchNorm, Dense, Dropout, ReLU, Sequential, Tanh
from dlcourse.nn.losses import MeanSquaredError, SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.nn.storage import FileError
from dlcourse.training.checkpoints import KEY
from dlcourse.training.hooks import Checkpoint, EarlyStop, KeepBest, Validate
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import SGD, Adam, AdamW, Momentum, RMSProp
from dlcourse.training.schedules import Schedule, cosine

ROOT = Path(__file__).parents[2]
rng = np.random.default_rng(4)
X = rng.standard_normal((90, 5)).astype("float32")
T = (X[:, :3] + 0.5 * rng.standard_normal((90, 3))).argmax(axis=1)
KINDS = [Adam, Momentum, AdamW, RMSProp]


def training(
    kind=Adam, path=None, every=2, unit="batches", epochs=4, extra=(), dtype="float32", width=7, key=3, size=16
):
    """One run: dropout, batch norm, a schedule, validation, the best network; a checkpoint where there is a path."""
    net = Network(
        Dense(5, width), BatchNorm(width), ReLU(), Sequential(Dropout(0.3), Dense(width, 3)), key=1, dtype=dtype
    )
    optimizer = kind(net.theta, net.grad, lr=0.05, decay=0.01, mask=net.mask("W"), clip=1.0)
    hooks = [KeepBest(), Validate(X[60:], T[60:]), Schedule(optimizer, cosine(0.05, updates=16, floor=0.01)), *extra]
    if path is not None:
        hooks.insert(0, Checkpoint(path, every=every, unit=unit))
    batches = Batches(X[:60], T[:60], size, key=key)
    history = fit(net, SoftmaxCrossEntropy(), optimizer, batches, epochs=epochs, hooks=hooks)
    return net, optimizer, history


def bits(net, optimizer, history):
    arrays = {"theta": net.theta, **net.buffers, **optimizer.state()}
    return {name: a.tobytes() for name, a in arrays.items()} | {"history": history}


class Break:
    """Raises after the batch with this number, before the checkpoint of that batch is written."""

    def __init__(self, at):
        self.at = at

    def on_batch(self, run):
        if run.history.updates == self.at:
            raise OSError("power cut")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("every, unit", [(1, "batches"), (3, "batches"), (1, "epochs"), (2, "epochs")])
def test_broken_off_at_any_batch_the_run_ends_with_the_same_bits(kind, every, unit, tmp_path):
    expected = bits(*training(kind))
    for at in range(1, 17):
        path = tmp_path / f"{at}.safetensors"
        with pytest.raises(OSError, match="power cut"):
            training(kind, path, every, unit, extra=[Break(at)][::-1])
        assert bits(*training(kind, path, every, unit, extra=[Break(-1)])) == expected, f"broken off at {at}"


def test_broken_off_twice_and_looked_at_after_the_end(tmp_path):
    expected, path = bits(*training()), tmp_path / "run.safetensors"
    for at in (5, 11):
        with pytest.raises(OSError):
            training(path=path, extra=[Break(at)])
    assert bits(*training(path=path, extra=[Break(0)])) == expected
    updated = path.stat().st_mtime_ns
    assert bits(*training(path=path, extra=[Break(0)])) == expected, "a finished run is finished"
    assert path.stat().st_mtime_ns == updated


def test_a_finished_run_may_be_prolonged(tmp_path):
    path = tmp_path / "run.safetensors"
    training(path=path, epochs=2)
    assert bits(*training(path=path, epochs=4)) == bits(*training(epochs=4))


def test_an_interrupted_run_goes_on(tmp_path, capsys):
    class Press:
        def on_batch(self, run):
            if run.history.updates == 7 and not pressed:
                pressed.append(os.kill(os.getpid(), signal.SIGINT))

    pressed, path = [], tmp_path / "run.safetensors"
    _, _, first = training(path=path, every=100, extra=[Press()])
    assert first.ended == "interrupted" and first.updates == 7 == len(first.batch_losses)
    assert bits(*training(path=path, every=100, extra=[Press()])) == bits(*training())


def test_a_run_that_was_stopped_by_a_rule_stays_stopped(tmp_path):
    path, stop = tmp_path / "run.safetensors", lambda: [EarlyStop(1, 0.5)]
    alone = training(extra=stop())
    assert alone[2].ended.startswith("stopped")
    training(path=path, extra=stop())
    assert bits(*training(path=path, extra=stop())) == bits(*alone)


CHILD = """
import sys
sys.path.insert(0, "tests/training")
import numpy as np
import test_checkpoints as here
path, kind, out = sys.argv[1:]
class Slow:
    def on_batch(self, run):
        import time
        print(run.history.updates, flush=True)
        time.sleep(0.002)
net, optimizer, history = here.training(getattr(here, kind), path or None, every=3, epochs=40, extra=[Slow()])
np.savez(out, theta=net.theta, **net.buffers, **optimizer.state(), losses=history.losses, val=history.metrics["val"])
"""


def child(path, kind, out):
    args = [sys.executable, "-W", "error", "-c", CHILD, str(path), kind.__name__, str(out)]
    return subprocess.Popen(args, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kind", [Adam, Momentum])
def test_killed_at_random_moments_the_run_ends_with_the_same_bits(kind, tmp_path):
    chance, path, kills = random.Random(kind.__name__), tmp_path / "run.safetensors", []
    with child("", kind, tmp_path / "alone.npz") as alone:
        assert alone.communicate() and alone.returncode == 0
    while len(kills) < 6:
        with child(path, kind, tmp_path / "killed.npz") as process:
            first = int(process.stdout.readline())
            time.sleep(chance.uniform(0, 0.04))
            process.kill()
            rest = process.stdout.read().split()
        assert process.returncode == -signal.SIGKILL, "the run must be long enough to be killed"
        kills.append((first, int(rest[-1]) if rest else first))
    assert len({at for _, at in kills}) > 3 and kills[-1][0] > 1, kills
    with child(path, kind, tmp_path / "killed.npz") as process:
        assert int(process.communicate()[0].split()[0]) > 1, "it went on, it did not begin anew"
    alone, killed = np.load(tmp_path / "alone.npz"), np.load(tmp_path / "killed.npz")
    for name in alone.files:
        assert alone[name].tobytes() == killed[name].tobytes(), f"{name} after kills at updates {kills}"


def test_a_run_on_a_device_goes_on(device, tmp_path):
    def run(path, extra=()):
        net = Network(Dense(5, 7), BatchNorm(7), ReLU(), Dropout(0.3), Dense(7, 3), key=1, backend=device)
        adam = Adam(net.theta, net.grad, lr=0.05)
        x, t = device.asarray(X), device.asarray(T)
        hooks = [
            Validate(x[60:], t[60:]),
            KeepBest(),
            *([Checkpoint(path, every=2, unit="batches")] if path else []),
            *extra,
        ]
        history = fit(net, SoftmaxCrossEntropy(), adam, Batches(x[:60], t[:60], 16), epochs=3, hooks=hooks)
        return {name: device.to_host(a).tobytes() for name, a in {"theta": net.theta, **adam.state()}.items()}, history

    expected, path = run(None), tmp_path / "run.safetensors"
    with pytest.raises(OSError):
        run(path, [Break(7)])
    path_had = path.stat().st_size
    assert path_had and run(path, [Break(-1)]) == expected


# ---- writing


def test_a_full_disk_is_named_and_the_old_file_stays_whole(tmp_path):
    path = tmp_path / "run.safetensors"
    training(path=path, epochs=1)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(FileError, match=r"run\.safetensors could not be written .*what was there before is still"):
            training(path=path, epochs=4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["run.safetensors"]
    assert bits(*training(path=path, epochs=4)) == bits(*training(epochs=4))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileError, match="could not be written"):
        training(path=tmp_path / "missing" / "run.safetensors")


def test_the_file_says_what_it_is(tmp_path):
    path = tmp_path / "run.safetensors"
    net, optimizer, _ = training(path=path, epochs=2)
    with safe_open(path, framework="numpy") as file:
        facts, names = json.loads(file.metadata()[KEY]), set(file.keys())
        best = file.get_tensor("hooks.1.theta")
        np.testing.assert_array_equal(file.get_tensor("optimizer.m"), optimizer.states["m"])
    assert (facts["version"], facts["epoch"], facts["batch"]) == (1, 2, 0)
    assert facts["network"]["parameters"]["3.1.W"] == [7, 3] and facts["batches"]["key"] == 3
    assert [kind for kind, _ in facts["hooks"]] == ["Validate", "KeepBest", "Schedule", "Checkpoint"]
    assert {"network.theta", "network.1.running_mean", "network.counter", "optimizer.hp", "run.values"} <= names
    np.testing.assert_array_equal(best, net.theta)


# ---- refusing


@pytest.mark.parametrize(
    "options, words",
    [
        (dict(width=8), r"network parameters 0\.W is \[5, 7\] in the file, \[5, 8\] here"),
        (dict(dtype="float64"), "network dtype is float32 in the file, float64 here"),
        (dict(kind=Momentum), "optimizer kind is Adam in the file, Momentum here"),
        (dict(key=4), "batches key is 3 in the file, 4 here"),
        (dict(size=15), "batches size is 16 in the file, 15 here"),
        (dict(extra=[EarlyStop()]), "hooks is .* in the file, .*EarlyStop.* here"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_by_its_difference(options, words, tmp_path):
    path, kept = tmp_path / "run.safetensors", []
    training(path=path, epochs=1)
    before = path.read_bytes()

    class Keep:
        def on_start(self, run):
            kept.extend([run, run.net.theta.copy()])

    hooks = options.pop("extra", [])
    with pytest.raises(FileError, match=words + r"\): delete it to begin anew"):
        training(path=path, **options, extra=[*hooks, *([Keep()] if not hooks else [])])
    assert path.read_bytes() == before
    if kept:
        run, theta = kept
        np.testing.assert_array_equal(run.net.theta, theta)


def test_another_loss_is_refused(tmp_path):
    path, net = tmp_path / "run.safetensors", Network(Dense(5, 1))
    t = X[:, :1].copy()
    for words, loss in (("", MeanSquaredError()), ("loss is MeanSquaredError", SoftmaxCrossEntropy())):
        optimizer = SGD(net.theta, net.grad, lr=0.1)
        hooks = [Checkpoint(path)]
        if not words:
            fit(net, loss, optimizer, Batches(X, t, 9), epochs=1, hooks=hooks)
            continue
        with pytest.raises(FileError, match=words):
            fit(net, loss, optimizer, Batches(X, t, 9), epochs=1, hooks=hooks)


@pytest.mark.parametrize("part", [0, 7, 100, 0.5, -1])
def test_a_file_that_was_cut_off_is_named(part, tmp_path):
    path = tmp_path / "run.safetensors"
    training(path=path, epochs=1)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole)) if 0 < part < 1 else part])
    with pytest.raises(FileError, match=r"run\.safetensors is no whole safetensors file"):
        training(path=path)


def test_a_foreign_file_is_named_and_left_alone(tmp_path):
    path = tmp_path / "run.safetensors"
    path.write_bytes(b"my notes\n" * 50)
    with pytest.raises(FileError, match="no whole safetensors file"):
        training(path=path)
    save_file({"0.W": np.ones((2, 2), "float32")}, path)
    before = path.read_bytes()
    with pytest.raises(FileError, match="is no checkpoint of a training run: give Checkpoint another path"):
        training(path=path)
    assert path.read_bytes() == before


def test_another_version_is_named(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    training(path=path, epochs=1)
    monkeypatch.setattr("dlcourse.training.checkpoints.VERSION", 2)
    with pytest.raises(FileError, match="checkpoint of version 1, this program reads 2"):
        training(path=path)


# ---- damaged


def damage(path, arrays=None, text=None, **facts):
    """Write the file again, with some arrays (None: without them) or some of its metadata replaced."""
    with safe_open(path, framework="numpy") as file:
        held, told = {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()[KEY])
    held = {name: a for name, a in (held | (arrays or {})).items() if a is not None}
    for name, value in facts.items():
        told[name] = told[name] | value if isinstance(value, dict) else value
    save_file(held, path, {KEY: json.dumps(told) if text is None else text})


LOST = ["network.theta", "network.counter", "network.1.running_mean", "optimizer.hp", "optimizer.m", "run.values"]
DAMAGES = [
    *[({"arrays": {name: None}}, f"{name} is missing") for name in [*LOST, "run.batch_losses"]],
    ({"arrays": {"network.theta": np.ones(1, "float32")}}, r"network\.theta expects \(.*, got \(1,\)"),
    ({"arrays": {"network.theta": np.ones(80, bool)}}, "network.theta "),
    ({"arrays": {"run.batch_losses": np.ones(3)}}, r"run.batch_losses expects \(4,\), got \(3,\)"),
    ({"arrays": {"optimizer.more": np.ones(3)}}, "optimizer.more is unknown"),
    ({"arrays": {"hooks.1.theta": None}}, "the hooks' arrays are not those that it lists"),
    ({"arrays": {"hooks.1.theta": np.ones(1)}}, "the hooks' arrays are not those that it lists"),
    *[({"text": text}, "is damaged, its metadata") for text in ("{nonsense", "", "[" * 99999)],
    *[({"text": text}, "is damaged, its metadata|checkpoint of version None") for text in ("[]", "3", "null", "{}")],
    ({"text": '{"version": 1}'}, "is damaged, its metadata"),
    ({"epoch": "1"}, "is damaged"),
    ({"epoch": 7}, "is damaged"),
    ({"batch": 99}, "is damaged"),
    ({"stopped": 3}, "is damaged"),
    ({"history": []}, "is damaged"),
    ({"history": {"losses": ["a"]}}, "is damaged"),
    ({"history": {"losses": None}}, "is damaged"),
    ({"history": {"more": 1}}, "is damaged"),
    ({"history": {"verdict": ["converged"]}}, "is damaged"),
    ({"optimizer": 3}, "is damaged"),
    ({"optimizer": {"numbers": {"lr": "x", "beta1": 0, "beta2": 0, "eps": 0, "decay": 0, "clip": 0}}}, "is damaged"),
    ({"network": 3}, "belongs to another run"),
    ({"hooks": 3}, "is damaged"),
    (
        {"hooks": [["Validate", {}], ["KeepBest", {}], ["Schedule", {}], ["Break", {}], ["Checkpoint", {}]]},
        "is damaged",
    ),
]


@pytest.mark.parametrize("how, words", DAMAGES)
def test_a_damaged_file_is_refused_before_anything_changes(how, words, tmp_path):
    path, kept = tmp_path / "run.safetensors", []
    training(path=path, epochs=1, extra=[Break(-1)])

    class Keep:
        def on_start(self, run):
            kept.extend([run, bits(run.net, run.optimizer, repr(run.history)), run.values.tobytes()])

    Keep.__name__ = "Break"
    damage(path, **how)
    with pytest.raises(FileError, match=words) as caught:
        training(path=path, extra=[Keep()])
    run, before, values = kept
    assert bits(run.net, run.optimizer, repr(run.history)) == before and run.values.tobytes() == values
    assert (run.epoch, run.batch, run.stopped) == (0, 0, "") and "\n" not in str(caught.value)


@pytest.mark.parametrize("change", ["layers", "data", "labels"])
def test_a_checkpoint_of_another_network_or_of_other_data_is_refused(tmp_path, change):
    path, rng = tmp_path / "run.safetensors", np.random.default_rng(0)
    x, t = rng.standard_normal((40, 5)).astype("f4"), rng.integers(0, 3, 40)

    def run(bend, x, t, epochs):
        net = Network(Dense(5, 4), bend(), Dense(4, 3))
        hooks = [Checkpoint(path)]
        fit(net, SoftmaxCrossEntropy(), SGD(net.theta, net.grad, lr=0.1), Batches(x, t, 8), epochs=epochs, hooks=hooks)

    run(ReLU, x, t, 1)
    other = {"layers": (Tanh, x, t), "data": (ReLU, x + 1, t), "labels": (ReLU, x, (t + 1) % 3)}[change]
    with pytest.raises(FileError, match="belongs to another run"):
        run(*other, 2)
    run(ReLU, x.copy(), t.copy(), 2)


def test_checkpoints_are_counted_in_whole_numbers():
    with pytest.raises(ValueError, match="whole number"):
        Checkpoint("run.safetensors", every=1.5)
