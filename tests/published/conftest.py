"""How the tests of data sets run a stage: options as a user gives them, records as a file holds them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qrd.config import DataImportConfig, knobs
from qrd.console import Console
from qrd.stages.data import importing

HERE = Path(__file__).parent
Import = Callable[..., list[dict[str, Any]]]


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]


@pytest.fixture
def published() -> Path:
    return HERE / "sets"


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """The records that an import writes; `files` are names of files."""

    def run(name: str, *files: Path | str, **options: Any) -> list[dict[str, Any]]:
        output = tmp_path / "questions.jsonl"
        given = {"input": tuple(map(str, files)), **options} if files else options
        config = knobs.build(DataImportConfig, {"name": name, "output": str(output), **given})
        importing.run(config, Console(quiet=True))
        return read(output)

    return run
