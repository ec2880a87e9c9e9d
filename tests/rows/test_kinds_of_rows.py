"""A file of the wrong kind is one error, which says what it holds and what makes the right one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qrd.errors import DataError
from qrd.inspection.kinds import kind_of
from qrd.rows import kinds
from qrd.rows.reader import Reader
from qrd.rows.records import Path as PathRecord
from qrd.rows.records import Prediction, Question

QUESTION = {"id": "q", "task": "math", "question": "2+3?", "answer": "5"}
PATH = {**QUESTION, "path_id": "p", "teacher": "t", "response": "2+3=5", "prediction": "5", "correct": True}
ROWS: dict[str, dict[str, Any]] = {
    "questions": QUESTION,
    "paths": PATH,
    "judged paths": {**PATH, "verdicts": [], "verdict": "valid"},
    "rejected paths": {**PATH, "reject_reason": "invalid"},
    "predictions": {**QUESTION, "model": "m", "response": "5", "prediction": "5", "correct": True},
    "failed requests": {"id": "q", "path_id": "p", "error": "no", "attempts": 3},
    "replies": {"id": "q", "response": "5"},
    "the metrics of a run": {"step": 1, "loss": 0.5, "terms": {}},
    "the routing of a run": {"epoch": 0, "path_id": "p", "probability": {}, "routed": []},
    "votes": {"path_id": "p", "key": "p/000/000", "judge_hash": "h", "verdict": {}},
    "conversations": {"messages": [{"role": "user", "content": "2+3?"}]},
    "rows of a data set": {"question": "2+3?", "answer": "#### 5"},
    "a manifest": {"qrd": "0", "command": "judge", "config": {}},
}
READS = {
    Question: ("question", {"questions"}),
    PathRecord: ("path", {"paths", "judged paths", "rejected paths"}),
    Prediction: ("prediction", {"predictions"}),
}
WRONG = [(read, name) for read, (_, right) in READS.items() for name in ROWS if name not in right]


def write(folder: Path, *rows: object) -> str:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(folder / "rows.jsonl")


@pytest.mark.parametrize(("read", "name"), WRONG)
@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_file_of_another_kind_is_one_error_that_says_what_would_do(
    tmp_path: Path, read: Any, name: str, skip_bad: bool
) -> None:
    keys = ("id", "path_id")
    rows = [{**ROWS[name], **{key: f"{n // 2}" for key in keys if key in ROWS[name]}} for n in range(50)]
    if skip_bad and read is Question and {"question", "response"} <= ROWS[name].keys():
        assert Reader([write(tmp_path, *rows)], read, unique="id", skip_bad=True).scan() == 25, "one of each question"
        return
    file = write(tmp_path, *rows)
    unique = {Question: "id"}.get(read)
    with pytest.raises(DataError) as caught:
        Reader([file], read, unique=unique, skip_bad=skip_bad).scan()
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"{file}: holds {name}")
    assert f"expected {READS[read][0]}s: " in said
    assert said.partition("expected")[2].count(": ") == 1
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("read", "right"), [(read, name) for read, (_, names) in READS.items() for name in sorted(names)]
)
def test_a_file_of_the_right_kind_names_each_bad_line(tmp_path: Path, read: Any, right: str) -> None:
    bad = {**ROWS[right], "task": "chemistry"}
    with pytest.raises(DataError, match=r"rows\.jsonl:1:task: .*\n.*rows\.jsonl:2:task: "):
        Reader([write(tmp_path, bad, bad)], read, unique=None).scan()


def test_one_row_of_the_right_kind_makes_the_others_bad_lines(tmp_path: Path) -> None:
    file = write(tmp_path, ROWS["questions"], PATH, ROWS["the metrics of a run"])
    with pytest.raises(DataError, match=r"rows\.jsonl:1:path_id: .*\n.*rows\.jsonl:3:id: "):
        Reader([file], PathRecord, unique="path_id").scan()
    lenient = Reader([file], PathRecord, unique="path_id", skip_bad=True)
    assert lenient.scan() == 1
    assert len(lenient.bad) == 2


def test_each_file_is_told_apart(tmp_path: Path) -> None:
    good = tmp_path / "good.jsonl"
    good.write_text(json.dumps(PATH) + "\n", "utf-8")
    with pytest.raises(DataError, match=r"rows\.jsonl: holds questions"):
        Reader([str(good), write(tmp_path, QUESTION)], PathRecord, unique="path_id").scan()


def test_answers_may_be_compared_with_as_questions(tmp_path: Path) -> None:
    assert Reader([write(tmp_path, PATH)], Question, unique=None).scan() == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            json.dumps(ROWS["a manifest"], indent=2),
            "holds a manifest, which tells of the file beside it: give the file",
        ),
        (json.dumps([QUESTION] * 3), "holds questions as one JSON value"),
        (json.dumps([PATH] * 3, indent=1), "holds paths as one JSON value"),
        (json.dumps(PATH, indent=1), "holds paths as one JSON value"),
        ("PAR1\x15\x04\x15", "holds Parquet, expected one JSON object a line: `qrd data import`"),
    ],
)
@pytest.mark.parametrize("wanted", [None, "path"])
def test_a_file_that_is_one_value_is_one_error(tmp_path: Path, text: str, words: str, wanted: str | None) -> None:
    (tmp_path / "rows.jsonl").write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        Reader([str(tmp_path / "rows.jsonl")], PathRecord, unique=None, wanted=wanted).scan()
    assert str(caught.value).startswith(f"{tmp_path / 'rows.jsonl'}: {words}")


@pytest.mark.parametrize("name", [name for name in ROWS if name not in ("judged paths", "rejected paths")])
def test_each_kind_has_marks_and_a_plural(name: str) -> None:
    assert kinds.PLURALS[kind_of(ROWS[name])].startswith(name)


COMMANDS = [
    ("generate", "paths", ["--teacher", "scripted:t.toml"], "questions"),
    ("judge", "questions", ["--judge", "scripted:t.toml"], "paths"),
    ("filter", "failed requests", [], "paths"),
    ("train", "questions", ["--student", "embedded:smollm2-135m"], "paths"),
    ("eval", "predictions", ["--model", "scripted:t.toml"], "questions"),
    ("eval --compare", "paths", [], "predictions"),
    ("data export", "predictions", ["--for", "trl"], "paths"),
    ("data paths", "questions", ["--questions", "q.jsonl"], "replies"),
    ("data import gsm8k", "predictions", [], "a data set as published"),
    ("report", "questions", [], "paths or predictions"),
]


@pytest.mark.parametrize(("command", "name", "options", "expected"), COMMANDS)
def test_every_command_tells_a_file_of_another_kind(
    tmp_path: Path, command: str, name: str, options: list[str], expected: str
) -> None:
    (tmp_path / "q.jsonl").write_text(json.dumps(QUESTION) + "\n", "utf-8")
    (tmp_path / "t.toml").write_text('[[rule]]\nreply = "5"\n', "utf-8")
    write(tmp_path, *({**ROWS[name], "id": f"q{n // 2}"} for n in range(30)))
    words = [sys.executable, "-m", "qrd", *command.split(), "rows.jsonl", *options, "-o", "out"]
    env = {**os.environ, "PYTHONPATH": os.getcwd()}
    run = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 4, run.stderr
    assert f"rows.jsonl: holds {name}, expected {expected}" in run.stderr
    assert run.stderr.count("\n") <= 2, run.stderr
