"""A card tells how its data came to be from the manifests behind it, believes none that is of another file, and lets
no name out of a row break its text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qrd.config import DataExportConfig, DataPathsConfig, knobs
from qrd.console import Console
from qrd.exports.card import code
from qrd.exports.lineage import trail
from qrd.rows.manifest import beside, sha256_of
from qrd.stages.data import exporting
from qrd.stages.data import paths as data_paths


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """A folder with paths of two styles, made of questions and replies by `data paths`."""
    monkeypatch.chdir(tmp_path)
    question = {"id": "q1", "task": "math", "question": "1 + 1?", "answer": "2"}
    Path("questions.jsonl").write_text(json.dumps(question) + "\n")
    replies = [{"id": "q1", "response": "The answer is 2.", "style": style} for style in ("cot", "tot")]
    Path("replies.jsonl").write_text("".join(json.dumps(reply) + "\n" for reply in replies))
    run(data_paths, DataPathsConfig, input="replies.jsonl", questions="questions.jsonl", teacher="hf:/models/big")
    return tmp_path


def run(stage: Any, kind: type[Any], **options: Any) -> None:
    stage.run(knobs.build(kind, {"output": "paths.jsonl", **options}), Console(quiet=True))


def card(folder: Path, **options: Any) -> str:
    run(exporting, DataExportConfig, **{"input": "paths.jsonl", "output": "out/", "for": "trl", **options})
    return (folder / "out" / "README.md").read_text("utf-8")


def test_the_card_counts_and_names_every_step_with_its_hash(folder: Path) -> None:
    text = card(folder)
    assert "2 replies of a teacher to 1 questions" in text
    assert "2 give the gold answer and 0 were judged valid" in text
    assert "| `cot` | 1 |" in text
    for name in ("questions.jsonl", "replies.jsonl", "paths.jsonl", "out/train.jsonl"):
        assert str(sha256_of(folder / name)) in text
    assert "`qrd data paths` made `paths.jsonl` (2 rows in, 2 out)" in text
    assert "style `vanilla`" in text


def test_the_card_names_no_folder_of_this_machine(folder: Path) -> None:
    text = card(folder, input=str(folder / "paths.jsonl"))
    assert "`hf:big`" in text
    assert "/models" not in text
    assert str(folder) not in text


def test_a_manifest_of_another_content_ends_the_trail(folder: Path) -> None:
    paths = folder / "paths.jsonl"
    paths.write_text(paths.read_text().replace("The answer is 2.", "The answer is 2!"))
    text = card(folder)
    assert f"`{sha256_of(paths)}`: no manifest tells how it was made" in text
    assert "data paths" not in text


@pytest.mark.parametrize("content", ["", "[]", '{"command": 5}', '{"command": "x", "output": {"sha256": 1}}'])
def test_a_manifest_of_another_shape_ends_the_trail(folder: Path, content: str) -> None:
    beside("paths.jsonl").write_text(content)
    (step,) = trail({"paths.jsonl": str(sha256_of(folder / "paths.jsonl"))})
    assert step.made is None


def test_manifests_that_lead_in_a_circle_end(folder: Path) -> None:
    facts = {"command": "x", "output": {"sha256": "1"}, "inputs": [{"file": "b", "sha256": "2"}]}
    beside("a").write_text(json.dumps(facts))
    beside("b").write_text(json.dumps({**facts, "output": {"sha256": "2"}, "inputs": [{"file": "a", "sha256": "1"}]}))
    assert [step.file for step in trail({"a": "1"})] == ["b", "a"]


def test_inputs_come_first_and_each_content_once(folder: Path) -> None:
    sha256 = str(sha256_of(folder / "paths.jsonl"))
    steps = trail({"paths.jsonl": sha256, "copy.jsonl": sha256})
    assert [step.file for step in steps] == ["questions.jsonl", "replies.jsonl", "paths.jsonl"]


@pytest.mark.parametrize("name", ["a`b", "a|b", "a\nb\n# c", "\x1b[31mred", "<script>", "](http://x)", ""])
def test_a_name_stays_code_of_one_cell(name: str) -> None:
    shown = code(name)
    assert shown[0] == shown[-1] == "`"
    assert not set(shown[1:-1]) & set("`|\n\x1b")


def test_a_folder_loads_by_its_card_alone(folder: Path) -> None:
    datasets = pytest.importorskip("datasets")
    for kind in ("jsonl", "parquet"):
        given = {"output": f"{kind}/", "format": kind, "for": "trl"}
        run(exporting, DataExportConfig, input="paths.jsonl", **given)
        loaded = datasets.load_dataset(f"./{kind}", cache_dir="cache")
        assert list(loaded) == ["train"]
        assert [row["style"] for row in loaded["train"]] == ["cot", "tot"]
