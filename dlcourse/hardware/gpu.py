"""Is there a GPU that works? Found by running a kernel on it, in a process of its own: a driver that hangs costs a row.

`python -m dlcourse.hardware.gpu` is that process; it prints one line of JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from .mend import install, pip
from .row import Row

DRIVERS = {12: "525", 13: "580"}  # the oldest driver for each CUDA


def driver_cuda() -> int | None:
    """The newest CUDA that the driver supports, as 12040 for 12.4, or None without a driver. Needs no CuPy."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        version = ctypes.c_int()
        return version.value if driver.cuDriverGetVersion(ctypes.byref(version)) == 0 else None
    except (OSError, AttributeError):
        return None


def has_card() -> bool:
    """True where Linux lists an NVIDIA display device, whether or not a driver runs it."""
    for device in Path("/sys/bus/pci/devices").glob("*"):
        try:
            found = (device / "vendor").read_text().strip(), (device / "class").read_text()[:4]
        except OSError:
            continue
        if found == ("0x10de", "0x03"):
            return True
    return False


def cupy_packages() -> list[str]:
    """The CuPy distributions that are installed; more than one disturb each other."""
    names = {(d.metadata["Name"] or "").lower() for d in distributions()}
    return sorted(n for n in names if re.fullmatch(r"cupy(-cuda\d+x?|-rocm.*)?", n))


def try_kernel(timeout_s: float = 120) -> dict[str, Any]:
    """What a process saw that computed on the GPU: name, free and total bytes; or the error, as text."""
    command = [sys.executable, "-W", "ignore", "-m", __name__]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, env=_environment())
        return json.loads(ran.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"error": f"Timeout: no answer from the GPU in {timeout_s:.0f} s"}
    except (OSError, ValueError, IndexError):
        return {"error": f"the process that tried it ended with code {ran.returncode}: {ran.stderr.strip()[-200:]}"}


def _environment() -> dict[str, str]:
    """This environment, with the way to this package: the doctor may run from a checkout that is not installed."""
    way = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [way, os.environ.get("PYTHONPATH")]))}


def rows() -> list[Row]:
    """The rows of the doctor's table about the GPU."""
    cuda, packages = driver_cuda(), cupy_packages()
    usable = cuda is not None and cuda >= 12000 and len(packages) == 1
    return diagnose(cuda, packages, try_kernel() if usable else {}, has_card())


def diagnose(cuda: int | None, packages: list[str], kernel: dict[str, Any], card: bool) -> list[Row]:
    """The rows that follow from four facts: the driver's CUDA, CuPy's packages, how a kernel ran, a card in a slot."""
    if cuda is None:
        return [_no_driver(card), _cupy_alone(packages)]
    says = f"supports CUDA {cuda // 1000}.{cuda % 1000 // 10}"
    if cuda < 12000:
        mend = f"update it to {DRIVERS[12]} or newer: https://www.nvidia.com/drivers"
        return [Row("NVIDIA driver", f"{says}, and the course needs CUDA 12", "red", mend)]
    driver, extra = Row("NVIDIA driver", says), f"cuda{min(cuda // 1000, 13)}"
    if not packages:
        return [driver, Row("CuPy", "not installed; it puts the course on the GPU", "note", install(extra))]
    replace = f"{pip('uninstall')} {'' if pip('').startswith('uv') else '-y '}{' '.join(packages)} && {install(extra)}"
    if len(packages) > 1:
        return [driver, Row("CuPy", f"{' and '.join(packages)} disturb each other", "red", replace)]
    made_for = re.search(r"cuda(\d+)", packages[0])
    if made_for and int(made_for[1]) > cuda // 1000:
        return [driver, Row("CuPy", f"{packages[0]} is for a newer CUDA than the driver's", "red", replace)]
    cupy = Row("CuPy", f"{packages[0]} {kernel.get('cupy', '')}".strip())
    if "error" in kernel:
        return [driver, *_broken(str(kernel["error"]), cupy, replace, kernel)]
    return [driver, cupy, _working(kernel)]


def _no_driver(card: bool) -> Row:
    if card:
        mend = "sudo apt install nvidia-driver (Debian), sudo ubuntu-drivers install (Ubuntu); in Docker: --gpus all"
        return Row("NVIDIA driver", "none, although there is an NVIDIA card", "red", mend)
    return Row("NVIDIA driver", "none found: the course computes on the processor, which is all it needs", "note")


def _cupy_alone(packages: list[str]) -> Row:
    return Row("CuPy", f"{' and '.join(packages) or 'not installed'}; not used without a GPU", "note")


def _broken(error: str, cupy: Row, replace: str, kernel: dict[str, Any]) -> list[Row]:
    """Which part it was, by the words of the error."""
    if re.search(r"OutOfMemory|MemoryAllocation|out of memory|ALLOC_FAILED", error):
        room = f" ({_gb(kernel['free'])} of {_gb(kernel['total'])} GB free)" if "total" in kernel else ""
        return [cupy, Row("GPU", f"its memory is full{room}", "red", "nvidia-smi shows who uses it; shut those down")]
    if re.search(r"NoDevice|no CUDA-capable device", error):
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        why = f"hidden by CUDA_VISIBLE_DEVICES={hidden!r}" if hidden is not None else "none is visible"
        mend = (
            "unset CUDA_VISIBLE_DEVICES"
            if hidden is not None
            else "nvidia-smi -L lists the GPUs; in Docker: --gpus all"
        )
        return [cupy, Row("GPU", why, "red", mend)]
    if re.search(r"InsufficientDriver|driver version is insufficient", error):
        return [Row("CuPy", "is for a newer CUDA than the driver's", "red", replace)]
    if re.search(r"ImportError|ModuleNotFound|DynamicLib|cannot open shared object|Failed to (find|load)|\.dll", error):
        return [Row("CuPy", f"a CUDA library is missing: {error[:120]}", "red", replace)]
    return [cupy, Row("GPU", f"does not compute: {error[:160]}", "red", "nvidia-smi says whether the driver sees it")]


def _working(kernel: dict[str, Any]) -> Row:
    free, total = kernel["free"], kernel["total"]
    found = f"{kernel['name']}, {_gb(free)} of {_gb(total)} GB free, computes"
    if free < min(2e9, total / 4):
        return Row("GPU", found, "note", "nvidia-smi shows who uses the rest")
    return Row("GPU", found)


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f}"


# ---- the process that tries it


def compute() -> dict[str, Any]:
    """Compile and run kernels and a matrix product on the GPU, and read the numbers back."""
    seen: dict[str, Any] = {}
    try:
        from ..backends import get_backend

        xp = get_backend("cupy").xp
        runtime = xp.cuda.runtime
        seen["cupy"] = xp.__version__
        seen["name"] = runtime.getDeviceProperties(runtime.getDevice())["name"].decode()
        seen["free"], seen["total"] = runtime.memGetInfo()
        x = xp.full((64, 64), 0.5, "float32")
        if (answer := float((x @ x + 1).sum())) != 64 * 64 * 17:
            raise ArithmeticError(f"a sum came out as {answer}")
    except BaseException as error:  # whatever it is, the parent wants to hear it
        seen["error"] = "; caused by ".join(f"{type(e).__name__}: {e}" for e in _chain(error))
    return seen


def _chain(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *_chain(error.__cause__ or error.__context__)]


if __name__ == "__main__":
    print(json.dumps(compute()))
