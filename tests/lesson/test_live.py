"""`LivePlot` and `panel`: still at first, drawn in place while it moves, still again; and the last state is shown."""

import asyncio
import subprocess
import sys

import ipywidgets
import pytest

from dlcourse.lesson.live import LivePlot, panel


class Handle:
    """Stands for what `display(display_id=True)` gives."""

    def __init__(self):
        self.shown = []

    def update(self, shown):
        self.shown.append(shown)


@pytest.fixture
def state():
    return {"r": 1}


@pytest.fixture
def plot(state):
    made = LivePlot(lambda: (f"<svg>{state['r']}</svg>", f'Radius {state["r"]}, "r" < 100.'), fps=50, settle_s=0.1)
    made.handle = Handle()
    return made


def is_still(shown) -> bool:
    return '<img alt="Radius' in shown.markup and "data:image/svg+xml;base64," in shown.markup


def test_without_an_event_loop_each_state_is_a_still(plot, state):
    for r in (1, 2):
        state["r"] = r
        plot.update()
    assert [s.text for s in plot.handle.shown] == ['Radius 1, "r" < 100.', 'Radius 2, "r" < 100.']
    assert all(map(is_still, plot.handle.shown))


def test_while_it_moves_few_are_drawn_and_the_last_is_there(plot, state):
    async def move():
        for r in range(1, 41):
            state["r"] = r
            plot.update()
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.3)

    asyncio.run(move())
    *drawn, still = plot.handle.shown
    assert 2 <= len(drawn) <= 20 and not any(map(is_still, drawn)), "50 a second"
    assert "<svg>40</svg>" in drawn[-1].markup and drawn[-1].text == still.text == 'Radius 40, "r" < 100.'
    assert is_still(still), "it has settled"


def test_descriptions_are_escaped(plot):
    async def move():
        plot.update()
        await asyncio.sleep(0.05)

    asyncio.run(move())
    assert 'role="img" aria-label="Radius 1, &quot;r&quot; &lt; 100."' in plot.handle.shown[0].markup
    assert "&quot;r&quot; &lt; 100" in plot.still().markup


def test_a_frame_that_fails_once_does_not_end_the_plot(plot, state):
    async def move():
        failures = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: failures.append(what["exception"]))
        right = state.pop("r")
        plot.update()
        await asyncio.sleep(0.05)
        state["r"] = right
        plot.update()
        await asyncio.sleep(0.3)
        return failures

    assert [type(f) for f in asyncio.run(move())] == [KeyError]
    assert is_still(plot.handle.shown[-1])


def test_controls_drive_the_state_and_the_state_the_picture(notebook, plot, state):
    slider = ipywidgets.IntSlider(1, 0, 9, description="radius")
    panel(plot, state, {"r": slider})
    kinds = [set(shown["data"]) for shown in notebook.publisher.outputs]
    assert "application/vnd.jupyter.widget-view+json" in kinds[-2] and "text/html" in kinds[-1]
    plot.handle = Handle()
    slider.value = 7
    assert state == {"r": 7} and plot.handle.shown[-1].text == 'Radius 7, "r" < 100.'


def test_in_a_script_the_description_is_printed():
    code = "from dlcourse.lesson.live import LivePlot, panel\nimport ipywidgets\n"
    code += "panel(LivePlot(lambda: ('<svg/>', 'A circle.')), {}, {'r': ipywidgets.IntSlider(description='r')})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "A circle.\n" and done.stderr == ""
