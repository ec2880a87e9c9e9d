"""GSM8K: `question`, and an `answer` that ends in `#### 72`.

Source: https://github.com/openai/grade-school-math, train.jsonl and test.jsonl; openai/gsm8k on the hub.
"""

from __future__ import annotations

from qrd.published.forms.numbers import plain_number
from qrd.published.row import Published
from qrd.rows.records import Fields

MARK = "####"


def question(row: Published) -> Fields:
    """The question of a row.

    Raises: DataError.
    """
    _, mark, result = row.text("answer").rpartition(MARK)
    number = plain_number(result)
    if not mark or number is None:
        raise row.problem("answer", f"a solution that ends in {MARK} and a number")
    return {
        "task": "math",
        "question": row.text("question"),
        "answer": number,
        "meta": {"source_id": row.source_id("id")},
    }
