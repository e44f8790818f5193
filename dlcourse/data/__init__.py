"""Data to learn from: digits that come with the package, MNIST, Fashion-MNIST, small formulas; and batches of any."""

from .batches import Batches
from .dataset import DataError, Dataset, DataUnavailable
from .digits import load_digits
from .feed import Feed
from .generators import CURVES, blobs, circles, curve, moons, spirals, xor
from .mnist import available, load_fashion_mnist, load_mnist, mnist_or_digits
from .places import cache_folder

__all__ = [
    "CURVES",
    "Batches",
    "DataError",
    "DataUnavailable",
    "Dataset",
    "Feed",
    "available",
    "blobs",
    "cache_folder",
    "circles",
    "curve",
    "load_digits",
    "load_fashion_mnist",
    "load_mnist",
    "mnist_or_digits",
    "moons",
    "spirals",
    "xor",
]
