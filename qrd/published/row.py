"""One row of a foreign file, and where it stands: what every form reads from, and how its errors are worded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from qrd.errors import DataError

SHOWN_CHARS, SHOWN_COLUMNS = 60, 12


@dataclass(frozen=True)
class Published:
    """A row as its authors publish it.

    `line` is its line in a JSONL or CSV file, `place` its position in a file without lines, such as `examples[3]`;
    `key` is its name where a file is one object of rows; `names` maps fields to the columns they were read from;
    `is_table` says that the file has a header that names the columns of all rows.
    """

    fields: Mapping[str, Any]
    file: str
    line: int | None = None
    place: str = ""
    key: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    is_table: bool = False

    def problem(self, field: str, expected: str) -> DataError:
        """The error for a field (dots lead into objects) that is not what was expected."""
        value: Any = self.fields
        for name in field.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return self.error(field, f"found {shown(value)}, expected {expected}{self._columns_beside(field)}")

    def _columns_beside(self, field: str) -> str:
        """The columns of a row of CSV that lacks a field, for an error."""
        if self.line is None or field in self.fields or not self.is_table:
            return ""
        named = ", ".join(shown(name) for name in list(self.fields)[:SHOWN_COLUMNS])
        more = f" and {len(self.fields) - SHOWN_COLUMNS} more" if len(self.fields) > SHOWN_COLUMNS else ""
        return f"; the columns are {named}{more}: --column {field}=COLUMN reads one of them"

    def error(self, field: str | None, text: str) -> DataError:
        """The error of this row with a text of its own."""
        column = re.sub(r"^[^.\[]+", lambda name: self.names.get(name[0], name[0]), field or "")
        return DataError(self.file, self.line, ".".join(part for part in (self.place, column) if part) or None, text)

    def text(self, field: str) -> str:
        """A field that must be a text with something in it.

        Raises: DataError.
        """
        value = self.fields.get(field)
        if not (isinstance(value, str) and value.strip()):
            raise self.problem(field, "a text")
        return value.strip()

    def maybe_text(self, field: str) -> str | None:
        """A text that may be absent, null or empty (None).

        Raises: DataError for anything else.
        """
        return None if self.fields.get(field) in (None, "") else self.text(field)

    def first_of(self, *fields: str) -> str:
        """The first of these names that the row has, or the first name where it has none."""
        return next((field for field in fields if self.fields.get(field) is not None), fields[0])

    def source_id(self, *fields: str) -> str | None:
        """The authors' own id: a text or a number under one of these names, else the row's key."""
        value = self.fields.get(self.first_of(*fields))
        return str(value) if isinstance(value, (str, int)) and value != "" else self.key


Rows = Iterator[Published | DataError]


class Stream(Protocol):
    """What is asked of an open file."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; everything that is left for -1."""

    def read1(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`, as soon as there are some."""

    def readline(self, size: int = -1, /) -> bytes:
        """At most `size` bytes of the next line."""


def shown(value: Any) -> str:
    """A value as an error message shows it: short, on one line, "nothing" for none."""
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 3] + "..."
