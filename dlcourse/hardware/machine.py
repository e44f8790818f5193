"""Which machine this is, in words that a result can be labelled with: processor, cores, BLAS."""

from __future__ import annotations

import contextlib
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..backends.cores import cores

if TYPE_CHECKING:
    from ..backends import Backend

__all__ = ["blas", "cores", "device_name", "processor_name"]

CPUINFO = Path("/proc/cpuinfo")


def processor_name() -> str:
    """What the processor calls itself, such as "AMD EPYC 9B14"; its architecture where it does not say."""
    with contextlib.suppress(OSError):  # Linux; on ARM this file names no model
        for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip():
                return value.strip()
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
            if said := subprocess.run(asked, capture_output=True, text=True, timeout=5).stdout.strip():
                return said
    return platform.processor() or platform.machine() or "unknown processor"


def blas(threads: bool = False) -> str:
    """The library behind NumPy's matrix products, its version and what it is built for; with its threads if asked."""
    import numpy as np
    from threadpoolctl import threadpool_info

    said = [
        f"{p['internal_api']} {p['version'] or ''} {p.get('architecture') or ''}".strip()
        + (f", {p['num_threads']} thread{'s' * (p['num_threads'] > 1)}" if threads else "")
        for p in threadpool_info()
        if p["user_api"] == "blas"
    ]
    if said:
        return " and ".join(" ".join(s.split()) for s in said)
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    return f"{built} (its threads cannot be counted)" if threads else str(built)


def device_name(backend: Backend) -> str:
    """The processor or the GPU on which this backend computes; the backend's own name where a device has none."""
    if backend.host:
        return processor_name()
    try:
        runtime = backend.xp.cuda.runtime
        return runtime.getDeviceProperties(runtime.getDevice())["name"].decode()
    except AttributeError:
        return f"the {backend.name} device"
