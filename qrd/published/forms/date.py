"""BIG-bench Date Understanding, in the four forms it is published in.

BIG-bench:       {"examples": [{"input", "target_scores": {text: 0 or 1}}, ...]}
hub:             {"inputs", "multiple_choice_targets": [text, ...], "multiple_choice_scores": [0 or 1, ...]}
BIG-bench Hard:  {"examples": [{"input": "... Options:\\n(A) ...\\n(B) ...", "target": "(B)"}, ...]}
other copies:    {"input", "target": text}, without choices: a question of task text

Source: https://github.com/google/BIG-bench (benchmark_tasks/date_understanding/task.json) and
https://github.com/suzgunmirac/BIG-Bench-Hard; tasksource/bigbench on the hub.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from qrd.published.row import Published
from qrd.rows.records import LETTERS, Fields

_OPTIONS = re.compile(r"\n\s*Options:\s*\n")
_OPTION = re.compile(r"^\s*\(([A-Z])\)[ \t]*(\S.*?)\s*$", re.MULTILINE)


def question(row: Published) -> Fields:
    """The question of a row.

    Raises: DataError.
    """
    meta = {"source_id": row.source_id("id", "idx")}
    if row.fields.get("target_scores") is not None:
        return {**_from_scores(row), "meta": meta}
    if row.fields.get("multiple_choice_targets") is not None:
        return {**_from_lists(row), "meta": meta}
    return {**_from_target(row), "meta": meta}


def _from_scores(row: Published) -> Fields:
    scores = row.fields["target_scores"]
    if not isinstance(scores, Mapping):
        raise row.problem("target_scores", "an object of scores by choice")
    return _choice(row, "input", "target_scores", list(scores), list(scores.values()))


def _from_lists(row: Published) -> Fields:
    texts, scores = row.fields["multiple_choice_targets"], row.fields.get("multiple_choice_scores")
    if not (isinstance(texts, list) and isinstance(scores, list) and len(texts) == len(scores)):
        raise row.problem("multiple_choice_scores", "one score for each of multiple_choice_targets")
    return _choice(row, "inputs", "multiple_choice_scores", texts, scores)


def _choice(row: Published, text_field: str, field: str, texts: list[Any], scores: list[Any]) -> Fields:
    if not (2 <= len(texts) <= len(LETTERS) and all(isinstance(text, str) and text.strip() for text in texts)):
        raise row.problem(field, "two or more choices with a text")
    right = [position for position, score in enumerate(scores) if score == 1]
    if len(right) != 1:
        raise row.error(field, f"found {len(right)} choices with score 1, expected one")
    return {"task": "choice", "question": _stem(row, text_field), "choices": texts, "answer": LETTERS[right[0]]}


def _from_target(row: Published) -> Fields:
    stem, target = _stem(row, "input"), row.text("target")
    parts = _OPTIONS.split(stem, maxsplit=1)
    options = _OPTION.findall(parts[1]) if len(parts) == 2 else []
    if not options:
        return {"task": "text", "question": stem, "answer": target}
    letters = [letter for letter, _ in options]
    if letters != list(LETTERS[: len(letters)]):
        raise row.error("input", f"found the options {', '.join(letters)}, expected A, B and so on")
    letter = target.strip("() ")
    if letter not in letters:
        raise row.problem("target", f"one of {', '.join(letters)}")
    return {"task": "choice", "question": parts[0].strip(), "choices": [text for _, text in options], "answer": letter}


def _stem(row: Published, field: str) -> str:
    """The question without the `Q:` and `A:` that some copies wrap it in."""
    return re.sub(r"\s*\n\s*A:\s*$", "", re.sub(r"^\s*Q:\s*", "", row.text(field))).strip()
