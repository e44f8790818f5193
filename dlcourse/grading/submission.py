"""What somebody handed in: a notebook, read as JSON and nothing else, and the answers in it.

Whatever the file holds, reading it gives a Submission or an Unreadable with one sentence. Checks that stand in the
file are never run: they are the learner's to change.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..exercises import Exercise, exercises, notebooks
from ..exercises.answer import answer_source, at_run_time

MOST_BYTES, MOST_CELLS, MOST_CELL, MOST_CODE = 20 << 20, 2000, 100_000, 400_000
ID = re.compile(r"\d\d\.\d{1,2}")
GRADE_ID = re.compile(r"exercise-(\d\d)-(\d{1,2})")
CHECK = re.compile(
    r"^[ \t]*(?:check\(\s*[\"'](\d\d\.\d{1,2})\b|#[ \t]*(?:[Ee]xercise[ \t]+)?(\d\d\.\d{1,2})[ \t]*$)", re.M
)
ASKED = re.compile(r"^(?:check|hint|solution|progress)\(.*$", re.M)  # what only the notebook can answer
LENT = re.compile(r"^[ \t]*(\w+)[ \t]*=[ \t]*use\([ \t]*[\"'](\d\d\.\d{1,2})[\"']", re.M)
TIMED = re.compile(r"^([ \t]*)%%?time(?:it)?\b[ \t]*(?:-[^ ]+[ \t]+)*(.*)$", re.M)  # what is timed is kept
MAGIC = re.compile(r"^([ \t]*)(?:[%!](?!=).*|[\w.]+\?{1,2}[ \t]*)$", re.M)  # a line for IPython, and not for Python
SHELL = re.compile(r"(=[ \t]*)(?:!(?!=)|%(?=[a-z])).*$", re.M)  # `files = !ls`
STEM = re.compile(r"(?<!\d)(\d\d)_[a-z]")


class Unreadable(Exception):
    """The file is no notebook that can be graded; the message says why, in one sentence."""


class Answer(NamedTuple):
    """The source of an answer, and the earlier exercises that it borrows by `use` beyond those that everybody gets."""

    source: str
    lent: tuple[tuple[str, str], ...] = ()  # the name that it has here, and the exercise


@dataclass
class Submission:
    """The lesson it belongs to, the answers by the exercise's id, what is worth a note, and what is worth a look.

    answers: of an exercise, each that may be meant, the likeliest first.
    """

    lesson: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    look: list[str] = field(default_factory=list)


def digest(path: Path) -> str:
    """A name for what the file holds now; of one that is not read at all, what it is."""
    try:
        if path.is_symlink() or not path.is_file():
            return "no file"
        if (size := path.stat().st_size) > MOST_BYTES:
            return f"{size} bytes"
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"


def load(path: Path) -> dict[str, Any]:
    """The file as JSON. Raises Unreadable."""
    try:
        if path.is_symlink() or not path.is_file():
            raise Unreadable("This is no file of its own (a link, or something else).")
        if (size := path.stat().st_size) > MOST_BYTES:
            raise Unreadable(f"The file has {size / 1e6:.0f} MB, and at most {MOST_BYTES / 1e6:.0f} are read.")
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError):
        raise Unreadable("The file cannot be read as text in UTF-8.") from None
    except (ValueError, RecursionError):
        raise Unreadable("The file is not a notebook: its JSON is broken.") from None
    if not isinstance(found, dict):
        raise Unreadable("The file is not a notebook: there is no list of cells in it.")
    return found


def code_cells(notebook: dict[str, Any]) -> tuple[list[tuple[dict, str]], list[str]]:
    """(metadata, source) of each code cell, of any version of the format, and a note on what was passed over."""
    cells = notebook.get("cells")
    if cells is None and isinstance(sheets := notebook.get("worksheets"), list):  # version 3 of the format
        parts = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        cells = [cell for part in parts if isinstance(part, list) for cell in part]
    if not isinstance(cells, list):
        raise Unreadable("The file is not a notebook: there is no list of cells in it.")
    found, passed, letters = [], 0, 0
    for cell in cells:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", cell.get("input", ""))
        if isinstance(source, list) and all(isinstance(row, str) for row in source):
            source = "".join(source)
        if not isinstance(source, str) or len(source) > MOST_CELL or len(found) == MOST_CELLS:
            passed += 1
        elif source.strip():
            letters += len(source)
            metadata = cell.get("metadata")
            found.append((metadata if isinstance(metadata, dict) else {}, source))
    if letters > MOST_CODE:
        raise Unreadable(f"There is more code in it than {MOST_CODE:,} letters.")
    note = f"{passed} cells are not read: only the first {MOST_CELLS:,}, of text, of at most {MOST_CELL:,} letters."
    return [(metadata, python(source)) for metadata, source in found], [note] * bool(passed)


def python(source: str) -> str:
    """A cell without its lines for IPython, where Python cannot read it as it stands."""
    if _parsed(source):
        return source
    timed = TIMED.sub(lambda line: line[1] + (line[2] or "pass"), source)
    return SHELL.sub(r"\1None", MAGIC.sub(r"\1pass", timed))


def read(path: Path, lesson: str = "") -> Submission:
    """The answers of a notebook. lesson: whose exercises to look for where the file does not tell."""
    notebook = load(path)
    cells, notes = code_cells(notebook)
    sources = [source for _, source in cells]
    made = Submission(_lesson(path, cells, lesson), notes=notes, look=uncalled_for(sources))
    for ex in exercises(made.lesson).values():
        cuts, count = _cuts(ex, cells)
        if count > 1:
            made.notes.append(
                f"{ex.id}: {count} cells answer it. The last one above its last check counts; if that one is not "
                "right, the last of all."
            )
        marked = [source for meta, source in cells if ex.id in _marks(meta, source)]
        found = [_source(ex, sources, cut) for cut in cuts] or [Answer(ASKED.sub("", one)) for one in marked[-1:]]
        if found:
            made.answers[ex.id] = list(dict.fromkeys(found))
    return made


NO_ANSWER_NEEDS = set(
    "builtins ctypes gc http importlib inspect multiprocessing os pathlib pickle resource shutil signal socket "
    "subprocess sys tempfile threading urllib".split()
)
NO_ANSWER_CALLS = {"open", "exec", "eval", "compile", "__import__", "globals", "__subclasses__"}


def uncalled_for(sources: Iterable[str]) -> list[str]:
    """What no exercise needs: modules of the system, and calls that reach past the answer. For the teacher's eyes."""
    modules, calls = set(), set()
    for node in (node for source in sources for top in _parsed(source) for node in ast.walk(top)):
        modules |= imported(node) & NO_ANSWER_NEEDS
        if isinstance(node, ast.Call):
            calls |= {getattr(node.func, "id", getattr(node.func, "attr", ""))} & NO_ANSWER_CALLS
    found = [f"It imports {', '.join(sorted(modules))}"] if modules else []
    found += [f"{'and' if found else 'It'} calls {', '.join(sorted(calls))}"] if calls else []
    return [f"{' '.join(found)}, which no exercise needs: look at it."] if found else []


