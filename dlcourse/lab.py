"""The course in JupyterLab: one server per work folder, on this machine only, with the course's settings laid on top.

A second call finds the running server by the marker in the work folder and joins it. The user's own Jupyter settings
are read as always and never written; what the course sets comes from `lab_settings/`, by way of the environment.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from .hardware.browser import find_browser
from .lesson.places import PACKAGE, opening, source_folder, state_folder
from .lesson.start_page import write_start
from .lesson.work import WorkError, lay_out, read_json, write_whole

SETTINGS = PACKAGE / "lab_settings"
# Warnings that ask nothing of a learner; the last two come when a listing meets a half-saved file, or a kernel ends.
QUIET = ("is not trusted", "websocket_ping_timeout", "/.~", "Got events for closed stream")
FIRST, START = "00_start_here.ipynb", "START.md"


def open_course(work: Path, *, browser: bool = True, port: int | None = None) -> None:
    """Lay out the lessons, then join the course's server or be it until Ctrl-C."""
    again = opening()  # before the server's own folder and environment are set
    first = not (state_folder(work) / "lessons.json").exists()
    server = find_server(work)
    if server is None and not claim(work):
        print("Another start of the course is under way: waiting for it ...", flush=True)
        server = wait_for_server(work)
    delivered = _lay_out(work, in_use=server is not None)
    page = FIRST if first and (work / FIRST).exists() else START
    with_browser = browser and bool(find_browser())
    if server:
        address = _address(server["url"], server["token"], page)
        print(f"The course is open already; here it is again:\n  {address}", flush=True)
        if with_browser:
            webbrowser.open(address)
        return
    _serve(work, page, port, with_browser, delivered)
    print(f"\nStopped. Your work lies in {work}\nOpen it again with: {again}", flush=True)


def _lay_out(work: Path, in_use: bool) -> list[str]:
    """Bring the work folder up to date, say what changed, and return the notebooks that are now as delivered."""
    if not any(source_folder().glob("*.ipynb")):
        raise WorkError(f"There are no lessons in {source_folder()}: install dlcourse again.")
    done = lay_out(work, in_use=in_use)
    for sentence in done.sentences():
        print(sentence)
    write_start(work)
    return [*done.new, *done.updated, *done.laid_beside]


def _address(url: str, token: str, page: str) -> str:
    return f"{url}lab/tree/{page}?token={token}"


# ---- a server that runs already


def _marker(work: Path) -> Path:
    return state_folder(work) / "server.json"


def find_server(work: Path) -> dict[str, Any] | None:
    """The running server of this work folder, or None. The marker names it, its own file has the rest, it answers."""
    from jupyter_core.paths import jupyter_runtime_dir

    pid = read_json(_marker(work)).get("pid")
    info = read_json(Path(jupyter_runtime_dir()) / f"jpserver-{pid}.json")
    if not info or Path(info.get("root_dir", "")) != work or not _answers(info):
        return None
    return info


def _answers(info: dict[str, Any]) -> bool:
    asked = urllib.request.Request(f"{info['url']}api/status", headers={"Authorization": f"token {info['token']}"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=5) as reply:
            return "started" in json.load(reply)
    except (OSError, ValueError, urllib.error.URLError):
        return False


def claim(work: Path) -> bool:
    """Be the one process that starts this folder's server: False where another one is at it. The marker says who."""
    marker = _marker(work)
    marker.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(2):
        with suppress(FileExistsError):
            with open(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644), "w") as file:
                json.dump({"pid": os.getpid()}, file)
            return True
        if _alive(read_json(marker).get("pid")):
            return False
        with suppress(FileNotFoundError):
            marker.unlink()
    return False


def _alive(pid: Any) -> bool:
    if not isinstance(pid, int) or pid == os.getpid() or os.name == "nt":  # there, asking would be ending
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def wait_for_server(work: Path, seconds: float = 30) -> dict[str, Any] | None:
    """The server that another process is starting, once it answers; None if it never does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and _marker(work).exists():
        if server := find_server(work):
            return server
        time.sleep(0.2)
    return None


# ---- being the server


def _installed() -> bool:
    try:
        return bool(distribution("dlcourse"))
    except PackageNotFoundError:
        return False


def environment(work: Path, environ: dict[str, str]) -> dict[str, str]:
    """What the server and its kernels see: the course's settings in front, the user's own behind them."""

    def before(path: Path | str, name: str) -> str:
        return os.pathsep.join(filter(None, [str(path), environ.get(name)]))

    way = {} if _installed() else {"PYTHONPATH": before(PACKAGE.parent, "PYTHONPATH")}
    return way | {
        "DLCOURSE_WORK": str(work),
        "JUPYTER_CONFIG_PATH": before(SETTINGS, "JUPYTER_CONFIG_PATH"),
        "JUPYTER_PATH": before(SETTINGS / "share", "JUPYTER_PATH"),  # a kernel that is this very Python
        "JUPYTERLAB_WORKSPACES_DIR": str(state_folder(work) / "workspaces"),
        "PATH": before(Path(sys.executable).parent, "PATH"),  # `dlcourse` in a terminal of JupyterLab
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else each kernel warns about frozen modules
    }


def _arguments(work: Path, page: str, port: int | None, browser: bool) -> list[str]:
    given = [
        f"--ServerApp.root_dir={work}",
        f"--ServerApp.open_browser={browser}",
        "--ServerApp.ip=127.0.0.1",
        "--Application.log_level=WARN",
        f"--IdentityProvider.token={secrets.token_hex(24)}",
        f"--LabApp.default_url=/lab/tree/{page}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if port is not None:
        given += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        given.append("--ServerApp.allow_root=True")
    return given


def _require_free(port: int) -> None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            raise WorkError(
                f"Port {port} cannot be used ({error.strerror}): leave --port away, or choose another."
            ) from None


def _serve(work: Path, page: str, port: int | None, browser: bool, delivered: list[str]) -> None:
    if port is not None:
        _require_free(port)
    os.environ.update(environment(work, dict(os.environ)))
    os.chdir(work)
    import nbformat
    from jupyterlab.labapp import LabApp  # after the environment is set, which it reads on import

    server = LabApp.initialize_server(argv=_arguments(work, page, port, browser))
    for name in delivered:  # the course trusts its own lessons, so that JupyterLab need not warn of them
        server.contents_manager.notary.sign(nbformat.read(work / name, 4))
    for handler in server.log.handlers:
        handler.addFilter(lambda record: not any(words in record.getMessage() for words in QUIET))
    signal.signal(signal.SIGINT, lambda *_: server.stop(from_signal=True))  # stop at the first Ctrl-C, unasked
    write_whole(_marker(work), json.dumps({"pid": os.getpid()}))
    url = f"http://127.0.0.1:{server.port}{server.base_url}"
    print(f"The course is open at\n  {_address(url, server.identity_provider.token, page)}")
    print("Ctrl-C here stops it." if browser else "Open that address in a browser. Ctrl-C here stops it.", flush=True)
    try:
        server.start()
    finally:
        with suppress(OSError):
            _marker(work).unlink()
