#!/usr/bin/env python3
"""Open the course, or run its tests. Only Python is needed.

    python3 course.py               set up what is missing, then open the course in JupyterLab
    python3 course.py --no-browser  the same, and open no window: options alone are those of the command `lab`
    python3 course.py test          run the tests (further words go to pytest)
    python3 course.py doctor        look at this machine; likewise: reset NN, progress; COMMAND --help says more

Makes .venv beside this file (with uv where that is installed, else with venv and pip; about 440 MB), installs the
course into it and hands over to it. A broken, moved or outdated .venv is mended. Nothing but .venv is ever deleted;
your own work lies in work/. Outside this folder, downloaded data go to ~/.cache/dlcourse, and Jupyter, IPython,
matplotlib and the installer keep their usual small files and caches in your home folder.
"""
# This file must parse on any Python 3, to be able to say that one is too old: no f-strings, no annotations.

import sys

OLDEST = (3, 11)
if sys.version_info < OLDEST:
    sys.exit(
        "The course needs Python %d.%d or newer, and this is %s (%s). Install a newer one, then call this file with it,"
        " for example: python%d.%d course.py" % (OLDEST + (sys.version.split()[0], sys.executable) + OLDEST)
    )

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "dlcourse.json"
WHAT = {"": "NumPy, matplotlib, JupyterLab and the course", "test": "the tools for the tests"}
NO_VENV = (
    "This Python cannot make a virtual environment. On Debian or Ubuntu: sudo apt install python%d.%d-venv"
    " - then run the same command again." % sys.version_info[:2]
)
NO_NETWORK = ("name resolution", "Failed to establish a new connection", "dns error", "No matching distribution")


class SetupError(Exception):
    """The environment cannot be made; the message says why and what to do."""