def imported(node: ast.AST) -> set[str]:
    """The packages that a statement imports."""
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    return {name.partition(".")[0] for name in names}


def not_at_hand(source: str) -> list[str]:
    """What an answer imports that is not there when it is graded."""
    found = {name for top in _parsed(source) for node in ast.walk(top) for name in imported(node)}
    return sorted(found - set(sys.stdlib_module_names) - {"numpy", ""})


def _lesson(path: Path, cells: Iterable[tuple[dict, str]], otherwise: str) -> str:
    """Which lesson this is: the one that most of its exercise cells name, else the one in the file's name."""
    there, named = notebooks(), [mark[:2] for meta, source in cells for mark in _marks(meta, source)]
    known = [number for number in named if number in there]
    found = max(sorted(set(known)), key=known.count, default="")
    lesson = found or in_name(path.name) or otherwise
    if not lesson:
        raise Unreadable("No cell names an exercise, and the file's name no lesson: use --lesson NN.")
    return lesson


def in_name(name: str) -> str:
    """The lesson that a file's name tells, or nothing."""
    return next((number for number in reversed(STEM.findall(name)) if number in notebooks()), "")


def _marks(metadata: dict, source: str) -> list[str]:
    """The exercises that a cell claims to answer, the surest sign first."""
    ours, graders = metadata.get("dlcourse"), metadata.get("nbgrader")
    if isinstance(ours, dict) and isinstance(id := ours.get("exercise"), str) and ID.fullmatch(id):
        return [id]
    grade_id = graders.get("grade_id") if isinstance(graders, dict) else None
    if isinstance(grade_id, str) and (mark := GRADE_ID.fullmatch(grade_id)):
        return [f"{mark[1]}.{mark[2]}"]
    return [one or other for one, other in CHECK.findall(source)]


