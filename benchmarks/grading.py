"""How fast a class is graded: submissions a minute, one submission from cold, an endless loop, memory.

    python benchmarks/grading.py [--submissions 400] [--layer bubblewrap] [--record]

Notebook 01 with its five exercises, solved, wrong and open in turn. Where nbgrader or otter-grader can be imported, the
same notebook is graded by them in the same run; what is not installed is named. --record writes benchmarks/records/.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from dlcourse import __version__
from dlcourse.exercises import exercises
from dlcourse.grading import wall
from dlcourse.grading.start import Zygote
from dlcourse.hardware.machine import cores, processor_name

ROOT = Path(__file__).resolve().parents[1]
LESSON, FLOOR, COLD_S, LOOP_S, PARENT_MB = "01", 500, 0.2, 7.0, 100
LOOP = "def unit(x, w, b, f):\n    while True:\n        pass\n"


def notebook(answers: dict[str, str]) -> str:
    """A notebook with these answers, as they are handed in."""
    cells = [
        {"cell_type": "code", "id": id.replace(".", "-"), "metadata": {"dlcourse": {"exercise": id}}, "outputs": [],
         "execution_count": None, "source": f"{source}\n\ncheck({id!r})"} for id, source in answers.items()
    ]  # fmt: skip
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def kinds() -> list[str]:
    """A solved, a wrong and an open notebook."""
    there = exercises(LESSON)
    right = {id: ex.solution for id, ex in there.items()}
    wrong = right | {"01.1": "def unit(x, w, b, f):\n    return f(np.dot(w, x))"}
    return [notebook(right), notebook(wrong), notebook({id: f"{ex.defines[0]} = ..." for id, ex in there.items()})]


def run(folder: Path, out: Path, layer: str, workers: int) -> tuple[float, float]:
    """Grade a folder in a process of its own -> seconds, and the parent's peak memory in MB."""
    program = [sys.executable, "-m", "dlcourse", "grade", str(folder), "--to", str(out), "--seed", "1"]
    program += ["-j", str(workers), "--layer", layer]
    watch = (
        f"import resource, runpy, sys; sys.argv = {program[2:]!r}; code = 0\ntry:\n    runpy.run_module('dlcourse', "
    )
    watch += "run_name='__main__')\nexcept SystemExit as end:\n    code = end.code\n"
    watch += "print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\nsys.exit(code)"
    began_s = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", watch], cwd=ROOT, capture_output=True, text=True)
    took_s = time.perf_counter() - began_s
    if done.returncode:
        raise SystemExit(done.stderr)
    return took_s, float(done.stdout.split("PEAK")[1])


def measure(layer: str, submissions: int) -> dict:
    """All figures of our own grader."""
    with tempfile.TemporaryDirectory() as place:
        top, many = Path(place), Path(place) / "many"
        many.mkdir()
        for n in range(submissions):
            (many / f"learner{n:04}_01_one_unit.ipynb").write_text(kinds()[n % 3])
        took_s, peak = run(many, top / "out", layer, cores())
        (top / "one").mkdir()
        (top / "one" / "a_01_one_unit.ipynb").write_text(kinds()[0])
        cold = [run(top / "one", top / f"one{n}", layer, 1)[0] for n in range(5)]
        start = [_seconds(lambda: subprocess.run([sys.executable, "-c", "import numpy"])) for _ in range(5)]
        (top / "loop").mkdir()
        (top / "loop" / "a_01_one_unit.ipynb").write_text(notebook({"01.1": LOOP}))
        loop = [run(top / "loop", top / f"loop{n}", layer, 1)[0] for n in range(3)]
        return {
            "submissions": submissions, "seconds": took_s, "submissions_a_minute": 60 * submissions / took_s,
            "command_for_one_s": {"median": statistics.median(cold), "least": min(cold), "most": max(cold)},
            "of_that_python_and_numpy_s": statistics.median(start),
            "one_behind_a_new_wall_s": warm(layer),
            "endless_loop_s": statistics.median(loop), "main_process_peak_MB": peak,
        }  # fmt: skip


def warm(layer: str) -> float:
    """One submission, from a zygote that does not run yet to its grade, where Python and the course are loaded."""
    from dlcourse.grading.grade import grade

    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a_01_one_unit.ipynb"
        path.write_text(kinds()[0])

        def once() -> None:
            zygote = Zygote(layer)
            grade(path, "a", path.name, zygote, 1)
            zygote.close()

        return statistics.median(_seconds(once) for _ in range(7))


