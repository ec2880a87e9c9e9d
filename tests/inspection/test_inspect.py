"""inspect shows what is there, says what is damaged, and lets no text of a model act on the terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qrd.config import InspectConfig, knobs
from qrd.console import Console
from qrd.errors import ConfigError, DataError
from qrd.inspection.kinds import kind_of
from qrd.inspection.overview import MAX_VALUES, REST, Overview
from qrd.inspection.where import condition
from qrd.stages import inspect

QUESTION = {"id": "q1", "task": "choice", "question": "Which?", "choices": ["one", "two"], "answer": "B"}
HOSTILE = "look \x1b[2J\x1b]0;owned\x07 [/x] [bold]loud[/bold]\u202e\r\nnext"
PATH: dict[str, Any] = {
    **QUESTION, "path_id": "p1", "request_hash": "h", "teacher": "big", "style": "cot", "sample": 0,
    "prompt": [{"role": "user", "content": "Think. Which?"}], "response": "It is B.", "finish_reason": "stop",
    "prediction": "B", "correct": True, "usage": {"prompt_tokens": 9, "completion_tokens": 4, "cost_usd": 0.25},
}  # fmt: skip
WRONG = {**PATH, "path_id": "p2", "style": "tot", "response": "A", "prediction": "A", "correct": False}
JUDGED = {
    **PATH, "path_id": "p3", "id": "q3", "verdict": "invalid",
    "verdicts": [{"judge": "strict", "verdict": "invalid", "reason": "it guesses", "raw": "..."}],
}  # fmt: skip
REJECTED = {**WRONG, "path_id": "p4", "prediction": None, "reject_reason": "no_answer"}
ROWS = [QUESTION, PATH, WRONG, JUDGED, REJECTED]


def write(file: Path, rows: list[Any]) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    file.write_text("".join(line + "\n" for line in lines), "utf-8")
    return file


@pytest.fixture
def shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """What inspect prints of rows."""

    def run(rows: list[Any], **options: Any) -> str:
        file = write(tmp_path / "rows.jsonl", rows)
        inspect.run(knobs.build(InspectConfig, {"input": str(file), **options}), Console(quiet=True))
        return capsys.readouterr().out

    return run


def cells(text: str, first: str) -> list[str]:
    """The cells of the row that begins with `first`."""
    return next(line.split() for line in text.splitlines() if line.split()[:1] == [first])


def test_replies_are_counted_by_style_with_what_they_cost(shown) -> None:
    text = shown(ROWS)
    assert cells(text, "cot") == ["cot", "2", "2", "0", "0", "0", "0", "100.0", "100.0", "4", "0.5000"]
    assert cells(text, "tot") == ["tot", "2", "0", "1", "1", "0", "0", "0.0", "50.0", "4", "0.5000"]
    assert cells(text, "big")[:5] == ["big", "4", "2", "1", "1"]


def test_kinds_verdicts_and_reject_reasons_are_counted(shown) -> None:
    text = shown(ROWS)
    for row in ("question 1", "path 2", "judged path 1", "rejected path 1", "invalid 1", "no_answer 1"):
        assert row in [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (QUESTION, "question"), (PATH, "path"), (JUDGED, "judged path"), (REJECTED, "rejected path"),
        ({**QUESTION, "model": "m", "response": "r"}, "prediction"), ({"id": "q", "response": "r"}, "reply"),
        ({"id": "q", "path_id": "p", "error": "429", "attempts": 3}, "failed request"),
        ({"step": 1, "loss": 0.5}, "metrics"), ({"path_id": "p", "probability": {}, "routed": []}, "routing"),
        ({"x": 1}, "other"),
    ],
)  # fmt: skip
def test_the_fields_of_a_row_tell_its_kind(fields: dict[str, Any], kind: str) -> None:
    assert kind_of(fields) == kind


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        (["style=cot"], ["p1", "p3"]),
        (["style!=cot"], ["p2", "p4"]),
        (["correct=true", "style=cot"], ["p1", "p3"]),
        (["correct=1"], []),
        (["sample=0", "prediction=null"], ["p4"]),
        (["usage.completion_tokens=4", "verdict=null"], ["p1", "p2", "p4"]),
        (["usage.cost_usd=0.25", "verdicts.0.judge=strict"], ["p3"]),
        (['answer="B"', "choices.1=two", "verdict=invalid"], ["p3"]),
        (["response=It is B."], ["p1", "p3"]),
        (["no.such.field!=null"], []),
    ],
)
def test_where_picks_the_records_that_meet_every_condition(where: list[str], ids: list[str]) -> None:
    conditions = [condition(text) for text in where]
    assert [row["path_id"] for row in ROWS[1:] if all(holds(row) for holds in conditions)] == ids


def test_where_finds_a_number_also_where_it_is_a_text() -> None:
    assert condition("answer=72")({"answer": "72"})
    assert condition("answer=72")({"answer": 72})
    assert not condition('answer="72"')({"answer": 72})


@pytest.mark.parametrize("text", ["style", "=cot", "", "style>3"])
def test_a_condition_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected FIELD=VALUE or FIELD!=VALUE"):
        condition(text)


def test_a_single_record_shows_prompt_response_answer_verdict_and_usage(shown) -> None:
    text = shown(ROWS, id="p3")
    for part in (
        "=== judged path path_id=p3 id=q3", "question: Which?", "  B. two", "prompt, user: Think. Which?",
        "response: It is B.", "prediction: B   answer: B   right", "  strict: invalid: it guesses",
        "finish_reason: stop",
        'usage: {"prompt_tokens":9,"completion_tokens":4,"cost_usd":0.25}',
    ):  # fmt: skip
        assert part in text.splitlines() or text.startswith(part)
    assert "Records" not in text
    places = [text.index(part) for part in ("\nresponse: ", "\nverdict: ", "\nprompt, user: ")]
    assert places == sorted(places), "what differs between paths is to come before their prompts"


def test_the_id_of_a_question_picks_all_its_paths(shown) -> None:
    assert shown(ROWS, id="q1").count("=== ") == 4


def test_show_prints_the_first_records_and_then_the_counts(shown) -> None:
    text = shown(ROWS, show=2, where="task=choice")
    assert text.count("=== ") == 2
    assert text.index("=== question") < text.index("=== path") < text.index("Records")


def test_an_id_that_no_record_has_is_an_error(shown) -> None:
    with pytest.raises(ConfigError, match="--id: no record has nobody"):
        shown(ROWS, id=["p1", "nobody"])


def test_a_bad_row_is_named_after_the_rest_was_shown(shown, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError) as caught:
        shown([PATH, "{oops", {**PATH, "path_id": 7}, {**WRONG, "correct": "yes"}, JUDGED])
    file = tmp_path / "rows.jsonl"
    assert [line.rpartition(f"{file}:")[2][:2] for line in str(caught.value).splitlines()] == ["2:", "3:", "4:"]
    text = capsys.readouterr().out
    assert " ".join(cells(text, "path")) == "path 1"


@pytest.mark.parametrize("field", ["response", "question", "style", "teacher", "path_id", "finish_reason", "other"])
def test_a_text_of_a_model_neither_acts_on_the_terminal_nor_is_read_as_markup(shown, field: str) -> None:
    row = {**PATH, field: HOSTILE}
    text = shown([row], show=1)
    assert not set(text) & {"\x1b", "\x07", "\r", "\u202e"}
    assert "[/x] [bold]loud[/bold]" in text


@pytest.mark.parametrize("name", ["error", "reason", "x\x1b[2J"])
def test_the_fields_of_unknown_rows_are_data_too(shown, name: str) -> None:
    text = shown([{name: HOSTILE, "prompt": 3, "verdicts": "x", "choices": {}, "usage": []}], show=1)
    assert "\x1b" not in text
    assert "=== other" in text


def test_any_values_may_stand_in_rows_of_kinds_that_are_not_checked(shown) -> None:
    odd = [[], {}, None, 3, "x"]
    rows = [{"id": value, "response": value, "usage": {"cost_usd": value}, "style": value} for value in odd]
    rows += [{"error": value, "attempts": value, "path_id": value} for value in odd]
    assert " ".join(cells(shown(rows, show=20), "reply")) == "reply 5"


def test_counts_stay_small_whatever_the_values(shown) -> None:
    tally = Overview()
    for number in range(3 * MAX_VALUES):
        tally.add("path", {**PATH, "style": f"style {number}"})
    assert len(tally.groups["style"]) == MAX_VALUES + 1
    assert tally.groups["style"][REST].num_rows == 2 * MAX_VALUES


def test_a_pipe_gets_plain_text_and_a_bad_row_exit_code_4(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", [{**PATH, "response": HOSTILE}, "{"])
    done = subprocess.run([sys.executable, "-m", "qrd", "inspect", str(file), "--show", "1"], capture_output=True)
    assert done.returncode == 4
    assert b"\x1b" not in done.stdout + done.stderr
    assert "look \N{REPLACEMENT CHARACTER}[2J".encode() in done.stdout
    assert f"{file}:2: not JSON".encode() in done.stderr


def test_a_terminal_gets_a_frame_and_still_no_escape_of_a_model(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", [{**PATH, "style": "a\x1b[2Jb", "response": HOSTILE}])
    leader, follower = pty.openpty()
    words = [sys.executable, "-m", "qrd", "inspect", str(file), "--show", "1"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    subprocess.run(words, stdout=follower, stderr=follower, env=environment, timeout=60, check=True)
    os.close(follower)
    text = os.read(leader, 2**16).decode()
    os.close(leader)
    assert "┃" in text
    assert "\x1b[2J" not in text
    assert "\x1b]0;" not in text


def test_real_files_are_shown(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(real_data / "questions" / "date.train.jsonl"), str(real_data / "teacher" / "date.train.jsonl")]
    inspect.run(knobs.build(InspectConfig, {"input": files}), Console(quiet=True))
    text = capsys.readouterr().out
    assert [cells(text, kind)[1] for kind in ("question", "reply")] == ["200", "200"]
