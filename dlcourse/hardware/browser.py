"""Can a browser window open from here?"""

from __future__ import annotations

import os
import sys
import webbrowser

SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")


def find_browser() -> str:
    """The name of the browser that would open, or "". A text browser does not count: it would take the terminal."""
    if sys.platform.startswith("linux") and not any(os.environ.get(screen) for screen in SCREENS):
        return ""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return ""
    return str(getattr(found, "name", "") or type(found).__name__)
