"""The choices of a row in the ways that rows bring them, each with the label that an answer may call it by.

list        ["x", "y"]; in CSV the same as JSON                  labels A, B, ...
objects     [{"label": "A", "text": "x"}, ...]                   their own labels
lists       {"text": ["x", "y"], "label": ["A", "B"]}            their own labels
object      {"A": "x", "B": "y"}                                 their own labels
columns     A, B, C, ...                                         labels A, B, ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from qrd.published.row import Published, shown
from qrd.rows.records import LETTERS

FIELDS = ("choices", "options")
_IN_BRACKETS = re.compile(r"\(?\s*([A-Za-z])\s*[).:]?")


class Choice(NamedTuple):
    """One choice."""

    label: str
    text: str


def read(row: Published) -> list[Choice] | None:
    """The choices of a row; None where it has none.

    Raises: DataError.
    """
    field = row.first_of(*FIELDS)
    given = row.fields.get(field)
    if given in (None, "", [], {}):
        return _lettered(row)
    if isinstance(given, str):
        given = _decoded(row, field, given)
    found = _listed(given) if isinstance(given, list) else _of_object(given) if isinstance(given, Mapping) else None
    if found is None:
        expected = "a list of texts, an object of texts by their labels, or columns A, B, C without a gap"
        raise row.error(field, f"found {shown(given)}, expected {expected}")
    if len({choice.label for choice in found}) < len(found):
        raise row.error(field, f"found the labels {', '.join(choice.label for choice in found)}, expected each once")
    return found


def letter(row: Published, answer: str | int, choices: list[Choice], field: str = "answer") -> str:
    """The letter of an answer: a label, the text of one choice, or its place, 0 being the first.

    Raises: DataError where it is none, or where two readings say different choices.
    """
    said = str(answer).strip()
    by_label = {LETTERS[n] for n, choice in enumerate(choices) if choice.label == said and isinstance(answer, str)}
    by_text = {LETTERS[n] for n, choice in enumerate(choices) if choice.text.strip() == said}
    found = by_label | by_text | (_by_place(said, choices) if not by_label else set()) or _by_loose_label(said, choices)
    if len(found) == 1:
        return found.pop()
    if found:
        readings = " or ".join(sorted(found))
        raise row.problem(field, f"the letter, text or place of one choice, not what may be {readings}")
    last = LETTERS[len(choices) - 1]
    expected = f"a letter from A to {last}, the text of one choice, or its place from 0 to {len(choices) - 1}"
    raise row.problem(field, expected)


def _by_place(said: str, choices: list[Choice]) -> set[str]:
    is_place = said.isascii() and said.isdigit() and len(said) <= 2 and int(said) < len(choices)
    return {LETTERS[int(said)]} if is_place else set()


def _by_loose_label(said: str, choices: list[Choice]) -> set[str]:
    """`B` for `b`, `(B)` and `B.`, where no choice is called so itself."""
    found = _IN_BRACKETS.fullmatch(said)
    return {LETTERS[n] for n, choice in enumerate(choices) if found and choice.label == found[1].upper()}


def _listed(given: list[Any]) -> list[Choice] | None:
    if len(given) > len(LETTERS):
        return None
    if all(isinstance(item, Mapping) for item in given):
        return _whole([(item.get("label"), item.get("text")) for item in given])
    return _whole([(LETTERS[place], text) for place, text in enumerate(given)])


def _of_object(given: Mapping[str, Any]) -> list[Choice] | None:
    texts, labels = given.get("text"), given.get("label")
    if isinstance(texts, list) and isinstance(labels, list) and len(texts) == len(labels):
        return _whole(list(zip(labels, texts, strict=True)))
    if isinstance(texts, list) and labels is None:
        return _listed(texts)
    return _whole(list(given.items()))


def _whole(pairs: list[tuple[Any, Any]]) -> list[Choice] | None:
    """The choices where each has a label and a text; none of them may be empty."""
    if not pairs or len(pairs) > len(LETTERS):
        return None
    if not all(isinstance(part, str) and part.strip() for pair in pairs for part in pair):
        return None
    return [Choice(label.strip(), text) for label, text in pairs]


def _lettered(row: Published) -> list[Choice] | None:
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
    if not columns:
        return None
    found = _whole(list(zip(LETTERS, columns)))
    if found is None:
        raise row.error("choices", f"found {shown(columns)}, expected columns A, B, C without a gap")
    return found


def _decoded(row: Published, field: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise row.problem(field, "a JSON list of texts") from None
