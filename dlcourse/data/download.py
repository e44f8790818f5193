"""Published data from the network into the cache: only when asked for, and whole, with the right checksum, or not."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

from .dataset import DataUnavailable
from .places import cache_folder
from .published import FILES, Published

TIMEOUT_S = 30  # without a single byte; a slow line may take longer in all
PIECE_BYTES = 1 << 16
LEFT_BEHIND_S = 24 * 3600  # younger ones may belong to a download that still runs


def download(wanted: Published) -> list[Path]:
    """The four files in the cache; what is missing or damaged there comes from the first mirror that has it.

    Raises DataUnavailable. A file gets its name only after its checksum was found right.
    """
    folder = cache_folder() / wanted.folders[0]
    files = [folder / f"{file}.gz" for file in FILES]
    missing = [row for row in zip(files, wanted.md5, wanted.bytes, strict=True) if not _intact(*row[:2])]
    if missing:
        pooch = _pooch(wanted, folder)
        _tidy(folder)
        with _quiet(pooch.get_logger()):
            for path, md5, size in missing:
                _fetch(pooch, wanted, path, md5, size)
    return files


def _intact(path: Path, md5: str) -> bool:
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == md5


def _pooch(wanted: Published, folder: Path) -> ModuleType:
    try:
        import pooch
    except ImportError:
        raise DataUnavailable(
            f"downloading {wanted.name} needs pooch: run `pip install pooch`, then try again"
        ) from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise DataUnavailable(
            f"{wanted.name} cannot be stored, since {folder} cannot be written to: "
            "set DLCOURSE_CACHE to a folder that can"
        )
    return pooch


def _tidy(folder: Path) -> None:
    """Remove what downloads that were killed have left: files with a name by `tempfile`, a day old."""
    for path in folder.glob("tmp????????"):
        with contextlib.suppress(OSError):
            if path.is_file() and time.time() - path.stat().st_mtime > LEFT_BEHIND_S:
                path.unlink()


def _fetch(pooch: ModuleType, wanted: Published, path: Path, md5: str, size: int) -> None:
    failures = []
    for mirror in wanted.mirrors:
        try:
            pooch.retrieve(
                mirror + path.name, f"md5:{md5}", path.name, path.parent, downloader=partial(_get, size=size)
            )
            return
        except (OSError, ValueError) as why:  # what requests raises is an OSError, a wrong checksum a ValueError
            failures.append(f"{urlsplit(mirror).netloc}: {_reason(why)}")
    raise DataUnavailable(
        f"{wanted.name} could not be downloaded, {path.name} failed ({'; '.join(failures)}): check the network and try "
        f"again, or put the four .gz files into {path.parent}"
    )


def _get(url: str, target: str, _pooch: object, *, size: int) -> None:
    """One file, as it is published, into the temporary file `target`. No mirror can fill the disk."""
    import requests

    plain = {"Accept-Encoding": "identity"}  # or the bytes on the way are not those of the checksum
    with requests.get(url, stream=True, timeout=TIMEOUT_S, headers=plain) as answer, _progress(url, size) as progress:
        answer.raise_for_status()
        with open(target, "wb") as file:
            for piece in answer.iter_content(PIECE_BYTES):
                file.write(piece)
                progress(len(piece))
                if file.tell() > size:
                    raise OSError(None, f"more than {size:,} bytes")


@contextlib.contextmanager
def _progress(url: str, size: int) -> Iterator[Callable[[int], object]]:
    """A bar with the time that is left, where tqdm is there to draw it."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda done: None
        return
    with tqdm(total=size, desc=url.rpartition("/")[2], unit="B", unit_scale=True) as bar:
        yield bar.update


def _reason(why: Exception) -> str:
    status = getattr(getattr(why, "response", None), "status_code", None)
    if status is not None:
        return f"HTTP status {status}"
    if isinstance(why, ValueError) and "hash" in str(why):
        return "wrong checksum"
    return getattr(why, "strerror", None) or type(why).__name__


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """The progress bar says all there is to say."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
