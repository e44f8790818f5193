"""The command `dlcourse`, as somebody types it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from dlcourse import cli, lab
from dlcourse.lesson import places, work
from dlcourse.lesson.opened import as_opened


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A work folder with the lessons laid out."""
    monkeypatch.setenv("DLCOURSE_WORK", str(tmp_path / "work"))
    work.lay_out(tmp_path / "work")
    return tmp_path / "work"


def test_an_unknown_command_lists_those_that_there_are(capsys):
    for far_off in ("tests", "train-me"):
        assert cli.main([far_off]) == 2
        said = capsys.readouterr().err
        assert f"there is no command {far_off!r}" in said and "do you mean" not in said
    for name in cli.COMMANDS:
        assert f"\n    {name} " in said


@pytest.mark.parametrize(
    "words", [["--help"], ["lab", "--help"], ["reset", "--help"], ["--version"], ["build", "--help"]]
)
def test_help_and_version(words, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    assert left.value.code == 0 and "dlcourse" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, says",
    [
        (["doctr"], "there is no command 'doctr'; do you mean `dlcourse doctor`?"),
        (["DOCTOR"], "do you mean `dlcourse doctor`?"),
        (["restore", "00"], "do you mean `dlcourse reset 00 --restore`?"),
        (["restore"], "do you mean `dlcourse reset NN --restore`?"),
        (["00"], "there is no command '00': `dlcourse lab` opens the course, and you choose the lesson there."),
        (["00_start_here.ipynb"], "`dlcourse lab` opens the course"),
        (["lab", "--nobrowser"], "lab takes no '--nobrowser'; do you mean `dlcourse lab --no-browser`?"),
        (["--nobrowser"], "do you mean `dlcourse lab --no-browser`?"),
        (["start"], "do you mean `dlcourse lab`?"),
        (["lab", "00"], "lab takes no '00': it opens the course, and you choose the lesson there"),
        (["progress", "--all"], "progress takes no '--all'; `dlcourse progress --help` says what it takes."),
        (["reset"], "say which lesson, for example: dlcourse reset 00"),
        (["--port", "70000"], "a port is a whole number from 1 to 65535, not '70000'"),
        (["lab", "--port"], "expected one argument; `dlcourse lab --help` says more."),
    ],
)
def test_a_slip_of_the_keys_gets_one_sentence_that_helps(words, says, capsys, monkeypatch):
    monkeypatch.setattr(lab, "open_course", lambda *_, **__: pytest.fail("the course opened"))
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("dlcourse: ") and says in said and said.count("\n") == 1


