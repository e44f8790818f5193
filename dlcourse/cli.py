"""The command `dlcourse`. What one of its commands needs is imported when it runs."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

EPILOG = "`%(prog)s COMMAND --help` says more about one of them. Without a command, `lab` runs, with the options given."
MEANT = {"start": "lab", "open": "lab", "run": "lab", "jupyter": "lab", "notebook": "lab"}
NEAR = 0.7  # how alike a slip of the keys and what it may mean are at least: "tests" is not "reset"


class UsageError(Exception):
    """What was typed cannot be meant; the message says what can."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["build"]:  # its options are the builder's own
        return _build(given[1:])
    try:
        options = parse(given)
    except UsageError as error:
        print(f"dlcourse: {error}", file=sys.stderr)
        return 2
    try:
        code = options.run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from .lesson.work import WorkError

        if not isinstance(error, (WorkError, OSError)):
            raise
        print(f"dlcourse: {error}", file=sys.stderr)
        return 1


def check(given: Sequence[str], called: str, more: Sequence[str] = ()) -> int | None:
    """The exit code if these words are refused, None if they can run. `more`: commands that the caller adds."""
    try:
        if given[:1] != ["build"]:
            parse(given, called, more)
        return None
    except UsageError as error:
        print(f"{called.rpartition(' ')[2]}: {error}", file=sys.stderr)
        return 2


def parse(given: Sequence[str], called: str = "dlcourse", more: Sequence[str] = ()) -> argparse.Namespace:
    """The options of one command; those that stand without a command are `lab`'s."""
    words, parser = list(given), make_parser(called)
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help", "--version")):
        words.insert(0, "lab")
    if not words[0].startswith("-") and words[0] not in COMMANDS:
        raise UsageError(_no_command(words, parser, more))
    options, unknown = parser.parse_known_args(words)
    if unknown:
        raise UsageError(_no_option(unknown[0], words[0], called))
    return options


def _no_command(words: Sequence[str], parser: argparse.ArgumentParser, more: Sequence[str]) -> str:
    word, said = words[0].lower(), f"there is no command {words[0]!r}"
    if word[:2].isdecimal():
        return f"{said}: `{parser.prog} lab` opens the course, and you choose the lesson there."
    if word == "restore":
        meant = f"reset {words[1] if len(words) > 1 else 'NN'} --restore"
    else:
        meant = MEANT.get(word) or "".join(difflib.get_close_matches(word, [*COMMANDS, *more], 1, NEAR))
    return f"{said}; do you mean `{parser.prog} {meant}`?" if meant else f"{said}\n\n{parser.format_help()}"


def _no_option(word: str, command: str, called: str) -> str:
    flags = [flag for flag in COMMANDS[command][2] if flag.startswith("-")]
    near = difflib.get_close_matches(word.partition("=")[0].lower(), flags, 1, NEAR)
    if near:
        return f"{command} takes no {word!r}; do you mean `{called} {command} {near[0]}`?"
    where = ": it opens the course, and you choose the lesson there" if command == "lab" else ""
    return f"{command} takes no {word!r}{where}; `{called} {command} --help` says what it takes."


class _Parser(argparse.ArgumentParser):
    """Says in one sentence what is amiss, and leaves the exit to its caller."""

    def error(self, message: str) -> NoReturn:
        if message.endswith("required: NN"):
            raise UsageError(f"say which lesson, for example: {self.prog} 00")
        raise UsageError(f"{message}; `{self.prog} --help` says more.")


