"""Real teacher replies, where they are at hand: an answer is found in nearly all, and nearly all are as known."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from qrd.answers import Grade, GradeItem, Grader

_FOLDER = Path(os.environ.get("QRD_TEST_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
pytestmark = pytest.mark.skipif(not (_FOLDER / "teacher").is_dir(), reason=f"no replies in {_FOLDER}")

# The teacher's accuracy when its replies are read by hand: what is read may not stray from it.
_ACCURACY = {
    "anli": 0.80,
    "arc_challenge": 0.965,
    "date": 0.925,
    "gsm8k": 1.0,
    "math": 1.0,
    "strategy_qa": 0.804,
}


def _items(name: str) -> list[GradeItem]:
    files = [_FOLDER / kind / f"{name}.train.jsonl" for kind in ("questions", "teacher")]
    rows = [[json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] for file in files]
    return [GradeItem(q["task"], r["response"], q["answer"], q.get("choices")) for q, r in zip(*rows, strict=True)]


def _grades(name: str) -> list[Grade]:
    with Grader() as grader:
        return list(grader.grade_many(_items(name)))


@pytest.mark.parametrize("name", sorted(_ACCURACY))
def test_an_answer_is_found_in_995_of_1000_replies_and_accuracy_is_as_read_by_hand(name: str) -> None:
    grades = _grades(name)
    assert sum(grade.prediction is not None for grade in grades) >= 0.995 * len(grades)
    assert sum(bool(grade.correct) for grade in grades) / len(grades) == pytest.approx(_ACCURACY[name], abs=0.005)


def test_256_math_replies_are_graded_in_ten_seconds_and_1319_gsm8k_replies_in_three() -> None:
    math, gsm8k = _items("math"), _items("gsm8k")
    start = time.monotonic()
    with Grader() as grader:
        list(grader.grade_many(math[:256]))
        assert time.monotonic() - start < 10
        start = time.monotonic()
        list(grader.grade_many((gsm8k * 6)[:1319]))
        assert time.monotonic() - start < 3
