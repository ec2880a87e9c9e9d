"""TabMWP: one object {id: row} with `question`, `choices` or null, `answer`, `unit`, `table`, `table_title`, `grade`.

Source: https://github.com/lupantech/PromptPG, data/tabmwp/problems_train.json.
"""

from __future__ import annotations

from qrd.published.forms.numbers import plain_number
from qrd.published.row import Published
from qrd.rows.records import LETTERS, Fields


def question(row: Published) -> Fields:
    """The question of a row: the titled table is its context, the unit a part of the question.

    Raises: DataError.
    """
    table, title, unit = row.text("table"), row.maybe_text("table_title"), row.maybe_text("unit")
    asked = row.text("question")
    return {
        "question": f"{asked} (unit: {unit})" if unit else asked,
        "context": f"{title}\n{table}" if title else table,
        **_answered(row),
        "meta": {"source_id": row.source_id("id"), "level": row.fields.get("grade"), "unit": unit},
    }


def _answered(row: Published) -> Fields:
    answer, choices = row.text("answer"), row.fields.get("choices")
    if not choices:
        number = plain_number(answer)
        return {"task": "text" if number is None else "math", "answer": answer if number is None else number}
    if not (isinstance(choices, list) and all(isinstance(text, str) for text in choices)):
        raise row.problem("choices", "a list of texts, or null")
    choices = [text.strip() for text in choices]
    if choices.count(answer) != 1 or not 2 <= len(choices) <= len(LETTERS):
        raise row.problem("answer", f"one of the {len(choices)} choices")
    return {"task": "choice", "choices": choices, "answer": LETTERS[choices.index(answer)]}
