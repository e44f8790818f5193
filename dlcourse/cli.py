"""The command `dlcourse`: lab, doctor, reset, progress, build. What a command needs is imported when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

EPILOG = "`dlcourse COMMAND --help` says more about one of them. Without a command, `dlcourse lab` runs."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = list(sys.argv[1:] if argv is None else argv) or ["lab"]
    if given[0] == "build":  # its options are the builder's own
        return _build(given[1:])
    parser = make_parser()
    if not given[0].startswith("-") and given[0] not in COMMANDS:
        print(f"dlcourse: there is no command {given[0]!r}\n", file=sys.stderr)
        parser.print_help(sys.stderr)
        return 2
    options = parser.parse_args(given)
    from .lesson.work import WorkError

    try:
        code = options.run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (WorkError, OSError) as error:
        print(f"dlcourse: {error}", file=sys.stderr)
        return 1


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands but `build`."""
    parser = argparse.ArgumentParser(
        prog="dlcourse", description="A course in deep learning that you run.", epilog=EPILOG
    )
    parser.add_argument("--version", action="version", version=f"dlcourse {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (run, help, arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=help, description=help)
        command.set_defaults(run=run)
        for flag, options in arguments.items():
            command.add_argument(flag, **options)
    return parser


def _version() -> str:
    try:
        return version("dlcourse")
    except PackageNotFoundError:
        return "(not installed)"


def _lab(options: argparse.Namespace) -> int:
    from .lab import open_course
    from .lesson.work import work_folder

    open_course(work_folder(), browser=not options.no_browser, port=options.port)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from .hardware.doctor import examine, table
    from .lesson.work import work_folder

    rows = examine(work_folder())
    print(table(rows, colour=sys.stdout.isatty(), encoding=sys.stdout.encoding))
    return int(any(row.state == "red" and row.essential for row in rows))


def _reset(options: argparse.Namespace) -> int:
    from .lesson.start_page import write_start
    from .lesson.work import reset, work_folder

    work = work_folder()
    lesson, kept = reset(options.lesson, work)
    write_start(work)
    print(
        f"{lesson.name} is as it was delivered. "
        + (f"What was there lies in\n  {kept}" if kept else "Nothing was lost.")
    )
    print("If it is open in JupyterLab, choose File > Reload Notebook from Disk.")
    return 0


def _progress(options: argparse.Namespace) -> int:
    from .lesson.start_page import progress_lines
    from .lesson.work import work_folder

    print("\n".join(progress_lines(work_folder())))
    return 0


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
        "--port": {"type": int, "help": "the port to listen on (default: 8888, or the next free one)"}}),
    "doctor": (_doctor, "look at this machine: what is there, what is missing, how to mend it", {}),
    "reset": (_reset, "lay a lesson out as it was delivered; what was there is backed up first", {
        "lesson": {"metavar": "NN", "help": "the lesson's number, for example 00"}}),
    "progress": (_progress, "which exercises are solved", {}),
    "build": (_build, "for authors: make the notebooks from their sources", {}),
}  # fmt: skip
