"""One record as text to read: a heading, then each part under its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from qrd.inspection.kinds import CHECKS, PATHS
from qrd.rows.outcomes import outcome_of
from qrd.rows.records import LETTERS, Fields

INDENT = "  "
ONE_LINE_CHARS = 80
HEADING = ("path_id", "id", "model", "teacher", "style", "sample", "task")
QUESTION = ("context", "question", "choices", "answer")
REPLY = ("response", "prediction", "correct", "finish_reason", "usage")
JUDGED = ("verdict", "verdicts", "reject_reason", "prompt")
MEASURES = {"score": "score", "first_faulty_step": "first faulty step"}


def lines(fields: Fields, kind: str) -> Iterator[str]:
    """The lines of a record that was checked as its kind; texts of models are as they were."""
    heading = [name for name in HEADING if name in fields] if kind in CHECKS else []
    yield " ".join([f"=== {kind}", *(f"{name}={_short(fields[name])}" for name in heading)])
    read = set(heading)
    if kind in CHECKS:
        yield from _question(fields)
        read |= {*QUESTION}
    if kind in CHECKS and kind != "question":
        yield from _reply(fields)
        read |= {*REPLY}
    if kind in PATHS:
        yield from _judged(fields)
        for message in fields.get("prompt") or []:  # long, and alike for many paths: what differs comes first
            yield from _part(f"prompt, {message['role']}", message["content"])
        read |= {*JUDGED}
    for name, value in fields.items():
        if name not in read and value is not None:
            yield from _part(name, _short(value))
    yield ""


def _question(fields: Fields) -> Iterator[str]:
    yield from _part("context", fields.get("context"))
    yield from _part("question", fields["question"])
    choices = fields.get("choices") or []
    yield from (f"{INDENT}{letter}. {text}" for letter, text in zip(LETTERS, choices))
    yield f"answer: {_short(fields.get('answer'))}"


def _reply(fields: Fields) -> Iterator[str]:
    yield from _part("response", fields["response"] or "(empty)")
    found, gold = fields.get("prediction"), _short(fields.get("answer"))
    yield f"prediction: {'(none)' if found is None else found}   answer: {gold}   {outcome_of(fields)}"
    for name in ("finish_reason", "usage"):
        if fields.get(name) is not None:
            yield f"{name}: {_short(fields[name])}"


def _judged(fields: Fields) -> Iterator[str]:
    if "verdict" in fields:
        yield f"verdict: {fields['verdict'] or 'not judged'}"
    for verdict in fields.get("verdicts") or []:
        more = [f", {words} {verdict[name]}" for name, words in MEASURES.items() if verdict.get(name) is not None]
        said = f"  {verdict['judge']}: {verdict['verdict']}{''.join(more)}"
        yield from _part(said, verdict.get("reason") or "(no reason)")
    if fields.get("reject_reason"):
        yield f"rejected: {fields['reject_reason']}"


def _part(name: str, text: str | None) -> Iterator[str]:
    """A part on the line of its name where it is short, else below it."""
    if text is None:
        return
    below = text.rstrip("\n").split("\n")
    if len(below) == 1 and len(below[0]) <= ONE_LINE_CHARS:
        yield f"{name}: {below[0]}"
        return
    yield f"{name}:"
    yield from (INDENT + line for line in below)


def _short(value: Any) -> str:
    """A text as it is, other values as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
