"""`dlcourse build`: from solutions/NN_title.py to solutions/NN_title.ipynb and notebooks/NN_title.ipynb."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..lesson.start_page import GLOSSARY
from ..lesson.work import write_whole
from .check import notebook_problems, outputs_problems, sources_problems
from .facts import facts
from .glossary import page
from .notebook import BuildError, completed, execute, learners, write
from .record_runs import record
from .source import Cell, SourceError, read

ROOT = Path(__file__).resolve().parent.parent.parent


def main(argv: list[str] | None = None) -> int:
    """Build, check, measure or record lessons -> exit code: 0 fine, 1 not as it should be, 2 nothing to do."""
    said = _arguments(argv)
    if said.record:
        return record(said.lesson, said.root)
    try:
        sources = find(said.root, said.lesson)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 2
    task = check if said.check else measure if said.facts else build
    problems = [f"{source.name}: {p}" for source in sources for p in _attempt(task, source, said)]
    if task is not measure and not problems:
        problems += glossary(said.root, write=task is build)
    if said.check and not said.lesson:
        problems += strays(said.root, sources)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("dlcourse build", description=__doc__)
    parser.add_argument("lesson", nargs="?", metavar="NN", help="the number of one lesson; left out: all")
    parser.add_argument("--check", action="store_true", help="execute nothing; are the committed notebooks up to date?")
    parser.add_argument("--facts", action="store_true", help="measure length and rhythm against the bounds of style")
    parser.add_argument("--record", action="store_true", help="run the lesson's long runs and keep what they gave")
    parser.add_argument("--no-run", action="store_true", help="build the learner's notebook only")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder with solutions/ and notebooks/")
    return parser.parse_args(argv)


def find(root: Path, lesson: str | None = None) -> list[Path]:
    """The sources under root/solutions, in order; only those of one lesson where its number is given."""
    number = lesson.zfill(2) if lesson else "[0-9][0-9]"
    sources = sorted((root / "solutions").glob(f"{number}_*.py"))
    if not sources:
        raise BuildError(
            f"no lesson {lesson or ''} in {root / 'solutions'}: a source is called NN_title.py".replace("  ", " ")
        )
    return sources


def places(source: Path) -> tuple[Path, Path]:
    """Where the learner's and the solution notebook of this source belong."""
    return source.parent.parent / "notebooks" / f"{source.stem}.ipynb", source.with_suffix(".ipynb")


def _attempt(task, source: Path, said: argparse.Namespace) -> list[str]:
    try:
        return task(source, read(source.read_text(encoding="utf-8")), said)
    except (BuildError, SourceError) as error:
        return [str(error)]


def build(source: Path, cells: list[Cell], said: argparse.Namespace) -> list[str]:
    """Both notebooks, the complete one first, so that a failing cell changes nothing."""
    if problems := sources_problems(cells):
        return problems
    learner_path, solution_path = places(source)
    if not said.no_run:
        solution = execute(completed(cells), said.root)
        if problems := outputs_problems(solution, solution_path):
            return problems
        write(solution, solution_path)
    write(learners(cells), learner_path)
    print(f"{source.stem}: {facts(cells)}")
    return []


def check(source: Path, cells: list[Cell], said: argparse.Namespace) -> list[str]:
    """What is wrong with the committed notebooks of this source; nothing is executed or written."""
    return sources_problems(cells) + notebook_problems(cells, *places(source))


def measure(source: Path, cells: list[Cell], said: argparse.Namespace) -> list[str]:
    """Print the measures of the lesson; what lies outside the bounds is a problem."""
    measured = facts(cells)
    print(f"{source.stem}: {measured}")
    return measured.problems()


def glossary(root: Path, write: bool) -> list[str]:
    """Write the glossary of all lessons, or say that the one that is there is another."""
    path, text = root / "notebooks" / GLOSSARY, page(find(root))
    if write:
        write_whole(path, text)
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
        return [f"{path}: not what the sources give; dlcourse build --no-run writes it"]
    return []


def strays(root: Path, sources: list[Path]) -> list[str]:
    """Notebooks that no source gives."""
    known = {place for source in sources for place in places(source)}
    found = [p for folder in ("notebooks", "solutions") for p in sorted((root / folder).glob("*.ipynb"))]
    return [f"{p.relative_to(root)} has no source in solutions/" for p in found if p not in known]


if __name__ == "__main__":
    raise SystemExit(main())
