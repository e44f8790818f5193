"""IDX files for the tests, good ones and bad ones, written by the published format and not by the code under test."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx_bytes(a: np.ndarray) -> bytes:
    return bytes([0, 0, 8, a.ndim]) + struct.pack(f">{a.ndim}I", *a.shape) + a.astype(np.uint8).tobytes()


def write_set(folder: Path, train: int = 7, test: int = 5, *, packed: bool = True, spelling: str = "-idx") -> list:
    """Four small files that look like MNIST; returns the four arrays."""
    rng, arrays = np.random.default_rng(1), []
    folder.mkdir(parents=True, exist_ok=True)
    for file, n in zip(FILES, (train, train, test, test), strict=True):
        images = "images" in file
        arrays.append(rng.integers(0, 256 if images else 10, (n, 28, 28) if images else (n,)))
        data, name = idx_bytes(arrays[-1]), file.replace("-idx", spelling)
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(data) if packed else data)
    return arrays


def header(*shape: int, magic: bytes = b"\0\0\x08") -> bytes:
    return magic + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def bomb(start: bytes, size: int) -> bytes:
    """gzip of `start` and then zeros, `size` bytes of them, made without holding them."""
    packer, zeros = zlib.compressobj(9, wbits=31), bytes(1 << 20)
    return b"".join([packer.compress(start), *(packer.compress(zeros) for _ in range(size >> 20)), packer.flush()])


IMAGES = np.arange(3 * 28 * 28).reshape(3, 28, 28) % 251
GOOD = idx_bytes(IMAGES)
PACKED = gzip.compress(GOOD)
NOISE = np.random.default_rng(2).bytes(1 << 16)


def _wrong_crc() -> bytes:
    return PACKED[:-8] + bytes([PACKED[-8] ^ 1]) + PACKED[-7:]


def _long_name() -> bytes:
    """A gzip header whose file name never ends."""
    return b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * (20 << 20)


def _empty_blocks() -> bytes:
    """Packed data that say nothing, at length: deflate's empty stored block, 5 bytes each."""
    return PACKED[:10] + b"\0\0\0\xff\xff" * (4 << 20)


def _padded() -> bytes:
    """Good data, with 5 MB of empty blocks between the header and the rest."""
    packer = zlib.compressobj(9, wbits=31)
    start = packer.compress(GOOD[:16]) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + b"\0\0\0\xff\xff" * (1 << 20) + packer.compress(GOOD[16:]) + packer.flush()


HOSTILE = {  # name: (bytes, or a function that makes them; part of the answer)
    "empty": (b"", "is empty"),
    "empty gzip": (gzip.compress(b""), "is empty"),
    "a PNG": (b"\x89PNG\r\n\x1a\n" + NOISE, "a PNG picture"),
    "a PNG in gzip": (gzip.compress(b"\x89PNG\r\n\x1a\n" + NOISE), "a PNG picture"),
    "a JPEG": (b"\xff\xd8\xff\xe0" + NOISE, "a JPEG picture"),
    "a web page": (b"<!DOCTYPE html><title>404</title>", "a web page"),
    "a ZIP": (b"PK\x03\x04" + NOISE, "a ZIP archive"),
    "gzip in gzip": (gzip.compress(PACKED), "gzip inside gzip"),
    "noise": (b"\x07" + NOISE, "2 zero bytes"),
    "one byte": (b"\0", "2 zero bytes"),
    "half a header": (GOOD[:9], "ends too early"),
    "half a packed header": (gzip.compress(GOOD[:9]), "ends too early"),
    "labels for images": (idx_bytes(np.arange(9)), r"holds labels \(1 axis\): expected images \(3 axes\)"),
    "255 axes": (b"\0\0\x08\xff" + NOISE, "holds 255 axes"),
    "0 axes": (b"\0\0\x08\0" + NOISE, "holds 0 axes"),
    "floats": (header(3, 28, 28, magic=b"\0\0\x0d") + NOISE, "32-bit floats"),
    "unknown type": (header(3, 28, 28, magic=b"\0\0\x77") + NOISE, "type code 0x77"),
    "no examples": (header(0, 28, 28), "at least one"),
    "no pixels": (gzip.compress(header(5, 0, 28)), "at least one"),
    "4 GB announced": (header(6_000_000, 28, 28) + NOISE, "at most 67,108,864"),
    "2**96 announced": (gzip.compress(header(2**32 - 1, 2**32 - 1, 2**32 - 1)), "at most 67,108,864"),
    "60 MB announced, none there": (header(60_000, 32, 32), "has 16 bytes: expected 61,440,016"),
    "60 MB announced, none packed": (gzip.compress(header(60_000, 32, 32)), "packed bytes cannot hold"),
    "truncated": (GOOD[:-1], "expected 2,368"),
    "too long": (GOOD + b"!", "expected 2,368"),
    "truncated, packed well": (gzip.compress(GOOD[:-1]), "ends too early, after 2,351 bytes"),
    "too long, packed well": (gzip.compress(GOOD + b"!"), "goes on after"),
    "truncated gzip": (PACKED[: len(PACKED) // 2], "ends too early"),
    "gzip without its checksum": (PACKED[:-8], "ends too early"),
    "gzip without its last byte": (PACKED[:-1], "ends too early"),
    "wrong checksum": (_wrong_crc, "incorrect data check"),
    "wrong length": (PACKED[:-1] + b"\x7f", "incorrect length check"),
    "flipped bits": (PACKED[:40] + bytes(255 - b for b in PACKED[40:80]) + PACKED[80:], "damaged|cannot be read"),
    "only the mark of gzip": (b"\x1f\x8b", "ends too early"),
    "gzip of an unknown method": (b"\x1f\x8b\x09" + PACKED[3:], "damaged"),
    "trailing noise": (PACKED + NOISE, "something follows"),
    "two gzips": (PACKED + PACKED, "something follows"),
    "short, then what is missing behind": (gzip.compress(GOOD[:-10]) + GOOD[-10:], "something follows"),
    "bomb": (lambda: bomb(GOOD, 1 << 28), "goes on after|packed bytes: expected fewer"),
    "bomb of labels": (lambda: bomb(header(5), 1 << 28), r"holds labels \(1 axis\)"),
    "bomb without header": (lambda: bomb(b"", 1 << 28), "holds an unknown type"),
    "a name that never ends": (_long_name, "ends too early"),
    "good, with much between": (_padded, "packed bytes: expected fewer"),
    "a packed nothing": (_empty_blocks, "ends too early"),
}
