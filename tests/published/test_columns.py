"""Columns of other names are read where --column says, and an error names the column as the file has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qrd.errors import ConfigError, DataError

ROW = {"prompt": "1 + 1?", "gold": {"text": ["two", "2"]}, "question": "not this", "a.b": "c"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(ROW) + "\n")
    return file


def test_dots_lead_into_objects_and_numbers_into_lists(imported, file: Path) -> None:
    (row,) = imported("plain", file, column=("question=prompt", "answer = gold.text.-1", "context=a.b"), task="math")
    assert (row["question"], row["answer"], row["context"]) == ("1 + 1?", "2", "c")


def test_columns_that_are_read_as_question_and_answer_are_no_choices(imported, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("Q,A\n1 + 1?,2\n")
    (row,) = imported("plain", file, column=("question=Q", "answer=A"), task="math")
    assert (row["question"], row["answer"], "choices" in row) == ("1 + 1?", "2", False)


def test_choices_in_columns_keep_their_letters(imported, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("question,answer,A,B,C\nWhich?,C,red,green,blue\n")
    (row,) = imported("plain", file)
    assert (row["choices"], row["answer"]) == (["red", "green", "blue"], "C")
    file.write_text("question,answer,A,B,D\nWhich?,C,red,green,blue\n")
    with pytest.raises(DataError, match=r"rows\.csv:2:choices: .*without a gap"):
        imported("plain", file)


def test_a_form_of_conversations_reads_other_columns_too(imported, file: Path) -> None:
    (row,) = imported("alpaca", file, column=("instruction=prompt", "output=gold.text.1"), task="math")
    assert (row["question"], row["answer"]) == ("1 + 1?", "2")


def test_an_error_names_the_column_as_the_file_has_it(imported, file: Path) -> None:
    with pytest.raises(DataError, match=r"rows\.jsonl:1:gold: found .*, expected a text"):
        imported("plain", file, column=("question=gold",), task="math")
    with pytest.raises(DataError, match=r"rows\.jsonl:1:gold\.text\[0\]: found 'two', expected an object"):
        imported("messages", file, column=("messages=gold.text",), task="math")


def test_a_column_that_no_row_has_is_refused(imported, file: Path, tmp_path: Path) -> None:
    for column in ("context=contxt", "context=gold.text.2", "context=gold.text.x"):
        with pytest.raises(ConfigError, match=f"--column {column}: none of 1 rows has this column"):
            imported("plain", file, column=("question=prompt", column), task="math")
    assert not (tmp_path / "questions.jsonl").exists()


@pytest.mark.parametrize("given", [("question",), ("=x",), ("question=",), ("question=a", "question=b")])
def test_a_mapping_that_says_no_column_is_refused(imported, file: Path, given: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="--column: "):
        imported("plain", file, column=given, task="math")
