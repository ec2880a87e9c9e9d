"""Conversations become questions: who asks, what of a reply is an answer, and which rows are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qrd.errors import DataError

USER, REPLY = {"role": "user", "content": "Is ice cold?"}, {"role": "assistant", "content": "Yes."}


def write(file: Path, *rows: Any) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


@pytest.mark.parametrize(
    ("form", "row"),
    [
        ("messages", {"messages": [USER, REPLY]}),
        ("messages", {"messages": [{"role": "user", "content": [{"type": "text", "text": "Is ice cold?"}]}, REPLY]}),
        ("sharegpt", {"conversations": [{"from": "human", "value": "Is ice cold?"}, {"from": "gpt", "value": "Yes."}]}),
        ("sharegpt", {"conversations": [USER, REPLY]}),
        ("messages", {"messages": [{"from": "HUMAN", "value": "Is ice cold?"}, {"from": "GPT", "value": "Yes."}]}),
        ("messages", {"messages": [{**USER, "role": "User"}, {**REPLY, "role": "Assistant "}]}),
        ("messages", {"messages": [{"role": "system", "content": ""}, USER, REPLY]}),
        ("messages", {"messages": [{"role": "System", "content": None}, USER, REPLY]}),
        ("sharegpt", {"system": " ", "conversations": [USER, REPLY]}),
        ("prompt-completion", {"prompt": "Is ice cold?", "completion": "Yes."}),
        ("prompt-completion", {"prompt": [USER], "completion": [REPLY]}),
        ("alpaca", {"instruction": "Is ice cold?", "input": "", "output": "Yes."}),
    ],
)
def test_all_four_forms_tell_the_same_question(imported, tmp_path: Path, form: str, row: dict[str, Any]) -> None:
    (question,) = imported(form, write(tmp_path / "chat.jsonl", row), task="boolean")
    assert question == {
        "id": "chat-train-00000", "task": "boolean", "question": "Is ice cold?", "answer": "yes",
        "meta": {"dataset": "chat"},
    }  # fmt: skip


def test_the_last_turn_of_the_user_asks_and_what_came_before_is_its_context(imported, tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "Be brief."}, USER, REPLY, {"role": "user", "content": "And steam?"}]
    (question,) = imported("messages", write(tmp_path / "a.jsonl", {"messages": turns}), task="boolean")
    assert (question["question"], question["context"]) == ("And steam?", "user: Is ice cold?\n\nassistant: Yes.")
    assert (question["answer"], question["meta"]["system"]) == (None, "Be brief.")


def test_the_input_of_alpaca_is_context(imported, tmp_path: Path) -> None:
    row = {"instruction": "Name the colour.", "input": "The sky is blue.", "output": "Blue", "system": "Be brief."}
    (question,) = imported("alpaca", write(tmp_path / "a.jsonl", row), task="text")
    assert (question["question"], question["context"]) == ("Name the colour.", "The sky is blue.")
    assert (question["answer"], question["meta"]["system"]) == ("Blue", "Be brief.")


@pytest.mark.parametrize(
    ("task", "reply", "answer"),
    [
        ("math", "72", "72"), ("math", "Half of 12 is 6.\n\nFinal answer: \\boxed{6}", "6"),
        ("math", "<think>Is it 5? No.</think>The answer is 7.", "7"), ("math", "I would rather not say.", None),
        ("boolean", "Ice is frozen water, so it is cold.\nFinal answer: yes", "yes"), ("boolean", "Perhaps.", None),
        ("choice", "Eight is even, so the answer is B.", "B"), ("choice", "8", "B"), ("choice", "Either.", None),
        ("text", "Jane Austen", "Jane Austen"), ("text", "She lived in Bath.\nAnswer: Jane Austen", "jane austen"),
        (None, "Entailment", "entailment"),
    ],
)  # fmt: skip
def test_of_a_reply_only_what_it_settles_on_is_an_answer(
    imported, tmp_path: Path, task: str | None, reply: str, answer: str | None
) -> None:
    row = {"prompt": "Asked.", "completion": reply} | ({"choices": ["3", "8"]} if task == "choice" else {})
    (question,) = imported("prompt-completion", write(tmp_path / "a.jsonl", row), **({"task": task} if task else {}))
    assert (question["task"], question["answer"]) == (task or "nli", answer)


def test_a_rows_own_answer_goes_before_what_the_reply_says(imported, tmp_path: Path) -> None:
    row = {"messages": [USER, REPLY], "answer": False, "id": 7}
    (question,) = imported("messages", write(tmp_path / "a.jsonl", row))
    assert (question["task"], question["answer"], question["meta"]["source_id"]) == ("boolean", "no", "7")


@pytest.mark.parametrize(
    ("form", "row", "message"),
    [
        ("messages", {}, "messages: found nothing, expected a list of turns"),
        ("messages", {"messages": []}, "messages: found [], expected a list of turns"),
        ("messages", {"messages": ["x"]}, "messages[0]: found 'x', expected an object"),
        ("messages", {"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role: found 'tool', expected one"),
        ("messages", {"messages": [{"role": "user", "content": " "}]}, "messages[0].content: found ' ', expected a"),
        ("messages", {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
         "messages[0].content: found {'type': 'image'}, expected parts of text alone"),
        ("messages", {"messages": [REPLY]}, "messages: found no turn of a user at the end or before the last reply"),
        ("messages", {"messages": [USER, REPLY, REPLY]}, "messages: found no turn of a user"),
        ("sharegpt", {"conversations": [{"content": "x"}]}, "conversations[0].from: found nothing"),
        ("prompt-completion", {"completion": "x"}, "prompt: found nothing, expected a text"),
        ("alpaca", {"instruction": 5}, "instruction: found 5, expected a text"),
        ("messages", {"messages": [USER, REPLY]}, "task: found nothing, expected one of choice"),
    ],
)  # fmt: skip
def test_a_row_that_is_no_conversation_is_named(
    imported, tmp_path: Path, form: str, row: dict[str, Any], message: str
) -> None:
    file = write(tmp_path / "a.jsonl", row)
    with pytest.raises(DataError) as caught:
        imported(form, file)
    assert str(caught.value).startswith(f"{file}:1:{message}")
