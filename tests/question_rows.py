"""Questions with texts of many kinds, written to files and read from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qrd.rows.reader import Reader
from qrd.rows.records import Question

TEXTS = ("plain", "Zürich – naïve", "日本語", "🙂🙃", 'quote " and \\ slash', "line\nend\u2028separator")


def row(number: int) -> dict[str, Any]:
    return {"id": f"q{number}", "task": "text", "question": TEXTS[number % len(TEXTS)], "answer": str(number)}


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().split(b"\n") if line]


def reader(file: Path, **options: Any) -> Reader[Question]:
    return Reader([str(file)], Question, unique="id", **options)
