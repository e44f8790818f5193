"""The two published data sets that the package knows by name: who made them, where they are, what they must hold."""

from __future__ import annotations

from dataclasses import dataclass

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True)
class Published:
    """Four IDX files.

    folders   what a folder that holds them may be called; the first is the name in the cache
    mirrors   addresses to which a file's name is added
    md5       of the four .gz files, in the order of FILES; bytes: their sizes
    sha256    of what is in them, unpacked: a file that somebody packed anew is still right
    """

    name: str
    loader: str
    folders: tuple[str, ...]
    mirrors: tuple[str, ...]
    md5: tuple[str, ...]
    sha256: tuple[str, ...]
    bytes: tuple[int, ...]
    labels: tuple[str, ...]
    source: str

    @property
    def megabytes(self) -> int:
        """What has to be downloaded."""
        return round(sum(self.bytes) / 1e6)


# MD5: torchvision's lists of resources; those of Fashion-MNIST also in its own README.
# SHA-256: made from files whose MD5 and size were found to be these, with `gzip -dc FILE.gz | sha256sum`.
MNIST = Published(
    name="MNIST",
    loader="load_mnist",
    folders=("mnist", "MNIST/raw", "MNIST"),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    md5=(
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
    sha256=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    bytes=(9_912_422, 28_881, 1_648_877, 4_542),
    labels=tuple("0123456789"),
    source=(
        "Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits, 1998, "
        "http://yann.lecun.com/exdb/mnist, CC BY-SA 3.0"
    ),
)

FASHION_MNIST = Published(
    name="Fashion-MNIST",
    loader="load_fashion_mnist",
    folders=("fashion-mnist", "FashionMNIST/raw", "FashionMNIST"),
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    md5=(
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ),
    sha256=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    bytes=(26_421_880, 29_515, 4_422_102, 5_148),
    labels=(
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    source=(
        "H. Xiao, K. Rasul and R. Vollgraf (Zalando SE), Fashion-MNIST: a novel image dataset for benchmarking machine "
        "learning algorithms, 2017, arXiv:1708.07747, https://github.com/zalandoresearch/fashion-mnist, MIT"
    ),
)

PUBLISHED = {"mnist": MNIST, "fashion-mnist": FASHION_MNIST}
