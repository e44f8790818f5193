"""What exercises play a GPU with, as texts that go where an answer runs: a device, and a clock that it keeps waiting.

gpu = practice_gpu()             # a module: the make-believe device, and tools to look at it
x = gpu.put([[1.0, 2.0]])        # an array that lies on the device; nothing of this is counted
gpu.numbers(x), gpu.place(x), gpu.hidden(), gpu.tally()
"""

from __future__ import annotations

from types import ModuleType

from ..backends.fake import standalone
from .worker import module_of

__all__ = ["CLOCK", "GPU", "in_words", "practice_clock", "practice_gpu"]

TOOLS = '''

def put(a):
    """An array of these numbers on the device. Not counted: it lies there before the answer begins."""
    return FakeArray(np.array(a))


def numbers(x):
    """The numbers, wherever they lie. Not counted."""
    if isinstance(x, (list, tuple)):
        return type(x)(numbers(i) for i in x)
    return x._a if isinstance(x, FakeArray) else x


def asnumpy(x):
    """As CuPy has it: an array on the host, fetched if it lies on the device."""
    if isinstance(x, FakeArray):
        DEVICE.sync("asnumpy")
        return x._a.copy()
    return np.asarray(x)


xp.asnumpy = asnumpy


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


def crossings():
    """What made numbers cross over so far -> [how often, how often of these since the last launch]"""
    found = {}
    for note in DEVICE.log:
        kind, _, name = note.partition(" ")
        if kind == "launches":
            found = {name: [n, 0] for name, (n, _) in found.items()}
        else:
            n, late = found.get(name.strip(".").replace("__", ""), (0, 0))
            found[name.strip(".").replace("__", "")] = [n + 1, late + 1]
    return found


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
        self.looks = 0

    def f(self):
        self.now += self.asking_s
        work_s = self.works_s[min(self.calls, len(self.works_s) - 1)]
        self.done, self.calls = max(self.now, self.done) + work_s, self.calls + 1

    def seen(self):
        """[calls of f, looks at the clock] so far"""
        return [self.calls, self.looks]

    def wait(self):
        self.now = max(self.now, self.done)

    def clock(self):
        self.looks += 1
        return self.now
'''
GPU = standalone() + TOOLS

FETCHES = "`{}` fetches a number, and the host waits"
WORDS = {  # what happened, as `hidden` and `crossings` call it -> what was written
    "bool()": "an `if` asks the device, as `while`, `and`, `assert` and Python's `max` do, and the host waits",
    "get()": "`.get()` fetches an array, and the host waits",
    "tolist()": "`.tolist()` fetches an array, and the host waits",
    "item()": FETCHES.format(".item()"),
    **{f"{name}()": FETCHES.format(f"{name}()") for name in ("int", "complex")},
    "float()": "`float()`, or an array of NumPy that takes it, fetches a number, and the host waits",
    "asnumpy": "`xp.asnumpy` fetches an array, and the host waits",
    **{f"{name}()": "`print` or an f-string fetches what it shows, and the host waits" for name in ("str", "format")},
    "repr()": "`print` of a list, or `repr`, fetches what it shows, and the host waits",
    "array": "`xp.array` copies numbers of the host",
    "asarray": "`xp.asarray` copies numbers of the host",
    "x[array from the host]": "an index that the host made, a list or an array of NumPy, is copied",
    "x[array] = values from the host": "a list or an array of NumPy that is put into places is copied",
    "set()": "`.set()` copies numbers of the host",
    **{
        name: f"`xp.{name}` of more than 8 arrays copies a table of where they lie" for name in ("stack", "concatenate")
    },
    "x[boolean mask]": "an index of True and False makes the host wait, to learn how many are True",
}


def in_words(name: str) -> str:
    """What made numbers cross over, in words that its author knows it by."""
    return WORDS.get(name, f"`{name}` makes the host wait, or copies from it")


def practice_gpu() -> ModuleType:
    """A fresh make-believe GPU: CuPy's manners, NumPy's numbers, and a count of what crosses over."""
    return module_of(GPU)


def practice_clock() -> ModuleType:
    """A module with `Machine`: a device that works after it has been asked, and the clock beside it."""
    return module_of(CLOCK)
