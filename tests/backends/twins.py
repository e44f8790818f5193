"""The same network twice, with plain steps and with recorded ones, and all that they may change."""

from __future__ import annotations

import numpy as np
from networks import optimizer

from dlcourse.training.graph import GraphStep
from dlcourse.training.steps import SerialStep


def pair(case, backend, opt="Adam", **options):
    """The same network twice: plain steps, and a graph."""
    nets = [case.network(backend) for _ in range(2)]
    plain, graph = (k(net, case.loss(), optimizer(opt, net)) for k, net in zip((SerialStep, GraphStep), nets))
    if options:
        graph = GraphStep(nets[1], case.loss(), graph.optimizer, **options)
    return plain, graph


def batch(case, backend, seed=0, size=None):
    return tuple(map(backend.asarray, case.batch(seed=seed, size=size)))


def state(step):
    """Everything that a step may change, on the host."""
    arrays = {"theta": step.net.theta, "grad": step.net.grad, **step.net.buffers, **step.optimizer.state()}
    return {name: step.net.backend.to_host(a).copy() for name, a in arrays.items()}


def assert_same(a, b, **close):
    for name in a:
        if close:
            np.testing.assert_allclose(a[name], b[name], **close, err_msg=name)
        else:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def run(steps, case, device, seeds):
    """The losses of both, step by step, each read at once."""
    return [[float(device.to_host(step(*batch(case, device, seed)))) for step in steps] for seed in seeds]


def ones(device):
    return device.asarray(np.ones(4, "float32"))
