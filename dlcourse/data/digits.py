"""The handwritten digits that come with the package. Nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .dataset import Dataset
from .streams import shuffled

FILE = Path(__file__).with_name("bundled") / "digits.npz"
SOURCE = (
    "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998, "
    "doi 10.24432/C50P49, CC BY 4.0; the test set, as distributed with scikit-learn"
)


def load_digits(*, key: int | None = 0) -> Dataset:
    """1,797 handwritten digits of 8 × 8 pixels.      x (B,8,8,1) float32 in 0 ... 1   t (B,) int64

    key: a number shuffles once, the same way each time: 1,437 to train on and 360 to test on.
    None keeps the order of the file: the first 1,200 to train on, the last 597 to test on.
    Source: see `load_digits().source`.
    """
    with np.load(FILE, allow_pickle=False) as file:
        x = file["images"][..., None] / np.float32(16)
        t = file["digits"].astype(np.int64)
    n = 1200 if key is None else 1437
    if key is not None:
        order = shuffled(len(x), key, "digits")
        x, t = x[order], t[order]
    return Dataset(x[:n], t[:n], x[n:], t[n:], "digits", tuple("0123456789"), SOURCE)
