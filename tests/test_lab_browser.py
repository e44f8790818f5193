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

from dlcourse.lesson.places import opening
from dlcourse.lesson.start_page import write_start

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
        rows.get_by_role("link", name="00 Start here").click()
        lab.wait_for_path(FIRST)
        lab.wait_for_kernel()
        (course.work / START).write_text("# Anew\n")  # as the course does when an exercise is solved
        lab.page.get_by_role("tab", name=START).click()
        page.get_by_role("heading", name="Anew").wait_for()
        write_start(course.work)
        lab.page.get_by_role("tab", name=FIRST).click()
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


# ---------------------------------------------------------------- an exercise and a live picture
WRONG = "def unit(x, w, b, f):\n    return f(np.dot(w, x))\n\ncheck('01.1')"
RIGHT = WRONG.replace("np.dot(w, x)", "np.dot(w, x) + b")
NOT_PYTHON = WRONG.replace("w, x))", "w, x)")
LIVE = """import ipywidgets
from dlcourse.lesson.live import LivePlot, panel
state = {"r": 20, "fill": "blue"}
def frame():
    circle = f'<circle cx="50" cy="50" r="{state["r"]}" fill="{state["fill"]}"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="100">{circle}</svg>'
    return svg, f"A {state['fill']} circle of radius {state['r']}."
controls = {"r": ipywidgets.IntSlider(20, 10, 40, description="radius"),
            "fill": ipywidgets.Dropdown(options=["blue", "red"], description="colour")}
panel(LivePlot(frame), state, controls)"""
CONTRAST = """element => {
    const of = colour => { const p = document.createElement('canvas').getContext('2d');
        p.fillStyle = colour; p.fillRect(0, 0, 1, 1); return [...p.getImageData(0, 0, 1, 1).data]; };
    const over = (above, below, share) => above.slice(0, 3).map((v, i) => v * share + below[i] * (1 - share));
    const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    let share = 1, paper = null;
    for (let e = element; e && !paper; e = e.parentElement) {
        const [ground, style] = [of(getComputedStyle(e).backgroundColor), getComputedStyle(e)];
        if (ground[3] === 255) paper = ground; else share *= Number(style.opacity); }
    const ink = over(of(getComputedStyle(element).color), paper, share);
    const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
    return (a + .05) / (b + .05); }"""
FORMS = """() => { const seen = window.seen = [], output = document.querySelectorAll('.jp-Cell')[3];
    new MutationObserver(() => { const still = output.querySelector('figure img');
        seen.push(still ? still.alt : output.querySelector('figure[role=img] svg') ? 'drawn' : 'nothing'); })
        .observe(output, {childList: true, subtree: true}); }"""