class _Version(argparse.Action):
    """The version, which is looked up only where somebody asks for it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("dlcourse")
        except PackageNotFoundError:
            found = "(not installed)"
        print(f"dlcourse {found}")
        parser.exit()


def _port(word: str) -> int:
    if not (word.isdecimal() and 0 < int(word) < 65536):
        raise argparse.ArgumentTypeError(f"a port is a whole number from 1 to 65535, not {word!r}")
    return int(word)


def _positive(word: str) -> int:
    if not (word.isdecimal() and int(word) > 0):
        raise argparse.ArgumentTypeError(f"a whole number from 1 on, not {word!r}")
    return int(word)


def make_parser(called: str = "dlcourse") -> argparse.ArgumentParser:
    """The parser of all commands but `build`."""
    parser = _Parser(prog=called, description="A course in deep learning that you run.", epilog=EPILOG)
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (run, help, arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=help, description=help)
        command.set_defaults(run=run)
        for flag, options in arguments.items():
            command.add_argument(flag, **options)
    return parser


def _lab(options: argparse.Namespace) -> int:
    from .lab import open_course
    from .lesson.places import work_folder

    open_course(work_folder(), browser=not options.no_browser, port=options.port)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from .hardware.doctor import examine, table
    from .lesson.places import work_folder

    rows = examine(work_folder())
    print(table(rows, colour=sys.stdout.isatty(), encoding=sys.stdout.encoding))
    return int(any(row.state == "red" and row.essential for row in rows))


def _reset(options: argparse.Namespace) -> int:
    from .lesson.places import command, work_folder
    from .lesson.start_page import write_start
    from .lesson.work import backups, reset, restore

    work = work_folder()
    if options.restore:
        lesson, taken, kept = restore(options.lesson, work)
        print(f"{lesson}\nis again what it was in the backup\n  {taken}")
        if len(backups(lesson.stem, work)) > 1 + bool(kept):
            print("Other backups lie beside that one.")
    else:
        lesson, kept = reset(options.lesson, work)
        print(f"{lesson}\nis as it was delivered." + ("" if kept else " Nothing was lost."))
    write_start(work)
    if kept:
        print(f"What was there is kept, in a folder that JupyterLab does not list:\n  {kept}")
        print(f"This brings it back: {command()} reset {lesson.name[:2]} --restore")
    print("If it is open in JupyterLab: close its tab without saving, or File > Reload Notebook from Disk.")
    print("If you are asked on saving, choose Revert: Overwrite puts the old text back.")
    return 0


def _progress(options: argparse.Namespace) -> int:
    from .lesson.places import work_folder
    from .lesson.start_page import progress_lines

    print("\n".join(progress_lines(work_folder())))
    return 0


def _release(options: argparse.Namespace) -> int:
    from .grading.release import ReleaseError, release

    try:
        files = release(options.to)
    except ReleaseError as problem:
        print(f"dlcourse: {problem}", file=sys.stderr)
        return 1
    print(f"{len(files)} files in {options.to}, without solutions.")
    return 0


def _grade(options: argparse.Namespace) -> int:
    from .grading.command import grade_folder

    return grade_folder(options)


def _build(arguments: list[str]) -> int:
    try:
        from .authoring import build

        return build.main(arguments) or 0
    except ModuleNotFoundError as error:
        if str(error.name).startswith("dlcourse"):
            raise
        from .hardware.mend import install

        print(
            f"dlcourse: building notebooks needs {error.name}; this installs it: {install('author')}", file=sys.stderr
        )
        return 1


COMMANDS = {
    "lab": (_lab, "open the course in JupyterLab, or join it where it is open", {
        "--no-browser": {"action": "store_true", "help": "print the address, open no window"},
        "--port": {"type": _port, "help": "the port to listen on (default: 8888, or the next free one)"}}),
    "doctor": (_doctor, "look at this machine: what is there, what is missing, how to mend it", {}),
    "reset": (_reset, "lay a lesson out as it was delivered; what was there is backed up first", {
        "lesson": {"metavar": "NN", "help": "the lesson's number, for example 00"},
        "--restore": {"action": "store_true", "help": "the other way: lay the newest backup of the lesson out"}}),
    "progress": (_progress, "which exercises are solved", {}),
    "release": (_release, "for teachers: write what a class receives, without solutions", {
        "--to": {"type": Path, "required": True, "metavar": "DIR", "help": "a new or empty folder"}}),
    "grade": (_grade, "for teachers: grade a folder of notebooks that were handed in", {
        "folder": {"metavar": "DIR", "type": Path, "help": "notebooks, one for each learner, or a folder for each"},
        "--to": {"type": Path, "metavar": "OUT", "help": "where grades go (default: DIR-grades, beside it)"},
        "--lesson": {"metavar": "NN", "default": "", "help": "grades of this lesson alone, also of files that do "
                     "not tell their lesson (default: of all lessons)"},
        "--explain": {"nargs": 2, "metavar": ("LEARNER", "ID"), "help": "run one answer again, with the seed of the "
                      "grades, and say what its learner is not told"},
        "--seed": {"type": int, "metavar": "N", "help": "of the hidden cases (default: a secret one, kept in OUT)"},
        "-j": {"type": _positive, "metavar": "N", "default": 0, "help": "graders at a time (default: one a core)"},
        "--layer": {"default": "", "help": "bubblewrap, landlock or process (default: the strongest that holds)"},
        "--unsafe-process-only": {"action": "store_true", "help": "grade without a wall where there is none: what was "
                                  "handed in then runs with all your rights"}}),
    "build": (_build, "for authors: make the notebooks from their sources", {}),
}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
