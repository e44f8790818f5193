"""`LivePlot`: a picture that is redrawn in place while a learner moves a slider.

Still, it is `<figure><img alt src=data:>`, which survives reopening and export; while it moves, inline SVG, which does
not flicker. No plotting library takes part.
"""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Callable
from typing import Any

from .cards import Shown
from .notebook import shell
from .show import PAPER, picture

Frame = Callable[[], tuple[str, str]]  # -> (svg, alt)


class LivePlot:
    """frame: () -> (svg, alt), a pure function of what the sliders say.

    `show()` puts it on the page. `update()` redraws it, at most `fps` times a second; the last state is always drawn.
    When it has stood still for `settle_s` it becomes a still again, and is saved as such. Without an event loop (a
    notebook that is executed without a browser) every update is drawn at once, as a still.
    """

    def __init__(self, frame: Frame, *, fps: float = 20, settle_s: float = 0.6, width: int = 660):
        self.frame, self.wait_s, self.settle_s, self.width = frame, 1 / fps, settle_s, width
        self.handle: Any = None
        self.pending: Any = None
        self.settling: Any = None
        self.last_s = 0.0

    def show(self) -> LivePlot:
        """The still, where the cell's output goes; in a plain script, its description."""
        still = self.still()
        if shell() is None:
            print(still.text)
            return self
        from IPython.display import display

        self.handle = display(still, display_id=True)
        return self

    def update(self, *_: Any) -> None:
        """Redraw soon. Takes, and ignores, what `observe` hands over."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self._put(self.still())
        if self.pending is None:
            delay = max(0.0, self.last_s + self.wait_s - time.monotonic())
            self.pending = loop.call_later(delay, self._draw, loop)
        return None

    def _draw(self, loop: asyncio.AbstractEventLoop) -> None:
        self.pending, self.last_s = None, time.monotonic()
        svg, alt = self.frame()
        self._put(Shown(f'<figure role="img" aria-label="{html.escape(alt)}" style="{PAPER}">{svg}</figure>', alt))
        if self.settling is not None:
            self.settling.cancel()
        self.settling = loop.call_later(self.settle_s, lambda: self._put(self.still()))

    def still(self) -> Shown:
        """The frame as an image that carries its description."""
        svg, alt = self.frame()
        return picture("image/svg+xml", svg.encode(), alt, self.width)

    def _put(self, shown: Shown) -> None:
        if self.handle is not None:
            self.handle.update(shown)


def panel(plot: LivePlot, state: dict[str, Any], controls: dict[str, Any], columns: int = 2) -> None:
    """Controls above a LivePlot: `state` follows them, and the picture follows the state.

    controls: name in `state` -> an ipywidgets control with a description. In a plain script: the picture alone.
    """
    if controls and shell():
        import ipywidgets
        from IPython.display import display

        def changed(_: Any) -> None:
            state.update({name: control.value for name, control in controls.items()})
            plot.update()

        for control in controls.values():
            control.observe(changed, "value")
        many, each = list(controls.values()), -(-len(controls) // columns)
        boxes = [ipywidgets.VBox(many[i : i + each]) for i in range(0, len(many), each)]
        display(ipywidgets.HBox(boxes, layout=ipywidgets.Layout(flex_flow="row wrap", margin="4px 0")))
    plot.show()
