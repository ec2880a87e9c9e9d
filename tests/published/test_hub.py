"""What is asked of the hub: which parts of which repository, and how a refusal reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qrd.errors import ConfigError
from qrd.published import FORMS
from qrd.published.ways import hub


@pytest.mark.parametrize(
    ("name", "subset", "parts"),
    [
        ("gsm8k", None, [("main", "train")]),
        ("gsm8k", "socratic", [("socratic", "train")]),
        ("arc", None, [("ARC-Challenge", "train")]),
        ("arc", "ARC-Easy", [("ARC-Easy", "train")]),
        ("commonsense_qa", None, [(None, "train")]),
        ("anli", None, [(None, "train_r1"), (None, "train_r2"), (None, "train_r3")]),
        ("anli", "r2", [(None, "train_r2")]),
        ("math", "algebra", [("algebra", "train")]),
    ],
)
def test_the_parts_of_a_data_set_are_those_its_authors_made(
    name: str, subset: str | None, parts: list[tuple[str | None, str]]
) -> None:
    place = FORMS[name].hub
    assert place is not None
    assert place.parts("train", subset) == parts


def test_all_seven_subjects_of_math_are_read() -> None:
    place = FORMS["math"].hub
    assert place is not None
    assert len(place.parts("test", None)) == 7


def test_the_package_datasets_reads_a_split(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    row = {"question": "1 + 1?", "answer": "#### 2"}
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n")
    place = hub.Hub(str(tmp_path))
    assert [dict(found.fields) for found in hub.rows(place, "train", None)] == [row]
    with pytest.raises(ConfigError, match="the hub did not give this data set"):
        list(hub.rows(place, "absent", None))