def _seconds(work) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def peers() -> dict:
    """nbgrader and otter-grader on the same notebook, where they are installed."""
    found: dict = {}
    for name, module in (("nbgrader", "nbgrader"), ("otter-grader", "otter")):
        if importlib.util.find_spec(module) is None:
            found[name] = "not installed"
    if "nbgrader" not in found:
        found["nbgrader"] = {"seconds_a_submission": nbgrader()}
    if "otter-grader" not in found:
        found["otter-grader"] = {"seconds_a_submission": otter(), "checks": "that each exercise's name is defined"}
    return found


def nbgrader() -> float:
    """Seconds that `nbgrader autograde` takes for one solved notebook."""
    with tempfile.TemporaryDirectory() as place:
        top = Path(place)
        (solution,) = (ROOT / "solutions").glob(f"{LESSON}_*.ipynb")
        for folder in ("source/lesson", "submitted/a/lesson"):
            (top / folder).mkdir(parents=True)
            shutil.copy(solution, top / folder)
        env = os.environ | {"PYTHONPATH": str(ROOT), "DLCOURSE_WORK": str(top / "work")}
        env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
        program, root = [sys.executable, "-m", "nbgrader"], f"--CourseDirectory.root={top}"
        header = "--IncludeHeaderFooter.header="
        subprocess.run([*program, "generate_assignment", "lesson", header, root], cwd=top, env=env, check=True)
        began_s = time.perf_counter()
        subprocess.run([*program, "autograde", "lesson", root], cwd=top, env=env, check=True)
        return time.perf_counter() - began_s


def otter() -> float:
    """Seconds that `otter run` takes for one solved notebook, with one small check for each exercise."""
    with tempfile.TemporaryDirectory() as place:
        top = Path(place)
        (top / "tests").mkdir()
        for ex in exercises(LESSON).values():
            case = {"code": f">>> {ex.defines[0]} is not None\nTrue\n", "hidden": False, "locked": False}
            suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
            name = f"q{ex.id.replace('.', '_')}"
            text = f"OK_FORMAT = True\n\ntest = {dict(name=name, points=1, suites=[suite])!r}\n"
            (top / "tests" / f"{name}.py").write_text(text)
        (solution,) = (ROOT / "solutions").glob(f"{LESSON}_*.ipynb")
        shutil.copy(solution, top / "a.ipynb")
        env = os.environ | {"PYTHONPATH": str(ROOT), "DLCOURSE_WORK": str(top / "work")}
        env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
        program = ["otter", "generate", "-t", "tests", "-o", "autograder.zip", "--no-config", "--no-requirements"]
        subprocess.run([*program, "--no-environment"], cwd=top, env=env, check=True)
        began_s = time.perf_counter()
        program = ["otter", "run", "-a", "autograder.zip", "-o", ".", "--no-logo", "a.ipynb"]
        subprocess.run(program, cwd=top, env=env, check=True)
        took_s = time.perf_counter() - began_s
        if json.loads((top / "results.json").read_text())["tests"] == []:
            raise SystemExit("otter-grader has run no test")
        return took_s


def main() -> int:
    """Measure, print, and compare with what must hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--submissions", type=int, default=400)
    parser.add_argument("--layer", default="")
    parser.add_argument("--record", action="store_true")
    said = parser.parse_args()
    zygote, _ = wall.choose(said.layer)
    zygote.close()
    layer = zygote.layer
    found = {
        "date": datetime.date.today().isoformat(), "machine": processor_name(), "cores": cores(),
        "load_before": round(os.getloadavg()[0], 2), "layer": layer, "python": platform.python_version(),
        "numpy": np.__version__, "dlcourse": __version__, "ours": measure(layer, said.submissions), "peers": peers(),
    }  # fmt: skip
    found["memory_of_this_process_MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found, indent=1))
    ours = found["ours"]
    holds = {
        f"at least {FLOOR} submissions a minute": ours["submissions_a_minute"] >= FLOOR,
        f"one submission behind a new wall within {COLD_S} s": ours["one_behind_a_new_wall_s"] <= COLD_S,
        f"the whole command for one submission within {COLD_S} s": ours["command_for_one_s"]["median"] <= COLD_S,
        f"an endless loop within {LOOP_S} s": ours["endless_loop_s"] <= LOOP_S,
        f"the main process within {PARENT_MB} MB": ours["main_process_peak_MB"] <= PARENT_MB,
    }
    for what, held in holds.items():
        print(f"{'holds' if held else 'MISSED'}: {what}")
    if said.record:
        path = ROOT / "benchmarks" / "records" / f"grading-{found['machine'].replace(' ', '_')}-{found['date']}.json"
        path.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if all(holds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
