"""What the JSON of a refusal says, wherever a server puts its words, and what kind of refusal it is."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from qrd.backends.api.refusals import Refusal, answered, unanswered

MOST_CHARS = 300
DEEPEST = 5  # no honest error nests deeper, and a hostile one must not exhaust the stack
_PLACES = (
    "error",
    "errors",
    "detail",
    "message",
    "msg",
    "error_message",
    "errorMessage",
    "error_msg",
    "error_description",
    "base_resp",
    "status_msg",
    "fault",
    "title",
    "reason",
    "description",
    "exception",
)
_NUMBERS = ("code", "status", "status_code", "statusCode", "http_status", "error_code")
# Statuses that the names of errors stand for, where a server gives a name and no number.
_NAMES = (
    (re.compile(r"rate_?limit|too_?many|throttl|quota", re.IGNORECASE), 429),
    (re.compile(r"authenticat|unauthori[sz]ed|permission|forbidden|invalid_?api_?key", re.IGNORECASE), 401),
    (re.compile(r"not_?found", re.IGNORECASE), 404),
    (re.compile(r"invalid_?request|bad_?request|unprocessable|context_?length|validation", re.IGNORECASE), 400),
)


def words_of(told: Any, depth: int = 0) -> str:
    """The words of an error in JSON, in one line; empty where it says nothing.

    Example: {"detail": [{"loc": ["body", "seed"], "msg": "extra fields not permitted"}]}, as FastAPI refuses a field,
    gives "body.seed: extra fields not permitted".
    """
    if isinstance(told, str):
        return " ".join(told.split())
    if isinstance(told, list) and depth < DEEPEST:
        return "; ".join(filter(None, (words_of(item, depth + 1) for item in told[:3])))
    if not isinstance(told, dict) or depth >= DEEPEST:
        return ""
    said = next(filter(None, (words_of(told.get(place), depth + 1) for place in _PLACES)), "")
    if isinstance(told.get("loc"), list) and said:
        return f"{'.'.join(map(str, told['loc']))}: {said}"
    code = told.get("code")
    return f"{said}{_behind(told)} ({code})" if said and isinstance(code, str) and code else said + _behind(told)


def _behind(told: Mapping[str, Any]) -> str:
    """What a router of models passes on of the provider behind it, whose words tell more than its own."""
    metadata = told.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return f": {' '.join(raw.split())}" if isinstance(raw, str) and raw.strip() else ""


def told_by(body: bytes) -> str:
    """The words in the body of a refusal: those of its JSON, else its first characters."""
    text = body[: 4 * MOST_CHARS].decode("utf-8-sig", "replace")
    try:
        found = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return " ".join(text.split())[:MOST_CHARS]
    return words_of(found) or ("" if found in ({}, [], None) else " ".join(text.split())[:MOST_CHARS])


def is_told(error: Any, depth: int = 0) -> bool:
    """Whether the value of an `error` tells of one: many servers send an empty one with every answer."""
    if isinstance(error, dict) and depth < DEEPEST:
        return any(is_told(value, depth + 1) for value in error.values())
    return error not in (None, False, "", 0, "0") and error != []


def refusal_in(body: Mapping[str, Any], error: Any) -> Refusal:
    """What an answer with a status of 200 means that tells of an `error`, which is the body itself where it is no more.

    Its work may have been done, except where it gives the status of a refusal.
    """
    said = words_of(error) or words_of(body) or f"no answer in {_shown(body)}"
    found = status_in(error) or status_in(body) or _named(error) or _named(body)
    if found is None:
        return replace(answered(500, said, {}), may_be_billed=True)
    return answered(found, said if said.startswith(str(found)) else f"{found}: {said}", {})


def no_answer(problem: str, body: Any) -> Refusal:
    """What an answer means that is none and tells of no error; it is cited."""
    return unanswered(f"{problem}: {_shown(body)}")


def _shown(body: Any) -> str:
    try:
        return msgspec.json.encode(body)[:MOST_CHARS].decode("utf-8", "replace")
    except (TypeError, ValueError, RecursionError):  # half a character, or what nests without end
        return reprlib.repr(body)


def status_in(told: Any) -> int | None:
    """The HTTP status in an error, as a number or as its digits."""
    for name in _NUMBERS if isinstance(told, dict) else ():
        found = told.get(name)
        if isinstance(found, str) and re.fullmatch("[0-9]{3}", found):
            found = int(found)
        if type(found) is int and 400 <= found < 600:
            return found
    return None


def _named(told: Any) -> int | None:
    """The status that an error's type or code stands for."""
    names = [told.get(name) for name in ("type", "code", "status")] if isinstance(told, dict) else []
    text = " ".join(name for name in names if isinstance(name, str))
    return next((status for pattern, status in _NAMES if pattern.search(text)), None)
