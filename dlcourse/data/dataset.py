"""What every loader returns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


class DataError(ValueError):
    """A data file is not what it should be."""


class DataUnavailable(RuntimeError):
    """A data set is not on this machine."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Pictures to learn from, and others to be examined on.

    x_train, x_test   (B,Y,X,C) float32, 0 paper ... 1 ink
    t_train, t_test   (B,) int64, the class of each picture
    labels            the name of each class
    source            who made the data, where they are published, and their licence
    """

    x_train: np.ndarray
    t_train: np.ndarray
    x_test: np.ndarray
    t_test: np.ndarray
    name: str
    labels: tuple[str, ...]
    source: str

    def flat(self) -> Dataset:
        """The same pictures as rows: x (B,Y,X,C) -> x (B,F). Views where memory allows, not copies."""
        rows = {part: _rows(getattr(self, part)) for part in ("x_train", "x_test")}
        return replace(self, **rows)

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.x_train.shape[1:]))
        train, test = len(self.x_train), len(self.x_test)
        kind = f"{shape} {self.x_train.dtype}, {len(self.labels)} classes"
        return f"<{self.name}: {train:,} to train on, {test:,} to test on, each {kind}>"


def _rows(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), int(np.prod(x.shape[1:])))
