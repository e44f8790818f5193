"""IDX files, the format of MNIST: a header that says how many bytes follow, then these bytes.

A file from elsewhere is not trusted: nothing is read that the header has not announced, nothing is reserved that the
file cannot hold, and whatever is wrong ends in one DataError that names the file, what was expected and what was found.
Format: two zero bytes, a type code, the number of axes D, D sizes as big-endian 32-bit integers, the data.
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .dataset import DataError

LIMIT_BYTES = 64 << 20  # MNIST's largest file unpacks to 47 MB
PIECE_BYTES = 1 << 18
RATIO = 1032  # deflate cannot pack tighter (zlib technical details, "maximum compression factor")
TYPES = {0x08: "unsigned bytes", 0x09: "signed bytes", 0x0B: "16-bit integers", 0x0C: "32-bit integers"}
TYPES |= {0x0D: "32-bit floats", 0x0E: "64-bit floats"}
FOREIGN = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"PK": "a ZIP archive",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "gzip inside gzip",
    b"%PDF": "a PDF document",
    b"<": "a web page: a download that went wrong",
}
KINDS = {1: "labels (1 axis)", 3: "images (3 axes)"}

Read = Callable[[int], bytes]


def read_idx(path: str | os.PathLike, axes: int, *, limit: int = LIMIT_BYTES) -> np.ndarray:
    """The array of unsigned bytes in an IDX file, gzip or not.      (n,) for axes=1, labels; (n,Y,X) for axes=3, images

    limit: the most bytes of data to accept. Memory stays below that, time below what it takes to read as much.
    Raises DataError.
    """
    path = Path(path)
    try:
        with _open(path) as file:
            size = os.fstat(file.fileno()).st_size
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            read = _unpacker(file) if packed else file.read
            shape = _header(path, read, axes)
            _plausible(path, shape, size, limit, packed)
            return _data(path, read, shape)
    except zlib.error as why:
        raise DataError(f"{path} is damaged, its gzip data cannot be unpacked ({_reason(why)}): get it again") from None
    except (OSError, EOFError) as why:
        raise DataError(f"{path} cannot be read: {why.args[-1] if why.args else why}") from None


def read_pair(images: str | os.PathLike, labels: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Images (n,Y,X) and their labels (n,), both uint8. DataError if one is damaged or they do not belong together."""
    x, t = read_idx(images, 3), read_idx(labels, 1)
    if len(x) != len(t):
        raise DataError(
            f"{images} holds {len(x)} images, but {labels} holds {len(t)} labels: they do not belong together"
        )
    return x, t


def sha256(data: np.ndarray) -> str:
    """SHA-256 of the unpacked IDX file that this array was read from. Copies nothing.

    The reader accepts one header only for an array of this shape, so header and data can be told from the array.
    """
    digest = hashlib.sha256(bytes([0, 0, 0x08, data.ndim]) + struct.pack(f">{data.ndim}I", *data.shape))
    digest.update(np.ascontiguousarray(data))
    return digest.hexdigest()


def _open(path: Path) -> BinaryIO:
    """Only a regular file: a pipe or a device could keep one waiting for ever."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise DataError(f"{path} is not a file: expected an IDX file")
    return open(path, "rb")


def _unpacker(file: BinaryIO) -> Read:
    """read(n): the next n bytes, unpacked, fewer at the end. The gzip module reads a header bytewise, without end."""
    gzip, packed = zlib.decompressobj(wbits=31), b""

    def read(n: int) -> bytes:
        nonlocal packed
        out = bytearray()
        while len(out) < n and not gzip.eof:
            packed = packed or file.read(PIECE_BYTES)
            if not packed:
                raise EOFError("it ends too early, in the middle of its gzip data: get it again")
            out += gzip.decompress(packed, n - len(out))
            packed = gzip.unconsumed_tail
        if gzip.eof and (gzip.unused_data or file.read(1)):
            raise EOFError("something follows its gzip data: expected its end")
        return bytes(out)

    return read


def _header(path: Path, read: Read, axes: int) -> tuple[int, ...]:
    """The sizes of the axes that the header announces."""
    start = read(4)
    if not start:
        raise DataError(f"{path} is empty: expected an IDX file of {KINDS.get(axes, f'{axes} axes')}")
    if len(start) < 4 or start[:2] != b"\0\0":
        raise DataError(f"{path} is no IDX file: expected 2 zero bytes, found {start!r}{_foreign(start)}")
    if start[2] != 0x08:
        found = TYPES.get(start[2], "an unknown type")
        raise DataError(f"{path} holds {found} (type code 0x{start[2]:02X}): expected unsigned bytes (0x08)")
    if start[3] != axes:
        wanted, found = (KINDS.get(d, f"{d} axes") for d in (axes, start[3]))
        raise DataError(f"{path} holds {found}: expected {wanted}")
    sizes = read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DataError(f"{path} ends too early, after {4 + len(sizes)} bytes: expected a header of {4 + 4 * axes}")
    return struct.unpack(f">{axes}I", sizes)


def _foreign(start: bytes) -> str:
    return next((f" ({what})" for magic, what in FOREIGN.items() if start.startswith(magic[:4])), "")


def _plausible(path: Path, shape: tuple[int, ...], size: int, limit: int, packed: bool) -> None:
    """Refuse before anything is reserved: empty arrays, too large ones, and promises that the file cannot keep."""
    count, header = math.prod(shape), 4 + 4 * len(shape)
    if count == 0:
        raise DataError(f"{path} announces an array of shape {shape}: expected at least one element")
    if count > limit:
        raise DataError(f"{path} announces {count:,} bytes, shape {shape}: expected at most {limit:,}")
    if packed and header + count > RATIO * size:
        raise DataError(f"{path} announces {count:,} bytes, shape {shape}: {size:,} packed bytes cannot hold as many")
    if packed and size > 2 * (header + count) + PIECE_BYTES:
        raise DataError(f"{path} has {size:,} packed bytes: expected fewer, it announces {count:,}, shape {shape}")
    if not packed and size != header + count:
        raise DataError(f"{path} has {size:,} bytes: expected {header + count:,}, since it announces shape {shape}")


def _data(path: Path, read: Read, shape: tuple[int, ...]) -> np.ndarray:
    data, at = np.empty(math.prod(shape), np.uint8), 0
    while at < len(data):
        piece = read(min(PIECE_BYTES, len(data) - at))
        if not piece:
            raise DataError(f"{path} ends too early, after {at:,} bytes of data: expected {len(data):,}, shape {shape}")
        data[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
        at += len(piece)
    if read(1):
        raise DataError(f"{path} goes on after its {len(data):,} bytes of data, shape {shape}: expected its end")
    return data.reshape(shape)


def _reason(why: zlib.error) -> str:
    return str(why).rpartition(": ")[2]
