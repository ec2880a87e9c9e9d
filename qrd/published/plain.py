"""Rows of `question` and `answer` that belong to no data set known here: JSONL, JSON or CSV.

`task`, `context`, `choices` (a list; in CSV a JSON list, or columns called A, B, C, ...) and `id` are read where they
are there. The task is inferred only where the row leaves no doubt: it has choices, its answer is true or false or a
number in JSON, or one of the three words of nli. A text such as "12" or "yes" may belong to several tasks.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from qrd.published.numbers import plain_number
from qrd.published.row import Published, shown
from qrd.records import LETTERS, Fields, Task

TASKS = get_args(Task)
NLI = ("entailment", "neutral", "contradiction")
BOOLEAN = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}


def question(row: Published, task: str | None = None) -> Fields:
    """The question of a row; `task` is that of rows that do not name theirs.

    Raises: DataError.
    """
    choices = _choices(row)
    chosen = row.maybe_text("task") or task or _inferred(row, choices)
    if chosen is None or chosen not in TASKS:
        raise row.problem("task", f"one of {', '.join(TASKS)}; --task says it for rows that do not")
    fields: Fields = {"task": chosen, "question": row.text("question"), "answer": _answer(row, chosen, choices)}
    if row.maybe_text("context"):
        fields["context"] = row.text("context")
    if choices:
        fields["choices"] = choices
    return fields | {"meta": {"source_id": row.source_id("id")}}


def _inferred(row: Published, choices: list[str] | None) -> str | None:
    answer = row.fields.get("answer")
    if choices:
        return "choice"
    if isinstance(answer, bool):
        return "boolean"
    if isinstance(answer, (int, float)):
        return "math"
    return "nli" if isinstance(answer, str) and answer.strip().lower() in NLI else None


def _choices(row: Published) -> list[str] | None:
    given = row.fields.get("choices")
    if given in (None, ""):
        given = _lettered(row)
    elif isinstance(given, str):
        given = _decoded(row, given)
    if given is None or (isinstance(given, list) and given and all(isinstance(c, str) and c.strip() for c in given)):
        return given
    raise row.error("choices", f"found {shown(given)}, expected a list of texts, or columns A, B, C without a gap")


def _lettered(row: Published) -> list[str | None] | None:
    """The columns A, B, C, ... without those at the end that are empty; None where there is no A.

    A column that --column reads as another field is no choice: many a file calls its two columns Q and A.
    """
    elsewhere = set(row.names.values()) - set(row.names)
    letters = [letter for letter in LETTERS if letter in row.fields and letter not in elsewhere]
    if "A" not in letters:
        return None
    columns = [row.maybe_text(letter) for letter in LETTERS[: LETTERS.index(letters[-1]) + 1]]
    while columns and columns[-1] is None:
        columns.pop()
    return columns or None


def _decoded(row: Published, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise row.problem("choices", "a JSON list of texts") from None


def _answer(row: Published, task: str, choices: list[str] | None) -> str | None:
    """The gold answer in the form of its task; None where the row has none."""
    value = row.fields.get("answer")
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, (int, float)) and task != "choice":
        text = str(value)
    else:
        text = row.text("answer")
    if task == "choice":
        return _letter(row, text, choices or [])
    if task == "boolean":
        return BOOLEAN.get(text.lower(), text)
    if task == "nli":
        return text.lower()
    return (plain_number(text) or text) if task == "math" else text


def _letter(row: Published, answer: str, choices: list[str]) -> str:
    """The letter of an answer that is a letter or the whole text of one choice.

    Raises: DataError where it is neither, or where letter and text say different choices.
    """
    by_letter = {answer} & set(LETTERS[: len(choices)])
    by_text = {LETTERS[place] for place, text in enumerate(choices[: len(LETTERS)]) if text.strip() == answer}
    found = by_letter | by_text
    if len(found) != 1:
        raise row.problem("answer", f"a letter from A to {LETTERS[len(choices) - 1]} or the text of one choice")
    return found.pop()
