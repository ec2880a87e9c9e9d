"""A record is whole or is refused by name; ids and shards depend on nothing but what they are made of."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import Any

import pytest

from qrd.backends import Request, Sampling
from qrd.errors import DataError
from qrd.rows.records import Path, Prediction, Question, checked, digest, in_shard, path_id, plain_json

QUESTION: dict[str, Any] = {"id": "q", "task": "text", "question": "?", "answer": "a"}
CHOICE = {**QUESTION, "task": "choice", "choices": ["x", "y", "z"], "answer": "C"}
PATH = {**QUESTION, "path_id": "p", "response": "r"}


def refusal(fields: dict[str, Any], kind: Any = Question) -> str:
    with pytest.raises(DataError) as caught:
        checked(fields, kind, file="f", line=7)
    assert (caught.value.file, caught.value.line) == ("f", 7)
    return str(caught.value).removeprefix("f:7:")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": ""}, "id: found an empty string, expected a unique id"),
        ({"id": None}, "id: found null, expected str"),
        ({"task": "essay"}, "task: found 'essay', expected one of choice, boolean, nli, math, text"),
        ({"task": 3}, "task: found int, expected str"),
        ({"answer": 4}, "answer: found int, expected str | null"),
        ({"choices": "xyz"}, "choices: found str, expected array | null"),
        ({"choices": ["x", 2]}, "choices[1]: found int, expected str"),
        ({"meta": []}, "meta: found array, expected object | null"),
        ({"task": "boolean"}, "answer: found 'a', expected yes or no"),
        ({"task": "boolean", "answer": ""}, "answer: found '', expected yes or no"),
        (
            {"task": "nli", "answer": "neither"},
            "answer: found 'neither', expected entailment, neutral or contradiction",
        ),
        ({"task": "choice"}, "choices: found 0 choices, expected 2 to 26 for task choice"),
        ({**CHOICE, "choices": ["x"]}, "choices: found 1 choices, expected 2 to 26 for task choice"),
        ({**CHOICE, "choices": ["x"] * 27}, "choices: found 27 choices, expected 2 to 26 for task choice"),
        ({**CHOICE, "answer": "D"}, "answer: found 'D', expected a letter from A to C"),
        ({**CHOICE, "answer": "AB"}, "answer: found 'AB', expected a letter from A to C"),
        ({**CHOICE, "answer": ""}, "answer: found '', expected a letter from A to C"),
        ({**CHOICE, "answer": "c"}, "answer: found 'c', expected a letter from A to C"),
    ],
)
def test_a_question_that_does_not_fit_is_refused_by_field(change: dict[str, Any], message: str) -> None:
    assert refusal({**QUESTION, **change}) == message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path_id": 5}, "path_id: found int, expected str"),
        ({"usage": {"prompt_tokens": "9"}}, "usage.prompt_tokens: found str, expected int | null"),
        ({"prompt": [{"role": "user"}]}, "prompt[0].content: found nothing, expected this field"),
        ({"verdict": "VALID"}, "verdict: found 'VALID', expected one of valid, invalid, unscored"),
        (
            {"verdicts": [{"judge": "j", "verdict": "yes"}]},
            "verdicts[0].verdict: found 'yes', expected one of valid, invalid, unscored",
        ),
        ({"correct": "true"}, "correct: found str, expected bool | null"),
        ({"correct": 1}, "correct: found int, expected bool | null"),
    ],
)
def test_a_path_that_does_not_fit_is_refused_by_field(change: dict[str, Any], message: str) -> None:
    assert refusal({**PATH, **change}, Path) == message


def test_a_missing_field_is_named() -> None:
    assert refusal({"id": "q", "task": "text"}) == "question: found nothing, expected this field"
    assert refusal(PATH, Prediction) == "model: found nothing, expected this field"


@pytest.mark.parametrize("task", ["choice", "boolean", "nli", "math", "text"])
def test_a_question_without_gold_is_a_question(task: str) -> None:
    fields = {**CHOICE, "task": task, "answer": None}
    assert checked(fields, Question, file="f", line=1).answer is None


@pytest.mark.parametrize("answer", ["A", "B", "C"])
def test_each_letter_of_a_choice_is_a_gold_answer(answer: str) -> None:
    assert checked({**CHOICE, "answer": answer}, Question, file="f", line=1).answer == answer


def test_fields_nobody_knows_do_no_harm() -> None:
    assert checked({**PATH, "own": [1, {"deep": None}]}, Path, file="f", line=1).path_id == "p"


def test_the_id_of_a_path_depends_on_its_four_parts_and_their_places() -> None:
    ids = [
        path_id(*parts) for parts in (("q", "t", "s", 0), ("q", "t", "s", 1), ("q", "s", "t", 0), ("qt", "", "s", 0))
    ]
    assert len(set(ids)) == 4
    # What is hashed is written out here: if it changes, no old output can be resumed.
    assert ids[0] == hashlib.sha256(b'["q","t","s",0]').hexdigest()[:16]


def test_the_digest_of_a_value_does_not_depend_on_the_order_of_its_keys() -> None:
    assert digest({"a": 1, "b": [2, "ü"]}) == digest({"b": [2, "ü"], "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})
    assert len(digest("\ud800")) == 64


@pytest.mark.parametrize("total", [1, 2, 3, 7, 64])
def test_every_id_is_in_exactly_one_part(total: int) -> None:
    ids = [f"gsm8k-train-{number:05d}" for number in range(2000)] + ["", "日本", "\ud800"]
    parts = [[part for part in range(1, total + 1) if in_shard(name, part, total)] for name in ids]
    assert all(len(part) == 1 for part in parts)
    sizes = [sum(part == [number] for part in parts) for number in range(1, total + 1)]
    assert min(sizes) > 0.5 * len(ids) / total


def test_a_part_is_the_same_in_every_process() -> None:
    code = "from qrd.rows.records import in_shard; print([n for n in range(50) if in_shard(f'q{n}', 2, 5)])"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, timeout=30
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {f"{[n for n in range(50) if in_shard(f'q{n}', 2, 5)]}\n".encode()}


def test_the_quick_json_is_the_canonical_one():
    text = "".join(chr(code) for code in range(0x3000) if not 0xD800 <= code < 0xE000)
    for value in ([text, None, True, -7, 2**63], {"b": [], "a": {"d": "\ud800", "c": "🙂"}}, [{"role": "u"}]):
        assert hashlib.sha256(plain_json(value)).hexdigest() == digest(value)


def test_the_hash_of_a_request_is_that_of_all_that_decides_its_reply():
    messages = ({"role": "user", "content": "Wie groß?\n\x00\u2028"},)
    for sampling in (Sampling(), Sampling(temperature=1e-7, top_p=1, max_tokens=3, seed=2**31)):
        request = Request(key="k", messages=messages, sampling=sampling, stop=("END", "é"))
        drawn = [sampling.temperature, sampling.top_p, sampling.max_tokens, sampling.seed]
        for api_base in (None, "http://host/v1"):
            assert request.hash("m", api_base) == digest(["m", api_base, list(messages), drawn, ["END", "é"]])
