"""Drive the course as a learner does: `dlcourse lab` in a process of its own, JupyterLab in a real Chromium.

Everything lies in throw-away folders (home, settings, runtime files, work) and nothing leaves this machine: the browser
resolves no name but the loopback's, so that a page which needs the internet fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
CHROMIUM_ARGS = [
    "--no-sandbox",  # also as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--font-render-hinting=none",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def find_chromium() -> str | None:
    names = (os.environ.get("DLCOURSE_CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium, from the distribution's packages."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
        try:
            yield browser
        finally:
            browser.close()


def home_environment(home: Path, work: Path) -> dict[str, str]:
    """This environment with a home, Jupyter folders and a work folder of its own."""
    drop = ("JUPYTER", "IPYTHON", "DLCOURSE_", "PYTEST_", "DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(drop)}
    folders = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / "config",
        "XDG_DATA_HOME": home / "data",
        "JUPYTER_CONFIG_DIR": home / "jupyter",
        "JUPYTER_DATA_DIR": home / "data" / "jupyter",
        "JUPYTER_RUNTIME_DIR": home / "run",
        "IPYTHONDIR": home / "ipython",
    }
    return kept | {name: str(path) for name, path in folders.items()} | {"DLCOURSE_WORK": str(work)}


class Course:
    """`dlcourse lab --no-browser` on a work folder, from start to Ctrl-C."""

    def __init__(self, home: Path, work: Path, python: str = sys.executable, cwd: Path = REPO):
        self.work, self.cwd = work, cwd
        settings = home / "jupyter" / "jupyter_lab_config.json"  # a user's own: the driver needs window.jupyterapp
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(json.dumps({"LabApp": {"expose_app_in_browser": True}}))
        self.environment = home_environment(home, work)
        self.command = [python, "-m", "dlcourse", "lab", "--no-browser"]
        self.lines: list[str] = []

    def __enter__(self) -> Course:
        begin_s = time.perf_counter()
        self.process = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.address = self._wait_for_address()
        self.url, self.token = re.match(r"(http://127\.0\.0\.1:\d+/)lab/tree/.*\?token=(\w+)$", self.address).groups()
        while not self._answers() and time.perf_counter() - begin_s < 60:
            time.sleep(0.05)
        self.start_s = time.perf_counter() - begin_s
        return self

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def _wait_for_address(self, timeout_s: float = 60) -> str:
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s and self.reader.is_alive():
            if found := [line.strip() for line in self.lines if "token=" in line]:
                return found[0]
            time.sleep(0.02)
        self.process.kill()
        raise AssertionError("no address came; the course said:\n" + "\n".join(self.lines))

    def _answers(self) -> bool:
        try:
            return bool(self.api("status"))
        except OSError:
            return False

    def api(self, path: str, method: str = "GET") -> Any:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}api/{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as reply:
            body = reply.read()
        return json.loads(body) if body else None

    def again(self) -> subprocess.CompletedProcess:
        """The same command once more, while this one runs."""
        return subprocess.run(
            self.command, cwd=self.cwd, env=self.environment, capture_output=True, text=True, timeout=60
        )

    def stop(self, timeout_s: float = 30) -> int:
        """Ctrl-C, as the terminal sends it; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout_s)
        self.reader.join(10)
        return code

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop()
        with contextlib.suppress(ProcessLookupError):  # whatever is left of its session, kernels included
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.reader.join(10)
        self.process.stdout.close()

    def left_over(self) -> list[int]:
        """Processes of this server's session that still run, other than itself; where /proc tells them."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[3]) == self.process.pid and fields[0] != "Z":
                    found.append(int(stat.parent.name))
        return [pid for pid in found if pid != self.process.pid]


KERNEL_IDLE = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const session = panel && panel.sessionContext && panel.sessionContext.session;
    const kernel = session && session.kernel;
    return kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle'; }"""
ALL_RUN = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const waits = cell => cell.model.type === 'code' && cell.promptNode && cell.promptNode.textContent.includes('*');
    return panel.sessionContext.session.kernel.status === 'idle' && !panel.content.widgets.some(waits); }"""
ERRORS = """() => window.jupyterapp.shell.currentWidget.content.widgets.flatMap((cell, i) =>
    cell.model.type !== 'code' ? [] : cell.model.outputs.toJSON().filter(o => o.output_type === 'error')
        .map(o => `cell ${i}: ${o.ename}: ${o.evalue}`))"""
COUNT = """i => window.jupyterapp.shell.currentWidget.content.widgets[i].model.executionCount || 0"""
OUTPUTS = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code' && cell.model.outputs.length).length"""


