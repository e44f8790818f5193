"""Each trouble with a GPU has its own row and command. The drivers, cards and CuPys of these tests are invented."""

from __future__ import annotations

import re
import sys
import textwrap
import time
import tomllib
from types import SimpleNamespace

import pytest

from dlcourse.hardware import gpu, mend, probe
from dlcourse.hardware.gpu import Found

CUPY13, CUPY12 = ("cupy-cuda13x",), ("cupy-cuda12x",)
SHOWN = {"count": 1, "name": "NVIDIA H100", "capability": 90}
WORKS = SHOWN | {"cupy": "14.2.0", "stage": "done", "free": 80e9, "total": 84e9}
OLD = SHOWN | {"name": "NVIDIA GTX 1080", "capability": 61}


@pytest.fixture(autouse=True)
def commands(monkeypatch):
    """An installed course, whose commands can be read."""
    monkeypatch.setattr(mend, "pip", lambda action="install": f"pip {action}")
    monkeypatch.setattr(gpu, "pip", mend.pip)
    monkeypatch.setattr(mend, "_checkout", lambda: "/course")
    monkeypatch.setattr(
        mend, "requirements", lambda extra="": [f"cupy-{extra}x", f"cuda-toolkit[nvrtc]=={extra[4:]}.*"]
    )


def failed(stage: str, error: str, **seen) -> dict:
    return SHOWN | {"cupy": "14.2.0", "free": 80e9, "total": 84e9, "stage": stage, "error": error} | seen


TO_12 = "pip uninstall -y {} && pip install -e '/course[cuda12]'"
TO_13 = "pip uninstall -y {} && pip install -e '/course[cuda13]'"
NVRTC = 'DynamicLibNotFoundError: Failure finding "libnvrtc.so.13 or libnvrtc.so.12": No such file: libnvrtc.so.13'
CUBLAS = 'ImportError: Failure finding "libcublasLt.so.13 or libcublasLt.so.12": No such file: libcublasLt.so.13'
OLD_CUBLAS = "ImportError: libcublas.so.12: cannot open shared object file: No such file or directory"
OLD_NVRTC = "RuntimeError: CuPy failed to load libnvrtc.so.12: OSError: libnvrtc.so.12: cannot open shared object file"
HEADER = 'CompileException: a.cu(1): catastrophic error: cannot open source file "cuda_fp16.h"'
FULL = "OutOfMemoryError: Out of memory allocating 16,384 bytes (allocated so far: 0 bytes)."
HANDLE = "CUBLASError: CUBLAS_STATUS_ALLOC_FAILED"
NO_CUBLAS = "CUBLASError: CUBLAS_STATUS_NOT_INITIALIZED"
NO_GPU = "OSError: cuInit: CUDA_ERROR_NO_DEVICE (100)"
MISMATCH = "OSError: cuInit: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)"
PTX = (
    "CUDADriverError: CUDA_ERROR_UNSUPPORTED_PTX_VERSION: the provided PTX was compiled with an unsupported toolchain."
)
NUMPY = "ImportError: numpy.core.multiarray failed to import"

