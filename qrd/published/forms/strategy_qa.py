"""StrategyQA: `question`, `answer` (true or false), `qid`, `term`, `facts`; one JSON array.

Source: https://allenai.org/data/strategyqa, strategyqa_train.json; ChilleD/StrategyQA on the hub.
"""

from __future__ import annotations

from qrd.published.row import Published
from qrd.rows.records import Fields


def question(row: Published) -> Fields:
    """The question of a row; the facts go to `meta`, since the task is to find them.

    Raises: DataError.
    """
    answer = row.fields.get("answer")
    if not isinstance(answer, bool):
        raise row.problem("answer", "true or false")
    facts = row.fields.get("facts")
    if not (facts is None or isinstance(facts, str) or _is_texts(facts)):
        raise row.problem("facts", "a list of texts")
    meta = {"source_id": row.source_id("qid", "id"), "subject": row.maybe_text("term"), "facts": facts}
    return {"task": "boolean", "question": row.text("question"), "answer": "yes" if answer else "no", "meta": meta}


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
