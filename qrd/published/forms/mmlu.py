"""MMLU: `question`, `subject`, four `choices` and `answer`, the place of the right one from 0, or its letter.

Source: https://github.com/hendrycks/test; cais/mmlu on the hub.
"""

from __future__ import annotations

from qrd.published.forms import options
from qrd.published.row import Published
from qrd.rows.records import Fields


def question(row: Published) -> Fields:
    """The question of a row.

    Raises: DataError.
    """
    choices = options.read(row)
    if choices is None:
        raise row.problem("choices", "a list of texts")
    answer = row.fields.get("answer")
    if not isinstance(answer, (int, str)) or isinstance(answer, bool):
        raise row.problem("answer", f"the place of a choice from 0 to {len(choices) - 1}, or its letter")
    if isinstance(answer, int) and 0 <= answer < len(choices):
        answer = choices[answer].label  # of this data set a number is a place, whatever the choices are called
    return {
        "task": "choice",
        "question": row.text("question"),
        "choices": [choice.text for choice in choices],
        "answer": options.letter(row, answer, choices),
        "meta": {"source_id": row.source_id("id"), "subject": row.maybe_text("subject")},
    }
