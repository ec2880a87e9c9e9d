"""`--column FIELD=COLUMN`: rows whose columns have other names than a form reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from qrd.errors import ConfigError, DataError
from qrd.published.row import Published, Rows

_ABSENT = object()
# What forms read, as far as their authors' names are in small letters.
FIELDS = {
    "question",
    "answer",
    "context",
    "choices",
    "options",
    "task",
    "id",
    "problem",
    "solution",
    "messages",
    "conversations",
    "prompt",
    "completion",
    "instruction",
    "input",
    "output",
}


def parsed(given: Sequence[str]) -> dict[str, str]:
    """The column of each field, for texts such as `question=prompt`.

    Raises: ConfigError.
    """
    columns: dict[str, str] = {}
    for text in given:
        field, mark, column = (part.strip() for part in text.partition("="))
        if not (field and mark and column):
            raise ConfigError(f"--column: found {text!r}, expected FIELD=COLUMN such as question=prompt")
        if field in columns:
            raise ConfigError(f"--column: {field} is given twice, as {columns[field]} and as {column}")
        columns[field] = column
    return columns


def renamed(rows: Rows, columns: Mapping[str, str]) -> Iterator[Published | DataError]:
    """The rows under the names that a form reads; a row's own column of such a name is hidden.

    Raises: ConfigError at the end where there were rows and none has one of the columns: its name is misspelt.
    """
    unseen, num_rows = dict(columns), 0
    for row in rows:
        if isinstance(row, DataError):
            yield row
            continue
        num_rows += 1
        found = {field: value_at(row.fields, column) for field, column in columns.items()}
        present = {field: value for field, value in found.items() if value is not _ABSENT}
        unseen = {field: column for field, column in unseen.items() if field not in present}
        others = {name: value for name, value in row.fields.items() if name not in columns}
        yield replace(row, fields=others | present, names={**row.names, **columns})
    if unseen and num_rows:
        told = ", ".join(f"{field}={column}" for field, column in unseen.items())
        raise ConfigError(f"--column {told}: none of {num_rows} rows has this column")


def in_small_letters(rows: Rows) -> Iterator[Published | DataError]:
    """The rows with `Question` as `question`, where a row has no field of that name; errors name the column."""
    for row in rows:
        names: dict[str, str] = {}
        if not isinstance(row, DataError):
            found = {column.strip().lower(): column for column in row.fields if isinstance(column, str)}
            names = {field: found[field] for field in FIELDS & found.keys() if field not in row.fields}
        if isinstance(row, DataError) or not names:
            yield row
        else:
            fields = {field: row.fields[column] for field, column in names.items()}
            yield replace(row, fields={**row.fields, **fields}, names=names)


def value_at(fields: Mapping[str, Any], column: str) -> Any:
    """The value of a column: its whole name first, else dots lead into objects and numbers into lists.

    Example: `data.turns.0.text` of `{"data": {"turns": [{"text": "Hi"}]}}` is `Hi`; -1 is the last of a list.
    """
    if column in fields:
        return fields[column]
    value: Any = fields
    for name in column.split("."):
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.lstrip("-").isdecimal() and -len(value) <= int(name) < len(value):
            value = value[int(name)]
        else:
            return _ABSENT
    return value