CASES = {  # machine: what row, its state, what it says, what mends it (whole, or None where there is nothing to mend)
    # ---- the driver
    "no card": (Found(), "NVIDIA driver", "note", "no NVIDIA card: the course computes on the processor", None),
    "no card, and CuPy": (Found(packages=CUPY13), "CuPy", "note", "cupy-cuda13x; not used without a GPU", None),
    "macOS": (Found(system="Darwin"), "NVIDIA driver", "note", "none for macOS", None),
    "WSL": (
        Found(system="WSL"), "NVIDIA driver", "note", "none found in WSL",
        "none in WSL; then, in Windows: wsl --update"),
    "Windows": (
        Found(system="Windows"), "NVIDIA driver", "note", "none found: the course",
        "for an NVIDIA card: its driver, https://www.nvidia.com/drivers"),
    "no driver, Ubuntu": (
        Found(card=True, system="ubuntu"), "NVIDIA driver", "red", "although", "sudo ubuntu-drivers install"),
    "no driver, Debian": (
        Found(card=True, system="debian"), "NVIDIA driver", "red", "although", "sudo apt install nvidia-driver"),
    "no driver, some Linux": (
        Found(card=True), "NVIDIA driver", "red", "although", "install it: https://www.nvidia.com/drivers"),
    "no driver, container": (Found(card=True, system="container"), "NVIDIA driver", "red", "although", gpu.IN_DOCKER),
    "a stub": (Found(0, 34), "NVIDIA driver", "red", "a stub in its place", "unset LD_LIBRARY_PATH"),
    "a driver that is broken": (Found(0, 999), "NVIDIA driver", "red", "does not answer: error 999", "sudo reboot"),
    "an old driver": (
        Found(11080), "NVIDIA driver", "red", "CUDA 11.8, and the course needs CUDA 12",
        "update it to 525 or newer: https://www.nvidia.com/drivers"),
    "an old driver, WSL": (
        Found(11080, system="WSL"), "NVIDIA driver", "red", "11.8",
        "update it to 525 or newer in Windows, not in WSL: https://www.nvidia.com/drivers"),
    # ---- its GPUs
    "a driver, no card": (Found(13000, tried=failed("driver", NO_GPU)), "GPU", "note", "no NVIDIA card", None),
    "hidden": (
        Found(13000, card=True, hidden="", tried=failed("driver", NO_GPU)), "GPU", "red",
        "hidden by CUDA_VISIBLE_DEVICES=''", "unset CUDA_VISIBLE_DEVICES"),
    "not given to the container": (
        Found(13000, card=True, system="container", tried=failed("driver", NO_GPU)), "GPU", "red", "none is visible",
        gpu.IN_DOCKER),
    "kernel module not loaded": (
        Found(13000, card=True, tried=failed("driver", NO_GPU)), "GPU", "red", "the driver does not show it",
        "sudo modprobe nvidia"),
    "driver updated under way": (
        Found(13000, card=True, tried=failed("driver", MISMATCH)), "GPU", "red", "was updated", "sudo reboot"),
    "GPUs not joined": (
        Found(13000, card=True, tried=failed("driver", "OSError: cuInit: CUDA_ERROR_SYSTEM_NOT_READY (802)")), "GPU",
        "red", "what joins the GPUs", "sudo systemctl start nvidia-fabricmanager"),
    "driver hangs": (
        Found(13000, tried=failed("driver", "Timeout: no answer in 120 s")), "GPU", "red",
        "fails at starting the driver: Timeout: no answer in 120 s", "nvidia-smi; where that fails too: sudo reboot"),
    "taken by another": (
        Found(13000, packages=CUPY13, tried=failed("memory", "cudaErrorDevicesUnavailable: busy")), "GPU", "red",
        "another program has it for itself", gpu.WHO),
    # ---- CuPy's packages
    "no CuPy, 12": (Found(12040, tried=SHOWN), "CuPy", "note", "not installed", "pip install -e '/course[cuda12]'"),
    "no CuPy, 13": (Found(13000, tried=SHOWN), "CuPy", "note", "not installed", "pip install -e '/course[cuda13]'"),
    "no CuPy, 14": (Found(14010, tried=SHOWN), "CuPy", "note", "not installed", "pip install -e '/course[cuda13]'"),
    "no CuPy, old card": (Found(13000, tried=OLD), "CuPy", "note", "not installed", "pip install -e '/course[cuda12]'"),
    "two CuPys": (
        Found(13000, packages=CUPY12 + CUPY13, tried=SHOWN), "CuPy", "red",
        "cupy-cuda12x and cupy-cuda13x disturb each other", TO_13.format("cupy-cuda12x cupy-cuda13x")),
    "for another CUDA": (
        Found(12040, packages=CUPY13, tried=failed("memory", "cudaErrorInsufficientDriver")), "CuPy", "red",
        "cupy-cuda13x is for a newer CUDA than the driver's", TO_12.format("cupy-cuda13x")),
    "for AMD": (
        Found(12040, packages=("cupy-rocm-7-0",), tried=failed("import", "ImportError: libamdhip64.so")), "CuPy", "red",
        "for GPUs from AMD", TO_12.format("cupy-rocm-7-0")),
    "driver too old for the toolkit": (
        Found(13000, packages=("cupy",), tried=failed("memory", "CUDARuntimeError: cudaErrorInsufficientDriver: CUDA "
              "driver version is insufficient for CUDA runtime version")), "CuPy", "red",
        "is for a newer CUDA than the driver's", TO_13.format("cupy")),
    "driver too old for the compiler": (
        Found(12040, packages=CUPY12, tried=failed("kernel", PTX)), "GPU", "red", "older than the compiler",
        "update the driver: https://www.nvidia.com/drivers"),
    "card too old for CUDA 13": (
        Found(13000, packages=CUPY13, tried=OLD | failed("kernel", "CompileException: nvrtc: error: invalid value for "
              "--gpu-architecture (-arch)", capability=61)), "CuPy", "red", "for no GPU as old",
        TO_12.format("cupy-cuda13x")),
    # ---- importing it
    "files gone": (
        Found(13000, packages=CUPY13, tried=failed("import", "ModuleNotFoundError: No module named 'cupy'")), "CuPy",
        "red", "its files are not there", "pip install --force-reinstall --no-deps cupy-cuda13x"),
    "another NumPy": (
        Found(12040, packages=CUPY12, tried=failed("import", NUMPY)), "CuPy", "red", "does not fit the NumPy",
        "pip install --upgrade cupy-cuda12x"),
    "import fails": (
        Found(13000, packages=CUPY13, tried=failed("import", "ImportError: what?")), "CuPy", "red",
        "cannot be imported: ImportError: what?", TO_13.format("cupy-cuda13x")),
    # ---- libraries: a CuPy that finds them stays
    "NVRTC missing": (
        Found(13000, packages=CUPY13, tried=failed("kernel", NVRTC)), "CuPy", "red", "missing: libnvrtc.so.13",
        "pip install 'cuda-toolkit[nvrtc]==13.*'"),
    "half of NVRTC missing": (
        Found(13000, packages=CUPY13, tried=failed("kernel", "CompileException: nvrtc: error: failed to open "
              "libnvrtc-builtins.so.13.0.")), "CuPy", "red", "missing: libnvrtc-builtins.so.13.0",
        "pip install 'cuda-toolkit[nvrtc]==13.*'"),
    "NVRTC missing on Windows": (
        Found(12040, packages=CUPY12, tried=failed("kernel", "RuntimeError: CuPy failed to load nvrtc64_120_0.dll")),
        "CuPy", "red", "missing: nvrtc64_120_0.dll", "pip install 'cuda-toolkit[nvrtc]==12.*'"),
    "cuBLAS missing": (
        Found(13000, packages=CUPY13, tried=failed("product", CUBLAS)), "CuPy", "red", "missing: libcublasLt.so.13",
        "pip install 'cuda-toolkit[nvrtc]==13.*'"),
    "cuBLAS missing, CuPy that needs it from the start": (
        Found(12040, packages=CUPY12, tried=SHOWN | {"stage": "import", "error": OLD_CUBLAS}), "CuPy", "red",
        "missing: libcublas.so.12", TO_12.format("cupy-cuda12x")),
    "headers missing": (
        Found(13000, packages=CUPY13, tried=failed("kernel", HEADER)), "CuPy", "red", "missing: cuda_fp16.h",
        "pip install 'cuda-toolkit[nvrtc]==13.*'"),
    "NVRTC missing, CuPy for 12 on a newer driver": (
        Found(13000, packages=CUPY12, tried=failed("kernel", OLD_NVRTC)), "CuPy", "red", "missing: libnvrtc.so.12",
        "pip install 'cuda-toolkit[nvrtc]==12.*'"),
    "NVRTC missing, old CuPy": (
        Found(13000, packages=CUPY12, tried=failed("kernel", OLD_NVRTC, cupy="13.6.0")), "CuPy", "red",
        "missing: libnvrtc.so.12", TO_13.format("cupy-cuda12x")),
    # ---- memory
    "full": (
        Found(13000, packages=CUPY13, tried=failed("memory", FULL, free=0)), "GPU", "red",
        "its memory is full (0.0 of 84.0 GB free)", f"shut other notebooks down; this lists the programs: {gpu.WHO}"),
    "full, no room for cuBLAS": (
        Found(13000, packages=CUPY13, tried=failed("product", HANDLE, free=1e8)), "GPU", "red",
        "its memory is full (0.1", f"shut other notebooks down; this lists the programs: {gpu.WHO}"),
    "full, and cuBLAS does not say so": (
        Found(13000, packages=CUPY13, tried=failed("product", NO_CUBLAS, free=2e8)), "GPU", "red",
        "its memory is full (0.2", f"shut other notebooks down; this lists the programs: {gpu.WHO}"),
    "cuBLAS does not start, and there is room": (
        Found(13000, packages=CUPY13, tried=failed("product", NO_CUBLAS, free=2e9)), "GPU", "red",
        "fails at multiplying two matrices: CUBLASError", "nvidia-smi; where that fails too: sudo reboot"),
    "nearly full": (
        Found(13000, packages=CUPY13, tried=WORKS | {"free": 1e9}), "GPU", "note", "1.0 of 84.0 GB free",
        f"this lists the programs that use the rest: {gpu.WHO}"),
    # ---- the rest
    "works": (Found(13000, packages=CUPY13, tried=WORKS), "GPU", "ok", "NVIDIA H100, 80.0 of 84.0 GB free", None),
    "wrong numbers": (
        Found(13000, packages=CUPY13, tried=failed("product", "ArithmeticError: a sum came out as 3.0")), "GPU", "red",
        "fails at multiplying two matrices: ArithmeticError", "nvidia-smi; where that fails too: sudo reboot"),
    "crash": (
        Found(13000, packages=CUPY13, tried=failed("kernel", "Died: the process that tried it ended with code -11")),
        "GPU", "red", "fails at compiling and running a kernel: Died",
        "nvidia-smi; where that fails too: sudo reboot"),
}  # fmt: skip


