"""Rows of `question` and `answer` that belong to no data set known here: JSONL, JSON or CSV.

`task`, `context`, `choices` or `options` (see there) and `id` are read where they are there. An answer to choices is
a label, the text of one, or its place, 0 being the first. The task is inferred only where the row leaves no doubt: it
has choices, its answer is true or false or a number in JSON, or one of the three words of nli. A text such as "12" or
"yes" may belong to several tasks.
"""

from __future__ import annotations

from qrd.config.tasks import TASKS
from qrd.published.forms import options
from qrd.published.forms.numbers import plain_number
from qrd.published.forms.options import Choice
from qrd.published.row import Published
from qrd.rows.records import Fields

NLI = ("entailment", "neutral", "contradiction")
BOOLEAN = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}


def question(row: Published, task: str | None = None) -> Fields:
    """The question of a row; `task` is that of rows that do not name theirs.

    Raises: DataError.
    """
    choices = options.read(row)
    chosen = row.maybe_text("task") or task or _inferred(row, choices)
    if chosen is None or chosen not in TASKS:
        raise row.problem("task", f"one of {', '.join(TASKS)}; --task says it for rows that do not")
    fields: Fields = {"task": chosen, "question": row.text("question"), "answer": _answer(row, chosen, choices)}
    if row.maybe_text("context"):
        fields["context"] = row.text("context")
    if choices:
        fields["choices"] = [choice.text for choice in choices]
    return fields | {"meta": {"source_id": row.source_id("id")}}


def _inferred(row: Published, choices: list[Choice] | None) -> str | None:
    answer = row.fields.get("answer")
    if choices:
        return "choice"
    if isinstance(answer, bool):
        return "boolean"
    if isinstance(answer, (int, float)):
        return "math"
    return "nli" if isinstance(answer, str) and answer.strip().lower() in NLI else None


def _answer(row: Published, task: str, choices: list[Choice] | None) -> str | None:
    """The gold answer in the form of its task; None where the row has none."""
    field = row.first_of("answer", "answerKey") if task == "choice" else "answer"
    value = row.fields.get(field)
    if value is None or value == "":
        return None
    if task == "choice":
        is_told = isinstance(value, (str, int)) and not isinstance(value, bool)
        return options.letter(row, value if is_told else row.text(field), choices or [], field)
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, (int, float)):
        text = str(value)
    else:
        text = row.text("answer")
    if task == "boolean":
        return BOOLEAN.get(text.lower(), text)
    if task == "nli":
        return text.lower()
    return (plain_number(text) or text) if task == "math" else text
