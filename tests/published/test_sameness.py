"""The same question is found again however it is written, and never stands in two parts."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from qrd.config import DataImportConfig, knobs
from qrd.console import Console
from qrd.errors import ConfigError
from qrd.published.sameness import normalised, part_of
from qrd.stages.data import importing

PARTS = ("train", "dev", "test")


def write(file: Path, *rows: dict[str, Any]) -> Path:
    file.write_text("".join(json.dumps({"task": "text", "answer": "x", **row}) + "\n" for row in rows), "utf-8")
    return file


def many(number: int) -> list[dict[str, Any]]:
    return [{"question": f"What is {n} and {n % 7}?"} for n in range(number)]


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("What is 2+3?", "  what is\n2+3 ", True), ("Straße", "STRASSE", True), ("caf\u00e9", "cafe\u0301", True),
        ("What is 2+3?", "What is 2-3?", False), ("x\u00b2", "x2", False), ("What is 5!", "What is 5", False),
        ("Find f'", "Find f", False),
    ],
)  # fmt: skip
def test_case_spacing_and_end_marks_make_no_other_question_but_signs_do(one: str, other: str, are_same: bool) -> None:
    assert (normalised(one) == normalised(other)) is are_same


def test_the_parts_are_disjoint_whole_and_near_their_shares(imported, tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", *many(2000))
    parts = {part: imported("plain", file, split_by="80/10/10", part=part) for part in PARTS}
    ids = [row["id"] for rows in parts.values() for row in rows]
    assert len(ids) == len(set(ids)) == 2000
    assert [round(len(parts[part]) / 2000, 1) for part in PARTS] == [0.8, 0.1, 0.1]


def test_a_part_hangs_on_the_text_alone_and_grows_with_its_share() -> None:
    first = [part_of(row, (80, 10, 10)) for row in many(300)]
    assert first == [part_of({**row, "id": "other", "answer": "y"}, (8, 1, 1)) for row in many(300)]
    wider = [part_of(row, (90, 10)) for row in many(300)]
    assert all(after == "train" for before, after in zip(first, wider) if before == "train")
    assert {"train", "test"} == set(wider)
    assert part_of({"question": "What is 2+3?"}, (50, 50)) == part_of({"question": "what is 2+3"}, (50, 50))


def test_the_part_of_a_question_never_changes_from_one_version_to_the_next() -> None:
    parts = [part_of({"question": text}, (50, 30, 20)) for text in "abcdefgh"]
    assert parts == ["train", "train", "test", "dev", "test", "dev", "dev", "dev"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split_by": "80/10/10"}, "--split-by and --part go together"),
        ({"part": "train"}, "--split-by and --part go together"),
        ({"split_by": "80/20", "part": "dev"}, "--part: 80/20 has no dev"),
        *(({"split_by": text, "part": "train"}, "--split-by: found") for text in ("80", "0/100", "a/b", "1/2/3/4", "")),
    ],
)
def test_shares_that_are_none_are_refused(imported, tmp_path: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        imported("plain", write(tmp_path / "rows.jsonl", *many(2)), **options)


ROWS = (
    {"question": "Who wrote Emma?"}, {"question": "who wrote  emma"}, {"question": "Who wrote Emma?", "answer": "y"},
    {"question": "Who wrote Emma?", "context": "A list."},
    {"question": "Even?", "task": "choice", "choices": ["3", "8"], "answer": "B"},
    {"question": "Even?", "task": "choice", "choices": ["8", "3"], "answer": "A"},
    {"question": "Even?", "task": "choice", "choices": ["8", "5"], "answer": "A"},
)  # fmt: skip


def test_questions_that_came_before_are_named_and_kept(tmp_path: Path) -> None:
    output, shown = tmp_path / "out.jsonl", io.StringIO()
    given = {"name": "plain", "input": str(write(tmp_path / "rows.jsonl", *ROWS)), "output": str(output)}
    importing.run(knobs.build(DataImportConfig, given), Console(stream=shown))
    assert len(output.read_text().splitlines()) == len(ROWS)
    assert "3 questions came before, 1 of them with another answer (kept" in shown.getvalue()
    named = [line for line in shown.getvalue().splitlines() if " repeats " in line]
    assert named == [
        "rows-train-00001 repeats rows-train-00000", "rows-train-00002 repeats rows-train-00000, with another answer",
        "rows-train-00005 repeats rows-train-00004",
    ]  # fmt: skip


def test_duplicates_are_left_out_on_demand_and_counted(imported, tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", *ROWS)
    kept = [row["id"][-1] for row in imported("plain", file, drop_duplicates=True)]
    assert kept == ["0", "3", "4", "6"]
    manifest = json.loads((tmp_path / "questions.jsonl.manifest.json").read_text())
    assert (manifest["rows_in"], manifest["rows_out"], manifest["reasons"]) == (7, 4, {"duplicate": 3})
    assert (manifest["duplicates"], manifest["without_answer"]) == (3, 0)


def test_shards_together_leave_out_what_the_whole_would(imported, tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", *ROWS, *many(40), *many(40))
    parts = [imported("plain", file, drop_duplicates=True, shard=f"{n}/3") for n in (1, 2, 3)]
    ids = sorted(row["id"] for part in parts for row in part)
    assert ids == [row["id"] for row in imported("plain", file, drop_duplicates=True)]
    assert len(ids) == 44
