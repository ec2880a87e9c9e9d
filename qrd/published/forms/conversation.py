"""Questions out of conversations: the last turn of the user asks, and the reply to it is the answer where it is one.

A reply that reasons is read as grading reads one: what it settles on is the answer. Where it settles on nothing, the
question has no gold answer. What was said before the last question is its context; a system prompt goes to `meta`.
"""

from __future__ import annotations

from dataclasses import replace

from qrd import answers
from qrd.published.forms import options, plain
from qrd.published.forms.turns import READERS, Exchange, Turn
from qrd.published.row import Published
from qrd.rows.records import Fields

MAX_TEXT_ANSWER_CHARS = 300  # of task text: a longer reply is reasoning, not an answer


def question(row: Published, task: str | None = None, *, form: str) -> Fields:
    """The question of a row of `form`; `task` is that of rows that do not name theirs.

    Raises: DataError.
    """
    exchange = READERS[form](row)
    asked, context = question_and_context(row, exchange, form)
    said = exchange.reply.content if exchange.reply else None
    kept = {name: row.fields.get(name) for name in ("task", *options.FIELDS, "id", "answer")}
    inner = {**kept, "question": asked, "context": context}
    if kept["answer"] is None:  # a row's own gold answer goes before what the reply says
        inner["answer"] = said if _is_nli(said) else None
    fields = plain.question(replace(row, fields=inner), task)
    if fields["answer"] is None and said is not None:
        fields["answer"] = answer_in(said, fields)
    fields["meta"] |= {"system": _system(exchange)}
    return fields


def question_and_context(row: Published, exchange: Exchange, form: str) -> tuple[str, str | None]:
    """What is asked, and what was said before that or is given with it."""
    if form == "alpaca":
        return row.text("instruction"), row.maybe_text("input")
    said = [f"{turn.role}: {turn.content}" for turn in exchange.prompt[:-1] if turn.role != "system"]
    return exchange.prompt[-1].content, "\n\n".join(said) or None


def answer_in(reply: str, fields: Fields) -> str | None:
    """The answer that a reply is or settles on, for the task of `fields`; None where it is none."""
    if fields["task"] == "text" and "\n" not in reply and len(reply) <= MAX_TEXT_ANSWER_CHARS:
        return reply
    return answers.extract(fields["task"], reply, fields.get("choices"))


def _is_nli(reply: str | None) -> bool:
    return reply is not None and reply.strip().lower() in plain.NLI


def _system(exchange: Exchange) -> str | None:
    told: list[Turn] = [turn for turn in exchange.prompt if turn.role == "system"]
    return "\n\n".join(turn.content for turn in told) or None
