"""The exact command that installs what is missing, into the Python that is running."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname


def pip(action: str = "install") -> str:
    """The start of a pip command for this Python; an environment that uv made has no pip of its own."""
    python = shlex.quote(sys.executable)
    return f"{python} -m pip {action}" if find_spec("pip") else f"uv pip {action} --python {python}"


def install(extra: str = "") -> str:
    """The command that installs the course again, with what `extra` names."""
    wanted = f"[{extra}]" if extra else ""
    if folder := _checkout():
        return f"{pip()} -e {shlex.quote(folder + wanted)}"
    return f"{pip()} {' '.join(map(shlex.quote, requirements(extra) or [f'dlcourse{wanted}']))}"


def libraries(extra: str) -> str:
    """The command that brings the CUDA libraries of an extra, and leaves the CuPy that is there as it is."""
    wanted = [need for need in requirements(extra) if not need.startswith("cupy")]
    return f"{pip()} {' '.join(map(shlex.quote, wanted))}" if wanted else install(extra)


def remove(packages: Sequence[str]) -> str:
    """The command that removes packages without asking."""
    start = pip("uninstall")
    return f"{start} {'' if start.startswith('uv') else '-y '}{' '.join(packages)}"


def requirements(extra: str = "") -> list[str]:
    """What the course needs to run, or with `extra` what that adds, as it says itself."""
    try:
        stated = distribution("dlcourse").requires or []
    except PackageNotFoundError:
        return []
    of = re.compile(rf"""\s*;\s*extra\s*==\s*['"]{extra}['"]\s*$""") if extra else None
    return [of.sub("", line) for line in stated if of.search(line)] if of else [x for x in stated if ";" not in x]


def _checkout() -> str:
    """The folder that an editable install points to, or that this package runs from without being installed; or ""."""
    try:
        origin = json.loads(distribution("dlcourse").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        here = Path(__file__).parents[2]
        return str(here) if (here / "pyproject.toml").exists() else ""
    except ValueError:
        return ""
    return url2pathname(urlparse(origin["url"]).path) if origin.get("dir_info", {}).get("editable") else ""
