"""An answer read out of the JSON that a server gave with a status of 200, in whatever shape, or why it is none.

Servers speak OpenAI's protocol nearly. Some give the text as a list of parts, some the reasoning in a field of its own
or alone, some an error where the answer should be. What is an answer in another shape is read; what is none is a call
that failed, and is not taken for a reply of no words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qrd.backends.api.client import Answer
from qrd.backends.api.refusals import CallFailed
from qrd.backends.api.words import DEEPEST, is_told, no_answer, refusal_in, status_in
from qrd.rows.records import WHOLE_ENDS, ending_of

MOST_TOKENS = 2**40  # what is past it is no count; nor is true, which is an int to Python and none to a record
_COUNTS = (("prompt_tokens", "input_tokens", "prompt_eval_count"), ("completion_tokens", "output_tokens", "eval_count"))
_WRAPS = ("data", "result", "response", "body", "output")
_TEXTS = ("content", "text", "output_text", "generated_text", "completion", "response", "value")
_THOUGHTS = (
    "reasoning_content",
    "reasoning",
    "thinking",
    "reasoning_text",
    "thoughts",
    "reasoning_details",
    "thinking_blocks",
)
_ENDS = (
    "finish_reason",
    "stop_reason",
    "finishReason",
    "done_reason",
    "finish_details",
    "incomplete_details",
    "status",
)
_IS_THOUGHT = re.compile(r"think|thought|reason|summary", re.IGNORECASE)
_IS_TOOL = re.compile(r"tool|function", re.IGNORECASE)
_IS_ERROR = re.compile(r"error|failed", re.IGNORECASE)

Json = Mapping[str, Any]


@dataclass
class Said:
    """What a message holds. `is_there`: it has a text, which may be an empty one."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    has_tool: bool = False
    is_there: bool = False


def answer_of(completion: Any) -> Answer:
    """The answer in the JSON of a completion.

    Raises: CallFailed where it is none, with the server's own words.
    """
    body = completion[0] if isinstance(completion, list) and len(completion) == 1 else completion
    if not isinstance(body, dict):
        raise CallFailed(no_answer("the answer is no JSON object", body))
    if is_told(body.get("error")) or body.get("object") == "error" or body.get("type") == "error":
        raise CallFailed(refusal_in(body, body.get("error")))
    choice = _choice(body)
    if choice is None:
        raise CallFailed(refusal_in(body, body))
    message, told = _message(choice), _told_ending(choice, body)
    error = next(filter(is_told, (place.get("error") for place in (choice, message, _extra(choice)))), None)
    if error or _IS_ERROR.search(told or ""):
        raise CallFailed(refusal_in(body, error or choice))
    return _answer(_said(message, choice), _ending(told), _counts(body, choice), choice)


def _answer(said: Said, ending: str | None, counts: tuple[int | None, int | None], choice: Json) -> Answer:
    """The answer that a message makes; one without any words has to say why it has none."""
    kind = ending_of(ending)
    text, thought = "".join(said.texts), "\n".join(said.thoughts)
    if not text.strip() and said.refusals:
        return Answer("".join(said.refusals), "content_filter", *counts, thought or None)
    if not text.strip() and thought and kind not in ("cut", "refused"):
        return Answer(thought, ending, *counts)  # a server whose parser took all for reasoning: the answer is in there
    is_explained = kind in ("cut", "refused") or said.has_tool
    if not (said.is_there or is_explained):
        raise CallFailed(no_answer("an answer without content", choice))
    return Answer(text if said.is_there else None, ending, *counts, thought or None)


def _choice(body: Json, depth: int = 0) -> Json | None:
    """The part of a body that holds one message and its ending; None where nothing looks like one."""
    for name in ("choices", "candidates"):
        if name in body:
            found = body[name]
            found = [found] if isinstance(found, dict) else found
            first = found[0] if isinstance(found, list) and found else None
            first = {"text": first} if isinstance(first, str) else first
            return first if isinstance(first, dict) else None
    for name in _WRAPS:
        inner = body.get(name)
        if isinstance(inner, dict) and depth < DEEPEST and (found := _choice(inner, depth + 1)) is not None:
            return found
    items = body.get("output")
    if isinstance(items, list) and items:  # OpenAI's Responses
        return {**body, "message": {"content": items}}
    if isinstance(body.get("message"), dict):
        return body
    if status_in(body) or body.get("success") is False:
        return None  # the words of a refusal may stand in a field of any name
    return body if any(isinstance(body.get(name), (str, list)) for name in _TEXTS) else None


