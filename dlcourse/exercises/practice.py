"""What exercises play a GPU with, as texts that go where an answer runs: a device, and a clock that it keeps waiting.

gpu = practice_gpu()             # a module: the make-believe device, and tools to look at it
x = gpu.put([[1.0, 2.0]])        # an array that lies on the device; nothing of this is counted
gpu.numbers(x), gpu.place(x), gpu.hidden(), gpu.tally()
"""

from __future__ import annotations

from types import ModuleType

from ..backends.fake import standalone
from .worker import module_of

__all__ = ["CLOCK", "GPU", "practice_clock", "practice_gpu"]

TOOLS = '''

def put(a):
    """An array of these numbers on the device. Not counted: it lies there before the answer begins."""
    return FakeArray(np.array(a))


def numbers(x):
    """The numbers, wherever they lie. Not counted."""
    if isinstance(x, (list, tuple)):
        return type(x)(numbers(i) for i in x)
    return x._a if isinstance(x, FakeArray) else x


def place(x):
    """Where an array lies: "device" or "host"; for the results of a function, a list."""
    return [_lies(i) for i in x] if isinstance(x, (list, tuple)) else _lies(x)


def _lies(x):
    away = any(isinstance(i, FakeArray) for i in (x if isinstance(x, (list, tuple)) else [x]))
    return "device" if away else "host"


def hidden():
    """What made numbers cross between host and device so far, each once, in the order of the alphabet."""
    crossings = {note.partition(" ")[2] for note in DEVICE.log if not note.startswith("launches")}
    return ", ".join(sorted(name.strip(".").replace("__", "") for name in crossings))


def tally():
    """[launches, copies to the device, waits for it] so far"""
    return [DEVICE.counts[kind] for kind in ("launches", "copies", "syncs")]
'''

CLOCK = '''
class Machine:
    """A device that is asked in no time and then works: call k takes works_s[k], the last number stands for the rest.

    f() asks, and returns at once; wait() lets the time pass until all work is done; clock() reads the time.
    """

    def __init__(self, asking_s, works_s):
        self.asking_s, self.works_s, self.calls, self.now, self.done = asking_s, list(works_s), 0, 0.0, 0.0

    def f(self):
        self.now += self.asking_s
        work_s = self.works_s[min(self.calls, len(self.works_s) - 1)]
        self.done, self.calls = max(self.now, self.done) + work_s, self.calls + 1

    def wait(self):
        self.now = max(self.now, self.done)

    def clock(self):
        return self.now
'''
GPU = standalone() + TOOLS


def practice_gpu() -> ModuleType:
    """A fresh make-believe GPU: CuPy's manners, NumPy's numbers, and a count of what crosses over."""
    return module_of(GPU)


def practice_clock() -> ModuleType:
    """A module with `Machine`: a device that works after it has been asked, and the clock beside it."""
    return module_of(CLOCK)
