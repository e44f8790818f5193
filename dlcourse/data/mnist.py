"""MNIST and Fashion-MNIST: 70,000 pictures each, 28 × 28 pixels, ten classes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .dataset import DataError, Dataset, DataUnavailable
from .digits import load_digits
from .idx import read_pair, sha256
from .places import cache_folder, describe, find, folders
from .published import FASHION_MNIST, FILES, MNIST, PUBLISHED, Published


def load_mnist(*, download: bool = False) -> Dataset:
    """60,000 + 10,000 handwritten digits.      x (B,28,28,1) float32 in 0 ... 1   t (B,) int64

    Looked for in the folder DLCOURSE_DATA and in the cache; download=True fetches it (12 MB) if it is in neither.
    Raises DataUnavailable if it cannot be had, DataError if a file is not the published one. 220 MB of memory.
    """
    return _load(MNIST, download)


def load_fashion_mnist(*, download: bool = False) -> Dataset:
    """60,000 + 10,000 pieces of clothing.      x (B,28,28,1) float32 in 0 ... 1   t (B,) int64

    Looked for in the folder DLCOURSE_DATA and in the cache; download=True fetches it (31 MB) if it is in neither.
    Raises DataUnavailable if it cannot be had, DataError if a file is not the published one. 220 MB of memory.
    """
    return _load(FASHION_MNIST, download)


def available(name: str) -> bool:
    """Whether "digits", "mnist" or "fashion-mnist" is on this machine. Looks for the files, does not read them all."""
    if name == "digits":
        return True
    if name not in PUBLISHED:
        raise ValueError(f"there is no data set {name!r}: choose one of digits, {', '.join(PUBLISHED)}")
    return find(PUBLISHED[name]) is not None


def mnist_or_digits() -> Dataset:
    """MNIST where it is on this machine, else the bundled digits of 8 × 8 pixels. Prints one sentence that says which.

    Never downloads. Take the sizes of a network from `x_train.shape`: they differ.
    """
    try:
        data = load_mnist()
    except (DataUnavailable, DataError) as why:
        data = load_digits()
        reason = str(why) if isinstance(why, DataError) else "MNIST is not on this machine"
        print(f"Using the bundled 8 × 8 digits ({len(data.x_train):,} to train on), because {reason}{_remedy(why)}.")
    else:
        print(f"Using MNIST ({len(data.x_train):,} to train on), because it is on this machine.")
    return data


def _remedy(why: Exception) -> str:
    return "" if isinstance(why, DataError) else f"; load_mnist(download=True) would fetch it ({MNIST.megabytes} MB)"


def _load(wanted: Published, download: bool) -> Dataset:
    found = find(wanted)
    if download and (found is None or _downloaded(found, wanted)):
        from .download import download as fetch

        found = fetch(wanted)  # what is damaged in the cache is replaced
    if found is None:
        raise DataUnavailable(_missing(wanted))
    train, test = _read(found, wanted, 0), _read(found, wanted, 2)
    return Dataset(*train, *test, wanted.name, wanted.labels, wanted.source)


def _downloaded(found: list[Path], wanted: Published) -> bool:
    return all(path.parent == cache_folder() / wanted.folders[0] and path.suffix == ".gz" for path in found)


def _read(found: list[Path], wanted: Published, first: int) -> tuple[np.ndarray, np.ndarray]:
    """The pictures and labels in the files number `first` and `first + 1`."""
    images, labels = found[first : first + 2]
    x, t = read_pair(images, labels)
    if x.shape[1:] != (28, 28):
        raise DataError(f"{images} holds pictures of {x.shape[1]} × {x.shape[2]} pixels: expected 28 × 28")
    if t.max() > 9:
        raise DataError(f"{labels} holds the label {t.max()}: expected 0 ... 9")
    for file, data in enumerate((x, t), start=first):
        if (digest := sha256(data)) != wanted.sha256[file]:
            raise DataError(_not_published(found, wanted, file, digest))
    return np.divide(x, np.float32(255), dtype=np.float32)[..., None], t.astype(np.int64)


def _not_published(found: list[Path], wanted: Published, file: int, digest: str) -> str:
    known = (
        f" ({other.name}'s {name})"
        for other in (wanted, *PUBLISHED.values())
        for name, checksum in zip(FILES, other.sha256, strict=True)
        if checksum == digest
    )
    fetch = f"{wanted.loader}(download=True)"
    ours = found[file].is_relative_to(cache_folder())
    mend = f"delete it{'' if ours else ', or unset DLCOURSE_DATA,'} and call {fetch}"
    if _downloaded(found, wanted):
        mend = f"call {fetch}, which replaces it"
    return (
        f"{found[file]} is not {wanted.name}'s {FILES[file]}: unpacked, its SHA-256 is expected to be "
        f"{wanted.sha256[file][:12]}..., found {digest[:12]}...{next(known, '')}; {mend}"
    )


def _missing(wanted: Published) -> str:
    looked = ", ".join(describe(folder) for folder in dict.fromkeys(folders(wanted)))
    hint = f", or set DLCOURSE_DATA to a folder that contains {wanted.folders[0]}/ with its four files"
    return (
        f"{wanted.name} is not on this machine (looked in {looked}): call {wanted.loader}(download=True), "
        f"which fetches {wanted.megabytes} MB{'' if os.environ.get('DLCOURSE_DATA') else hint}"
    )
