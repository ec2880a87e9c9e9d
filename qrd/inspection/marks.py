"""Rows that a person marked good or bad, in `FILE.marks.jsonl` beside the file: `qrd judge --against` reads them.

A mark is a line more: `verdict` is valid for good, invalid for bad, null for a mark that is taken back; the last line
on a row holds. It names the row by `path_id`, or by `id`, `model` and `sample`, and keeps a hash of the text that was
marked, so that it says nothing of another reply under the same name.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone

from qrd.errors import DataError
from qrd.rows.companions import MARKS
from qrd.rows.disk import DISK, Disk
from qrd.rows.lines import decode_object, numbered, open_input
from qrd.rows.records import Fields, digest
from qrd.rows.writer import Writer

GOOD, BAD = "valid", "invalid"
NAMES = ("path_id", "id", "model", "sample")
Key = tuple[str | int | None, ...]


def key_of(fields: Fields) -> Key | None:
    """What a mark names a row by; None for a row that cannot be named."""
    values = tuple(fields.get(name) for name in NAMES)
    if any(isinstance(value, (dict, list, float)) for value in values) or not (values[0] or values[1]):
        return None
    return (values[0],) if values[0] else values


def content_of(fields: Fields) -> str:
    """A hash of what was looked at: reply and gold, or the question."""
    return digest([fields.get(name) for name in ("question", "response", "answer")])


class Marks:
    """The marks on the rows of one file. Raises: DataError where the side file is damaged elsewhere than at its end."""

    def __init__(self, file: str, *, disk: Disk = DISK) -> None:
        self.name, self.disk = str(MARKS.of(file)), disk
        self._said: dict[Key, tuple[str, str]] = {}
        if os.path.exists(self.name):
            self._read()

    def __len__(self) -> int:
        return len(self._said)

    def of(self, fields: Fields) -> str | None:
        """`valid`, `invalid`, or None for a row without a mark, or whose text is another now."""
        key = key_of(fields)
        said = None if key is None else self._said.get(key)
        return said[0] if said and said[1] == content_of(fields) else None

    def put(self, fields: Fields, verdict: str | None) -> None:
        """Mark a row, or take its mark back; the line is on the disk when this returns.

        Raises: ConfigError where another process is writing the side file; StorageError.
        """
        named = {name: fields[name] for name in NAMES if fields.get(name) is not None}
        mark = {**named, "verdict": verdict, "content": content_of(fields)}
        with Writer(self.name, disk=self.disk) as writer:
            writer.write({**mark, "marked_at": datetime.now(timezone.utc).isoformat(timespec="seconds")})
        self._take(mark)

    def _read(self) -> None:
        with open_input(self.name) as stream:
            for number, raw in numbered(stream, self.name):
                try:
                    mark = decode_object(raw, self.name, number)
                except DataError:
                    if raw.endswith(b"\n"):
                        raise
                    return  # a torn last line, which the next mark will mend
                self._take(mark)

    def _take(self, mark: Fields) -> None:
        key, verdict = key_of(mark), mark.get("verdict")
        if key is None:
            return
        if verdict in (GOOD, BAD):
            self._said[key] = (verdict, str(mark.get("content")))
        else:
            self._said.pop(key, None)
