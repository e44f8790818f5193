"""Flatten numbers the features by Y, X, C, whatever the order in memory."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import buffers, memories, numbers

from dlcourse.nn import functional as F

B, Y, X, C = 2, 3, 4, 5
IMAGES = numbers(B, Y, X, C)
ROWS = np.array([[IMAGES[n, i, j, c] for i in range(Y) for j in range(X) for c in range(C)] for n in range(B)])


def test_there_and_back_in_any_memory(backend):
    for x, dy in zip(memories(IMAGES).values(), memories(ROWS).values()):
        x, dy = backend.asarray(x), backend.asarray(dy)
        assert np.array_equal(backend.to_host(F.flatten(x)), ROWS)
        assert np.array_equal(backend.to_host(F.flatten_backward(dy, x)), IMAGES)
        for y in buffers(backend, ROWS.shape):
            assert F.flatten(x, y=y) is y
            assert np.array_equal(backend.to_host(y), ROWS)
        for dx in buffers(backend, IMAGES.shape):
            assert F.flatten_backward(dy, x, dx=dx) is dx
            assert np.array_equal(backend.to_host(dx), IMAGES)


def test_false_is_not_computed(backend):
    assert F.flatten_backward(backend.asarray(ROWS), backend.asarray(IMAGES), dx=False) is False


@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (1, 3, 4, 5), (3, 6), (2, 3, 4)])
def test_no_images_one_and_other_ranks(backend, shape):
    x = backend.asarray(np.ones(shape, "float32"))
    y = F.flatten(x)
    assert y.shape == (shape[0], int(np.prod(shape[1:]))) and y.dtype == "float32"
    assert F.flatten_backward(y, x).shape == shape
