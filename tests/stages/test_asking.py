"""What a run says when its output was made otherwise, and where it says what failed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qrd.config import GenerateConfig, knobs
from qrd.console import Console
from qrd.errors import ConfigError
from qrd.rows.manifest import Manifest
from qrd.stages import asking

SECRET_URL = "http://user:canary-77@host.example/v1"


def refusal(tmp_path: Path, **now: object) -> str:
    output = str(tmp_path / "paths.jsonl")
    before = knobs.build(GenerateConfig, {"api_base": SECRET_URL, "temperature": 0.5})
    Manifest("generate", before, output).finish(inputs={}, rows_in=0, rows_out=0)
    config = knobs.build(GenerateConfig, {"api_base": SECRET_URL, "temperature": 0.5, **now})
    with pytest.raises(ConfigError) as caught:
        asking.refuse_mixture(output, config, "the prompt of q1")
    return str(caught.value)


def test_the_setting_that_changed_is_named_and_no_other(tmp_path: Path) -> None:
    assert "(--temperature 0.5 -> 0.9)" in refusal(tmp_path, temperature=0.9)


def test_no_secret_of_a_url_is_shown(tmp_path: Path) -> None:
    assert "canary" not in refusal(tmp_path)
    text = refusal(tmp_path, api_base="http://user:canary-78@other.example/v1")
    assert "other.example" in text
    assert "canary" not in text


def test_beside_a_pipe_no_file_of_failures_is_made(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    failed = [{"id": "q1", "error": "no", "attempts": 1}]
    asking.report_failures(str(tmp_path / "pipe"), failed, Console(quiet=True))
    assert [file.name for file in tmp_path.iterdir()] == ["pipe"]
