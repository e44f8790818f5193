"""What a notebook talks to."""

from .cards import say
from .check import check, hint, progress, solution
from .live import LivePlot
from .predictions import compare, predict
from .recorded import recorded
from .show import show
from .start import start
from .use import use

__all__ = [
    "LivePlot",
    "check",
    "compare",
    "hint",
    "predict",
    "progress",
    "recorded",
    "say",
    "show",
    "solution",
    "start",
    "use",
]
