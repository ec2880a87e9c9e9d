"""Golden pairs: replies, their gold answers, and what a careful person reads in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qrd.answers import Grade, GradeItem, Grader
from qrd.config.tasks import TASKS

_FOLDER = Path(__file__).parent / "golden"
_TASKS = sorted({file.stem.split("-")[0] for file in _FOLDER.glob("*.jsonl")})


def _pairs(task: str) -> list[dict[str, Any]]:
    """The pairs of TASK.jsonl and TASK-found.jsonl; where two readings are defensible, "note" says why one is taken."""
    files = sorted(_FOLDER.glob(f"{task}*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def graded() -> dict[str, list[tuple[dict[str, Any], Grade]]]:
    """Each task's pairs beside their grades."""
    by_task = {}
    with Grader() as grader:
        for task in _TASKS:
            pairs = _pairs(task)
            items = [GradeItem(task, pair["response"], pair["gold"], pair.get("choices")) for pair in pairs]
            by_task[task] = list(zip(pairs, grader.grade_many(items), strict=True))
    return by_task


def _agrees(pair: dict[str, Any], grade: Grade) -> bool:
    return grade.correct is pair["correct"] and pair.get("prediction", grade.prediction) == grade.prediction


def test_there_are_at_least_500_pairs() -> None:
    assert sorted(TASKS) == _TASKS
    assert sum(len(_pairs(task)) for task in _TASKS) >= 500


@pytest.mark.parametrize("task", _TASKS)
def test_99_in_100_pairs_are_read_and_graded_as_a_person_would(
    task: str, graded: dict[str, list[tuple[dict[str, Any], Grade]]]
) -> None:
    wrong = [(pair, grade) for pair, grade in graded[task] if not _agrees(pair, grade)]
    assert len(wrong) <= 0.01 * len(graded[task]), wrong


@pytest.mark.parametrize("task", _TASKS)
def test_no_wrong_answer_is_accepted(task: str, graded: dict[str, list[tuple[dict[str, Any], Grade]]]) -> None:
    assert [(pair, grade) for pair, grade in graded[task] if grade.correct and not pair["correct"]] == []
