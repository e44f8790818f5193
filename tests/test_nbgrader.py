"""Both trees are nbgrader assignments: generated, filled in, and graded by nbgrader itself, where it is installed."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from dlcourse.exercises import exercises, notebooks

ROOT = Path(__file__).resolve().parents[1]
TREES = ("solutions", "notebooks")
LESSONS = [number for number in notebooks() if list((ROOT / "solutions").glob(f"{number}_*.ipynb"))]
needs_nbgrader = pytest.mark.skipif(
    find_spec("nbgrader") is None, reason="nbgrader is not installed: nothing was graded"
)


def notebook(tree, number):
    return next((ROOT / tree).glob(f"{number}_*.ipynb"))


@pytest.mark.parametrize("number", LESSONS)
@pytest.mark.parametrize("tree", TREES)
def test_each_exercise_has_its_cell_and_one_locked_cell_with_points(tree, number):
    cells = json.loads(notebook(tree, number).read_text(encoding="utf-8"))["cells"]
    marks = [c["metadata"]["nbgrader"] for c in cells if "nbgrader" in c["metadata"]]
    assert all(m["schema_version"] == 3 and m["task"] is False for m in marks)
    assert len({m["grade_id"] for m in marks}) == len(marks)
    solved = [m["grade_id"] for m in marks if m["solution"] and not m["grade"] and not m["locked"]]
    graded = {m["grade_id"]: m["points"] for m in marks if m["grade"] and m["locked"] and not m["solution"]}
    numbers = [id.replace(".", "-") for id in exercises(number)]
    assert solved == [f"exercise-{n}" for n in numbers]
    assert graded == {f"points-{n}": ex.points for n, ex in zip(numbers, exercises(number).values())}
    assert len(marks) == 2 * len(numbers)


@needs_nbgrader
@pytest.mark.parametrize("number", LESSONS)
def test_nbgrader_gives_the_reference_all_points_and_an_empty_submission_none(number, tmp_path):
    course, name = tmp_path / "course", notebook("solutions", number).name
    source = course / "source" / "lesson"
    source.mkdir(parents=True)
    shutil.copy(notebook("solutions", number), source / name)
    run(course, "generate_assignment", "lesson", "--IncludeHeaderFooter.header=")
    released = (course / "release" / "lesson" / name).read_text(encoding="utf-8")
    assert "BEGIN SOLUTION" not in released
    submissions = {
        "all": notebook("solutions", number),
        "none": course / "release" / "lesson" / name,
        "open": notebook("notebooks", number),
    }
    for learner, path in submissions.items():
        place = course / "submitted" / learner / "lesson"
        place.mkdir(parents=True)
        shutil.copy(path, place / name)
    run(course, "autograde", "lesson")
    most = float(sum(ex.points for ex in exercises(number).values()))
    assert scores(course) == {"all": most, "none": 0.0, "open": 0.0}


def run(course, *words):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DLCOURSE_WORK": str(course / "work")}
    environment |= {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}
    environment |= {"JUPYTER_CONFIG_DIR": str(course / "config"), "JUPYTER_DATA_DIR": str(course / "data")}
    command = [sys.executable, "-m", "nbgrader", *words, "--CourseDirectory.root=" + str(course)]
    ran = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr[-3000:]


def scores(course):
    """Points by learner, from nbgrader's gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        return {s.student_id: s.score for s in book.assignment_submissions("lesson")}
