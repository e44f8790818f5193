"""The command `dlcourse`, as somebody types it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from dlcourse import cli, lab
from dlcourse.lesson import work


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A work folder with the lessons laid out."""
    monkeypatch.setenv("DLCOURSE_WORK", str(tmp_path / "work"))
    work.lay_out(tmp_path / "work")
    return tmp_path / "work"


def test_an_unknown_command_lists_those_that_there_are(capsys):
    assert cli.main(["train-me"]) == 2
    said = capsys.readouterr().err
    assert "there is no command 'train-me'" in said
    for name in cli.COMMANDS:
        assert f"\n    {name} " in said


@pytest.mark.parametrize(
    "words", [["--help"], ["lab", "--help"], ["reset", "--help"], ["--version"], ["build", "--help"]]
)
def test_help_and_version(words, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    assert left.value.code == 0 and "dlcourse" in capsys.readouterr().out


def test_without_a_command_the_lab_opens(monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setenv("DLCOURSE_WORK", str(tmp_path))
    monkeypatch.setattr(lab, "open_course", lambda folder, **options: seen.update(options, folder=folder))
    assert cli.main([]) == 0 and seen == {"folder": tmp_path, "browser": True, "port": None}
    assert cli.main(["lab", "--no-browser", "--port", "9000"]) == 0
    assert seen == {"folder": tmp_path, "browser": False, "port": 9000}


def test_reset_says_where_the_backup_lies(mine, capsys):
    lesson = work.find_lesson("00")
    (mine / lesson.name).write_text("mine")
    assert cli.main(["reset", "00"]) == 0
    said = capsys.readouterr().out
    (backup,) = (mine / ".dlcourse" / "backup").iterdir()
    assert str(backup) in said and backup.read_text() == "mine"
    assert (mine / lesson.name).read_bytes() == lesson.read_bytes()
    assert "00 Start here" in (mine / "START.md").read_text(encoding="utf-8")


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
        ran = subprocess.run(command, cwd=work.ROOT, stdout=writing, stderr=subprocess.PIPE, text=True)
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
