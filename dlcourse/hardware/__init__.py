"""What this machine has: is all there that the course needs, and what mends it where it is not."""

from .browser import find_browser
from .doctor import examine, table
from .mend import install

__all__ = ["examine", "find_browser", "install", "table"]