class Lab:
    """One browser page on one course; it notes what went wrong on the page and on the way to the server.

    A test that fails inside `with Lab(...)` leaves a picture of the page in `shots`.
    """

    def __init__(self, browser: Any, course: Course, shots: Path, size: tuple[int, int] = (1280, 900)):
        self.course, self.shots = course, shots
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale="en-US", reduced_motion="reduce"
        )
        self.page = self.context.new_page()
        self.console: list[str] = []
        self.failed: list[str] = []
        self.external: list[str] = []
        self.page.on("console", lambda m: self.console.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.console.append(str(e)))
        self.page.on("requestfailed", self._note_failed)
        self.page.on("response", lambda r: self.failed.append(f"{r.url} {r.status}") if r.status >= 400 else None)
        self.page.on("request", self._note_external)

    def _note_failed(self, request: Any) -> None:
        """Older JupyterLabs take back the saving of the window's layout when it changes again: no failure."""
        if not ("/lab/api/workspaces/" in request.url and "ERR_ABORTED" in str(request.failure)):
            self.failed.append(f"{request.url} {request.failure}")

    def _note_external(self, request: Any) -> None:
        if not request.url.startswith((self.course.url, "data:", "blob:")):
            self.external.append(request.url)

    def open(self, address: str, timeout_s: float = 60) -> Lab:
        self.page.goto(address)
        self.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored", timeout=timeout_s * 1e3)
        self.page.evaluate("async () => { await window.jupyterapp.restored; }")
        return self

    def wait_for_kernel(self, timeout_s: float = 60) -> None:
        self.page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell", timeout=timeout_s * 1e3)
        self.page.wait_for_function(KERNEL_IDLE, timeout=timeout_s * 1e3)

    def command(self, name: str, arguments: dict | None = None) -> None:
        self.page.evaluate(
            "async ([c, a]) => { await window.jupyterapp.commands.execute(c, a || {}); }", [name, arguments]
        )

    def run_all(self, timeout_s: float = 180) -> None:
        """Run > Run All Cells, and wait until each has run."""
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(ALL_RUN, timeout=timeout_s * 1e3)

    def cell(self, i: int) -> Any:
        """Cell number i of the notebook in front."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").nth(i)

    def write(self, i: int, text: str) -> None:
        """Put the cursor into cell i and write this in place of what is there."""
        self.cell(i).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def run_cell(self, i: int, timeout_s: float = 30) -> Any:
        """Control+Enter in cell i; what it shows, once it has run."""
        before = self.page.evaluate(COUNT, i)
        self.cell(i).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        ran = f"([i, before]) => ({COUNT})(i) > before && ({ALL_RUN})()"
        self.page.wait_for_function(ran, arg=[i, before], timeout=timeout_s * 1e3)
        return self.cell(i).locator(".jp-Cell-outputArea")

    def errors(self) -> list[str]:
        return self.page.evaluate(ERRORS)

    def outputs(self) -> int:
        """How many code cells show something."""
        return self.page.evaluate(OUTPUTS)

    def path(self) -> str:
        """The path of the document in front."""
        return self.page.evaluate("""() => { const w = window.jupyterapp.shell.currentWidget;
            return w && w.context ? w.context.path : ''; }""")

    def wait_for_path(self, path: str, timeout_s: float = 20) -> None:
        self.page.wait_for_function(
            """path => { const w = window.jupyterapp.shell.currentWidget;
                return w && w.context && w.context.path === path; }""",
            arg=path,
            timeout=timeout_s * 1e3,
        )

    def leave(self) -> None:
        """An empty page, as if the window were closed, and the kernels ended. What that cuts short is no failure."""
        known = list(self.failed)
        self.page.goto("about:blank")
        self.failed[:] = known
        end_s = time.monotonic() + 5  # for the server to notice
        while time.monotonic() < end_s and any(kernel["connections"] for kernel in self.course.api("kernels")):
            time.sleep(0.05)
        for session in self.course.api("sessions"):
            with contextlib.suppress(OSError):
                self.course.api(f"sessions/{session['id']}", "DELETE")

    def troubles(self) -> dict[str, list[str]]:
        """Everything that must not happen, with what happened."""
        found = {"console": self.console, "failed requests": self.failed, "external requests": self.external}
        return {what: list(seen) for what, seen in found.items() if seen}

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        if kind:
            picture = self.shots / "failure.png"
            with contextlib.suppress(Exception):
                self.page.screenshot(path=picture)
                print(f"What the page looked like: {picture}\nTroubles: {self.troubles()}")
        with contextlib.suppress(Exception):
            self.leave()
        self.context.close()