@pytest.mark.parametrize("machine", CASES)
def test_each_trouble_has_its_own_row_and_command(machine):
    found, what, state, says, mends = CASES[machine]
    rows = gpu.diagnose(found)
    (row,) = [row for row in rows if row.what == what]
    assert row.state == state and says in row.found
    assert row.mend == (mends or "") if machine != "WSL" else row.mend.endswith(mends)
    assert not any(row.essential for row in rows), "the course runs without a GPU"
    assert sum(row.state == "red" for row in rows) == (state == "red")
    assert len({row.what for row in rows}) == len(rows)


def test_no_two_troubles_say_the_same():
    reds = [gpu.diagnose(found) for found, _, state, *_ in CASES.values() if state == "red"]
    said = [next((row.found, row.mend) for row in rows if row.state == "red") for rows in reds]
    assert len(set(said)) == len(said) > 25


# ---- a CuPy that works is left as it is


@pytest.mark.parametrize("cuda", [12040, 12080, 13000])
def test_the_cupy_of_colab_stays(cuda):
    """Colab's freeze: cupy-cuda12x 14.0.1 beside NumPy 2.0.2, with drivers for CUDA 12 and, later, 13."""
    rows = gpu.diagnose(Found(cuda, packages=CUPY12, tried=WORKS | {"cupy": "14.0.1", "name": "Tesla T4"}))
    assert [row.state for row in rows] == ["ok"] * 3 and not any(row.mend for row in rows)
    assert rows[1].found == "cupy-cuda12x 14.0.1"