def _said(message: Json, choice: Json) -> Said:
    """What the message of a choice says, by all of the fields in use for it."""
    said = Said()
    for source in (message, choice):
        if not said.is_there:
            _take_text(source, said)
    _take(next(filter(is_told, (message.get(name) for name in _THOUGHTS)), None), said.thoughts)
    _take(message.get("refusal") or _extra(message).get("refusal"), said.refusals)
    said.has_tool |= any(map(is_told, (message.get("tool_calls"), message.get("function_call"))))
    return said


def _message(choice: Json) -> Json:
    for name in ("message", "delta", "messages", "content"):
        found = choice.get(name)
        found = found[-1] if name == "messages" and isinstance(found, list) and found else found
        if isinstance(found, str):
            return {"content": found}
        if isinstance(found, dict):
            return {"content": found["parts"], **found} if "parts" in found else found
    return choice


def _take_text(source: Json, said: Said) -> None:
    """Take the first text of a message that is there, and in lists of parts whatever they hold."""
    for name in _TEXTS:
        found = source.get(name)
        if isinstance(found, str):
            said.texts.append(found)
            said.is_there = True
            return
        if isinstance(found, (list, dict)) and found:
            for part in found if isinstance(found, list) else [found]:
                _take_part(part, said, 0)
            return


def _take_part(part: Any, said: Said, depth: int) -> None:
    """Sort one part of a content to what it is."""
    if isinstance(part, str):
        part = {"text": part}
    if not isinstance(part, dict) or depth > DEEPEST:
        return
    kind = part["type"] if isinstance(part.get("type"), str) else ""
    if _IS_TOOL.search(kind):
        said.has_tool = True
    elif kind == "refusal":
        _take(part.get("refusal"), said.refusals)
    elif part.get("thought") is True or _IS_THOUGHT.search(kind):
        _take(part, said.thoughts)
    elif isinstance(part.get("content"), list):
        for inner in part["content"]:
            _take_part(inner, said, depth + 1)
    elif texts := list(_strings(part, 0)):
        said.texts += texts
        said.is_there = True


def _take(found: Any, into: list[str]) -> None:
    into += [text for text in _strings(found, 0) if text.strip()]


def _strings(found: Any, depth: int) -> Iterator[str]:
    """The texts in a part, or in a list of them, whatever field they stand in."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, list) and depth <= DEEPEST:
        for item in found:
            yield from _strings(item, depth + 1)
    elif isinstance(found, dict) and depth <= DEEPEST:
        names = (name for name in (*_TEXTS, *_THOUGHTS, "summary") if found.get(name) is not None)
        yield from _strings(found.get(next(names, "")), depth + 1)


def _told_ending(choice: Json, body: Json) -> str | None:
    """Why the text ended, as it came; litellm writes `stop` for what it does not know, and what came beside it."""
    told = [
        _extra(choice).get("native_finish_reason"),
        *(choice.get(name) for name in _ENDS),
        *map(body.get, _ENDS[1:]),
    ]
    texts = (item.get("type") or item.get("reason") if isinstance(item, dict) else item for item in told)
    return next((text.strip() for text in texts if isinstance(text, str) and text.strip()), None)


def _ending(told: str | None) -> str | None:
    """`stop`, `length` or `content_filter` for what is known to mean these, else what was told."""
    if told is None or told in WHOLE_ENDS:
        return told
    return {"whole": "stop", "cut": "length", "refused": "content_filter"}.get(ending_of(told), told)


def _extra(value: Json) -> Json:
    """What litellm found beside the fields that it knows."""
    found = value.get("provider_specific_fields")
    return found if isinstance(found, dict) else {}


def _counts(body: Json, choice: Json) -> tuple[int | None, int | None]:
    """Tokens of prompt and reply; None for what is no count."""
    usages = (place.get("usage") for place in (body, choice))
    places = (*(usage for usage in usages if isinstance(usage, dict)), body)
    prompt, reply = (_count(places, names) for names in _COUNTS)
    return prompt, reply


def _count(places: tuple[Json, ...], names: tuple[str, ...]) -> int | None:
    told = (place.get(name) for place in places for name in names)
    return next((n for n in told if type(n) is int and 0 <= n <= MOST_TOKENS), None)
