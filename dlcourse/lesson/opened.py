"""A notebook as JupyterLab has it once it is open, so that looking at a lesson changes nothing in it."""

from __future__ import annotations

import json
import sys

BARE = {"name": "python"}


def language_info() -> dict[str, object]:
    """What the kernel of this Python says of its language; JupyterLab writes it into each notebook that it opens."""
    major = sys.version_info[0]
    return {
        "codemirror_mode": {"name": "ipython", "version": major},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": f"ipython{major}",
        "version": sys.version.split()[0],
    }


def as_opened(data: bytes) -> bytes:
    """A delivered notebook with the kernel's words in its metadata; anything else as it is."""
    try:
        notebook = json.loads(data)
        if notebook["metadata"]["language_info"] != BARE:
            return data
    except (ValueError, KeyError, TypeError):
        return data
    notebook["metadata"]["language_info"] = language_info()
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()
