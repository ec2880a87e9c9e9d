"""Several files as one long sequence of lines, each with a handle that stays its own when a file grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from qrd.errors import DataError
from qrd.inspection.blocks import Chunk, Lines
from qrd.inspection.kinds import checked_kind
from qrd.rows.lines import decode_object
from qrd.rows.records import Fields

FILE_BITS = 40  # a handle is file << FILE_BITS | line: 10^12 lines of each file
_MARK = b"\xef\xbb\xbf"


class Entry(NamedTuple):
    """One line, read: `problem` says why it is no whole record, and `kind` is `bad` then."""

    handle: int
    file: str
    number: int
    kind: str
    fields: Fields
    problem: str | None
    raw: bytes


class Book:
    """The lines of all files, in their order. Raises: ConfigError where a file cannot be read."""

    def __init__(self, names: Sequence[str]) -> None:
        self.files = [Lines(name) for name in names]

    def close(self) -> None:
        """Close all files."""
        for lines in self.files:
            lines.close()

    def count(self, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        """Index all files to their present ends."""
        for lines in self.files:
            lines.count(is_cancelled)

    @property
    def num_rows(self) -> int:
        """Lines known so far; a file counts once those before it are whole, so that no row moves."""
        number = 0
        for lines in self.files:
            number += lines.num_lines
            if not lines.is_whole:
                break
        return number

    @property
    def is_whole(self) -> bool:
        """Whether every file is indexed."""
        return all(lines.is_whole for lines in self.files)

    def handle(self, row: int) -> int:
        """The handle of a row, from 0."""
        for number, lines in enumerate(self.files):
            if row < lines.num_lines or not lines.is_whole:
                return number << FILE_BITS | row
            row -= lines.num_lines
        return (len(self.files) - 1) << FILE_BITS | (self.files[-1].num_lines + row)

    def row(self, handle: int) -> int:
        """The place of a handle in the whole, from 0."""
        number, line = divmod(handle, 1 << FILE_BITS)
        return sum(lines.num_lines for lines in self.files[:number]) + line

    def raw(self, handle: int) -> bytes:
        """The bytes of a line; empty where there is none any more."""
        number, line = divmod(handle, 1 << FILE_BITS)
        raw = self.files[number].line(line)
        return raw.removeprefix(_MARK) if line == 0 else raw

    def entry(self, handle: int) -> Entry:
        """A line as the record it is, or with the problem that it has."""
        number, line = divmod(handle, 1 << FILE_BITS)
        return read(handle, self.files[number].name, line + 1, self.raw(handle))

    def chunks(self, begin: int | None, step: int, is_cancelled: Callable[[], bool]) -> Iterator[tuple[int, Chunk]]:
        """(handle of the first line, lines) of each block from that of `begin` on, with step -1 backwards.

        None begins at the first block, or at the last. Waits for the index where it is not so far yet; ends when
        cancelled.
        """
        number = 0 if step > 0 else len(self.files) - 1
        line = 0 if step > 0 else None
        if begin is not None:
            number, line = divmod(begin, 1 << FILE_BITS)
        while 0 <= number < len(self.files):
            lines = self.files[number]
            for block in lines.blocks_from(line, step, is_cancelled):
                chunk = lines.chunk(block)
                yield number << FILE_BITS | chunk.first, chunk
            if is_cancelled():
                return
            number += step
            line = 0 if step > 0 else None


def read(handle: int, file: str, number: int, raw: bytes) -> Entry:
    """A line as the record it is, or with the problem that it has."""
    if not raw.strip():
        return Entry(handle, file, number, "blank", {}, None, raw)
    fields: Fields = {}
    try:
        fields = decode_object(raw, file, number)
        return Entry(handle, file, number, checked_kind(fields, file=file, line=number), fields, None, raw)
    except DataError as error:
        return Entry(handle, file, number, "bad", fields, error.problem if error.field is None else str(error), raw)


def loose(raw: bytes) -> Fields | None:
    """The fields of a line for a search, which forgives what a check does not; None where it is no JSON object."""
    try:
        fields = msgspec.json.decode(raw.removeprefix(_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None
