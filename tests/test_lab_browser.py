"""`dlcourse lab` in a real browser, as a learner meets it: one server and one Chromium for all of it.

Skipped where there is no Chromium; with DLCOURSE_REQUIRE_BROWSER=1, as in CI, that is a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from labdriver import REPO, Course, Lab, chromium, find_chromium

from dlcourse.lesson.work import opening

FIRST, START = "00_start_here.ipynb", "START.md"
DIRTY = "() => window.jupyterapp.shell.currentWidget.context.model.dirty"


@pytest.fixture(scope="module")
def browser():
    if not find_chromium():
        needs = "needs Chromium (Debian: apt-get install chromium), and none was found"
        pytest.fail(needs) if os.environ.get("DLCOURSE_REQUIRE_BROWSER") else pytest.skip(needs)
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def course(browser, tmp_path_factory):
    """The course, opened for the first time in a new home."""
    home = tmp_path_factory.mktemp("home")
    with Course(home, tmp_path_factory.mktemp("learner") / "work") as started:
        yield started


@pytest.fixture
def lab(browser, course, tmp_path):
    return Lab(browser, course, tmp_path)


def delivered() -> list[dict]:
    return json.loads((REPO / "notebooks" / FIRST).read_text(encoding="utf-8"))["cells"]


def test_the_first_start_opens_the_first_lesson_and_it_runs(lab, course):
    assert course.address.startswith(f"{course.url}lab/tree/{FIRST}?token=")
    with lab:
        lab.open(course.address)
        lab.wait_for_path(FIRST)
        lab.wait_for_kernel()
        assert lab.page.get_by_title("Notebook trusted").count() == 1, "no warning of the course's own lesson"
        assert not lab.page.evaluate(DIRTY), "looking at a lesson changes nothing in it"
        lab.run_all()
        assert lab.errors() == []
        assert lab.outputs() >= sum(cell["cell_type"] == "code" for cell in delivered()) // 2
        assert lab.page.locator(".jp-RenderedHTMLCommon img[alt]:visible").count() > 0, "a figure with its text"
        assert lab.page.locator(".Toastify__toast").count() == 0, "no news, no updates"
        assert lab.troubles() == {}


def test_a_second_call_joins_the_running_course_and_shows_the_start_page(lab, course):
    ran = course.again()
    assert ran.returncode == 0 and ran.stderr == "" and "open already" in ran.stdout
    address = next(line.strip() for line in ran.stdout.splitlines() if "token=" in line)
    assert address == f"{course.url}lab/tree/{START}?token={course.token}"
    with lab:
        lab.open(address)
        lab.wait_for_path(START)
        page = lab.page.locator(".jp-MarkdownViewer .jp-RenderedMarkdown")
        rows = page.locator("tbody tr")
        rows.first.wait_for()
        assert [t[:2] for t in rows.locator("td:first-child").all_inner_texts() if t[:2].isdigit()] == [
            f"{n:02}" for n in range(18)
        ]
        page.get_by_role("link", name="00 Start here").click()
        lab.wait_for_path(FIRST)
        lab.wait_for_kernel()
        assert lab.troubles() == {}


def test_what_is_written_is_kept_and_reset_backs_it_up(lab, course):
    mine = "print('written by a learner')"
    with lab:
        lab.open(f"{course.url}lab/tree/{FIRST}?token={course.token}")
        lab.wait_for_kernel()
        lab.page.evaluate(
            """async text => { const panel = window.jupyterapp.shell.currentWidget;
                panel.content.widgets.find(c => c.model.type === 'code').model.sharedModel.setSource(text);
                await panel.context.save(); }""",
            mine,
        )
        assert mine in (course.work / FIRST).read_text(encoding="utf-8")
        course.again()
        assert mine in (course.work / FIRST).read_text(encoding="utf-8"), "opening the course again changes nothing"
        reset = [sys.executable, "-m", "dlcourse", "reset", "00"]
        subprocess.run(reset, cwd=REPO, env=course.environment, check=True, capture_output=True)
        (backup,) = (course.work / ".dlcourse" / "backup").iterdir()
        assert mine in backup.read_text(encoding="utf-8")
        lab.page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.context.revert(); }")
        text = lab.page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.content.widgets
                .find(c => c.model.type === 'code').model.sharedModel.getSource()"""
        )
        first = next(cell for cell in delivered() if cell["cell_type"] == "code")
        assert text == "".join(first["source"])
        assert lab.troubles() == {}


def default(lab: Lab, plugin: str, name: str):
    """The value of a setting where the user has set none."""
    settings = lab.page.evaluate(
        """async ([url, token]) => (await fetch(url, {headers: {Authorization: `token ${token}`}})).json()""",
        [f"{lab.course.url}lab/api/settings/{plugin}", lab.course.token],
    )
    return settings["schema"]["properties"][name]["default"]


def test_the_settings_of_the_course(lab, course):
    with lab:
        lab.open(course.address)
        lab.wait_for_kernel()
        assert default(lab, "@jupyterlab/apputils-extension:notification", "fetchNews") == "false"
        assert default(lab, "@jupyterlab/apputils-extension:notification", "checkForUpdates") is False
        assert default(lab, "@jupyterlab/completer-extension:manager", "autoCompletion") is False
        assert default(lab, "@jupyterlab/docmanager-extension:plugin", "autosaveInterval") == 30
        assert default(lab, "@jupyter-widgets/jupyterlab-manager:plugin", "saveState") is True


def test_the_kernel_is_the_python_of_the_course(course):
    (spec,) = course.api("kernelspecs")["kernelspecs"].values()
    assert spec["spec"]["argv"][0] == "python" and spec["resources"] == {}, "ours, which runs the server's own Python"


def test_ctrl_c_stops_it_and_says_where_the_work_lies(course):
    """Last: it ends the course that the others used."""
    assert course.stop() == 0
    assert course.left_over() == [], "no kernel is left"
    assert [line for line in course.lines if line] == [
        "The course is open at",
        f"  {course.address}",
        "Open that address in a browser. Ctrl-C here stops it.",
        f"Stopped. Your work lies in {course.work}",
        f"Open it again with: {opening()}",
    ], "and nothing else: the log is quiet"
    assert not (course.work / ".dlcourse" / "server.json").exists()
