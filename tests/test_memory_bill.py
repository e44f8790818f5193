"""The bill before the first allocation: to the byte on a device that counts, refused with advice that is true."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import numpy as np
import pytest

from dlcourse.backends import NUMPY
from dlcourse.backends.fake import FAKE
from dlcourse.backends.fake_memory import POOL, TOTAL
from dlcourse.backends.memory import TooLarge, parsed, shown
from dlcourse.data import Batches
from dlcourse.hardware.memory import afford, bill, simulate_memory
from dlcourse.nn.layers import Dense, ReLU
from dlcourse.nn.losses import SoftmaxCrossEntropy
from dlcourse.nn.network import Network
from dlcourse.training.accumulate import AccumulateStep
from dlcourse.training.loop import fit
from dlcourse.training.optimizers import SGD, Adam
from dlcourse.training.steps import GraphStep, SerialStep

sys.path.append(str(Path(__file__).parent / "backends"))
from networks import LAYERS, NETS, optimizer  # noqa: E402

CASES = LAYERS | NETS
KINDS = {"serial": SerialStep, "in parts": lambda *a: AccumulateStep(*a, parts=3)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("opt", ["SGD", "Adam, masked decay and clip"])
@pytest.mark.parametrize("name", CASES)
def test_the_bill_is_what_the_device_counts(name, opt, kind):
    """To the byte, but for the few numbers of a channel; temporaries to a twentieth: what their hungriest layer takes."""
    case = CASES[name]
    gc.collect()
    start = POOL.used
    net = case.network(FAKE)
    step = KINDS[kind](net, case.loss(), optimizer(opt, net))
    x, t = map(FAKE.asarray, case.batch(size=3000 if len(case.shape) == 2 else 300))
    said, batch = bill(step, x.shape), x.nbytes + t.nbytes
    said.pop("batch")
    step(x, t)
    POOL.peak = POOL.used
    step(x, t)
    small = 4096 + 2000  # tickets; numbers of the optimizer, counters, statistics of channels
    assert said.total - said["scratch"] - small <= POOL.used - start - batch <= said.total - said["scratch"] + small
    assert 0.95 * said["scratch"] - 64 <= POOL.peak - POOL.used <= said["scratch"] + 64
