"""A manifest says where a file came from, and holds no secret."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from qrd.config import EvalConfig, GenerateConfig, knobs
from qrd.rows import manifest
from qrd.rows.manifest import Manifest

CANARY = "canary-4f1c9a"


def finished(file: Path, config: GenerateConfig | EvalConfig, **facts: object) -> dict[str, object]:
    file.write_bytes(b'{"id": "q"}\n')
    Manifest("generate", config, str(file)).finish(inputs={}, rows_in=2, rows_out=1, **facts)  # type: ignore[arg-type]
    found: dict[str, object] = json.loads(Path(f"{file}.manifest.json").read_text())
    return found


def test_it_says_what_was_run_on_what_and_what_came_out(tmp_path: Path) -> None:
    config = knobs.build(GenerateConfig, {"teacher": "t", "seed": 5})
    found = finished(tmp_path / "paths.jsonl", config, reasons={"failed": 1}, cost_usd=0.5, planned=2)
    assert found["command"] == "generate"
    assert found["seed"] == 5
    assert found["output"] == {"file": "paths.jsonl", "sha256": hashlib.sha256(b'{"id": "q"}\n').hexdigest()}
    assert (found["rows_in"], found["rows_out"], found["reasons"]) == (2, 1, {"failed": 1})
    assert (found["cost_usd"], found["planned"], found["finished"]) == (0.5, 2, True)
    assert found["config"] == json.loads(json.dumps(knobs.plain(config)))


def test_an_input_is_traced_to_its_own_manifest(tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    finished(first, GenerateConfig())
    second.write_bytes(b"")
    sha256 = manifest.sha256_of(first)
    assert sha256 is not None
    Manifest("filter", GenerateConfig(), str(second)).finish(
        inputs={str(first): sha256, "<stdin>": "0"}, rows_in=1, rows_out=0
    )
    traced, untraced = manifest.stored(str(second))["inputs"]
    assert traced["sha256"] == sha256
    assert traced["manifest_sha256"] == hashlib.sha256(Path(f"{first}.manifest.json").read_bytes()).hexdigest()
    assert untraced["manifest_sha256"] is None


def test_standard_output_has_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Manifest("generate", GenerateConfig(), "-").finish(inputs={}, rows_in=0, rows_out=0)
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert manifest.stored(str(tmp_path / "absent")) == {}
    for text in ("{", "[1]", ""):
        (tmp_path / "x.manifest.json").write_text(text)
        assert manifest.stored(str(tmp_path / "x")) == {}


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{CANARY}@host.example/v1",
        f"https://{CANARY}@host.example/v1",
        f"https://host.example/v1?key={CANARY}&region=eu",
        f"https://user:{CANARY}@[::1",
        f"at https://user:{CANARY}@host.example/v1 today",
    ],
)
def test_no_secret_of_a_url_is_written(tmp_path: Path, url: str) -> None:
    config = knobs.build(EvalConfig, {"api_base": url, "model": [url, "m"]})
    finished(tmp_path / "paths.jsonl", config)
    text = (tmp_path / "paths.jsonl.manifest.json").read_text()
    assert CANARY not in text
    assert "***" in text


def test_what_is_no_secret_is_written_as_it_is(tmp_path: Path) -> None:
    config = knobs.build(EvalConfig, {"api_base": "http://localhost:8000/v1", "model": "openai/gpt-4o"})
    found = finished(tmp_path / "paths.jsonl", config)["config"]
    assert isinstance(found, dict)
    assert (found["api_base"], found["model"]) == ("http://localhost:8000/v1", ["openai/gpt-4o"])


def test_the_hash_of_a_folder_depends_on_names_and_contents(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "a").write_text("text")
        (tmp_path / name / "b").write_text("more")
    one = manifest.sha256_of(tmp_path / "one")
    assert one == manifest.sha256_of(tmp_path / "two")
    (tmp_path / "two" / "b").rename(tmp_path / "two" / "c")
    assert one != manifest.sha256_of(tmp_path / "two")
    assert manifest.sha256_of(tmp_path / "absent") is None