def test_without_a_command_the_lab_opens(monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setenv("DLCOURSE_WORK", str(tmp_path))
    monkeypatch.setattr(lab, "open_course", lambda folder, **options: seen.update(options, folder=folder))
    assert cli.main([]) == 0 and seen == {"folder": tmp_path, "browser": True, "port": None}
    assert cli.main(["lab", "--no-browser", "--port", "9000"]) == 0
    assert seen == {"folder": tmp_path, "browser": False, "port": 9000}
    assert cli.main(["--port", "9001"]) == 0 and seen == {"folder": tmp_path, "browser": True, "port": 9001}


def test_reset_says_where_the_backup_lies(mine, capsys):
    lesson = work.find_lesson("00")
    (mine / lesson.name).write_text("mine")
    assert cli.main(["reset", "00"]) == 0
    said = capsys.readouterr().out
    (backup,) = (mine / ".dlcourse" / "backup").iterdir()
    assert str(backup) in said and backup.read_text() == "mine"
    assert (mine / lesson.name).read_bytes() == as_opened(lesson.read_bytes())
    assert "00 Start here" in (mine / "START.md").read_text(encoding="utf-8")
    assert str(mine / lesson.name) in said, "the whole path: which of several work folders it was"
    assert f"{places.command()} reset 00 --restore" in said and "close its tab" in said and "choose Revert" in said
    assert cli.main(["reset", "00", "--restore"]) == 0
    said = capsys.readouterr().out
    assert str(backup) in said and str(mine / lesson.name) in said and (mine / lesson.name).read_text() == "mine"
    assert "Other backups" not in said, "there is none"
    assert cli.main(["reset", "00", "--restore"]) == 1
    assert "differs from what lies there" in capsys.readouterr().err
    (mine / lesson.name).write_text("mine again")
    cli.main(["reset", "00"]), (mine / lesson.name).write_text("and again"), cli.main(["reset", "00"])
    assert cli.main(["reset", "00", "--restore"]) == 0 and "Other backups lie beside" in capsys.readouterr().out


def test_nothing_to_restore_is_one_sentence(mine, capsys):
    assert cli.main(["reset", "00", "--restore"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("dlcourse: There is no backup of lesson 00 yet") and said.count("\n") == 1


@pytest.mark.parametrize("module", ["dlcourse", "dlcourse.cli"])
def test_both_modules_run_as_the_command(module):
    command = [sys.executable, "-m", module, "doctr"]
    ran = subprocess.run(command, cwd=places.ROOT, capture_output=True, text=True)
    assert ran.returncode == 2 and "do you mean `dlcourse doctor`?" in ran.stderr


def test_a_mistake_is_one_sentence_and_no_traceback(mine, capsys):
    assert cli.main(["reset", "99"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("dlcourse: There is no lesson '99'") and said.count("\n") == 1


def test_progress_reads_what_the_checks_left(mine, capsys):
    state = {"version": 1, "exercises": {"00.1": {"state": "correct"}}}
    (mine / ".dlcourse" / "progress.json").write_text(json.dumps(state))
    assert cli.main(["progress"]) == 0
    assert "00 Start here" in capsys.readouterr().out


def test_building_without_the_authors_tools_names_the_command(monkeypatch, capsys):
    from dlcourse.authoring import build

    def lacks(_):
        raise ModuleNotFoundError("No module named 'nbclient'", name="nbclient")

    monkeypatch.setattr(build, "main", lacks)
    assert cli.main(["build", "00"]) == 1
    said = capsys.readouterr().err
    assert "needs nbclient" in said and "install" in said and said.count("\n") == 1


def test_a_reader_that_has_seen_enough_is_no_error(mine):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, "-m", "dlcourse", "progress"]
        ran = subprocess.run(command, cwd=places.ROOT, stdout=writing, stderr=subprocess.PIPE, text=True)
    finally:
        os.close(writing)
    assert ran.returncode == 0 and ran.stderr == ""


def test_a_port_that_is_taken_is_one_sentence(mine, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert cli.main(["lab", "--no-browser", "--port", str(taken.getsockname()[1])]) == 1
    assert "leave --port away" in capsys.readouterr().err


def test_the_settings_stand_in_front_of_the_users_own(tmp_path):
    found = lab.environment(tmp_path, {"JUPYTER_PATH": "/their/path", "PATH": "/bin"})
    assert found["JUPYTER_PATH"].endswith(":/their/path") and found["JUPYTER_PATH"].startswith(str(lab.SETTINGS))
    assert found["JUPYTER_CONFIG_PATH"] == str(lab.SETTINGS)
    assert found["DLCOURSE_WORK"] == str(tmp_path)
    for file in lab.SETTINGS.rglob("*.json"):
        json.loads(file.read_text())


def test_a_marker_of_a_server_that_is_gone_is_not_joined(tmp_path, monkeypatch):
    run = tmp_path / "run"
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(run))
    run.mkdir()
    (tmp_path / ".dlcourse").mkdir()
    assert lab.find_server(tmp_path) is None
    (tmp_path / ".dlcourse" / "server.json").write_text('{"pid": 7}')
    assert lab.find_server(tmp_path) is None
    info = {"root_dir": str(tmp_path), "url": "http://127.0.0.1:9/", "token": "t", "pid": 7}
    (run / "jpserver-7.json").write_text(json.dumps(info))
    assert lab.find_server(tmp_path) is None, "nothing answers there"
    monkeypatch.setattr(lab, "_answers", lambda info: True)
    assert lab.find_server(tmp_path) == info
    (run / "jpserver-7.json").write_text(json.dumps(info | {"root_dir": "/elsewhere"}))
    assert lab.find_server(tmp_path) is None, "the number of the process was used again by another server"


def test_an_error_in_a_cell_shows_one_line_of_each_place_that_it_came_through(tmp_path):
    """In a kernel as the course starts it, so that the message is not below the fold."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import KernelManager

    spec = json.loads((lab.SETTINGS / "share" / "kernels" / "python3" / "kernel.json").read_text())
    manager, seen = KernelManager(connection_file=str(tmp_path / "kernel.json")), []
    manager._kernel_spec = KernelSpec(**spec | {"argv": [sys.executable, *spec["argv"][1:]]})
    manager.start_kernel(cwd=places.ROOT, env=os.environ | {"IPYTHONDIR": str(tmp_path / "ipython")})
    try:
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        code = "from dlcourse import Dense\n\n# a comment\nDense(64, 0)\n# a comment"
        client.execute_interactive(code, output_hook=lambda message: seen.append(message["content"]), timeout=60)
        client.stop_channels()
    finally:
        manager.shutdown_kernel(now=True)
    (said,) = ("\n".join(content["traceback"]) for content in seen if "traceback" in content)
    assert "whole number" in said.splitlines()[-1] and "Dense(64, 0)" in said
    assert "a comment" not in said and len(said.splitlines()) <= 15


def test_one_process_starts_the_server_and_the_others_wait(tmp_path, monkeypatch):
    import os
    import subprocess
    import sys

    from dlcourse import lab
    from dlcourse.lesson.work import state_folder

    marker = state_folder(tmp_path) / "server.json"
    assert lab.claim(tmp_path) and marker.exists()
    assert lab.claim(tmp_path), "one's own marker is no other's"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        marker.write_text(f'{{"pid": {other.pid}}}')
        assert not lab.claim(tmp_path)
        monkeypatch.setattr(lab, "find_server", lambda work: {"url": "there"})
        assert lab.wait_for_server(tmp_path) == {"url": "there"}
        monkeypatch.setattr(lab, "find_server", lambda work: None)
        assert lab.wait_for_server(tmp_path, 0.3) is None
        other.stdin.close()
    assert lab.claim(tmp_path), "of a process that is gone, nothing is left but a file"
    assert f'"pid": {os.getpid()}' in marker.read_text()
