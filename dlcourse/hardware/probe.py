"""The process that tries the GPU. It prints a line of JSON as each stage begins, so its end says how far it came.

`python -m dlcourse.hardware.probe` starts the driver and counts the GPUs; with the word `cupy` behind it, CuPy is
imported, takes memory, compiles and runs a kernel, and multiplies two matrices.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
STAGES = {
    "driver": "starting the driver",
    "import": "importing CuPy",
    "memory": "taking memory",
    "kernel": "compiling and running a kernel",
    "product": "multiplying two matrices",
}
COMMAND = (sys.executable, "-W", "ignore", "-m", __name__)
NAME, CAPABILITY = 100, (75, 76)  # bytes for a GPU's name; the numbers of two attributes in cuda.h: major, minor


# ---- the stages


def stages(words: Sequence[str] = (), load: Callable[[str], Any] = ctypes.CDLL) -> Iterator[dict[str, Any]]:
    """The name of each stage before it begins, then what it found. Raises what the stage raises."""
    yield {"stage": "driver"}
    yield devices(load(LIBRARY))
    if "cupy" not in words:
        return
    yield {"stage": "import"}
    from ..backends.cupy import CUPY

    xp = CUPY.xp
    yield {"cupy": xp.__version__, "stage": "memory"}
    free, total = xp.cuda.runtime.memGetInfo()
    yield {"free": free, "total": total}
    x = xp.empty((64, 64), "float32")
    yield {"stage": "kernel"}
    x[...] = 0.5
    check(float((x + 1).sum()), 64 * 64 * 1.5)
    yield {"stage": "product"}
    check(float((x @ x).sum()), 64 * 64 * 16)
    yield {"stage": "done"}


def devices(driver: Any) -> dict[str, Any]:
    """Start the driver; how many GPUs it shows, and of the first its name and compute capability, as 75 for 7.5."""
    count, device, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(NAME)
    _call(driver, "cuInit", 0)
    _call(driver, "cuDeviceGetCount", ctypes.byref(count))
    if not count.value:
        raise OSError("CUDA_ERROR_NO_DEVICE")
    _call(driver, "cuDeviceGet", ctypes.byref(device), 0)
    _call(driver, "cuDeviceGetName", name, NAME, device)
    parts = [ctypes.c_int(), ctypes.c_int()]
    for part, attribute in zip(parts, CAPABILITY):
        _call(driver, "cuDeviceGetAttribute", ctypes.byref(part), attribute, device)
    capability = 10 * parts[0].value + parts[1].value
    return {"count": count.value, "name": name.value.decode(errors="replace"), "capability": capability}


def _call(driver: Any, function: str, *arguments: Any) -> None:
    """One function of the driver; its error as an OSError with the name that cuda.h gives it."""
    if code := getattr(driver, function)(*arguments):
        name = ctypes.c_char_p()
        with contextlib.suppress(AttributeError):
            driver.cuGetErrorName(code, ctypes.byref(name))
        raise OSError(f"{function}: {(name.value or b'CUDA_ERROR').decode()} ({code})")


def check(answer: float, right: float) -> None:
    """Raises where the GPU gives another number than arithmetic."""
    if answer != right:
        raise ArithmeticError(f"a sum came out as {answer}, not {right}")


def main(words: Sequence[str], load: Callable[[str], Any] = ctypes.CDLL) -> None:
    """Print the stages; a trouble is the last line."""
    try:
        for facts in stages(words, load):
            print(json.dumps(facts), flush=True)
    except BaseException as error:  # whatever it is, the parent wants to hear it
        said = "; caused by ".join(f"{type(e).__name__}: {e}" for e in _chain(error))
        print(json.dumps({"error": said}), flush=True)


def _chain(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *_chain(error.__cause__ or error.__context__)]


# ---- the parent's side


def try_gpu(cupy: bool, timeout_s: float = 120, command: Sequence[str] = COMMAND) -> dict[str, Any]:
    """What the process saw, all stages in one; "error" where it could not go on, and "stage" where that was.

    A process that hangs in the driver may not even be killed, so nobody waits for its end.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            process = subprocess.Popen(
                [*command, *(["cupy"] if cupy else [])], stdout=out, stderr=err, env=_environment()
            )
        except OSError as error:
            return {"stage": "driver", "error": f"the process that tries it does not start: {error}"}
        trouble = _trouble(process, timeout_s)
        seen = _read(out)
        if cupy and seen["stage"] != "done":
            trouble = trouble or "Died: the process that tried it ended too early"
        if trouble and "error" not in seen:
            err.seek(0)
            seen["error"] = f"{trouble} {err.read().strip()[-200:]}".strip()
    return seen


def _trouble(process: subprocess.Popen, timeout_s: float) -> str:
    """How the process ended, "" where it ended well."""
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        return f"Timeout: no answer in {timeout_s:.0f} s"
    return f"Died: the process that tried it ended with code {code}" if code else ""


def _read(out: Any) -> dict[str, Any]:
    """The lines of JSON in one; what else was printed between them is left out."""
    seen: dict[str, Any] = {"stage": "driver"}
    out.seek(0)
    for line in out.read().splitlines():
        with contextlib.suppress(ValueError, TypeError):
            seen.update(json.loads(line))
    return seen


def _environment() -> dict[str, str]:
    """This environment, with the way to this package, which may be a checkout that is not installed.

    CuPy's kernels from earlier days are not used: only a new one shows whether the compiler is there.
    """
    way = str(Path(__file__).resolve().parents[2])
    paths = filter(None, [way, os.environ.get("PYTHONPATH")])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "CUPY_CACHE_IN_MEMORY": "1"}


if __name__ == "__main__":
    main(sys.argv[1:])
