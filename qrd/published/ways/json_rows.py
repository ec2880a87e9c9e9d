"""Rows of JSONL, and of one JSON value: an array, `{"examples": [...]}`, an object of rows, or a single row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonlines
import msgspec

from qrd.errors import DataError
from qrd.masking import one_line
from qrd.published.row import Published, Rows, Stream, shown
from qrd.rows.lines import decode_object, numbered, refuse_double_keys
from qrd.rows.records import Fields

BOM = b"\xef\xbb\xbf"


def lines(stream: Stream, file: str) -> Rows:
    """The rows of JSONL."""
    number = 0

    def raw_lines() -> Iterator[bytes]:
        nonlocal number
        for at, raw in numbered(stream, file):
            number = at
            yield raw

    def decoded(text: str | bytes) -> Fields:
        return decode_object(text.encode() if isinstance(text, str) else text, file, number)

    reader = jsonlines.Reader(raw_lines(), loads=decoded)
    while True:
        try:
            yield Published(reader.read(type=dict, skip_empty=True), file, number)
        except EOFError:
            return
        except DataError as error:
            yield error
        except jsonlines.InvalidLineError as error:
            yield DataError(file, number, None, one_line(error).partition(" (line ")[0])


def whole(stream: Stream, file: str) -> Rows:
    """The rows of one JSON value, which is read into memory."""
    data = stream.read().removeprefix(BOM)
    try:
        value = msgspec.json.decode(data)
        refuse_double_keys(data, file, None)
    except (msgspec.DecodeError, RecursionError) as error:
        yield DataError(file, None, None, f"not JSON: {one_line(error)}")
        return
    except DataError as error:
        yield error
        return
    for place, key, fields in _held(value) or [("", None, value)]:
        if isinstance(fields, dict):
            yield Published(fields, file, place=place, key=key)
        else:
            yield DataError(file, None, place or None, f"found {shown(fields)}, expected an object")


def is_row(line: bytes) -> bool:
    """Whether a line is one whole object that is a row, and not an object of rows."""
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(value, dict) and _held(value) is None


def _held(value: Any) -> list[tuple[str, str | None, Any]] | None:
    """(place, key, row) of each row in a value; None for a single row."""
    if isinstance(value, list):
        return [(f"[{position}]", None, row) for position, row in enumerate(value)]
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("examples"), list):
        return [(f"examples[{position}]", None, row) for position, row in enumerate(value["examples"])]
    if value and all(isinstance(row, dict) for row in value.values()):
        return [(f"[{key!r}]", key, row) for key, row in value.items()]
    return None