@pytest.fixture
def scratch(lab, course, tmp_path):
    """A notebook like a lesson: a start, an exercise, a live picture; open, with its first cell run."""
    begin = "import numpy as np\nfrom dlcourse import check, start\nstart('01')"
    text = "# A text that is longer than a line\n\n" + "It goes on and on, as texts do. " * 20
    cells = [{"cell_type": "markdown", "id": "text", "metadata": {}, "source": text}] + [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": s, "outputs": [], "execution_count": None}
        for i, s in enumerate([begin, WRONG, LIVE])
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    notebook = course.work / f"{tmp_path.name}.ipynb"
    notebook.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
    with lab:
        lab.open(f"{course.url}lab/tree/{notebook.name}?reset&token={course.token}")
        lab.wait_for_kernel()
        lab.run_cell(1)
        yield lab
        assert lab.troubles() == {}


def test_text_is_not_too_wide_and_nothing_pops_up_while_typing(scratch):
    wide = "e => [e.offsetWidth / parseFloat(getComputedStyle(e).fontSize), e.parentElement.offsetWidth]"
    ems, room = scratch.cell(0).locator(".jp-RenderedMarkdown").evaluate(wide)
    assert ems == pytest.approx(48, abs=0.1) and room > 700
    popup = scratch.page.locator(".jp-Completer:visible")
    scratch.write(2, "")
    scratch.page.keyboard.type("np.ones_l", delay=60)
    scratch.page.wait_for_timeout(600)
    assert popup.count() == 0, "typing is left alone"
    scratch.page.keyboard.press("Tab")
    scratch.page.wait_for_function("""() => document.querySelector('.jp-Completer:not(.lm-mod-hidden)')
        || document.querySelectorAll('.jp-Cell')[2].textContent.includes('ones_like')""")


def test_an_exercise_from_a_wrong_answer_to_a_right_one(scratch):
    output = scratch.run_cell(2)
    assert "✗ 01.1 Not yet. The bias is missing: your answer is exactly f(w·x)." in output.inner_text()
    scratch.write(2, NOT_PYTHON)
    text = scratch.run_cell(2).inner_text()
    assert "✗ 01.1 Not yet. Line 2 of this cell is not Python yet" in text and "Traceback" not in text
    assert scratch.errors() == [] and output.locator("[data-mime-type*=stderr]").count() == 0
    assert "Hint 1 of 3" in text and "Hint 2" not in text, "a slip of the keyboard opens no hint"
    scratch.write(2, WRONG)
    scratch.run_cell(2)
    first, second = (output.get_by_text(f"Hint {n} of 3") for n in (1, 2))
    first.focus()
    unfolded = output.locator("details[open]")
    assert unfolded.count() == 0
    scratch.page.keyboard.press("Enter")
    unfolded.wait_for()
    assert "Two steps" in unfolded.inner_text()
    scratch.page.keyboard.press("Tab")
    assert second.evaluate("e => e === document.activeElement"), "Tab goes to the next one"
    scratch.write(2, RIGHT)
    assert "✓ 01.1 Correct. All 7 cases agree." in scratch.run_cell(2).inner_text()


def test_a_slider_moves_the_picture_by_keyboard_and_both_come_back(scratch):
    output = scratch.run_cell(3)
    picture, handle = output.locator("figure img"), output.locator("[role=slider]")
    handle.wait_for()
    scratch.page.wait_for_function("() => document.querySelector('[role=slider][aria-label=radius]')")
    assert output.locator("select").get_attribute("aria-label") == "colour"
    assert output.locator(".widget-readout").get_attribute("aria-label") == "radius"
    assert handle.get_attribute("aria-valuetext") == output.locator(".widget-readout").inner_text() == "20"
    before = picture.get_attribute("src")
    scratch.page.evaluate(FORMS)
    handle.focus()
    for key, radius in ("ArrowRight", 21), ("ArrowLeft", 20):
        scratch.page.keyboard.press(key)
        scratch.page.wait_for_function(f"() => window.seen.at(-1) === 'A blue circle of radius {radius}.'")
        assert (picture.get_attribute("src") == before) == (radius == 20)
    assert scratch.page.evaluate("() => window.seen.includes('drawn')"), "while it moves it is drawn in place"
    assert handle.evaluate("e => e === document.activeElement"), "and the slider keeps the keyboard"
    output.locator("select").select_option("red")
    scratch.page.wait_for_function("() => window.seen.at(-1) === 'A red circle of radius 20.'")
    scratch.page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.context.save(); }")
    address = scratch.page.url
    scratch.leave()
    scratch.open(address)
    scratch.wait_for_kernel()
    handle.wait_for()
    assert picture.get_attribute("alt") == "A red circle of radius 20.", "as it was left"
    assert "Error" not in output.inner_text() and output.locator("select").input_value() == "red"


def test_a_verdict_can_be_read_in_the_dark(scratch):
    output = scratch.run_cell(2)
    parts = output.locator("[role=group], strong, code, summary, [style*=opacity]")
    assert parts.count() > 8
    try:
        for theme in "JupyterLab Dark", "JupyterLab Light":
            scratch.command("apputils:change-theme", {"theme": theme})
            light = str(theme.endswith("Light")).lower()
            scratch.page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{light}'")
            scratch.page.wait_for_timeout(300)
            assert min(part.evaluate(CONTRAST) for part in parts.all()) >= 4.5
    finally:
        scratch.command("apputils:change-theme", {"theme": "JupyterLab Light"})


def test_the_kernel_is_the_python_of_the_course(course):
    (spec,) = course.api("kernelspecs")["kernelspecs"].values()
    assert spec["spec"]["argv"][0] == "python" and spec["resources"] == {}, "ours, which runs the server's own Python"


def test_ctrl_c_stops_it_and_says_where_the_work_lies(course, monkeypatch):
    """Last: it ends the course that the others used."""
    monkeypatch.setenv("DLCOURSE_WORK", str(course.work))
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
