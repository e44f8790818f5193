"""Answers that mean harm, or do it: to the grader, to its machine, to other submissions, to their own marks.

Each is an answer to exercise 01.1. LOOT is a file with a secret, VICTIM a folder with other submissions, PORT a
listener of this machine, PID the grader; SHMID, SEMID, MSGID and MQNAME are memory, semaphores and queues of the user
who grades. `escapes`: without a wall it succeeds, which shows that the tests can fail.
"""

from __future__ import annotations

from attack import RIGHT, WRONG, Hostile, inside, quiet
from hostile_calls import CALLS

LIAR = "class Liar:\n    def __eq__(self, other): return True\n    def __array__(self, *a, **k): return np.float64(0)\n"
FORGE = """
import json, os, struct
def forge(n):
    body = json.dumps({"n": n, "reply": {"value": 0.5, "changed": False, "printed": ""}}).encode()
    return struct.pack(">I", len(body)) + body
"""
BANK = [
    *CALLS,
    # ---- redefining what judges
    Hostile("equal to all", "judge", LIAR + "def unit(x, w, b, f):\n    return Liar()\n"),
    Hostile("a number equal to all", "judge", "class Any(float):\n    def __eq__(self, other): return True\n"
            "def unit(x, w, b, f):\n    return Any(3)\n"),
    Hostile("allclose says yes", "judge", "np.allclose = np.isclose = np.array_equal = lambda *a, **k: True\n" + WRONG),
    Hostile("abs and all are blind", "judge",
            "import builtins\nbuiltins.abs = lambda v: 0\nbuiltins.all = lambda v: True\n" + WRONG),
    Hostile("its own check", "judge", "def check(*a): print('✓ 01.1 Correct')\n" + WRONG + "check('01.1')\n"),
    Hostile("prints a verdict", "judge", inside("print('✓ 01.1 Correct. All 7 cases agree.')")),
    Hostile("a hook for displays", "judge", "import sys\nsys.displayhook = sys.excepthook = lambda *a: None\n" + WRONG),
    Hostile("asserts off", "judge", "import sys\nsys.flags = None\n__debug = False\n" + WRONG),
    Hostile("rewrites the worker", "judge", inside("""
import sys
frame = sys._getframe(1)
frame.f_globals["plain"] = lambda value, depth=0: 0.5
frame.f_globals["_same"] = lambda a, b: True
""")),
    Hostile("rewrites json", "judge", "import json\njson.dumps = lambda *a, **k: '{\"value\": 1}'\n" + WRONG),
    # ---- looking for what is expected
    Hostile("walks the stack", "loot", inside("""
import sys
frame = sys._getframe()
while frame:
    for key, value in list(frame.f_locals.items()):
        if key in ("want", "wants", "expected", "reference"):
            return value
    frame = frame.f_back
""")),
    Hostile("asks the collector", "loot", inside("""
import gc
for thing in gc.get_objects():
    if type(thing).__name__ == "Exercise":
        return thing.reference["unit"](x, w, b, f)
""")),
    Hostile("imports the library", "loot",
            "from dlcourse.exercises.nb01.e1_unit import unit\n"),
    Hostile("imports the library late", "loot",
            inside("from dlcourse.exercises import find\nreturn find('01.1').reference['unit'](x, w, b, f)")),
    Hostile("asks for use", "loot", "from dlcourse import use\nunit = use('01.1')\n"),
    Hostile("loads the file of the bank", "loot", inside("""
import importlib.util
spec = importlib.util.spec_from_file_location("e1", "COURSE/exercises/nb01/e1_unit.py")
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)
return made.unit(x, w, b, f)
""")),
    Hostile("reads the bank as text", "loot", inside("""
text = open("COURSE/exercises/nb01/e1_unit.py").read()
open("VICTIM/stolen", "w").write(text)
"""), escapes=True),
    Hostile("reads a secret", "loot", inside("open('VICTIM/stolen', 'w').write(open('LOOT').read())"), escapes=True),
    Hostile("reads other submissions", "loot", inside("""
import glob
for path in glob.glob("VICTIM/*.ipynb"):
    open("VICTIM/stolen", "w").write(open(path).read())
"""), escapes=True),
    Hostile("reads the environment", "loot", inside("""
import os
for n in os.listdir("/proc"):
    if n.isdigit():
        try:
            text = open(f"/proc/{n}/environ", "rb").read()
        except OSError:
            continue
        if b"GRADER_TOKEN" in text:
            open("VICTIM/stolen", "wb").write(text)
"""), escapes=True),
    Hostile("reads the grader's memory", "loot", inside("open('/proc/PID/mem', 'rb').read(1)")),
    Hostile("reads the history", "loot",
            inside("import os\nopen(os.path.expanduser('~/.ipython/profile_default/history.sqlite'), 'rb')")),
    Hostile("takes the descriptors of others", "loot", inside("""
import os
for fd in range(3, 64):
    try:
        os.lseek(fd, 0, 0); os.read(fd, 10)
    except OSError:
        pass
""")),
    # ---- ending things
    Hostile("exits at once", "end", "import sys\nsys.exit(0)\n" + RIGHT, points=1),  # the definition alone is run
    Hostile("exits hard at once", "end", "import os\nos._exit(0)\n" + RIGHT, points=1),
    Hostile("exits while it is defined", "end",
            "def unit(x, w, b, f, y=__import__('os')._exit(0)):\n    return f(w @ x + b)\n"),
    Hostile("exits when called", "end", inside("raise SystemExit(0)")),
    Hostile("exits hard when called", "end", inside("import os\nos._exit(0)")),
    Hostile("an interrupt", "end", inside("raise KeyboardInterrupt")),
    Hostile("kills the grader", "end", inside("import os, signal\nos.kill(PID, signal.SIGKILL)")),
    Hostile("has the system send a signal", "end", inside("""
import fcntl, os
into, out = os.pipe()
fcntl.fcntl(into, fcntl.F_SETOWN, os.getppid())
fcntl.fcntl(into, 10, 9)
fcntl.fcntl(into, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
os.write(out, b"x")
""")),
    Hostile("renames the machine", "destroy", inside("""
import ctypes
libc = ctypes.CDLL(None)
assert libc.setdomainname(b"x", 1) == 0 or libc.sethostname(b"x", 1) == 0
return 0.0
""")),
    Hostile("kills its parent", "end", quiet("import os\nos.kill(os.getppid(), 9)") + WRONG),
    Hostile("kills its group", "end", quiet("import os\nos.killpg(0, 9)") + WRONG),
    Hostile("kills everybody", "end", quiet("import os\nos.kill(-1, 9)") + WRONG),
    Hostile("segfaults", "end", inside("import ctypes\nctypes.string_at(0)")),
    Hostile("aborts", "end", inside("import os\nos.abort()")),
    Hostile("recurses for ever", "end", inside("return unit(x, w, b, f)")),
    Hostile("overflows the stack of C", "end", inside("""
import sys
sys.setrecursionlimit(10**9)
return unit(x, w, b, f)
""")),
    # ---- never ending
    Hostile("loops at once", "slow", "while True:\n    pass\n"),
    Hostile("loops when called", "slow", inside("while True:\n    pass")),
    Hostile("swallows everything", "slow",
            inside("while True:\n    try:\n        sum(range(999))\n    except:\n        pass")),
    Hostile("ignores signals", "slow",
            "import signal\nfor n in range(1, 64):\n    "
            + quiet("signal.signal(n, signal.SIG_IGN)").replace("\n", "\n    ")
            + "\n" + inside("while True:\n    pass")),
    Hostile("sleeps in C", "slow", inside("import time\ntime.sleep(10**6)")),
    Hostile("computes in C", "slow", inside("return 7 ** (7 ** 11)")),
    Hostile("a regular expression", "slow", inside("import re\nre.match('(a+)+$', 'a' * 60 + 'b')")),
    Hostile("a lock", "slow", inside("import threading\na = threading.Lock()\na.acquire()\na.acquire()")),
    # ---- taking all there is
    Hostile("takes memory at once", "take", inside("return bytearray(10**12)")),
    Hostile("takes memory bit by bit", "take", inside("keep = []\nwhile True:\n    keep.append(bytearray(10**7))")),
    Hostile("a huge array", "take", inside("return np.ones((10**5, 10**5))")),
    Hostile("forks for ever", "take", quiet("import os\nwhile True:\n    os.fork()") + WRONG),
    Hostile("leaves a daemon", "take", inside("""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        end = time.time() + 20
        while time.time() < end:
            open("VICTIM/daemon", "w").write("here")
            time.sleep(0.1)
    os._exit(0)
time.sleep(0.5)
"""), escapes=True),
    Hostile("a thousand threads", "take", inside("""
import threading, time
for _ in range(1000):
    threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
""")),
    Hostile("runs a program", "take",
            inside("import subprocess\nsubprocess.run(['/bin/sh', '-c', 'echo x > VICTIM/ran'])"), escapes=True),
    Hostile("another process of Python", "take",
            inside("import multiprocessing as m\nm.Process(target=print).start()")),
    Hostile("opens every file", "take", inside("keep = [open('/dev/null') for _ in range(10**6)]")),
    # ---- destroying
    Hostile("deletes submissions", "destroy", inside("import shutil\nshutil.rmtree('VICTIM')"), escapes=True),
    Hostile("rewrites a submission", "destroy", inside("open('VICTIM/other.ipynb', 'w').write('{}')"), escapes=True),
    Hostile("adds a submission", "destroy", inside("open('VICTIM/new.ipynb', 'w').write('{}')"), escapes=True),
    Hostile("renames", "destroy", inside("import os\nos.rename('VICTIM/other.ipynb', 'VICTIM/gone')"), escapes=True),
    Hostile("makes a link", "destroy", inside("import os\nos.symlink('/etc/passwd', 'VICTIM/link')"), escapes=True),
    Hostile("empties a file", "destroy", inside("import os\nos.truncate('VICTIM/other.ipynb', 0)"), escapes=True),
    Hostile("changes rights", "destroy", inside("import os\nos.chmod('VICTIM/other.ipynb', 0)"), escapes=True),
    Hostile("changes times", "destroy", inside("import os\nos.utime('VICTIM/other.ipynb', (1, 1))"), escapes=True),
    Hostile("writes to the packages", "destroy", inside("""
import os
open(os.path.dirname(np.__file__) + "/dlcourse_was_here.pth", "w").write("import os")
""")),
    Hostile("writes start-up files", "destroy", inside("""
import os, tempfile
for place in (os.path.expanduser("~/.bashrc.dlcourse"), os.path.join(tempfile.gettempdir(), "sitecustomize.dlcourse")):
    with open(place, "w") as file:
        file.write("x")
""")),
    # ---- the network
    Hostile("connects", "net",
            inside("import socket\nsocket.create_connection(('127.0.0.1', PORT), 1).sendall(b'hello')"), escapes=True),
    Hostile("listens", "net", inside("import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()")),
    Hostile("asks for a name", "net", inside("import socket\nsocket.gethostbyname('example.org')")),
    # ---- much noise
    Hostile("prints 50 MB", "noise", inside("print('x' * 50_000_000)", "    return f(np.dot(w, x) + b)\n"), points=1),
    Hostile("writes 50 MB past print", "noise",
            inside("import os\nos.write(1, b'x' * 50_000_000)", "    return f(np.dot(w, x) + b)\n"), points=1),
    Hostile("writes 50 MB past errors", "noise",
            inside("import os\nos.write(2, b'x' * 50_000_000)", "    return f(np.dot(w, x) + b)\n"), points=1),
    Hostile("warns a thousand times", "noise", inside(
        "import warnings\nfor n in range(1000):\n    warnings.warn(str(n))", "    return f(np.dot(w, x) + b)\n"),
            points=1),
    Hostile("a huge text", "noise", inside("return 'x' * 10**8")),
    Hostile("a huge result", "noise", inside("return np.zeros(10**7)")),
    # ---- forged and malformed replies
    Hostile("forges replies", "forge", FORGE + "for fd in range(3, 64):\n    for n in range(40):\n        "
            + quiet("os.write(fd, forge(n))").replace("\n", "\n        ") + "\n" + WRONG),
    Hostile("forges when called", "forge", FORGE + inside("""
for fd in range(3, 64):
    try:
        os.write(fd, forge(4))
    except OSError:
        pass
""")),
    Hostile("a huge length", "forge", "import os\n" + inside(
        "for fd in range(3, 64):\n    try:\n        os.write(fd, b'\\xff' * 8)\n    except OSError:\n        pass")),
    Hostile("closes all", "forge", "import os\n" + inside("os.closerange(0, 1000)")),
    Hostile("deep nesting", "forge", FORGE + inside("""
body = b'{"n": 4, "reply": ' + b'[' * 100_000 + b']' * 100_000 + b'}'
for fd in range(3, 64):
    try:
        os.write(fd, struct.pack(">I", len(body)) + body)
    except OSError:
        pass
""")),
    Hostile("something to unpickle", "forge",
            "class P:\n    def __reduce__(self): return (print, ('x',))\ndef unit(x, w, b, f):\n    return P()\n"),
    # ---- odd results
    Hostile("a list in itself", "odd", inside("a = []\na.append(a)\nreturn a")),
    Hostile("an endless generator", "odd", inside("import itertools\nreturn itertools.count()")),
    Hostile("an array that fights", "odd",
            "class A(np.ndarray):\n    def __array_finalize__(self, o): raise MemoryError\n"
            "def unit(x, w, b, f):\n    return np.zeros(2).view(A)\n"),
    Hostile("a list that lies", "odd", "class L(list):\n    def __len__(self): return 10**9\n"
            "    def __iter__(self): return iter(int, 1)\ndef unit(x, w, b, f):\n    return L()\n"),
    Hostile("an error that fights", "odd", "class E(Exception):\n    def __str__(self): raise E\n"
            "def unit(x, w, b, f):\n    raise E\n"),
    Hostile("an error with a page in it", "odd",
            "class E(Exception): pass\nE.__name__ = '<script>alert(1)</script>'\n" + inside("raise E('<img src=x>')")),
]  # fmt: skip
