"""Is there a GPU that works? What the machine shows becomes rows; what does not work ends in the command that mends it.

Looked at in this order: the driver, its GPUs, CuPy's packages, importing it, memory, a kernel, a matrix product.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from .mend import install, libraries, pip, remove
from .probe import LIBRARY, STAGES, try_gpu
from .row import Row

DRIVERS = {12: "525", 13: "580"}  # the oldest driver for each CUDA
TURING = 75  # compute capability 7.5: CUDA 13 compiles for nothing older
STUB = 34  # CUDA_ERROR_STUB_LIBRARY of cuda.h
PAGE = "https://www.nvidia.com/drivers"
DRIVER = {
    "debian": "sudo apt install nvidia-driver",
    "fedora": "sudo dnf install akmod-nvidia",
    "ubuntu": "sudo ubuntu-drivers install",
}
IN_DOCKER = "docker run --gpus all ... starts the container with its GPUs"
LITTLE = 1e9  # bytes: a CUDA library may fail to start with less, and seldom says why
WHO = "nvidia-smi --query-compute-apps=pid,name,used_memory --format=csv"


@dataclass(frozen=True)
class Found:
    """What was seen.

    cuda      the newest CUDA that the driver supports, as 12040 for 12.4; None without a driver
    status    what the driver answered when it was asked for that; 0 is well
    packages  the CuPy distributions that are installed; more than one disturb each other
    tried     what the process of probe.py saw
    card      Linux lists an NVIDIA display device, whether or not a driver runs it
    system    "WSL", "container", "Darwin", "Windows", or the name of a Linux such as "ubuntu"
    hidden    CUDA_VISIBLE_DEVICES, None where it is not set
    """

    cuda: int | None = None
    status: int = 0
    packages: tuple[str, ...] = ()
    tried: dict[str, Any] = field(default_factory=dict)
    card: bool = False
    system: str = "linux"
    hidden: str | None = None

    @property
    def extra(self) -> str:
        """What the course's own extra for this driver and GPU is called."""
        new = (self.cuda or 0) >= 13000 and self.tried.get("capability", TURING) >= TURING
        return "cuda13" if new else "cuda12"

    @property
    def made_for(self) -> int | None:
        """The CUDA that the installed CuPy is made for, None where its name does not say."""
        digits = re.search(r"cuda(\d+)", self.packages[0]) if self.packages else None
        return int(digits[1][:2]) if digits else None

    @property
    def replace(self) -> str:
        """The command that puts a CuPy that fits in the place of what is there. Two beside each other never work."""
        return f"{remove(self.packages)} && {install(self.extra)}"


# ---- what is looked at


def rows() -> list[Row]:
    """The rows of the doctor's table about the GPU."""
    return diagnose(look())


def look() -> Found:
    """Look at this machine. Whatever could hang or crash runs in a process of its own."""
    (cuda, status), packages = driver_cuda(), cupy_packages()
    driver = cuda is not None and cuda >= 12000 and not status
    tried = try_gpu(cupy=len(packages) == 1) if driver else {}
    return Found(cuda, status, packages, tried, has_card(), system(), os.environ.get("CUDA_VISIBLE_DEVICES"))


def driver_cuda(load: Callable[[str], Any] = ctypes.CDLL) -> tuple[int | None, int]:
    """The newest CUDA of the driver, None without one; and the driver's answer. Needs no CuPy and starts nothing."""
    version = ctypes.c_int()
    try:
        status = load(LIBRARY).cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return None, 0
    return version.value, status


def has_card(devices: Path = Path("/sys/bus/pci/devices")) -> bool:
    """True where Linux lists an NVIDIA display device, whether or not a driver runs it."""
    for device in devices.glob("*"):
        try:
            found = (device / "vendor").read_text().strip(), (device / "class").read_text()[:4]
        except OSError:
            continue
        if found == ("0x10de", "0x03"):
            return True
    return False


def cupy_packages() -> tuple[str, ...]:
    """The CuPy distributions that are installed."""
    names = {(d.metadata["Name"] or "").lower() for d in distributions()}
    return tuple(sorted(n for n in names if re.fullmatch(r"(amd-)?cupy(-cuda\d+x?|-rocm.*)?", n)))