def main(given):
    if given[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    testing = given[:1] == ["test"]
    if not testing:
        answered = check(given)
        if answered is not None:
            return answered
    try:
        prepare("test" if testing else "")
    except SetupError as error:
        print("course.py: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command takes it up again.", file=sys.stderr)
        return 130
    if testing:
        os.chdir(str(ROOT))
        return hand_over([PYTHON, "-m", "pytest"] + given[1:])
    return hand_over([PYTHON, "-P", "-m", "dlcourse"] + (given or ["lab"]))


def check(given):
    """What is wrong with the words shows before anything is installed: the exit code then, or None to go on."""
    if given[:1] == ["--version"]:  # that of what is installed
        return None
    sys.path.insert(0, str(ROOT))
    from dlcourse import cli  # it needs the standard library alone

    return cli.check(given, "python3 course.py", ["test"])


def hand_over(command):
    command = [str(word) for word in command]
    sys.stdout.flush()
    if os.name == "nt":  # there, exec returns to the shell at once
        return subprocess.call(command)
    os.execv(command[0], command)


# ---- is the environment as it should be?


def wanted():
    """What an up-to-date environment was made from, in this place and with this project file."""
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()


def read_stamp():
    try:
        found = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_stamp(content):
    draft = STAMP.with_name(STAMP.name + ".part")
    draft.write_text(json.dumps(content))
    os.replace(str(draft), str(STAMP))


def version():
    """The version of the Python in .venv, or "" where none starts."""
    ask = [str(PYTHON), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        said = subprocess.run(ask, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.decode().strip()


def fault(stamp, there):
    """Why the .venv that lies there has to be made anew, or "". A sound one that somebody else made is kept."""
    if not there:
        return "does not start"
    if tuple(map(int, there.split("."))) < OLDEST:
        return "holds Python %s, which is too old" % there
    if stamp and (stamp.get("making") or stamp.get("python") != there):
        return "was left half-made" if stamp.get("making") else "was made for Python %s" % stamp.get("python")
    if stamp and stamp.get("place") != str(ROOT):
        return "was made for another folder"
    return ""


def prepare(extra):
    """Leave with a .venv that has the course in it, and what `extra` names."""
    stamp, there = read_stamp(), version()
    if os.path.lexists(str(VENV)):
        why = fault(stamp, there)
        if not why:
            if stamp.get(extra) != wanted() or lost(extra):
                update(extra, stamp)
            if not lost(extra):
                return
            why = "has lost a part of its packages"
        print("The environment in .venv %s: it is made again." % why)
        remove()
    failures = []
    for tool in tools():
        try:
            make(tool)
            install(tool, extra)
            done(extra, {})
            return
        except SetupError as error:
            failures.append(str(error))
            remove()
    raise SetupError(failures[-1])


def lost(extra):
    """Is something gone that should be in .venv: deleted, or never finished by an installation that was cut off?"""
    names = ["dlcourse", "jupyterlab", "numpy", "matplotlib", "ipywidgets"]
    names += ["pytest", "hypothesis"] if extra else []
    ask = "import importlib.util as u, sys; sys.exit(not all(u.find_spec(name) for name in sys.argv[1:]))"
    return subprocess.call([str(PYTHON), "-c", ask] + names, cwd=str(VENV)) != 0


def update(extra, stamp):
    """Install into the .venv that lies there. Without a network, what was complete once goes on being used."""
    if stamp:  # cut off from here on, the next call sees that this was not finished
        write_stamp({name: value for name, value in stamp.items() if name not in ("", extra)})
    try:
        install(tools()[0], extra)
    except SetupError as error:
        usable = [str(PYTHON), "-c", "import dlcourse, jupyterlab" + (", pytest" if extra else "")]
        if not stamp.get(extra) or subprocess.call(usable):
            raise
        write_stamp(stamp)
        print("Going on with what is installed. (%s)" % error)
        return
    done(extra, stamp)


def done(extra, stamp):
    stamp.update({extra: wanted(), "": wanted(), "place": str(ROOT), "python": version()})
    write_stamp(stamp)


# ---- making it


def tools():
    uv = shutil.which("uv")
    return ([uv] if uv else []) + ["pip"]


def remove():
    try:
        if VENV.is_symlink() or VENV.is_file():
            VENV.unlink()
        elif VENV.exists():
            shutil.rmtree(str(VENV))
    except OSError as error:
        raise SetupError("The folder .venv cannot be removed (%s): delete it, then try again." % error) from None


def make(tool):
    base = getattr(sys, "_base_executable", None) or sys.executable
    if tool == "pip":
        run("Making .venv", [base, "-m", "venv", str(VENV)], NO_VENV)
    else:
        run("Making .venv", [tool, "venv", "--python", base, str(VENV)], "uv could not make .venv.")
    write_stamp({"making": True})


def install(tool, extra):
    what = str(ROOT) + ("[%s]" % extra if extra else "")
    if tool == "pip":
        if subprocess.call([str(PYTHON), "-c", "import pip"], stderr=subprocess.DEVNULL):
            run("Adding pip", [str(PYTHON), "-m", "ensurepip", "--upgrade"], NO_VENV)
        command, usual = [str(PYTHON), "-m", "pip", "install", "--no-input", "-e", what], "about a minute"
    else:
        command, usual = [tool, "pip", "install", "--python", str(PYTHON), "-e", what], "about 15 seconds"
    run("Installing %s (usually %s)" % (WHAT[extra], usual), command, "The installation failed.")


def run(saying, command, failure):
    """Run a step, with the seconds ticking for whoever watches; what it printed is shown if it fails."""
    environment = dict(os.environ, PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore")
    ticking, start = sys.stdout.isatty(), time.time()
    print(saying + " ...", end="" if ticking else "\n", flush=True)
    with tempfile.TemporaryFile() as log:
        try:
            step = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        except OSError as error:
            raise SetupError("%s (%s)" % (failure, error)) from error
        code = watch(step, saying, start, ticking)
        log.seek(0)
        text = log.read().decode("utf-8", "replace")
    words = "failed after" if code else "done in"
    print("%s ... %s %.0f s" % ("\r" + saying if ticking else " ", words, time.time() - start), flush=True)
    if code:
        print("\n".join("  | " + line for line in text.strip().splitlines()[-12:]), file=sys.stderr)
        cut_off = any(sign in text for sign in NO_NETWORK)
        raise SetupError(failure + (" There seems to be no way to PyPI: check the connection." if cut_off else ""))


def watch(step, saying, start, ticking):
    try:
        while True:
            try:
                return step.wait(timeout=1)
            except subprocess.TimeoutExpired:
                if ticking:
                    print("\r%s ... %.0f s" % (saying, time.time() - start), end="", flush=True)
    except BaseException:
        step.terminate()
        step.wait()
        raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
