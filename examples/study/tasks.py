"""Questions of two reasoning-gym families in three difficulties each, read with `qrd data import`.

chain_sum rewards small steps: a running total that a tiny student can hold. leg_counting rewards recalled facts: how
many legs an animal has is not in the question. A test question is never among the training questions.
"""

from __future__ import annotations

import json
from pathlib import Path as File
from typing import Any

from qrd.config import DataImportConfig
from qrd.console import Console
from qrd.stages.data import importing

LEVELS = {
    "chain_sum": {n: {"min_terms": n, "max_terms": n, "min_digits": 1, "max_digits": 1} for n in (3, 4, 5)},
    "leg_counting": {n: {"min_animals": n, "max_animals": n, "max_instances": 3} for n in (2, 3, 4)},
}
TEST_SEED, SEED_APART = 900_000, 10_000

Rows = list[dict[str, Any]]


def questions(folder: File, *, split: str, seed: int, each: int) -> Rows:
    """`each` different questions of every family and difficulty, with `meta.family` and `meta.level`."""
    found: Rows = []
    for family, levels in LEVELS.items():
        for level, options in levels.items():
            file = folder / f"{split}-{family}-{level}.jsonl"
            config = DataImportConfig(
                name=f"reasoning-gym:{family}", output=str(file), split=split, dataset=f"{family}-{level}-s{seed}",
                count=2 * each, seed=seed, gym_options=json.dumps(options), drop_duplicates=True, quiet=True,
            )  # fmt: skip
            importing.run(config, Console(quiet=True))
            for row in read(file)[:each]:
                row["meta"] |= {"family": family, "level": level, "difficulty": f"{family}-{level}"}
                found.append(row)
    return found


def test_questions(folder: File, *, each: int) -> Rows:
    """The questions that every cell is evaluated on."""
    return questions(folder, split="test", seed=TEST_SEED, each=each)


def train_questions(folder: File, *, seed: int, each: int, test: Rows) -> Rows:
    """The training questions of one seed, none of which is asked in the test."""
    asked = {row["question"] for row in test}
    spare = questions(folder, split="train", seed=(seed + 1) * SEED_APART, each=each + each // 4)
    kept: Rows = []
    for name in dict.fromkeys(row["meta"]["difficulty"] for row in spare):
        fresh = [row for row in spare if row["meta"]["difficulty"] == name and row["question"] not in asked]
        kept += fresh[:each]
    return kept


def read(file: File) -> Rows:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def write(file: File, rows: Rows) -> None:
    """A JSONL file of these rows."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
