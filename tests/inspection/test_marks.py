"""A mark is on the disk when it is made, says what it was made of, and can be taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qrd.errors import DataError
from qrd.inspection.marks import Marks
from qrd.rows.companions import MARKS

PATH = {"id": "q1", "path_id": "p1", "response": "It is B.", "answer": "B"}
PREDICTION = {"id": "q1", "model": "small", "sample": 1, "response": "C", "answer": "B"}


def test_marks_are_found_again_and_the_last_word_on_a_row_holds(tmp_path: Path) -> None:
    file = str(tmp_path / "paths.jsonl")
    marks = Marks(file)
    marks.put(PATH, "valid")
    marks.put(PREDICTION, "invalid")
    marks.put({**PATH, "path_id": "p2"}, "invalid")
    marks.put(PATH, "invalid")
    marks.put(PREDICTION, None)
    for known in (marks, Marks(file)):
        assert known.of(PATH) == "invalid"
        assert known.of(PREDICTION) is None
        assert known.of({**PREDICTION, "sample": 0}) is None
        assert len(known) == 2
    assert len(MARKS.of(file).read_text("utf-8").splitlines()) == 5


def test_a_mark_says_nothing_of_another_text_under_the_same_name(tmp_path: Path) -> None:
    marks = Marks(str(tmp_path / "paths.jsonl"))
    marks.put(PATH, "valid")
    assert marks.of({**PATH, "verdict": "valid"}) == "valid"
    assert marks.of({**PATH, "response": "It is C."}) is None


def test_a_torn_mark_is_mended_by_the_next_and_other_damage_is_named(tmp_path: Path) -> None:
    file = str(tmp_path / "paths.jsonl")
    Marks(file).put(PATH, "valid")
    side = MARKS.of(file)
    whole = side.read_bytes()
    for length in range(len(whole)):
        side.write_bytes(whole + whole[:length])
        marks = Marks(file)
        assert marks.of(PATH) == "valid"
        marks.put(PATH, "invalid")
        verdicts = [json.loads(line)["verdict"] for line in side.read_text("utf-8").splitlines()]
        assert verdicts == ["valid"] * (1 + (length == len(whole) - 1)) + ["invalid"]  # only the line end was torn off
    side.write_bytes(b"{oops\n" + whole)
    with pytest.raises(DataError, match=r"marks\.jsonl:1"):
        Marks(file)
