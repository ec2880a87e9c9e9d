"""Replies made elsewhere become graded paths of their questions, each once and under an id of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qrd.config import DataPathsConfig, knobs
from qrd.console import Console
from qrd.errors import ConfigError, DataError
from qrd.prompts import student_messages
from qrd.rows.reader import Reader
from qrd.rows.records import Path as PathRecord
from qrd.rows.records import Question, in_shard, path_id
from qrd.stages.data import paths as data_paths

QUESTIONS = [
    {"id": "q1", "task": "math", "question": "1 + 1?", "answer": "2", "meta": {"dataset": "d"}, "own": [1]},
    {"id": "q2", "task": "boolean", "question": "Is ice cold?", "answer": "yes"},
    {"id": "q3", "task": "text", "question": "Say a word.", "answer": None},
]
Run = Callable[..., list[dict[str, Any]]]


def write(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


@pytest.fixture
def made(tmp_path: Path) -> Run:
    """The paths made of replies."""

    def run(replies: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
        output = tmp_path / "paths.jsonl"
        questions = write(tmp_path / "questions.jsonl", QUESTIONS)
        given = {"input": str(write(tmp_path / "replies.jsonl", replies)), "questions": str(questions)}
        config = knobs.build(DataPathsConfig, {**given, "output": str(output), **options})
        data_paths.run(config, Console(quiet=True))
        return [json.loads(line) for line in output.read_text("utf-8").splitlines()]

    return run


def test_a_path_has_all_fields_of_its_question_and_a_grade(made: Run) -> None:
    (path,) = made([{"id": "q1", "response": "The answer is 2."}], teacher="t", style="cot")
    assert path == {
        **QUESTIONS[0], "path_id": path_id("q1", "t", "cot", 0), "request_hash": None, "teacher": "t", "style": "cot",
        "sample": 0, "prompt": None, "response": "The answer is 2.", "finish_reason": None, "usage": None,
        "prediction": "2", "correct": True,
    }  # fmt: skip


def test_grades_stay_with_their_replies(made: Run) -> None:
    answers = [("q1", "2"), ("q2", "no"), ("q1", "3"), ("q3", "word"), ("q2", "yes"), ("q1", "\\frac{4}{2}")] * 50
    paths = made([{"id": name, "response": f"The answer is {answer}."} for name, answer in answers])
    right = {("q1", "2"): True, ("q2", "no"): False, ("q1", "3"): False, ("q3", "word"): None, ("q2", "yes"): True}
    assert [path["correct"] for path in paths] == [right.get(pair, True) for pair in answers]


def test_what_a_reply_says_of_itself_is_kept_where_it_is_known_to_it(made: Run) -> None:
    reply = {
        "id": "q1", "response": "2", "teacher": "mine", "style": "tot", "sample": 4, "finish_reason": "stop",
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "cost_usd": 0.1},
        "prompt": [{"role": "user", "content": "1 + 1?"}], "batch": "b7",
    }  # fmt: skip
    (path,) = made([reply], teacher="other", style="cot")
    assert {name: path[name] for name in reply} == reply
    assert path["path_id"] == path_id("q1", "mine", "tot", 4)


def test_a_replys_word_for_its_grade_verdict_and_question_is_not_taken(made: Run) -> None:
    (path,) = made([{
        "id": "q1", "response": "The answer is 3.", "correct": True, "prediction": "2", "verdict": "valid",
        "verdicts": [{"judge": "me", "verdict": "valid"}], "path_id": "mine", "answer": "3", "task": "text",
    }])  # fmt: skip
    assert (path["correct"], path["prediction"], path["answer"], path["task"]) == (False, "3", "2", "math")
    assert "verdict" not in path
    assert "verdicts" not in path
    assert path["path_id"] == path_id("q1", "unknown", "vanilla", 0)


def test_several_replies_to_a_question_are_numbered_in_order(made: Run) -> None:
    replies = [{"id": "q1"}, {"id": "q2"}, {"id": "q1", "style": "cot"}, {"id": "q1", "sample": 1}, {"id": "q1"}]
    paths = made([{**reply, "response": "2"} for reply in replies])
    assert [path["sample"] for path in paths] == [0, 0, 0, 1, 2]
    assert len({path["path_id"] for path in paths}) == len(paths)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_what_a_model_thought_in_a_field_of_its_own_is_kept(made: Run, name: str) -> None:
    turns = [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "It is 2.", name: "one and one"}]
    for reply in ({"id": "q1", "response": "It is 2.", name: "one and one"}, {"messages": turns}):
        (path,) = made([reply])
        assert (path["reasoning"], path["response"], path["correct"]) == ("one and one", "It is 2.", True)


def test_a_reply_that_was_lost_has_no_answer(made: Run) -> None:
    (path,) = made([{"id": "q1", "response": None, "finish_reason": "content_filter"}])
    assert (path["response"], path["prediction"], path["correct"]) == ("", None, False)


def test_every_row_that_is_no_reply_to_a_question_is_named(made: Run, tmp_path: Path) -> None:
    rows = [
        {"id": "zz", "response": "2"}, {"id": "q1"}, {"id": "q1", "response": 7}, {"response": "2"},
        {"id": "q1", "response": "2", "sample": 0}, {"id": "q1", "response": "2", "sample": 0},
        {"id": "q1", "response": "2", "sample": -1}, {"id": "q1", "response": "2", "usage": {"cost_usd": "much"}},
    ]  # fmt: skip
    with pytest.raises(DataError) as caught:
        made(rows)
    file = tmp_path / "replies.jsonl"
    assert str(caught.value).splitlines() == [
        f"{file}:1:id: found 'zz', expected an id of {tmp_path / 'questions.jsonl'}",
        f"{file}:2:response: found nothing, expected this field",
        f"{file}:3:response: found int, expected str | null",
        f"{file}:4:id: found nothing, expected this field",
        f"{file}:6:sample: found 0 again, first used at {file}:5",
        f"{file}:7:sample: expected `int` >= 0",
        f"{file}:8:usage.cost_usd: found str, expected float | null",
    ]
    assert not (tmp_path / "paths.jsonl").exists()


def test_skip_bad_counts_what_it_sets_aside(made: Run, tmp_path: Path) -> None:
    assert len(made([{"id": "zz", "response": "2"}, {"id": "q1", "response": "2"}], skip_bad=True)) == 1
    manifest = json.loads((tmp_path / "paths.jsonl.manifest.json").read_text())
    assert (manifest["rows_in"], manifest["rows_out"], manifest["reasons"]["bad"]) == (2, 1, 1)
    assert len(manifest["inputs"]) == 2


def test_damaged_questions_stop_the_run_even_with_skip_bad(made: Run, tmp_path: Path) -> None:
    broken = write(tmp_path / "broken.jsonl", [*QUESTIONS, {"id": "q4"}])
    with pytest.raises(DataError, match=r"broken\.jsonl:4:task: found nothing"):
        made([{"id": "q1", "response": "2"}], skip_bad=True, questions=str(broken))


def test_questions_and_replies_cannot_both_be_standard_input(made: Run) -> None:
    with pytest.raises(ConfigError, match="--questions: standard input is read for the replies"):
        made([], questions="-", input="-")


def test_a_shard_holds_all_replies_of_its_questions(made: Run) -> None:
    replies = [{"id": name, "response": str(n)} for n in range(3) for name in ("q1", "q2", "q3")]
    parts = [made(replies, shard=f"{part}/2") for part in (1, 2)]
    assert sorted(path["path_id"] for part in parts for path in part) == sorted(p["path_id"] for p in made(replies))
    for number, part in enumerate(parts, 1):
        assert all(in_shard(path["id"], number, 2) for path in part)


def test_the_paths_read_back_as_paths(made: Run, tmp_path: Path) -> None:
    made([{"id": "q1", "response": "2", "prompt": [{"role": "user", "content": "x"}]}] * 3)
    rows = Reader([str(tmp_path / "paths.jsonl")], PathRecord, unique="path_id")
    assert [row.record.sample for row in rows] == [0, 1, 2]


@pytest.mark.parametrize("name", ["gsm8k", "math", "strategy_qa", "arc_challenge", "date"])
def test_real_replies_all_become_paths(real_data: Path, tmp_path: Path, name: str) -> None:
    questions, replies = (real_data / kind / f"{name}.train.jsonl" for kind in ("questions", "teacher"))
    given = {"input": str(replies), "questions": str(questions), "output": str(tmp_path / "paths.jsonl"), "limit": 200}
    summary = data_paths.run(knobs.build(DataPathsConfig, given), Console(quiet=True))
    assert (summary.num_out, summary.num_bad) == (200, 0)
    paths = [json.loads(line) for line in (tmp_path / "paths.jsonl").read_text("utf-8").splitlines()]
    assert sum(path["correct"] for path in paths) >= 150


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "1+1, now."}, {"role": "assistant", "content": "It is 2."}]},
        {"conversations": [{"from": "human", "value": "1+1, now."}, {"from": "gpt", "value": "It is 2."}]},
        {"prompt": "1+1, now.", "completion": "It is 2."},
        {"instruction": "1+1, now.", "output": "It is 2."},
    ],
)
def test_the_last_turn_of_a_conversation_is_the_reply_and_the_rest_its_prompt(made: Run, row: dict[str, Any]) -> None:
    (path,) = made([{"id": "q1", "batch": "b7", **row}])
    assert (path["response"], path["correct"], path["batch"]) == ("It is 2.", True, "b7")
    assert path["prompt"] == [{"role": "user", "content": "1+1, now."}]
    assert not set(path) & {"messages", "conversations", "completion", "instruction", "output"}


def test_a_conversation_without_an_id_belongs_to_the_question_it_asks(made: Run) -> None:
    asked_by_qrd = student_messages(Question(id="q2", task="boolean", question="Is ice cold?"))[0]["content"]
    texts = ["1 + 1", "say a WORD.", "Is ice cold?", asked_by_qrd]
    paths = made([{"prompt": text, "completion": "2"} for text in texts])
    assert [path["id"] for path in paths] == ["q1", "q3", "q2", "q2"]
    assert [path["sample"] for path in paths] == [0, 0, 0, 1]


def test_a_conversation_that_fits_no_question_or_several_is_named(made: Run, tmp_path: Path) -> None:
    twice = write(tmp_path / "twice.jsonl", [QUESTIONS[0], {**QUESTIONS[0], "id": "q9"}])
    rows = [
        {"prompt": "1 + 1?", "completion": "2"}, {"prompt": "1 + 2?", "completion": "3"},
        {"id": "q9", "messages": [{"role": "user", "content": "1 + 1?"}]}, {"id": 9, "prompt": "x", "completion": "y"},
        {"id": "q9", "prompt": "x", "completion": "2"},
    ]  # fmt: skip
    with pytest.raises(DataError) as caught:
        made(rows, questions=str(twice))
    file = tmp_path / "replies.jsonl"
    assert str(caught.value).splitlines() == [
        f"{file}:1:id: found nothing, and several questions of {twice} ask '1 + 1?'",
        f"{file}:2:id: found nothing, and no question of {twice} asks '1 + 2?'",
        f"{file}:3:messages: found no reply at the end",
        f"{file}:4:id: found int, expected str",
    ]


def test_questions_and_paths_come_out_of_one_file_of_conversations(made: Run, imported: Any, tmp_path: Path) -> None:
    said = {"instruction": "Sum it.", "system": "Be brief."}
    rows = [{**said, "input": f"{n} + 1", "output": f"That is\nFinal answer: {n + 1}"} for n in range(5)]
    questions = write(tmp_path / "made.jsonl", imported("alpaca", write(tmp_path / "chat.jsonl", rows), task="math"))
    paths = made(rows, questions=str(questions))
    assert [path["id"] for path in paths] == [f"chat-train-{n:05d}" for n in range(5)]
    assert all(path["correct"] for path in paths)
    assert [turn["role"] for turn in paths[0]["prompt"]] == ["system", "user"]


def test_a_limit_counts_the_paths_of_this_shard(made: Run) -> None:
    replies = [{"id": name, "response": str(n)} for n in range(3) for name in ("q1", "q2", "q3")]
    part = next(part for part in ("1/2", "2/2") if in_shard("q1", *map(int, part.split("/"))))
    assert [path["path_id"] for path in made(replies, shard=part, limit=2)] == [
        path["path_id"] for path in made(replies, shard=part)
    ][:2]