def _cuts(ex: Exercise, cells: list[tuple[dict, str]]) -> tuple[list[int], int]:
    """How far down the cells are taken for the answer, the likeliest first; and how many cells answer it.

    Down to the last check of it, for that is what her check has seen; where none stands below a definition of all its
    names, to the last cell that is marked as the answer; then all of them. The last definition of each name counts.
    """
    names = [defined(source) & set(ex.defines) for _, source in cells]
    marked = [i for i, (meta, source) in enumerate(cells) if ex.id in _marks(meta, source)]
    checks = [i for i, (_, source) in enumerate(cells) if ex.id in _checked(source)]
    cuts = [places[-1] + 1 for places in (checks, marked) if places] + [len(cells)]
    whole = [cut for cut in cuts if set().union(*names[:cut]) == set(ex.defines)]
    return list(dict.fromkeys([*whole[:1], *whole[-1:]])), max(
        sum(name in some for some in names) for name in ex.defines
    )


def _checked(source: str) -> set[str]:
    """The exercises whose check a cell calls: not those that a comment or a text speaks of."""
    found = set()
    for call in (node for top in _parsed(source) for node in at_run_time(top) if isinstance(node, ast.Call)):
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if name == "check" and call.args and isinstance(call.args[0], ast.Constant):
            found.add(str(call.args[0].value))
    return found


def defined(source: str) -> set[str]:
    """The names that a cell defines or assigns when it runs."""
    found: set[str] = set()
    for node in (node for top in _parsed(source) for node in at_run_time(top)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and not _lent(node):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _lent(node: ast.Assign | ast.AnnAssign) -> bool:
    """`unit = use("01.1")` answers nothing."""
    call = node.value
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "use"


def _parsed(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _source(ex: Exercise, cells: list[str], cut: int) -> Answer:
    """The answer with the helpers and imports that it names, from the cells above the cut before those below it."""
    try:
        whole = answer_source([*cells[cut:], *cells[:cut]], ex.defines, ex.given, len(cells) - cut)
    except (ValueError, RecursionError, MemoryError, SyntaxError):
        whole = "\n".join(ASKED.sub("", source) for source in cells[:cut] if defined(source) & set(ex.defines))
    borrowed = {name: id for source in cells for name, id in LENT.findall(source)}
    words = set(re.findall(r"\w+", whole))
    lent = {(name, id) for name, id in borrowed.items() if name in words and name not in defined(whole)}
    return Answer(whole, tuple(sorted((name, id) for name, id in lent - set(ex.given.items()) if _earlier(id, ex.id))))


def _earlier(id: str, than: str) -> bool:
    there = id in exercises(id.partition(".")[0])
    return there and [int(n) for n in id.split(".")] < [int(n) for n in than.split(".")]
