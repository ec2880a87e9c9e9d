"""Answers handed over in a form of their own, as a JSON object or between tags, said as "Final answer: …" in place.

What is around them stays where it is, so that a later statement still overrides an earlier object, and the words behind
one may take it back. Nothing is evaluated: JSON is parsed, anything else is left as it stands.
"""

from __future__ import annotations

import json
import re
from typing import Any

CUE = "Final answer: "

_OBJECT = re.compile(r"\{\s{0,200}[\"'“]?[\w ./-]{1,40}[\"'”]?\s{0,3}:")
_BEFORE_OBJECT = re.compile(r"(?:^|[:=\[,(\n])[ \t]*$")
_BLANKS = 20  # that may stand before an object on its line
_PIECE = re.compile(r"\"(?:[^\"\\]|\\.)*\"?|[{}]", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:[\"\\/]|n(?!eq|abla|ot|u\b)|u[0-9a-fA-F]{4})|\\")
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")
_PYTHON = re.compile(r"\b(?:True|False|None)\b")
_PYTHON_IN_JSON = {"True": "true", "False": "false", "None": "null"}
_QUOTES = str.maketrans("'“”", '"""')
# The names that an answer goes by, the most telling first; compared without case, blanks and signs.
_KEYS = (
    ("finalanswer", "finalresult", "finalchoice", "finallabel"),
    ("answer", "correctanswer", "theanswer", "youranswer"),
    ("答案", "respuesta", "antwort", "réponse", "risposta", "resposta", "ответ"),
    ("answerchoice", "answeroption", "answerletter", "correctoption", "correctchoice", "selectedoption"),
    ("choice", "option", "letter", "label", "prediction", "verdict", "relation", "relationship", "classification"),
    ("solution", "result", "response", "output", "value", "text"),
)
_SIGNS = re.compile(r"[\W_]+")
_TAG_NAMES = r"(?:the_?|my_?)?(?:final[_ -]?)?(?:answer|ans|choice|label|solution|result)"
_TAGGED = re.compile(
    rf"(?:<{_TAG_NAMES}>|\[(?:FINAL[_ ])?ANSWER\])\s{{0,20}}((?:[^\n<]|<(?![/A-Za-z])){{0,4000}}?)\s{{0,20}}"
    rf"(?:</?{_TAG_NAMES}>|\[/?(?:FINAL[_ ])?ANSWER\]|\Z)",
    re.IGNORECASE,
)
_TAG = re.compile(rf"</?{_TAG_NAMES}>|\[/?(?:FINAL[_ ])?ANSWER\]", re.IGNORECASE)
_SENTENCE = re.compile(r" ?[A-Z]")
_SPECIAL = re.compile(r"<\|[a-z_]{1,30}\|>|</s>|<(?:end|start)_of_turn>|<eos>", re.IGNORECASE)


def opened(text: str) -> str:
    """The text with each answer in a JSON object or between tags as "Final answer: …", and no special tokens."""
    if "<" in text or "[" in text:
        text = _SPECIAL.sub("", text)
        text = _TAG.sub("", _TAGGED.sub(lambda m: _announced(m[1], text[m.end() : m.end() + 2]), text))
    return _objects_said(text) if "{" in text else text


def _announced(answer: str, rest: str) -> str:
    """The announcement of an answer, as a sentence of its own where one follows on its line."""
    if not answer.strip(" .…"):
        return ""
    return f"{CUE}{answer}." if _SENTENCE.match(rest) else f"{CUE}{answer}"


def _objects_said(text: str) -> str:
    """The text with each object that holds an answer replaced by it; one pass, up to an object that never closes."""
    parts, position = [], 0
    while match := _OBJECT.search(text, position):
        start = match.start()
        if not _BEFORE_OBJECT.search(text[max(0, start - _BLANKS) : start]):
            parts.append(text[position : start + 1])
            position = start + 1
            continue
        end = _end(text, start)
        if end is None:
            break
        answer = _answer(_parsed(text[start:end]))
        parts += [text[position:start], text[start:end] if answer is None else _announced(answer, text[end : end + 2])]
        position = end
    return "".join([*parts, text[position:]])


def _end(text: str, start: int) -> int | None:
    """Where the object that begins at `start` ends; None where it never does."""
    depth = 0
    for piece in _PIECE.finditer(text, start):
        depth += (piece[0] == "{") - (piece[0] == "}")
        if depth == 0:
            return piece.end()
    return None


def _parsed(span: str) -> Any:
    """The object of the span, None where it is none; backslashes of LaTeX in its strings are taken as meant."""
    escaped = _ESCAPE.sub(lambda m: m[0] if len(m[0]) > 1 else "\\\\", span)
    return _loaded(escaped) or _loaded(_mended(escaped))


def _mended(span: str) -> str:
    """The span with what models put into JSON made JSON: Python's quotes and constants, and commas before brackets."""
    quoted = span if '"' in span else span.translate(_QUOTES)
    return _PYTHON.sub(lambda m: _PYTHON_IN_JSON[m[0]], _TRAILING_COMMA.sub("", quoted))


def _loaded(span: str) -> Any:
    try:  # numbers stay as they are written: 0.50 is not to lose its zero, nor a long one its digits
        return json.loads(span, strict=False, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _answer(found: Any) -> str | None:
    """What the most telling name of an object holds, or of the objects within it; None without such a name."""
    if not isinstance(found, dict):
        return None
    named = {_SIGNS.sub("", str(key)).casefold(): value for key, value in found.items()}
    for names in _KEYS:
        for name in names:
            if name in named:
                return _said(named[name])
    within = [answer for value in found.values() if (answer := _answer(value)) is not None]
    return within[-1] if within else None


def _said(value: Any) -> str:
    """A value in words: several as "B and C", an object by its own answer, nothing as ""."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return " and ".join(_said(one) for one in value)
        case dict():
            return _answer(value) or ""
    return " ".join(str(value).split())
