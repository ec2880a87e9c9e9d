"""Predictions to the figures of `--summary`; shares from 0 to 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from qrd.evaluation.breakdown import GROUPINGS, UNKNOWN, in_order
from qrd.evaluation.compare import compared
from qrd.evaluation.families import Families
from qrd.evaluation.samples import sampled
from qrd.evaluation.score import accuracy
from qrd.rows.outcomes import NO_ANSWER, NO_GOLD, WRONG, outcome_of

Fields = dict[str, Any]


def summarised(rows: Sequence[Fields], families: Families, *, seed: int) -> Fields:
    """The content of --summary: the figures of each model, over all and in groups, and its `families` compared."""
    models = {model: _model(mine) for model, mine in grouped(rows, itemgetter("model")).items()}
    comparisons = compared(families, question_scores(rows), seed=seed)
    return {"models": models, "comparisons": [found.as_json() for found in comparisons]}


def _model(rows: Sequence[Fields]) -> Fields:
    by = {name: _groups(rows, group_of) for name, group_of in GROUPINGS.items()}
    found = {
        **scores(rows),
        "tasks": {task: scores(some) for task, some in grouped(rows, itemgetter("task")).items()},
        "by": {name: groups for name, groups in by.items() if set(groups) != {UNKNOWN}},
        "samples": sampled(grouped(rows, itemgetter("id"))),
    }
    if any("tie" in row for row in rows):
        found["ties"] = sum(bool(row.get("tie")) for row in rows)
    return found


def _groups(rows: Sequence[Fields], group_of: Callable[[Fields], str]) -> dict[str, Fields]:
    groups = grouped(rows, group_of)
    return {name: scores(groups[name]) for name in in_order(set(groups))}


def scores(rows: Sequence[Fields]) -> Fields:
    """Accuracy of some rows with its interval, and how many have an answer or were cut.

    The interval takes questions as its units, however many samples each has (`score.effective`).
    """
    found = accuracy((row["id"], row["correct"], row["prediction"] is not None) for row in rows)
    cut = sum(row.get("finish_reason") == "length" for row in rows)
    outcomes = Counter(map(outcome_of, rows))
    return {
        "accuracy": found.share,
        "interval": list(found.interval),
        "right": found.num_right,
        "rows": found.num_rows,
        "answer_found": found.num_found,
        "cut": cut,
        "wrong": outcomes[WRONG],
        "no_answer": outcomes[NO_ANSWER],
        "no_gold": outcomes[NO_GOLD],
    }


def question_scores(rows: Sequence[Fields]) -> dict[str, Mapping[str, float]]:
    """For each model the share of right samples of each question; rows without gold do not count."""
    found: dict[str, Mapping[str, float]] = {}
    for model, mine in grouped(rows, itemgetter("model")).items():
        questions = grouped([row for row in mine if row["correct"] is not None], itemgetter("id"))
        found[model] = {name: sum(row["correct"] for row in some) / len(some) for name, some in questions.items()}
    return found


def unchanged(rows: Sequence[Fields], pairs: Sequence[tuple[str, str]]) -> list[str]:
    """The students of (student, base) all of whose replies are their base's, word for word.

    What was fitted into them had no effect on these questions, or was never put on the base.
    """
    replies = {(row["model"], row["id"], row["sample"]): row.get("response") for row in rows}
    found = []
    for student, base in pairs:
        mine = [(reply, replies.get((base, *key))) for (model, *key), reply in replies.items() if model == student]
        if mine and all(reply == before for reply, before in mine):
            found.append(student)
    return found


def grouped(rows: Sequence[Fields], group_of: Callable[[Fields], str]) -> dict[str, list[Fields]]:
    """The rows of each group, both in the order of first use."""
    groups: dict[str, list[Fields]] = {}
    for row in rows:
        groups.setdefault(group_of(row), []).append(row)
    return groups
