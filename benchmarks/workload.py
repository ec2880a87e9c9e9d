"""Paths of drawn lengths to train on, the same for every side of a comparison: as rows of qrd and as tokens."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from qrd.models.names import local_source
from qrd.training.batches import Encoded, Encoder

NUM_PATHS = 96
PROMPT_TOKENS, COMPLETION_TOKENS = (40, 120), (40, 250)
# One token each, with the space before them, in every vocabulary that is compared.
TEXT = "the of and to in is that for it was on are with as be at this have from or by one had not but what all"
WORDS = TEXT.split()


def encoder_of(model: str) -> Encoder:
    from transformers import AutoTokenizer

    return Encoder(AutoTokenizer.from_pretrained(local_source(model)))


def draw_rows(model: str, *, number: int = NUM_PATHS, prompt: tuple[int, int] = PROMPT_TOKENS,
              completion: tuple[int, int] = COMPLETION_TOKENS) -> list[dict[str, Any]]:  # fmt: skip
    """Judged paths whose lengths in the tokens of `model`, template and end of turn included, are drawn evenly."""
    draw, encoder = random.Random(0), encoder_of(model)
    empty = encoder.encode([{"role": "user", "content": "the"}], "the")
    rows = []
    for at in range(number):
        num_prompt = max(draw.randint(*prompt) - empty.num_prompt + 1, 1)
        num_completion = draw.randint(*completion) - empty.num_targets + 1
        question, response = (" ".join(draw.choices(WORDS, k=length)) for length in (num_prompt, num_completion))
        rows.append(_row(at, question, response))
    return rows


def _row(at: int, question: str, response: str) -> dict[str, Any]:
    return {
        "id": f"q-{at}", "task": "text", "question": question, "answer": "the", "path_id": f"q-{at}-cot",
        "teacher": "drawn", "style": "cot", "sample": 0, "prompt": [{"role": "user", "content": question}],
        "response": response, "finish_reason": "stop", "prediction": "the", "correct": True, "verdicts": [],
        "verdict": "valid",
    }  # fmt: skip


def write_rows(rows: list[dict[str, Any]], file: Path) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def write_tokens(rows: list[dict[str, Any]], model: str, file: Path) -> Path:
    """The same rows as qrd tokenizes them: `ids`, and `num_prompt` of them that are no targets."""
    encoder = encoder_of(model)
    encoded: list[Encoded] = [encoder.encode(row["prompt"], row["response"]) for row in rows]
    tokens = [{"ids": each.ids, "num_prompt": each.num_prompt} for each in encoded]
    file.write_text(json.dumps({"model": local_source(model), "rows": tokens}), encoding="utf-8")
    return file