@pytest.mark.parametrize("machine", [name for name, (found, *_) in CASES.items() if found.packages])
def test_no_second_cupy_is_put_beside_one_that_is_there(machine):
    """A command that installs an extra, or another CuPy, takes what is there away first."""
    found = CASES[machine][0]
    for row in gpu.diagnose(found):
        first, _, then = row.mend.partition(" && ")
        if "[cuda1" in row.mend:
            assert first == f"pip uninstall -y {' '.join(found.packages)}" and then.startswith("pip install -e")
        elif "cupy" in row.mend:
            assert row.mend.split()[-1] == found.packages[0], "the same one again"


def test_the_course_alone_brings_no_cupy_and_its_extras_bring_one_and_no_whole_toolkit():
    """Who has a CuPy keeps it; the libraries come from pip, so that a driver is all that must be there."""
    project = tomllib.loads((gpu.Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert not [need for need in project["dependencies"] if "cup" in need or "cuda" in need]
    for cuda in gpu.DRIVERS:
        cupy, toolkit, *others = project["optional-dependencies"][f"cuda{cuda}"]
        assert [re.match(r"\w+", need)[0] for need in others] == ["ml_dtypes"]  # 1 MB: the type of bf16
        assert cupy.startswith(f"cupy-cuda{cuda}x>=14") and toolkit.endswith(f"=={cuda}.*")
        assert {"cublas", "nvrtc", "cudart"} <= set(re.findall(r"\w+", toolkit))


# ---- looking


class Driver:
    """libcuda as far as it is asked: each function answers through pointers, and returns its error."""

    def __init__(self, cuda=13000, init=0, count=1, version=0):
        self.cuda, self.init, self.count, self.version = cuda, init, count, version

    def cuDriverGetVersion(self, pointer):
        pointer._obj.value = self.cuda
        return self.version

    def cuInit(self, flags):
        return self.init

    def cuDeviceGetCount(self, pointer):
        pointer._obj.value = self.count
        return 0

    def cuDeviceGet(self, pointer, ordinal):
        return 0

    def cuDeviceGetName(self, buffer, size, device):
        buffer.value = b"NVIDIA T4"
        return 0

    def cuDeviceGetAttribute(self, pointer, attribute, device):
        pointer._obj.value = {75: 7, 76: 5}[attribute]
        return 0

    def cuGetErrorName(self, code, pointer):
        pointer._obj.value = {100: b"CUDA_ERROR_NO_DEVICE"}.get(code)
        return 0


def absent(name):
    raise OSError(f"{name}: cannot open shared object file")


def test_the_driver_is_asked_without_being_started():
    assert gpu.driver_cuda(lambda name: Driver(12040, init=1)) == (12040, 0)
    assert gpu.driver_cuda(lambda name: Driver(0, version=34)) == (0, 34)
    assert gpu.driver_cuda(absent) == (None, 0)
    assert gpu.driver_cuda(lambda name: object()) == (None, 0), "a library of that name that is none"


def test_the_gpus_are_counted_and_named():
    assert probe.devices(Driver()) == {"count": 1, "name": "NVIDIA T4", "capability": 75}
    with pytest.raises(OSError, match="NO_DEVICE"):
        probe.devices(Driver(count=0))
    with pytest.raises(OSError, match=r"cuInit: CUDA_ERROR_NO_DEVICE \(100\)"):
        probe.devices(Driver(init=100))
    with pytest.raises(OSError, match=r"cuInit: CUDA_ERROR \(999\)"):
        probe.devices(Driver(init=999))


def test_packages_are_those_of_cupy_alone(monkeypatch):
    names = ["NumPy", "cupy-cuda12x", "CuPy", "cupy-rocm-7-0", "amd-cupy", "cupyfoo", "fastrlock", None]
    monkeypatch.setattr(gpu, "distributions", lambda: [SimpleNamespace(metadata={"Name": n}) for n in names])
    assert gpu.cupy_packages() == ("amd-cupy", "cupy", "cupy-cuda12x", "cupy-rocm-7-0")
    assert Found(packages=("cupy-cuda102",)).made_for == 10 and Found(packages=("cupy",)).made_for is None


def test_a_card_is_a_display_device_of_nvidia(tmp_path):
    for name, vendor, kind in (("a", "0x10de", "0x020000"), ("b", "0x1234", "0x030000"), ("c", "", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "vendor").write_text(vendor + "\n")
        (tmp_path / name / "class").write_text(kind + "\n")
    assert not gpu.has_card(tmp_path), "its network card is none"
    (tmp_path / "b" / "vendor").write_text("0x10de\n")
    assert gpu.has_card(tmp_path) and not gpu.has_card(tmp_path / "none")


def test_the_system_is_told_apart(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu.sys, "platform", "linux")
    monkeypatch.setattr(gpu.platform, "release", lambda: "6.6.87-microsoft-standard-WSL2")
    assert gpu.system(tmp_path) == "WSL"
    monkeypatch.setattr(gpu.platform, "release", lambda: "6.8.0")
    monkeypatch.setattr(gpu.platform, "freedesktop_os_release", lambda: {"ID": "ubuntu"})
    assert gpu.system(tmp_path) == "ubuntu"
    (tmp_path / ".dockerenv").touch()
    assert gpu.system(tmp_path) == "container"
    monkeypatch.setattr(gpu.sys, "platform", "darwin")
    monkeypatch.setattr(gpu.platform, "system", lambda: "Darwin")
    assert gpu.system(tmp_path) == "Darwin"


@pytest.mark.parametrize("driver, packages, asked", [
    ((None, 0), CUPY13, None), ((11080, 0), CUPY13, None), ((13000, 34), CUPY13, None),
    ((13000, 0), (), False), ((13000, 0), CUPY12 + CUPY13, False), ((13000, 0), CUPY13, True),
])  # fmt: skip
def test_cupy_is_tried_where_one_is_there_and_a_driver_that_can(monkeypatch, driver, packages, asked):
    seen = []
    monkeypatch.setattr(gpu, "driver_cuda", lambda: driver)
    monkeypatch.setattr(gpu, "cupy_packages", lambda: packages)
    monkeypatch.setattr(gpu, "try_gpu", lambda cupy: seen.append(cupy) or {})
    gpu.look()
    assert seen == ([] if asked is None else [asked])


# ---- the process that tries it, with a CuPy that is none


CUPY = """
from types import SimpleNamespace
from dlcourse.backends.fake import FakeArray, xp
__version__ = "14.2.0"
class ndarray: pass
class Array:
    def __init__(self, a): self.a = a
    def __setitem__(self, index, value): self.a[index] = value
    def __add__(self, other): return Array(self.a + other)
    def __matmul__(self, other): return Array(multiply(self.a, other.a))
    def sum(self): return float(self.a.sum())
def multiply(a, b): return a @ b
def empty(shape, dtype): return Array(xp.empty(shape, dtype))
cuda = SimpleNamespace(runtime=SimpleNamespace(memGetInfo=lambda: (60e9, 80e9)))
"""
RUN = """
import sys
sys.path.insert(0, {tests!r})
from test_gpu_doctor import Driver
from dlcourse.hardware import probe
probe.main(sys.argv[1:], lambda name: Driver())
"""


def tried(monkeypatch, tmp_path, broken: str = "", cupy: bool = True) -> dict:
    (tmp_path / "cupy.py").write_text(CUPY + textwrap.dedent(broken))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = [sys.executable, "-W", "ignore", "-c", RUN.format(tests=str(gpu.Path(__file__).parent))]
    return probe.try_gpu(cupy, command=command)


def test_a_gpu_that_works_goes_through_all_stages(monkeypatch, tmp_path):
    seen = tried(monkeypatch, tmp_path, "print('noise', 3)\nprint(3)")
    t4 = {"count": 1, "name": "NVIDIA T4", "capability": 75}
    assert seen == t4 | {"stage": "done", "cupy": "14.2.0", "free": 60e9, "total": 80e9}
    assert [row.state for row in gpu.diagnose(Found(13000, packages=CUPY13, tried=seen))] == ["ok"] * 3


def test_without_cupy_the_driver_alone_is_tried(monkeypatch, tmp_path):
    seen = tried(monkeypatch, tmp_path, "raise SystemExit", cupy=False)
    assert seen == {"stage": "driver", "count": 1, "name": "NVIDIA T4", "capability": 75}


@pytest.mark.parametrize("broken, stage, error", [
    ("raise ImportError('libcublas.so.13: cannot open shared object file')", "import", "libcublas.so.13"),
    ("def empty(*a): raise MemoryError('Out of memory allocating 16,384 bytes')", "memory", "Out of memory"),
    ("def _set(*a): raise RuntimeError('failed to load libnvrtc')\nArray.__setitem__ = _set", "kernel", "nvrtc"),
    ("def multiply(a, b): raise ImportError('libcublas.so.13')", "product", "ImportError: libcublas.so.13"),
    ("def multiply(a, b): return a", "product", "ArithmeticError: a sum came out as 2048.0, not 65536"),
    ("import os, signal\ndef empty(*a): os.kill(os.getpid(), signal.SIGSEGV)", "memory", "ended with code -11"),
    ("import os\ndef multiply(a, b): os._exit(0)", "product", "ended too early"),
    ("import os, sys\nprint('words', file=sys.stderr, flush=True)\nos._exit(3)", "import", "ended with code 3 words"),
])  # fmt: skip
def test_a_trouble_is_told_with_its_stage(monkeypatch, tmp_path, broken, stage, error):
    seen = tried(monkeypatch, tmp_path, broken)
    assert seen["stage"] == stage and error in seen["error"]


def test_a_process_that_hangs_costs_a_row():
    hangs = """import time; print('{"stage": "memory"}', flush=True); time.sleep(600)"""
    began = time.monotonic()
    seen = probe.try_gpu(True, 3, [sys.executable, "-c", hangs])
    assert seen == {"stage": "memory", "error": "Timeout: no answer in 3 s"}
    assert time.monotonic() - began < 60


def test_a_process_that_does_not_start_costs_a_row():
    seen = probe.try_gpu(True, command=["no-such-program-as-this"])
    assert seen["stage"] == "driver" and "does not start" in seen["error"]


def test_kernels_of_earlier_days_prove_nothing():
    assert probe._environment()["CUPY_CACHE_IN_MEMORY"] == "1"


def test_the_real_process_answers_in_any_case():
    seen = probe.try_gpu(cupy=True)
    assert ("error" in seen) == (seen["stage"] != "done")
    assert gpu.diagnose(Found(13000, packages=CUPY13, tried=seen))