def system(root: Path = Path("/")) -> str:
    """Which system this is, as far as its driver is installed in another way."""
    if not sys.platform.startswith("linux"):
        return platform.system()
    if "microsoft" in platform.release().lower():
        return "WSL"
    if (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        return "container"
    try:
        return platform.freedesktop_os_release()["ID"]
    except OSError:
        return "linux"


# ---- what follows from it


def diagnose(found: Found) -> list[Row]:
    """The rows that follow; at most one is red."""
    if found.cuda is None:
        return [_no_driver(found), _cupy_alone(found)]
    if found.status:
        stub = "a stub in its place: LD_LIBRARY_PATH leads to a folder called stubs" if found.status == STUB else ""
        mend = "unset LD_LIBRARY_PATH" if stub else "sudo reboot"
        return [Row("NVIDIA driver", stub or f"does not answer: error {found.status}", "red", mend), _cupy_alone(found)]
    says = f"supports CUDA {found.cuda // 1000}.{found.cuda % 1000 // 10}"
    if found.cuda < 12000:
        return [Row("NVIDIA driver", f"{says}, and the course needs CUDA 12", "red", _update(found, 12))]
    driver = Row("NVIDIA driver", says)
    if found.tried.get("stage") == "driver" and "error" in found.tried:
        return [driver, _cupy_alone(found), _broken(found)]
    return [driver, *_cupy(found)]


def _update(found: Found, cuda: int) -> str:
    where = " in Windows, not in WSL" if found.system == "WSL" else ""
    return f"update it to {DRIVERS[cuda]} or newer{where}: {PAGE}"


def _no_driver(found: Found) -> Row:
    alone = "the course computes on the processor, which is all it needs"
    if found.system == "Darwin":
        return Row("NVIDIA driver", f"there is none for macOS: {alone}", "note")
    if found.system == "WSL":
        mend = f"for an NVIDIA card: its driver in Windows ({PAGE}), none in WSL; then, in Windows: wsl --update"
        return Row("NVIDIA driver", f"none found in WSL: {alone}", "note", mend)
    if found.system == "Windows":
        return Row("NVIDIA driver", f"none found: {alone}", "note", f"for an NVIDIA card: its driver, {PAGE}")
    if not found.card:
        return Row("NVIDIA driver", f"none found, and no NVIDIA card: {alone}", "note")
    mend = IN_DOCKER if found.system == "container" else DRIVER.get(found.system, f"install it: {PAGE}")
    return Row("NVIDIA driver", "none, although there is an NVIDIA card", "red", mend)


def _cupy_alone(found: Found) -> Row:
    return Row("CuPy", f"{' and '.join(found.packages) or 'not installed'}; not used without a GPU", "note")


def _cupy(found: Found) -> list[Row]:
    """The rows where the driver shows a GPU."""
    if not found.packages:
        return [Row("CuPy", "not installed; it puts the course on the GPU", "note", install(found.extra))]
    names, cuda = " and ".join(found.packages), found.made_for
    if len(found.packages) > 1:
        return [Row("CuPy", f"{names} disturb each other", "red", found.replace)]
    if "rocm" in names or "amd" in names:
        return [Row("CuPy", f"{names} is for GPUs from AMD", "red", found.replace)]
    if "error" not in found.tried:  # it works: whatever it is made for, it stays
        return [Row("CuPy", f"{names} {found.tried.get('cupy', '')}".strip()), _working(found.tried)]
    if cuda and cuda > (found.cuda or 0) // 1000:
        return [Row("CuPy", f"{names} is for a newer CUDA than the driver's", "red", found.replace)]
    if cuda and cuda >= 13 and found.tried.get("capability", TURING) < TURING:
        return [Row("CuPy", f"{names} compiles for no GPU as old as this one", "red", found.replace)]
    trouble = _broken(found)
    return [trouble] if trouble.what == "CuPy" else [Row("CuPy", names), trouble]


def _broken(found: Found) -> Row:
    """Which part it was, by the words of the error; where none is known, by the stage."""
    error = str(found.tried["error"])
    for words, row in TROUBLES:
        if re.search(words, error) and (said := row(found, error)):
            return said
    if found.tried["stage"] == "import":
        return Row("CuPy", f"cannot be imported: {error[:160]}", "red", found.replace)
    doing = STAGES.get(found.tried["stage"], "ending")
    return Row("GPU", f"fails at {doing}: {error[:160]}", "red", "nvidia-smi; where that fails too: sudo reboot")


def _full(found: Found, error: str) -> Row:
    room = f" ({_gb(found.tried['free'])} of {_gb(found.tried['total'])} GB free)" if "total" in found.tried else ""
    return Row("GPU", f"its memory is full{room}", "red", f"shut other notebooks down; this lists the programs: {WHO}")


def _starved(found: Found, error: str) -> Row | None:
    """A library that does not start where little memory is free: cupy/cupy#3935, tensorflow/tensorflow#9489."""
    return _full(found, error) if found.tried.get("free", LITTLE) < LITTLE else None


def _unseen(found: Found, error: str) -> Row:
    if found.hidden is not None:
        why = f"hidden by CUDA_VISIBLE_DEVICES={found.hidden!r}"
        return Row("GPU", why, "red", "unset CUDA_VISIBLE_DEVICES")
    if found.system == "container":
        return Row("GPU", "none is visible in this container", "red", IN_DOCKER)
    if found.card:
        return Row("GPU", "there is an NVIDIA card, and the driver does not show it", "red", "sudo modprobe nvidia")
    return Row("GPU", "none: there is a driver, and no NVIDIA card", "note")


def _library(found: Found, error: str) -> Row:
    """CuPy stays where it finds libraries that pip installs, which CuPy 14 began to; importing that one needs none."""
    lost = re.search(r"(lib[\w-]+\.so(?:\.\d+)*|\w+\.dll|cuda\w*\.h)", error)
    extra = f"cuda{found.made_for}" if found.made_for in DRIVERS else found.extra
    new = int(found.tried.get("cupy", "0").partition(".")[0]) >= 14
    mend = libraries(extra) if new else found.replace
    return Row("CuPy", f"a CUDA library is missing: {lost[1] if lost else error[:120]}", "red", mend)


def _files(found: Found, error: str) -> Row:
    mend = f"{pip()} --force-reinstall --no-deps {found.packages[0]}"
    return Row("CuPy", f"{found.packages[0]} is listed as installed, and its files are not there", "red", mend)


def _says(what: str, says: str, mend: str | Callable[[Found], str]) -> Callable[[Found, str], Row]:
    return lambda found, error: Row(what, says, "red", mend if isinstance(mend, str) else mend(found))


TROUBLES: list[tuple[str, Callable[[Found, str], Row | None]]] = [  # the first whose words occur in the error
    (r"OutOfMemory|OUT_OF_MEMORY|MemoryAllocation|out of memory|ALLOC_FAILED", _full),
    (r"NOT_INITIALIZED", _starved),
    (r"NoDevice|NO_DEVICE|no CUDA-capable device", _unseen),
    (r"InsufficientDriver|driver version is insufficient",
     _says("CuPy", "is for a newer CUDA than the driver's", lambda found: found.replace)),
    (r"invalid value for --gpu-architecture|NoKernelImage|NO_BINARY_FOR_GPU|no kernel image",
     _says("CuPy", "does not compile for this GPU", lambda found: found.replace)),
    (r"UnsupportedPtx|UNSUPPORTED_PTX|unsupported toolchain",
     _says("GPU", "the driver is older than the compiler that CuPy uses", f"update the driver: {PAGE}")),
    (r"SYSTEM_DRIVER_MISMATCH|SystemDriverMismatch",
     _says("GPU", "the driver was updated, and its older part still runs", "sudo reboot")),
    (r"SYSTEM_NOT_READY|SystemNotReady",
     _says("GPU", "what joins the GPUs of this machine does not run", "sudo systemctl start nvidia-fabricmanager")),
    (r"DEVICE_UNAVAILABLE|DevicesUnavailable", _says("GPU", "another program has it for itself", WHO)),
    (r"No module named 'cupy", _files),
    (r"numpy[.\w]* failed to import|compiled using NumPy|numpy\.dtype size changed",
     _says("CuPy", "does not fit the NumPy that is here",
           lambda found: f"{pip()} --upgrade {found.packages[0]}")),
    (r"Failure finding|cannot open (shared object|source file)|[Ff]ailed to (find|load|open) |DLL load failed",
     _library),
]  # fmt: skip


def _working(tried: dict[str, Any]) -> Row:
    """What the GPU is, and what of its memory is free."""
    free, total = tried["free"], tried["total"]
    found = f"{tried['name']}, {_gb(free)} of {_gb(total)} GB free, computes"
    if free < min(2e9, total / 4):
        return Row("GPU", found, "note", f"this lists the programs that use the rest: {WHO}")
    return Row("GPU", found)


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f}"
