"""Predictions to the figures of `--summary`; shares from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qrd.evaluation.compare import compared
from qrd.evaluation.score import accuracy

Fields = dict[str, Any]


def summarised(rows: Sequence[Fields], pairs: Sequence[tuple[str, str]], *, seed: int) -> Fields:
    """The content of --summary: each model's accuracy over all and per task, and `pairs` of models compared."""
    models = {}
    for model, mine in grouped(rows, "model").items():
        by_task = {task: scores(some) for task, some in grouped(mine, "task").items()}
        models[model] = {**scores(mine), "tasks": by_task}
    comparisons = compared(pairs, question_scores(rows), seed=seed)
    return {"models": models, "comparisons": [found.as_json() for found in comparisons]}


def scores(rows: Sequence[Fields]) -> Fields:
    """Accuracy of some rows with its interval, and how many have an answer or were cut."""
    found = accuracy((row["correct"], row["prediction"] is not None) for row in rows)
    cut = sum(row.get("finish_reason") == "length" for row in rows)
    return {
        "accuracy": found.share, "interval": list(found.interval), "right": found.num_right, "rows": found.num_rows,
        "answer_found": found.num_found, "cut": cut,
    }  # fmt: skip


def question_scores(rows: Sequence[Fields]) -> dict[str, Mapping[str, float]]:
    """For each model the share of right samples of each question; rows without gold do not count."""
    found: dict[str, Mapping[str, float]] = {}
    for model, mine in grouped(rows, "model").items():
        questions = grouped([row for row in mine if row["correct"] is not None], "id")
        found[model] = {name: sum(row["correct"] for row in some) / len(some) for name, some in questions.items()}
    return found


def grouped(rows: Sequence[Fields], field: str) -> dict[str, list[Fields]]:
    """The rows under each value of a field, both in the order of first use."""
    groups: dict[str, list[Fields]] = {}
    for row in rows:
        groups.setdefault(row[field], []).append(row)
    return groups
