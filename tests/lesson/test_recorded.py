"""`recorded`: what a lesson shows of runs that took minutes; and the files that must not be taken for such."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

import dlcourse
from dlcourse.lesson.recorded import RecordError, read, record_of

WHOLE = {
    "form": "dlcourse-record-1",
    "lesson": "77",
    "date": "2026-03-05",
    "machine": {"processor": "A Processor 9", "cores": 2},
    "versions": {"Python": "3.13.1", "NumPy": "2.4.1", "BLAS": "openblas 0.3.30", "dlcourse": "0.1.0"},
    "seconds": 12.5,
    "command": "dlcourse build --record 77",
    "results": {"net": {"accuracy_percent": {"0": [90.5, 95.25]}}, "linear": {"test_error_percent": [8]}},
}


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    """A whole record of lesson 77, where the course looks for it."""
    module = __import__("sys").modules["dlcourse.lesson.recorded"]
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    (tmp_path / "77.json").write_text(json.dumps(WHOLE), encoding="utf-8")
    return tmp_path / "77.json"


def test_the_results_with_their_label(file):
    found = dlcourse.recorded("77")
    assert isinstance(found, Mapping) and list(found) == ["net", "linear"] and len(found) == 2
    assert found["net"]["accuracy_percent"]["0"] == (90.5, 95.25)
    assert found.label == "recorded result, 5 Mar 2026, NumPy 2.4.1, A Processor 9, 2 cores"
    assert found.date == "5 Mar 2026" and found.machine == "A Processor 9, 2 cores" and found.seconds == 12.5
    assert found.versions["Python"] == "3.13.1" and found.command == "dlcourse build --record 77"
    assert found.label in repr(found) and "net, linear" in repr(found)


def test_one_core_is_one_core():
    assert record_of(WHOLE | {"machine": {"processor": "P", "cores": 1}}, "77").machine == "P, 1 core"


def test_nothing_in_it_can_be_changed(file):
    found = dlcourse.recorded("77")
    with pytest.raises(TypeError):
        found["net"] = 1
    with pytest.raises(TypeError):
        found["net"]["accuracy_percent"]["0"] = [100]
    with pytest.raises(TypeError):
        found["net"]["accuracy_percent"]["0"][0] = 100
    with pytest.raises(AttributeError):
        found.date = "today"


def test_a_name_that_is_not_there_hears_those_that_are(file):
    with pytest.raises(KeyError, match="nothing is recorded as 'nett', only net, linear"):
        dlcourse.recorded("77")["nett"]
    assert dlcourse.recorded("77").get("nett") is None


@pytest.mark.parametrize("lesson", ["8", "008", "../77", "", 77, None, "٠٨"])
def test_what_is_no_number_of_a_lesson(lesson):
    with pytest.raises(RecordError, match=r"takes the number of a lesson, such as recorded\(\"08\"\), got"):
        dlcourse.recorded(lesson)


def changed(*path, value):
    content = copy.deepcopy(WHOLE)
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(content)


NAN, WHOLE_TEXT = float("nan"), json.dumps(WHOLE)
BROKEN = {
    "empty": ("", "cut off, or no JSON"),
    "truncated": (WHOLE_TEXT[:-40], "cut off, or no JSON"),
    "no text": (b"\xff\xfe\x00", "cut off, or no JSON"),
    "bottomless": ("[" * 100_000, "cut off, or no JSON"),
    "a list": ("[1, 2]", "no recorded result of this course"),
    "foreign": ('{"cells": []}', "no recorded result of this course"),
    "another form": (changed("form", value="dlcourse-record-9"), "no recorded result of this course"),
    "another lesson": (changed("lesson", value="04"), "it is that of lesson 04"),
    "no date": (changed("date", value="yesterday"), "not as they should be"),
    "no processor": (changed("machine", "processor", value=""), "not as they should be"),
    "no cores": (changed("machine", value={"processor": "P"}), "not as they should be"),
    "no NumPy": (changed("versions", value={"Python": "3.13"}), "not as they should be"),
    "no time": (changed("seconds", value=None), "not as they should be"),
    "time is NaN": (changed("seconds", value=NAN), "not as they should be"),
    "no command": (changed("command", value=7), "not as they should be"),
    "no results": (changed("results", value={}), "it holds no results"),
    "NaN": (changed("results", "net", "accuracy_percent", "0", value=[90.5, NAN]), "holds nan under net, accuracy"),
    "infinity": (WHOLE_TEXT.replace("95.25", "1e999"), "holds inf under net, accuracy_percent, 0"),
}


@pytest.mark.parametrize("content, says", BROKEN.values(), ids=BROKEN)
def test_a_damaged_or_foreign_file_is_one_sentence(content, says, file):
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RecordError, match="the recorded result of lesson 77 cannot be read from") as error:
        dlcourse.recorded("77")
    said = str(error.value)
    assert says in said and "\n" not in said and said.endswith("or make it with `dlcourse build --record 77`")


def test_a_missing_file_is_one_sentence(file):
    with pytest.raises(RecordError, match=r"lesson 78 cannot be read from .*78\.json: it is missing; install"):
        dlcourse.recorded("78")


def test_a_folder_in_its_place_is_one_sentence(file):
    (file.parent / "79.json").mkdir()
    with pytest.raises(RecordError, match="cannot be read"):
        read(file.parent / "79.json", "79")
