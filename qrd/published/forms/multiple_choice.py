"""ARC and CommonsenseQA: a stem, labelled choices and `answerKey`, in AI2's form and in the hub's.

AI2:  {"id", "question": {"stem", "choices": [{"label", "text"}, ...]}, "answerKey"}
hub:  {"id", "question", "choices": {"label": [...], "text": [...]}, "answerKey"}

Labels are letters or, in a part of ARC, digits; records know letters only, A for the first choice.

Source: https://allenai.org/data/arc and https://www.tau-nlp.sites.tau.ac.il/commonsenseqa; allenai/ai2_arc and
tau/commonsense_qa on the hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qrd.published.row import Published
from qrd.rows.records import LETTERS, Fields


def arc(row: Published) -> Fields:
    """The question of a row of ARC.

    Raises: DataError.
    """
    return _question(row, {"source_id": row.source_id("id")}, gold_required=True)


def commonsense_qa(row: Published) -> Fields:
    """The question of a row of CommonsenseQA; its test split is published without gold answers.

    Raises: DataError.
    """
    stem = row.fields.get("question")
    holder = stem if isinstance(stem, Mapping) else row.fields
    meta = {"source_id": row.source_id("id"), "subject": holder.get("question_concept")}
    return _question(row, meta, gold_required=False)


def _question(row: Published, meta: Fields, *, gold_required: bool) -> Fields:
    field, stem, choices = _parts(row)
    labels = [label for label, _ in choices]
    if len(set(labels)) < len(labels):
        raise row.error(field, f"found the labels {', '.join(labels)}, expected each label once")
    key = row.text("answerKey") if gold_required else row.maybe_text("answerKey")
    if key is not None and key not in labels:
        raise row.problem("answerKey", f"one of {', '.join(labels)}")
    answer = None if key is None else LETTERS[labels.index(key)]
    return {
        "task": "choice",
        "question": stem,
        "choices": [text for _, text in choices],
        "answer": answer,
        "meta": meta,
    }


def _parts(row: Published) -> tuple[str, str, list[tuple[str, str]]]:
    """Name of the field of the choices, stem, and (label, text) of each choice."""
    question = row.fields.get("question")
    if isinstance(question, Mapping):
        stem = question.get("stem")
        if not (isinstance(stem, str) and stem.strip()):
            raise row.problem("question.stem", "a text")
        return "question.choices", stem.strip(), _pairs(row, "question.choices", question.get("choices"))
    return "choices", row.text("question"), _pairs(row, "choices", row.fields.get("choices"))


def _pairs(row: Published, field: str, choices: Any) -> list[tuple[str, str]]:
    pairs: list[tuple[Any, Any]] = []
    if isinstance(choices, list):
        pairs = [(c.get("label"), c.get("text")) if isinstance(c, Mapping) else (None, None) for c in choices]
    elif isinstance(choices, Mapping):
        labels, texts = choices.get("label"), choices.get("text")
        if isinstance(labels, list) and isinstance(texts, list) and len(labels) == len(texts):
            pairs = list(zip(labels, texts, strict=True))
    whole = all(isinstance(part, str) and part.strip() for pair in pairs for part in pair)
    if not (whole and 2 <= len(pairs) <= len(LETTERS)):
        raise row.problem(field, "two or more choices, each with a label and a text")
    return [(label.strip(), text.strip()) for label, text in pairs]
