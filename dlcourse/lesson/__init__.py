"""What a notebook talks to."""

from .cards import say
from .show import show
from .start import start

__all__ = ["say", "show", "start"]
