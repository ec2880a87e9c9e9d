"""Expressions made to hang or to eat memory: every comparison ends, and in bounded memory."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Any

import pytest

from qrd.answers import GradeItem, Grader, extract
from qrd.answers.workers import Pool

_LIMIT_S = 2.0
_SLACK_S = 0.5
_FILE = Path(__file__).parent / "poison.jsonl"


def _expression(row: dict[str, Any]) -> str:
    if "expression" in row:
        return str(row["expression"])
    return str(row["repeat"] * row["times"] + row.get("middle", "") + row.get("close", "") * row["times"])


_POISON = [_expression(json.loads(line)) for line in _FILE.read_text(encoding="utf-8").splitlines()]


def test_there_are_60_poison_expressions() -> None:
    assert len(set(_POISON)) == 60


@pytest.mark.slow
def test_each_poison_expression_ends_in_two_seconds_unequal_and_in_bounded_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # of other tests' children
    with Grader(num_workers=1) as grader:
        for expression in _POISON:
            assert grader.equal("math", "x+1", "1+x")  # a worker is up: the clock is not to measure its start
            start = time.monotonic()
            grades = list(grader.grade_many([GradeItem("math", f"\\boxed{{{expression}}}", "x^{3}+17")]))
            assert time.monotonic() - start < _LIMIT_S + _SLACK_S, expression[:80]
            assert grades[0].correct is False, expression[:80]
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < max(640 * 1024, before + 1)


def test_a_comparison_that_hangs_is_killed_counts_as_unequal_and_leaves_the_pool_working() -> None:
    pool = Pool(1, timeout_s=1.0)
    try:
        assert pool.result(pool.submit("x+1", "1+x"))
        start = time.monotonic()
        assert pool.result(pool.submit("9**9**9**9", "x+7")) is False  # past the check that would refuse it
        assert time.monotonic() - start < 1.0 + _SLACK_S
        assert pool.result(pool.submit("x+2", "2+x"))
    finally:
        pool.close()


@pytest.mark.parametrize("task", ["choice", "boolean", "nli", "math", "text"])
@pytest.mark.parametrize(
    "unit",
    ["\\boxed{", "\\boxed{1},", "\\text{", "\\(", "$", "{", "(", "**", "\"", "\n", "9^", "= ", "1 ", "1,000", "A ",
     "Q:", "is is ", "not ", "yes or ", "either ", "cannot be ", "therefore ", "the answer is ", "the statement ",
     "<think>", "</think>", "so ", "wait ", "answer ", "A) x\n", "[[", "`<think>` ", "```\n<think>", "<|channel|>",
     "[THINK] ", "{\"answer\": ", "{\"a\": {", "<answer>", "<answer>x", "\\\"", "答案是", "答案", "Antwort ist ",
     "respuesta ", "La réponse est ", "five ", "minus ", "negative 1 ", "✅ A) x\n", "\u200b", "В ", "ВA"],
)  # fmt: skip
def test_extraction_time_grows_with_length_and_no_faster(task: str, unit: str) -> None:
    def seconds(size: int) -> float:
        reply = unit * (size // len(unit))
        start = time.process_time()
        extract(task, reply, ["a wooden spoon", "an iron nail"])
        return time.process_time() - start

    short = min(seconds(12_500) for _ in range(2))
    assert min(seconds(50_000) for _ in range(2)) < 8 * short + 0.05  # 4 if linear, 16 if quadratic


@pytest.mark.parametrize("task", ["choice", "boolean", "nli", "math", "text"])
def test_a_megabyte_of_one_letter_is_read_within_seconds(task: str) -> None:
    start = time.process_time()
    extract(task, "A " * 500_000, ["a wooden spoon", "an iron nail"])
    assert time.process_time() - start < 3.0
