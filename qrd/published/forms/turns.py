"""Rows of a conversation, in the four ways that such rows are written, as turns of one form.

messages            {"messages": [{"role": "user", "content": ...}, ...]}
sharegpt            {"conversations": [{"from": "human", "value": ...}, ...], "system": ...}
prompt-completion   {"prompt": text or messages, "completion": text or messages}
alpaca              {"instruction": ..., "input": ..., "output": ..., "system": ...}

A turn may name its speaker and its words either way, whatever the list is called, and roles in any capitals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from qrd.published.row import Published, shown

ROLES = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "system",
}
ROLE_KEYS, CONTENT_KEYS = ("role", "from"), ("content", "value")
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
KINDS_OF_PART = ("text", "input_text", "output_text")


class Turn(NamedTuple):
    """Who speaks (`system`, `user` or `assistant`), what, and the field of the row that says so.

    `reasoning` is what a model thought, where a turn tells it apart from what it said.
    """

    role: str
    content: str
    field: str
    reasoning: str | None = None


class Exchange(NamedTuple):
    """What comes before the last reply, and that reply (None where the row ends in a question)."""

    prompt: list[Turn]
    reply: Turn | None


def of_messages(row: Published) -> Exchange:
    """The exchange of a row of `messages`.

    Raises: DataError.
    """
    return _ending(row, _listed(row, "messages"), "messages")


def of_sharegpt(row: Published) -> Exchange:
    """The exchange of a row of `conversations`.

    Raises: DataError.
    """
    return _ending(row, _system(row) + _listed(row, "conversations"), "conversations")


def of_prompt_completion(row: Published) -> Exchange:
    """The exchange of a row of `prompt` and, where it has one, `completion`.

    Raises: DataError.
    """
    prompt = _said(row, "prompt", "user")
    completion = _said(row, "completion", "assistant") if row.fields.get("completion") not in (None, "", []) else []
    return _ending(row, prompt + completion, "prompt")


def of_alpaca(row: Published) -> Exchange:
    """The exchange of a row of `instruction`, `input` and `output`; `input` follows the instruction in one turn.

    Raises: DataError.
    """
    parts = [row.text("instruction"), row.maybe_text("input")]
    asked = Turn("user", "\n\n".join(part for part in parts if part), "instruction")
    output = row.maybe_text("output")
    return Exchange([*_system(row), asked], Turn("assistant", output, "output") if output else None)


READERS: dict[str, Callable[[Published], Exchange]] = {
    "messages": of_messages,
    "sharegpt": of_sharegpt,
    "prompt-completion": of_prompt_completion,
    "alpaca": of_alpaca,
}
MARKS = (
    ("messages", "messages"),
    ("conversations", "sharegpt"),
    ("completion", "prompt-completion"),
    ("instruction", "alpaca"),
)


# The fields that make up a row of each form.
PARTS = {
    "messages": ("messages",),
    "sharegpt": ("conversations", "system"),
    "prompt-completion": ("prompt", "completion"),
    "alpaca": ("instruction", "input", "output", "system"),
}


def form_of(fields: Mapping[str, Any]) -> str | None:
    """The name of the form that a row's fields tell; None where it is no conversation."""
    return next((form for mark, form in MARKS if mark in fields), None)


def _ending(row: Published, turns: list[Turn], field: str) -> Exchange:
    """The turns cut before the last reply; a row must ask something before that.

    Raises: DataError.
    """
    reply = turns[-1] if turns and turns[-1].role == "assistant" else None
    prompt = turns[:-1] if reply else turns
    if not prompt or prompt[-1].role != "user":
        raise row.error(field, "found no turn of a user at the end or before the last reply")
    return Exchange(prompt, reply)


def _system(row: Published) -> list[Turn]:
    given = row.fields.get("system")
    text = None if isinstance(given, str) and not given.strip() else row.maybe_text("system")
    return [Turn("system", text, "system")] if text else []


def _said(row: Published, field: str, role: str) -> list[Turn]:
    if isinstance(row.fields.get(field), list):
        return _listed(row, field)
    return [Turn(role, row.text(field), field)]


def _listed(row: Published, field: str) -> list[Turn]:
    """The turns of a list; a system turn without a text, which templates write, is none."""
    given = row.fields.get(field)
    if not isinstance(given, list) or not given:
        raise row.problem(field, "a list of turns")
    turns = (_turn(row, f"{field}[{n}]", turn) for n, turn in enumerate(given))
    return [turn for turn in turns if turn is not None]


def _turn(row: Published, place: str, turn: Any) -> Turn | None:
    if not isinstance(turn, Mapping):
        raise row.error(place, f"found {shown(turn)}, expected an object")
    order = -1 if place.startswith("conversations") else 1
    role_key, content_key = _first_of(turn, ROLE_KEYS[::order]), _first_of(turn, CONTENT_KEYS[::order])
    said = turn.get(role_key)
    role = ROLES.get(said.strip().lower()) if isinstance(said, str) else None
    if role is None:
        raise row.error(f"{place}.{role_key}", f"found {shown(said)}, expected one of {', '.join(ROLES)}")
    content = turn.get(content_key)
    if role == "system" and (content in (None, []) or (isinstance(content, str) and not content.strip())):
        return None
    return Turn(role, _content(row, f"{place}.{content_key}", content), place, reasoning_of(turn))


def reasoning_of(fields: Mapping[str, Any]) -> str | None:
    """What a model thought, where a field of its own says it."""
    said = fields.get(_first_of(fields, REASONING_KEYS))
    return said if isinstance(said, str) and said.strip() else None


def _first_of(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((name for name in names if fields.get(name) is not None), names[0])


def _content(row: Published, place: str, content: Any) -> str:
    """The text of a turn; one of parts (`[{"type": "text", "text": ...}]`) must be text alone."""
    if isinstance(content, list) and content:
        content = "".join(_part(row, place, part) for part in content)
    if isinstance(content, str) and content.strip():
        return content.strip()
    raise row.error(place, f"found {shown(content)}, expected a text")


def _part(row: Published, place: str, part: Any) -> str:
    if isinstance(part, Mapping) and part.get("type") in KINDS_OF_PART and isinstance(part.get("text"), str):
        return str(part["text"])
    raise row.error(place, f"found {shown(part)}, expected parts of text alone")
